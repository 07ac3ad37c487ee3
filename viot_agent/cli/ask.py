"""``viot ask``: one request in words, one answer with evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from viot_agent.cli.gate import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viot_agent.steps import Evidence, Run, Step

_COLOURS = {
    "answered": "bold green",
    "cannot_tell": "bold yellow",
    "needs_input": "bold cyan",
    "refused": "bold red",
    "incomplete": "bold magenta",
    "stopped": "bold magenta",
}
BEGINNING = 150
"""Characters of an observation that are shown while the rest is still under way."""


def ask(
    request: Annotated[str, typer.Argument(help="What you want to know, in your own words.")],
    attach: Annotated[list[Path] | None, typer.Option("--attach", help="A picture or clip; may be repeated.")] = None,
    llm: Annotated[
        str, typer.Option("--llm", help="mini[:FILE], hf:NAME[+adapter=PATH], or openai:URL#MODEL.")
    ] = "mini",
    conversation: Annotated[
        str,
        typer.Option(
            "--conversation", "-c", help="Go on with the conversation of this name (any word): 'and yesterday?'"
        ),
    ] = "",
    purpose: Annotated[
        str, typer.Option("--purpose", help="What for; where access is set up, looking for somebody needs one.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole record as JSON.")] = False,
) -> None:
    """Ask the cameras."""
    out = Console(highlight=False, soft_wrap=True)
    with opened() as viot:
        run = viot.ask(
            request,
            attach=attach or (),
            llm=llm,
            conversation=conversation,
            principal=viot.principal,
            purpose=purpose,
            on_step=None if as_json else lambda s: show_step(out, s),
        )
    if as_json:
        typer.echo(json.dumps(run.to_json(), ensure_ascii=False, indent=2))
    else:
        show_answer(out, run)
    raise typer.Exit(exit_code(run))


def exit_code(run: Run) -> int:
    """0 answered, cannot tell or needs input; 2 when the request named what does not exist; 3 incomplete or stopped; 4
    refused."""
    if run.answer.status == "refused":
        return 4
    if run.answer.status in ("incomplete", "stopped"):
        return 3
    wrong_input = run.answer.status == "needs_input" and (
        bool(run.answer.unknown)
        or any(s.observation is not None and s.observation.status == "retry" for s in run.steps)
    )
    return 2 if wrong_input else 0


def show_step(out: Console, step: Step) -> None:
    """Thought, call and observation of one step; of a long observation the beginning: :func:`show_answer` has all."""
    args = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in step.call.args.items())
    out.print(Text(f"  {step.thought.text}", "dim italic"))
    out.print(Text(f"  -> {step.call.tool}({args})", "cyan"))
    if step.observation is not None:
        said = step.observation.summary
        out.print(Text(f"     {said[:BEGINNING]} …" if _shortened(step) else f"     {said}", "dim"))


def _shortened(step: Step) -> bool:
    seen = step.observation
    return seen is not None and seen.status == "ok" and len(seen.summary) > BEGINNING + 20


def without_clip(evidence: Sequence[Evidence]) -> list[str]:
    """The pieces of which no clip was cut only because clips of others were."""

    def ours(file: str | None, piece: Evidence) -> bool:  # written by the run, not by a tool
        return file is not None and Path(file).stem == piece.id

    if not any(ours(p.clip, p) for p in evidence):
        return []
    return [p.id for p in evidence if p.clip is None and ours(p.crop, p) and "(no clip: " not in p.label]


def show_answer(out: Console, run: Run) -> None:
    """The answer and its evidence."""
    for step in run.steps:  # a language model's own words need not hold what was observed
        if step.observation is not None and _shortened(step) and step.observation.summary not in run.answer.text:
            out.print(Text(f"  {step.call.tool}: {step.observation.summary}", "dim"))
    out.print(Text(run.answer.text, _COLOURS[run.answer.status]))
    for piece in run.evidence:
        score = "" if piece.score is None else f" score {piece.score:.2f}"
        what = piece.who or piece.label
        if piece.who and piece.label.startswith(f"{piece.who} ("):  # why there is no picture or clip of it
            what = piece.label
        out.print(Text(f"  [{piece.id}] {piece.camera} {what}{score} ({piece.model})", "dim"))
        for file in (piece.clip, piece.crop):
            if file:
                out.print(Text(f"       {file}", "dim"))
    left = without_clip(run.evidence)
    if left:
        named = ", ".join(left[:4]) + (f" and {len(left) - 4} more" if len(left) > 4 else "")
        which = f"{named} {'has' if len(left) == 1 else 'have'}"
        said = f"{which} a picture alone: clips are cut of the first pieces; ask for a clip of the camera and time"
        out.print(Text(f"  {said}", "dim"))
    out.print(Text(f"  {run.answer.status}; {run.llm}; {run.seconds:.1f} s", "dim"))
