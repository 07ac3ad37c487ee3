"""The analyzer ``fire``: every sampled frame gets a map of fire and smoke; what wins the vote becomes an event.

Where the picture is still the last map stands, and counts: a fire that the motion gate cannot see is not lost. How much
the hot area stirs is measured on every frame, still or not.

Owns the way from frames to rows. The network is in ``model``, the vote in ``burning``, what is kept for
the next segment in ``border``; no question is known here.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import EventRow, Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.fire.border import edges
from viot_tools.fire.burning import THRESHOLD, Look, events, stirred
from viot_tools.fire.model import FireLooker, FireMap, FireNetwork, sigmoid
from viot_tools.fire.names import ANALYZER, KINDS

GREY = 160
"""Width in pixels of the small grey picture on which movement is measured."""


class FireAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. Our own network in both tiers, or the ``looker`` given."""

    name = ANALYZER
    version = "2"
    needs: tuple[str, ...] = ()

    def __init__(self, weights: Weights, *, looker: FireLooker | None = None) -> None:
        self.looker = looker or FireNetwork(weights)
        self.model = self.looker.model
        self.model_version = self.looker.model_version
        self.summary = f"fire and smoke, with where and whether it moves ({self.model})"

    def start(self, segment: SegmentInfo) -> FireAnalysis:
        """A fresh state for one segment."""
        return FireAnalysis(self.looker, segment.sample_fps)


class FireAnalysis:
    """The state of one segment."""

    def __init__(self, looker: FireLooker, sample_fps: float) -> None:
        self._looker, self._step = looker, 1 / sample_fps
        self._looks: dict[str, list[Look]] = {kind: [] for kind in KINDS}
        self._map: FireMap | None = None
        self._grey: NDArray[np.float32] | None = None
        self._hot: dict[str, NDArray[np.bool_]] = {}
        self._t = -1.0

    def see(self, frame: Frame, shared: Shared) -> FireMap:
        """Look (or take the last map where the picture is still) and note both scores."""
        if self._map is not None and frame.t <= self._t:
            return self._map  # a clip slower than the sampling shows a frame again
        self._t = frame.t
        if self._map is None or not shared.still:
            self._map = self._looker.look(frame.image)
        grey = small_grey(frame.image)
        for kind in KINDS:
            heat = sigmoid(self._map.of(kind))
            hot = np.asarray(
                cv2.resize((heat >= THRESHOLD[kind]).astype(np.uint8), grey.shape[::-1], interpolation=0), bool
            )
            # a flame leaves one cell and enters the next: both are where it stirs
            area = hot | self._hot.get(kind, hot)
            stir = None if self._grey is None else stirred(self._grey, grey, area)
            self._hot[kind] = hot
            box = self._map.box(kind, THRESHOLD[kind])
            self._looks[kind].append(Look(frame.t, self._map.score(kind), box, float(hot.mean()), stir))
        self._grey = grey
        return self._map

    def finish(self) -> Rows:
        """The events of both kinds, and what is kept of the segment's ends, by time."""
        found: list[EventRow] = []
        for kind in KINDS:
            looks = self._looks[kind]
            won = events(kind, looks, self._step)
            found += [*won, *edges(kind, looks, self._step, won)]
        return Rows(events=tuple(sorted(found, key=lambda e: (e.t0, e.kind))))


def small_grey(image: Image) -> NDArray[np.float32]:
    """(h, GREY) float32 0..255."""
    height, width = image.shape[:2]
    size = (GREY, max(1, round(height * GREY / width)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
