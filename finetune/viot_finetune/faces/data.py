"""Faces to train on: a folder of people, a RecordIO pair, or pictures in memory.

Pictures are expected aligned (:func:`align_folder` does it for a folder). Owns reading, the choice of people held out,
and the order in which an epoch sees its pictures. Knows no net.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, UserFault
from viot_finetune.faces.augment import Picture
from viot_finetune.faces.recordio import RecordFile, person_of
from viot_finetune.faces.recordio import decode as decode

SIDE = 112
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".ppm", ".webp")


class FaceSet(Protocol):
    """The seam. ``labels`` (N,) int64 in 0..classes-1; ``picture(i)`` (112, 112, 3) uint8 RGB; ``name(i)`` tells it
    from other pictures without reading it, wherever the set lies."""

    labels: NDArray[np.int64]
    classes: int
    source: str

    def picture(self, index: int) -> Picture: ...

    def name(self, index: int) -> str: ...


def fingerprint(data: FaceSet) -> str:
    """Of the pictures' names and labels, in their order: a run goes on with the very list that it began with."""
    found = hashlib.sha256(data.labels.astype("<i8").tobytes())
    for i in range(len(data.labels)):
        found.update(data.name(i).encode() + b"\0")
    return found.hexdigest()[:32]


@dataclass(eq=False)
class InMemory:
    """Pictures (N, S, S, 3) uint8 RGB that are already there, given as they are (a backbone wants S = 112)."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    source: str = "memory"
    classes: int = field(init=False)

    def __post_init__(self) -> None:
        self.classes = int(self.labels.max()) + 1 if len(self.labels) else 0

    def picture(self, index: int) -> Picture:
        picture: Picture = self.pictures[index]
        return picture

    def name(self, index: int) -> str:
        """The picture's own hash: it has no other name."""
        return hashlib.sha256(self.pictures[index].tobytes()).hexdigest()


class Folder:
    """``DIR/PERSON/*``: people and pictures in the order of their names. Pictures of another size than 112x112 are
    scaled when they are read (a face that is not aligned wants :func:`align_folder` first).

    Raises UserFault when the folder holds no people.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise UserFault(f"there is no folder {path}", fix="name a folder that holds PERSON/*.jpg, or a .rec file")
        self.people = people_in(path)
        if not self.people:
            raise UserFault(f"{path} holds no people", fix="its layout must be PERSON/*.jpg (or png, bmp, pgm, webp)")
        self.files = [(file, i) for i, person in enumerate(self.people) for file in _pictures(path / person)]
        self.labels = np.array([i for _, i in self.files], np.int64)
        self.classes = len(self.people)
        self.source = str(path)

    def picture(self, index: int) -> Picture:
        """Raises MediaFault when the file cannot be read."""
        file = self.files[index][0]
        return sized(decode(file.read_bytes(), str(file)))

    def name(self, index: int) -> str:
        """``PERSON/FILE`` and its bytes."""
        file = self.files[index][0]
        return f"{file.parent.name}/{file.name} {file.stat().st_size}"


class RecordSet:
    """A RecordIO pair; its labels are read once, from every record's header (pictures are not)."""

    def __init__(self, rec: Path) -> None:
        self._file = RecordFile(rec)
        keys = self._file.keys
        found = zip(keys, self._file.labels(keys), strict=True)
        raw = [person_of(labels, f"record {key} of {rec}") for key, labels in found]
        if not raw:
            raise UserFault(f"{rec} holds no pictures", fix="its .idx file must list them: download both again")
        people = {label: i for i, label in enumerate(sorted(set(raw)))}
        self.labels = np.array([people[label] for label in raw], np.int64)
        self.classes = len(people)
        self.source = str(rec)

    def picture(self, index: int) -> Picture:
        """Raises MediaFault when the record is no picture."""
        key = self._file.keys[index]
        return sized(decode(self._file.record(key).content, f"record {key} of {self.source}"))

    def name(self, index: int) -> str:
        """The record's key, and where it begins in the file (which tells how long those before it are)."""
        key = self._file.keys[index]
        return f"{key} {self._file.offset(key)}"


def face_set(path: Path) -> FaceSet:
    """The set at ``path``: a ``.rec`` file, a folder with one, or a folder of people."""
    if path.suffix == ".rec":
        return RecordSet(path)
    found = sorted(path.glob("*.rec")) if path.is_dir() else []
    if len(found) > 1:
        raise UserFault(f"{path} holds {len(found)} .rec files", fix="name one of them")
    return RecordSet(found[0]) if found else Folder(path)


@dataclass(eq=False)
class Part:
    """Some people of a set, numbered anew."""

    whole: FaceSet
    indices: NDArray[np.int64]
    labels: NDArray[np.int64] = field(init=False)
    classes: int = field(init=False)
    source: str = field(init=False)

    def __post_init__(self) -> None:
        people, self.labels = np.unique(self.whole.labels[self.indices], return_inverse=True)
        self.labels = self.labels.astype(np.int64)
        self.classes, self.source = len(people), self.whole.source

    def picture(self, index: int) -> Picture:
        return self.whole.picture(int(self.indices[index]))

    def name(self, index: int) -> str:
        return self.whole.name(int(self.indices[index]))


def hold_out(whole: FaceSet, people: int, seed: int) -> tuple[Part, Part]:
    """The set without ``people`` of its people, and they. Who is held out depends on the seed alone.

    Raises UserFault when fewer than two people would be left to train on."""
    if whole.classes - people < 2:
        raise UserFault(f"{people} of {whole.classes} people cannot be held out", fix="leave at least two to train on")
    out = np.random.default_rng([seed, 23]).permutation(whole.classes)[:people]
    away = np.isin(whole.labels, out)
    return Part(whole, np.flatnonzero(~away)), Part(whole, np.flatnonzero(away))


def order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """(count,) the order of an epoch: every picture once."""
    return np.random.default_rng([seed, epoch, 5]).permutation(count)


def sized(image: NDArray[np.uint8]) -> Picture:
    """112x112: as it is, or scaled."""
    import cv2

    if image.shape[:2] == (SIDE, SIDE):
        return image
    method = cv2.INTER_AREA if min(image.shape[:2]) > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=method), np.uint8)


def people_in(path: Path) -> list[str]:
    """Names of the folders in ``path`` that hold pictures; none where it is no folder."""
    return sorted(p.name for p in path.iterdir() if p.is_dir() and _pictures(p)) if path.is_dir() else []


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.is_file())


def align_folder(source: Path, target: Path) -> tuple[int, list[str]]:
    """Write the largest face of every picture of ``source`` (PERSON/*) to ``target`` as 112x112 PNG, aligned by five
    points of the detector in force; how many, and the files in which no face was found.

    Raises WeightsMissing when the tier's detector is not on this machine, UserFault when ``target`` holds pictures of
    something else (they would be trained on too) and when no face is found at all.
    """
    import cv2

    from viot_agent.weights import Weights
    from viot_tools.faces.detect import make_detector
    from viot_tools.faces.recognise import TEMPLATE, similarity, warp

    detector, found = make_detector(Weights.from_env()), Folder(source)
    made, without = 0, []
    mine = {target / found.people[person] / f"{file.name}.png" for file, person in found.files}
    others = [p for name in people_in(target) for p in _pictures(target / name) if p not in mine]
    if others:
        raise UserFault(
            f"{target} holds {len(others)} pictures that are not of {source}, such as {others[0].name}",
            fix="remove that folder, or give another --out",
        )
    for file, person in found.files:
        image = decode(file.read_bytes(), str(file))
        faces = detector.detect(image)
        if not faces:
            without.append(str(file))
            continue
        largest = max(faces, key=lambda f: f.eye_distance)
        folder = target / found.people[person]
        folder.mkdir(parents=True, exist_ok=True)
        # the whole name: a.jpg and a.png are two pictures
        path = folder / f"{file.name}.png"
        crop = warp(image, similarity(largest.landmarks, TEMPLATE), SIDE)
        if not cv2.imwrite(str(path), crop[:, :, ::-1]):
            raise MediaFault(f"{path} cannot be written", fix="name a folder that can be written to")
        made += 1
    if not made:
        raise UserFault(
            f"no face was found in any of the {len(without)} pictures of {source}",
            fix="give pictures of faces, or leave out --align where they are aligned crops",
        )
    return made, without
