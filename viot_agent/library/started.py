"""When a recording began: by ``--start``, else by the time in its name, else by what the file says, else by when it was
changed.

Recorders write the time of the first picture into the name, on their own clock. A name is believed only where it can be
read in one way: with two times, with a date that does not exist or is of a clock that was never set, or with an hour
that the camera's clock shows twice or never, the next rule holds and the reason is said. Owns this rule. Does not
decode; a caller opens files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from viot_agent.errors import MediaFault
from viot_agent.fleet.clock import LAST_YEAR, instant, skipped, zone
from viot_agent.fleet.types import Camera
from viot_agent.library.records import MediaRow
from viot_agent.media.types import MediaInfo

_TIME = re.compile(
    r"(?<!\d)(\d{4})([-_.]?)(\d\d)\2(\d\d)[-_T .]?(\d\d)([-_.:]?)(\d\d)\6(\d\d)(?!\d)"
    r"(?:[.,-]\d{3}(?!\d))?(?P<zone>[ _]?(?:Z|UTC|GMT)(?![A-Za-z])|\+(?:0\d|1[0-4]):?(?:00|30|45)(?!\d))?",
    re.I,
)
"""2026-11-27_08-15-00, 20261127081500, 20261127_081500, 2026-11-27T08-15-00; with Z or UTC behind it, or behind its
thousandths, it is UTC; with an offset (+0100) it is so much ahead of UTC."""
NEVER_SET = 2005
"""Years before it are those of a recorder whose clock was never set."""
BY = {
    "camera": "as given by --start",
    "name": "by the time in the name",
    "container": "by what the file itself says",
    "mtime": "by when the file was changed last, less its length",
}
"""Where a start is from, in words."""
MOST = 12
"""Files without a time in the name that are opened before they are indexed, to say when they began."""


def named(name: str, tz: str) -> tuple[float | None, str]:
    """(POSIX seconds that a file's name gives, on the clock of ``tz``; why the name is not believed, '' where it holds
    no time or a good one)."""
    found = {(*m.group(1, 3, 4, 5, 7, 8), m["zone"] or "") for m in _TIME.finditer(name)}
    if not found:
        return None, ""
    if len({numbers[:6] for numbers in found}) > 1:
        return None, "its name holds two times"
    year, month, day, hour, minute, second, offset = max(found, key=lambda numbers: len(numbers[6]))
    said = f"{year}-{month}-{day} {hour}:{minute}:{second}"
    try:
        wall = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None, f"{said} in its name is no time"
    if not NEVER_SET <= wall.year < LAST_YEAR:
        return None, f"{said} in its name is no time of a recording"
    if offset:
        digits = re.sub(r"\D", "", offset)
        ahead = 3600 * int(digits[:2]) + 60 * int(digits[2:]) if digits else 0
        return wall.replace(tzinfo=UTC).timestamp() - ahead, ""
    clock, seconds = zone(tz), 3600 * wall.hour + 60 * wall.minute + wall.second
    if skipped(wall.date(), seconds, clock):
        return None, f"{said} in its name did not exist in {tz}: the clocks were set forward over it"
    start = instant(wall.date(), seconds, clock)
    if start != instant(wall.date(), seconds, clock, late=True):
        return None, f"{said} in its name came twice in {tz}: the clocks were set back over it"
    return start, ""


def began(camera: Camera, info: MediaInfo, changed: float, *, single: bool) -> tuple[float, str]:
    """(POSIX seconds of the first frame, where that is from).

    ``camera``: the start given for the camera, for a single file only; ``name``: the time in the file's name, on the
    camera's clock; ``container``: the file says so; ``mtime``: the file's time of change less its duration, right for a
    recorder that closes its file when it ends.
    """
    if single and camera.start is not None:
        return camera.start, "camera"
    start, _ = named(info.path.name, camera.tz)
    if start is not None:
        return start, "name"
    if info.started_at is not None:
        return info.started_at, "container"
    return changed - info.duration, "mtime"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is known of a camera's files before they are indexed. ``origins``: how many files have their start from
    where (:func:`began`); ``first`` and ``last`` moment, POSIX seconds, None where nothing is known; ``unopened``: how
    many files would have to be opened for their start; ``notes``: whole sentences."""

    files: int
    origins: Mapping[str, int]
    first: float | None
    last: float | None
    unopened: int
    notes: tuple[str, ...]


def foreseen(
    camera: Camera, paths: Sequence[Path], rows: Mapping[Path, MediaRow], look: Callable[[Path], MediaInfo]
) -> Foreseen:
    """Of ``paths``, those of ``rows`` are indexed. ``look`` opens a file: only such without a time in their name, where
    they are no more than ``MOST``, and the last of the others."""
    single = paths == [Path(camera.source)]
    origins: Counter[str] = Counter()
    spans: list[tuple[float, float]] = []
    starts: list[tuple[float, Path]] = []
    silent: list[Path] = []
    notes: list[str] = []
    for path in paths:
        start, why = (None, "") if single and camera.start is not None else named(path.name, camera.tz)
        row = rows.get(path)
        if row is not None:
            spans.append((row.start_ts, row.start_ts + row.duration))
            origins[row.start_origin] += 1
            if start is not None and abs(start - row.start_ts) > 1:
                notes.append(
                    f"{path.name} was indexed with another start than its name gives and keeps it; to go by the name: "
                    "viot camera remove, add it and index it again"
                )
            continue
        if start is not None:
            starts.append((start, path))
            origins["name"] += 1
            continue
        silent.append(path)
        if why:
            notes.append(f"{path.name}: {why}, so that it is not gone by")

    def opened(path: Path) -> MediaInfo | None:
        try:
            return look(path)
        except MediaFault as fault:
            notes.append(f"{path.name} cannot be read: {fault.message}")
            return None

    spans += [(start, start) for start, _ in starts]
    if starts:
        start, path = max(starts)
        info = opened(path)
        spans.append((start, start + (info.duration if info is not None else 0.0)))
    few = silent if len(silent) <= MOST else []
    for path in few:
        info = opened(path)
        if info is not None:
            start, origin = began(camera, info, path.stat().st_mtime, single=single)
            spans.append((start, start + info.duration))
            origins[origin] += 1
    first, last = min((a for a, _ in spans), default=None), max((b for _, b in spans), default=None)
    return Foreseen(len(paths), dict(origins), first, last, len(silent) - len(few), tuple(notes))
