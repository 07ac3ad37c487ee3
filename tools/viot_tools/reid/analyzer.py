"""The analyzers ``people_looks`` and ``vehicle_looks``: vectors of the best pictures of each followed thing.

Pictures are collected while a segment is read and embedded together at its end, across tracks: one pass of the network
serves many. They add no track of their own: vectors name the tracks of ``objects``. A vehicle's picture has a second,
small vector beside its look: what was read of it (``vehicle.Read``).

Owns the way from frames to rows. Knows neither the library nor any question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from viot_agent.library.rows import Rows, SegmentInfo, Shared, VectorRow
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.detections import PERSON, VEHICLES
from viot_tools.reid.embed import Embedder, people_embedder
from viot_tools.reid.identity import thresholds_words
from viot_tools.reid.pictures import Picture, Pictures, hidden_share
from viot_tools.reid.vehicle import READ_MODEL, VehicleLook

LEAST_PERSON = 40.0
"""Pixels of height under which a person's clothes are a smear."""
LEAST_VEHICLE = 24.0
"""Pixels of height under which a vehicle's look is one."""

Rower = Callable[[Sequence[str], Sequence[Picture]], tuple[VectorRow, ...]]
"""(track keys, their pictures) to rows."""


class PeopleLooksAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. The embedder is that of the tier in force, or the one given."""

    name = "people_looks"
    version = "1"
    needs: tuple[str, ...] = ("objects",)

    def __init__(self, weights: Weights, *, embedder: Embedder | None = None) -> None:
        self.embedder = embedder or people_embedder(weights)
        self.model, self.model_version = self.embedder.model, self.embedder.model_version
        self.summary = f"people by body and clothing ({self.model}), {thresholds_words(self.model, 'people')}"

    def start(self, segment: SegmentInfo) -> LooksAnalysis:
        """A fresh state for one segment."""
        return LooksAnalysis(frozenset({PERSON}), LEAST_PERSON, self._rows)

    def _rows(self, keys: Sequence[str], pictures: Sequence[Picture]) -> tuple[VectorRow, ...]:
        vectors = self.embedder.embed([p.image for p in pictures])
        return tuple(
            VectorRow(key, p.t, self.model, vector, round(p.quality, 4))
            for key, p, vector in zip(keys, pictures, vectors, strict=True)
        )


class VehicleLooksAnalyzer:
    """The same for vehicles; only where something detects them (the hub tier)."""

    name = "vehicle_looks"
    version = "1"
    needs: tuple[str, ...] = ("objects",)

    def __init__(self, weights: Weights, *, embedder: VehicleLook | None = None) -> None:
        self.embedder = embedder or VehicleLook(weights)
        self.model, self.model_version = self.embedder.model, self.embedder.model_version
        by = thresholds_words(self.model, "vehicles")
        self.summary = f"vehicles by look, with colour and type ({self.model}), {by}"

    def start(self, segment: SegmentInfo) -> LooksAnalysis:
        """A fresh state for one segment."""
        return LooksAnalysis(VEHICLES, LEAST_VEHICLE, self._rows)

    def _rows(self, keys: Sequence[str], pictures: Sequence[Picture]) -> tuple[VectorRow, ...]:
        vectors, reads = self.embedder.look([p.image for p in pictures])
        rows: list[VectorRow] = []
        for key, p, vector, read in zip(keys, pictures, vectors, reads, strict=True):
            rows.append(VectorRow(key, p.t, self.model, vector, round(p.quality, 4)))
            rows.append(VectorRow(key, p.t, READ_MODEL, read.vector(), round(p.quality, 4)))
        return tuple(rows)


class LooksAnalysis:
    """The state of one segment."""

    def __init__(self, labels: frozenset[str], least: float, rows: Rower) -> None:
        self._labels, self._least, self._rows = labels, least, rows
        self._pictures = Pictures()
        self._seen_at: float | None = None

    def see(self, frame: Frame, shared: Shared) -> None:
        """Offer the followed boxes of this frame; a still or repeated frame brings nothing new."""
        objects = shared.results["objects"]
        assert isinstance(objects, ObjectFrame)
        again = self._seen_at is not None and frame.t <= self._seen_at
        if again or (shared.still and self._seen_at is not None):
            return
        self._seen_at = frame.t
        found = objects.detections
        for i, (box, score, label, key) in enumerate(
            zip(found.xyxy, found.score, found.label, objects.track_keys, strict=True)
        ):
            if label in self._labels and box[3] - box[1] >= self._least:
                x0, y0, x1, y1 = (float(v) for v in box)
                self._pictures.offer(
                    key, frame.t, frame.image, (x0, y0, x1, y1), float(score), hidden_share(found.xyxy, i)
                )

    def finish(self) -> Rows:
        """The vectors of all pictures, tracks in the order of their first box."""
        chosen = list(self._pictures)
        if not chosen:
            return Rows()
        return Rows(vectors=self._rows([key for key, _ in chosen], [p for _, p in chosen]))
