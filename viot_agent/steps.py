"""The typed record of a run: Request, Thought, ToolCall, Observation, Evidence, Answer.

Owns the record and its JSON form. Prompt, log, chat bubble and audit line are all *derived* from it; none of them is
parsed back. Knows nothing of language models, tools or storage.

Times are POSIX seconds (UTC, float) unless a name says otherwise.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

Status = Literal["answered", "cannot_tell", "needs_input", "refused", "incomplete", "stopped"]
"""``incomplete``: a limit or a fault ended the run; ``stopped``: the person who asked did."""
Verdict = Literal["found", "none", "cannot_tell", "info"]
ObservationStatus = Literal["ok", "retry", "failed", "refused"]


def new_id(prefix: str) -> str:
    """A unique id such as ``run-3f2a9c01b7e4d865``. 64 random bits: with 32 two of 100,000 runs would most likely share
    theirs, and the later one would take the place of the other's record and files."""
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or video that came with the request; the model sees only ``handle`` (``image-1``, ``video-1``)."""

    handle: str
    kind: Literal["image", "video"]
    path: Path


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. The single-user policy uses ``local``.

    ``groups``: the camera groups that may be looked at, None = every camera. ``classes``: the classes of tools that the
    key allows, None = what the role may use. ``key`` names the key that was shown, "" for none.
    """

    name: str = "local"
    role: str = "owner"
    groups: frozenset[str] | None = None
    classes: frozenset[str] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks, with all that policy and grounding need.

    ``camera_scope`` is None for the whole fleet, else the only camera names this request may touch.
    """

    text: str
    now: float = field(default_factory=time.time)
    attachments: tuple[Attachment, ...] = ()
    principal: Principal = Principal()
    purpose: str = ""
    camera_scope: frozenset[str] | None = None
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model wrote before it acted."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the model wrote it: JSON-compatible arguments, not yet resolved."""

    id: str
    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a claim rests on.

    ``start``/``end`` POSIX seconds; ``xyxy`` pixels of the original frame at ``at``; ``who`` an enrolled name, a plate
    or None; ``clip`` and ``crop`` are files, written after the answer is known (``crop_jpeg`` holds the bytes until
    then). ``beside`` names further tracks that belong to the claim (everybody counted); they are drawn too.
    ``skeleton``: the stored body poses of these tracks are drawn as well.
    """

    id: str
    camera: str
    start: float
    end: float
    tool: str
    model: str
    model_version: str
    track: str | None = None
    who: str | None = None
    score: float | None = None
    at: float | None = None
    xyxy: tuple[float, float, float, float] | None = None
    clip: str | None = None
    crop: str | None = None
    crop_jpeg: bytes | None = field(default=None, repr=False)
    label: str = ""
    beside: tuple[str, ...] = ()
    skeleton: bool = False

    def to_json(self) -> dict[str, Any]:
        """The published form: no bytes, times as ISO 8601 UTC."""
        return {
            "id": self.id,
            "camera": self.camera,
            "start": iso(self.start),
            "end": iso(self.end),
            "track": self.track,
            "who": self.who,
            "score": None if self.score is None else round(float(self.score), 4),
            "clip": self.clip,
            "crop": self.crop,
            "tool": self.tool,
            "model": self.model,
            "model_version": self.model_version,
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence and the evidence ids it rests on (for a *no*: the coverage is in the sentence)."""

    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was looked at: per camera the seconds asked for, the seconds indexed, the sampled rate and the gaps.

    ``fraction`` is indexed seconds over asked seconds (of footage that exists), 0..1.
    """

    cameras: tuple[str, ...]
    start: float | None
    end: float | None
    indexed_seconds: float
    fraction: float
    sampled_fps: float
    gaps: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool call brought: words for the model, claims and evidence for the answer, ``data`` for code.

    ``summary`` is whole sentences made by the tool's code, never by a language model. ``verdict`` is three-valued for
    questions of presence: *found*, *none* (looked, with coverage), *cannot_tell*; *info* where no presence is asked.
    """

    call_id: str
    tool: str
    status: ObservationStatus
    summary: str
    verdict: Verdict = "info"
    claims: tuple[Claim, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    coverage: Coverage | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    fix: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a run. Every claim cites evidence; ``missing`` names what a *needs_input* answer asks back for, and
    ``unknown`` the names in the request that no camera and nobody enrolled carries."""

    text: str
    status: Status
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the loop."""

    thought: Thought
    call: ToolCall
    observation: Observation | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A finished (or stopped) run: the one record everything else is derived from."""

    id: str
    request: Request
    steps: tuple[Step, ...]
    answer: Answer
    llm: str
    seconds: float
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All evidence of all observations, in order."""
        return tuple(e for s in self.steps if s.observation for e in s.observation.evidence)

    def with_evidence(self, finished: Mapping[str, Evidence]) -> Run:
        """The same run with evidence replaced by id (clips and crops written)."""
        steps = tuple(
            replace(
                s,
                observation=replace(
                    s.observation, evidence=tuple(finished.get(e.id, e) for e in s.observation.evidence)
                ),
            )
            if s.observation
            else s
            for s in self.steps
        )
        return replace(self, steps=steps)

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``viot ask --json``."""
        return {
            "answer": self.answer.text,
            "status": self.answer.status,
            "missing": list(self.answer.missing),
            "claims": [{"text": c.text, "evidence": list(c.evidence)} for c in self.answer.claims],
            "steps": [
                {
                    "thought": s.thought.text,
                    "tool": s.call.tool,
                    "args": dict(s.call.args),
                    "observation": s.observation.summary if s.observation else None,
                }
                for s in self.steps
            ],
            "evidence": [e.to_json() for e in self.evidence],
            "llm": self.llm,
            "seconds": round(self.seconds, 3),
        }


def iso(t: float) -> str:
    """POSIX seconds as ISO 8601 UTC with milliseconds, e.g. ``2026-11-23T14:05:00.000Z``."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
