"""Whom or what a question asks for: the person or vehicle in an attached picture, or in a person's enrolment picture.

Detected with the detector of the tier in force. A tightly cut picture is looked at again with a margin around it,
because detectors miss what fills the frame. Owns finding it in the picture and the faults that say why it cannot be
used. Knows no library and no thresholds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, RetryFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.toolbox.contract import ToolContext
from viot_tools.objects.detections import Detections, ObjectDetector
from viot_tools.reid.pictures import cut_out

Thing = Literal["person", "vehicle"]
HANDLE = re.compile(r"^(image|video|clip|poses)-\d{1,3}$")
LEAST_SCORE = 0.3
RIVAL = 0.4
"""A second one of this share of the largest one's area is worth a word."""
WHOLE = 1.3
"""Height over width from which a person's box shows most of the body."""
MARGIN = 0.4
FRAMED = 1600
"""Pixels of the longest side that are laid into a margin: no detector here looks at more, and the margin makes 3.2
times the memory of the picture (267 MB at the largest that is read)."""
GREY = 114
CUT_OUT = 400
"""Pixels of the longest side up to which a picture may be a cut-out."""
SHAPE: dict[Thing, tuple[float, float]] = {"person": (1.6, 4.5), "vehicle": (0.25, 2.5)}
"""Height over width of cut-outs, from and to."""
FILLS = 0.5
"""The share of a cut-out that a detected box must fill to be believed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The one that is looked for: ``picture`` RGB of it alone; ``note`` a sentence about the choice, or ''; ``upright``
    its height over its width; ``sure``: a detector saw one there."""

    picture: Image
    note: str
    upright: float
    sure: bool = True


def attached(ctx: ToolContext, handle: str, thing: Thing, detector: ObjectDetector) -> Asked | None:
    """The largest person or vehicle in the attached picture ``handle``; None when ``handle`` is no handle.

    Raises RetryFault for a handle that nothing carries, for a video, for a file that is no picture, and for a picture
    without one.
    """
    handles = [a.handle for a in ctx.request.attachments]
    file = next((a for a in ctx.request.attachments if a.handle == handle), None)
    if file is None:
        if HANDLE.match(handle):
            there = f"attached: {', '.join(handles)}" if handles else "nothing is attached"
            raise RetryFault(f"there is no {handle} ({there})", nearest=handles, fix=f"attach a picture of the {thing}")
        return None
    if file.kind == "video":
        raise RetryFault(
            f"{handle} is a video, and a {thing} is looked for by a picture",
            nearest=[a.handle for a in ctx.request.attachments if a.kind == "image"],
            fix=f"attach a picture of the whole {thing}",
        )
    try:
        image = decode_image(file.path)
    except MediaFault as error:
        raise RetryFault(error.message, fix=error.fix or f"attach another picture of the {thing}") from error
    asked = largest(image, handle, thing, detector)
    if asked is None:
        raise RetryFault(f"no {thing} was found in {handle}", fix=f"attach a picture that shows the whole {thing}")
    return asked


def largest(image: Image, name: str, thing: Thing, detector: ObjectDetector) -> Asked | None:
    """The largest person or vehicle of a picture; None when there is none. ``name`` stands in the note.

    A small picture of the right shape is a cut-out (the crops of earlier answers are): what fills too little of it is
    passed over for the whole, and where nothing is detected in it ``sure`` is False. One that shows the other thing and
    none of this (a car where a person is asked for) is none.
    """
    boxes, others = _boxes(image, thing, detector)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    height, width = image.shape[:2]
    shaped = max(height, width) <= CUT_OUT and SHAPE[thing][0] <= height / width <= SHAPE[thing][1]
    shaped = shaped and (bool(len(areas)) or not others)
    if shaped and (not len(areas) or areas.max() < FILLS * height * width):
        what = "" if len(areas) else f"no {thing} was recognised in {name} for certain; "
        note = f"{what}the whole of {name} was taken for the {thing}"
        whole = cut_out(image, (0.0, 0.0, float(width), float(height)))
        return None if whole is None else Asked(whole, note, height / width, bool(len(areas)))
    if not len(areas):
        return None
    x0, y0, x1, y1 = (float(v) for v in boxes[int(areas.argmax())])
    picture = cut_out(image, (x0, y0, x1, y1))
    if picture is None:
        return None
    many = int((areas >= RIVAL * areas.max()).sum())
    what = {"person": "people", "vehicle": "vehicles"}[thing]
    note = f"{name} shows {many} {what}; the largest was looked for" if many > 1 else ""
    return Asked(picture, note, (y1 - y0) / max(1.0, x1 - x0))


def _boxes(image: Image, thing: Thing, detector: ObjectDetector) -> tuple[NDArray[np.float32], bool]:
    """(N, 4) what was detected, in pixels of ``image`` and inside it; and whether the other thing was."""
    seen = detector.detect(image)
    found, shift, scale = _of(seen, thing), np.zeros(4, np.float32), 1.0
    other: Thing = "vehicle" if thing == "person" else "person"
    others = bool(len(_of(seen, other)))
    if not len(found):
        scale = min(1.0, FRAMED / max(image.shape[:2]))
        size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
        small = image if scale == 1.0 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        dx, dy = round(MARGIN * small.shape[1]), round(MARGIN * small.shape[0])
        framed = np.pad(small, ((dy, dy), (dx, dx), (0, 0)), constant_values=GREY)
        seen, shift = detector.detect(framed), np.array([dx, dy, dx, dy], np.float32)
        found, others = _of(seen, thing), others or bool(len(_of(seen, other)))
    limits = np.array([image.shape[1], image.shape[0]] * 2, np.float32)
    return np.asarray(np.clip((found.xyxy - shift) / scale, 0, limits), np.float32), others


def whole_body(pictures: Iterable[Image], name: str, detector: ObjectDetector) -> Asked | None:
    """The person of the first of ``pictures`` that shows the whole body; None when none does (portraits)."""
    for image in pictures:
        asked = largest(image, name, "person", detector)
        if asked is not None and asked.upright >= WHOLE and asked.picture.shape[0] >= 96:
            return asked
    return None


def _of(found: Detections, thing: Thing) -> Detections:
    kept = found.people() if thing == "person" else found.vehicles()
    return kept.where(kept.score >= LEAST_SCORE)
