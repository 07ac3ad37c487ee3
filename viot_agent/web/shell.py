"""What is seen before Gradio has loaded: the page's head and a line of words, in the document itself.

Gradio draws nothing until its script has run; on a slow machine that is seconds of white. Owns the rewriting of the
document (our style and script go into its head, the shell into its body, addresses of other hosts out of it). Knows no
component: the script takes the shell away when the page stands.
"""

from __future__ import annotations

import re

from viot_agent.web.guard import App, Message, Receive, Scope, Send

_ELSEWHERE = re.compile(rb"\s*<meta\s[^>]*content=\"https?://[^\"]*\"\s*/?>")


class Shell:
    """ASGI middleware over Gradio's document. ``head`` goes before ``</head>``, ``body`` first into the body."""

    def __init__(self, app: App, head: str, body: str) -> None:
        self.app, self.head, self.body = app, head.encode(), body.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in self._documents(scope):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []

        async def kept(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            document = b"".join(parts)
            headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
            if any(k.lower() == b"content-type" and v.startswith(b"text/html") for k, v in headers):
                document = self.rewritten(document)
                headers.append((b"cache-control", b"no-cache"))
            await send({**start, "headers": [*headers, (b"content-length", str(len(document)).encode())]})
            await send({"type": "http.response.body", "body": document})

        # the answer is rewritten, so it must come as it is
        plain = [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]
        await self.app({**scope, "headers": plain}, receive, kept)

    @staticmethod
    def _documents(scope: Scope) -> tuple[str, ...]:
        prefix = scope.get("root_path", "")
        return ("/", prefix, prefix + "/")

    def rewritten(self, document: bytes) -> bytes:
        """The document with head and shell put in."""
        document = _ELSEWHERE.sub(b"", document)
        document = document.replace(b"</head>", self.head + b"</head>", 1)
        return re.sub(rb"(<body\b[^>]*>)", lambda m: m[1] + self.body, document, count=1)
