"""The suite ``real``: hand-written questions on real clips, which the product indexes and answers by itself.

Two halves by clip. ``claimed``: the questions that the engine vouches for, by what is asked and of whom, before it
looks (``viot_tools.qa.abilities``); of the rest it should rather say that it cannot tell than be wrong. ``told``: all
factoid questions and those of time, whether the engine reads them or not; ``form``: those that ask what a program says,
about somebody or something that the index describes, as an annotator judged who saw the questions alone
(``real_forms.jsonl``). Owns this suite's rows. The questions are data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from viot_agent.bench.report import Report, Row
from viot_agent.errors import UserFault
from viot_tools.bench import video_qa_figures as figures
from viot_tools.bench.video_qa_ask import EngineName
from viot_tools.bench.video_qa_clips import CANNOT_TELL, HOME, Question, load, load_clips, load_forms
from viot_tools.bench.video_qa_figures import TEMPORAL, Marked
from viot_tools.bench.video_qa_footage import Footage, camera_names, indexed
from viot_tools.bench.video_qa_marking import floors
from viot_tools.qa.learned.forms import FORMS, UNTOLD
from viot_tools.qa.types import FACTOID, TYPES

TOLD = (*FACTOID, *TEMPORAL)
QUICK_CLIPS = 2


def real(
    data: Path, split: str, quick: bool, seed: int, engine: EngineName, keep: Path | None, questions: Path | None = None
) -> tuple[Report, list[Marked[Question]]]:
    """Index the clips of a half below ``data``, ask, mark. Raises UserFault when no clip is there."""
    rows = [q for q in load(questions or HOME / "real_clips.jsonl") if q.split == split]
    every = {c.path: c.split for c in load_clips()} if questions is None else {q.clip: split for q in rows}
    clips = {path for path, half in every.items() if half == split}
    names = camera_names(every)
    files = {names[path]: data / path for path in sorted(clips) if (data / path).is_file()}
    missing = sorted(path for path in clips if not (data / path).is_file())
    if quick:
        files = dict(sorted(files.items(), key=lambda f: f[1].stat().st_size)[:QUICK_CLIPS])
    if not files:
        raise UserFault(f"no clip of the {split} half is below {data}", fix="--data ../shared/data")
    with indexed(files, data, engine, keep, data / "models" if (data / "models").is_dir() else None) as footage:
        able = files.keys() - footage.skipped.keys()
        marked = [_ask(footage, q, names[q.clip]) for q in rows if names[q.clip] in able]
        tier = footage.viot.weights.tier
        skipped = [f"{name}: {why}" for name, why in footage.skipped.items()]
    skipped += [f"{path} is not below {data}" for path in missing]
    notes = [
        f"{len(marked)} questions on {len(files)} clips of the {split} half",
        f"floors: {figures.floor_words(floors([m.question for m in marked]))}",
        f"time: {figures.seconds_words(marked)}",
    ]
    forms = load_forms() if questions is None else {}
    return Report(tuple(figures_of(marked, seed, engine, tier, forms)), tuple(skipped), notes=tuple(notes)), marked


def _told(form: str) -> bool:
    return form in FORMS and form not in UNTOLD


def _ask(footage: Footage, q: Question, camera: str) -> Marked[Question]:
    """One question, about its clip alone; stretches are told by the clip's path."""
    said = footage.answer(camera, q.question, q.options, q.type == "when")
    return Marked(q, replace(said, spans=tuple((q.clip, a, b) for _, a, b in said.spans)))


def figures_of(
    marked: Sequence[Marked[Question]], seed: int, engine: str, tier: str, forms: Mapping[str, tuple[str, bool]]
) -> list[Row]:
    """All rows of the suite. ``forms``: of questions (id) their form, and whether the index describes what they are
    about."""

    def of(id_: str, words: str, mine: Sequence[Marked[Question]]) -> list[Row]:
        if not mine:
            return []
        found = figures.floors_of([m.question for m in mine])
        floor = max(*found.values(), floors([m.question for m in mine])[CANNOT_TELL])
        return [figures.accuracy(f"videoqa.real.{id_}", words, mine, seed, engine, tier, floor)]

    claimed = [m for m in marked if m.said.claimed]
    rest = [m for m in marked if not m.said.claimed]
    rows = of("acc", "all questions", marked)
    rows += of("claimed.acc", "questions of the kinds that the engine claims", claimed)
    if rest:
        harmless = [float(not m.wrong) for m in rest]
        words = "right or cannot tell, of the others"
        rows.append(figures.share("videoqa.real.rest.not_wrong", words, harmless, seed, engine, tier))
    missed = [m for m in rest if not m.right]
    if missed:
        untold = [float(not m.said.answer) for m in missed]
        words = "cannot tell, of the others that are not right"
        rows.append(figures.share("videoqa.real.rest.cannot_tell", words, untold, seed, engine, tier))
    rows += of("parsed.acc", "questions that a program says", [m for m in marked if m.said.parsed])
    rows += of("answered.acc", "questions that were answered", [m for m in marked if m.said.answer])
    rows += of("told.acc", "factoid questions and those of time", [m for m in marked if m.question.type in TOLD])
    able = [m for m in marked if forms.get(m.question.id, ("", False))[1] and _told(forms[m.question.id][0])]
    rows += of("form.acc", "questions that a program could say, of what is described", able)
    for type_ in TYPES:
        rows += of(f"{type_}.acc", type_.replace("_", " "), [m for m in marked if m.question.type == type_])
    shown = figures.overlaps(marked, lambda q: [(q.clip, a, b) for a, b in q.intervals])
    if shown:
        rows.append(figures.share("videoqa.real.iou", "overlap of the evidence's time", shown, seed, engine, tier))
    wrong = [float(m.wrong) for m in marked]
    rows.append(figures.share("videoqa.real.wrong", "answered wrongly (less is better)", wrong, seed, engine, tier))
    return rows
