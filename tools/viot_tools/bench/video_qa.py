"""``viot bench video-qa``: how well questions about footage are answered, by type, with what a guesser reaches beside.

Three kinds of suite: ``viot-qa`` (questions by template and seed over known worlds, clean rows and rows gone wrong),
``real`` (hand-written questions on real clips, indexed by the product itself), and public sets as they are published.

Composition only: the world, the questions, the marking and the public layouts have modules of their own.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from viot_agent.bench.report import Report, Row
from viot_agent.errors import UserFault
from viot_agent.weights import Weights
from viot_tools.bench import video_qa_figures as figures
from viot_tools.bench import video_qa_public, video_qa_real
from viot_tools.bench.video_qa_ask import Asker, EngineName, engine_name
from viot_tools.bench.video_qa_clips import HOME, LATER
from viot_tools.bench.video_qa_figures import TEMPORAL, Marked
from viot_tools.bench.video_qa_marking import normal, right
from viot_tools.bench.video_qa_questions import Question, Suite, load_phrasings, make_suite
from viot_tools.bench.video_qa_rows import NONE, Flaws, TrueActions, TrueNames, store
from viot_tools.bench.video_qa_suites import SUITES
from viot_tools.bench.video_qa_words import GARMENTS
from viot_tools.qa.types import FACTOID, TYPES

FLAWS = Flaws(miss=0.292, false=0.274, switch=0.035)
"""Of people on MOT17, as ``python -m viot_tools.bench.video_qa_rates`` prints them (hub tier)."""
EACH, QUICK = 24, 3
NAMED = ("order", "left_first", "compare", "compare_cameras")
"""Forms whose question names the two answers."""


def bench(
    data: Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    suite: Annotated[str, f"viot-qa, real, or one of {', '.join(SUITES)} (--data: its folder)"] = "viot-qa",
    split: Annotated[
        str, "dev or test (real: was run once); real also second, questions written later, by others"
    ] = "dev",
    engine: Annotated[str, "symbolic or video-llm"] = "symbolic",
    phrasings: Annotated[Path | None, "viot-qa: sentences of your own, in the format of datasets/viot_qa"] = None,
    keep: Annotated[Path | None, "real and public sets: index in this folder, and find it there again"] = None,
    limit: Annotated[int, "public sets: this many questions, drawn by seed; 0 = all"] = 0,
    wordnet: Annotated[Path | None, "public sets: a folder with WordNet's index.noun and data.noun, for WUPS"] = None,
    wrong: Annotated[Path | None, "write every question that was not answered rightly to this file"] = None,
) -> Report:
    """Ask a suite's questions through ``video_qa`` and mark them.

    Raises UserFault for a suite, half or engine nobody knows, WeightsMissing for an engine without its files.
    """
    who = engine_name(engine)
    marked: Sequence[Marked[Any]]
    if split not in ("dev", "test") and not (suite == "real" and split in LATER):
        raise UserFault(
            f"there is no half {split!r}", fix=f"--split dev or --split test; of real also --split {' or '.join(LATER)}"
        )
    if suite == "viot-qa":
        report, marked = world(phrasings or HOME / f"phrasings_{split}.jsonl", quick, seed, who)
    elif data is None:
        raise UserFault(f"{suite} needs its folder", fix="--data DIR; docs/video-qa.md says what belongs in it")
    elif suite == "real":
        report, marked = video_qa_real.real(
            data, split, quick, seed, who, keep, HOME / LATER[split] if split in LATER else None
        )
    else:
        some = limit or (QUICK * 10 if quick else 0)
        report, marked = video_qa_public.public(suite, data, split, some, seed, who, keep, wordnet)
    if wrong is not None:
        wrong.write_text("".join(f"{line}\n" for m in marked if not m.right for line in transcript(m)), "utf-8")
    return report


def transcript(m: Marked[Any]) -> list[str]:
    """A question that was not answered rightly, in a few lines."""
    q = m.question
    said = m.said.answer or "cannot tell"
    options = f" ({', '.join(q.options)})" if q.options else ""
    return [
        f"{'WRONG' if m.wrong else 'UNTOLD'} {q.id} [{q.type}] {q.question}{options}",
        f"    right: {q.answer}; said: {said}{'' if m.said.number is None else f' [{m.said.number:g}]'}",
        f"    {m.said.text}",
    ]


def world(file: Path, quick: bool, seed: int, engine: EngineName) -> tuple[Report, list[Marked[Question]]]:
    """VIoT-QA: clean rows, then the same questions over rows gone wrong."""
    made = make_suite(seed, load_phrasings(file), QUICK if quick else EACH, 6 if quick else 18)
    clean = asked(made, NONE, seed, engine)
    noisy = asked(made, FLAWS, seed, engine)
    rows = [*_rows("videoqa.viotqa", clean, seed, engine), *_rows("videoqa.viotqa.noisy", noisy, seed, engine)]
    notes = [
        f"{len(made.questions)} questions over {len(made.scenes)} scenes, phrasings of {file.name}",
        f"noisy rows: {FLAWS.miss:.3f} of things missed, {FLAWS.false:.3f} false and {FLAWS.switch:.3f} broken tracks "
        "for each, as measured on MOT17 (python -m viot_tools.bench.video_qa_rates)",
        *_floor_notes(made.questions),
        f"time, clean rows: {figures.seconds_words(clean)}",
    ]
    notes += [f"{n} questions of form {form} could not be made" for form, n in made.missing.items()]
    return Report(tuple(rows), notes=tuple(notes)), clean


def asked(made: Suite, flaws: Flaws, seed: int, engine: EngineName) -> list[Marked[Question]]:
    """Every question put to the tool over its scene's rows."""
    by_scene: dict[int, list[Question]] = {}
    for q in made.questions:
        by_scene.setdefault(q.scene, []).append(q)
    marked: dict[str, Marked[Question]] = {}
    with tempfile.TemporaryDirectory(prefix="viot-qa-") as scratch:
        home = Path(scratch)
        base = Weights.from_env(home)
        weights = Weights(base.home, base.models_dir, "hub")
        for number, questions in by_scene.items():
            stored = store(made.scenes[number], flaws, seed)
            ask = Asker(
                stored.library,
                weights,
                home,
                stored.scene.now,
                engine=engine,
                actions=TrueActions(stored),
                names=TrueNames(stored),
            )
            for q in questions:
                said = ask(q.question, q.cameras, q.time, q.options)
                marked[q.id] = Marked(q, replace(said, answer=meant(said.answer, q.named)))
    return [marked[q.id] for q in made.questions]


def meant(answer: str, named: Sequence[str]) -> str:
    """Which of the named things an answer means: the one it shares most words with, in whatever garment and order.

    The answer itself where nothing was named, and where two fit as well.
    """
    if not answer or not named:
        return answer
    said = _words(answer)
    shared = [len(said & _words(n)) / len(said | _words(n)) for n in named]
    best = max(shared)
    return named[shared.index(best)] if best >= 0.5 and shared.count(best) == 1 else answer


def _words(text: str) -> frozenset[str]:
    return frozenset("top" if w in GARMENTS else w for w in normal(text).split() if w != "and")


def all_floors(questions: Sequence[Question]) -> dict[str, float]:
    """Every blind floor; ``form known``, who knows the form of each question and how often each answer to it is right;
    and ``single frame``, who besides sees the middle picture and reads it without error, and takes for each form what
    is more often right. The last two are not leave-one-out, which on evenly spread answers falls below chance."""
    by_form: dict[str, list[Question]] = {}
    for q in questions:
        by_form.setdefault(q.form, []).append(q)
    guessed = {form: _guessed(form, mine) for form, mine in by_form.items()}
    seen = {form: max(guessed[form], _seen(mine, guessed[form])) for form, mine in by_form.items()}
    bounds = {
        name: sum(share[form] * len(mine) for form, mine in by_form.items()) / len(questions)
        for name, share in (("form known", guessed), (figures.FRAME, seen))
    }
    return {**figures.floors_of(questions), **bounds}


def _guessed(form: str, questions: Sequence[Question]) -> float:
    """The share that the best constant answer to a form gets; where the question names its answers, by chance."""
    if form in NAMED or questions[0].options:
        return sum(1 / (len(q.options) or 2) for q in questions) / len(questions)
    return Counter(str(q.answer) for q in questions).most_common()[0][1] / len(questions)


def _seen(questions: Sequence[Question], guessed: float) -> float:
    """The share that one picture gets, guessing where it does not answer."""
    return sum(guessed if q.glimpse is None else float(right(q, str(q.glimpse))) for q in questions) / len(questions)


def _groups(questions: Sequence[Question]) -> list[tuple[str, str, list[Question]]]:
    """(id, words, questions): factoid, temporal, each type, and what cannot be told."""
    told = [q for q in questions if q.answerable]
    groups = [
        ("factoid", "factoid questions", [q for q in told if q.type in FACTOID]),
        ("temporal", "questions of time", [q for q in told if q.type in TEMPORAL]),
    ]
    groups += [(t, t.replace("_", " "), [q for q in told if q.type == t]) for t in TYPES]
    return [(name, words, mine) for name, words, mine in groups if mine]


def _rows(prefix: str, marked: Sequence[Marked[Question]], seed: int, engine: str) -> list[Row]:
    of = {m.question.id: m for m in marked}
    tier = "builtin" if engine == "symbolic" else "hub"
    rows = []
    for name, words, mine in _groups([m.question for m in marked]):
        floor = max(all_floors(mine).values())
        answered = [of[q.id] for q in mine]
        rows.append(figures.accuracy(f"{prefix}.{name}.acc", words, answered, seed, engine, tier, floor))
    told = [m for m in marked if m.question.answerable]
    untold = [m for m in marked if not m.question.answerable]
    rows.append(
        figures.accuracy(f"{prefix}.unanswerable.acc", "what nobody can tell", untold, seed, engine, tier, None)
    )
    wrongs = [float(m.wrong) for m in told]
    rows.append(figures.share(f"{prefix}.wrong", "answered wrongly (less is better)", wrongs, seed, engine, tier))
    shown = figures.overlaps(told, lambda q: q.spans)
    if shown:
        rows.append(figures.share(f"{prefix}.iou", "overlap of the evidence's time", shown, seed, engine, tier))
    return rows


def _floor_notes(questions: Sequence[Question]) -> list[str]:
    return [
        f"floors, {words}: {figures.floor_words(all_floors(mine))}"
        for name, words, mine in _groups(questions)
        if name in ("factoid", "temporal")
    ]
