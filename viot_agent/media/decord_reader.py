"""Frames by decord: the reader for files whose frames can be counted.

Owns the way decord is asked. decord finds frames by their number and its own timestamps are wrong for some AVI files
and rounded to float32, so times come from the :class:`~viot_agent.media.timeline.Timeline`. What decord may be given is
the probe's rule (``readers``). When decord fails in the middle of a file, PyAV takes over from that frame, and the log
says so: damage is handled in one place.

decord's ``get_batch`` is not used: measured on five real clips it took 1.0 to 1.9 times as long as rolling forward
frame by frame (it seeks at every key frame), and it holds a whole batch in memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from viot_agent.cancel import heed
from viot_agent.errors import MediaFault
from viot_agent.media.probe import Examined
from viot_agent.media.pyav_reader import SEEK_GAIN, PyavReader, scaled
from viot_agent.media.types import Frame, Image

log = logging.getLogger(__name__)


class NotCountable(MediaFault):
    """decord does not see this file as the probe does; the message is the reason."""


class DecordReader:
    """A :class:`~viot_agent.media.types.Reader`. ``width``: pictures of that width (never enlarged).

    Raises NotCountable when decord cannot open the file, or counts or sizes its frames otherwise than the probe.
    """

    def __init__(self, examined: Examined, *, width: int | None = None, threads: int = 1) -> None:
        import decord  # 0.1 s, and only on x86-64

        decord.logging.set_level(decord.logging.QUIET)
        self.info = examined.info
        self._examined = examined
        self._options: dict[str, Any] = {"width": width, "threads": threads}
        self._successor: PyavReader | None = None
        size = scaled(self.info.width, self.info.height, width)
        asked = size if size != (self.info.width, self.info.height) else (-1, -1)
        self._failure: type[Exception] = decord.DECORDError
        self._lock = threading.Lock()
        try:
            self._video = decord.VideoReader(
                str(self.info.path.absolute()), width=asked[0], height=asked[1], num_threads=threads
            )
            first = self._picture_at(0)
        except (decord.DECORDError, RuntimeError, UnicodeEncodeError, StopIteration) as error:
            raise NotCountable(f"decord cannot open it: {_first_line(error)}") from error
        if len(self._video) != self.info.n_frames:
            raise NotCountable(f"decord counts {len(self._video)} frames where there are {self.info.n_frames}")
        if first.shape != (size[1], size[0], 3):
            raise NotCountable(f"decord gives pictures of {first.shape[1]}x{first.shape[0]}")

    def read(self, times: Sequence[float]) -> Iterator[Frame]:
        """See the protocol."""
        timeline = self._examined.timeline
        indices = timeline.indices(times).tolist()
        last: Frame | None = None
        for done, index in enumerate(indices):
            heed()
            if self._successor is not None:
                yield from self._successor.read(times[done:])
                return
            if last is None or last.index != index:
                try:
                    with self._lock:
                        image = self._picture_at(index)
                except (self._failure, RuntimeError, StopIteration) as error:
                    log.warning(
                        "decord fails in %s at %.2f s (%s): PyAV reads the rest",
                        self.info.path,
                        timeline.t(index),
                        _first_line(error),
                    )
                    self._successor = PyavReader(self._examined, **self._options)
                    yield from self._successor.read(times[done:], last if done and index >= indices[done - 1] else None)
                    return
                last = Frame(index, timeline.t(index), image)
            yield last

    _next = 0
    """The number of the frame that decord decodes next."""

    def _picture_at(self, index: int) -> Image:
        """Roll forward to ``index``, or seek where that saves more than ``SEEK_GAIN`` frames."""
        keys, video = self._examined.timeline.keys, self._video
        start = int(keys[self._examined.timeline.key_before(index)])
        if index < self._next or start > self._next + SEEK_GAIN:
            video.seek_accurate(index)
            self._next = index
        while self._next < index:
            # decord seeks when a skip crosses a key frame; taking the frame before the key frame avoids that
            key = self._examined.timeline.key_before(self._next) + 1
            border = int(keys[key]) if key < len(keys) else len(self._examined.timeline)
            if border > index:
                video.skip_frames(index - self._next)
                self._next = index
                continue
            if border - 1 > self._next:
                video.skip_frames(border - 1 - self._next)
            video.next()
            self._next = border
        image: Image = video.next().asnumpy()
        self._next = index + 1
        return image


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    # decord writes "[time] file:line: ...: Check failed: what"
    return lines[0].rpartition("Check failed: ")[2][:120] if lines else type(error).__name__
