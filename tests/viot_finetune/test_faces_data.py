"""Data: RecordIO written by the test, folders, people held out, wrong labels, augmentation."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import MediaFault, UserFault
from viot_finetune.faces.augment import Augmentation, Masks
from viot_finetune.faces.data import (
    Folder,
    InMemory,
    Part,
    RecordSet,
    align_folder,
    face_set,
    fingerprint,
    hold_out,
    order,
)
from viot_finetune.faces.drawn import Nuisance, draw
from viot_finetune.faces.noise import noisy
from viot_finetune.faces.recordio import MAGIC, RecordFile, read_labels, read_record, unpack

WORD = struct.pack("<I", MAGIC)


def chunks(content: bytes) -> bytes:
    """As dmlc writes a record: cut wherever the magic number stands at a multiple of four, the number left out."""
    parts, begin = [], 0
    for at in range(0, len(content) - len(content) % 4, 4):
        if content[at : at + 4] == WORD:
            parts.append(content[begin:at])
            begin = at + 4
    parts.append(content[begin:])
    kinds = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
    out = b""
    for kind, part in zip(kinds, parts, strict=True):
        out += WORD + struct.pack("<I", kind << 29 | len(part)) + part + b"\0" * (-len(part) % 4)
    return out


def header(labels: Sequence[float], content: bytes = b"", key: int = 0) -> bytes:
    if len(labels) == 1:
        return struct.pack("<IfQQ", 0, labels[0], key, 0) + content
    return struct.pack("<IfQQ", len(labels), 0.0, key, 0) + struct.pack(f"<{len(labels)}f", *labels) + content


def jpeg(colour: int, side: int = 112) -> bytes:
    good, data = cv2.imencode(".png", np.full((side, side, 3), (colour, 10, 200), np.uint8))
    assert good
    return data.tobytes()


def write(folder: Path, records: dict[int, bytes]) -> Path:
    rec, lines, at = b"", [], 0
    for key, content in records.items():
        whole = chunks(content)
        lines.append(f"{key}\t{at}")
        rec += whole
        at += len(whole)
    (folder / "train.rec").write_bytes(rec)
    (folder / "train.idx").write_text("\n".join(lines) + "\n")
    return folder / "train.rec"


@given(
    pieces=st.lists(st.one_of(st.binary(max_size=9), st.just(WORD)), max_size=8),
    before=st.binary(max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_any_record_comes_back_also_one_that_holds_the_magic_number(pieces: list[bytes], before: bytes) -> None:
    content = b"".join(pieces)
    first = chunks(before)
    file = io.BytesIO(first + chunks(content))
    assert read_record(file, len(first)) == content
    assert read_record(file, 0) == before


class Counted(io.BytesIO):
    """A file that knows how much was read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


@given(
    labels=st.lists(st.integers(0, 1000), min_size=1, max_size=4),
    pieces=st.lists(st.one_of(st.binary(max_size=9), st.just(WORD)), max_size=8),
)
@settings(max_examples=100, deadline=None)
def test_labels_are_those_of_the_whole_record(labels: list[int], pieces: list[bytes]) -> None:
    record = header(labels, b"".join(pieces))
    first = chunks(b"before")
    assert read_labels(io.BytesIO(first + chunks(record)), len(first)) == unpack(record).labels


def test_pictures_are_not_read_for_the_sake_of_labels() -> None:
    file = Counted(chunks(header([7, 8], bytes(100_000))) + chunks(header([9], bytes(100_000))))
    assert read_labels(file, 0) == (7, 8)
    assert read_labels(file, len(chunks(header([7, 8], bytes(100_000))))) == (9,)
    assert file.taken < 100


def test_an_insightface_set_is_read_without_its_records_of_people(tmp_path: Path) -> None:
    records = {0: header([5.0, 7.0])}
    for key, label in ((1, 40), (2, 40), (3, 7), (4, 7)):
        # a label and a second number, as some sets have
        records[key] = header([float(label), 0.5], jpeg(key * 20), key)
    records |= {5: header([1.0, 3.0]), 6: header([3.0, 5.0])}
    data = face_set(write(tmp_path, records))
    assert isinstance(data, RecordSet)
    assert data.labels.tolist() == [1, 1, 0, 0]
    assert data.classes == 2
    assert data.picture(2).shape == (112, 112, 3)
    assert data.picture(2)[0, 0].tolist() == [200, 10, 60], "RGB"
    assert face_set(tmp_path).source.endswith("train.rec"), "the folder that holds it will do"


def test_a_set_without_the_first_record_is_all_pictures(tmp_path: Path) -> None:
    data = RecordSet(write(tmp_path, {k: header([k % 2], jpeg(k, 64), k) for k in range(4)}))
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.picture(0).shape == (112, 112, 3), "scaled"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda rec, idx: rec.write_bytes(rec.read_bytes()[:-40]), "ends inside"),
        (lambda rec, idx: idx.write_text("0\t4\n"), "no start of a RecordIO chunk"),
        (lambda rec, idx: idx.write_text("0\t99999999\n"), "ends inside"),
        (lambda rec, idx: idx.write_text("zero\n"), "line 1 is not 'key offset'"),
        (lambda rec, idx: idx.unlink(), "there is no file"),
        (lambda rec, idx: idx.write_bytes(bytes(range(256))), "is no text"),
        (lambda rec, idx: idx.write_text("0\t0\n1\t-5\n"), "line 2.*no place in a file"),
        (lambda rec, idx: idx.write_text("0\t99999999999999999999999\n"), "line 1.*no place in a file"),
    ],
)
def test_a_damaged_pair_is_named(tmp_path: Path, harm: object, words: str) -> None:
    rec = write(tmp_path, {0: header([1], jpeg(4)), 1: header([2], jpeg(5))})
    harm(rec, rec.with_suffix(".idx"))  # type: ignore[operator]
    with pytest.raises(MediaFault, match=words):
        RecordSet(rec)


@pytest.mark.parametrize("label", [float("nan"), float("inf")])
def test_a_label_that_is_no_person_is_named(tmp_path: Path, label: float) -> None:
    with pytest.raises(MediaFault, match=r"record 1 .* names no person"):
        RecordSet(write(tmp_path, {0: header([1], jpeg(4)), 1: header([label], jpeg(5))}))


def test_lengths_in_headers_are_not_believed() -> None:
    with pytest.raises(MediaFault, match="says that it has"):
        unpack(struct.pack("<IfQQ", 1_000_000, 0, 0, 0))
    with pytest.raises(MediaFault, match="no header"):
        unpack(b"abc")


def test_a_record_that_is_no_picture_and_a_key_that_is_not_there(tmp_path: Path) -> None:
    rec = write(tmp_path, {0: header([1], b"not a picture"), 1: header([1])})
    for i in (0, 1):
        with pytest.raises(MediaFault, match="no picture"):
            RecordSet(rec).picture(i)
    file = RecordFile(rec)
    with pytest.raises(MediaFault, match="has no record 9"):
        file.record(9)


def test_folders(tmp_path: Path) -> None:
    for person, files in (("b", ["1.png", "2.PNG"]), ("a", ["x.png"]), ("empty", [])):
        (tmp_path / person).mkdir()
        for name in files:
            (tmp_path / person / name).write_bytes(jpeg(30, 50))
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    (tmp_path / "a" / "folder.png").mkdir()
    data = face_set(tmp_path)
    assert isinstance(data, Folder)
    assert data.people == ["a", "b"]
    assert data.labels.tolist() == [0, 1, 1]
    assert data.picture(1).shape == (112, 112, 3)
    (tmp_path / "b" / "1.png").write_bytes(b"torn")
    with pytest.raises(MediaFault, match=r"1\.png"):
        data.picture(1)


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_no_people_no_training(tmp_path: Path, where: str) -> None:
    with pytest.raises(UserFault, match=r"no folder|no people"):
        face_set(tmp_path / where)


def test_aligning_refuses_a_folder_of_something_else_and_a_set_without_faces(tmp_path: Path, home: Path) -> None:
    for person in ("a", "b"):
        (tmp_path / "set" / person).mkdir(parents=True)
        (tmp_path / "set" / person / "1.png").write_bytes(jpeg(30, 50))
    with pytest.raises(UserFault, match="no face was found in any of the 2 pictures"):
        align_folder(tmp_path / "set", tmp_path / "aligned")
    (tmp_path / "aligned" / "c").mkdir(parents=True)
    (tmp_path / "aligned" / "c" / "1.png").write_bytes(jpeg(30))
    with pytest.raises(UserFault, match="1 pictures that are not of"):
        align_folder(tmp_path / "set", tmp_path / "aligned")


def test_a_fingerprint_is_of_the_list_wherever_it_lies(tmp_path: Path) -> None:
    for roof in ("one", "two"):
        for who in ("ana", "ben", "cem"):
            for k in range(2):
                path = tmp_path / roof / who / f"{k}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(jpeg(k))
    one = Folder(tmp_path / "one")
    first = fingerprint(one)
    assert fingerprint(Folder(tmp_path / "two")) == first
    parts = {fingerprint(hold_out(one, 1, seed)[0]) for seed in range(9)}
    assert len(parts) == 3 and first not in parts
    (tmp_path / "two" / "ben" / "1.jpg").write_bytes(jpeg(1) + b"more")
    assert fingerprint(Folder(tmp_path / "two")) != first
    (tmp_path / "one" / "ben" / "1.jpg").rename(tmp_path / "one" / "ben" / "2.jpg")
    assert fingerprint(Folder(tmp_path / "one")) != first
    rows = {k: header([k % 2], jpeg(k, 64), k) for k in range(4)}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = fingerprint(RecordSet(write(tmp_path / "a", rows)))
    swapped = RecordSet(write(tmp_path / "b", {**rows, 3: header([0], jpeg(3, 64), 3)}))
    assert len(swapped.labels) == 4 and fingerprint(swapped) != whole


def test_people_held_out_are_whole_people_and_numbered_anew() -> None:
    labels = np.repeat(np.arange(10), 3)
    whole = InMemory(np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 112, 112, 3), np.uint8), labels)
    kept, away = hold_out(whole, 4, 1)
    seen = [{int(p.whole.labels[i]) for i in p.indices} for p in (kept, away)]
    assert len(seen[0]) == 6
    assert len(seen[1]) == 4
    assert not seen[0] & seen[1]
    assert sorted(set(kept.labels.tolist())) == list(range(6))
    assert kept.picture(0)[0, 0, 0] == kept.indices[0]
    assert np.array_equal(hold_out(whole, 4, 1)[1].indices, away.indices)
    assert not np.array_equal(hold_out(whole, 4, 2)[1].indices, away.indices)
    assert isinstance(away, Part)
    with pytest.raises(UserFault, match="cannot be held out"):
        hold_out(whole, 9, 0)


@given(count=st.integers(1, 300), classes=st.integers(2, 9), share=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_label_noise_is_exact_never_its_own_and_seeded(count: int, classes: int, share: float, seed: int) -> None:
    labels = np.arange(count) % classes
    found, wrong = noisy(labels, classes, share, seed)
    assert wrong.sum() == round(share * count)
    assert np.array_equal(found != labels, wrong)
    assert found.min() >= 0
    assert found.max() < classes
    again, _ = noisy(labels, classes, share, seed)
    assert np.array_equal(found, again)
    more, more_wrong = noisy(labels, classes, min(1.0, share + 0.2), seed)
    assert not (wrong & ~more_wrong).any(), "what is wrong at little noise is wrong at more"
    assert np.array_equal(more[wrong], found[wrong])


def test_label_noise_is_even() -> None:
    labels = np.zeros(6000, np.int64)
    found, _ = noisy(labels, 4, 1.0, 0)
    assert np.allclose(np.bincount(found, minlength=4) / 6000, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.03)


@pytest.mark.parametrize(("share", "classes"), [(-0.1, 3), (1.1, 3), (0.5, 1)])
def test_label_noise_wants_a_share_and_two_people(share: float, classes: int) -> None:
    with pytest.raises(UserFault):
        noisy(np.zeros(4, np.int64), classes, share, 0)


def test_augmentation_depends_on_seed_epoch_and_picture_alone() -> None:
    picture = np.arange(112 * 112 * 3, dtype=np.uint32).astype(np.uint8).reshape(112, 112, 3)
    calls = []

    def hook(face: np.ndarray, seed: int) -> np.ndarray:
        calls.append(seed)
        out = face.copy()
        out[60:] = seed % 256
        return out

    augment = Augmentation(0.5, hook, 0.4)
    first = [augment(picture, 1, e, i) for e in range(20) for i in range(20)]
    again = [augment(picture, 1, e, i) for e in reversed(range(20)) for i in reversed(range(20))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    mirrored = sum(np.array_equal(f[:60], picture[:60, ::-1]) for f in first)
    assert 160 < mirrored < 240
    assert 240 < len(calls) < 400
    assert len(set(calls)) > 100


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Augmentation(1.5), "flip is a share"),
        (lambda: Augmentation(0.5, None, 0.2), "nothing says how"),
        (lambda: Augmentation(0, lambda p, s: p[:5], 1.0)(np.zeros((112, 112, 3), np.uint8), 0, 0, 0), "same shape"),
    ],
)
def test_augmentation_says_what_is_wrong(make: object, words: str) -> None:
    with pytest.raises(UserFault, match=words):
        make()  # type: ignore[operator]


def test_masks_cover_the_mouth_of_an_aligned_face_and_leave_the_eyes(home: Path) -> None:
    picture = draw(1, 1, 4, nuisance=Nuisance(0, 0, 0, 0, 0, 0.7, 0, 0, 0)).pictures[0]
    hook = pickle.loads(pickle.dumps(Masks()))  # as a loading process gets it
    masked = [hook(picture, seed) for seed in (1, 1, 2, 7)]
    assert np.array_equal(masked[0], masked[1])
    assert not np.array_equal(masked[0], masked[2])
    for face in masked:
        changed = (face != picture).any(2)
        assert changed[84:100, 46:66].mean() > 0.9
        assert changed[40:56, 30:82].mean() < 0.1


def test_an_epoch_sees_every_picture_once_in_an_order_of_its_own() -> None:
    assert sorted(order(50, 0, 0).tolist()) == list(range(50))
    assert not np.array_equal(order(50, 0, 0), order(50, 0, 1))
    assert np.array_equal(order(50, 3, 2), order(50, 3, 2))
