"""Template evaluation as in IJB-B and IJB-C: people as sets of pictures and frames, compared 1:1 and searched 1:N.

Pooling: the frames of one medium (a video, a picture) are averaged first, then the media, then the sum is normalised,
so that a long video does not outvote five pictures (Whitelam et al. 2017, "IARPA Janus Benchmark-B Face Dataset").
1:1: true accepts at false-accept rates over a list of template pairs. 1:N: the share of mated searches whose mate comes
first and passes the threshold (TPIR), at a share of unmated searches that find anybody (FPIR); and rank-k without a
threshold (Maze et al. 2018, "IARPA Janus Benchmark - C").

Owns pooling, both comparisons and the reading of the benchmark's two text files. Knows no networks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_tools.verification.roc import LEAST_FALSE, Rate, TooFew, needed, tar_at_far

PART = 2048
"""Pictures that are held at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """``ids`` (T,), from low to high, and their ``vectors`` (T, D) float32, L2-normalised; a template without a face is
    NaN."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def rows(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
        """(N,) where each template stands. Raises UserFault for one that was not pooled."""
        wanted = np.asarray(ids, np.int64)
        place = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        strange = np.unique(wanted[self.ids[place] != wanted])
        if len(strange):
            raise UserFault(f"{len(strange)} templates have no picture, such as {strange[0]}")
        return np.asarray(place, np.int64)


def pool(
    vectors: NDArray[np.floating], template: NDArray[np.integer], medium: NDArray[np.integer] | None = None
) -> Templates:
    """Pool N pictures' vectors (N, D) by ``template`` (N,) and ``medium`` (N,) (None: every picture is its own). A
    picture whose vector is NaN (no face) counts for nothing."""
    template = np.asarray(template)
    media = np.arange(len(template)) if medium is None else np.asarray(medium)
    ids, at = np.unique(template, return_inverse=True)
    seen = np.isfinite(vectors).all(axis=1)
    each, which = np.unique(np.stack([at.ravel()[seen], media[seen]]), axis=1, return_inverse=True)
    sums = np.zeros((each.shape[1], vectors.shape[1]))
    np.add.at(sums, which.ravel(), vectors[seen].astype(np.float64))
    totals = np.zeros((len(ids), vectors.shape[1]))
    np.add.at(totals, each[0], sums / np.bincount(which.ravel(), minlength=each.shape[1])[:, None])
    out = totals / np.maximum(np.linalg.norm(totals, axis=1, keepdims=True), 1e-12)
    out[np.setdiff1d(np.arange(len(ids)), each[0])] = np.nan
    return Templates(ids.astype(np.int64), out.astype(np.float32))


def pool_in_parts(
    see: Callable[[NDArray[np.int64]], NDArray[np.floating]],
    template: NDArray[np.integer],
    medium: NDArray[np.integer],
    most: int = PART,
) -> Templates:
    """:func:`pool` of pictures that do not all fit into memory: ``see`` is asked for the vectors (M, D) of ``most``
    pictures (M,) or somewhat more at a time, whole templates each; only templates are kept. Raises what ``see``
    raises."""
    order = np.argsort(template, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(template[order]) != 0, True]) + 1
    made: list[Templates] = []
    begin = 0
    for end in ends.tolist():
        if end - begin >= most or end == len(order):
            part = order[begin:end]
            made.append(pool(see(part), template[part], medium[part]))
            begin = end
    return Templates(np.concatenate([m.ids for m in made]), np.concatenate([m.vectors for m in made]))


def cosines(
    templates: Templates, left: NDArray[np.integer], right: NDArray[np.integer], most: int = 1 << 18
) -> NDArray[np.float64]:
    """(N,) cosines of the template pairs ``left[i]``, ``right[i]``, ``most`` of them at a time. Raises UserFault for an
    unknown template."""
    a, b, out = templates.rows(left), templates.rows(right), np.empty(len(left))
    for i in range(0, len(out), most):
        part = slice(i, i + most)
        out[part] = (templates.vectors[a[part]].astype(np.float64) * templates.vectors[b[part]]).sum(axis=1)
    return out


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
    if not path.is_file():
        raise UserFault(f"there is no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an empty file, which is refused below
            rows = np.loadtxt(path, np.int64, ndmin=2, comments=None)  # sixteen million lines in IJB-C
    except ValueError as error:
        raise UserFault(f"{path}: two templates and a label are expected in every line ({error})") from error
    if rows.shape[1] != 3 or not len(rows):
        raise UserFault(f"{path}: two templates and a label are expected in every line")
    if not np.isin(rows[:, 2], (0, 1)).all():
        raise UserFault(f"{path} has labels other than 0 and 1")
    return rows[:, 0], rows[:, 1], rows[:, 2] == 1


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
