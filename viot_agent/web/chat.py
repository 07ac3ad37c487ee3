"""One request from the page: asked in a thread of its own, told step by step, its answer with evidence at the end.

Owns the order of what appears, the waiting in line, and the stop. Knows the page only as the :class:`Turn` it gives
back each time something is new; makes no component.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from viot_agent.errors import BackendFault, UserFault, ViotError
from viot_agent.library.run_store import record
from viot_agent.steps import Attachment, Run, Step
from viot_agent.system import Viot
from viot_agent.web import bubbles, cards, past, timeline, who
from viot_agent.web.bubbles import Message
from viot_agent.web.line import Line
from viot_agent.web.sessions import Session, unplaced
from viot_agent.web.views import RunView, Views

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the page shows now. ``panel`` and ``figures`` are markup, None to leave them; ``running`` is False at the
    end."""

    messages: Sequence[Message]
    panel: str | None
    figures: str | None
    running: bool


AT_ONCE = 16
"""Requests to models on other machines that are worked on at the same time; further ones wait their turn."""
HERE_AT_ONCE = min(AT_ONCE, 2 * (os.cpu_count() or 1))
"""The same for models on this machine: more at once would only make every one of them late."""
STOPPING = "stopping"
"""What a run is told of a stop that was pressed."""


class Chat:
    """Answers requests of all open pages."""

    def __init__(
        self, viot: Viot, views: Views, llms: Sequence[str], *, any_llm: bool = False, here_at_once: int = HERE_AT_ONCE
    ) -> None:
        self.viot, self.views, self.llms, self.any_llm = viot, views, tuple(llms), any_llm
        self._elsewhere: Line[Run] = Line(AT_ONCE, "viot-ask-elsewhere")
        self._here: Line[Run] = Line(here_at_once, "viot-ask")

    def ask(self, session: Session, text: str, files: Sequence[Path], llm: str, purpose: str = "") -> Iterator[Turn]:
        """Answer; a Turn at once, one whenever a step begins or ends, and the last with the answer.

        What cannot be asked (no words, an unusable file, a model that is not offered) is said in the chat; so is that
        something broke, with the defect itself in the log. Where the page began another conversation in the meantime,
        nothing more of this one is given.
        """
        try:
            cancel = session.begin()
        except UserFault as fault:
            yield Turn([*session.messages, bubbles.error(fault)], None, None, True)
            return
        said = session.messages
        try:
            if llm not in self.llms and not self.any_llm:
                raise UserFault(f"the model {llm!r} is not offered here", fix="choose one of the list")
            gone = next((f.name for f in session.files if not f.is_file()), None)
            if gone is not None:
                raise UserFault(f"{gone} is not kept any longer", fix="begin a new conversation and attach it again")
            fresh: list[Attachment] = session.attach(files)
            said += bubbles.asked(text, [(a.handle, str(a.path)) for a in fresh])
            yield Turn([*said, bubbles.reading()], None, None, True)
            for turn in self._run(session, text, llm, cancel, purpose):
                if session.messages is not said:
                    return
                yield turn
        except ViotError as fault:
            yield from self._broken(session, said, text, unplaced(fault, session.files), cancel)
        except Exception:
            log.exception("a request of the page broke off")
            broke = BackendFault("Something in the program broke.", fix="what it was stands in the server's log")
            yield from self._broken(session, said, text, broke, cancel)
        finally:
            # a page that is closed ends the generator here: its run must not go on
            cancel.set()
            session.end(cancel)

    def _run(self, session: Session, text: str, llm: str, cancel: threading.Event, purpose: str) -> Iterator[Turn]:
        said = session.messages
        news: queue.SimpleQueue[Step | int | str | Future[Run]] = queue.SimpleQueue()
        work = partial(
            self.viot.ask,
            text,
            attach=tuple(session.files),
            llm=llm,
            conversation=session.conversation,
            on_step=news.put,
            on_begin=news.put,
            cancel=cancel,
            principal=who.principal(self.viot, session.user),
            purpose=purpose,
        )
        session.listen(cancel, partial(news.put, STOPPING))
        asking = (self._elsewhere if llm.startswith("openai:") else self._here).submit(work, news.put)
        asking.add_done_callback(news.put)
        try:
            while not isinstance(new := news.get(), Future):
                if isinstance(new, Step):
                    self._drop_pending(said)  # the same step, now done
                    said.append(bubbles.step(self.views.step(new)))
                    # of a run that stops, nothing further is promised
                    more = [] if new.observation is None or cancel.is_set() else [bubbles.reading()]
                elif isinstance(new, int):
                    more = [bubbles.waiting(new) if new else bubbles.reading()]
                elif asking.cancel():
                    continue  # it had not begun: there is nothing to wait for
                else:
                    more = [bubbles.stopping()]
                yield Turn([*said, *more], None, None, True)
        finally:
            asking.cancel()  # a page that was closed leaves the line
        self._drop_pending(said)
        if new.cancelled():
            said.append(bubbles.unbegun())
            session.end(cancel)
            yield Turn(said, None, None, False)
            return
        view = self.views.run(record(new.result()), self.viot.library.cameras())
        said.append(bubbles.answer(view))
        session.end(cancel)  # before the answer is seen: the next request may come at once
        yield Turn(said, self.panel(view), timeline.figures(view), False)

    def _broken(
        self, session: Session, said: list[Message], text: str, fault: ViotError, cancel: threading.Event
    ) -> Iterator[Turn]:
        """The last turn of a request that came to no answer."""
        self._drop_pending(said)
        if not said or said[-1]["role"] != "user":
            said += bubbles.asked(text)
        said.append(bubbles.error(fault))
        current = session.messages is said
        session.end(cancel)
        if current:
            yield Turn(said, None, None, False)

    @staticmethod
    def _drop_pending(said: list[Message]) -> None:
        if said and said[-1].get("metadata", {}).get("status") == "pending":
            said.pop()

    def reopen(self, session: Session, conversation: str) -> Turn | None:
        """Go on with one's own stored conversation; None when there is none of that name (or it is somebody else's)."""
        stored = past.turns(self.viot.library, session.user, conversation)
        if not stored:
            return None
        session.restart(conversation)
        known = self.viot.library.cameras()
        views = [self.views.run(row.record, known) for row in stored]
        session.messages += bubbles.history(views)
        last = views[-1]
        return Turn(session.messages, self.panel(last), timeline.figures(last), False)

    @staticmethod
    def panel(view: RunView) -> str:
        """The cards of an answer."""
        return cards.panel(view.pieces, view.status)

    def examples(
        self, most: int = 4, scope: frozenset[str] | None = None, people: Sequence[str] | None = None
    ) -> list[str]:
        """Requests that work on what is here (in ``scope``): the demo's own, else made from the names of cameras and of
        those ``people`` whom the person may know of (None: everybody)."""
        states = [s for s in self.viot.fleet.describe(scope) if s.state == "indexed"]
        if not states:
            return []
        known = [p.name for p in self.viot.library.people()]
        named = known if people is None else [name for name in known if name in people]
        demo = self.viot.demo_requests()
        if demo and scope is None and named == known:
            return list(demo[:most])
        first = states[0].camera.name
        return [
            *(f"When was {name} seen?" for name in named[:1]),
            f"Who appears on {first}?",
            f"How many people were on {first} at most?",
            "Which plates were seen?",
            "Which cameras are there?",
        ][:most]
