"""The plate bench: what it finds in a data folder, and its figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from viot_agent.bench.report import Row
from viot_agent.weights import Weights
from viot_tools.bench import plates
from viot_tools.bench.plates import Result


def test_data_is_known_by_its_shape(tmp_path: Path) -> None:
    photos, crops = tmp_path / "plates" / "any_name", tmp_path / "plates" / "crops"
    photos.mkdir(parents=True)
    crops.mkdir()
    (photos / "a.jpg").write_bytes(b"")
    (photos / "a.txt").write_text("a.jpg\t10\t20\t100\t30\tRK 026-AJ\n", "utf-8")
    (photos / "gone.txt").write_text("gone.jpg 1 2 3 4 X", "utf-8")
    (photos / "notes.txt").write_text("no plate here", "utf-8")
    (crops / "皖A12345.jpg").write_bytes(b"")
    [photo] = plates.photos_with_boxes(tmp_path)
    assert (photo.path.name, photo.text, photo.xyxy) == ("a.jpg", "RK026AJ", (10, 20, 110, 50))
    [crop] = plates.chinese_crops(tmp_path)
    assert (crop.text, crop.xyxy) == ("皖A12345", None)
    assert [line.split(":")[0] for line in plates.missing(tmp_path)] == ["plates.examples"]
    assert len(plates.missing(tmp_path / "nothing")) == 3


def test_figures() -> None:
    mine = [
        Result("RK026AJ", "RK026AJ", True),
        Result("RKO26AJ", "RK026AJ", True),
        Result("KX4821", "KX9931", True),
        Result("KX4821", "", False),
    ]
    floor = [Result(r.text, "", False) for r in mine]
    wanted = ("detected", "exact_of_detected", "exact", "within1", "exact.o0")
    found = {r.id: r for r in plates._rows("plates.eu", mine, floor, wanted, "m", "hub", 0)}
    values = {k.removeprefix("plates.eu."): (round(r.value, 3), r.n) for k, r in found.items()}
    assert values == {
        "detected": (0.75, 4),
        "exact_of_detected": (0.333, 3),
        "exact": (0.25, 4),
        "within1": (0.5, 4),
        "exact.o0": (0.5, 4),
    }
    assert all(r.low <= r.value <= r.high and r.floor == 0 for r in found.values())


def test_no_data_gives_no_rows(tmp_path: Path) -> None:
    assert plates.rows(tmp_path, Weights(tmp_path, tier="builtin")) == []


@pytest.mark.real
@pytest.mark.slow
def test_quick_bench_on_real_data(shared: Path, shared_models: Path, tmp_path: Path) -> None:
    rows = plates.rows(shared, Weights(tmp_path, shared_models, "hub"), quick=True)
    by_id = {row["id"]: Row(**row) for row in rows}
    assert by_id["plates.eu.detected"].value >= 0.9
    assert by_id["plates.eu.exact_of_detected"].value >= 0.6
    assert by_id["plates.cn.exact"].value >= 0.8
    assert {r.tier for r in by_id.values()} == {"hub"}
