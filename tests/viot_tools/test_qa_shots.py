"""Chosen frames are read from real files: the picture is that of the time."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary
from viot_agent.library.rows import Footage
from viot_tools.qa.frames import Moment
from viot_tools.qa.shots import footage_spans, look

T0 = 1_000_000.0


@pytest.fixture(scope="module")
def books(media: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> FakeLibrary:
    """One camera with two files, 4 s and 3 s, and a hole of a minute between them."""
    folder: Path = tmp_path_factory.mktemp("shots")
    first = media.write(folder / "first.mp4", range(100), fps=25)
    second = media.write(folder / "second.mp4", range(75), fps=25)
    files = [Footage("gate", first, 0.0, T0, T0 + 4), Footage("gate", second, 0.0, T0 + 64, T0 + 67)]
    return FakeLibrary([Camera(1, "gate", str(folder), (), "UTC", T0)], footage=files)


def moments(*times: float) -> list[Moment]:
    return [Moment("gate", T0 + t, "") for t in times]


def test_the_picture_is_that_of_the_time(books: FakeLibrary, media: ModuleType) -> None:
    found = look(books, moments(64.0, 0.0, 3.96, 1.5, 65.21), width=320)
    assert [s.t - T0 for s in found.shots] == pytest.approx([0.0, 1.48, 3.96, 64.0, 65.2], abs=1e-3)
    assert [media.number_of(s.image) for s in found.shots] == [0, 37, 99, 0, 30]
    assert found.problems == ()
    assert {s.image.shape[1] for s in found.shots} <= {320, media.WIDTH}


def test_the_same_frame_is_shown_once(books: FakeLibrary) -> None:
    assert len(look(books, moments(1.0, 1.01, 1.02)).shots) == 1


def test_a_moment_without_footage_is_said(books: FakeLibrary) -> None:
    found = look(books, moments(1.0, 30.0))
    assert len(found.shots) == 1
    assert found.problems == ("gate has no footage at one of the moments chosen",)


def test_a_damaged_file_is_said_and_the_other_is_read(books: FakeLibrary, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    files = [Footage("gate", bad, 0.0, T0 - 100, T0 - 90), *books.footage("gate", T0, T0 + 100)]
    mixed = FakeLibrary(books.cameras(), footage=files)
    found = look(mixed, moments(-95.0, 2.0))
    assert [s.t for s in found.shots] == [T0 + 2.0]
    [problem] = found.problems
    assert "bad.mp4" in problem


def test_footage_is_what_there_are_files_of(books: FakeLibrary) -> None:
    assert footage_spans(books, ["gate"], T0 + 1, T0 + 65) == {"gate": ((T0 + 1, T0 + 4), (T0 + 64, T0 + 65))}
    assert footage_spans(books, ["gate"], T0 + 10, T0 + 20) == {}
