"""What the learned parser of questions is trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from viot_finetune.qa.parser_data import phrasings


def write(path: Path, *rows: tuple[str, str]) -> None:
    lines = [json.dumps({"id": f"x-{i}", "form": form, "text": text}) for i, (form, text) in enumerate(rows)]
    path.write_text("\n".join(lines), "utf-8")


def test_what_a_tested_author_wrote_too_is_not_trained_on(tmp_path: Path) -> None:
    write(tmp_path / "phrasings_dev.jsonl", ("count", "How many {things}?"), ("count", "Tally of {things} please"))
    write(tmp_path / "phrasings_dev_b.jsonl", ("exists", "any {thing}?"))
    assert [s.group for s in phrasings(tmp_path)] == [
        "phrasings_dev x-0",
        "phrasings_dev x-1",
        "phrasings_dev_b x-0",
    ]
    write(tmp_path / "phrasings_test.jsonl", ("count", "HOW many {things}?"), ("exists", "any {thing} there?"))
    assert [s.text for s in phrasings(tmp_path)] == ["Tally of {things} please", "any {thing}?"]


def test_a_form_that_nobody_knows_is_said(tmp_path: Path) -> None:
    write(tmp_path / "phrasings_dev.jsonl", ("recount", "How many {things}?"))
    with pytest.raises(ValueError, match="'recount'"):
        phrasings(tmp_path)
