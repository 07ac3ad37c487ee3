"""The policies behind the seam: roles and purpose, consent, and which of them hold in this house.

``RolePolicy`` decides by role, key and purpose; ``ConsentPolicy`` by the recorded ground for each enrolled person;
``HousePolicy`` is what the system uses: in single-user mode it asks for no role and no purpose, and still looks for
nobody whose consent was withdrawn or ran out, for that is what the person at this machine wrote down. Each refusal says
why and what would change it.

Owns these decisions. Knows no tool by name, and nothing of where a request came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viot_agent.errors import NameFault, PolicyRefusal, SignInRefusal
from viot_agent.fleet import Fleet
from viot_agent.library import names
from viot_agent.library.store import Library
from viot_agent.policy.access import FIX, Access
from viot_agent.policy.base import SingleUserPolicy
from viot_agent.policy.consent import Consent, Consents, refusal
from viot_agent.policy.naming import Name
from viot_agent.policy.roles import OWNER, ROLES, TOOLS, WORDS, call_class, may_use, reads_people, scope_of
from viot_agent.steps import Observation, Principal, Request
from viot_agent.toolbox.contract import ToolSpec

WATCHED = ("face:", "plate:")
"""Forms of an event that watch for somebody."""


class RolePolicy(SingleUserPolicy):
    """By role, key, camera groups and purpose. ``fleet`` tells which camera is in which group."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def check_request(self, request: Request) -> None:
        """A role that exists, and a request that is cut to the cameras of who asks."""
        super().check_request(request)
        who = request.principal
        if who.role not in ROLES:
            raise SignInRefusal(f"{who.name} has no role here", fix=FIX)
        allowed = scope_of(who, self.fleet.cameras()) if who.groups is not None else None
        if allowed is not None and (request.camera_scope is None or not request.camera_scope <= allowed):
            raise PolicyRefusal(f"this request is not cut to the cameras of {who.name}")

    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None:
        """The class of the call must be the role's and the key's; the cameras named must be in scope; looking for
        somebody needs a purpose."""
        super().check_call(request, spec, args)
        who, kind = request.principal, call_class(spec, args)
        if not may_use(who, kind):
            by_key = kind in TOOLS.get(who.role, frozenset())
            whose = "this key is not" if by_key else f"the role {who.role} is not"
            raise PolicyRefusal(f"{whose} for {WORDS[kind]}", fix="ask an admin for a key that is")
        self._check_cameras(request, spec, args)
        if (kind == "biometric" or _watches(spec, args)) and not request.purpose.strip():
            raise PolicyRefusal(
                f"{WORDS['biometric']} needs a stated purpose",
                fix='say what for: viot ask --purpose "..."; in the page and the interfaces it is a field',
            )

    def tells_people(self, request: Request) -> bool:
        """To who may look for people, or enrols them."""
        return reads_people(request.principal)

    def _check_cameras(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None:
        """Also where a tool of somebody else would not look at the scope."""
        if request.camera_scope is None:
            return
        for arg in spec.args:
            said = args.get(arg.name)
            if arg.kind == "cameras" and isinstance(said, list) and all(isinstance(n, str) for n in said):
                try:
                    self.fleet.resolve_cameras(said, scope=request.camera_scope)
                except NameFault:
                    continue  # the tool says it, with the nearest names


class ConsentPolicy:
    """Nobody is looked for whose recorded ground has ended."""

    def __init__(self, fleet: Fleet, consents: Consents) -> None:
        self.fleet, self.consents = fleet, consents

    def check_request(self, request: Request) -> None:
        """Nothing: who is looked for stands in the calls."""

    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None:
        """The people a call looks for: who is named, in an argument of its own or in words; where nobody is, everybody
        enrolled for tools that would list them."""
        people = [a for a in spec.args if a.kind == "person"]
        texts = [str(args[a.name]) for a in spec.args if a.kind == "text" and args.get(a.name)]
        texts += [request.text] if texts else []  # a tool may read the person's own words beside what the model copied
        events = [str(args[a.name]) for a in spec.args if a.kind == "event" and args.get(a.name)]
        if not people and not events and not (texts and spec.biometric):
            return
        grounds = {names.folded(c.person): c for c in self.consents.all()}
        now = self.consents.clock()
        if not any(c.ended(now) for c in grounds.values()):
            return
        named = [str(args[a.name]) for a in people if args.get(a.name)]
        named += [e.partition(":")[2].strip() for e in events if e.casefold().lstrip().startswith("face:")]
        if people and not named and call_class(spec, {**args, people[0].name: "x"}) == "biometric" and spec.biometric:
            self._check(list(grounds.values()), now, everybody=True)
            return
        found = {n.name for name in named for n in self._people(name)}
        said = [m for text in texts for m in self.fleet.mentions(text)] if spec.biometric else []
        found |= {m.target for m in said if m.kind == "person"}
        self._check([grounds[names.folded(n)] for n in found if names.folded(n) in grounds], now)

    def check_seen(self, request: Request, spec: ToolSpec, seen: Observation) -> None:
        """What tells who somebody is may not name whose ground has ended: a question of who was there names nobody."""
        if not spec.biometric:
            return
        grounds, now = self.consents.all(), self.consents.clock()
        people = [c.person for c in grounds]
        told = [seen.summary, *(c.text for c in seen.claims), *(e.who for e in seen.evidence)]
        named = [c for c in grounds if c.ended(now) and Name(c.person, people).within(told)]
        self._check(named, now, everybody=True)

    def _people(self, name: str) -> list[Any]:
        try:
            return [self.fleet.resolve_person(name)]
        except NameFault:
            return []  # an attached picture, or nobody: the tool says it

    def _check(self, grounds: list[Consent], now: float, *, everybody: bool = False) -> None:
        for ground in grounds:
            if (no := refusal(ground, now, everybody=everybody)) is not None:
                raise no


class HousePolicy:
    """What holds here: roles where access is set up, else the single-user rules; consent in both."""

    def __init__(self, library: Library, access: Access) -> None:
        fleet = Fleet(library)
        self.access = access
        self._single, self._roles = SingleUserPolicy(), RolePolicy(fleet)
        self._consent = ConsentPolicy(fleet, Consents(library.db))

    def check_request(self, request: Request) -> None:
        """See :class:`RolePolicy`. A request of the single user is nobody's where access is set up."""
        self._check_mode(request.principal)
        self._rules.check_request(request)

    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None:
        """See :class:`RolePolicy` and :class:`ConsentPolicy`."""
        self._rules.check_call(request, spec, args)
        self._consent.check_call(request, spec, args)

    def check_seen(self, request: Request, spec: ToolSpec, seen: Observation) -> None:
        """See :class:`ConsentPolicy`."""
        self._consent.check_seen(request, spec, seen)

    def tells_people(self, request: Request) -> bool:
        """See :class:`RolePolicy`."""
        return self._rules.tells_people(request)

    @property
    def _rules(self) -> SingleUserPolicy:
        return self._roles if self.access.configured else self._single

    def _check_mode(self, who: Principal) -> None:
        if who.role != OWNER and not self.access.configured:
            raise SignInRefusal(f"{who.name} shows a key, and no access is set up here", fix="viot access init")


def _watches(spec: ToolSpec, args: Mapping[str, Any]) -> bool:
    """Whether a call sets a watch for somebody."""
    said = (str(args.get(a.name) or "").casefold().lstrip() for a in spec.args if a.kind == "event")
    return any(s.startswith(WATCHED) for s in said)
