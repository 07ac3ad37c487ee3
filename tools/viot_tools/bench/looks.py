"""The people and vehicles whose looks were written down by eye (``annotations/attributes.json``), as pictures.

Owns the reading of the file (of the data folder, else of this checkout) and of the frames and photographs it names.
Knows no model and no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from viot_agent.errors import FailedFault
from viot_agent.library.rows import Keypoints
from viot_agent.media.pictures import decode_image
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import XYXY, Image
from viot_tools.attributes.carried import carried
from viot_tools.attributes.looks import Look
from viot_tools.attributes.naming import Light, light_of
from viot_tools.attributes.regions import parts
from viot_tools.bench.vehicles import annotation
from viot_tools.objects.detections import Detections, ThingDetector, box_iou
from viot_tools.reid.pictures import cut_out

Kind = Literal["people", "vehicles"]
Estimate = Callable[[Image, XYXY], Keypoints]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One of them. ``labels`` by attribute: the word that fits best, then others that are fair. ``who`` is the same for
    pictures of one vehicle; ``look`` is as ingest would have it, with key points of the body where those were given;
    ``bag`` the bag that a detector saw at a person in that frame, '' for none, None where none looked."""

    kind: Kind
    half: str
    file: str
    who: str
    detector: str
    look: Look
    labels: Mapping[str, tuple[str, ...]]
    bag: str | None = None


def labelled(
    data: Path, half: str, estimate: Estimate | None = None, detector: ThingDetector | None = None
) -> list[Labelled]:
    """All of one half (``calibrate`` or ``report``) whose footage is there. Raises FailedFault for other footage."""
    marked = annotation(data, "attributes.json") or {"people": [], "vehicles": []}
    kinds: tuple[Kind, ...] = ("people", "vehicles")
    wanted = [(kind, n, row) for kind in kinds for n, row in enumerate(marked[kind]) if row["half"] == half]
    found = []
    by_file: dict[str, list[tuple[Kind, int, dict[str, Any]]]] = {}
    for entry in wanted:
        by_file.setdefault(entry[2]["file"], []).append(entry)
    for file, entries in sorted(by_file.items()):
        path = data / file
        if not path.is_file():
            continue
        for index, image in _frames(path, sorted({row.get("frame", -1) for _, _, row in entries})):
            light = light_of(image)
            seen = None if detector is None else detector.detect_all(image)
            for kind, n, row in entries:
                if row.get("frame", -1) == index:
                    one = _one(kind, n, row, image, light, estimate)
                    found.append(one if seen is None or kind != "people" else replace(one, bag=_bag(row["box"], *seen)))
    return found


def _one(kind: Kind, n: int, row: Mapping[str, Any], image: Image, light: Light, estimate: Estimate | None) -> Labelled:
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (float(v) for v in np.clip(row["box"], 0, [width, height, width, height]))
    picture = cut_out(image, (x0, y0, x1, y1))
    if picture is None:
        raise FailedFault(f"{row['file']}: a marked box lies outside", fix="the file is not the one that was marked")
    pose = estimate(image, (x0, y0, x1, y1)) if kind == "people" and estimate is not None else None
    where = parts((x0, y0, x1, y1), pose) if kind == "people" else None
    names = {k: tuple(v) for k, v in row.items() if isinstance(v, list) and k != "box"}
    who = str(row.get("who", f"{kind}-{n}"))
    look = Look(picture, light, 1.0, where)
    return Labelled(kind, row["half"], row["file"], who, str(row.get("detector", "")), look, names)


def _bag(box: Sequence[float], found: Detections, others: Detections) -> str:
    """The surest bag at the detected person who is the marked one."""
    people = found.people()
    overlap = box_iou(np.array([box], np.float32), people.xyxy)[0]
    if not len(people) or overlap.max() < 0.5:
        return ""
    mine = [(score, value) for i, value, score in carried(people.xyxy, others) if i == int(overlap.argmax())]
    return max(mine)[1] if mine else ""


def _frames(path: Path, indices: list[int]) -> Iterator[tuple[int, Image]]:
    """(index, RGB picture): the frames of a clip, or a photograph as index -1."""
    if indices == [-1]:
        yield -1, decode_image(path.read_bytes())
        return
    timeline = examine(path).timeline
    for index, frame in zip(indices, open_media(path).read([timeline.t(i) + 1e-4 for i in indices]), strict=True):
        if frame.index != index:
            raise FailedFault(f"{path}: frame {index} was not met", fix="the clip is not the one that was marked")
        yield index, frame.image
