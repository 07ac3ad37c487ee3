"""The one row and table format that every bench prints: rows with intervals, what was skipped, the command to reprint.

Owns the shape ``{"rows": [...], "skipped": [...], "command": "..."}`` and its printing. Knows no bench.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from viot_agent.errors import UserFault


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``low``/``high`` the 95 % interval; ``floor`` the figure of the trivial rule, None where none is."""

    id: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    model: str
    tier: str
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a bench gives back. ``extra`` holds keys of single benches (``SR``, ``by_level``, ...); ``notes`` are lines
    that are printed under the table."""

    rows: tuple[Row, ...]
    skipped: tuple[str, ...] = ()
    command: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The published JSON form."""
        return {
            "rows": [asdict(r) for r in self.rows],
            "skipped": list(self.skipped),
            "command": self.command,
            **self.extra,
        }

    def write_json(self, path: Path) -> None:
        """Write the JSON file."""
        path.write_text(json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n", "utf-8")

    def markdown(self) -> str:
        """The same rows as a Markdown table, with the command that reprints them."""
        lines = ["| id | value | 95 % interval | n | floor | tier | model |", "|---|---|---|---|---|---|---|"]
        for r in self.rows:
            floor = "" if r.floor is None else f"{r.floor:.3f}"
            interval = f"{r.low:.3f} to {r.high:.3f}"
            lines.append(f"| `{r.id}` | {r.value:.3f} | {interval} | {r.n} | {floor} | {r.tier} | {r.model} |")
        lines += ["", *(f"{line[:1].upper()}{line[1:]}." for line in self.notes), f"Reprint: `{self.command}`."]
        lines += [f"Skipped: {line}" for line in self.skipped]
        return "\n".join(lines)

    def write_readme(self, path: Path, name: str) -> None:
        """Put the table between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``. Raises UserFault without them."""
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        text = path.read_text("utf-8")
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise UserFault(f"{path} has no {begin} ... {end}", fix="put the two marks where the table belongs")
        path.write_text(f"{head}{begin}\n{self.markdown()}\n{end}{tail}", "utf-8")

    def print(self, console: Console) -> None:
        """Print the same rows as a table."""
        table = Table("id", "metric", "value", "95 % interval", "n", "floor", "tier", "model")
        for r in self.rows:
            floor = "" if r.floor is None else f"{r.floor:.3f}"
            table.add_row(
                r.id, r.metric, f"{r.value:.3f}", f"{r.low:.3f} to {r.high:.3f}", str(r.n), floor, r.tier, r.model
            )
        console.print(table)
        for line in self.notes:
            console.print(line, markup=False, highlight=False)
        for line in self.skipped:
            console.print(f"skipped: {line}", markup=False, highlight=False)
        console.print(f"reprint: {self.command}", markup=False, highlight=False)


def bootstrap(
    values: Sequence[float],
    seed: int,
    statistic: Callable[[np.ndarray], float] = lambda a: float(np.mean(a)),
    draws: int = 2000,
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of ``statistic`` over ``values`` (N,). (nan, nan) when empty."""
    data = np.asarray(values, float)
    if data.size == 0:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = [statistic(data[rng.integers(0, data.size, data.size)]) for _ in range(draws)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
