"""Masks made with one trained recogniser: what they do to it, to another maker's, and what dropout it bears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from viot_agent.weights import Weights
from viot_tools.cloak.dfanet import DFANet, P, tuned
from viot_tools.cloak.methods import make, method, noise
from viot_tools.cloak.psr import Person, masked, psr
from viot_tools.faces.detect import YuNet
from viot_tools.faces.nets import FaceNet, load_foamliu
from viot_tools.verification.align import align
from viot_tools.verification.recognisers import recogniser

pytestmark = pytest.mark.real
PEOPLE = 2
WHITE, BLACK = "mobilefacenet", "retail-0095"
"""The first is the surrogate's own file in another runtime; the second another maker's, architecture and runtime."""


@pytest.fixture(scope="module")
def weights(shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("home"), shared_models, "hub")


@pytest.fixture(scope="module")
def surrogate(shared_models: Path) -> FaceNet:
    path = shared_models / "face_recog" / "foamliu_mobilefacenet" / "mobilefacenet.safetensors"
    return load_foamliu(path).requires_grad_(False)


@pytest.fixture(scope="module")
def people(shared: Path, weights: Weights) -> list[NDArray[np.uint8]]:
    """Ten aligned faces of each of some people, and of one more whose faces are the strangers."""
    root = shared / "faces" / "lfw_10x10"
    names = sorted(p.name for p in root.iterdir() if p.is_dir())[: PEOPLE + 1]
    found = []
    for name in names:
        made = align(root, sorted(f"{name}/{p.name}" for p in (root / name).glob("*.jpg")), YuNet(weights))
        assert made.found.all()
        found.append(made.faces)
    return found


def batch(faces: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(faces.transpose(0, 3, 1, 2).astype(np.float32))


@pytest.mark.slow
def test_a_mask_hides_unseen_pictures_and_noise_does_not(
    surrogate: FaceNet, weights: Weights, people: list[NDArray[np.uint8]]
) -> None:
    judges = [recogniser(name, weights) for name in (WHITE, BLACK)]
    cosine: dict[tuple[str, str], list[float]] = {}
    seen: dict[str, list[Person]] = {"opom": [], "noise": []}
    for faces in people[:PEOPLE]:
        train, test = faces[:5], faces[5:]
        made = {"opom": make(batch(train), [surrogate], method("opom")).delta, "noise": noise((3, 112, 112), 8, 0)}
        for kind, delta in made.items():
            assert float(delta.abs().max()) <= 8
            hidden = masked(test, delta.numpy())
            for judge in judges:
                person = Person(judge.embed(test), judge.embed(hidden))
                scores = person.probes @ person.clean.T
                others = scores[~np.eye(len(test), dtype=bool)]
                cosine.setdefault((kind, judge.name), []).append(float(others.mean()))
                if judge.name == WHITE:
                    seen[kind].append(person)
    mean = {key: float(np.mean(values)) for key, values in cosine.items()}
    assert mean["opom", WHITE] < mean["noise", WHITE] - 0.25
    assert mean["opom", BLACK] < mean["noise", BLACK] - 0.05
    strangers = judges[0].embed(people[PEOPLE])
    found = {kind: psr(persons, strangers, (1,))[1] for kind, persons in seen.items()}
    assert found["opom"].n == PEOPLE * 5 * 4
    assert found["opom"].value > found["noise"].value


def test_the_papers_dropout_is_too_much_for_this_network(surrogate: FaceNet, people: list[NDArray[np.uint8]]) -> None:
    """0.1 leaves nothing of a MobileFaceNet's features, so that a mask would be made against noise."""
    x = batch(people[0][:5])
    p = tuned(surrogate, x)
    assert p < P / 2
    kept = {}
    with torch.no_grad():
        for dropout in (p, P):
            thinned = DFANet(surrogate, dropout)
            kept[dropout] = float(torch.cosine_similarity(thinned(x), thinned.plain(x)).mean())
            thinned.detach()
    assert kept[p] > 0.85
    assert kept[P] < 0.2
