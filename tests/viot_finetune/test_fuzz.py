"""Phrasing files and an adapter's card under changed input: refused with the errors that the readers name."""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from viot_agent.errors import FailedFault, UserFault
from viot_finetune.instruct.check import check, load
from viot_finetune.lora.dataset import read_rows
from viot_finetune.lora.merge import merge
from viot_finetune.qa.parser_data import phrasings

pytestmark = pytest.mark.trust
DATASETS = Path(__file__).resolve().parents[2] / "datasets"
Rng = random.Random


def rows_of(fuzzing: ModuleType, rng: Rng, rows: list[Any]) -> bytes:
    data = "\n".join(json.dumps(fuzzing.json_of(rng, rows)) for _ in range(3)).encode()
    return bytes(fuzzing.bytes_of(rng, [data])) if rng.random() < 0.2 else data


def test_training_phrasings(fuzzing: ModuleType, tmp_path: Path) -> None:
    rows = load(DATASETS / "viot_instruct" / "phrasings_a.jsonl")[:60]
    path = tmp_path / "phrasings_a.jsonl"

    def look(given: bytes) -> None:
        path.write_bytes(given)
        read_rows(tmp_path, "phrasings_*.jsonl")
        check(path)

    make = lambda rng: rows_of(fuzzing, rng, rows)  # noqa: E731
    found = fuzzing.fuzz("training phrasings", make, look, (UserFault,), seconds=0.8)
    assert found.tried


def test_phrasings_of_questions(fuzzing: ModuleType, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (DATASETS / "viot_qa" / "phrasings_dev.jsonl").read_text("utf-8").splitlines()]
    path = tmp_path / "phrasings_dev.jsonl"

    def look(given: bytes) -> None:
        path.write_bytes(given)
        phrasings(tmp_path)

    make = lambda rng: rows_of(fuzzing, rng, rows)  # noqa: E731
    fuzzing.fuzz("phrasings of questions", make, look, (ValueError,), seconds=0.4)


def test_an_adapters_card(fuzzing: ModuleType, tmp_path: Path) -> None:
    """No base of that name is there: what names one at all fails for that, what names none is refused."""
    from peft import PeftModel  # loaded before the first input is timed
    from transformers import AutoModelForCausalLM

    assert PeftModel is not None and AutoModelForCausalLM is not None
    path = tmp_path / "adapter_config.json"
    seed = {"base_model_name_or_path": "/nowhere", "peft_type": "LORA"}

    def look(given: bytes) -> None:
        path.write_bytes(given)
        merge(tmp_path, tmp_path / "out")

    def make(rng: Rng) -> bytes:
        named = fuzzing.json_of(rng, [seed])
        if isinstance(named, dict) and isinstance(named.get("base_model_name_or_path"), str):
            named["base_model_name_or_path"] = "/nowhere"  # no other name is looked for on the hub
        data = json.dumps(named).encode()
        return bytes(data[: rng.randint(0, len(data))]) if rng.random() < 0.3 else data

    fuzzing.fuzz("adapter card", make, look, (UserFault, FailedFault), seconds=1.0, most=60)
