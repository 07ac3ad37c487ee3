"""Pair lists of our own, seeded, for any folder of people: ``faces/SET/PERSON/PICTURE``.

``python -m viot_tools.verification.pairs --data ../shared/data --out datasets/faces/pairs [--seed 0]``

writes a list for every set under ``DIR/faces``. A list is text: comment lines (set, seed, command, how folds were
made), then ``fold, left, right, 1|0, left person, right person`` between tabs.

Ten folds, each with as many genuine pairs as others, at most :data:`MOST` of each. With twenty people or more, folds
share nobody: people are shuffled and dealt out. With fewer, a fold's people lead its pairs, and the second side of its
impostor pairs is anybody else (a fold of one person has no impostors of its own); its header says so. Genuine pairs
take turns over a fold's people, so that somebody with many pictures does not fill it.

Who is who: the folder's name; in a flat set ``NAME_0001.jpg`` names somebody; a flat set with ``master.csv``
(``file_x, file_y, Decision``) groups the pictures that *Yes* rows join, and only people whom a *No* row keeps apart
make impostor pairs. Owns the drawing and the text form.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from viot_agent.errors import UserFault, ViotError
from viot_tools.verification.layouts import Pair, PairSet

FOLDS = 10
MOST = 30
SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm", ".bmp", ".webp"}


@dataclass(frozen=True, slots=True)
class People:
    """A set: person to pictures (relative to ``root``), both sorted. ``apart`` (None: everybody) are the pairs of
    people known to be two."""

    name: str
    root: Path
    pictures: Mapping[str, tuple[str, ...]]
    apart: frozenset[frozenset[str]] | None = field(default=None)

    def strangers(self, a: str, b: str) -> bool:
        """True where a and b are known to be two people."""
        return a != b and (self.apart is None or frozenset((a, b)) in self.apart)

    @property
    def owner(self) -> dict[str, str]:
        """Picture to person."""
        return {picture: who for who, found in self.pictures.items() for picture in found}


def sets(data: Path) -> tuple[list[People], list[str]]:
    """Every set of named people under ``data``/faces, and what was left out and why."""
    found, left = [], []
    root = data / "faces"
    for folder in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []:
        people = read_people(folder)
        if sum(len(p) >= 2 for p in people.pictures.values()) >= 1 and len(people.pictures) >= 2:
            found.append(people)
        else:
            left.append(f"faces/{folder.name}: its names do not say who is on two pictures")
    if not root.is_dir():
        left.append(f"there is no folder {root}")
    return found, left


def read_people(folder: Path) -> People:
    """The people of one set. Raises UserFault for a ``master.csv`` without its three columns."""
    if (folder / "master.csv").is_file():
        return _by_table(folder)
    owned: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in SUFFIXES:
            owned.setdefault(path.parent.name, []).append(path.relative_to(folder).as_posix())
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(.+)_\d{4}", path.stem)
        if path.is_file() and path.suffix.lower() in SUFFIXES and match:
            owned.setdefault(match[1], []).append(path.name)
    return People(folder.name, folder, {who: tuple(owned[who]) for who in sorted(owned)})


def _by_table(folder: Path) -> People:
    with (folder / "master.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"file_x", "file_y", "Decision"} <= set(rows[0]):
        raise UserFault(f"{folder}/master.csv has not the columns file_x, file_y and Decision")
    owner = {name: name for row in rows for name in (row["file_x"], row["file_y"])}
    for row in rows:
        if row["Decision"] == "Yes":
            old, new = owner[row["file_y"]], owner[row["file_x"]]
            owner = {name: new if who == old else who for name, who in owner.items()}
    # a person is called by the first of their pictures, whatever the order of the rows
    first = {who: min(n for n in owner if owner[n] == who) for who in set(owner.values())}
    owner = {name: Path(first[who]).stem for name, who in owner.items()}
    apart = {frozenset((owner[r["file_x"]], owner[r["file_y"]])) for r in rows if r["Decision"] == "No"}
    torn = next((a for a in apart if len(a) == 1), None)
    if torn is not None:
        raise UserFault(f"{folder}/master.csv says of {min(torn)}'s pictures that they are one person and two")
    pictures: dict[str, list[str]] = {}
    for name in sorted(owner):
        if (folder / name).is_file():
            pictures.setdefault(owner[name], []).append(name)
    return People(folder.name, folder, {w: tuple(pictures[w]) for w in sorted(pictures)}, frozenset(apart))


def build(people: People, seed: int = 0, folds: int = FOLDS, most: int = MOST) -> PairSet:
    """The list of one set. Raises UserFault when it has no two people or nobody with two pictures."""
    names = sorted(people.pictures)
    rng = np.random.default_rng(seed)
    dealt = [names[i] for i in rng.permutation(len(names))]
    folds = min(folds, len(names))
    groups = [[str(w) for w in part] for part in np.array_split(np.array(dealt, dtype=object), folds)]
    closed = disjoint(people, folds)
    pairs: list[Pair] = []
    for k, group in enumerate(groups):
        genuine = _genuine(people, group, most, rng)
        others = _impostors(
            people, group, group if closed else names, len(genuine), rng, {p.left + p.right for p in pairs}
        )
        genuine = genuine[: len(others)]
        pairs += [Pair(a, b, True, k, who, who) for who, a, b in genuine]
        pairs += [Pair(a, b, False, k, x, y) for x, a, y, b in others]
    # a fold whose people have one picture each is empty; the numbers of the others stay without a gap
    used = {k: i for i, k in enumerate(dict.fromkeys(p.fold for p in pairs))}
    pairs = [Pair(p.left, p.right, p.same, used[p.fold], p.left_who, p.right_who) for p in pairs]
    if len(used) < 2:
        raise UserFault(
            f"{people.root} gives {len(used)} folds of pairs", fix="at least two people with two pictures are needed"
        )
    return PairSet(people.name, people.root, tuple(pairs))


def disjoint(people: People, folds: int = FOLDS) -> bool:
    """True where there are people enough for folds that share nobody."""
    return people.apart is None and len(people.pictures) >= 2 * folds


def _genuine(people: People, group: Sequence[str], most: int, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Up to ``most`` (person, picture, picture), the people of the fold taking turns."""
    each = {who: list(combinations(people.pictures[who], 2)) for who in group}
    queues = {who: [pairs[i] for i in rng.permutation(len(pairs))] for who, pairs in each.items()}
    found: list[tuple[str, str, str]] = []
    while len(found) < most and any(queues.values()):
        for who in group:
            if queues[who] and len(found) < most:
                found.append((who, *queues[who].pop()))
    return found


def _impostors(
    people: People,
    group: Sequence[str],
    others: Sequence[str],
    wanted: int,
    rng: np.random.Generator,
    taken: set[str],
) -> list[tuple[str, str, str, str]]:
    """Up to ``wanted`` (person, picture, person, picture): someone of ``group`` beside someone of ``others``."""
    lead = [who for who in group if any(people.strangers(who, o) for o in others)]
    found: list[tuple[str, str, str, str]] = []
    tries = 0
    while lead and len(found) < wanted and tries < 200 * wanted:
        tries += 1
        a = lead[tries % len(lead)]
        strange = [o for o in others if people.strangers(a, o)]
        b = strange[int(rng.integers(len(strange)))]
        left = people.pictures[a][int(rng.integers(len(people.pictures[a])))]
        right = people.pictures[b][int(rng.integers(len(people.pictures[b])))]
        if left + right not in taken and right + left not in taken:
            taken.add(left + right)
            found.append((a, left, b, right))
    return found


def all_pairs(people: People, pictures: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(M,) and (M,) rows of ``pictures``: every pair that the set tells one person's or two people's."""
    owner = people.owner
    who = [owner[p] for p in pictures]
    left, right = np.triu_indices(len(pictures), 1)
    if people.apart is not None:
        told = np.array(
            [who[i] == who[j] or people.strangers(who[i], who[j]) for i, j in zip(left, right, strict=True)]
        )
        left, right = left[told], right[told]
    return left, right


# text -----------------------------------------------------------------------------------------------------------------


def write(found: PairSet, path: Path, header: Sequence[str] = ()) -> None:
    """Write the list; ``header`` lines become comments."""
    rows = [f"# {line}" for line in header]
    rows += ["# fold\tleft\tright\tone person\tleft person\tright person"]
    rows += [f"{p.fold}\t{p.left}\t{p.right}\t{int(p.same)}\t{p.left_who}\t{p.right_who}" for p in found.pairs]
    path.write_text("\n".join(rows) + "\n", "utf-8")


def read(path: Path, root: Path) -> PairSet:
    """What :func:`write` wrote; pictures lie under ``root``. Raises UserFault for a file that is none."""
    if not path.is_file():
        raise UserFault(f"there is no pair list {path}")
    pairs = []
    for i, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        words = line.split("\t")
        if len(words) != 6 or not words[0].isdecimal() or words[3] not in ("0", "1"):
            raise UserFault(f"{path}, line {i}: six fields between tabs are expected")
        pairs.append(Pair(words[1], words[2], words[3] == "1", int(words[0]), words[4], words[5]))
    if not pairs:
        raise UserFault(f"{path} holds no pair")
    return PairSet(path.stem, root, tuple(pairs))


LISTS = Path(__file__).resolve().parents[3] / "datasets" / "faces" / "pairs"
"""The committed lists, in a checkout."""


def pair_list(people: People, seed: int = 0) -> tuple[PairSet, str]:
    """The list for a set: the committed one where it fits the pictures that are there and the seed is its, else one
    drawn now; and in words which."""
    path = LISTS / f"{people.name}.txt"
    if seed == 0 and path.is_file():
        committed = read(path, people.root)
        if set(committed.pictures) <= set(people.owner):
            return committed, f"{people.name}: datasets/faces/pairs/{path.name}"
    return build(people, seed), f"{people.name}: drawn with seed {seed}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m viot_tools.verification.pairs", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=LISTS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    try:
        found, left = sets(given.data)
        given.out.mkdir(parents=True, exist_ok=True)
        for people in found:
            made = build(people, given.seed)
            how = (
                "share nobody" if disjoint(people) else "are led by people of their own; the other side may be anybody"
            )
            header = (
                f"set: faces/{people.name}",
                f"seed: {given.seed}",
                f"command: python -m viot_tools.verification.pairs --data DIR --out DIR --seed {given.seed}",
                f"folds {how}",
            )
            write(made, given.out / f"{people.name}.txt", header)
            print(f"{people.name}: {len(made.pairs)} pairs of {len(people.pictures)} people")
        for line in left:
            print(f"left out: {line}")
    except ViotError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
