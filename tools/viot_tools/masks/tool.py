"""The tool ``masked_face_generation``: a copy of a picture or video in which every face wears a mask.

Owns the sentences. Where the masks lie is decided in ``pictures`` and ``video``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from viot_agent.errors import MediaFault
from viot_agent.media.sniff import SUFFIXES
from viot_agent.steps import Claim, Evidence, Observation
from viot_agent.toolbox.contract import Arg, ToolContext, tool
from viot_tools.made import faces_words, made_evidence, media_file, place
from viot_tools.masks.templates import KINDS, TEMPLATES

if TYPE_CHECKING:
    from viot_tools.masks.landmarks import Landmarks

NAME: Final = "masked_face_generation"
LONGEST: Final = 600.0
"""Seconds of a video that is masked for a request; ``viot mask`` has no limit."""
SEED: Final = 0
LISTED: Final = 8
"""Faces of a video that are told one by one."""

_WISH: Final = re.compile(r"\b(?:a|an|some)\s+((?:[a-z0-9'-]+\s+){1,3}?)masks?\b")
_PLAIN: Final = frozenset(
    "another any big clean common corona covid covid-19 different face facial fake fitting good health hygiene "
    "hygienic large little matching medical mouth new nice normal ordinary plain proper protection protective random "
    "real realistic regular rendered simple single small standard suitable usual virtual".split()
)
"""Words before "mask" that wish for nothing that could be missing."""
_ELSE: Final = frozenset("and as at but by for from has have in is of on or so that the this to wearing with".split())
"""Words that no name of a mask holds: what stands before "mask" speaks of something else."""

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
    name, unknown = wished(ctx.request.text, mask)
    if unknown:
        kinds = f"{', '.join(KINDS[:-1])} and {KINDS[-1]}"
        return _nothing(ctx, f"There is no {unknown} mask: there are {kinds} ones; nothing was made.")
    from viot_tools.masks.landmarks import Landmarks  # brings OpenCV and dlib, wanted only when something is made

    landmarks = Landmarks(ctx.weights)
    if source.suffix.lower() in SUFFIXES:
        return _video(ctx, media, source, mask, name, landmarks)
    return _picture(ctx, media, source, mask, name, landmarks)


def _picture(
    ctx: ToolContext, handle: str, source: Path, mask: str | None, name: str | None, landmarks: Landmarks
) -> Observation:
    from viot_tools.masks.pictures import counted, mask_picture, open_picture, write_picture

    opened = open_picture(source)
    made = mask_picture(opened.image, landmarks, mask=mask, name=name, seed=SEED)
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


def _video(
    ctx: ToolContext, handle: str, source: Path, mask: str | None, name: str | None, landmarks: Landmarks
) -> Observation:
    from viot_agent.media.probe import probe
    from viot_tools.masks.video import mask_video

    length = probe(source).duration
    if length > LONGEST:
        raise MediaFault(
            f"{handle} is {length / 60:.0f} minutes long; {LONGEST / 60:.0f} are masked for a request",
            fix="cut it, or use the command: viot mask FILE",
        )
    path = place(ctx, source, ".mp4", "masked")
    made = mask_video(source, path, landmarks, mask=mask, name=name, seed=SEED)
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
    return _nothing(ctx, sentence)


def _nothing(ctx: ToolContext, sentence: str) -> Observation:
    return Observation(
        call_id=ctx.call_id, tool=NAME, status="ok", summary=sentence, verdict="none", claims=(Claim(sentence),)
    )


def wished(text: str, kind: str | None) -> tuple[str | None, str]:
    """What the request asks for before the word "mask" beyond a ``kind``: ``(template, '')`` where there is one that is
    called so ("a pink mask"), ``(None, 'pink unicorn')`` where there is none, ``(None, '')`` where nothing is wished
    for that could be missing ("a simple face mask")."""
    for found in _WISH.finditer(text.lower()):
        words = set(found[1].split()) - _PLAIN
        if words <= set(KINDS) or _ELSE & words:
            continue
        for one in TEMPLATES.values():
            if words <= set(one.name.split("-")) and kind in (None, one.kind):
                return one.name, ""
        if kind is None and not words & set(KINDS):
            return None, found[1].strip()
    return None, ""


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
