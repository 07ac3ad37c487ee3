"""The fleet as people see it: cameras with their last picture, groups, what is indexed; adding one; indexing now.

Owns the panel's markup and the three things one can do there. The job itself is ``jobs``'.
"""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from viot_agent.cli.cameras import start_time
from viot_agent.errors import BackendFault, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library import names
from viot_agent.live.address import is_live
from viot_agent.live.health import read_health
from viot_agent.system import Viot, local_timezone
from viot_agent.web.bubbles import escaped
from viot_agent.web.jobs import Job
from viot_agent.web.stills import taken

FOOTAGE = "footage"
"""Where files that were dropped on the page are kept, below ``VIOT_HOME``."""


def cameras_html(viot: Viot, prefix: str = "", scope: frozenset[str] | None = None) -> str:
    """Every camera (of ``scope``) as a card."""
    states = viot.fleet.describe(scope)
    if not states:
        return (
            '<p class="viot-quiet">There is no camera yet. Add a video below, or make the demo fleet on the Chat page.'
            "</p>"
        )
    out = []
    for state in states:
        camera = state.camera
        groups = "".join(f'<span class="viot-tag">{escaped(g)}</span>' for g in camera.groups)
        if state.first is None or state.last is None:
            span = "nothing yet"
        else:
            first, last = viot.fleet.local(state.first, camera), viot.fleet.local(state.last, camera)
            span = f"{first} to {last} ({state.seconds:.0f} s of footage)"
        live = is_live(camera.source)
        there = live or Path(camera.source).exists()
        mark = {"indexed": "indexed", "not indexed": "not indexed yet"}[state.state] if there else "recording missing"
        shade = "viot-good" if there and state.state == "indexed" else "viot-open" if there else "viot-bad"
        name = escaped(camera.name)
        health = read_health(viot.home, camera.id) if live else None
        how = health.line(time.time()) if health is not None else "not watched"
        watched = f'<p class="viot-small">Live: {escaped(how)}</p>' if live else ""
        when = taken(viot, camera)
        picture = f'<p class="viot-small">Picture: {escaped(when)}</p>' if when else ""
        out.append(
            f'<li class="viot-camera"><img src="{prefix}/media/still/{camera.id}.jpg" loading="lazy" '
            f'alt="Last picture of {escaped(camera.name)}">'
            f'<div><strong>{name}</strong> <span class="viot-state {shade}">{mark}</span>{groups}'
            f'<p class="viot-small">Indexed: {escaped(span)}</p>'
            f"{watched}{picture}"
            f'<p class="viot-small">Clock: {escaped(camera.tz)}</p></div></li>'
        )
    return f'<ul class="viot-fleet" aria-label="{len(states)} cameras">{"".join(out)}</ul>'


def job_html(job: Job | None) -> str:
    """The job in progress, or how the last one ended."""
    if job is None:
        return ""
    words = escaped(job.words)
    if job.state == "running":
        value = "" if job.fraction is None else f' value="{job.fraction:.3f}"'
        share = "" if job.fraction is None else f" {100 * job.fraction:.0f} %"
        return (
            f'<div class="viot-job" data-state="running" data-job="{job.number}">'
            f"<strong>{escaped(job.title)}{share}</strong>"
            f'<progress max="1"{value} aria-label="{escaped(job.title)}"></progress>'
            f'<p class="viot-small">{words}</p></div>'
        )
    head = {"done": "Done", "failed": "That did not work", "stopped": "Stopped"}[job.state]
    return (
        f'<div class="viot-job viot-job-{job.state}" data-state="{job.state}" data-job="{job.number}" role="status">'
        f'<strong>{head}: {escaped(job.title)}</strong><p class="viot-small">{words}</p></div>'
    )


def choices(viot: Viot, scope: frozenset[str] | None = None) -> list[str]:
    """Camera names (of ``scope``), in order."""
    return [c.name for c in viot.library.cameras() if scope is None or c.name in scope]


def add_camera(
    viot: Viot,
    name: str,
    *,
    file: Path | None,
    address: str,
    groups: str,
    tz: str,
    start: str,
    local_paths: bool,
) -> Camera:
    """Add a camera from a dropped file (kept below ``VIOT_HOME/footage``) or an address.

    ``local_paths`` allows a path on the server as address: only where nobody else can reach the page. Raises UserFault,
    MediaFault, NameFault; a file that cannot be used is not kept.
    """
    if not name.strip():
        raise UserFault("the camera needs a name", fix="for example: gate 2")
    wanted = [g.strip() for g in groups.split(",") if g.strip()]
    zone = tz.strip() or local_timezone()
    first = start_time(start.strip() or None, zone)
    address = address.strip()
    if file is None and not address:
        raise UserFault("there is nothing to add", fix="drop a video file, or give the address of a stream")
    if file is not None and address:
        raise UserFault("there is a file and an address", fix="give one of the two")
    if file is None:
        if ("://" not in address or address.lower().startswith("loop:")) and not local_paths:
            raise UserFault(
                "a path on the server may be given only on the server itself", fix="drop the file, or give an address"
            )
        return viot.add_camera(name, address, groups=wanted, tz=zone, start=first)
    taken = next((c for c in viot.library.cameras() if names.folded(c.name) == names.folded(name)), None)
    if taken is not None:
        raise UserFault(f"there is already a camera {taken.name!r}", fix="choose another name")
    kept = _keep(file, viot.home / FOOTAGE, name)
    done = False
    try:
        camera = viot.add_camera(name, str(kept), groups=wanted, tz=zone, start=first)
        done = True
    except UserFault as fault:
        raise type(fault)(fault.message.replace(str(kept), file.name), fix=fault.fix) from fault
    finally:
        if not done:
            kept.unlink(missing_ok=True)
    return camera


def _keep(file: Path, folder: Path, name: str) -> Path:
    """Put an upload into the footage folder under the camera's name.

    The upload stays where it is: the same file may be attached to a conversation, and may be added again after a fault.
    """
    stem = re.sub(r"[^\w-]+", "-", name).strip("-")[:60] or "camera"
    suffix = file.suffix.lower() if re.fullmatch(r"\.\w{1,6}", file.suffix) else ".mp4"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = folder / f"{stem}-{number}{suffix}"
            try:
                path.open("xb").close()  # taken by this call alone, whoever else adds one of that name now
            except FileExistsError:
                continue
            break
        try:
            shutil.copy2(file, path)
        except OSError:
            path.unlink()
            raise
    except OSError as error:
        raise BackendFault(f"the file cannot be kept: {error.strerror}", fix="free the disk of VIOT_HOME") from error
    return path


def index_arguments(chosen: Sequence[str]) -> tuple[str, list[str]]:
    """(title, arguments) of the job that indexes these cameras, all when none is chosen."""
    title = f"Indexing {', '.join(chosen)}" if chosen else "Indexing all cameras"
    return title, ["index", *chosen]
