"""What is said of a cloak, in plain words: the same sentences for the tool and the command.

Owns sentences and the JSON form. Every figure in them comes from a report; the limits are always said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viot_tools.cloak.hands import FaceReport, Origin
from viot_tools.cloak.measure import Judged, Looks
from viot_tools.cloak.protect import PictureReport, Report
from viot_tools.cloak.video import TrackReport, VideoReport
from viot_tools.saying import names_words

GET_JUDGES = "viot models pull && viot models pull retail-0095 retail-0095-weights"
LIMITS = (
    "This lowers the chance of being recognised and is no guarantee: a recogniser that was not asked here may still "
    "know the face, people know it as before, and strong JPEG compression weakens the cloak."
)


def origin_words(origin: Origin, universal: bool) -> str:
    """Where the mask came from."""
    if universal:
        how = "kept" if origin.stored else "made now"
        learnt = f"learnt from {_n(origin.faces, 'picture')} of {origin.people} people{_views(origin)}"
        return f"one mask for everybody, {learnt} ({how})"
    if origin.stored:
        return f"the kept mask, learnt from {_n(origin.faces, 'picture')}"
    before = origin.faces - origin.given
    if before:
        these = f" and {_n(origin.given, 'picture')} given now" if origin.given else ""
        return f"a mask made now from {_n(before, 'enrolled picture')}{these}{_views(origin)}, and kept"
    return f"a mask made now from {_n(origin.faces, 'picture')}{_views(origin)}"


def looks_words(looks: Looks, epsilon: float) -> str:
    """How much of it can be seen."""
    coded = f", by {looks.written} once coded as JPEG" if looks.written > looks.change else ""
    return (
        f"values changed by at most {looks.change} of 255 ({epsilon:g} allowed){coded}; "
        f"SSIM {looks.ssim:.3f}, PSNR {looks.psnr:.1f} dB"
    )


def judged_words(rows: Sequence[Judged]) -> str:
    """Likeness before and after by each recogniser, and whether it still takes the face for the same person."""
    moved = names_words([f"{r.recogniser} {r.before:.2f} to {r.after:.2f}" for r in rows])
    told = [r for r in rows if r.still is not None and r.was is not None]
    if not told:
        return moved
    still = names_words([f"{r.recogniser} in {100 * (r.still or 0):.0f} % of the comparisons" for r in told])
    was = names_words([f"{100 * (r.was or 0):.0f} %" for r in told])
    return (
        f"{moved}. At their own thresholds (one false match in {1 / told[0].far:.0f}) they take it for the same "
        f"person: {still} (before the cloak {was})"
    )


def measured_words(rows: Sequence[Judged], others: str, judges: Sequence[str]) -> str:
    """One sentence on the protection of one face, or why it was not measured. ``others``: what it was compared with, ''
    for nothing."""
    if not judges:
        return (
            f"Protection was not measured: no recogniser that had no part in the mask is at hand here ({GET_JUDGES})."
        )
    if not others:
        return (
            "Protection was not measured: there is no other picture of this person to compare with "
            "(attach one more, or viot person enroll NAME PICTURE --consent TEXT)."
        )
    return f"Likeness to {others}, by recognisers that had no part in the mask: {judged_words(rows)}."


def face_words(face: FaceReport, report: Report) -> str:
    """All that is said of one face."""
    lost = (
        " The face is not found any more in the cloaked picture; it was compared at its old place." if face.lost else ""
    )
    others = f"{_n(face.others, 'other picture')} of {face.person}" if face.others else ""
    return (
        f"{face.person}: {origin_words(face.origin, report.recipe.universal)}; "
        f"{looks_words(face.looks, report.recipe.epsilon)}. "
        f"{measured_words(face.judged, others, report.judges)}{lost}"
    )


def track_words(track: TrackReport, report: VideoReport) -> str:
    """All that is said of one face of a video."""
    others = {"enrolled pictures": f"the enrolled pictures of {track.person}",
              "other moments": "other moments of this video", "": ""}[track.against]  # fmt: skip
    lost = f" In {track.lost} of {track.measured} moments no face is found any more." if track.lost else ""
    return (
        f"{track.person}, {track.first:.1f} to {track.last:.1f} s: "
        f"{origin_words(track.origin, report.recipe.universal)}. "
        f"{measured_words(track.judged, others, report.judges)}{lost}"
    )


def left_words(picture: PictureReport) -> str:
    """What of the picture was left as it was; '' for nothing."""
    parts = []
    if picture.too_small:
        parts.append(f"{_n(picture.too_small, 'face')} under 40 pixels")
    if picture.untouched:
        parts.append(_n(picture.untouched, "face") + " of other people")
    return f"Left without a cloak: {names_words(parts)}." if parts else ""


def made_with(report: Report | VideoReport) -> str:
    """``Made by opom with mobilefacenet and dlib.``"""
    absent = f"; not asked, because not on this machine: {', '.join(report.absent)}" if report.absent else ""
    return f"Made by {report.recipe.method} with {names_words(report.used)}{absent}."


def to_json(report: Report | VideoReport) -> dict[str, Any]:
    """The report for programs."""
    from dataclasses import asdict

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, float):
            # JSON has no infinity: a face that did not change at all has no PSNR
            return round(value, 4) if abs(value) != float("inf") else None
        return value if isinstance(value, (int, str, bool)) or value is None else str(value)

    return {**plain(asdict(report)), "limits": LIMITS}


def _views(origin: Origin) -> str:
    return f", filled up with {_n(origin.views, 'synthetic view')}" if origin.views else ""


def _n(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
