"""The analyzer ``attributes``: what people wear and carry, and the colours of vehicles, as rows of their tracks.

The best pictures of each track are collected while a segment is read and looked at together at its end. In the builtin
tier there is no network, so only the colours of clothes are told, from fixed parts of the box: no pose is there either.

Owns the way from frames to rows. Knows neither the library nor any question.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from viot_agent.library.rows import AttributeRow, Keypoints, Rows, SegmentInfo, Shared
from viot_agent.media.types import XYXY, Frame
from viot_agent.weights import Weights
from viot_tools.attributes import carried, looks
from viot_tools.attributes.looks import Look
from viot_tools.attributes.naming import Light, light_of
from viot_tools.attributes.network import FILES, PersonNetwork
from viot_tools.attributes.regions import Parts, parts
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import PERSON, VEHICLES
from viot_tools.reid.pictures import Picture, Pictures, hidden_share

LEAST: Final = {PERSON: 48.0, **dict.fromkeys(VEHICLES, 32.0)}
"""Pixels of height under which colours of clothes, and of paint, are those of the light."""
COLOURS_MODEL: Final = "colour-names"


class AttributesAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. The network is that of the hub, or the one given; the builtin tier
    has none."""

    name = "attributes"
    version = "1"

    def __init__(self, weights: Weights, *, network: PersonNetwork | None = None) -> None:
        self.network = network if network is not None or weights.tier == "builtin" else PersonNetwork(weights)
        numbers = hashlib.sha256(Path(__file__).with_name("calibration.json").read_bytes()).hexdigest()[:12]
        self.needs: tuple[str, ...] = ("objects",) if self.network is None else ("objects", "poses")
        self.model, self.model_version = COLOURS_MODEL, numbers
        seen = "colours of people's clothes"
        if self.network is not None:
            self.model = f"{FILES[0]}+{COLOURS_MODEL}"
            self.model_version = f"{self.network.model_version}+{numbers}"
            seen = "clothes and bags of people, colours of vehicles"
        self.summary = f"{seen} ({self.model})"

    def start(self, segment: SegmentInfo) -> AttributesAnalysis:
        """A fresh state for one segment."""
        return AttributesAnalysis(self.network)


class AttributesAnalysis:
    """The state of one segment."""

    def __init__(self, network: PersonNetwork | None) -> None:
        self._network = network
        self._pictures = Pictures()
        self._kinds: dict[str, str] = {}
        self._light: dict[float, Light] = {}
        self._parts: dict[tuple[str, float], Parts] = {}
        self._bags: dict[str, list[tuple[float, str, float]]] = {}
        self._last = float("-inf")

    def see(self, frame: Frame, shared: Shared) -> None:
        """Offer the followed boxes of this frame; a still or repeated frame brings nothing new."""
        objects = shared.results["objects"]
        assert isinstance(objects, ObjectFrame)
        if frame.t <= self._last or (shared.still and self._last > float("-inf")):
            return
        self._last = frame.t
        poses: dict[str, Keypoints] = shared.results.get("poses") or {}
        found = objects.detections
        self._carry(frame.t, objects)
        height, width = frame.image.shape[:2]
        for i, (box, label, key) in enumerate(zip(found.xyxy, found.label, objects.track_keys, strict=True)):
            x0, y0, x1, y1 = (float(v) for v in np.clip(box, 0, [width, height, width, height]))
            if y1 - y0 < LEAST[label]:
                continue
            xyxy: XYXY = (x0, y0, x1, y1)
            hidden = hidden_share(found.xyxy, i)
            if self._pictures.offer(key, frame.t, frame.image, xyxy, float(found.score[i]), hidden):
                self._kinds[key] = label
                if frame.t not in self._light:
                    self._light[frame.t] = light_of(frame.image)
                if label == PERSON:
                    self._parts[key, frame.t] = parts(xyxy, poses.get(key))

    def _carry(self, t: float, objects: ObjectFrame) -> None:
        """Bags that the detector sees at people."""
        people = [i for i, label in enumerate(objects.detections.label) if label == PERSON]
        for owner, value, score in carried.carried(objects.detections.xyxy[people], objects.others):
            self._bags.setdefault(objects.track_keys[people[owner]], []).append((score, value, t))

    def finish(self) -> Rows:
        """One row an attribute and track, at the time of the track's best picture (of a bag: when it was seen best)."""
        kept: dict[str, list[Picture]] = {}
        for key, picture in self._pictures:
            kept.setdefault(key, []).append(picture)
        rows = []
        for key, pictures in kept.items():
            seen = [Look(p.image, self._light[p.t], p.quality, self._parts.get((key, p.t))) for p in pictures]
            told = looks.person(seen, self._network) if self._kinds[key] == PERSON else looks.vehicle(seen)
            best = max(pictures, key=lambda p: p.quality).t
            rows += [AttributeRow(key, best, v.name, v.value, round(v.score, 4)) for v in told]
        for key, seen_bags in self._bags.items():
            bag = carried.value(v for _, v, _ in seen_bags)
            if bag is not None:
                t = max(b for b in seen_bags if b[1] == bag.value)[2]
                rows.append(AttributeRow(key, t, bag.name, bag.value, bag.score))
        return Rows(attributes=tuple(rows))
