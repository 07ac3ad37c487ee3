"""REST over a small house: ask, streams, uploads, evidence, cameras, people, alerts; alone and with keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from viot_agent.errors import UserFault
from viot_agent.policy.roles import WORDS
from viot_agent.serve.asks import Asks, Worked
from viot_agent.serve.files import Files
from viot_agent.serve.schemas import AskIn
from viot_agent.serve.shown import Shown
from viot_agent.steps import Principal
from viot_agent.web.options import checked


@pytest.fixture(scope="module")
def alone(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A single user's server."""
    with serving.make_house(tmp_path_factory.mktemp("alone")) as house:
        site = serving.serve(house, keys=False)
        yield site
        site.served.close()


@pytest.fixture(scope="module")
def shared_site(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with keys."""
    with serving.make_house(tmp_path_factory.mktemp("shared")) as house:
        site = serving.serve(house, keys=True)
        yield site
        site.served.close()


def ask(client: Any, llm: str = "look", **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/ask", json={"text": "what was seen?", "llm": llm, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_health_needs_no_key(shared_site: Any) -> None:
    answer = shared_site.client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_an_answer_is_whole(alone: Any) -> None:
    run = ask(alone.client())
    assert run["status"] == "answered"
    assert run["answer"] == "Something was seen on yard."
    assert run["claims"] == [{"text": "Something was seen on yard.", "evidence": ["e1"]}]
    assert [(s["tool"], s["state"], s["verdict"]) for s in run["steps"]] == [("look", "ok", "found")]
    piece = run["evidence"][0]
    assert (piece["camera"], piece["score"], piece["start"]) == ("yard", 0.7, "1970-01-01T00:16:41.000Z")
    assert piece["picture_uri"] == f"viot://evidence/{run['run']}/e1.jpg"
    assert str(alone.house.home) not in json.dumps(run)


@pytest.mark.parametrize("form", ["text/event-stream", "application/x-ndjson"])
def test_steps_are_streamed(alone: Any, form: str) -> None:
    answer = alone.client().post("/v1/ask", json={"text": "what was seen?"}, headers={"accept": form})
    assert answer.headers["content-type"].startswith(form)
    if form.endswith("ndjson"):
        events = [json.loads(line) for line in answer.text.splitlines()]
        names = [e["event"] for e in events]
        last = events[-1]
    else:
        blocks = [dict(line.split(": ", 1) for line in b.splitlines()) for b in answer.text.strip().split("\n\n")]
        names = [b["event"] for b in blocks]
        last = json.loads(blocks[-1]["data"])
    assert names == ["conversation", "begin", "step", "answer"]
    assert last["answer"] == "Something was seen on yard."


def test_a_fault_in_a_stream_is_its_last_event(alone: Any) -> None:
    body = {"text": "what was seen?", "llm": "broken"}
    answer = alone.client().post("/v1/ask", json=body, headers={"accept": "application/x-ndjson"})
    last = json.loads(answer.text.splitlines()[-1])
    assert (last["event"], last["status"]) == ("problem", 503)
    assert "ZeroDivision" not in answer.text


def test_a_caller_who_goes_away_ends_the_run(alone: Any, serving: ModuleType) -> None:
    """The connection is closed while the tool works: the run is recorded as stopped."""
    serving.BEGAN.clear()
    body = json.dumps({"text": "look for long", "llm": "wait"}).encode()
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
    scope |= {"path": "/v1/ask", "raw_path": b"/v1/ask", "query_string": b"", "headers": headers}
    scope |= {"client": ("192.0.2.7", 5), "server": ("127.0.0.1", 80)}

    async def go() -> None:
        given = False

        async def receive() -> dict[str, Any]:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body}
            await asyncio.to_thread(serving.BEGAN.wait, 20)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            raise AssertionError("nothing is sent to somebody who is gone")

        await asyncio.wait_for(alone.served.app(scope, receive, send), 20)
        for _ in range(200):
            runs = alone.house.library.runs(limit=1)
            if runs and runs[0].request == "look for long":
                assert runs[0].status == "stopped"
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the run was not recorded")

    asyncio.run(go())


def test_a_request_that_takes_long_is_heard_of(alone: Any, serving: ModuleType) -> None:
    """And one that is left early is stopped."""
    house, uploads = alone.house, alone.served.uploads
    asks = Asks(house, Shown(house, alone.served.app.signer), Files(house, uploads), ("wait",), Worked(), alive=0.02)

    async def go() -> list[str]:
        names = []
        async with aclosing(asks.events(Principal(), AskIn(text="look for very long"))) as events:
            async for event in events:
                names.append(event.name)
                if names.count("alive") >= 3 and "begin" in names:
                    break
        return names

    names = asyncio.run(go())
    assert names[0] == "conversation"
    assert "answer" not in names


def test_a_conversation_goes_on_and_is_listed(alone: Any) -> None:
    client = alone.client()
    first = ask(client)
    again = ask(client, conversation=first["conversation"])
    assert again["conversation"] == first["conversation"]
    listed = {c["conversation"]: c["turns"] for c in client.get("/v1/conversations").json()}
    assert listed[first["conversation"]] == 2
    turns = client.get(f"/v1/conversations/{first['conversation']}").json()
    assert [t["run"] for t in turns] == [again["run"], first["run"]]
    assert client.get(f"/v1/runs/{first['run']}").json()["answer"] == first["answer"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"text": ""}, 422, "text"),
        ({"text": "x" * 4001}, 422, "text"),
        ({"text": "   "}, 422, "empty"),
        ({"text": "hi", "llm": "openai:http://10.0.0.1/v1#m"}, 422, "not offered"),
        ({"text": "hi", "owner": "ada"}, 422, "owner"),
        ({"text": "hi", "attach": ["up-AAAAAAAAAAAAAAAA"]}, 404, "no file"),
        ({"text": "hi", "attach": ["/etc/passwd"]}, 404, "no file"),
        ({"text": "hi", "attach": ["viot://evidence/run-1/../../../etc/passwd"]}, 404, "no file"),
        ({"text": "hi", "attach": ["viot://evidence/../serve.key"]}, 404, "no file"),
        ({"text": "hi", "conversation": "c-made-up"}, 404, "no such conversation"),
        ([], 422, ""),
    ],
)
def test_what_cannot_be_asked_is_a_problem(alone: Any, body: Any, status: int, words: str) -> None:
    answer = alone.client().post("/v1/ask", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert words in told["detail"]
    assert told["status"] == status
    assert str(alone.house.home) not in answer.text


def test_text_that_is_no_json_is_a_problem(alone: Any) -> None:
    answer = alone.client().post("/v1/ask", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_handle_that_nobody_made_is_not_found(alone: Any) -> None:
    run = ask(alone.client(), "forged")
    assert run["status"] == "needs_input"
    assert "there is no clip-2" in run["answer"]


# uploads and evidence ------------------------------------------------------------------------------------------------


def test_an_upload_is_told_by_its_bytes_and_attached(alone: Any, serving: ModuleType) -> None:
    client = alone.client()
    data = serving.picture()
    made = client.post("/v1/uploads?name=face.mp4", content=data).json()
    assert (made["kind"], made["bytes"]) == ("image", len(data))
    run = ask(client, "find", attach=[made["id"]])
    assert run["answer"] == f"Looked for a picture of {len(data)} bytes."


def test_evidence_can_be_attached(alone: Any) -> None:
    client = alone.client()
    piece = ask(client)["evidence"][0]
    assert ask(client, "find", attach=[piece["picture_uri"]])["answer"].startswith("Looked for a picture of")


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 422),
        (b"#!/bin/sh\necho hello\n", {}, 422),
        (b"GIF89a" + b"\0" * 40, {}, 422),
        (b"\xff\xd8\xff" + b"\0" * 40, {}, 422),  # begins like a picture
        (b"\0\0\0\x18ftypmp42" + b"\0" * 40, {}, 422),  # begins like a film
        (b"x" * 1_000_001, {}, 413),
        (b"--b\r\n", {"content-type": "multipart/form-data; boundary=b"}, 415),
    ],
)
def test_what_is_no_picture_and_no_film_is_not_kept(
    alone: Any, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = alone.client().post("/v1/uploads", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(alone.served.uploads.folder) not in answer.text
    left = {p.parent.name for p in alone.served.uploads.folder.glob("up-*/*")}
    assert all(alone.served.uploads.owners(p) for p in alone.served.uploads.folder.glob("up-*/*")), left


def test_an_upload_whose_length_is_a_lie_is_cut_off(alone: Any, serving: ModuleType) -> None:
    def long() -> Iterator[bytes]:
        yield serving.picture()
        for _ in range(30):
            yield b"\0" * 50_000

    answer = alone.client().post("/v1/uploads", content=long())
    assert answer.status_code == 413
    assert "1 MB at most" in answer.json()["detail"]


def test_signed_addresses_open_pictures_and_clips(alone: Any) -> None:
    client = alone.client()
    piece = ask(client)["evidence"][0]
    picture = client.get(piece["picture"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    clip = client.get(piece["clip"], headers={"range": "bytes=0-9"})
    assert (clip.status_code, clip.headers["content-type"], len(clip.content)) == (206, "video/mp4", 10)


# who sees what -------------------------------------------------------------------------------------------------------


def test_cameras_are_cut_to_the_key(shared_site: Any) -> None:
    names = {who: {c["name"] for c in shared_site.client(who).get("/v1/cameras").json()} for who in ("ada", "olga")}
    assert names == {"ada": {"yard", "lobby"}, "olga": {"yard"}}
    assert "yard.mp4" not in shared_site.client("ada").get("/v1/cameras").text


def test_people_are_told_with_their_ground_to_those_who_may_look_for_them(
    shared_site: Any, serving: ModuleType
) -> None:
    shared_site.house.library.add_person("Ana Silva", [serving.picture()], "signed form")
    assert shared_site.client("vera").get("/v1/people").status_code == 403
    refused = [row for row in shared_site.noted("request_refused") if row["who"] == "vera"]
    assert [row["why"] for row in refused][-1:] == [f"this key is not for {WORDS['biometric']}"]
    told = shared_site.client("olga").get("/v1/people").json()
    assert [(p["name"], p["consent"], p["state"], p["pictures"]) for p in told] == [
        ("Ana Silva", "signed form", "holds", 1)
    ]
    assert set(told[0]) == {"name", "consent", "basis", "state", "until", "pictures"}


@pytest.mark.parametrize(
    ("who", "llm", "purpose", "status"),
    [
        ("vera", "look", "", "answered"),
        ("vera", "find", "theft", "refused"),
        ("olga", "find", "", "refused"),
        ("olga", "find", "theft", "answered"),
        ("ada", "find", "theft", "answered"),
    ],
)
def test_the_policy_is_the_same_as_elsewhere(
    shared_site: Any, serving: ModuleType, who: str, llm: str, purpose: str, status: str
) -> None:
    client = shared_site.client(who)
    up = client.post("/v1/uploads", content=serving.picture()).json()["id"]
    run = ask(client, llm, attach=[up], purpose=purpose)
    assert run["status"] == status
    assert any(row["who"] == who for row in shared_site.noted("run"))


def test_alerts_are_set_listed_and_ended_by_whom_may(shared_site: Any) -> None:
    olga, vera, ada = (shared_site.client(who) for who in ("olga", "vera", "ada"))
    assert vera.post("/v1/alerts", json={"event": "fire"}).status_code == 403
    made = olga.post("/v1/alerts", json={"event": "fire"})
    assert made.status_code == 201, made.text
    alert = made.json()
    assert (alert["owner"], alert["cameras"]) == ("olga", ["yard"])
    assert [a["id"] for a in ada.get("/v1/alerts").json()] == [alert["id"]]
    assert olga.get("/v1/alerts/history").json() == []
    assert olga.post("/v1/alerts/history/1/acknowledge").status_code == 404
    other = ada.post("/v1/alerts", json={"event": "fire", "cameras": ["lobby"]}).json()
    assert [a["id"] for a in olga.get("/v1/alerts").json()] == [alert["id"]]
    assert olga.delete(f"/v1/alerts/{other['id']}").status_code == 404
    assert olga.delete(f"/v1/alerts/{alert['id']}").status_code == 204
    assert ada.post("/v1/alerts", json={"event": "fire", "notify": ["json://10.0.0.1"]}).status_code == 422
    assert ada.post("/v1/alerts", json={"event": "nonsense"}).status_code == 422


# starting ------------------------------------------------------------------------------------------------------------


def test_a_server_that_anybody_could_reach_does_not_start(serving: ModuleType, tmp_path: Path) -> None:
    with serving.make_house(tmp_path) as house:
        for options in (checked(host="0.0.0.0"), checked(host="127.0.0.1", root_path="/")):
            with pytest.raises(UserFault, match="no access is set up"):
                serving.serve(house, keys=False, options=options)


def test_the_document_tells_problems_and_keys(alone: Any) -> None:
    document = alone.client().get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in json.dumps(document)
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            assert "application/problem+json" in told["responses"]["422"]["content"], (path, method)
    assert not any(path.startswith("/media") for path in document["paths"])
