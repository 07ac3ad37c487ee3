"""One net that goes on learning, and what it leaves as it is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from viot_agent.errors import UserFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.encoder import Reader
from viot_finetune.instruct.fill import load_rows
from viot_finetune.mini.further import Further, further
from viot_finetune.mini.source import Source, more

DATA = Path(__file__).parents[2] / "datasets" / "viot_instruct"
WAITS = [{"tool": "crowd_counting", "args": {}}, {"tool": "export_clip", "args": {}, "when": "1"}]


@pytest.mark.parametrize(
    ("row", "factor"),
    [
        ({"id": "jjj-0001", "steps": []}, 1.0),
        ({"id": "kkk-0001", "steps": []}, 3.0),
        ({"id": "aaaa-0001", "steps": []}, 3.0),
        ({"id": "z-0001", "steps": []}, 1.0),
        ({"id": "kkk-0002", "steps": WAITS}, 1.0),
        ({"id": "kkk-0003", "turns": [{"steps": []}, {"steps": WAITS}]}, 1.0),
    ],
)
def test_what_is_new_comes_oftener(row: dict[str, Any], factor: float) -> None:
    assert more(row, "kkk", 3.0) == factor
    assert more(row, "", 3.0) == 1.0


def test_first_decisions_are_kept_and_some_of_the_later() -> None:
    rows = [r for r in load_rows(DATA, "phrasings_m.jsonl") if len(r.get("steps", ())) > 2][:20]
    reader = Reader(assets.encoder_dir())
    counts = []
    for later in (1.0, 0.3, 0.0):
        source = Source(rows, reader, 0, later=later)
        drawn = [source.draw() for _ in range(20)]
        assert all(drawn)
        counts.append(sum(map(len, drawn)))
    assert counts[0] > counts[1] > counts[2] == 20


@pytest.mark.parametrize(
    ("how", "minutes", "said"),
    [
        (Further(net=2), 1.0, "holds 2 net"),
        (Further(net=0), 1.0, "judge of conditions"),
        (Further(since="KKK"), 1.0, "no phrasings_KKK"),
        (Further(steps=0), 1.0, "no steps"),
        (Further(), 0.0, "no time"),
    ],
)
def test_what_cannot_go_on_is_said_at_once(how: Further, minutes: float, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=said):
        further(assets.DECODER, DATA, tmp_path / "x.safetensors", how, minutes=minutes)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_one_net_moves_and_nothing_else(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "new" / "mini.safetensors"
    data.mkdir()
    for name in ("phrasings_a.jsonl", "phrasings_kkk.jsonl", "fictitious.jsonl"):
        shutil.copy(DATA / name, data)
    curve = further(assets.DECODER, data, out, replace(Further(), steps=20, batch=8, threads=1))
    assert len(curve) == 1 and np.isfinite(curve[0])
    before, after = load_file(assets.DECODER), load_file(out)
    assert before.keys() == after.keys()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed and all(name.startswith("1/") for name in changed)
    assert any(".lora_" in name or "lora." in name for name in changed)
    with safe_open(assets.DECODER, "np") as one, safe_open(out, "np") as two:
        assert one.metadata() == two.metadata()
