"""What one run carries through the graph (LangGraph's ``context``): the tool context and the growing record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from viot_agent.agent.asked import Wanted
from viot_agent.agent.limits import Limits
from viot_agent.steps import Observation, Step
from viot_agent.toolbox.contract import ToolContext


@dataclass(slots=True)
class RunState:
    """Mutable state of one run. ``stop`` holds the reason when a limit ended it, ``cancel`` is set by the person.

    ``on_begin`` hears of a call before the tool runs (its observation is None), ``on_step`` when it is done.
    """

    tools: ToolContext
    limits: Limits
    on_step: Callable[[Step], None] | None = None
    on_begin: Callable[[Step], None] | None = None
    cancel: threading.Event | None = None
    wanted: Wanted | None = None
    """What the request asks for; None where every call was decided by a person."""
    started: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    stop: str = ""
    llm_seconds: float = 0.0
    tool_seconds: float = 0.0
    making_seconds: float = 0.0
    """Of ``tool_seconds``, those of tools that write a picture or a film."""

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def cancelled(self) -> bool:
        """Whether the person who asked has stopped the run."""
        return self.cancel is not None and self.cancel.is_set()

    @property
    def observations(self) -> list[Observation]:
        return [s.observation for s in self.steps if s.observation is not None]

    def begin(self, step: Step) -> None:
        """Tell the listener of a call that is about to be made."""
        if self.on_begin is not None:
            self.on_begin(step)

    def record(self, step: Step) -> None:
        """Append a finished step and tell the listener."""
        self.steps.append(step)
        if self.on_step is not None:
            self.on_step(step)
