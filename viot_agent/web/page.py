"""The page's events: what runs when something is sent, pressed or chosen, and what it changes.

Owns the wiring between ``layout`` and the modules that do the work; what is said is theirs too. No endpoint is offered
as an API: the page is for people (``viot ask --json`` is for programs).
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from viot_agent.errors import ViotError
from viot_agent.policy.roles import Right
from viot_agent.system import Viot, attachments
from viot_agent.web import benches, cards, fleet_panel, past, people, studio, who
from viot_agent.web.bubbles import lines
from viot_agent.web.chat import Chat, Turn
from viot_agent.web.guard import told_user
from viot_agent.web.jobs import Jobs
from viot_agent.web.layout import EXAMPLES, Layout
from viot_agent.web.models import model_words
from viot_agent.web.options import Options
from viot_agent.web.sessions import Session, Sessions
from viot_agent.web.views import Views

ASKING = 24
"""Requests of all pages that hold a thread while they wait for their next step. Gradio's events and the media routes
share 40 threads (AnyIO's default): what is left must suffice for Stop and for all that is looked at meanwhile."""


class Page:
    """One server's page. Nothing of a person is kept here: see ``sessions``."""

    def __init__(self, viot: Viot, options: Options, jobs: Jobs) -> None:
        self.viot, self.options, self.jobs = viot, options, jobs
        self.prefix = options.root_path
        self.sessions = Sessions()
        views = Views(viot.home, self.prefix)
        self.chat = Chat(viot, views, options.llms, any_llm=options.loopback)

    def blocks(self) -> gr.Blocks:
        """The whole page."""
        with gr.Blocks(title="VIoT Agent", analytics_enabled=False, fill_width=True) as blocks:
            self._wire(blocks, Layout(self.viot, self.options))
        return blocks

    # wiring ----------------------------------------------------------------------------------------------------------

    def _wire(self, blocks: gr.Blocks, at: Layout) -> None:
        turn = [at.log, at.panel, at.figures, at.conversation, at.box, at.stop]
        lists = [at.fleet, at.to_index, at.people, at.leaving, at.demo_row, *at.examples]
        jobs = [at.chat_job, at.fleet_job, at.timer]
        self._on(blocks.load, self._open, None, [*turn, *lists, *jobs, at.past], show_progress="hidden")
        blocks.unload(self._close)
        ask: dict[str, Any] = {"concurrency_id": "ask", "concurrency_limit": ASKING, "show_progress": "hidden"}
        self._on(at.box.submit, self._ask, [at.box, at.llm, at.purpose], turn, **ask)
        for button in at.examples:
            self._on(button.click, self._ask_words, [button, at.llm, at.purpose], turn, **ask)
        self._on(at.stop.click, self._stop, None, [at.stop], concurrency_limit=None)
        self._on(at.fresh.click, self._restart, None, turn)
        self._on(at.log.clear, self._restart, None, turn)
        self._on(at.llm.change, self._llm_words, [at.llm], [at.llm_words])
        self._on(at.demo.click, self._make_demo, None, jobs)
        self._on(at.index.click, self._index, [at.to_index], jobs)
        self._on(at.end_job.click, self._end_job, None, jobs)
        self._on(at.timer.tick, self._tick, None, [*jobs, *lists], show_progress="hidden", concurrency_limit=None)
        form = [at.new_name, at.new_file, at.new_address, at.new_groups, at.new_tz, at.new_start]
        self._on(at.add.click, self._add, form, [at.add_words, *form, *lists])
        for name, consent, files, button, words in (at.enrol_here, at.enrol_there):
            self._on(button.click, self._enrol, [name, consent, files], [words, name, consent, files, *lists])
        self._on(at.remove.click, self._remove, [at.leaving], lists)
        self._on(at.search.change, self._search, [at.search], [at.past], show_progress="hidden")
        self._on(at.search.submit, self._search, [at.search], [at.past], show_progress="hidden")
        # what others did in the meantime is there when a page is turned to
        self._on(at.fleet_page.select, self._tick, None, [*jobs, *lists], show_progress="hidden")
        self._on(at.history_page.select, self._search, [at.search], [at.past], show_progress="hidden")
        self._on(at.benches_page.select, self._benches, None, [at.measured])
        if at.studio:
            tool, choice, file, button, words, slider = at.studio
            self._on(tool.change, self._variants, [tool], [choice])
            self._on(button.click, self._protect, [tool, file, choice], [words, slider])

    @staticmethod
    def _on(event: Callable[..., Any], fn: Callable[..., Any], inputs: Any, outputs: Any, **more: Any) -> None:
        event(fn, inputs, outputs, **{"api_visibility": "private", **more})

    # chat ------------------------------------------------------------------------------------------------------------

    def _ask(
        self, message: dict[str, Any] | None, llm: str, purpose: str | None, request: gr.Request
    ) -> Iterator[list[Any]]:
        message = message or {}
        files = [Path(f) for f in message.get("files") or ()]
        yield from self._turns(str(message.get("text") or ""), files, llm, purpose or "", request)

    def _ask_words(self, text: str, llm: str, purpose: str | None, request: gr.Request) -> Iterator[list[Any]]:
        yield from self._turns(text, [], llm, purpose or "", request)

    def _turns(self, text: str, files: list[Path], llm: str, purpose: str, request: gr.Request) -> Iterator[list[Any]]:
        session = self._session(request)
        conversation, first = session.conversation, True
        for turn in self.chat.ask(session, text, files, llm, purpose):
            box = gr.update(value=None) if first else gr.skip()
            first = False
            yield [*self._shown(turn, session), box, stop_button(turn.running, session.stopping)]
        if session.conversation != conversation:
            yield [gr.skip()] * 6  # Gradio shows the last of it once more: the new conversation must stay

    def _shown(self, turn: Turn, session: Session) -> list[Any]:
        """Chat, panel, figures and address of a turn."""
        return [
            list(turn.messages),
            gr.skip() if turn.panel is None else turn.panel,
            gr.skip() if turn.figures is None else turn.figures,
            gr.skip() if turn.running else mark(session.conversation),
        ]

    def _stop(self, request: gr.Request) -> Any:
        return stop_button(False, self._session(request).stop())

    def _restart(self, request: gr.Request) -> list[Any]:
        self._session(request).restart()
        return [[], cards.EMPTY, "", mark(""), gr.update(value=None), stop_button(False)]

    def _llm_words(self, llm: str) -> str:
        return model_words(llm, self.viot.weights.tier)

    # opening and closing ---------------------------------------------------------------------------------------------

    def _open(self, request: gr.Request) -> list[Any]:
        session = self._session(request)
        wanted = str(request.query_params.get("c") or "")
        turn = self.chat.reopen(session, wanted) if wanted else None
        if turn is not None:
            shown = [*self._shown(turn, session), gr.skip(), stop_button(False)]
        else:
            shown = [[], cards.EMPTY, "", mark(""), gr.skip(), stop_button(False)]
            if wanted:
                shown[1] = '<p class="viot-bad">There is no such conversation, or it belongs to somebody else.</p>'
        return [*shown, *self._lists(request), *self._jobs(), self._past(session, "")]

    def _close(self, request: gr.Request) -> None:
        self.sessions.close(request)

    def _session(self, request: gr.Request) -> Session:
        try:
            return self.sessions.of(request)
        except ViotError as fault:
            raise gr.Error(str(fault), print_exception=False) from fault

    # fleet, people, history ------------------------------------------------------------------------------------------

    def _lists(self, request: gr.Request) -> list[Any]:
        """Everything that lists the library: fleet, choices, people, the welcome, examples."""
        scope = who.scope(self.viot, told_user(request.headers))
        names = fleet_panel.choices(self.viot, scope)
        told = who.knows_people(self.viot, told_user(request.headers))
        known = self.viot.library.people() if told else []
        words = self.chat.examples(EXAMPLES, scope, people=[p.name for p in known])
        job = self.jobs.last
        busy = job is not None and job.state == "running"
        return [
            fleet_panel.cameras_html(self.viot, self.prefix, scope),
            gr.update(choices=names),
            people.people_html(known) if told else people.UNTOLD,
            gr.update(choices=[p.name for p in known], value=None),
            gr.update(visible=not words and not busy),
            *(gr.update(value=words[n] if n < len(words) else "", visible=n < len(words)) for n in range(EXAMPLES)),
        ]

    def _jobs(self) -> list[Any]:
        job = self.jobs.last
        words = fleet_panel.job_html(job)
        # on the chat page a job that went well makes way for the examples
        in_chat = job is not None and job.state in ("running", "failed")
        return [
            gr.update(value=words, visible=in_chat),
            gr.update(value=words, visible=bool(words)),
            gr.Timer(active=job is not None and job.state == "running"),
        ]

    def _make_demo(self, request: gr.Request) -> list[Any]:
        return self._started("fleet", request, "Making the demo fleet", ["demo"])

    def _index(self, chosen: list[str] | None, request: gr.Request) -> list[Any]:
        names, scope = chosen or [], who.scope(self.viot, told_user(request.headers))
        if scope is not None:
            try:
                names = [c.name for c in self.viot.fleet.resolve_cameras(names, scope=scope)]
            except ViotError as fault:
                warn(fault)
                return self._jobs()
        return self._started("index", request, *fleet_panel.index_arguments(names))

    def _started(self, right: Right, request: gr.Request, title: str, arguments: list[str]) -> list[Any]:
        try:
            who.check(self.viot, told_user(request.headers), right)
            self.jobs.start(title, arguments)
        except ViotError as fault:
            warn(fault)
        return self._jobs()

    def _end_job(self, request: gr.Request) -> list[Any]:
        try:
            who.check(self.viot, told_user(request.headers), "index")
            if not self.jobs.stop():
                gr.Info("Nothing is being indexed.")
        except ViotError as fault:
            warn(fault)
        return [*self._jobs()[:2], gr.Timer(active=True)]

    def _tick(self, request: gr.Request) -> list[Any]:
        job = self.jobs.last
        running = job is not None and job.state == "running"
        lists = [gr.skip()] * (5 + EXAMPLES) if running else self._lists(request)
        if running:
            lists[4] = gr.update(visible=False)
        return [*self._jobs(), *lists]

    def _add(
        self, name: str, file: str | None, address: str, groups: str, tz: str, start: str, request: gr.Request
    ) -> list[Any]:
        try:
            who.check(self.viot, told_user(request.headers), "fleet")
            camera = fleet_panel.add_camera(
                self.viot,
                name or "",
                file=Path(file) if file else None,
                address=address or "",
                groups=groups or "",
                tz=tz or "",
                start=start or "",
                local_paths=self.options.loopback,
            )
        except ViotError as fault:
            return [said(fault), *[gr.skip()] * 6, *self._lists(request)]
        words = done(f"{camera.name} was added. Press “Index now” so that it can be asked about.")
        return [words, "", None, "", "", "", "", *self._lists(request)]

    def _enrol(self, name: str, consent: str, files: list[str] | None, request: gr.Request) -> list[Any]:
        session = self._session(request)
        chosen = [Path(f) for f in files or ()]
        try:
            by = who.check(self.viot, session.user, "people")
            chosen = chosen or [a.path for a in attachments(session.files) if a.kind == "image"]
            person = people.enrol(self.viot, name or "", chosen, consent or "", by=by)
        except ViotError as fault:
            return [said(fault), *[gr.skip()] * 3, *self._lists(request)]
        words = done(f"{person.name} is enrolled with {person.pictures} picture(s).")
        return [words, "", "", None, *self._lists(request)]

    def _remove(self, name: str | None, request: gr.Request) -> list[Any]:
        if not name:
            gr.Info("Choose whom to remove.")
        else:
            try:
                by = who.check(self.viot, told_user(request.headers), "people")
                self.viot.library.remove_person(name)
                self.viot.audit.note("person_removed", by=by, words={"person": name})
            except ViotError as fault:
                warn(fault)
        return self._lists(request)

    def _search(self, words: str, request: gr.Request) -> str:
        return self._past(self._session(request), words or "")

    def _past(self, session: Session, words: str) -> str:
        found = self.viot.library.conversations(session.user, search=words)
        return past.list_html(found, words, self.prefix)

    # studio and benches ----------------------------------------------------------------------------------------------

    def _variants(self, tool: str) -> Any:
        return gr.update(choices=studio.variants(self.viot.toolbox, tool)[1], value=None)

    def _protect(self, tool: str, file: str | None, choice: str | None, request: gr.Request) -> list[Any]:
        session = self._session(request)
        try:
            made = studio.make(self.viot, session.user, tool, Path(file) if file else None, choice or "")
        except ViotError as fault:
            return [said(fault), gr.update(visible=False)]
        if made.before is None or made.after is None:
            return [done(made.words), gr.update(visible=False)]
        return [done(made.words), gr.update(value=(str(made.before), str(made.after)), visible=True)]

    def _benches(self) -> str:
        return benches.page(*benches.results(self.viot.home, benches.checkout_readme()))


def stop_button(running: bool, stopping: bool = False) -> Any:
    """Stop as it is now: pressed once it says so, until the run has ended."""
    return gr.update(value="Stopping…" if stopping else "Stop", interactive=running and not stopping)


def mark(conversation: str) -> str:
    """What the page's script reads the address from."""
    return f'<span id="viot-conversation" data-id="{html.escape(conversation, quote=True)}"></span>'


def warn(fault: ViotError) -> None:
    """A fault in a corner of the page, which Gradio reads as markup."""
    gr.Warning(lines(str(fault)))


def said(fault: ViotError) -> str:
    """A fault beside a form."""
    return f'<p class="viot-bad" role="alert">{lines(str(fault))}</p>'


def done(words: str) -> str:
    """Good news beside a form."""
    return f'<p class="viot-good" role="status">{lines(words)}</p>'
