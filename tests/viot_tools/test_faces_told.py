"""The bench of masked faces on a made-up world: what is told, what is named, and what it costs bare faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from viot_agent.media.types import Image
from viot_tools.bench import faces_told, faces_worn
from viot_tools.bench.faces_identify import Trial
from viot_tools.faces.identity import load
from viot_tools.faces.recognise import unit


class Upper:
    """Knows the bare faces of the world, takes all others for masked, and compares the part over the nose."""

    model, model_version = "mobilefacenet+eyes", "0"

    def __init__(self, bare: np.ndarray, wrongly: int = 0) -> None:
        self.bare = {face.tobytes() for face in bare[wrongly:]}

    def wears(self, chips: Sequence[Image]) -> np.ndarray:
        return np.array([chip.tobytes() not in self.bare for chip in chips], bool)

    def embed(self, chips: Sequence[Image], first: np.ndarray) -> np.ndarray:
        assert len(chips) == len(first) > 0
        top = np.stack(list(chips))[:, :28].reshape(len(chips), 28, 4, 28, 3).mean(axis=(1, 3)).astype(np.float32)
        return unit((top - top.mean(axis=(1, 2), keepdims=True)).reshape(len(chips), -1))


def test_masked_faces_are_told_and_named_by_what_is_seen(bench_world: ModuleType, tmp_path: Path, home: Path) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=8, pictures=2, noise=2.0), tmp_path, quick=False)
    rows, skipped = faces_worn.rows(s, Upper(s.aligned(s.sets[0]).faces))
    by_id = {r.id: r for r in rows}
    assert not skipped and set(by_id) == {
        "faces.masked.found",
        "faces.masked.some.found",
        "faces.identify.masked.whole.far",
        "faces.identify.masked.whole.right",
        "faces.worn.told",
        "faces.worn.bare",
        "faces.identify.masked.far",
        "faces.identify.masked.right",
        "faces.identify.masked.right.gain",
        "faces.identify.bare.gain",
    }
    assert (by_id["faces.worn.told"].value, by_id["faces.worn.bare"].value) == (1.0, 0.0)
    after, before = by_id["faces.identify.masked.right"].value, by_id["faces.identify.masked.whole.right"].value
    assert after == 1.0 and by_id["faces.identify.masked.right.gain"].value == pytest.approx(after - before)
    assert by_id["faces.identify.bare.gain"].value == 0.0


class Blind(Upper):
    """Sees nothing behind a mask: everybody is alike."""

    def embed(self, chips: Sequence[Image], first: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(1, 12, dtype=np.float32), (len(chips), 1))


def test_behind_a_mask_the_eyes_alone_decide(bench_world: ModuleType, tmp_path: Path, home: Path) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=8, pictures=2, noise=2.0), tmp_path, quick=False)
    by_id = {r.id: r for r in faces_worn.rows(s, Blind(s.aligned(s.sets[0]).faces))[0]}
    before = by_id["faces.identify.masked.whole.right"].value
    # all are named, each the first of those who are alike: what is seen of them decides, not the whole face
    assert by_id["faces.identify.masked.right"].value < before
    assert by_id["faces.identify.masked.right.gain"].value < 0 and by_id["faces.identify.masked.far"].value == 1.0
    assert by_id["faces.identify.bare.gain"].value == 0.0


def test_a_bare_face_called_masked_is_compared_as_one(bench_world: ModuleType, tmp_path: Path, home: Path) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=8, pictures=2, noise=2.0), tmp_path, quick=False)
    faces = s.aligned(s.sets[0]).faces
    rows, _ = faces_worn.rows(s, Upper(faces, wrongly=4))
    by_id = {r.id: r for r in rows}
    assert by_id["faces.worn.bare"].value == pytest.approx(4 / 16)
    searched = faces_told.behind(s.own(s.sets[0]), faces, Upper(faces, wrongly=4), enrolled=False)
    assert searched.told.sum() == 4 and np.isfinite(searched.vectors).all(axis=1).tolist() == [True] * 4 + [False] * 12


def test_pictures_told_to_wear_a_mask_are_not_enrolled(bench_world: ModuleType, tmp_path: Path, home: Path) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=4, pictures=4, noise=2.0), tmp_path, quick=False)
    own, faces = s.own(s.sets[0]), s.aligned(s.sets[0]).faces
    gallery = faces_told.behind(own, faces, Upper(faces, wrongly=5), enrolled=True)
    assert np.isfinite(gallery.vectors).all(axis=1).tolist() == [False] * 5 + [True] * 11
    # p01 is left with one picture of two; with p00, who has none, there is no gallery behind masks
    some = faces_told.templates(Trial("p03", 15, {"p01": (4, 5), "p02": (8, 9)}), gallery)
    assert some is not None and list(some) == ["p01", "p02"]
    assert some["p01"] == pytest.approx(gallery.vectors[5])
    assert faces_told.templates(Trial("p03", 15, {"p00": (0, 1), "p02": (8, 9)}), gallery) is None


def test_without_a_gallery_behind_masks_the_whole_face_decides(
    bench_world: ModuleType, tmp_path: Path, home: Path
) -> None:
    s = bench_world.store(bench_world.world(tmp_path, people=4, pictures=4, noise=2.0), tmp_path, quick=False)
    own, faces = s.own(s.sets[0]), s.aligned(s.sets[0]).faces
    plain, masked = load("mobilefacenet", "yunet"), load("mobilefacenet+eyes", "yunet")
    probes = faces_told.behind(own, faces, Blind(faces, wrongly=16), enrolled=False)
    mate = Trial("p03", 15, {"p00": (0, 1), "p03": (12, 13)})
    # blind behind masks, everybody is p00, the first of those who are alike
    every = faces_told.behind(own, faces, Blind(faces), enrolled=True)
    assert faces_told.named(mate, every, probes, plain, masked) == "p00"
    not_all = faces_told.behind(own, faces, Blind(faces, wrongly=2), enrolled=True)
    assert faces_told.named(mate, not_all, probes, plain, masked) == "p03"


def test_a_stand_in_recogniser_has_nothing_for_masks(bench_world: ModuleType, tmp_path: Path, home: Path) -> None:
    assert faces_told.product(bench_world.store(bench_world.world(tmp_path, people=2, pictures=2), tmp_path)) is None
