"""Every reader of what others write, under changed and made-up input: it answers, or raises what it says it raises.

A part of a second each; ``--slow`` tries for much longer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from httpx2 import InvalidURL

from viot_agent import react
from viot_agent.addresses import resolve
from viot_agent.alerts.events import watched
from viot_agent.alerts.schedule import Schedule, read_schedule
from viot_agent.alerts.teller import ADDRESSES, default_addresses
from viot_agent.bench.families import read_families
from viot_agent.bench.outside import read_cases
from viot_agent.bench.viot_tool import import_suite
from viot_agent.errors import (
    ArgsFault,
    BackendFault,
    MediaFault,
    NameFault,
    ParseFault,
    PolicyRefusal,
    SignInRefusal,
    TimeFault,
    UserFault,
)
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.plates import find_plates, looks_like_plate, normalise_plate
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.types import Camera, Person
from viot_agent.foreign import DEEPEST, read_json
from viot_agent.library import names
from viot_agent.library.address import read as read_database
from viot_agent.live.address import checked, opening, shown
from viot_agent.live.health import read_health
from viot_agent.media.pictures import decode_image
from viot_agent.media.probe import probe
from viot_agent.policy.access import PROXIES, Proxies
from viot_agent.policy.audit import verify_file
from viot_agent.policy.chain import Anchor
from viot_agent.policy.keys import id_of, span_seconds
from viot_agent.serve.asks import Worked
from viot_agent.serve.files import Files
from viot_agent.serve.gate import Limits
from viot_agent.serve.mcp_server import Offered
from viot_agent.serve.shown import Shown, parts_of
from viot_agent.serve.signing import Signer
from viot_agent.steps import Principal
from viot_agent.system import Viot
from viot_agent.toolbox.outside import FILE, Servers, looked_at, quoted, server_name
from viot_agent.web.bodies import only_uploads
from viot_agent.web.media import below
from viot_agent.web.uploads import Uploads
from viot_agent.weights.store import Weights

pytestmark = pytest.mark.trust
NOW = 1795446000.0
Rng = random.Random
Make = Callable[[Rng], Any]


@dataclass(frozen=True)
class Reader:
    """``seeds``: usable input; ``read`` takes a changed one; ``refuses``: what it may raise. ``kind`` of the input:
    text, json (an object, written out), lines (of objects), or bytes."""

    seeds: tuple[Any, ...]
    read: Callable[[Any, Path], object]
    refuses: tuple[type[Exception], ...]
    kind: str = "text"

    def maker(self, fuzzing: ModuleType) -> Make:
        if self.kind == "text":
            return lambda rng: fuzzing.text_of(rng, self.seeds)
        if self.kind == "bytes":
            return lambda rng: fuzzing.bytes_of(rng, self.seeds)

        def written(rng: Rng) -> str:
            rows = [json.dumps(fuzzing.json_of(rng, self.seeds)) for _ in range(rng.randint(1, 3))]
            text = "\n".join(rows) if self.kind == "lines" else rows[0]
            return fuzzing.text_of(rng, [text]) if rng.random() < 0.4 else text

        return written


def kept(read: Callable[[Path], object], name: str) -> Callable[[Any, Path], object]:
    """A reader of a file as one of what the file holds."""

    def of(given: Any, folder: Path) -> object:
        path = folder / name
        path.write_bytes(given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass"))
        return read(path)

    return of


CAMERAS = tuple(
    Camera(i, name, f"/footage/{i}.mp4", groups, "Europe/Berlin", None)
    for i, (name, groups) in enumerate(
        [("gate 2", ("north wing",)), ("Tor Süd", ()), ("dock B", ("docks",)), ("西门", ())], 1
    )
)
PEOPLE = (Person(1, "Eileen Collins", "x", 1), Person(2, "Zoë Šimić", "x", 2))
CASE = {
    "id": "a",
    "request": "was 皖AT6M00 at gate 2 since midnight?",
    "uploads": ["image-1", {"name": "film.mp4", "kind": "video"}],
    "cameras": [{"name": "gate 2", "groups": ["north"], "aliases": ["g2"]}, "dock B"],
    "groups": {"all": ["gate 2"]},
    "people": [{"name": "Ana", "aliases": "Annie"}],
    "steps": [
        {"tool": "plate_recognition", "args": {"plate": "皖AT6M00", "cameras": ["gate 2"]}, "observation": "seen"},
        {"tool": "crowd_counting", "args": {}, "observation": {"verdict": "found", "count": 3, "by": [1, {"a": True}]}},
    ],
    "any_order": False,
    "answer_contains": ["3"],
    "tags": ["plate"],
}
FAMILY = {
    "id": "f1",
    "level": "L0",
    "tags": ["plate"],
    "text": "Was {plate} at {camera}?",
    "paraphrase": "Did {plate} come by {camera}?",
    "steps": [{"tool": "plate_recognition", "args": {"plate": "{plate}", "cameras": ["{camera}"]}}],
}
SERVERS = [
    {
        "name": "maps",
        "command": ["python", "-m", "maps"],
        "url": "",
        "env": {"A": "b"},
        "headers": {},
        "cards": [
            {
                "name": "find_place",
                "description": "Finds a place.",
                "schema": {
                    "type": "object",
                    "properties": {"place": {"type": "string", "enum": ["a"]}, "n": {"type": ["integer", "null"]}},
                    "required": ["place"],
                },
            }
        ],
    }
]
HEALTH = {"camera": "gate 2", "state": "watching", "since": 1.0, "problem": "", "notes": [[1.0, "x"]], "pid": 3}
ROW = {
    "seq": 1, "at": 1.0, "kind": "run", "who": "ana", "role": "viewer", "run": "run-1", "data": '{"a": 1}',
    "digest": "", "prev": "", "hash": "00", "salt": None, "words": None,
}  # fmt: skip
VIOT_TOOL = [
    {
        "query": "find the plate in Paris",
        "answer": [{"tool": "plate", "args": "x"}],
        "steps": [{"thought": "a", "action": "Plate Recognition", "action_input": "Paris, 皖A"}],
    }
]
SIGNER = Signer(b"k" * 32, clock=lambda: NOW)
SIGNED = SIGNER.address("ana", "/media/evidence/run-1/e1.jpg").partition("?")


def _database(text: str, folder: Path) -> object:
    return read_database(text)


def _servers(path: Path) -> object:
    found = Servers(path.parent).all()
    return [(looked_at(s, s.cards), [c.mark for c in s.cards], s.shown) for s in found]


def _health(path: Path) -> object:
    place = path.parent / "live" / "1"
    place.mkdir(parents=True, exist_ok=True)
    path.replace(place / "health.json")
    health = read_health(path.parent, 1)
    return None if health is None else health.line(NOW)


def _alert(text: str, folder: Path) -> object:
    found = watched(text)
    return watched(str(found)) == found, found.words


def _when(text: str, folder: Path) -> object:
    made = read_schedule(text, NOW, "Europe/Berlin")
    assert Schedule.from_json(json.loads(json.dumps(made.to_json()))) == made
    return made.words("Europe/Berlin"), made.on(NOW, "Europe/Berlin")


def _camera(text: str, folder: Path) -> object:
    return shown(text), opening(checked(text))


def _plate(text: str, folder: Path) -> object:
    for start, end in find_plates(text):
        assert 0 <= start < end <= len(text)
    return normalise_plate(text), looks_like_plate(text)


def _mentions(text: str, folder: Path) -> object:
    found = find_mentions(text[:2000], CAMERAS, PEOPLE, ("image-1", "video-1"))
    assert all(0 <= m.start < m.end <= len(text) for m in found)
    return found


def _body(text: str, folder: Path) -> object:
    return only_uploads(text.encode("utf-8", "surrogatepass"), lambda path: path.startswith("/up/"))


def _uri(text: str, folder: Path) -> object:
    found = below(folder, text)
    assert found is None or found.is_relative_to(folder)
    return parts_of(text)


def _signed(text: str, folder: Path) -> object:
    path, _, query = text.partition("?")
    who = SIGNER.principal(path, query)
    assert (path, query) == (SIGNED[0], SIGNED[2]), "an address that was never signed"
    return who


def _address(text: str, folder: Path) -> object:
    def lookup(host: str, port: int) -> list[str]:
        host.encode("idna")  # as the system's resolver does
        return ["93.184.216.34"] if host.endswith("example") else ["10.0.0.1"]

    found = resolve(text, schemes=("https", "http", "rtsp"), origin="request", lookup=lookup)
    assert found.addresses == ("93.184.216.34",)
    return found.shown


URLS = (
    "https://cams.example/path?x=1", "rtsp://admin:geheim@192.168.1.20:554/stream1", "http://[::1]:80/a", "/dev/video0",
    "loop:///tmp/a.mp4", "rtsps://cam.example/user=ana&password=geheim", "https://u:geheim@cams.example:99999/",
)  # fmt: skip
ACT = 'Thought: look.\nAction: plate_recognition\nAction Input: {"plate": "皖AT6M00", "cameras": ["gate 2"]}'
TIMES = (
    "between 10 and 11:30 pm yesterday", "last Monday night", "since midnight", "the first 10 seconds", "in 2026-03-04",
    "3 days ago", "from 22:00 to 06:00", "on 4 March 2026 at 14:05", "last 36 hours", "before noon on 29.02.2025",
    "half past 8", "every weekday after 20:00", "nightly", "now", "between Monday and Friday", "week 53 of 2026",
)  # fmt: skip
READERS: dict[str, Reader] = {
    "react": Reader(
        (
            ACT,
            "Thought: x\nFinal Answer: 3 people",
            'Thought: x\nAsk Back: {"missing": ["person"], "question": "who?"}',
        ),
        lambda text, _: react.render(react.parse(text)),
        (ParseFault,),
    ),
    "json": Reader((json.dumps(CASE), "[1, 2.5e3, null]"), lambda text, _: read_json(text), (json.JSONDecodeError,)),
    "cases": Reader((CASE,), kept(read_cases, "cases.jsonl"), (UserFault,), "lines"),
    "cases in an array": Reader(([CASE, CASE],), kept(read_cases, "cases.json"), (UserFault,), "json"),
    "families": Reader((FAMILY,), kept(read_families, "families.jsonl"), (UserFault,), "lines"),
    "viot-tool": Reader((VIOT_TOOL,), kept(lambda p: import_suite(p.parent), "test_face.json"), (UserFault,), "json"),
    "servers": Reader((SERVERS,), kept(_servers, FILE), (UserFault,), "json"),
    "server name": Reader(("maps", "web2"), lambda text, _: server_name(text), (UserFault,)),
    "server result": Reader(("All is well.", ACT), lambda text, _: quoted(text), ()),
    "health": Reader((HEALTH,), kept(_health, "health.json"), (), "json"),
    "audit file": Reader((ROW, {"head": "1:00"}), kept(verify_file, "audit.jsonl"), (UserFault,), "lines"),
    "audit head": Reader(("12:" + "ab" * 32,), lambda text, _: Anchor.read(text), (UserFault, ValueError)),
    "event": Reader(("face:Ana", "plate:皖AT6M00", "crowd > 12", "fire", "person"), _alert, (UserFault,)),
    "schedule": Reader(TIMES, _when, (TimeFault,)),
    "time": Reader(
        TIMES, lambda text, _: resolve_time(text, NOW, "Europe/Berlin", extent=(NOW - 9e5, NOW)), (TimeFault,)
    ),
    "plate": Reader(("皖A·T6M00", "M-AB 1234", "AB12 CDE", "is B XY 99 at gate 2?"), _plate, ()),
    "mentions": Reader(
        (
            "was Eileen Collins at gate 2 or Tor Süd?",
            "is the man in this photo at 西门 since 10:00",
            "docks and gates 2-4",
        ),
        _mentions,
        (),
    ),
    "camera source": Reader(URLS, _camera, (UserFault,)),
    "address": Reader(URLS, _address, (UserFault, PolicyRefusal, BackendFault)),
    "database": Reader(
        ("postgresql://ana:x@db.example:5432/viot", "sqlite:////tmp/a.db", "/tmp/b"),
        _database,
        (UserFault, BackendFault),
    ),
    "proxies": Reader(
        ("127.0.0.1,10.0.0.0/28", "::1, fe80::/10"), lambda text, _: Proxies.from_env({PROXIES: text}), (UserFault,)
    ),
    "key": Reader(("viot_0123456789ab_" + "A" * 43,), lambda text, _: id_of(text), ()),
    "length of time": Reader(("90d", "12 h", "1y"), lambda text, _: span_seconds(text), (UserFault,)),
    "name": Reader(("gate 2", "Zoë"), lambda text, _: names.folded(names.clean(text, "camera")), (UserFault,)),
    "page body": Reader(({"data": [{"path": "/up/a", "meta": {}}], "fn": 1},), _body, (), "json"),
    "uri": Reader(("viot://evidence/run-1/e1.jpg", "run-1/e1.jpg"), _uri, ()),
    "signed address": Reader(("".join(SIGNED),), _signed, (PolicyRefusal,)),
}


def one(name: str, fuzzing: ModuleType, folder: Path, seconds: float) -> None:
    reader = READERS[name]
    found = fuzzing.fuzz(name, reader.maker(fuzzing), lambda g: reader.read(g, folder), reader.refuses, seconds=seconds)
    assert found.tried > 0


@pytest.mark.parametrize("name", READERS)
def test_readers(name: str, fuzzing: ModuleType, tmp_path: Path) -> None:
    one(name, fuzzing, tmp_path, 0.15)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_readers_for_longer(name: str, fuzzing: ModuleType, tmp_path: Path) -> None:
    one(name, fuzzing, tmp_path, 6.0)


def test_deep_and_long_json_is_one_kind_of_error() -> None:
    for text in ("[" * 100_000, "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), '{"a": ' + "9" * 5000 + "}", b"\xff", ""):
        with pytest.raises(json.JSONDecodeError):
            read_json(text)
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
    assert read_json(json.dumps(["[" * 500, '"]{' * 99])) == ["[" * 500, '"]{' * 99]  # brackets in texts nest nothing


# what the servers are sent -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viot]:
    with serving.make_house(tmp_path_factory.mktemp("fuzz")) as made:
        yield made


BODIES = (
    {"text": "look", "llm": "look", "attach": [], "purpose": "", "conversation": None},
    {"event": "fire", "cameras": ["yard"], "when": "at night", "purpose": "test"},
    {"text": "x", "attach": ["viot://evidence/run-1/e1.jpg", "up-0123456789abcdef"]},
)
PATHS = (
    "/v1/ask", "/v1/alerts", "/v1/uploads?name=a.png", "/v1/runs/run-1", "/v1/conversations/a?limit=5", "/v1/cameras",
    "/media/evidence/run-1/e1.jpg?u=ana&e=1&s=x", "/media/frame/run-1/e1.jpg", "/v1/alerts/alert-1", "/v1/people",
    "/media/recording/1/1", "/media/still/1.jpg", "/v1/alerts/history?limit=1",
)  # fmt: skip


def rest(house: Viot, serving: ModuleType, fuzzing: ModuleType, seconds: float) -> None:
    site = serving.serve(house, keys=False, limits=Limits(1e9, 10**9, 100_000))
    client = site.client()

    def make(rng: Rng) -> tuple[str, str, bytes, str]:
        path = fuzzing.text_of(rng, PATHS) if rng.random() < 0.5 else rng.choice(PATHS)
        path = path.encode("utf-8", "replace").decode().translate(dict.fromkeys(range(33)))
        path = "/" + path.lstrip("/")[:1500]
        text = json.dumps(fuzzing.json_of(rng, BODIES))
        body = fuzzing.bytes_of(rng, [text.encode()]) if rng.random() < 0.4 else text.encode()
        kind = rng.choice(("application/json", "application/octet-stream", "text/plain", "multipart/form-data"))
        return rng.choice(("GET", "POST", "POST", "POST", "DELETE", "PUT")), path, body, kind

    def send(given: tuple[str, str, bytes, str]) -> None:
        method, path, body, kind = given
        try:
            answer = client.request(method, path, content=body, headers={"content-type": kind})
        except InvalidURL:  # no client sends it
            return
        assert answer.status_code < 500, (answer.status_code, answer.text[:300])
        assert str(house.home) not in answer.text

    fuzzing.fuzz("rest", make, send, (), seconds=seconds)
    site.served.close()


def test_rest(house: Viot, serving: ModuleType, fuzzing: ModuleType) -> None:
    rest(house, serving, fuzzing, 1.5)


@pytest.mark.slow
def test_rest_for_longer(house: Viot, serving: ModuleType, fuzzing: ModuleType) -> None:
    rest(house, serving, fuzzing, 30.0)


ARGUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("look", {"cameras": ["yard"], "purpose": "x"}),
    ("find_person", {"person": "up-0123456789abcdef"}),
    ("blur", {"media": "viot://evidence/run-1/e1.jpg"}),
    ("create_alert", {"event": "fire", "cameras": ["yard"], "time": "at night"}),
    ("attach_media", {"data": "aGVsbG8=", "name": "a.png"}),
)


def mcp(house: Viot, fuzzing: ModuleType, folder: Path, seconds: float) -> None:
    uploads = Uploads.open(1_000_000, folder)
    offered = Offered(house, Files(house, uploads), Shown(house, Signer.of_home(house.home)), Worked())

    def make(rng: Rng) -> tuple[str, Any]:
        name, args = rng.choice(ARGUMENTS)
        given = fuzzing.json_of(rng, [args])
        return (fuzzing.text_of(rng, [name]) if rng.random() < 0.1 else name), given

    def call(given: tuple[str, Any]) -> None:
        name, args = given
        result = asyncio.run(offered.call(Principal(), name, args if isinstance(args, dict) else {}))
        words = " ".join(getattr(c, "text", "") for c in result.content)
        assert "Something in the program broke" not in words, words
        assert str(house.home) not in words

    fuzzing.fuzz("mcp", make, call, (), seconds=seconds)
    uploads.close()


def test_mcp(house: Viot, fuzzing: ModuleType, tmp_path: Path) -> None:
    mcp(house, fuzzing, tmp_path, 1.5)


@pytest.mark.slow
def test_mcp_for_longer(house: Viot, fuzzing: ModuleType, tmp_path: Path) -> None:
    mcp(house, fuzzing, tmp_path, 20.0)


def arguments(house: Viot, fuzzing: ModuleType, seconds: float) -> None:
    def make(rng: Rng) -> tuple[str, Any]:
        name, args = rng.choice(ARGUMENTS[:4])
        return name, fuzzing.json_of(rng, [args])

    fuzzing.fuzz("arguments", make, lambda g: house.toolbox.check_args(*g), (ArgsFault,), seconds=seconds)


def test_arguments(house: Viot, fuzzing: ModuleType) -> None:
    arguments(house, fuzzing, 0.3)


def wanted_files(house: Viot, fuzzing: ModuleType, folder: Path, seconds: float) -> None:
    """Names of files, and keys: of nobody else's there is anything, and nothing is an error of ours."""
    uploads = Uploads.open(1_000_000, folder)
    files = Files(house, uploads)
    seeds = ("up-0123456789abcdef", "viot://evidence/run-1/e1.jpg", "viot://frame/run-1/e1.jpg", "../../etc/passwd")
    fuzzing.fuzz(
        "files", lambda rng: fuzzing.text_of(rng, seeds), lambda t: files.found("ana", t), (NameFault,), seconds=seconds
    )
    headers = ("Bearer viot_0123456789ab_" + "A" * 43, "Basic YTpi", "bearer x")

    def knock(text: str) -> None:
        house.access.identify([("authorization", text), ("x-forwarded-user", text)], text[:50])

    fuzzing.fuzz(
        "knock", lambda rng: fuzzing.text_of(rng, headers), knock, (SignInRefusal, PolicyRefusal), seconds=seconds
    )
    uploads.close()


def test_wanted_files(house: Viot, fuzzing: ModuleType, tmp_path: Path) -> None:
    wanted_files(house, fuzzing, tmp_path, 0.4)


# media ---------------------------------------------------------------------------------------------------------------


def media_of(
    video: Callable[[str, str], Path], serving: ModuleType, fuzzing: ModuleType, folder: Path, s: float
) -> None:
    pictures = [serving.picture("PNG"), serving.picture("JPEG"), serving.picture("WEBP"), serving.picture("BMP")]
    fuzzing.fuzz("pictures", lambda rng: fuzzing.bytes_of(rng, pictures), decode_image, (MediaFault,), seconds=s)
    films = [video("h264_b", kind).read_bytes() for kind in ("mp4", "mkv")]
    readers = kept(probe, "film.mp4")
    fuzzing.fuzz(
        "films", lambda rng: fuzzing.bytes_of(rng, films), lambda g: readers(g, folder), (MediaFault,), seconds=s
    )


def test_media(video: Callable[[str, str], Path], serving: ModuleType, fuzzing: ModuleType, tmp_path: Path) -> None:
    media_of(video, serving, fuzzing, tmp_path, 0.5)


@pytest.mark.slow
def test_media_for_longer(
    video: Callable[[str, str], Path], serving: ModuleType, fuzzing: ModuleType, tmp_path: Path
) -> None:
    media_of(video, serving, fuzzing, tmp_path, 20.0)


# settings ------------------------------------------------------------------------------------------------------------


def _weights() -> object:
    return Weights.from_env()


@pytest.mark.parametrize(
    ("name", "read"), [("VIOT_HOME", _weights), ("VIOT_MODELS", _weights), ("VIOT_TIER", _weights),
                       (ADDRESSES, default_addresses)],
)  # fmt: skip
def test_settings(
    name: str, read: Callable[[], object], fuzzing: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(rng: Rng) -> str:
        text: str = fuzzing.text_of(rng, (str(home), "~/x", "~nobody/x", "hub", "json://host/path 'mailto://a:b@c'"))
        return os.fsdecode(text.encode("utf-8", "replace").replace(b"\0", b""))  # what an environment can hold

    def look(text: str) -> None:
        monkeypatch.setenv(name, text)
        read()

    fuzzing.fuzz(name, make, look, (UserFault,), seconds=0.15)
