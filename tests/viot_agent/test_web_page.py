"""The whole application, asked over HTTP without a browser: the document, its shell, what is offered and what not."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio.to_thread
import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.requests import ClientDisconnect

from viot_agent.media.clips import write_clip
from viot_agent.system import Viot
from viot_agent.web.chat import AT_ONCE
from viot_agent.web.guard import COOKIE
from viot_agent.web.jobs import Jobs
from viot_agent.web.options import checked
from viot_agent.web.page import ASKING, Page, mark, stop_button
from viot_agent.web.serve import Served, _no_farewell, build, quiet_end
from viot_agent.web.shell import Shell


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Viot.open(tmp_path_factory.mktemp("page") / "home") as viot:
        made = build(viot, checked(root_path="/cams", max_upload_mb=7))
        yield made
        made.close()
    assert not made.uploads.folder.exists()  # what was attached goes with the server


def get(app: Any, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page.test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def test_the_document_shows_words_before_any_script_and_names_no_other_host(served: Served) -> None:
    answer = get(served.app, "/")
    assert answer.status_code == 200
    page = answer.text
    assert page.index('id="viot-shell"') < page.index("<gradio-app")
    assert "Opening the page" in page
    assert '<script id="viot-script" src="/cams/media/page/viot.js" data-prefix="/cams" data-max-mb="7"' in page
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=\"([^\"]+)\"", page)
    assert loaded
    assert [address for address in loaded if "//" in address] == []
    assert 'content="http' not in page
    theme = get(served.app, "/theme.css")
    assert theme.status_code == 200
    assert re.search(r"url\([\"']?\s*(?:https?:)?//|@import", theme.text) is None


def test_the_pages_events_are_no_api(served: Served) -> None:
    info = get(served.app, "/gradio_api/info").json()
    assert info == {"named_endpoints": {}, "unnamed_endpoints": {}}


def test_every_field_has_a_label(served: Served) -> None:
    config = get(served.app, "/config").json()
    fields = [c for c in config["components"] if c["type"] in ("textbox", "dropdown", "file", "multimodaltextbox")]
    assert len(fields) > 10
    assert [c for c in fields if not c["props"].get("label")] == []


def test_the_tabs_are_there_in_order(served: Served) -> None:
    config = get(served.app, "/config").json()
    tabs = [c["props"]["label"] for c in config["components"] if c["type"] == "tabitem"]
    assert tabs == ["Chat", "Fleet", "People", "History", "Privacy studio", "Benchmarks"]


def test_telemetry_is_off(served: Served) -> None:
    assert get(served.app, "/config").json()["analytics_enabled"] is False


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=README.md",
        "/gradio_api/file=https://example.org/",
        "/gradio_api/proxy=https://example.org/",
        "/media/evidence/run-0/../../library.db",
        "/media/nothing",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_nothing_else_is_served(served: Served, path: str) -> None:
    answer = get(served.app, path)
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_file_that_was_not_uploaded_is_not_taken_for_one(served: Served, tmp_path: Path) -> None:
    """Gradio copies any path that an event names into its cache, and fetches an address: neither may reach it."""
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    config = get(served.app, "/config").json()
    [box] = [c["id"] for c in config["components"] if c["type"] == "multimodaltextbox"]
    event = next(d["id"] for d in config["dependencies"] if d["inputs"][:1] == [box])

    def join(path: str, cookie: str = "") -> httpx.Response:
        files = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
        body = {"data": [{"text": "who?", "files": files}, "mini"], "fn_index": event, "session_hash": "abc"}
        return get(served.app, "/gradio_api/queue/join", "POST", json=body, headers={"cookie": cookie})

    for path in (str(secret), "http://example.invalid/x.png"):
        assert join(path).status_code == 403
    assert list(served.uploads.folder.rglob("*.png")) == []
    sent = get(served.app, "/gradio_api/upload", "POST", files={"files": ("me.png", secret.read_bytes())})
    assert [str(p) for p in served.uploads.folder.rglob("*.png")] == sent.json()
    assert join(sent.json()[0]).status_code == 403  # of another browser: it was given another cookie
    assert join(sent.json()[0], f"{COOKIE}={sent.cookies[COOKIE]}").status_code == 200


def test_requests_leave_threads_for_everything_else(tmp_path: Path) -> None:
    async def events() -> list[tuple[str, object]]:
        default = anyio.to_thread.current_default_thread_limiter().total_tokens
        assert AT_ONCE < ASKING < default - 8
        blocks = Page(viot, checked(), Jobs(viot.home)).blocks()
        fns = [f for f in blocks.fns.values() if getattr(f.fn, "__name__", "") in ("_ask", "_ask_words")]
        return [(str(f.concurrency_id), f.concurrency_limit) for f in fns]

    with Viot.open(tmp_path / "home") as viot:
        found = asyncio.run(events())
    assert len(found) == 5  # the box and four examples, which share one limit
    assert set(found) == {("ask", ASKING)}


def test_a_video_that_is_attached_enrols_nobody(tmp_path: Path) -> None:
    clip, face = tmp_path / "walk.m4v", tmp_path / "me.png"
    write_clip((np.full((48, 64, 3), 90, np.uint8) for _ in range(10)), tmp_path / "walk.mp4", 10.0)
    (tmp_path / "walk.mp4").rename(clip)
    Image.new("RGB", (64, 64)).save(face)
    asking: Any = SimpleNamespace(session_hash="k", headers={"x-viot-user": "ana"})
    with Viot.open(tmp_path / "home") as viot:
        page = Page(viot, checked(), Jobs(viot.home))
        page.sessions.of(asking).attach([clip])
        assert "there is no picture" in page._enrol("Ana", "form", None, asking)[0]
        page.sessions.of(asking).attach([face])
        words = page._enrol("Ana", "form", None, asking)[0]
        assert "me.png" in words and "no face" in words.lower()  # the picture is looked at, the video is not
        assert "walk" not in words and str(tmp_path) not in words


def test_the_mark_of_a_conversation_is_escaped() -> None:
    assert mark('"><img src=x>') == '<span id="viot-conversation" data-id="&quot;&gt;&lt;img src=x&gt;"></span>'


def test_only_a_document_is_rewritten() -> None:
    async def picture(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
        await send({"type": "http.response.body", "body": b"<head></head><body>"})

    answer = get(Shell(picture, "HEAD", "BODY"), "/")
    assert answer.content == b"<head></head><body>"
    assert answer.headers["content-length"] == "19"


def test_a_document_in_pieces_is_rewritten_whole() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        meta = b'<meta property="og:image" content="https://x/y.jpg" />'
        for part in (b"<html><head>" + meta + b"</he", b"ad><body cl", b'ass="a"></body>'):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"</html>"})

    assert get(Shell(page, "HEAD", "BODY"), "/").text == '<html><head>HEAD</head><body class="a">BODY</body></html>'


def test_a_home_that_is_used_elsewhere_is_left_alone(tmp_path: Path) -> None:
    with Viot.open(tmp_path / "home") as viot:
        one, two = build(viot, checked()), build(viot, checked())
        assert one.uploads.folder != two.uploads.folder
        one.close()
        two.close()
        assert (tmp_path / "home" / "library.db").is_file()


def test_the_button_says_that_a_stop_was_heard() -> None:
    looks = [(b["value"], b["interactive"]) for b in (stop_button(True), stop_button(True, True), stop_button(False))]
    assert looks == [("Stop", True), ("Stopping…", False), ("Stop", False)]


def test_pages_that_are_open_at_the_end_are_no_news() -> None:
    def line(message: str, error: BaseException | None = None) -> logging.LogRecord:
        told = None if error is None else (type(error), error, None)
        return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, message, (), told)

    assert not _no_farewell(line("Exception in ASGI application", asyncio.CancelledError()))
    assert not _no_farewell(line("Cancel %d running task(s), timeout graceful shutdown exceeded"))
    assert _no_farewell(line("Exception in ASGI application", ZeroDivisionError()))
    assert _no_farewell(line("the port is taken"))


def test_the_farewell_is_left_out_at_the_end_only() -> None:
    heard: list[str] = []
    ending = threading.Event()
    log = logging.Logger("server")
    handler = logging.Handler()
    handler.emit = lambda entry: heard.append(entry.msg)  # type: ignore[method-assign]
    log.addHandler(handler)

    def broke(message: str) -> None:
        log.error(message, exc_info=(asyncio.CancelledError, asyncio.CancelledError(), None))

    with quiet_end(log, ending.is_set):
        broke("while it serves")
        ending.set()
        broke("a page was still open")
        log.error("the disk is full")
    broke("another server")
    assert heard == ["while it serves", "the disk is full", "another server"]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Gradio's, of that part
def test_a_broken_upload_leaves_nothing_behind(served: Served) -> None:
    """Gradio writes what arrives into the uploads' folder, and forgets it when the browser goes away."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    coming = iter([head + b"y" * 500_000, b"y" * 500_000])
    lain: list[int] = []

    async def receive() -> dict[str, Any]:
        part = next(coming, None)
        if part is None:
            lain.append(sum(f.stat().st_size for f in served.uploads.folder.glob("tmp*")))
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(message: Any) -> None:
        return

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/gradio_api/upload", "raw_path": b"/gradio_api/upload", "query_string": b"", "root_path": "",
        "server": ("page.test", 80), "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"page.test"), (b"content-type", b"multipart/form-data; boundary=x"),
                    (b"content-length", b"2000000")],
    }  # fmt: skip
    with suppress(ClientDisconnect):
        asyncio.run(served.app(scope, receive, send))  # type: ignore[arg-type]
    gc.collect()
    assert lain[0] > 400_000, "or Gradio puts it elsewhere now"
    assert list(served.uploads.folder.glob("tmp*")) == []
