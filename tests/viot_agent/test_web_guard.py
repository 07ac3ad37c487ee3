"""The gate: who asks, which paths exist, where a change comes from, how large an upload may be."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from viot_agent.policy import logins
from viot_agent.web.guard import COOKIE, Guard, browser_name, told_user
from viot_agent.web.options import Options, checked
from viot_agent.web.uploads import Uploads

SITE = "http://localhost:7860"


class Behind:
    """The application behind the gate: answers with the name it was told, remembers what it read."""

    def __init__(self) -> None:
        self.read = 0
        self.names: list[str] = []
        self.path = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.path = scope["root_path"] + "|" + scope["path"]
        self.names = [v.decode() for k, v in scope["headers"] if k == b"x-viot-user"]
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            more = message["type"] == "http.request" and message.get("more_body", False)
            self.read += len(message.get("body", b""))
        body = b"[]" if scope["path"].endswith("/upload") else self.names[0].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})


def ask(
    guard: Guard, path: str, method: str = "GET", *, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=SITE) as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(go())


def guarded(tmp_path: Path, **options: Any) -> tuple[Guard, Behind]:
    behind = Behind()
    chosen = checked(**options)
    return Guard(behind, chosen, Uploads(tmp_path, chosen.max_upload_bytes)), behind


def basic(words: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(words.encode()).decode()}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/?c=c-1", 200),
        ("/config", 200),
        ("/assets/index.js", 200),
        ("/media/page/viot.js", 200),
        ("/gradio_api/queue/data?session_hash=x", 200),
        ("/gradio_api/heartbeat/abc", 200),
        # what Gradio brings and this page does not need
        ("/gradio_api/proxy=https://example.org/x", 404),
        ("/gradio_api/file=https://example.org/x", 404),
        ("/gradio_api/file=/etc/passwd", 404),
        ("/gradio_api/file=../../etc/passwd", 404),
        ("/gradio_api/file/etc/passwd", 404),
        ("/gradio_api/vibe-code", 404),
        ("/gradio_api/deep_link", 404),
        ("/gradio_api/runs", 404),
        ("/gradio_api/openapi.json", 404),
        ("/monitoring", 404),
        ("/docs", 404),
        ("/library.db", 404),
    ],
)
def test_which_paths_exist(tmp_path: Path, path: str, status: int) -> None:
    guard, _ = guarded(tmp_path)
    assert ask(guard, path).status_code == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_do_not_exist(tmp_path: Path, method: str) -> None:
    assert ask(guarded(tmp_path)[0], "/", method).status_code == 405


def test_only_plain_files_below_the_uploads_are_served(tmp_path: Path) -> None:
    uploads, secret = tmp_path / "uploads", tmp_path / "secret.txt"
    (uploads / "a").mkdir(parents=True)
    (uploads / "a" / "face.jpg").write_bytes(b"x")
    secret.write_text("x")
    (uploads / "link.jpg").symlink_to(secret)
    (uploads / "out").symlink_to(tmp_path)
    kept = Uploads(uploads, 1_000_000)
    assert kept.may("ana", str(uploads / "a" / "face.jpg"))  # nobody's: the page made it
    for word in (
        str(secret),
        str(uploads / "link.jpg"),
        str(uploads / "out" / "secret.txt"),
        str(uploads / "a" / ".." / ".." / "secret.txt"),
        str(uploads),
        "a/face.jpg",
        "\0",
    ):
        assert not kept.may("ana", word), word


def test_passwords(tmp_path: Path) -> None:
    guard, behind = guarded(tmp_path, auth=["ana:se:cret", "ben:b"])
    assert ask(guard, "/", headers=basic("ana:se:cret")).text == "ana"
    refused = ask(guard, "/")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    for words in ("ana:wrong", "ana:", "nobody:", "nobody:se:cret", "ben:se:cret", ""):
        assert ask(guard, "/", headers=basic(words)).status_code == 401, words
    for header in ("Basic !!!", "Bearer x", "Basic " + base64.b64encode(b"\xff\xfe").decode()):
        assert ask(guard, "/", headers={"authorization": header}).status_code == 401, header
    assert ask(guard, "/media/evidence/run-1/e1.mp4").status_code == 401  # media too
    assert behind.names == ["ana"]


def test_a_name_outside_ascii_arrives_as_it_is(tmp_path: Path) -> None:
    told: list[str] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        told.append(told_user(Headers(scope=scope)))
        await Behind()(scope, receive, send)

    assert ask(
        Guard(behind, checked(auth=["Ångström 安:x"]), Uploads(tmp_path, 1)), "/", headers=basic("Ångström 安:x")
    ).is_success
    assert told == ["Ångström 安"]
    assert told_user({}) == ""


def test_without_passwords_each_browser_has_a_name_of_its_own(tmp_path: Path) -> None:
    guard, _ = guarded(tmp_path)
    first, second = ask(guard, "/"), ask(guard, "/")
    assert first.text != second.text
    token = first.cookies[COOKIE]
    again = ask(guard, "/", headers={"cookie": f"other=1; {COOKIE}={token}"})
    assert again.text == first.text == browser_name(token)
    assert token not in first.text  # what the library keeps opens nothing
    assert "set-cookie" not in again.headers
    assert "httponly" in first.headers["set-cookie"].lower()
    for broken in ("short", "x" * 200, "a b", '"'):
        assert ask(guard, "/", headers={"cookie": f"{COOKIE}={broken}"}).text.startswith("browser-")


def test_nobody_says_who_they_are_by_a_header(tmp_path: Path) -> None:
    guard, behind = guarded(tmp_path, auth=["ana:x"])
    ask(guard, "/", headers={**basic("ana:x"), "x-viot-user": "ben"})
    assert behind.names == ["ana"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"origin": SITE}, 200),
        ({"origin": SITE, "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": SITE}, 403),
        ({"origin": "https://cams.example", "x-forwarded-host": "cams.example"}, 200),  # behind a proxy
    ],
)
def test_changes_come_from_our_own_pages(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    guard, _ = guarded(tmp_path)
    assert ask(guard, "/gradio_api/queue/join", "POST", headers=headers, content=b"{}").status_code == status


@pytest.mark.parametrize(
    ("host", "options", "status"),
    [
        ("localhost:7860", {}, 200),
        ("127.0.0.1", {}, 200),
        ("[::1]:7860", {}, 200),
        ("cams.localhost", {}, 200),
        ("evil.example:7860", {}, 421),  # a name of theirs that was pointed at this machine
        ("127.0.0.1.evil.example", {}, 421),
        ("localhost.evil.example", {}, 421),
        ("192.168.0.4", {}, 421),
        ("", {}, 421),
        ("[", {}, 421),
        ("cams.example", {"root_path": "/cams"}, 200),
        ("cams.example", {"root_path": "/"}, 200),  # a proxy without a prefix
        ("cams.example", {"host": "0.0.0.0"}, 200),
    ],
)
def test_a_page_for_this_machine_is_reached_by_its_own_name_only(
    tmp_path: Path, host: str, options: dict[str, str], status: int
) -> None:
    guard, behind = guarded(tmp_path, **options)
    assert ask(guard, "/", headers={"host": host}).status_code == status
    join = ask(guard, "/gradio_api/queue/join", "POST", headers={"host": host}, content=b"{}")
    assert join.status_code == status
    assert bool(behind.names) is (status == 200)


def test_an_event_names_no_file_but_an_upload(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (tmp_path / "face.png").write_bytes(b"x")
    mine = uploads / "50%41.png"
    mine.write_bytes(b"x")
    behind = Behind()
    guard = Guard(behind, Options(), Uploads(uploads, 1_000_000))

    def join(body: bytes, path: str = "/gradio_api/queue/join") -> int:
        return ask(guard, path, "POST", content=body).status_code

    def event(path: object) -> bytes:
        meta = {"_type": "gradio.FileData"}
        return json.dumps({"data": [{"text": "who?", "files": [{"path": path, "meta": meta}]}, "mini"]}).encode()

    good = event(str(mine))
    assert join(good) == 200
    assert behind.read == len(good)
    assert join(b"") == join(b"{}") == join(event(None)) == 200
    behind.read = 0
    for path in (
        str(tmp_path / "face.png"),
        str(uploads / ".." / "face.png"),
        "/etc/passwd",
        "https://example.org/x.png",
        "http://127.0.0.1:1/",
        {"path": str(mine)},
        7,
    ):
        assert join(event(path)) == 403, path
        assert join(event(path), "/gradio_api/run/predict") == 403, path
    twice = good.replace(b'"path": ', b'"path": "/etc/passwd", "path": ')
    for body in (twice, b"not json", b"[" * 100_000):
        assert join(body) == 403
    assert join(b'{"data": "' + b"x" * 1_000_000 + b'"}') == 413
    assert behind.read == 0


def test_a_large_upload_is_refused_before_it_is_read(tmp_path: Path) -> None:
    guard, behind = guarded(tmp_path, max_upload_mb=1)
    refused = ask(guard, "/gradio_api/upload", "POST", content=b"x" * 1_200_000)
    assert refused.status_code == 413
    assert "1 MB" in refused.text
    assert behind.read == 0
    assert ask(guard, "/gradio_api/upload", "POST", content=b"x" * 900_000).status_code == 200
    assert behind.read == 900_000


def test_a_body_that_does_not_tell_its_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    guard, behind = guarded(tmp_path, max_upload_mb=1)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    ask(guard, "/gradio_api/upload", "POST", content=body())
    assert behind.read <= 1_100_000


def test_behind_a_proxy(tmp_path: Path) -> None:
    guard, behind = guarded(tmp_path, root_path="/cameras")
    for path in ("/cameras/", "/cameras", "/", "/cameras/media/page/viot.js", "/media/page/viot.js"):
        assert ask(guard, path).status_code == 200, path
        whole = "/cameras/" if path.rstrip("/") in ("", "/cameras") else "/cameras/media/page/viot.js"
        assert behind.path == f"/cameras|{whole}"  # whether the proxy takes its prefix off or not
    assert ask(guard, "/camerasx/media/page/viot.js").status_code == 404
    assert "Path=/cameras;" in ask(guard, "/cameras/").headers["set-cookie"]


def test_every_answer_forbids_what_is_elsewhere(tmp_path: Path) -> None:
    guard, _ = guarded(tmp_path, auth=["ana:x"])
    for answer in (ask(guard, "/"), ask(guard, "/", headers=basic("ana:x")), ask(guard, "/x", headers=basic("ana:x"))):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_wrong_passwords_make_the_name_wait(tmp_path: Path) -> None:
    guard, _ = guarded(tmp_path, auth=["ana:right", "ben:right"])
    for _ in range(3 * logins.FREE):
        assert ask(guard, "/").status_code == 401  # no password at all is no wrong one
    for n in range(logins.FREE):
        assert ask(guard, "/", headers=basic(f"ana:{n}")).status_code == 401
    late = ask(guard, "/", headers=basic("ana:right"))  # not looked at: a guess would else be told
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1
    assert "Try again in" in late.text
    assert ask(guard, "/", headers=basic("ben:right")).status_code == 200  # somebody else behind the same router


@pytest.mark.parametrize("header", ["Basic !!!", "Bearer x", "Basic " + base64.b64encode(b":guess").decode(), "x"])
def test_headers_that_name_nobody_lock_nobody_out(tmp_path: Path, header: str) -> None:
    guard, _ = guarded(tmp_path, auth=["ana:right"])
    for _ in range(logins.FREE + 1):
        assert ask(guard, "/", headers={"authorization": header}).status_code == 401
    assert ask(guard, "/").status_code == 401  # not 429: a browser behind the same proxy is asked for its person
    assert ask(guard, "/", headers=basic("ana:right")).status_code == 200


class Taking(Behind):
    """Gradio's upload route: keeps the body as a file, and gives back its path."""

    def __init__(self, folder: Path, status: int = 200) -> None:
        super().__init__()
        self.folder, self.status = folder, status

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await super().__call__(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        path = self.folder / hashlib.sha256(body).hexdigest() / "me.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body)
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        for part in json.dumps([str(path)]).partition("/"):
            await send({"type": "http.response.body", "body": part.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def test_an_upload_is_seen_by_who_sent_it(tmp_path: Path) -> None:
    guard = Guard(Taking(tmp_path), checked(auth=["ana:a", "ben:b"]), Uploads(tmp_path, 1_000_000))
    [path] = ask(guard, "/gradio_api/upload", "POST", content=b"her face", headers=basic("ana:a")).json()
    event = json.dumps({"data": [{"path": path}]}).encode()

    def seen(words: str) -> tuple[int, int]:
        file = ask(guard, "/gradio_api/file=" + path, headers=basic(words)).status_code
        named = ask(guard, "/gradio_api/queue/join", "POST", content=event, headers=basic(words)).status_code
        return file, named

    assert seen("ana:a") == (200, 200)
    assert seen("ben:b") == (404, 403)
    ask(guard, "/gradio_api/upload", "POST", content=b"her face", headers=basic("ben:b"))  # he has the same picture
    assert seen("ben:b") == seen("ana:a") == (200, 200)


def test_one_person_uploads_so_much_and_hears_it_before(tmp_path: Path) -> None:
    guard = Guard(Taking(tmp_path), checked(auth=["ana:a", "ben:b"], max_upload_mb=1), Uploads(tmp_path, 1_000_000))

    def send(number: int, words: str) -> httpx.Response:
        body = bytes([number]) * 900_000
        return ask(guard, "/gradio_api/upload", "POST", content=body, headers=basic(words))

    def room(size: object, words: str) -> httpx.Response:
        return ask(guard, f"/media/room?bytes={size}", headers=basic(words))

    assert room(900_000, "ana:a").text == ""
    assert [send(n, "ana:a").status_code for n in range(11)] == [200] * 11
    refused = send(12, "ana:a")
    assert refused.status_code == 413
    assert "You have 10 MB of uploads here, and 10 MB is the most for one person" in refused.text
    assert room(900_000, "ana:a").text == refused.text
    assert room(50_000, "ana:a").text == ""
    for odd in ("", "x", "-1", "\N{SUPERSCRIPT TWO}", "9" * 40):
        assert room(odd, "ana:a").text == ""
    assert send(12, "ben:b").status_code == 200
    assert room(900_000, "").status_code == 401


def test_an_upload_that_failed_counts_nothing(tmp_path: Path) -> None:
    kept = Uploads(tmp_path, 1_000_000)
    guard = Guard(Taking(tmp_path, 400), checked(auth=["ana:a"], max_upload_mb=1), kept)
    for n in range(15):
        body = bytes([n]) * 900_000
        assert ask(guard, "/gradio_api/upload", "POST", content=body, headers=basic("ana:a")).status_code == 400
    assert kept.refusal("ana", 1_000_000) == ""


def test_what_arrived_of_a_broken_upload_counts_while_it_may_lie_there(tmp_path: Path) -> None:
    """Gradio leaves the part of a file that came; somebody who breaks off again and again fills no disk."""
    kept = Uploads(tmp_path, 1_000_000)
    guard = Guard(Taking(tmp_path, 400), checked(auth=["ana:a"], max_upload_mb=1), kept)
    kept.begin("ben", 1000)  # is still sending: what lies there may be his
    (tmp_path / "tmpabc").write_bytes(b"x" * 900_000)
    for n in range(10):
        body = bytes([n]) * 900_000
        assert ask(guard, "/gradio_api/upload", "POST", content=body, headers=basic("ana:a")).status_code == 400
    refused = ask(guard, "/gradio_api/upload", "POST", content=b"x" * 1_000_000 + b"x", headers=basic("ana:a"))
    assert refused.status_code == 413
    assert "You have 9 MB of uploads here" in refused.text
    assert (tmp_path / "tmpabc").exists()
    kept.end("ben", 1000)
    assert not (tmp_path / "tmpabc").exists()
    assert kept.refusal("ana", 1_000_000) == ""
