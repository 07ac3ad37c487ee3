"""What the studies found, as rows and sentences: means and intervals over seeds, differences paired by seed, and
whether a paper's claim is shown. The sentences are made from the intervals; nobody writes a verdict by hand.

Intervals are Student's t over seeds, 95 % each, not adjusted for their number. Owns the statistics and the words. Knows
not how a run is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from viot_agent.bench.report import Row

Runs = Sequence[Mapping[str, Any]]
"""The figures of one method, a run for each seed."""
Interval = tuple[float, float, float]
"""Mean, low, high."""
COMPARABLE = 0.01
"""Accuracy by which a net may lie behind and still count as comparable."""


def interval(values: Sequence[float]) -> Interval:
    """Mean, and its 95 % interval by Student's t (nan for one value)."""
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def rows(id_: str, model: str, runs: Runs, floor: tuple[float, float | None], real_floor: float | None) -> list[Row]:
    """Accuracy on drawn people, true accepts where there are pairs enough, accuracy on real people who judged.
    ``floor``: accuracy and true accepts of bare pixels on the same drawn people."""

    def row(suffix: str, figure: str, metric: str, tier: str, low: float | None) -> Row:
        return Row(id_ + suffix, metric, *interval([r[figure] for r in runs]), len(runs), model, tier, low)

    found = [row("", "accuracy", "accuracy", "drawn", floor[0])]
    if all(r["tar"] is not None for r in runs):
        found.append(row(".tar", "tar", "TAR at FAR 1 %", "drawn", floor[1]))
    if real_floor is not None:
        found.append(row(".real", "real_accuracy", "accuracy", "real", real_floor))
    return found


def differences(id_: str, model: str, a: Runs, b: Runs, metric: str) -> tuple[list[Row], Interval]:
    """Accuracy of ``a`` minus that of ``b``, seed by seed: the rows, and the interval on drawn people."""
    found = []
    for figure, suffix, tier in (("accuracy", "", "drawn"), ("real_accuracy", ".real", "real")):
        if all(figure in r for r in (*a, *b)):
            apart = interval([x[figure] - y[figure] for x, y in zip(a, b, strict=True)])
            found.append(Row(id_ + suffix, metric, *apart, len(a), model, tier, 0.0))
    return found, interval([x["accuracy"] - y["accuracy"] for x, y in zip(a, b, strict=True)])


def points(name: str, apart: Interval) -> str:
    """``name +1.2 (+0.3 to +2.1)``, in points of accuracy."""
    return f"{name} {100 * apart[0]:+.1f} ({100 * apart[1]:+.1f} to {100 * apart[2]:+.1f})"


def claim(words: str, found: Mapping[str, Interval], least: float = 0.0) -> str:
    """Whether a claim holds against each of ``found``: shown where the interval lies above ``least``, the contrary
    where it lies below, else neither; as a whole only where it is shown against all."""
    shown = [name for name, (_, low, _) in found.items() if low > least]
    contrary = [name for name, (_, _, high) in found.items() if high < least]
    neither = [name for name in found if name not in shown and name not in contrary]
    parts = [
        f"{said} {', '.join(names)}"
        for said, names in (
            ("shown against", shown), ("the contrary shown against", contrary), ("neither shown against", neither),
        )
        if names
    ]  # fmt: skip
    whole = "SHOWN" if len(shown) == len(found) else "NOT SHOWN"
    return f"{words}: {whole} ({'; '.join(parts)})"


def against(
    id_: str, name: str, ours: Runs, others: Mapping[str, Runs], tail: str = ""
) -> tuple[list[Row], dict[str, Interval]]:
    """:func:`differences` of one method to each of the ``others``, rows ``ID.NAME-OTHER`` and ``tail``."""
    found: list[Row] = []
    apart: dict[str, Interval] = {}
    for other, theirs in others.items():
        more, apart[other] = differences(
            f"{id_}.{name}-{other}{tail}", f"{name} - {other}", ours, theirs, "accuracy gained"
        )
        found += more
    return found, apart


def told(words: str, found: Mapping[str, Interval]) -> str:
    """``WORDS: a +1.2 (+0.3 to +2.1); b ...``."""
    return f"{words}: {'; '.join(points(name, value) for name, value in found.items())}"


def noise(
    results: Mapping[tuple[str, int], Runs], losses: Sequence[str], shares: Sequence[int]
) -> tuple[list[Row], list[str]]:
    """SFace against the other losses; ``results`` by loss and per cent of wrong labels."""
    found: list[Row] = []
    notes: list[str] = []
    others = [loss for loss in losses if loss != "sface"]
    for share in shares:
        rivals = {loss: results[loss, share] for loss in others}
        more, apart = against("faces.noise", "sface", results["sface", share], rivals, f".{share}")
        found += more
        notes.append(told(f"SFace minus others at {share} % wrong labels, points of accuracy on drawn people", apart))
        if share:
            words = f"the claim of SFace's paper, at {share} % wrong labels more accurate than the other losses"
            notes.append(claim(words, apart))
    worst = shares[-1]
    lost, less = {}, {}
    for loss in losses:
        more, lost[loss] = differences(
            f"faces.noise.{loss}.lost{worst}", loss, results[loss, worst], results[loss, shares[0]], "accuracy gained"
        )
        found += more
    for loss in others:
        both = [
            ((x["accuracy"] - x0["accuracy"]) - (y["accuracy"] - y0["accuracy"]))
            for x, x0, y, y0 in zip(
                results["sface", worst], results["sface", shares[0]], results[loss, worst], results[loss, shares[0]],
                strict=True,
            )
        ]  # fmt: skip
        less[loss] = interval(both)
        found.append(
            Row(
                f"faces.noise.sface-{loss}.lost{worst}", "accuracy gained", *less[loss], len(both), f"sface - {loss}",
                "drawn", 0.0,
            )
        )  # fmt: skip
    notes.append(told(f"from {shares[0]} to {worst} % wrong labels", lost))
    notes.append(told("how much less SFace loses than others, points of accuracy on drawn people", less))
    notes.append(claim(f"SFace loses less than the other losses from {shares[0]} to {worst} % wrong labels", less))
    return found, notes


def transformer(
    results: Mapping[str, Runs], transformers: Sequence[str], convolutions: Sequence[str]
) -> tuple[list[Row], list[str]]:
    """Face Transformers against convolutions of the same cost, and overlapping patches against others."""
    found: list[Row] = []
    notes: list[str] = []
    for name in transformers:
        more, apart = against("faces.transformer", name, results[name], {c: results[c] for c in convolutions})
        found += more
        notes.append(told(f"{name} minus others, points of accuracy on drawn people", apart))
        words = (
            f"the claim of Face Transformer's paper (made for millions of pictures), {name} comparable to convolutions"
        )
        notes.append(claim(f"{words} of its cost, at most {100 * COMPARABLE:g} point behind", apart, -COMPARABLE))
    plain, overlapping = transformers[0], transformers[-1]
    more, apart = against("faces.transformer", overlapping, results[overlapping], {plain: results[plain]})
    found += more
    notes.append(claim(f"overlapping patches are more accurate, {points(overlapping, apart[plain])}", apart))
    return found, notes
