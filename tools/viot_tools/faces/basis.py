"""Two recognisers' vectors of one face, whitened and joined into one that is compared by cosine as any other.

The joint vector is ``[w1(a); w2(b)] / sqrt(2)``, ``w(x) = unit(A (x - mean))``: the cosine of two of them is the mean
of two whitened cosines. ``A = (C + SHRINK tr(C)/D I)^(-1/2)`` with ``C`` the (D, D) covariance of people's means:
directions in which people at large differ (age, sex, origin), and in which strangers look alike, count for less.
(Whitening by the between-people covariance, as in Hariharan, Malik and Ramanan, ECCV 2012.) Means and matrices describe
a population, nobody in it.

Owns fitting, joining and the file (safetensors, float16, with the versions of what it was fitted to). Knows no
recogniser: ``joint`` and ``worn`` say whose vectors they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_tools.faces.recognise import unit

SHRINK = 3.0
"""Chosen among 1.5, 3, 10 and none on the choosing half alone, by leaving people out."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """``means``, ``matrices``: (D,) and (D, D) float32 of the first and of the second recogniser."""

    means: tuple[NDArray[np.float32], NDArray[np.float32]]
    matrices: tuple[NDArray[np.float32], NDArray[np.float32]]

    def join(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D1) and (N, D2) unit vectors of the same faces -> (N, D1 + D2), L2-normalised."""
        parts = [unit((x - m) @ a) for x, m, a in zip((first, second), self.means, self.matrices, strict=True)]
        return unit(np.concatenate(parts, axis=-1))


def fit(first: NDArray[np.float32], second: NDArray[np.float32], people: Sequence[object]) -> Basis:
    """The basis of a population: a row of ``first`` (N, D1), ``second`` (N, D2) and ``people`` (N) a picture.

    Rounded to what the file keeps (float16), so that what is measured is what is shipped.
    """
    order = {person: i for i, person in enumerate(dict.fromkeys(people))}
    rows = np.array([order[person] for person in people])
    means, matrices = [], []
    for x in (first, second):
        mean = x.mean(0)
        away = unit(x - mean)
        person = np.stack([away[rows == i].mean(0) for i in range(len(order))]).astype(np.float64)
        cov = person.T @ person / len(person)
        w, v = np.linalg.eigh(cov + SHRINK * np.trace(cov) / len(cov) * np.eye(len(cov)))
        matrix = v @ np.diag(w**-0.5) @ v.T
        matrix /= np.abs(matrix).max()  # lengths do not matter, float16 does
        means.append(mean.astype(np.float16).astype(np.float32))
        matrices.append(matrix.astype(np.float16).astype(np.float32))
    return Basis((means[0], means[1]), (matrices[0], matrices[1]))


def keep(
    path: Path,
    parts: tuple[str, str],
    basis: Basis,
    tensors: Mapping[str, NDArray[np.float32]],
    versions: Mapping[str, str],
) -> None:
    """Write ``basis``, its two sides under the names ``parts``, and other ``tensors`` (float32, kept as they are);
    ``versions`` says what they were fitted to."""
    from safetensors.numpy import save

    every = dict(tensors)
    for name, mean, matrix in zip(parts, basis.means, basis.matrices, strict=True):
        every[f"{name}.mean"], every[f"{name}.matrix"] = mean.astype(np.float16), matrix.astype(np.float16)
    path.write_bytes(save(every, metadata=dict(versions)))


def kept(
    path: Path, parts: tuple[str, str], versions: Mapping[str, str], what: str, fix: str
) -> tuple[Basis, dict[str, NDArray[np.float32]]]:
    """What :func:`keep` wrote, all as float32. Raises FailedFault (``what`` it is about and the ``fix``) when it was
    fitted to something else than ``versions`` says."""
    from safetensors import safe_open

    with safe_open(str(path), "np") as file:
        found = dict(file.metadata() or {})
        t = {name: np.asarray(file.get_tensor(name), np.float32) for name in file.keys()}  # noqa: SIM118
    if found != dict(versions):
        raise FailedFault(f"{what} were fitted to {found}, not to {dict(versions)}", fix=fix)
    a, b = parts
    return Basis((t[f"{a}.mean"], t[f"{b}.mean"]), (t[f"{a}.matrix"], t[f"{b}.matrix"])), t


@lru_cache(maxsize=4)
def digest(path: Path) -> str:
    """Eight hex digits of a shipped file, for versions."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
