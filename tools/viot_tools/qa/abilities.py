"""What the product's own eyes can be relied on for: which programs engine (a) vouches for on real footage.

A program runs on whatever the index holds; whether the index holds it rightly is another matter, and measured
(``viot bench vision``, ``tools/viot_tools/attributes/attributes.md``, ``pose/skeleton_action.md``). What was not
measured, or is told of few, is still answered where it is sure, and not vouched for: the video language model is asked
next, where one is set up. Owns this table. Knows no row and no question.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from viot_tools.qa.doings import UPRIGHT
from viot_tools.qa.program import Pick, Program, Subject

SEEN: Final[frozenset[Subject]] = frozenset(("person", "fire", "smoke"))
"""Subjects whose finding was measured on real footage: ``count.*``, ``crowd.*``, ``fire.*``."""
DONE: Final = frozenset(("standing", "walking", "lying", "falling"))
"""Actions that are told as ``action.f1.*`` of 0.65 and more."""
FALLS: Final = frozenset(("lying", "falling"))
_ABOUT_ALL: Final = ("count", "at_once", "exists", "compare", "change", "cameras", "order")


def doubt(program: Program) -> str:
    """Why what a program needs to see is not to be relied on, in words; "" where it is."""
    return next(_doubts(program), "")


def _doubts(program: Program) -> Iterator[str]:
    if program.ask != "exists" and any(pick.kind in ("fire", "smoke") for pick in program.picks):
        yield "of fire and smoke only whether there is any was measured"
    if program.ask == "action":
        yield "of what people do only standing, walking, lying and falling are told reliably"
    if program.attribute in ("upper_colour", "lower_colour"):
        yield "the colours of clothes are told for sure of half of the people"
    if program.attribute == "colour":
        yield "the colours of vehicles are told for sure of a third of them"
    if program.attribute == "carrying":
        yield "of what people carry only bags are told, and of few"
    if program.attribute == "label":
        yield "kinds of vehicles are the detector's word, which was not measured"
    for pick in program.picks:
        yield from _of_pick(pick, program.ask)


def _of_pick(pick: Pick, ask: str) -> Iterator[str]:
    if pick.kind not in SEEN:
        yield "how many vehicles and things the detector misses was not measured"
    for has in pick.attributes:
        anyone = pick.which == "all" and pick.number is None
        if has.attribute == "sex" and (pick.heads is not None or (anyone and ask not in _ABOUT_ALL)):
            continue  # "the man" is whoever is there; who is the first woman, the looks of all must tell
        if has.attribute != "name":
            yield "what people look like is told for sure of some of them only"
    if pick.after_doing:
        yield "who gets up was not measured"
    doing = {*pick.doing, *pick.known_by}
    if ask in ("exists", "count", "at_once", "compare") and doing & FALLS:
        yield "how many lay or fell, and whether anybody did, needs everybody's poses, which small people do not show"
    told = doing - set(UPRIGHT if set(UPRIGHT) <= doing else ())
    if told - DONE:
        yield f"{' and '.join(sorted(told - DONE))} was not measured on enough real footage"
    for relation in pick.when:
        if relation.anchor is not None:
            yield from _of_pick(relation.anchor, ask)
