"""Who watches a camera, or indexes its recordings: one process, on this machine and on all that share the library.

Owns the two locks: the recordings lie on this machine, so a file guards them; a library that homes share is guarded
there too, under the name that indexing takes. And the mark that says whose recordings a folder holds: folders are named
by numbers that another library gives to other cameras.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from viot_agent.errors import LibraryFault
from viot_agent.fleet.types import Camera
from viot_agent.library.lock import Held
from viot_agent.library.store import Library
from viot_agent.live.address import shown
from viot_agent.live.health import read_health
from viot_agent.live.ring import folder, watching
from viot_agent.media.files import write_whole

MARK = "camera"
"""The file that names the camera whose recordings lie beside it."""


@contextmanager
def claimed(library: Library, home: Path, camera: Camera) -> Iterator[Held]:
    """Gives what to :meth:`~viot_agent.library.lock.Held.check` before anything is stored. Raises BusyFault, and
    LibraryFault where the folder holds the recordings of another camera."""
    with ExitStack() as stack:
        held: Held = stack.enter_context(watching(home, camera.id, camera.name))
        _mark(home, camera)
        if library.db.server or library.folder != home:
            held = stack.enter_context(library.lock(f"camera {camera.id}", doing=f"watching {camera.name}"))
        yield held


def _mark(home: Path, camera: Camera) -> None:
    """Note whose folder this is. Raises LibraryFault where it is another camera's."""
    place = folder(home, camera.id)
    file, mine = place / MARK, f"{camera.name}\n{shown(camera.source)}\n"
    if file.is_file():
        theirs = file.read_text("utf-8", "replace")
    else:  # one that was watched before folders were marked
        health = read_health(home, camera.id)
        theirs = mine if health is None or health.camera == camera.name else health.camera
    if theirs != mine:
        raise LibraryFault(
            f"{place} holds the recordings of another camera ({' '.join(theirs.split())}), not of {camera.name}.",
            fix="move that folder out of VIOT_HOME/live, or use the library that they belong to",
        )
    if not file.is_file():
        write_whole(file, mine.encode(), fix="free the disk of VIOT_HOME")
