"""From a form and its slots' words to the same typed program that the rules would write.

Noun phrases are read by the rules' own reader: words in a slot that it does not know make the question unread, never a
looser program. Owns one builder a form. Knows no network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from viot_tools.qa.doings import in_its_words
from viot_tools.qa.neutral import GRAMMAR
from viot_tools.qa.parse_picks import Phrase, noun_phrases
from viot_tools.qa.parse_said import Lost, pronoun
from viot_tools.qa.parse_words import read
from viot_tools.qa.program import Has, Pick, Program, Relation, Subject
from viot_tools.qa.types import QuestionType


@dataclass(frozen=True, slots=True)
class Filled:
    """The words of each slot, in the order of the sentence. ``unit``: seconds of the word behind the number, None where
    none stands there. ``cameras``, ``names``: those that the sentence names; ``options``: those given apart; ``edge``:
    whether it asks about the start or the end of the footage alone ("?": of all the time up to it)."""

    words: dict[str, tuple[str, ...]]
    unit: float | None = None
    cameras: tuple[tuple[str, ...], ...] = ()
    names: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    edge: Literal["", "start", "end", "?"] = ""

    def thing(self, slot: str = "thing", kind: Subject | None = None) -> Phrase:
        """The one thing of a slot. Raises Lost where there is none, where two are meant or where it is of another
        kind."""
        phrases = [noun_phrase(words) for words in self.words.get(slot, ())]
        if not phrases:
            raise Lost("I do not see whom or what the question is about")
        if any(p.pick != phrases[0].pick for p in phrases):
            raise Lost(f"I do not see which of them is meant: {' or '.join(p.text for p in phrases)}")
        if kind is not None and phrases[0].pick.kind != kind:
            raise Lost(f"that is not told of {phrases[0].text}")
        return phrases[0]

    def pick(self, slot: str = "thing", kind: Subject | None = None) -> Pick:
        """The pick of :meth:`thing`."""
        return self.thing(slot, kind).pick

    def number(self) -> float:
        """The one number. Raises Lost."""
        found = {tag[3:-1] for words in self.words.get("n", ()) for tag in read(words).tags if tag.startswith("<n:")}
        if len(found) != 1:
            raise Lost("I do not see which number is meant")
        return float(found.pop())

    def value(self, slot: str, tag: str) -> str:
        """The one value that the lexicon has for a slot's words under ``tag`` (``C``, ``doing``). Raises Lost."""
        found: set[str] = set()
        for words in self.words.get(slot, ()):
            tags = [t for t in read(words).tags if t not in GRAMMAR]
            if len(tags) != 1 or not tags[0].startswith(f"<{tag}:"):
                raise Lost(f"I do not know what {words!r} is")
            found.add(tags[0][len(tag) + 2 : -1])
        if len(found) != 1:
            raise Lost("I do not see what is claimed")
        return found.pop()

    def choices(self, fewest: int) -> tuple[str, ...]:
        """The options: those given apart, else those in the sentence. Raises Lost where there are fewer."""
        found = self.options or tuple(dict.fromkeys(self.words.get("option", ())))
        if len(found) < fewest:
            raise Lost("I do not see what there is to choose from")
        return found


def noun_phrase(words: str) -> Phrase:
    """The thing that ``words`` say, all of them. Raises Lost where a word is left over."""
    meant = pronoun(words)
    if meant is not None:
        return meant
    spoken = read(words)
    draft = noun_phrases(spoken.tags, spoken.said, spoken.names)
    rest = [said for tag, said in zip(draft.tags, draft.said, strict=True) if not tag.startswith("<np:")]
    if spoken.problem or len(draft.nps) != 1 or any(w not in ("the", "a", "an", "any", ",") for w in rest):
        raise Lost(f"I do not know what {words!r} looks like")
    return draft.nps[0]


Build = Callable[[Filled], Program]


def _exists(type_: QuestionType | None = None, **more: str) -> Build:
    def build(f: Filled) -> Program:
        pick = f.pick()
        kind: QuestionType = type_ or ("who" if pick.kind == "person" else "what")
        return Program("exists", (pick,), kind, **more)  # type: ignore[arg-type]

    return build


def _look(attribute: str, kind: Subject, type_: QuestionType = "which_colour", number: int | None = None) -> Build:
    def build(f: Filled) -> Program:
        pick = f.pick(kind=kind)
        if number is not None:
            pick = _numbered(pick, number)
        return Program("attribute", (pick,), type_, attribute=attribute)

    return build


def _numbered(pick: Pick, number: int) -> Pick:
    if pick.which not in ("all", "first") or pick.number not in (None, number):
        raise Lost("I do not see which of them is meant")
    return replace(pick, which="all", number=number)


def _of_nobody_named(pick: Pick, attribute: str, type_: QuestionType) -> Build:
    return lambda _: Program("attribute", (pick,), type_, attribute=attribute)


def _told(ask: str, type_: QuestionType, **more: str) -> Build:
    return lambda f: Program(ask, (f.pick(),), type_, **more)  # type: ignore[arg-type]


def _moved(motion: str, ask: str, type_: QuestionType) -> Build:
    def build(f: Filled) -> Program:
        pick = f.pick()
        if pick.motion:
            raise Lost("two movements at once are not asked of the index")
        return Program(ask, (replace(pick, motion=motion),), type_)  # type: ignore[arg-type]

    return build


def _waits(f: Filled) -> Program:
    if f.unit is None:
        raise Lost("I do not see whether seconds or minutes are meant")
    pick = f.pick()
    if pick.motion:
        raise Lost("two movements at once are not asked of the index")
    return Program("exists", (replace(pick, motion="waits", stay=(f.number() * f.unit, None)),), "when")


def _named(f: Filled) -> Program:
    names = set(f.names)
    if len(names) != 1:
        raise Lost("I do not see who is meant")
    return Program("exists", (Pick("person", name=names.pop()),), "who")


def _doing(f: Filled) -> Program:
    pick = f.pick(kind="person") if f.words.get("thing") else Pick("person")
    if pick.doing:
        raise Lost("two actions at once are not told")
    return Program("exists", (replace(pick, doing=(f.value("action", "doing"),)),), "action")


def _claim(f: Filled) -> Program:
    return Program("count", (f.pick(),), "how_many", value=f">{f.number():g}")


def _colour_claim(f: Filled) -> Program:
    pick = f.pick(kind="vehicle")
    if any(h.attribute == "colour" for h in pick.attributes):
        raise Lost("two colours are said of the same thing")
    return Program("attribute", (pick,), "which_colour", attribute="colour", value=f.value("colour", "C"))


def _chosen_colour(f: Filled) -> Program:
    options = f.choices(2)
    if not f.options and any(len(read(o).tags) != 1 or not read(o).tags[0].startswith("<C:") for o in options):
        raise Lost("I do not see which colours there are to choose from")
    return Program("attribute", (f.pick(kind="vehicle"),), "which_colour", attribute="colour", options=options)


def _chosen_number(f: Filled) -> Program:
    options = f.choices(2)
    if not f.options and not all(re.fullmatch(r"\d+", o) for o in options):
        raise Lost("I do not see which numbers there are to choose from")
    return Program("count", (f.pick(),), "how_many", options=options)


def _race(edge: str) -> Build:
    def build(f: Filled) -> Program:
        a, b = _either(f)
        picks, texts = (a.pick, b.pick), (a.text, b.text)
        return Program("order", picks, "order", edge=edge, options=f.options or texts)  # type: ignore[arg-type]

    return build


def _two(f: Filled) -> tuple[Phrase, Phrase]:
    a, b = f.thing("a"), f.thing("b")
    if a.pick == b.pick:
        raise Lost("I see only one thing in it where two are to be compared")
    return a, b


def _either(f: Filled) -> tuple[Phrase, Phrase]:
    """Two things in whichever of the two slots, in the order of the sentence as far as it is known."""
    found: dict[Pick, Phrase] = {}
    for words in (*f.words.get("a", ()), *f.words.get("b", ())):
        phrase = noun_phrase(words)
        found.setdefault(phrase.pick, phrase)
    if len(found) < 2:
        raise Lost("I see only one thing in it where two are to be compared")
    if len(found) > 2:
        raise Lost("I see more than two things in it where two are to be compared")
    a, b = found.values()
    return a, b


def _chosen_order(f: Filled) -> Program:
    options = f.choices(2)
    things = [noun_phrase(o) for o in options]
    return Program("order", tuple(t.pick for t in things), "order", options=f.options or tuple(t.text for t in things))


def _related(ask: str, how: str) -> Build:
    def build(f: Filled) -> Program:
        a, b = _two(f)
        relation = Relation(how, b.pick)  # type: ignore[arg-type]
        pick = replace(a.pick, when=(*a.pick.when, relation))
        return Program(ask, (pick,), "before_after")  # type: ignore[arg-type]

    return build


def _next(f: Filled) -> Program:
    relation = Relation("after", f.pick("b"), next=True)
    picks = (Pick("person", when=(relation,)), Pick("vehicle", when=(relation,)))
    return Program("order", picks, "before_after", by="start", options=("person", "vehicle"))


def _more(f: Filled) -> Program:
    a, b = _either(f)
    return Program("compare", (a.pick, b.pick), "how_many", options=f.options)


def _more_on(f: Filled) -> Program:
    cameras = tuple(dict.fromkeys(f.cameras))
    if len(cameras) != 2:
        raise Lost("I do not see which two cameras are compared")
    return Program("compare", tuple(replace(f.pick(), cameras=c) for c in cameras), "where")


def _change(f: Filled) -> Program:
    pick = f.pick()
    if pick.kind in ("fire", "smoke"):
        raise Lost("of fire and smoke I do not know how large they are")
    return Program("change", (pick,), "state_change")


BUILDERS: Final[dict[str, Build]] = {
    "exists": _exists(),
    "exists_not": _exists(value="no"),
    "still_there": _exists("state_change", edge="end"),
    "name_seen": _named,
    "did_action": _doing,
    "waits": _waits,
    "approaches": _moved("approaches", "exists", "action"),
    "colour_upper": _look("upper_colour", "person"),
    "colour_lower": _look("lower_colour", "person"),
    "colour_vehicle": _look("colour", "vehicle"),
    "colour_claim": _colour_claim,
    "second_vehicle_colour": _look("colour", "vehicle", number=2),
    "mc_colour": _chosen_colour,
    "carried": _look("carrying", "person", "what"),
    "direction": _told("attribute", "where", attribute="direction"),
    "kind_first": _of_nobody_named(Pick("vehicle", which="first"), "label", "what"),
    "kind_last": _of_nobody_named(Pick("vehicle", which="last"), "label", "what"),
    "last_person_upper": _of_nobody_named(Pick("person", which="last"), "upper_colour", "which_colour"),
    "who_first": _of_nobody_named(Pick("person", attributes=(Has("name", ()),), which="first"), "name", "who"),
    "where": _told("where", "where"),
    "busiest": _told("cameras", "where"),
    "compare_cameras": _more_on,
    "when_first": _told("when", "when"),
    "when_last": _told("when", "when", edge="end"),
    "duration": _told("duration", "when"),
    "action": lambda f: Program("action", (f.pick(kind="person"),), "action"),
    "count": _told("count", "how_many"),
    "at_once": _told("at_once", "how_many"),
    "count_claim": _claim,
    "mc_count": _chosen_number,
    "enters": _moved("enters", "count", "how_many"),
    "leaves": _moved("leaves", "count", "how_many"),
    "compare": _more,
    "order": _race("start"),
    "left_first": _race("end"),
    "mc_order": _chosen_order,
    "before": _related("exists", "before"),
    "during": _related("exists", "together"),
    "count_after": _related("count", "after"),
    "count_before": _related("count", "before"),
    "next_after": _next,
    "change": _change,
}
"""Form -> its program. The forms that no footage answers have none."""


_AT_AN_EDGE: Final = frozenset("did_action action where carried colour_upper colour_lower colour_vehicle".split())
"""Forms that may be asked of the start or the end alone."""
_EDGELESS: Final = frozenset("direction approaches waits compare during".split())
"""Forms of which a moment says nothing."""


def programmed(form: str, filled: Filled) -> Program:
    """The program of a form. Raises Lost with the reason where its slots do not hold what it needs."""
    made = in_its_words(BUILDERS[form](filled))
    return _at_edge(form, made, filled.edge) if filled.edge else made


def _at_edge(form: str, made: Program, edge: Literal["start", "end", "?"]) -> Program:
    """The program of the first or the last moment alone, where that is what the words of an edge say in the form."""
    if edge == "?":
        if form in _AT_AN_EDGE or form in ("at_once", "exists", "exists_not"):
            raise Lost("I do not see which moment is meant")
        return made
    if form in _EDGELESS:
        raise Lost(f"I do not see what 'at the {edge}' says in it")
    if form == "at_once":
        return replace(made, edge=edge, by="start")
    if form in ("exists", "exists_not") and edge == "end":
        return replace(made, edge="end")
    if form not in _AT_AN_EDGE and form not in ("exists", "exists_not"):
        return made
    moment = Relation("during", clock=f"in the {'first' if edge == 'start' else 'last'} second")
    return replace(made, picks=tuple(replace(p, when=(*p.when, moment)) for p in made.picks))


def texts(words: Sequence[str]) -> tuple[str, ...]:
    """Words of a slot without the marks at their ends."""
    return tuple(w.strip(" ,.;:?!\"'()") for w in words)
