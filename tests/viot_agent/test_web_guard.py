"""The gate: who asks, which paths exist, where a change comes from, how large an upload may be."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from viot_agent.web.guard import COOKIE, Guard, browser_name
from viot_agent.web.options import Options, checked

SITE = "http://cameras.local"


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
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": self.names[0].encode()})


def ask(
    guard: Guard, path: str, method: str = "GET", *, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=SITE) as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(go())


def guarded(tmp_path: Path, **options: Any) -> tuple[Guard, Behind]:
    behind = Behind()
    return Guard(behind, checked(**options), tmp_path), behind


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
    guard = Guard(Behind(), Options(), uploads)
    assert guard.uploaded(str(uploads / "a" / "face.jpg"))
    for word in (
        str(secret),
        str(uploads / "link.jpg"),
        str(uploads / "out" / "secret.txt"),
        str(uploads / "a" / ".." / ".." / "secret.txt"),
        str(uploads / "a" / "%2e%2e" / "%2e%2e" / "secret.txt"),
        str(uploads),
        "a/face.jpg",
        "\0",
    ):
        assert not guard.uploaded(word), word


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
