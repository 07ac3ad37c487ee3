"""Whose recordings a folder holds, who may watch them, and what becomes of a home that is moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from viot_agent.errors import BusyFault, LibraryFault, NameFault
from viot_agent.library.beside import Beside
from viot_agent.library.store import Library
from viot_agent.live import ring as rings
from viot_agent.live.backlog import Recorded
from viot_agent.live.claim import claimed
from viot_agent.live.health import Health, write_health
from viot_agent.live.looker import Looker, unseen
from viot_agent.live.ring import Ring
from viot_agent.media.readers import open_media

START = 1_767_225_600.0


def home(place: Path, camera: str = "gate", source: str = "rtsp://ana:secret@10.0.0.1/1") -> Library:
    library = Library.open(place)
    library.add_camera(camera, source)
    return library


def recorded(place: Path, n: int) -> Ring:
    root = rings.folder(place, 1) / "ring"
    root.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        (root / rings.name_of(START + 10 * i)).write_bytes(b"film")
    return Ring(root, 1e12, 1e9)


def test_a_home_that_was_moved_is_not_looked_at_again(tmp_path: Path) -> None:
    with home(tmp_path / "a") as library:
        ring = recorded(tmp_path / "a", 3)
        looker = Looker(library, open_media, Beside(1))
        for k in ring.files()[:2]:
            looker.skip(Recorded("gate", k.path, k.start, k.start + 10.0, 64, 36, 5.0), "left out")
    (tmp_path / "a").rename(tmp_path / "b")
    with Library.open(tmp_path / "b") as library:
        files = recorded(tmp_path / "b", 0).files()
        for _ in range(2):
            assert [r.path for r in unseen(library, library.cameras()[0], files)] == [files[2].path]
            assert [r.path for r in library.media_rows("gate")] == [k.path for k in files[:2]], "clips are found again"


def test_rows_that_an_older_version_doubled_stay(tmp_path: Path) -> None:
    with home(tmp_path / "a") as library:
        looker, [file] = Looker(library, open_media, Beside(1)), recorded(tmp_path / "a", 1).files()
        other = tmp_path / file.path.name
        other.write_bytes(b"film")
        for path in (file.path, other):
            looker.skip(Recorded("gate", path, file.start, file.start + 10.0, 64, 36, 5.0), "left out")
        assert unseen(library, library.cameras()[0], [file]) == []
        assert {r.path for r in library.media_rows("gate")} == {file.path, other}


def test_recordings_of_another_camera_are_not_taken_for_ones_own(tmp_path: Path) -> None:
    with home(tmp_path) as library:
        for _ in range(2):
            with claimed(library, tmp_path, library.cameras()[0]):
                pass
    for file in tmp_path.glob("library.db*"):
        file.unlink()
    with home(tmp_path, "bedroom") as library:
        with (
            pytest.raises(LibraryFault, match=r"another camera .gate rtsp://10.0.0.1/1., not of bedroom") as caught,
            claimed(library, tmp_path, library.cameras()[0]),
        ):
            pass
        assert "secret" not in str(caught.value)
        rings.forget(tmp_path, 1, "bedroom")
        with claimed(library, tmp_path, library.cameras()[0]):
            pass


def test_folders_from_before_they_were_marked(tmp_path: Path) -> None:
    with home(tmp_path) as library:
        write_health(tmp_path, 1, Health("bedroom"))
        with pytest.raises(LibraryFault, match="bedroom"), claimed(library, tmp_path, library.cameras()[0]):
            pass
        write_health(tmp_path, 1, Health("gate"))
        with claimed(library, tmp_path, library.cameras()[0]):
            pass


def test_a_name_that_is_taken_does_not_tell_the_password(tmp_path: Path) -> None:
    with home(tmp_path) as library, pytest.raises(NameFault, match=r"already a camera .*rtsp://10.0.0.1/1") as caught:
        library.add_camera("Gate", "rtsp://10.0.0.2/1")
    assert "secret" not in str(caught.value)


def test_two_homes_of_one_library_watch_a_camera_once(tmp_path: Path) -> None:
    with home(tmp_path / "a") as one, Library.open(tmp_path / "b", f"sqlite:{tmp_path / 'a'}") as two:
        camera = one.cameras()[0]
        with (
            claimed(two, tmp_path / "b", camera),
            Library.open(tmp_path / "c", f"sqlite:{tmp_path / 'a'}") as three,
            pytest.raises(BusyFault, match="watching gate"),
            claimed(three, tmp_path / "c", camera),
        ):
            pass


def test_a_camera_added_anew_under_a_name_gets_no_rows_of_the_old_one(tmp_path: Path) -> None:
    with home(tmp_path) as library:
        [file] = recorded(tmp_path, 1).files()
        looker = Looker(library, open_media, Beside(1), {"gate": library.cameras()[0].id})
        library.remove_camera("gate")
        library.add_camera("gate", "rtsp://10.0.0.2/1")
        with pytest.raises(NameFault, match="removed and added anew"):
            looker.skip(Recorded("gate", file.path, file.start, file.start + 10.0, 64, 36, 5.0), "left out")
        assert library.media_rows("gate") == []
