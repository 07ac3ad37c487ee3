"""The contract of a tool: a typed function with a docstring. The schema is derived from it and checked here.

A tool is declared so::

    @tool(needs=("faces",), biometric=True, cost="index")
    def face_recognition(
        ctx: ToolContext, person: PersonArg | None = None, cameras: CamerasArg | None = None
    ) -> Observation:
        '''Find when a person's face was seen.

        Not for: counting people (crowd_counting).

        Args:
            person: enrolled name or attached picture; without it every enrolled person seen is listed.
            cameras: ...
        '''

The first docstring line is what the language model sees as purpose, ``Not for:`` when it must not be used, ``Args:``
one line an argument. Two typed ways to fail: ``RetryFault`` (the model can correct its call) and ``FailedFault``
(terminal, with the command that mends it). Models load on first call, never at import.

Owns declaration and checking. Does not know which tools exist, and calls none.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from viot_agent.errors import FailedFault
from viot_agent.steps import Observation, Request

if TYPE_CHECKING:
    from viot_agent.fleet import Fleet
    from viot_agent.library.api import Library
    from viot_agent.weights import Weights

Kind = Literal["person", "vehicle", "cameras", "time", "plate", "text", "media", "handle", "choice", "scene", "event"]
Cost = Literal["index", "footage", "render"]

_NAME = re.compile(r"^[a-z][a-z0-9_]{2,40}$")


@dataclass(frozen=True, slots=True)
class Arg:
    """What an argument means (not only its JSON type): the agent grounds, matches and grades by it."""

    kind: Kind
    choices: tuple[str, ...] = ()


PersonArg = Annotated[str, Arg("person")]
"""An enrolled name, or the handle of an attached picture (``image-1``)."""
CamerasArg = Annotated[list[str], Arg("cameras")]
"""Camera or group names; omitted = the whole fleet."""
TimeArg = Annotated[str, Arg("time")]
"""The person's own time phrase; omitted = any time."""
RequiredTimeArg = TimeArg
PlateArg = Annotated[str, Arg("plate")]
"""A number plate; compared without case, spaces and hyphens."""
SceneArg = Annotated[str, Arg("scene")]
"""A scene that an earlier observation of the run named: never taken from the request."""

EVENTS = ("face:", "plate:", "fire", "crowd>", "anomaly", "person")
"""What can be watched for. A form that ends in ``:`` or ``>`` is completed by a person, a plate or a number."""


@dataclass(frozen=True, slots=True)
class ArgSpec:
    """One argument as the model sees it."""

    name: str
    kind: Kind
    required: bool
    description: str
    choices: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        """JSON schema of the argument."""
        base: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 300, "description": self.description}
        if self.kind == "event":
            # "face:" is completed by a name: an open form is a pattern, a closed one a constant
            open_forms = [c for c in self.choices if c[-1] in ":>"]
            closed = [re.escape(c) for c in self.choices if c not in open_forms]
            base["pattern"] = f"^({'|'.join([*closed, *(re.escape(c) + '.+' for c in open_forms)])})$"
        elif self.choices:
            base["enum"] = list(self.choices)
        if self.kind == "cameras":
            return {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 120},
                "minItems": 1,
                "maxItems": 16,
                "description": self.description,
            }
        return base


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A checked tool. ``needs`` names the analyzers whose rows it reads; ``biometric`` marks identity tools.

    ``parameters``: the JSON schema of the arguments object where it is not derived from ``args`` (outside tools).
    """

    name: str
    description: str
    not_for: str
    args: tuple[ArgSpec, ...]
    fn: Callable[..., Observation]
    needs: tuple[str, ...] = ()
    biometric: bool = False
    cost: Cost = "index"
    origin: str = ""
    parameters: Mapping[str, Any] | None = None

    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments object."""
        if self.parameters is not None:
            return copy.deepcopy(dict(self.parameters))
        return {
            "type": "object",
            "properties": {a.name: a.schema() for a in self.args},
            "required": [a.name for a in self.args if a.required],
            "additionalProperties": False,
        }

    def card(self) -> str:
        """The lines a language model reads: ``name {arguments}: purpose Not for: ...``."""
        args = ", ".join(a.name + ("" if a.required else "?") for a in self.args)
        tail = f" Not for: {self.not_for}" if self.not_for else ""
        return f"{self.name} {{{args}}}: {self.description}{tail}"


@dataclass(slots=True)
class ToolContext:
    """What a tool may touch during one call. One context lives for a run; ``call_id`` changes per call."""

    request: Request
    fleet: Fleet
    library: Library
    weights: Weights
    home: Path
    run_id: str = ""
    call_id: str = ""
    handles: dict[str, Path] = field(default_factory=dict)
    _evidence: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def evidence_id(self) -> str:
        """The next evidence number of this run: ``e1``, ``e2``, ..."""
        return f"e{next(self._evidence)}"

    def new_handle(self, prefix: str, path: Path) -> str:
        """Register a file made in this run (``clip-1``) so that later steps can name it."""
        n = 1 + sum(1 for h in self.handles if h.startswith(prefix + "-"))
        handle = f"{prefix}-{n}"
        self.handles[handle] = path
        return handle

    def attachment(self, handle: str) -> Path | None:
        """The file behind ``image-1`` / ``video-1``, or None."""
        return next((a.path for a in self.request.attachments if a.handle == handle), None)


def tool(
    *, needs: Sequence[str] = (), biometric: bool = False, cost: Cost = "index"
) -> Callable[[Callable[..., Observation]], ToolSpec]:
    """Declare a tool: checks the contract and returns its :class:`ToolSpec`.

    Raises FailedFault when the function breaks the contract, naming what is missing.
    """

    def wrap(fn: Callable[..., Observation]) -> ToolSpec:
        return build_spec(fn, needs=tuple(needs), biometric=biometric, cost=cost)

    return wrap


def build_spec(
    fn: Callable[..., Observation], *, needs: tuple[str, ...] = (), biometric: bool = False, cost: Cost = "index"
) -> ToolSpec:
    """Derive and check the spec of ``fn``. Raises FailedFault with the reason."""
    name = fn.__name__
    where = f"tool {name!r} ({fn.__module__})"
    if not _NAME.match(name):
        raise FailedFault(f"{where}: the name must match {_NAME.pattern}")
    doc = inspect.getdoc(fn) or ""
    first, _, rest = doc.partition("\n")
    if not 10 <= len(first) <= 200:
        raise FailedFault(f"{where}: the docstring's first line must say the purpose in 10 to 200 characters")
    not_for = _section(rest, "Not for")
    if not not_for:
        raise FailedFault(f"{where}: the docstring needs a 'Not for:' line saying when not to use it")
    lines = _args_section(rest)
    hints = typing.get_type_hints(fn, include_extras=True)
    parameters = list(inspect.signature(fn).parameters.values())
    if not parameters or hints.get(parameters[0].name) is not ToolContext:
        raise FailedFault(f"{where}: the first parameter must be 'ctx: ToolContext'")
    if hints.get("return") is not Observation:
        raise FailedFault(f"{where}: must be annotated to return Observation")
    specs = []
    for parameter in parameters[1:]:
        meaning = _meaning(hints.get(parameter.name))
        if meaning is None:
            raise FailedFault(f"{where}: parameter {parameter.name!r} needs a type with a meaning (PersonArg, ...)")
        description = lines.get(parameter.name, "")
        if not description:
            raise FailedFault(f"{where}: the docstring's Args section does not describe {parameter.name!r}")
        specs.append(
            ArgSpec(
                parameter.name, meaning.kind, parameter.default is inspect.Parameter.empty, description, meaning.choices
            )
        )
    return ToolSpec(name, first.strip(), not_for, tuple(specs), fn, needs, biometric, cost, fn.__module__)


def _meaning(hint: Any) -> Arg | None:
    """The Arg inside ``Annotated[...]`` or ``Annotated[...] | None``."""
    if get_origin(hint) is Annotated:
        return next((m for m in get_args(hint)[1:] if isinstance(m, Arg)), None)
    for option in get_args(hint):
        found = _meaning(option)
        if found is not None:
            return found
    return None


def _section(text: str, head: str) -> str:
    match = re.search(rf"^{head}:\s*(.+?)(?:\n\s*\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return " ".join(match.group(1).split()) if match else ""


def _args_section(text: str) -> Mapping[str, str]:
    match = re.search(r"^Args:\n(.+?)(?:\n\S|\Z)", text, re.MULTILINE | re.DOTALL)
    if not match:
        return {}
    found: dict[str, str] = {}
    current = ""
    for line in match.group(1).splitlines():
        head = re.match(r"^ {4}(\w+): (.+)$", line)
        if head:
            current = head.group(1)
            found[current] = head.group(2).strip()
        elif current and line.strip():
            found[current] += " " + line.strip()
    return found
