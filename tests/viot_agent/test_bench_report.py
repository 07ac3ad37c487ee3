"""One row and table format: JSON, table and README hold the same rows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from viot_agent.bench.report import Report, Row, bootstrap
from viot_agent.errors import UserFault

REPORT = Report(
    (Row("count.within1", "share", 0.9, 0.8, 1.0, 30, "yolox-nano", "hub", 0.5), Row("x", "m", 1, 1, 1, 2, "m", "hub")),
    ("plates: no folder",),
    "viot bench vision",
)


def test_json_table_and_readme_hold_the_same_rows(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    REPORT.write_json(file)
    raw = json.loads(file.read_text())
    assert [r["id"] for r in raw["rows"]] == ["count.within1", "x"]
    assert set(raw["rows"][0]) == {"id", "metric", "value", "low", "high", "n", "model", "tier", "floor"}
    console = Console(record=True, width=160)
    REPORT.print(console)
    printed = console.export_text()
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- vision:begin -->\nstale\n<!-- vision:end -->\nb\n")
    REPORT.write_readme(readme, "vision")
    text = readme.read_text()
    assert text.startswith("a\n") and text.endswith("\nb\n") and "stale" not in text
    for words in ("count.within1", "0.900", "yolox-nano", "plates: no folder", "viot bench vision"):
        assert words in printed and words in text


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(UserFault, match="vision:begin"):
        REPORT.write_readme(readme, "vision")
    assert readme.read_text() == "nothing"


def test_bootstrap_is_seeded_and_covers_the_mean() -> None:
    values = np.random.default_rng(1).random(200).tolist()
    low, high = bootstrap(values, 0)
    assert (low, high) == bootstrap(values, 0)
    assert low < float(np.mean(values)) < high
    assert all(math.isnan(v) for v in bootstrap([], 0))
