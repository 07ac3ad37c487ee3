"""What the page shows of a run, derived from its stored record alone, so that a live answer and a reopened one are one.

Owns the reading of a record into typed views: local times, addresses of media, numbers of evidence. Makes no HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from viot_agent.agent.evidence import clip_window
from viot_agent.fleet.clock import human, zone
from viot_agent.fleet.types import Camera
from viot_agent.steps import Evidence, Step

LEAD = 0.5
"""A clip opens so many seconds before the moment that proves the claim."""
FOLDERS = ("evidence", "exports")
"""The folders below ``VIOT_HOME`` whose files a page may show."""


@dataclass(frozen=True, slots=True)
class StepView:
    """One tool call. ``state`` is ``running``, ``ok``, ``retry``, ``failed``, ``refused``; ``seconds`` None while it
    runs."""

    thought: str
    tool: str
    args: Mapping[str, Any]
    result: str
    state: str
    verdict: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Piece:
    """One numbered piece of evidence. ``clip`` and ``picture`` are addresses or "" ; ``seek`` seconds into the clip;
    ``start``/``end`` POSIX seconds; ``at_local`` and ``span_local`` on the camera's own clock, of the zone ``tz``."""

    number: int
    id: str
    run: str
    camera: str
    start: float
    end: float
    at_local: str
    span_local: str
    tz: str
    who: str
    label: str
    score: float | None
    model: str
    model_version: str
    tool: str
    clip: str
    picture: str
    seek: float


@dataclass(frozen=True, slots=True)
class RunView:
    """A finished run. ``curves`` are (POSIX seconds, people) by camera; ``cites`` maps evidence ids to numbers."""

    id: str
    request: str
    attachments: tuple[str, ...]
    steps: tuple[StepView, ...]
    answer: str
    status: str
    missing: tuple[str, ...]
    pieces: tuple[Piece, ...]
    curves: Mapping[str, Sequence[tuple[float, float]]]
    zones: Mapping[str, str]
    llm: str
    seconds: float

    @property
    def cites(self) -> dict[str, Piece]:
        return {p.id: p for p in self.pieces}


class Views:
    """Makes views. ``home`` is where media lie, ``prefix`` stands before every address (the proxy's path)."""

    def __init__(self, home: Path, prefix: str = "") -> None:
        self.home, self.prefix = home.resolve(), prefix

    def step(self, step: Step) -> StepView:
        """A step as the agent reports it; without an observation it is running."""
        seen = step.observation
        return StepView(
            step.thought.text,
            step.call.tool,
            dict(step.call.args),
            seen.summary if seen else "",
            seen.status if seen else "running",
            seen.verdict if seen else "",
            seen.seconds if seen else None,
        )

    def run(self, record: Mapping[str, Any], cameras: Sequence[Camera]) -> RunView:
        """A run from its record (:func:`viot_agent.library.run_store.record`)."""
        zones = {c.name: c.tz for c in cameras}
        told = record.get("observations") or [{} for _ in record["steps"]]
        steps = tuple(
            StepView(
                s["thought"],
                s["tool"],
                s["args"],
                s["observation"] or "",
                t.get("status") or "ok",
                t.get("verdict") or "",
                t.get("seconds"),
            )
            for s, t in zip(record["steps"], told, strict=True)
        )
        shown = record.get("shown", {})
        pieces = tuple(
            self._piece(number, str(record["id"]), row, shown.get(row["id"], {}), zones.get(row["camera"], "UTC"))
            for number, row in enumerate(record["evidence"], 1)
        )
        curves = {name: [(float(t), float(n)) for t, n in points] for name, points in record.get("curves", {}).items()}
        return RunView(
            id=str(record["id"]),
            request=record["request"]["text"],
            attachments=tuple(a["handle"] for a in record["request"]["attachments"]),
            steps=steps,
            answer=record["answer"],
            status=record["status"],
            missing=tuple(record.get("missing", ())),
            pieces=pieces,
            curves=curves,
            zones=zones,
            llm=record["llm"],
            seconds=float(record["seconds"]),
        )

    def _piece(self, number: int, run: str, row: Mapping[str, Any], more: Mapping[str, Any], tz: str) -> Piece:
        piece = stored_evidence(row, more)
        clock = zone(tz)
        at = piece.at if piece.at is not None else piece.start
        clip = self.address(piece.clip)
        if clip and piece.clip and Path(piece.clip).parent.parent.name == "exports":
            begin = piece.start
        else:
            begin = clip_window(piece)[0]
            if not clip and "/media/exports/" not in self.address(piece.crop):  # a copy that a tool made has no footage
                # cut when it is asked for, where the run did not cut it
                clip = f"{self.prefix}/media/evidence/{quote(run)}/{quote(piece.id)}.mp4"
        picture = self.address(piece.crop) or f"{self.prefix}/media/frame/{quote(run)}/{quote(piece.id)}.jpg"
        first, last = human(piece.start, clock), human(piece.end, clock)
        same_day = first.partition(" on ")[2] == last.partition(" on ")[2]
        span = f"{first.partition(' on ')[0]} to {last}" if same_day else f"{first} to {last}"
        return Piece(
            number=number,
            id=piece.id,
            run=run,
            camera=piece.camera,
            start=piece.start,
            end=piece.end,
            at_local=human(at, clock),
            span_local=span if last != first else first,
            tz=tz,
            who=piece.who or "",
            label=piece.label,
            score=piece.score,
            model=piece.model,
            model_version=piece.model_version,
            tool=piece.tool,
            clip=clip,
            picture=picture,
            seek=max(0.0, at - LEAD - begin),
        )

    def address(self, file: str | None) -> str:
        """Where the page finds a file below ``evidence`` or ``exports``; "" for any other."""
        if not file:
            return ""
        path = Path(file)
        path = path if path.is_absolute() else self.home / path
        for folder in FOLDERS:
            root = self.home / folder
            if path.is_relative_to(root):
                return f"{self.prefix}/media/{folder}/" + "/".join(quote(part) for part in path.relative_to(root).parts)
        return ""


def stored_evidence(row: Mapping[str, Any], more: Mapping[str, Any]) -> Evidence:
    """Evidence as it was, from a record's ``evidence`` row and its ``shown`` entry."""
    box = more.get("xyxy")
    return Evidence(
        id=row["id"],
        camera=row["camera"],
        start=_posix(row["start"]),
        end=_posix(row["end"]),
        tool=row["tool"],
        model=row["model"],
        model_version=row["model_version"],
        track=row["track"],
        who=row["who"],
        score=row["score"],
        at=more.get("at"),
        xyxy=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        clip=row["clip"],
        crop=row["crop"],
        label=more.get("label", ""),
        beside=tuple(more.get("beside", ())),
    )


def _posix(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
