"""Forms that ask for a colour or a direction, and which of several things is meant. Owns these; knows no other form."""

from __future__ import annotations

import re
from dataclasses import replace

from viot_tools.qa.neutral import WH
from viot_tools.qa.parse_said import Lost, Said
from viot_tools.qa.program import Pick, Program


def ordered(said: Said, pick: Pick) -> Pick:
    """``first`` or ``last`` said of it outside its noun phrase."""
    orders = said.cues.get("ord", [])
    if orders and pick.which == "first" and len(orders) == 1:  # "I know of the first one. Now the second?"
        return replace(pick, which="all", number=int(orders[0]))
    if orders and (pick.number is not None or pick.which != "all"):
        raise Lost("I do not see which of them is meant")
    if pick.which == "all" and pick.number is None:
        orders = said.cues.get("ord", [])
        if len(orders) == 1 and not said.has("first", "last"):
            return replace(pick, number=int(orders[0]))
        if said.has("first") and not said.has("last"):
            return replace(pick, which="first")
        if said.has("last") and not said.has("first"):
            return replace(pick, which="last")
    return pick


_EITHER = r"<C:\w+>(?: one)? or(?: the)? <C:"


def colour(said: Said, pick: Pick) -> Program:
    said.take(
        "ord",
        "colour",
        "C",
        "G",
        "upperbody",
        "lowerbody",
        "dressed",
        "came",
        "first",
        "last",
        "enters",
        "who",
        "passes",
        "kind",
        "leaves",
    )
    pick = ordered(said, pick)
    if pick.kind == "vehicle":
        if said.has("G", "upperbody", "lowerbody", "dressed"):
            raise Lost("clothes are told of people")
        attribute = "colour"
    elif pick.kind == "person":
        worn = set(said.cues.get("G", ()))
        upper = bool(worn & {"upper", "coat"}) or said.has("upperbody")
        lower = bool(worn & {"lower", "shorts", "skirt"}) or said.has("lowerbody")
        if upper == lower:
            raise Lost("of people, the colour of what they wear on top or on their legs is told: say which")
        attribute = "upper_colour" if upper else "lower_colour"
    else:
        raise Lost("colours are told of clothes and vehicles")
    colours = tuple(dict.fromkeys(said.cues.get("C", ())))
    asks_what = any(w in WH for w in said.words)
    value, options = "", said.options
    if len(colours) == 1 and not (asks_what and said.has("colour")):
        value = colours[0]
    elif len(colours) > 1 and not options and not asks_what:
        options = colours
    elif len(colours) > 1 and not options and (said.has("colour") or re.search(_EITHER, said.clauses.text)):
        options = colours if "or what" not in said.said.get("<nil>", "") else ()
    if value and any(h.attribute == attribute for h in pick.attributes):
        raise Lost("two colours are said of the same thing")
    return Program("attribute", (pick,), "which_colour", attribute=attribute, value=value, options=options)


_SIDE = re.compile(r"\b(?:side|edge)\b")
_LEAVE = re.compile(r"(?:leav|left|exit|disappear|vanish)|.*\bout of\b")
_COME = re.compile(r"(?:com|came|enter)")


def _edge_or_way(said: Said) -> str:
    """*On which side does it leave* is an edge of the picture, *which way did it go off* is a way."""
    if not said.has("leftright") and (_SIDE.search(said.said.get("<whichway>", "")) or said.has("left", "right")):
        if _LEAVE.match(said.said.get("<leaves>", "")):
            return "exit"
        if _COME.match(said.said.get("<enters>", "")) and not said.has("moves"):
            return "entry"
    return "direction"


def direction(said: Said, pick: Pick) -> Program:
    """Which way something goes; of what leaves, by which edge of the picture."""
    if "from" in said.words:
        raise Lost("I do not see what comes from where")
    said.take(
        "goleft",
        "goright",
        "leftright",
        "where",
        "whichway",
        "left",
        "right",
        "moves",
        "came",
        "leaves",
        "passes",
        "doing",
        "enters",
        "approaches",
    )
    left, right = said.has("left", "goleft"), said.has("right", "goright")
    one = left != right and not said.has("leftright", "whichway")
    if one and not said.has("goleft", "goright", "moves", "came", "leaves", "passes"):
        raise Lost("I do not see whether a place or a way is meant")
    attribute = _edge_or_way(said)
    value = ("left" if left else "right") if one else ""
    return Program("attribute", (pick,), "where", attribute=attribute, value=value)
