"""What a step is made of: the symbols, the menu of tools as the model sees it, calls and finished steps.

An element is ``(channel, index)``: a symbol of the closed vocabulary, a candidate tool or choice, an argument slot, the
first or the last unit of a copied span. Types and words only: ``grammar`` says what may follow what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from viot_agent.toolbox.contract import ArgSpec, ToolSpec

Channel = Literal["sym", "cand", "slot", "start", "end"]
Element = tuple[Channel, int]

MISSING_KINDS = ("person", "vehicle", "cameras", "time", "plate", "text", "media", "handle", "choice", "event")
REPLIES = ("greeting", "thanks", "help", "out_of_scope")
STATUSES = ("found", "none", "cannot_tell", "info", "retry", "failed", "refused")
SYMBOLS = (
    "BOS",
    "NEED",
    "PLAN_END",
    "NOTOOL",
    "MISSING",
    "OBSERVED",
    "SKIP",
    "ARG_END",
    "WHOLE",
    "END",
    "UNKNOWN",
    "IF",
    *(f"reply:{r}" for r in REPLIES),
    *(f"missing:{m}" for m in MISSING_KINDS),
    *(f"seen:{s}" for s in STATUSES),
)
"""The closed vocabulary; the order is that of the trained rows, so only ever append."""
_VIDEO, _PICTURE = re.compile(r"\bvideo"), re.compile(r"\b(?:picture|image|photo)")
SYM = {name: i for i, name in enumerate(SYMBOLS)}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of this run: tool, arguments and what came of it (one of STATUSES). ``rest``: the tools that the step
    which made it left to do, where that is known; ``waiting``: the places in it of those whose condition was open."""

    tool: str
    args: dict[str, Any]
    status: str = "info"
    rest: tuple[str, ...] | None = None
    waiting: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A finished step in plain values. ``plan`` are the remaining tools, the one called first; ``open`` those of them
    whose condition is not settled yet, by place. ``unknown``: words that were meant as cameras; ``among``: the attached
    files one of which is meant, or which no tool looks at."""

    kind: Literal["act", "finish", "ask"]
    reply: str = ""
    plan: tuple[str, ...] = ()
    open: tuple[int, ...] = ()
    tool: str = ""
    args: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the candidate channel points at: a tool (``slot`` None), or one value of a choice argument."""

    tool: int
    slot: int | None
    value: str


@dataclass(frozen=True, slots=True)
class Menu:
    """The registry as the model sees it: tools, all their slots in one row, all candidates in one row."""

    tools: tuple[ToolSpec, ...]
    slots: tuple[tuple[int, ArgSpec], ...]
    candidates: tuple[Candidate, ...]

    @classmethod
    def of(cls, tools: Sequence[ToolSpec]) -> Menu:
        """Tools first among the candidates, so candidate ``i`` below ``len(tools)`` is tool ``i``."""
        slots = tuple((i, arg) for i, spec in enumerate(tools) for arg in spec.args)
        heads = [Candidate(i, None, spec.name) for i, spec in enumerate(tools)]
        values = [Candidate(i, k, choice) for k, (i, arg) in enumerate(slots) for choice in arg.choices]
        return cls(tuple(tools), slots, tuple(heads + values))

    def texts(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The words that are embedded: what each candidate is, what it is not for ("" where nothing is said), what each
        slot takes. The two sides of a card are read apart: a card that says "not for masks" is no card of masks."""
        heads = tuple(
            f"{self.tools[c.tool].name}: {self.tools[c.tool].description}"
            if c.slot is None
            else f"{self.slots[c.slot][1].name}: {c.value}"
            for c in self.candidates
        )
        limits = tuple(self.tools[c.tool].not_for if c.slot is None else "" for c in self.candidates)
        return heads, limits, tuple(f"{arg.name}: {arg.description}" for _, arg in self.slots)

    def slots_of(self, tool: int) -> tuple[int, ...]:
        return tuple(k for k, (i, _) in enumerate(self.slots) if i == tool)

    def index(self, name: str) -> int | None:
        return next((i for i, spec in enumerate(self.tools) if spec.name == name), None)


def handle_fits(arg: ArgSpec, value: str) -> bool:
    """Whether an attached file or a made one can be this argument."""
    stem = value.rpartition("-")[0]
    if arg.kind == "media":
        return not stem.startswith("pose") and stem != "alert"
    if arg.kind in ("person", "vehicle"):
        # a walk is recognised from a video, a face or a body from a picture: the card says which it takes
        moving = _VIDEO.search(arg.description) is not None
        if stem == "video":
            return moving
        return stem == "image" and not (moving and _PICTURE.search(arg.description) is None)
    # "poses" takes poses-7, "clip" takes clip-2
    return arg.kind == "handle" and stem not in ("image", "video") and (stem.rstrip("s") == arg.name.rstrip("s"))
