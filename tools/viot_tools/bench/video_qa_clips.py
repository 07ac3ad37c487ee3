"""The hand-written questions on real clips (``datasets/viot_qa/real_clips.jsonl``) as rows: reading and schema.

Owns the fields. What is a good set of them is ``viot_finetune.qa.real``'s, how they are asked ``video_qa_real``'s.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from viot_tools.bench.video_qa_marking import CANNOT_TELL, Accepted, BadQuestions

HOME = Path(__file__).resolve().parents[3] / "datasets" / "viot_qa"
"""Where the questions lie in a checkout; a wheel has none of them."""
LATER = {
    "second": "real_clips_2.jsonl",
    "third": "real_clips_3.jsonl",
    "fourth": "real_clips_4.jsonl",
    "fifth": "real_clips_5.jsonl",
    "sixth": "real_clips_6.jsonl",
}
"""Tests on real clips that were written later than the first two halves, by their ``split``."""

__all__ = ["CANNOT_TELL", "HOME", "LATER", "BadQuestions", "Clip", "Question", "load", "load_clips", "load_forms"]


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


def load_forms(path: Path = HOME / "real_forms.jsonl") -> dict[str, tuple[str, bool]]:
    """Of each question (id) the form that its words have, "none" for none of them, and whether who or what it is about
    is described by what is indexed (kind, clothes, hat, hair, what is carried). Raises BadQuestions."""
    forms = {}
    for n, line in enumerate(_text(path).splitlines(), 1):
        try:
            row = json.loads(line)
            if not isinstance(row["form"], str) or not isinstance(row["described"], bool):
                raise ValueError("form is a text, described true or false")
            forms[str(row["id"])] = (row["form"], row["described"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise BadQuestions(f"{path}, line {n}: {error}", fix="see datasets/viot_qa/README.md") from error
    return forms


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
