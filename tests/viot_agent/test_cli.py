"""The command from outside: exit codes and sentences for what people get wrong, and the JSON of an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from viot_agent.cli import doctor
from viot_agent.cli.app import run
from viot_agent.errors import FailedFault
from viot_agent.library.records import Fingerprint, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import Rows
from viot_agent.library.store import Library
from viot_agent.live.ring import watching
from viot_agent.media.clips import write_clip

GREY = np.full((180, 320, 3), 120, np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of an empty scene, at a path with spaces and accents."""
    path = tmp_path / "my clips é" / "grey clip.mp4"
    path.parent.mkdir()
    write_clip((GREY for _ in range(20)), path, 10.0)
    return path


def broken(tmp_path: Path, clip: Path) -> dict[str, Path]:
    """Files that are no cameras."""
    files = {name: tmp_path / f"{name}.mp4" for name in ("empty", "text", "cut")}
    files["empty"].write_bytes(b"")
    files["text"].write_text("this is no video")
    files["cut"].write_bytes(clip.read_bytes()[:600])
    from PIL import Image

    files["picture"] = tmp_path / "picture.png"
    Image.fromarray(GREY).save(files["picture"])
    files["folder"] = tmp_path / "nothing here"
    files["folder"].mkdir()
    files["missing"] = tmp_path / "missing.mp4"
    return files


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "picture", "folder", "missing"])
def test_a_source_that_is_no_video(
    kind: str, home: Path, tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = broken(tmp_path, clip)[kind]
    assert run(["camera", "add", "gate", str(path)]) == 2
    assert path.name in capsys.readouterr().err.replace("\n", "")
    with Library.open(home) as library:
        assert library.cameras() == []


def test_a_duplicate_camera_with_another_source(
    home: Path, tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "-other.mp4"
    other.write_bytes(clip.read_bytes())
    assert run(["camera", "add", "gate", str(clip)]) == 0
    assert run(["camera", "add", "gate", str(clip)]) == 0
    assert run(["camera", "add", "gate", "--", str(other)]) == 2
    assert "gate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "soon"], "2026-11-23 08:00:00"),
        (["--tz", "Mars/Olympus"], "Europe/Berlin"),
    ],
)
def test_options_that_cannot_be_read(
    options: list[str], words: str, home: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["camera", "add", "gate", str(clip), *options]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["index"], 2, "viot camera add"),
        (["index", "nowhere"], 2, "viot camera add"),
        (["camera", "remove", "nowhere"], 2, "nowhere"),
        (["person", "remove", "Nobody"], 2, "Nobody"),
        (["models", "pull", "nothing"], 2, "no model is called"),
        (["bench", "nothing", "--data", "."], 2, "there is no bench"),
        (["ask", "   "], 2, "empty"),
        (["ask", "hello", "--llm", "gpt"], 2, "cannot be read"),
        (["ask", "hello", "--attach", "missing.png"], 2, "missing.png"),
        (["ask", "O\udcf9 est Ana?"], 2, "no UTF-8"),
        (["ask", "hello", "-c", "O\udcf9"], 2, "no UTF-8"),
        (["ask", "hello", "-c", "  "], 2, "1 to 200 characters"),
        (["ask", "hello", "-c", "x" * 201], 2, "1 to 200 characters"),
        (["models", "pull", "yunet", "nothing"], 2, "no model is called"),
        (["models", "verify", "nothing"], 2, "no model is called"),
        (["models", "pull", "qwen3-vl-2b", "nothing"], 2, "no model is called"),
        (["models", "pull", "qwen2.5-vl-3b"], 2, "--allow-noncommercial"),
    ],
)
def test_wrong_words(argv: list[str], code: int, words: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == code
    assert words in capsys.readouterr().err.replace("\n", " ")


def test_verify_names_the_wrong_file_and_what_mends_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "models" / "face_detect" / "yunet_n_dynamic.onnx"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"evil")
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path / "models"))
    assert run(["models", "verify", "yunet", "mobilefacenet"]) == 3
    said = capsys.readouterr()
    assert "yunet: WRONG" in said.out and "replace it" in said.out
    assert "mobilefacenet: not here" in said.out
    assert "2 model file(s)" in said.err


def test_models_are_listed_where_none_is_here(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path / "models"))
    assert run(["models", "list"]) == 0
    said = capsys.readouterr().out
    assert "tier in force: hub" in said and "is not on this machine" in said
    assert "qwen3-vl" in said
    assert run(["models", "verify", "qwen3-vl-2b"]) == 3
    assert "qwen3-vl-2b: not here" in capsys.readouterr().out


def test_doctor_names_the_fix_of_a_home_and_of_every_wrong_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("VIOT_HOME", str(tmp_path / "file"))
    checks = dict(doctor.CHECKS)
    with pytest.raises(FailedFault, match="VIOT_HOME elsewhere"):
        checks["home"]()
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path / "models"))
    with pytest.raises(FailedFault, match=r"yunet.*yolox-nano.*viot models pull yunet"):
        checks["weights"]()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.write_text("no picture"), "p.png"),
        (lambda p: _grey(p), "face"),
    ],
)
def test_an_enrolment_picture_without_a_face(
    make: Callable[[Path], object], words: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "p.png"
    make(picture)
    assert run(["person", "enroll", "Ana", str(picture), "--consent", "test"]) == 2
    assert words in capsys.readouterr().err
    with Library.open(home) as library:
        assert library.people() == []


def _grey(path: Path) -> None:
    from PIL import Image

    Image.fromarray(GREY).save(path)


def test_enrolment_needs_consent(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "p.png"
    _grey(picture)
    assert run(["person", "enroll", "Ana", str(picture)]) == 2
    assert "--consent" in capsys.readouterr().err


def test_ask_over_an_indexed_clip(home: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["camera", "add", "gate 2", str(clip), "--start", "2026-11-23 08:00:00", "--tz", "UTC"]) == 0
    capsys.readouterr()
    assert run(["ask", "How many people are on gate 2?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "cannot_tell"  # not indexed yet
    assert run(["index"]) == 0
    capsys.readouterr()
    assert run(["ask", "How many people are on gate 2?", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["status"] == "answered"
    assert [s["tool"] for s in record["steps"]] == ["crowd_counting"]
    assert record["llm"] == "mini"
    assert run(["ask", "How many people were on gate 2 between 3 and 4 yesterday morning?", "--json"]) == 0
    late = json.loads(capsys.readouterr().out)
    assert late["status"] == "cannot_tell"
    assert "gate 2" in late["answer"]
    assert run(["ask", "Has anyone seen him?", "--json"]) == 0
    back = json.loads(capsys.readouterr().out)
    assert (back["status"], back["missing"]) == ("needs_input", ["person"])
    assert run(["ask", "How many people are on gate 22?", "--json"]) == 2
    unknown = json.loads(capsys.readouterr().out)
    assert unknown["status"] == "needs_input"
    assert "gate 2" in unknown["answer"]
    assert run(["index"]) == 0
    assert "nothing new" in capsys.readouterr().out


def test_a_plain_ask_imports_neither_torch_nor_transformers(home: Path, clip: Path) -> None:
    assert run(["camera", "add", "gate 2", str(clip), "--tz", "UTC", "--start", "2026-11-23 08:00:00"]) == 0
    assert run(["index"]) == 0
    code = (
        "import sys; from viot_agent.cli.app import run; "
        "code = run(['ask', 'How many people are on gate 2?', '--json']); "
        "print(sorted({'torch', 'transformers', 'sklearn', 'sentence_transformers'} & set(sys.modules)), "
        "file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("[]"), done.stderr


@pytest.mark.parametrize(
    "argv", [["nosuch"], ["ask"], ["ask", "x", "--foo"], ["camera"], ["camera", "add", "gate", "-dash.mp4"]]
)
def test_wrong_usage_is_a_sentence(argv: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 2
    assert "viot: " in capsys.readouterr().err


def test_a_file_whose_name_begins_with_a_dash(
    home: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "-dash.mp4").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert run(["camera", "add", "gate", "-dash.mp4"]) == 2
    assert "./-dash.mp4" in capsys.readouterr().err
    assert run(["camera", "add", "gate", "./-dash.mp4"]) == 0


@pytest.mark.parametrize("name", ["[/foo]", "[red]Bob[/red] [/]", 'Bob\'s [/b] "cam"', "'; DROP TABLE cameras; --"])
def test_names_are_only_names(name: str, home: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["camera", "add", name, str(clip), "--tz", "UTC", "--start", "2026-11-23 08:00:00"]) == 0
    assert run(["index"]) == 0
    assert run(["camera", "list"]) == 0
    assert name.split()[0] in capsys.readouterr().out


@pytest.mark.parametrize("source", ["/dev/null", "ftp://camera/stream", "loop:///no/such/file.mp4"])
def test_sources_that_are_not_read(source: str, home: Path) -> None:
    assert run(["camera", "add", "gate", source]) == 2


def test_a_live_camera(home: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch"]) == 2
    assert "no camera is live" in capsys.readouterr().err
    assert run(["camera", "add", "gate", "rtsp://ana:secret@10.0.0.5/stream"]) == 0
    assert run(["camera", "add", "desk", str(clip)]) == 0
    assert run(["camera", "list"]) == 0
    said = capsys.readouterr().out
    assert "viot watch" in said and "not watched" in "".join(said.split("\n")) and "secret" not in said
    assert run(["watch", "--camera", "desk"]) == 2
    assert "viot index 'desk'" in capsys.readouterr().err
    assert run(["watch", "--keep", "5 apples"]) == 2
    assert run(["watch", "--segment", "0"]) == 2
    with watching(home, 1, "gate"):
        assert run(["watch", "--camera", "gate"]) == 2
        assert "is watching gate" in capsys.readouterr().err
        assert run(["camera", "remove", "gate"]) == 2
    assert run(["camera", "remove", "gate"]) == 0
    assert not (home / "live" / "1").exists()


def test_a_list_of_cameras_fits_a_narrow_terminal(
    home: Path, clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["camera", "list"]) == 0
    assert capsys.readouterr().out == "no camera yet; next: viot camera add NAME SOURCE\n"
    new = ["camera", "add", "[b]gate[/b]", str(clip), "--tz", "America/Argentina/Buenos_Aires", "--start"]
    assert run([*new, "2026-11-23 08:00:00", "--group", "gates"]) == 0
    assert run(["camera", "add", "desk", str(clip), "--tz", "UTC"]) == 0
    for at, start in enumerate((0.0, 86_000.0, 200_000.0, 300_000.0)):
        with Library.open(home) as library:
            row = library.add_media(
                "desk", Path(f"{at}"), Fingerprint(1, 1.0, f"{at}"), start_ts=start, start_origin="camera",
                duration=600.0, fps=5.0, width=64, height=36, segment_seconds=600.0,
            )  # fmt: skip
            run_of = RunRows(RunStamp("objects", "1", "m", "1", "", ()), Rows(), 5.0, 3000)
            library.write_segment(row, SegmentSpan(0, 0.0, 600.0), [run_of])
    capsys.readouterr()
    assert run(["camera", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[b]gate[/b] (America/Argentina/Buenos_Aires; groups: gates)",
        f"  source   {clip}",
        "  indexed  nothing",
        "desk (UTC)",
        f"  source   {clip}",
        "  indexed  00:00:00 to 00:10:00 on 1 January 1970",
        "           23:53:20 on 1 January 1970 to 00:03:20 on 2 January 1970",
        "           07:33:20 to 07:43:20 on 3 January 1970",
        "           and 1 more",
    ]


def test_an_unknown_analyzer_is_named(home: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["camera", "add", "gate", str(clip)]) == 0
    assert run(["index", "--analyzer", "nosuch"]) == 2
    assert "objects" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["all", "Everywhere", "yesterday", "last night", "image-1", "anybody", "gate two"])
def test_a_camera_name_that_requests_take_for_something_else(
    name: str, home: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["camera", "add", "gate 2", str(clip)]) == 0
    assert run(["camera", "add", name, str(clip)]) == 2
    assert repr(name) in capsys.readouterr().err
    assert run(["camera", "add", "desk", str(clip), "--group", name]) == (0 if name == "gate two" else 2)


@pytest.mark.parametrize("name", ["first floor", "7-eleven", "12", "two", "today cam", "all hands room", "north"])
def test_a_camera_name_that_only_looks_so(name: str, home: Path, clip: Path) -> None:
    assert run(["camera", "add", name, str(clip)]) == 0


def test_a_camera_and_a_person_of_one_name(home: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Library.open(home) as library:
        library.add_person("Anna Ek", [b"picture"], "signed")
    assert run(["camera", "add", "anna-ek", str(clip)]) == 2
    assert "Anna Ek is an enrolled person" in capsys.readouterr().err
    assert run(["camera", "add", "anna", str(clip)]) == 0
    assert run(["person", "enroll", "Anna", str(clip), "--consent", "signed"]) == 2
    assert "the camera 'anna'" in capsys.readouterr().err


def test_where_the_start_of_a_recording_comes_from_is_said(
    home: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gate"
    folder.mkdir()
    for name in ("2026-11-22_08-15-00.mp4", "2026-11-23_08-15-00.mp4", "2026-11-24_99-15-00.mp4"):
        (folder / name).write_bytes(clip.read_bytes())
    os.utime(folder / "2026-11-24_99-15-00.mp4", (1_700_000_000, 1_700_000_000))
    add = ["camera", "add", "gate", str(folder), "--tz", "America/New_York"]
    assert run(add) == 0
    out, err = capsys.readouterr()
    assert "3 files from" in out and "to 08:15:0" in out and "on 23 November 2026; start " in out
    assert "by the time in the name (2 files), by when the file was changed last, less its length (1 file)" in out
    assert "2026-11-24_99-15-00.mp4: 2026-11-24 99:15:00 in its name is no time" in err
    assert run(add) == 0
    assert "was there already, of this source, and stays as it is" in capsys.readouterr().out
    assert run(["camera", "add", "yard", str(folder), "--start", "2026-11-01 08:00:00"]) == 0
    assert "--start is for a single file" in capsys.readouterr().err
    assert run(["camera", "add", "hall", str(clip), "--tz", "UTC", "--start", "2026-11-01 08:00:00"]) == 0
    assert "1 file from 08:00:00 on 1 November 2026 to 08:00:" in capsys.readouterr().out


def test_the_start_of_a_camera(home: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add = ["camera", "add", "gate", str(clip), "--tz", "Europe/Berlin", "--start"]
    assert run([*add, "2026-03-29 02:30:00"]) == 2  # the clocks were set forward over it
    assert "did not exist" in capsys.readouterr().err
    assert run([*add, "2026-03-29 03:30:00"]) == 0
    assert capsys.readouterr().err == ""
    assert run([*add, "2026-03-29 04:30:00"]) == 2  # never changed silently
    assert "viot camera remove 'gate'" in capsys.readouterr().err
    assert run([*add, "2026-03-29 03:30:00"]) == 0
    assert run(["camera", "add", "annex", str(clip), "--start", "2130-01-01"]) == 0
    assert "begins in the future" in capsys.readouterr().err
