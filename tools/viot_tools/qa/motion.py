"""How things move, from their paths: who enters, leaves, waits, approaches, goes left; and where in the picture it is.

Distances are shares of the frame's width and height. Each predicate has a band between *yes* and *no* in which it
cannot be told. What is there when the footage begins or ends did not enter or leave: its track was cut.

Owns these predicates and their thresholds. Knows no question.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from viot_tools.qa.facts import Spot, Thing
from viot_tools.qa.ground import Ground, Span, Tri, every
from viot_tools.qa.program import Motion

EDGE = 0.02
"""A box this near to the border of the frame touches it."""
OUT = 0.06
"""The same where it was seen last: between two pictures it goes on."""
CORNER = 0.03
"""By how much nearer to one edge than to the next it must be."""
WAITS = 8.0
"""Seconds in one place from which on somebody waits, unless the question says how long."""
BRIEFLY = 4.0
"""Seconds in one place below which nobody waits."""
STILL = 0.35
"""Of its own height, how far a box's centre may drift while it stays in one place (people shift their weight)."""
LEAST_STILL = 0.02
"""The same as a share of the frame, for what is far away: a detector's boxes tremble."""
GROWS, STEADY = 1.25, 1.1
"""Times its size from which on something came nearer (or went away), and up to which it did not."""
MOVED, STAYED = 0.15, 0.05
"""Shares of the frame's width from which on something went left or right, and up to which it did not."""
TAIL = 0.2
"""Share of a path's spots at either end from which place and size at the start and the end are taken."""
LEFT, RIGHT = 0.45, 0.55
"""Between these, left and right cannot be told."""
MOSTLY, HARDLY = 0.6, 0.3
"""Shares of the time in a part of the picture from which on something was there, and up to which it was not."""


def moves(ground: Ground, thing: Thing, motion: Motion) -> Tri:
    """Whether the thing moves so (``program.Motion``)."""
    if motion == "enters":
        return enters(ground, thing)
    if motion == "leaves":
        return leaves(ground, thing)
    if motion == "passes":
        return every((enters(ground, thing), leaves(ground, thing)))
    if not thing.path:
        return None
    if motion == "waits":
        held = longest_still(thing.path)
        seconds = held[1] - held[0]
        return True if seconds >= WAITS else False if seconds < BRIEFLY else None
    if motion in ("approaches", "recedes"):
        grown = growth(thing.path)
        grown = grown if motion == "approaches" else 1 / grown
        return True if grown >= GROWS else False if grown <= STEADY else None
    across = shift(thing.path) * (1 if motion == "to_right" else -1)
    return True if across >= MOVED else False if across <= STAYED else None


def enters(ground: Ground, thing: Thing) -> Tri:
    """Whether it came within the time asked about. What stands at the border as the footage begins and comes in is not
    told: it may have come a moment before."""
    low, _ = ground.window(thing.camera)
    begun, _ = ground.span(thing.camera, thing.start)
    if thing.start < low:
        return False
    if thing.start > begun + ground.grace(thing.kind):
        return True
    return None if len(thing.path) > 1 and _inward(thing.path) else False


def leaves(ground: Ground, thing: Thing) -> Tri:
    """Whether it went within the time asked about."""
    _, high = ground.window(thing.camera)
    _, ended = ground.span(thing.camera, thing.end)
    if thing.end > high:
        return False
    if thing.end < ended - ground.grace(thing.kind):
        return True
    return None if len(thing.path) > 1 and _inward(thing.path[::-1]) else False


def _inward(path: Sequence[Spot]) -> bool:
    """Whether it touches the border first and later not."""
    return _touches(path[0]) and not _touches(path[len(path) // 2])


def _touches(spot: Spot) -> bool:
    return (
        spot.x - spot.w / 2 <= EDGE
        or spot.x + spot.w / 2 >= 1 - EDGE
        or spot.y - spot.h / 2 <= EDGE
        or spot.y + spot.h / 2 >= 1 - EDGE
    )


def longest_still(path: Sequence[Spot]) -> Span:
    """The longest stretch in one place, POSIX seconds: all of its spots lie within ``STILL`` of its first one."""
    best, first = (path[0].t, path[0].t), 0
    for i, spot in enumerate(path):
        while not _near(path[first], spot):
            first += 1
        if spot.t - path[first].t > best[1] - best[0]:
            best = path[first].t, path[i].t
    return best


def _near(a: Spot, b: Spot) -> bool:
    reach = max(STILL * a.h, LEAST_STILL)
    return abs(a.x - b.x) <= reach and abs(a.y - b.y) <= reach


def growth(path: Sequence[Spot]) -> float:
    """How many times as large (in height) it is at the end as at the start."""
    a, b = _ends(path)
    return median(s.h for s in b) / max(median(s.h for s in a), 1e-6)


def shift(path: Sequence[Spot]) -> float:
    """How far to the right it is at the end, from the start, in widths of the frame; negative to the left."""
    a, b = _ends(path)
    return median(s.x for s in b) - median(s.x for s in a)


def _ends(path: Sequence[Spot]) -> tuple[Sequence[Spot], Sequence[Spot]]:
    n = max(1, round(TAIL * len(path)))
    return path[:n], path[-n:]


def lies(thing: Thing, place: str, during: Span | None = None) -> Tri:
    """Whether it was mostly in that part of the picture (``program.Pick.place``), within ``during`` if given."""
    path = [s for s in thing.path if during is None or during[0] <= s.t <= during[1]] or list(thing.path)
    if not path:
        return None
    inside = sum(_in(s, place) is True for s in path) / len(path)
    possible = sum(_in(s, place) is not False for s in path) / len(path)
    return True if inside >= MOSTLY else False if possible <= HARDLY else None


def _in(spot: Spot, place: str) -> Tri:
    along = spot.x if place in ("left", "right", "middle") else spot.y
    if place == "middle":
        return 1 / 3 <= along <= 2 / 3
    low = place in ("left", "top")
    if LEFT < along < RIGHT:
        return None
    return (along <= LEFT) == low


def part(thing: Thing) -> str:
    """``left``, ``middle`` or ``right``: where it was most of the time; '' where that is nowhere."""
    if not thing.path:
        return ""
    n = len(thing.path)
    shares = {
        "left": sum(s.x < 1 / 3 for s in thing.path) / n,
        "middle": sum(1 / 3 <= s.x <= 2 / 3 for s in thing.path) / n,
        "right": sum(s.x > 2 / 3 for s in thing.path) / n,
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= MOSTLY else ""


def side(thing: Thing, *, end: bool) -> str:
    """The edge of the picture by which it went (``end``) or came: ``left``, ``right``, ``top`` or ``bottom``; '' where
    it was last (first) seen away from all of them, or in a corner."""
    if not thing.path:
        return ""
    spot = thing.path[-1 if end else 0]
    away = {
        "left": spot.x - spot.w / 2,
        "right": 1 - spot.x - spot.w / 2,
        "top": spot.y - spot.h / 2,
        "bottom": 1 - spot.y - spot.h / 2,
    }
    first, second = sorted(away, key=lambda name: away[name])[:2]
    return first if away[first] <= OUT and away[second] - away[first] >= CORNER else ""


def direction(thing: Thing) -> str:
    """``left`` or ``right``, else ``towards the camera`` or ``away from the camera``, else ``stays``, else ''."""
    if not thing.path:
        return ""
    across, grown = shift(thing.path), growth(thing.path)
    if abs(across) >= MOVED:
        return "right" if across > 0 else "left"
    if grown >= GROWS or grown <= 1 / GROWS:
        return "towards the camera" if grown > 1 else "away from the camera"
    return "stays" if abs(across) <= STAYED and 1 / STEADY <= grown <= STEADY else ""


def cut(ground: Ground, thing: Thing, span: Span) -> bool:
    """Whether a stretch of its stay begins or ends with the footage: it may have lasted longer."""
    begun, _ = ground.span(thing.camera, span[0])
    _, ended = ground.span(thing.camera, span[1])
    return span[0] <= begun + ground.grace(thing.kind) or span[1] >= ended - ground.grace(thing.kind)
