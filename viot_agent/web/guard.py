"""Who may ask for what: the one gate before every request, ours and Gradio's.

Owns these checks, in this order: by what name this server was reached (a page of another site whose name was pointed at
this machine is turned away), who asks (HTTP Basic, or an anonymous cookie that keeps one browser's media and history
apart from another's), which paths exist at all (a list: Gradio brings many more routes than this page needs, among them
ones that fetch addresses for the caller), where a change comes from (our own pages only), how large an upload may be,
before it is read, and that an event names no file but an upload. Every answer carries headers that keep the browser
from loading anything from elsewhere.

Knows no media, no page and no tool.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from viot_agent.web.bodies import only_uploads, replayed, whole
from viot_agent.web.options import Options

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
    """ASGI middleware. ``uploads`` is the only folder that Gradio's own file route may serve from."""

    def __init__(self, app: App, options: Options, uploads: Path) -> None:
        self.app, self.options, self.uploads = app, options, uploads.resolve()
        self._known = {name: password.encode() for name, password in options.auth}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no websocket is served
        headers = {k: v for k, v in scope["headers"] if k != USER_HEADER}
        if self.options.loopback and not _this_machine(headers.get(b"host", b"")):
            words = "This page is for this machine only: open http://localhost. Behind a proxy: start with --root-path."
            await _say(send, 421, words)
            return
        fresh = ""
        if self._known:
            user = self._named(headers.get(b"authorization", b""))
            if user is None:
                await _say(send, 401, "Sign in first.", (b"www-authenticate", b'Basic realm="VIoT Agent"'))
                return
        else:
            token = _cookie(headers.get(b"cookie", b""))
            fresh = "" if token else secrets.token_urlsafe(24)
            user = browser_name(token or fresh)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _say(send, *refusal)
            return
        receive = self._metered(receive)
        if scope["method"] == "POST" and self.inner(scope["path"]) != _UPLOAD:
            body = await whole(receive)
            if body is None:
                await _say(send, 413, "The request is too large.")
                return
            if not only_uploads(body, self.uploaded):
                await _say(send, 403, "This request names a file that was not uploaded here.")
                return
            receive = replayed(body, receive)
        told = [(k, v) for k, v in scope["headers"] if k != USER_HEADER] + [(USER_HEADER, user.encode("utf-8"))]
        prefix = self.options.root_path
        path = prefix + self.inner(scope["path"])  # what is behind gets it whole, as ASGI has it
        scope = {**scope, "headers": told, "path": path, "raw_path": quote(path).encode(), "root_path": prefix}
        await self.app(scope, receive, self._sealed(send, fresh, secure=scope.get("scheme") == "https"))

    def _named(self, header: bytes) -> str | None:
        """Whose name and password an Authorization header carries; None when it is nobody's."""
        kind, _, rest = header.partition(b" ")
        if kind.lower() != b"basic":
            return None
        try:
            name, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        expected = self._known.get(name, b"")
        # compared for strangers too: the time taken tells nobody which names exist
        same = hmac.compare_digest(hashlib.sha256(password.encode()).digest(), hashlib.sha256(expected).digest())
        return name if same and name in self._known else None

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        path = self.inner(scope["path"])
        method = scope["method"]
        if method not in ("GET", "HEAD", "POST"):
            return 405, "This page has no such method."
        if not (_POST if method == "POST" else _GET).fullmatch(path):
            return 404, "There is nothing here."
        if path.startswith("/gradio_api/file=") and not self.uploaded(unquote(path.removeprefix("/gradio_api/file="))):
            return 404, "There is nothing here."
        if method == "POST":
            if not _same_site(headers):
                return 403, "This request comes from another site."
            length = headers.get(b"content-length", b"0")
            if length.isdigit() and int(length) > self._limit():
                return 413, f"The upload is larger than {self.options.max_upload_mb} MB."
        return None

    def inner(self, path: str) -> str:
        """The path without the proxy's prefix, whether the proxy has taken it off or not."""
        prefix = self.options.root_path
        return (path[len(prefix) :] or "/") if prefix and (path == prefix or path.startswith(prefix + "/")) else path

    def uploaded(self, word: str) -> bool:
        """Whether ``word`` names a plain file below the folder of uploads."""
        path = Path(word)
        if not path.is_absolute() or ".." in path.parts:
            return False
        try:
            real = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return False
        return real.is_relative_to(self.uploads) and real.is_file() and real == path.parent.resolve() / path.name

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


def _this_machine(host: bytes) -> bool:
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


def _same_site(headers: dict[bytes, bytes]) -> bool:
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
