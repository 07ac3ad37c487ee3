"""What the learned parser of questions is trained on."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from viot_agent.errors import UserFault
from viot_finetune.qa.parser import split
from viot_finetune.qa.parser_data import phrasings
from viot_tools.qa.learned.net import WEIGHTS

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


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


def test_the_cards_command_takes_the_sentences_that_the_card_counts() -> None:
    card = WEIGHTS.with_suffix(".md").read_text("utf-8")
    told = re.search(r"- data: (\d+) authored phrasings \(([^)]*)\), (\d+) sentences of no form", card)
    command = re.search(r"- command: `(.*)`", card)
    assert told is not None and command is not None
    left_out = re.search(r"--without (\S+)", command[1])
    without = left_out[1].split(",") if left_out is not None else []
    held = [] if "--all" in command[1] else [re.search(r"--judge (\S+)", command[1])[1]]  # type: ignore[index]
    parts = split(DATASETS / "viot_qa", DATASETS / "viot_instruct", held, 0, random.Random(0), without)
    assert (len(parts.kept), len(parts.others)) == (int(told[1]), int(told[3]))
    assert sorted({s.group.split()[0] for s in parts.kept}) == told[2].split(", ")


@pytest.mark.parametrize(("held", "without"), [(["phrasings_dev_z"], []), ([], ["phrasings_dev_z"])])
def test_a_file_that_is_not_there_is_said(held: list[str], without: list[str]) -> None:
    with pytest.raises(UserFault, match=r"no phrasings_dev_z\.jsonl"):
        split(DATASETS / "viot_qa", DATASETS / "viot_instruct", held, 0, random.Random(0), without)
