"""From a recorded file to rows: the same analyzers and the same transaction a segment as ``viot index``.

Each recorded file is one file of the library and one segment. Owns its row, the frozen picture, and what is said of a
file that nobody looked at. Does not know streams, nor when to look.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import exists, func, or_, select, update

from viot_agent.errors import MediaFault
from viot_agent.fleet.types import Camera
from viot_agent.library import sources
from viot_agent.library.beside import Beside
from viot_agent.library.ingest import IngestReport, ingest_file
from viot_agent.library.lock import Held
from viot_agent.library.looking import OpenReader
from viot_agent.library.records import MediaRow
from viot_agent.library.rows import Analyzer
from viot_agent.library.schema import media, segments
from viot_agent.library.store import Library
from viot_agent.live.backlog import Recorded
from viot_agent.live.ring import Kept
from viot_agent.media.types import MediaInfo

FROZEN = 20.0
"""Seconds in which every key frame shows exactly the same before the picture counts as frozen. The noise of a sensor
changes every picture of a camera that works."""


class Looker:
    """Looks at recorded files, one at a time. Not safe between threads, but for :meth:`skip`.

    ``numbers``: of cameras by name; another camera that has got such a name gets no rows (NameFault)."""

    def __init__(
        self, library: Library, open_reader: OpenReader, beside: Beside, numbers: Mapping[str, int] | None = None
    ) -> None:
        self.numbers = numbers or {}
        self.library, self.open_reader, self.beside = library, open_reader, beside
        self._still: dict[str, tuple[int, float]] = {}  # camera -> (its last picture, seconds that it has stood)

    def latest(self, camera: str) -> float:
        """POSIX seconds at which the camera's footage in the library ends; -inf when there is none."""
        [camera_id] = [c.id for c in self.library.cameras() if c.name == camera]
        query = select(func.max(media.c.start_ts + media.c.duration)).where(media.c.camera_id == camera_id)
        with self.library.db.read() as connection:
            found = connection.execute(query).scalar()
        return float("-inf") if found is None else float(found)

    def look(
        self,
        item: Recorded,
        analyzers: Sequence[Analyzer],
        sample_fps: float,
        stored: Callable[[], None] | None = None,
        held: Held | None = None,
    ) -> IngestReport:
        """Index the file. Raises MediaFault when it cannot be read, and what ingest raises."""
        reader = self.open_reader(item.path)
        row = self._row(item, _told(reader.info))
        return ingest_file(
            self.library,
            item.camera,
            row,
            analyzers,
            open_reader=lambda _: reader,
            beside=self.beside,
            sample_fps=sample_fps,
            stored=stored,
            held=held,
        )

    def skip(self, item: Recorded, why: str) -> None:
        """Remember that there is footage which nobody looked at, and why: a question about it cannot be answered."""
        # who has no time to look has none to open the file either, where its stream told enough
        told = (item.end - item.start, item.fps, item.width, item.height)
        row = self._row(item, told if item.width else _told(self.open_reader(item.path).info))
        self.library.media_stopped(row.id, row.duration, why)

    def frozen(self, item: Recorded) -> bool:
        """Whether the picture has not changed for ``FROZEN`` seconds. Raises MediaFault."""
        before, stood = self._still.get(item.camera, (-1, 0.0))
        marks = key_pictures(item.path)
        if before in marks and len(set(marks)) == 1:
            stood += item.end - item.start
        else:
            stood = 0.0
        self._still[item.camera] = (marks[-1], stood)
        return stood >= FROZEN

    def _row(self, item: Recorded, told: tuple[float, float, int, int]) -> MediaRow:
        """The file's row. One that is there is kept with what hangs on it: the file was stored, and what came after
        that failed (an alert that could not be kept)."""
        there = select(media.c.id).where(media.c.path == str(item.path))
        with self.library.db.read() as connection:
            known = connection.execute(there).scalar()
        if known is not None:
            return next(row for row in self.library.media_rows(item.camera) if row.id == known)
        duration, fps, width, height = told
        return self.library.add_media(
            item.camera,
            item.path,
            sources.fingerprint(item.path),
            start_ts=item.start,
            start_origin="stream",
            duration=duration,
            fps=fps,
            width=width,
            height=height,
            # one segment a file
            segment_seconds=duration + 1.0,
            number=self.numbers.get(item.camera),
        )


def _told(info: MediaInfo) -> tuple[float, float, int, int]:
    """Seconds, frames a second, width and height."""
    return info.duration, info.fps, info.width, info.height


def key_pictures(path: Path) -> list[int]:
    """A checksum of each key frame's brightness, decoded and nothing else. Raises MediaFault when there is none."""
    import av

    found = []
    try:
        with av.open(str(path.absolute())) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            for picture in container.decode(stream):
                found.append(zlib.crc32(bytes(picture.planes[0])))
    except (av.error.FFmpegError, OSError, IndexError) as error:
        if not found:
            raise MediaFault(f"{path.name} cannot be read: {error}") from error
    if not found:
        raise MediaFault(f"{path.name} holds no picture that decodes")
    return found


def unseen(library: Library, camera: Camera, files: Sequence[Kept]) -> list[Recorded]:
    """Of a camera's recordings those that a killed process left: the library knows no row of them, or one that nobody
    looked at and nobody gave a reason for. Rows follow a home that was moved: a file is known by its name, its time."""
    looked = exists().where(segments.c.media_id == media.c.id)
    mine = media.c.camera_id == camera.id
    with library.db.read() as connection:
        rows = connection.execute(select(media.c.id, media.c.path).where(mine)).all()
        query = select(media.c.path).where(mine, or_(looked, media.c.problem != ""))
        done = {Path(path).name for path in connection.execute(query).scalars()}
    known, here = {Path(row.path).name: row for row in rows}, {row.path for row in rows}
    moved = [(known[k.path.name].id, str(k.path)) for k in files if k.path.name in known and str(k.path) not in here]
    if moved:
        with library.db.write() as connection:
            for row, path in moved:
                connection.execute(update(media).where(media.c.id == row).values(path=path))
    return [Recorded(camera.name, k.path, k.start, k.start) for k in files if k.path.name not in done]
