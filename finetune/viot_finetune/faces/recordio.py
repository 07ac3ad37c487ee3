"""MXNet's RecordIO, read by ourselves: the ``.rec``/``.idx`` pairs in which the large face sets are published.

A ``.rec`` file is a row of chunks: ``uint32 magic 0xced7230a``, ``uint32`` of which the upper three bits say how
chunks make up a record (0 whole, 1 begin, 2 middle, 3 end) and the lower 29 its length, the bytes, zeros up to a
multiple of four. A record that itself holds the magic number (4-byte aligned) was cut there, and the number left out.
Each record of a picture set opens with ``IRHeader``: ``uint32 flag, float32 label, uint64 id, uint64 id2``, then, when
``flag`` > 0, that many float32 labels in place of the one, then the encoded picture. The ``.idx`` file holds
``key TAB offset`` lines.

InsightFace's sets open with record 0, whose two labels are the first key after the pictures and the end of the keys of
people; its pictures are the keys 1 to that.

Owns the format. All numbers are little-endian. Lengths are checked before bytes are taken. Knows no training.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault

MAGIC = 0xCED7230A
_CHUNK = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_LONGEST = (1 << 29) - 1


@dataclass(frozen=True, slots=True)
class Record:
    """``labels``: one or more float; ``content``: what follows the header, usually an encoded picture."""

    labels: tuple[float, ...]
    content: bytes


def read_record(file: BinaryIO, offset: int) -> bytes:
    """The whole record at ``offset``. Raises MediaFault where none is, or where the file ends inside it."""
    file.seek(offset)
    parts: list[bytes] = []
    while True:
        head = file.read(_CHUNK.size)
        at = file.tell() - len(head)
        if len(head) < _CHUNK.size:
            raise MediaFault(f"the RecordIO file ends inside the record at byte {offset}", fix="download it again")
        magic, packed = _CHUNK.unpack(head)
        kind, length = packed >> 29, packed & _LONGEST
        if magic != MAGIC or kind > 3 or (kind in (0, 1)) != (not parts):
            raise MediaFault(
                f"byte {at} is no start of a RecordIO chunk", fix="the .idx file belongs to another .rec file"
            )
        body = file.read(length)
        if len(body) < length:
            raise MediaFault(f"the RecordIO file ends inside the record at byte {offset}", fix="download it again")
        file.seek(-length % 4, os.SEEK_CUR)
        parts.append(body)
        if kind in (0, 3):
            return struct.pack("<I", MAGIC).join(parts)


def read_labels(file: BinaryIO, offset: int) -> tuple[float, ...]:
    """The labels of the record at ``offset`` without its picture: a set of millions is indexed in minutes. Raises
    MediaFault as :func:`read_record`, and where the file ends inside the record's first chunk."""
    file.seek(0, os.SEEK_END)
    end = file.tell()
    file.seek(offset)
    head = file.read(_CHUNK.size)
    if len(head) == _CHUNK.size:
        magic, packed = _CHUNK.unpack(head)
        kind, length = packed >> 29, packed & _LONGEST
        if magic == MAGIC and kind in (0, 1) and length >= _HEADER.size and offset + _CHUNK.size + length <= end:
            start = file.read(_HEADER.size)
            more = 4 * int(_HEADER.unpack(start)[0])
            if _HEADER.size + more <= length:
                return unpack(start + file.read(more)).labels
    # damaged, or cut inside its labels: the whole record says what is wrong
    return unpack(read_record(file, offset)).labels


def unpack(record: bytes) -> Record:
    """Labels and content of one record. Raises MediaFault when it is shorter than its header says."""
    if len(record) < _HEADER.size:
        raise MediaFault(f"a record of {len(record)} bytes has no header of {_HEADER.size}")
    flag, label, _, _ = _HEADER.unpack_from(record)
    if not flag:
        return Record((label,), record[_HEADER.size :])
    end = _HEADER.size + 4 * flag
    if len(record) < end:
        raise MediaFault(f"a record says that it has {flag} labels, and ends before them")
    return Record(struct.unpack_from(f"<{flag}f", record, _HEADER.size), record[end:])


def read_index(path: Path) -> dict[int, int]:
    """``{key: offset}``. Raises MediaFault for what is no text, and for a line that is not two whole numbers or whose
    offset is none."""
    found: dict[int, int] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        fix = "an .idx file holds 'key offset' lines: download it again"
        raise MediaFault(f"{path} is no text", fix=fix) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            key, offset = (int(word) for word in line.split())
        except ValueError as error:
            raise MediaFault(
                f"{path} line {number} is not 'key offset': {line[:40]!r}", fix="download it again"
            ) from error
        if not 0 <= offset < 1 << 63:
            raise MediaFault(f"{path} line {number}: {line[:40]!r} is no place in a file", fix="download it again")
        found[key] = offset
    return found


class RecordFile:
    """Pictures of one ``.rec`` with its ``.idx`` beside it. ``keys``: those of the pictures, in order."""

    def __init__(self, rec: Path) -> None:
        index = rec.with_suffix(".idx")
        for path in (rec, index):
            if not path.is_file():
                raise MediaFault(
                    f"there is no file {path}", fix="a RecordIO set is a .rec and a .idx file side by side"
                )
        self.path = rec
        self._offsets = read_index(index)
        self.keys = self._pictures()

    def record(self, key: int) -> Record:
        """The record of a key. Raises MediaFault when it is not there or damaged."""
        return next(self.records([key]))

    def records(self, keys: Iterable[int]) -> Iterator[Record]:
        """The records of these keys, in turn. Raises MediaFault as :meth:`record`.

        The file is opened for each call: a handle kept open would be shared by processes, and move under both.
        """
        with self.path.open("rb") as file:
            for key in keys:
                yield unpack(read_record(file, self.offset(key)))

    def labels(self, keys: Iterable[int]) -> Iterator[tuple[float, ...]]:
        """The labels of these keys, in turn; no picture is read. Raises MediaFault as :meth:`record`."""
        with self.path.open("rb") as file:
            for key in keys:
                yield read_labels(file, self.offset(key))

    def offset(self, key: int) -> int:
        """Where the record of a key begins, in bytes. Raises MediaFault as :meth:`record`."""
        if key not in self._offsets:
            raise MediaFault(f"{self.path} has no record {key}", fix="the .idx file belongs to another .rec file")
        return self._offsets[key]

    def _pictures(self) -> list[int]:
        keys = sorted(self._offsets)
        if keys and keys[0] == 0:
            first = self.record(0)
            if len(first.labels) >= 2 and not first.content:
                return [key for key in keys if 1 <= key < int(first.labels[0])]
        return keys


def person_of(labels: tuple[float, ...], where: str) -> int:
    """The number of the person, which is the first label. Raises MediaFault when that is no number of a person."""
    if not labels or not math.isfinite(labels[0]):
        raise MediaFault(f"{where} names no person: its labels are {labels[:3]}", fix="download it again")
    return int(labels[0])


def decode(content: bytes, where: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB. Raises MediaFault when it is no picture."""
    import cv2

    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise MediaFault(f"{where} is no picture that can be read", fix="take it out, or fetch it again")
    return np.ascontiguousarray(image[:, :, ::-1], np.uint8)
