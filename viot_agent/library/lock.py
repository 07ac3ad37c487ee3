"""One process at a time: an advisory lock on a file, released by the system when its holder dies.

Owns the lock file and the sentence that names the holder. Does not know what is protected. A library on a server has
the server's locks instead (``postgres.ServerLock``).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from viot_agent.errors import BackendFault, BusyFault

if sys.platform == "win32":
    import msvcrt

    def _take(fd: int) -> None:
        # the byte lies far past the text, so that others can read the pid
        os.lseek(fd, 1 << 20, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

    def _release(fd: int) -> None:
        os.lseek(fd, 1 << 20, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


class Held(Protocol):
    """A lock as a context manager. ``check`` raises BusyFault when it was lost and somebody else has it."""

    def __enter__(self) -> Held: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...

    def check(self) -> None: ...


class FileLock:
    """``with FileLock(path, doing="indexing this library"):`` - raises BusyFault at once when another holds it.

    ``wait`` True waits without end, else for ``timeout`` seconds. The file stays; only the lock counts. Its folder is
    made where there is none, unless ``make_folder`` is False: then BackendFault, caused by FileNotFoundError.
    """

    def __init__(
        self, path: Path, *, doing: str, wait: bool = False, timeout: float = 0.0, make_folder: bool = True
    ) -> None:
        self.path = path
        self._doing = doing
        self._make_folder = make_folder
        self._wait = wait
        self._timeout = timeout
        self._fd: int | None = None

    def __enter__(self) -> FileLock:
        try:
            if self._make_folder:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise BackendFault(f"Cannot make the lock file {self.path}: {error.strerror}.") from error
        give_up = time.monotonic() + self._timeout
        while True:
            try:
                _take(fd)
                break
            except OSError as error:
                if not self._wait and time.monotonic() >= give_up:
                    holder = self._holder()
                    os.close(fd)
                    raise BusyFault(
                        f"Another process{holder} is {self._doing}.", fix="wait until it is done, or stop it"
                    ) from error
                time.sleep(0.05)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0) if hasattr(os, "pwrite") else os.write(
            fd, str(os.getpid()).encode()
        )
        self._fd = fd
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with suppress(OSError):  # closing releases it in any case
                _release(fd)
            os.close(fd)

    def check(self) -> None:
        """The system keeps it as long as this process lives."""

    def _holder(self) -> str:
        """`` (process 123)``, or nothing where the file does not say."""
        try:
            text = self.path.read_text().strip()
        except OSError:
            return ""
        return f" (process {text})" if text.isdigit() else ""
