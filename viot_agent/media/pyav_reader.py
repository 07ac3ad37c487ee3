"""Frames by PyAV: the reader for whatever decord cannot count.

Owns a decoding session: position, seeking, and the bridging of damage. Frames are found by their own timestamps, never
by counting, so open groups, hidden frames and holes do not shift anything. Only a file whose frames carry no right
timestamps is counted, and going back in it means decoding from its beginning. Each running ``read`` has a session of
its own; a finished one is kept for the next, so that reading on costs no seek.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np

from viot_agent.cancel import heed
from viot_agent.errors import MediaFault
from viot_agent.media.probe import Examined, open_container
from viot_agent.media.types import DamagedMedia, Frame, Image

log = logging.getLogger(__name__)

SEEK_GAIN = 8
"""Seek only when that saves decoding more frames than this: emptying a decoder costs about as much."""

TAIL = 0.5
"""Seconds by which the last frame that decodes may stand in for missing ones at the end of a file."""


class PyavReader:
    """A :class:`~viot_agent.media.types.Reader`. ``width``: pictures of that width (never enlarged)."""

    def __init__(self, examined: Examined, *, width: int | None = None, threads: int = 1) -> None:
        self.info = examined.info
        self._examined = examined
        self._size = scaled(self.info.width, self.info.height, width)
        self._threads = threads
        self._idle: list[_Session] = []

    def read(self, times: Sequence[float], after: Frame | None = None) -> Iterator[Frame]:
        """See the protocol; ``after``: the frame that another reader gave just before. Of a damaged file a decoder may
        give pictures out of order: where times do not go back, frames do not either, the later one stays on screen.

        Raises DamagedMedia at the end of what decodes, MediaFault when the file went away.
        """
        timeline = self._examined.timeline
        session = self._idle.pop() if self._idle else _Session(self._examined, self._threads)
        last, before = after, 0
        try:
            for time, index in zip(times, timeline.indices(times).tolist(), strict=True):
                heed()
                if last is None or session.wanted != index:
                    position, picture = session.at(index)
                    if last is None or position > last.index or (position < last.index and index < before):
                        last = Frame(position, timeline.t(position), self._image(picture))
                before = index
                self._check_tail(last, index, float(time), session)
                yield last
        except GeneratorExit:
            # the caller has seen enough; where the session stands is known
            self._idle.append(session)
            raise
        except BaseException:
            session.close()
            raise
        self._idle.append(session)

    def _image(self, picture: Any) -> Image:
        turn = self.info.rotation
        width, height = self._size if turn in (0, 180) else self._size[::-1]
        upright: Image = picture.to_ndarray(format="rgb24", width=width, height=height)
        return np.ascontiguousarray(np.rot90(upright, -turn // 90)) if turn else upright

    def _check_tail(self, last: Frame, index: int, time: float, session: _Session) -> None:
        timeline = self._examined.timeline
        damaged_at = self.info.damaged_at
        if damaged_at is not None and time > damaged_at + TAIL:
            raise _damaged(self.info.path, damaged_at)
        if session.ended and timeline.t(index) > last.t + TAIL:
            raise _damaged(self.info.path, last.t)


class _Session:
    """One open container and where it stands. ``wanted`` is the index last asked for; ``ended``: nothing follows."""

    def __init__(self, examined: Examined, threads: int) -> None:
        self._examined = examined
        self._threads = threads
        self.wanted = -1
        self._open()

    def _open(self) -> None:
        self._keep = contextlib.ExitStack()
        self._container = self._keep.enter_context(open_container(self._examined.info.path))
        self._stream = self._container.streams[self._examined.stream]
        self._stream.codec_context.thread_count = self._threads
        self._stream.codec_context.thread_type = "AUTO" if self._threads != 1 else "NONE"
        self._restart()

    def _restart(self) -> None:
        self._frames = self._decode()
        self._counted = -1
        self._position = -1
        self._picture: Any = None
        self._ahead: tuple[int, Any] | None = None
        self.ended = False

    def close(self) -> None:
        self._keep.close()

    def at(self, index: int) -> tuple[int, Any]:
        """The frame on screen when frame ``index`` should be: (its index, the decoded picture)."""
        self.wanted = index
        timeline = self._examined.timeline
        key = -1 if self._examined.counted else timeline.key_before(index)
        start = int(timeline.keys[key]) if key >= 0 else 0
        if self._position > index or start > self._position + SEEK_GAIN:
            self._seek(key)
        self._advance(index)
        while self._position < 0 or self._position > index:
            # the seek landed behind the frame (some containers do): one key frame earlier
            if key < 0:
                break
            key -= 1
            self._seek(key)
            self._advance(index)
        if self._picture is None:
            raise MediaFault(f"{self._examined.info.path} can no longer be read.", fix="was it moved or overwritten?")
        return self._position, self._picture

    def _advance(self, index: int) -> None:
        while self._position < index and not self.ended:
            following = self._ahead or next(self._frames, None)
            self._ahead = None
            if following is None:
                self.ended = True
            elif following[0] > index and self._position >= 0:
                self._ahead = following
                return
            else:
                self._position, self._picture = following

    def _seek(self, key: int) -> None:
        timeline = self._examined.timeline
        if key >= 0:
            with contextlib.suppress(av.error.FFmpegError):  # a format that cannot seek starts again, below
                self._container.seek(int(timeline.pts[timeline.keys[key]]), stream=self._stream, backward=True)
                self._restart()
                return
        self.close()
        self._open()

    def _decode(self) -> Iterator[tuple[int, Any]]:
        """(index, picture) in the order shown, from where the container stands. Undecodable packets are left out."""
        lost = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    pictures = packet.decode()
                except av.error.FFmpegError:
                    lost += 1
                    continue
                for picture in pictures:
                    position = self._index(picture)
                    if position is not None:
                        yield position, picture
        except (av.error.FFmpegError, OSError) as error:
            log.warning("reading %s stopped: %s", self._examined.info.path, error)
        if lost:
            log.warning("%d packets of %s could not be decoded", lost, self._examined.info.path)

    def _index(self, picture: Any) -> int | None:
        timeline = self._examined.timeline
        if self._examined.counted:
            self._counted += 1
            return min(self._counted, len(timeline) - 1)
        if picture.pts is None or picture.pts < timeline.pts[0]:
            return None
        # of frames that share a timestamp, the last is the one that stays on screen
        return timeline.index_of(picture.pts)


def _damaged(path: Any, until: float) -> DamagedMedia:
    return DamagedMedia(
        f"{path} is damaged: it can be read only until {until:.1f} s.",
        until=until,
        fix="what was read until then is kept; export the file again from the recorder for the rest",
    )


def scaled(width: int, height: int, wanted: int | None) -> tuple[int, int]:
    """(width, height) in pixels of pictures scaled down to ``wanted``; unchanged when that is None or larger."""
    if wanted is None or wanted >= width:
        return width, height
    return wanted, max(1, round(height * wanted / width))
