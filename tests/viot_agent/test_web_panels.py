"""Fleet, people, history, studio, benches and the model picker: what they show, take and refuse."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import plotly.graph_objects as go
import pytest

from viot_agent.bench.report import Report, Row
from viot_agent.errors import BackendFault, MediaFault, UserFault, ViotError
from viot_agent.fleet.types import Person
from viot_agent.library import sources
from viot_agent.library.run_store import Conversation
from viot_agent.library.store import Library
from viot_agent.live.health import Health, write_health
from viot_agent.media.clips import write_clip
from viot_agent.steps import Claim, Evidence, Observation
from viot_agent.system import Viot
from viot_agent.toolbox import Toolbox, ToolContext, tool
from viot_agent.toolbox.contract import Arg
from viot_agent.web import benches, fleet_panel, past, people, studio
from viot_agent.web.jobs import Job
from viot_agent.web.models import model_choices, model_words, place
from viot_agent.web.options import Options
from viot_agent.weights import Weights

MediaArg = Annotated[str, Arg("media")]
MaskArg = Annotated[str, Arg("choice", ("dusk", "night"))]


@tool(cost="render")
def darken(ctx: ToolContext, media: MediaArg, mask: MaskArg | None = None) -> Observation:
    """Make a copy of a picture in which everything is dark.

    Not for: anything but this test.

    Args:
        media: the handle of the picture.
        mask: how dark.
    """
    source = ctx.attachment(media)
    assert source is not None
    folder = ctx.home / "exports" / ctx.run_id
    folder.mkdir(parents=True)
    image = cv2.imread(str(source))
    assert image is not None
    out = folder / "dark.png"
    cv2.imwrite(str(out), image // 4)
    piece = Evidence(ctx.evidence_id(), "upload", 0.0, 0.0, "darken", "code", "1", crop=str(out))
    text = f"The copy is four times darker{f', as {mask}' if mask else ''}."
    return Observation(ctx.call_id, "darken", "ok", text, "info", (Claim(text, (piece.id,)),), (piece,))


@pytest.fixture
def viot(tmp_path: Path) -> Iterator[Viot]:
    home = tmp_path / "home"
    with Viot(Library.open(home), Weights.from_env(home), Toolbox([darken]), home) as opened:
        yield opened


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "upload" / "my clip.mp4"
    path.parent.mkdir()
    write_clip((np.full((48, 64, 3), 90, np.uint8) for _ in range(10)), path, 10.0)
    return path


def add(viot: Viot, name: str, file: Path | None = None, address: str = "", **more: object) -> object:
    given = {"groups": "", "tz": "UTC", "start": "", "local_paths": True} | more
    return fleet_panel.add_camera(viot, name, file=file, address=address, **given)  # type: ignore[arg-type]


# fleet ----------------------------------------------------------------------------------------------------------------


def test_a_dropped_file_becomes_a_camera_and_is_kept(viot: Viot, clip: Path) -> None:
    add(viot, "gate 2", clip, groups="gates, north ", start="2026-11-23 08:00:00", tz="Europe/Berlin")
    [camera] = viot.library.cameras()
    assert (camera.name, camera.groups, camera.tz) == ("gate 2", ("gates", "north"), "Europe/Berlin")
    assert camera.start == 1_795_417_200.0  # seven o'clock UTC
    assert Path(camera.source).parent == (viot.home / "footage").resolve()
    assert Path(camera.source).is_file()
    shown = fleet_panel.cameras_html(viot)
    for words in ("gate 2", "not indexed yet", "nothing yet", "north", f"/media/still/{camera.id}.jpg"):
        assert words in shown


@pytest.mark.parametrize(
    ("name", "with_file", "address", "more", "words"),
    [
        ("", True, "", {}, "needs a name"),
        ("gate", False, "", {}, "nothing to add"),
        ("gate", True, "rtsp://x/y", {}, "a file and an address"),
        ("gate", False, "ftp://x/y", {}, "no address that can be watched"),
        ("gate", False, "loop:///etc/passwd", {"local_paths": False}, "only on the server"),
        ("gate", False, "rtsp://x/y", {"start": "2026-11-23 08:00:00"}, "has no start"),
        ("gate", False, "/etc/passwd", {"local_paths": False}, "only on the server"),
        ("gate", False, "/no/such/file.mp4", {}, "no file or folder"),
        ("gate", False, "/" + 5000 * "x", {}, "cannot be looked at"),
        ("gate", False, "~nobody-of-that-name/a.mp4", {}, "cannot be looked at"),
        ("gate", True, "", {"start": "tomorrow"}, "cannot be read"),
        ("gate", True, "", {"tz": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_what_cannot_be_added(
    viot: Viot, clip: Path, name: str, with_file: bool, address: str, more: dict[str, object], words: str
) -> None:
    with pytest.raises(ViotError, match=words):
        add(viot, name, clip if with_file else None, address, **more)
    assert viot.library.cameras() == []
    assert list((viot.home / "footage").glob("*")) == []


def test_a_live_camera_says_how_it_goes_and_hides_its_password(viot: Viot) -> None:
    add(viot, "gate 2", None, "rtsp://ana:secret@10.0.0.5/1", local_paths=False)
    assert "Live: not watched" in fleet_panel.cameras_html(viot)
    now = time.time()
    write_health(viot.home, 1, Health("gate 2", "live", fps=12.5, lag=2.0, heartbeat=now, last_frame=now))
    shown = fleet_panel.cameras_html(viot)
    assert "Live: live, 12.5 fps, lag 2.0 s" in shown
    assert "secret" not in shown


def test_an_odd_file_is_named_as_the_person_named_it_and_not_kept(viot: Viot, tmp_path: Path) -> None:
    odd = tmp_path / "letter.mp4"
    odd.write_text("dear all")
    with pytest.raises(MediaFault, match=r"letter\.mp4 is a text file") as caught:
        add(viot, "gate", odd)
    assert "footage" not in str(caught.value)
    assert list((viot.home / "footage").glob("*")) == []


def test_a_name_that_is_taken_loses_nothing(viot: Viot, clip: Path) -> None:
    add(viot, "gate", clip)
    source = Path(viot.library.cameras()[0].source)
    write_clip((np.full((48, 64, 3), 20, np.uint8) for _ in range(10)), clip, 10.0)
    with pytest.raises(UserFault, match="already a camera"):
        add(viot, "Gate", clip)
    assert source.is_file()
    assert clip.is_file()


def test_a_folder_is_a_camera_when_indexing_finds_a_video_in_it(viot: Viot, tmp_path: Path) -> None:
    folder = tmp_path / "recorder"
    folder.mkdir()
    (folder / ".half.mp4").write_bytes(b"x")
    with pytest.raises(MediaFault, match="holds no video"):
        add(viot, "gate", address=str(folder))
    (folder / "0001.dav").write_bytes(b"x")
    add(viot, "gate", address=str(folder))
    assert [p.name for p in sources.files(viot.library.cameras()[0])] == ["0001.dav"]


def test_a_fault_leaves_the_upload_to_be_added_again(viot: Viot, clip: Path) -> None:
    with pytest.raises(UserFault, match="no time zone"):
        add(viot, "gate", clip, tz="Mars/Olympus")
    add(viot, "gate", clip)
    assert clip.is_file()  # it may be attached to a conversation too
    with pytest.raises(BackendFault, match="cannot be kept"):
        add(viot, "yard", clip.with_name("gone.mp4"))
    assert len(list((viot.home / "footage").iterdir())) == 1


def test_two_cameras_of_like_names_keep_their_own_files(viot: Viot, clip: Path, tmp_path: Path) -> None:
    kept: list[Path] = []
    start = threading.Barrier(8)

    def keep() -> None:
        start.wait(10)
        kept.append(fleet_panel._keep(clip, tmp_path / "kept", "gate"))

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(kept)) == 8
    assert {p.stat().st_size for p in kept} == {clip.stat().st_size}


def test_a_camera_whose_recording_is_gone_says_so(viot: Viot, clip: Path) -> None:
    add(viot, "gate", clip)
    Path(viot.library.cameras()[0].source).unlink()
    assert "recording missing" in fleet_panel.cameras_html(viot)
    viot.library.remove_camera("gate")
    assert "no camera yet" in fleet_panel.cameras_html(viot)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (Job(1, "Indexing <b>", "running", "Looking at yard", 0.5, 0.0), ['value="0.500"', "50 %", "&lt;b&gt;"]),
        (Job(1, "Making", "running", "Starting", None, 0.0), ['<progress max="1" aria-label']),
        (Job(1, "Indexing", "done", "yard: 8 s", 1.0, 0.0), ["Done: Indexing", 'data-state="done"']),
        (Job(1, "Indexing", "failed", "no <disk>", None, 0.0), ["did not work", "no &lt;disk&gt;"]),
        (Job(1, "Indexing", "stopped", "Stopped.", None, 0.0), ["Stopped: Indexing"]),
    ],
)
def test_how_a_job_is_shown(job: Job, words: list[str]) -> None:
    shown = fleet_panel.job_html(job)
    assert [w for w in words if w not in shown] == []
    assert fleet_panel.job_html(None) == ""


# people ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pictures", "consent", "words"),
    [("", 1, "form", "needs a name"), ("Ana", 0, "form", "no picture"), ("Ana", 1, "  ", "consent")],
)
def test_enrolling_needs_name_picture_and_consent(
    viot: Viot, tmp_path: Path, name: str, pictures: int, consent: str, words: str
) -> None:
    with pytest.raises(UserFault, match=words):
        people.enrol(viot, name, [tmp_path / "a.jpg"] * pictures, consent)
    assert viot.library.people() == []


def test_a_picture_that_is_none_is_named_without_its_folder(viot: Viot, tmp_path: Path) -> None:
    odd = tmp_path / "me.jpg"
    odd.write_text("no")
    with pytest.raises(MediaFault, match=r"^me\.jpg is not a picture"):
        people.enrol(viot, "Ana", [odd], "form")


def test_people_are_listed_with_their_consent() -> None:
    shown = people.people_html([Person(1, "<Ana>", "form & more", 2)])
    assert "&lt;Ana&gt;" in shown
    assert "form &amp; more" in shown
    assert "Nobody is enrolled" in people.people_html([])


# history --------------------------------------------------------------------------------------------------------------


def test_conversations_are_links() -> None:
    shown = past.list_html([Conversation("c-a b", "Who <was> there?", 2, 0.0, 60.0)], "", "/cams")
    assert 'href="/cams/?c=c-a%20b"' in shown
    assert "Who &lt;was&gt; there?" in shown
    assert "2 requests" in shown
    assert "“&lt;x&gt;”" in past.list_html([], "<x>")
    assert "No conversation yet" in past.list_html([], " ")


# studio ---------------------------------------------------------------------------------------------------------------


def test_the_studio_offers_what_is_installed_and_says_what_is_not(viot: Viot) -> None:
    assert [s.name for s in studio.media_tools(viot.toolbox)] == ["darken"]
    absent = {s.name for s in studio.missing(viot.toolbox)}
    assert {"privacy_cloak", "masked_face_generation", "face_redaction"} <= absent
    shown = studio.state_html(viot.toolbox)
    assert shown.index("Darken") < shown.index("Not installed here") < shown.index("Privacy cloak")


def test_before_and_after(viot: Viot, tmp_path: Path) -> None:
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.full((40, 40, 3), 200, np.uint8))
    name, kinds = studio.variants(viot.toolbox, "darken")
    assert name == "mask"
    made = studio.make(viot, "ana", "darken", picture, kinds[0])
    assert made.words == f"The copy is four times darker, as {kinds[0]}."
    assert made.before == picture
    assert made.after is not None
    image = cv2.imread(str(made.after))
    assert image is not None
    assert int(image.max()) == 50
    assert viot.library.runs(owner="ana")[0].status == "answered"  # in the audit like any other


def test_a_picture_that_the_studio_cannot_read_is_named_without_its_folder(viot: Viot, tmp_path: Path) -> None:
    odd = tmp_path / "me.png"
    odd.write_text("no")
    with pytest.raises(MediaFault, match=r"^me\.png is not a picture"):
        studio.make(viot, "ana", "darken", odd, "")


@pytest.mark.parametrize(
    ("name", "given", "choice", "words"),
    [("cloak", True, "", "choose a tool"), ("darken", False, "", "no picture"), ("darken", True, "ice", "none of")],
)
def test_what_the_studio_refuses(viot: Viot, tmp_path: Path, name: str, given: bool, choice: str, words: str) -> None:
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserFault, match=words):
        studio.make(viot, "ana", name, picture if given else None, choice)


def test_the_page_has_the_studios_form_where_there_is_a_tool(viot: Viot) -> None:
    import gradio as gr

    from viot_agent.web.layout import Layout

    async def parts() -> int:  # as ``serve`` does: Gradio makes its parts inside a running loop
        with gr.Blocks(analytics_enabled=False):
            return len(Layout(viot, Options()).studio)

    assert asyncio.run(parts()) == 6
    viot.toolbox = Toolbox()
    assert asyncio.run(parts()) == 0


# benches --------------------------------------------------------------------------------------------------------------

ROW = Row("plates.eu.exact", "share", 0.85, 0.76, 0.94, 54, "ocr", "hub", 0.7)


def test_results_of_this_home_come_before_the_readmes(tmp_path: Path) -> None:
    (tmp_path / "benches").mkdir()
    Report((ROW,), command="viot bench vision --data d").write_json(tmp_path / "benches" / "v.json")
    (tmp_path / "benches" / "odd.json").write_text('{"no": "rows"}')
    (tmp_path / "benches" / "a folder.json").mkdir()
    readme = tmp_path / "README.md"
    other = replace(ROW, id="tools.SR", floor=None)
    reports = {"vision": Report((ROW,), command="old"), "tools": Report((other,), command="viot bench tools")}
    readme.write_text("".join(f"<!-- {n}:begin -->\n<!-- {n}:end -->\n" for n in reports))
    for name, report in reports.items():
        report.write_readme(readme, name)
    found, odd = benches.results(tmp_path, readme)
    assert [(r.name, r.command) for r in found] == [
        ("vision", "viot bench vision --data d"),
        ("tools", "viot bench tools"),
    ]
    assert found[0].rows == (ROW,)
    assert found[1].rows[0].value == 0.85
    assert found[1].rows[0].floor is None
    assert "odd.json is no result of a bench (KeyError: 'rows')" in odd
    assert [words for words in odd if words.startswith("a folder.json is no result")]
    shown = benches.page(found, odd)
    for words in ("Measured here", "From the README", "0.760 to 0.940", "odd.json is no result", "data-figure"):
        assert words in shown


def test_without_results_the_command_is_named(tmp_path: Path) -> None:
    assert benches.results(tmp_path, tmp_path / "none.md") == ([], [])
    assert "viot bench tools --json" in benches.page([])


def test_bars_show_shares_with_floors_and_leave_errors_to_the_table() -> None:
    rows = [
        ROW,
        replace(ROW, id="crowd.mae", value=0.5, low=0.1, high=0.9),
        replace(ROW, id="n", value=30.0, high=40.0),
    ]
    figure = benches.bars(rows)
    assert figure is not None
    go.Figure(figure)
    assert figure["data"][0]["y"] == ["plates.eu.exact (hub)"]
    assert figure["data"][1]["x"] == [0.7]
    assert benches.bars(rows[1:]) is None


def test_the_readme_of_this_checkout_is_read() -> None:
    found, _ = benches.results(Path("/nowhere"), benches.checkout_readme())
    assert {"vision", "tools"} <= {r.name for r in found}
    assert all(r.command.startswith("viot bench") for r in found)


# models ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "where", "words"),
    [
        ("mini", "built in, this machine", "do not leave this machine"),
        ("mini:/w.safetensors", "built in, weights of your own, this machine", "do not leave this machine"),
        ("hf:Qwen/Small+adapter=/a", "transformers, this machine", "with the adapter /a"),
        ("openai:http://gpu:8000/v1#big", "server gpu:8000", "pictures and videos do not"),
        ("what", "unknown", "Write mini, hf:"),
    ],
)
def test_the_picker_says_what_runs_where(spec: str, where: str, words: str) -> None:
    assert place(spec) == where
    assert words in model_words(spec, "builtin")
    assert "<script>" not in model_words(f"hf:<script>{spec}", "builtin")


def test_the_picker_offers_what_the_server_was_given() -> None:
    assert model_choices(Options(llms=("mini", "openai:http://gpu:8000/v1#big"))) == [
        ("mini (built in, this machine)", "mini"),
        ("big (server gpu:8000)", "openai:http://gpu:8000/v1#big"),
    ]
