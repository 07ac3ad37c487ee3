"""The head that reads whether a follow-up waits for something seen or not seen, fitted to the authored conditions.

Owns its labels: of each row, by the author's own examples of *met* and *unmet*. The nets are fitted before and do not
change.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from viot_agent.bench.verdict import verdict_of
from viot_agent.llm.mini.checks import finds
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.polarity import OTHER, SEEN, UNSEEN, Head
from viot_finetune.instruct.fill import Example, fill
from viot_finetune.instruct.pools import Half
from viot_finetune.instruct.site import CLEAN
from viot_finetune.mini.prepare import reading_of

RENDERINGS, DECAY, STEPS, RATE = 3, 0.06, 300, 0.005
"""Decay was chosen by five folds over the phrasings that were learnt from."""
Labelled = tuple[Example, int]


def labelled(rows: Sequence[dict[str, Any]], half: Half, seed: int = 0) -> Iterator[Labelled]:
    """Fillings of the rows of one turn whose conditions hang on one call that looks for one thing. Rows whose *met* and
    *unmet* do not tell whether it was seen are left out."""
    rng = random.Random(seed)
    for row in rows:
        label = _label(row.get("steps", ()))
        if label is not None:
            for _ in range(RENDERINGS):
                yield fill(row, rng, half, CLEAN)[0], label


def _label(steps: Sequence[Mapping[str, Any]]) -> int | None:
    whens = {str(s["when"]) for s in steps if "when" in s}
    tested = {int(re.sub(r"\D", "", w)) - 1 for w in whens}
    if len(tested) != 1:
        return None
    step = steps[tested.pop()]
    if not finds(step["tool"], step["args"]):
        return None
    if len(whens) > 1:
        return OTHER
    met, unmet = (
        sum(verdict_of(step["tool"], o) == "found" for o in step["obs"][kind]) / len(step["obs"][kind])
        for kind in ("met", "unmet")
    )
    if met == unmet:
        return None
    return SEEN if (met > unmet) == (whens == {w for w in whens if not w.startswith("not")}) else UNSEEN


def _table(planner: Planner, cases: Sequence[Labelled]) -> npt.NDArray[np.float32]:
    return np.stack([planner.words_of_condition(reading_of(example, ())) for example, _ in cases])


def fit(planner: Planner, rows: Sequence[dict[str, Any]], seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """The head's arrays, by multinomial logistic regression (Adam, full batches; repeatable)."""
    cases = list(labelled(rows, "train", seed))
    found = torch.from_numpy(_table(planner, cases))
    labels = torch.tensor([label for _, label in cases])
    mean, spread = found.mean(0), found.std(0) + 1e-6
    torch.manual_seed(seed)
    linear = torch.nn.Linear(found.shape[1], 3)
    optimiser = torch.optim.Adam(linear.parameters(), lr=RATE)
    inputs = (found - mean) / spread
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(linear(inputs), labels) + DECAY * linear.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        weight = linear.weight / spread
        return {"weight": weight.numpy(), "bias": (linear.bias - weight @ mean).numpy()}


def judged(planner: Planner, head: Head, rows: Sequence[dict[str, Any]]) -> str:
    """A line on the conditions of rows that were not learnt from: how many are read rightly, wrongly, not at all."""
    cases = [c for c in labelled(rows, "test", 1) if c[1] != OTHER]
    said = [head.waits_for(planner.words_of_condition(reading_of(example, ()))) for example, _ in cases]
    right = sum(s is not None and s == (label == SEEN) for s, (_, label) in zip(said, cases, strict=True))
    silent = sum(s is None for s in said)
    seen = sum(label == SEEN for _, label in cases)
    return (
        f"Conditions on something seen or not seen, {len(cases)} fillings: {right} read rightly, "
        f"{len(cases) - right - silent} wrongly, {silent} not (always *seen*: {seen} rightly)."
    )
