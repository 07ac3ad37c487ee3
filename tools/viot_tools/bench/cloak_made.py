"""Masks and features for ``viot bench cloak``, each made once and kept.

A mask takes seconds, a table hundreds of masks: they lie below ``VIOT_HOME/bench/cloak`` under a name that everything
which makes them goes into (faces, method with all options, the surrogates' weights, the source of the methods), so
that a run that was cut off goes on where it was. Owns this keeping, and who judges. Knows no figure.
"""

from __future__ import annotations

import ast
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import BackendFault, WeightsMissing
from viot_agent.media.files import write_whole
from viot_agent.weights import Weights
from viot_tools.bench.cloak_cast import Faces, Sitter
from viot_tools.cloak.methods import Method, make
from viot_tools.cloak.surrogates import SIDE, Judge, Surrogates, threshold
from viot_tools.tensors import pixels
from viot_tools.verification.recognisers import MAKERS, recogniser

Floats = NDArray[np.float32]
Vectors = NDArray[np.float32]
_SOURCES = {
    "viot_tools.cloak": ("optimise", "methods", "losses", "hulls", "dfanet", "surrogates"),
    "viot_tools.faces.nets": ("base", "build", "dlib_dat", "dlib_resnet", "mobilefacenet"),
}
"""What a mask depends on, of our own code."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A mask (3, 112, 112) and the processor's seconds that it took."""

    delta: Floats
    seconds: float


@dataclass(frozen=True, slots=True)
class Target:
    """A recogniser that is asked. ``black``: its maker made none of the surrogates."""

    judge: Judge
    black: bool

    @property
    def name(self) -> str:
        """Of the recogniser."""
        return self.judge.name


def targets(weights: Weights, used: Sequence[str]) -> tuple[tuple[Target, ...], list[str]]:
    """Every recogniser whose file and threshold are here, and what is not. One whose maker made any of ``used`` is
    no black box."""
    makers = {MAKERS[name](weights).maker for name in used}
    found, skipped = [], []
    for name in MAKERS:
        one, (level, far) = recogniser(name, weights), threshold(name)
        try:
            one.embed(np.zeros((1, SIDE, SIDE, 3), np.uint8))
        except WeightsMissing as missing:
            skipped.append(f"cloak.*.{name}.*: {missing}")
            continue
        if level is None:
            skipped.append(f"cloak.*.{name}.*: nobody has measured its threshold (python -m viot_tools.cloak.judging)")
            continue
        found.append(Target(Judge(one, level, far), one.maker not in makers))
    return tuple(found), skipped


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A mask to be made: the sitter's ``name``, what it is learnt from, how, by which surrogates of which versions."""

    name: str
    faces: Faces
    method: Method
    white: tuple[str, ...]
    versions: tuple[str, ...]


Far = Callable[[Sequence[Wanted]], Iterator[Made]]
"""Has masks made elsewhere, in their order."""


def mask_of(faces: Faces, method: Method, white: Surrogates) -> Made:
    """Learnt from (N, 112, 112, 3) faces. Raises as ``methods.make``."""
    before = time.process_time()
    delta = make(pixels(faces), white.networks, method).delta.numpy()
    return Made(np.asarray(delta, np.float32), time.process_time() - before)


class Studio:
    """Masks by ``white``, kept in ``folder``; features by anybody, kept in memory. ``far`` makes those that are told
    ``ahead``."""

    def __init__(
        self, white: Surrogates, folder: Path, said: Callable[[str], None] | None = None, far: Far | None = None
    ) -> None:
        self.white, self.folder, self.said, self.far = white, folder, said, far
        self._vectors: dict[tuple[str, str], Vectors] = {}

    def ahead(self, wanted: Sequence[tuple[Sitter, Method, Faces]], white: Sequence[str] = ()) -> None:
        """Have those masks that are not kept yet made by ``far``; nothing without it. Raises as that."""
        if self.far is None:
            return
        used = self.white.only(white)
        missing: dict[Path, Wanted] = {}
        for sitter, method, faces in wanted:
            path = self._path(faces, method, used)
            if not path.is_file():
                missing[path] = Wanted(sitter.name, faces, method, used.names, used.versions)
        made = self.far(list(missing.values()))
        for number, ((path, one), mask) in enumerate(zip(missing.items(), made, strict=True), 1):
            _keep(path, mask)
            if self.said is not None:
                self.said(f"{one.name} ({number} of {len(missing)})")

    def mask(self, sitter: Sitter, method: Method, learn: Faces | None = None, white: Sequence[str] = ()) -> Made:
        """The sitter's mask, learnt from ``learn`` (N, 112, 112, 3), else from the sitter's own pictures to learn from;
        by the surrogates called ``white``, all where none is named.

        Raises as ``methods.make``; BackendFault where a kept file is damaged or none can be written.
        """
        faces = sitter.learn if learn is None else learn
        used = self.white.only(white)
        path = self._path(faces, method, used)
        if path.is_file():
            try:
                with path.open("rb") as file, np.load(file) as kept:
                    return Made(kept["delta"], float(kept["seconds"]))
            except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
                raise BackendFault(f"{path} cannot be read: {error}", fix="delete that file") from error
        if self.said is not None:
            self.said(sitter.name)
        made = mask_of(faces, method, used)
        _keep(path, made)
        return made

    def _path(self, faces: Faces, method: Method, white: Surrogates) -> Path:
        return self.folder / f"{_key(faces, method, white)}.npz"

    def vectors(self, target: Target, faces: Faces) -> Vectors:
        """(N, D) unit features of (N, 112, 112, 3) uint8 faces."""
        key = (target.name, hashlib.sha256(np.ascontiguousarray(faces).tobytes()).hexdigest())
        if key not in self._vectors:
            self._vectors[key] = target.judge.recogniser.embed(faces)
        return self._vectors[key]


def _keep(path: Path, made: Made) -> None:
    data = io.BytesIO()
    np.savez(data, delta=made.delta, seconds=np.float64(made.seconds))
    write_whole(path, data.getvalue(), fix="free the disk, or set VIOT_HOME elsewhere")


def _key(faces: Faces, method: Method, white: Surrogates) -> str:
    parts = (
        _source(),
        repr(method),
        repr(list(zip(white.names, white.versions, strict=True))),
        hashlib.sha256(np.ascontiguousarray(faces).tobytes()).hexdigest(),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def _source() -> str:
    """Of what the sources do, whatever their words and line breaks. The table of methods is left out: a method's own
    options are in the key."""
    trees = [
        ast.dump(wordless(ast.parse((files(room) / f"{name}.py").read_text("utf-8"))))
        for room, names in _SOURCES.items()
        for name in names
    ]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()


def wordless(tree: ast.Module) -> ast.Module:
    """Without docstrings, and without the table ``METHODS``."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [
                part
                for part in body
                if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
                and not (isinstance(part, ast.AnnAssign) and ast.unparse(part.target) == "METHODS")
            ]
    return tree
