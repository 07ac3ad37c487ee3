"""The tool ``masked_face_generation``: a copy of a picture or video in which every face wears a mask.

Owns the sentences. Where the masks lie is decided in ``pictures`` and ``video``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from viot_agent.errors import MediaFault
from viot_agent.media.sniff import SUFFIXES
from viot_agent.steps import Claim, Evidence, Observation
from viot_agent.toolbox.contract import Arg, ToolContext, tool
from viot_tools.made import faces_words, made_evidence, media_file, place
from viot_tools.masks.templates import KINDS

if TYPE_CHECKING:
    from viot_tools.masks.landmarks import Landmarks

NAME: Final = "masked_face_generation"
LONGEST: Final = 600.0
"""Seconds of a video that is masked for a request; ``viot mask`` has no limit."""
SEED: Final = 0
LISTED: Final = 8
"""Faces of a video that are told one by one."""

MediaArg = Annotated[str, Arg("media")]
MaskArg = Annotated[str, Arg("choice", KINDS)]


@tool(cost="render")
def masked_face_generation(ctx: ToolContext, media: MediaArg, mask: MaskArg | None = None) -> Observation:
    """Put rendered face masks on the faces of a picture or video.

    Not for: blurring faces (face_redaction), cloaking against recognition (privacy_cloak).

    Args:
        media: the handle of an attached or made picture or video.
        mask: the kind of mask; only when asked for.
    """
    source = media_file(ctx, media)
    from viot_tools.masks.landmarks import Landmarks  # brings OpenCV and dlib, wanted only when something is made

    landmarks = Landmarks(ctx.weights)
    if source.suffix.lower() in SUFFIXES:
        return _video(ctx, media, source, mask, landmarks)
    return _picture(ctx, media, source, mask, landmarks)


def _picture(ctx: ToolContext, handle: str, source: Path, mask: str | None, landmarks: Landmarks) -> Observation:
    from viot_tools.masks.pictures import counted, mask_picture, open_picture, write_picture

    opened = open_picture(source)
    made = mask_picture(opened.image, landmarks, mask=mask, seed=SEED)
    small = _small_words(made.too_small)
    if not made.worn:
        return _nobody(ctx, handle, landmarks, small)
    path = place(ctx, source, ".png", "masked")
    write_picture(made.image, path, profile=opened.profile)
    new = ctx.new_handle("mask", path)
    piece = _evidence(ctx, handle, new, landmarks, crop=str(path))
    notes = f" Of the file: {'; '.join(opened.notes)}." if opened.notes else ""
    sentence = (
        f"{new} shows {handle} with {faces_words(len(made.worn))} masked: {counted(made.worn)}; "
        f"seed {SEED} [{piece.id}].{small}{notes}"
    )
    rows = [{"xyxy": list(w.xyxy), "template": w.template, "seed": w.seed, "yaw": w.yaw} for w in made.worn]
    return _made(ctx, sentence, piece, {"handle": new, "path": str(path), "faces": rows, "seed": SEED})


def _video(ctx: ToolContext, handle: str, source: Path, mask: str | None, landmarks: Landmarks) -> Observation:
    from viot_agent.media.probe import probe
    from viot_tools.masks.video import mask_video

    length = probe(source).duration
    if length > LONGEST:
        raise MediaFault(
            f"{handle} is {length / 60:.0f} minutes long; {LONGEST / 60:.0f} are masked for a request",
            fix="cut it, or use the command: viot mask FILE",
        )
    path = place(ctx, source, ".mp4", "masked")
    made = mask_video(source, path, landmarks, mask=mask, seed=SEED)
    if made.clip is None:
        return _nobody(ctx, handle, landmarks, "")
    new = ctx.new_handle("mask", path)
    piece = _evidence(ctx, handle, new, landmarks, clip=str(path), length=made.clip.duration)
    sound = "its sound is kept" if made.sound else made.lost or "it has no sound"
    worn = [f"{n} from {a:.1f} to {b:.1f} s" for n, (a, b) in zip(made.templates, made.seconds, strict=True)]
    more = f" and {len(worn) - LISTED} more" if len(worn) > LISTED else ""
    sentence = (
        f"{new} shows {handle} with {faces_words(len(worn))} masked where found: "
        f"{', '.join(worn[:LISTED])}{more}; seed {SEED}; {sound} [{piece.id}]."
    )
    data = {"handle": new, "path": str(path), "templates": list(made.templates), "seed": SEED, "sound": made.sound}
    return _made(ctx, sentence, piece, data)


def _evidence(
    ctx: ToolContext, handle: str, made: str, landmarks: Landmarks, *, crop: str | None = None,
    clip: str | None = None, length: float = 0.0,
) -> Evidence:  # fmt: skip
    model = f"{landmarks.detector.model}+{landmarks.model}"
    return made_evidence(ctx, NAME, handle, made, model, landmarks.model_version, crop=crop, clip=clip, length=length)


def _nobody(ctx: ToolContext, handle: str, landmarks: Landmarks, small: str) -> Observation:
    blind = f" (it does not see {landmarks.detector.blind_to})" if landmarks.detector.blind_to else ""
    sentence = f"No face to mask was found in {handle} by {landmarks.detector.model}{blind}; nothing was made.{small}"
    return Observation(
        call_id=ctx.call_id, tool=NAME, status="ok", summary=sentence, verdict="none", claims=(Claim(sentence),)
    )


def _made(ctx: ToolContext, sentence: str, piece: Evidence, data: dict[str, Any]) -> Observation:
    return Observation(
        call_id=ctx.call_id,
        tool=NAME,
        status="ok",
        summary=sentence,
        claims=(Claim(sentence, (piece.id,)),),
        evidence=(piece,),
        data=data,
    )


def _small_words(n: int) -> str:
    if not n:
        return ""
    return f" {faces_words(n)} left without: too small or turned too far."
