"""Uploads: limits of one and of all, what is old goes, and the folders of servers that were killed."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from viot_agent.library.lock import FileLock
from viot_agent.web.uploads import ALL, EACH, KEEP, LEAST, PREFIX, Uploads

LARGEST = 1_000_000


def put(uploads: Uploads, user: str, name: str, size: int = 10) -> Path:
    """An upload, as it comes in."""
    assert uploads.refusal(user, size) == ""
    uploads.begin(user, size)
    path = uploads.folder / name / "a.png"
    path.parent.mkdir()
    path.write_bytes(b"x" * size)
    uploads.add(user, [str(path)])
    uploads.end(user, size)
    return path


def test_what_is_on_its_way_counts(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, LARGEST)
    for _ in range(EACH):
        assert uploads.refusal("ana", LARGEST) == ""
        uploads.begin("ana", LARGEST)
    assert "the most for one person" in uploads.refusal("ana", 1)
    assert uploads.refusal("ben", LARGEST) == ""
    uploads.end("ana", LARGEST)
    assert uploads.refusal("ana", LARGEST) == ""


def test_all_together_have_a_limit(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, LARGEST)
    for n in range(ALL):
        uploads.begin(f"browser-{n}", LARGEST)
    assert "All uploads together" in uploads.refusal("browser-new", LARGEST)


def test_small_files_are_counted_too(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, LEAST)
    for n in range(EACH):
        put(uploads, "ana", str(n))
    assert "the most for one person" in uploads.refusal("ana", 1)


def test_a_nearly_full_disk_is_left_alone(tmp_path: Path) -> None:
    assert "disk is nearly full" in Uploads(tmp_path, 10**18).refusal("ana", 10**17)


def test_what_is_old_goes_and_counts_no_more(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, LEAST)
    files = [put(uploads, "ana", str(n)) for n in range(EACH)]
    os.utime(files[0], (1.0, 1.0))  # a copy with the times of its original is as young as it is
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link.png").symlink_to(__file__)
    uploads.clean(time.time() + KEEP - 60)
    assert all(f.is_file() for f in files)
    uploads.clean(time.time() + KEEP + 700)
    assert list(tmp_path.iterdir()) == []
    assert Path(__file__).is_file()
    assert uploads.refusal("ana", LEAST) == ""


def test_a_path_elsewhere_is_nobodys_upload(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads", LARGEST)
    uploads.folder.mkdir()
    uploads.add("ana", [__file__, str(uploads.folder / "absent.png")])
    assert not uploads.may("ana", __file__)


def test_the_folder_of_a_killed_server_goes_and_that_of_a_running_one_stays(tmp_path: Path) -> None:
    old = time.time() - 3600
    killed, running, young, elsewhere = (tmp_path / f"{PREFIX}{n}" for n in ("a", "b", "c", "d"))
    (tmp_path / "target").mkdir()
    for folder in (killed, running, young):
        folder.mkdir()
        (folder / "x.png").write_bytes(b"x")
    elsewhere.symlink_to(tmp_path / "target")
    with FileLock(running / ".lock", doing="serving"):
        for folder in (killed, running, tmp_path / "target"):
            os.utime(folder, (old, old))
        uploads = Uploads.open(LARGEST, tmp_path)
    assert not killed.exists()
    assert running.is_dir()
    assert young.is_dir()
    assert (tmp_path / "target").is_dir()
    assert not uploads.may("ana", str(uploads.folder / ".lock"))
    with pytest.raises(FileNotFoundError):
        Uploads(tmp_path / "nowhere", LARGEST).refusal("ana", 1)
    uploads.close()
    assert not uploads.folder.exists()


def test_servers_that_start_at_once_sweep_together(tmp_path: Path) -> None:
    """Each may find a folder gone that it saw a moment before."""
    old = time.time() - 3600
    for n in range(300):
        folder = tmp_path / f"{PREFIX}{n}"
        folder.mkdir()
        os.utime(folder, (old, old))
    start = threading.Barrier(6)
    opened: list[Uploads] = []

    def one() -> None:
        start.wait(20)
        opened.append(Uploads.open(LARGEST, tmp_path))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(one) for _ in range(6)]:
            done.result(60)
    assert {f.name for f in tmp_path.iterdir()} == {u.folder.name for u in opened}
    for uploads in opened:
        uploads.close()
