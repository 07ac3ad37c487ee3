"""Which of several cameras and times goes to which of several calls: what no call has taken yet comes first.

A person who wants several things names them in the order in which they are to be done, each beside its place and its
time. The network, which copies one value after the other, keeps to the first too often. Owns how strongly its scores are
leant over; knows no weights and forbids nothing.

The constants come from the requests that the shipped weights never read (``datasets/viot_instruct``, half of pp, qq, rr
and of the 3 % that are kept from training: fitted, rounded; the other halves say what they bring). The scores they are
added to are logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.menu import SYM, Element
from viot_agent.llm.mini.units import REQUEST, Unit, trim_time

_MARKS = {"cameras": ("camera", "group"), "time": ("time",)}
TAKEN, FRESH, NEXT = -0.6, 1.1, 1.8
"""For a mention that an earlier call took; for one that none took; on top of that for the first after those taken."""
BESIDE = 1.0
"""For a time in the same sentence as the camera that the call has."""
ELSEWHERE = 1.6
"""For no time at all where all times stand in other sentences than the call's camera."""
_ENDS = frozenset(".;?!")


def lean(grammar: Grammar, allowed: Sequence[Element]) -> npt.NDArray[np.float32]:
    """What is added to the scores of ``allowed`` (their number, float32): zeros unless a camera or a time is chosen
    for one of several calls."""
    out = np.zeros(len(allowed), np.float32)
    arg = grammar.choosing
    if arg is None or arg.kind not in _MARKS or not (grammar.history or len(grammar.planned) > 1):
        return out
    units = grammar.units
    marked = [i for i, u in enumerate(units) if _said(u) and any(k in u.kinds for k in _MARKS[arg.kind])]
    chosen = grammar.copied(arg.kind)
    taken = _taken(grammar, arg.kind, arg.name, marked)
    fresh = [i for i in marked if i not in taken and i not in chosen]
    after = max(taken, default=-1)
    following = next((i for i in fresh if i > after), None)
    places = [i for i in grammar.copied("cameras") if _said(units[i])] if arg.kind == "time" else []
    sentence = _sentences(units, grammar.text) if places else []
    for n, (channel, index) in enumerate(allowed):
        if channel == "start" and index in marked:
            if grammar.history:
                out[n] += TAKEN * (index in taken and not chosen) + FRESH * (index in fresh)
                out[n] += NEXT * (index == following and not chosen)
            out[n] += BESIDE * any(sentence[i] == sentence[index] for i in places)
        elif (channel, index) == ("sym", SYM["SKIP"]) and places and marked:
            out[n] += ELSEWHERE * (not any(sentence[i] == sentence[k] for i in places for k in marked))
    return out


def _said(unit: Unit) -> bool:
    return unit.segment == REQUEST and not unit.virtual


def _taken(grammar: Grammar, kind: str, name: str, marked: Sequence[int]) -> set[int]:
    """The mentions that earlier calls took. Of a name said several times each call takes one, in order: the next after
    what was taken last, else one before it; a call for what is used up takes none."""
    taken: set[int] = set()
    for call in grammar.history:
        value = call.args.get(name)
        for item in value if isinstance(value, list) else [value] if value else []:
            same = [i for i in marked if i not in taken and _text(grammar.units[i], kind) == str(item).casefold()]
            last = max(taken, default=-1)
            best = next((i for i in same if i > last), same[0] if same else None)
            if best is not None:
                taken.add(best)
    return taken


def _text(unit: Unit, kind: str) -> str:
    return (trim_time(unit.value) if kind == "time" else unit.value).casefold()


def _sentences(units: Sequence[Unit], text: str) -> list[int]:
    """The number of the sentence that each unit stands in (-1: in none)."""
    numbers, number, end = [], 0, 0
    for unit in units:
        if unit.virtual:
            numbers.append(-1)
            continue
        number += "\n" in text[end : unit.start]
        numbers.append(number)
        number += unit.value in _ENDS
        end = unit.end
    return numbers
