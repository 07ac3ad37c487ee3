"""The builder of masked lists: folds, labels and order stay; every pair keeps its kind's rule; nothing but the mask is
touched; and what is written reads as MLFW's own layout."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import UserFault
from viot_agent.media.types import Image
from viot_tools.faces.detect import Face
from viot_tools.masks import mlfw
from viot_tools.masks.face import CANONICAL
from viot_tools.masks.mlfw import KINDS, Worn, by_kind, check, dress, landmarks_of, plan, write
from viot_tools.masks.render import mask_face
from viot_tools.masks.templates import TEMPLATES
from viot_tools.verification import layouts
from viot_tools.verification.align import SIDE, AlignedSet
from viot_tools.verification.layouts import Pair, PairSet

FEW = ("surgical-white", "black-cloth", "cloth-red")
POINTS = (CANONICAL * 35.2 + (55.9, 51.6)).astype(np.float32)


class Middle:
    """Finds the landmarks of every aligned face where they are on the average one."""

    def points(self, image: Image, face: Face) -> np.ndarray:
        assert image.shape == (SIDE, SIDE, 3) and face.landmarks.shape == (5, 2)
        return POINTS


def a_list(folds: int, each: int) -> tuple[Pair, ...]:
    out = []
    for k in range(folds):
        for i in range(each):
            a, b = f"Ann_{k}x{i}", f"Bob_{k}x{i}"
            out.append(Pair(f"{a}/{a}_0001.jpg", f"{a}/{a}_0002.jpg", True, k, a, a))
            out.append(Pair(f"{a}/{a}_0001.jpg", f"{b}/{b}_0001.jpg", False, k, a, b))
    return tuple(out)


def a_set(folds: int = 10, each: int = 3) -> tuple[PairSet, AlignedSet]:
    found = PairSet("some", Path("nowhere"), a_list(folds, each))
    rng = np.random.default_rng(0)
    n = len(found.pictures)
    # soft noise: a face needs some light to be read, not to be a face
    faces = rng.integers(90, 170, (n, 14, 14, 3)).repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    return found, AlignedSet(found.pictures, faces, np.ones(n, bool))


def rule_holds(made: mlfw.MaskedPair) -> bool:
    worn = (made.left.template, made.right.template)
    if made.kind == "one-masked":
        return sum(map(bool, worn)) == 1
    if made.kind == "same-different-masks":
        return made.pair.same and all(worn) and worn[0] != worn[1]
    return not made.pair.same and bool(worn[0]) and worn[0] == worn[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 10), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**31))
def test_folds_labels_and_rules(folds: int, each: int, share: float, seed: int) -> None:
    given_pairs = a_list(folds, each)
    made = plan(given_pairs, seed, share)
    assert tuple(m.pair for m in made) == given_pairs
    assert all(rule_holds(m) for m in made)
    alone = Counter((m.pair.fold, m.pair.same) for m in made if m.kind == "one-masked")
    assert {alone[k, s] for k in range(folds) for s in (True, False)} == {round(share * each)}
    assert plan(given_pairs, seed, share) == made


def test_the_seed_decides_and_both_sides_are_bared() -> None:
    given_pairs = a_list(10, 12)
    first, other = plan(given_pairs, 1), plan(given_pairs, 2)
    assert first != other
    bare = Counter("left" if not m.left.template else "right" for m in first if m.kind == "one-masked")
    assert min(bare["left"], bare["right"]) > 20
    assert len({m.left.template for m in first}) > len(TEMPLATES) // 2
    assert len({m.right.seed for m in first if m.kind == "different-same-mask"}) == 80  # the same mask sits anew


def test_templates_can_be_chosen() -> None:
    made = plan(a_list(2, 4), 0, 0.5, ["surgical-blue", "n95-white"])
    assert {w.template for m in made for w in (m.left, m.right)} == {"", "surgical-blue", "n95-white"}


@pytest.mark.parametrize(
    ("share", "templates", "said"),
    [
        (1.5, None, "makes no sense"),
        (0.5, ["surgical-blue"], "two templates"),
        (0.5, ["veil", "hat"], "no mask 'veil'"),
    ],
)
def test_plans_that_cannot_be(share: float, templates: list[str] | None, said: str) -> None:
    with pytest.raises(UserFault, match=said):
        plan(a_list(1, 1), 0, share, templates)


@pytest.mark.parametrize("template", ["surgical-blue", "black-sport", "n95-valve"])
def test_pixels_outside_alpha_are_untouched(template: str) -> None:
    _, aligned = a_set(1, 1)
    face = aligned.faces[0]
    made, again = dress(face, POINTS, Worn(template, 5)), mask_face(face, POINTS, template, 5)
    assert (made == again.image).all()
    outside = again.alpha == 0
    assert 0.2 < outside.mean() < 0.9 and (made[outside] == face[outside]).all()
    assert (made[again.alpha > 0.9] != face[again.alpha > 0.9]).any(axis=-1).mean() > 0.9
    assert dress(face, POINTS, Worn("", 0)) is face


def test_landmarks_of_a_face_that_was_not_found_are_nan() -> None:
    _, aligned = a_set(1, 1)
    lost = AlignedSet(aligned.pictures, aligned.faces, np.array([True, False, True]))
    points = landmarks_of(lost, Middle())
    assert np.isnan(points[1]).all() and (points[0] == POINTS).all()


def test_what_is_written_reads_as_mlfw(tmp_path: Path) -> None:
    found, aligned = a_set(10, 2)
    points = landmarks_of(aligned, Middle())
    made = write(found, aligned, points, tmp_path / "out", seed=3, source="test", templates=FEW)
    assert check(tmp_path / "out") == []
    again = layouts.read("mlfw", tmp_path / "out")
    assert again.root == tmp_path / "out" / "aligned" and layouts.check(again) == []
    assert [(p.same, p.fold) for p in again.pairs] == [(p.same, p.fold) for p in found.pairs]
    assert [(p.left_who, p.right_who) for p in again.pairs] == [(p.left_who, p.right_who) for p in found.pairs]
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert about["seed"] == 3 and about["source"] == "test" and sum(about["kinds"].values()) == 40
    row = about["pairs"][0]
    assert row["kind"] == made[0].kind and row["wears"][0] == {
        "template": made[0].left.template,
        "seed": made[0].left.seed,
    }
    # a bare side is the aligned face itself; a masked one is what render makes of it
    import cv2

    for m, pair in zip(made, again.pairs, strict=True):
        for name, picture, worn in ((pair.left, m.pair.left, m.left), (pair.right, m.pair.right, m.right)):
            i = aligned.rows([picture])[0]
            shown = cv2.imread(str(again.root / name))[:, :, ::-1]
            assert (shown == dress(aligned.faces[i], POINTS, worn)).all()


def test_broken_folders_are_noticed(tmp_path: Path) -> None:
    found, aligned = a_set(10, 1)
    write(found, aligned, landmarks_of(aligned, Middle()), tmp_path / "out", one_masked=0.0, templates=FEW)
    path = tmp_path / "out" / "manifest.json"
    about = json.loads(path.read_text())
    about["pairs"][0]["wears"][1]["template"] = about["pairs"][0]["wears"][0]["template"]
    about["pairs"][3]["wears"][0]["template"] = ""
    path.write_text(json.dumps(about))
    assert check(tmp_path / "out") == ["pair 1 is not same-different-masks", "pair 4 is not different-same-mask"]
    about["pairs"][3]["same"] = True
    path.write_text(json.dumps(about))
    assert check(tmp_path / "out") == ["pairs.txt and manifest.json are two lists"]
    path.unlink()
    assert check(tmp_path / "out") == [f"there is no {path}"]


def test_folds_of_a_list_that_is_not_even(tmp_path: Path) -> None:
    found, aligned = a_set(3, 2)
    write(found, aligned, landmarks_of(aligned, Middle()), tmp_path / "out", templates=FEW)
    assert check(tmp_path / "out") == []
    rows = json.loads((tmp_path / "out" / "manifest.json").read_text())["pairs"]
    again = mlfw.with_folds(layouts.read("mlfw", tmp_path / "out"), [r["fold"] for r in rows])
    assert [p.fold for p in again.pairs] == [p.fold for p in found.pairs]


def test_nothing_is_overwritten_and_nothing_left_out(tmp_path: Path) -> None:
    found, aligned = a_set(2, 1)
    points = landmarks_of(aligned, Middle())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(UserFault, match="is there already"):
        write(found, aligned, points, tmp_path / "full")
    (tmp_path / "file").touch()
    with pytest.raises(UserFault, match=r"cannot be made: .*--out"):
        write(found, aligned, points, tmp_path / "file" / "new")
    lost = AlignedSet(aligned.pictures, aligned.faces, np.arange(len(aligned.pictures)) > 0)
    with pytest.raises(UserFault, match=r"no face was found in 1 of 6 pictures, such as Ann_0x0/Ann_0x0_0001\.jpg"):
        write(found, lost, points, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("picture", "flat"),
    [
        ("Ann_Lee/Ann_Lee_0002.jpg", "Ann_Lee_0002"),
        ("s1/3.pgm", "s1_3"),
        ("img 5.jpg", "img_5"),
        ("a/b/c.png", "a_b_c"),
    ],
)
def test_one_folder_without_blanks(picture: str, flat: str) -> None:
    assert mlfw._flat(picture) == flat


def test_no_two_pictures_share_a_file(tmp_path: Path) -> None:
    """Folders and blanks become one line: names that then agree, also but for their case, are told apart."""
    pictures = ("a_b/1.jpg", "a/b_1.jpg", "A_b/1.jpg", "x/x 1.png", "x/x_1.png", "x/x_1.jpg", "x/x_1_00001.jpg")
    rng = np.random.default_rng(1)
    faces = rng.integers(90, 170, (len(pictures), 14, 14, 3)).repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    aligned = AlignedSet(pictures, faces, np.ones(len(pictures), bool))
    listed = [Pair(a, b, a == b, 0) for a in pictures for b in pictures]
    made = write(PairSet("some", tmp_path, tuple(listed)), aligned, landmarks_of(aligned, Middle()), tmp_path / "out",
                 templates=FEW)  # fmt: skip
    import cv2

    rows = json.loads((tmp_path / "out" / "manifest.json").read_text())["pairs"]
    shown: dict[str, tuple[str, str, int]] = {}
    for m, row in zip(made, rows, strict=True):
        for name, picture, worn in ((row["left"], m.pair.left, m.left), (row["right"], m.pair.right, m.right)):
            what = (picture, worn.template, worn.seed)
            assert shown.setdefault(name.casefold(), what) == what
            image = cv2.imread(str(tmp_path / "out" / "aligned" / name))[:, :, ::-1]
            assert (image == dress(aligned.faces[aligned.rows([picture])[0]], POINTS, worn)).all()
    assert len(list((tmp_path / "out" / "aligned").iterdir())) == len(shown)


def test_the_report_by_kind() -> None:
    made = plan(a_list(2, 3), 0, 1 / 3)
    right = np.array([m.kind != "different-same-mask" for m in made])
    assert [(r.kind, r.pairs, r.accuracy) for r in by_kind(made, right)] == [
        (KINDS[0], 4, 1.0),
        (KINDS[1], 4, 0.0),
        (KINDS[2], 4, 1.0),
    ]


def test_the_command_says_what_is_wrong(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mlfw.main([str(tmp_path / "absent"), "--layout", "lfw", "--out", str(tmp_path / "out")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    # before any picture is looked for: the folder that is not there would be the first complaint else
    assert mlfw.main([str(tmp_path / "absent"), "--out", str(tmp_path / "out"), "--seed", "-1"]) == 2
    assert "the seed is -1" in capsys.readouterr().err
    (tmp_path / "nobody").mkdir()
    assert mlfw.main([str(tmp_path / "nobody"), "--out", str(tmp_path / "out")]) == 2
    assert "holds no people" in capsys.readouterr().err
    (tmp_path / "out").touch()
    assert mlfw.main([str(tmp_path / "absent"), "--out", str(tmp_path / "out")]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.real
@pytest.mark.slow
def test_a_real_set(tmp_path: Path, home: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared / "faces" / "lfw_10x10"
    if not folder.is_dir():
        pytest.skip(f"no faces at {folder}")
    small = tmp_path / "few"
    for person in sorted(folder.iterdir())[:4]:
        (small / person.name).mkdir(parents=True)
        for path in sorted(person.iterdir())[:3]:
            (small / person.name / path.name).write_bytes(path.read_bytes())
    assert mlfw.main([str(small), "--out", str(tmp_path / "out")]) == 0
    assert "24 pairs, 8 same-different-masks, 8 different-same-mask, 8 one-masked" in capsys.readouterr().out
    assert check(tmp_path / "out") == []
