"""The losses: gradients on the sphere, zero zones, half precision, and each margin against its equation."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from viot_agent.errors import UserFault
from viot_finetune.faces.losses import LOSSES, ArcFace, CosFace, CurricularFace, NormFace, SFace, Softmax, loss_named

ANGLE = st.floats(0.02, math.pi - 0.02)


def at(*angles: float, dim: int = 6) -> Tensor:
    """Class weights (len, dim), unit length, so far from the first axis and orthogonal to each other otherwise."""
    rows = torch.zeros(len(angles), dim)
    for i, angle in enumerate(angles):
        rows[i, 0], rows[i, i + 1] = math.cos(angle), math.sin(angle)
    return rows


def gradient(loss: torch.nn.Module, weights: Tensor, label: int = 0) -> Tensor:
    """The gradient at the embedding (1, 0, 0, ...), a point of the sphere."""
    with torch.no_grad():
        loss.weight.copy_(weights)  # type: ignore[operator]
    x = functional.one_hot(torch.tensor([0]), weights.shape[1]).float().requires_grad_()
    loss(x, torch.tensor([label])).backward()
    assert x.grad is not None
    return x.grad[0]


@given(own=ANGLE, other=ANGLE, a=st.floats(0.5, 1.2), b=st.floats(0.8, 1.6))
@settings(max_examples=80, deadline=None)
def test_sface_pulls_and_pushes_with_r_sin_theta(own: float, other: float, a: float, b: float) -> None:
    loss = SFace(6, 2, a=a, b=b)
    found = gradient(loss, at(own, other))
    # orthogonal directions: the pull to the own class and the push from the other lie on axes of their own
    r_intra = 64 / (1 + math.exp(-80 * (own - a)))
    r_inter = 64 / (1 + math.exp(min(700, 80 * (other - b))))
    assert found[0].abs() < 1e-3, "nothing along the radius"
    assert float(-found[1]) == pytest.approx(r_intra * math.sin(own), rel=2e-3, abs=2e-3)
    assert float(found[2]) == pytest.approx(r_inter * math.sin(other), rel=2e-3, abs=2e-3)


def test_sface_has_its_zero_zones_and_its_plateaus() -> None:
    loss = SFace(6, 2)
    near = gradient(loss, at(0.87 - 0.2, 1.20 + 0.2))
    assert near.norm() < 1e-3
    far = gradient(loss, at(math.pi / 2, 0.9))
    assert float(-far[1]) == pytest.approx(64, rel=1e-3)
    assert float(far[2]) == pytest.approx(64 * math.sin(0.9), rel=1e-3)


def test_sface_equals_its_equation_with_r_as_constants() -> None:
    torch.manual_seed(0)
    loss = SFace(5, 4)
    x, y = torch.randn(7, 5), torch.randint(0, 4, (7,))
    cosine = functional.normalize(x) @ functional.normalize(loss.weight).T
    theta, cosine = torch.acos(cosine).detach(), cosine.detach()
    total = 0.0
    for i in range(7):
        for j in range(4):
            t, c = float(theta[i, j]), float(cosine[i, j])
            total += (
                -64 / (1 + math.exp(-80 * (t - 0.87))) * c
                if j == int(y[i])
                else 64 / (1 + math.exp(80 * (t - 1.2))) * c
            )
    assert float(loss(x, y).detach()) == pytest.approx(total / 7, rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_sface_rates_neither_overflow_nor_vanish_wrongly(dtype: torch.dtype) -> None:
    loss = SFace(4, 2)
    theta = torch.tensor([0.0, 0.5, 0.87, 1.2, 2.0, math.pi], dtype=dtype)
    for rates in (loss.intra(theta), loss.inter(theta)):
        assert rates.dtype == dtype
        assert rates.isfinite().all()
        assert rates.min() >= 0
        assert rates.max() <= 64
    assert float(loss.intra(theta)[0]) < 1e-25
    assert loss.intra(theta)[-1] == 64
    assert float(loss.inter(theta)[-1]) < 1e-25
    assert loss.inter(theta)[0] == 64


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings_give_the_loss_of_their_float32_copies(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    loss = loss_named(name, 8, 5).eval()
    x, y = (torch.randn(6, 8) * 3).to(dtype).requires_grad_(), torch.arange(6) % 5
    value = loss(x, y)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(x.detach().float(), y))
    value.backward()
    assert x.grad is not None and x.grad.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(value, loss(x.detach().float(), y)), "autocast does not reach inside"


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("label", [0, 1])
def test_gradients_are_finite_exactly_on_and_opposite_to_a_class(name: str, label: int) -> None:
    loss = loss_named(name, 4, 2)
    weights = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])
    assert gradient(loss, weights, label).isfinite().all()
    assert loss.weight.grad is not None and loss.weight.grad.isfinite().all()


@given(own=st.floats(0.1, 2.4), other=ANGLE)
@settings(max_examples=60, deadline=None)
def test_margins_equal_their_equations(own: float, other: float) -> None:
    def expected(target: float) -> float:
        return float(
            functional.cross_entropy(torch.tensor([[64 * target, 64 * math.cos(other)]]).double(), torch.tensor([0]))
        )

    def value(loss: torch.nn.Module) -> float:
        with torch.no_grad():
            loss.weight.copy_(at(own, other))  # type: ignore[operator]
            return float(loss(torch.eye(6)[:1], torch.tensor([0])))

    for loss, target in (
        (NormFace(6, 2), math.cos(own)),
        (CosFace(6, 2), math.cos(own) - 0.35),
        (ArcFace(6, 2), math.cos(own + 0.5)),
    ):
        assert value(loss) == pytest.approx(expected(target), rel=1e-3, abs=2e-3)


def test_arcface_goes_on_falling_where_theta_plus_m_passes_pi() -> None:
    loss = ArcFace(6, 2)
    values = []
    for own in torch.linspace(2.4, 3.1, 30).tolist():
        with torch.no_grad():
            loss.weight.copy_(at(own, 1.5))
        values.append(float(loss(torch.eye(6)[:1], torch.tensor([0])).detach()))
    assert all(later > before for before, later in pairwise(values))


def test_curricularface_weighs_hard_negatives_by_t_and_t_follows_the_target() -> None:
    loss = CurricularFace(6, 3, s=1.0)
    with torch.no_grad():
        loss.weight.copy_(at(0.8, 0.6, 2.0))
    x, y = torch.eye(6)[:1], torch.tensor([0])
    value = float(loss(x, y).detach())
    t = 0.01 * math.cos(0.8)
    assert float(loss.t) == pytest.approx(t, rel=1e-4)
    hard, easy = math.cos(0.6), math.cos(2.0)
    logits = torch.tensor([[math.cos(1.3), hard * (t + hard), easy]])
    assert value == pytest.approx(float(functional.cross_entropy(logits, y)), rel=1e-4)
    loss.eval()
    before = loss.t.clone()
    loss(x, y)
    assert torch.equal(before, loss.t), "evaluation does not move t"


def test_softmax_is_plain_cross_entropy() -> None:
    torch.manual_seed(2)
    loss = Softmax(4, 3)
    with torch.no_grad():
        loss.bias.copy_(torch.tensor([0.5, -1.0, 0.0]))
    x, y = torch.randn(5, 4) * 2, torch.tensor([0, 1, 2, 0, 1])
    assert torch.allclose(loss(x, y), functional.cross_entropy(x @ loss.weight.T + loss.bias, y))


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "softmax"])
def test_losses_on_the_sphere_ignore_length(name: str) -> None:
    torch.manual_seed(3)
    loss = loss_named(name, 5, 4).eval()
    x, y = torch.randn(6, 5), torch.arange(6) % 4
    first = float(loss(x, y).detach())
    with torch.no_grad():
        loss.weight.mul_(3.0)
    assert float(loss(7 * x, y).detach()) == pytest.approx(first, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: loss_named("triplet", 4, 3), "sface, softmax, normface, cosface, arcface, curricularface"),
        (lambda: loss_named("sface", 4, 3, m=0.3), "s, k, a, b"),
        (lambda: loss_named("softmax", 4, 3, s=3), "it has none"),
        (lambda: loss_named("cosface", 4, 1), "two people"),
        (lambda: SFace(4, 3, a=50), "radians"),
        (lambda: ArcFace(4, 3, s=0), "positive"),
        (lambda: SFace(4, 3)(torch.zeros(2, 5), torch.zeros(2, dtype=torch.long)), "do not fit"),
        (lambda: SFace(4, 3)(torch.zeros(2, 4), torch.zeros(3, dtype=torch.long)), "do not fit"),
    ],
)
def test_what_cannot_be_is_said(make: object, words: str) -> None:
    with pytest.raises(UserFault, match=words):
        make()  # type: ignore[operator]


def test_angles_are_watched_in_training_only() -> None:
    loss = NormFace(6, 2)
    gradient(loss, at(0.5, 1.0))
    assert loss.monitor["angle_own"] == pytest.approx(math.degrees(0.5), abs=0.1)
    assert loss.monitor["angle_others"] == pytest.approx(math.degrees(1.0), abs=0.1)
    loss.eval()
    loss.monitor = {}
    loss(torch.eye(6)[:1], torch.tensor([0]))
    assert not loss.monitor
