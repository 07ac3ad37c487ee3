"""``viot camera add|list|remove``."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viot_agent.cli.gate import opened, seen
from viot_agent.errors import TimeFault, UserFault
from viot_agent.fleet.clock import skipped
from viot_agent.library.names import folded
from viot_agent.live.address import is_live, shown
from viot_agent.live.health import read_health
from viot_agent.live.ring import forget

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
        str | None, typer.Option("--start", help="Local time of the first frame, e.g. '2026-11-23 08:00:00'.")
    ] = None,
) -> None:
    """Add a camera."""
    from viot_agent.system import local_timezone

    zone = tz or local_timezone()
    with opened("fleet") as viot:
        camera = viot.add_camera(name, source, groups=group or (), tz=zone, start=start_time(start, zone))
        if camera.start is not None and camera.start > time.time():
            when = viot.fleet.local(camera.start, camera)
            typer.echo(
                f"note: the recording begins in the future, at {when}; requests about past times will not find it. If "
                f"that is wrong: viot camera remove {camera.name!r}, then add it with the right --start and --tz",
                err=True,
            )
    following = "viot watch" if is_live(camera.source) else "viot index"
    typer.echo(f"camera {camera.name}: {shown(camera.source)} ({camera.tz}); next: {following}")


@app.command("list")
def list_() -> None:
    """Cameras, groups, and what is indexed."""
    with opened() as viot:
        now = time.time()
        table = Table("camera", "groups", "time zone", "indexed", "source", "live")
        mine = seen(viot)
        for camera in (c for c in viot.library.cameras() if c.name in mine):
            spans = viot.library.spans(camera.name)
            # of a live camera the last is what one wants to see
            some = spans[-3:] if is_live(camera.source) else spans[:3]
            words = "; ".join(f"{viot.fleet.local(a, camera)} to {viot.fleet.local(b, camera)}" for a, b in some)
            more = f" and {len(spans) - 3} more" if len(spans) > 3 else ""
            health = read_health(viot.home, camera.id) if is_live(camera.source) else None
            state = health.line(now) if health is not None else "not watched" if is_live(camera.source) else ""
            cells = (
                camera.name,
                ", ".join(camera.groups),
                camera.tz,
                (words + more) or "nothing",
                shown(camera.source),
                state,
            )
            table.add_row(*(escape(cell) for cell in cells))
    Console().print(table)


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
