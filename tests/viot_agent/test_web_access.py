"""The page where access is set up: signed in by key or by a proxy, and no right but the role's."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from viot_agent.errors import PolicyRefusal
from viot_agent.library.records import Fingerprint
from viot_agent.library.store import Library
from viot_agent.policy.access import Access, Proxies, Rate
from viot_agent.policy.logins import FREE
from viot_agent.policy.purge import Purge
from viot_agent.steps import Principal
from viot_agent.system import Viot
from viot_agent.toolbox import Toolbox
from viot_agent.web import fleet_panel, people, who
from viot_agent.web.chat import Chat
from viot_agent.web.guard import Guard
from viot_agent.web.jobs import Jobs
from viot_agent.web.media import media_routes
from viot_agent.web.options import checked
from viot_agent.web.page import Page
from viot_agent.web.sessions import Session
from viot_agent.web.uploads import Uploads
from viot_agent.web.views import Views
from viot_agent.weights import Weights
from viot_tools.demo.figures import COLLINS

SITE = "http://localhost:7860"
OWNER = Principal()


async def behind(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the name it was told."""
    name = next(v for k, v in scope["headers"] if k == b"x-viot-user")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": name})


@pytest.fixture
def viot(tmp_path: Path) -> Iterator[Viot]:
    home = tmp_path / "home"
    with Library.open(home) as library:
        library.add_camera("gate", str(tmp_path / "gate.mp4"), groups=["yard"])
        library.add_camera("hall", str(tmp_path / "hall.mp4"), groups=["house"])
        opened = Viot(library, Weights(home), Toolbox.from_entry_points(), home)
        opened.access = Access(library.db, proxies=Proxies.from_env({"VIOT_TRUSTED_PROXIES": "10.0.0.3"}))
        yield opened


def get(app: Any, path: str = "/", *, client: tuple[str, int] = ("127.0.0.1", 5), **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url=SITE) as browser:
            return await browser.get(path, headers=headers)

    return asyncio.run(go())


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def guard(viot: Viot, tmp_path: Path, app: Any = behind, **options: Any) -> Guard:
    chosen = checked(**options)
    return Guard(app, chosen, Uploads(tmp_path, chosen.max_upload_bytes), viot.access)


def test_a_key_is_the_password(viot: Viot, tmp_path: Path) -> None:
    door = guard(viot, tmp_path, auth=["ana:an-old-password"])
    assert get(door).status_code == 401  # --auth
    _, secret = viot.access.init("Ada", by=OWNER)
    assert get(door, authorization=basic("ana", "an-old-password")).status_code == 401
    good = get(door, authorization=basic("ada", secret))
    assert (good.status_code, good.text) == (200, "Ada")  # as the key's owner is written, whatever was typed
    assert get(door, authorization=basic("Eve", secret)).status_code == 401
    assert get(door, authorization=f"Bearer {secret}").text == "Ada"
    asked = get(door)
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Basic ")
    viot.access.keys.revoke("Ada", by=OWNER)
    assert get(door, authorization=basic("Ada", secret)).status_code == 401


def test_wrong_keys_wait(viot: Viot, tmp_path: Path) -> None:
    _, secret = viot.access.init("Ada", by=OWNER)
    door = guard(viot, tmp_path)
    for _ in range(FREE):
        assert get(door, authorization=basic("Ada", secret[:18] + "A" * 43)).status_code == 401
    late = get(door, authorization=basic("Ada", secret[:18] + "A" * 43))
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1


def test_a_pages_own_files_do_not_use_up_the_rate(viot: Viot, tmp_path: Path) -> None:
    viot.access = Access(viot.library.db, rate=Rate(1.0, 1), proxies=Proxies())
    _, secret = viot.access.init("Ada", by=OWNER)
    door = guard(viot, tmp_path)
    assert {get(door, authorization=basic("Ada", secret)).status_code for _ in range(5)} == {200}


def test_a_proxy_names_who_asks(viot: Viot, tmp_path: Path) -> None:
    viot.access.init("Ada", by=OWNER)
    viot.access.keys.add("Ben", "viewer", proxied=True, by=OWNER)
    door = guard(viot, tmp_path, root_path="/")
    assert get(door, client=("10.0.0.3", 9), **{"x-forwarded-user": "ben"}).text == "Ben"
    for client, name in ((("192.0.2.1", 9), "ben"), (("10.0.0.3", 9), "ada"), (("10.0.0.3", 9), "eve")):
        assert get(door, client=client, **{"x-forwarded-user": name}).status_code == 401


def signed(viot: Viot, role: str, groups: list[str] | None = None) -> str:
    """Somebody of that role, signed in."""
    if not viot.access.configured:
        viot.access.init("Ada", by=OWNER)
    viot.access.keys.add(role, role, groups=groups, by=OWNER)  # type: ignore[arg-type]
    return role


RIGHTS = ("fleet", "index", "people")


@pytest.mark.parametrize(
    ("role", "rights"),
    [("viewer", set()), ("operator", {"index"}), ("privacy-officer", {"people"}), ("admin", set(RIGHTS))],
)
def test_rights_on_the_page(viot: Viot, role: str, rights: set[str]) -> None:
    user = signed(viot, role)
    for right in RIGHTS:
        if right in rights:
            assert who.check(viot, user, right).role == role  # type: ignore[arg-type]
        else:
            with pytest.raises(PolicyRefusal, match=f"the role {role} may not"):
                who.check(viot, user, right)  # type: ignore[arg-type]
    assert len(viot.audit.search(kind="refused")) == len(RIGHTS) - len(rights)


def test_whose_key_was_taken_back_may_do_nothing(viot: Viot) -> None:
    user = signed(viot, "admin")
    viot.access.keys.revoke(user, by=OWNER)
    assert who.scope(viot, user) == frozenset()
    with pytest.raises(PolicyRefusal):
        who.check(viot, user, "fleet")
    assert viot.call("list_cameras", {}, principal=who.principal(viot, user)).answer.status == "refused"


def test_single_user_mode_knows_no_roles(viot: Viot) -> None:
    assert who.scope(viot, "browser-1") is None
    assert who.check(viot, "browser-1", "fleet") == Principal("browser-1")


def test_cameras_of_other_groups_are_not_there(viot: Viot, tmp_path: Path, video: Any) -> None:
    for name in ("gate", "hall"):
        (tmp_path / f"{name}.mp4").write_bytes(video("h264_b", "mp4").read_bytes())
    user = signed(viot, "viewer", ["yard"])
    scope = who.scope(viot, user)
    assert fleet_panel.choices(viot, scope) == ["gate"]
    assert "hall" not in fleet_panel.cameras_html(viot, "", scope)
    app = FastAPI()
    app.include_router(media_routes(viot))
    ids = {c.name: c.id for c in viot.library.cameras()}
    told = {"x-viot-user": user}
    assert get(app, f"/media/still/{ids['gate']}.jpg", **told).status_code == 200
    assert get(app, f"/media/still/{ids['hall']}.jpg", **told).status_code == 404
    for name, status in (("gate", 200), ("hall", 404)):
        path = (tmp_path / f"{name}.mp4").resolve()
        times = {"start_ts": 0.0, "start_origin": "camera", "duration": 1.0, "fps": 5.0}
        row = viot.library.add_media(name, path, Fingerprint(1, 1.0, "x"), width=9, height=9, **times)  # type: ignore[arg-type]
        assert get(app, f"/media/recording/{ids[name]}/{row.id}", **told).status_code == status


def test_the_chat_asks_with_role_and_purpose(viot: Viot) -> None:
    user = signed(viot, "viewer", ["yard"])
    chat = Chat(viot, Views(viot.home, ""), ["mini"])
    last = list(chat.ask(Session(user), "Which cameras are there?", [], "mini", "a check"))[-1]
    said = str(last.messages[-1])
    assert "gate" in said
    assert "hall" not in said
    (row,) = viot.audit.search(kind="run")
    assert (row.who, row.role, row.said["purpose"]) == (user, "viewer", "a check")
    assert row.fields["scope"] == ["gate"]


class Asked:
    """A request of the page as Gradio tells it."""

    def __init__(self, user: str) -> None:
        self.headers = {"x-viot-user": user}
        self.session_hash = "s"
        self.query_params: dict[str, str] = {}


@pytest.mark.parametrize(("role", "told"), [("viewer", False), ("operator", True), ("privacy-officer", True)])
def test_who_is_enrolled_is_told_to_those_who_may_look_for_people(role: str, told: bool, viot: Viot) -> None:
    viot.library.add_person("Ana Silva", [b"picture"], "form of 3 March")
    user = signed(viot, role)
    assert who.knows_people(viot, user) is told
    shown = str(Page(viot, checked(), Jobs(viot.home))._lists(Asked(user)))  # type: ignore[arg-type]
    assert ("Ana Silva" in shown) is told
    assert ("form of 3 March" in shown) is told
    assert "Nobody is enrolled" not in shown


def test_who_enrolled_somebody_on_the_page_is_on_record(viot: Viot) -> None:
    by = who.check(viot, signed(viot, "privacy-officer"), "people")
    people.enrol(viot, "Ana Silva", [COLLINS.path], "form", by=by)
    (row,) = viot.audit.search(kind="enrolled")
    assert (row.who, row.role) == ("privacy-officer", "privacy-officer")


def test_footage_of_a_purged_time_is_not_served(viot: Viot, tmp_path: Path, video: Any) -> None:
    (tmp_path / "gate.mp4").write_bytes(video("h264_b", "mp4").read_bytes())
    user = signed(viot, "admin")
    path = (tmp_path / "gate.mp4").resolve()
    times = {"start_ts": 0.0, "start_origin": "camera", "duration": 1.0, "fps": 5.0}
    row = viot.library.add_media("gate", path, Fingerprint(1, 1.0, "x"), width=9, height=9, **times)  # type: ignore[arg-type]
    gate = next(c.id for c in viot.library.cameras() if c.name == "gate")
    app = FastAPI()
    app.include_router(media_routes(viot))
    addresses = [f"/media/still/{gate}.jpg", f"/media/recording/{gate}/{row.id}"]
    assert [get(app, a, **{"x-viot-user": user}).status_code for a in addresses] == [200, 200]
    purge = Purge(viot, OWNER)
    assert purge.carry_out(purge.window(0.5, 2.0, ["gate"])).left == ()
    assert path.is_file()
    assert [get(app, a, **{"x-viot-user": user}).status_code for a in addresses] == [404, 404]
