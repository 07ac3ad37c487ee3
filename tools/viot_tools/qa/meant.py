"""Which things of the index a question speaks of: by its program, or by its words where it has none.

Made for choosing frames, not for answering: a thing that may be meant is meant, with less weight. Owns this match.
Knows no pixel and no storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from viot_tools.qa.facts import Facts, Thing
from viot_tools.qa.program import ACTIONS, ATTRIBUTES, COLOURS, VEHICLES, Has, Pick, Program, Subject, Unparsed

_PEOPLE = frozenset(
    "person persons people man men woman women child children boy boys girl girls guy lady pedestrian pedestrians "
    "somebody someone anybody anyone nobody everybody everyone he she him her his they them crowd queue who whose "
    "visitor visitors customer customers worker workers".split()
)
_VEHICLES = frozenset("vehicle vehicles traffic".split())
_LABELS = {"motorbike": "motorcycle", "bike": "bicycle", "lorry": "truck", "minivan": "van", "automobile": "car"}
_EVENTS: dict[Subject, frozenset[str]] = {
    "fire": frozenset("fire fires flame flames burn burns burning burned burnt".split()),
    "smoke": frozenset("smoke smoking fumes".split()),
    "anomaly": frozenset("unusual strange odd abnormal anomaly suspicious accident incident".split()),
}
_ANYTHING = frozenset(
    "happen happens happened happening anything something everything going occur occurs scene".split()
)
_COLOURS = {"gray": "grey", "silver": "grey", "navy": "blue", "beige": "brown", "violet": "purple"}
_STEMS: dict[str, str] = {
    "stand": "standing", "stood": "standing", "walk": "walking", "run": "running", "ran": "running",
    "sit": "sitting", "sat": "sitting", "lie": "lying", "lay": "lying", "lying": "lying", "fall": "falling",
    "fell": "falling", "squat": "squatting", "crouch": "squatting", "wave": "waving", "wav": "waving",
    "carry": "carrying", "carri": "carrying", "fight": "fighting", "fought": "fighting",
}  # fmt: skip
_ENDINGS = frozenset(("", "s", "es", "d", "ed", "ing", "ning", "ting", "en"))
_PLURALS = (("s", ""), ("es", ""), ("ies", "y"))
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Meant:
    """A thing that the question speaks of. ``anchor``: it is what something else comes before or after; ``weight``
    0..1: less where it may be another one."""

    thing: Thing
    pick: Pick
    anchor: bool
    weight: float

    @property
    def words(self) -> str:
        """``a person``, ``the van``, ``fire``: for reasons."""
        if self.thing.name:
            return self.thing.name
        if self.thing.kind in ("fire", "smoke"):
            return self.thing.kind
        if self.thing.kind == "anomaly":
            return "something unusual"
        label = self.thing.label or self.thing.kind
        return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def meant(question: str, parsed: Program | Unparsed, facts: Facts) -> tuple[Meant, ...]:
    """What of the facts the question means, by time; each thing once, with its largest weight. Empty: nothing."""
    if isinstance(parsed, Program):
        picks = [found for pick in parsed.picks for found in _with_anchors(pick, anchor=False)]
    else:
        picks = [(pick, False) for pick in spoken(question, facts)]
    best: dict[str, Meant] = {}
    for pick, anchor in picks:
        for thing in facts.things:
            weight = _fits(thing, pick)
            if weight > 0 and (thing.id not in best or weight > best[thing.id].weight):
                best[thing.id] = Meant(thing, pick, anchor, weight)
    return tuple(sorted(best.values(), key=lambda m: (m.thing.start, m.thing.id)))


def spoken(question: str, facts: Facts) -> tuple[Pick, ...]:
    """The kinds, labels, attributes and actions that the words of a question name. Empty where none is named."""
    words = _WORD.findall(question.casefold())
    single = [*words, *(w.removesuffix(e) + y for e, y in _PLURALS for w in words if w.endswith(e))]
    said = set(single)
    colours = tuple(dict.fromkeys(c for w in single if (c := _COLOURS.get(w, w)) in COLOURS))
    doing = tuple(dict.fromkeys(a for w in words if (a := _action(w)) is not None))
    picks: list[Pick] = []
    if said & _PEOPLE:
        picks.append(Pick("person", attributes=_worn(said, colours), doing=doing))
    labels = tuple(dict.fromkeys(v for w in single if (v := _LABELS.get(w, w)) in VEHICLES))
    if labels or said & _VEHICLES:
        picks.append(Pick("vehicle", labels=labels, attributes=(Has("colour", colours),) if colours else ()))
    objects = {t.label for t in facts.things if t.kind == "object" and t.label}
    named = tuple(sorted(label for label in objects if _named(label, said, question.casefold())))
    if named:
        picks.append(Pick("object", labels=named))
    picks += [Pick(kind) for kind, its in _EVENTS.items() if said & its]
    known = {t.name.casefold(): t.name for t in facts.things if t.name}
    picks += [
        Pick("person", name=n) for fold, n in known.items() if re.search(rf"\b{re.escape(fold)}\b", question.casefold())
    ]
    if not picks and doing:
        picks.append(Pick("person", doing=doing))
    if not picks and said & _ANYTHING:
        picks = [Pick(kind) for kind in ("person", "vehicle", "object", "fire", "smoke", "anomaly")]
    return tuple(picks)


def _action(word: str) -> str | None:
    if word in ACTIONS:
        return word
    return next((a for stem, a in _STEMS.items() if word.startswith(stem) and word[len(stem) :] in _ENDINGS), None)


def _worn(said: set[str], colours: Sequence[str]) -> tuple[Has, ...]:
    """What is said of a person's looks; a colour may be of either half of the clothing."""
    found = [Has("upper_colour", tuple(colours))] if colours else []
    found += [Has("carrying", (v,)) for v in ATTRIBUTES["carrying"] if v in said and v != "nothing"]
    if said & {"hat", "cap", "helmet"}:
        found.append(Has("hat", ("yes",)))
    return tuple(found)


def _named(label: str, said: set[str], question: str) -> bool:
    return label in said if " " not in label else label in question


def _with_anchors(pick: Pick, *, anchor: bool) -> Iterator[tuple[Pick, bool]]:
    yield pick, anchor
    for relation in pick.when:
        if relation.anchor is not None:
            yield from _with_anchors(relation.anchor, anchor=True)


def _fits(thing: Thing, pick: Pick) -> float:
    """0 where it is another kind of thing or surely something else, 1 where all that is known agrees."""
    if thing.kind != pick.kind or (pick.cameras and thing.camera not in pick.cameras):
        return 0.0
    if pick.labels and thing.label and thing.label not in pick.labels:
        return 0.0
    weight = 1.0 if not pick.labels or thing.label else 0.6
    if pick.name:
        if thing.named and thing.name != pick.name:
            return 0.0
        weight *= 1.0 if thing.name == pick.name else 0.4
    for has in pick.attributes:
        weight *= _agrees(thing, has)
    if pick.doing and thing.doing is not None:
        weight *= 1.0 if any(d.action in pick.doing for d in thing.doing) else 0.5
    return weight


def _agrees(thing: Thing, has: Has) -> float:
    """1, 0.5 where it is not known, 0.2 where it is told otherwise: attributes err, and a frame is cheap."""
    names = ("upper_colour", "lower_colour") if has.attribute == "upper_colour" else (has.attribute,)
    known = [thing.attributes[n] for n in names if n in thing.attributes]
    if not known:
        return 0.5
    return 1.0 if any((v.value in has.values) != has.no for v in known) else 0.2
