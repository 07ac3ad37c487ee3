"""The analyzer ``activity``: one compact row a segment with what each second of it did (``measure``).

People and vehicles are not stored again: the tool reads their tracks. Owns the row. Judges nothing: what is unusual is
decided when it is asked, against the history there is by then.
"""

from __future__ import annotations

from typing import Final

from viot_agent.library.rows import EventRow, Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.anomaly.measure import Meter, pack

KIND: Final = "activity"
MODEL: Final = "activity-meter"


class ActivityAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. Code alone, no weights: the same in every tier."""

    name = "activity"
    version = "1"
    model = MODEL
    model_version = "1"
    needs: tuple[str, ...] = ()
    summary = "movement, light and look of every second, to tell the unusual from the usual later"

    def __init__(self, weights: Weights | None = None) -> None:
        del weights

    def start(self, segment: SegmentInfo) -> ActivityAnalysis:
        """A fresh state for one segment."""
        return ActivityAnalysis(segment)


class ActivityAnalysis:
    """The state of one segment."""

    def __init__(self, segment: SegmentInfo) -> None:
        self._segment, self._meter = segment, Meter(segment.t0)
        self._last: float | None = None

    def see(self, frame: Frame, shared: Shared) -> None:
        """Measure the frame; a clip slower than the sampling shows a frame again, which is no stillness."""
        if self._last is not None and frame.t <= self._last:
            return
        self._last = frame.t
        self._meter.see(frame.t, frame.image)

    def finish(self) -> Rows:
        """One row, or none where no frame was seen."""
        self._meter.finish()
        if self._last is None:
            return Rows()
        data = {
            "size": [self._segment.width, self._segment.height],
            "starts": [round(s - self._segment.t0, 3) for s in self._meter.starts],
            "packed": pack(self._meter.rows),
        }
        return Rows(events=(EventRow(KIND, self._segment.t0, self._last, 0.0, data),))
