"""Time phrases for the benchmark's requests, as people say them; each can be read at the case's own present.

Owns the wordings and the check that a phrase means a past (or coming) stretch of sensible length. What a phrase means
is ``viot_agent.fleet.times``'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from viot_agent.errors import TimeFault
from viot_agent.fleet.times import resolve_time

DAYS = 12
"""How far back a phrase may reach; the sites' footage goes back two weeks."""
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HALF = ("half past", "quarter past", "quarter to", "ten past", "twenty to")
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_SINCE = ("midnight", "noon", "this morning", "yesterday evening", "9 am", "half past ten")
_MORNINGS = ("this morning", "yesterday morning")
_COUNTS = ("two", "three", "four", "five", "six", "20", "25", "40", "45", "90")

Make = Callable[[random.Random], str]


def _clock(r: random.Random) -> str:
    return f"{r.randint(0, 23):02d}:{r.choice((0, 5, 10, 12, 20, 25, 30, 35, 48, 50)):02d}"


def _range(r: random.Random, least: int, most: int) -> tuple[str, str]:
    start = r.randint(0, 23 * 60)
    end = min(start + r.randint(least, most), 23 * 60 + 59)
    return f"{start // 60:02d}:{start % 60:02d}", f"{end // 60:02d}:{end % 60:02d}"


def _between(r: random.Random, day: str, least: int = 20, most: int = 300) -> str:
    a, b = _range(r, least, most)
    words = r.choice(("between {a} and {b}{day}", "from {a} to {b}{day}", "{day} between {a} and {b}"))
    return " ".join(words.format(a=a, b=b, day=f" {day}" if not words.startswith("{day}") else day).split())


_LONG: tuple[Make, ...] = (
    lambda r: "yesterday " + r.choice(("morning", "afternoon", "evening")),
    lambda r: r.choice(("this morning", "last night", "yesterday", "earlier today", "today")),
    lambda r: "since " + r.choice((*_SINCE, _clock(r))),
    lambda r: f"{r.choice(_WEEK)} {r.choice(('morning', 'afternoon', 'night'))}",
    lambda r: f"last {r.choice(_WEEK)}",
    lambda r: _between(r, r.choice(("", "", "yesterday", "today", f"last {r.choice(_WEEK)}"))),
    lambda r: f"between {r.choice(_WORDS[:5])} and {r.choice(_WORDS[5:])} {r.choice(_MORNINGS)}",
    lambda r: f"after {_clock(r)}{r.choice(('', ' yesterday'))}",
    lambda r: f"before {r.choice(('8 this morning', 'noon', '7:30 am', 'midday yesterday'))}",
    lambda r: f"around {r.choice((_clock(r), 'noon', f'{r.randint(1, 11)} pm yesterday', 'half past four'))}",
    lambda r: r.choice(("the day before yesterday", "two days ago", "three nights ago", "the night before last")),
    lambda r: "over lunch" if r.random() < 0.3 else f"{r.choice(_HALF)} {r.choice(_WORDS)} yesterday",
)  # fmt: skip
_SHORT: tuple[Make, ...] = (
    lambda r: _between(r, r.choice(("", "yesterday", "today", f"last {r.choice(_WEEK)}")), 4, 9),
    lambda r: f"yesterday at {_clock(r)}",
    lambda r: f"{r.choice(_WEEK)} at {_clock(r)}",
    lambda r: _between(r, "this morning", 3, 9),
    lambda r: (
        f"between {h}:{m:02d} and {h}:{m + r.randint(3, 8):02d} am yesterday"
        if (h := r.randint(5, 11)) and (m := r.randint(2, 50))
        else ""
    ),
)
_NOUN: tuple[Make, ...] = (
    lambda r: f"{r.choice(('last', 'past'))} {r.choice(_COUNTS)} {r.choice(('minutes', 'hours'))}",
    lambda r: r.choice(("last hour", "past half hour", "last couple of hours", "previous night", "past two days")),
    lambda r: f"last {r.randint(12, 55)} minutes",
)
_NOUN_SHORT: tuple[Make, ...] = (
    lambda r: (
        f"{r.choice(('last', 'past'))} {r.choice(('three', 'four', 'five', '6', '7', '8', 'nine', 'ten'))} minutes"
    ),
)
_POINT: tuple[Make, ...] = (
    _clock,
    lambda r: f"{r.randint(1, 11)}:{r.choice((5, 15, 20, 40, 45)):02d} {r.choice(('am', 'pm'))}",
    lambda r: f"{r.choice(_HALF)} {r.choice(_WORDS)}",
    lambda r: f"{r.randint(1, 11)} {r.choice(('am', 'pm', 'in the morning'))}",
)
_FUTURE: tuple[Make, ...] = (
    lambda r: r.choice(
        ("at night", "overnight", "tonight", "on weekends", "this weekend", "tomorrow", "in the evening")
    ),
    lambda r: f"after {_clock(r)}",
    lambda r: f"until {r.choice(_WEEK)}",
    lambda r: "between {} and {}".format(f"{r.randint(19, 23)}:{r.choice((0, 15, 30)):02d}", f"0{r.randint(4, 7)}:00"),
    lambda r: f"from {r.randint(6, 11)} pm to {r.randint(4, 7)} am",
    lambda r: r.choice(("tomorrow morning", "tomorrow afternoon", "on Sundays", "next week", "before 6 am")),
)


def draw(
    rng: random.Random, makers: tuple[Make, ...], now: float, tz: str, *, past: bool = True, longest: float
) -> str:
    """A phrase of ``makers`` that can be read at ``now``; ``past`` ones lie behind it and are ``longest`` s at most.

    Raises ValueError when none is found in many tries, which is a defect of the lists.
    """
    extent = (now - (DAYS + 2) * 86400, now)
    for _ in range(500):
        phrase = rng.choice(makers)(rng)
        try:
            window = resolve_time(phrase, now, tz, extent=extent)
        except TimeFault:
            continue
        if not past:
            return phrase
        start = extent[0] if window.start is None else window.start
        end = now if window.end is None else window.end
        if start >= now - DAYS * 86400 and end <= now and 10.0 <= end - start <= longest:
            return phrase
    raise ValueError("no time phrase fits")


def past_time(rng: random.Random, now: float, tz: str, *, short: bool = False) -> str:
    """For ``{time}``: fits bare behind a sentence. ``short`` = at most ten minutes, what a clip may have."""
    if short:
        return draw(rng, _SHORT, now, tz, longest=600.0)
    return draw(rng, _LONG, now, tz, longest=3 * 86400.0)


def noun_time(rng: random.Random, now: float, tz: str, *, short: bool = False) -> str:
    """For ``{time_np}``: a noun phrase."""
    return draw(rng, _NOUN_SHORT if short else _NOUN, now, tz, longest=600.0 if short else 3 * 86400.0)


def clock_time(rng: random.Random, now: float, tz: str) -> str:
    """For ``{time_at}``: a clock point."""
    return draw(rng, _POINT, now, tz, longest=600.0)


def coming_time(rng: random.Random, now: float, tz: str) -> str:
    """For ``{future}``: when an alert is to be on."""
    return draw(rng, _FUTURE, now, tz, past=False, longest=0.0)
