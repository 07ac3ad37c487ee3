"""Which role may use which class of tools, and which rights it has over keys, people and the records.

Owns the two tables, and how the class of a tool follows from its contract: no tool is named here, so a stranger's tool
falls under the same rules. Decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from viot_agent.errors import UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library.names import folded
from viot_agent.steps import Principal
from viot_agent.toolbox.contract import ToolSpec
from viot_agent.toolbox.outside import ORIGIN as OUTSIDE

Role = Literal["viewer", "operator", "privacy-officer", "admin"]
ToolClass = Literal["plain", "redaction", "export", "alert", "biometric"]
Right = Literal["access", "fleet", "index", "people", "audit", "purge", "clear"]

ROLES: tuple[Role, ...] = get_args(Role)
TOOL_CLASSES: tuple[ToolClass, ...] = get_args(ToolClass)
OWNER = "owner"
"""The role of the one person of a machine on which no access was set up."""

TOOLS: Mapping[str, frozenset[ToolClass]] = {
    "viewer": frozenset({"plain"}),
    "operator": frozenset({"plain", "redaction", "export", "alert", "biometric"}),
    # answers the people who are seen: finds and exports what there is of them, but watches nobody
    "privacy-officer": frozenset({"plain", "redaction", "export", "biometric"}),
    "admin": frozenset({"plain", "redaction", "export", "alert", "biometric"}),
}
"""What a role may use."""
RIGHTS: Mapping[Right, frozenset[Role]] = {
    "access": frozenset({"admin"}),
    "fleet": frozenset({"admin"}),
    "index": frozenset({"operator", "admin"}),
    "people": frozenset({"privacy-officer", "admin"}),
    "audit": frozenset({"privacy-officer", "admin"}),
    "purge": frozenset({"privacy-officer", "admin"}),
    "clear": frozenset({"privacy-officer", "admin"}),
}
"""Who may: make keys; add and remove cameras; index; enrol people and record consents; read the audit; purge; and
export faces in clear where exports are redacted."""

WORDS: Mapping[str, str] = {
    "plain": "looking at the cameras",
    "redaction": "making altered copies of pictures",
    "export": "exporting footage, or asking tools outside of this house",
    "alert": "setting alerts",
    "biometric": "looking for a person, a vehicle or a plate",
}
RIGHT_WORDS: Mapping[Right, str] = {
    "access": "give and take access",
    "fleet": "add and remove cameras",
    "index": "index footage",
    "people": "enrol people and record consents",
    "audit": "read the audit log",
    "purge": "purge",
    "clear": "export faces in clear",
}


def tool_class(spec: ToolSpec) -> ToolClass:
    """The class of a tool, from its contract: what sets alerts, what alters a copy of a given picture, what writes
    footage out or carries words out of the house, what tells who somebody is, and all others."""
    kinds = {a.kind for a in spec.args}
    if spec.origin.startswith(OUTSIDE):
        return "export"
    if "event" in kinds:
        return "alert"
    if spec.cost == "render":
        return "redaction" if "media" in kinds else "export"
    return "biometric" if spec.biometric or "vehicle" in kinds else "plain"


def call_class(spec: ToolSpec, args: Mapping[str, Any]) -> ToolClass:
    """The class of one call: a tool that reads all plates is plain, looking for a plate by name is as searching a
    person is."""
    kind = tool_class(spec)
    if kind == "plain" and any(a.kind in ("person", "plate", "vehicle") and args.get(a.name) for a in spec.args):
        return "biometric"
    return kind


def may_use(principal: Principal, kind: ToolClass) -> bool:
    """Whether role and key allow the class. A key narrows what its role may do and widens nothing."""
    if principal.role == OWNER:
        return True
    return kind in TOOLS.get(principal.role, frozenset()) and (principal.classes is None or kind in principal.classes)


def may(principal: Principal, right: Right) -> bool:
    """Whether the role has the right; a key that is cut to groups of cameras has none over keys, people and records."""
    if principal.role == OWNER:
        return True
    whole = principal.groups is None or right == "index"
    return whole and principal.role in RIGHTS[right]


def reads_people(principal: Principal) -> bool:
    """Whether the principal may read who is enrolled and on what ground: who enrols people, and who may look for
    them."""
    return may(principal, "people") or may_use(principal, "biometric")


def scope_of(principal: Principal, cameras: Iterable[Camera]) -> frozenset[str] | None:
    """The names of the cameras that the principal may look at; None for all."""
    if principal.groups is None:
        return None
    wanted = {folded(g) for g in principal.groups}
    return frozenset(c.name for c in cameras if wanted & {folded(g) for g in c.groups})


def role_named(word: str) -> Role:
    """The role of that name. Raises UserFault."""
    found = next((r for r in ROLES if r == word.strip().casefold().replace(" ", "-").replace("_", "-")), None)
    if found is None:
        raise UserFault(f"there is no role {word[:60]!r}", fix=f"the roles are {', '.join(ROLES)}")
    return found


def classes_named(words: Iterable[str]) -> tuple[ToolClass, ...]:
    """The classes of tools of these names. Raises UserFault."""
    wanted = [w.strip().casefold() for w in words]
    wrong = next((w for w in wanted if w not in TOOL_CLASSES), None)
    if wrong is not None:
        raise UserFault(f"there is no class of tools {wrong[:60]!r}", fix=f"the classes are {', '.join(TOOL_CLASSES)}")
    return tuple(c for c in TOOL_CLASSES if c in wanted)
