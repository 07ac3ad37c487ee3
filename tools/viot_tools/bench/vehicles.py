"""The vehicles that were marked by eye in two clips: pictures with who is who, their colours and types.

Owns the reading of ``annotations/vehicles.json`` (of the data folder, else of this checkout) and of the frames it
names. Knows no model and no figure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viot_agent.errors import FailedFault
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image


@dataclass(frozen=True, slots=True)
class Sighting:
    """One picture of a marked vehicle: RGB pixels of its box in frame ``index`` of ``clip``."""

    vehicle: str
    clip: str
    index: int
    image: Image


def annotation(data: Path, name: str) -> dict[str, Any] | None:
    """The annotation file of that name; None where neither the data folder nor the checkout has it."""
    places = (data / "annotations", Path(__file__).resolve().parents[3] / "datasets" / "annotations")
    path = next((p / name for p in places if (p / name).is_file()), None)
    return None if path is None else dict(json.loads(path.read_text("utf-8")))


def sightings(data: Path) -> list[Sighting]:
    """All marked vehicles whose clip is there. Raises FailedFault when a marked frame cannot be hit."""
    marked = annotation(data, "vehicles.json")
    found: list[Sighting] = []
    for name, clip in (marked or {"clips": {}})["clips"].items():
        path = data / clip["path"]
        if not path.is_file():
            continue
        wanted = sorted({int(i) for places in clip["vehicles"].values() for i in places})
        timeline = examine(path).timeline
        images: dict[int, Image] = {}
        for i, frame in zip(wanted, open_media(path).read([timeline.t(i) + 1e-4 for i in wanted]), strict=True):
            if frame.index != i:
                raise FailedFault(f"{path}: frame {i} was not met", fix="the clip is not the one that was marked")
            images[i] = frame.image
        for vehicle, places in clip["vehicles"].items():
            for i, (left, top, right, bottom) in places.items():
                found.append(Sighting(vehicle, name, int(i), images[int(i)][top:bottom, left:right].copy()))
    return found


def alike(data: Path) -> list[frozenset[str]]:
    """Pairs of marked vehicles that may be one."""
    marked = annotation(data, "vehicles.json") or {}
    return [frozenset(pair) for pair in marked.get("perhaps_the_same", ())]
