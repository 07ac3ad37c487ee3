"""What belongs to one open page: its conversation, its attached files, its running request and how to stop it.

Owns that state, apart for every page, and the checks of attached files. Nothing here is shared between two pages; what
is kept is the library's, by owner. Does not ask and draws nothing.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from viot_agent.errors import MediaFault, UserFault, ViotError
from viot_agent.steps import Attachment
from viot_agent.system import attachments
from viot_agent.web.guard import told_user

MOST_FILES = 8
"""Files of one conversation; each is looked at again with every request."""


class Asks(Protocol):
    """What of a Gradio request is read: whose page it is."""

    session_hash: str | None
    headers: Any


@dataclass(slots=True)
class Session:
    """One open page. ``messages`` is what the chat shows; ``cancel`` belongs to the run in progress, None when idle;
    ``on_stop`` is told when it is set."""

    user: str
    conversation: str = field(default_factory=lambda: new_conversation())
    files: list[Path] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    cancel: threading.Event | None = None
    on_stop: Callable[[], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> threading.Event:
        """Claim the page for one run. Raises UserFault while another is in progress."""
        with self.lock:
            if self.cancel is not None:
                raise UserFault("your last request is still running", fix="wait for it, or press Stop")
            self.cancel = threading.Event()
            return self.cancel

    def end(self, cancel: threading.Event) -> None:
        """The run with that token is over; a later one is left alone."""
        with self.lock:
            if self.cancel is cancel:
                self.cancel = self.on_stop = None

    def listen(self, cancel: threading.Event, on_stop: Callable[[], None]) -> None:
        """Call ``on_stop`` when the run with that token is stopped; at once when it was already."""
        with self.lock:
            if self.cancel is cancel:
                self.on_stop = on_stop
            if cancel.is_set():
                on_stop()

    @property
    def stopping(self) -> bool:
        """Whether a run goes on that was told to stop."""
        cancel = self.cancel
        return cancel is not None and cancel.is_set()

    def stop(self) -> bool:
        """Stop the run in progress; False when there is none."""
        with self.lock:
            if self.cancel is None:
                return False
            self._tell()
            return True

    def _tell(self) -> None:
        """Set the token, and wake what waits beside it."""
        if self.cancel is not None:
            self.cancel.set()
        if self.on_stop is not None:
            self.on_stop()

    def attach(self, paths: Sequence[Path]) -> list[Attachment]:
        """Add files to the conversation: they are ``image-1``, ``video-1``, ... from now on; gives back the new ones.

        Raises MediaFault or UserFault, naming the file as the person named it; then none is added.
        """
        if len(self.files) + len(paths) > MOST_FILES:
            raise UserFault(
                f"a conversation takes {MOST_FILES} files at most", fix="begin a new conversation for further files"
            )
        for path in paths:
            try:
                attachments([path])
            except MediaFault as fault:
                raise unplaced(fault, [path]) from fault
        self.files += paths
        return list(attachments(self.files))[len(self.files) - len(paths) :]

    def restart(self, conversation: str = "") -> None:
        """Begin a new conversation, or go on with a stored one.

        A run in progress is stopped, and what it still says goes to the lists that it began with, not to these.
        """
        with self.lock:
            self._tell()
            self.cancel = self.on_stop = None
            self.conversation = conversation or new_conversation()
            self.files, self.messages = [], []


class Sessions:
    """The open pages of this server."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, request: Asks) -> Session:
        """The session of the page that asks. Raises UserFault when a page's key is used by somebody else."""
        user = told_user(request.headers)
        key = request.session_hash or ""
        if not user or not key:
            raise UserFault("this request does not come from an open page", fix="open the page again")
        with self._lock:
            session = self._open.setdefault(key, Session(user))
        if session.user != user:
            raise UserFault("this page belongs to somebody else", fix="open the page again")
        return session

    def close(self, request: Asks) -> None:
        """A page was closed: what it was asking is stopped, what it held is forgotten. Only its own user closes it."""
        with self._lock:
            session = self._open.get(request.session_hash or "")
            if session is None or session.user != told_user(request.headers):
                return
            del self._open[request.session_hash or ""]
        session.stop()

    def __len__(self) -> int:
        return len(self._open)


def unplaced(fault: ViotError, paths: Sequence[Path]) -> ViotError:
    """The fault with each file named as the person named it: the folder it lies in on the server is nobody's business.

    A fault that names none of them is given back as it is.
    """
    message, fix = fault.message, fault.fix
    for path in paths:
        for place in (str(path), str(path.resolve())):
            message, fix = message.replace(place, path.name), fix.replace(place, path.name)
    return fault if (message, fix) == (fault.message, fault.fix) else MediaFault(message, fix=fix)


def new_conversation() -> str:
    """A name nobody guesses: a link to a conversation holds it."""
    return "c-" + secrets.token_urlsafe(9)
