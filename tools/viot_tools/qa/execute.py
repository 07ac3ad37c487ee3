"""Runs a typed program on facts, exactly: filters, counts, compares, orders; three-valued throughout.

*Cannot tell* wherever what is not known could change the answer: a *yes* needs one thing that surely fits, a *no* and a
zero need that nothing may fit and that enough was looked at. A count is given as the number of those that surely fit
while these outweigh the maybes, which the reason then names. A neuro-symbolic reasoner in the manner of Yi et al.,
"Neural-Symbolic VQA" (NeurIPS 2018) and "CLEVRER" (ICLR 2020), with uncertainty kept instead of cut off.

Owns what may be counted, and claims and options. Values of single things are ``execute_values``'s.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from viot_tools.qa import execute_values as values
from viot_tools.qa.describe import described
from viot_tools.qa.facts import Facts, Found
from viot_tools.qa.found import Interval, found, maybes, outweighed, reserves, stretch
from viot_tools.qa.ground import CannotTell, Clock, Ground
from viot_tools.qa.options import option_of
from viot_tools.qa.program import Pick, Program
from viot_tools.qa.select import Candidate, Picked, choose

_CLAIM = re.compile(r"^\s*(<=|>=|==|=|<|>)?\s*(\d+(?:\.\d+)?)\s*$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
}


def execute(program: Program, facts: Facts, *, clock: Clock | None = None) -> Found:
    """The answer of ``program``. ``clock`` reads the times of day that it names; without one they are UTC.

    Never raises for what is not known: then ``value`` is "" and ``reason`` says why. Raises ValueError for a program
    without a pick.
    """
    if not program.picks:
        raise ValueError("a program needs at least one pick")
    ground = Ground(facts, clock)
    try:
        return _chosen(program, _ASKS[program.ask](ground, program))
    except CannotTell as why:
        return Found("", str(why))


def _chosen(program: Program, answer: Found) -> Found:
    """Yes or no to a claim; the option of a multiple choice."""
    if not answer.value:
        return answer
    if program.value and answer.value not in ("yes", "no"):
        held = answer.value.casefold() == program.value.casefold()
        return replace(answer, value="yes" if held else "no", number=None)
    if program.value in ("yes", "no"):
        return replace(answer, value="yes" if answer.value == program.value else "no")
    if program.options and answer.value not in program.options:
        option = option_of(answer, program)
        if option is None:
            return replace(
                answer, value="", number=None, reason=f"what was found, {answer.value}, is none of the options"
            )
        return replace(answer, value=option)
    return answer


CROWD, HIDDEN = 15, 3.0
"""From so many people at one time on a count is no more than a least one, and there may be so many times as many: of
MOT17's crowded streets the detector misses three in ten, of a packed stand more than half."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number that lies between ``least`` and ``most``."""

    least: float
    most: float

    def holds(self, claim: str) -> bool | None:
        """Whether ``>5``, ``<=3``, ``4`` holds of the number; None where that is open. Raises CannotTell."""
        said = _CLAIM.match(claim)
        if said is None:
            raise CannotTell(f"the claim {claim!r} is not about a number")
        compare, limit = _COMPARE[said[1] or "="], float(said[2])
        if said[1] in (None, "=", "=="):
            if not self.least <= limit <= self.most:
                return False
            return True if self.least == self.most else None
        low, high = compare(self.least, limit), compare(self.most, limit)
        return low if low == high else None


def _exists(ground: Ground, program: Program) -> Found:
    """Is there such a thing (of each pick); with the edge ``end``: is it there at the end."""
    every = [_there(ground, choose(ground, pick), program.edge) for pick in program.picks]
    for picked in every:
        if not picked.candidates:
            why = ground.absence(picked.pick.kind)
            return Found("", f"no {described(picked.pick)} was seen, but {why}") if why else Found("no")
    for picked in every:
        if not picked.sure:
            return Found("", maybes(picked, alone=True), maybe=tuple(c.thing for c in picked.maybe))
        heads = 1 if picked.pick.heads is None else picked.pick.heads or _all_there(ground, picked.pick)
        if len(picked.sure) < heads and "fighting" not in picked.pick.doing:
            # "do the two sit": each of them must
            some = tuple(c.thing for c in picked.sure)
            if len(picked.candidates) < heads and picked.pick.heads:
                return found("no", ground, picked.sure, [picked], [f"{len(some)} of {heads} surely did"])
            why = maybes(picked) if picked.maybe else f"{len(some)} of {heads} surely did"
            return Found("", why, some, outweighed([picked]))
    return found("yes", ground, [c for picked in every for c in picked.sure], every)


def _all_there(ground: Ground, pick: Pick) -> int:
    """How many of these there may have been in all."""
    return len(choose(ground, Pick(pick.kind, cameras=pick.cameras)).candidates)


def _there(ground: Ground, picked: Picked, edge: str) -> Picked:
    """At the end of the footage asked about only, where that is asked."""
    if edge != "end":
        return picked
    kept = [c for c in picked.candidates if _at_edge(ground, c, "end")]
    return replace(picked, candidates=tuple(kept))


def _at_edge(ground: Ground, c: Candidate, edge: str) -> bool:
    """Whether it is in view at the first or the last moment asked about."""
    low, high = ground.window(c.thing.camera)
    grace = ground.grace(c.thing.kind)
    if edge == "start":
        return c.thing.start <= low + grace and c.thing.end >= low
    return c.thing.end >= high - grace and c.thing.start <= high


MOMENT = 1.0
"""Seconds that ``at second 41`` and the like ask about: what is counted then is what is in view as they begin."""


def _then(ground: Ground, picked: Picked) -> Picked:
    """At the moment asked about, where one is: who comes later in that second may be meant or not. Where nobody is
    there as it begins, the whole of it counts."""
    pick = picked.pick
    if pick.when or pick.motion or pick.doing or pick.which != "all" or pick.number is not None:
        return picked
    step = ground.step(pick.kind)

    def later(c: Candidate) -> bool:
        low, high = ground.window(c.thing.camera)
        return high - low <= MOMENT + 1e-3 and not c.thing.start - step <= low <= c.thing.end

    if all(later(c) for c in picked.candidates):
        return picked
    return replace(picked, candidates=tuple(replace(c, sure=False) if later(c) else c for c in picked.candidates))


def _count(ground: Ground, program: Program) -> Found:
    """How many, over all picks."""
    each = [_then(ground, choose(ground, pick)) for pick in program.picks]
    sure = [c for picked in each for c in picked.sure]
    maybe = [c for picked in each for c in picked.maybe]
    return _number(ground, program, each, Bounds(len(sure), len(sure) + len(maybe)), sure, maybe)


def _at_once(ground: Ground, program: Program) -> Found:
    """How many at one time: at most, or at an edge."""
    each = [choose(ground, pick) for pick in program.picks]
    at_edge = program.edge == "end" or program.by == "start"
    each = each if at_edge else [_then(ground, picked) for picked in each]
    sure = [c for picked in each for c in picked.sure]
    maybe = [c for picked in each for c in picked.maybe]
    if at_edge:
        sure = [c for c in sure if _at_edge(ground, c, program.edge)]
        maybe = [c for c in maybe if _at_edge(ground, c, program.edge)]
        return _number(ground, program, each, Bounds(len(sure), len(sure) + len(maybe)), sure, maybe)
    least, moment, there = _busiest(ground, sure)
    most, _, _ = _busiest(ground, [*sure, *maybe])
    answer = _number(ground, program, each, Bounds(least, most), there, maybe if most > least else [])
    return replace(answer, intervals=moment) if answer.value and there else answer


def _number(
    ground: Ground,
    program: Program,
    each: Sequence[Picked],
    bounds: Bounds,
    sure: Sequence[Candidate],
    maybe: Sequence[Candidate],
) -> Found:
    """A number or the claim about it, where what is not known leaves it open or not."""
    kinds = list(dict.fromkeys(picked.pick.kind for picked in each))
    missing = next((why for kind in kinds if (why := ground.absence(kind))), "")
    partial = next((why for kind in kinds if (why := ground.partial(kind))), "")
    things = tuple(c.thing for c in maybe)
    if program.value and program.value not in ("yes", "no"):
        open_ = replace(bounds, most=math.inf) if missing else _in_a_crowd(ground, bounds, sure)
        held = open_.holds(program.value)
        if held is None:
            why = missing or f"between {bounds.least:g} and {bounds.most:g} of them may fit"
            return Found("", why, tuple(c.thing for c in sure), things)
        return found("yes" if held else "no", ground, sure, each)
    options = [n for n in (_option_number(o) for o in program.options) if n is not None]
    if options and not missing:
        left = [n for n in options if bounds.least <= n <= bounds.most]
        if len(left) == 1 and len(options) == len(program.options):
            return replace(found(f"{left[0]:g}", ground, sure, each), number=left[0])
    if partial:
        return Found("", f"at least {bounds.least:g} were seen, but {partial}", tuple(c.thing for c in sure), things)
    if not bounds.least and (bounds.most or missing):
        why = missing if not bounds.most else "; ".join(maybes(p, alone=True) for p in each if p.maybe)
        none = f"no {described(each[0].pick, many=True)} were seen, but " if not bounds.most else ""
        return Found("", none + why, (), things)
    if bounds.most - bounds.least > bounds.least:
        return Found("", f"between {bounds.least:g} and {bounds.most:g}: too many may or may not fit", (), things)
    return replace(found(f"{bounds.least:g}", ground, sure, each), number=bounds.least)


def _in_a_crowd(ground: Ground, bounds: Bounds, sure: Sequence[Candidate]) -> Bounds:
    """Bounds that grant that in a crowd most people may be hidden by others."""
    people = [c for c in sure if c.thing.kind == "person"]
    return replace(bounds, most=HIDDEN * bounds.most) if _busiest(ground, people)[0] >= CROWD else bounds


def _option_number(option: str) -> float | None:
    said = re.findall(r"\d+(?:\.\d+)?", option)
    return float(said[0]) if len(said) == 1 else None


def _busiest(ground: Ground, some: Sequence[Candidate]) -> tuple[int, tuple[Interval, ...], list[Candidate]]:
    """The most at one time, when that was (the longest such stretch), and who was there."""
    events: list[tuple[float, int, int]] = []
    for i, c in enumerate(some):
        start, end = stretch(ground, c)
        # one seen in a single picture was there for a step; one that goes as another comes is not beside it
        events += [(start, 1, i), (max(end, start + ground.step(c.thing.kind) / 2), 0, i)]
    events.sort()
    best, there, now, at, best_length = 0, [], set[int](), 0.0, 0.0
    span = (0.0, 0.0)
    for t, comes, i in events:
        if len(now) > best or (len(now) == best and best and t - at > best_length):
            best, there, best_length, span = len(now), sorted(now), t - at, (at, t)
        if comes:
            now.add(i)
        else:
            now.discard(i)
        at = t
    who = [some[i] for i in there]
    return best, tuple((camera, *span) for camera in dict.fromkeys(c.thing.camera for c in who)), who


def _change(ground: Ground, program: Program) -> Found:
    """More, fewer or the same number at the end than at the start."""
    if program.attribute:
        raise CannotTell(
            "looks are read once for all the time that a thing is in view, so a change of them is not seen"
        )
    each = [choose(ground, pick) for pick in program.picks]
    for picked in each:
        if why := ground.absence(picked.pick.kind):
            return Found("", why)
    every = [c for picked in each for c in picked.candidates]
    ends = {edge: [c for c in every if _at_edge(ground, c, edge)] for edge in ("start", "end")}
    a, b = (Bounds(sum(c.sure for c in ends[e]), len(ends[e])) for e in ("start", "end"))
    value = "more" if b.least > a.most else "fewer" if b.most < a.least else ""
    if a.least == a.most == b.least == b.most:
        value = "same"
    if not value:
        why = f"{a.least:g} to {a.most:g} at the start and {b.least:g} to {b.most:g} at the end may fit"
        return Found("", why, (), tuple(c.thing for c in every if not c.sure))
    answer = found(value, ground, [*ends["start"], *ends["end"]], each)
    return replace(answer, number=b.least - a.least)


def _compare(ground: Ground, program: Program) -> Found:
    """Which pick has more, or (by ``duration``) was there longer; ``fewest`` turns it round."""
    each = [choose(ground, pick) for pick in program.picks]
    for picked in each:
        if why := ground.partial(picked.pick.kind):
            return Found("", why)
    bounds = [_measure(ground, picked, program.by) for picked in each]
    slack = 1e-9 if program.by == "count" else 2 * max(ground.step(p.pick.kind) for p in each)
    return _best(ground, program, each, bounds, [_words(program, i) for i in range(len(each))], slack)


def _cameras(ground: Ground, program: Program) -> Found:
    """On which camera are most (or fewest) such things."""
    pick = program.picks[0]
    names = [
        c for c in ground.facts.cameras if not pick.cameras or c.casefold() in {n.casefold() for n in pick.cameras}
    ]
    if why := ground.partial(pick.kind):
        return Found("", why)
    if program.fewest and (why := ground.absence(pick.kind)):
        return Found("", why)
    picked = choose(ground, pick)
    each = [replace(picked, candidates=tuple(c for c in picked.candidates if c.thing.camera == n)) for n in names]
    bounds = [_measure(ground, p, program.by) for p in each]
    if not any(b.most for b in bounds):
        why = ground.absence(pick.kind)
        return Found("", f"no {described(pick)} was seen on any of them" + (f", but {why}" if why else ""))
    answer = _best(ground, program, each, bounds, names, 1e-9)
    return replace(answer, pick=None)


def _measure(ground: Ground, picked: Picked, by: str) -> Bounds:
    if by == "count":
        return Bounds(len(picked.sure), len(picked.candidates))
    seconds = [(c.sure, stretch(ground, c)) for c in picked.candidates]
    return Bounds(sum(b - a for sure, (a, b) in seconds if sure), sum(b - a for _, (a, b) in seconds))


def _best(
    ground: Ground,
    program: Program,
    each: Sequence[Picked],
    bounds: Sequence[Bounds],
    words: Sequence[str],
    slack: float,
) -> Found:
    """The one whose number surely is the largest (or smallest)."""
    sign = -1 if program.fewest else 1
    low = [b.least if sign > 0 else -b.most for b in bounds]
    high = [b.most if sign > 0 else -b.least for b in bounds]
    told = ", ".join(f"{w}: {_amount(b, program.by)}" for w, b in zip(words, bounds, strict=True))
    for i in range(len(bounds)):
        if all(low[i] > high[j] + slack for j in range(len(bounds)) if j != i):
            shown = each[i].sure or [c for p in each for c in p.sure]
            answer = found(words[i], ground, shown, each, notes=[told])
            return replace(answer, pick=i, number=bounds[i].least)
    top = max(high)
    if all(b.least == b.most for b in bounds) and sum(h >= top - slack for h in high) > 1:
        same = [i for i, h in enumerate(high) if h >= top - slack]
        if len(same) == len(bounds):
            return replace(
                found("same", ground, [c for p in each for c in p.sure], each, notes=[told]), number=bounds[0].least
            )
        return Found("", f"several are level ({told})", tuple(c.thing for i in same for c in each[i].sure))
    return Found(
        "", f"what is not sure could turn it round ({told})", (), tuple(c.thing for p in each for c in p.maybe)
    )


def _amount(b: Bounds, by: str) -> str:
    unit = " s" if by == "duration" else ""
    least, most = (f"{x:.0f}" if by == "duration" else f"{x:g}" for x in (b.least, b.most))
    return f"{least}{unit}" if least == most else f"{least} to {most}{unit}"


def _words(program: Program, i: int) -> str:
    """What the pick is called in the answer: its option, else what it says, else the camera it looks at."""
    picks = program.picks
    if len(program.options) == len(picks):
        return program.options[i]
    alike = [described(p) for p in picks]
    if len(set(alike)) < len(picks) and picks[i].cameras:
        return " and ".join(picks[i].cameras)
    plain = replace(picks[i], which="all", number=None)
    return described(plain, many=program.ask == "compare" and program.by == "count")


def _order(ground: Ground, program: Program) -> Found:
    """Which pick came (or left) first; ``fewest`` asks for the last."""
    each = [choose(ground, pick) for pick in program.picks]
    named = list(range(len(each)))
    for i, picked in enumerate(each):
        if not picked.candidates:
            why = ground.absence(picked.pick.kind)
            if not why and any(r.next for r in picked.pick.when) and len(named) > 1:
                # what came next, a person or a vehicle: one of them did not come at all
                named.remove(i)
                continue
            return Found("", f"no {described(picked.pick)} was seen" + (f", but {why}" if why else ""))
        if not picked.sure:
            return Found("", maybes(picked, alone=True), maybe=tuple(c.thing for c in picked.maybe))
    each = [each[i] for i in named]
    windows = [values.came_or_left(picked, program.edge) for picked in each]
    step = max(ground.step(picked.pick.kind) for picked in each)
    sign = -1 if program.fewest else 1
    for i, (a, b) in enumerate(windows):
        latest = max(sign * a, sign * b)
        if all(latest < min(sign * c, sign * d) - step + 1e-6 for j, (c, d) in enumerate(windows) if j != i):
            shown = [values.edge_of(picked, program.edge) for picked in each]
            answer = found(_words(program, named[i]), ground, shown, each)
            return replace(answer, pick=named[i], number=windows[i][0])
    if all(a == b for a, b in windows):
        return Found("", f"they {'left' if program.edge == 'end' else 'came'} at about the same time")
    return Found("", reserves(each) or "what is not sure could turn it round", (), outweighed(each))


_ASKS: dict[str, Callable[[Ground, Program], Found]] = {
    "exists": _exists,
    "count": _count,
    "at_once": _at_once,
    "attribute": values.attribute,
    "where": values.where,
    "when": values.when,
    "duration": values.duration,
    "action": values.action,
    "order": _order,
    "compare": _compare,
    "cameras": _cameras,
    "change": _change,
}
