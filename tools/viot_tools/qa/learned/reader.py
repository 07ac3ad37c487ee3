"""A sentence that the rules do not read, as a program: by the network, or not at all.

Two guards stand behind the network, since it answers every sentence with some form. It must be surer than a threshold
that was chosen on sentences it had not seen; and what the lexicon sees outside of the slots (a number, a colour, a
negation, a movement) must be something that sentences of this form have there: a condition that the program would leave
out makes the question unread. Owns this order and these guards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

import numpy as np

from viot_agent.fleet.types import Camera
from viot_agent.sentences import Encoded, Sentences, shared
from viot_tools.qa.learned.build import Filled, programmed, texts
from viot_tools.qa.learned.checks import contradicted, said_outside, turned
from viot_tools.qa.learned.forms import FORMS, SYMMETRIC, UNTOLD
from viot_tools.qa.learned.net import CLASSES, NONE, Net, Spotted, load, one_slot, slots_of
from viot_tools.qa.learned.text import Masked, features, masked
from viot_tools.qa.parse_said import Lost
from viot_tools.qa.program import Program

TURNED: Final = 0.8
"""How sure a guess may be at most that words, not the network, have decided."""
_UNITS: Final = (
    (re.compile(r"\W*(?:s|sec|secs|second|seconds)\b", re.IGNORECASE), 1.0),
    (re.compile(r"\W*(?:m|min|mins|minute|minutes)\b", re.IGNORECASE), 60.0),
    (re.compile(r"\W*(?:h|hr|hrs|hour|hours)\b", re.IGNORECASE), 3600.0),
)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the network makes of a sentence. ``sure``: the form's probability times that of its least sure slot;
    ``second``: the next best form, and how sure it is together with the best."""

    form: str
    sure: float
    slots: tuple[tuple[str, int, int], ...]
    """(slot, from, to): characters of the masked text."""
    second: tuple[str, float] = ("", 0.0)


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a sentence: a program; or ``form`` alone, of those that no footage answers; or why neither."""

    program: Program | None = None
    form: str = ""
    sure: float = 0.0
    reason: str = ""


class Reader:
    """Network and encoder together."""

    def __init__(self, net: Net, sentences: Callable[[], Sentences]) -> None:
        self._net, self._sentences = net, sentences

    def read(
        self, question: str, cameras: Sequence[Camera] = (), people: Sequence[str] = (), options: Sequence[str] = ()
    ) -> Read:
        """The program of ``question``, or why there is none."""
        seen = masked(question, cameras, people)
        if seen.problem:
            return Read(reason=seen.problem)
        encoded = self._sentences().encode(seen.text)
        if encoded is None:
            return Read(reason="the question is too long")
        guess = settled(guessed(self._net, seen, encoded), seen)
        if guess.form == NONE:
            return Read(form=NONE, sure=guess.sure, reason="it is like no question that I can answer")
        if guess.sure < self._net.threshold:
            return Read(sure=guess.sure, reason="I am not sure enough what is asked")
        if guess.form in UNTOLD:
            return Read(form=guess.form, sure=guess.sure, reason="no footage tells that")
        known = self._net.outside.get(guess.form, frozenset())
        strange = contradicted(guess.form, seen.text, guess.slots, known, guess.sure)
        if strange:
            return Read(sure=guess.sure, reason=f"I do not see how {strange} goes with the rest")
        try:
            program = programmed(guess.form, filled(seen, guess, options, edge_of(seen.text, guess.slots)))
        except Lost as why:
            return Read(sure=guess.sure, reason=str(why))
        if options and not program.options and not program.value:
            program = replace(program, options=tuple(options))
        return Read(program, guess.form, guess.sure)


def guessed(net: Net, seen: Masked, encoded: Encoded) -> Guess:
    """The best form with its slots."""
    scores = net(features(seen, encoded))
    best = int(scores.forms.argmax())
    form, sure = CLASSES[best], float(scores.forms[best])
    tags = one_slot(scores.tags) if form in SYMMETRIC else scores.tags
    found = slots_of(tags, FORMS.get(form, ()))
    slots = min((s.sure for s in found), default=1.0)
    second = int(np.argsort(scores.forms)[-2])
    both = CLASSES[second], (sure + float(scores.forms[second])) * slots
    return Guess(form, sure * slots, tuple(_characters(s, encoded) for s in found), both)


def settled(guess: Guess, seen: Masked) -> Guess:
    """The guess, or the next best where that is a count of the other side and only the words of that side stand."""
    other, sure = guess.second
    if other and turned(guess.form, seen.text, guess.slots) == other:
        return Guess(other, min(sure, TURNED), guess.slots)
    return guess


def _characters(slot: Spotted, encoded: Encoded) -> tuple[str, int, int]:
    return slot.slot, encoded.spans[slot.first][0], encoded.spans[slot.last - 1][1]


def edge_of(text: str, slots: Sequence[tuple[str, int, int]]) -> Literal["", "start", "end", "?"]:
    """Whether the words outside of the slots are about the start or the end of the footage; "" for neither or both,
    "?" for all the time before or after."""
    found = said_outside(text, slots)
    edges = [(t, said.split(" ")[0]) for t, said in found if t in ("<atstart>", "<atend>")]
    if len({t for t, _ in edges}) != 1 or any(t == "<startend>" for t, _ in found):
        return ""
    if any(lead in ("before", "by", "until", "till", "from", "since") for _, lead in edges):
        return "?"
    return "start" if edges[0][0] == "<atstart>" else "end"


def filled(
    seen: Masked, guess: Guess, options: Sequence[str] = (), edge: Literal["", "start", "end", "?"] = ""
) -> Filled:
    """The words of each slot."""
    words: dict[str, tuple[str, ...]] = {}
    unit: float | None = None
    for slot, start, end in guess.slots:
        words[slot] = (*words.get(slot, ()), seen.text[start:end])
        if slot == "n":
            unit = next((u for rule, u in _UNITS if rule.match(seen.text, end)), None)
    return Filled(
        {slot: texts(found) for slot, found in words.items()}, unit, seen.cameras, seen.names, tuple(options), edge
    )


@cache
def shipped() -> Reader:
    """The reader with the weights that ship; the encoder is loaded at the first sentence."""
    return Reader(load(), shared)
