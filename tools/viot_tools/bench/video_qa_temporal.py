"""VIoT-QA's question forms of time: order, before and after, change; and those that footage cannot answer.

As in ``video_qa_forms``, each gold is computed here over the truth and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from viot_tools.bench.video_qa_asking import MARGIN, Asked, Draw, Form, Gold, all_of, first, number, only, spans, yes
from viot_tools.bench.video_qa_words import Thing, describe
from viot_tools.bench.video_qa_world import Actor, View
from viot_tools.qa.types import QuestionType

SETTLED = 15.0
"""Seconds around the start and the end of a stretch in which the number in view must not change."""


def _pair(d: Draw) -> tuple[tuple[Thing, Actor], tuple[Thing, Actor]] | None:
    a, b = d.unique(), d.unique()
    return (a, b) if a and b and a[1].id != b[1].id and a[0].one != b[0].one else None


def _first_of(things: Sequence[Thing], v: View, key: Callable[[Actor], float]) -> Gold | None:
    """The description of the one with the least ``key``."""
    found = [only(t, v) for t in things]
    actors = [a for a in found if a is not None]
    best = first(actors, key) if len(actors) == len(things) else None
    if best is None:
        return None
    thing = things[found.index(best)]
    return Gold(thing.one, (f"the {thing.one}",), spans(actors))


def _race(key: Callable[[Actor], float], fair: Callable[[Actor, View], bool]) -> Form:
    def form(d: Draw) -> Asked | None:
        pair = _pair(d)
        if pair is None or not all(fair(a, d.view) for _, a in pair):
            return None
        things = (pair[0][0], pair[1][0])
        gold = _first_of(things, d.view, key)
        if gold is None or (gold.answer == things[0].one) != d.want:
            return None
        one, two = things[0].one, things[1].one
        return Asked({"a": one, "b": two}, lambda v: _first_of(things, v, key), named=(one, two))

    return form


order = _race(lambda a: a.start, lambda a, v: a.start > v.began)
left_first = _race(lambda a: a.end, lambda a, v: a.end < v.ended)


def mc_order(d: Draw) -> Asked | None:
    """The first of three; it stands at each place as often."""
    drawn = [d.unique(where=lambda a: a.start > d.view.began) for _ in range(3)]
    things = [x[0] for x in drawn if x]
    if len(things) < 3 or len({x[1].id for x in drawn if x}) < 3 or len({t.one for t in things}) < 3:
        return None
    gold = _first_of(things, d.view, lambda a: a.start)
    if gold is None:
        return None
    best = next(t for t in things if t.one == gold.answer)
    things.remove(best)
    things.insert(d.turn % 3, best)
    options = tuple(t.one for t in things)
    slots = {f"o{i}": option for i, option in enumerate(options, 1)}
    return Asked(slots, lambda v: _first_of(things, v, lambda a: a.start), options, options)


def _anchored(d: Draw) -> tuple[Thing, Actor] | None:
    """Something that came while the camera ran, beside which others are told."""
    return d.unique(where=lambda a: a.start > d.view.began)


def _clear(found: Sequence[Actor], anchor: Actor, v: View) -> bool:
    """Whether all of them came while the camera ran, and none at about the same time as the anchor."""
    return all(abs(a.start - anchor.start) >= MARGIN and a.start > v.began for a in found)


def before(d: Draw) -> Asked | None:
    """Whether one had come before: it had gone again, or it had not come at all."""
    anchor = _anchored(d)
    if anchor is None:
        return None

    def told(found: list[Actor], b: Actor) -> bool | None:
        if not found or b in found or not _clear(found, b, d.view):
            return None
        earlier = [a for a in found if a.start < b.start]
        return None if earlier and not any(a.end < b.start - MARGIN for a in earlier) else bool(earlier)

    thing = d.group(lambda found: told(found, anchor[1]) is d.want)

    def judge(v: View) -> Gold | None:
        b = only(anchor[0], v)
        if b is None or thing is None or v.start == v.end:
            return None
        found = [a for a in all_of(thing, v) if a.start < b.start]
        return yes(bool(found), [*found, b])

    return thing and Asked({"a": thing.one, "b": anchor[0].one}, judge)


def _counted(side: Callable[[Actor, Actor], bool]) -> Form:
    def form(d: Draw) -> Asked | None:
        anchor, wanted = _anchored(d), d.spread(0, 5)
        if anchor is None:
            return None

        def meant(found: list[Actor], b: Actor) -> list[Actor]:
            return [a for a in found if a.id != b.id and side(a, b)]

        def fits(found: list[Actor]) -> bool:
            b = anchor[1]
            return bool(found) and b not in found and _clear(found, b, d.view) and len(meant(found, b)) == wanted

        thing = d.group(fits)

        def judge(v: View) -> Gold | None:
            b = only(anchor[0], v)
            if b is None or thing is None or v.start == v.end:
                return None
            found = meant(all_of(thing, v), b)
            return number(len(found), [*found, b] if found else [])

        return thing and Asked({"as": thing.many, "b": anchor[0].one}, judge)

    return form


count_after = _counted(lambda a, b: a.start > b.start)
count_before = _counted(lambda a, b: a.start < b.start)


def next_after(d: Draw) -> Asked | None:
    """Whether a person or a vehicle came next; its kind will do."""
    anchor = _anchored(d)
    if anchor is None:
        return None

    def judge(v: View) -> Gold | None:
        b = only(anchor[0], v)
        if b is None or v.start == v.end:
            return None
        later = [a for a in v.actors if a.kind != "fire" and a.id != b.id and a.start > b.start - MARGIN]
        a = first(later, lambda a: a.start)
        if a is None or a.start < b.start + MARGIN:
            return None
        if any(x.kind == "fire" and abs(x.start - a.start) < 60 for x in v.actors):
            return None
        sex = {"male": "man", "female": "woman"}.get(a.looks.get("sex", ""), "")
        kinds = ("person", sex) if a.kind == "person" else ("vehicle", a.label)
        return Gold(kinds[0], tuple(w for k in kinds for w in (k, f"a {k}")), spans([a, b]))

    gold = judge(d.view)
    return Asked({"b": anchor[0].one}, judge) if gold and (gold.answer == "person") == d.want else None


def during(d: Draw) -> Asked | None:
    """Whether one was there at the same time: for some seconds, or not even nearly."""
    anchor = _anchored(d)
    if anchor is None:
        return None

    def together(a: Actor, b: Actor) -> float:
        return min(a.end, b.end) - max(a.start, b.start)

    def told(found: list[Actor], b: Actor) -> bool | None:
        if not found or b in found:
            return None
        best = max(together(a, b) for a in found)
        return True if best >= 3.0 else False if best <= -MARGIN else None

    thing = d.group(lambda found: told(found, anchor[1]) is d.want)

    def judge(v: View) -> Gold | None:
        b = only(anchor[0], v)
        if b is None or thing is None:
            return None
        found = [a for a in all_of(thing, v) if together(a, b) >= 0]
        both = tuple((x.camera, max(a.start, b.start), min(a.end, b.end)) for a in found for x in (a, b))
        return Gold("yes" if found else "no", (), both)

    return thing and Asked({"a": thing.one, "b": anchor[0].one}, judge)


def _there(found: Sequence[Actor], t: float) -> list[Actor]:
    return [a for a in found if a.start <= t <= a.end]


def _steady(found: Sequence[Actor], v: View) -> bool:
    """Whether nothing of it comes or goes near the stretch's borders, but at the footage's own."""
    edges = [t for a in found for t in (a.start, a.end) if t not in (v.began, v.ended)]
    return all(abs(t - border) >= SETTLED for t in edges for border in (v.start, v.end))


def change(d: Draw) -> Asked | None:
    """More, fewer or as many at the end as at the start, each as often."""
    due = ("more", "fewer", "same")[d.turn % 3]

    def judge(v: View) -> Gold | None:
        found = all_of(thing, v) if thing else []
        if v.start == v.end or not _steady(found, v):
            return None
        low, high = _there(found, v.start), _there(found, v.end)
        said = "more" if len(high) > len(low) else "fewer" if len(high) < len(low) else "same"
        return Gold(said, _CHANGES[said], spans([*low, *high]))

    def told(found: list[Actor]) -> bool:
        low, high = len(_there(found, d.view.start)), len(_there(found, d.view.end))
        said = "more" if high > low else "fewer" if high < low else "same"
        return bool(found) and _steady(found, d.view) and said == due

    thing = d.group(told)
    return thing and Asked({"things": thing.many}, judge)


_CHANGES = {
    "more": ("up", "went up", "it went up", "increased", "increase"),
    "fewer": ("down", "went down", "it went down", "decreased", "decrease", "less"),
    "same": ("no", "neither", "no change", "stayed same", "as many", "equal", "unchanged"),
}


def still_there(d: Draw) -> Asked | None:
    """Whether it was in view at the end of the stretch; who went had gone for a while."""
    drawn = d.unique(where=lambda a: (a.end >= d.view.end) == d.want)

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v) if drawn else None
        if a is None or v.start == v.end or v.end > a.end > v.end - SETTLED:
            return None
        there = a.end >= v.end
        return Gold("yes" if there else "no", (), spans([a]))

    return Asked({"thing": drawn[0].one}, judge) if drawn and judge(d.view) else None


def _anybody(d: Draw) -> Asked | None:
    """About somebody and something there; no footage tells the answer."""
    people = [a for a in d.view.actors if a.kind == "person"]
    vehicles = [a for a in d.view.actors if a.kind == "vehicle"]
    if not people or not vehicles:
        return None
    person, vehicle = describe(d.rng, d.rng.choice(people)), describe(d.rng, d.rng.choice(vehicles))
    return Asked({"person": person.one, "vehicle": vehicle.one}, lambda _: None)


TEMPORAL_FORMS: dict[str, tuple[QuestionType, Form]] = {
    "order": ("order", order),
    "left_first": ("order", left_first),
    "mc_order": ("order", mc_order),
    "before": ("before_after", before),
    "count_after": ("before_after", count_after),
    "count_before": ("before_after", count_before),
    "next_after": ("before_after", next_after),
    "during": ("before_after", during),
    "change": ("state_change", change),
    "still_there": ("state_change", still_there),
}
UNTOLD_FORMS: dict[str, tuple[QuestionType, Form]] = {
    "why": ("why", _anybody),
    "thoughts": ("how", _anybody),
    "predict": ("predictive", _anybody),
    "hidden": ("what", _anybody),
}
"""What footage cannot tell whoever looks at it."""


def nobody(_: View) -> Gold | None:
    """The gold of what was not recorded or not looked for: it cannot be told."""
    return None
