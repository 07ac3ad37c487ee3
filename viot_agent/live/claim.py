"""Who watches a camera, or indexes its recordings: one process, on this machine and on all that share the library.

Owns the two locks: the recordings lie on this machine, so a file guards them; a library on a server is guarded
there too, under the name that indexing takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from viot_agent.fleet.types import Camera
from viot_agent.library.lock import Held
from viot_agent.library.store import Library
from viot_agent.live.ring import watching


@contextmanager
def claimed(library: Library, home: Path, camera: Camera) -> Iterator[Held]:
    """Gives what to :meth:`~viot_agent.library.lock.Held.check` before anything is stored. Raises BusyFault."""
    with ExitStack() as stack:
        held: Held = stack.enter_context(watching(home, camera.id, camera.name))
        if library.db.server:
            held = stack.enter_context(library.lock(f"camera {camera.id}", doing=f"watching {camera.name}"))
        yield held
