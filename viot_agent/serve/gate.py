"""The one gate before every request of the servers for software: who asks, how often, how large, by what address.

Owns these checks, in this order: by what name this server was reached (on loopback; a page of another site whose name
was pointed at this machine is turned away), how often this address comes, whether the path is a plain one, where a
change comes from, who asks and how often (a key; the signature, where the address is a signed one; the person at this
machine, where nobody set up access), and how large the body is. Whoever is turned away is
told why as a problem, and the audit is told who it was.

What is behind finds the principal in the scope (:func:`principal_of`). Knows no media and no tool.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import JSONResponse

from viot_agent.errors import PolicyRefusal, RateRefusal, SignInRefusal
from viot_agent.policy.access import Rate, counted_by
from viot_agent.serve.problems import problem
from viot_agent.serve.refusals import NOBODY, Refusals
from viot_agent.serve.signing import Signer
from viot_agent.steps import Principal
from viot_agent.web.bodies import EVENT_BYTES, replayed, whole
from viot_agent.web.guard import USER_HEADER, App, Message, Receive, Scope, Send, same_site, this_machine

OPEN = "/healthz"
SIGNED = re.compile(r"/media/(?:evidence|exports|frame)/run-[0-9a-f]+/[\w.-]+")
MCP = "/mcp"
MCP_BYTES = 12_000_000
"""A call may carry a picture, in base64."""
UPLOADS = "/v1/uploads"
BODY_SECONDS = 60.0
"""In which a body (but an upload) must have come."""
_KEY = "viot.principal"
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Door(Protocol):
    """Tells who asks (``viot_agent.policy.access.Access``). ``configured`` False: nobody ever made a key."""

    @property
    def configured(self) -> bool: ...

    def identify(self, headers: Sequence[tuple[str, str]], address: str) -> Principal:
        """Raises SignInRefusal and RateRefusal."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests of one address, a minute for long and at once (those of a key are the door's); bytes of an upload."""

    per_minute: float = 300.0
    burst: int = 150
    upload_bytes: int = 200_000_000


def principal_of(scope: Scope) -> Principal:
    """Who asks, as the gate found out."""
    found: Any = scope.get(_KEY)
    assert isinstance(found, Principal), "every request passes the gate first"
    return found


class Turned(Exception):
    """A request that is turned away: what is answered, and what the audit is told ("" for nothing)."""

    def __init__(self, response: JSONResponse, why: str, principal: Principal = NOBODY) -> None:
        super().__init__(why)
        self.response, self.why, self.principal = response, why, principal


class Gate:
    """ASGI middleware. Where nobody set up access, whoever reaches this server is the person at this machine: that is
    for a server on ``loopback`` alone, and any other then lets nobody in. ``knows`` tells whether somebody of that name
    may still come in, ``trusted`` whether a peer is a proxy whose X-Forwarded-For counts."""

    def __init__(
        self,
        app: App,
        *,
        access: Door,
        knows: Callable[[str], bool],
        loopback: bool,
        signer: Signer,
        refusals: Refusals,
        limits: Limits,
        trusted: Callable[[str], bool] = lambda peer: False,
    ) -> None:
        self.app, self.access, self.knows, self.loopback, self.trusted = app, access, knows, loopback, trusted
        self.signer, self.refusals, self.limits = signer, refusals, limits
        self._by_address = Rate(limits.per_minute, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no websocket is served
        send = _sealed(send)
        address = address_of(scope, self.trusted)
        try:
            principal = await self._principal(scope, address)
            receive = await self._measured(scope, receive, principal)
        except Turned as turned:
            if turned.why:
                what = f"{scope['method']} {scope['path']}"
                await asyncio.to_thread(self.refusals.tell, turned.principal, address, what, turned.why)
            await turned.response(scope, receive, send)
            return
        # a client's own header of this name is dropped: what is behind trusts it
        headers = [(k, v) for k, v in scope["headers"] if k != USER_HEADER]
        headers.append((USER_HEADER, principal.name.encode()))
        await self.app({**scope, "headers": headers, _KEY: principal}, receive, send)

    async def _principal(self, scope: Scope, address: str) -> Principal:
        headers = dict(scope["headers"])
        if self.loopback and not this_machine(headers.get(b"host", b"")):
            words = "this server is for this machine only"
            raise Turned(problem(421, words, fix="use http://127.0.0.1; behind a proxy: --behind-proxy"), words)
        try:
            self._by_address.take(address)
        except RateRefusal as refusal:
            words = "too many requests from one address"
            raise Turned(_too_many(refusal, words), words) from refusal
        path, method = scope["path"], scope["method"]
        if ".." in path.split("/") or "//" in path or re.search(r"[\x00-\x1f\x7f\\]", path):
            raise Turned(problem(404, "there is nothing here"), "a path that leads elsewhere")
        if method not in ("GET", "HEAD", "OPTIONS") and not same_site(headers):
            words = "this request comes from another site"
            raise Turned(problem(403, words, fix="ask from a program, not from a page"), words)
        if path == OPEN:
            return NOBODY
        if path.startswith("/media/"):
            return await self._signed(scope, headers, address)
        return await self._keyed(scope, address)

    async def _signed(self, scope: Scope, headers: dict[bytes, bytes], address: str) -> Principal:
        """Whom a signed address was given to. A key that is shown beside it must be of the same principal."""
        path = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace")  # as it was signed
        if scope["method"] not in ("GET", "HEAD") or not SIGNED.fullmatch(scope["path"]):
            raise Turned(problem(404, "there is nothing here"), "a media address that does not exist")
        keyed = await self._keyed(scope, address) if b"authorization" in headers else None
        try:
            name = self.signer.principal(path, scope.get("query_string", b"").decode("ascii", "replace"))
        except PolicyRefusal as refusal:
            raise Turned(problem(403, refusal.reason, fix=refusal.fix), refusal.reason, keyed or NOBODY) from refusal
        if keyed is not None and keyed.name != name:
            words = "this address was given to somebody else"
            raise Turned(problem(403, words, fix="ask for the run yourself"), words, keyed)
        if keyed is None and not await asyncio.to_thread(self.knows, name):
            words = "whom this address was given to has no access any more"
            raise Turned(problem(403, words), words, Principal(name, "signed address"))
        return keyed or Principal(name, "signed address")

    async def _keyed(self, scope: Scope, address: str) -> Principal:
        """Whose key is shown."""
        if not await asyncio.to_thread(lambda: self.access.configured):
            if self.loopback:
                return Principal()
            words = "no access is set up on this server"
            raise Turned(problem(503, words, fix="viot access init, on the server"), words)
        # a proxy writes names in UTF-8, as for the page
        shown = [(k.decode("latin-1"), v.decode("utf-8", "replace")) for k, v in scope["headers"]]
        peer = str((scope.get("client") or ("",))[0])
        try:
            return await asyncio.to_thread(self.access.identify, shown, peer)
        except RateRefusal as refusal:
            raise Turned(_too_many(refusal, refusal.reason), refusal.reason) from refusal
        except SignInRefusal as refusal:
            challenge = {"www-authenticate": "Bearer"}
            turned = problem(401, refusal.reason, fix=refusal.fix, headers=challenge)
            raise Turned(turned, refusal.reason) from refusal

    async def _measured(self, scope: Scope, receive: Receive, principal: Principal) -> Receive:
        """The body, read whole where it may be only small; an upload's is counted by its route."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE") and b"content-length" not in dict(scope["headers"]):
            return receive
        upload = scope["path"] == UPLOADS
        most = self.limits.upload_bytes if upload else MCP_BYTES if scope["path"] == MCP else EVENT_BYTES
        told = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        too_large = Turned(
            problem(413, f"the body is larger than {most / 1e6:g} MB", fix="send less, or in parts"),
            "a body that is too large",
            principal,
        )
        if not (told.isdigit() and len(told) < 16):
            raise Turned(problem(400, "the content-length is no number"), "", principal)
        if int(told) > most:
            raise too_large
        if upload:
            return receive
        gone = False

        async def noted() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await whole(noted, most)
        except TimeoutError:
            raise Turned(problem(408, "the body did not come", title="Too slow"), "a body that did not come") from None
        if body is None:
            raise Turned(problem(400, "the body did not come"), "", principal) if gone else too_large
        return replayed(body, receive)


def address_of(scope: Scope, trusted: Callable[[str], bool]) -> str:
    """Whom a request is counted by (``counted_by``). Behind a trusted proxy it is the last address that the proxy
    wrote."""
    host = str((scope.get("client") or ("unknown",))[0])
    if trusted(host):
        told = b",".join(v for k, v in scope["headers"] if k == b"x-forwarded-for").decode("latin-1")
        host = told.rpartition(",")[2].strip() or host
    return counted_by(host)


def _too_many(refusal: RateRefusal, words: str) -> JSONResponse:
    wait = max(1, math.ceil(refusal.wait))
    return problem(429, words, fix=f"wait {wait} s", headers={"retry-after": str(wait)})


def _sealed(send: Send) -> Send:
    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = list(message.get("headers", ()))
            if not any(k.lower() == b"cache-control" for k, _ in kept):
                kept.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*kept, *_HEADERS]}
        await send(message)

    return sealed
