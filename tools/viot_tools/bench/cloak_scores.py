"""What one way of hiding people does to every recogniser: PSR, the share below threshold, looks, seconds.

Masked probes are cut off to whole values as the paper's test does. Shares of several seeds and several targets are
pooled, every interval draws people anew. Owns this measuring and its rows. Chooses no method.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row, bootstrap
from viot_tools.bench.cloak_cast import Faces, Sitter
from viot_tools.bench.cloak_made import Studio, Target
from viot_tools.cloak.likeness import psnr, ssim
from viot_tools.cloak.methods import Method, blur, noise
from viot_tools.cloak.psr import RANKS, Person, Share, below, difference, masked, pooled, psr
from viot_tools.cloak.views import filled

Figure = Callable[["Scores"], Share]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of hiding: a ``method``, with ``views`` pictures to learn from (0: the person's own alone); or without a
    method by what ``draw`` makes of pictures to learn from, epsilon and seed: a mask (3, 112, 112); or by a Gaussian of
    ``blur`` pixels. ``white``: the surrogates that a method uses, all where none is named. ``taught_by``: recognisers
    that taught whatever draws, which are no black boxes for it."""

    name: str
    method: Method | None = None
    views: int = 0
    blur: float = 0.0
    draw: Callable[[Faces, float, int], NDArray[np.floating]] | None = None
    white: tuple[str, ...] = ()
    taught_by: tuple[str, ...] = ()

    def ahead(self, studio: Studio, sitters: Sequence[Sitter], epsilon: float, seeds: Sequence[int]) -> None:
        """Have the masks made elsewhere, where the ``studio`` does that. Raises as ``Studio.ahead``."""
        if self.method is not None and studio.far is not None:
            each = [(s, self.method.but(epsilon=epsilon, seed=seed), seed) for seed in seeds for s in sitters]
            studio.ahead([(s, m, filled(list(s.learn), self.views, seed)) for s, m, seed in each], self.white)

    def hidden(self, studio: Studio, sitter: Sitter, epsilon: float, seed: int) -> tuple[Faces, float]:
        """(T, 112, 112, 3) the sitter's test pictures hidden, and the processor's seconds that the mask took."""
        if self.method is not None:
            learn = filled(list(sitter.learn), self.views, seed)
            made = studio.mask(sitter, self.method.but(epsilon=epsilon, seed=seed), learn, self.white)
            return np.asarray(masked(sitter.test, made.delta), np.uint8), made.seconds
        if self.blur:
            return blur(sitter.test, self.blur), 0.0
        assert self.draw is not None
        before = time.process_time()
        delta = self.draw(sitter.learn, epsilon, seed)
        return np.asarray(masked(sitter.test, delta), np.uint8), time.process_time() - before


NOISE = Way("noise", draw=lambda faces, epsilon, seed: noise((3, *faces.shape[1:3]), epsilon, seed).numpy())
BLUR = Way("blur", blur=2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Of one way over some sitters. ``psr[rank][target]`` and ``below[target]``: shares over sitters, seeds pooled.
    ``looks`` (P, 2) SSIM and PSNR and ``seconds`` (P,), means of each sitter."""

    way: str
    psr: Mapping[int, Mapping[str, Share]]
    below: Mapping[str, Share]
    looks: NDArray[np.float64]
    seconds: NDArray[np.float64]


def scores(
    way: Way,
    epsilon: float,
    seeds: Sequence[int],
    sitters: Sequence[Sitter],
    others: Faces,
    targets: Sequence[Target],
    studio: Studio,
) -> Scores:
    """One way at one epsilon. ``others``: the distractors' faces. Raises as ``Studio.mask`` and ``psr``."""
    if way.blur:
        seeds = seeds[:1]  # nothing is drawn
    way.ahead(studio, sitters, epsilon, seeds)
    probes = [[way.hidden(studio, s, epsilon, seed) for s in sitters] for seed in seeds]
    ranks: dict[int, dict[str, Share]] = {k: {} for k in RANKS}
    under: dict[str, Share] = {}
    for target in targets:
        strangers = studio.vectors(target, others)
        level = target.judge.threshold
        assert level is not None  # ``targets`` leaves out those without
        tops, lows = [], []
        for drawn in probes:
            people = [
                Person(studio.vectors(target, s.test), studio.vectors(target, hidden))
                for s, (hidden, _) in zip(sitters, drawn, strict=True)
            ]
            tops.append(psr(people, strangers))
            lows.append(below(people, level))
        for k in RANKS:
            ranks[k][target.name] = pooled([top[k] for top in tops])
        under[target.name] = pooled(lows)
    looks = [
        np.mean([
            (ssim(a, b), psnr(a, b)) for drawn in probes for a, b in zip(s.test, drawn[i][0], strict=True)
        ], axis=0)
        for i, s in enumerate(sitters)
    ]  # fmt: skip
    seconds = [float(np.mean([drawn[i][1] for drawn in probes])) for i in range(len(sitters))]
    return Scores(way.name, ranks, under, np.array(looks), np.array(seconds))


def found_by(targets: Sequence[Target], black: bool) -> list[str]:
    """The names of the black boxes, or of the white ones."""
    return [t.name for t in targets if t.black == black]


def not_found(names: Sequence[str], rank: int = 1) -> Figure:
    """PSR@rank, these targets together."""
    return lambda s: pooled([s.psr[rank][n] for n in names])


def rejected(names: Sequence[str]) -> Figure:
    """The share below threshold, these targets together."""
    return lambda s: pooled([s.below[n] for n in names])


def share_row(id_: str, metric: str, share: Share, model: str, floor: float | None = None) -> Row:
    """A share as a row of the report."""
    return Row(id_, metric, share.value, share.low, share.high, share.n, model, "hub", floor)


def gain_row(id_: str, metric: str, better: Share, worse: Share, model: str) -> Row:
    """A paired difference as a row."""
    return Row(id_, metric, *difference(better, worse), better.n, model, "hub")


def looks_rows(prefix: str, suffix: str, s: Scores, seed: int) -> list[Row]:
    """SSIM, PSNR and seconds, means over sitters."""
    found = []
    for key, metric, values in (
        ("ssim", "structural similarity", s.looks[:, 0]),
        ("psnr", "peak signal to noise, dB", s.looks[:, 1]),
        ("seconds", "processor seconds a person", s.seconds),
    ):
        if key == "seconds" and s.way in (NOISE.name, BLUR.name):
            continue
        low, high = bootstrap(list(values), seed)
        found.append(Row(f"{prefix}.{key}{suffix}", metric, float(values.mean()), low, high, len(values), "", "hub"))
    return found


def held(low: float, high: float) -> str:
    """What the interval of a paired difference says of an ordering."""
    return "confirmed" if low > 0 else "the other way round" if high < 0 else "not confirmed"


def verdict(better: Scores, worse: Scores, figures: Mapping[str, Figure]) -> str:
    """Whether an ordering holds by the paired interval of each figure, in words."""
    said = []
    for name, figure in figures.items():
        value, low, high = difference(figure(better), figure(worse))
        said.append(f"{name} {value:+.3f} ({low:+.3f} to {high:+.3f}) {held(low, high)}")
    return f"{better.way} over {worse.way}: {'; '.join(said)}"
