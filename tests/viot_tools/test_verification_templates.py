"""Template pooling, 1:1 and 1:N, on vectors small enough to work out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.verification.roc import TooFew
from viot_tools.verification.templates import (
    cosines,
    identify,
    pool,
    pool_in_parts,
    read_media,
    read_template_pairs,
    verify,
)

X, Y = [1.0, 0.0], [0.0, 1.0]


def test_a_long_video_does_not_outvote_a_picture() -> None:
    vectors = np.array([X] * 9 + [Y], np.float32)
    by_medium = pool(vectors, np.zeros(10, int), np.array([7] * 9 + [8]))
    assert by_medium.vectors[0] == pytest.approx([2**-0.5, 2**-0.5])
    alone = pool(vectors, np.zeros(10, int))
    assert alone.vectors[0] == pytest.approx(np.array([9.0, 1.0]) / 82**0.5)


def test_pictures_without_a_face_count_for_nothing() -> None:
    vectors = np.array([X, [np.nan, np.nan], [np.nan, np.nan]], np.float32)
    made = pool(vectors, np.array([3, 3, 5]))
    assert made.ids.tolist() == [3, 5] and made.vectors[0] == pytest.approx(X) and np.isnan(made.vectors[1]).all()
    assert np.isnan(cosines(made, np.array([3]), np.array([5]))[0])
    with pytest.raises(UserFault, match="such as 4"):
        made.rows([4])


def test_pooling_in_parts_is_pooling_and_asks_for_few_pictures_at_a_time() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(300, 5)).astype(np.float32)
    vectors[rng.random(300) < 0.1] = np.nan
    template, medium = rng.permutation(np.repeat(np.arange(0, 60, 2), 10)), rng.integers(0, 4, 300)
    vectors[template == 8] = np.nan
    asked: list[np.ndarray] = []

    def see(part: np.ndarray) -> np.ndarray:
        asked.append(part)
        return vectors[part]

    made, whole = pool_in_parts(see, template, medium, most=25), pool(vectors, template, medium)
    assert made.ids.tolist() == whole.ids.tolist() == sorted(set(template.tolist()))
    assert np.array_equal(made.vectors, whole.vectors, equal_nan=True) and np.isnan(made.vectors[4]).all()
    assert max(map(len, asked)) == 30 and sorted(np.concatenate(asked).tolist()) == list(range(300))
    # by the words of the protocol: media first, then templates
    mine = [vectors[(template == 2) & (medium == m)] for m in range(4)]
    total = sum(m[np.isfinite(m).all(axis=1)].mean(axis=0) for m in mine if np.isfinite(m).any())
    assert made.vectors[1] == pytest.approx(total / np.linalg.norm(total), abs=1e-6)


def test_cosines_of_many_pairs_are_those_of_few() -> None:
    made = pool(np.random.default_rng(0).normal(size=(9, 4)), np.arange(9))
    left, right = (a.ravel() for a in np.meshgrid(np.arange(9), np.arange(9)))
    assert cosines(made, left, right, most=7) == pytest.approx(cosines(made, left, right))
    assert cosines(made, left, right)[left == right] == pytest.approx(1.0)


def test_one_to_one_says_what_it_cannot_show() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    made = pool(np.repeat(vectors, 2, axis=0), np.arange(120))
    left, right = (a.ravel() for a in np.meshgrid(np.arange(0, 120, 2), np.arange(1, 120, 2)))
    found, refused = verify(made, left, right, left + 1 == right, (1e-1, 1e-2, 1e-4))
    assert [r.asked for r in found] == [1e-1, 1e-2] and all(r.tar == 1.0 for r in found)
    assert len(refused) == 1 and "0.0001" in refused[0]


def test_one_to_many() -> None:
    gallery = np.eye(4)
    probes = np.array([[1, 0.1, 0, 0], [0.6, 0.5, 0, 0], [0, 0, 0.2, 0.3], [0.1, 0.1, 0.1, 0.4]])
    made = identify(gallery, list("abcd"), probes, ["a", "b", "c", "stranger"], ranks=(1, 2))
    assert made.rank == {1: pytest.approx(1 / 3), 2: 1.0} and (made.mated, made.unmated) == (3, 1)
    with pytest.raises(TooFew, match="100 are needed"):
        identify(gallery, list("abcd"), probes, ["a", "b", "c", "stranger"], fpir=0.1)
    with pytest.raises(UserFault, match="twice"):
        identify(gallery, list("aacd"), probes, list("abcd"))
    with pytest.raises(UserFault, match="no probe"):
        identify(gallery, list("abcd"), probes, list("wxyz"))


def test_open_set_search() -> None:
    gallery = np.eye(2)
    strangers = np.linspace(0, 0.5, 100)[:, None] * [[1.0, 0.5]]
    mates = np.array([[0.9, 0.0], [0.46, 0.0], [0.2, 0.3]])
    probes = np.concatenate([mates, strangers])
    made = identify(gallery, ["a", "b"], probes, ["a", "a", "a"] + ["?"] * 100, fpir=0.1)
    assert made.fpir == pytest.approx(0.1)
    # the eleventh strongest stranger scores 0.4545: the second mate passes it, the third is not first
    assert made.threshold == pytest.approx(0.5 * 89 / 99) and made.tpir == pytest.approx(2 / 3)


def test_a_probe_without_a_face_finds_nobody() -> None:
    made = identify(np.eye(2), ["a", "b"], np.array([[np.nan, np.nan], [1.0, 0.0]]), ["a", "a"], ranks=(1, 2))
    assert made.rank == {1: 0.5, 2: 0.5}


def test_the_benchmarks_two_files(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("img/1.png 1 69544\nframes/2.png 1 5\n")
    (tmp_path / "p.txt").write_text("1 11065 1\n1 11066 0\n")
    names, template, medium = read_media(tmp_path / "m.txt")
    assert names == ["img/1.png", "frames/2.png"] and template.tolist() == [1, 1] and medium.tolist() == [69544, 5]
    left, right, same = read_template_pairs(tmp_path / "p.txt")
    assert left.tolist() == [1, 1] and right.tolist() == [11065, 11066] and same.tolist() == [True, False]


@pytest.mark.parametrize("text", ["", "1 2\n", "1 x 1\n", "1 2 3\n", "1 2 1\n3 4\n", "1.5 2 1\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(UserFault):
        read_template_pairs(tmp_path / "p.txt")
    with pytest.raises(UserFault, match="no file"):
        read_media(tmp_path / "absent.txt")
