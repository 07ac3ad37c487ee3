"""VIoT-QA's forms that count and compare: how many, most at once, more of which, on which camera.

As in ``video_qa_forms``, each gold is computed here over the truth and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable

from viot_tools.bench.video_qa_asking import (
    Asked,
    Draw,
    Form,
    Gold,
    all_of,
    choice,
    most_at_once,
    number,
    spans,
    yes,
)
from viot_tools.bench.video_qa_world import Actor, View
from viot_tools.qa.types import QuestionType


def count(d: Draw) -> Asked | None:
    """How many, all in all."""
    wanted = d.spread(0, 7 if d.view.cameras[1:] else 5)
    thing = d.group(lambda found: len(found) == wanted)
    return thing and Asked({"things": thing.many}, lambda v: number(len(all_of(thing, v)), all_of(thing, v)))


def at_once(d: Draw) -> Asked | None:
    """Most at one time."""
    wanted = d.spread(1, 4)
    if d.view.cameras[1:]:
        return None  # at one time on several cameras is another question
    thing = d.group(lambda found: most_at_once(found)[0] == wanted)

    def judge(v: View) -> Gold | None:
        if thing is None:
            return None
        n, when = most_at_once(all_of(thing, v))
        return Gold(float(n), (), when)

    return thing and Asked({"things": thing.many}, judge)


def count_claim(d: Draw) -> Asked | None:
    """More than a number: one below the truth or one or two too high."""
    thing = d.group(lambda found: len(found) >= 2)
    if thing is None:
        return None
    true = len(all_of(thing, d.view))
    n = true - d.rng.randint(1, min(2, true - 1)) if d.want else true + d.rng.randint(0, 2)
    return Asked({"things": thing.many, "n": str(n)}, lambda v: yes(len(all_of(thing, v)) > n, all_of(thing, v)))


def enters(d: Draw) -> Asked | None:
    """How many came while the camera ran."""
    return _came(d, lambda v: lambda a: a.start > v.began)


def leaves(d: Draw) -> Asked | None:
    """How many went while the camera ran."""
    return _came(d, lambda v: lambda a: a.end < v.ended)


def _came(d: Draw, edge: Callable[[View], Callable[[Actor], bool]]) -> Asked | None:
    wanted = d.spread(0, 5)
    holds = edge(d.view)
    thing = d.group(lambda found: len([a for a in found if holds(a)]) == wanted)

    def judge(v: View) -> Gold | None:
        if thing is None or v.start == v.end:
            return None
        found = list(filter(edge(v), all_of(thing, v)))
        return number(len(found), found)

    return thing and Asked({"things": thing.many}, judge)


def compare(d: Draw) -> Asked | None:
    """More of these or of those: described alike in kind, never equally many."""
    a = d.group(bool)
    b = d.group(bool)
    if a is None or b is None or (a.must == b.must and a.label == b.label and a.kind == b.kind):
        return None
    if {x.id for x in all_of(a, d.view)} & {x.id for x in all_of(b, d.view)}:
        return None

    def judge(v: View) -> Gold | None:
        ours, theirs = all_of(a, v), all_of(b, v)
        if len(ours) == len(theirs):
            return None
        more = a if len(ours) > len(theirs) else b
        return Gold(more.many, (more.one,), spans([*ours, *theirs]))

    gold = judge(d.view)
    right_way = gold is not None and (gold.answer == a.many) == d.want
    return Asked({"as": a.many, "bs": b.many}, judge, named=(a.many, b.many)) if right_way else None


def compare_cameras(d: Draw) -> Asked | None:
    """Which of two cameras saw more."""
    if len(d.view.cameras) < 2:
        return None
    here, there = d.rng.sample(d.view.cameras, 2)
    thing = d.group(bool)

    def judge(v: View) -> Gold | None:
        found = all_of(thing, v) if thing else []
        ours, theirs = [a for a in found if a.camera == here], [a for a in found if a.camera == there]
        if len(ours) == len(theirs):
            return None
        return Gold(here if len(ours) > len(theirs) else there, (), spans([*ours, *theirs]))

    gold = judge(d.view)
    fits = thing and gold and (gold.answer == here) == d.want
    return Asked({"things": thing.many, "camera": here, "camera2": there}, judge) if thing and fits else None


def busiest(d: Draw) -> Asked | None:
    """The camera with most, with a margin of one."""
    thing = d.group(lambda found: len(found) > 1)

    def judge(v: View) -> Gold | None:
        found = all_of(thing, v) if thing else []
        ranked = sorted(((sum(a.camera == c for a in found), c) for c in v.cameras), reverse=True)
        if len(ranked) < 2 or ranked[0][0] == ranked[1][0]:
            return None
        return Gold(ranked[0][1], (), spans([a for a in found if a.camera == ranked[0][1]]))

    fits = thing and len(d.view.cameras) > 2 and judge(d.view)
    return Asked({"things": thing.many}, judge) if thing and fits else None


def mc_count(d: Draw) -> Asked | None:
    """The number out of four."""
    asked = count(d)
    gold = asked and asked.judge(d.view)
    if asked is None or gold is None:
        return None
    true = int(float(gold.answer))
    others = d.rng.sample([n for n in range(max(0, true - 4), true + 5) if n != true], 3)
    return choice(d, asked, str(true), [str(n) for n in others])


COUNTING_FORMS: dict[str, tuple[QuestionType, Form]] = {
    "busiest": ("where", busiest),
    "compare_cameras": ("where", compare_cameras),
    "count": ("how_many", count),
    "at_once": ("how_many", at_once),
    "count_claim": ("how_many", count_claim),
    "enters": ("how_many", enters),
    "leaves": ("how_many", leaves),
    "compare": ("how_many", compare),
    "mc_count": ("how_many", mc_count),
}
