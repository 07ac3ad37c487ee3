"""The routes that serve media, with HTTP ranges and straight from disk, and nothing but what a page shows.

``/media/evidence/<run>/<file>`` and ``/media/exports/<run>/<file>``: what a run of this person wrote (a clip that was
not cut yet is cut now); ``/media/frame/<run>/<id>.jpg``: the moment of a piece of evidence; ``/media/recording/<camera
id>/<n>``: a recording itself; ``/media/still/<camera id>.jpg``: the last picture of a camera; ``/media/page/<file>``:
the page's own script, style and Plotly.

Owns the rule of what may leave: files that lie, all links resolved, below their declared folder; runs of the person who
asks; recordings that the library knows as a camera's. Everything else is 404, and no message names a path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from viot_agent.agent.evidence import EvidenceFiles
from viot_agent.errors import ViotError
from viot_agent.fleet.types import Camera
from viot_agent.library.run_store import StoredAsk
from viot_agent.steps import Evidence
from viot_agent.system import Viot
from viot_agent.web import who
from viot_agent.web.guard import told_user
from viot_agent.web.stills import Stills
from viot_agent.web.views import stored_evidence

KINDS = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_RECORDINGS = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
_PAGE = {"viot.js": "text/javascript", "viot.css": "text/css", "plotly.min.js": "text/javascript"}
_READ = ["GET", "HEAD"]
_KEPT = {"cache-control": "private, max-age=3600"}
_BRIEFLY = {"cache-control": "private, max-age=60"}


def media_routes(viot: Viot) -> APIRouter:
    """The router. It trusts the guard's word on who asks."""
    routes = APIRouter(prefix="/media")
    found = MadeFiles(viot)
    stills = found.stills

    @routes.api_route("/{folder}/{run}/{name}", methods=_READ)
    def made(folder: str, run: str, name: str, request: Request) -> Response:
        if folder == "recording":
            return _recording(viot, told_user(request.headers), run, name)
        path = found.path(folder, run, name, told_user(request.headers))
        if path is None:
            raise _absent()
        kept = _BRIEFLY if folder == "frame" else _KEPT
        return FileResponse(path, media_type=KINDS[path.suffix], headers=kept)

    @routes.api_route("/still/{camera}.jpg", methods=_READ)
    def still(camera: int, request: Request) -> Response:
        found = _camera(viot, camera, told_user(request.headers))
        return _picture(lambda: stills.of_camera(found))

    @routes.api_route("/page/{name}", methods=_READ)
    def page(name: str) -> Response:
        if name not in _PAGE:
            raise _absent()
        return FileResponse(page_file(name), media_type=_PAGE[name], headers={"cache-control": "max-age=86400"})

    return routes


class MadeFiles:
    """What the runs of a person wrote, or what can be made of them still: evidence, exports and frames."""

    def __init__(self, viot: Viot) -> None:
        self.viot = viot
        self.stills = Stills(viot, viot.home / "cache" / "stills")
        self._writer = EvidenceFiles(viot.library, viot.fleet, viot.home / "evidence")

    def path(self, folder: str, run: str, name: str, user: str) -> Path | None:
        """The file ``name`` of that run below ``evidence``, ``exports`` or ``frame``; None for what is not there, or
        is not that person's. A clip or a frame that was not made yet is made now."""
        if folder not in ("evidence", "exports", "frame") or Path(name).suffix not in KINDS:
            return None
        stored = self.viot.library.run(run) if re.fullmatch(r"run-[0-9a-f]+", run) else None
        if stored is None or not user or stored.owner != user:
            return None
        clip = (
            folder == "evidence" and Path(name).suffix == ".mp4" and not (self.viot.home / folder / run / name).exists()
        )
        if folder == "frame" or clip:
            piece = _piece(stored, Path(name).stem)
            if piece is None:
                return None
            asked = stored.record.get("request", {})
            redacted = self.viot.exports.redacts(who.principal(self.viot, user))
            if redacted and folder == "frame":
                return None  # the whole picture; what was hidden lies in the evidence
            try:
                if folder == "frame":
                    return self.stills.of_evidence(run, piece)
                if redacted:
                    self._without_faces(run, piece, asked.get("purpose", ""))
                else:
                    self._writer.clip(run, piece)
            except ViotError:
                return None
        return below(self.viot.home / folder, f"{run}/{name}")

    def _without_faces(self, run: str, piece: Evidence, purpose: str) -> None:
        """Cut a clip where nobody finds it, hide the faces, and only then put it in its place; where they could not be
        hidden, nothing is put there. Raises MediaFault, BackendFault."""
        exports = self.viot.exports
        apart = EvidenceFiles(self.viot.library, self.viot.fleet, self.viot.home / "cache" / "leaving")
        (apart.folder / run).mkdir(parents=True, exist_ok=True)
        made = apart.clip(run, piece)
        if exports.hide(made, exports.visible(purpose)):
            made.replace(self.viot.home / "evidence" / run / made.name)


def page_file(name: str) -> Path:
    """One of the page's own files, or Plotly's script out of its wheel."""
    if name == "plotly.min.js":
        return Path(str(files("plotly") / "package_data" / name))
    return Path(str(files("viot_agent.web") / "static" / name))


def below(root: Path, inside: str) -> Path | None:
    """The plain file ``inside`` the folder, or None: what leaves it by ``..``, by a link or by name is not there."""
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*", inside) or ".." in inside.split("/"):
        return None
    base = root.resolve()
    path = base / inside
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return real if real == path and real.is_file() else None


def _absent() -> HTTPException:
    return HTTPException(404, "There is nothing here.")


def _piece(stored: StoredAsk, id: str) -> Evidence | None:
    """The piece of evidence of that id in a run."""
    row = next((r for r in stored.record["evidence"] if r["id"] == id), None)
    return None if row is None else stored_evidence(row, stored.record.get("shown", {}).get(id, {}))


def _camera(viot: Viot, number: int, user: str) -> Camera:
    found = next((c for c in viot.library.cameras() if c.id == number), None)
    if found is None or not who.sees(viot, user, found.name):
        raise _absent()
    if viot.exports.redacts(who.principal(viot, user)):
        raise _absent()  # whole recordings and live stills show everybody
    return found


def _recording(viot: Viot, user: str, camera: str, number: str) -> Response:
    """A recording of a camera, whole: the player asks for the ranges that it wants."""
    if not all(word.isascii() and word.isdigit() and len(word) < 19 for word in (camera, number)):
        raise _absent()
    found = _camera(viot, int(camera), user)
    row = next((r for r in viot.library.media_rows(found.name) if r.id == int(number)), None)
    source = Path(found.source)
    if row is None or row.path.suffix.lower() not in _RECORDINGS:
        raise _absent()
    try:
        real, root = row.path.resolve(strict=True), source.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _absent() from error
    if viot.library.purged(row):
        raise _absent()  # the whole file would show what was purged of it
    # the source was resolved when the camera was added: a link put there since leads nowhere
    if root != source or real != row.path or not (real == root or real.parent == root) or not real.is_file():
        raise _absent()
    return FileResponse(real, media_type=_RECORDINGS[real.suffix.lower()], headers=_KEPT)


def _picture(make: Callable[[], Path]) -> Response:
    try:
        path = make()
    except ViotError as error:
        raise _absent() from error
    return FileResponse(path, media_type="image/jpeg", headers=_BRIEFLY)
