"""Values of what a pick means: a colour, a place, a time, a length of stay, an action, who came first.

Where a pick means several things that differ, no value is given: the question meant one. Owns these asks. Counting and
claims are ``execute``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from viot_agent.steps import iso
from viot_tools.qa import motion
from viot_tools.qa.describe import described
from viot_tools.qa.facts import Found, Thing, Value
from viot_tools.qa.found import found, maybes, outweighed, stretch
from viot_tools.qa.ground import CannotTell, Ground, Span, item_words
from viot_tools.qa.program import Pick, Program, Relation
from viot_tools.qa.relations import Anchor, moment
from viot_tools.qa.select import UNKNOWN, Candidate, Picked, anchors_of, choose, named

SHORT = 0.5
"""Of the longest stay, up to which a thing whose value is not known is left aside: most likely a piece of the same."""
MAIN = 0.6
"""Share of the time that an action must take to be *the* action; else the two longest are named."""


def picked_one(ground: Ground, pick: Pick) -> Picked:
    """The candidates of a pick. Raises CannotTell where there is none."""
    picked = choose(ground, pick)
    if not picked.candidates:
        why = ground.absence(pick.kind)
        raise CannotTell(f"no {described(pick)} was seen" + (f", but {why}" if why else ""))
    return _only_one(ground, picked)


def _only_one(ground: Ground, picked: Picked) -> Picked:
    """Where one person alone is there (or does it), "the man" is that one, told or not whether it is a man."""
    if picked.sure:
        return picked
    attributes = tuple(h for h in picked.pick.attributes if h.attribute != "sex")
    if len(attributes) == len(picked.pick.attributes):
        return picked
    anybody = choose(ground, replace(picked.pick, attributes=attributes))
    alone = len(anybody.sure) == 1 and any(c.thing.id == anybody.sure[0].thing.id for c in picked.candidates)
    return anybody if alone and len(picked.candidates) == len(anybody.candidates) else picked


def meant(picked: Picked) -> tuple[Candidate, ...]:
    """Those that surely are meant, else those that may be."""
    return picked.sure or picked.candidates


def attribute(ground: Ground, program: Program) -> Found:
    """Which value an attribute has: all that are meant must agree."""
    pick, name = program.picks[0], program.attribute
    if name == "direction":
        return _direction(ground, program)
    if name in ("exit", "entry"):
        return _edge(ground, program)
    if name == "name":
        return _who(ground, program)
    if name != "label":
        ground.demand(name)
    picked = picked_one(ground, pick)
    some = meant(picked)
    longest = max(_seconds(c.thing) for c in some)
    told: dict[str, list[Candidate]] = {}
    open_: list[Candidate] = []
    for c in some:
        value = value_of(c.thing, name)
        if value is not None and value.sure:
            told.setdefault(value.value, []).append(c)
        elif _seconds(c.thing) > SHORT * longest:
            open_.append(c)
    things = tuple(c.thing for c in some)
    if program.value:
        return _claim(ground, program, picked, told, open_)
    if len(told) == 1 and (not open_ or all(_leans(c.thing, name, next(iter(told))) for c in open_)):
        [(agreed, mine)] = told.items()
        return found(agreed, ground, mine, [picked])
    if len(told) > 1:
        each = " and ".join(f"{len(mine)} {value}" for value, mine in told.items())
        return Found("", f"{len(some)} of them were seen, and they differ: {each}", things)
    return Found("", _unsure([c.thing for c in open_], name), things)


def value_of(thing: Thing, name: str) -> Value | None:
    """The value of an attribute; the kind of a thing is one too."""
    value = thing.attributes.get(name)
    if value is None and name == "label" and thing.label:
        return Value(thing.label, thing.score)
    return value


def _leans(thing: Thing, name: str, value: str) -> bool:
    """Whether what is not sure points the same way."""
    seen = thing.attributes.get(name)
    return seen is not None and seen.value == value


def _unsure(things: Sequence[Thing], name: str) -> str:
    leaning = list(dict.fromkeys(v.value for t in things if (v := t.attributes.get(name)) is not None))
    if not leaning:
        return f"{item_words(name)} could not be read"
    return f"{item_words(name)} is not sure (perhaps {' or '.join(leaning[:3])})"


def _claim(
    ground: Ground, program: Program, picked: Picked, told: dict[str, list[Candidate]], open_: Sequence[Candidate]
) -> Found:
    """Whether the value is the one claimed."""
    claimed, name = program.value, program.attribute
    right = [c for value, mine in told.items() if value == claimed for c in mine]
    wrong = [c for value, mine in told.items() if value != claimed for c in mine]
    things = tuple(c.thing for c in (*right, *wrong, *open_))
    if right and not wrong and all(_leans(c.thing, name, claimed) for c in open_):
        return found("yes", ground, right, [picked])
    if wrong and not right and len(open_) <= len(wrong) and not any(_leans(c.thing, name, claimed) for c in open_):
        return found("no", ground, wrong, [picked])
    if right and wrong:
        return Found("", f"{len(things)} of them were seen, and they differ: {len(right)} {claimed}", things)
    return Found("", _unsure([c.thing for c in open_], name), things)


def _direction(ground: Ground, program: Program) -> Found:
    picked = picked_one(ground, program.picks[0])
    some = meant(picked)
    ways = {motion.direction(c.thing) for c in some}
    things = tuple(c.thing for c in some)
    if len(ways) > 1:
        return Found("", f"{len(some)} of them were seen, and they went different ways", things)
    [way] = ways
    if not way:
        return Found("", "its way is too short, or not known, to tell where it went", things)
    answer = found(way, ground, some, [picked])
    if program.value:
        return replace(answer, value="yes" if way == program.value else "no")
    return answer


def _edge(ground: Ground, program: Program) -> Found:
    """The edge of the picture by which those that are meant came or went."""
    end = program.attribute == "exit"
    picked = picked_one(ground, program.picks[0])
    some = meant(picked)
    things = tuple(c.thing for c in some)
    if end and any(motion.leaves(ground, t) is False for t in things):
        return Found("", "it was still there as the footage ended", things)
    if not end and any(motion.enters(ground, t) is False for t in things):
        return Found("", "it was there as the footage began", things)
    ways = {motion.side(t, end=end) for t in things}
    if len(ways) > 1:
        verb = "went" if end else "came"
        return Found("", f"{len(some)} of them were seen, and they {verb} by different edges", things)
    [way] = ways
    if not way:
        return Found("", f"by which edge of the picture it {'went' if end else 'came'} is not to be seen", things)
    answer = found(way, ground, some, [picked])
    return replace(answer, value="yes" if way == program.value else "no") if program.value else answer


def _who(ground: Ground, program: Program) -> Found:
    """The enrolled names of those that are meant, in the order of their coming."""
    ground.demand("name")
    picked = picked_one(ground, program.picks[0])
    some = meant(picked)
    things = tuple(c.thing for c in some)
    if program.value:
        values = [named(c.thing, program.value) for c in some]
        if True in values:
            return found("yes", ground, [c for c, v in zip(some, values, strict=True) if v], [picked])
        if None in values:
            return Found("", "no face tells who it is", things)
        return found("no", ground, some, [picked])
    names = list(dict.fromkeys(c.thing.name for c in sorted(some, key=lambda c: c.start) if c.thing.name))
    hidden = sum(not c.thing.name and not c.thing.named for c in some)
    if names and (picked.pick.which == "all" or (len(names) == 1 and all(c.thing.name for c in some))):
        notes = [f"of {hidden} more no face tells who it is"] if hidden else []
        return found(" and ".join(names), ground, [c for c in some if c.thing.name], [picked], notes)
    if hidden:
        return Found("", "no face tells who it is", things)
    return Found("", "nobody who is enrolled: the faces are of unknown people", things)


def where(ground: Ground, program: Program) -> Found:
    """The cameras that saw it; asked of one camera, the part of its picture."""
    picked = picked_one(ground, program.picks[0])
    if not picked.sure:
        return _only_maybe(picked)
    if len(ground.facts.cameras) > 1:
        names = list(dict.fromkeys(c.thing.camera for c in sorted(picked.sure, key=lambda c: c.start)))
        if program.value:
            there = program.value.casefold() in {n.casefold() for n in names}
            if not there and (picked.maybe or ground.absence(picked.pick.kind)):
                return _only_maybe(picked)
            return found("yes" if there else "no", ground, picked.sure, [picked])
        if len(picked.maybe) > len(picked.sure):
            return _only_maybe(picked)
        return found(" and ".join(names), ground, picked.sure, [picked])
    parts = {motion.part(c.thing) for c in picked.sure}
    if len(parts) == 1 and "" not in parts:
        return found(parts.pop(), ground, picked.sure, [picked])
    why = "it crossed the picture" if len(picked.sure) == 1 else "they were in different parts of the picture"
    return Found("", why, tuple(c.thing for c in picked.sure))


def when(ground: Ground, program: Program) -> Found:
    """The moment at which it was first or last seen, in POSIX seconds; with ``both``, from when to when."""
    picked = picked_one(ground, program.picks[0])
    if len(picked.maybe) > len(picked.sure):
        return _only_maybe(picked)
    first = min(picked.sure, key=lambda c: stretch(ground, c)[0])
    last = max(picked.sure, key=lambda c: stretch(ground, c)[1])
    start, end = stretch(ground, first)[0], stretch(ground, last)[1]
    low, high = ground.window(first.thing.camera)[0], ground.window(last.thing.camera)[1]
    notes = []
    if program.edge != "end" and start <= low + ground.grace(first.thing.kind):
        notes.append("it was there as the footage began")
    if program.edge != "start" and end >= high - ground.grace(last.thing.kind):
        notes.append("it was still there as the footage ended")
    shown = {"start": [first], "end": [last], "both": list(picked.sure)}[program.edge]
    value = {"start": iso(start), "end": iso(end), "both": f"{iso(start)}/{iso(end)}"}[program.edge]
    answer = found(value, ground, shown, [picked], notes)
    return replace(answer, number=end if program.edge == "end" else start)


def duration(ground: Ground, program: Program) -> Found:
    """For how many seconds it was in view (or did it); overlapping stays count once."""
    picked = picked_one(ground, program.picks[0])
    if len(picked.maybe) > len(picked.sure):
        return _only_maybe(picked)
    spans = sorted(s for c in picked.sure for s in ([stretch(ground, c)] if c.start == c.end else c.spans))
    seconds, until = 0.0, -float("inf")
    for a, b in spans:
        seconds += max(0.0, b - max(a, until))
        until = max(until, b)
    cut = any(motion.cut(ground, c.thing, s) for c in picked.sure for s in c.spans)
    notes = ["at least: it is cut by the border of the footage"] if cut else []
    answer = found(f"{seconds:.0f} s", ground, picked.sure, [picked], notes)
    return replace(answer, number=seconds)


def action(ground: Ground, program: Program) -> Found:
    """What was done most of the time, or whether what is claimed was done. A relation restricts the time that is looked
    at, not who is meant: who was there before may do something after."""
    ground.demand("action")
    pick = program.picks[0]
    picked = picked_one(ground, replace(pick, when=()))
    some = meant(picked)
    windows = [(relation, anchors_of(ground, relation)) for relation in pick.when]
    spent: dict[str, float] = {}
    shown: dict[str, list[Candidate]] = {}
    blind = looked = 0.0
    for c in some:
        low, high = ground.inside(c.thing)
        for relation, points in windows:
            a, b = _window(relation, points(c.thing.camera))
            low, high = max(low, a), min(high, b)
        if high < low:
            continue
        looked += high - low
        if c.thing.doing is None:
            blind += high - low
            continue
        for d in c.thing.doing:
            a, b = max(d.start, low), min(d.end, high)
            if a > b:
                continue
            if d.action == UNKNOWN:
                blind += b - a
                continue
            spent[d.action] = spent.get(d.action, 0.0) + b - a
            span = (a, b)
            shown.setdefault(d.action, []).append(Candidate(c.thing, c.sure, (span,)))
    things = tuple(c.thing for c in some)
    if program.value:
        claimed = [name.strip() for name in program.value.split("|")]
        mine = [c for name in claimed for c in shown.get(name, [])]
        if mine:
            return found("yes", ground, mine, [picked])
        if blind > 0.5 * looked or not spent:
            return Found("", "what was done there is not sure", things)
        return found("no", ground, [c for many in shown.values() for c in many], [picked])
    if not spent:
        return Found("", "what was done there is not sure", things)
    order = sorted(spent, key=lambda name: -spent[name])
    whole = sum(spent.values())
    main = order[:1] if spent[order[0]] >= MAIN * whole else order[:2]
    notes = ["most of the time it cannot be told"] if blind > whole else []
    return found(" and ".join(main), ground, [c for name in main for c in shown[name]], [picked], notes)


def _window(relation: Relation, anchors: Sequence[Anchor]) -> Span:
    """The time that a relation leaves to look at."""
    if relation.how in ("during", "together"):
        return min(a.span[0] for a in anchors), max(a.span[1] for a in anchors)
    at = (
        min(moment(relation, a) for a in anchors)
        if relation.how == "before"
        else max(moment(relation, a) for a in anchors)
    )
    reach = float("inf") if relation.within is None else relation.within
    return (at - reach, at) if relation.how == "before" else (at, at + reach)


def came_or_left(picked: Picked, edge: str) -> Span:
    """The earliest and the latest moment at which the pick may have come (first of its things) or left (last)."""
    if edge == "end":
        surely = max(_gone(c) for c in picked.sure)
        return surely, max(_gone(c) for c in picked.candidates)
    surely = min(_come(c) for c in picked.sure)
    return min(_come(c) for c in picked.candidates), surely


def edge_of(picked: Picked, edge: str) -> Candidate:
    """The thing whose coming or going that is."""
    return max(picked.sure, key=_gone) if edge == "end" else min(picked.sure, key=_come)


def _come(c: Candidate) -> float:
    return c.start


def _gone(c: Candidate) -> float:
    return c.thing.end if c.start == c.end else c.end


def _seconds(thing: Thing) -> float:
    return thing.end - thing.start


def _only_maybe(picked: Picked) -> Found:
    return Found("", maybes(picked, alone=True), tuple(c.thing for c in picked.sure), outweighed([picked]))
