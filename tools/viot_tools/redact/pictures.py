"""Redacting one picture: find, hide, write a copy without EXIF.

A preview picture in EXIF shows the face as it was, so nothing of a file's EXIF is carried over; see ``Opened.notes``
for what else is not. Owns the order. Knows no tool and no command.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from viot_agent.errors import UserFault
from viot_tools.masks.pictures import Opened, open_picture, same_file, write_picture
from viot_tools.redact.find import Finder
from viot_tools.redact.hide import Region, Style, colours, head, hide, noise, plate
from viot_tools.redact.plates import PlateFinder
from viot_tools.redact.report import Hidden, Report, Shown, looked_with
from viot_tools.redact.uncovered import MUCH, share
from viot_tools.redact.who import Keeper


def redact_picture(
    source: Path,
    target: Callable[[Opened], Path],
    finder: Finder,
    *,
    keeper: Keeper | None = None,
    plates: PlateFinder | None = None,
    style: Style = "blocks",
) -> Report:
    """Write a copy of the picture ``source`` to where ``target`` says; none where nothing has to be hidden.

    Raises MediaFault for what is no picture, UserFault when the copy would fall on the source, WeightsMissing,
    BackendFault when it cannot be written.
    """
    opened = open_picture(source)
    faces = finder.study(opened.image)
    verdicts = keeper.of_picture(opened.image, faces) if keeper is not None else []
    answers = [v.answer for v in verdicts] or ["no"] * len(faces)
    hidden = [
        Hidden("face", f.xyxy, f.score, maybe=answer == "maybe")
        for f, answer in zip(faces, answers, strict=True)
        if answer != "sure"
    ]
    hidden += [Hidden("plate", p.xyxy, p.score) for p in (plates.study(opened.image) if plates is not None else [])]
    regions: list[Region] = [head(one.xyxy) if one.what == "face" else plate(one.xyxy) for one in hidden]
    shown = tuple(
        Shown(v.score, covered=((0.0, 0.0),) if share(face.xyxy, regions) > MUCH else ())
        for face, v in zip(faces if verdicts else [], verdicts, strict=True)
        if v.answer == "sure"
    )
    written = None
    if hidden:
        image = opened.image.copy()
        for region in regions:
            # from the picture as it was: a region must not take up colours of one that is hidden already
            under = None if style == "solid" else colours(opened.image, region)
            hide(image, region, None if under is None else under + noise())
        written = target(opened)
        if same_file(source, written):
            raise UserFault(f"{written} is the picture itself; it is never written over", fix="give another --out")
        write_picture(image, written, profile=opened.profile)
    return Report(
        source=source,
        written=written,
        style=style,
        hidden=tuple(hidden),
        keep="" if keeper is None else keeper.name,
        shown=shown,
        notes=opened.notes,
        **looked_with(finder, plates, keeper),
    )
