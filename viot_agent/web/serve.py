"""The server: FastAPI with our media routes, Gradio's page beside them, the guard before both.

Owns composition, start and end. ``run`` is what ``python app.py`` and ``viot chat`` do; ``build`` gives the application
to tests and to other servers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viot_agent.errors import BackendFault, UserFault, ViotError
from viot_agent.policy.access import SINGLE_USER
from viot_agent.system import Viot
from viot_agent.web.options import Options

if TYPE_CHECKING:
    from viot_agent.web.guard import Guard
    from viot_agent.web.jobs import Jobs
    from viot_agent.web.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Served:
    """The application and what must be ended with it."""

    app: Guard
    jobs: Jobs
    uploads: Uploads

    def close(self) -> None:
        """End the job in progress; forget what was attached."""
        self.jobs.close()
        self.uploads.close()


def build(viot: Viot, options: Options) -> Served:
    """The whole application over an open home.

    Sets two of Gradio's environment variables (telemetry off; uploads into a private folder that goes with the server),
    which Gradio reads when its parts are made. Must not be called from a running event loop.
    """
    # Gradio makes locks when its parts are made, and for each of them a loop that nobody closes, unless one runs
    return asyncio.run(_build(viot, options))


async def _build(viot: Viot, options: Options) -> Served:
    from viot_agent.web.uploads import Uploads

    uploads = Uploads.open(options.max_upload_bytes)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.folder)
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio as gr
    from fastapi import FastAPI

    from viot_agent.web.guard import Guard
    from viot_agent.web.jobs import Jobs
    from viot_agent.web.look import SHELL, head, theme
    from viot_agent.web.media import media_routes
    from viot_agent.web.page import Page
    from viot_agent.web.shell import Shell

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=warm, args=(viot, options.llms[0]), name="viot-warm", daemon=True).start()
        yield

    app = FastAPI(title="VIoT Agent", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.include_router(media_routes(viot))
    jobs = Jobs(viot.home)
    page = Page(viot, options, jobs)
    blocks = page.blocks()
    blocks.queue(api_open=False, default_concurrency_limit=16)
    app = gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        server_name=options.host,
        server_port=options.port,
        root_path=options.root_path or None,
        max_file_size=options.max_upload_bytes,
        allowed_paths=[],
        footer_links=[],
        run_history=False,
        show_error=False,  # a defect is told to the log; what went wrong on purpose is said by the page itself
        ssr_mode=False,
        pwa=False,
        theme=theme(),
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    return Served(Guard(Shell(app, head(options), SHELL), options, uploads, viot.access), jobs, uploads)


def warm(viot: Viot, llm: str) -> None:
    """Load the language model before somebody waits for it. A fault is told to whoever asks, not here."""
    try:
        viot.agent(llm).warm()
    except ViotError as fault:
        print(f"viot: the language model {llm} is not ready: {fault}")


def run(options: Options) -> None:
    """Serve until Ctrl-C. Raises UserFault when the home or the port cannot be used, and for an address that others
    reach where nobody has to sign in (``--open`` allows it)."""
    import uvicorn

    with Viot.open() as viot:
        if options.exposed and not viot.access.configured:
            raise UserFault(
                f"whoever reaches {options.host} could ask your cameras without a key: no access is set up",
                fix="viot access init NAME; or give --auth NAME:PASSWORD; or say --open where that is meant",
            )
        listening = listen(options)
        served = build(viot, options)
        server = uvicorn.Server(
            uvicorn.Config(
                served.app,
                log_level="warning",
                timeout_graceful_shutdown=3,
                # whose word on a person counts is told by who is at the other end of the connection
                proxy_headers=options.proxied and not viot.access.proxies.networks,
            )
        )
        port = listening.getsockname()[1]
        print(f"VIoT Agent: http://{options.host}:{port}{options.root_path}/ (Ctrl-C ends it)", flush=True)
        if viot.access.configured:
            print("Sign in with your name, and your key as password.", flush=True)
            if options.auth:
                print("--auth is not used: access is set up here.", flush=True)
        elif not options.loopback and not options.auth:
            words = "use --auth NAME:PASSWORD, or viot access init"
            print(f"Anybody who reaches this address can ask your cameras: {words}.", flush=True)
        elif not options.auth:
            print(SINGLE_USER, flush=True)
        with quiet_end(logging.getLogger("uvicorn.error"), lambda: server.should_exit):
            try:
                server.run(sockets=[listening])
            finally:
                served.close()


@contextmanager
def quiet_end(log: logging.Logger, ending: Callable[[], bool]) -> Iterator[None]:
    """Within, ``log`` leaves out the server's farewell, once it is ``ending``; before that, all is news."""

    def news(entry: logging.LogRecord) -> bool:
        return not ending() or _no_farewell(entry)

    log.addFilter(news)
    try:
        yield
    finally:
        log.removeFilter(news)


def _no_farewell(entry: logging.LogRecord) -> bool:
    """Whether a line of the server's log is news: that pages were still open when it was ended is none."""
    kind = entry.exc_info[0] if entry.exc_info else None
    return not (kind is not None and issubclass(kind, asyncio.CancelledError)) and "graceful shutdown" not in entry.msg


def listen(options: Options) -> socket.socket:
    """The open socket, taken before anything slow is loaded. Raises UserFault when the port is taken."""
    try:
        infos = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UserFault(f"--host {options.host} is no address of this machine", fix="for example 127.0.0.1") from error
    family, kind, proto, _, address = infos[0]
    listening = socket.socket(family, kind, proto)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise BackendFault(
            f"{options.host}:{options.port} cannot be served on: {error.strerror}", fix="choose another --port"
        ) from error
    return listening
