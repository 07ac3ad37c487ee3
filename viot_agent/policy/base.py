"""The policy seam and the single-user policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from viot_agent.errors import PolicyRefusal
from viot_agent.steps import Observation, Request, Run
from viot_agent.toolbox.contract import ToolSpec


class Policy(Protocol):
    """Allows by returning, refuses by raising PolicyRefusal with a reason a person understands."""

    def check_request(self, request: Request) -> None: ...
    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None: ...
    def check_seen(self, request: Request, spec: ToolSpec, seen: Observation) -> None: ...
    def tells_people(self, request: Request) -> bool: ...


class AuditSink(Protocol):
    """Consumes every finished run, refused and incomplete ones too.

    ``begin`` is called before anything is looked at; what it gives comes back with the run. ``save_run`` gives back the
    run as it was kept: another one where it might hold what was purged since.
    """

    def begin(self) -> int: ...
    def save_run(self, run: Run, begun: int | None = None) -> Run: ...


class Leaving(Protocol):
    """Looks at what a finished run wrote, before it is kept and shown: gives back the run as it may leave."""

    def redact(self, run: Run) -> Run: ...


class SingleUserPolicy:
    """One person, one machine: everything but what lies outside the request's own camera scope.

    The scope is compared by exact camera name; names that tools resolve later (groups, plurals) are cut to the scope by
    ``Fleet.resolve_cameras(scope=...)``, which raises PolicyRefusal when nothing is left.
    """

    def check_request(self, request: Request) -> None:
        """Nothing to refuse for the person at this machine, but somebody must be named."""
        if not request.principal.name:
            raise PolicyRefusal("a request must say who asks")

    def check_call(self, request: Request, spec: ToolSpec, args: Mapping[str, Any]) -> None:
        """An empty scope allows no tool that reads cameras."""
        if request.camera_scope is not None and not request.camera_scope and spec.args:
            raise PolicyRefusal("this request may not look at any camera")

    def check_seen(self, request: Request, spec: ToolSpec, seen: Observation) -> None:
        """Whatever a call that was allowed has brought may be told."""

    def tells_people(self, request: Request) -> bool:
        """Whether who asks may read who is enrolled: the person at this machine may."""
        return True
