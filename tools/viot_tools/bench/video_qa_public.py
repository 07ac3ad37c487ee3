"""Public suites under the product: index the videos that are there, ask, and print accuracy and WUPS by type.

A suite may hold thousands of videos: ``--limit`` draws questions by seed, and only their videos are indexed. Owns these
rows. The layouts are ``video_qa_suites``'s.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from viot_agent.bench.report import Report, Row
from viot_agent.errors import UserFault
from viot_tools.bench import video_qa_figures as figures
from viot_tools.bench.video_qa_ask import EngineName
from viot_tools.bench.video_qa_figures import Marked
from viot_tools.bench.video_qa_footage import camera_names, indexed
from viot_tools.bench.video_qa_suites import SuiteQuestion, read_suite, videos
from viot_tools.bench.video_qa_wups import PLACE, Nouns, load, wups
from viot_tools.qa.types import TYPES

THRESHOLDS = (0.0, 0.9)


def public(
    suite: str,
    data: Path,
    split: str,
    limit: int,
    seed: int,
    engine: EngineName,
    keep: Path | None,
    wordnet: Path | None,
) -> tuple[Report, list[Marked[SuiteQuestion]]]:
    """Ask a suite's half. Raises UserFault for files that are missing or laid out otherwise, and without any video."""
    questions = read_suite(suite, data, split)
    there = videos(data)
    able = [q for q in questions if q.video in there]
    if not able:
        raise UserFault(f"none of the videos of {suite} ({split}) is below {data}", fix="put them there by their names")
    if limit and limit < len(able):
        able = random.Random(seed).sample(able, limit)
    skipped = [f"{len(questions) - len(able)} of {len(questions)} questions: no video, or not drawn"]
    nouns = _nouns(wordnet, skipped) if any(open_ended(q) for q in able) else None
    names = camera_names(there)
    files = {names[stem]: there[stem] for stem in sorted({q.video for q in able})}
    models = data / "models"
    with indexed(files, data, engine, keep, models if models.is_dir() else None) as footage:
        tier = footage.viot.weights.tier
        marked = []
        for q in able:
            if names[q.video] in footage.skipped:
                continue
            when = "" if q.part is None else f"from second {q.part[0]:g} to second {q.part[1]:g}"
            said = footage.answer(names[q.video], q.question, q.options, q.type == "when", when)
            marked.append(Marked(q, said))
        skipped += [f"{name}: {why}" for name, why in footage.skipped.items()]
    if not marked:
        raise UserFault(f"no video of {suite} could be indexed: {skipped[-1]}", fix="check the files")
    rows = figures_of(suite, marked, seed, engine, tier, nouns)
    notes = (f"time: {figures.seconds_words(marked)}",)
    return Report(tuple(rows), tuple(skipped), notes=notes), marked


def open_ended(q: SuiteQuestion) -> bool:
    """Whether the answer is words of one's own."""
    return not q.options and isinstance(q.answer, str) and q.answer not in ("yes", "no")


def _nouns(folder: Path | None, skipped: list[str]) -> Nouns | None:
    """WordNet, where it is. A folder that was named must hold it."""
    if folder is None and not PLACE.is_dir():
        skipped.append("WUPS: WordNet is not here (apt-get install wordnet-base, or name its folder with --wordnet)")
        return None
    return load(folder or PLACE)


def figures_of(
    suite: str, marked: Sequence[Marked[SuiteQuestion]], seed: int, engine: str, tier: str, nouns: Nouns | None
) -> list[Row]:
    """Accuracy over all and by type, whole questions of several parts, squared error of counts, WUPS."""
    rows: list[Row] = []
    groups = [("", "all questions", list(marked))]
    groups += [(f"{t}.", t.replace("_", " "), [m for m in marked if m.question.type == t]) for t in TYPES]
    for name, words, mine in groups:
        exact = [m for m in mine if m.question.metric == "acc"]
        if exact:
            floor = max(figures.floors_of([m.question for m in exact]).values())
            rows.append(figures.accuracy(f"videoqa.{suite}.{name}acc", words, exact, seed, engine, tier, floor))
        whole: dict[str, bool] = {}
        for m in exact:
            if m.question.whole:
                whole[m.question.whole] = whole.get(m.question.whole, True) and m.right
        if whole:
            held = [float(v) for v in whole.values()]
            rows.append(
                figures.share(f"videoqa.{suite}.{name}whole.acc", f"{words}, all options", held, seed, engine, tier)
            )
        errors = [_squared(m) for m in mine if m.question.metric == "mse"]
        if errors:
            rows.append(
                figures.share(f"videoqa.{suite}.{name}mse", f"{words}, squared error", errors, seed, engine, tier)
            )
        said = [m for m in exact if open_ended(m.question)]
        for threshold in THRESHOLDS if nouns is not None and said else ():
            assert nouns is not None
            scores = [_wups(nouns, m, threshold) for m in said]
            id_ = f"videoqa.{suite}.{name}wups{threshold:g}"
            rows.append(figures.share(id_, f"{words}, WUPS at {threshold:g}", scores, seed, engine, tier))
    return rows


def _squared(m: Marked[SuiteQuestion]) -> float:
    """Squared error of a count; who does not tell is taken to say 0."""
    return (float(m.question.answer) - (m.said.number or 0.0)) ** 2


def _wups(nouns: Nouns, m: Marked[SuiteQuestion], threshold: float) -> float:
    """The best over the right answers."""
    golds = [str(m.question.answer), *(str(a) for a in m.question.accept)]
    return max(wups(nouns, m.said.answer, gold, threshold) for gold in golds)
