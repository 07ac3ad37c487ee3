"""Sentences for the learned parser of questions: authored phrasings filled by chance, and sentences out of its reach.

A slot's words are of the lexicon of ``viot_tools.qa``, cameras, names and times of the pools of VIoT-Instruct, and the
sentence is read exactly as it is served (``viot_tools.qa.learned.text``). What is out of reach: sentences written for
that, phrasings with a condition added that no program says, and requests for other tools.

Owns the filling and the labels. Knows no network.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from viot_agent.fleet.types import Camera
from viot_agent.foreign import read_json
from viot_agent.sentences import Sentences
from viot_finetune.instruct.pools import Pools
from viot_tools.bench.video_qa_words import article
from viot_tools.qa.learned.build import noun_phrase
from viot_tools.qa.learned.forms import KINDS, SLOTS
from viot_tools.qa.learned.net import CLASSES, NONE, TAGS
from viot_tools.qa.learned.text import Masked, features, masked
from viot_tools.qa.lexicon import COLOUR_WORDS
from viot_tools.qa.parse_said import Lost, pronoun
from viot_tools.qa.parse_words import plain

_SLOT = re.compile(r"\b([aA]) \{(\w+)\}|\{(\w+)\}")
_PEOPLE: Final = (
    ("person", "people"), ("person", "people"), ("man", "men"), ("man", "men"), ("woman", "women"), ("woman", "women"),
    ("guy", "guys"), ("bloke", "blokes"), ("gentleman", "gentlemen"), ("lady", "ladies"), ("pedestrian", "pedestrians"),
    ("individual", "individuals"), ("fellow", "fellows"), ("female", "females"), ("male", "males"),
)  # fmt: skip
_VEHICLES: Final = (
    ("car", "cars"), ("car", "cars"), ("van", "vans"), ("van", "vans"), ("truck", "trucks"), ("truck", "trucks"),
    ("bus", "buses"), ("bus", "buses"), ("motorcycle", "motorcycles"), ("bicycle", "bicycles"), ("vehicle", "vehicles"),
    ("vehicle", "vehicles"), ("lorry", "lorries"), ("pickup", "pickups"), ("coach", "coaches"), ("minivan", "minivans"),
    ("motorbike", "motorbikes"), ("bike", "bikes"), ("hatchback", "hatchbacks"), ("SUV", "SUVs"),
    ("scooter", "scooters"), ("saloon", "saloons"), ("cyclist", "cyclists"), ("minibus", "minibuses"),
)  # fmt: skip
_THINGS: Final = (("fire", "fires"), ("suitcase", "suitcases"), ("dog", "dogs"), ("umbrella", "umbrellas"))
_UPPER: Final = "top jacket shirt jumper top jacket shirt jumper hoodie sweater T-shirt blouse fleece coat".split()
_LOWER: Final = "trousers trousers trousers jeans pants leggings".split()
_WITH: Final = (
    "with a backpack", "with a bag", "with a backpack", "with a bag", "without a backpack", "without a bag",
    "with a hat", "without a hat", "with long hair", "with short hair", "with a rucksack", "with a handbag",
    "carrying a backpack", "wearing a hat", "with a cap",
)  # fmt: skip
_PLAIN: Final = "black white grey red orange yellow green blue purple pink brown".split()
_ACTIONS: Final = (
    "standing", "walking", "running", "sitting", "lying", "falling", "squatting", "waving", "fighting", "crouching",
    "jogging", "lying down", "sitting down", "standing about", "strolling",
)  # fmt: skip
_ADDED: Final = (
    " next to the {b}", " near the {b}", " behind the {b}", " who also went to the other gate", " for the second time",
    " twice", " other than the {b}", " except for the {b}", " that never left", " that did not stop", " with a dog",
    " talking on the phone", " driven by a woman", " with its lights on", " from the north", " on the left of the gate",
    " alone", " every day", " at least twice", " not counting the {b}", " without stopping", " that came back later",
    " again", " for the last time before the {b}", " who is not {colour}", " in the rain", " under the tree",
    " with a broken window", " who looked at the camera", " and the {b}", " or the {b}", " but not the {b}",
)  # fmt: skip
"""Conditions that a program would leave out."""
_TURNED: Final = (
    (re.compile(r"\b(?:more|greater|higher) than \{n\}", re.IGNORECASE), ("fewer than {n}", "exactly {n}",
     "less than {n}", "no more than {n}", "about {n}")),
    (re.compile(r"\b(?:over|above|exceed\w*|beyond) \{n\}", re.IGNORECASE), ("under {n}", "below {n}", "exactly {n}")),
    (re.compile(r"\blonger than \{n\}", re.IGNORECASE), ("less than {n}", "exactly {n}", "no longer than {n}")),
)  # fmt: skip
"""Limits turned round."""
_OTHERS: Final = frozenset(
    "plate_recognition gait_recognition scene_recognition anomaly_detection pose_estimation privacy_cloak "
    "masked_face_generation face_redaction export_clip create_alert list_cameras".split()
)
"""Tools whose requests are none of the forms."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A phrasing: ``text`` with slots, of a form of the network or ``none``. ``group``: phrasings that are kept
    together when some are held out. ``words``: of a sentence without gaps, (slot of the network, its words in it)."""

    form: str
    text: str
    group: str
    words: tuple[tuple[str, str], ...] = ()
    gaps: bool = True
    """Whether it has slots to fill, or is a sentence as somebody said it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A filled phrasing as it is read. ``slots``: (slot, from, to), characters of ``read.text``. ``fleet`` and
    ``people`` are those of the site it is asked at."""

    sentence: Sentence
    question: str
    read: Masked
    slots: tuple[tuple[str, int, int], ...]
    cameras: tuple[Camera, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """``x`` (T, FEATURES) float16, ``tags`` (T,) int64, ``form``: indices of the network's."""

    x: npt.NDArray[np.float16]
    tags: npt.NDArray[np.int64]
    form: int


SPOKEN: Final = "phrasings_real"
"""What the files of sentences without gaps begin with."""
PATTERNS: Final = ("phrasings_dev*.jsonl", f"{SPOKEN}*.jsonl")


def phrasings(folder: Path, *patterns: str) -> list[Sentence]:
    """The authored phrasings (of ``PATTERNS``), in the order of files and lines. A sentence that a tested author hit on
    too, word for word, is left out. Raises ValueError for a line that is no phrasing, and for a form nobody knows."""
    tested = folder / "phrasings_test.jsonl"
    lines = tested.read_text("utf-8").splitlines() if tested.is_file() else []
    known = {_phrasing(tested, line)["text"].casefold() for line in lines}
    found: list[Sentence] = []
    for path in (p for pattern in patterns or PATTERNS for p in sorted(folder.glob(pattern))):
        for line in path.read_text("utf-8").splitlines():
            row = _phrasing(path, line)
            if row["form"] not in CLASSES:
                raise ValueError(f"{path}: there is no form {row['form']!r}")
            if row["text"].casefold() not in known:
                words = _spoken(path, row)
                gaps = not path.stem.startswith(SPOKEN)
                found.append(Sentence(row["form"], plain(row["text"]), f"{path.stem} {row['id']}", words, gaps))
    return found


def _spoken(path: Path, row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The words of each slot of a sentence without gaps. Raises ValueError for words that are not in it."""
    slots: dict[str, str] = row.get("slots", {})
    for slot, words in slots.items():
        if slot not in SLOTS or _where(plain(row["text"]), words) is None:
            raise ValueError(f"{path}: {row['id']} has no {slot} {words!r}")
    return tuple(slots.items())


def _where(text: str, words: str) -> tuple[int, int] | None:
    m = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text)
    return None if m is None else m.span()


def _phrasing(path: Path, line: str) -> dict[str, Any]:
    """A line as an object with the texts ``id``, ``form`` and ``text``. Raises ValueError."""
    row = read_json(line)
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("id", "form", "text")):
        raise ValueError(f"{path}: {line[:80]!r} is no phrasing")
    return row


def out_of_reach(folder: Path, instruct: Path, known: Sequence[Sentence], rng: random.Random) -> list[Sentence]:
    """Sentences of no form: those written for it, one in three phrasings with a condition added or a limit turned
    round, and requests for other tools."""
    found = phrasings(folder, "out_of_reach.jsonl")
    for s in known:
        if s.form in ("why", "thoughts", "predict", "hidden", NONE):
            continue
        turned = next((rule.sub(rng.choice(ways), s.text) for rule, ways in _TURNED if rule.search(s.text)), "")
        if turned:
            found.append(Sentence(NONE, turned, s.group))
        elif rng.random() < 0.35:
            slots = [m for m in _SLOT.finditer(s.text) if (m[2] or m[3]) in KINDS and KINDS[m[2] or m[3]] == "thing"]
            if slots:
                at = rng.choice(slots).end()
                found.append(Sentence(NONE, s.text[:at] + rng.choice(_ADDED) + s.text[at:], s.group))
    return found + _requests(instruct, rng)


def _requests(folder: Path, rng: random.Random) -> list[Sentence]:
    rows: list[Sentence] = []
    for path in sorted(folder.glob("phrasings_?.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row: dict[str, Any] = read_json(line)
            tools = {step["tool"] for step in row.get("steps", ())}
            text = row.get("text", "").replace("{person}", "{name}")
            slots = set(re.findall(r"\{(\w+)\}", text))
            if tools and tools <= _OTHERS and slots <= {"name", "camera", "time", "n"} and "{n}" not in text:
                rows.append(Sentence(NONE, plain(text), text))
    return rng.sample(rows, min(500, len(rows)))


class Filler:
    """Fills slots. ``half``: of the pools of names and cameras."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def __call__(self, sentence: Sentence, rng: random.Random, noise: float = 0.12) -> Example | None:
        """The phrasing filled and read; None where the fleet's own finder takes a slot's words for a name or a time."""
        cameras, people = self._site(rng)
        if sentence.gaps:
            question, slots = _filled(sentence.text, self._words(sentence, rng, cameras, people), rng, noise)
        else:
            question, slots = _said(sentence, rng, noise)
        fleet = tuple(Camera(i, name, "a.mp4", (), "UTC", None) for i, name in enumerate(cameras))
        read = masked(question, fleet, people)
        kept: list[tuple[str, int, int]] = []
        for slot, start, end in slots:
            if any(p.was[0] < end and start < p.was[1] for p in read.places):
                return None
            kept.append((slot, *read.moved(start, end)))
        return Example(sentence, question, read, tuple(kept), fleet, tuple(people))

    def _site(self, rng: random.Random) -> tuple[list[str], list[str]]:
        first = self._pools.camera(rng)
        cameras = [first, self._pools.camera(rng, first), *(self._pools.camera(rng) for _ in range(rng.randint(1, 4)))]
        people = [self._pools.person(rng) for _ in range(rng.randint(2, 4))]
        return list(dict.fromkeys(map(plain, cameras))), list(dict.fromkeys(map(plain, people)))

    def _words(
        self, sentence: Sentence, rng: random.Random, cameras: Sequence[str], people: Sequence[str]
    ) -> dict[str, str]:
        form = sentence.form
        a, b = thing(rng), thing(rng)
        while b == a:
            b = thing(rng)
        worn = form not in ("colour_upper", "colour_lower")
        someone = person(rng, worn=worn)
        vehicle = vehicles(rng, coloured="colour" not in form)
        one = {"colour_upper": someone, "colour_lower": someone, "second_vehicle_colour": vehicles(rng, False)}.get(
            form, a
        )
        number = self._pools.number(rng) if rng.random() < 0.3 else str(rng.randint(1, 30))
        words = {
            "camera": cameras[0], "camera2": cameras[-1] if cameras[-1] != cameras[0] else cameras[1],
            "name": rng.choice(people), "time": self._time(rng), "thing": one[0], "things": one[1], "a": a[0],
            "as": a[1], "b": b[0], "bs": b[1], "person": someone[0], "people": someone[1], "vehicle": vehicle[0],
            "vehicles": vehicle[1], "n": number, "colour": rng.choice(_PLAIN), "action_ing": rng.choice(_ACTIONS),
        }  # fmt: skip
        if form == "mc_order":
            options = [thing(rng)[0] for _ in range(4)]
            options = [f"the {o}" for o in options] if rng.random() < 0.15 else options
        elif form == "mc_count":
            options = [str(n) for n in rng.sample(range(0, 14), 4)]
        else:
            options = rng.sample(_PLAIN, 4)
        return words | {f"o{i}": o for i, o in enumerate(options, 1)}

    def _time(self, rng: random.Random) -> str:
        if rng.random() < 0.6:
            return _stretch(rng)
        return self._pools.moment(rng)


def _stretch(rng: random.Random) -> str:
    hour, minute = rng.randint(0, 21), rng.choice((0, 0, 10, 15, 20, 30, 40, 45, 5))
    a, b = (hour, minute), (hour + rng.randint(0, 2), min(59, minute + rng.randint(1, 15)))
    if rng.random() < 0.4:
        first, last = (f"{h % 12 or 12}{f':{m:02d}' if m else ''} {'am' if h < 12 else 'pm'}" for h, m in (a, b))
    else:
        first, last = (f"{h:02d}:{m:02d}" for h, m in (a, b))
    words = rng.choice((f"between {first} and {last}", f"from {first} to {last}"))
    day = rng.choice(("", "", "today", "yesterday", "on 3 March", "on 21 November"))
    return f"{day} {words}".strip() if rng.random() < 0.5 else f"{words} {day}".strip()


def thing(rng: random.Random) -> tuple[str, str]:
    """A described thing, one and many."""
    draw = rng.random()
    return person(rng) if draw < 0.5 else vehicles(rng) if draw < 0.96 else rng.choice(_THINGS)


def person(rng: random.Random, *, worn: bool = True) -> tuple[str, str]:
    """``man in a red jacket with a backpack``, ``men ...``."""
    one, many = rng.choice(_PEOPLE)
    within: list[str] = []
    if worn and rng.random() < 0.5:
        within.append(f"{article(_colour(rng))} {rng.choice(_UPPER)}")
    if worn and rng.random() < 0.25:
        within.append(f"{_colour(rng)} {rng.choice(_LOWER)}")
    after = [w for w in rng.sample(_WITH, 2) if rng.random() < 0.3]
    tail = f" {rng.choice(('in', 'in', 'in', 'wearing'))} {' and '.join(within)}" if within else ""
    tail += f" {' and '.join(after)}" if after else ""
    return one + tail, many + tail


def vehicles(rng: random.Random, coloured: bool = True) -> tuple[str, str]:
    """``red van``, ``red vans``."""
    one, many = rng.choice(_VEHICLES)
    lead = f"{_colour(rng)} " if coloured and rng.random() < 0.65 else ""
    return lead + one, lead + many


def _colour(rng: random.Random) -> str:
    colour = rng.choice(_PLAIN) if rng.random() < 0.75 else rng.choice([c for c in COLOUR_WORDS if "+" not in c])
    return f"{rng.choice(('dark', 'light'))} {colour}" if rng.random() < 0.08 else colour


def _filled(
    template: str, words: dict[str, str], rng: random.Random, noise: float
) -> tuple[str, list[tuple[str, int, int]]]:
    """The sentence, and (slot, from, to) of what the network is to mark."""
    out, at = "", 0
    slots: list[tuple[str, int, int]] = []
    slips = rng.random() < noise
    for m in _SLOT.finditer(template):
        literal = template[at : m.start()]
        name = m[2] or m[3]
        out += _typo(literal, rng) if slips else literal
        if m[2]:
            out += f"{article(words[name]).split(' ', 1)[0].replace('a', m[1], 1)} "
        start = len(out)
        out += words[name]
        if name in KINDS:
            slots.append((KINDS[name], start, len(out)))
        at = m.end()
    out += _typo(template[at:], rng) if slips else template[at:]
    if rng.random() < noise:
        bare = out.rstrip("?.! ")
        out = bare if not slots or len(bare) >= slots[-1][2] else out
    return out, slots


def _said(sentence: Sentence, rng: random.Random, noise: float) -> tuple[str, list[tuple[str, int, int]]]:
    """A sentence without gaps; what it is about is now and then another thing of the lexicon."""
    places = sorted((*place, slot) for slot, words in sentence.words if (place := _where(sentence.text, words)))
    out, at = "", 0
    slots: list[tuple[str, int, int]] = []
    slips = rng.random() < noise
    for start, end, slot in places:
        literal = sentence.text[at:start]
        out += _typo(literal, rng) if slips else literal
        words = _another(sentence.text[start:end], rng) if noise and slot in ("thing", "a", "b") else ""
        first = len(out)
        out += words or sentence.text[start:end]
        slots.append((slot, first, len(out)))
        at = end
    rest = sentence.text[at:]
    out += _typo(rest, rng) if slips else rest
    return (out.rstrip("?.! ") if rng.random() < noise and rest.rstrip("?.! ") else out), slots


_ARTICLE: Final = re.compile(r"(?:the|a|an|any|this|that|some) ", re.IGNORECASE)


def _another(words: str, rng: random.Random) -> str:
    """Another thing in place of one that the lexicon can read; "" where it is kept."""
    if pronoun(words) is not None or rng.random() < 0.5:
        return ""
    try:
        phrase = noun_phrase(words)
    except Lost:
        return ""
    if phrase.indefinite:
        return ""
    kind = phrase.pick.kind
    one, many = person(rng) if kind == "person" else vehicles(rng) if kind == "vehicle" else thing(rng)
    new = many if phrase.plural else one
    lead = _ARTICLE.match(words)
    if lead is not None and lead[0].casefold() in ("a ", "an "):
        return article(new)
    return (lead[0] if lead is not None else "") + new


def _typo(literal: str, rng: random.Random) -> str:
    """One slip in one longer word: two letters swapped, or one left out."""
    words = list(re.finditer(r"[a-z]{5,}", literal))
    if not words:
        return literal
    m = rng.choice(words)
    i = rng.randint(m.start() + 1, m.end() - 2)
    swapped = literal[:i] + literal[i + 1] + literal[i] + literal[i + 2 :]
    return swapped if rng.random() < 0.6 else literal[:i] + literal[i + 1 :]


def sample(example: Example, sentences: Sentences) -> Sample | None:
    """The example as tensors; None where it is too long to be read."""
    encoded = sentences.encode(example.read.text)
    if encoded is None:
        return None
    tags = np.zeros(len(encoded.spans), np.int64)
    for slot, start, end in example.slots:
        inside = False
        for i, (a, b) in enumerate(encoded.spans):
            if a < b and a >= start and b <= end:
                tags[i] = TAGS.index(f"{'I' if inside else 'B'}-{slot}")
                inside = True
    form = CLASSES.index(example.sentence.form)
    if example.sentence.form == NONE:
        tags[:] = -100  # what a slot would be in it is not asked
    return Sample(features(example.read, encoded).astype(np.float16), tags, form)


def examples(
    sentences: Sequence[Sentence], filler: Filler, rng: random.Random, times: int, noise: float = 0.12
) -> Iterator[Example]:
    """``times`` fillings of each phrasing, those without a clash."""
    for s in sentences:
        for _ in range(times):
            made = next((e for _ in range(6) if (e := filler(s, rng, noise)) is not None), None)
            if made is not None:
                yield made


__all__ = ["Example", "Filler", "Sample", "Sentence", "examples", "out_of_reach", "phrasings", "sample"]
