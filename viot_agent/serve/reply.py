"""The answer to a request in words on the wire: JSON at the end, or every event as it comes (SSE, NDJSON).

Owns the three forms, and that a caller who goes away ends the run. A fault before the first event is a problem with its
own status; later it is the last event, ``problem``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal

import anyio
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from viot_agent.errors import BackendFault, ViotError
from viot_agent.serve.asks import Event
from viot_agent.serve.problems import of_fault

log = logging.getLogger(__name__)

Form = Literal["json", "sse", "ndjson"]
_TYPES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}


def form_of(accept: str) -> Form:
    """What a caller wants, by the Accept header; JSON where it names neither stream."""
    wanted = [word.partition(";")[0].strip().lower() for word in accept.split(",")]
    if _TYPES["sse"] in wanted:
        return "sse"
    return "ndjson" if _TYPES["ndjson"] in wanted else "json"


class Reply(Response):
    """Sends what ``events`` give in the wanted form."""

    def __init__(self, events: AsyncGenerator[Event], form: Form) -> None:
        super().__init__()
        self.events, self.form = events, form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def gone() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(gone)
            async with aclosing(self.events):
                await self._tell(scope, receive, send)
            group.cancel_scope.cancel()

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        try:
            async for event in self.events:
                if self.form == "json":
                    if event.name == "answer":
                        await JSONResponse(event.data)(scope, receive, send)
                    continue
                if not started:
                    kind = (b"content-type", _TYPES[self.form].encode() + b"; charset=utf-8")
                    quick = (b"x-accel-buffering", b"no")  # a proxy must not hold events back
                    await send({"type": "http.response.start", "status": 200, "headers": [kind, quick]})
                    started = True
                await send({"type": "http.response.body", "body": self._line(event), "more_body": True})
        except ViotError as fault:
            await self._broke(fault, started, scope, receive, send)
        except Exception:
            log.exception("a request broke off")
            broke = BackendFault("Something in the program broke.", fix="what it was stands in the server's log")
            await self._broke(broke, started, scope, receive, send)
        if started:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _broke(self, fault: ViotError, started: bool, scope: Scope, receive: Receive, send: Send) -> None:
        response = of_fault(fault)
        if not started:
            await response(scope, receive, send)
            return
        event = Event("problem", json.loads(bytes(response.body)))
        await send({"type": "http.response.body", "body": self._line(event), "more_body": True})

    def _line(self, event: Event) -> bytes:
        if self.form == "sse":
            return f"event: {event.name}\ndata: {json.dumps(event.data, ensure_ascii=False)}\n\n".encode()
        return (json.dumps({"event": event.name, **event.data}, ensure_ascii=False) + "\n").encode()
