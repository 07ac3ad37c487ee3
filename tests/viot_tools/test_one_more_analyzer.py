"""Indexing again with one more analyzer adds that analyzer's rows, and nothing else is touched: for every analyzer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from viot_agent.library.ingest import IngestReport, ingest
from viot_agent.library.rows import Analyzer
from viot_agent.library.schema import metadata, segment_runs, vector_batches, vector_files
from viot_agent.library.store import Library
from viot_agent.library.vectors import record
from viot_agent.media.clips import write_clip
from viot_agent.media.readers import open_media
from viot_agent.system import Viot
from viot_agent.weights import Weights
from viot_tools.registry import analyzers

START = 1_772_373_600.0
FPS = 2.0
SEGMENT = 1.5
Row = dict[str, Any]
RUNS = segment_runs.name
FOUND = frozenset({"tracks", "crops", "vector_batches", "plates", "poses", "attributes", "counts", "events"})


@dataclass(frozen=True)
class Kept:
    """All rows of a library, by table and id, and the bytes of its vectors by batch."""

    rows: dict[str, dict[int, Row]]
    vectors: dict[int, bytes]

    @classmethod
    def of(cls, library: Library) -> Kept:
        rows: dict[str, dict[int, Row]] = {}
        vectors: dict[int, bytes] = {}
        with library.db.read() as connection:
            for table in metadata.sorted_tables:
                if "id" in table.c and table.name != "runs":
                    found = connection.execute(select(table)).mappings()
                    rows[table.name] = {int(r["id"]): dict(r) for r in found}
            for r in connection.execute(
                select(vector_batches, vector_files.c.path, vector_files.c.dim).join(
                    vector_files, vector_files.c.id == vector_batches.c.file_id
                )
            ):
                size = record(r.dim).itemsize
                data = (library.home / r.path).read_bytes()
                vectors[r.id] = data[r.first * size : (r.first + r.n) * size]
        return cls(rows, vectors)

    def by(self, analyzer: str) -> dict[str, dict[int, Row]]:
        """The rows that ``analyzer`` wrote."""
        mine = {i for i, r in self.rows[RUNS].items() if r["analyzer"] == analyzer}
        made = {name: {i: r for i, r in rows.items() if r.get("run_id") in mine} for name, rows in self.rows.items()}
        return {name: rows for name, rows in made.items() if rows}


def index(library: Library, some: list[Analyzer]) -> IngestReport:
    return ingest(
        library, "gate", some, open_reader=open_media, sample_fps=FPS, segment_seconds=SEGMENT, workers=1, wait=True
    )


def made_clip(path: Path) -> Path:
    """Somebody like a person, walking over a street of noise, and a fire that flickers: 3 seconds."""
    rng = np.random.default_rng(0)
    street = cv2.GaussianBlur(rng.integers(60, 160, (240, 320, 3), np.uint8), (9, 9), 0)
    images = []
    for k in range(30):
        image = street.copy()
        x = 60 + 5 * k
        cv2.ellipse(image, (x, 80), (10, 13), 0, 0, 360, (220, 180, 150), -1)
        cv2.rectangle(image, (x - 16, 94), (x + 16, 150), (200, 20, 20), -1)
        cv2.rectangle(image, (x - 13, 150), (x + 13, 205), (20, 20, 120), -1)
        image[180:220, 240:300] = (255, 160 + 40 * (k % 2), 20)
        images.append(image)
    write_clip(images, path, 10.0)
    return path


@pytest.mark.parametrize(
    "tier",
    ["builtin", pytest.param("hub", marks=[pytest.mark.real, pytest.mark.slow])],
    ids=["builtin, made clip", "hub, real clip"],
)
def test_only_the_new_analyzer_runs_and_writes(tier: str, request: pytest.FixtureRequest, home: Path) -> None:
    if tier == "hub":
        data: Path = request.getfixturevalue("shared")
        clip, weights = data / "videos" / "mot_demo.mp4", Weights(home, data / "models", "hub")
    else:
        clip, weights = made_clip(home.parent / "made.mp4"), Weights(home, None, "builtin")
    every = analyzers(weights)
    used: set[str] = set()
    with Library.open(home) as library:
        library.add_camera("gate", str(clip), start=START)
        some: list[Analyzer] = []
        for analyzer in every:
            before = Kept.of(library)
            some.append(analyzer)
            report = index(library, some)
            after = Kept.of(library)
            for table, rows in before.rows.items():
                now = after.rows[table]
                assert {i: now.get(i) for i in rows} == rows, f"{analyzer.name} changed rows of {table}"
                if table in FOUND:
                    mine = after.by(analyzer.name).get(table, {})
                    assert now.keys() - rows.keys() == mine.keys(), f"{analyzer.name} wrote {table} of another"
            assert {i: after.vectors[i] for i in before.vectors} == before.vectors
            new = after.rows[RUNS].keys() - before.rows[RUNS].keys()
            ran = [after.rows[RUNS][i]["analyzer"] for i in new]
            assert ran == [analyzer.name] * 2, "both segments, nobody else"
            spent = {name for name, seconds in report.seconds.items() if seconds > 0} - {"decode", "motion", "store"}
            assert spent == {analyzer.name, *analyzer.needs}, "nobody looks but the new one and those it reads"
            used |= after.by(analyzer.name).keys()
        last = Kept.of(library)
        assert index(library, every).segments == 0 and Kept.of(library) == last
    wanted = FOUND - {"plates"} if tier == "hub" else {"counts", "events"}
    assert used & FOUND >= wanted, "the clip shows too little to prove anything"


def test_an_analyzer_that_is_asked_for_alone_brings_what_it_reads(home: Path) -> None:
    clip = made_clip(home.parent / "made.mp4")
    with Viot.open(home) as viot:
        viot.add_camera("gate", str(clip), start=START)
        viot.index(only=["gait"])
        assert {r["analyzer"] for r in Kept.of(viot.library).rows[RUNS].values()} == {"objects", "gait"}
