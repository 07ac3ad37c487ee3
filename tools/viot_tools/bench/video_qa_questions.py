"""VIoT-QA's questions: truth x form x phrasing, balanced, by seed.

A phrasing is a sentence with slots, written by hand by somebody who saw neither parser nor engine
(``datasets/viot_qa/phrasings_*.jsonl``); the gold depends on the form and the truth alone. Owns the filling of slots,
the choice of cameras and time, and the balance. Knows no engine.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from viot_agent.errors import UserFault
from viot_agent.foreign import read_json
from viot_tools.bench.video_qa_asking import MARGIN, Accepted, Asked, Draw, Form, Gold, Span
from viot_tools.bench.video_qa_counting import COUNTING_FORMS
from viot_tools.bench.video_qa_forms import FACTOID_FORMS
from viot_tools.bench.video_qa_temporal import TEMPORAL_FORMS, UNTOLD_FORMS
from viot_tools.bench.video_qa_words import Thing, article, bare
from viot_tools.bench.video_qa_world import Scene, View, make_scene, still, view
from viot_tools.qa.types import QuestionType

CANNOT_TELL = "cannot tell"
FORMS: dict[str, tuple[QuestionType, Form]] = FACTOID_FORMS | COUNTING_FORMS | TEMPORAL_FORMS
TWICE = ("action", "count_after", "count_before", "mc_order", "change")
"""Forms asked twice as often, so that no type consists mostly of yes and no."""
WHOLE = ("where", "busiest", "compare_cameras")
"""Forms that are about all cameras of the site."""
OPEN_ENDED = ("change", "still_there")
"""Forms about what is there at the borders of the time asked about."""
HOLES = {"no camera": "camera", "no time": "time", "not indexed": "things"}
"""Why it cannot be told -> the slot that a phrasing needs for it."""
HOLED = ("count", "exists", "when_first", "enters", "count_claim", "duration")
ATTEMPTS = 400
_SLOT = re.compile(r"\b([aA]) \{(\w+)\}|\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A sentence with slots for one form."""

    id: str
    form: str
    text: str

    @property
    def slots(self) -> frozenset[str]:
        """Names of its slots."""
        return frozenset(b or c for _, b, c in _SLOT.findall(self.text))

    def fill(self, values: Mapping[str, str]) -> str:
        """The sentence; ``a`` becomes ``an`` where the value wants it. Raises KeyError for a slot without value."""
        return _SLOT.sub(
            lambda m: values[m[3]] if m[3] else f"{m[1]}{article(values[m[2]])[1:]}",
            self.text,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """A question over a scene. ``cameras`` and ``time``: what the call names beside the words; ``named``: the things
    that the words name one of which is the answer; ``glimpse``: the answer that the middle frame alone gives, or
    None. Not ``answerable``: the answer is :data:`CANNOT_TELL`."""

    id: str
    scene: int
    form: str
    type: QuestionType
    question: str
    answer: str | float
    accept: tuple[Accepted, ...] = ()
    spans: tuple[Span, ...] = ()
    options: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    time: str = ""
    glimpse: str | float | None = None
    named: tuple[str, ...] = ()
    answerable: bool = True


@dataclass(frozen=True, slots=True)
class Suite:
    """Questions with their scenes (by id); ``missing``: form -> questions that could not be made."""

    scenes: Mapping[int, Scene]
    questions: tuple[Question, ...]
    missing: Mapping[str, int]


def load_phrasings(path: Path) -> list[Phrasing]:
    """The phrasings of a file. Raises UserFault with the line that is not one."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserFault(f"{path} cannot be read: {error}", fix="name the file with --phrasings") from error
    found = []
    for n, line in enumerate(lines, 1):
        try:
            row = read_json(line)
            found.append(Phrasing(str(row["id"]), str(row["form"]), str(row["text"])))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserFault(
                f"{path}, line {n} is no phrasing: {error}", fix="see datasets/viot_qa/README.md"
            ) from error
    missing = sorted((set(FORMS) | set(UNTOLD_FORMS)) - {p.form for p in found})
    if missing:
        raise UserFault(f"{path} has no phrasing of {', '.join(missing)}", fix="see datasets/viot_qa/README.md")
    return found


def make_suite(seed: int, phrasings: Sequence[Phrasing], each: int = 24, scenes: int = 18) -> Suite:
    """``each`` questions a form over ``scenes`` scenes (and a third as many with holes)."""
    plain = [make_scene(seed, n) for n in range(scenes)]
    holed = [make_scene(seed, scenes + n, holes=True) for n in range(max(1, scenes // 3))]
    by_form: dict[str, list[Phrasing]] = {}
    for phrasing in phrasings:
        by_form.setdefault(phrasing.form, []).append(phrasing)
    made: list[Question] = []
    missing: dict[str, int] = {}
    for form in (*FORMS, *UNTOLD_FORMS):
        wanted = each * 2 if form in TWICE else each
        seen: set[tuple[int, str]] = set()
        # shuffled, so that which answer is due does not go with which phrasing is
        turns = list(range(wanted))
        random.Random(f"{seed} {form}").shuffle(turns)
        for n, turn in enumerate(turns):
            sentences = by_form[form][n % len(by_form[form]) :] + by_form[form][: n % len(by_form[form])]
            found = _ask(random.Random(f"{seed} {form} {turn}"), form, turn, sentences, plain, seen)
            if found is None:
                missing[form] = missing.get(form, 0) + 1
            else:
                made.append(found)
    for why in HOLES:
        for turn in range(each):
            made.append(_holed(random.Random(f"{seed} {why} {turn}"), why, turn, by_form, plain, holed))
    return Suite({s.id: s for s in (*plain, *holed)}, tuple(made), missing)


def _ask(
    rng: random.Random,
    form: str,
    turn: int,
    phrasings: Sequence[Phrasing],
    scenes: Sequence[Scene],
    seen: set[tuple[int, str]],
) -> Question | None:
    """One question of a form, or None when no scene has the stuff for it."""
    kind, make = (FORMS | UNTOLD_FORMS)[form]
    for attempt in range(ATTEMPTS):
        # a sentence is given up for the next one only when it has been tried on many scenes
        phrasing = phrasings[attempt // 40 % len(phrasings)]
        scene = rng.choice(scenes)
        scope = _scope(rng, form, phrasing, scene)
        if scope is None:
            continue
        asked = make(Draw(rng, scene, scope.view, turn % 2 == 0, turn, phrasing.slots))
        if asked is None:
            continue
        text = phrasing.fill(scope.slots | asked.slots)
        if (scene.id, text) in seen:
            continue
        seen.add((scene.id, text))
        question = Question(f"{form}-{turn}", scene.id, form, kind, text, CANNOT_TELL, answerable=False)
        question = replace(question, options=asked.options, named=asked.named, cameras=scope.cameras, time=scope.time)
        return question if form in UNTOLD_FORMS else _answered(question, asked, scope.view)
    return None


def _answered(question: Question, asked: Asked, scope: View) -> Question:
    gold, glimpse = asked.judge(scope), asked.judge(still(scope))
    assert gold is not None, question
    answer: str | float = gold.answer
    if question.options and isinstance(answer, float):
        answer, gold = str(int(answer)), Gold(answer, (), gold.spans)
    seen = None if glimpse is None else glimpse.answer
    if question.options and isinstance(seen, float):
        seen = str(int(seen))
    return replace(question, answer=answer, accept=gold.accept, spans=gold.spans, glimpse=seen, answerable=True)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a question is about, the slots that say it, and what is said as an argument instead."""

    view: View
    slots: dict[str, str]
    cameras: tuple[str, ...] = ()
    time: str = ""


def _scope(rng: random.Random, form: str, phrasing: Phrasing, scene: Scene) -> _Scope | None:
    """Cameras and time; None where something comes or goes at the border of the time drawn."""
    slots: dict[str, str] = {}
    cameras: tuple[str, ...] | None = None
    argued: tuple[str, ...] = ()
    if form not in WHOLE and "camera" in phrasing.slots:
        cameras = (rng.choice(scene.filmed),)
        slots["camera"] = cameras[0]
    elif form not in WHOLE and (rng.random() < 0.5 or form == "at_once"):
        cameras = argued = (rng.choice(scene.filmed),)
    start, end, time = scene.start, scene.end, ""
    if "time" in phrasing.slots or rng.random() < 0.1:
        start, end = _stretch(rng, scene)
        words = time_words(rng, scene, start, end)
        if "time" in phrasing.slots:
            slots["time"] = words
        else:
            time = words
    part = view(scene, cameras, start, end)
    if form not in OPEN_ENDED and not _whole(part, scene):
        return None
    return _Scope(part, slots, argued, time)


def _whole(part: View, scene: Scene) -> bool:
    """Whether nothing crosses the borders of the stretch, but those of the footage."""
    edges = [t for t in (part.start, part.end) if t not in (scene.start, scene.end)]
    near = [a for a in scene.actors if a.camera in part.cameras]
    return all(not a.start - MARGIN < t < a.end + MARGIN for a in near for t in edges)


def _stretch(rng: random.Random, scene: Scene) -> tuple[float, float]:
    """A part of the footage on whole minutes (five in long scenes), a fifth of it at least."""
    step = 60.0 if scene.end - scene.start < 3000 else 300.0
    steps = int((scene.end - scene.start) / step)
    least = max(2, steps // 5)
    a = rng.randint(0, steps - least)
    return scene.start + step * a, scene.start + step * rng.randint(a + least, steps)


def time_words(rng: random.Random, scene: Scene, start: float, end: float) -> str:
    """``between 14:00 and 14:30``, on the site's clock, with the day where it is not today's."""
    zone = ZoneInfo(scene.tz)
    a, b, now = (datetime.fromtimestamp(t, zone) for t in (start, end, scene.now))
    days = (now.date() - a.date()).days
    twelve = rng.random() < 0.4
    first, last = (_clock(t, twelve) for t in (a, b))
    words = rng.choice((f"between {first} and {last}", f"from {first} to {last}"))
    if days == 0:
        return words if rng.random() < 0.7 else f"today {words}"
    day = "yesterday" if days == 1 else f"on {a.day} {a:%B}"
    return f"{words} {day}" if rng.random() < 0.5 else f"{day} {words}"


def _clock(t: datetime, twelve: bool) -> str:
    if not twelve:
        return f"{t:%H:%M}"
    minutes = f":{t:%M}" if t.minute else ""
    return f"{t.hour % 12 or 12}{minutes} {'am' if t.hour < 12 else 'pm'}"


def _holed(
    rng: random.Random,
    why: str,
    turn: int,
    by_form: Mapping[str, Sequence[Phrasing]],
    plain: Sequence[Scene],
    holed: Sequence[Scene],
) -> Question:
    """A question that others could answer but for a hole: no footage of the camera or the time, or never looked for."""
    form = ("count", "exists")[turn % 2] if why == "not indexed" else HOLED[turn % len(HOLED)]
    needs = "time" if why == "no time" else "camera"
    able = [p for p in by_form[form] if needs in p.slots and (needs == "time" or "time" not in p.slots)]
    phrasing = able[turn // len(HOLED) % len(able)]
    scene = rng.choice(plain if why == "no time" else holed)
    people = [a.camera for a in scene.actors if a.kind == "person"]
    camera = scene.empty if why == "no camera" else rng.choice(people)
    thing = rng.choice((bare("person"), bare("vehicle"), Thing("vehicle", "van", "van", before="white")))
    if why == "not indexed":
        thing = Thing("person", "person", after=(rng.choice(("with a hat", "with long hair", "with short hair")),))
    first = datetime.fromtimestamp(scene.start, ZoneInfo(scene.tz)) - timedelta(hours=rng.randint(2, 5))
    slots = {
        "camera": camera,
        "time": time_words(rng, scene, first.timestamp(), first.timestamp() + 60.0 * rng.choice((10, 20, 45))),
        "thing": thing.one,
        "things": thing.many,
        "n": str(rng.randint(1, 4)),
    }
    text = phrasing.fill(slots)
    kind = FORMS[form][0]
    return Question(f"{why.replace(' ', '-')}-{turn}", scene.id, why, kind, text, CANNOT_TELL, answerable=False)
