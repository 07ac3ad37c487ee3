"""Who is cloaked in ``viot bench cloak``, and among whom they are looked for.

A sitter has ten pictures or more: five to learn a mask from, five others to be cloaked and looked for. Of every set as
many sitters as there are, up to ``PER_SET``; all other faces of all sets are the distractors, people of the same set
among them. Sitters are dealt in turn into two halves: methods are chosen on the one and reported on the other.

Owns the casting. Makes no mask.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_tools.faces.detect import FaceDetector
from viot_tools.verification.align import align
from viot_tools.verification.pairs import sets

Faces = NDArray[np.uint8]
LEARN, TEST = 5, 5
PER_SET = 6


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """One person: ``learn`` and ``test`` (5, 112, 112, 3) uint8 RGB aligned faces, no picture in both. ``choosing``:
    of the half on which methods are chosen."""

    name: str
    learn: Faces
    test: Faces
    choosing: bool


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """The sitters, and ``others`` (M, 112, 112, 3): faces of everybody else. ``skipped``: sets without names."""

    sitters: tuple[Sitter, ...]
    others: Faces
    skipped: tuple[str, ...]

    def half(self, choosing: bool) -> tuple[Sitter, ...]:
        """The sitters of one half."""
        return tuple(s for s in self.sitters if s.choosing == choosing)


def cast(data: Path, detector: FaceDetector, *, per_set: int = PER_SET, seed: int = 0) -> Cast:
    """From the sets under ``data``/faces. Raises UserFault when no two people have ten pictures with a face."""
    faces, skipped = gathered(data, detector)
    return dealt(faces, per_set, seed, skipped)


def gathered(data: Path, detector: FaceDetector) -> tuple[dict[str, dict[str, Faces]], tuple[str, ...]]:
    """The aligned faces of every person of every set under ``data``/faces, and the sets that were left out."""
    found, skipped = sets(data)
    faces: dict[str, dict[str, Faces]] = {}
    for people in found:
        pictures = list(people.owner)
        aligned = align(people.root, pictures, detector)
        owner = np.array([people.owner[p] for p in pictures])
        faces[people.name] = {who: aligned.faces[aligned.found & (owner == who)] for who in people.pictures}
    return faces, tuple(skipped)


def rich(people: Mapping[str, Faces]) -> list[str]:
    """Who of a set has pictures enough to be cloaked, in the order of their seats: methods are chosen on the first,
    reported on the second, and so on in turn."""
    return [who for who in sorted(people) if len(people[who]) >= LEARN + TEST]


def dealt(
    faces: Mapping[str, Mapping[str, Faces]], per_set: int = PER_SET, seed: int = 0, skipped: Sequence[str] = ()
) -> Cast:
    """From the aligned faces of every person of every set. ``seed`` draws which pictures are learnt from.

    Raises UserFault as ``cast``.
    """
    sitters: list[Sitter] = []
    others: list[Faces] = []
    for set_name in sorted(faces):
        people = faces[set_name]
        seated = rich(people)[:per_set]
        for number, who in enumerate(seated):
            name = f"{set_name}/{who}"
            # each by themselves: who else sits changes nothing
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            mine = people[who][rng.permutation(len(people[who]))]
            sitters.append(Sitter(name, mine[:LEARN], mine[LEARN : LEARN + TEST], number % 2 == 0))
        others += [people[who] for who in sorted(people) if who not in seated and len(people[who])]
    if len(sitters) < 2 or len({s.choosing for s in sitters}) < 2:
        raise UserFault(
            f"nobody can be cloaked: {len(sitters)} people have {LEARN + TEST} pictures with a face",
            fix="give folders faces/SET/PERSON/* with ten pictures of each of some people",
        )
    if not others:
        raise UserFault("there is nobody to be mistaken for", fix="give more people than are cloaked")
    return Cast(tuple(sitters), np.concatenate(others), tuple(skipped))
