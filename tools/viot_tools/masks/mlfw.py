"""A masked copy of any verification list, as MLFW is one of CALFW's (Wang et al. 2021, "MLFW: A database for face
recognition on masked faces").

``python -m viot_tools.masks.mlfw FOLDER --out DIR [--layout lfw] [--aligned] [--seed 0] [--one-masked 0.333]``

Three kinds of pairs. *same-different-masks*: one person, two different templates. *different-same-mask*: two people,
one template. *one-masked*: one side keeps its face; genuine and impostor pairs alike. In every fold the share
``one_masked`` of the genuine pairs, and of the others, is of the third kind (rounded); which ones, which side, which
templates and how they sit is drawn from the seed. Folds, labels and the order of the list stay. That a mask in common
means two people is adversarial on purpose (it must not help to see the mask), so figures are told by kind:
:func:`by_kind`.

Pictures are aligned before they are masked and stay so: detectors shift on masks. Written are ``aligned/*.png``,
``pairs.txt`` (two pictures and 1 or 0) and ``manifest.json`` (template, seed and kind of every pair); the folder reads
as layout ``mlfw``. Owns the plan and the files; the mask itself is ``render``'s.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault, ViotError
from viot_agent.media.types import Image
from viot_tools.faces.detect import Face
from viot_tools.faces.recognise import TEMPLATE
from viot_tools.verification import layouts, pairs
from viot_tools.verification.align import SIDE, AlignedSet, align, as_aligned
from viot_tools.verification.layouts import Pair, PairSet

if TYPE_CHECKING:
    from viot_agent.weights import Weights

Kind = Literal["same-different-masks", "different-same-mask", "one-masked"]
KINDS: tuple[Kind, ...] = ("same-different-masks", "different-same-mask", "one-masked")
ONE_MASKED = 1 / 3


class PointFinder(Protocol):
    """What ``landmarks.Landmarks`` does: (68, 2) float32 pixels of one face."""

    def points(self, image: Image, face: Face) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Worn:
    """A side of a pair: the template ('' for a bare face) and the seed of how it sits."""

    template: str
    seed: int


@dataclass(frozen=True, slots=True)
class MaskedPair:
    """A pair of the list with what its two sides wear."""

    pair: Pair
    kind: Kind
    left: Worn
    right: Worn


def plan(
    given: Sequence[Pair], seed: int = 0, one_masked: float = ONE_MASKED, templates: Sequence[str] | None = None
) -> list[MaskedPair]:
    """What every pair wears, in the order of the list. ``templates``: names to draw from (None: all).

    Raises UserFault for a share outside 0..1, a negative seed and fewer than two templates.
    """
    from viot_tools.masks.templates import TEMPLATES

    names = sorted(TEMPLATES) if templates is None else list(dict.fromkeys(templates))
    if not 0 <= one_masked <= 1:
        raise UserFault(f"a share of {one_masked:g} pairs makes no sense", fix="give a number from 0 to 1")
    if seed < 0:
        raise UserFault(f"the seed is {seed}", fix="give a whole number from 0 on")
    strange = [n for n in names if n not in TEMPLATES]
    if strange or len(names) < 2:
        raise UserFault(
            f"there is no mask {strange[0]!r}" if strange else "different masks need two templates",
            fix=f"the masks are {', '.join(TEMPLATES)}",
        )
    alone: set[int] = set()
    for fold in sorted({p.fold for p in given}):
        for same in (True, False):
            mine = [i for i, p in enumerate(given) if p.fold == fold and p.same == same]
            order = np.random.default_rng([seed, fold, int(same)]).permutation(len(mine))
            alone |= {mine[i] for i in order[: round(one_masked * len(mine))]}
    return [_dressed(p, i, seed, i in alone, names) for i, p in enumerate(given)]


def _dressed(pair: Pair, index: int, seed: int, alone: bool, names: Sequence[str]) -> MaskedPair:
    rng = np.random.default_rng([seed, 1 << 20, index])
    first, second = (names[i] for i in rng.choice(len(names), 2, replace=False))
    a, b = (int(n) for n in rng.integers(0, 2**31, 2))
    if alone:
        left, right = (Worn(first, a), Worn("", 0)) if rng.integers(2) else (Worn("", 0), Worn(first, b))
        return MaskedPair(pair, "one-masked", left, right)
    if pair.same:
        return MaskedPair(pair, "same-different-masks", Worn(first, a), Worn(second, b))
    return MaskedPair(pair, "different-same-mask", Worn(first, a), Worn(first, b))


def landmarks_of(aligned: AlignedSet, finder: PointFinder) -> NDArray[np.float32]:
    """(N, 68, 2) float32 pixels of the aligned faces; NaN for a face that was not found."""
    out = np.full((len(aligned.pictures), 68, 2), np.nan, np.float32)
    where = Face((0.0, 0.0, float(SIDE), float(SIDE)), 1.0, TEMPLATE)
    for i in np.flatnonzero(aligned.found):
        out[i] = finder.points(aligned.faces[i], where)
    return out


def dress(face: Image, points: NDArray[np.float32], worn: Worn) -> Image:
    """The aligned ``face`` (112, 112, 3) wearing it; a bare one as it is."""
    from viot_tools.masks.render import mask_face

    return mask_face(face, points, worn.template, worn.seed).image if worn.template else face


def write(
    found: PairSet,
    aligned: AlignedSet,
    points: NDArray[np.float32],
    out: Path,
    *,
    seed: int = 0,
    one_masked: float = ONE_MASKED,
    templates: Sequence[str] | None = None,
    source: str = "",
) -> list[MaskedPair]:
    """Write the masked set of ``found`` to the new folder ``out``; ``points`` (N, 68, 2) of the ``aligned`` pictures.

    Raises UserFault when ``out`` holds something, and when a picture's face was not found (a pair cannot be left out
    of a list whose folds are to stay).
    """
    import cv2

    wanted = aligned.rows(found.pictures)
    lost = [aligned.pictures[i] for i in wanted if not aligned.found[i]]
    if lost:
        raise UserFault(
            f"no face was found in {len(lost)} of {len(wanted)} pictures, such as {lost[0]}",
            fix="build the list without them, or take the set's own aligned release with --aligned",
        )
    _new(out)
    planned = plan(found.pairs, seed, one_masked, templates)
    try:
        (out / "aligned").mkdir(parents=True)
    except OSError as error:
        raise UserFault(f"{out} cannot be made: {error.strerror}", fix="name another folder with --out") from error
    rows, lines, written = [], [], set()
    for index, (made, names) in enumerate(zip(planned, _names(planned), strict=True)):
        for name, picture, worn in zip(names, (made.pair.left, made.pair.right), (made.left, made.right), strict=True):
            if name in written:
                continue
            written.add(name)
            i = int(aligned.rows([picture])[0])
            image = dress(aligned.faces[i], points[i], worn)
            if not cv2.imwrite(str(out / "aligned" / name), np.ascontiguousarray(image[:, :, ::-1])):
                raise UserFault(f"cannot write {out / 'aligned' / name}")
        lines.append(f"{names[0]}\t{names[1]}\t{int(made.pair.same)}")
        rows.append({"left": names[0], "right": names[1], "kind": made.kind, "fold": made.pair.fold}
                    | {"same": made.pair.same, "wears": [asdict(made.left), asdict(made.right)]}
                    | {"from": [made.pair.left, made.pair.right], "index": index})  # fmt: skip
    (out / "pairs.txt").write_text("\n".join(lines) + "\n", "utf-8")
    about = {"source": source, "seed": seed, "one_masked": one_masked, "kinds": _counts(planned), "pairs": rows}
    (out / "manifest.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return planned


def _new(out: Path) -> None:
    """Raises UserFault when ``out`` is a file or a folder that holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserFault(f"{out} is there already", fix="name a new folder with --out")


def _names(planned: Sequence[MaskedPair]) -> Iterator[tuple[str, str]]:
    """Two file names a pair. ``NAME_0001.png`` is a bare picture, one file however often it occurs; side ``s`` (0, 1)
    of pair ``i`` (from 0) that wears a mask is ``NAME_0001_`` and ``2 i + s`` in five digits.

    No two different things get one name, upper and lower case alike: ``a_b/1.jpg`` and ``a/b_1.jpg`` are ``a_b_1`` and
    ``a_b_1-2``."""
    given: dict[tuple[str, int], str] = {}
    taken: set[str] = set()
    for i, made in enumerate(planned):
        pair: list[str] = []
        for s, (picture, worn) in enumerate(((made.pair.left, made.left), (made.pair.right, made.right))):
            number = 2 * i + s if worn.template else -1
            if (picture, number) not in given:
                stem = _flat(picture) + (f"_{number:05d}" if number >= 0 else "")
                free = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
                given[picture, number] = next(name for name in free if name.casefold() not in taken)
                taken.add(given[picture, number].casefold())
            pair.append(given[picture, number] + ".png")
        yield pair[0], pair[1]


def _flat(picture: str) -> str:
    """``NAME/NAME_0001.jpg`` -> ``NAME_0001``; ``s1/3.pgm`` -> ``s1_3``: one folder, no blanks. Several pictures may
    become one name; :func:`_names` keeps them apart."""
    folder, _, file = picture.rpartition("/")
    stem = file.rpartition(".")[0] or file
    who = folder.replace("/", "_")
    return "_".join((stem if not who or stem.startswith(who) else f"{who}_{stem}").split())


def _counts(planned: Sequence[MaskedPair]) -> dict[str, int]:
    return {kind: sum(m.kind == kind for m in planned) for kind in KINDS}


def with_folds(found: PairSet, folds: Sequence[int]) -> PairSet:
    """The set with the fold of every pair as the manifest has it: ``pairs.txt`` does not say, and its readers take
    tenths, which are the folds only of a list whose folds are equally long."""
    pairs_ = tuple(replace(p, fold=k) for p, k in zip(found.pairs, folds, strict=True))
    return PairSet(found.name, found.root, pairs_)


def check(folder: Path) -> list[str]:
    """What is wrong with a written folder: sentences, none where all is well. The layout, and each pair's rule."""
    found = layouts.read("mlfw", folder)
    path = folder / "manifest.json"
    if not path.is_file():
        return [f"there is no {path}"]
    rows = json.loads(path.read_text("utf-8"))["pairs"]
    if [(r["left"], r["right"], r["same"]) for r in rows] != [(p.left, p.right, p.same) for p in found.pairs]:
        return ["pairs.txt and manifest.json are two lists"]
    folded = with_folds(found, [int(r["fold"]) for r in rows])
    said = layouts.check(folded, len({p.fold for p in folded.pairs}))
    for i, row in enumerate(rows, 1):
        worn = [w["template"] for w in row["wears"]]
        right = {
            "same-different-masks": row["same"] and all(worn) and worn[0] != worn[1],
            "different-same-mask": not row["same"] and all(worn) and worn[0] == worn[1],
            "one-masked": sum(map(bool, worn)) == 1,
        }.get(row["kind"], False)
        if not right:
            said.append(f"pair {i} is not {row['kind']}")
    return said


@dataclass(frozen=True, slots=True)
class KindRate:
    """Of one kind: how many pairs, and the share told right."""

    kind: Kind
    pairs: int
    accuracy: float


def by_kind(planned: Sequence[MaskedPair], right: NDArray[np.bool_]) -> list[KindRate]:
    """The report by kind: ``right`` (N,) says of each pair whether it was told right (``folds.Folds.right``)."""
    out = []
    for kind in KINDS:
        mine = np.array([m.kind == kind for m in planned], bool)
        if mine.any():
            out.append(KindRate(kind, int(mine.sum()), float(np.asarray(right)[mine].mean())))
    return out


def build(
    folder: Path,
    out: Path,
    weights: Weights,
    *,
    layout: str = "",
    is_aligned: bool = False,
    seed: int = 0,
    one_masked: float = ONE_MASKED,
) -> list[MaskedPair]:
    """From a folder of people (``layout`` '') or a published set to a written one. Raises UserFault, WeightsMissing."""
    from viot_tools.faces.detect import make_detector
    from viot_tools.masks.landmarks import Landmarks

    plan((), seed, one_masked)  # what cannot be is said before minutes go into finding faces
    _new(out)
    if layout:
        found = layouts.read(layout, folder)
    else:
        if not folder.is_dir():
            raise UserFault(f"there is no folder {folder}", fix="name a folder that holds PERSON/PICTURE.jpg")
        people = pairs.read_people(folder)
        if not people.pictures:
            raise UserFault(f"{folder} holds no people", fix="its layout must be PERSON/PICTURE.jpg, or give --layout")
        found = pairs.pair_list(people, seed)[0]
    detector = make_detector(weights)
    pictures = found.pictures
    aligned = as_aligned(found.root, pictures) if is_aligned else align(found.root, pictures, detector)
    points = landmarks_of(aligned, Landmarks(weights, detector))
    source = f"{layout or 'faces'}/{folder.name}"
    return write(found, aligned, points, out, seed=seed, one_masked=one_masked, source=source)


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    from viot_agent.weights import Weights

    parser = argparse.ArgumentParser(prog="python -m viot_tools.masks.mlfw", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="PERSON/PICTURE, or a published set with --layout")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--layout", default="", choices=("", *layouts.LAYOUTS))
    parser.add_argument("--aligned", action="store_true", help="the pictures are aligned crops already")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one-masked", type=float, default=ONE_MASKED)
    given = parser.parse_args(argv)
    try:
        planned = build(
            given.folder, given.out, Weights.from_env(), layout=given.layout, is_aligned=given.aligned,
            seed=given.seed, one_masked=given.one_masked,
        )  # fmt: skip
        wrong = check(given.out)
    except ViotError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{given.out}: {len(planned)} pairs, " + ", ".join(f"{n} {kind}" for kind, n in _counts(planned).items()))
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    return 3 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
