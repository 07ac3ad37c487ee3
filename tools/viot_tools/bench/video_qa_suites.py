"""Public question sets as they are published, read into one kind of row.

A suite is a folder: the publisher's files as they come, videos anywhere below it under their own names. Nothing is
downloaded. Owns the layouts and the mapping of their question types to ours (``qa.types``). Knows no engine.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from viot_agent.errors import UserFault
from viot_tools.bench.video_qa_marking import Accepted
from viot_tools.qa.types import QuestionType

Metric = Literal["acc", "mse"]
SPLITS = {"dev": "val", "test": "test", "train": "train"}
MEDIA = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".gif")


@dataclass(frozen=True, slots=True)
class SuiteQuestion:
    """One question of a public set. ``group``: the publisher's own name of its type; ``video``: the stem of the file;
    ``part``: the stretch of it in seconds that is asked about, None = all; ``whole``: questions that count as one."""

    id: str
    video: str
    question: str
    type: QuestionType
    group: str
    answer: str | float
    accept: tuple[Accepted, ...] = ()
    options: tuple[str, ...] = ()
    part: tuple[float, float] | None = None
    metric: Metric = "acc"
    whole: str = ""
    answerable: bool = True


Reader = Callable[[Path, str], Iterator[SuiteQuestion]]

_NEXT: Mapping[str, QuestionType] = {
    "CW": "why", "CH": "how", "TN": "before_after", "TC": "before_after", "TP": "before_after", "DC": "how_many",
    "DL": "where", "DO": "what", "DB": "what",
}  # fmt: skip
_ACTIVITYNET: tuple[tuple[str, QuestionType], ...] = (
    ("motion", "action"), ("spatial", "where"), ("temporal", "before_after"), ("yes-no", "what"),
    ("colour", "which_colour"), ("object", "what"), ("location", "where"), ("number", "how_many"), ("other", "what"),
)  # fmt: skip
_FRAMEQA: tuple[tuple[str, QuestionType], ...] = (
    ("object", "what"),
    ("number", "how_many"),
    ("colour", "which_colour"),
    ("location", "where"),
)
_CLEVRER: Mapping[str, QuestionType] = {
    "descriptive": "what",
    "explanatory": "why",
    "predictive": "predictive",
    "counterfactual": "counterfactual",
}
_STAR: Mapping[str, QuestionType] = {
    "Interaction": "action",
    "Sequence": "before_after",
    "Prediction": "predictive",
    "Feasibility": "predictive",
}
_FIRST: Mapping[str, QuestionType] = {
    "what": "what", "who": "who", "whose": "who", "where": "where", "when": "when", "why": "why", "how": "how",
}  # fmt: skip


def read_suite(name: str, folder: Path, split: str) -> list[SuiteQuestion]:
    """The questions of a suite's half. Raises UserFault when files are missing or not of the published layout."""
    if name not in SUITES:
        raise UserFault(f"there is no suite {name!r}", fix=f"the suites are {', '.join(SUITES)}")
    try:
        found = list(SUITES[name](folder, SPLITS.get(split, split)))
    except (KeyError, IndexError, TypeError, ValueError, csv.Error) as error:
        raise UserFault(
            f"{folder} is not laid out as {name} is published: {type(error).__name__} {error}",
            fix="see docs/video-qa.md for the files of each suite",
        ) from error
    if not found:
        raise UserFault(f"{name} holds no {split} question in {folder}", fix="see docs/video-qa.md")
    return found


def videos(folder: Path) -> dict[str, Path]:
    """Every video below the folder by its stem."""
    return {p.stem: p for p in sorted(folder.rglob("*")) if p.suffix.lower() in MEDIA}


def _file(folder: Path, *names: str) -> Path:
    """The first of ``names`` that lies in the folder or below it."""
    for name in names:
        found = sorted(folder.rglob(name))
        if found:
            return found[0]
    raise UserFault(f"there is no {' or '.join(names)} in {folder}", fix="see docs/video-qa.md for the files")


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _table(path: Path, delimiter: str = ",") -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter=delimiter)


def _first_word(question: str) -> QuestionType:
    words = question.lower().split()
    if words[:2] == ["how", "many"]:
        return "how_many"
    return _FIRST.get(words[0], "what") if words else "what"


def nextqa(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``val.csv``: video, ..., question, answer (place of the right option, or its text), qid, type, a0 to a4."""
    for row in _table(_file(folder, f"{split}.csv")):
        options = tuple(row[f"a{i}"].strip() for i in range(5))
        answer = options[int(row["answer"])] if row["answer"].isdigit() else row["answer"].strip()
        kind = _NEXT[row["type"]]
        id_ = f"{row['video']}_{row['qid']}"
        yield SuiteQuestion(id_, row["video"], row["question"], kind, row["type"], answer, (), options)


def nextqa_oe(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """The open-ended files: the same without options, now and then with a second right answer."""
    for row in _table(_file(folder, f"{split}.csv")):
        more = row.get("additional_ref_answer", "") or ""
        accept: tuple[Accepted, ...] = (more.strip(),) if more.strip() else ()
        id_ = f"{row['video']}_{row['qid']}"
        answer = row["answer"].strip()
        yield SuiteQuestion(id_, row["video"], row["question"], _NEXT[row["type"]], row["type"], answer, accept)


def msvd(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``val_qa.json``: id, video_id, question, answer; ``youtube_mapping.txt``: name and ``vidN`` in a line."""
    lines = _file(folder, "youtube_mapping.txt").read_text("utf-8").splitlines()
    names = {number: name for name, number in (line.split() for line in lines if line.strip())}
    for row in _json(_file(folder, f"{split}_qa.json")):
        video = names[f"vid{row['video_id']}"]
        yield _open_ended(row, video)


def msrvtt(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``val_qa.json``: id, video_id, category_id, question, answer; videos are called ``videoN``."""
    for row in _json(_file(folder, f"{split}_qa.json")):
        yield _open_ended(row, f"video{row['video_id']}")


def _open_ended(row: Mapping[str, Any], video: str) -> SuiteQuestion:
    question = str(row["question"])
    # by custom their five groups are what, who, how, when, where, by the first word
    group = (question.lower().split() or ["what"])[0]
    kind = "how_many" if group == "how" else _first_word(question)
    return SuiteQuestion(str(row["id"]), video, question, kind, group, str(row["answer"]))


def activitynet(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``val_q.json``: video_name, question, question_id; ``val_a.json``: answer, type 0 to 8, question_id."""
    answers = {row["question_id"]: row for row in _json(_file(folder, f"{split}_a.json"))}
    for row in _json(_file(folder, f"{split}_q.json")):
        told = answers[row["question_id"]]
        group, kind = _ACTIVITYNET[int(told["type"])]
        video = f"v_{row['video_name']}"
        yield SuiteQuestion(row["question_id"], video, row["question"], kind, group, str(told["answer"]))


def tgif(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``Test_action_question.csv`` and its three siblings, tabs between the columns; there is no file for ``val``."""
    part = "Train" if split == "train" else "Test"
    for task in ("action", "transition", "count", "frameqa"):
        path = _file(folder, f"{part}_{task}_question.csv", f"{part.lower()}_{task}_question.csv")
        for n, row in enumerate(_table(path, "\t")):
            id_, video, question = f"{task}-{row.get('key') or n}", row["gif_name"], row["question"]
            if task == "count":
                number = float(row["answer"])
                yield SuiteQuestion(id_, video, question, "how_many", task, number, metric="mse")
            elif task == "frameqa":
                group, kind = _FRAMEQA[int(row["type"])]
                yield SuiteQuestion(id_, video, question, kind, f"frame {group}", row["answer"])
            else:
                options = tuple(row[f"a{i}"] for i in range(1, 6))
                kind = "action" if task == "action" else "state_change"
                yield SuiteQuestion(id_, video, question, kind, task, options[int(row["answer"])], (), options)


def clevrer(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``validation.json``: scenes with questions; each option of a causal question is right or wrong by itself."""
    name = {"val": "validation"}.get(split, split)
    for scene in _json(_file(folder, f"{name}.json")):
        video = Path(scene["video_filename"]).stem
        for row in scene["questions"]:
            group = str(row["question_type"])
            id_, kind = f"{scene['scene_index']}-{row['question_id']}", _CLEVRER[group]
            if group == "descriptive":
                subtype = str(row.get("question_subtype", ""))
                finer: dict[str, QuestionType] = {"count": "how_many", "query_color": "which_colour"}
                kind = finer.get(subtype, kind)
                yield SuiteQuestion(id_, video, row["question"], kind, group, str(row["answer"]))
                continue
            for choice in row["choices"]:
                text = f"{row['question']} Is it this: {choice['choice']}?"
                answer = {"correct": "yes", "wrong": "no"}[choice["answer"]]
                yield SuiteQuestion(f"{id_}-{choice['choice_id']}", video, text, kind, group, answer, whole=id_)


def star(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``STAR_val.json``: question_id, question, answer, choices with choice, video_id, start and end in seconds."""
    for row in _json(_file(folder, f"STAR_{split}.json")):
        group = str(row["question_id"]).split("_")[0]
        options = tuple(str(c["choice"]) for c in row["choices"])
        part = (float(row["start"]), float(row["end"]))
        question, answer = str(row["question"]), str(row["answer"])
        yield SuiteQuestion(
            row["question_id"], row["video_id"], question, _STAR[group], group, answer, (), options, part
        )


def tvqa(folder: Path, split: str) -> Iterator[SuiteQuestion]:
    """``tvqa_val.jsonl``: q, qid, a0 to a4, answer_idx, vid_name, ts. Its subtitles are not used."""
    for line in _file(folder, f"tvqa_{split}.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        options = tuple(str(row[f"a{i}"]) for i in range(5))
        a, b = (float(t) for t in str(row["ts"]).split("-"))
        part = (a, b) if a < b else None  # some stretches are "nan-nan"
        kind, answer = _first_word(row["q"]), options[int(row["answer_idx"])]
        yield SuiteQuestion(str(row["qid"]), row["vid_name"], row["q"], kind, kind, answer, (), options, part)


SUITES: dict[str, Reader] = {
    "nextqa": nextqa,
    "nextqa-oe": nextqa_oe,
    "msvd-qa": msvd,
    "msrvtt-qa": msrvtt,
    "activitynet-qa": activitynet,
    "tgif-qa": tgif,
    "clevrer": clevrer,
    "star": star,
    "tvqa": tvqa,
}
