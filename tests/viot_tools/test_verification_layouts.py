"""Every published layout from its fixture (lists without pictures), and what is said of broken ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.verification import layouts
from viot_tools.verification.layouts import LAYOUTS, PairSet, check, read

FIXTURES = Path(__file__).resolve().parents[2] / "datasets" / "faces" / "fixtures"
WHERE = {"cfp-fp": "Data/Images", "mlfw": "aligned", "agedb-30": "imgs", "lfw": "lfw", "talfw": "lfw_align_112"}


def unpacked(name: str, tmp_path: Path) -> Path:
    """A release: the fixture's lists, and an empty file where each picture belongs."""
    folder = tmp_path / name
    shutil.copytree(FIXTURES / ("lfw" if name == "talfw" else name), folder)
    for pair in LAYOUTS[name](folder):
        for picture in (pair.left, pair.right):
            path = folder / WHERE.get(name, "") / picture
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_every_layout(name: str, tmp_path: Path) -> None:
    folder = unpacked(name, tmp_path)
    found = read(name, folder)
    folds = 2 if name in ("lfw", "talfw") else 10
    assert check(found, folds) == []
    assert found.root == folder / WHERE.get(name, "") and not found.missing()
    assert sum(p.same for p in found.pairs) * 2 == len(found.pairs)
    assert all((p.left_who == p.right_who) == p.same for p in found.pairs if p.left_who)
    assert [p.fold for p in found.pairs] == sorted(p.fold for p in found.pairs)


def test_names_and_numbers_of_lfw(tmp_path: Path) -> None:
    pairs = read("lfw", unpacked("lfw", tmp_path)).pairs
    assert (pairs[1].left, pairs[1].right) == ("Bob_Two/Bob_Two_0001.jpg", "Bob_Two/Bob_Two_0010.jpg")
    assert (pairs[3].left_who, pairs[3].right_who, pairs[3].fold) == ("Bob_Two", "Ann_One", 0)


def test_blocks_of_calfw_are_dealt_to_folds(tmp_path: Path) -> None:
    pairs = read("calfw", unpacked("calfw", tmp_path)).pairs
    assert [(p.same, p.fold) for p in pairs[:4]] == [(True, 0), (False, 0), (True, 1), (False, 1)]
    assert pairs[0].left == "Person_A0_0001.jpg" and pairs[0].left_who == "Person_A0"


def test_cfp_pairs_a_front_with_a_profile(tmp_path: Path) -> None:
    pairs = read("cfp-fp", unpacked("cfp-fp", tmp_path)).pairs
    assert (pairs[0].left, pairs[0].right) == ("001/frontal/01.jpg", "001/profile/01.jpg")
    assert (pairs[1].left, pairs[1].right, pairs[1].same) == ("001/frontal/01.jpg", "002/profile/01.jpg", False)


def test_the_official_list_of_lfw(shared: Path, tmp_path: Path) -> None:
    path = shared / "faces" / "lfw_pairs.txt"
    if not path.is_file():
        pytest.skip(f"no official list at {path}")
    here = path.parent / "nothing"
    shutil.copy(path, tmp_path / "pairs.txt")
    pairs = tuple(layouts._lfw(tmp_path))
    found = PairSet("lfw", here, pairs)
    assert check(found) == [] and len(pairs) == 6000
    assert np.bincount([p.fold for p in pairs]).tolist() == [600] * 10


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    bomb = tmp_path / "lfw.bin"
    bomb.write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    for given in (bomb, tmp_path):
        with pytest.raises(UserFault, match=r"pickle.*not loaded.*sandbox"):
            read("lfw", given)
    assert not Path("pwned").exists() and not (tmp_path / "pwned").exists()


def test_pictures_that_are_missing_are_counted(tmp_path: Path) -> None:
    folder = unpacked("mlfw", tmp_path)
    (folder / "aligned" / "Person_B3_0001_0001.jpg").unlink()
    with pytest.raises(UserFault, match=r"1 of 40 pictures of mlfw are not under .*aligned, such as Person_B3"):
        read("mlfw", folder)


@pytest.mark.parametrize(
    ("name", "file", "text", "said"),
    [
        ("lfw", "pairs.txt", "", "is empty"),
        ("lfw", "pairs.txt", "Ann\t1\t2\n", "does not begin with the numbers"),
        ("lfw", "pairs.txt", "1\t1\nAnn\t1\t2\n", "announces 2 pairs and holds 1"),
        ("lfw", "pairs.txt", "1\t1\nAnn\t1\t2\nAnn\t1\n", "line 3: three or four fields"),
        ("lfw", "pairs.txt", "1\t1\nAnn\tx\t2\nAnn\t1\tBob\t1\n", "line 2: the number of a picture"),
        ("sllfw", "pair_SLLFW.txt", "Ann/Ann_0001.jpg\n", "two lines"),
        ("calfw", "pairs_CALFW.txt", "a.jpg 1\nb.jpg 0\n", "one pair has two labels"),
        ("cplfw", "pairs_CPLFW.txt", "a.jpg 1\nb.jpg\n", "two lines"),
        ("mlfw", "pairs.txt", "a.jpg b.jpg maybe\n", "two pictures and 1 or 0"),
        ("agedb-30", "pairs.txt", "a.jpg b.jpg\n", "two pictures and 1 or 0"),
        ("cfp-fp", "pairs.txt", "a", "no Protocol/Split/FP"),
        ("mlfw", "other.txt", "a", "there is no pairs.txt"),
    ],
)
def test_broken_lists(tmp_path: Path, name: str, file: str, text: str, said: str) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(UserFault, match=said):
        read(name, tmp_path)


def test_a_number_that_cfp_does_not_list(tmp_path: Path) -> None:
    folder = unpacked("cfp-fp", tmp_path)
    (folder / "Protocol" / "Split" / "FP" / "03" / "same.txt").write_text("3,99\n")
    with pytest.raises(UserFault, match=r"line 1: '3,99' names no pair"):
        read("cfp-fp", folder)


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserFault, match="is no text"):
        read("mlfw", tmp_path)


def test_unknown_layouts_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="the layouts are lfw"):
        read("imagenet", tmp_path)
    with pytest.raises(UserFault, match="no folder"):
        read("lfw", tmp_path / "absent")


def test_what_is_unlike_the_published_form_is_said(tmp_path: Path) -> None:
    found = read("mlfw", unpacked("mlfw", tmp_path))
    broken = PairSet("mlfw", found.root, (*found.pairs[:-1], found.pairs[0]))
    assert check(broken) == [
        "folds 0, 9: not one half of the pairs shows one person",
        "folds of different lengths",
        "1 pairs stand there twice",
    ]
    assert check(found, 5) == ["10 folds, not 5"]
