"""What the demo leaves behind: printed answers, evidence files in order, one JSON file.

Owns words on the screen and files in the output folder. Does not judge an answer and draws no picture (``sheet`` does).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from viot_agent.steps import Evidence, Run
from viot_tools.demo.asking import Finding

COLOURS = {
    "answered": "bold green",
    "cannot_tell": "bold yellow",
    "needs_input": "bold cyan",
    "refused": "bold red",
    "incomplete": "bold magenta",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request and what became of it. ``finding`` is None where the truth is not known."""

    number: int
    about: str
    run: Run
    finding: Finding | None

    @property
    def right(self) -> bool | None:
        """Whether the answer is right; None where the truth is not known."""
        return None if self.finding is None else not self.finding.faults


@dataclass(frozen=True, slots=True)
class Part:
    """How long something took."""

    name: str
    seconds: float


def show(out: Console, outcome: Outcome, of: int, files: Sequence[Path]) -> None:
    """Request, steps, answer, evidence files and verdict."""
    run = outcome.run
    out.print()
    out.print(
        Text.assemble((f"{outcome.number}/{of} ", "dim"), (run.request.text, "bold"), (f"  ({outcome.about})", "dim"))
    )
    for step in run.steps:
        args = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in step.call.args.items())
        if step.thought.text:
            out.print(Text(f"    thought      {step.thought.text}", "dim"))
        out.print(Text(f"    tool         {step.call.tool}({args})", "cyan"))
        if step.observation is not None:
            out.print(Text(f"    observation  {step.observation.summary}", "dim"))
    out.print(Text.assemble(("    answer       ", "dim"), (run.answer.text, COLOURS[run.answer.status])))
    shown = {Path(f).name: e for e in run.evidence for f in (e.clip, e.crop) if f}
    for file in files:
        out.print(
            Text.assemble(("    evidence     ", "dim"), (str(file), ""), (f"  {_about(shown[file.name])}", "dim"))
        )
    if outcome.finding is not None:
        verdict = ("right", "green") if outcome.right else ("WRONG: " + "; ".join(outcome.finding.faults), "bold red")
        expected = "" if outcome.right else f" (the footage holds: {outcome.finding.expected})"
        out.print(Text.assemble(("    checked      ", "dim"), verdict, expected, (f"  {run.seconds:.2f} s", "dim")))
    else:
        out.print(Text(f"    took         {run.seconds:.2f} s", "dim"))


def _about(piece: Evidence) -> str:
    moment = datetime.fromtimestamp(piece.start, UTC)
    score = "" if piece.score is None else f", score {piece.score:.2f}"
    return f"{piece.id}: {piece.camera}, {moment:%H:%M:%S} UTC, {piece.end - piece.start:.1f} s{score}, {piece.model}"


def gather(outcome: Outcome, folder: Path) -> list[Path]:
    """Copy the evidence of one answer into ``folder/NN-about``; gives back the copies."""
    target = folder / f"{outcome.number:02d}-{outcome.about.replace(' ', '-')}"
    copies: list[Path] = []
    for piece in outcome.run.evidence:
        for file in (piece.clip, piece.crop):
            if file:
                target.mkdir(parents=True, exist_ok=True)
                copies.append(Path(shutil.copy2(file, target / Path(file).name)))
    return copies


def write_json(path: Path, outcomes: Sequence[Outcome], parts: Sequence[Part], tier: str) -> None:
    """All answers with their steps, evidence and verdicts, and what everything took."""
    rows: list[dict[str, Any]] = []
    for o in outcomes:
        judged = {} if o.finding is None else {"expected": o.finding.expected, "faults": list(o.finding.faults)}
        rows.append({"request": o.run.request.text, "about": o.about, "right": o.right, **judged, **o.run.to_json()})
    record = {"tier": tier, "parts": {p.name: round(p.seconds, 3) for p in parts}, "answers": rows}
    path.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", "utf-8")


def show_parts(out: Console, parts: Sequence[Part], outcomes: Sequence[Outcome]) -> None:
    """What took how long."""
    table = Table("part", "seconds", box=None, pad_edge=False, show_edge=False)
    table.columns[1].justify = "right"
    for part in parts:
        table.add_row(part.name, f"{part.seconds:.1f}")
    for o in outcomes:
        timings = o.run.timings
        split = ", ".join(f"{name} {timings[name]:.2f}" for name in ("llm", "tools", "drawing") if name in timings)
        table.add_row(f"  ask {o.number} ({split})" if split else f"  ask {o.number}", f"{o.run.seconds:.2f}")
    out.print()
    out.print(table)
