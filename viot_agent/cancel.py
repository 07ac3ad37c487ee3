"""How a stop reaches what works for long: the run's cancel token, carried by the context of its thread.

Owns the token's place. A model that writes looks at :func:`cancelled` between tokens, a reader of video calls
:func:`heed` before every frame; the agent, which set the token, decides what a stop means. Knows no run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from viot_agent.errors import StoppedFault

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


def heed() -> None:
    """Raises StoppedFault when the person who asked has stopped the run; elsewhere than in a run, does nothing."""
    if cancelled():
        raise StoppedFault("stopped before it was done")
