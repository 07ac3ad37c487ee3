"""The registry: tools by name, found by entry points (group ``viot_agent.tools``) or given by hand.

An entry point resolves to one ToolSpec or to an iterable of them. Two tools of one name are an error that names both
packages; a tool that breaks the contract is an error that names the tool, never a silent omission.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Any

import jsonschema

from viot_agent.errors import ArgsFault, FailedFault
from viot_agent.toolbox.contract import ToolSpec

GROUP = "viot_agent.tools"


class Toolbox:
    """An ordered set of tools."""

    def __init__(self, tools: Iterable[ToolSpec] = ()) -> None:
        self._tools: dict[str, ToolSpec] = {}
        for spec in tools:
            self.add(spec)

    @classmethod
    def from_entry_points(cls) -> Toolbox:
        """All installed tools, in the order of their names' registration. Raises FailedFault for a broken one."""
        box = cls()
        for point in sorted(entry_points(group=GROUP), key=lambda p: (p.dist.name if p.dist else "", p.name)):
            try:
                loaded = point.load()
            except (ImportError, AttributeError) as error:  # a module that is not there, or a name that is not in it
                raise FailedFault(
                    f"the tools of entry point {point.name!r} ({point.value}) cannot be imported: {error}",
                    fix="reinstall the package that brings them, or uninstall it",
                ) from error
            if not isinstance(loaded, Iterable):
                loaded = (loaded,)
            for spec in loaded:
                if not isinstance(spec, ToolSpec):
                    raise FailedFault(f"entry point {point.name!r} gives {type(spec).__name__}, not a tool: use @tool")
                box.add(spec)
        return box

    def add(self, spec: ToolSpec) -> None:
        """Register. Raises FailedFault when the name is taken."""
        if spec.name in self._tools:
            raise FailedFault(
                f"two tools are called {spec.name!r}: {self._tools[spec.name].origin} and {spec.origin}",
                fix="uninstall one of the two packages",
            )
        self._tools[spec.name] = spec

    def get(self, name: str) -> ToolSpec:
        """The tool. Raises ArgsFault with the known names."""
        try:
            return self._tools[name]
        except KeyError:
            raise ArgsFault(f"there is no tool {name!r}; the tools are {', '.join(self._tools)}") from None

    def check_args(self, name: str, args: Any) -> None:
        """Validate ``args`` against the tool's schema. Raises ArgsFault naming the first fault."""
        spec = self.get(name)
        validator = jsonschema.Draft202012Validator(spec.schema())
        problem = next(iter(sorted(validator.iter_errors(args), key=lambda e: list(e.path))), None)
        if problem is not None:
            place = "/".join(str(p) for p in problem.path) or "the arguments"
            raise ArgsFault(f"{name}: {place}: {problem.message}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools
