"""Speaking to another MCP server: what tools it has, and one call.

Each conversation is a connection of its own, closed when it ends: a server that died, hangs or talks without end costs
one call, never the house. A command is started without a shell, with no more of this process's environment than a path
and a home; an address is looked up once, and that is what is connected to.

Owns connection, time limits and what a failure is called. Decides nothing about what a tool may look like
(``outside``).
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import anyio

from viot_agent.addresses import Resolved, resolve
from viot_agent.cancel import cancelled, heed
from viot_agent.errors import FailedFault, RetryFault, StoppedFault, ViotError
from viot_agent.toolbox.outside import MOST_TOOLS, Card, Server, plain

if TYPE_CHECKING:
    import httpx2
    from mcp import Client

FIRST_SECONDS = 60.0
"""When a server is added: a command such as ``uvx`` may have to fetch it first."""
CONNECT_SECONDS = 20.0
CALL_SECONDS = 30.0
T = TypeVar("T")

# what goes wrong is told as a fault; the library would log it as well, with whatever the server wrote
for _name in ("mcp.client", "client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def cards_of(server: Server, *, seconds: float = FIRST_SECONDS) -> list[Card]:
    """The tools that a server offers now. Raises FailedFault."""

    async def ask(client: Client) -> list[Card]:
        return await _listed(client)

    return _within(server, ask, seconds)


class McpCaller:
    """Calls tools of other servers (``outside.Caller``)."""

    def __init__(self, *, connect_seconds: float = CONNECT_SECONDS, call_seconds: float = CALL_SECONDS) -> None:
        self.seconds = connect_seconds + call_seconds

    def __call__(self, server: Server, card: Card, args: Mapping[str, Any]) -> str:
        """What the tool answered, as text. Raises RetryFault, FailedFault, StoppedFault."""

        async def ask(client: Client) -> str:
            now = next((c for c in await _listed(client) if c.name == card.name), None)
            if now is None or now.mark != card.mark:
                raise FailedFault(
                    f"the tool {plain(card.name, 60)} of {server.name} is not the one that was added",
                    fix=f"look at it again: viot tools remove {server.name}, then viot tools add-mcp",
                )
            result = await client.call_tool(card.name, dict(args))
            said = _text(result)
            if getattr(result, "is_error", False):
                raise RetryFault(f"{server.name} could not do it: {plain(said, 300)}")
            return said

        return _within(server, ask, self.seconds)


def _within(server: Server, ask: Callable[[Client], Awaitable[T]], seconds: float) -> T:
    """``ask`` over a new connection, within ``seconds`` and until the person stops the run."""
    heed()
    try:
        return anyio.run(_timed, server, ask, seconds)
    except BaseExceptionGroup as group:  # task groups of the library wrap what happens inside
        raise _one(group, server) from group


async def _timed(server: Server, ask: Callable[[Client], Awaitable[T]], seconds: float) -> T:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
        got: list[T] = []
        stopped = False

        async def heeded(scope: anyio.CancelScope) -> None:
            nonlocal stopped
            while not cancelled():
                await anyio.sleep(0.1)
            stopped = True
            scope.cancel()

        with anyio.move_on_after(seconds) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(heeded, scope)
                try:
                    async with _connected(server, words) as client:
                        got.append(await ask(client))
                except ViotError:
                    raise
                except Exception as error:
                    raise _broken(server, error, words) from error
                group.cancel_scope.cancel()
        if got:
            return got[0]
        if stopped:
            raise StoppedFault("stopped before the outside tool answered")
        raise FailedFault(
            f"the MCP server {server.name} ({server.shown}) did not answer within {seconds:g} s", fix="ask again later"
        )


@asynccontextmanager
async def _connected(server: Server, words: TextIO) -> AsyncIterator[Client]:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if server.command:
        started = StdioServerParameters(command=server.command[0], args=list(server.command[1:]), env=dict(server.env))
        async with Client(stdio_client(started, words), cache=None) as client:
            yield client
        return
    import httpx2

    # given by the person at this machine, so it may lie in the house
    where = await anyio.to_thread.run_sync(lambda: resolve(server.url, schemes=("http", "https"), origin="machine"))
    async with (
        httpx2.AsyncClient(
            transport=_pinned(where), headers=dict(server.headers), timeout=CALL_SECONDS, trust_env=False
        ) as web,
        Client(streamable_http_client(server.url, http_client=web), cache=None) as client,
    ):
        yield client


def _pinned(where: Resolved) -> httpx2.AsyncBaseTransport:
    """A transport that connects to what was judged, under the name that was given; to no other host."""
    import httpx2

    class Pinned(httpx2.AsyncBaseTransport):
        def __init__(self) -> None:
            self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.host != where.host.lower() or (request.url.port or where.port) != where.port:
                raise FailedFault(f"{where.shown} sends calls on to another host, which is not followed")
            held = httpx2.Request(
                request.method,
                request.url.copy_with(host=where.addresses[0]),
                headers=request.headers,  # with the name as Host
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": where.host},
            )
            return await self._inner.handle_async_request(held)

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Pinned()


async def _listed(client: Client) -> list[Card]:
    found: list[Card] = []
    cursor: str | None = None
    while len(found) <= MOST_TOOLS:
        page = await client.list_tools(cursor=cursor)
        found += [Card(t.name, t.description or "", t.input_schema) for t in page.tools]
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _text(result: Any) -> str:
    """The words of a result; what is no text is named, never opened."""
    blocks: Sequence[Any] = getattr(result, "content", ())
    texts = [str(b.text) for b in blocks if getattr(b, "type", "") == "text"]
    others = sorted({str(getattr(b, "type", "something")) for b in blocks if getattr(b, "type", "") != "text"})
    structured = getattr(result, "structured_content", None)
    if not texts and structured is not None:
        texts.append(json.dumps(structured, ensure_ascii=False, default=str)[:20_000])
    if others:
        texts.append(f"({', '.join(others)} left out)")
    return " ".join(texts) or "(nothing)"


def _broken(server: Server, error: Exception, words: TextIO) -> ViotError:
    """What broke, as a fault: with the last words of a command's own error output."""
    found = _first(error)
    if isinstance(found, ViotError):
        return found
    words.seek(0)
    said = plain(words.read()[-2000:], 300)
    why = plain(f"{type(found).__name__}: {found}", 200)
    return FailedFault(
        f"the MCP server {server.name} ({server.shown}) does not work: {why}" + (f"; it said: {said}" if said else ""),
        fix="check its command or address: viot tools list",
    )


def _one(group: BaseExceptionGroup[BaseException], server: Server) -> BaseException:
    found = _first(group)
    if isinstance(found, ViotError) or not isinstance(found, Exception):
        return found
    return FailedFault(f"the MCP server {server.name} does not work: {plain(str(found), 200)}")


def _first(error: BaseException) -> BaseException:
    """The first error inside groups of them; one of ours before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [_first(e) for e in error.exceptions]
    return next((e for e in inner if isinstance(e, ViotError)), inner[0])
