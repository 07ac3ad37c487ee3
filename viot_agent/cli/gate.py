"""How a command opens the house: who runs it is asked first, and what is refused stands in the audit log.

Where access is set up a command takes its key from ``VIOT_KEY``; in single-user mode nobody needs one. Owns that order.
Servers open the house themselves: they ask whoever comes in, not who started them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from viot_agent.errors import NameFault, PolicyRefusal, UserFault
from viot_agent.live.address import is_live
from viot_agent.policy.consent import check_consent
from viot_agent.policy.roles import RIGHT_WORDS, WORDS, Right, ToolClass, may, may_use, scope_of, tool_class
from viot_agent.steps import Principal, Request

if TYPE_CHECKING:
    from viot_agent.system import Viot


@contextmanager
def opened(*needed: Right | ToolClass) -> Iterator[Viot]:
    """The house of ``VIOT_HOME`` with ``viot.principal`` set to who runs the command.

    ``needed``: the rights, or classes of tools, of which the command asks for one; none for what everybody with a key
    may do.
    Raises SignInRefusal, RateRefusal, PolicyRefusal.
    """
    from viot_agent.system import Viot

    with Viot.open() as viot:
        viot.principal = who = viot.access.here()
        if needed and not any(_allowed(who, one) for one in needed):
            first = needed[0]
            words = RIGHT_WORDS[cast(Right, first)] if first in RIGHT_WORDS else f"use this key for {WORDS[first]}"
            cut = " with a key that is cut to groups of cameras" if who.groups is not None else ""
            refusal = PolicyRefusal(f"the role {who.role} may not {words}{cut}", fix="ask an admin")
            viot.audit.note("refused", by=who, data={"key": who.key, "needed": first})
            raise refusal
        yield viot


def _allowed(who: Principal, needed: Right | ToolClass) -> bool:
    return may(who, cast(Right, needed)) if needed in RIGHT_WORDS else may_use(who, cast(ToolClass, needed))


def seen(viot: Viot) -> frozenset[str]:
    """The names of the cameras that who runs the command may look at."""
    cameras = viot.library.cameras()
    scope = scope_of(viot.principal, cameras)
    return frozenset(c.name for c in cameras) if scope is None else scope


def cut(viot: Viot, names: Sequence[str], *, live: bool) -> list[str]:
    """The cameras that a command works on: as named, but with a key that is cut to groups those of the groups only; for
    no name then all of them that are ``live``, or recordings.

    Raises NameFault, PolicyRefusal, UserFault where none is left.
    """
    if viot.principal.groups is None:
        return list(names)
    found = viot.fleet.resolve_cameras(list(names), scope=seen(viot))
    mine = [c.name for c in found if names or is_live(c.source) is live]
    if not mine:
        raise UserFault(f"no camera of this key is {'live' if live else 'a recording'}", fix="viot camera list")
    return mine


def check_named(viot: Viot, name: str) -> None:
    """The policy's word on an enrolled person who is named by hand. Raises PolicyRefusal when the ground has ended;
    nothing for a name that nobody carries."""
    try:
        person = viot.fleet.resolve_person(name).name
    except NameFault:
        return
    try:
        check_consent(viot.library.db, person, time.time())
    except PolicyRefusal as refusal:
        words = {"person": person, "refused": str(refusal)}
        viot.audit.note(
            "refused", by=viot.principal, data={"key": viot.principal.key, "needed": "consent"}, words=words
        )
        raise


def check_watch(viot: Viot, event: str, purpose: str) -> None:
    """The policy's word on an alert that is set by hand: the same as on one that is asked for in words.

    Raises PolicyRefusal.
    """
    spec = next((s for s in viot.toolbox if tool_class(s) == "alert"), None)
    if spec is None:
        return
    arg = next(a.name for a in spec.args if a.kind == "event")
    request = Request(f"viot alert add {event}", principal=viot.principal, purpose=purpose, camera_scope=seen(viot))
    try:
        viot.policy.check_call(request, spec, {arg: event})
    except PolicyRefusal as refusal:
        words = {"event": event, "refused": str(refusal)}
        viot.audit.note("refused", by=viot.principal, data={"key": viot.principal.key, "needed": "alert"}, words=words)
        raise
