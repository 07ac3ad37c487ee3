"""``viot bench tools``: the report's shape, floors beside, intervals over families, and options of single benches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from viot_agent.bench.cases import Case, load_pack
from viot_agent.bench.figures import clustered, figures
from viot_agent.bench.floors import Neighbour, Random, Untuned, matrix_of, read_phrasings
from viot_agent.bench.oracle import Oracle
from viot_agent.bench.report import Report
from viot_agent.bench.router import Router
from viot_agent.bench.score import Judged, judge
from viot_agent.bench.tools import bench, report, sample
from viot_agent.bench.walk import Marks, walk_cases
from viot_agent.cli.app import run
from viot_agent.cli.bench import describe, options_of, parse
from viot_agent.errors import UserFault

KEYS = {
    "rows",
    "skipped",
    "command",
    "SR",
    "SR_t",
    "SR_act",
    "SR_args",
    "edge_f1",
    "answer",
    "by_tag",
    "by_level",
    "floors",
    "failures",
}


@pytest.fixture(scope="module")
def part() -> list[Case]:
    return sample(load_pack(), 1, 16)


@pytest.fixture(scope="module")
def walked(part: list[Case]) -> dict[str, list[Judged]]:
    marks: Marks = {}
    router, chance = Router(), Random(0)
    return {
        "random": [judge(r) for r in walk_cases(part, lambda case: chance, marks)],
        "router": [judge(r) for r in walk_cases(part, lambda case: router, marks)],
        "oracle": [judge(r) for r in walk_cases(part, Oracle, marks)],
    }


def test_the_report_has_the_published_keys_and_a_floor_in_every_row(walked: dict[str, list[Judged]]) -> None:
    below = {name: figures(judged, 0, unseen=("privacy_cloak",)) for name, judged in walked.items()}
    made = report(walked["oracle"], below, 0, model="oracle", tier="builtin", unseen=("privacy_cloak",))
    raw = json.loads(json.dumps(made.to_json()))
    assert set(raw) == KEYS
    assert raw["SR"] == 1.0 and raw["failures"] == []
    assert set(raw["floors"]) == {"random", "router", "oracle"}
    assert raw["floors"]["random"] < raw["floors"]["router"] < raw["floors"]["oracle"] == 1.0
    rows = {r["id"]: r for r in raw["rows"]}
    assert rows["tools.SR"]["floor"] == raw["floors"]["router"]
    assert {f"tools.{level}.SR" for level in raw["by_level"]} <= set(rows)
    assert not [i for i in rows if "router" in i or "random" in i], "floors are a field, never rows"
    for name in (
        "pass1",
        "pass4",
        "irrelevance",
        "violations",
        "parse_failures",
        "loops",
        "evidence_f1",
        "seconds",
        "tokens",
    ):
        assert f"tools.{name}" in rows
    assert any(line.startswith("floor router: SR all") for line in made.notes)


def test_failures_say_what_was_wanted_and_what_was_done(walked: dict[str, list[Judged]]) -> None:
    made = report(walked["router"], {}, 0, model="router", tier="builtin")
    failure = made.extra["failures"][0]
    assert {"id", "request", "expected", "got", "why", "tags", "level", "part"} == set(failure) and failure["why"]


def test_the_router_is_a_floor_and_stays_one(walked: dict[str, list[Judged]]) -> None:
    by_level: dict[str, list[bool]] = {}
    for j in walked["router"]:
        if j.case.part == "main":
            by_level.setdefault(j.case.level, []).append(j.sr)
    assert all(np.mean(v) < 0.6 for level, v in by_level.items() if level != "L0")


def test_intervals_draw_families_not_cases() -> None:
    values = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    together = clustered(["a"] * 4 + ["b"] * 4, values, 0)
    apart = clustered(list("abcdefgh"), values, 0)
    assert together == (0.0, 1.0)
    assert together[0] < apart[0] <= 0.5 <= apart[1] < together[1]


def test_untuned_and_neighbour_floors(tmp_path: Path, part: list[Case]) -> None:
    words = ["queue", "people", "fire", "smoke", "plate", "face", "blur", "clip"]

    def embed(text: str) -> Any:
        row = np.array([text.casefold().count(w) + 0.01 for w in words], np.float32)
        return row / np.linalg.norm(row)

    (tmp_path / "phrasings_x.jsonl").write_text(
        json.dumps(
            {
                "text": "any smoke at {camera}",
                "steps": [{"tool": "fire_smoke_detection", "args": {"cameras": ["{camera}"]}}],
            }
        )
        + "\n"
        + json.dumps({"text": "blur my face", "steps": [], "reply": "ask", "missing": ["media"]})
    )
    known = read_phrasings(tmp_path)
    assert [p.text for p in known] == ["any smoke at camera", "blur my face"]
    matrix = matrix_of([p.text for p in known], embed, tmp_path)
    assert np.array_equal(matrix, matrix_of([p.text for p in known], embed, tmp_path))
    for policy in (Untuned(embed), Neighbour(embed, known, matrix)):
        judged = [judge(r) for r in walk_cases(part[:12], lambda case, policy=policy: policy)]  # type: ignore[misc]
        assert all(j.broken == 0 and j.loops == 0 for j in judged)


def test_outside_cases_by_the_bench_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viot_agent.bench.tools.load_floors", lambda *a, **k: [("router", lambda case: Router())])
    file = tmp_path / "c.jsonl"
    step = {"tool": "crowd_counting", "args": {"cameras": ["gate 2"]}, "observation": "7 people"}
    file.write_text(
        json.dumps(
            {"request": "how many people at gate 2", "cameras": ["gate 2", "gate 3"], "steps": [step], "tags": ["x"]}
        )
    )
    made = bench(cases=file, llm="oracle")
    assert isinstance(made, Report)
    assert (made.extra["SR"], made.extra["floors"], made.extra["by_tag"]) == (1.0, {"router": 1.0}, {"x": 1.0})
    raw = bench(cases=file, llm="router", raw=True)
    assert {r.id for r in raw.rows} >= {"tools.raw.SR", "tools.raw.parse_failures", "tools.raw.loops"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"suite": "imagenet"}, "no suite 'imagenet'"),
        ({"suite": "viot-tool"}, "needs its nine files"),
        ({"suite": "viot-tool", "cases": Path("x")}, "does not go with it"),
        ({"unseen": "privacy_cloak,flying"}, "no tool 'flying'"),
        ({"llm": "gpt"}, "cannot be read"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserFault, match=words):
        bench(**options)


# the command ---------------------------------------------------------------------------------------------------------


def example(
    data: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    name: Annotated[str, "whose"] = "x",
    file: Path | None = None,
    deep: bool = False,
) -> Report:
    """An example."""
    raise NotImplementedError


def test_a_benchs_own_options_come_from_its_signature() -> None:
    assert options_of(example) == {"name": (str, "x", "whose"), "file": (Path, None, ""), "deep": (bool, False, "")}
    assert parse("example", example, ["--name", "y", "--file", "a/b", "--deep"]) == {
        "name": "y",
        "file": Path("a/b"),
        "deep": True,
    }
    assert parse("example", example, []) == {"name": "x", "file": None, "deep": False}
    for words in (["--speed", "3"], ["stray"], ["--name"]):
        with pytest.raises(UserFault, match="viot bench example"):
            parse("example", example, words)
    assert "--name  whose (default x)" in describe("example", example)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["bench", "nothing"], "there is no bench"),
        (["bench", "--llm", "mini", "tools"], "name it first"),
        (["bench", "vision", "--data", "/nowhere"], "there is no folder /nowhere"),
        (["bench", "vision", "--llm", "mini", "--data", "."], "--options lists what it takes"),
        (["bench", "tools", "--suite", "viot-tool"], "needs its nine files"),
        (["bench", "tools", "--json", "/nowhere/x.json"], "there is no folder /nowhere"),
    ],
)
def test_usage_errors_are_one_sentence(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_the_options_of_a_bench_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "tools", "--options"]) == 0
    said = capsys.readouterr().out
    for option in ("--suite", "--cases", "--llm", "--unseen", "--raw"):
        assert option in said
