"""Who a page belongs to, and what that person may do: the same roles as everywhere else.

The guard has signed the person in by key or proxy and tells the name; here the name becomes a Principal as it stands
now, so a key that was revoked a moment ago does nothing more. In single-user mode everybody who reaches the page may do
everything, and each browser has a name of its own.
"""

from __future__ import annotations

from viot_agent.errors import PolicyRefusal
from viot_agent.policy.roles import RIGHT_WORDS, Right, may, reads_people, scope_of
from viot_agent.steps import Principal
from viot_agent.system import Viot


def principal(viot: Viot, user: str) -> Principal:
    """Who asks. Somebody whose access was taken back has a role that may do nothing."""
    if not viot.access.configured:
        return Principal(user)
    key = viot.access.keys.named(user)
    return Principal(user, "none") if key is None else key.principal


def check(viot: Viot, user: str, right: Right) -> Principal:
    """Who asks, when they have the right. Raises PolicyRefusal; the refusal stands in the audit log."""
    who = principal(viot, user)
    if not may(who, right):
        viot.audit.note("refused", by=who, data={"key": who.key, "needed": right})
        raise PolicyRefusal(f"the role {who.role} may not {RIGHT_WORDS[right]}", fix="ask an admin")
    return who


def scope(viot: Viot, user: str) -> frozenset[str] | None:
    """The names of the cameras that the person may see, None for all."""
    who = principal(viot, user)
    if who.role == "none":
        return frozenset()
    return None if who.groups is None else scope_of(who, viot.library.cameras())


def knows_people(viot: Viot, user: str) -> bool:
    """Whether the person may read who is enrolled: who may look for people, and who enrols them."""
    return reads_people(principal(viot, user))


def sees(viot: Viot, user: str, camera: str) -> bool:
    """Whether the person may see that camera."""
    allowed = scope(viot, user)
    return allowed is None or camera in allowed
