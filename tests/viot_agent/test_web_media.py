"""The media routes on a real home: ranges, owners, traversal, links; clips and stills that are made when asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from viot_agent.errors import MediaFault
from viot_agent.library.fake_analyzer import FakeThings
from viot_agent.library.ingest import ingest
from viot_agent.media.clips import write_clip
from viot_agent.media.pictures import decode_image
from viot_agent.media.readers import open_media
from viot_agent.steps import Answer, Evidence, Observation, Principal, Request, Run, Step, Thought, ToolCall
from viot_agent.system import Viot
from viot_agent.web.media import below, media_routes, page_file
from viot_agent.web.stills import Stills, taken

RUN = "run-0a1b2c3d"


@dataclass
class Site:
    """A home with one camera, a run of Ana's, and the routes over it."""

    viot: Viot
    app: FastAPI

    def get(self, path: str, user: str = "ana", headers: dict[str, str] | None = None) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.get(path, headers={"x-viot-user": user, **(headers or {})})

        return asyncio.run(go())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    footage = root / "footage" / "yard.mp4"
    footage.parent.mkdir()
    shades = (np.full((120, 160, 3), 40 + 2 * n, np.uint8) for n in range(60))
    write_clip(shades, footage, 10.0)
    with Viot.open(root / "home") as viot:
        viot.add_camera("yard", str(footage), tz="UTC", start=1000.0)
        ingest(viot.library, "yard", [FakeThings()], open_reader=open_media)
        pieces = (
            Evidence("e1", "yard", 1001.0, 1004.0, "look", "eye", "1", at=1003.0, xyxy=(10.0, 10.0, 60.0, 90.0)),
            Evidence("e2", "yard", 9000.0, 9001.0, "look", "eye", "1"),  # a time without footage
        )
        seen = Observation("c1", "look", "ok", "Seen.", "found", evidence=pieces)
        step = Step(Thought("I look."), ToolCall("c1", "look", {}), seen)
        request = Request("who?", principal=Principal("ana"))
        viot.library.save_run(Run(RUN, request, (step,), Answer("Seen.", "answered"), "mini", 0.1))
        folder = viot.home / "evidence" / RUN
        folder.mkdir(parents=True)
        (folder / "e9.jpg").write_bytes(b"\xff\xd8" + b"j" * 5000)
        (folder / "notes.txt").write_text("no")
        (folder / "link.jpg").symlink_to(viot.home / "library.db")
        (viot.home / "evidence" / "run-eeeeeeee").symlink_to(viot.home)
        app = FastAPI()
        app.include_router(media_routes(viot))
        yield Site(viot, app)


def test_ranges(site: Site) -> None:
    whole = site.get(f"/media/evidence/{RUN}/e9.jpg")
    assert (whole.status_code, len(whole.content)) == (200, 5002)
    assert whole.headers["accept-ranges"] == "bytes"
    part = site.get(f"/media/evidence/{RUN}/e9.jpg", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == "bytes 10-19/5002"
    assert site.get(f"/media/evidence/{RUN}/e9.jpg", headers={"range": "bytes=9000-"}).status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        f"/media/evidence/{RUN}/../../library.db",
        f"/media/evidence/{RUN}/..%2f..%2flibrary.db",
        f"/media/evidence/{RUN}/%2e%2e",
        "/media/evidence/../library.db",
        f"/media/evidence/{RUN}/link.jpg",  # a link out
        "/media/evidence/run-eeeeeeee/library.db",
        f"/media/evidence/{RUN}/notes.txt",  # no kind that a page shows
        f"/media/evidence/{RUN}/e5.jpg",
        f"/media/exports/{RUN}/e9.jpg",
        "/media/evidence/run-ffffffff/e1.mp4",
        "/media/evidence/run-' OR 1=1/e1.mp4",
        f"/media/home/{RUN}/e9.jpg",
        f"/media/frame/{RUN}/e7.jpg",
        "/media/recording/1/99",
        "/media/recording/9/1",
        "/media/recording/x/y",
        "/media/recording/\N{SUPERSCRIPT TWO}/1",  # a digit that is no number
        "/media/recording/1/\N{SUPERSCRIPT TWO}",
        f"/media/recording/1/{10**40}",
        "/media/still/9.jpg",
        "/media/page/../page.py",
        "/media/page/page.py",
        f"/media/evidence/{RUN}/e2.mp4",  # there is no footage to cut it from
    ],
)
def test_what_is_not_served(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code in (404, 422), (path, answer.status_code)
    assert str(site.viot.home) not in answer.text
    assert ".db" not in answer.text


def test_a_run_is_its_owners(site: Site) -> None:
    for name in (f"evidence/{RUN}/e9.jpg", f"evidence/{RUN}/e1.mp4", f"frame/{RUN}/e1.jpg"):
        assert site.get(f"/media/{name}", user="ana").status_code == 200
        assert site.get(f"/media/{name}", user="ben").status_code == 404
        assert site.get(f"/media/{name}", user="").status_code == 404


def test_a_clip_is_cut_when_it_is_asked_for(site: Site) -> None:
    file = site.viot.home / "evidence" / RUN / "e1.mp4"
    file.unlink(missing_ok=True)
    answer = site.get(f"/media/evidence/{RUN}/e1.mp4")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert open_media(file).info.duration == pytest.approx(3.0, abs=0.3)


def test_the_frame_of_a_piece_is_its_moment_with_the_box(site: Site) -> None:
    image = decode_image(site.get(f"/media/frame/{RUN}/e1.jpg").content)
    assert image.shape[:2] == (120, 160)
    assert int(image[100, 120].mean()) == pytest.approx(40 + 2 * 30, abs=6)  # the grey of second 3
    assert int(np.ptp(image[5:95, 5:65].astype(int), axis=2).max()) > 60  # a coloured box on grey


def test_recordings_are_served_whole_from_where_they_lie(site: Site, tmp_path: Path) -> None:
    [row] = site.viot.library.media_rows("yard")
    camera = site.viot.library.cameras()[0]
    part = site.get(f"/media/recording/{camera.id}/{row.id}", headers={"range": "bytes=0-7"})
    assert (part.status_code, part.content[4:8]) == (206, b"ftyp")
    original = row.path.read_bytes()
    try:
        row.path.unlink()
        row.path.symlink_to(site.viot.home / "library.db")  # put there after the camera was added
        assert site.get(f"/media/recording/{camera.id}/{row.id}").status_code == 404
    finally:
        row.path.unlink()
        row.path.write_bytes(original)


def test_a_still_is_not_made_of_a_link_that_leads_elsewhere(site: Site, tmp_path: Path) -> None:
    folder, secret = tmp_path / "recordings", tmp_path / "secret.mp4"
    folder.mkdir()
    for path in (folder / "a.mp4", secret):
        write_clip((np.full((48, 64, 3), 90, np.uint8) for _ in range(10)), path, 10.0)
    camera = site.viot.add_camera("shed", str(folder), tz="UTC")
    try:
        assert site.get(f"/media/still/{camera.id}.jpg").status_code == 200
        (folder / "b.mp4").symlink_to(secret)
        os.utime(secret, (2e9, 2e9))  # the newest
        assert site.get(f"/media/still/{camera.id}.jpg").status_code == 404
        assert taken(site.viot, camera) == ""
    finally:
        site.viot.library.remove_camera("shed")


def test_a_still_says_when_it_was_recorded(site: Site, tmp_path: Path) -> None:
    [row] = site.viot.library.media_rows("yard")
    camera = site.viot.library.cameras()[0]
    assert taken(site.viot, camera) == site.viot.fleet.local(1006.0, camera)  # six seconds from 1000 on
    original = row.path.read_bytes()
    try:
        row.path.write_bytes(original + b"\0")  # another recording than the one that was indexed
        assert "not indexed yet; its file is of" in taken(site.viot, camera)
        row.path.unlink()
        assert taken(site.viot, camera) == ""
    finally:
        row.path.write_bytes(original)


def test_the_still_of_a_camera_is_its_last_picture_and_made_once(site: Site) -> None:
    camera = site.viot.library.cameras()[0]
    answer = site.get(f"/media/still/{camera.id}.jpg")
    assert answer.status_code == 200
    assert int(decode_image(answer.content)[60, 80].mean()) == pytest.approx(40 + 2 * 59, abs=6)
    stills = Stills(site.viot, site.viot.home / "cache" / "stills")
    first = stills.of_camera(camera)
    stamp = first.stat().st_mtime_ns
    assert stills.of_camera(camera).stat().st_mtime_ns == stamp


def test_a_piece_without_footage_has_no_still(site: Site) -> None:
    stills = Stills(site.viot, site.viot.home / "cache" / "stills")
    with pytest.raises(MediaFault, match="no footage of yard"):
        stills.of_evidence(RUN, Evidence("e2", "yard", 9000.0, 9001.0, "look", "eye", "1"))


def test_the_pages_own_files(site: Site) -> None:
    for name in ("viot.js", "viot.css", "plotly.min.js"):
        answer = site.get(f"/media/page/{name}")
        assert answer.status_code == 200
        assert len(answer.content) == page_file(name).stat().st_size


@pytest.mark.parametrize("inside", ["..", "a/..", "/etc/passwd", "a//b", "", ".", "a\\b", "a\0", "a/../b", "~"])
def test_below_takes_plain_names_only(tmp_path: Path, inside: str) -> None:
    (tmp_path / "b").write_text("x")
    assert below(tmp_path, inside) is None


def test_below_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "e1.mp4").write_text("x")
    assert below(tmp_path, "run/e1.mp4") == (tmp_path / "run" / "e1.mp4").resolve()
    assert below(tmp_path, "run") is None  # a folder
