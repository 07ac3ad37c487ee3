"""The MCP server with a real client: in process, over streamable HTTP on a socket, over stdio in another process."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from viot_agent.serve.asks import Worked
from viot_agent.serve.files import Files
from viot_agent.serve.gate import Limits
from viot_agent.serve.mcp_server import ATTACH, PURPOSE, Offered, server_of
from viot_agent.serve.shown import Shown
from viot_agent.serve.signing import Signer
from viot_agent.steps import Principal
from viot_agent.system import Viot
from viot_agent.toolbox import Toolbox
from viot_agent.web.uploads import Uploads


@pytest.fixture(scope="module")
def house(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viot]:
    with serving.make_house(tmp_path_factory.mktemp("mcp")) as made:
        yield made


@pytest.fixture
def offered(house: Viot, tmp_path: Path) -> Iterator[Offered]:
    uploads = Uploads.open(1_000_000, tmp_path)
    yield Offered(house, Files(house, uploads), Shown(house, Signer.of_home(house.home)), Worked())
    uploads.close()


def of(offered: Offered, name: str = "local") -> Client:
    """A client of somebody, in this process."""
    who = Principal() if name == "local" else Principal(name)
    return Client(server_of(offered, lambda context: who))


def run(work: Any) -> Any:
    return asyncio.run(work)


def test_every_tool_is_there_with_its_schema_and_its_typed_result(offered: Offered) -> None:
    async def go() -> None:
        async with of(offered) as client:
            tools = {t.name: t for t in (await client.list_tools()).tools}
            assert set(tools) == {s.name for s in offered.viot.toolbox} | {ATTACH}
            for spec in offered.viot.toolbox:
                assert tools[spec.name].input_schema == spec.schema()
                assert spec.description in (tools[spec.name].description or "")
                assert (tools[spec.name].output_schema or {})["properties"]["verdict"] == {
                    "title": "Verdict",
                    "type": "string",
                }

    run(go())


def test_a_call_brings_words_a_picture_a_link_and_the_same_typed(offered: Offered) -> None:
    async def go() -> None:
        async with of(offered) as client:
            result = await client.call_tool("look", {"cameras": ["yard"]})
            assert not result.is_error
            words, picture, link = result.content
            assert words.text == "Something was seen on yard."
            assert base64.b64decode(picture.data).startswith(b"\xff\xd8\xff")
            typed = result.structured_content
            assert (typed["status"], typed["verdict"], typed["tool"]) == ("ok", "found", "look")
            assert typed["evidence"][0]["clip_uri"] == link.uri
            assert "picture" not in typed["evidence"][0]
            assert str(offered.viot.home) not in json.dumps(typed)
            clip = (await client.read_resource(link.uri)).contents[0]
            assert clip.mime_type == "video/mp4"
            assert base64.b64decode(clip.blob)[4:8] == b"ftyp"
            listed = {r.uri for r in (await client.list_resources()).resources}
            assert {link.uri, typed["evidence"][0]["picture_uri"]} <= listed
        row = offered.viot.library.runs(limit=1)[0]
        assert (row.id, row.request) == (typed["run"], "look: cameras ['yard']")
        assert offered.viot.audit.search(kind="run")[-1].run == row.id

    run(go())


def test_what_is_somebody_elses_cannot_be_read_or_named(offered: Offered) -> None:
    async def go() -> None:
        async with of(offered) as mine, of(offered, "ben") as theirs:
            piece = (await mine.call_tool("look", {})).structured_content["evidence"][0]
            with pytest.raises(MCPError, match="no such resource of yours"):
                await theirs.read_resource(piece["picture_uri"])
            with pytest.raises(MCPError, match="no such resource of yours"):
                await theirs.read_resource("viot://evidence/run-00000000/e1.jpg")
            result = await theirs.call_tool("blur", {"media": piece["picture_uri"]})
            assert result.is_error
            assert "you have no file" in result.content[0].text
            assert (await theirs.list_resources()).resources == []

    run(go())


@pytest.mark.parametrize(
    "uri",
    [
        "viot://evidence/../serve.key",
        "viot://evidence/run-1/../../serve.key",
        "viot://evidence/run-00000000/%2e%2e",
        "viot://serve.key",
        "viot://recording/1/1.mp4",
        "file:///etc/passwd",
        "http://127.0.0.1/",
    ],
)
def test_nothing_else_can_be_read(offered: Offered, uri: str) -> None:
    async def go() -> None:
        async with of(offered) as client:
            with pytest.raises(MCPError):
                await client.read_resource(uri)

    run(go())


def test_a_picture_is_given_and_named(offered: Offered, serving: ModuleType) -> None:
    async def go() -> None:
        data = serving.picture()
        async with of(offered) as client, of(offered, "ben") as other:
            said = await client.call_tool(ATTACH, {"data": base64.b64encode(data).decode(), "name": "x.png"})
            id = said.content[0].text.split(":")[0]
            found = await client.call_tool("find_person", {"person": id})
            assert found.content[0].text == f"Looked for a picture of {len(data)} bytes."
            assert (await other.call_tool("find_person", {"person": id})).is_error
            exported = (await client.call_tool("cut", {"cameras": ["yard"]})).structured_content["evidence"][0]
            assert exported["clip_uri"].startswith("viot://exports/run-")
            again = await client.call_tool("blur", {"media": exported["clip_uri"]})
            assert again.content[0].text.startswith("Blurred video-1")

    run(go())


@pytest.mark.parametrize(
    ("tool", "args", "words"),
    [
        ("nothing", {}, "no tool"),
        ("look", {"cameras": "yard"}, "look"),
        ("look", {"cameras": ["attic"]}, "attic"),
        ("look", {"camera": ["yard"]}, "look"),
        ("blur", {"media": "clip-2"}, "there is no clip-2"),
        ("blur", {"media": "/etc/passwd"}, "there is no /etc/passwd"),
        ("blur", {"media": "up-AAAAAAAAAAAAAAAA"}, "you have no file"),
        ("blur", {}, "media"),
        (ATTACH, {}, "data"),
        (ATTACH, {"data": "%%%%"}, "base64"),
        (ATTACH, {"data": base64.b64encode(b"#!/bin/sh").decode()}, "not a video"),
        (ATTACH, {"data": base64.b64encode(b"x" * 1_000_001).decode()}, "MB"),
        (ATTACH, {"data": "AAAA", "path": "/etc/passwd"}, "takes data"),
    ],
)
def test_what_goes_wrong_is_a_result_with_words(offered: Offered, tool: str, args: Any, words: str) -> None:
    async def go() -> None:
        async with of(offered) as client:
            result = await client.call_tool(tool, args)
            assert result.is_error
            assert words in result.content[0].text
            assert str(offered.viot.home) not in result.content[0].text

    run(go())


def test_a_defect_is_not_told_to_the_client(offered: Offered, caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        offered.files.uploads.folder.rename(offered.files.uploads.folder.with_name("gone"))
        async with of(offered) as client:
            result = await client.call_tool(ATTACH, {"data": "AAAA"})
            assert result.is_error
            assert "gone" not in result.content[0].text

    run(go())


def test_outside_tools_are_not_passed_on(offered: Offered) -> None:
    viot = offered.viot
    spec = replace(viot.toolbox.get("look"), name="time_now", origin="mcp:time")
    outside = Viot(viot.library, viot.weights, Toolbox([*viot.toolbox, spec]), viot.home)
    offered = Offered(outside, offered.files, offered.shown, offered.worked)

    async def go() -> None:
        async with of(offered) as client:
            assert "time_now" not in {t.name for t in (await client.list_tools()).tools}
            assert (await client.call_tool("time_now", {})).is_error

    run(go())


# over HTTP ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def http(serving: ModuleType, tmp_path: Any) -> Iterator[tuple[Any, str]]:
    """A server with keys on a socket of its own: (site, address)."""
    with serving.make_house(tmp_path) as house:
        site = serving.serve(house, keys=True, way="mcp", limits=Limits(100_000.0, 100_000, 1_000_000))
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(site.served.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield site, f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            thread.join(20)
            site.served.close()


@asynccontextmanager
async def over_http(address: str, secret: str, **headers: str) -> AsyncIterator[Client]:
    sent = {"authorization": f"Bearer {secret}", **headers}
    async with (
        httpx2.AsyncClient(headers=sent, timeout=30) as web,
        Client(streamable_http_client(address, http_client=web)) as client,
    ):
        yield client


def test_over_http_each_call_is_under_the_keys_policy(http: tuple[Any, str], serving: ModuleType) -> None:
    site, address = http
    data = base64.b64encode(serving.picture()).decode()

    async def go() -> None:
        async with over_http(address, site.secrets["olga"]) as olga, over_http(address, site.secrets["vera"]) as vera:
            schema = {t.name: t.input_schema for t in (await olga.list_tools()).tools}["find_person"]
            assert "purpose" in schema["properties"]
            id = (await olga.call_tool(ATTACH, {"data": data})).content[0].text.split(":")[0]
            refused = await olga.call_tool("find_person", {"person": id})
            assert refused.is_error
            assert "needs a stated purpose" in refused.content[0].text
            assert not (await olga.call_tool("find_person", {"person": id, "purpose": "a theft"})).is_error
            seen = await olga.call_tool("look", {})
            assert seen.content[0].text == "Something was seen on yard."
            assert (await olga.call_tool("look", {"cameras": ["lobby"]})).is_error
            assert (await vera.call_tool("cut", {"cameras": ["yard"]})).structured_content["status"] == "refused"
            uri = seen.structured_content["evidence"][0]["picture_uri"]
            with pytest.raises(MCPError, match="no such resource of yours"):
                await vera.read_resource(uri)
            assert (await olga.read_resource(uri)).contents[0].mime_type == "image/jpeg"

    run(go())
    assert {row.who for row in site.house.audit.search(kind="run")} == {"olga", "vera"}


@pytest.mark.trust
def test_over_http_nothing_opens_without_a_key(http: tuple[Any, str]) -> None:
    site, address = http
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"accept": "application/json, text/event-stream"}
    base = address.removesuffix("/mcp")
    with httpx2.Client(timeout=20) as web:
        assert web.post(address, json=hello, headers=headers).status_code == 401
        wrong = {**headers, "authorization": "Bearer viot_000000000000_AAAA"}
        assert web.post(address, json=hello, headers=wrong).status_code == 401
        key = {**headers, "authorization": f"Bearer {site.secrets['ada']}"}
        assert web.post(address, json=hello, headers=key | {"origin": "http://evil.example"}).status_code == 403
        assert web.post(address, content=b"x" * 12_000_001, headers=key).status_code == 413
        assert web.get(address, headers=key).status_code == 405
        assert web.get(base + "/v1/cameras", headers=key).status_code == 404
        assert web.get(base + "/openapi.json", headers=key).status_code == 404


# over stdio -----------------------------------------------------------------------------------------------------------

STDIO = """
import sys
sys.path.insert(0, {folder!r})
import helpers_serve
from pathlib import Path
from viot_agent.serve import mcp_stdio

class Opened(helpers_serve.House):
    @classmethod
    def open(cls, home=None):
        print("words that a library prints to standard output")
        return helpers_serve.make_house(Path({root!r}))

mcp_stdio.run_stdio(Opened)
"""


@pytest.mark.slow
def test_over_stdio_only_the_protocol_is_spoken(serving: ModuleType, tmp_path: Any) -> None:
    script = tmp_path / "serve.py"
    folder = str(Path(serving.__file__ or "").parent)
    script.write_text(STDIO.format(folder=folder, root=str(tmp_path)))

    async def go() -> None:
        started = StdioServerParameters(command=sys.executable, args=[str(script)])
        async with Client(started) as client:
            assert ATTACH in {t.name for t in (await client.list_tools()).tools}
            result = await client.call_tool("look", {"cameras": ["yard"]})
            assert result.content[0].text == "Something was seen on yard."
            link = result.content[2].uri
            assert base64.b64decode((await client.read_resource(link)).contents[0].blob)[4:8] == b"ftyp"

    run(go())


@pytest.mark.parametrize("said", [None, ["a theft"], {"for": "a theft"}, 7])
def test_a_purpose_that_is_no_text_is_none(offered: Offered, said: Any) -> None:
    """Clients send null for an argument that is left out; that states nothing."""
    result = run(offered.call(Principal(), "look", {"cameras": ["yard"], PURPOSE: said}))
    assert result.is_error is (said is not None)
    if said is None:
        assert offered.viot.audit.search(kind="run")[-1].said.get("purpose", "") == ""
