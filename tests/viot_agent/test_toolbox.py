"""The tool contract: what registration refuses, and what a schema looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from viot_agent.errors import ArgsFault, FailedFault
from viot_agent.steps import Observation
from viot_agent.toolbox import CamerasArg, PersonArg, TimeArg, Toolbox, ToolContext, tool


def look(
    ctx: ToolContext, cameras: CamerasArg, person: PersonArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Look at cameras and say what was seen.

    Not for: counting
    people.

    Args:
        cameras: camera names,
            all in one list.
        person: a name.
        time: when.
    """
    return Observation(ctx.call_id, "look", "ok", "nothing")


def test_the_schema_is_derived() -> None:
    spec = tool(needs=("faces",), biometric=True)(look)
    schema = spec.schema()
    assert schema["required"] == ["cameras"]
    assert schema["properties"]["cameras"]["type"] == "array"
    assert schema["properties"]["cameras"]["description"] == "camera names, all in one list."
    assert spec.not_for == "counting people."
    assert spec.card().startswith("look {cameras, person?, time?}: Look at cameras")


def no_doc(ctx: ToolContext) -> Observation:
    return Observation("", "", "ok", "")


def no_not_for(ctx: ToolContext) -> Observation:
    """Look at cameras and say what was seen."""
    return Observation("", "", "ok", "")


def no_context(cameras: CamerasArg) -> Observation:
    """Look at cameras and say what was seen.

    Not for: x.

    Args:
        cameras: names.
    """
    return Observation("", "", "ok", "")


def no_meaning(ctx: ToolContext, n: int) -> Observation:
    """Look at cameras and say what was seen.

    Not for: x.

    Args:
        n: a number.
    """
    return Observation("", "", "ok", "")


def no_arg_line(ctx: ToolContext, cameras: CamerasArg) -> Observation:
    """Look at cameras and say what was seen.

    Not for: x.
    """
    return Observation("", "", "ok", "")


def no_observation(ctx: ToolContext) -> str:
    """Look at cameras and say what was seen.

    Not for: x.
    """
    return ""


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (no_doc, "first line"),
        (no_not_for, "Not for"),
        (no_context, "ctx: ToolContext"),
        (no_meaning, "a type with a meaning"),
        (no_arg_line, "does not describe 'cameras'"),
        (no_observation, "return Observation"),
    ],
)
def test_a_broken_contract_is_named(fn: Callable[..., Any], reason: str) -> None:
    with pytest.raises(FailedFault, match=reason):
        tool()(fn)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({}, "'cameras' is a required property"),
        ({"cameras": "gate 2"}, "is not of type 'array'"),
        ({"cameras": []}, "should be non-empty"),
        ({"cameras": ["a"], "mood": "x"}, "Additional properties"),
        ({"cameras": ["a"], "person": ""}, "should be non-empty"),
        ({"cameras": ["a"], "person": 3}, "is not of type 'string'"),
    ],
)
def test_arguments_are_checked(args: dict[str, Any], reason: str) -> None:
    with pytest.raises(ArgsFault, match=reason):
        Toolbox([tool()(look)]).check_args("look", args)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(FailedFault, match="two tools are called 'look'"):
        Toolbox([tool()(look), tool()(look)])


def test_an_unknown_tool_names_the_known() -> None:
    with pytest.raises(ArgsFault, match="the tools are look"):
        Toolbox([tool()(look)]).get("nope")


@pytest.mark.parametrize(
    ("points_at", "words"),
    [
        ("no_such_module_anywhere:TOOLS", "cannot be imported"),
        ("json:TOOLS", "cannot be imported"),
        ("json:dumps", "gives function, not a tool"),
        ("json:__all__", "gives str, not a tool"),
    ],
)
def test_a_package_whose_tools_are_broken_is_named(
    points_at: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken_tools-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-tools\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[viot_agent.tools]\nbroken = {points_at}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FailedFault, match=words):
        Toolbox.from_entry_points()
