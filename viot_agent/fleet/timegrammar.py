"""The thin grammar of time phrases: tokens in, a small tree out.

Owns the forms people use (ranges, dayparts, "ago", "since", positions in a recording). Does not know the present time,
zones or calendars: ``times`` turns the tree into a window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from viot_agent.fleet.timeatoms import SECONDS
from viot_agent.fleet.timedays import LEADS, Moments
from viot_agent.fleet.timetree import (
    Always,
    Between,
    Day,
    Edge,
    MediaSpan,
    Moment,
    Operator,
    Phrase,
    Rolling,
    When,
)
from viot_agent.fleet.timewords import MEDIA, TIME_UNITS, TimeToken

_OPS: dict[str, Operator] = {
    "around": "around",
    "since": "since",
    "from": "since",
    "until": "until",
    "by": "until",
    "before": "before",
    "after": "after",
}
_TWO_WORD_OPS: tuple[tuple[str, Operator], ...] = (
    ("just before", "just before"),
    ("right before", "just before"),
    ("just after", "just after"),
    ("right after", "just after"),
    ("just past", "just after"),
    ("starting at", "since"),
    ("starting from", "since"),
    ("starting", "since"),
    ("as of", "since"),
    ("ever since", "since"),
    ("up to", "until"),
    ("up until", "until"),
    ("no later than", "until"),
    ("earlier than", "before"),
    ("before to", "before"),  # prior to
    ("later than", "after"),
    ("past", "after"),
)
_ORDINALS = {w: n for n, w in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)}


def parse(tokens: Sequence[TimeToken]) -> Phrase | None:
    """The tree of a whole phrase, or None when it is no time phrase."""
    return _Parser(tokens).phrase() if tokens and all(t.known for t in tokens) else None


BRIEF = 1.0
"""The last half second can be of a recording only: nobody asks what was seen so shortly before now."""


class _Parser(Moments):
    """Whole phrases."""

    # the whole phrase --------------------------------------------------------------------------------------------

    def phrase(self) -> Phrase | None:
        while self.take(*LEADS) or self.mark("@", ","):
            pass
        start = self.i
        rules: tuple[Callable[[], Phrase | None], ...] = (self.always, self.media, self.edge, self.rolling, self.when)
        for rule in rules:
            self.i = start
            found = rule()
            self.skip("exactly", "sharp")
            if found is not None and self.done:
                return found
        self.i = start  # "any time today", "all of yesterday", "the whole morning"
        some = (
            self.say("any time")
            or self.say("all day")
            or self.say("some point")
            or self.take("ever", "all", "whole", "entire", "full")
        )
        return self.phrase() if some and not self.done else None

    def tree(self, rule: Callable[[], Phrase | None]) -> Phrase | None:
        """The tree that ``rule`` gives, or None with the place unchanged."""
        start = self.i
        found = rule()
        if found is None:
            self.i = start
        return found

    def always(self) -> Phrase | None:
        for words in ("any time", "all time", "always", "ever", "whenever", "any day", "all the time", "some time"):
            if self.say(words):
                return Always()
        self.take("all", "whole", "entire", "full")
        self.skip("of", "the")
        if self.take(*MEDIA):
            return Always()
        return None

    # relative to now ---------------------------------------------------------------------------------------------

    def rolling(self) -> Phrase | None:
        self.skip("these", "this", "the")
        which = self.take("last", "past", "next")
        if which is None:
            return None
        counted = not self.word(*TIME_UNITS)
        length = self.duration()
        self.or_so()
        if length is None:
            return None
        amount, unit = length
        if not counted and which != "past" and unit in ("week", "month", "year"):
            return None  # a calendar week
        return Rolling(amount, unit, 1 if which == "next" else -1)

    # positions in the recording ----------------------------------------------------------------------------------

    def of_media(self) -> bool:
        """``of / in / into the recording``."""

        def rule() -> bool | None:
            if not self.take("of", "in", "into", "from"):
                return None
            if self.take("beginning"):
                return True if self.say("of") and self.article() and self.take(*MEDIA) else None
            self.article()
            if self.take(*MEDIA):
                return True
            return True if self.done and self.t[self.i - 1].text in ("in", "into") else None

        return self.attempt(rule) is True

    def article(self) -> bool:
        self.skip("the", "this", "a", "whole", "entire")
        return True

    def edge(self) -> Phrase | None:
        """``first 10 seconds (of the video)``, ``the last minute of the recording``, ``the first hour of today``."""
        side = self.take("first", "opening", "last", "final")
        if side is None:
            return None
        first = side in ("first", "opening")
        unit = self.peek()
        if side == "opening" and unit is not None and unit.text == "hour" and unit.end - unit.start == len("hours"):
            return None  # when a shop is open, which nobody told us; not the first hour
        if not self.word(*TIME_UNITS, k=1) and self.take("half"):
            share = (0.0, 0.5) if first else (0.5, 1.0)
            return MediaSpan(*share, "share") if self.of_media() else None
        length = self.duration()
        if length is None or length[1] not in SECONDS:
            return None
        seconds = length[0] * SECONDS[length[1]]
        name: Literal["first", "last"] = "first" if first else "last"
        if self.of_media() or (self.done and (side != "last" or seconds < BRIEF)):
            return Edge(name, seconds)
        if self.take("of"):
            self.article()
            of = self.moment()
            return Edge(name, seconds, of) if of is not None else None
        return None

    def media(self) -> Phrase | None:
        rules: tuple[Callable[[], Phrase | None], ...] = (
            self.media_share,
            self.media_half_open,
            self.media_units,
            self.media_offsets,
        )
        for rule in rules:
            found: Phrase | None = self.tree(rule)
            if found is not None:
                return found
        return None

    def media_share(self) -> Phrase | None:
        self.say("very")
        if self.say("second half"):
            return MediaSpan(0.5, 1, "share") if self.of_media() else None
        if self.take("halfway", "midway"):
            through = self.take("to") is not None
            told = (through and self.done) or self.of_media() or self.the_media()
            return MediaSpan(0.45, 0.55, "share") if told else None
        which = self.take("beginning", "end", "middle")
        if which is None or not self.of_media():
            return None
        return {
            "beginning": MediaSpan(0, 0.1, "share"),
            "middle": MediaSpan(0.4, 0.6, "share"),
            "end": MediaSpan(0.9, 1, "share"),
        }[which]

    def the_media(self) -> bool:
        """``the recording``."""
        self.article()
        return self.take(*MEDIA) is not None

    def media_half_open(self) -> Phrase | None:
        """``after second 9``, ``from second 3 on``, ``by second 8``, ``before second 5``, ``around second 6``."""
        op = self.take("after", "from", "since", "before", "until", "by", "around")
        self.skip("around", "exactly", "the")
        unit = self.take("second", "minute") if op is not None else None
        at = self.position() if unit is not None else None
        if op is None or unit is None or at is None or (op == "since" and self.done and unit == "minute"):
            return None
        if self.word(*TIME_UNITS):
            return None  # ten minutes, not the tenth second
        onwards = self.take("onwards", "onward", "on") is not None or self.to_the_end()
        self.of_media()
        t, width = at * SECONDS[unit], SECONDS[unit]
        if op in ("after", "since") or (op == "from" and (onwards or self.done)):
            return MediaSpan(t, math.inf)
        if onwards or op == "from" or (op != "around" and t <= 0):
            return None
        return MediaSpan(max(0.0, t - width), t + 2 * width) if op == "around" else MediaSpan(0.0, t)

    def to_the_end(self) -> bool:
        """``to the end``."""

        def rule() -> bool | None:
            if not self.take("to", "until"):
                return None
            self.article()
            if not self.take("end"):
                return None
            return True if self.done or self.of_media() else None

        return self.attempt(rule) is True

    def position(self) -> float | None:
        """A number of seconds or minutes, with tenths too."""
        t = self.peek()
        if t is not None and t.kind == "number" and t.value != int(t.value):
            self.i += 1
            return t.value
        return self.integer()

    def media_units(self) -> Phrase | None:
        """``second 5``, ``seconds 5 to 12``, ``minute 3``, ``the third minute``."""
        self.take("between", "from")
        t = self.peek()
        nth = _ORDINALS.get(t.text) if t is not None and t.kind == "word" else None
        if t is not None and t.kind == "ordinal":
            nth = int(t.value)
        if nth and nth > 1 and self.word("second", "minute", "hour", k=1):
            self.i += 1
            length = SECONDS[self.unit() or "second"]
            self.of_media()
            return MediaSpan((nth - 1) * length, nth * length)
        unit = self.take("second", "minute")
        if unit is None:
            return None
        a = self.position()
        if a is None:
            return None
        b = a + 1
        if self.connector(and_too=True):
            self.take(unit)
            last = self.position()
            if last is None or last <= a:
                return None
            b = last
        self.of_media()
        return MediaSpan(a * SECONDS[unit], b * SECONDS[unit])

    def media_offsets(self) -> Phrase | None:
        """``0:12 into the video``, ``12 seconds in``, ``5s to 12s``, ``between 0:12 and 0:30 in the clip``."""
        marked = self.take("between", "from") is not None
        a, timecode_a = self.offset()
        if a is None:
            return None
        if self.connector(and_too=marked):
            b, timecode_b = self.offset()
            if b is None or b <= a:
                return None
            if not self.of_media() and (timecode_a or timecode_b):
                return None  # a clock range
            return MediaSpan(a, b)
        return MediaSpan(max(0.0, a - 1), a + 1) if self.of_media() else None

    def offset(self) -> tuple[float | None, bool]:
        """Seconds from the first frame: a timecode or a duration in seconds, minutes or hours."""
        t = self.peek()
        if t is not None and t.kind == "clock" and not t.meridiem:
            self.i += 1
            parts = t.parts if len(t.parts) == 3 else (0.0, *t.parts)
            return parts[0] * 3600 + parts[1] * 60 + parts[2], True
        length = self.duration()
        if length is None or length[1] not in SECONDS or self.word("ago"):
            return None, False
        return length[0] * SECONDS[length[1]], False

    # moments -----------------------------------------------------------------------------------------------------

    def when(self) -> Phrase | None:
        """``[moment] [operator] moment``, ``[moment] between a and b``, ``a - b``."""
        edge: Literal["", "so far", "from now"] = ""
        if self.say("so far"):
            edge = "so far"
        elif self.word("earlier", "later"):
            edge = "so far" if self.take("earlier", "later") == "earlier" else "from now"
            if self.done:
                return When(Moment(day=Day("offset", 0)), edge=edge)
        before = self.moment() or Moment()
        if self.say("so far"):
            edge = "so far"
        if edge:
            return When(before, edge=edge) if not before.empty else None
        if self.done:
            return None if before.empty else When(before)
        if not before.empty:
            b: Moment | None = self.attempt(lambda: self.moment() if self.connector() else None)
            if b is not None:
                return Between(before, b)
        self.skip("on", "at")
        if self.take("between"):
            return self.between(before, ("and", "to"), marked=True)
        start = self.i
        op = self.operator()
        if op is None:
            return None
        if op == "since" and self.t[start].text == "from":
            found: Phrase | None = self.tree(lambda: self.between(before, (), marked=True))
            if found is not None:
                return found
            self.i = start + 1
            # "from yesterday" = of yesterday; "from 9" = since 9
            of: Phrase | None = self.tree(self.when_rest)
            if of is not None:
                return of
        elif op in ("since", "after"):
            found = self.tree(lambda: self.between(before, (), marked=True))
            if found is not None:
                return found
        self.skip("the", "around", "at")
        moment = self.moment()
        if moment is None:
            return None
        self.take("onwards", "onward", "on")
        return When(moment, op, before)

    def when_rest(self) -> Phrase | None:
        self.skip("the", "around")
        rules: tuple[Callable[[], Phrase | None], ...] = (self.edge, self.rolling)
        for rule in rules:
            found: Phrase | None = self.tree(rule)
            if found is not None and self.done:
                return found
        moment = self.attempt(self.moment)
        if moment is not None and self.done and moment.clock is None and moment.ago is None:
            return When(moment)
        return None

    def between(self, context: Moment, joints: tuple[str, ...], *, marked: bool) -> Phrase | None:
        """``a JOINT b``; without ``joints`` any connector."""
        self.skip("the", "around")
        start = self.i
        n = self.integer()
        if n is not None and (self.take(*joints) or self.connector()):  # "between 30 and 20 minutes ago"
            length = self.duration()
            if length is not None and length[1] in SECONDS and self.take("ago"):
                return Between(
                    Moment(ago=n * SECONDS[length[1]]), Moment(ago=length[0] * SECONDS[length[1]]), context, marked
                )
        self.i = start
        a = None
        for plain in (False, True):  # "from ten to nine to noon", then "from five to nine"
            self.i = start
            a = self.moment(plain=plain)
            if a is not None and (self.take(*joints) or self.connector()):
                break
        else:
            return None
        assert a is not None  # the loop ended by break
        self.skip("the", "around")
        b = self.moment()
        return Between(a, b, context, marked) if b is not None else None

    def connector(self, *, and_too: bool = False) -> bool:
        """to, until, -, up to; "and before"."""
        for words in ("up to", "up until", "and before", "but before", "and until", "to", "until"):
            if self.say(words):
                return True
        return self.mark("-", "/", "~") or (and_too and self.say("and"))

    def operator(self) -> Operator | None:
        if self.mark("~"):
            return "around"
        for words, op in _TWO_WORD_OPS:
            if self.say(words):
                return op
        word = self.take(*_OPS)
        return None if word is None else _OPS[word]
