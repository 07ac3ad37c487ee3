"""The tool ``face_redaction``: a copy of a picture, video or clip in which faces cannot be recognised.

Owns the observation. What is found and how it is hidden is in ``pictures`` and ``video``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from viot_agent.errors import MediaFault
from viot_agent.media.sniff import SUFFIXES
from viot_agent.steps import Claim, Observation
from viot_agent.toolbox.contract import Arg, PersonArg, ToolContext, tool
from viot_tools.made import made_evidence, media_file, place

if TYPE_CHECKING:
    from viot_tools.redact.find import Finder
    from viot_tools.redact.report import Report
    from viot_tools.redact.who import Keeper

NAME: Final = "face_redaction"
LONGEST: Final = 600.0
"""Seconds of a video that is redacted for a request; ``viot redact`` has no limit."""

MediaArg = Annotated[str, Arg("media")]


@tool(biometric=True, cost="render")
def face_redaction(ctx: ToolContext, media: MediaArg, keep: PersonArg | None = None) -> Observation:
    """Blur the faces of a picture, video or clip: all of them, or all but one person's.

    Not for: invisible protection (privacy_cloak), masks (masked_face_generation).

    Args:
        media: the handle of an attached or made picture, video or clip.
        keep: the one person who stays visible: an enrolled name or an attached picture.
    """
    media_file(ctx, media)  # a wrong handle is said before a model is loaded
    from viot_tools.redact.find import make_finder  # brings OpenCV, wanted only when something is made
    from viot_tools.redact.who import keeper

    return redacted(ctx, media, make_finder(ctx.weights), None if keep is None else keeper(ctx, keep))


def redacted(ctx: ToolContext, media: str, finder: Finder, keeper: Keeper | None) -> Observation:
    """The tool with a given finder and keeper. Raises RetryFault for an unknown handle, MediaFault for what is no
    picture or video, WeightsMissing."""
    source = media_file(ctx, media)
    try:
        report = _video(ctx, media, source, finder, keeper) if source.suffix.lower() in SUFFIXES else _picture(
            ctx, source, finder, keeper
        )  # fmt: skip
    except MediaFault as fault:  # paths of this machine are nobody's business
        raise MediaFault(fault.message.replace(str(source), media).rstrip("."), fix=fault.fix) from fault
    return _observation(ctx, media, report)


def _picture(ctx: ToolContext, source: Path, finder: Finder, keeper: Keeper | None) -> Report:
    from viot_tools.redact.pictures import redact_picture

    return redact_picture(source, lambda _: place(ctx, source, ".png", "redacted"), finder, keeper=keeper)


def _video(ctx: ToolContext, handle: str, source: Path, finder: Finder, keeper: Keeper | None) -> Report:
    from viot_agent.media.probe import probe
    from viot_tools.redact.video import redact_video

    length = probe(source).duration
    if length > LONGEST:
        raise MediaFault(
            f"{handle} is {length / 60:.0f} minutes long; {LONGEST / 60:.0f} are redacted for a request",
            fix="cut it, or use the command: viot redact FILE",
        )
    return redact_video(source, place(ctx, source, ".mp4", "redacted"), finder, keeper=keeper)


def _observation(ctx: ToolContext, handle: str, report: Report) -> Observation:
    from viot_tools.redact.report import to_json
    from viot_tools.redact.words import LIMITS, hidden_words, keep_words, nothing_words, sound_words

    if report.written is None:
        sentence = nothing_words(report, handle)
        return Observation(
            ctx.call_id, NAME, "ok", sentence, "info" if report.shown else "none", (Claim(sentence),),
            data={"report": _named(to_json(report), handle, "")},
        )  # fmt: skip
    new = ctx.new_handle("redacted", report.written)
    video = report.length is not None
    piece = made_evidence(
        ctx, NAME, handle, new, report.models, report.versions,
        crop=None if video else str(report.written), clip=str(report.written) if video else None,
        length=report.length or 0.0,
    )  # fmt: skip
    sound = f"; {sound_words(report)}" if video else ""
    notes = f"Of the file: {'; '.join(report.notes)}." if report.notes else ""
    lines = [
        f"{new} shows {handle} with {hidden_words(report)}{sound} [{piece.id}].",
        keep_words(report),
        notes,
        LIMITS,
    ]
    said = [line for line in lines if line]
    return Observation(
        ctx.call_id, NAME, "ok", " ".join(said), "info", tuple(Claim(line, (piece.id,)) for line in said), (piece,),
        data={"handle": new, "path": str(report.written), "report": _named(to_json(report), handle, new)},
    )  # fmt: skip


def _named(report: dict[str, object], handle: str, made: str) -> dict[str, object]:
    return {**report, "source": handle, "written": made or None}
