"""The optimiser: each method it stands for against a plain implementation, and what must hold after every step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from viot_agent.errors import FailedFault, UserFault
from viot_tools.cloak import hulls
from viot_tools.cloak.dfanet import DFANet
from viot_tools.cloak.fake import ToyNet, faces
from viot_tools.cloak.losses import SUBSPACE_LOSSES, Labels, Subspace
from viot_tools.cloak.optimise import Mask, Options, Step, optimise, smoothed


def own_noise(x: Tensor, epsilon: float, seed: int) -> Tensor:
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed))
    return (2 * noise - 1) * epsilon


def plain_opom(x: Tensor, net: Any, noise: Tensor, rounds: int, hull: hulls.Hull, warm_up: int = 0) -> Tensor:
    """OPOM as its protocol is written: one gradient of all pictures a round, one mask."""
    clean = normalize(net(x).detach(), dim=1)
    adv = x + noise
    delta = torch.zeros_like(x[0])
    for r in range(rounds):
        adv = adv.detach().requires_grad_()
        loss = hulls.distance("centre" if r < warm_up else hull, normalize(net(adv), dim=1), clean).mean()
        (g,) = torch.autograd.grad(loss, adv)
        adv = adv.detach() + 1.0 * g.mean(0).sign()
        delta = (adv - x).mean(0).clamp(-8, 8)
        adv = (x + delta).clamp(0, 255)
    return delta


@pytest.mark.parametrize(("hull", "warm_up"), [("centre", 0), ("affine", 0), ("convex", 0), ("convex", 3)])
def test_opom_is_the_plain_loop(hull: hulls.Hull, warm_up: int) -> None:
    x, net = faces(), ToyNet()
    made = optimise(x, [net], Subspace(hull, warm_up=warm_up), Options(rounds=6, seed=1))
    torch.testing.assert_close(made.delta, plain_opom(x, net, own_noise(x, 8, 3), 6, hull, warm_up), rtol=0, atol=0)
    assert (made.steps, made.gradients, len(made.losses)) == (6, 36, 6)


@pytest.mark.parametrize("loss", SUBSPACE_LOSSES)
def test_ga_with_all_pictures_once_is_opom(loss: Any) -> None:
    x, net = faces(), ToyNet()
    opom = optimise(x, [net], Subspace(loss), Options(rounds=5))
    ga = optimise(x, [net], Subspace(loss), Options(rounds=5, batch=6, passes=1))
    assert torch.equal(ga.delta, opom.delta)
    other = optimise(x, [net], Subspace(loss), Options(rounds=5, batch=2, passes=2))
    assert not torch.equal(other.delta, opom.delta)


def plain_ga(x: Tensor, net: Any, noise: Tensor, rounds: int, b: int, k: int, draws: torch.Generator) -> Tensor:
    """Gradient accumulation, step by step."""
    clean = normalize(net(x).detach(), dim=1)

    def moved(points: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        delta = (points + g.sign() - x).mean(0).clamp(-8, 8)
        return (x + delta).clamp(0, 255), delta

    points, delta = x + noise, noise.mean(0)
    for _ in range(rounds):
        inner, total = points, torch.zeros_like(x[0])
        for _ in range(k * len(x) // b):
            drawn = torch.randperm(len(x), generator=draws)[:b].sort().values
            at = inner[drawn].detach().requires_grad_()
            loss = hulls.distance("convex", normalize(net(at), dim=1), clean).sum()
            (g,) = torch.autograd.grad(loss, at)
            total = total + g.sum(0) / b
            inner, _ = moved(inner, g.sum(0) / b)
        points, delta = moved(points, total)
    return delta


def test_ga_is_the_plain_loop() -> None:
    x, net = faces(), ToyNet()
    made = optimise(x, [net], Subspace("convex"), Options(rounds=3, batch=2, passes=2, seed=2))
    plain = plain_ga(x, net, own_noise(x, 8, 6), 3, 2, 2, torch.Generator().manual_seed(7))
    torch.testing.assert_close(made.delta, plain, rtol=0, atol=0)
    # one committed step a round; K passes over N pictures
    assert (made.steps, made.gradients) == (3, 3 * 2 * 6)


class Scaled:
    """The toy network on pictures in 0..1, as a classifier's would be; remembers what it was shown."""

    def __init__(self, seed: int = 0) -> None:
        self.net, self.seen = ToyNet(seed, 7), list[Tensor]()

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        found: Tensor = self.net(x * 255)
        return found


SGA = {"epsilon": 10 / 255, "alpha": 1 / 255, "high": 1.0, "start": "zero"}


@pytest.mark.parametrize("clipped", [True, False])
def test_sga_with_whole_batches_once_is_spgd(clipped: bool) -> None:
    x, net = faces(12) / 255, Scaled()
    sga = optimise(x, [net], Labels(clipped), Options(rounds=2, large=4, batch=4, passes=1, seed=5, **SGA))
    answers = net(x).argmax(1)
    delta, order = torch.zeros_like(x[0]), torch.Generator().manual_seed(16)
    for _ in range(2):
        for large in torch.randperm(12, generator=order).split(4):
            large = large.sort().values
            at = (x[large] + delta).clamp(0, 1).requires_grad_()
            logits = net(at)
            if clipped:
                loss = cross_entropy(logits, answers[large], reduction="none").clamp_max(9)
            else:
                loss = -logits[torch.arange(4), answers[large]]
            (g,) = torch.autograd.grad(loss.sum(), at)
            delta = (delta + 1 / 255 * g.mean(0).sign()).clamp(-10 / 255, 10 / 255)
    torch.testing.assert_close(sga.delta, delta, rtol=0, atol=0)
    assert (sga.steps, sga.gradients) == (6, 24)


def test_sga_counts_its_inner_steps() -> None:
    x, net = faces(12) / 255, Scaled()
    made = optimise(x, [net], Labels(), Options(rounds=3, large=6, batch=2, passes=4, **SGA))
    # 3 rounds x 2 large batches committed, M = 4 * 6 / 2 inner steps of 2 pictures each
    assert (made.steps, made.gradients) == (6, 6 * 12 * 2)


def test_a_universal_mask_moves_most_answers() -> None:
    x, net = faces(24) / 255, Scaled()
    made = optimise(x, [net], Labels(), Options(rounds=10, large=12, batch=3, passes=2, **SGA))
    clean = net(x).argmax(1)
    noise = (10 / 255) * torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(0)).sign()
    fooled, floor = (float((net((x + d).clamp(0, 1)).argmax(1) != clean).float().mean()) for d in (made.delta, noise))
    assert fooled > floor + 0.2


VARIANTS: dict[str, dict[str, Any]] = {
    "opom": {},
    "ga": {"batch": 2, "passes": 2},
    "ga with momentum": {"batch": 2, "passes": 2, "momentum": 0.9},
    "momentum per picture": {"momentum": 1.0, "per_image": True},
    "input diversity": {"diversity": 0.7},
    "universal": {"start": "zero", "large": 4, "batch": 2},
    "one noise": {"start": "noise", "momentum": 0.9},
    "small chunks": {"chunk": 2},
}


@pytest.mark.parametrize("extra", VARIANTS.values(), ids=list(VARIANTS))
def test_the_largest_change_holds_after_every_step_and_inside(extra: dict[str, Any]) -> None:
    x, steps, seen = faces(), list[Step](), list[Tensor]()
    net = ToyNet()

    def watched(images: Tensor) -> Tensor:
        seen.append(images.detach().clone())
        found: Tensor = net(images)
        return found

    def watch(step: Step) -> None:
        assert float(step.delta.abs().max()) <= 4
        steps.append(step)

    options = Options(epsilon=4, alpha=1.5, rounds=6, **extra)
    made = optimise(x, [watched], Subspace("centre"), options, progress=watch)
    assert [s.number for s in steps] == list(range(1, made.steps + 1))
    assert {s.of for s in steps} == {made.steps}
    assert torch.equal(steps[-1].delta, made.delta)
    assert float(made.delta.abs().max()) > 3
    if "diversity" not in extra:
        for shown in seen:  # every picture shown is within epsilon of a clean one, in the inner steps too
            apart = (shown.unsqueeze(1) - x).abs().amax((2, 3, 4)).amin(1)
            assert float(apart.max()) <= 4 + 1e-4


@pytest.mark.parametrize("extra", VARIANTS.values(), ids=list(VARIANTS))
def test_the_same_seed_gives_the_same_mask(extra: dict[str, Any]) -> None:
    def make(seed: int) -> Mask:
        nets = [DFANet(ToyNet(0), 0.1), ToyNet(1)]
        return optimise(faces(), nets, Subspace("centre"), Options(rounds=3, seed=seed, **extra))

    first, again, other = make(3), make(3), make(4)
    assert torch.equal(first.delta, again.delta)
    assert first.losses == again.losses
    assert not torch.equal(first.delta, other.delta)


@pytest.mark.parametrize("loss", SUBSPACE_LOSSES)
def test_a_mask_drives_features_from_the_person_and_noise_does_not(loss: Any) -> None:
    x, net = faces(8), ToyNet()
    made = optimise(x[:5], [net], Subspace(loss), Options(rounds=12))
    noise = 8 * torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(0)).sign()
    clean = normalize(net(x), dim=1)

    def lost(delta: Tensor) -> float:
        """1 - mean cosine of the unseen pictures, masked, to themselves."""
        moved = normalize(net((x[5:] + delta).clamp(0, 255)), dim=1)
        return 1 - float((moved * clean[5:]).sum(1).mean().detach())

    # a random network is smooth, so both are small; the noise is as large everywhere as the mask may be
    assert lost(made.delta) > 4 * lost(noise) > 0
    assert made.losses[-1] > made.losses[0]


def test_fi_uap_plus_and_the_class_centre_make_the_same_mask() -> None:
    x, net = faces(), ToyNet()
    a, b = (optimise(x, [net], Subspace(loss), Options(rounds=8)).delta for loss in ("fi-uap+", "centre"))
    # the same gradient twice over: only signs of values next to 0 may differ
    assert float((a == b).float().mean()) > 0.99


def test_the_clean_side_comes_from_all_pictures_also_in_small_batches() -> None:
    class Watched(Subspace):
        def loss(self, outputs: Tensor, reference: Tensor, index: Tensor, step: int) -> Tensor:
            assert (len(outputs), len(reference)) == (2, 6)
            return super().loss(outputs, reference, index, step)

    optimise(faces(), [ToyNet()], Watched("convex"), Options(rounds=2, batch=2))


def test_people_have_hulls_of_their_own() -> None:
    x, net = torch.cat([faces(3, 0), faces(4, 1)]), ToyNet()
    clean = normalize(net(x), dim=1).detach()
    masked = normalize(net(x + 3), dim=1).detach()
    both = Subspace("convex", people=torch.tensor([5, 5, 5, 2, 2, 2, 2]))
    index = torch.tensor([1, 4, 6])
    found = both.loss(masked[index], clean, index, 0)
    torch.testing.assert_close(found[:1], hulls.distance("convex", masked[1:2], clean[:3]))
    torch.testing.assert_close(found[1:], hulls.distance("convex", masked[[4, 6]], clean[3:]))
    assert both.needs(torch.tensor([4]), 7).tolist() == [3, 4, 5, 6]
    assert Subspace("fi-uap").needs(torch.tensor([4, 1]), 7).tolist() == [1, 4]
    assert Subspace("affine").needs(torch.tensor([4]), 7).tolist() == list(range(7))


def test_an_ensemble_is_the_mean_of_its_losses() -> None:
    x, a, b = faces(), ToyNet(0), ToyNet(1)
    both = optimise(x, [a, b], Subspace("centre"), Options(rounds=1))
    assert both.gradients == 12
    apart = [optimise(x, [n], Subspace("centre"), Options(rounds=1)).losses[0] for n in (a, b)]
    assert both.losses[0] == pytest.approx(sum(apart) / 2, rel=1e-5)
    twice = optimise(x, [a, a], Subspace("centre"), Options(rounds=4)).delta
    once = optimise(x, [a], Subspace("centre"), Options(rounds=4)).delta
    assert float((twice == once).float().mean()) > 0.99


def test_momentum_of_one_step_is_none() -> None:
    x, net = faces(), ToyNet()
    a, b = (optimise(x, [net], Subspace("centre"), Options(rounds=1, momentum=m)).delta for m in (0, 0.9))
    assert torch.equal(a, b)
    c, d = (optimise(x, [net], Subspace("centre"), Options(rounds=6, momentum=m)).delta for m in (0, 0.9))
    assert not torch.equal(c, d)


def test_a_given_start_is_taken() -> None:
    x, net = faces(), ToyNet()
    noise = own_noise(x, 8, 0)
    drawn = optimise(x, [net], Subspace("centre"), Options(rounds=3))
    for start in (noise, noise * 1.0):
        assert torch.equal(
            optimise(x, [net], Subspace("centre"), Options(rounds=3, seed=9), start=start).delta, drawn.delta
        )
    one = optimise(x, [net], Subspace("centre"), Options(rounds=1, start="zero"), start=noise[0] * 4)
    assert float(one.delta.abs().max()) <= 8


def test_dfanet_recomputes_the_clean_side_under_dropout() -> None:
    x, net = faces(), ToyNet()

    class Counting(DFANet):
        calls: list[tuple[int, bool]]

        def forward(self, images: Tensor) -> Tensor:
            self.calls.append((len(images), torch.is_grad_enabled()))
            return super().forward(images)

    thinned = Counting(net, 0.1)
    thinned.calls = []
    made = optimise(x, [thinned], Subspace("centre"), Options(rounds=2, batch=3))
    assert made.steps == 2
    # of each of the 4 inner steps: all clean ones without a gradient, then the batch
    assert thinned.calls == [(6, False), (3, True)] * 4
    thinned.calls = []

    class Classifier:
        """The same as a classifier of pictures in 0..1, whose own answers are the clean side."""

        def __call__(self, s: Tensor) -> Tensor:
            return thinned(s * 255)

        def plain(self, s: Tensor) -> Tensor:
            return thinned.plain(s * 255)

        def reseed(self, seed: int) -> None:
            thinned.reseed(seed)

    optimise(x / 255, [Classifier()], Labels(), Options(rounds=1, **SGA))
    # labels are those of the whole network, asked once without dropout: only the step itself goes through it
    assert thinned.calls == [(6, True)]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"rounds": 0}, "rounds is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"epsilon": 0}, "allow no step"),
        ({"low": 255.0}, "allow no step"),
        ({"diversity": 1.5}, "diversity is a probability"),
        ({"per_image": True, "batch": 2}, "sign per picture"),
    ],
)
def test_options_without_meaning_are_refused(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(UserFault, match=message):
        Options(**extra)


def test_pictures_that_do_not_fit_are_refused() -> None:
    net, loss = ToyNet(), Subspace("centre")
    with pytest.raises(UserFault, match="pictures of shape"):
        optimise(faces()[0], [net], loss)
    with pytest.raises(UserFault, match="pictures of shape"):
        optimise(faces().to(torch.uint8), [net], loss)
    with pytest.raises(UserFault, match="picture values"):
        optimise(faces() * 2, [net], loss)
    with pytest.raises(UserFault, match="picture values"):
        optimise(faces() * float("nan"), [net], loss)
    with pytest.raises(UserFault, match="no surrogate"):
        optimise(faces(), [], loss)
    with pytest.raises(UserFault, match="does not fit"):
        optimise(faces(), [net], loss, start=torch.zeros(3, 5, 5))
    with pytest.raises(UserFault, match="no loss is called"):
        Subspace("hull")  # type: ignore[arg-type]


def test_a_loss_without_slope_and_a_broken_network_are_told() -> None:
    with pytest.raises(UserFault, match="no slope at the start"):
        optimise(faces(), [ToyNet()], Subspace("fi-uap"), Options(start="zero"))
    with pytest.raises(FailedFault, match="not finite"):
        optimise(faces(), [lambda x: ToyNet()(x) * float("nan")], Subspace("fi-uap+"))


def test_progress_may_end_the_run() -> None:
    class StopError(Exception):
        pass

    def stop(step: Step) -> None:
        if step.number == 2:
            raise StopError

    with pytest.raises(StopError):
        optimise(faces(), [ToyNet()], Subspace("centre"), progress=stop)


def test_a_smoothed_gradient_keeps_its_sum_and_spreads() -> None:
    spike = torch.zeros(3, 21, 21)
    spike[1, 10, 10] = 1.0
    out = smoothed(spike, 1.0)
    assert float(out.sum()) == pytest.approx(1.0, abs=1e-6) and torch.equal(out[0], spike[0])
    wanted = torch.exp(-torch.arange(-2, 3).float().square() / 2)
    torch.testing.assert_close(out[1, 10, 8:13] / out[1, 10, 10], wanted)
    assert torch.equal(out[1], out[1].T)


def test_smoothing_is_what_the_step_follows() -> None:
    x, net = faces(), ToyNet()
    plain, soft = (
        optimise(x, [net], Subspace("centre"), Options(rounds=1, start="noise", smoothing=s)) for s in (0.0, 2.0)
    )
    rough = [float((m.delta[:, :, 1:] - m.delta[:, :, :-1]).abs().mean()) for m in (plain, soft)]
    assert not torch.equal(plain.delta, soft.delta) and rough[1] < rough[0]
    with pytest.raises(UserFault, match="smoothing 0 to 20"):
        Options(smoothing=-1.0)
