"""The hand-written questions on real clips: their rules, what counts as right, and what a blind guesser reaches.

``python -m viot_finetune.qa.real [--questions FILE] [--data ../shared/data]`` prints every fault (exit 2 if there is
one), the spread of types and answers, and the floors. Owns the schema of ``datasets/viot_qa/real_clips.jsonl``; the
questions themselves are nobody's training data.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from viot_agent.errors import ViotError
from viot_tools.bench.video_qa_clips import CANNOT_TELL, HOME, LATER, BadQuestions, Clip, Question, load, load_clips
from viot_tools.bench.video_qa_marking import floors, normal, right
from viot_tools.qa.types import FACTOID, TYPES

TASKS = ("open", "multiple-choice")
DATA = ("normal", "knowledge", "commonsense")
SPLITS = ("dev", "test", *LATER)
"""Halves by clip, and later tests."""

__all__ = [
    "CANNOT_TELL", "HOME", "TYPES", "BadQuestions", "Clip", "Question", "faults", "floors", "footage_faults", "load",
    "load_clips", "normal", "right",
]  # fmt: skip


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
    # a later test is a file of its own, and not spread over every type
    for split in () if any(q.split in LATER for q in questions) else SPLITS[:2]:
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
    if clip.split != q.split and not (q.split in LATER and clip.split == "test"):
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


def table(questions: Sequence[Question]) -> str:
    """Counts by type, answers that come often, and the floors, for each half."""
    halves: Mapping[str, list[Question]] = {
        s: mine for s in SPLITS if (mine := [q for q in questions if q.split == s]) or s not in LATER
    }
    lines = [" ".join([f"{'':>16}", *(f"{s:>5}" for s in halves)])]
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
        lines.append(f"{name:>16} " + " ".join(f"{sum(map(holds, halves[s])):>5}" for s in halves))
    lines.append("\nfloor, per cent")
    found = {s: floors(halves[s]) for s in halves if halves[s]}
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
