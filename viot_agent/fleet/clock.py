"""Wall clocks: turning a date and a time of day in a zone into POSIX seconds, also on the days when clocks change.

Owns daylight-saving arithmetic. Knows no words. Rules, where a wall time is no single instant:

* an hour that the clock shows twice is covered twice: a start takes the first, an end the second showing;
* a time that the clock skips stands for the instant of the change; ``skipped`` tells.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from viot_agent.errors import TimeFault

DAY = 86400.0
FIRST_YEAR, LAST_YEAR = 1970, 2200

MONTHS = (
    "January February March April May June July August September October November December".split()
)  # English whatever the locale


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone. Raises TimeFault when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones is an OSError
        raise TimeFault(
            f"there is no time zone {name!r}", fix="give an IANA name such as Europe/Berlin or UTC"
        ) from error


def local(ts: float, tz: ZoneInfo) -> datetime:
    """The wall time at ``ts``."""
    return datetime.fromtimestamp(ts, tz)


def shift(day: date, days: int) -> date:
    """``day`` moved by ``days``. Raises TimeFault outside the years that this product keeps (1970 to 2200)."""
    if abs(days) > 366 * (LAST_YEAR - FIRST_YEAR):
        raise TimeFault(f"{days} days are too many", fix="give a time between 1970 and 2200")
    out = day + timedelta(days=days)
    if not FIRST_YEAR <= out.year < LAST_YEAR:
        raise TimeFault(f"the year {out.year} is out of range", fix="give a time between 1970 and 2200")
    return out


def shift_months(day: date, months: int) -> date:
    """``day`` moved by calendar months; the 31st becomes the last day of a shorter month. Raises TimeFault as shift."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not FIRST_YEAR <= year < LAST_YEAR:
        raise TimeFault(f"the year {year} is out of range", fix="give a time between 1970 and 2200")
    first = date(year, month + 1, 1)
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - first).days))


def _wall(day: date, seconds: float) -> datetime:
    days, rest = divmod(seconds, DAY)
    return datetime.combine(shift(day, int(days)), datetime.min.time()) + timedelta(seconds=rest)


def skipped(day: date, seconds: float, tz: ZoneInfo) -> bool:
    """Whether the clock never showed ``seconds`` after midnight of ``day`` (it was set forward over it)."""
    wall = _wall(day, seconds)
    back = datetime.fromtimestamp(wall.replace(tzinfo=tz).timestamp(), tz).replace(tzinfo=None)
    return abs((back - wall).total_seconds()) > 1e-3


def instant(day: date, seconds: float, tz: ZoneInfo, *, late: bool = False) -> float:
    """POSIX seconds of ``seconds`` after midnight (wall time, may be negative or beyond a day) of ``day``.

    ``late`` takes the second showing of a time that comes twice.
    """
    wall = _wall(day, seconds)
    if skipped(day, seconds, tz):
        a = wall.replace(tzinfo=tz, fold=1).timestamp()  # before the change
        b = wall.replace(tzinfo=tz, fold=0).timestamp()  # after it
        before = datetime.fromtimestamp(a, tz).utcoffset()
        while b - a > 1e-3:
            middle = (a + b) / 2
            if datetime.fromtimestamp(middle, tz).utcoffset() == before:
                a = middle
            else:
                b = middle
        return float(round(b))
    return wall.replace(tzinfo=tz, fold=1 if late else 0).timestamp()


def utc_instant(day: date, seconds: float, offset: float) -> float:
    """POSIX seconds of a wall time that carries its own offset from UTC (seconds)."""
    return _wall(day, seconds).replace(tzinfo=UTC).timestamp() - offset


def human(ts: float, tz: ZoneInfo) -> str:
    """``14:05:12 on 3 March 2026``: 24-hour wall time to the second (rounded down), day, month in words, year."""
    t = datetime.fromtimestamp(ts, tz)
    return f"{t:%H:%M:%S} on {t.day} {MONTHS[t.month - 1]} {t.year}"
