"""Large models that are a whole repository of the model hub: pinned by commit, hashed when they come.

Nobody here has seen their bytes, so the manifest cannot name a sha256 of them: the first download records one for every
file, and from then on a file that differs is refused. None of them is ever a default, and having one does not change
the tier. They lie in ``VIOT_HOME/models/repositories/NAME``; ``VIOT_MODELS/repositories/NAME`` stands in for that.

Owns these repositories and their records. Does not know how a model is run.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from viot_agent.errors import BackendFault, DiskFault, UserFault, WeightsMissing
from viot_agent.foreign import read_json
from viot_agent.weights.store import Weights, sha256

Fetch = Callable[[str, str, Path], None]
"""(repository, commit, folder): puts the repository's files into the folder; raises OSError."""
WANTED = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")
"""What is fetched of a repository: no pickles, and no code."""
FOLDER = "repositories"


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository of ``repositories.json``. ``extra``: the optional dependencies of ours that it needs."""

    name: str
    serves: str
    repository: str
    revision: str
    parameters: int
    licence: str
    permissive: bool
    extra: str = ""

    @property
    def bytes(self) -> int:
        """What its weights take on disk and in memory at two bytes a parameter; the files have not been seen here."""
        return 2 * self.parameters


def load_repositories() -> dict[str, Repository]:
    """The repositories that ship with this package."""
    raw: dict[str, Any] = json.loads((files("viot_agent.weights") / "repositories.json").read_text("utf-8"))
    return {row["name"]: Repository(**row) for row in raw["repositories"]}


def fetch_snapshot(repository: str, revision: str, folder: Path) -> None:
    """Download from the model hub. Raises OSError."""
    import httpx
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=list(WANTED))
    except httpx.HTTPError as error:
        raise OSError(str(error)) from error


class Repositories:
    """The repositories of one installation."""

    def __init__(self, weights: Weights, known: Mapping[str, Repository] | None = None) -> None:
        self.known = dict(known) if known is not None else load_repositories()
        self._home, self._models = weights.home, weights.models_dir

    def entry(self, name: str) -> Repository:
        """Raises UserFault with the known names."""
        try:
            return self.known[name]
        except KeyError:
            raise UserFault(f"no model is called {name!r}; known: {', '.join(self.known)}") from None

    def locate(self, name: str) -> Path | None:
        """The folder of the repository, unchecked; None when it is nowhere."""
        roots = ([self._models] if self._models else []) + [self._home / "models"]
        places = [root / FOLDER / self.entry(name).name for root in roots]
        return next((p for p in places if (p / "config.json").is_file()), None)

    def folder(self, name: str) -> Path:
        """The checked folder. Raises WeightsMissing when absent, UserFault when a file is not the recorded one."""
        entry, found = self.entry(name), self.locate(name)
        if found is None:
            flag = "" if entry.permissive else " --allow-noncommercial"
            raise WeightsMissing(
                f"the model {name} ({entry.serves}, {entry.bytes / 1e9:.1f} GB) is not on this machine",
                fix=f"viot models pull {name}{flag}, or put it at VIOT_MODELS/{FOLDER}/{name}",
            )
        recorded(found, self._record(name))
        return found

    def verify(self, name: str) -> bool:
        """Hash every file again; False when it is not here. Raises UserFault when one is not the recorded one."""
        found = self.locate(name)
        if found is None:
            return False
        recorded(found, self._record(name), trust=False)
        return True

    def pull(self, name: str, fetch: Fetch = fetch_snapshot, *, allow_noncommercial: bool = False) -> Path:
        """Fetch it unless it is there, and record its hashes. Raises UserFault (licence, a folder that cannot be
        written to), BackendFault (network), DiskFault."""
        entry = self.entry(name)
        if self.locate(name) is not None:
            return self.folder(name)
        if not entry.permissive and not allow_noncommercial:
            raise UserFault(f"{name} is under {entry.licence}", fix="add --allow-noncommercial if that suits your use")
        own = self._home / "models" / FOLDER / name
        part = own.with_name(f"{name}.part")  # kept when the network breaks off: the next pull goes on from there
        try:
            part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserFault(f"the folder {part} cannot be made: {error.strerror}", fix="see to VIOT_HOME") from error
        try:
            fetch(entry.repository, entry.revision, part)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFault(f"the disk is full: {name} was not fetched", fix="free some, pull again") from error
            raise BackendFault(
                f"cannot fetch {name} ({entry.repository}@{entry.revision[:12]}): {first_line(error)}",
                fix=f"check the network, or put its folder at DIR/{FOLDER}/{name} and set VIOT_MODELS=DIR",
            ) from error
        if not (part / "config.json").is_file() or not list(part.glob("*.safetensors")):
            raise BackendFault(f"{entry.repository}@{entry.revision[:12]} holds no safetensors model")
        shutil.rmtree(part / ".cache", ignore_errors=True)  # the downloader's own notes
        part.replace(own)
        self._record(name).unlink(missing_ok=True)
        return self.folder(name)

    def _record(self, name: str) -> Path:
        return self._home / "models" / "recorded" / f"{name}.json"


def recorded(folder: Path, record: Path, *, trust: bool = True) -> str:
    """The sha256 (hex) over all files' hashes, recorded in ``record`` the first time that the folder is seen.

    A file whose size and time are as recorded is not hashed again while ``trust``. Raises UserFault when a file is
    missing, new or changed since, or cannot be read.
    """
    before: dict[str, list[Any]] | None = _read(record)
    now: dict[str, list[Any]] = {}
    try:
        for path in sorted(p for pattern in WANTED for p in folder.rglob(pattern) if p.is_file()):
            name, stat = str(path.relative_to(folder)), path.stat()
            known = (before or {}).get(name)
            mark = [stat.st_size, stat.st_mtime_ns]
            same = trust and known is not None and known[1:] == mark
            now[name] = [known[0] if same and known is not None else sha256(path), *mark]
    except OSError as error:
        raise UserFault(f"{folder} cannot be read: {error.strerror}", fix="see to the folder") from error
    if before is not None:
        wrong = sorted(n for n in now.keys() | before.keys() if now.get(n, [None])[0] != before.get(n, [None])[0])
        if wrong:
            raise UserFault(
                f"{folder / wrong[0]} is not the file that was recorded when this model first came",
                fix=f"remove {folder} and fetch it again; or, if you changed it yourself, remove {record}",
            )
    if now != before:
        _write(record, now)
    return hashlib.sha256("".join(f"{n} {v[0]}\n" for n, v in now.items()).encode()).hexdigest()


def first_line(error: Exception) -> str:
    """What an error of another library says, on one line; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _read(record: Path) -> dict[str, list[Any]] | None:
    if not record.is_file():
        return None
    try:
        found: dict[str, list[Any]] = read_json(record.read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFault(
            f"{record}, which holds the hashes of a model, cannot be read: {error}",
            fix="remove it: the files are then taken as they are, and recorded again",
        ) from error
    return found


def _write(record: Path, now: Mapping[str, list[Any]]) -> None:
    part = record.with_name(f"{record.name}.part")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"files": now}, indent=1), "utf-8")
        part.replace(record)
    except OSError as error:
        raise UserFault(f"{record} cannot be written: {error.strerror}", fix="see to VIOT_HOME") from error
