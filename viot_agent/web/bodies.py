"""What an event of the page may bring along: few words, and of files only those that were uploaded here.

Gradio takes the path of a file from the browser as it comes: without a check of ours, a request could name any picture
on this machine, or an address for the server to fetch. Owns that check and the size of an event. Knows no user and no
route.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from viot_agent.foreign import read_json

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

EVENT_BYTES = 1_000_000
"""Largest event: words and choices only (a request has 4,000 characters); files travel by the upload route."""


async def whole(receive: Receive, most: int = EVENT_BYTES) -> bytes | None:
    """The body of a request; None when it is longer than ``most`` bytes or the client went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body once more, then what the client says further (that it went away)."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def only_uploads(body: bytes, uploaded: Callable[[str], bool]) -> bool:
    """Whether the body is JSON and everything called ``path`` in it, at any depth, is an upload (or nothing)."""
    foreign = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # pairs, not a dict: of a key that is given twice, both are looked at
        nonlocal foreign
        for key, value in pairs:
            if key == "path" and value is not None:
                foreign = foreign or not (isinstance(value, str) and uploaded(value))
        return {}

    try:
        read_json(body or b"null", pairs=look)
    except json.JSONDecodeError:
        return False
    return not foreign
