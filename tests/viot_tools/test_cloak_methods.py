"""The named methods: their settings, what they refuse, and the baselines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from viot_agent.errors import NameFault, UserFault
from viot_tools.cloak.fake import ToyNet, faces
from viot_tools.cloak.methods import METHODS, blur, make, method, noise
from viot_tools.cloak.optimise import Options


@pytest.mark.parametrize("name", METHODS)
def test_every_method_makes_a_mask_in_its_budget(name: str) -> None:
    x, net = faces(6), ToyNet()
    chosen = method(name).but(rounds=2, epsilon=4.0)
    people = torch.tensor([0, 0, 0, 1, 1, 1]) if chosen.universal else None
    made = make(x, [net], chosen, people=people)
    assert 0 < float(made.delta.abs().max()) <= 4
    assert not [m for m in net.modules() if m._forward_hooks]  # the surrogate is given back as it was


def test_the_published_settings() -> None:
    assert method("opom").options == Options(epsilon=8, alpha=1, rounds=16)
    assert method("opom").warm_up == 5
    strong = method("opom-dfanet")
    o = strong.options
    assert (o.rounds, o.momentum, o.per_image, strong.dropout) == (100, 1, True, None)
    sga = method("sga").options
    assert (sga.large, sga.batch, sga.passes, sga.rounds) == (250, 10, 4, 20)


def test_equal_cost_is_counted_in_gradients() -> None:
    x, net = faces(6), ToyNet()
    ga = method("ga").but(rounds=3)
    rounds = ga.equal_cost(len(x))
    assert rounds == 6
    spent = make(x, [net], ga).gradients
    assert make(x, [net], method("opom").but(rounds=rounds)).gradients == spent


def test_a_mask_for_everybody_is_learnt_over_people() -> None:
    x, net = torch.cat([faces(4, 0), faces(4, 1)]), ToyNet()
    people = torch.arange(8) // 4
    made = make(x, [net], method("sga").but(batch=2, rounds=12), people=people)
    clean = normalize(net(x), dim=1)

    def lost(delta: torch.Tensor) -> float:
        return 1 - float((normalize(net((x + delta).clamp(0, 255)), dim=1) * clean).sum(1).mean().detach())

    assert lost(made.delta) > 3 * lost(noise((3, 16, 16), 8, 0))


def test_what_makes_no_sense_is_told() -> None:
    x, net = faces(4), ToyNet()
    with pytest.raises(NameFault, match="no cloak method 'gaa'"):
        method("gaa")
    with pytest.raises(UserFault, match="for one person"):
        make(x, [net], method("opom"), people=torch.tensor([0, 0, 1, 1]))
    with pytest.raises(UserFault, match="learnt over people"):
        make(x, [net], method("sga"))
    with pytest.raises(UserFault, match="needs the layers"):
        make(x, [lambda images: net(images)], method("ga-dfanet"))
    with pytest.raises(UserFault, match="allow no step"):
        method("ga").but(epsilon=-1.0)


def test_noise_is_as_large_as_can_be_and_seeded() -> None:
    a, b, c = noise((3, 16, 16), 8, 1), noise((3, 16, 16), 8, 1), noise((3, 16, 16), 8, 2)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert set(a.unique().tolist()) == {-8.0, 8.0}


def test_blur_keeps_the_mean_and_loses_the_detail() -> None:
    x = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), np.uint8)
    made = blur(x, 3)
    assert made.shape == x.shape
    assert made.std() < 0.3 * x.std()
    assert made.mean() == pytest.approx(x.mean(), rel=0.05)
