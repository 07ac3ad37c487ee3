"""Time phrases: a table of meanings, daylight saving, faults, and properties over generated phrases and any text."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import TimeFault
from viot_agent.fleet.timemention import find_times
from viot_agent.fleet.times import MAX_PHRASE, resolve_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 15, 20, tzinfo=BERLIN).timestamp()  # a Monday
EXTENT = (NOW - 3600, NOW - 3000)


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    """``D.M. H:M[:S]`` of 2026, or ``D.M.Y H:M``."""
    day, clock = text.split()
    parts = [int(p) for p in day.split(".") if p]
    hms = [int(p) for p in clock.split(":")]
    extra = 0
    if hms[0] == 24:
        hms[0], extra = 0, 1
    when = datetime(parts[2] if len(parts) > 2 else 2026, parts[1], parts[0], *hms, tzinfo=zone)
    return (when + timedelta(days=extra)).timestamp()


TABLE = """
now | 23.11. 15:18 | 23.11. 15:20
right now | 23.11. 15:18 | 23.11. 15:20
at the moment | 23.11. 15:18 | 23.11. 15:20
today | 23.11. 0:00 | 23.11. 24:00
yesterday | 22.11. 0:00 | 22.11. 24:00
the day before yesterday | 21.11. 0:00 | 21.11. 24:00
tonight | 23.11. 18:00 | 24.11. 6:00
last night | 22.11. 18:00 | 23.11. 6:00
late last night | 22.11. 22:00 | 23.11. 6:00
early last night | 22.11. 18:00 | 23.11. 0:00
yesterday night | 22.11. 18:00 | 23.11. 6:00
since last night | 22.11. 18:00 | 23.11. 15:20
overnight | 22.11. 22:00 | 23.11. 6:00
this morning | 23.11. 6:00 | 23.11. 12:00
in the afternoon | 23.11. 12:00 | 23.11. 18:00
this evening | 23.11. 18:00 | 23.11. 24:00
at night | 22.11. 22:00 | 23.11. 6:00
over lunch | 23.11. 11:30 | 23.11. 13:30
at noon | 23.11. 11:45 | 23.11. 12:15
midnight | 22.11. 23:45 | 23.11. 0:15
early this morning | 23.11. 6:00 | 23.11. 9:00
late yesterday evening | 22.11. 21:00 | 22.11. 24:00
the small hours | 23.11. 0:00 | 23.11. 6:00
yesterday afternoon | 22.11. 12:00 | 22.11. 18:00
tomorrow morning | 24.11. 6:00 | 24.11. 12:00
between 8 and 9 this morning | 23.11. 8:00 | 23.11. 9:00
this morning between 8 and 9 | 23.11. 8:00 | 23.11. 9:00
from 22:00 to 02:00 | 22.11. 22:00 | 23.11. 2:00
8-9pm | 22.11. 20:00 | 22.11. 21:00
14:00–15:00 | 23.11. 14:00 | 23.11. 15:00
11-1pm | 23.11. 11:00 | 23.11. 13:00
9-5 | 23.11. 9:00 | 23.11. 17:00
8am to 5 | 23.11. 8:00 | 23.11. 17:00
yesterday between 8 and 9 | 22.11. 8:00 | 22.11. 9:00
between 2 and 3 yesterday | 22.11. 14:00 | 22.11. 15:00
yesterday 8-9pm | 22.11. 20:00 | 22.11. 21:00
last night between 10 and 2 | 22.11. 22:00 | 23.11. 2:00
between 1 and 3 last night | 23.11. 1:00 | 23.11. 3:00
from 10 to 2 in the afternoon | 23.11. 10:00 | 23.11. 14:00
from 22:00 yesterday to 02:00 today | 22.11. 22:00 | 23.11. 2:00
between 3pm yesterday and 10 this morning | 22.11. 15:00 | 23.11. 10:00
from five to nine | 23.11. 5:00 | 23.11. 9:00
from ten to nine to noon | 23.11. 8:50 | 23.11. 12:00
from 9 to now | 23.11. 9:00 | 23.11. 15:20
from Monday to Wednesday | 16.11. 0:00 | 18.11. 24:00
from 30 December to 2 January | 30.12.2025 0:00 | 2.1. 24:00
1 March to 3 March | 1.3. 0:00 | 3.3. 24:00
midnight to 6am | 23.11. 0:00 | 23.11. 6:00
from 10pm to midnight | 22.11. 22:00 | 22.11. 24:00
after 9 but before 10 | 23.11. 9:00 | 23.11. 10:00
2026-03-01T14:00/2026-03-01T15:00 | 1.3. 14:00 | 1.3. 15:00
the last 30 minutes | 23.11. 14:50 | 23.11. 15:20
in the past half hour | 23.11. 14:50 | 23.11. 15:20
last two hours | 23.11. 13:20 | 23.11. 15:20
the last hour and a half | 23.11. 13:50 | 23.11. 15:20
last 2h 30min | 23.11. 12:50 | 23.11. 15:20
last 3 days | 20.11. 15:20 | 23.11. 15:20
past week | 16.11. 15:20 | 23.11. 15:20
last few minutes | 23.11. 15:15 | 23.11. 15:20
the next hour | 23.11. 15:20 | 23.11. 16:20
an hour ago | 23.11. 14:14 | 23.11. 14:26
a few minutes ago | 23.11. 15:12 | 23.11. 15:18
2 days ago | 21.11. 0:00 | 21.11. 24:00
2 days ago at 14:00 | 21.11. 13:59 | 21.11. 14:01
between 30 and 20 minutes ago | 23.11. 14:50 | 23.11. 15:00
since midnight | 23.11. 0:00 | 23.11. 15:20
since 9 | 23.11. 9:00 | 23.11. 15:20
since yesterday | 22.11. 0:00 | 23.11. 15:20
since an hour ago | 23.11. 14:20 | 23.11. 15:20
from 9 onwards | 23.11. 9:00 | 23.11. 15:20
from yesterday | 22.11. 0:00 | 22.11. 24:00
after lunch | 23.11. 13:30 | 23.11. 15:20
after 10:30 yesterday | 22.11. 10:30 | 22.11. 24:00
until noon | 23.11. 0:00 | 23.11. 12:00
until 5pm | 23.11. 0:00 | 23.11. 17:00
yesterday until midnight | 22.11. 0:00 | 22.11. 24:00
before 10:30 | 23.11. 0:00 | 23.11. 10:30
this morning before 10 | 23.11. 6:00 | 23.11. 10:00
just before noon | 23.11. 11:45 | 23.11. 12:00
at 14:05 | 23.11. 14:04 | 23.11. 14:06
14:05 | 23.11. 14:04 | 23.11. 14:06
14:05:30 | 23.11. 14:05:25 | 23.11. 14:05:35
22:10 | 22.11. 22:09 | 22.11. 22:11
half past nine | 23.11. 9:29 | 23.11. 9:31
quarter to five | 23.11. 4:44 | 23.11. 4:46
ten to nine | 23.11. 8:49 | 23.11. 8:51
nine thirty | 23.11. 9:29 | 23.11. 9:31
9 o'clock | 23.11. 8:59 | 23.11. 9:01
9 p.m. | 22.11. 20:59 | 22.11. 21:01
0930 | 23.11. 9:29 | 23.11. 9:31
at 2045 | 22.11. 20:44 | 22.11. 20:46
from 9 to 2045 | 23.11. 9:00 | 23.11. 20:45
in 2026 | 1.1. 0:00 | 31.12. 24:00
last 1200 minutes | 22.11. 19:20 | 23.11. 15:20
around 3pm | 23.11. 14:45 | 23.11. 15:15
approx. 3pm | 23.11. 14:45 | 23.11. 15:15
3ish | 23.11. 14:45 | 23.11. 15:15
yesterday evening around 8 | 22.11. 19:45 | 22.11. 20:15
Monday | 23.11. 0:00 | 23.11. 24:00
last Friday | 20.11. 0:00 | 20.11. 24:00
on Tuesday night | 17.11. 18:00 | 18.11. 6:00
Monday at 9 | 23.11. 8:59 | 23.11. 9:01
Monday last week | 16.11. 0:00 | 16.11. 24:00
3 March | 3.3. 0:00 | 3.3. 24:00
25 December | 25.12.2025 0:00 | 25.12.2025 24:00
29 February | 29.2.2024 0:00 | 29.2.2024 24:00
2026-03-01 | 1.3. 0:00 | 1.3. 24:00
March 3rd 2026 14:00 | 3.3. 13:59 | 3.3. 14:01
01/03/2026 | 1.3. 0:00 | 1.3. 24:00
the morning of 3 March | 3.3. 6:00 | 3.3. 12:00
the 3rd | 3.11. 0:00 | 3.11. 24:00
in March | 1.3. 0:00 | 31.3. 24:00
this week | 23.11. 0:00 | 29.11. 24:00
last week | 16.11. 0:00 | 22.11. 24:00
the weekend | 21.11. 0:00 | 22.11. 24:00
last month | 1.10. 0:00 | 31.10. 24:00
earlier today | 23.11. 0:00 | 23.11. 15:20
any time today | 23.11. 0:00 | 23.11. 24:00
all of yesterday | 22.11. 0:00 | 22.11. 24:00
the first hour of today | 23.11. 0:00 | 23.11. 1:00
first 10 seconds | 23.11. 14:20 | 23.11. 14:20:10
first half minute | 23.11. 14:20 | 23.11. 14:20:30
seconds 5 to 12 | 23.11. 14:20:05 | 23.11. 14:20:12
the first minute | 23.11. 14:20 | 23.11. 14:21
by second 8 | 23.11. 14:20 | 23.11. 14:20:08
until second nine of the clip | 23.11. 14:20 | 23.11. 14:20:09
after about second 9 | 23.11. 14:20:09 | 23.11. 14:30
from second 3 on | 23.11. 14:20:03 | 23.11. 14:30
from second 9 until the end | 23.11. 14:20:09 | 23.11. 14:30
around second 6 | 23.11. 14:20:05 | 23.11. 14:20:08
halfway through the video | 23.11. 14:24:30 | 23.11. 14:25:30
at 0:12 into the video | 23.11. 14:20:11 | 23.11. 14:20:13
between 0:12 and 0:30 in the clip | 23.11. 14:20:12 | 23.11. 14:20:30
the beginning of the recording | 23.11. 14:20 | 23.11. 14:21
the end of the recording | 23.11. 14:29 | 23.11. 14:30
yesteday afternon | 22.11. 12:00 | 22.11. 18:00
between 8 and 9 this mornin | 23.11. 8:00 | 23.11. 9:00
wensday | 18.11. 0:00 | 18.11. 24:00
YESTERDAY AFTERNOON? | 22.11. 12:00 | 22.11. 18:00
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("phrase", "start", "end"), ROWS, ids=[r[0] for r in ROWS])
def test_meaning(phrase: str, start: str, end: str) -> None:
    found = resolve_time(phrase, NOW, "Europe/Berlin", extent=EXTENT)
    assert (found.start, found.end) == (at(start), at(end))
    assert found.phrase == phrase


@pytest.mark.parametrize("phrase", ["any time", "anytime", "always", "ever", "the whole recording", "all the time"])
def test_unbounded(phrase: str) -> None:
    found = resolve_time(phrase, NOW, "Europe/Berlin")
    assert (found.start, found.end) == (None, None)


@pytest.mark.parametrize(
    ("phrase", "start", "end"),
    [("until now", None, NOW), ("before Monday", None, at("23.11. 0:00")), ("since tomorrow", at("24.11. 0:00"), None)],
)
def test_half_bounded(phrase: str, start: float | None, end: float | None) -> None:
    found = resolve_time(phrase, NOW, "Europe/Berlin")
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize(
    ("hour", "phrase", "start", "end"),
    [
        (2, "this morning", "23.11. 0:00", "23.11. 12:00"),
        (2, "tonight", "22.11. 18:00", "23.11. 6:00"),
        (9, "this morning", "23.11. 6:00", "23.11. 12:00"),
        (22, "between 8 and 9", "23.11. 20:00", "23.11. 21:00"),
        (8, "between 8 and 9", "22.11. 20:00", "22.11. 21:00"),  # 8 sharp: nothing of 8 to 9 has happened yet
        (10, "at 9", "23.11. 8:59", "23.11. 9:01"),
        (22, "at 9", "23.11. 20:59", "23.11. 21:01"),
        (22, "at 10:30", "23.11. 10:29", "23.11. 10:31"),
    ],
)
def test_the_present_settles_what_is_open(hour: int, phrase: str, start: str, end: str) -> None:
    now = datetime(2026, 11, 23, hour, tzinfo=BERLIN).timestamp()
    found = resolve_time(phrase, now, "Europe/Berlin")
    assert (found.start, found.end) == (at(start), at(end))


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("", "cannot be read"),
        ("gate 2", "cannot be read"),
        ("sometime soonish", "cannot be read"),
        ("30 minutes", "cannot be read"),
        ("opening hours", "cannot be read"),
        ("outside opening hours", "cannot be read"),
        ("at 25:00", "cannot be read"),
        ("at 9:75", "cannot be read"),
        ("30 February", "calendar"),
        ("2026-13-01", "calendar"),
        ("31 April 2026", "calendar"),
        ("last 99999999 years", "too long"),
        ("last 0 minutes", "no stretch"),
        ("99999999 days ago", "too many|out of range"),
        ("999999999 hours ago", "too far|out of range|too many"),
        ("last week at 9", "several days"),
        ("from today to yesterday", "ends before"),
        ("yesterday between tomorrow and 9", "cannot be read|ends before"),
        ("20 minutes into the video", "past the end"),
        ("now " * 100, "too long"),
        ("x" * 5000, "too long"),
        ("9" * 5000, "too long"),
    ],
)
def test_faults(phrase: str, reason: str) -> None:
    with pytest.raises(TimeFault, match=reason) as caught:
        resolve_time(phrase, NOW, "Europe/Berlin", extent=EXTENT)
    assert caught.value.exit_code == 2 and caught.value.fix


def test_positions_may_have_tenths() -> None:
    found = resolve_time("at second 6.5", NOW, "UTC", extent=(1000.0, 1060.0))
    assert (found.start, found.end) == (1006.5, 1007.5)


def test_positions_need_footage() -> None:
    with pytest.raises(TimeFault, match="nothing is indexed") as caught:
        resolve_time("first 10 seconds", NOW, "UTC")
    assert "index" in caught.value.fix


@pytest.mark.parametrize("tz", ["Foo/Bar", "", "../etc/passwd", "Europe"])
def test_unknown_zone(tz: str) -> None:
    with pytest.raises(TimeFault, match="no time zone"):
        resolve_time("now", NOW, tz)


# Daylight saving: 29 March 2026 2:00 -> 3:00, 25 October 2026 3:00 -> 2:00 in Berlin -------------------------------


def _utc(month: int, day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("phrase", "start", "end"),
    [
        ("29 March", _utc(3, 28, 23), _utc(3, 29, 22)),  # 23 hours
        ("25 October", _utc(10, 24, 22), _utc(10, 25, 23)),  # 25 hours
        ("29 March between 1:30 am and 2:30 am", _utc(3, 29, 0, 30), _utc(3, 29, 1)),  # up to the change
        ("29 March from 02:30 to 03:30", _utc(3, 29, 1), _utc(3, 29, 1, 30)),
        ("25 October between 02:00 and 03:00", _utc(10, 25, 0), _utc(10, 25, 2)),  # the hour that comes twice
        ("25 October 02:30", _utc(10, 25, 0, 29), _utc(10, 25, 1, 31)),
        ("the night of 28 March", _utc(3, 28, 17), _utc(3, 29, 4)),
    ],
)
def test_daylight_saving(phrase: str, start: float, end: float) -> None:
    found = resolve_time(phrase, NOW, "Europe/Berlin")
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize("phrase", ["29 March at 02:30", "29 March from 02:10 to 02:50"])
def test_a_skipped_hour_is_a_fault(phrase: str) -> None:
    with pytest.raises(TimeFault, match="set forward"):
        resolve_time(phrase, NOW, "Europe/Berlin")


def test_days_back_keep_the_time_of_day() -> None:
    now = datetime(2026, 3, 30, 12, tzinfo=BERLIN).timestamp()
    assert resolve_time("last 2 days", now, "Europe/Berlin").start == at("28.3. 12:00")
    assert resolve_time("last 48 hours", now, "Europe/Berlin").start == now - 48 * 3600


def test_a_midnight_that_was_skipped() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # clocks go forward at midnight
    found = resolve_time("29 March 2026", NOW, "Asia/Beirut")
    assert found.end is not None and found.start is not None
    assert found.end - found.start == 23 * 3600
    assert datetime.fromtimestamp(found.start, beirut).hour == 1


# Properties ---------------------------------------------------------------------------------------------------------

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Beirut"]
)
PRESENT = st.integers(1_600_000_000, 2_000_000_000).map(float)


@settings(max_examples=150, deadline=None)
@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1)),
    st.integers(1, 10**7),
    PRESENT,
    st.sampled_from([" to ", "/", " - "]),
)
def test_iso_ranges(start: datetime, seconds: int, now: float, joint: str) -> None:
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=seconds)
    found = resolve_time(f"{start.isoformat()}Z{joint}{end.isoformat()}Z", now, "Europe/Berlin")
    assert (found.start, found.end) == (start.replace(tzinfo=UTC).timestamp(), end.replace(tzinfo=UTC).timestamp())


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 1439),
    st.integers(1, 1439),
    PRESENT,
    st.sampled_from(["from {} to {}", "between {} and {}", "{}-{}", "{} until {}"]),
)
def test_clock_pairs(a: int, length: int, now: float, form: str) -> None:
    b = (a + length) % 1440
    found = resolve_time(form.format(f"{a // 60:02d}:{a % 60:02d}", f"{b // 60:02d}:{b % 60:02d}"), now, "UTC")
    assert found.start is not None and found.end is not None
    assert found.end - found.start == length * 60
    assert found.start % 86400 == a * 60
    assert now - 86400 <= found.start < now  # the most recent that has begun


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 2000),
    st.sampled_from([("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400), ("week", 604800)]),
    PRESENT,
    st.sampled_from(["last {} {}", "the past {} {}", "in the last {} {}"]),
)
def test_last_n_units(n: int, unit: tuple[str, int], now: float, form: str) -> None:
    found = resolve_time(form.format(n, unit[0] + ("s" if n > 1 else "")), now, "UTC")
    assert (found.start, found.end) == (now - n * unit[1], now)


WORDS = st.sampled_from(
    "now today yesterday last this next the in at on from to between and since until before after around 8 9 14:05 "
    "9pm 22 morning night noon midnight monday friday week weekend month march 3 3rd 2026 2026-03-01 minutes hours "
    "days ago half past quarter an a few first seconds of video recording early late tonight - / , o'clock pm "
    "so far all day 29 february".split()
)


@settings(max_examples=600, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=9), PRESENT, ZONES)
def test_any_mix_of_time_words_is_a_window_or_a_fault(words: list[str], now: float, tz: str) -> None:
    try:
        found = resolve_time(" ".join(words), now, tz, extent=(now - 600, now))
    except TimeFault:
        return
    assert found.start is None or found.end is None or found.start < found.end


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=MAX_PHRASE + 20), PRESENT)
def test_any_text_is_a_window_or_a_fault(text: str, now: float) -> None:
    try:
        found = resolve_time(text, now, "Europe/Berlin")
    except TimeFault:
        return
    assert found.start is None or found.end is None or found.start < found.end


def test_dates_alone_load_dateparser_and_nothing_loads_torch() -> None:
    code = (
        "import sys; from viot_agent.fleet import resolve_time, find_mentions\n"
        "resolve_time('between 8 and 9 this morning', 1.79e9, 'Europe/Berlin')\n"
        "resolve_time('2026-03-01', 1.79e9, 'UTC')\n"
        "find_mentions('who was at the gate between 8 and 9 yesterday?', [], [])\n"
        "heavy = {'torch', 'transformers', 'dateparser', 'numpy', 'sqlalchemy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "resolve_time('3 March', 1.79e9, 'UTC'); assert 'dateparser' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_the_last_half_second_is_of_the_recording_and_the_last_second_is_not() -> None:
    extent = (NOW - 5000, NOW - 4000)
    short = resolve_time("last half second", NOW, "UTC", extent=extent)
    assert (short.start, short.end) == (extent[1] - 0.5, extent[1])
    long = resolve_time("last second", NOW, "UTC", extent=extent)
    assert (long.start, long.end) == (NOW - 1, NOW)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("Clip me the till, 18:20 to 18:24 today", ["18:20 to 18:24 today"]),
        ("count the people till 18:20", ["till 18:20"]),
        ("those two, what are they up to right now?", ["right now"]),
        ("what the kids get up to at night", ["night"]),
        ("what was he up to between 5 and 6", ["between 5 and 6"]),
        ("what was counted up to 6 pm", ["up to 6 pm"]),
        ("what happened up to noon", ["up to noon"]),
        ("how many came up to now", ["up to now"]),
    ],
)
def test_a_till_and_what_people_are_up_to_end_no_time(text: str, times: list[str]) -> None:
    assert [text[a:b] for a, b, _ in find_times(text)] == times
