"""Fitting the scores of attributes and choosing from where on they are sure.

``python -m viot_tools.attributes.calibrate --data ../shared/data [--out calibration.json]``

prints ``calibration.json``; ``--out`` writes it. Only the half ``calibrate`` of ``annotations/attributes.json`` is
read; ``viot bench vision`` reports on the other.

Colours: one power and a bias a name, by gradient descent on the likelihood of the fair words, biases held small
(``TIE``). The network: a logistic curve an output. Levels are chosen on scores that did not see the file they are for
(the fit is made anew without each file): the lowest score from which ``RIGHT`` of at least ``ENOUGH`` are right. An
attribute of the network is told only when each of its values has a level: "no hat" alone
would be right of most people, and of no use. ``GIVEN_UP`` passed here and failed there. Owns the choice of numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_agent.weights import Weights, default_home
from viot_tools.attributes import looks
from viot_tools.attributes.judge import BINARY, COLOUR_NAMES, SOME, chance
from viot_tools.attributes.naming import COLOURS
from viot_tools.attributes.network import OUTPUTS, PersonNetwork
from viot_tools.bench.looks import Labelled, labelled

RIGHT: Final = 0.9
GIVEN_UP: Final = frozenset({"sex"})
"""0.75 of those told for sure were right on the other half, no more than by saying one sex of everybody."""
ENOUGH: Final = 8
LIKELY: Final = 0.7
"""No level is below this, whatever calibration allows: other cameras are less kind than those of the labels."""
TIE: Final = 0.05
STEPS, RATE = 400, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Shares (11,) of one labelled part, the fair colours (11,) 0 or 1, and how much it counts."""

    file: str
    shares: NDArray[np.float64]
    fair: NDArray[np.float64]
    weight: float


def samples(found: Sequence[Labelled], name: str) -> list[Sample]:
    """What calibration learns ``name`` of colours from; pictures of one vehicle count as one."""
    mine = [x for x in found if name in x.labels]
    sizes = {x.who: sum(y.who == x.who for y in mine) for x in mine}
    made = []
    for x in mine:
        shares = looks.paint(x.look) if name == "colour" else looks.clothes(x.look, name)
        if shares is not None:
            fair = np.array([float(c in x.labels[name]) for c in COLOURS])
            made.append(Sample(x.file, shares, fair, 1 / sizes[x.who]))
    return made


def fit(rows: Sequence[Sample]) -> dict[str, Any]:
    """Power and biases for colours, by Adam (Kingma and Ba, ICLR 2015) from power 1 and no bias."""
    logs = np.log(np.stack([r.shares for r in rows]) + SOME)
    fair, weight = np.stack([r.fair for r in rows]), np.array([r.weight for r in rows])
    weight = weight / weight.sum()
    x = np.concatenate([[1.0], np.zeros(len(COLOURS))])
    first, second = np.zeros_like(x), np.zeros_like(x)
    for step in range(1, STEPS + 1):
        p = _softmax(x[0] * logs + x[1:])
        right = p * fair
        gap = (p - right / right.sum(1, keepdims=True)) * weight[:, None]
        slope = np.concatenate([[float((gap * logs).sum()) + TIE * (x[0] - 1)], gap.sum(0) + TIE * x[1:]])
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        x = x - RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return {
        "power": round(float(x[0]), 3),
        "bias": {c: round(float(b), 3) for c, b in zip(COLOURS, x[1:], strict=True)},
    }


def predict(rows: Sequence[Sample], numbers: Mapping[str, Any]) -> NDArray[np.float64]:
    """(N, 11) the chances."""
    logs = np.log(np.stack([r.shares for r in rows]) + SOME)
    return _softmax(numbers["power"] * logs + np.array([numbers["bias"][c] for c in COLOURS]))


def held_out(rows: Sequence[Sample]) -> NDArray[np.float64]:
    """(N, 11) the chances, each by a fit that did not see its file."""
    out = np.zeros((len(rows), len(COLOURS)))
    for file in {r.file for r in rows}:
        inside = [i for i, r in enumerate(rows) if r.file == file]
        numbers = fit([r for r in rows if r.file != file])
        out[inside] = predict([rows[i] for i in inside], numbers)
    return out


def level(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """The lowest score from which at least ``RIGHT`` of ``ENOUGH`` or more are right; None where there is none."""
    if not scores:
        return None
    order = np.argsort(-np.asarray(scores), kind="stable")
    ranked = np.asarray(scores, np.float64)[order]
    shares, ranks = (
        np.cumsum(np.asarray(right, float)[order]) / np.arange(1, len(order) + 1),
        np.arange(1, len(order) + 1),
    )
    last = np.append(ranked[1:] < ranked[:-1], True)  # a level takes all of one score or none
    good = np.flatnonzero((shares >= RIGHT) & (ranks >= ENOUGH) & last)
    return max(LIKELY, float(np.floor(ranked[good[-1]] * 1e4) / 1e4)) if len(good) else None


def curve(scores: Sequence[float], yes: Sequence[bool]) -> dict[str, float]:
    """Platt's logistic curve on the log-odds of the network's output, by Newton's method, tied a little to (1, 0)."""
    p = np.clip(np.asarray(scores, np.float64), 1e-4, 1 - 1e-4)
    x = np.stack([np.log(p / (1 - p)), np.ones(len(p))], 1)
    y, at, prior = np.asarray(yes, np.float64), np.array([1.0, 0.0]), np.array([1.0, 0.0])
    for _ in range(50):
        q = 1 / (1 + np.exp(-np.clip(x @ at, -40, 40)))
        slope = x.T @ (q - y) + 0.5 * (at - prior)
        bend = (x * (q * (1 - q))[:, None]).T @ x + 0.5 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        at = at - step / max(1.0, float(np.linalg.norm(step)))  # full steps overshoot where few say yes
    return {"weight": round(float(at[0]), 4), "bias": round(float(at[1]), 4)}


def numbers(found: Sequence[Labelled], plain: Sequence[Labelled], network: PersonNetwork) -> dict[str, Any]:
    """The whole ``calibration.json``. ``found`` has key points of the body, ``plain`` are the same without, as the
    builtin tier sees them: colours must serve both."""
    colours: dict[str, Any] = {}
    chosen: dict[str, Any] = {}
    for name in COLOUR_NAMES:
        rows = samples(found, name) + ([] if name == "colour" else samples(plain, name))
        if len(rows) < ENOUGH:
            raise UserFault(f"{len(rows)} labelled pictures for {name}", fix="pass --data with the footage")
        p = held_out(rows)
        right = [bool(r.fair[i]) for r, i in zip(rows, p.argmax(1), strict=True)]
        least = level(p.max(1).tolist(), right)
        colours[name] = {**fit(rows), "sure": 1.0 if least is None else least}
        chosen[name] = {"n": len(rows), "right": round(float(np.mean(right)), 3)}
    people = [x for x in found if x.kind == "people"]
    reads = [network.read(x.look.image).scores for x in people]
    curves: dict[str, dict[str, float]] = {}
    sure: dict[str, dict[str, float]] = {}
    for name, (output, yes, no) in BINARY.items():
        mine = [(x, r) for x, r in zip(people, reads, strict=True) if name in x.labels]
        curves[output] = _curve(mine, name, output, yes)
        sure[name] = _levels(mine, name, output, yes, no)
    told = {name: each for name, each in sure.items() if len(each) > 1 and name not in GIVEN_UP}
    return {
        "command": "python -m viot_tools.attributes.calibrate --data DIR",
        "colours": colours,
        "network": {BINARY[name][0]: curves[BINARY[name][0]] for name in told},
        "sure": told,
        "chosen_on": chosen,
    }


def _curve(mine: Sequence[tuple[Labelled, NDArray[np.float32]]], name: str, output: str, yes: str) -> dict[str, float]:
    """The curve of one output, from people with the label ``name`` and their numbers."""
    i = OUTPUTS.index(output)
    return curve([float(r[i]) for _, r in mine], [x.labels[name][0] == yes for x, _ in mine])


def _levels(
    mine: Sequence[tuple[Labelled, NDArray[np.float32]]], name: str, output: str, yes: str, no: str
) -> dict[str, float]:
    """value -> level, of the values that reach one, by scores that did not see their file."""
    i = OUTPUTS.index(output)
    said: dict[str, list[tuple[float, bool]]] = {}
    for file in sorted({x.file for x, _ in mine}):
        by = _curve([m for m in mine if m[0].file != file], name, output, yes)
        for x, r in (m for m in mine if m[0].file == file):
            p = chance(float(r[i]), by)
            value, score = (yes, p) if p >= 0.5 else (no, 1 - p)
            said.setdefault(value, []).append((score, value in x.labels[name]))
    levels = {v: level([s for s, _ in each], [t for _, t in each]) for v, each in sorted(said.items())}
    return {v: x for v, x in levels.items() if x is not None}


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    each = np.exp(x - x.max(1, keepdims=True))
    return np.asarray(each / each.sum(1, keepdims=True))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="laid out like ../shared/data")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    from viot_tools.pose.movenet import MoveNet

    base = Weights.from_env()
    local = base.models_dir or (args.data / "models" if (args.data / "models").is_dir() else None)
    weights = Weights(default_home(), local, "hub")
    found = labelled(args.data, "calibrate", MoveNet(weights).estimate)
    text = json.dumps(numbers(found, labelled(args.data, "calibrate"), PersonNetwork(weights)), indent=1) + "\n"
    if args.out is None:
        sys.stdout.write(text)
    else:
        args.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
