"""Files written whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from viot_agent.errors import BackendFault
from viot_agent.media.files import write_whole


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.bin"
    write_whole(path, b"one", fix="x")
    write_whole(path, b"two", fix="x")
    assert path.read_bytes() == b"two" and [p.name for p in path.parent.iterdir()] == ["b.bin"]


def test_a_private_file_is_its_owners_and_another_as_others_are(tmp_path: Path) -> None:
    write_whole(tmp_path / "mine", b"", fix="x", private=True)
    write_whole(tmp_path / "ours", b"", fix="x")
    (tmp_path / "usual").write_bytes(b"")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes["mine"] == 0o600 and modes["ours"] == modes["usual"]


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(BackendFault, match="taken cannot be written") as caught:
        write_whole(tmp_path / "taken", b"x", fix="do this")
    assert caught.value.fix == "do this" and [p.name for p in tmp_path.iterdir()] == ["taken"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendFault, match="cannot be written"):
        write_whole(tmp_path / "file" / "below", b"x", fix="do this")
