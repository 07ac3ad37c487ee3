"""The routes of the REST server: thin; each finds who asks, lets the right part do the work, and shows what came.

Owns the addresses and their documents. What a principal may see of cameras, people and alerts is decided by the same
tables as everything else (``viot_agent.policy.roles``).
"""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from viot_agent import __version__
from viot_agent.alerts.types import Alert, Firing
from viot_agent.errors import NameFault, PolicyRefusal, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.policy.consent import Consents
from viot_agent.policy.roles import WORDS, ToolClass, may, may_use, reads_people, scope_of
from viot_agent.serve import schemas
from viot_agent.serve.asks import Asks
from viot_agent.serve.files import Files
from viot_agent.serve.gate import OPEN, UPLOADS, principal_of
from viot_agent.serve.problems import MEDIA_TYPE, problem
from viot_agent.serve.reply import Reply, form_of
from viot_agent.serve.shown import Shown
from viot_agent.steps import Principal, iso
from viot_agent.system import Viot
from viot_agent.web.uploads import KEEP

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, **_PROBLEM}
    for status, words in (
        (400, "Not readable"),
        (401, "No key, or one that opens nothing"),
        (403, "Not allowed"),
        (404, "Nothing of that name that is yours"),
        (409, "Something else is in the way"),
        (408, "Too slow"),
        (413, "Too large"),
        (415, "Not a usable kind"),
        (421, "Another server's name"),
        (422, "Not usable"),
        (429, "Too many requests"),
        (503, "Not now"),
        (507, "The disk is full"),
    )
}
_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with Accept: text/event-stream or application/x-ndjson every event as it comes: "
        "conversation, waiting, begin, step, alive, answer, problem.",
        "content": {"text/event-stream": {"schema": {}}, "application/x-ndjson": {"schema": {}}},
    }
}
Limit = Annotated[int, Query(ge=1, le=200)]
Id = Annotated[str, Path(min_length=1, max_length=200)]


def routes(viot: Viot, asks: Asks, shown: Shown, files: Files) -> APIRouter:
    """The router. The gate stands before it."""
    api = APIRouter(responses=_FAULTS)
    consents = Consents(viot.library.db)

    @api.get(OPEN, tags=["server"])
    def health() -> schemas.Health:
        """Whether the server answers. Needs no key."""
        return schemas.Health(status="ok", version=__version__)

    @api.post("/v1/ask", tags=["ask"], response_model=schemas.RunOut, responses=_STREAMS)
    async def ask(request: Request, asked: schemas.AskIn) -> Response:
        """Ask in words. A refused request is an answer too: its status is ``refused``."""
        form = form_of(request.headers.get("accept", ""))
        return Reply(asks.events(principal_of(request.scope), asked), form)

    @api.get("/v1/conversations", tags=["ask"])
    def conversations(request: Request, limit: Limit = 50) -> list[schemas.ConversationOut]:
        """Your conversations, the last one spoken in first."""
        return [
            schemas.ConversationOut(
                conversation=c.id, title=c.title, turns=c.turns, first=iso(c.first), last=iso(c.last)
            )
            for c in viot.library.conversations(principal_of(request.scope).name, limit=limit)
        ]

    @api.get("/v1/conversations/{conversation}", tags=["ask"])
    def conversation(request: Request, conversation: Id, limit: Limit = 50) -> list[schemas.TurnOut]:
        """The turns of one of your conversations, newest first."""
        name = asks.conversation_of(principal_of(request.scope).name, conversation)
        rows = viot.library.runs(owner=principal_of(request.scope).name, limit=limit, conversation=name)
        return [
            schemas.TurnOut(
                run=r.id,
                conversation=r.conversation,
                at=iso(r.created),
                request=r.request,
                status=r.record["status"],
                answer=r.record["answer"],
            )
            for r in rows
        ]

    @api.get("/v1/runs/{run}", tags=["ask"])
    def run(request: Request, run: Id) -> schemas.RunOut:
        """One of your runs, its media's addresses signed anew."""
        who = principal_of(request.scope).name
        stored = viot.library.run(run)
        if stored is None or stored.owner != who:
            raise NameFault("you have no such run", name=run)
        return shown.run(stored.record, stored.conversation, who)

    @api.post(
        UPLOADS,
        tags=["ask"],
        status_code=201,
        response_model=schemas.UploadOut,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def upload(
        request: Request, name: Annotated[str, Query(max_length=200)] = "upload"
    ) -> schemas.UploadOut | Response:
        """A picture or a short video to attach: its bytes are the body. What it is, is told by them."""
        if request.headers.get("content-type", "").startswith("multipart/"):
            return problem(415, "a form is not read here", fix="send the bytes as the body: curl --data-binary @FILE")
        told = request.headers.get("content-length")
        size = int(told) if told is not None else None
        who = principal_of(request.scope).name
        id, kind, length = await files.take(who, name, size, request.stream())
        return schemas.UploadOut(id=id, kind=kind, bytes=length, keep_seconds=int(KEEP))

    @api.get("/v1/cameras", tags=["fleet"])
    def cameras(request: Request) -> list[schemas.CameraOut]:
        """The cameras that you may look at, and what is indexed."""
        return [_camera(viot, c) for c in _seen(viot, principal_of(request.scope))]

    @api.get("/v1/people", tags=["fleet"])
    def people(request: Request) -> list[schemas.PersonOut]:
        """Everybody enrolled, with the recorded consent or legal basis. For those who may look for people."""
        who = principal_of(request.scope)
        if not reads_people(who):
            _may_use(who, "biometric")
        grounds = {c.person: c for c in consents.all()}
        now = time.time()
        out = []
        for person in viot.library.people():
            ground = grounds.get(person.name)
            state = "nothing is recorded" if ground is None else ground.ended(now) or "holds"
            out.append(
                schemas.PersonOut(
                    name=person.name,
                    consent=person.consent,
                    basis=ground.basis if ground else "",
                    state=state,
                    until=iso(ground.until) if ground and ground.until is not None else None,
                    pictures=person.pictures,
                )
            )
        return out

    @api.get("/v1/alerts", tags=["alerts"])
    def alerts(request: Request) -> list[schemas.AlertOut]:
        """The standing alerts on cameras that you may look at."""
        who = principal_of(request.scope)
        _may_use(who, "alert")
        return [_alert(viot, a) for a in viot.alerts.store.alerts() if _in_scope(viot, who, a)]

    @api.post("/v1/alerts", tags=["alerts"], status_code=201)
    def add_alert(request: Request, wanted: schemas.AlertIn) -> schemas.AlertOut:
        """Watch for something in all that is indexed from now on."""
        args: dict[str, Any] = {"event": wanted.event}
        args |= {"cameras": wanted.cameras} if wanted.cameras else {}
        args |= {"time": wanted.when} if wanted.when else {}
        who = principal_of(request.scope)
        done = viot.call("create_alert", args, principal=who, purpose=wanted.purpose)
        seen = done.steps[-1].observation if done.steps else None
        if done.answer.status == "refused":
            raise PolicyRefusal(done.answer.text.removeprefix("Refused: ").rstrip("."))
        if seen is None or seen.status != "ok":
            raise UserFault(done.answer.text, fix="see the fields of the document")
        return _alert(viot, viot.alerts.store.alert(str(seen.data["handle"])))

    @api.delete("/v1/alerts/{alert}", tags=["alerts"], status_code=204)
    def remove_alert(request: Request, alert: Id) -> None:
        """End an alert of yours; what it fired stays in the history."""
        who = principal_of(request.scope)
        _may_use(who, "alert")
        found = next((a for a in viot.alerts.store.alerts() if alert in (a.handle, str(a.id))), None)
        if found is None or (found.owner != who.name and not may(who, "fleet")):
            raise NameFault("you have no such alert", name=alert)
        viot.alerts.store.remove(found.handle)
        viot.audit.note("alert_removed", by=who, data={"alert": found.handle})

    @api.get("/v1/alerts/history", tags=["alerts"])
    def history(request: Request, limit: Limit = 50) -> list[schemas.FiringOut]:
        """What fired on cameras that you may look at, the last first."""
        who = principal_of(request.scope)
        _may_use(who, "alert")
        names = {c.name for c in _seen(viot, who)}
        return [_firing(f) for f in viot.alerts.store.history(limit=limit, cameras_=sorted(names))]

    @api.post("/v1/alerts/history/{firing}/acknowledge", tags=["alerts"])
    def acknowledge(request: Request, firing: Annotated[int, Path(ge=1, le=2**53)]) -> schemas.FiringOut:
        """Say that it was seen; it is not told again."""
        who = principal_of(request.scope)
        _may_use(who, "alert")
        names = {c.name for c in _seen(viot, who)}
        found = viot.alerts.store.firing(firing)
        if found is None or found.sighting.camera not in names:
            raise NameFault(f"nothing fired under the number {firing}", name=str(firing))
        done = viot.alerts.store.acknowledge(firing, who.name)
        viot.audit.note("alert_acknowledged", by=who, data={"firing": firing, "alert": f"alert-{done.alert}"})
        return _firing(done)

    return api


def _may_use(who: Principal, kind: ToolClass) -> None:
    if not may_use(who, kind):
        raise PolicyRefusal(f"this key is not for {WORDS[kind]}", fix="ask an admin for a key that is")


def _seen(viot: Viot, who: Principal) -> list[Camera]:
    known = viot.library.cameras()
    scope = scope_of(who, known)
    return [c for c in known if scope is None or c.name in scope]


def _in_scope(viot: Viot, who: Principal, alert: Alert) -> bool:
    scope = scope_of(who, viot.library.cameras())
    return scope is None or alert.owner == who.name or (alert.cameras is not None and scope.issuperset(alert.cameras))


def _camera(viot: Viot, camera: Camera) -> schemas.CameraOut:
    from pathlib import Path as File

    kind = "stream" if "://" in camera.source else "folder" if File(camera.source).is_dir() else "file"
    return schemas.CameraOut(
        name=camera.name,
        groups=list(camera.groups),
        time_zone=camera.tz,
        source=kind,  # type: ignore[arg-type]
        indexed=[schemas.SpanOut(start=iso(a), end=iso(b)) for a, b in viot.library.spans(camera.name)],
    )


def _alert(viot: Viot, alert: Alert) -> schemas.AlertOut:
    known = viot.library.cameras()
    zone = next((c.tz for c in known if alert.cameras is None or c.name in alert.cameras), "UTC")
    return schemas.AlertOut(
        id=alert.handle,
        event=str(alert.watched),
        cameras=None if alert.cameras is None else list(alert.cameras),
        when=alert.schedule.words(zone),
        cooldown=alert.cooldown,
        owner=alert.owner,
        created=iso(alert.created),
        problem=viot.alerts.store.problems().get(alert.id, ""),
    )


def _firing(firing: Firing) -> schemas.FiringOut:
    seen = firing.sighting
    return schemas.FiringOut(
        id=firing.id,
        alert=f"alert-{firing.alert}",
        camera=seen.camera,
        start=iso(seen.start),
        end=iso(seen.end),
        words=seen.words,
        score=seen.score,
        fired=iso(firing.fired),
        more=firing.more,
        delivery=firing.delivery,
        acknowledged=None if firing.acknowledged is None else iso(firing.acknowledged),
        acknowledged_by=firing.acknowledged_by,
    )
