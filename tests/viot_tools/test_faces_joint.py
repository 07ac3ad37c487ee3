"""Joint vectors: what joining does to cosines, the file, and both networks on a portrait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_agent.weights import Weights
from viot_tools.faces.basis import Basis, fit
from viot_tools.faces.detect import Face, YuNet, refine
from viot_tools.faces.identity import load
from viot_tools.faces.joint import FILE, SMALL, MobileFaceNetDlib, is_small, make_joint, read, write
from viot_tools.faces.recognise import MobileFaceNet, embed, unit

Vectors = NDArray[np.float32]
VERSIONS = {"first": "a 1", "second": "b 2"}


def population(people: int = 40, each: int = 3, seed: int = 0) -> tuple[Vectors, Vectors, list[int]]:
    """Two recognisers' unit vectors of people who differ along one direction far more than along the other fifteen."""
    rng = np.random.default_rng(seed)
    spread = np.array([4.0] + [1.0] * 15)
    sides = []
    for _ in range(2):
        centres = rng.normal(size=(people, 16)) * spread
        sides.append(unit(np.repeat(centres, each, 0) + 0.3 * rng.normal(size=(people * each, 16)) + 0.5))
    return sides[0], sides[1], [i // each for i in range(people * each)]


def test_the_cosine_is_the_mean_of_the_two() -> None:
    first, second, people = population()
    basis = fit(first, second, people)
    parts = [unit((x - m) @ a) for x, m, a in zip((first, second), basis.means, basis.matrices, strict=True)]
    joined = basis.join(first, second)
    assert joined.shape == (120, 32) and np.linalg.norm(joined, axis=1) == pytest.approx(np.ones(120), abs=1e-5)
    assert joined @ joined.T == pytest.approx(sum(p @ p.T for p in parts) / 2, abs=1e-5)


def test_the_direction_in_which_everybody_differs_counts_for_less() -> None:
    first, second, people = population()
    basis = fit(first, second, people)
    plain = Basis(basis.means, (np.eye(16, dtype=np.float32), np.eye(16, dtype=np.float32)))
    rows = np.array(people)
    strangers = rows[:, None] != rows[None, :]

    def highest(some: Basis) -> float:
        """The impostor cosine that one pair in a hundred passes, relative to the median of genuine pairs."""
        cosine = some.join(first, second) @ some.join(first, second).T
        return float(np.quantile(cosine[strangers], 0.99) / np.median(cosine[~strangers]))

    assert highest(basis) < highest(plain) - 0.05
    assert basis.matrices[0] == pytest.approx(basis.matrices[0].T, abs=2e-3)


def test_the_file(tmp_path: Path) -> None:
    first, second, people = population()
    basis = fit(first, second, people)
    path = tmp_path / "joint.safetensors"
    write(basis, path, VERSIONS)
    again = read(path, VERSIONS)
    for a, b in zip(basis.means + basis.matrices, again.means + again.matrices, strict=True):
        assert (a == b).all() and b.dtype == np.float32
    with pytest.raises(FailedFault, match="were fitted to") as fault:
        read(path, {**VERSIONS, "second": "b 3"})
    assert "calibrate" in fault.value.fix


def test_the_shipped_basis_belongs_to_the_manifests_files(home: Path) -> None:
    joint = MobileFaceNetDlib(Weights(home, None, "hub"))
    basis = read(FILE, joint.versions)
    assert [m.shape for m in basis.means + basis.matrices] == [(128,), (128,), (128, 128), (128, 128)]
    assert FILE.stat().st_size < 100_000
    assert joint.model_version.startswith(joint.networks + "+")


def test_only_the_hub_tier_has_one(home: Path) -> None:
    assert make_joint(Weights(home, None, "builtin")) is None
    assert isinstance(make_joint(Weights(home, None, "hub")), MobileFaceNetDlib)


@pytest.mark.parametrize(
    ("eyes", "height", "small"), [(12, 30, True), (14.9, 44, True), (12, 46, False), (15, 30, False)]
)
def test_small(eyes: float, height: float, small: bool) -> None:
    points = np.array([[0, 0], [eyes, 0], [eyes / 2, 5], [0, 9], [eyes, 9]], np.float32)
    assert is_small(Face((0, 0, height * 0.8, height), 0.9, points)) == small
    assert SMALL == 15


@pytest.mark.real
def test_a_portrait_stays_itself_when_it_is_small(home: Path, shared_models: Path) -> None:
    import cv2
    from skimage import data

    weights = Weights(home, shared_models, "hub")
    detector, recogniser, joint = YuNet(weights), MobileFaceNet(weights), MobileFaceNetDlib(weights)
    astronaut = np.asarray(data.astronaut(), np.uint8)
    small = np.asarray(cv2.resize(astronaut, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), np.uint8)
    vectors = []
    for image in (astronaut, small):
        face = refine(detector, image, detector.detect(image)[0])
        vectors.append(joint.join(image, [face], embed(recogniser, image, [face]))[0])
    assert vectors[0].shape == (256,) and is_small(face)
    assert float(vectors[0] @ vectors[1]) > load(joint.model, detector.model).upper()
    nobody: Vectors = np.zeros((0, 128), np.float32)
    assert joint.join(astronaut, [], nobody).shape == (0, 256)
