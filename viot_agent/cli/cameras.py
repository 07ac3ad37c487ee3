"""``viot camera add|list|remove``."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from viot_agent.cli.gate import opened, seen
from viot_agent.errors import TimeFault, UserFault
from viot_agent.fleet.clock import skipped
from viot_agent.library.names import folded
from viot_agent.live.address import is_live, shown
from viot_agent.live.health import read_health
from viot_agent.live.ring import forget

if TYPE_CHECKING:
    from collections.abc import Callable

    from viot_agent.fleet.types import Camera
    from viot_agent.library.started import Foreseen
    from viot_agent.system import Viot

SPANS = 3
"""Stretches of footage that are listed of a camera."""
NOTES = 5
"""Files of which it is said why their name was not gone by; the rest are counted."""

app = typer.Typer(help="Add, list and remove cameras.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="How people call it, e.g. 'gate 2'.")],
    source: Annotated[
        str, typer.Argument(help="A video file, a folder of them, or live: rtsp://..., http://..., /dev/video0.")
    ],
    group: Annotated[list[str] | None, typer.Option("--group", help="A group it belongs to; may be repeated.")] = None,
    tz: Annotated[str | None, typer.Option("--tz", help="IANA time zone; this machine's when left out.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start", help="Local time of the first frame of a single file, e.g. '2026-11-23 08:00:00'; see above."
        ),
    ] = None,
) -> None:
    """Add a camera.

    A recording begins when --start says; else at the time in its name, on the camera's clock (2026-11-23_08-00-00,
    20261123080000, 20261123_080000, 2026-11-23T08-00-00, whatever stands around it); else when the file itself says;
    else when the file was changed last, less its length. In a folder each file goes by its own name.
    """
    from viot_agent.system import local_timezone

    zone = tz or local_timezone()
    with opened("fleet") as viot:
        before = {c.id for c in viot.library.cameras()}
        camera = viot.add_camera(name, source, groups=group or (), tz=zone, start=start_time(start, zone))
        live = is_live(camera.source)
        ahead = None if live else viot.foreseen(camera)
        first = None if ahead is None else ahead.first
        words = "" if ahead is None else footage_line(ahead, lambda t: viot.fleet.local(t, camera))
        if first is not None and first > time.time():
            when = viot.fleet.local(first, camera)
            typer.echo(
                f"note: the recording begins in the future, at {when}; requests about past times will not find it. If "
                f"that is wrong: viot camera remove {camera.name!r}, then add it with the right --start and --tz",
                err=True,
            )
    there = " was there already, of this source, and stays as it is" if camera.id in before else ""
    following = "viot watch" if live else "viot index"
    typer.echo(f"camera {camera.name}{there}: {shown(camera.source)} ({camera.tz}); next: {following}")
    if words:
        typer.echo(f"  {words}")
    notes = () if ahead is None else ahead.notes
    if ahead is not None and camera.start is not None and Path(camera.source).is_dir():
        typer.echo("note: --start is for a single file; each file of the folder has its own", err=True)
    for note in notes[:NOTES]:
        typer.echo(f"note: {note}", err=True)
    if len(notes) > NOTES:
        typer.echo(f"note: and {len(notes) - NOTES} more such files", err=True)


def footage_line(ahead: Foreseen, local: Callable[[float], str]) -> str:
    """``2 files from 08:15:00 on ... to 08:15:12 on ...; start by the time in the name``."""
    from viot_agent.library.started import BY

    number = _files(ahead.files)
    if ahead.first is None or ahead.last is None:
        return f"{number}; when they begin is read by viot index"
    several = len(ahead.origins) > 1
    by = [f"{BY.get(o, o)} ({_files(n)})" if several else BY.get(o, o) for o, n in ahead.origins.items()]
    left = ahead.unopened
    rest = f"; of {_files(left)} without a time in the name it is read by viot index" if left else ""
    return f"{number} from {local(ahead.first)} to {local(ahead.last)}; start {', '.join(by)}{rest}"


def _files(n: int) -> str:
    return "1 file" if n == 1 else f"{n} files"


@app.command("list")
def list_() -> None:
    """Cameras, groups, and what is indexed."""
    with opened() as viot:
        now, mine = time.time(), seen(viot)
        listed = [c for c in viot.library.cameras() if c.name in mine]
        for camera in listed:
            live = is_live(camera.source)
            groups = f"; groups: {', '.join(camera.groups)}" if camera.groups else ""
            lines = [("source", shown(camera.source))]
            lines += [("indexed" if not i else "", words) for i, words in enumerate(_indexed(viot, camera, live))]
            if live:
                health = read_health(viot.home, camera.id)
                lines.append(("live", health.line(now) if health is not None else "not watched"))
            typer.echo(f"{camera.name} ({camera.tz}{groups})")
            for head, words in lines:
                typer.echo(f"  {head:<9}{words}")
    if not listed:
        typer.echo("no camera yet; next: viot camera add NAME SOURCE")


def _indexed(viot: Viot, camera: Camera, live: bool) -> list[str]:
    """The first stretches of footage, a line each; of a live camera the last, which is what one wants to see."""
    spans = viot.library.spans(camera.name)
    lines = []
    for a, b in spans[-SPANS:] if live else spans[:SPANS]:
        first, last = viot.fleet.local(a, camera), viot.fleet.local(b, camera)
        clock, _, day = first.partition(" on ")
        lines.append(f"{clock if last.endswith(f' on {day}') else first} to {last}")
    more = len(spans) - len(lines)
    return [*lines, *([f"and {more} more"] if more else [])] or ["nothing"]


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The camera's name.")]) -> None:
    """Remove a camera and everything indexed from it (its video files stay; what viot watch recorded goes)."""
    with opened("fleet") as viot:
        live = next((c for c in viot.library.cameras() if folded(c.name) == folded(name) and is_live(c.source)), None)
        if live is not None:
            forget(viot.home, live.id, live.name)
        viot.library.remove_camera(name)
        viot.audit.note("camera_removed", by=viot.principal, data={"cameras": [name]})
    typer.echo(f"removed {name} and its rows")


def start_time(text: str | None, zone: str) -> float | None:
    """ISO 8601, local to ``zone`` unless it carries an offset. Raises TimeFault, UserFault (zone)."""
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UserFault(f"there is no time zone {zone!r}", fix="use an IANA name such as Europe/Berlin") from error
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeFault(f"--start {text!r} cannot be read", fix="write it like '2026-11-23 08:00:00'") from error
    if value.tzinfo is not None:
        return value.timestamp()
    if skipped(value.date(), (value - datetime.combine(value.date(), datetime.min.time())).total_seconds(), tz):
        raise TimeFault(
            f"--start {text!r} did not exist in {zone}: the clocks were set forward over it",
            fix=f"give it with its offset from UTC, e.g. '{value.isoformat(sep=' ')}+01:00'",
        )
    return value.replace(tzinfo=tz).timestamp()
