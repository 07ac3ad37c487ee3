"""The analyzer ``gait``: one vector for everybody who was seen to walk, whole, alone and for long enough.

Reads the followed boxes of ``objects``; its rows name those tracks. The network is our own and ships with the package,
so both tiers have it. Nothing of colour or clothes' texture reaches the network: it sees silhouettes.

Owns the way from frames to rows. Knows neither the library nor any question.
"""

from __future__ import annotations

from viot_agent.library.rows import Rows, SegmentInfo, Shared, VectorRow
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.gait.net import GaitNet, thresholds
from viot_tools.gait.walks import Stretch, Walk
from viot_tools.objects.analyzer import ObjectFrame

FULL = 50
"""Silhouettes at which a walk's quality is 1: ``quality`` of a row is its number of silhouettes over this."""


def silhouettes_of(quality: float) -> int:
    """How many silhouettes a stored vector rests on (``FULL`` stands for that many or more)."""
    return round(quality * FULL)


class GaitAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`."""

    name = "gait"
    version = "1"
    needs: tuple[str, ...] = ("objects",)
    least_fps = 4.0
    """Fewer frames a second show no steps; ``viot watch`` switches this off rather than find no walks."""

    def __init__(self, weights: Weights, *, net: GaitNet | None = None) -> None:
        self.net = net or GaitNet.of(weights)
        self.model, self.model_version = self.net.model, self.net.model_version
        by = thresholds()
        self.summary = (
            f"people's way of walking ({self.model}; validated in simulation only), told from {by.match:g} (a cosine "
            f"that {by.far:g} of comparisons with strangers pass)"
        )

    def start(self, segment: SegmentInfo) -> GaitAnalysis:
        """A fresh state for one segment."""
        return GaitAnalysis(self.net)


class GaitAnalysis:
    """The state of one segment."""

    def __init__(self, net: GaitNet) -> None:
        self._net, self._stretch = net, Stretch()

    def see(self, frame: Frame, shared: Shared) -> None:
        """Keep what may become silhouettes."""
        objects = shared.results["objects"]
        assert isinstance(objects, ObjectFrame)
        self._stretch.see(frame, objects, still=shared.still)

    def finish(self) -> Rows:
        """One vector a walk."""
        return Rows(vectors=tuple(_row(walk, self._net) for walk in self._stretch.walks()))


def _row(walk: Walk, net: GaitNet) -> VectorRow:
    middle = float(walk.times[len(walk.times) // 2])
    quality = min(1.0, len(walk.times) / FULL)
    return VectorRow(walk.key, middle, net.model, net.embed(walk.silhouettes), quality)
