"""From judged cases to figures: averages with 95 % intervals, by level, tag and slice.

Renderings of one family are not independent, so the bootstrap draws families, not cases. Owns the list of figures and
their ids. Does not judge and does not print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from viot_agent.bench.score import Judged

DRAWS = 1000
MOST_FAILURES = 400

Pick = Callable[[Judged], float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its interval; ``n`` cases."""

    id: str
    metric: str
    value: float
    low: float
    high: float
    n: int


METRICS: tuple[tuple[str, str, Pick], ...] = (
    ("SR", "cases right in everything", lambda j: float(j.sr)),
    ("SR_t", "tool or no tool, rightly", lambda j: float(j.sr_t)),
    ("SR_act", "the right tools", lambda j: float(j.sr_act)),
    ("SR_args", "calls right in every argument", lambda j: j.sr_args),
    ("edge_f1", "F1 of dependencies", lambda j: j.edge),
    ("evidence_f1", "F1 of evidence", lambda j: j.evidence),
    ("answer", "answers right", lambda j: float(j.answer)),
    ("state", "final states right", lambda j: float(j.state)),
    ("irrelevance", "no tool where none is wanted", lambda j: None if j.idle is None else float(j.idle)),
    ("violations", "forbidden calls a case", lambda j: float(j.violations)),
    ("parse_failures", "runs ended by unreadable text", lambda j: float(j.broken)),
    ("parse_failures.raw", "unreadable texts a case, before the retry", lambda j: float(j.broken_raw)),
    ("loops", "runs ended by repetition or the step limit", lambda j: float(j.loops)),
    ("loops.raw", "calls written again a case, before the guard", lambda j: float(j.loops_raw)),
    ("thought.needed", "thoughts right about a tool being needed", lambda j: _mean(j.needed)),
    ("thought.goals", "F1 of the sub-goals that thoughts name", lambda j: _mean(j.goals)),
    ("seconds", "seconds a case", lambda j: j.seconds),
    ("tokens", "tokens written a case", lambda j: float(j.tokens)),
)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def figures(judged: Sequence[Judged], seed: int, *, unseen: Sequence[str] = ()) -> list[Figure]:
    """All figures of a suite that these cases can give."""
    main = [j for j in judged if j.case.part in ("main", "outside")]
    out = [f for name, words, pick in METRICS if (f := _figure(name, words, main, pick, seed))]
    out += _passes(main, seed)
    right = METRICS[0][2]
    groups: list[tuple[str, str, list[Judged]]] = []
    for level in sorted({j.case.level for j in main} - {""}):
        groups.append((f"{level}.SR", f"level {level}", [j for j in main if j.case.level == level]))
    for size in sorted({j.case.plan.size for j in main if j.case.plan is not None}):
        mine = [j for j in main if j.case.plan is not None and j.case.plan.size == size]
        groups.append((f"cameras.{size}.SR", f"{size} cameras", mine))
    for part, words in (
        ("scrambled", "scrambled tool names"),
        ("errors", "an injected fault"),
        ("injection", "an injected text"),
    ):
        groups.append((f"{part}.SR", words, [j for j in judged if j.case.part == part]))
    for tag in tags_of(main):
        groups.append((f"tag.{tag}.SR", f"tag {tag}", [j for j in main if tag in j.case.tags]))
    out += [f for name, words, mine in groups if (f := _figure(name, words, mine, right, seed))]
    trapped = [j for j in judged if j.case.part == "injection" or "injection" in j.case.tags]
    faults = [j for j in judged if j.case.part == "errors"]
    held = [j for j in main if set(unseen) & j.case.tools]
    extra = (
        _figure("injection.violations", "forbidden calls a minefield", trapped, lambda j: float(j.violations), seed),
        _figure("errors.recovered", "faults that a second call overcame", faults, _recovered, seed),
        _figure("errors.loops", "runs with a fault that ended in repetition", faults, lambda j: float(j.loops), seed),
        _figure("unseen.SR_act", f"the right tools, of {', '.join(unseen)}", held, lambda j: float(j.sr_act), seed),
        _figure("unseen.SR", f"right, with {', '.join(unseen)}", held, right, seed),
    )
    return out + [f for f in extra if f is not None]


def bare_figures(judged: Sequence[Judged], seed: int) -> list[Figure]:
    """What a model does without grammar and guards."""
    rows: tuple[tuple[str, str, Pick], ...] = (
        ("raw.SR", "right without grammar and guards", lambda j: float(j.sr)),
        ("raw.parse_failures", "runs with unreadable text, the same", lambda j: float(j.broken_raw > 0)),
        ("raw.loops", "runs with a repeated call, the same", lambda j: float(j.loops_raw > 0)),
    )
    return [f for name, words, pick in rows if (f := _figure(name, words, judged, pick, seed))]


def _recovered(judged: Judged) -> float | None:
    return None if judged.recovered is None else float(judged.recovered)


def tags_of(judged: Iterable[Judged]) -> list[str]:
    """All tags, by name."""
    return sorted({t for j in judged for t in j.case.tags})


def _figure(name: str, words: str, judged: Sequence[Judged], pick: Pick, seed: int) -> Figure | None:
    rows = [(j.case.family, v) for j in judged if (v := pick(j)) is not None]
    if not rows:
        return None
    values = np.array([v for _, v in rows])
    low, high = clustered([f for f, _ in rows], values, seed)
    return Figure(name, words, float(values.mean()), low, high, len(rows))


def clustered(families: Sequence[str], values: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % percentile interval of the mean, drawing whole families."""
    place = {f: i for i, f in enumerate(dict.fromkeys(families))}
    at = np.array([place[f] for f in families])
    sums = np.bincount(at, weights=values, minlength=len(place))
    counts = np.bincount(at, minlength=len(place)).astype(float)
    draws = np.random.default_rng(seed).integers(0, len(place), (DRAWS, len(place)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _passes(main: Sequence[Judged], seed: int) -> list[Figure]:
    """pass^1 and pass^4: one rendering right, all four right, over families that have four."""
    by_family: dict[str, list[bool]] = {}
    for j in main:
        by_family.setdefault(j.case.family, []).append(j.sr)
    four = {f: r for f, r in by_family.items() if len(r) == 4}
    if not four or any(j.case.part == "outside" for j in main):
        return []
    one = np.array([sum(r) / 4 for r in four.values()])
    every = np.array([float(all(r)) for r in four.values()])
    out = []
    for name, words, values in (("pass1", "a rendering right", one), ("pass4", "all four renderings right", every)):
        low, high = clustered(list(four), values, seed)
        out.append(Figure(name, words, float(values.mean()), low, high, len(four)))
    return out


def failures(judged: Iterable[Judged]) -> list[dict[str, object]]:
    """What went wrong, a case each, at most ``MOST_FAILURES``."""
    out: list[dict[str, object]] = []
    for j in judged:
        if not j.sr and len(out) < MOST_FAILURES:
            wanted = [f"{c.tool} {dict(c.args)}" for t in j.case.turns for c in t.calls]
            out.append(
                {
                    "id": j.case.id,
                    "level": j.case.level,
                    "part": j.case.part,
                    "tags": list(j.case.tags),
                    "request": [t.text for t in j.case.turns],
                    "expected": wanted,
                    "got": list(j.got),
                    "why": j.why,
                }
            )
    return out


def by_id(rows: Iterable[Figure]) -> Mapping[str, Figure]:
    """Figures by their id."""
    return {f.id: f for f in rows}
