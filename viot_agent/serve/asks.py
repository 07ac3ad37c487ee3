"""A request in words over REST: asked in a thread of its own, told step by step, its answer at the end.

Owns the order of events, the waiting in line, how many requests one principal may have under way, whose a conversation
is, and the stop when the caller goes away. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from viot_agent.errors import NameFault, UserFault
from viot_agent.library.run_store import record
from viot_agent.serve.files import Files
from viot_agent.serve.problems import Crowded
from viot_agent.serve.schemas import AskIn, RunOut
from viot_agent.serve.shown import Shown
from viot_agent.steps import Principal, Run, Step
from viot_agent.system import Viot
from viot_agent.web.line import Line
from viot_agent.web.sessions import new_conversation

AT_ONCE = 2 * (os.cpu_count() or 1)
"""Requests that are worked on at the same time: more at once would only make every one of them late."""
EACH = 4
"""Requests of one principal that may be under way or in line at once."""
ALIVE = 15.0
"""Seconds without news after which the caller hears that the request is still worked on: a proxy would hang up."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Event:
    """``conversation``, ``waiting``, ``begin``, ``step``, ``alive`` or ``answer``, with what it says."""

    name: str
    data: dict[str, Any]


class Worked:
    """Runs slow work in line, at most ``EACH`` pieces for one principal. One for all ways in of a server."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._line: Line[Any] = Line(at_once, "viot-serve")
        self._of: Counter[str] = Counter()

    @asynccontextmanager
    async def doing(
        self, principal: str, work: Callable[[], T], moved: Callable[[int], None] = lambda place: None
    ) -> AsyncIterator[Future[T]]:
        """The work's future; left early, work that has not begun is not begun. Raises Crowded."""
        if self._of[principal] >= EACH:
            raise Crowded(f"{EACH} requests of yours are under way", fix="wait for one of them to end")
        self._of[principal] += 1
        future: Future[T] = self._line.submit(work, moved)
        try:
            yield future
        finally:
            future.cancel()
            self._of[principal] -= 1
            if not self._of[principal]:
                del self._of[principal]


class Asks:
    """Answers requests of all callers."""

    def __init__(
        self, viot: Viot, shown: Shown, files: Files, llms: tuple[str, ...], worked: Worked, *, alive: float = ALIVE
    ) -> None:
        self.viot, self.shown, self.files, self.llms, self.worked = viot, shown, files, llms, worked
        self.alive = alive

    def conversation_of(self, principal: str, name: str | None) -> str:
        """The conversation of that name when it is the principal's, a new one for None. Raises NameFault; the words
        are the same for a conversation of somebody else and for one that never was."""
        if name is None:
            return new_conversation()
        if not self.viot.library.runs(owner=principal, limit=1, conversation=name):
            raise NameFault("you have no such conversation", name=name, fix="leave it out to begin one")
        return name

    async def events(self, principal: Principal, asked: AskIn) -> AsyncGenerator[Event]:
        """What happens, in order; the last is the answer. Raises ViotError for what cannot be asked.

        Closed early, the run is stopped, and recorded as stopped.
        """
        llm = asked.llm or self.llms[0]
        if llm not in self.llms:
            raise UserFault(f"the model {llm!r} is not offered here", fix=f"offered: {', '.join(self.llms)}")
        conversation = await asyncio.to_thread(self.conversation_of, principal.name, asked.conversation)
        attach = await asyncio.to_thread(self._attached, principal.name, asked)  # a clip may have to be cut first
        loop, cancel = asyncio.get_running_loop(), threading.Event()
        news: asyncio.Queue[Event | None] = asyncio.Queue()

        def tell(item: Event | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: the server has ended, and nobody listens
                loop.call_soon_threadsafe(news.put_nowait, item)

        def told(name: str, step: Step) -> None:
            tell(Event(name, self.shown.step(step).model_dump()))

        work = partial(self._run, principal, asked, llm, conversation, attach, told, cancel)
        yield Event("conversation", {"conversation": conversation})
        moved = lambda place: tell(Event("waiting", {"place": place}))  # noqa: E731
        try:
            async with self.worked.doing(principal.name, work, moved) as future:
                future.add_done_callback(lambda done: tell(None))
                while (event := await self._next(news)) is not None:
                    yield event
                yield Event("answer", (await asyncio.wrap_future(future)).model_dump())
        finally:
            cancel.set()

    async def _next(self, news: asyncio.Queue[Event | None]) -> Event | None:
        try:
            return await asyncio.wait_for(news.get(), self.alive)
        except TimeoutError:
            return Event("alive", {})

    def _attached(self, principal: str, asked: AskIn) -> tuple[Path, ...]:
        return tuple(self.files.found(principal, reference) for reference in asked.attach)

    def _run(
        self,
        principal: Principal,
        asked: AskIn,
        llm: str,
        conversation: str,
        attach: tuple[Path, ...],
        told: Callable[[str, Step], None],
        cancel: threading.Event,
    ) -> RunOut:
        run: Run = self.viot.ask(
            asked.text,
            attach=attach,
            llm=llm,
            conversation=conversation,
            on_step=partial(told, "step"),
            on_begin=partial(told, "begin"),
            cancel=cancel,
            principal=principal,
            purpose=asked.purpose,
        )
        return self.shown.run(record(run), conversation, principal.name)
