"""Chat messages from the record: a request, a step, an answer, an error, in words that need no knowledge of the code.

Owns the wording and the look of messages. Everything that comes from a person, a model or a picture is escaped here: it
can neither make markup nor load anything.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from viot_agent.errors import ViotError
from viot_agent.web.views import Piece, RunView, StepView

Message = dict[str, Any]
"""A message as Gradio's Chatbot takes it: role, content, metadata."""

STATUS = {
    "answered": ("Answer", "✓"),
    "cannot_tell": ("Cannot tell", "?"),
    "needs_input": ("A question back", "↩"),
    "refused": ("Refused", "✕"),
    "incomplete": ("Not finished", "…"),
    "stopped": ("Stopped", "■"),
}
_ARGUMENTS = {
    "cameras": "cameras",
    "time": "time",
    "person": "person",
    "plate": "plate",
    "vehicle": "vehicle",
    "media": "file",
    "question": "question",
    "event": "event",
    "poses": "poses",
    "scene": "scene",
}
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that embed or override the direction of writing (marks and spaces stay)."""
_STATES = {"retry": "to be corrected", "failed": "failed", "refused": "refused"}


def asked(text: str, files: Sequence[tuple[str, str]] = (), names: Sequence[str] = ()) -> list[Message]:
    """The person's message: words, attached ``files`` as (handle, path), or only their ``names`` when reopened."""
    out: list[Message] = [{"role": "user", "content": {"path": path, "alt_text": handle}} for handle, path in files]
    notes = ", ".join([*(handle for handle, _ in files), *names])
    note = f'<p class="viot-note">attached: {safe(notes)}</p>' if notes else ""
    out.append({"role": "user", "content": f'<div class="viot-asked"><p>{lines(text)}</p>{note}</div>'})
    return out


def reading() -> Message:
    """What stands there until the first step is known."""
    return _thought("Reading your request", "", pending=True)


def waiting(number: int) -> Message:
    """What stands there while others are served first."""
    return _thought(f"Waiting: number {number} in line", "", pending=True)


def stopping() -> Message:
    """What stands there from Stop to the end: what cannot be interrupted is finished first."""
    return _thought("Stopping: after what is being done now", "", pending=True)


def unbegun() -> Message:
    """The end of a request that was stopped while it waited in line."""
    words, sign = STATUS["stopped"]
    return {
        "role": "assistant",
        "content": f'<div class="viot-answer viot-stopped" data-status="stopped"><p class="viot-status">'
        f'<span aria-hidden="true">{sign}</span> {words}</p>'
        '<p class="viot-text">You stopped it before its turn came: nothing was looked at.</p></div>',
    }


def step(view: StepView) -> Message:
    """One tool call as a collapsible message; open and turning while it runs."""
    rows = [("thought", lines(view.thought))] if view.thought else []
    for name, value in view.args.items():
        words = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        rows.append((_ARGUMENTS.get(name, name), lines(words)))
    if view.result:
        state = f'<strong class="viot-bad">{_STATES[view.state]}</strong>: ' if view.state in _STATES else ""
        rows.append(("result", state + lines(view.result)))
    call = f"{view.tool} {json.dumps(dict(view.args), ensure_ascii=False)}"
    table = "".join(f"<dt>{safe(k)}</dt><dd>{v}</dd>" for k, v in rows)
    body = f'<dl class="viot-step">{table}<dt>call</dt><dd><code>{safe(call)}</code></dd></dl>'
    return _thought(title(view.tool, view.args), body, pending=view.state == "running", seconds=view.seconds)


def title(tool: str, args: Mapping[str, Any]) -> str:
    """``Face recognition: Eileen Collins, lobby``."""
    words: list[str] = []
    for value in args.values():
        words.extend(map(str, value) if isinstance(value, list | tuple) else [str(value)])
    name = tool.replace("_", " ").capitalize()
    said = ", ".join(words)
    return plain(f"{name}: {said[:80]}{'…' if len(said) > 80 else ''}" if said else name)


def answer(view: RunView) -> Message:
    """The answer: its status first, each citation a button that plays the evidence."""
    words, sign = STATUS.get(view.status, (view.status, ""))
    body = cited(view.answer, view.pieces)
    left = [p for p in view.pieces if f"[{p.id}]" not in view.answer]
    more = (
        f'<p class="viot-cites">Evidence: {" ".join(cite(p) for p in left[:24])}</p>'
        if left and view.status != "refused"
        else ""
    )
    where = "on this machine" if not view.llm.startswith("openai:") else "on a server"
    foot = f"{safe(short_llm(view.llm))}, {where}; {view.seconds:.1f} s"
    return {
        "role": "assistant",
        "content": (
            f'<div class="viot-answer viot-{html.escape(view.status)}" data-status="{html.escape(view.status)}">'
            f'<p class="viot-status"><span aria-hidden="true">{sign}</span> {safe(words)}</p>'
            f'<p class="viot-text">{body}</p>{more}<p class="viot-foot">{foot}</p></div>'
        ),
    }


def error(fault: ViotError) -> Message:
    """A request that could not be taken: what is wrong, and what to do."""
    fix = f'<p class="viot-fix">{lines(fault.fix)}</p>' if fault.fix else ""
    return {
        "role": "assistant",
        "content": f'<div class="viot-answer viot-fault" data-status="fault"><p class="viot-status">'
        f'<span aria-hidden="true">!</span> That did not work</p><p class="viot-text">{lines(fault.message)}</p>'
        f"{fix}</div>",
    }


def history(views: Iterable[RunView]) -> list[Message]:
    """A reopened conversation. What was attached is not kept, only that it was."""
    out: list[Message] = []
    for view in views:
        out += asked(view.request, names=view.attachments)
        out += [step(s) for s in view.steps]
        out.append(answer(view))
    return out


def cited(text: str, pieces: Sequence[Piece]) -> str:
    """Escaped words with ``[e1]`` as a numbered button."""
    by_id = {p.id: p for p in pieces}
    out = []
    for part in re.split(r"(\[e\d+\])", text):
        piece = by_id.get(part[1:-1]) if part.startswith("[") else None
        out.append(cite(piece) if piece else lines(part))
    return "".join(out)


def cite(piece: Piece) -> str:
    """The button of one piece: a number; its name says what it plays."""
    what = piece.who or piece.label or piece.tool.replace("_", " ")
    name = safe(f"Play evidence {piece.number}: {what}, {piece.camera}, {piece.at_local}")
    return (
        f'<button type="button" class="viot-cite" {play(piece)} aria-label="{name}" title="{name}">'
        f"{piece.number}</button>"
    )


def play(piece: Piece) -> str:
    """The attributes by which the page's script knows what to play."""
    line = f"{piece.number}. {piece.camera}, {piece.at_local}" + (f": {piece.who}" if piece.who else "")
    values = {"clip": piece.clip, "seek": f"{piece.seek:.2f}", "line": line, "piece": f"{piece.run}/{piece.id}"}
    return " ".join(f'data-{name}="{safe(value)}"' for name, value in values.items())


def short_llm(name: str) -> str:
    """A model's name without the address or folder before it."""
    return name.rpartition("#")[2] if name.startswith("openai:") else name.removeprefix("hf:").rpartition("/")[2]


def lines(text: str) -> str:
    """Escaped; line breaks stay, blank lines do not (they would end the markup), and no Markdown is read in it."""
    return re.sub(r"\s*\n+\s*", "<br>", _escaped(text.strip("\n")))


def safe(text: str) -> str:
    """Escaped for an attribute; it stays on one line."""
    return " ".join(_escaped(text).split())


def escaped(text: str) -> str:
    """For markup. Signs that are not seen but turn the order of what follows, or end it, are shown as what they are: a
    name must not make the rest of an answer read otherwise."""
    return html.escape(_UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def _escaped(text: str) -> str:
    out = escaped(text)
    for sign in "*_`[]~|$\\":
        out = out.replace(sign, f"&#{ord(sign)};")
    return out


def plain(text: str) -> str:
    """For a title, which Gradio reads as Markdown: signs that mean something there are left out."""
    return re.sub(r"[*`\[\]<>$\\|]", "", _UNSEEN.sub("", text)).replace("_", " ")


def _thought(head: str, body: str, *, pending: bool, seconds: float | None = None) -> Message:
    meta: dict[str, Any] = {"title": head, "status": "pending" if pending else "done"}
    if seconds is not None and not pending:
        meta["duration"] = round(seconds, 2)
    return {"role": "assistant", "content": body, "metadata": meta}
