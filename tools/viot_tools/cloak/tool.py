"""The tool ``privacy_cloak``: a copy of a picture or video whose faces are cloaked, with measured protection.

Owns the observation. How a cloak is made is in ``protect`` and ``video``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from viot_agent.errors import MediaFault
from viot_agent.media.sniff import SUFFIXES
from viot_agent.steps import Claim, Evidence, Observation
from viot_agent.toolbox.contract import Arg, ToolContext, tool
from viot_tools.made import faces_words, made_evidence, media_file, place

if TYPE_CHECKING:
    from viot_tools.cloak.protect import Cloaker, Report
    from viot_tools.cloak.video import VideoReport

NAME: Final = "privacy_cloak"
LONGEST: Final = 300.0
"""Seconds of a video that is cloaked for a request; ``viot cloak`` has no limit."""
LISTED: Final = 8
"""Stretches of a video whose protection is said; all stand in the data."""

MediaArg = Annotated[str, Arg("media")]
MethodArg = Annotated[str, Arg("choice", ("opom", "ga", "sga", "advcloak"))]


@tool(biometric=True, cost="render")
def privacy_cloak(ctx: ToolContext, media: MediaArg, method: MethodArg | None = None) -> Observation:
    """Cloak the faces of a picture or video so that face recognition fails, with next to no visible change; reports the measured protection.

    Not for: visibly hiding faces (face_redaction), putting masks on (masked_face_generation).

    Args:
        media: the handle of an attached or made picture or video.
        method: how to make it; only when asked for.
    """  # noqa: E501 (the purpose is one line, and the benchmark's card)
    media_file(ctx, media)  # a wrong handle is said before a model is loaded
    from viot_tools.cloak.making import DEFAULT, Recipe  # brings OpenCV, wanted only when something is made
    from viot_tools.cloak.protect import Cloaker

    return cloaked(ctx, media, Cloaker(ctx, Recipe(method or DEFAULT)))


def cloaked(ctx: ToolContext, media: str, cloaker: Cloaker) -> Observation:
    """The tool with a given cloaker. Raises RetryFault for an unknown handle, MediaFault for what is no picture or
    video, and what making a mask raises."""
    from viot_tools.cloak.protect import NoFace

    source = media_file(ctx, media)
    try:
        if source.suffix.lower() in SUFFIXES:
            return _video(ctx, media, source, cloaker)
        return _picture(ctx, media, source, cloaker)
    except NoFace as none:
        sentence = f"{_named(none.message, ctx, media, source)}; nothing was made. To mend it: {none.fix}."
        return Observation(
            call_id=ctx.call_id, tool=NAME, status="ok", summary=sentence, verdict="none", claims=(Claim(sentence),)
        )
    except MediaFault as fault:
        raise MediaFault(_named(fault.message, ctx, media, source), fix=fault.fix) from fault


def _picture(ctx: ToolContext, handle: str, source: Path, cloaker: Cloaker) -> Observation:
    from viot_tools.cloak.words import LIMITS, face_words, left_words, made_with

    def target(path: Path, ending: str) -> Path:
        return place(ctx, source, ending, "cloaked")

    also = [a.path for a in ctx.request.attachments if a.kind == "image" and a.handle != handle]
    report = cloaker.pictures([source], target, names=[handle], also=also, ending=".png")
    [made] = report.pictures
    new = ctx.new_handle("cloak", made.written)
    piece = _evidence(ctx, handle, new, report, crop=str(made.written))
    notes = f" Of the file: {'; '.join(made.notes)}." if made.notes else ""
    lines = [
        f"{new} shows {handle} with {faces_words(len(made.faces))} cloaked [{piece.id}]. {made_with(report)}",
        *(_sentence(face_words(face, report)) for face in made.faces),
        f"{left_words(made)}{notes}".strip(),
        LIMITS,
    ]
    return _made(ctx, lines, piece, new, made.written, report)


def _video(ctx: ToolContext, handle: str, source: Path, cloaker: Cloaker) -> Observation:
    from viot_agent.media.probe import probe
    from viot_tools.cloak.video import cloak_video
    from viot_tools.cloak.words import LIMITS, made_with, track_words

    length = probe(source).duration
    if length > LONGEST:
        raise MediaFault(
            f"{handle} is {length / 60:.0f} minutes long; {LONGEST / 60:.0f} are cloaked for a request",
            fix="cut it, or use the command: viot cloak FILE",
        )
    path = place(ctx, source, ".mp4", "cloaked")
    report = cloak_video(cloaker, source, path, name=handle)
    new = ctx.new_handle("cloak", path)
    piece = _evidence(ctx, handle, new, report, clip=str(path), length=report.clip.duration)
    people = len({t.person for t in report.tracks})
    who = "1 person" if people == 1 else f"{people} people"
    sound = "its sound is kept" if report.sound else report.lost or "it has no sound"
    lines = [
        f"{new} shows {handle} with the faces of {who} cloaked throughout; {sound} [{piece.id}]. {made_with(report)}",
        *(_sentence(track_words(track, report)) for track in report.tracks[:LISTED]),
        f"And {len(report.tracks) - LISTED} more stretches." if len(report.tracks) > LISTED else "",
        LIMITS,
    ]
    return _made(ctx, lines, piece, new, path, report)


def _evidence(
    ctx: ToolContext, handle: str, made: str, report: Report | VideoReport, *, crop: str | None = None,
    clip: str | None = None, length: float = 0.0,
) -> Evidence:  # fmt: skip
    models, versions = "+".join(report.used), "+".join(report.versions)
    return made_evidence(ctx, NAME, handle, made, models, versions, crop=crop, clip=clip, length=length)


def _made(
    ctx: ToolContext, lines: Sequence[str], piece: Evidence, handle: str, path: Path, report: Report | VideoReport
) -> Observation:
    from viot_tools.cloak.words import to_json

    said = [line for line in lines if line]
    return Observation(
        call_id=ctx.call_id,
        tool=NAME,
        status="ok",
        summary=" ".join(said),
        claims=tuple(Claim(line, (piece.id,)) for line in said),
        evidence=(piece,),
        data={"handle": handle, "path": str(path), "report": to_json(report)},
    )


def _named(message: str, ctx: ToolContext, handle: str, source: Path) -> str:
    """The message with handles in the place of files: paths of this machine are nobody's business."""
    for name, path in ((handle, source), *((a.handle, a.path) for a in ctx.request.attachments)):
        message = message.replace(str(path), name)
    return message.rstrip(".")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
