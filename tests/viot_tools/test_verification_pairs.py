"""Pair lists drawn from folders: seeded, balanced, folds that share nobody where there are people enough."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.verification import pairs as lists
from viot_tools.verification.layouts import check
from viot_tools.verification.pairs import all_pairs, build, disjoint, main, read, read_people, sets, write


def folder(tmp_path: Path, people: int, pictures: int, name: str = "some") -> Path:
    for i in range(people):
        for k in range(pictures):
            path = tmp_path / "faces" / name / f"p{i:02d}" / f"{k}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path / "faces" / name


def test_folds_share_nobody_where_there_are_people_enough(tmp_path: Path) -> None:
    people = read_people(folder(tmp_path, 30, 4))
    made = build(people, 0)
    assert disjoint(people) and check(made) == []
    inside = [{w for p in made.pairs if p.fold == k for w in (p.left_who, p.right_who)} for k in range(10)]
    assert all(not inside[a] & inside[b] for a in range(10) for b in range(a))
    assert Counter((p.fold, p.same) for p in made.pairs) == {(k, s): 18 for k in range(10) for s in (True, False)}


def test_with_few_people_the_other_side_may_be_anybody(tmp_path: Path) -> None:
    people = read_people(folder(tmp_path, 10, 10))
    made = build(people, 0)
    assert not disjoint(people) and check(made) == []
    lead = [{p.left_who for p in made.pairs if p.fold == k} for k in range(10)]
    assert all(len(who) == 1 for who in lead) and len(set.union(*lead)) == 10
    assert all((p.left_who == p.right_who) == p.same for p in made.pairs)


def test_no_pair_stands_there_twice(tmp_path: Path) -> None:
    made = build(read_people(folder(tmp_path, 10, 3)), 0)
    assert len({frozenset((p.left, p.right)) for p in made.pairs}) == len(made.pairs)


def test_the_seed_decides(tmp_path: Path) -> None:
    people = read_people(folder(tmp_path, 12, 5))
    assert build(people, 1).pairs == build(people, 1).pairs != build(people, 2).pairs


def test_genuine_pairs_take_turns(tmp_path: Path) -> None:
    root = folder(tmp_path, 40, 2)
    for k in range(2, 30):
        (root / "p00" / f"{k}.jpg").touch()
    made = build(read_people(root), 0)
    count = Counter(p.left_who for p in made.pairs if p.same)
    assert set(count) == {f"p{i:02d}" for i in range(40)}


def test_a_table_of_pairs_groups_people(tmp_path: Path) -> None:
    rows = ["file_x,file_y,Decision", "b.jpg,a.jpg,Yes", "b.jpg,c.jpg,Yes", "d.jpg,e.jpg,Yes", "c.jpg,d.jpg,No"]
    rows += ["f.jpg,g.jpg,Yes", "gone.jpg,f.jpg,Yes"]
    (tmp_path / "master.csv").write_text("\n".join(rows) + "\n")
    for name in "abcdefg":
        (tmp_path / f"{name}.jpg").touch()
    people = read_people(tmp_path)
    assert people.pictures == {"a": ("a.jpg", "b.jpg", "c.jpg"), "d": ("d.jpg", "e.jpg"), "f": ("f.jpg", "g.jpg")}
    # nothing says that f is not a: they make no pair
    assert people.strangers("a", "d") and not people.strangers("a", "f") and not people.strangers("a", "a")
    made = build(people, 0)
    assert {frozenset((p.left_who, p.right_who)) for p in made.pairs if not p.same} == {frozenset("ad")}
    left, _ = all_pairs(people, list(people.owner))
    assert len(left) == 3 + 1 + 1 + 3 * 2


def test_a_table_that_contradicts_itself(tmp_path: Path) -> None:
    (tmp_path / "master.csv").write_text("file_x,file_y,Decision\na.jpg,b.jpg,Yes\nb.jpg,a.jpg,No\n")
    with pytest.raises(UserFault, match="one person and two"):
        read_people(tmp_path)
    (tmp_path / "master.csv").write_text("x,y\n1,2\n")
    with pytest.raises(UserFault, match="has not the columns"):
        read_people(tmp_path)


def test_flat_sets_name_people_as_lfw_does(tmp_path: Path) -> None:
    root = tmp_path / "faces" / "flat"
    root.mkdir(parents=True)
    for name in ("Ann_Lee_0001.jpg", "Ann_Lee_0002.jpg", "Bo_0001.png", "group.jpg", "notes.txt"):
        (root / name).touch()
    (tmp_path / "faces" / "groups").mkdir()
    found, left = sets(tmp_path)
    assert [p.name for p in found] == ["flat"] and dict(found[0].pictures) == {
        "Ann_Lee": ("Ann_Lee_0001.jpg", "Ann_Lee_0002.jpg"),
        "Bo": ("Bo_0001.png",),
    }
    assert left == ["faces/groups: its names do not say who is on two pictures"]
    assert sets(tmp_path / "nowhere") == ([], [f"there is no folder {tmp_path / 'nowhere' / 'faces'}"])


def test_too_few_people(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="at least two people"):
        build(read_people(folder(tmp_path, 1, 5)), 0)


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = build(read_people(folder(tmp_path, 12, 3)), 0)
    write(made, tmp_path / "some.txt", ("seed: 0",))
    again = read(tmp_path / "some.txt", made.root)
    assert again == made and (tmp_path / "some.txt").read_text().startswith("# seed: 0\n")


@pytest.mark.parametrize("text", ["", "# nothing\n", "0\ta\tb\t1\n", "x\ta\tb\t1\tA\tA\n", "0\ta\tb\t2\tA\tA\n"])
def test_a_file_that_is_no_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(UserFault):
        read(tmp_path / "x.txt", tmp_path)
    with pytest.raises(UserFault, match="there is no pair list"):
        read(tmp_path / "absent.txt", tmp_path)


def test_the_command_writes_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder(tmp_path, 12, 3)
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--seed", "3"]) == 0
    assert read(tmp_path / "out" / "some.txt", root) == build(read_people(root), 3)
    assert "pairs of 12 people" in capsys.readouterr().out


@pytest.mark.real
def test_the_committed_lists_are_what_the_command_writes(shared: Path) -> None:
    found, _ = sets(shared)
    committed = {p.stem for p in lists.LISTS.glob("*.txt")}
    assert committed == {p.name for p in found}
    for people in found:
        assert read(lists.LISTS / f"{people.name}.txt", people.root) == build(people, 0)
        assert lists.pair_list(people)[1].startswith(f"{people.name}: datasets/faces/pairs/")


def test_rows_of_all_pairs_are_upper_triangles(tmp_path: Path) -> None:
    people = read_people(folder(tmp_path, 3, 2))
    left, right = all_pairs(people, list(people.owner))
    assert len(left) == 15 and (np.asarray(left) < np.asarray(right)).all()
