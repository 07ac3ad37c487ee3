"""The servers for software: the gate, behind it REST and signed evidence, or MCP over streamable HTTP.

Owns composition, start and end. ``run`` is what ``viot serve http`` and ``viot serve mcp --transport http`` do;
``build`` gives the application to tests and to other servers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import threading
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from viot_agent import __version__
from viot_agent.errors import PolicyRefusal, UserFault, ViotError
from viot_agent.policy.access import SINGLE_USER
from viot_agent.serve.gate import Gate, Limits, address_of, principal_of
from viot_agent.system import Viot
from viot_agent.web.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

    from viot_agent.serve.refusals import Refusals
    from viot_agent.web.uploads import Uploads

Way = Literal["rest", "mcp"]


@dataclass(frozen=True, slots=True)
class Served:
    """The application and what must be ended with it."""

    app: Gate
    refusals: Refusals
    uploads: Uploads

    def close(self) -> None:
        """Forget what was uploaded; write what the audit is still to be told."""
        self.refusals.close()
        self.uploads.close()


def check_open(viot: Viot, options: Options) -> str:
    """What to say at the start of who may come in. Raises UserFault where anybody could: an address that others reach,
    and no access set up."""
    if viot.access.configured:
        return "Access is set up: every request shows a key (Authorization: Bearer KEY)."
    if options.loopback:
        return SINGLE_USER[0].upper() + SINGLE_USER[1:] + "."
    raise UserFault(
        f"{options.host} can be reached by others, and no access is set up",
        fix="viot access init makes the first key; or serve on 127.0.0.1",
    )


def build(viot: Viot, options: Options, way: Way = "rest", limits: Limits | None = None) -> Served:
    """The whole application over an open home. Raises UserFault as :func:`check_open` does, and FailedFault where the
    MCP package is not installed."""
    from fastapi import FastAPI

    from viot_agent.serve.asks import Asks, Worked
    from viot_agent.serve.files import Files
    from viot_agent.serve.refusals import Refusals
    from viot_agent.serve.routes import routes
    from viot_agent.serve.shown import Shown
    from viot_agent.serve.signing import Signer
    from viot_agent.web.media import media_routes
    from viot_agent.web.uploads import Uploads

    check_open(viot, options)
    limits = limits or Limits(upload_bytes=options.max_upload_bytes)
    signer = Signer.of_home(viot.home)
    uploads = Uploads.open(limits.upload_bytes)
    shown, worked = Shown(viot, signer), Worked()
    files = Files(viot, uploads)
    lifespans: list[Any] = []

    def trusted(peer: str) -> bool:
        return options.proxied and (_loopback(peer) or viot.access.proxies.trusted(peer))

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for begin in lifespans:
                await stack.enter_async_context(begin())
            yield

    title = "VIoT Agent" if way == "rest" else "VIoT Agent (MCP)"
    app = FastAPI(
        title=title,
        version=__version__,
        description="Ask your cameras in plain language; get an answer with evidence, or an honest 'cannot tell'.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if way == "rest" else None,
        lifespan=life,
        redirect_slashes=False,
    )
    refusals = Refusals(viot.audit, way=way)
    _faults(app, refusals, trusted)
    if way == "rest":
        asks = Asks(viot, shown, files, options.llms, worked)
        app.include_router(routes(viot, asks, shown, files))
        app.include_router(media_routes(viot), include_in_schema=False)
        _documented(app)
    else:
        from viot_agent.serve.mcp_server import Offered, http_endpoint

        route, begin = http_endpoint(Offered(viot, files, shown, worked))
        app.router.routes.append(route)
        lifespans.append(begin)
    gate = Gate(
        app,
        access=viot.access,
        knows=lambda name: _knows(viot, name),
        loopback=options.loopback,
        signer=signer,
        refusals=refusals,
        limits=limits,
        trusted=trusted,
    )
    return Served(gate, refusals, uploads)


def _knows(viot: Viot, name: str) -> bool:
    """Whether somebody of that name may come in now."""
    if not viot.access.configured:
        return True
    now = time.time()
    return any(k.name == name and k.state(now) == "good" for k in viot.access.keys.all())


def _loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _faults(app: FastAPI, refusals: Refusals, trusted: Callable[[str], bool]) -> None:
    """Every error as a problem, FastAPI's own too. What a role is refused is told to the audit, as at the gate."""
    from fastapi import Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import Response
    from starlette.exceptions import HTTPException

    from viot_agent.serve.problems import of_fault, problem

    @app.exception_handler(ViotError)
    async def told(request: Request, fault: ViotError) -> Response:
        if isinstance(fault, PolicyRefusal):
            what = f"{request.method} {request.scope['path']}"
            who, address = principal_of(request.scope), address_of(request.scope, trusted)
            await asyncio.to_thread(refusals.tell, who, address, what, fault.reason)
        return of_fault(fault)

    @app.exception_handler(HTTPException)
    async def http(request: Request, fault: HTTPException) -> Response:
        return problem(fault.status_code, str(fault.detail), headers=fault.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, fault: RequestValidationError) -> Response:
        first = fault.errors()[0]
        place = "/".join(str(p) for p in first["loc"])
        return problem(422, f"{place}: {first['msg']}", fix="see /openapi.json")

    @app.exception_handler(Exception)
    async def broke(request: Request, fault: Exception) -> Response:
        return problem(500, "something in the program broke", fix="what it was stands in the server's log")


def _documented(app: FastAPI) -> None:
    """The OpenAPI document: problems in place of FastAPI's own errors, and how a key is shown."""
    from fastapi.openapi.utils import get_openapi

    from viot_agent.serve.problems import Problem

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schemas: dict[str, Any] = made["components"]["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas["Problem"] = Problem.model_json_schema()
            made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            made["security"] = [{"key": []}, {}]  # on a single user's machine none is asked for
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def run(options: Options, way: Way = "rest") -> None:
    """Serve until Ctrl-C. Raises UserFault when the home or the port cannot be used, or anybody could come in."""
    import uvicorn

    from viot_agent.web.serve import listen, quiet_end, warm

    with Viot.open() as viot:
        said = check_open(viot, options)
        listening = listen(options)
        served = build(viot, options, way)
        server = uvicorn.Server(
            uvicorn.Config(
                served.app,
                log_level="warning",
                timeout_graceful_shutdown=3,
                proxy_headers=False,  # the gate reads them: who the peer is must stay known
                server_header=False,
                limit_concurrency=256,
                h11_max_incomplete_event_size=64_000,
            )
        )
        host, port = options.host, listening.getsockname()[1]
        where = f"http://{f'[{host}]' if ':' in host else host}:{port}" + ("/mcp" if way == "mcp" else "")
        print(f"VIoT Agent: {where} (Ctrl-C ends it)", flush=True)
        print(said, flush=True)
        if way == "rest":
            threading.Thread(target=warm, args=(viot, options.llms[0]), name="viot-warm", daemon=True).start()
        with quiet_end(logging.getLogger("uvicorn.error"), lambda: server.should_exit):
            try:
                server.run(sockets=[listening])
            finally:
                served.close()
