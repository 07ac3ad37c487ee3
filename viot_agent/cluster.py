"""Workers of a Ray cluster: one task a piece of work, models kept by the process that loaded them.

Ray starts a task anew, on whatever node, when its worker dies (``RETRIES`` times). Owns joining a cluster, the order in
which results come back, and the words for what Ray says. Ray is imported here only, and late. Whoever can reach a
cluster can run code on it: keep it in a network of your own. Does not know what the work is.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from viot_agent.errors import BackendFault, FailedFault, LostFault, UserFault, ViotError

RETRIES = 3
"""How often a piece whose worker died is given to another."""
AHEAD = 2
"""Pieces that are given out for each worker: one it works at, one that waits."""
ANSWER_SECONDS = 5.0
STORE_BYTES = 256 << 20
"""Memory for results that travel, of a cluster that is started here."""
LOCAL, AUTO = "local", "auto"
HELP = "HOST:PORT of a Ray cluster's head, auto (this machine's), or local (started for this run)"


class Pool(Protocol):
    """Workers. ``size`` of them."""

    size: int

    def submit(self, work: Any) -> Any:
        """Give a piece to whichever is free; a handle for :meth:`result`."""

    def result(self, handle: Any) -> Any:
        """Wait for it. Raises ViotError."""


class Workers:
    """A :class:`Pool` on the cluster that this process has joined; ``size``: its cores. ``named`` says of a piece what
    it is, for messages; ``wide`` how many cores it wants, of which it gets what every machine has that works; ``stays``
    what a fault leaves."""

    def __init__(
        self,
        ray: Any,
        task: Callable[[Any], Any],
        named: Callable[[Any], str],
        wide: Callable[[Any], int],
        stays: str,
    ) -> None:
        self._ray, self._named, self._wide, self._stays = ray, named, wide, stays
        gone = ray.exceptions
        self._dead = (gone.WorkerCrashedError, gone.OutOfMemoryError, gone.NodeDiedError)
        self._task = ray.remote(max_retries=RETRIES)(task)
        cores = [int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]]
        self._most = max(1, min((n for n in cores if n), default=1))
        self.size = max(1, sum(cores))

    def submit(self, work: Any) -> Any:
        """The task's reference, and its name for messages."""
        task = self._task.options(num_cpus=min(self._wide(work), self._most))
        return task.remote(work), self._named(work)

    def result(self, handle: Any) -> Any:
        """Wait for it. Raises what the worker raised, FailedFault for a defect there, BackendFault when workers went on
        dying, LostFault when the cluster is gone."""
        reference, at = handle
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ViotError):
                raise error.cause from error
            raise FailedFault(f"A worker broke down on {at}: {error.cause!r}.") from error
        except self._dead as error:
            raise BackendFault(
                f"Workers died on {at}, {RETRIES + 1} times.", fix=f"look at their memory; {self._stays}"
            ) from error
        except self._ray.exceptions.RayError as error:
            words = (str(error).strip().splitlines() or [type(error).__name__])[0]
            fix = self._stays
            if isinstance(error, self._ray.exceptions.OwnerDiedError):  # its machines may not fetch what is large
                fix = "export RAY_AUTH_MODE=token on every machine before `ray start`"
            raise LostFault(f"The Ray cluster gave up on {at}: {words}", fix=fix) from error


def in_order(pool: Pool, works: Iterable[Any]) -> Iterator[Any | ViotError]:
    """What came of each piece, or the fault that it ended with, in their order; ``AHEAD`` are given out for each
    worker. Raises LostFault: nothing more can come."""
    left, given = iter(works), deque[Any]()
    done = object()
    while True:
        while len(given) < AHEAD * max(1, pool.size) and (work := next(left, done)) is not done:
            given.append(pool.submit(work))
        if not given:
            return
        try:
            came = pool.result(given.popleft())
        except LostFault:
            raise
        except ViotError as fault:
            came = fault
        yield came


@contextmanager
def joined(
    address: str,
    task: Callable[[Any], Any],
    named: Callable[[Any], str],
    *,
    cores: int | None = None,
    wide: Callable[[Any], int] = lambda work: 1,
    stays: str = "what was stored stays: run it again, and it goes on there",
) -> Iterator[Workers]:
    """Join the cluster at ``address`` (HOST:PORT), the one of this machine (``auto``), or start one for this run
    (``local``, with ``cores``; all where None). ``task`` runs on the workers; the rest as of :class:`Workers`.

    Raises FailedFault without Ray, UserFault for an address that is none, LostFault where nobody answers or another
    token is asked for, BackendFault for a cluster of another version.
    """
    _check(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if _token():  # whoever starts a cluster asks for it by default, whoever joins one does not show it by default
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise FailedFault("work on a cluster needs Ray", fix="pip install 'viot-agent[ray]'") from error
    more: dict[str, Any] = (
        {"address": LOCAL, "num_cpus": cores, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        if address == LOCAL
        else {"address": address}
    )
    try:
        ray.init(logging_level="ERROR", log_to_driver=False, configure_logging=False, **more)
    except (ConnectionError, ray.exceptions.RayError) as error:
        if "AuthenticationError" in f"{error!r} {error.__cause__}":
            fix = "the head's ~/.ray/auth_token on every machine, and export RAY_AUTH_MODE=token before `ray start`"
            raise LostFault(f"the Ray cluster ({address}) wants its token, and it is not here", fix=fix) from error
        fix = "ray start --head on one machine, ray start --address HOST:6379 on the others; or --ray local"
        raise LostFault(f"no Ray cluster answers ({address})", fix=fix) from error
    except (RuntimeError, ValueError) as error:  # another version of Ray or Python
        words = " ".join(str(error).split())[:300]
        raise BackendFault(f"the Ray cluster ({address}) cannot be used: {words}") from error
    try:
        yield Workers(ray, task, named, wide, stays)
    finally:
        ray.shutdown()


def _token() -> bool:
    """Whether the word that Ray's machines share is on this one."""
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return given or Path("~/.ray/auth_token").expanduser().is_file()


def _check(address: str) -> None:
    """Ray waits long for an address where nobody is: ask first. Raises UserFault, LostFault."""
    if address in (LOCAL, AUTO):
        return
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdigit() and 0 < int(port) < 65_536) or "/" in host:
        raise UserFault(f"--ray {address!r} is no address", fix="give HOST:PORT of the head, auto or local")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        raise LostFault(
            f"no Ray cluster answers at {address}: {error.strerror or error}", fix="ray start --head"
        ) from error
