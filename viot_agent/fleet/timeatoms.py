"""The smallest parts of time phrases: walking the tokens, amounts, durations and times of day.

Owns what needs no calendar. The base of ``timegrammar``'s parser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from viot_agent.fleet.timetree import Clock
from viot_agent.fleet.timewords import TIME_UNITS, TimeToken
from viot_agent.fleet.words import TENS, UNITS

T = TypeVar("T")

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
FEW = 5  # "a few", "several": read widely, so that nothing is missed
_MINUTES = {"quarter": 15, "half": 30}


@lru_cache(maxsize=512)
def _split(phrase: str) -> tuple[str, ...]:
    return tuple(phrase.split())


class Atoms:
    """Recursive descent with explicit backtracking: every rule returns a value and moves on, or None."""

    def __init__(self, tokens: Sequence[TimeToken]) -> None:
        self.t = tokens
        self.i = 0
        self.vague = False  # "a few" was said

    # tokens ------------------------------------------------------------------------------------------------------

    def peek(self, k: int = 0) -> TimeToken | None:
        j = self.i + k
        return self.t[j] if j < len(self.t) else None

    def word(self, *words: str, k: int = 0) -> bool:
        """Whether the token ``k`` ahead is one of the words."""
        j = self.i + k
        return j < len(self.t) and self.t[j].kind == "word" and self.t[j].text in words

    def take(self, *words: str) -> str | None:
        """Move over one of the words."""
        i = self.i
        if i < len(self.t) and self.t[i].text in words and self.t[i].kind == "word":
            self.i = i + 1
            return self.t[i].text
        return None

    def say(self, phrase: str) -> bool:
        """Move over all words of ``phrase``."""
        i = self.i
        words = _split(phrase)
        if i + len(words) > len(self.t):
            return False
        for k, word in enumerate(words):
            t = self.t[i + k]
            if t.text != word or t.kind != "word":
                return False
        self.i = i + len(words)
        return True

    def mark(self, *marks: str) -> bool:
        """Move over one of the punctuation marks."""
        t = self.peek()
        if t is not None and t.kind == "mark" and t.text in marks:
            self.i += 1
            return True
        return False

    def skip(self, *words: str) -> None:
        while self.take(*words) or (self.i and self.mark(",")):
            pass

    @property
    def done(self) -> bool:
        return self.i >= len(self.t)

    def attempt(self, rule: Callable[[], T | None]) -> T | None:
        """The value of ``rule``, or None with the place unchanged."""
        start = self.i
        value = rule()
        if value is None:
            self.i = start
        return value

    # amounts -----------------------------------------------------------------------------------------------------

    def integer(self) -> int | None:
        """A whole number in digits or words."""
        t = self.peek()
        if t is None:
            return None
        if t.kind == "number" and t.value == int(t.value):
            self.i += 1
            return int(t.value)
        if t.kind == "word" and t.text in UNITS:
            self.i += 1
            return UNITS[t.text]
        if t.kind == "word" and t.text in TENS:
            self.i += 1
            following = self.peek()
            if following is not None and following.kind == "word" and 1 <= UNITS.get(following.text, 0) <= 9:
                self.i += 1
                return TENS[t.text] + UNITS[following.text]
            return TENS[t.text]
        return None

    def amount(self) -> float | None:
        """How many: 3, three, 1.5, a couple of, a few, half a, one and a half."""
        t = self.peek()
        if t is not None and t.kind == "number" and t.value != int(t.value):
            self.i += 1
            return t.value
        if self.say("half a") or self.say("half an") or self.take("half"):
            return 0.5
        if self.say("three quarter of an") or self.say("three quarters of an"):
            return 0.75
        if self.say("a quarter of an") or self.say("quarter of an") or self.take("quarter"):
            return 0.25
        if self.say("a couple of") or self.say("couple of") or self.say("a couple") or self.take("couple"):
            self.vague = True
            return 2
        if self.say("a few") or self.take("few", "several"):
            self.vague = True
            return FEW
        if self.say("a dozen") or self.take("dozen"):
            return 12
        n: float | None = self.integer()
        if n is None and self.take("a", "an"):
            if self.say("half"):
                return 0.5
            n = 1
        if n is not None and self.say("and a half"):
            n += 0.5
        return n

    def or_so(self) -> None:
        self.say("or so")

    def unit(self) -> str | None:
        if self.take("fortnight"):
            return "fortnight"
        return self.take(*TIME_UNITS)

    def duration(self) -> tuple[float, str] | None:
        """``amount unit``, also "an hour and a half", "2 hours 30 minutes", "2h 30min". Mixed ones come in seconds."""

        def rule() -> tuple[float, str] | None:
            n = self.amount()
            if n is None and self.word(*TIME_UNITS):
                n = 1.0
            if n is None:
                return None
            unit = self.unit()
            if unit is None:
                return None
            if unit == "fortnight":
                return n * 2, "week"
            if self.say("and a half"):
                n += 0.5
            if unit in ("hour", "minute"):
                total = n * SECONDS[unit]
                start = self.i
                self.take("and")
                more, lower = self.amount(), self.unit()
                if more is not None and lower in SECONDS and SECONDS[lower] < SECONDS[unit]:
                    return total + more * SECONDS[lower], "second"
                self.i = start
            return n, unit

        return self.attempt(rule)

    # times of day ------------------------------------------------------------------------------------------------

    def clock(self, *, plain: bool = False) -> Clock | None:
        self.mark("@")
        found = self.attempt(self.clock_named)
        if found is None:
            found = self.attempt(lambda: self.clock_words(plain=plain))
        if found is None:
            found = self.attempt(self.clock_plain)
        if found is not None and self.attempt(self.ish):
            found = replace(found, loose=True)
        return found

    def ish(self) -> bool | None:
        """``-ish``, ``or so``."""
        self.mark("-")
        return True if self.take("ish") or self.say("or so") else None

    def clock_named(self) -> Clock | None:
        """``noon``, ``12 midnight``."""
        twelve = self.peek()
        if twelve is not None and twelve.text in ("12", "twelve"):
            self.i += 1
        if self.take("noon"):
            return Clock(43200.0, named=True)
        return Clock(0.0, named=True) if self.take("midnight") else None

    def clock_words(self, *, plain: bool) -> Clock | None:
        """``half past nine``, ``half nine``, ``quarter to five``, ``ten past 3``, ``twenty minutes to six``."""
        self.take("a")
        small = self.take("quarter", "half")
        t = self.peek()
        minutes = _MINUTES[small] if small else None
        digits = t is not None and t.kind == "number"
        if minutes is None:
            minutes = self.integer()
        if minutes is None or not 1 <= minutes <= 30:
            return None
        spoken = self.take("minute") is not None or bool(small) or not digits
        if self.take("past", "after"):
            sign = 1
        elif not plain and spoken and self.take("to", "before"):
            sign = -1
        elif small == "half":
            sign = 1  # British: half nine = 9:30
        else:
            return None
        hour = self.hour()
        if hour is None:
            return None
        return self.finish(hour.seconds + sign * minutes * 60, hour.twelve)

    def hour(self) -> Clock | None:
        if self.take("noon"):
            return Clock(43200.0)
        if self.take("midnight"):
            return Clock(86400.0)
        n = self.integer()
        return None if n is None or not 0 <= n <= 24 else Clock(n % 24 * 3600.0, twelve=1 <= n <= 12)

    def clock_plain(self) -> Clock | None:
        """``14:05``, ``9pm``, ``9``, ``nine o'clock``, ``nine thirty pm``."""
        t = self.peek()
        if t is None:
            return None
        if t.kind == "clock":
            self.i += 1
            hours, minutes, seconds = (*t.parts, 0.0)[:3] if len(t.parts) == 2 else t.parts
            if hours > 24 or minutes > 59 or seconds >= 60 or (hours == 24 and minutes + seconds > 0):
                return None
            fine = len(t.parts) == 3
            total = hours * 3600 + minutes * 60 + seconds
            if not t.meridiem:
                self.take("hour", "o'clock")
                twelve = not t.wide and 1 <= hours <= 12 and not fine and t.offset is None
                found = self.finish(total, twelve, fine=fine)
                if found is None or not self.take("z", "utc", "gmt"):
                    return found if found is None or t.offset is None else replace(found, offset=t.offset)
                return replace(found, offset=0.0)
            found = self.meridiem(total, t.meridiem)
            return None if found is None else replace(found, fine=fine)
        digits = t.kind == "number"
        if digits and ("." in t.text or len(t.text) == 4):  # 9.30, 0930
            return self.clock_digits(t)
        n = self.integer()
        if n is None or n > 24 or (digits and len(t.text) > 2):
            return None
        if self.word(*TIME_UNITS) or self.word("few", "couple"):
            return None
        minutes = 0
        if not digits and not self.take("o'clock"):
            minutes = self.attempt(self.spoken_minutes) or 0
        clock_word = self.take("o'clock") is not None
        found = self.finish(n * 3600.0 + minutes * 60, 1 <= n <= 12)
        if found is not None and found.seconds == n * 3600.0 and not clock_word:
            return replace(found, bare=True)
        return found

    def clock_digits(self, t: TimeToken) -> Clock | None:
        """``9.30``, ``0930``: only with two digits of minutes."""
        hours, _, minutes = t.text.partition(".") if "." in t.text else (t.text[:2], "", t.text[2:])
        self.i += 1
        if len(hours) > 2 or len(minutes) != 2 or int(hours) > 23 or int(minutes) > 59 or self.word(*TIME_UNITS):
            return None
        twelve = "." in t.text and len(hours) == 1 and hours != "0"
        found = self.finish(int(hours) * 3600.0 + int(minutes) * 60, twelve)
        return None if found is None else replace(found, bare=True)

    def spoken_minutes(self) -> int | None:
        n = self.integer()
        return n if n is not None and 10 <= n <= 59 and not self.word(*TIME_UNITS, "past", "to") else None

    def finish(self, seconds: float, twelve: bool, *, fine: bool = False) -> Clock | None:
        """Take a following am/pm or -ish."""
        meridiem = self.take("am", "pm")
        found = Clock(seconds, twelve, fine=fine)
        if meridiem is not None:
            if not twelve and not 0 < seconds <= 46800:
                return None
            found_or_none = self.meridiem(seconds, meridiem)
            if found_or_none is None:
                return None
            found = found_or_none
        return found

    def meridiem(self, seconds: float, meridiem: str) -> Clock | None:
        """am/pm applied; 12am is midnight, 12pm noon; 14:05 pm is 14:05."""
        if seconds >= 46800:
            return Clock(seconds) if meridiem == "pm" and seconds < 86400 else None
        return Clock(seconds % 43200 + (43200 if meridiem == "pm" else 0))
