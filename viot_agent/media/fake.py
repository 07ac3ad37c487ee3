"""A reader without a file: the fake for the reader seam.

Owns nothing but arithmetic: frames at the constant rate of ``info``, painted by a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from viot_agent.media.timeline import SLACK
from viot_agent.media.types import Frame, Image, MediaInfo


class FakeReader:
    """A :class:`~viot_agent.media.types.Reader` whose frame at ``t`` seconds is ``paint(t)``.

    ``decoded`` counts the pictures painted (repeats are not painted again).
    """

    def __init__(self, info: MediaInfo, paint: Callable[[float], Image]) -> None:
        self.info = info
        self.decoded = 0
        self._paint = paint

    def read(self, times: Sequence[float]) -> Iterator[Frame]:
        """See the protocol."""
        last: Frame | None = None
        for time in times:
            index = min(max(int((time + SLACK) * self.info.fps), 0), self.info.n_frames - 1)
            if last is None or last.index != index:
                t = index / self.info.fps
                last = Frame(index, t, self._paint(t))
                self.decoded += 1
            yield last


def fake_info(
    seconds: float, *, fps: float = 25.0, width: int = 320, height: int = 180, name: str = "fake"
) -> MediaInfo:
    """The MediaInfo of an invented file."""
    return MediaInfo(Path(f"{name}.mp4"), seconds, fps, max(1, round(seconds * fps)), width, height, "fake")
