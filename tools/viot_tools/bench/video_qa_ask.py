"""Asking the product's own tool, and reading the short answer out of its observation.

The way is the one of ``viot ask`` from the tool on: the question's words are parsed, cameras and times in it resolved,
rows read, the engine's answer said. Owns this call. Knows no suite and no gold.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from viot_agent.errors import NameFault, RetryFault, TimeFault, UserFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Window
from viot_agent.library.api import Library
from viot_agent.steps import Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.bench.video_qa_figures import Said
from viot_tools.qa.engine import Engine, Symbolic
from viot_tools.qa.stored import ActionSource, NameSource
from viot_tools.qa.tool import ask

EngineName = Literal["symbolic", "video-llm"]


class Asker:
    """One library under questions. ``now``: the present of the questions, POSIX seconds."""

    def __init__(
        self,
        library: Library,
        weights: Weights,
        home: Path,
        now: float,
        *,
        engine: EngineName = "symbolic",
        actions: ActionSource | None = None,
        names: NameSource | None = None,
    ) -> None:
        self._fleet, self._library, self._weights, self._home, self._now = Fleet(library), library, weights, home, now
        self._sources: dict[str, Any] = {"actions": actions, "names": names}
        self._engines = [self._engine(engine)]
        self._by_name = {c.name: c for c in library.cameras()}

    def __call__(self, question: str, cameras: Sequence[str] = (), when: str = "", options: Sequence[str] = ()) -> Said:
        """The answer. What a question can be at fault for (no such camera, no such time) counts as *cannot tell*, with
        its words; every other fault is raised, so that a broken engine is never marked as one that cannot tell."""
        started = time.perf_counter()
        request = Request(question, now=self._now)
        ctx = ToolContext(request, self._fleet, self._library, self._weights, self._home, call_id="c1")
        try:
            observation = ask(
                ctx,
                question,
                list(cameras) or None,
                when or None,
                options=options,
                engines=self._engines,
                **self._sources,
            )
        except (NameFault, TimeFault, RetryFault) as fault:
            return Said("", seconds=time.perf_counter() - started, text=f"{type(fault).__name__}: {fault}")
        return said(observation, time.perf_counter() - started)

    def _engine(self, name: EngineName) -> Engine[Any]:
        if name == "symbolic":
            return Symbolic(self._clock)
        from viot_tools.qa.video_llm import MISSING, from_environment

        engine = from_environment(self._weights)
        if engine is None:
            raise WeightsMissing("no video language model is set up", fix=MISSING)
        return engine

    def _clock(self, phrase: str, camera: str) -> Window:
        return self._fleet.window(phrase, self._by_name[camera], self._now)


def said(observation: Observation, seconds: float) -> Said:
    """What an observation of ``video_qa`` says, shortly."""
    data = observation.data
    spans = tuple((str(c), float(a), float(b)) for c, a, b in data["intervals"])
    answer, number = str(data["answer"]), data["number"]
    text, parsed = observation.summary, bool(data["parsed"])
    return Said(answer, number, spans, str(data["engine"]), seconds, text, parsed, bool(data["claimed"]))


def engine_name(text: str) -> EngineName:
    """``text`` as the name of an engine. Raises UserFault."""
    for name in get_args(EngineName):
        if text == name:
            return name  # type: ignore[no-any-return]
    raise UserFault(f"there is no engine {text!r}", fix=f"the engines are {', '.join(get_args(EngineName))}")
