"""The last results of the benches, with their floors: tables, and bars with the 95 % interval.

Reads what ``viot bench NAME --json FILE`` wrote below ``VIOT_HOME/benches``; where nothing was measured here, the
tables of the README of a checkout. Owns reading and markup. Measures nothing.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from viot_agent.bench.report import Row
from viot_agent.web.timeline import Figure, plot

FOLDER = "benches"
_ERRORS = re.compile(r"(?:^|\.)(?:mae|mre|rmse|far|seconds|tokens|violations|loops|parse_failures|wrong)(?:\.|$)")
BARS = 24
"""Rows that a plot shows; the table shows all."""


@dataclass(frozen=True, slots=True)
class Result:
    """One bench's rows. ``source`` says in words where they are from; ``command`` reprints them."""

    name: str
    rows: tuple[Row, ...]
    source: str
    command: str


def results(home: Path, readme: Path | None = None) -> tuple[list[Result], list[str]]:
    """What was measured here, newest first, then the README's tables of the benches that were not; and a sentence for
    each file that is no result."""
    here, odd = [], []
    for file in sorted((home / FOLDER).glob("*.json"), key=lambda p: -p.stat().st_mtime):
        try:
            here.append(_from_json(file))
        except (OSError, KeyError, TypeError, ValueError) as error:
            odd.append(f"{file.name} is no result of a bench ({type(error).__name__}: {error})")
    names = {r.name for r in here}
    text = readme.read_text("utf-8") if readme is not None and readme.is_file() else ""
    return [*here, *(r for r in _from_readme(text) if r.name not in names)], odd


def checkout_readme() -> Path:
    """The README beside the package, where it runs from a checkout."""
    return Path(__file__).resolve().parents[2] / "README.md"


def page(found: Sequence[Result], odd: Sequence[str] = ()) -> str:
    """All results as markup."""
    trouble = "".join(f'<p class="viot-bad">{html.escape(words)}</p>' for words in odd)
    if not found:
        return (
            f'{trouble}<p class="viot-quiet">Nothing was measured here yet. For example: '
            f"<code>viot bench tools --json {FOLDER}/tools.json</code> in VIOT_HOME.</p>"
        )
    return trouble + "".join(_section(result) for result in found)


def bars(rows: Sequence[Row]) -> Figure | None:
    """Shares (0..1, more is better) with interval and floor as a figure; None where no row is one."""
    fit = (r for r in rows if 0 <= r.low <= r.value <= r.high <= 1 and not _ERRORS.search(r.id))
    shares = list(fit)[:BARS]
    if not shares:
        return None
    names = [f"{r.id} ({r.tier})" for r in shares]
    measured = {
        "type": "bar",
        "orientation": "h",
        "name": "measured, with its 95 % interval",
        "y": names,
        "x": [r.value for r in shares],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [r.high - r.value for r in shares],
            "arrayminus": [r.value - r.low for r in shares],
            "color": "#64748b",
        },
    }
    floors = [(n, r.floor) for n, r in zip(names, shares, strict=True) if r.floor is not None]
    floor = {
        "type": "scatter",
        "mode": "markers",
        "name": "floor (the trivial rule)",
        "y": [n for n, _ in floors],
        "x": [f for _, f in floors],
        "marker": {"symbol": "line-ns-open", "size": 14, "line": {"width": 3}},
    }
    return {
        "data": [measured, floor],
        "layout": {
            "height": 22 * len(shares) + 110,
            "margin": {"l": 8, "r": 12, "t": 8, "b": 32},
            "xaxis": {"range": [0, 1.02]},
            "yaxis": {"automargin": True, "autorange": "reversed", "type": "category", "fixedrange": True},
            "legend": {"orientation": "h"},
            "showlegend": True,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
        },
    }


def _section(result: Result) -> str:
    figure = bars(result.rows)
    drawn = plot(figure, "", f"Bars of the bench {result.name}; the table holds the same figures.") if figure else ""
    head = "".join(f"<th scope='col'>{h}</th>" for h in ("id", "value", "95 % interval", "n", "floor", "tier", "model"))
    body = "".join(
        f"<tr><th scope='row'>{html.escape(r.id)}</th><td>{r.value:.3f}</td><td>{r.low:.3f} to {r.high:.3f}</td>"
        f"<td>{r.n}</td><td>{'' if r.floor is None else f'{r.floor:.3f}'}</td><td>{html.escape(r.tier)}</td>"
        f"<td>{html.escape(r.model)}</td></tr>"
        for r in result.rows
    )
    return (
        f'<section class="viot-bench"><h3 class="viot-head">{html.escape(result.name)}</h3>'
        f'<p class="viot-small">{html.escape(result.source)}. Reprint: <code>{html.escape(result.command)}</code></p>'
        f"{drawn}<details><summary>All {len(result.rows)} rows</summary>"
        f'<div class="viot-scroll" tabindex="0" role="region" aria-label="{html.escape(result.name)} rows">'
        f'<table class="viot-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        "</details></section>"
    )


def _from_json(file: Path) -> Result:
    """A report. Raises ValueError, KeyError or TypeError for a file that is none."""
    data = json.loads(file.read_text("utf-8"))
    rows = tuple(_row(r) for r in data["rows"])
    command = str(data.get("command", ""))
    words = re.search(r"\bbench\s+(\w+)", command)
    when = datetime.fromtimestamp(file.stat().st_mtime).strftime("%d.%m.%Y %H:%M")
    return Result(words[1] if words else file.stem, rows, f"Measured here, {when}", command)


def _row(r: dict[str, object]) -> Row:
    value, low, high = (float(str(r[k])) if r[k] is not None else math.nan for k in ("value", "low", "high"))
    floor = None if r.get("floor") is None else float(str(r["floor"]))
    return Row(
        str(r["id"]), str(r["metric"]), value, low, high, int(str(r["n"])), str(r["model"]), str(r["tier"]), floor
    )


def _from_readme(text: str) -> list[Result]:
    out = []
    for name, block in re.findall(r"<!-- (\w+):begin -->\n(.*?)<!-- \1:end -->", text, re.DOTALL):
        rows = []
        for line in block.splitlines():
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            span = re.fullmatch(r"(-?[\d.]+) to (-?[\d.]+)", cells[2]) if len(cells) == 7 else None
            if span is not None and cells[0].startswith("`"):
                floor = float(cells[4]) if cells[4] else None
                id_ = cells[0].strip("`")
                rows.append(
                    Row(
                        id_,
                        id_,
                        float(cells[1]),
                        float(span[1]),
                        float(span[2]),
                        int(cells[3]),
                        cells[6],
                        cells[5],
                        floor,
                    )
                )
        command = re.search(r"Reprint: `([^`]+)`", block)
        if rows:
            out.append(Result(name, tuple(rows), "From the README of this checkout", command[1] if command else ""))
    return out
