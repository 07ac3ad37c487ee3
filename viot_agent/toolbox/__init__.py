"""The tool contract and registry: what a tool is, how it is checked, how strangers' tools come in."""

from viot_agent.toolbox.contract import (
    Arg,
    CamerasArg,
    PersonArg,
    PlateArg,
    RequiredTimeArg,
    TimeArg,
    ToolContext,
    ToolSpec,
    tool,
)
from viot_agent.toolbox.registry import Toolbox

__all__ = [
    "Arg",
    "CamerasArg",
    "PersonArg",
    "PlateArg",
    "RequiredTimeArg",
    "TimeArg",
    "ToolContext",
    "ToolSpec",
    "Toolbox",
    "tool",
]
