"""Who may ask for what: the one gate before every request, ours and Gradio's.

Owns these checks, in this order: by what name this server was reached (a page of another site whose name was pointed at
this machine is turned away), who asks (HTTP Basic, with a wait after wrong passwords; where access is set up the
password is the person's key, or a trusted proxy names the person; else an anonymous cookie keeps
one browser's media and history apart from another's), which paths exist at all (a list: Gradio brings many more routes
than this page needs, among them ones that fetch addresses for the caller), where a change comes from (our own pages
only), how large an upload may be and how much one person may upload, before it is read, and that an event names no file
but an upload of that person. Every answer carries headers that keep the browser from loading anything from elsewhere.

Knows no media, no page and no tool.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import math
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from viot_agent.errors import RateRefusal, SignInRefusal
from viot_agent.library.names import folded
from viot_agent.policy.access import Access
from viot_agent.policy.logins import Logins
from viot_agent.web.bodies import only_uploads, replayed, whole
from viot_agent.web.options import Options
from viot_agent.web.uploads import Uploads

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "viot_browser"
USER_HEADER = b"x-viot-user"
"""How the guard tells the page who asks; a client's own header of this name is dropped."""

_GET = re.compile(
    r"/|/config/?|/theme\.css|/manifest\.json|/favicon\.ico|/robots\.txt|/login_check/?"
    r"|/(?:assets|static|svelte|media)/.+"
    r"|/gradio_api/(?:theme\.css|startup-events|app_id/?|info/?|heartbeat/[\w-]+|queue/data|upload_progress)"
    r"|/gradio_api/file=.+"
)
_UPLOAD = "/gradio_api/upload"
_ROOM = "/media/room"
"""Where the page asks whether an upload of so many bytes would be taken, before it sends one."""
_WRONG = 0.3
"""Seconds before a wrong password is told to be one."""
_POST = re.compile(r"/gradio_api/(?:queue/join|upload|cancel|reset/?|run/\w+/?)")

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class Guard:
    """ASGI middleware. Gradio's own file route may serve from the folder of ``uploads`` only."""

    def __init__(self, app: App, options: Options, uploads: Uploads, access: Access | None = None) -> None:
        self.app, self.options, self.uploads, self.access = app, options, uploads, access
        self._logins = Logins()
        self._known = {name: password.encode() for name, password in options.auth}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no websocket is served
        headers = {k: v for k, v in scope["headers"] if k != USER_HEADER}
        if self.options.loopback and not this_machine(headers.get(b"host", b"")):
            words = "This page is for this machine only: open http://localhost. Behind a proxy: start with --root-path."
            await _say(send, 421, words)
            return
        fresh = ""
        access = self.access
        if access is not None and await asyncio.to_thread(lambda: access.configured):
            user = await self._keyed(access, scope, headers, send)
            if user is None:
                return
        elif self._known:
            user = await self._signed_in(scope, headers.get(b"authorization", b""), send)
            if user is None:
                return
        else:
            token = _cookie(headers.get(b"cookie", b""))
            fresh = "" if token else secrets.token_urlsafe(24)
            user = browser_name(token or fresh)
        refusal = self._refusal(scope, headers, user)
        if refusal is not None:
            await _say(send, *refusal)
            return
        inner = self.inner(scope["path"])
        if inner == _ROOM:
            await _say(send, 200, self._no_room(scope, user))
            return
        receive = self._metered(receive)
        if scope["method"] == "POST" and inner != _UPLOAD:
            body = await whole(receive)
            if body is None:
                await _say(send, 413, "The request is too large.")
                return
            if not only_uploads(body, partial(self.uploads.may, user)):
                await _say(send, 403, "This request names a file that was not uploaded here.")
                return
            receive = replayed(body, receive)
        told = [(k, v) for k, v in scope["headers"] if k != USER_HEADER] + [(USER_HEADER, user.encode("utf-8"))]
        prefix = self.options.root_path
        path = prefix + self.inner(scope["path"])  # what is behind gets it whole, as ASGI has it
        scope = {**scope, "headers": told, "path": path, "raw_path": quote(path).encode(), "root_path": prefix}
        send = self._sealed(send, fresh, secure=scope.get("scheme") == "https")
        if inner == _UPLOAD:
            await self._upload(scope, receive, send, user)
        else:
            await self.app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send, user: str) -> None:
        """Pass an upload on, and remember whose the files are that Gradio makes of it."""
        size = _length(scope["headers"], self._limit())
        parts: list[bytes] = []
        good, done, arrived = False, False, 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            return message

        async def noted(message: Message) -> None:
            nonlocal good, done
            if message["type"] == "http.response.start":
                good = message["status"] == 200
            elif good:
                parts.append(message.get("body", b""))
                if not message.get("more_body"):  # known before the browser can name one
                    self.uploads.add(user, json.loads(b"".join(parts)))
                    done = True
            await send(message)

        self.uploads.begin(user, size)
        try:
            await self.app(scope, counted, noted)
        finally:
            self.uploads.end(user, size, broken=0 if done else arrived)

    async def _signed_in(self, scope: Scope, header: bytes, send: Send) -> str | None:
        """Who it is; None when that was answered: nobody yet, a wrong password, or too many of them."""
        told = _credentials(header)
        if told is not None:
            name, password = told
            key = ((scope.get("client") or ("",))[0], name)
            wait = math.ceil(self._logins.wait(key))
            if wait:
                words = f"Too many wrong passwords for this name. Try again in {wait} s."
                await _say(send, 429, words, (b"retry-after", str(wait).encode()))
                return None
            user = self._named(name, password)
            if user is not None:
                self._logins.right(key)
                return user
            self._logins.wrong(key)
        # a header that names nobody guesses no password: were it counted, all who have no name yet would wait with it
        if header:
            await asyncio.sleep(_WRONG)
        await _say(send, 401, "Sign in first.", (b"www-authenticate", b'Basic realm="VIoT Agent", charset="UTF-8"'))
        return None

    async def _keyed(self, access: Access, scope: Scope, headers: dict[bytes, bytes], send: Send) -> str | None:
        """Who it is by key or by a trusted proxy's word; None when that was answered."""
        address = (scope.get("client") or ("",))[0]
        told = _credentials(headers.get(b"authorization", b""))
        try:
            if told is not None:
                who = await asyncio.to_thread(access.authenticate, told[1], address=address, counted=False)
                if folded(who.name) != folded(told[0]):
                    raise SignInRefusal("this key is somebody else's")
            else:
                pairs = [(k.decode("latin-1"), v.decode("utf-8", "replace")) for k, v in scope["headers"]]
                who = await asyncio.to_thread(access.identify, pairs, address, counted=False)
        except RateRefusal as refusal:
            wait = str(math.ceil(refusal.wait))
            await _say(send, 429, f"{refusal.reason}: try again in {wait} s.", (b"retry-after", wait.encode()))
            return None
        except SignInRefusal:
            ask = (b"www-authenticate", b'Basic realm="VIoT Agent", charset="UTF-8"')
            await _say(send, 401, "Sign in first: your name, and your key as password.", ask)
            return None
        return who.name

    def _named(self, name: str, password: str) -> str | None:
        """The person of that name and password; None when it is nobody's."""
        expected = self._known.get(name, b"")
        # compared for strangers too: the time taken tells nobody which names exist
        same = hmac.compare_digest(hashlib.sha256(password.encode()).digest(), hashlib.sha256(expected).digest())
        return name if same and name in self._known else None

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes], user: str) -> tuple[int, str] | None:
        path = self.inner(scope["path"])
        method = scope["method"]
        if method not in ("GET", "HEAD", "POST"):
            return 405, "This page has no such method."
        if not (_POST if method == "POST" else _GET).fullmatch(path):
            return 404, "There is nothing here."
        file = path.removeprefix("/gradio_api/file=")
        if file != path and not self.uploads.may(user, unquote(file)):
            return 404, "There is nothing here."
        if method == "POST":
            if not same_site(headers):
                return 403, "This request comes from another site."
            length = headers.get(b"content-length", b"0")
            if length.isdigit() and int(length) > self._limit():
                return 413, f"The upload is larger than {self.options.max_upload_mb} MB."
            full = self.uploads.refusal(user, _length(scope["headers"], self._limit())) if path == _UPLOAD else ""
            if full:
                return 413, full
        return None

    def inner(self, path: str) -> str:
        """The path without the proxy's prefix, whether the proxy has taken it off or not."""
        prefix = self.options.root_path
        return (path[len(prefix) :] or "/") if prefix and (path == prefix or path.startswith(prefix + "/")) else path

    def _no_room(self, scope: Scope, user: str) -> str:
        """Why an upload of that many bytes would be refused; "" when it would be taken."""
        word = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("bytes", [""])[0]
        return self.uploads.refusal(user, int(word)) if word.isascii() and word.isdigit() and len(word) < 16 else ""

    def _limit(self) -> int:
        return self.options.max_upload_bytes + 100_000  # a form's own words

    def _metered(self, receive: Receive) -> Receive:
        """Counts what arrives: a body that lies about its length is cut off at the limit."""
        seen, limit = 0, self._limit()

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            return {"type": "http.disconnect"} if seen > limit else message

        return counted

    def _sealed(self, send: Send, fresh: str, *, secure: bool) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={fresh}; Path={self.options.root_path or '/'}; HttpOnly; SameSite=Lax"
                extra = [(b"set-cookie", (cookie + ("; Secure" if secure else "") + "; Max-Age=31536000").encode())]
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS, *(extra if fresh else ())]}
            await send(message)

        return sealed


def browser_name(token: str) -> str:
    """The name of an anonymous browser: a hash, so that what is stored opens nothing."""
    return "browser-" + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def told_user(headers: Mapping[str, str]) -> str:
    """Who asks, as the guard told it; "" when nobody was told. Read as Latin-1 by others, written here as UTF-8."""
    return headers.get(USER_HEADER.decode(), "").encode("latin-1", "replace").decode("utf-8", "replace")


def _credentials(header: bytes) -> tuple[str, str] | None:
    """Name and password of an Authorization header; None where it names nobody (a browser that has not asked its person
    yet sends none)."""
    kind, _, rest = header.partition(b" ")
    if kind.lower() != b"basic":
        return None
    try:
        name, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if name else None


def _length(headers: list[tuple[bytes, bytes]], otherwise: int) -> int:
    """How long the body says it is; ``otherwise`` where it does not."""
    word = next((v for k, v in headers if k == b"content-length"), b"")
    return int(word) if word.isdigit() else otherwise


def this_machine(host: bytes) -> bool:
    """Whether a Host header is a name that this machine has for itself, whatever the port."""
    try:
        name = urlsplit("//" + host.decode("latin-1")).hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _cookie(header: bytes) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header.decode("latin-1"))
    except CookieError:
        return ""
    found = jar[COOKIE].value if COOKIE in jar else ""
    return found if re.fullmatch(r"[\w-]{20,64}", found) else ""


def same_site(headers: dict[bytes, bytes]) -> bool:
    """Whether a change was asked for by one of our own pages, or by a program (which sends no Origin)."""
    site = headers.get(b"sec-fetch-site")
    if site is not None and site not in (b"same-origin", b"none"):
        return False
    origin = headers.get(b"origin")
    if origin is None or site == b"same-origin":
        return True
    host = urlsplit(origin.decode("latin-1")).netloc
    asked = [headers.get(name, b"").decode("latin-1") for name in (b"host", b"x-forwarded-host")]
    return bool(host) and host in asked


async def _say(send: Send, status: int, words: str, *headers: tuple[bytes, bytes]) -> None:
    start = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS, *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": words.encode()})
