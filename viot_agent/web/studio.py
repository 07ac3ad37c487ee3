"""The privacy studio: tools that make a protected copy of a picture or clip, tried by hand, before beside after.

Owns the choice of such tools (those that take a file and are registered), their form and their result. Knows no tool by
its code: what is offered is what is installed, and what DESIGN names but is not installed is said plainly.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from viot_agent.bench.cards import cards
from viot_agent.errors import MediaFault, UserFault
from viot_agent.system import Viot, attachments
from viot_agent.toolbox import Toolbox, ToolSpec
from viot_agent.web import who
from viot_agent.web.sessions import unplaced

_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True)
class Made:
    """What a tool made: its words, and the files; ``before`` and ``after`` only where both are pictures."""

    words: str
    status: str
    files: tuple[Path, ...]
    before: Path | None = None
    after: Path | None = None


def media_tools(toolbox: Toolbox) -> list[ToolSpec]:
    """The registered tools that work on a given file."""
    return [spec for spec in toolbox if any(a.kind == "media" for a in spec.args)]


def missing(toolbox: Toolbox) -> list[ToolSpec]:
    """The tools of that kind that the product names and this installation has not."""
    return [c for c in cards().values() if any(a.kind == "media" for a in c.args) and c.name not in toolbox]


def state_html(toolbox: Toolbox) -> str:
    """What is here and what is not."""
    here, absent = media_tools(toolbox), missing(toolbox)
    out = []
    if here:
        rows = "".join(f"<li><strong>{title(s)}</strong>: {html.escape(s.description)}</li>" for s in here)
        out.append(f'<p>Installed:</p><ul class="viot-list">{rows}</ul>')
    if absent:
        rows = "".join(f"<li><strong>{title(s)}</strong>: {html.escape(s.description)}</li>" for s in absent)
        out.append(f'<p>Not installed here, so not offered:</p><ul class="viot-list viot-quiet">{rows}</ul>')
    return "".join(out)


def title(spec: ToolSpec) -> str:
    """``Privacy cloak``."""
    return html.escape(spec.name.replace("_", " ").capitalize())


def variants(toolbox: Toolbox, tool: str) -> tuple[str, list[str]]:
    """(argument, its choices) of a tool's closed choice; ("", []) where it has none."""
    spec = next((s for s in media_tools(toolbox) if s.name == tool), None)
    choice = next((a for a in spec.args if a.choices), None) if spec else None
    return (choice.name, list(choice.choices)) if choice else ("", [])


def make(viot: Viot, user: str, tool: str, file: Path | None, choice: str) -> Made:
    """Run the tool on the file. Raises UserFault, MediaFault for what was given; a tool's fault is in the words."""
    spec = next((s for s in media_tools(viot.toolbox) if s.name == tool), None)
    if spec is None:
        raise UserFault("choose a tool", fix="only installed tools are listed")
    if file is None:
        raise UserFault("there is no picture or video", fix="add one")
    try:
        [given] = attachments([file])
    except MediaFault as fault:
        raise unplaced(fault, [file]) from fault
    args = {next(a.name for a in spec.args if a.kind == "media"): given.handle}
    name, choices = variants(viot.toolbox, tool)
    if choice:
        if choice not in choices:
            raise UserFault(f"{choice!r} is none of {', '.join(choices)}")
        args[name] = choice
    run = viot.call(tool, args, attach=[file], principal=who.principal(viot, user))
    made = tuple(_ours(viot.home, [p for e in run.evidence for p in (e.crop, e.clip) if p]))
    after = next((p for p in made if p.suffix.lower() in _PICTURES), None)
    before = file if after is not None and file.suffix.lower() in _PICTURES else None
    return Made(run.answer.text, run.answer.status, made, before, after if before else None)


def _ours(home: Path, files: Sequence[str]) -> list[Path]:
    """Of these the ones that lie where runs write."""
    roots = [(home / name).resolve() for name in ("evidence", "exports")]
    real = [Path(f).resolve() for f in files]
    return [p for p in real if p.is_file() and any(p.is_relative_to(root) for root in roots)]
