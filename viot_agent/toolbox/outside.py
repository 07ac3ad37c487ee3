"""Tools of other MCP servers: which servers the person added, what their tools may look like, and how they enter.

A server's tools are looked at once, when it is added, and kept as they were then (``VIOT_HOME/mcp-servers.json``, for
its owner's eyes): opening a house starts no server, and a tool that has since changed is not called. Nothing that such
a server writes is trusted: names, descriptions and schemas are cut to what the contract allows before a language model
reads them, results are quoted as somebody's words and are evidence of nothing.

Owns the file and these rules. Speaks no protocol: who calls is given (:class:`Caller`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from viot_agent.errors import BackendFault, FailedFault, NameFault, UserFault
from viot_agent.foreign import read_json
from viot_agent.steps import Observation
from viot_agent.toolbox.contract import ArgSpec, ToolContext, ToolSpec
from viot_agent.toolbox.registry import Toolbox

FILE = "mcp-servers.json"
ORIGIN = "mcp:"
"""How the origin of such a tool begins; the server's name follows."""
MOST_TOOLS = 32
MOST_ARGS = 16
MOST_SCHEMA = 6000
"""Characters of a schema, as JSON."""
DEEPEST = 4
DESCRIPTION = 200
RESULT = 1500
"""Characters of a result that are passed on."""
_SERVER = re.compile(r"[a-z][a-z0-9]{1,15}")
_TOOL = re.compile(r"[a-z][a-z0-9_]{2,40}")
_ARG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
# no pattern (one that takes for ever is the server's weapon), no reference, no format
_KEPT = frozenset("type enum const items required minimum maximum minLength maxLength minItems maxItems".split())
_TYPES = frozenset("string number integer boolean array object null".split())


@dataclass(frozen=True, slots=True)
class Card:
    """A tool as the server describes it. ``schema`` is the JSON schema of its arguments, untouched."""

    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def mark(self) -> str:
        """A digest of all of it: another mark is another tool."""
        said = json.dumps([self.name, self.description, self.schema], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Server:
    """A server that the person added: ``command`` (started without a shell) or ``url``, one of them. ``env`` and
    ``headers`` may hold secrets and are never shown."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cards: tuple[Card, ...] = ()

    @property
    def shown(self) -> str:
        """Where it is, for messages."""
        return self.url.partition("?")[0] if self.url else self.command[0]


class Caller(Protocol):
    """Calls a tool of a server, within a time limit."""

    def __call__(self, server: Server, card: Card, args: Mapping[str, Any]) -> str:
        """What the tool answered, as text. Raises RetryFault where the tool says that the call was wrong, FailedFault
        for a server that does not answer, or whose tool is another by now."""
        ...


class Servers:
    """The file of one home."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE

    def all(self) -> list[Server]:
        """In the order in which they were added. Raises UserFault for a file that is damaged."""
        try:
            rows = read_json(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise UserFault(f"{self.path} cannot be read: {error}", fix="repair or remove it") from error
        try:
            return [_server(row) for row in rows]
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise UserFault(f"{self.path} is damaged ({error})", fix="remove it, and add the servers anew") from error

    def add(self, server: Server) -> None:
        """Keep a server. Raises NameFault when its name is taken, BackendFault for the disk."""
        known = self.all()
        if any(s.name == server.name for s in known):
            raise NameFault(
                f"there is a server {server.name!r} already", name=server.name, fix=f"viot tools remove {server.name}"
            )
        self._write([*known, server])

    def remove(self, name: str) -> Server:
        """Forget a server and its tools. Raises NameFault."""
        known = self.all()
        found = next((s for s in known if s.name == name), None)
        if found is None:
            names = ", ".join(s.name for s in known) or "there is none"
            raise NameFault(f"there is no server {name[:60]!r}", name=name, fix=f"the servers are: {names}")
        self._write([s for s in known if s.name != name])
        return found

    def _write(self, servers: Sequence[Server]) -> None:
        part = self.path.with_name(f".{FILE}.{secrets.token_hex(6)}")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump([asdict(s) for s in servers], file, ensure_ascii=False, indent=1)
            part.replace(self.path)
        except OSError as error:
            raise BackendFault(f"{self.path} cannot be written: {error.strerror}", fix="check VIOT_HOME") from error


def server_name(name: str) -> str:
    """A usable name of a server. Raises UserFault: tools are called by it, so it is short and plain."""
    if not _SERVER.fullmatch(name):
        raise UserFault(f"{name[:40]!r} is no name for a server", fix="use 2 to 16 small letters and digits: weather")
    return name


def looked_at(server: Server, cards: Sequence[Card]) -> tuple[list[ToolSpec], list[str]]:
    """What of a server's tools can be used, and in sentences why the others cannot."""
    good: list[ToolSpec] = []
    left: list[str] = []
    if len(cards) > MOST_TOOLS:
        left.append(f"of {len(cards)} tools the first {MOST_TOOLS} are looked at")
    for card in cards[:MOST_TOOLS]:
        try:
            spec = spec_of(server, card, _uncalled)
            if any(s.name == spec.name for s in good):
                raise FailedFault(f"two of its tools would be called {spec.name!r}")
            good.append(spec)
        except FailedFault as fault:
            left.append(f"{plain(card.name, 60)}: {fault}")
    return good, left


def add_outside(toolbox: Toolbox, servers: Iterable[Server], caller: Caller) -> None:
    """Put the tools of these servers into the toolbox. Raises FailedFault for a name that is taken."""
    for server in servers:
        for card in server.cards:
            spec = spec_of(server, card, caller)
            if spec.name in toolbox:
                raise FailedFault(
                    f"the MCP server {server.name!r} brings a tool {spec.name!r}, and there is one of that name",
                    fix=f"viot tools remove {server.name}",
                )
            toolbox.add(spec)


def spec_of(server: Server, card: Card, caller: Caller) -> ToolSpec:
    """A server's tool as one of ours. Raises FailedFault for what breaks the contract."""
    own = re.sub(r"[^a-z0-9]+", "_", _snake(card.name)).strip("_")
    name = f"{server.name}_{own}"
    if not own or not _TOOL.fullmatch(name):
        raise FailedFault("its name cannot be used", fix="a name has at most 40 letters and digits with the server's")
    description = plain(card.description, DESCRIPTION)
    if len(description) < 10:
        raise FailedFault("it does not say what it is for")
    schema = safe_schema(card.schema)
    args = tuple(
        ArgSpec(key, "choice" if "enum" in told else "text", key in schema["required"], told.get("description", ""))
        for key, told in schema["properties"].items()
    )
    return ToolSpec(
        name,
        f"(outside tool of {server.name}) {description}",
        "anything about the cameras or what they saw.",
        args,
        partial(_called, server, card, name, caller),
        cost="footage",
        origin=ORIGIN + server.name,
        parameters=schema,
    )


def safe_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments, with what a language model and a validator need and nothing else.

    Raises FailedFault for one that is too large or too deep, or holds what cannot be left out (references).
    """
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or not isinstance(required, list):
        raise FailedFault("its arguments are no object")
    if len(properties) > MOST_ARGS:
        raise FailedFault(f"it takes {len(properties)} arguments; {MOST_ARGS} at most are used")
    made: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    for key, told in properties.items():
        if not isinstance(key, str) or not _ARG.fullmatch(key):
            raise FailedFault("the name of an argument cannot be used")
        part = _safe(told, 1)
        described = plain(str(told.get("description") or told.get("title") or ""), DESCRIPTION)
        made["properties"][key] = {**part, "description": described or key}
        if key in required:
            made["required"].append(key)
    if len(json.dumps(made, ensure_ascii=False)) > MOST_SCHEMA:
        raise FailedFault(f"its arguments take more than {MOST_SCHEMA} characters to describe")
    return made


def _safe(schema: Any, depth: int) -> dict[str, Any]:
    """A part of a schema. What only narrows is left out where it cannot be kept: the server checks its input itself."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        raise FailedFault("its arguments are nested too deeply, or are no schema")
    if "$ref" in schema or "$dynamicRef" in schema:
        raise FailedFault("its arguments refer to other schemas, which is not read here")
    options = schema.get("anyOf") or schema.get("oneOf")
    if options is not None:
        if not isinstance(options, list) or not 1 <= len(options) <= 8:
            raise FailedFault("an argument has too many forms")
        parts = [_safe(o, depth + 1) for o in options]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}
    made: dict[str, Any] = {k: v for k, v in schema.items() if k in _KEPT and k not in ("items", "required")}
    kind = made.get("type", "string" if "enum" not in made and "const" not in made else None)
    kinds = kind if isinstance(kind, list) else [kind] if kind is not None else []
    if not all(isinstance(k, str) and k in _TYPES for k in kinds):
        raise FailedFault("an argument has a type that is not known")
    if kind is not None:
        made["type"] = kind
    for key in ("enum", "const"):
        values = made.get(key, []) if key == "enum" else [made.get(key)]
        if not isinstance(values, list) or len(values) > 64 or not all(_simple(v) for v in values):
            raise FailedFault("an argument's choices cannot be used")
    for key in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"):
        if key in made and (isinstance(made[key], bool) or not isinstance(made[key], int | float)):
            raise FailedFault(f"an argument's {key} is no number")
    if "string" in kinds and "enum" not in made:
        made["maxLength"] = min(int(made.get("maxLength", 1000)), 1000)
    if "array" in kinds:
        made["items"] = _safe(schema.get("items", {}), depth + 1)
        made["maxItems"] = min(int(made.get("maxItems", 32)), 32)
    if "object" in kinds:
        inner = schema.get("properties") or {}
        if not isinstance(inner, Mapping) or len(inner) > MOST_ARGS:
            raise FailedFault("an argument has too many parts")
        if not all(isinstance(k, str) and _ARG.fullmatch(k) for k in inner):
            raise FailedFault("the name of an argument's part cannot be used")
        made["properties"] = {k: _safe(v, depth + 1) for k, v in inner.items()}
        needed = schema.get("required") or []
        made["required"] = [k for k in made["properties"] if isinstance(needed, list) and k in needed]
        made["additionalProperties"] = False
    return made


def plain(text: str, most: int) -> str:
    """Words of a stranger on one line: without control and direction characters, cut to ``most`` characters."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text[: 20 * most])
    kept = "".join(c for c in kept if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn"))
    kept = " ".join(unicodedata.normalize("NFC", kept).split())
    return kept if len(kept) <= most else kept[: most - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """A result of a stranger between marks that it cannot hold itself."""
    return "«" + plain(text, RESULT).replace("«", "‹").replace("»", "›") + "»"


def _called(server: Server, card: Card, name: str, caller: Caller, ctx: ToolContext, **args: Any) -> Observation:
    said = caller(server, card, args)
    words = f"{server.name}, an outside tool whose words nobody here checked, says: {quoted(said)}"
    return Observation(ctx.call_id, name, "ok", words, "info", data={"outside": server.name})


def _uncalled(server: Server, card: Card, args: Mapping[str, Any]) -> str:
    raise FailedFault(f"the tools of {server.name} are only looked at here")


def _simple(value: Any) -> bool:
    if isinstance(value, str):
        return plain(value, 200) == value
    return value is None or isinstance(value, bool | int | float)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:200]).lower()


def _server(row: Mapping[str, Any]) -> Server:
    if bool(row["command"]) == bool(row["url"]):
        raise ValueError("a server has a command or a url, one of them")
    return Server(
        str(row["name"]),
        tuple(map(str, row["command"])),
        str(row["url"]),
        {str(k): str(v) for k, v in row["env"].items()},
        {str(k): str(v) for k, v in row["headers"].items()},
        tuple(Card(str(c["name"]), str(c["description"]), dict(c["schema"])) for c in row["cards"]),
    )
