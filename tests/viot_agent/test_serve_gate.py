"""Every way around the servers' gate that we could think of: refused, with words, and in the audit log."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from viot_agent.policy.access import Proxies, Rate
from viot_agent.serve.asks import EACH, Worked
from viot_agent.serve.gate import Limits, address_of
from viot_agent.serve.problems import Crowded
from viot_agent.steps import Principal

pytestmark = pytest.mark.trust


@pytest.fixture(scope="module")
def keyed(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with keys, and room for many requests."""
    with serving.make_house(tmp_path_factory.mktemp("keyed")) as house:
        site = serving.serve(house, keys=True, limits=Limits(100_000.0, 100_000, 100_000))
        yield site
        site.served.close()


@pytest.fixture(scope="module")
def alone(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serving.make_house(tmp_path_factory.mktemp("alone")) as house:
        site = serving.serve(house, keys=False, limits=Limits(100_000.0, 100_000, 100_000))
        yield site
        site.served.close()


@pytest.fixture(scope="module")
def adas(keyed: Any) -> dict[str, Any]:
    """A run of ada's, with evidence and a conversation."""
    run: dict[str, Any] = keyed.client("ada").post("/v1/ask", json={"text": "what was seen?"}).json()
    return run


def refused(site: Any, answer: Any, status: int, why: str, who: str = "") -> None:
    """The answer is a problem of that status, and the audit log says why, and who it was."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    rows = site.noted("request_refused")
    assert any(why in row["why"] and (not who or row["who"] == who) for row in rows), (why, rows)


# keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YWRhOng=",
        "Bearer viot_000000000000_AAAA",
        "bearer null",
        "Bearer \xff",
    ],
)
def test_without_a_good_key_nothing_opens(keyed: Any, header: str) -> None:
    client = keyed.client(address=f"192.0.2.{len(header) + 100}")
    for path in ("/v1/cameras", "/v1/people", "/v1/conversations", "/openapi.json", "/nothing"):
        answer = client.get(path, headers={"authorization": header.encode("latin-1")} if header else {})
        assert answer.status_code in (401, 429)
        assert answer.headers["content-type"] == "application/problem+json"
    if not header.lower().startswith("bearer x"):
        assert keyed.noted("request_refused") or keyed.noted("sign_in_refused")


def test_a_key_that_was_taken_back_opens_nothing_at_once(keyed: Any, serving: ModuleType) -> None:
    me = Principal()
    keyed.secrets["gone"] = keyed.house.access.keys.add("gone", "viewer", by=me)[1]
    client = keyed.client("gone", address="192.0.2.40")
    run = client.post("/v1/ask", json={"text": "what was seen?"}).json()
    address = run["evidence"][0]["picture"]
    assert keyed.client(address="192.0.2.41").get(address).status_code == 200
    keyed.house.access.keys.revoke("gone", by=me)
    assert client.get("/v1/cameras").status_code == 401
    refused(keyed, keyed.client(address="192.0.2.41").get(address), 403, "has no access any more", "gone")


def test_a_clients_word_on_who_it_is_counts_for_nothing(keyed: Any, adas: dict[str, Any]) -> None:
    headers = {"x-viot-user": "ada", "x-forwarded-user": "ada", "x-forwarded-for": "127.0.0.1"}
    assert keyed.client("vera").get(f"/v1/runs/{adas['run']}", headers=headers).status_code == 404
    assert keyed.client().get(f"/v1/runs/{adas['run']}", headers=headers).status_code == 401


def test_a_proxy_names_people_in_utf_8(keyed: Any) -> None:
    access = keyed.house.access
    access.keys.add("José", "viewer", proxied=True, by=Principal())
    before, access.proxies = access.proxies, Proxies.from_env({"VIOT_TRUSTED_PROXIES": "192.0.2.60"})
    try:
        for name, status in (("José", 200), ("Jose", 401)):
            headers = {"x-forwarded-user": name.encode()}
            assert keyed.client(address="192.0.2.60").get("/v1/cameras", headers=headers).status_code == status
    finally:
        access.proxies = before


# what is somebody else's ------------------------------------------------------------------------------------------


def test_what_is_somebody_elses_is_as_if_it_were_not(keyed: Any, adas: dict[str, Any], serving: ModuleType) -> None:
    vera = keyed.client("vera")
    up = keyed.client("ada").post("/v1/uploads", content=serving.picture()).json()["id"]
    uri = adas["evidence"][0]["picture_uri"]
    pairs = [
        (f"/v1/runs/{adas['run']}", "/v1/runs/run-00000000"),
        (f"/v1/conversations/{adas['conversation']}", "/v1/conversations/c-AAAAAAAAAAAA"),
    ]
    for theirs, nobodys in pairs:
        one, other = vera.get(theirs), vera.get(nobodys)
        assert (one.status_code, one.json()) == (other.status_code, other.json())
        assert one.status_code == 404
    for attach in (up, uri, "up-AAAAAAAAAAAAAAAA"):
        answer = vera.post("/v1/ask", json={"text": "hi", "attach": [attach]})
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"you have no file {attach!r} here"
    answer = vera.post("/v1/ask", json={"text": "and then?", "conversation": adas["conversation"]})
    assert answer.status_code == 404


# signed addresses -------------------------------------------------------------------------------------------------


def edited(address: str, **words: str) -> str:
    parts = urlsplit(address)
    query = {k: v[0] for k, v in parse_qs(parts.query).items()} | words
    return f"{parts.path}?" + "&".join(f"{k}={v}" for k, v in query.items())


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        (lambda a: a.partition("?")[0], 403, "not signed"),
        (lambda a: a + "&x=1", 403, "not signed"),
        (lambda a: a + "&e=9999999999", 403, "not signed"),
        (lambda a: edited(a, e="9999999999"), 403, "changed after it was signed"),
        (lambda a: edited(a, e="-1"), 403, "not signed"),
        (lambda a: edited(a, u="vera"), 403, "changed after it was signed"),
        (lambda a: edited(a, s=""), 403, "changed after it was signed"),
        (lambda a: edited(a, s="A" * 43), 403, "changed after it was signed"),
        (lambda a: a.replace("e1.jpg", "e1.mp4"), 403, "changed after it was signed"),
        (lambda a: a.replace("e1.jpg", "%65%31.jpg"), 403, "changed after it was signed"),
        (lambda a: a.replace("/media/evidence", "/media/recording"), 404, "media address"),
        (lambda a: a.replace("/media/evidence/", "/media/evidence/%2e%2e/evidence/"), 404, "leads elsewhere"),
        (lambda a: "/media/evidence/../../serve.key?" + urlsplit(a).query, 401, "a key is needed"),
        (lambda a: "/media/still/1.jpg?" + urlsplit(a).query, 404, "media address"),
        (lambda a: "/media/page/viot.js", 404, "media address"),
    ],
)
def test_an_edited_address_opens_nothing(keyed: Any, adas: dict[str, Any], change: Any, status: int, why: str) -> None:
    address = adas["evidence"][0]["picture"]
    assert keyed.client().get(address).status_code == 200
    refused(keyed, keyed.client().get(change(address)), status, why)


def test_an_address_cannot_be_used_with_somebody_elses_key(keyed: Any, adas: dict[str, Any]) -> None:
    address = adas["evidence"][0]["picture"]
    assert keyed.client("ada").get(address).status_code == 200
    refused(keyed, keyed.client("vera").get(address), 403, "given to somebody else", "vera")


def test_an_address_opens_only_what_is_its_principals(keyed: Any, adas: dict[str, Any]) -> None:
    """Even our own signature on somebody else's run: the owner is looked up again."""
    signer = keyed.served.app.signer
    path = urlsplit(adas["evidence"][0]["picture"]).path
    assert keyed.client().get(signer.address("vera", path)).status_code == 404


def test_an_address_cannot_be_played_again_after_it_expired(keyed: Any, adas: dict[str, Any]) -> None:
    signer = keyed.served.app.signer
    old = type(signer)(signer._key, clock=lambda: time.time() - signer.lifetime - 5)
    path = urlsplit(adas["evidence"][0]["picture"]).path
    refused(keyed, keyed.client().get(old.address("ada", path)), 403, "expired")


def test_media_cannot_be_written(keyed: Any, adas: dict[str, Any]) -> None:
    refused(keyed, keyed.client("ada").post(adas["evidence"][0]["picture"]), 404, "media address")


# paths, sizes, names of this server ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/%2e%2e/%2e%2e/serve.key", "/v1/runs/..%2f..%2fserve.key", "//v1/cameras", "/v1/x%00", "/v1\\cameras"]
)
def test_paths_that_lead_elsewhere(keyed: Any, path: str) -> None:
    refused(keyed, keyed.client("ada", host="").get("http://cams.example" + path), 404, "leads elsewhere")


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/v1", "/static/x", "/gradio_api/info", "/metrics", "/v1/cameras/"]
)
def test_what_is_not_there_is_a_problem(keyed: Any, path: str) -> None:
    answer = keyed.client("ada").get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_bodies_that_are_too_large(keyed: Any) -> None:
    ada = keyed.client("ada")
    refused(keyed, ada.post("/v1/ask", content=b"x" * 1_000_001), 413, "too large", "ada")
    refused(keyed, ada.post("/v1/uploads", content=b"x" * 100_001), 413, "too large", "ada")

    def long() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 50_000

    refused(keyed, ada.post("/v1/ask", content=long()), 413, "too large", "ada")
    answer = ada.request("GET", "/v1/cameras", headers={"content-length": "99999999999999999999"}, content=b"")
    assert answer.status_code == 400


def test_a_page_of_another_site_changes_nothing(keyed: Any) -> None:
    ada = keyed.client("ada")
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ):
        refused(keyed, ada.post("/v1/ask", json={"text": "hi"}, headers=headers), 403, "another site")
    same = {"origin": "http://cams.example"}
    assert ada.post("/v1/ask", json={"text": "hi"}, headers=same).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", ""])
def test_a_name_that_was_pointed_at_this_machine_opens_nothing(alone: Any, host: str) -> None:
    refused(alone, alone.client().get("/v1/cameras", headers={"host": host}), 421, "this machine only")


def test_this_machines_own_names_open(alone: Any) -> None:
    for host in ("localhost:8765", "127.0.0.1", "[::1]:8765"):
        assert alone.client().get("/v1/cameras", headers={"host": host}).status_code == 200


def test_when_access_is_set_up_while_it_serves_a_key_is_asked_for(serving: ModuleType, tmp_path_factory: Any) -> None:
    with serving.make_house(tmp_path_factory.mktemp("later")) as house:
        site = serving.serve(house, keys=False)
        client = site.client()
        run = client.post("/v1/ask", json={"text": "what was seen?"}).json()
        house.access.keys.add("ada", "admin", by=Principal())
        assert client.get("/v1/cameras").status_code == 401
        assert client.get(run["evidence"][0]["picture"]).status_code == 403
        site.served.close()


def test_headers_keep_a_browser_from_doing_anything_with_it(keyed: Any) -> None:
    headers = keyed.client("ada").get("/v1/cameras").headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


# how often --------------------------------------------------------------------------------------------------------


def flood(site: Any, path: str, headers: dict[str, str], peers: list[str]) -> Counter[int]:
    """How often each status was the answer, asked once from each peer; straight to the application."""
    told = [(b"host", b"127.0.0.1"), *((k.encode(), v.encode()) for k, v in headers.items())]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "server": ("127.0.0.1", 80)}
    found: Counter[int] = Counter()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            found[message["status"]] += 1
            assert message["status"] != 429 or int(dict(message["headers"])[b"retry-after"]) >= 1

    async def go() -> None:
        for peer in peers:
            await site.served.app({**scope, "headers": told, "client": (peer, 1)}, receive, send)

    asyncio.run(go())
    return found


def test_a_thousand_requests_of_one_address(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving.make_house(tmp_path_factory.mktemp("flood")) as house:
        site = serving.serve(house, keys=False, limits=Limits(1e-6, 20, 100_000))
        began = time.monotonic()
        assert flood(site, "/healthz", {}, ["192.0.2.9"] * 1000) == {200: 20, 429: 980}
        assert flood(site, "/healthz", {}, ["192.0.2.10"]) == {200: 1}
        site.served.close()
        rows = site.noted("request_refused")
        assert sum(r["more"] or 1 for r in rows) == 980
        assert len(rows) <= 2 * (1 + (time.monotonic() - began) // 60)  # the flood does not fill the log
        assert site.house.audit.verify().wrong == ()


def test_many_requests_of_one_key_from_many_addresses(
    serving: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving.make_house(tmp_path_factory.mktemp("busy")) as house:
        site = serving.serve(house, keys=True, rate=Rate(1e-6, 20))
        key = {"authorization": f"Bearer {site.secrets['vera']}"}
        assert flood(site, "/v1/conversations", key, [f"198.51.100.{n}" for n in range(100)]) == {200: 20, 429: 80}
        other = {"authorization": f"Bearer {site.secrets['ada']}"}
        assert flood(site, "/v1/conversations", other, ["198.51.100.1"]) == {200: 1}
        assert site.noted("request_refused")[0]["why"] == "too many requests with this key"
        site.served.close()


def test_requests_in_words_of_one_principal_under_way_are_few() -> None:
    """The fifth of one principal is turned away while four are worked on; another principal's is not."""

    async def go() -> None:
        worked, gate = Worked(2), threading.Event()
        async with AsyncExitStack() as stack:
            for _ in range(EACH):
                await stack.enter_async_context(worked.doing("ana", gate.wait))
            with pytest.raises(Crowded):
                await stack.enter_async_context(worked.doing("ana", gate.wait))
            await stack.enter_async_context(worked.doing("ben", gate.wait))
            gate.set()
        async with worked.doing("ana", lambda: 5) as future:
            assert await asyncio.wrap_future(future) == 5

    asyncio.run(go())


@pytest.mark.parametrize(
    ("client", "forwarded", "trusted", "found"),
    [
        ("192.0.2.1", "203.0.113.9", False, "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9", True, "203.0.113.9"),
        ("127.0.0.1", "10.9.9.9, 203.0.113.9", True, "203.0.113.9"),
        ("127.0.0.1", "", True, "127.0.0.1"),
        ("2001:db8:1:2:3::4", "", False, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", False, "192.0.2.1"),
        ("testclient", "", False, "testclient"),
    ],
)
def test_whom_a_request_is_counted_by(client: str, forwarded: str, trusted: bool, found: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert address_of({"client": (client, 1), "headers": headers}, lambda peer: trusted) == found
