"""How a stop reaches a model in the middle of writing: the run's cancel token, carried by the context of its thread.

Owns the token's place. A model that writes for long looks at :func:`cancelled` between tokens; the agent, which set the
token, decides what a stop means.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TOKEN: ContextVar[threading.Event | None] = ContextVar("viot_cancel", default=None)


@contextmanager
def cancellable(token: threading.Event | None) -> Iterator[None]:
    """Inside, and in everything that inherits this context, ``token`` (once set) makes :func:`cancelled` true."""
    before = _TOKEN.set(token)
    try:
        yield
    finally:
        _TOKEN.reset(before)


def cancelled() -> bool:
    """Whether the person who asked has stopped the run."""
    token = _TOKEN.get()
    return token is not None and token.is_set()
