"""VIoT-QA's factoid question forms: what each asks of the truth, and its gold, in plain Python.

The golds are an oracle of their own: nothing of ``viot_tools.qa`` computes them. A form draws what it is asked about
from a view of the truth and gives None where the question would have two meanings. Owns the forms of what, who, where,
when, which colour and action; those that count are in
``video_qa_counting``, those of time in ``video_qa_temporal``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from viot_tools.bench.video_qa_asking import (
    MARGIN,
    Asked,
    Draw,
    Form,
    Gold,
    all_of,
    choice,
    first,
    only,
    spans,
    yes,
)
from viot_tools.bench.video_qa_words import Thing, bare
from viot_tools.bench.video_qa_world import MOVING, STAYING, Actor, View
from viot_tools.qa.program import COLOURS
from viot_tools.qa.types import QuestionType

GRACE = 5.0
"""Seconds by which a said moment may be wrong; a said length may be wrong by this or a tenth."""


def exists(d: Draw) -> Asked | None:
    """Yes where something fits."""
    thing = d.group(lambda found: bool(found) == d.want, fires=True)
    return thing and Asked({"thing": thing.one}, lambda v: yes(bool(all_of(thing, v)), all_of(thing, v)))


def exists_not(d: Draw) -> Asked | None:
    """The same, asked the other way round: yes where nothing fits."""
    thing = d.group(lambda found: bool(found) != d.want, kind="person")

    def judge(v: View) -> Gold:
        found = all_of(thing, v) if thing else []
        return Gold("no" if found else "yes", (), spans(found))

    return thing and Asked({"thing": thing.one, "things": thing.many, "person": thing.one}, judge)


def _look(slot: str, name: str, kind: str, where: Callable[[Actor], bool] = lambda _: True) -> Form:
    """A form that asks for one attribute of one thing."""

    def form(d: Draw) -> Asked | None:
        drawn = d.unique("vehicle" if kind == "vehicle" else "person", (name,), where)
        return drawn and Asked({slot: drawn[0].one}, lambda v: _value(only(drawn[0], v), name))

    return form


def _value(a: Actor | None, name: str) -> Gold | None:
    if a is None or name not in a.looks:
        return None
    value = a.looks[name]
    accept = {"grey": ("gray", "silver"), "purple": ("violet",), "nothing": ("none",)}.get(value, ())
    return Gold(value, accept, spans([a]))


colour_upper = _look("person", "upper_colour", "person")
colour_lower = _look("person", "lower_colour", "person")
colour_vehicle = _look("vehicle", "colour", "vehicle")


def carried(d: Draw) -> Asked | None:
    """Backpack, bag or nothing, each as often."""
    due = ("backpack", "bag", "nothing")[d.turn % 3]
    return _look("person", "carrying", "person", lambda a: a.looks["carrying"] == due)(d)


def colour_claim(d: Draw) -> Asked | None:
    """Is it this colour?"""
    drawn = d.unique("vehicle", ("colour",))
    if drawn is None:
        return None
    true = drawn[1].looks["colour"]
    said = true if d.want else d.rng.choice([c for c in COLOURS if c != true])

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v)
        # what shows that it is another colour shows the colour too
        return a and Gold("yes" if a.looks["colour"] == said else "no", (), spans([a]))

    return Asked({"vehicle": drawn[0].one, "colour": said}, judge)


def _vehicles(v: View) -> list[Actor]:
    return [a for a in v.actors if a.kind == "vehicle"]


def kind_first(d: Draw) -> Asked | None:
    """The kind of the first vehicle."""
    return _kind(d, lambda v: first(_vehicles(v), lambda a: a.start))


def kind_last(d: Draw) -> Asked | None:
    """The kind of the last vehicle: the last to come is the last to go."""
    return _kind(d, lambda v: _last(_vehicles(v)))


def _last(things: list[Actor]) -> Actor | None:
    came, left = first(things, lambda a: -a.start), first(things, lambda a: -a.end)
    return came if came is not None and came is left else None


def _kind(d: Draw, pick: Callable[[View], Actor | None]) -> Asked | None:
    def judge(v: View) -> Gold | None:
        a = pick(v)
        accept = {"motorcycle": ("motorbike",), "bicycle": ("bike",)}.get(a.label, ()) if a else ()
        return a and Gold(a.label, accept, spans([a]))

    return Asked({}, judge) if judge(d.view) else None


def last_person_upper(d: Draw) -> Asked | None:
    """What the last person wore on top."""

    def judge(v: View) -> Gold | None:
        return _value(_last([a for a in v.actors if a.kind == "person"]), "upper_colour")

    return Asked({}, judge) if judge(d.view) else None


def second_vehicle_colour(d: Draw) -> Asked | None:
    """The colour of the second of its kind to come."""
    labels = sorted({a.label for a in _vehicles(d.view)})
    d.rng.shuffle(labels)

    def judge(v: View, thing: Thing) -> Gold | None:
        found = all_of(thing, v)
        starts = [a.start for a in found]
        clear = len(found) >= 2 and all(b - a >= MARGIN for a, b in itertools.pairwise(starts))
        return _value(found[1], "colour") if clear else None

    for thing in [Thing("vehicle", label, label) for label in labels] + [bare("vehicle")]:
        if judge(d.view, thing):
            return Asked({"vehicle": thing.one}, lambda v, thing=thing: judge(v, thing))  # type: ignore[misc]
    return None


def where(d: Draw) -> Asked | None:
    """The camera that saw it."""
    due = d.view.cameras[d.turn % len(d.view.cameras)]
    drawn = d.unique(where=lambda a: a.camera == due)
    if drawn is None or len(d.view.cameras) < 3:
        return None

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v)
        return a and Gold(a.camera, (), spans([a]))

    return Asked({"thing": drawn[0].one}, judge)


def _moment(end: bool) -> Form:
    def form(d: Draw) -> Asked | None:
        drawn = d.unique(where=lambda a: a.end < d.view.ended if end else a.start > d.view.began)

        def judge(v: View) -> Gold | None:
            a = only(drawn[0], v) if drawn else None
            t = 0.0 if a is None else a.end if end else a.start
            return a and Gold(t, ((t - GRACE, t + GRACE),), spans([a]))

        return drawn and Asked({"thing": drawn[0].one}, judge)

    return form


when_first, when_last = _moment(end=False), _moment(end=True)


def duration(d: Draw) -> Asked | None:
    """Seconds in view."""
    drawn = d.unique()

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v) if drawn else None
        if a is None or a.start == a.end:
            return None
        lasts = a.end - a.start
        grace = max(GRACE, 0.1 * lasts)
        return Gold(lasts, ((lasts - grace, lasts + grace),), spans([a]))

    return drawn and Asked({"thing": drawn[0].one}, judge)


def action(d: Draw) -> Asked | None:
    """What somebody did, each action as often."""
    due = (*MOVING, *STAYING)[d.turn % len(MOVING + STAYING)]
    drawn = d.unique("person", where=lambda a: a.action == due)

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v) if drawn else None
        return a and Gold(a.action, (), spans([a]))

    return drawn and Asked({"person": drawn[0].one}, judge)


def did_action(d: Draw) -> Asked | None:
    """Whether somebody described, or anybody, did it. Who stays also walks in and out: that is not asked about."""
    drawn = d.unique("person") if "person" in d.slots else None
    people = [drawn[1]] if drawn else [a for a in d.view.actors if a.kind == "person"]
    doing = {a.action for a in people}
    moving = all(a.path != "stay" for a in people)
    able = [x for x in (*MOVING, *STAYING) if (x in doing) == d.want and (x != "walking" or d.want or moving)]
    if not able or (drawn is None and "person" in d.slots):
        return None
    said = d.rng.choice(able)

    def judge(v: View) -> Gold | None:
        meant = only(drawn[0], v) if drawn else None
        if drawn and meant is None:
            return None
        found = [a for a in ([meant] if meant else v.actors) if a.action == said]
        return Gold("yes", (), spans(found)) if found else Gold("no", (), spans([meant] if meant else []))

    return Asked({"person": drawn[0].one if drawn else "", "action_ing": said}, judge)


def who_first(d: Draw) -> Asked | None:
    """The first enrolled person."""

    def judge(v: View) -> Gold | None:
        a = first([a for a in v.actors if a.name], lambda a: a.start)
        return a and Gold(a.name, (), spans([a]))

    named = [a for a in d.view.actors if a.name]
    return Asked({}, judge) if len(named) > 1 and judge(d.view) else None


def name_seen(d: Draw) -> Asked | None:
    """Whether somebody enrolled came."""
    here = {a.name for a in d.view.actors if a.name}
    able = sorted(here) if d.want else sorted({p.name for p in d.scene.people} - here)
    if not able:
        return None
    name = d.rng.choice(able)

    def judge(v: View) -> Gold:
        found = [a for a in v.actors if a.name == name]
        return yes(bool(found), found)

    return Asked({"name": name}, judge)


def waits(d: Draw) -> Asked | None:
    """Whether something stayed longer than so many seconds; asked well below or above how long it stayed. People who
    stay stand: whoever sits may be said to wait or not."""

    def clear(found: list[Actor]) -> bool:
        stands = all(a.action == "standing" for a in found if a.path == "stay" and a.kind == "person")
        return bool(found) and stands and (not d.want or max(a.stay for a in found) > 30)

    thing = d.group(clear)
    if thing is None:
        return None
    lasting = max(max((a.stay for a in all_of(thing, d.view)), default=0.0), 1.0)
    slow = max((a.end - a.start for a in all_of(thing, d.view)), default=0.0)
    able = [n for n in (20, 30, 45, 60, 90, 120, 180, 240) if (n < 0.75 * lasting if d.want else n > 1.3 * slow)]
    if not able:
        return None
    n = d.rng.choice(able[-2:] if d.want else able[:2])

    def judge(v: View) -> Gold | None:
        found = [a for a in all_of(thing, v) if a.stay > n]
        return None if v.start == v.end else yes(bool(found), found)

    return Asked({"thing": thing.one, "n": str(n)}, judge)


def approaches(d: Draw) -> Asked | None:
    """Whether it came towards the camera."""
    drawn = d.unique(where=lambda a: (a.path == "near") == d.want and a.path != "stay")

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v) if drawn else None
        return a and (None if not a.path else Gold("yes" if a.path == "near" else "no", (), spans([a])))

    return drawn and Asked({"thing": drawn[0].one}, judge)


def direction(d: Draw) -> Asked | None:
    """Left or right."""
    due = "left" if d.want else "right"
    drawn = d.unique(where=lambda a: a.path == due)

    def judge(v: View) -> Gold | None:
        a = only(drawn[0], v) if drawn else None
        if a is None or a.path not in ("left", "right"):
            return None
        return Gold(a.path, (f"to the {a.path}", f"to {a.path}", f"to_{a.path}"), spans([a]))

    return drawn and Asked({"thing": drawn[0].one}, judge)


def mc_colour(d: Draw) -> Asked | None:
    """The colour out of four; the right one stands at each place as often."""
    asked = colour_vehicle(d)
    gold = asked and asked.judge(d.view)
    if asked is None or gold is None:
        return None
    others = d.rng.sample([c for c in COLOURS if c != gold.answer], 3)
    return choice(d, asked, str(gold.answer), others)


FACTOID_FORMS: dict[str, tuple[QuestionType, Form]] = {
    "exists": ("what", exists),
    "exists_not": ("who", exists_not),
    "kind_first": ("what", kind_first),
    "kind_last": ("what", kind_last),
    "carried": ("what", carried),
    "who_first": ("who", who_first),
    "name_seen": ("who", name_seen),
    "where": ("where", where),
    "direction": ("where", direction),
    "when_first": ("when", when_first),
    "when_last": ("when", when_last),
    "duration": ("when", duration),
    "waits": ("when", waits),
    "colour_upper": ("which_colour", colour_upper),
    "colour_lower": ("which_colour", colour_lower),
    "colour_vehicle": ("which_colour", colour_vehicle),
    "colour_claim": ("which_colour", colour_claim),
    "second_vehicle_colour": ("which_colour", second_vehicle_colour),
    "last_person_upper": ("which_colour", last_person_upper),
    "mc_colour": ("which_colour", mc_colour),
    "action": ("action", action),
    "did_action": ("action", did_action),
    "approaches": ("action", approaches),
}
"""Form -> question type (a yes-no question has the type of what it asks about) and how it is drawn."""
