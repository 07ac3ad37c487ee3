"""Guards the house: which room may import which, no Python package called datasets, no pickle, no broad except."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "viot_agent": ROOT / "viot_agent",
    "viot_tools": ROOT / "tools" / "viot_tools",
    "viot_finetune": ROOT / "finetune" / "viot_finetune",
}
SEAMS = (
    "viot_agent.alerts",
    "viot_agent.cancel",
    "viot_agent.errors",
    "viot_agent.foreign",
    "viot_agent.steps",
    "viot_agent.toolbox",
    "viot_agent.media",
    "viot_agent.library.rows",
    "viot_agent.library.api",
    "viot_agent.library.fake",
    "viot_agent.fleet",
    "viot_agent.sentences",
    "viot_agent.weights",
    "viot_agent.bench",
)


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a module, parsed once for all tests."""
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(room: str) -> list[Path]:
    found = sorted(ROOMS[room].rglob("*.py"))
    assert found, f"no source in {room}"
    return found


def test_the_agent_imports_no_other_room() -> None:
    wrong = [
        (str(p), i) for p in sources("viot_agent") for i in imports(p) if i.startswith(("viot_tools", "viot_finetune"))
    ]
    assert not wrong


def test_no_two_benches_import_each_other() -> None:
    """Inside functions neither: what both need stands in a module of its own."""
    found = {f"viot_tools.bench.{p.stem}": set(imports(p)) for p in (ROOMS["viot_tools"] / "bench").glob("*.py")}
    needs = {a: {b for b in found if any(i == b or i.startswith(f"{b}.") for i in found[a])} for a in found}
    assert [(a, b) for a in needs for b in needs[a] if a < b and a in needs[b]] == []


def test_tools_import_only_the_agents_seams() -> None:
    wrong = []
    for path in sources("viot_tools"):
        # the demo, the benches and the rooms' commands are users of the whole system, as a stranger's script would be
        outer = path.relative_to(ROOMS["viot_tools"]).parts[0] in ("demo", "bench") or path.name == "command.py"
        for name in imports(path):
            if name.startswith("viot_finetune") or (
                name.startswith("viot_agent") and not name.startswith(SEAMS) and not outer
            ):
                wrong.append((str(path.relative_to(ROOT)), name))
    assert not wrong


def test_the_door_knows_only_the_agent() -> None:
    door = ROOT / "app.py"
    assert not [i for i in imports(door) if i.startswith(("viot_tools", "viot_finetune"))]


def test_datasets_holds_data_only() -> None:
    assert not list((ROOT / "datasets").rglob("__init__.py"))
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert not [p for p in listed if p.split(".")[0] in ("datasets", "tools", "finetune", "tests")]


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"])
    there = {
        ".".join([room, *init.parent.relative_to(folder).parts])
        for room, folder in ROOMS.items()
        for init in folder.rglob("__init__.py")
    }
    assert there == listed


@pytest.mark.parametrize("room", list(ROOMS))
def test_no_pickle_and_no_shell(room: str) -> None:
    for path in sources(room):
        assert not [i for i in imports(path) if i.split(".")[0] in ("pickle", "dill", "joblib", "shelve")], path
        for node in nodes(path):
            if isinstance(node, ast.Call):
                shell = [k for k in node.keywords if k.arg == "shell" and getattr(k.value, "value", False)]
                assert not shell, path


def test_importing_tools_loads_no_model_library() -> None:
    code = (
        "import sys, viot_tools.registry; "
        "bad = {'torch', 'transformers', 'onnxruntime', 'dlib', 'cv2'} & set(sys.modules); print(sorted(bad)); "
        "sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
