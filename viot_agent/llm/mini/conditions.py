"""What happens next of what a request has left to do, once something was observed: the judge of conditions.

The decoder goes on where something was found and stops where nothing was, whatever the request says ("if he is *not*
there ...", "under 20 people: no clip"). So a reader of its own is asked: MiniLM with an adapter, over the request, a
plain statement of what was observed and the tools that are left, and a small head over its states. What can be reckoned
is reckoned by code and written beside the words: of every number in the request, whether more, fewer or exactly as many
people were counted.

Owns what that reader is given (``question``) and how it is run (``Judge``). Does not know what follows from its answer
(``outlook`` does).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from viot_agent.fleet.words import TENS, UNITS
from viot_agent.llm.mini.checks import finds
from viot_agent.llm.mini.encoder import WINDOW, Encoder, Reader
from viot_agent.llm.mini.menu import Call
from viot_agent.llm.mini.units import REQUEST, Reading, Unit, number_of

Array = npt.NDArray[np.float32]
FIRST, LATER, NOTHING = range(3)
"""The first of what is left happens; not that but something after it (wanted in the other case, or in any); nothing."""
SURE = 0.5
"""The least probability at which an answer is taken."""
ACTIONS = tuple("standing walking running sitting falling lying waving squatting fighting carrying".split())
"""What ``action_recognition`` tells apart."""
PARTS = 4
"""What the head is given: the state of [CLS], and the means over the request, the statement and what is left."""
_COUNT = re.compile(r"(?<![\w.,:-])\d{1,6}(?![\w:%]|[.,]\d|\s?%)")
_PEOPLE = re.compile(
    rf"(?<![\w.,:-])(\d{{1,6}}|{'|'.join(w for w, n in UNITS.items() if n)})\s+(?:\w+\s+)?"
    r"(?:people|persons?|heads?|men|women|visitors|guests|customers|pax|individuals)\b",
    re.I,
)
_LASTING = re.compile(r"\b(?:seconds?|minutes?|hours?|secs?|mins?)\b", re.I)
_NOBODY = re.compile(r"\b(?:nobody|no[ -]?one|no (?:persons?|people)|none|empty|deserted|zero)\b", re.I)


@dataclass(frozen=True, slots=True)
class Question:
    """Token ids, and the part that each belongs to (-1: none)."""

    ids: list[int]
    parts: list[int]


def question(
    reading: Reading, call: Call, data: Mapping[str, Any], left: Sequence[str], reader: Reader
) -> Question | None:
    """What is asked after ``call``, the last one of ``reading``; ``data`` is its observation's, ``left`` the tools that
    remain. None where that is more than MiniLM reads at once. Names stand under the word of their kind (``units``)."""
    asked = [u for u in reading.units if u.segment == REQUEST and not u.virtual]
    last = REQUEST + len(reading.seen)
    seen = [u for u in reading.units if u.segment == last] if reading.seen else []
    report = reading.text[seen[0].start : seen[-1].end] if seen else ""
    people = counted(data, report) if call.tool == "crowd_counting" else None
    count = often(call, data, report) if people is None else people
    numbers = {} if count is None else amounts(asked)
    groups: list[list[list[int]]] = [[], [], []]
    for i, piece in enumerate(reader.unit_pieces(asked)):
        groups[0].append(piece)
        if count is not None and i in numbers:
            # of other counts than people a number is no limit unless it counts them ("crowds of over 10 where she was")
            counts = asked[i].value.casefold() in _TIMES or _COUNTED.match(reading.text, asked[i].end)
            if people is not None or counts:
                side = reaches(reading.text, asked[i].start, asked[i].end) if count == numbers[i] else None
                groups[0] += reader.pieces(_beside(count, numbers[i], side).split())
    told = statement(call, data, people)
    if call.tool == "action_recognition" and (amounts(asked) or _LASTING.search(reading.plain)):
        told = None  # how many or how long stands in the text alone
    groups[1] = reader.pieces(f"{call.tool.replace('_', ' ')} : {told or ''}".split())
    named = call.tool == "face_recognition" and "person" not in call.args and any("person" in u.kinds for u in asked)
    if told is None or call.tool == "anomaly_detection" or named:
        groups[1] += reader.pieces([u.reading for u in seen])
    groups[2] = reader.pieces(" , ".join(left).replace("_", " ").split())
    ids, parts = [reader.cls], [0]
    for part, group in enumerate(groups, 1):
        for piece in group:
            ids += piece
            parts += [part] * len(piece)
        ids.append(reader.sep)
        parts.append(-1)
    return Question(ids, parts) if len(ids) <= WINDOW else None


def statement(call: Call, data: Mapping[str, Any], people: int | None) -> str | None:
    """What was observed in plain words, where status and data say it all; None where the text must be read."""
    if call.tool == "crowd_counting" and people is not None:
        return (
            "nobody was seen" if people == 0 else "one person was seen" if people == 1 else f"{people} people were seen"
        )
    if finds(call.tool, call.args) and call.status in ("found", "none"):
        return "it was seen" if call.status == "found" else "it was not seen"
    if call.tool == "action_recognition":
        done = _actions(data)
        return f"people were {', '.join(done)}" if done else None
    if call.tool == "face_recognition":
        return _everybody(data)
    return None


def _everybody(data: Mapping[str, Any]) -> str | None:
    """How many strangers and how many known people a look at all faces gave; None where nobody can tell whether there
    were strangers."""
    unknown, known, seen = data.get("unknown"), data.get("known"), data.get("appearances")
    if not isinstance(unknown, int) or (data.get("undecided") and not unknown):
        return None
    if isinstance(known, Mapping):
        names = len(known)
    elif isinstance(seen, Sequence):
        names = len({str(one["who"]) for one in seen})
    else:
        return None
    return f"{unknown or 'no'} unknown faces and {names or 'no'} known faces were seen"


def counted(data: Mapping[str, Any], seen: str) -> int | None:
    """The most people at once, by the data of an observation or else by its text."""
    cameras = data.get("cameras")
    if isinstance(cameras, Mapping):
        most = [c["max"] for c in cameras.values() if isinstance(c, Mapping) and "max" in c]
        return max(most, default=None)
    if isinstance(data.get("high"), int):
        return int(data["high"])
    said = [int(n) if n.isdecimal() else UNITS[n.casefold()] for n in _PEOPLE.findall(seen)]
    numbers = said or [int(n[0]) for n in _COUNT.finditer(seen)]
    return max(numbers) if numbers else 0 if _NOBODY.search(seen) else None


_TIMES = {"once": 1, "twice": 2, "thrice": 3}
_SOME = rf"\d{{1,4}}|{'|'.join(w for w, n in UNITS.items() if n)}"
_OFTEN = re.compile(
    rf"(?<![\w.,:-])({_SOME})\s+(?:\w+\s+)?(?:sightings?|match(?:es)?|times|appearances?|visits?|hits?|passes|plates?)\b|"
    rf"\bunknown[:\s]+({_SOME})\b(?![.,:]\d)|(?<![\w.,:-])({_SOME})\s+(?:unknown|strangers?)\b|\b(once)\b|\b(twice)\b",
    re.I,
)
_COUNTED = re.compile(
    r"\s*(?:[^\W\d]+\s+)?(?:times|sightings?|match(?:es)?|appearances?|visits?|hits|passes|plates|strangers?|unknown|"
    r"faces|cars|lorries|trucks|vans|vehicles)\b",
    re.I,
)


def often(call: Call, data: Mapping[str, Any], seen: str) -> int | None:
    """How often what a call looked for was seen, or how many plates or strangers, or how many people did the one thing
    that is told, by the data of its observation or else by its text; None where neither says so."""
    if call.status not in ("found", "none"):
        return None
    if call.tool == "action_recognition":
        done = [int(n) if n.isdecimal() else UNITS[n.casefold()] for n in _PEOPLE.findall(seen)]
        done = done or [int(n[0]) for n in _COUNT.finditer(seen)]
        return done[0] if len(done) == 1 else None
    if call.tool == "face_recognition" and "person" not in call.args:
        if isinstance(data.get("unknown"), int):
            return None if data.get("undecided") else int(data["unknown"])
    elif call.tool == "plate_recognition" and "plate" not in call.args:
        if isinstance(data.get("plates"), Sequence):
            return len(data["plates"])
    elif not finds(call.tool, call.args) or call.tool in ("fire_smoke_detection", "anomaly_detection"):
        return None
    elif isinstance(data.get("count"), int):
        return int(data["count"])
    elif isinstance(data.get("appearances"), Sequence):
        return len(data["appearances"])
    said = [n.casefold() for groups in _OFTEN.findall(seen) for n in groups if n]
    if len(said) != 1:
        return None
    return int(said[0]) if said[0].isdecimal() else _TIMES.get(said[0], UNITS.get(said[0]))


def passed_by(reading: Reading, data: Mapping[str, Any]) -> bool:
    """Whether a number that the request says lies between the most at once and those who came one after the other:
    which of the two is meant is not for arithmetic to say."""
    cameras = data.get("cameras")
    if not isinstance(cameras, Mapping):
        return False
    asked = amounts([u for u in reading.units if u.segment == REQUEST and not u.virtual]).values()
    counts = [c for c in cameras.values() if isinstance(c, Mapping) and "max" in c]
    return any(c["max"] < n <= c.get("different", 0) for c in counts for n in asked)


def _actions(data: Mapping[str, Any]) -> list[str]:
    """What people were seen doing."""
    named = data.get("actions")
    if isinstance(named, Mapping):
        return [str(a) for a in named]
    people = data.get("people")
    if not isinstance(people, Sequence):
        return []
    done = dict.fromkeys(str(d["action"]) for p in people for d in p.get("actions", ()))
    return [action for action in done if action != "unknown"]


def amounts(units: Sequence[Unit]) -> dict[int, int]:
    """The whole numbers above nothing that a request says, by the unit each ends with: ``twenty five``, ``two dozen``
    and ``a hundred and ten`` are one each, ``half a dozen`` is 6."""
    found: dict[int, int] = {}
    for i, unit in enumerate(units):
        number, word = number_of(unit), unit.value.casefold()
        number = TENS.get(word, _TIMES.get(word, number)) if not unit.marked else number
        if not number:
            continue
        hundreds = found.get(i - 2) if i > 1 and units[i - 1].value.casefold() == "and" else found.get(i - 1)
        if hundreds and hundreds % 100 == 0 and number < 100 and word in (*UNITS, *TENS):
            found.pop(i - 2, None)
            found.pop(i - 1, None)
            found[i] = hundreds + number
            continue
        before = found.get(i - 1) or (found.get(i - 2) if i and units[i - 1].value == "-" else None)
        if word in ("dozen", "hundred"):
            size = 12 if word == "dozen" else 100
            half = [u.value.casefold() for u in units[max(0, i - 2) : i]] == ["half", "a"]
            number = size // 2 if half else size * (before or 1)
        elif before and before % 10 == 0 and number < 10 and word in UNITS:
            number += before
        elif before:
            before = None
        if before:
            found.pop(i - 1, None)
            found.pop(i - 2, None)
        found[i] = number
    return found


_LIMIT_BEFORE = re.compile(
    r"(?:(?P<reached>at least|min(?:imum)?(?: of)?|(?:fewer|less) than|under|below|short of|≥|>=|<)|"
    r"(?P<passed>more than|over|above|exceed(?:s|ed|ing)?|beyond|past|greater than|upwards of|pass(?:es|ed|ing)?|"
    r"at most|up to|max(?:imum)?(?: of)?|≤|<=|>))\s*$",
    re.I,
)
_LIMIT_AFTER = re.compile(
    r"\s*(?:[^\W\d]+\s+)?(?:(?P<reached>(?:(?:or|and|&) (?:more|over|above|up|upwards?|better|higher|beyond)|plus|"
    r"upwards?|min(?:imum)?)\b|\+)|(?P<passed>(?:(?:or|and|&) (?:fewer|less|under|below|lower)|tops|max(?:imum)?|"
    r"at most)\b))",
    re.I,
)


def reaches(text: str, start: int, end: int) -> bool | None:
    """Whether exactly the number at ``start`` to ``end`` of ``text`` counts with more ("at least 5", "under 5", "5 or
    more") or with fewer ("over 5", "at most 5", "5 or less"); None where its words say neither."""
    side = _LIMIT_AFTER.match(text, end) or _LIMIT_BEFORE.search(text[max(0, start - 24) : start])
    return None if side is None else side["reached"] is not None


def _beside(people: int, number: int, side: bool | None) -> str:
    """Where there are exactly as many, ``side`` says on which they count."""
    more, fewer = people > number or side is True, people < number or side is False
    return f"( {'more' if more else 'fewer' if fewer else 'exactly that'} seen )"


class Judge:
    """Runs the reader: MiniLM with the first net's adapter and, on top, the judge's own. Built on first use."""

    def __init__(
        self,
        first: Mapping[str, Array],
        own: Mapping[str, Array],
        scale: float,
        reader: Reader,
        home: Path | None = None,
        threads: int = 2,
    ) -> None:
        self._adapter = stacked(first, own)
        self._head = {k: v for k, v in own.items() if not k.startswith("lora.")}
        self._scale, self._reader, self._home, self._threads = scale, reader, home, threads
        self._encoder: Encoder | None = None

    def shares(self, reading: Reading, call: Call, data: Mapping[str, Any], left: Sequence[str]) -> Array | None:
        """The probabilities (3,) of FIRST, LATER and NOTHING; None where the question is too long to be read."""
        asked = question(reading, call, data, left, self._reader)
        if asked is None:
            return None
        done = _actions(data) if call.tool == "action_recognition" else []
        if len(done) < 2 or statement(call, data, None) is None:
            return self.of(asked)
        alone = {a: question(reading, call, {"actions": {a: 1}}, left, self._reader) for a in (*ACTIONS, *done)}
        return of_several({a: self.of(q) for a, q in alone.items() if q is not None}, done)

    def warm(self) -> Encoder:
        """Build or load the encoder."""
        if self._encoder is None:
            self._encoder = Encoder(
                self._adapter, self._scale, reader=self._reader, home=self._home, threads=self._threads
            )
        return self._encoder

    def of(self, asked: Question) -> Array:
        """The probabilities (3,) for a question."""
        states, parts = self.warm().states(asked.ids), np.asarray(asked.parts)
        found = np.concatenate([states[parts == p].sum(0) / max(1, (parts == p).sum()) for p in range(PARTS)])
        hidden = np.tanh(self._head["inner.weight"] @ found + self._head["inner.bias"])
        scores = self._head["outer.weight"] @ hidden + self._head["outer.bias"]
        shares = np.exp(scores - scores.max())
        out: Array = shares / shares.sum()
        return out


def of_several(each: Mapping[str, Array], done: Sequence[str]) -> Array:
    """What holds where people did several things, given the shares for ``each`` action alone: what most actions give
    says that none of them was asked about, so of those ``done`` the one that gives something else decides."""
    usual = Counter(int(s.argmax()) for s in each.values()).most_common(1)[0][0]
    told = [each[a] for a in done if int(each[a].argmax()) != usual] or [each[a] for a in done]
    return max(told, key=lambda s: float(s.max()))


def stacked(first: Mapping[str, Array], own: Mapping[str, Array]) -> dict[str, Array]:
    """Two adapters of one scale as one: the sum of their products is the product of A and B side by side."""
    return {
        name: np.concatenate([first[name], array], 0 if name.endswith(".A") else 1) if name in first else array
        for name, array in own.items()
        if name.startswith("lora.")
    }
