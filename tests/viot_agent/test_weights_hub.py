"""Repositories of the model hub: pinned, hashed when they come, refused when they change, never a default."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from viot_agent.errors import BackendFault, DiskFault, UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_agent.weights.hub import Repositories, Repository, load_repositories, recorded

TINY = Repository("tiny", "a test", "somebody/tiny", "a" * 40, 1000, "Apache-2.0", True)
CLOSED = Repository("closed", "a test", "somebody/closed", "b" * 40, 1000, "for research only", False)


def fetch(repository: str, revision: str, folder: Path) -> None:
    assert len(revision) == 40
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / ".cache").mkdir(exist_ok=True)
    (folder / ".cache" / "notes.json").write_text("{}")


def hub(home: Path, models: Path | None = None) -> Repositories:
    return Repositories(Weights(home, models, "builtin"), {"tiny": TINY, "closed": CLOSED})


def test_what_ships_is_pinned_and_clear_about_its_licence() -> None:
    known = load_repositories()
    assert known
    for entry in known.values():
        assert re.fullmatch("[0-9a-f]{40}", entry.revision)
        assert entry.permissive == (entry.licence == "Apache-2.0")
        assert 10**8 < entry.parameters < 10**10


def test_a_pull_records_hashes_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = hub(tmp_path).pull("tiny", fetch)
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert hub(tmp_path).folder("tiny") == folder
    (folder / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(UserFault, match=r"model\.safetensors is not the file that was recorded"):
        hub(tmp_path).folder("tiny")


@pytest.mark.parametrize("change", ["new", "gone"])
def test_a_file_too_many_or_too_few_is_refused(tmp_path: Path, change: str) -> None:
    folder = hub(tmp_path).pull("tiny", fetch)
    if change == "new":
        (folder / "added.json").write_text("{}")
    else:
        (folder / "model.safetensors").unlink()
    with pytest.raises(UserFault, match="is not the file that was recorded"):
        hub(tmp_path).folder("tiny")


def test_verify_hashes_again_whatever_the_time_says(tmp_path: Path) -> None:
    import os

    folder = hub(tmp_path).pull("tiny", fetch)
    weights = folder / "model.safetensors"
    stat = weights.stat()
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert hub(tmp_path).folder("tiny") == folder  # same size, same time: not hashed again
    with pytest.raises(UserFault, match="not the file that was recorded"):
        hub(tmp_path).verify("tiny")
    assert hub(tmp_path).verify("closed") is False


def test_having_one_does_not_change_the_tier(tmp_path: Path) -> None:
    hub(tmp_path).pull("tiny", fetch)
    assert Weights(tmp_path).tier == "builtin"


def test_it_is_fetched_once_and_a_local_folder_stands_in(tmp_path: Path) -> None:
    def never(*_: object) -> None:
        raise AssertionError("fetched twice")

    folder = hub(tmp_path / "home").pull("tiny", fetch)
    assert hub(tmp_path / "home").pull("tiny", never) == folder
    (tmp_path / "models" / "repositories").mkdir(parents=True)
    (tmp_path / "models" / "repositories" / "tiny").symlink_to(folder)
    other = hub(tmp_path / "other", tmp_path / "models")
    assert other.pull("tiny", never) == tmp_path / "models" / "repositories" / "tiny"


def test_a_missing_one_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"viot models pull tiny, or put it at VIOT_MODELS/repositories/tiny"):
        hub(tmp_path).folder("tiny")
    with pytest.raises(WeightsMissing, match="viot models pull closed --allow-noncommercial"):
        hub(tmp_path).folder("closed")
    with pytest.raises(UserFault, match="no model is called 'what'; known: tiny, closed"):
        hub(tmp_path).folder("what")


def test_a_licence_that_excludes_commerce_needs_the_flag(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="--allow-noncommercial"):
        hub(tmp_path).pull("closed", fetch)
    assert hub(tmp_path).pull("closed", fetch, allow_noncommercial=True).is_dir()


def test_faults_of_network_and_disk_are_told_apart(tmp_path: Path) -> None:
    def no_network(*_: object) -> None:
        raise OSError("no route to host")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def empty(repository: str, revision: str, folder: Path) -> None:
        (folder / "config.json").write_text("{}")

    def silent(*_: object) -> None:
        raise TimeoutError

    with pytest.raises(BackendFault, match="TimeoutError"):
        hub(tmp_path).pull("tiny", silent)
    with pytest.raises(BackendFault, match=r"no route to host.*VIOT_MODELS=DIR"):
        hub(tmp_path).pull("tiny", no_network)
    with pytest.raises(DiskFault, match="disk is full"):
        hub(tmp_path).pull("tiny", full)
    with pytest.raises(BackendFault, match="holds no safetensors"):
        hub(tmp_path).pull("tiny", empty)
    assert hub(tmp_path).locate("tiny") is None


def test_a_torn_record_is_said(tmp_path: Path) -> None:
    folder = hub(tmp_path).pull("tiny", fetch)
    record = tmp_path / "models" / "recorded" / "tiny.json"
    record.write_text("{")
    with pytest.raises(UserFault, match=r"cannot be read.*remove it"):
        hub(tmp_path).folder("tiny")
    record.unlink()
    assert hub(tmp_path).folder("tiny") == folder and record.is_file()


def test_the_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    for name, data in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_bytes(data)
    one, two, three = (recorded(tmp_path / n, tmp_path / f"{n}.record") for n in "abc")
    assert one == three != two
