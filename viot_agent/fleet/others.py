"""Cameras that are told from others: "the other gate" after one of two gates, "the south gate" where there is a north
gate only, and North Gate at 2 pm where there is a North Gate 2.

Owns which stretches then name a camera, or one that is not there. Whole names and siblings said in part lie in
``names``, ``ellipsis`` and ``narrowing``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from viot_agent.fleet.names import SIDES, head_words, name_tokens, shared_cameras
from viot_agent.fleet.types import Camera

Span = tuple[int, int]
_OTHER = re.compile(r"\b(?:the|our|your|that|its) (?P<said>other (?P<noun>[^\W\d_]{3,}(?: [^\W\d_]{3,})?))", re.I)
_PLACED = re.compile(r"\b(?:the|at|on|in|by|near|from|to|for|of|and|or)\s+$|^\W*$", re.I)
_ENDS = re.compile(r"\s*(?:$|[.,;:!?])")
_COMPASS = frozenset(("north", "south", "east", "west"))
_CAMERA = re.compile(r"\s+cam(?:era)?\b", re.I)
_ANY = frozenset(("one", "camera", "cam"))
_CLOCK = re.compile(r"\s?(?:[ap]\s?\.?\s?m\b|o['’]?clock\b)|[:.]\d\d\b", re.I)


def the_other(text: str, cameras: Sequence[Camera], named: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """``(start, end, camera)`` of "other gate" where there are two gates and one of them was named before: ``named``
    are the places and names of cameras in order, those of earlier turns at -1. Of "other one" and "other camera" the
    two are those with the same head word as the camera that was named last."""
    for found in _OTHER.finditer(text):
        before = [name for at, name in named if at < found.start()]
        if not before:
            continue
        for noun in (found["noun"], found["noun"].partition(" ")[0]):
            rest = text[found.start("noun") + len(noun) :]
            if noun.casefold() == "one" and not _ENDS.match(rest):
                continue  # "the other one who was with him"
            family = {c.name for c in _family(noun, before[-1], cameras)}
            if len(family) == 2 and len(family & set(before)) == 1:
                (other,) = family - set(before)
                yield found.start("said"), found.start("noun") + len(noun), other
                break


def _family(noun: str, last: str, cameras: Sequence[Camera]) -> Sequence[Camera]:
    if noun.casefold() not in _ANY:
        return shared_cameras(f"{noun}s", cameras)
    heads = head_words([t.text for t in name_tokens(last)])
    return [c for c in cameras if heads & head_words([t.text for t in name_tokens(c.name)])]


def no_such_side(text: str, names: Sequence[Sequence[str]], taken: Sequence[Span]) -> Iterator[Span]:
    """Where a camera is meant that is not there: a side and a head word ("south gate") of which the fleet has others
    ("north gate"), each of which stands in no stretch of ``taken``. ``names`` are the words of the known names."""
    sided = {(a, b) for name in names for a, b in itertools.pairwise(name)}
    heads = {b for a, b in sided if a in SIDES} | {a for a, b in sided if b in SIDES}
    known = sided | {(b, a) for a, b in sided}
    cut = name_tokens(text)
    for one, two in itertools.pairwise(cut):
        pair = (one.text, two.text)
        if one.text not in SIDES or two.text not in heads or pair in known or text[one.end : two.start] not in " -":
            continue
        if not _PLACED.search(text[: one.start]):
            continue  # "the van left depot", "its rear door"
        capitals = text[one.start].isupper() and text[two.start].isupper() and not text.isupper()
        if one.text not in _COMPASS and not capitals and not _CAMERA.match(text, two.end):
            continue  # "the rear door of the van"
        if not any(a < two.end and one.start < b for a, b in taken):
            yield one.start, two.end


def told_by_the_clock(text: str, end: int) -> bool:
    """Whether a number that ends there is an hour ("north gate 2 pm", "north gate 2:15")."""
    return _CLOCK.match(text, end) is not None
