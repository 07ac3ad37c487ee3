"""The hand-written questions on real clips: their rules, what counts as right, and what a blind guesser reaches.

``python -m viot_finetune.qa.real [--questions FILE] [--data ../shared/data]`` prints every fault (exit 2 if there is
one), the spread of types and answers, and the floors. Owns the schema of ``datasets/viot_qa/real_clips.jsonl``; the
questions themselves are nobody's training data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from viot_agent.errors import UserFault, ViotError

HOME = Path(__file__).resolve().parents[3] / "datasets" / "viot_qa"
FACTOID = ("what", "who", "where", "when", "how_many", "which_colour", "action")
INFERENCE = ("order", "before_after", "state_change", "why", "how", "predictive", "counterfactual")
"""The survey's second axis: temporal and causal questions. It is orthogonal to open or multiple choice."""

TYPES = FACTOID + INFERENCE
TASKS = ("open", "multiple-choice")
DATA = ("normal", "knowledge", "commonsense")
SPLITS = ("dev", "test")
CANNOT_TELL = "cannot tell"

_WORDS = dict(zip("zero one two three four five six seven eight nine ten".split(), map(str, range(11)), strict=True))
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

Accepted = str | float | tuple[float, float]


class BadQuestions(UserFault):
    """A questions file that breaks the schema, or clips that are not the ones the questions were written on."""


@dataclass(frozen=True, slots=True)
class Question:
    """One row. ``intervals``: (start, end) in seconds from the clip's first frame, as the product's reader counts.

    ``accept`` holds other right wordings, and ranges (low, high) for numbers. ``answerable`` is False where the
    footage cannot tell; then the answer is :data:`CANNOT_TELL` and there are no intervals.
    """

    id: str
    clip: str
    question: str
    answer: str | float
    accept: tuple[Accepted, ...]
    intervals: tuple[tuple[float, float], ...]
    task: str
    options: tuple[str, ...]
    data: str
    factoid: bool
    type: str
    answerable: bool
    split: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip by its path below the data folder, the sha256 of the file and its length in seconds."""

    path: str
    sha256: str
    seconds: float
    split: str


def load(path: Path = HOME / "real_clips.jsonl") -> list[Question]:
    """The questions of a file. Raises BadQuestions with the line that does not fit the schema."""
    rows = []
    for n, line in enumerate(_text(path).splitlines(), 1):
        try:
            rows.append(_question(json.loads(line)))
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise BadQuestions(f"{path}, line {n}: {error}", fix="see datasets/viot_qa/README.md") from error
    return rows


def load_clips(path: Path = HOME / "clips.json") -> list[Clip]:
    """The clips the questions were written on. Raises BadQuestions."""
    try:
        return [Clip(**row) for row in json.loads(_text(path))]
    except (json.JSONDecodeError, TypeError) as error:
        raise BadQuestions(f"{path}: {error}", fix="see datasets/viot_qa/README.md") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadQuestions(f"{path} cannot be read: {error.strerror}.", fix="is the path right?") from error


def _question(row: Any) -> Question:
    names = {f.name for f in fields(Question)}
    if not isinstance(row, dict) or set(row) != names:
        raise ValueError(f"a row has exactly the fields {sorted(names)}")
    accept = tuple((float(a[0]), float(a[1])) if isinstance(a, list) else a for a in row["accept"])
    intervals = tuple((float(a), float(b)) for a, b in row["intervals"])
    return Question(**{**row, "accept": accept, "intervals": intervals, "options": tuple(row["options"])})


def faults(questions: Sequence[Question], clips: Sequence[Clip]) -> Iterator[str]:
    """What is wrong with the questions, a sentence each: schema, intervals, split by clip, every type in each half."""
    known = {c.path: c for c in clips}
    for id_, n in Counter(q.id for q in questions).items():
        if n > 1:
            yield f"{id_}: {n} rows carry this id"
    for said, n in Counter((q.clip, q.question.lower()) for q in questions).items():
        if n > 1:
            yield f"{said[0]}: asked {n} times: {said[1]!r}"
    for q in questions:
        for fault in _faults(q, known.get(q.clip)):
            yield f"{q.id}: {fault}"
    for split in SPLITS:
        missing = sorted(set(TYPES) - {q.type for q in questions if q.split == split})
        if missing:
            yield f"{split} has no question of type {missing}"


def _faults(q: Question, clip: Clip | None) -> Iterator[str]:
    for name, value, allowed in (
        ("type", q.type, TYPES),
        ("task", q.task, TASKS),
        ("data", q.data, DATA),
        ("split", q.split, SPLITS),
    ):
        if value not in allowed:
            yield f"{name} {value!r} is none of {allowed}"
    if not q.question.strip():
        yield "no question"
    if q.factoid != (q.type in FACTOID):
        yield f"factoid is {q.factoid}, type {q.type} says otherwise"
    if (q.task == "multiple-choice") != bool(q.options):
        yield "options go with multiple-choice, and only with it"
    if q.options and (q.options.count(str(q.answer)) != 1 or len(set(q.options)) < 3):
        yield "three options or more, different ones, of which the answer is one"
    if q.answerable == (q.answer == CANNOT_TELL):
        yield f"the answer is {CANNOT_TELL!r} where the footage cannot tell, and only there"
    if q.answerable != bool(q.intervals):
        yield "intervals stand where the footage can tell, and only there"
    if any(isinstance(a, tuple) and a[0] > a[1] for a in q.accept):
        yield "a range runs from low to high"
    if clip is None:
        yield f"{q.clip} is not in clips.json"
        return
    if clip.split != q.split:
        yield f"{q.clip} belongs to {clip.split}: the split is by clip"
    for start, end in q.intervals:
        if not 0.0 <= start < end <= clip.seconds:
            yield f"[{start}, {end}] is not inside the clip's {clip.seconds} s"


def footage_faults(clips: Sequence[Clip], data: Path) -> Iterator[str]:
    """Clips below ``data`` that are missing or whose bytes are not those the questions were written on."""
    for clip in clips:
        path = data / clip.path
        if not path.is_file():
            yield f"{clip.path} is not below {data}"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != clip.sha256:
            yield f"{clip.path} has another sha256: other footage, other answers"


def normal(text: str) -> str:
    """Lower case, no punctuation, no articles, number words up to ten as digits."""
    words = re.findall(r"\d+(?:\.\d+)?|\w+", text.lower())
    return " ".join(_WORDS.get(w, w) for w in words if w not in ("a", "an", "the"))


def right(q: Question, said: str) -> bool:
    """Whether ``said`` is the answer: one of the accepted wordings, or the one number it holds is right or in range.

    Short answers are compared, not sentences: whoever is measured says "red", not "the car was red". Of an answer to
    a yes-no question the first word counts, of a number the number ("7 people").
    """
    ours = {normal(str(q.answer)), *(normal(str(a)) for a in q.accept if not isinstance(a, tuple))}
    theirs = normal(said)
    if theirs in ours:
        return True
    if q.answer in ("yes", "no"):
        return theirs.split(" ")[0] == q.answer
    if not isinstance(q.answer, str):
        numbers = [float(n) for n in _NUMBER.findall(theirs)]
        ranges = [(q.answer, q.answer), *(a for a in q.accept if isinstance(a, tuple))]
        return len(numbers) == 1 and any(low <= numbers[0] <= high for low, high in ranges)
    return False


def floors(questions: Sequence[Question]) -> dict[str, float]:
    """Accuracy of guessers who never see the footage, over ``questions``.

    ``chance`` and ``longest option`` are over multiple choice alone. ``majority``, ``type prior`` and ``opening words``
    know the true answer counts of all other questions (leave one out): overall, per type, and per first two words of
    the question. ``nearest question`` gives the answer of the other question that shares most words with this one
    (Jaccard). All of these answer multiple choice by chance. ``cannot tell`` always says so.
    """
    if not questions:
        raise BadQuestions("there are no questions to guess at.", fix="give a file with at least one row")
    chosen = [q for q in questions if q.options]
    chance = sum(1 / len(q.options) for q in chosen)
    return {
        "chance": chance / len(chosen) if chosen else 0.0,
        "longest option": sum(max(q.options, key=len) == q.answer for q in chosen) / len(chosen) if chosen else 0.0,
        "majority": _prior(questions, lambda _: ""),
        "type prior": _prior(questions, lambda q: q.type),
        "opening words": _prior(questions, lambda q: " ".join(normal(q.question).split()[:2])),
        "nearest question": _nearest(questions),
        CANNOT_TELL: sum(not q.answerable for q in questions) / len(questions),
    }


def _prior(questions: Sequence[Question], key: Callable[[Question], str]) -> float:
    counts: dict[str, Counter[str]] = {}
    for q in questions:
        if not q.options:
            counts.setdefault(key(q), Counter())[normal(str(q.answer))] += 1
    score = 0.0
    for q in questions:
        if q.options:
            score += 1 / len(q.options)
            continue
        others = counts[key(q)].copy()
        others[normal(str(q.answer))] -= 1
        # ties go to the answer that sorts first, so that the figure does not hang on the order of the file
        guess = min(others, key=lambda a: (-others[a], a))
        score += others[guess] > 0 and right(q, guess)
    return score / len(questions)


def _nearest(questions: Sequence[Question]) -> float:
    bags = [frozenset(normal(q.question).split()) for q in questions]
    score = 0.0
    for q, bag in zip(questions, bags, strict=True):
        if q.options:
            score += 1 / len(q.options)
            continue
        others = [(len(bag & b) / len(bag | b), o) for o, b in zip(questions, bags, strict=True) if o is not q]
        if others:
            score += right(q, str(max(others, key=lambda pair: (pair[0], pair[1].id))[1].answer))
    return score / len(questions)


def table(questions: Sequence[Question]) -> str:
    """Counts by type, answers that come often, and the floors, for each half."""
    lines = [f"{'':>16} {'dev':>5} {'test':>5}"]
    halves: Mapping[str, list[Question]] = {s: [q for q in questions if q.split == s] for s in SPLITS}
    for name, holds in (
        ("questions", lambda q: True),
        *((t, lambda q, t=t: q.type == t) for t in TYPES),
        ("multiple choice", lambda q: bool(q.options)),
        ("knowledge", lambda q: q.data == "knowledge"),
        ("commonsense", lambda q: q.data == "commonsense"),
        ("cannot tell", lambda q: not q.answerable),
        ("yes", lambda q: q.answer == "yes"),
        ("no", lambda q: q.answer == "no"),
    ):
        lines.append(f"{name:>16} " + " ".join(f"{sum(map(holds, halves[s])):>5}" for s in SPLITS))
    lines.append("\nfloor, per cent")
    found = {s: floors(halves[s]) for s in SPLITS if halves[s]}
    for name in next(iter(found.values()), {}):
        lines.append(f"{name:>16} " + " ".join(f"{100 * found[s][name]:>5.1f}" for s in found))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Check and print; 0 when all is well, 2 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.qa.real", description=__doc__)
    parser.add_argument("--questions", type=Path, default=HOME / "real_clips.jsonl")
    parser.add_argument("--clips", type=Path, default=HOME / "clips.json")
    parser.add_argument("--data", type=Path, help="folder laid out like ../shared/data: the clips are looked at too")
    args = parser.parse_args(argv)
    try:
        questions, clips = load(args.questions), load_clips(args.clips)
        found = list(faults(questions, clips))
        if args.data is not None:
            found += footage_faults(clips, args.data)
        print(table(questions))
    except ViotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for fault in found:
        print(fault, file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
