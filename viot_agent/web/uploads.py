"""What was uploaded: whose it is, how much more may come, and when it goes.

Files lie in a private folder that goes with the server; the folder of a server that was killed goes when the next one
starts. Owns that folder, its limits and the record of who uploaded what. Reads no request and knows no route.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from viot_agent.errors import BackendFault, BusyFault
from viot_agent.library.lock import FileLock

PREFIX = "viot-uploads-"
EACH, ALL = 10, 50
"""One person's uploads, and all of them together, may be so many times the largest single one."""
KEEP = 6 * 3600.0
"""Seconds that an upload is kept. What became a camera or an enrolled person has a copy of its own by then."""
FREE = 500_000_000
"""Bytes of the disk that uploads leave alone."""
LEAST = 64_000
"""What a file counts at least, in bytes: a million empty ones fill a disk too."""
_ROUND = 600.0
_YOUNG = 60.0


@dataclass(slots=True)
class _Kept:
    size: int
    owners: set[str] = field(default_factory=set)


class Uploads:
    """The uploads of one server below ``folder``; the largest single one has ``largest`` bytes.

    Called from the server's event loop alone. Between two people the same bytes under the same name are one file,
    which both of them own.
    """

    def __init__(self, folder: Path, largest: int) -> None:
        self.folder, self.largest = folder.resolve(), largest
        self._kept: dict[Path, _Kept] = {}
        self._coming: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()
        self._open = 0
        self._cleaned = time.time()
        self._held = ExitStack()

    @classmethod
    def open(cls, largest: int, parent: Path | None = None) -> Uploads:
        """A new folder below ``parent`` (the system's for temporary files), marked as in use."""
        parent = parent or Path(tempfile.gettempdir())
        _sweep(parent)
        made = cls(Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)), largest)
        made._held.enter_context(FileLock(made.folder / ".lock", doing="serving"))
        return made

    def close(self) -> None:
        """Remove all of it."""
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def refusal(self, user: str, size: int) -> str:
        """Why ``size`` more bytes of this person cannot be taken; "" when they can."""
        self.clean()
        kept = f"They are removed after {KEEP / 3600:.0f} hours."
        if self._of(user) + size > EACH * self.largest:
            return (
                f"You have {self._of(user) / 1e6:.0f} MB of uploads here, and {EACH * self.largest / 1e6:.0f} MB is "
                f"the most for one person. {kept} Long footage is added on the server: viot camera add."
            )
        if self._of("") + size > ALL * self.largest:
            return f"All uploads together are as large as this server takes. {kept} Try again later."
        if shutil.disk_usage(self.folder).free - size < FREE:
            return "The server's disk is nearly full: nothing can be uploaded until somebody frees it."
        return ""

    def begin(self, user: str, size: int) -> None:
        """So many bytes are on their way."""
        self._open += 1
        self._coming[user] += size

    def end(self, user: str, size: int, *, broken: int = 0) -> None:
        """They are on their way no longer. ``broken`` of them arrived and became nobody's: the part of a file that they
        may have left has no known name, so it counts until nothing is on its way and all such parts can go."""
        self._open -= 1
        self._coming[user] -= size
        if broken:
            self._broken[user] += broken
        if self._coming[user] <= 0:
            del self._coming[user]
        if self._open == 0:
            self._broken.clear()
            for path in self.folder.glob(f"{tempfile.gettempprefix()}*"):  # what is whole lies in a folder of its own
                if path.is_file() and not path.is_symlink():
                    path.unlink(missing_ok=True)

    def add(self, user: str, paths: Sequence[str]) -> None:
        """Files that this person's upload became."""
        for word in paths:
            path = Path(word)
            if path.is_relative_to(self.folder) and path.is_file():
                kept = self._kept.setdefault(path, _Kept(max(LEAST, path.stat().st_size)))
                kept.owners.add(user)

    def may(self, user: str, word: str) -> bool:
        """Whether ``word`` names a plain file in here that this person may see: an upload of theirs, or a copy that the
        page itself made (its address is told to nobody else)."""
        path = Path(word)
        if not path.is_absolute() or ".." in path.parts:
            return False
        try:
            real = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return False
        if not (real.is_relative_to(self.folder) and real.is_file() and real == path.parent.resolve() / path.name):
            return False
        return not path.name.startswith(".lock") and (real not in self._kept or user in self._kept[real].owners)

    def owners(self, path: Path) -> frozenset[str]:
        """Who uploaded that file; nobody for one that became nobody's, or is still on its way."""
        kept = self._kept.get(path)
        return frozenset(kept.owners) if kept is not None else frozenset()

    def clean(self, now: float | None = None) -> None:
        """Remove what is older than ``KEEP``; looked for every ten minutes at most."""
        now = time.time() if now is None else now
        if now - self._cleaned < _ROUND:
            return
        self._cleaned = now
        for folder, _, names in os.walk(self.folder):
            for path in (Path(folder) / name for name in names if name != ".lock"):
                # the time of its inode: a copy has the times of its original
                if now - path.lstat().st_ctime > KEEP:
                    path.unlink()
                    self._kept.pop(path, None)
            if Path(folder) != self.folder and not any(Path(folder).iterdir()):
                Path(folder).rmdir()

    def _of(self, user: str) -> int:
        """Bytes of one person, of all for ""."""
        here = sum(k.size for k in self._kept.values() if not user or user in k.owners)
        moving = (self._coming, self._broken)
        return here + sum(count[user] if user else count.total() for count in moving)


def _sweep(parent: Path) -> None:
    """Remove the folders of servers that were killed: ours, unlocked, and no longer about to be locked."""
    for old in parent.glob(f"{PREFIX}*"):
        try:
            found = old.lstat()
        except FileNotFoundError:
            continue  # another server that starts has removed it
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or time.time() - found.st_mtime < _YOUNG:
            continue
        try:
            # its folder is not made again: a server that starts beside this one may have removed it by now
            with FileLock(old / ".lock", doing="cleaning", make_folder=False):
                shutil.rmtree(old, ignore_errors=True)
        except BusyFault:
            continue  # it is being served from
        except BackendFault as fault:
            if not isinstance(fault.__cause__, FileNotFoundError):
                raise
