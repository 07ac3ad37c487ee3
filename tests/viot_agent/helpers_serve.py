"""A small house for the tests of the servers: real footage of one camera, tools that answer at once, keys on demand."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from viot_agent.agent.runner import Agent
from viot_agent.alerts.engine import Alerts
from viot_agent.cancel import heed
from viot_agent.errors import RetryFault
from viot_agent.library.fake_analyzer import FakeThings
from viot_agent.library.ingest import ingest
from viot_agent.library.store import Library
from viot_agent.llm.fixed import FixedCall
from viot_agent.media.clips import write_clip
from viot_agent.media.readers import open_media
from viot_agent.policy.access import Access, Rate
from viot_agent.serve.gate import Limits
from viot_agent.serve.http import Served, Way, build
from viot_agent.steps import Claim, Evidence, Observation, Principal
from viot_agent.system import Viot
from viot_agent.toolbox import Arg, CamerasArg, PersonArg, TimeArg, Toolbox, ToolContext, tool
from viot_agent.toolbox.contract import EVENTS
from viot_agent.web.options import Options, checked
from viot_agent.weights import Weights

BEGAN = threading.Event()
"""Set when ``wait`` has begun."""


def said(ctx: ToolContext, name: str, text: str, *pieces: Evidence, **data: Any) -> Observation:
    cites = tuple(p.id for p in pieces)
    return Observation(ctx.call_id, name, "ok", text, "found", (Claim(text, cites),), pieces, data=data)


@tool()
def look(ctx: ToolContext, cameras: CamerasArg | None = None) -> Observation:
    """Look at cameras and say what was seen.

    Not for: anything else.

    Args:
        cameras: camera names.
    """
    seen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)[0].name
    box = (10.0, 10.0, 60.0, 90.0)
    jpeg = picture("JPEG")
    piece = Evidence(
        ctx.evidence_id(), seen, 1001.0, 1004.0, "look", "eye", "1", at=1003.0, xyxy=box, crop_jpeg=jpeg, score=0.7
    )
    return said(ctx, "look", f"Something was seen on {seen}.", piece)


@tool(biometric=True)
def find_person(ctx: ToolContext, person: PersonArg) -> Observation:
    """Find a person by the face, from a name or a picture.

    Not for: anything else.

    Args:
        person: a name or an attached picture.
    """
    path = ctx.attachment(person)
    what = f"a picture of {path.stat().st_size} bytes" if path is not None else f"the name {person}"
    return said(ctx, "find_person", f"Looked for {what}.")


@tool(cost="render")
def cut(ctx: ToolContext, cameras: CamerasArg) -> Observation:
    """Write footage of a camera out as a file.

    Not for: anything else.

    Args:
        cameras: camera names.
    """
    folder = ctx.home / "exports" / ctx.run_id
    folder.mkdir(parents=True)
    path = folder / "yard.mp4"
    path.write_bytes(Path(ctx.fleet.cameras()[0].source).read_bytes())
    handle = ctx.new_handle("clip", path)
    piece = Evidence(ctx.evidence_id(), cameras[0], 1000.0, 1006.0, "cut", "recording", "", clip=str(path))
    return said(ctx, "cut", f"{handle} holds the footage.", piece)


@tool(cost="render")
def blur(ctx: ToolContext, media: Annotated[str, Arg("media")]) -> Observation:
    """Make a blurred copy of a picture or film.

    Not for: anything else.

    Args:
        media: what to blur.
    """
    path = ctx.attachment(media) or ctx.handles.get(media)
    if path is None:
        raise RetryFault(f"there is no {media}", fix="attach it")
    return said(ctx, "blur", f"Blurred {media}, {path.stat().st_size} bytes.")


@tool()
def wait(ctx: ToolContext, cameras: CamerasArg | None = None) -> Observation:
    """Look for a long time at the cameras.

    Not for: anything else.

    Args:
        cameras: camera names.
    """
    BEGAN.set()
    for _ in range(1000):
        heed()
        threading.Event().wait(0.01)
    raise AssertionError("nobody stopped it")


class Fires:
    """A matcher that never sees anything."""

    kinds = ("fire", "person")
    needs = ("things",)

    def look(self, watched: object, looking: object) -> list[Any]:
        return []


@tool()
def create_alert(
    ctx: ToolContext,
    event: Annotated[str, Arg("event", EVENTS)],
    cameras: CamerasArg | None = None,
    time: TimeArg | None = None,
) -> Observation:
    """Set a standing alert on something that happens.

    Not for: what has happened.

    Args:
        event: what.
        cameras: where.
        time: when it is on.
    """
    alerts = Alerts(ctx.library, ctx.fleet, ctx.weights, matchers=[Fires()])
    owner, scope = ctx.request.principal.name, ctx.request.camera_scope
    made = alerts.add(event, cameras=cameras, when=time, owner=owner, scope=scope)
    return Observation(ctx.call_id, "create_alert", "ok", f"{made.handle} is set.", data={"handle": made.handle})


TOOLS = (look, find_person, cut, blur, wait, create_alert)
CALLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "look": ("look", {}),
    "find": ("find_person", {"person": "image-1"}),
    "forged": ("blur", {"media": "clip-2"}),
    "wait": ("wait", {}),
    "look yard": ("look", {"cameras": ["yard"]}),
    "look lobby": ("look", {"cameras": ["lobby"]}),
    "cut yard": ("cut", {"cameras": ["yard"]}),
    "cut lobby": ("cut", {"cameras": ["lobby"]}),
    "blur": ("blur", {"media": "image-1"}),
    "alert": ("create_alert", {"event": "fire"}),
}


class House(Viot):
    """A home whose language model of a name always makes the one call of that name."""

    def agent(self, llm: str = "mini") -> Agent:
        if llm == "broken":
            raise ZeroDivisionError("no more of it")
        name, args = CALLS[llm]
        return self._agent(FixedCall(tool=name, args=args), llm, react=True)


def picture(kind: str = "PNG", size: int = 24) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), 90, np.uint8)).save(data, kind)
    return data.getvalue()


_MADE: list[Path] = []
"""The home that all houses begin as, once it is made: migrating and indexing take longer than most tests."""


def make_house(root: Path) -> House:
    """Cameras ``yard`` (in ``outdoors``, six seconds of footage from 1000.0 on) and ``lobby`` (``indoors``, none)."""
    if not _MADE:
        _MADE.append(_first(root / "first"))
    home = root / "home"
    shutil.copytree(_MADE[0], home)
    return House(Library.open(home), Weights.from_env(home), Toolbox(TOOLS), home)


def _first(root: Path) -> Path:
    footage, home = root / "yard.mp4", root / "home"
    home.mkdir(parents=True)
    write_clip((np.full((120, 160, 3), 40 + 2 * n, np.uint8) for n in range(60)), footage, 10.0)
    library = Library.open(home)
    library.add_camera("yard", str(footage), groups=["outdoors"], tz="UTC", start=1000.0)
    library.add_camera("lobby", str(root / "lobby.mp4"), groups=["indoors"], tz="UTC")
    ingest(library, "yard", [FakeThings()], open_reader=open_media)
    library.close()
    return home


@dataclass
class Site:
    """A house and a server over it."""

    house: House
    served: Served
    secrets: dict[str, str] = field(default_factory=dict)

    def client(self, who: str = "", *, address: str = "192.0.2.7", host: str = "") -> TestClient:
        """Somebody's client: with that person's key, from that address."""
        base = host or ("http://cams.example" if self.secrets else "http://127.0.0.1")
        headers = {"authorization": f"Bearer {self.secrets[who]}"} if who else {}
        return TestClient(
            self.served.app, base, headers=headers, client=(address, 50000), raise_server_exceptions=False
        )

    def noted(self, kind: str) -> list[dict[str, Any]]:
        """What the audit log holds of a kind, with who."""
        return [{**row.fields, "who": row.who} for row in self.house.audit.search(kind=kind)]


LLMS = (*CALLS, "broken")


def serve(
    house: House,
    *,
    keys: bool,
    way: Way = "rest",
    limits: Limits | None = None,
    options: Options | None = None,
    rate: Rate | None = None,
) -> Site:
    """A server over the house; with ``keys`` for ada (admin), olga (operator, outdoors only), vera (viewer) and paul
    (privacy officer). Without ``rate`` a key may come as often as it likes."""
    secrets = {}
    house.access = Access(house.library.db, rate=rate or Rate(1e9, 10**6))
    if keys:
        me = Principal()
        secrets["ada"] = house.access.keys.add("ada", "admin", by=me)[1]
        secrets["olga"] = house.access.keys.add("olga", "operator", groups=["outdoors"], by=me)[1]
        secrets["vera"] = house.access.keys.add("vera", "viewer", by=me)[1]
        secrets["paul"] = house.access.keys.add("paul", "privacy-officer", by=me)[1]
    made = options or checked(host="0.0.0.0" if keys else "127.0.0.1", llm=LLMS, max_upload_mb=1)
    return Site(house, build(house, made, way, limits), secrets)
