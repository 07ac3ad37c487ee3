"""The optimiser on trained recognisers and real faces: what holds on toy networks holds, and likeness falls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from viot_agent.weights import Weights
from viot_tools.cloak.dfanet import DFANet
from viot_tools.cloak.losses import Subspace
from viot_tools.cloak.methods import METHODS, make
from viot_tools.cloak.optimise import Options, Step, optimise
from viot_tools.faces.detect import make_detector
from viot_tools.faces.nets import FaceNet, load_foamliu
from viot_tools.verification.align import align

pytestmark = pytest.mark.real
PERSON = "Colin_Powell"


@pytest.fixture(scope="module")
def net(shared_models: Path) -> FaceNet:
    return load_foamliu(shared_models / "face_recog/foamliu_mobilefacenet/mobilefacenet.safetensors")


@pytest.fixture(scope="module")
def faces(shared: Path, shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Tensor:
    """(6, 3, 112, 112): one person of LFW, aligned."""
    root = shared / "faces/lfw_10x10"
    names = sorted(p.relative_to(root).as_posix() for p in (root / PERSON).glob("*.jpg"))[:6]
    weights = Weights(tmp_path_factory.mktemp("home"), shared_models, "hub")
    found = align(root, names, make_detector(weights))
    assert found.found.all()
    return torch.from_numpy(np.ascontiguousarray(found.faces.transpose(0, 3, 1, 2))).float()


def likeness(net: FaceNet, faces: Tensor, delta: Tensor, references: Tensor) -> float:
    """Mean cosine of masked ``faces`` and clean ``references``."""
    with torch.no_grad():
        masked = normalize(net((faces + delta).clamp(0, 255)), dim=-1)
        return float((masked @ normalize(net(references), dim=-1).mT).mean())


def test_one_mask_of_four_pictures_holds_on_two_it_has_not_seen(net: FaceNet, faces: Tensor) -> None:
    norms: list[float] = []

    def look(step: Step) -> None:
        norms.append(float(step.delta.abs().max()))

    mask = make(faces[:4], [net], METHODS["opom"].but(rounds=16, seed=1), progress=look)
    assert len(norms) == 16 and max(norms) <= 8 and mask.gradients == 64
    before = likeness(net, faces[4:], torch.zeros_like(mask.delta), faces[:4])
    after = likeness(net, faces[4:], mask.delta, faces[:4])
    noise = 8 * (2.0 * torch.randint(0, 2, mask.delta.shape, generator=torch.Generator().manual_seed(0)) - 1)
    assert before > 0.5 and after < before - 0.3
    assert likeness(net, faces[4:], noise, faces[:4]) > after + 0.2  # noise as large does not do it


def test_the_same_seed_gives_the_same_mask_and_a_whole_batch_once_is_opom(net: FaceNet, faces: Tensor) -> None:
    some = faces[:3]
    loss = Subspace("convex", warm_up=1)
    first = optimise(some, [net], loss, Options(rounds=2, seed=5)).delta
    assert torch.equal(first, optimise(some, [net], loss, Options(rounds=2, seed=5)).delta)
    assert torch.equal(first, optimise(some, [net], loss, Options(rounds=2, seed=5, batch=3, passes=1)).delta)
    assert not torch.equal(first, optimise(some, [net], loss, Options(rounds=2, seed=6)).delta)


def test_dfanet_leaves_a_trained_network_as_it_was(net: FaceNet, faces: Tensor) -> None:
    some = faces[:2]
    with torch.no_grad():
        clean = net(some)
        state = {k: v.clone() for k, v in net.state_dict().items()}
        wrapped = DFANet(net, 0.01)  # 0.1, which suits a ResNet-50, leaves nothing of so narrow a network's vector
        assert len(wrapped.layers) == 51  # every convolution of MobileFaceNet, which has no shortcut with one
        one, two = wrapped(some), wrapped(some)
        assert not torch.equal(one, two) and torch.equal(wrapped.plain(some), clean)
        assert float(torch.cosine_similarity(one, clean).min()) > 0.3
        wrapped.detach()
        assert torch.equal(net(some), clean)
    assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())
