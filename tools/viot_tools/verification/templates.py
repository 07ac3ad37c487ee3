"""Template evaluation as in IJB-B and IJB-C: people as sets of pictures and frames, compared 1:1 and searched 1:N.

Pooling: the frames of one medium (a video, a picture) are averaged first, then the media, then the sum is normalised,
so that a long video does not outvote five pictures (Whitelam et al. 2017, "IARPA Janus Benchmark-B Face Dataset").
1:1: true accepts at false-accept rates over a list of template pairs. 1:N: the share of mated searches whose mate comes
first and passes the threshold (TPIR), at a share of unmated searches that find anybody (FPIR); and rank-k without a
threshold (Maze et al. 2018, "IARPA Janus Benchmark - C").

Owns pooling, both comparisons and the reading of the benchmark's two text files. Knows no networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_tools.verification.roc import LEAST_FALSE, Rate, TooFew, needed, tar_at_far


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """``ids`` (T,) and their ``vectors`` (T, D) float32, L2-normalised; a template without a face is NaN."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def rows(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
        """(N,) where each template stands. Raises UserFault for one that was not pooled."""
        place = {int(t): i for i, t in enumerate(self.ids)}
        strange = [int(t) for t in ids if int(t) not in place]
        if strange:
            raise UserFault(f"{len(strange)} templates have no picture, such as {strange[0]}")
        return np.array([place[int(t)] for t in ids], np.int64)


def pool(
    vectors: NDArray[np.floating], template: NDArray[np.integer], medium: NDArray[np.integer] | None = None
) -> Templates:
    """Pool N pictures' vectors (N, D) by ``template`` (N,) and ``medium`` (N,) (None: every picture is its own). A
    picture whose vector is NaN (no face) counts for nothing."""
    media = np.arange(len(template)) if medium is None else np.asarray(medium)
    ids = np.unique(template)
    out = np.full((len(ids), vectors.shape[1]), np.nan)
    for i, one in enumerate(ids):
        mine = (template == one) & np.isfinite(vectors).all(axis=1)
        if mine.any():
            total = sum(vectors[mine & (media == m)].astype(np.float64).mean(axis=0) for m in np.unique(media[mine]))
            out[i] = total / max(float(np.linalg.norm(total)), 1e-12)
    return Templates(ids.astype(np.int64), out.astype(np.float32))


def cosines(templates: Templates, left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.float64]:
    """(N,) cosines of the template pairs ``left[i]``, ``right[i]``. Raises UserFault for an unknown template."""
    a, b = templates.vectors[templates.rows(left)], templates.vectors[templates.rows(right)]
    return np.asarray((a.astype(np.float64) * b).sum(axis=1))


def verify(
    templates: Templates,
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    same: NDArray[np.bool_],
    rates: Sequence[float] = (1e-2, 1e-3, 1e-4, 1e-5),
) -> tuple[list[Rate], list[str]]:
    """1:1 over a list of template pairs: a figure for every rate the list can show, and what was refused and why."""
    score, found, refused = cosines(templates, left, right), [], []
    for rate in rates:
        try:
            found.append(tar_at_far(score, same, rate))
        except TooFew as fault:
            refused.append(str(fault))
    return found, refused


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """1:N: ``rank`` k to the share of mated searches whose mate is among the first k; ``tpir`` at ``fpir`` and the
    ``threshold`` there (NaN where no open-set figure was asked for). Of every mated search, in their order: ``better``
    (M,) how many others came before the mate, ``named`` (M,) whether the mate came first and over the threshold (None
    where none was asked for)."""

    rank: dict[int, float]
    tpir: float
    fpir: float
    threshold: float
    unmated: int
    better: NDArray[np.int64]
    named: NDArray[np.bool_] | None = None

    @property
    def mated(self) -> int:
        """How many searches there were for people in the gallery."""
        return len(self.better)


def identify(
    gallery: NDArray[np.floating],
    gallery_people: Sequence[object],
    probes: NDArray[np.floating],
    probe_people: Sequence[object],
    *,
    ranks: Sequence[int] = (1, 5, 10),
    fpir: float | None = None,
    least: int = LEAST_FALSE,
) -> Search:
    """Search every probe (N, D) among the gallery (M, D), one template a person.

    A probe whose person is not in the gallery is unmated. Raises UserFault for a person twice in the gallery or without
    any mated probe, TooFew when the unmated searches cannot show ``fpir``.
    """
    if len(set(gallery_people)) != len(gallery_people):
        raise UserFault("somebody is twice in the gallery", fix="pool their pictures into one template")
    place = {person: i for i, person in enumerate(gallery_people)}
    column = np.array([place.get(person, -1) for person in probe_people])
    mated = column >= 0
    if not mated.any():
        raise UserFault("no probe's person is in the gallery")
    score = np.nan_to_num(probes.astype(np.float64) @ gallery.T, nan=-np.inf)
    own = score[np.flatnonzero(mated), column[mated]]
    better = (score[mated] > own[:, None]).sum(axis=1)
    better = np.where(np.isfinite(own), better, len(place))
    found = {k: float((better < k).mean()) for k in ranks}
    unmated = int((~mated).sum())
    if fpir is None:
        return Search(found, float("nan"), float("nan"), float("nan"), unmated, better)
    if unmated < needed(fpir, least):
        raise TooFew(
            f"{unmated} searches for people who are not there cannot show a false-positive rate of {fpir:g}",
            fix=f"{needed(fpir, least)} are needed",
        )
    tops = np.sort(score[~mated].max(axis=1))[::-1]
    threshold = float(tops[min(int(fpir * unmated * (1 + 1e-9)), unmated - 1)])
    named = (better == 0) & (own > threshold)
    return Search(found, float(named.mean()), float((tops > threshold).mean()), threshold, unmated, better, named)


def read_media(path: Path) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """``ijb?_face_tid_mid.txt``: picture, template and medium a line. Raises UserFault for another file."""
    rows = _table(path, 3)
    return [r[0] for r in rows], _whole(path, rows, 1), _whole(path, rows, 2)


def read_template_pairs(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """``ijb?_template_pair_label.txt``: two templates and 1 or 0 a line. Raises UserFault for another file."""
    rows = _table(path, 3)
    label = _whole(path, rows, 2)
    if set(label.tolist()) - {0, 1}:
        raise UserFault(f"{path} has labels other than 0 and 1")
    return _whole(path, rows, 0), _whole(path, rows, 1), label == 1


def _table(path: Path, columns: int) -> list[list[str]]:
    if not path.is_file():
        raise UserFault(f"there is no file {path}")
    rows = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
    wrong = next((i for i, r in enumerate(rows, 1) if len(r) != columns), None)
    if wrong is not None or not rows:
        raise UserFault(f"{path}, line {wrong or 1}: {columns} fields are expected")
    return rows


def _whole(path: Path, rows: Sequence[Sequence[str]], column: int) -> NDArray[np.int64]:
    try:
        return np.array([int(r[column]) for r in rows], np.int64)
    except ValueError as error:
        raise UserFault(f"{path}: column {column + 1} must hold whole numbers ({error})") from error
