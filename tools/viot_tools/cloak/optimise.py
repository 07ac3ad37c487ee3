"""The one optimiser of all cloaks: an outer loop of committed sign steps, an inner loop that estimates the gradient.

In pixels ``x`` of N pictures, mask ``d`` (C, H, W) with ``|d| <= epsilon`` everywhere:

1. The mask starts at 0, at one noise for all, or, as OPOM does, at a noise of every picture's own.
2. A large batch is chosen (all pictures, or ``large`` of a shuffled round). ``M = ceil(passes * large / batch)`` times,
   ``batch`` pictures are drawn from it without replacement, the mean gradient ``g_m`` of the loss is taken at
   ``clip(x + d')``, and the pre-search mask moves, ``d' <- clip(d' + alpha sign(g_m))``.
3. ``d <- clip(d + alpha sign(mean_m g_m))``, or the sign of its momentum ``v <- momentum v + g / mean|g|``. The
   pre-search mask is thrown away. That is one committed step.

``batch = all, passes = 1`` is OPOM's optimiser (Zhong and Deng, TPAMI 2022) for one person and SPGD for a classifier;
smaller batches are gradient accumulation, GA (Liu et al., arXiv 2401.01575) and SGA (Liu et al., ICCV 2023). With
OPOM's start the mask is the mean of ``clip(x + d) - x`` before each step, so it fades where most pictures are black or
white. The clean side of the loss always comes from all N pictures, also where a batch is smaller.

Owns the loop and its random numbers. Knows neither faces nor files; networks are callables, losses ``Objective``s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from viot_agent.errors import FailedFault, UserFault
from viot_tools.cloak.losses import Objective

Network = Callable[[Tensor], Tensor]
"""Pictures (N, 3, H, W) float RGB, on the scale of ``Options.low`` to ``high``, to outputs (N, D), not normalised."""


@runtime_checkable
class Stochastic(Protocol):
    """A network that answers differently each time (``dfanet.DFANet``)."""

    def reseed(self, seed: int) -> None: ...

    def plain(self, images: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All choices of a run. Raises UserFault for a combination without meaning."""

    epsilon: float = 8.0
    """Largest change of any value, on the scale of ``low`` to ``high``."""
    alpha: float = 1.0
    """Size of every sign step."""
    rounds: int = 16
    """Times that all pictures are gone through: committed steps, where ``large`` is not set."""
    batch: int | None = None
    """Pictures of an inner step (GA's b, SGA's |SB|); None: the whole large batch."""
    passes: int = 1
    """Inner passes over the large batch (K)."""
    large: int | None = None
    """Pictures of a committed step (SGA's |LB|), shuffled every round; None: all."""
    momentum: float = 0.0
    """Decay of the direction's momentum (Dong et al., MI-FGSM, CVPR 2018); 0: none."""
    per_image: bool = False
    """Momentum and sign per picture, and the mean of their steps, as OPOM's variant with momentum does."""
    diversity: float = 0.0
    """Probability that a pass sees its pictures smaller and moved (Xie et al., input diversity, CVPR 2019)."""
    smallest: float = 0.85
    """Least side of such a picture, as a share."""
    smoothing: float = 0.0
    """Pixels: every gradient is blurred by a Gaussian of this deviation, as if the loss were taken of moved pictures
    too (Dong et al., translation-invariant attacks, CVPR 2019); 0: none."""
    start: Literal["images", "noise", "zero"] = "images"
    """A noise of each picture's own (OPOM), one noise for all, or none (SGA)."""
    low: float = 0.0
    high: float = 255.0
    seed: int = 0
    chunk: int = 64
    """Most pictures of one pass; changes memory and rounding, and the draws of input diversity and of networks that
    answer differently each time, which are made for every pass."""

    def __post_init__(self) -> None:
        whole = {"rounds": self.rounds, "passes": self.passes, "chunk": self.chunk}
        whole |= {k: v for k, v in (("batch", self.batch), ("large", self.large)) if v is not None}
        for name, value in whole.items():
            if value < 1:
                raise UserFault(f"{name} is {value}", fix="a whole number from 1")
        if not (self.epsilon > 0 and self.alpha > 0 and self.low < self.high):
            raise UserFault(
                f"epsilon {self.epsilon:g}, alpha {self.alpha:g} on {self.low:g} to {self.high:g} allow no step",
                fix="epsilon and alpha above 0, low under high",
            )
        if not (0 <= self.diversity <= 1 and 0 < self.smallest <= 1 and self.momentum >= 0 <= self.smoothing <= 20):
            raise UserFault(
                "diversity is a probability, smallest a share above 0, momentum not negative, smoothing 0 to 20",
                fix="set them so",
            )
        if self.per_image and (self.large is not None or self.batch is not None or self.start != "images"):
            raise UserFault(
                "a sign per picture needs every picture in every step", fix="leave batch, large and start unset"
            )


@dataclass(frozen=True, slots=True)
class Step:
    """A committed step, for progress: ``number`` of ``of``, mean ``loss`` where its gradient was taken, the mask after
    it."""

    number: int
    of: int
    loss: float
    delta: Tensor


@dataclass(frozen=True, slots=True)
class Mask:
    """``delta`` (C, H, W) float32 on the pictures' device; how it was made, and what it cost: committed ``steps``,
    ``gradients`` = pictures times networks that a gradient was taken for; ``losses`` of the steps."""

    delta: Tensor
    options: Options
    steps: int
    gradients: int
    losses: tuple[float, ...]


def optimise(
    images: Tensor,
    networks: Sequence[Network],
    objective: Objective,
    options: Options | None = None,
    *,
    start: Tensor | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Mask:
    """One mask for all ``images`` (N, C, H, W) float on the scale of the options. ``start``: a mask (C, H, W) or a mask
    for each picture (N, C, H, W), in place of the drawn one, clipped to epsilon. ``progress`` is called after every
    committed step and may end the run by raising.

    The same arguments give the same mask, on the same device and threads. Raises UserFault for pictures or a start that
    do not fit, or when the loss has no slope at the start (the distance to one's own feature has none without noise);
    FailedFault when a network's gradient is not finite.
    """
    options = options or Options()
    _check(images, networks, options, start)
    images = images.detach()
    run = _Run(images, networks, objective, options)
    if start is None:
        if options.start == "zero":
            start = torch.zeros_like(images[0])
        else:
            start = run.noise(images.shape if options.start == "images" else images.shape[1:])
    start = start.to(images).clamp(-options.epsilon, options.epsilon)
    state: _Shared | _Mean = _Shared(images, start, options)
    if options.start == "images":
        state = _Mean(images, images + start, start.expand_as(images).mean(0), options)
    steps = options.rounds * len(run.large_batches(shuffled=False))
    velocity: Tensor | None = None
    for _ in range(options.rounds):
        for large in run.large_batches(shuffled=True):
            direction, loss = run.accumulate(state, large)
            if not run.losses and not bool(direction.any()):
                raise UserFault(
                    "the loss has no slope at the start, so no step can be taken",
                    fix="start from noise (start='images' or 'noise'), or take another loss",
                )
            if options.momentum:
                direction = _normalised(direction)
                velocity = direction if velocity is None else options.momentum * velocity + direction
                direction = velocity
            state = state.moved(direction)
            run.losses.append(loss)
            if progress is not None:
                progress(Step(len(run.losses), steps, loss, state.delta.clone()))
    return Mask(state.delta.clone(), options, len(run.losses), run.gradients, tuple(run.losses))


@dataclass(frozen=True, slots=True)
class _Shared:
    """One mask, the same on every picture."""

    images: Tensor
    delta: Tensor
    options: Options

    def at(self, index: Tensor) -> Tensor:
        return (self.images[index] + self.delta).clamp(self.options.low, self.options.high)

    def moved(self, direction: Tensor) -> _Shared:
        o = self.options
        return replace(self, delta=(self.delta + o.alpha * direction.sign()).clamp(-o.epsilon, o.epsilon))


@dataclass(frozen=True, slots=True)
class _Mean:
    """OPOM's mask: the mean of what was added to the pictures, which may differ before the first step."""

    images: Tensor
    points: Tensor
    delta: Tensor
    options: Options

    def at(self, index: Tensor) -> Tensor:
        return self.points[index]

    def moved(self, direction: Tensor) -> _Mean:
        o = self.options
        points = self.points + o.alpha * direction.sign()
        delta = (points - self.images).mean(0).clamp(-o.epsilon, o.epsilon)
        return replace(self, points=(self.images + delta).clamp(o.low, o.high), delta=delta)


@dataclass(slots=True)
class _Run:
    """What one run draws and counts."""

    images: Tensor
    networks: Sequence[Network]
    objective: Objective
    options: Options
    gradients: int = 0
    losses: list[float] = field(default_factory=list)
    _references: list[Tensor] = field(init=False)
    _starts: torch.Generator = field(init=False)
    _draws: torch.Generator = field(init=False)
    _diversity: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        seed = self.options.seed
        # apart, so that two options which differ in one kind of draw share the others
        self._starts, self._draws, self._diversity = (
            torch.Generator().manual_seed(3 * seed + kind) for kind in range(3)
        )
        for i, network in enumerate(self.networks):
            if isinstance(network, Stochastic):
                network.reseed(1_000_003 * seed + i)
        everything = torch.arange(len(self.images), device=self.images.device)
        self._references = [self._reference(n, everything, plain=True) for n in self.networks]

    def noise(self, shape: Sequence[int]) -> Tensor:
        """Uniform in -epsilon to epsilon."""
        drawn = torch.rand(tuple(shape), generator=self._starts)
        return ((2 * drawn - 1) * self.options.epsilon).to(self.images)

    def large_batches(self, *, shuffled: bool) -> list[Tensor]:
        n, large = len(self.images), self.options.large
        if large is None or large >= n:
            return [torch.arange(n, device=self.images.device)]
        order = torch.randperm(n, generator=self._draws) if shuffled else torch.arange(n)
        return [part.sort().values.to(self.images.device) for part in torch.split(order, large)]

    def accumulate(self, state: _Shared | _Mean, large: Tensor) -> tuple[Tensor, float]:
        """The mean of the inner steps' gradients, and of their losses."""
        batch = min(self.options.batch or len(large), len(large))
        count = math.ceil(self.options.passes * len(large) / batch)
        total: Tensor | None = None
        losses = 0.0
        for i in range(count):
            drawn = large
            if batch < len(large):
                drawn = large[torch.randperm(len(large), generator=self._draws)[:batch].sort().values.to(large.device)]
            gradient, loss = self.gradient(state, drawn)
            total = gradient if total is None else total + gradient
            losses += loss
            if i + 1 < count:
                state = state.moved(gradient)
        assert total is not None
        return total / count, losses / count

    def gradient(self, state: _Shared | _Mean, index: Tensor) -> tuple[Tensor, float]:
        """Mean gradient (C, H, W) and loss over the pictures ``index``; (N, C, H, W), not averaged, with a sign per
        picture."""
        references = [self._fresh(i, index) for i in range(len(self.networks))]
        step = len(self.losses)
        parts: list[Tensor] = []
        losses = 0.0
        for part in torch.split(index, self.options.chunk):
            points = state.at(part).detach().requires_grad_()
            seen = self._diverse(points)
            loss = torch.zeros((), device=points.device)
            for network, reference in zip(self.networks, references, strict=True):
                loss = loss + self.objective.loss(network(seen), reference, part, step).sum()
            (found,) = torch.autograd.grad(loss, points)
            parts.append(found if self.options.per_image else found.sum(0, keepdim=True))
            losses += float(loss.detach())
        self.gradients += len(index) * len(self.networks)
        gradient = torch.cat(parts)
        if not bool(gradient.isfinite().all()):
            raise FailedFault("a surrogate's gradient is not finite", fix="check the surrogate's weights and inputs")
        if not self.options.per_image:
            gradient = gradient.sum(0) / len(index)
        if self.options.smoothing:
            gradient = smoothed(gradient, self.options.smoothing)
        return gradient, losses / (len(index) * len(self.networks))

    def _fresh(self, which: int, index: Tensor) -> Tensor:
        """The clean side of the loss for one network, asked again where the network answers differently each time."""
        network, kept = self.networks[which], self._references[which]
        if not isinstance(network, Stochastic):
            return kept
        needed = self.objective.needs(index, len(self.images))
        if len(needed) == 0:
            return kept
        return kept.index_copy(0, needed, self._reference(network, needed, plain=False))

    def _reference(self, network: Network, index: Tensor, *, plain: bool) -> Tensor:
        ask = network.plain if plain and isinstance(network, Stochastic) else network
        with torch.no_grad():
            return torch.cat(
                [self.objective.reference(ask(self.images[p])) for p in torch.split(index, self.options.chunk)]
            )

    def _diverse(self, points: Tensor) -> Tensor:
        """With probability ``diversity``, the pictures at a smaller size, somewhere on a black ground."""
        o = self.options
        if not o.diversity or float(torch.rand((), generator=self._diversity)) >= o.diversity:
            return points
        height, width = points.shape[-2:]
        share = o.smallest + (1 - o.smallest) * float(torch.rand((), generator=self._diversity))
        h, w = max(1, round(height * share)), max(1, round(width * share))
        small = interpolate(points, size=(h, w), mode="bilinear", align_corners=False)
        top, left = (int(torch.randint(0, room + 1, (), generator=self._diversity)) for room in (height - h, width - w))
        return pad(small, (left, width - w - left, top, height - h - top), value=o.low)


def smoothed(gradient: Tensor, deviation: float) -> Tensor:
    """A gradient (..., C, H, W) under a Gaussian of ``deviation`` pixels, cut off at twice that; 0 beyond the rim."""
    reach = math.ceil(2 * deviation)
    at = torch.arange(-reach, reach + 1).to(gradient)
    line = torch.exp(-at.square() / (2 * deviation**2))
    line = line / line.sum()
    flat = gradient.reshape(-1, 1, *gradient.shape[-2:])
    flat = conv2d(flat, line.view(1, 1, -1, 1), padding=(reach, 0))
    return conv2d(flat, line.view(1, 1, 1, -1), padding=(0, reach)).reshape(gradient.shape)


def _normalised(direction: Tensor) -> Tensor:
    """Divided by the mean of its absolute values, of each picture by itself where there are several; 0 stays 0."""
    size = direction.abs().mean(dim=(-3, -2, -1), keepdim=True)
    return direction / torch.where(size > 0, size, 1.0)


def _check(images: Tensor, networks: Sequence[Network], options: Options, start: Tensor | None) -> None:
    if images.ndim != 4 or not len(images) or not images.is_floating_point():
        raise UserFault(
            f"pictures of shape {tuple(images.shape)} and type {images.dtype}",
            fix="give (N, 3, H, W) floating point, at least one",
        )
    if not networks:
        raise UserFault("no surrogate network was given", fix="give at least one")
    low, high = float(images.min()), float(images.max())
    if not (low >= options.low and high <= options.high):  # also false for NaN
        raise UserFault(
            f"picture values from {low:g} to {high:g}", fix=f"bring them to {options.low:g} to {options.high:g}"
        )
    shapes = (images.shape[1:], images.shape) if options.start == "images" else (images.shape[1:],)
    if start is not None and start.shape not in shapes:
        raise UserFault(
            f"a start of shape {tuple(start.shape)} does not fit {tuple(images.shape)}", fix="give one mask"
        )
