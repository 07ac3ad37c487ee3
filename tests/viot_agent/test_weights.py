"""Model files: tiers are never changed quietly, bytes are checked, errors carry the command that fixes them."""

from __future__ import annotations

import hashlib
import http.client
import os
from pathlib import Path

import pytest

from viot_agent.errors import BackendFault, UserFault, WeightsMissing
from viot_agent.weights import Entry, Weights
from viot_agent.weights.store import fetch_url, load_manifest

DATA = b"weights of a model"


def entry(**changes: object) -> Entry:
    base: dict[str, object] = {
        "name": "m",
        "tier": "hub",
        "serves": "a test",
        "file": "a/m.onnx",
        "bytes": len(DATA),
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "licence": "Apache-2.0",
        "permissive": True,
        "default": True,
        "url": "https://example.org/m.onnx",
    }
    return Entry(**{**base, **changes})  # type: ignore[arg-type]


def weights(tmp_path: Path, models: Path | None = None, **changes: object) -> Weights:
    return Weights(tmp_path / "home", models, manifest={"m": entry(**changes)})


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="viot models pull m"):
        weights(tmp_path).path("m")


def test_pull_checks_and_keeps(tmp_path: Path) -> None:
    w = weights(tmp_path)
    assert w.tier == "builtin"
    path = w.pull("m", lambda url: DATA)
    assert path.read_bytes() == DATA
    assert weights(tmp_path).tier == "hub"

    def never(url: str) -> bytes:
        raise AssertionError("fetched twice")

    assert weights(tmp_path).pull("m", never) == path


def test_wrong_bytes_are_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(BackendFault, match="other bytes"):
        weights(tmp_path).pull("m", lambda url: b"evil")
    assert not list((tmp_path / "home").rglob("*.onnx*"))


def test_no_network_says_what_to_do(tmp_path: Path) -> None:
    def fail(url: str) -> bytes:
        raise OSError("no route to host")

    with pytest.raises(BackendFault, match=r"no route to host.*VIOT_MODELS=DIR"):
        weights(tmp_path).pull("m", fail)


def test_a_noncommercial_licence_needs_the_flag(tmp_path: Path) -> None:
    w = weights(tmp_path, permissive=False, licence="CC BY-NC 4.0")
    with pytest.raises(UserFault, match="--allow-noncommercial"):
        w.pull("m", lambda url: DATA)
    assert w.pull("m", lambda url: DATA, allow_noncommercial=True).is_file()


def test_a_changed_local_file_is_refused(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "a").mkdir(parents=True)
    (models / "a" / "m.onnx").write_bytes(DATA)
    assert weights(tmp_path, models).path("m").is_file()
    (models / "a" / "m.onnx").write_bytes(b"other")
    with pytest.raises(UserFault, match="not the manifest's file"):
        weights(tmp_path, models).path("m")


def test_environment(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Weights.from_env().tier == "builtin"
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path))
    assert Weights.from_env().tier == "hub"
    monkeypatch.setenv("VIOT_TIER", "builtin")
    assert Weights.from_env().tier == "builtin"
    monkeypatch.setenv("VIOT_TIER", "best")
    with pytest.raises(UserFault, match="VIOT_TIER"):
        Weights.from_env()
    monkeypatch.setenv("VIOT_TIER", "hub")
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path / "nowhere"))
    with pytest.raises(UserFault, match="is no directory"):
        Weights.from_env()


def test_only_https_is_fetched() -> None:
    with pytest.raises(OSError, match="https only"):
        fetch_url("http://example.org/x")


def test_the_manifest_is_complete() -> None:
    for e in load_manifest().values():
        assert len(e.sha256) == 64
        assert e.licence
        if e.tier == "hub":
            assert e.url.startswith("https://")
            assert e.revision
            assert e.revision in e.url
        else:
            assert e.package
            assert e.version


def test_builtin_files_are_in_the_wheels(tmp_path: Path) -> None:
    w = Weights(tmp_path)
    for e in w.manifest.values():
        if e.tier == "builtin":
            assert w.path(e.name).stat().st_size == e.bytes


@pytest.mark.real
def test_hub_files_in_the_local_directory(tmp_path: Path, shared_models: Path) -> None:
    w = Weights(tmp_path, shared_models)
    for e in w.manifest.values():
        if e.tier == "hub":
            assert w.path(e.name).is_file()


def test_an_answer_that_breaks_off_says_what_to_do(tmp_path: Path) -> None:
    def cut(url: str) -> bytes:
        raise http.client.IncompleteRead(b"half", 100)

    with pytest.raises(BackendFault, match=r"cannot fetch m.*VIOT_MODELS=DIR"):
        weights(tmp_path).pull("m", cut)
    with pytest.raises(BackendFault, match=r"9 bytes.*proxy"):
        weights(tmp_path).pull("m", lambda url: b"<sign in>")


def test_a_folder_that_cannot_hold_the_file_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    def never(url: str) -> bytes:
        raise AssertionError("fetched")

    w = weights(tmp_path)
    own = w.pulled_dir / "a" / "m.onnx"
    own.mkdir(parents=True)
    with pytest.raises(UserFault, match="is a folder"):
        w.pull("m", never)
    own.rmdir()
    own.parent.rmdir()
    own.parent.write_text("in the way")
    with pytest.raises(UserFault, match="cannot be made"):
        w.pull("m", never)


def test_a_damaged_pulled_file_is_fetched_again(tmp_path: Path) -> None:
    w = weights(tmp_path)
    path = w.pull("m", lambda url: DATA)
    path.write_bytes(b"")
    assert weights(tmp_path).pull("m", lambda url: DATA).read_bytes() == DATA


def test_a_wrong_file_of_ones_own_folder_is_not_said_to_be_mended_by_a_pull_alone(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "a").mkdir(parents=True)
    (models / "a" / "m.onnx").write_bytes(b"other")
    with pytest.raises(UserFault, match="replace it, or remove it and: viot models pull m"):
        weights(tmp_path, models).pull("m", lambda url: DATA)


@pytest.mark.parametrize("words", [b"\xff\xfe\x00", b"null", b"{", b""])
def test_a_torn_note_means_hashing_again(tmp_path: Path, words: bytes) -> None:
    w = weights(tmp_path)
    path = w.pull("m", lambda url: DATA)
    note = tmp_path / "home" / "cache" / "verified" / "m.json"
    assert note.is_file()
    note.write_bytes(words)
    assert weights(tmp_path).path("m") == path


def test_verify_believes_no_note(tmp_path: Path) -> None:
    """Other bytes of the same size and time: only hashing tells, and then the note goes."""
    w = weights(tmp_path)
    assert not w.verify("m")
    path = w.pull("m", lambda url: DATA)
    assert w.verify("m")
    before = path.stat()
    path.write_bytes(DATA[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert weights(tmp_path).path("m") == path  # the note is believed
    with pytest.raises(UserFault, match="not the manifest's file"):
        w.verify("m")
    for again in (w, weights(tmp_path)):
        with pytest.raises(UserFault, match="not the manifest's file"):
            again.path("m")


@pytest.mark.parametrize("variable", ["VIOT_HOME", "VIOT_MODELS"])
@pytest.mark.parametrize("value", ["~nobody-here/x", "/" + "x" * 5000], ids=["unknown person", "too long"])
def test_what_can_be_no_folders_name(variable: str, value: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserFault, match=f"{variable} names no folder") as caught:
        Weights.from_env()
    assert len(str(caught.value)) < 300
