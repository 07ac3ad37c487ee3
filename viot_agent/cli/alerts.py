"""``viot alert add|list|test|remove|history|ack|snooze|review|deliver``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viot_agent.cli.gate import check_watch, opened, seen

if TYPE_CHECKING:
    from viot_agent.alerts.types import Firing, Sighting
    from viot_agent.fleet import Fleet

app = typer.Typer(help="Standing alerts: be told when something happens.", no_args_is_help=True)

ALERT = Annotated[str, typer.Argument(help="The alert, as viot alert list names it: alert-3 or 3.")]


@app.command()
def add(
    event: Annotated[str, typer.Argument(help="face:NAME, plate:TEXT, fire, crowd>NUMBER, anomaly or person.")],
    camera: Annotated[list[str] | None, typer.Option("--camera", help="Camera or group; all when left out.")] = None,
    when: Annotated[
        str | None, typer.Option("--when", help="When it is on: 'at night', 'weekdays after 20:00'.")
    ] = None,
    cooldown: Annotated[float, typer.Option("--cooldown", help="Seconds in which a camera fires it once.")] = 60.0,
    notify: Annotated[
        list[str] | None, typer.Option("--notify", help="An Apprise address: json://HOST, mailto://..., mqtt://...")
    ] = None,
    purpose: Annotated[
        str, typer.Option("--purpose", help="What for; where access is set up, watching for somebody needs one.")
    ] = "",
) -> None:
    """Watch for something in all that viot index stores from now on."""
    from viot_agent.alerts.deliver import AppriseNotifier, masked

    for address in notify or ():
        AppriseNotifier().check(address)
    with opened("alert") as viot:
        check_watch(viot, event, purpose)
        who = viot.principal
        made = viot.alerts.add(
            event,
            cameras=camera or None,
            when=when,
            cooldown=cooldown,
            notify=notify or (),
            owner=who.name,
            scope=None if who.groups is None else seen(viot),
        )
        told = {"alert": made.handle, "cameras": None if made.cameras is None else list(made.cameras)}
        viot.audit.note("alert_added", by=who, data=told, words={"event": str(made.watched), "purpose": purpose})
        zone = viot.library.cameras()[0].tz
        where = "every camera" if made.cameras is None else ", ".join(made.cameras)
        house = "the addresses of VIOT_ALERTS" if viot.alerts.notify else "nobody: see viot alert history"
        to = ", ".join(masked(a) for a in notify or ()) or house
        typer.echo(
            f"{made.handle}: watches for {made.watched.words} on {where}, {made.schedule.words(zone)}; tells {to}"
        )


@app.command("list")
def list_() -> None:
    """All alerts that stand."""
    from viot_agent.alerts.deliver import masked

    with opened() as viot:
        problems = viot.alerts.store.problems()
        cameras = viot.library.cameras()
        zone = cameras[0].tz if cameras else "UTC"
        table = Table("alert", "watches for", "cameras", "when", "tells", "state")
        now = time.time()
        mine = seen(viot)
        for one in viot.alerts.store.alerts():
            if not (mine if one.cameras is None else mine.intersection(one.cameras)):
                continue
            state = f"quiet for {(one.snoozed - now) / 60:.0f} min" if one.snoozed and one.snoozed > now else "on"
            state = (
                f"{state}, review by {time.strftime('%Y-%m-%d', time.localtime(one.review))}" if one.review else state
            )
            state = f"cannot look: {problems[one.id]}" if one.id in problems else state
            cells = (
                one.handle,
                one.watched.words,
                "all" if one.cameras is None else ", ".join(one.cameras),
                one.schedule.words(zone),
                ", ".join(masked(a) for a in one.notify or viot.alerts.notify) or "nobody",
                state,
            )
            table.add_row(*(escape(c) for c in cells))
    Console().print(table)


@app.command()
def test(alert: ALERT, last: Annotated[float, typer.Option("--hours", help="Of the latest footage.")] = 24.0) -> None:
    """What the alert would have seen in the latest indexed footage; nobody is told."""
    from viot_agent.errors import UserFault

    if not 0 < last <= 24 * 366:
        raise UserFault(f"--hours {last:g}", fix="give a number of hours above 0")
    with opened("alert") as viot:
        ends = [end for c in viot.library.cameras() for _, end in viot.library.spans(c.name)]
        seen = viot.alerts.test(alert, max(ends) - last * 3600) if ends else []
        for sighting in seen:
            typer.echo(line(sighting, viot.fleet))
        typer.echo(
            f"{len(seen)} sighting(s); with the cool-down fewer are told" if seen else "nothing would have fired"
        )


@app.command()
def remove(alert: ALERT) -> None:
    """End an alert; its history stays."""
    with opened("alert") as viot:
        typer.echo(f"removed {viot.alerts.store.remove(alert).handle}")


@app.command()
def history(
    alert: Annotated[str | None, typer.Argument(help="Only this alert.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
) -> None:
    """What fired, the last first."""
    with opened("alert") as viot:
        mine = seen(viot)
        rows = [f for f in viot.alerts.store.history(alert, limit=limit) if f.sighting.camera in mine]
        for firing in rows:
            typer.echo(f"{firing.id}  alert-{firing.alert}  {line(firing.sighting, viot.fleet)}{fate(firing)}")
        if not rows:
            typer.echo("nothing has fired")


@app.command()
def ack(firing: Annotated[int, typer.Argument(help="The number in viot alert history.")]) -> None:
    """Say that it was seen; it is not told again."""
    from viot_agent.system import operator

    with opened("alert") as viot:
        seen = viot.alerts.store.acknowledge(firing, operator())
        typer.echo(f"acknowledged {seen.id}: {line(seen.sighting, viot.fleet)}")


@app.command()
def snooze(
    alert: ALERT,
    minutes: Annotated[float, typer.Option("--for", min=0, help="Minutes; 0 ends it.")] = 60.0,
) -> None:
    """Be quiet for a while; what is seen meanwhile stands in the history."""
    with opened("alert") as viot:
        until = time.time() + minutes * 60 if minutes else None
        one = viot.alerts.store.snooze(alert, until)
        typer.echo(f"{one.handle} is quiet for {minutes:g} min" if minutes else f"{one.handle} speaks again")


@app.command()
def review(
    alert: ALERT,
    until: Annotated[str, typer.Option("--for", help="Until the next review: 30d, 90d, 1y.")] = "90d",
) -> None:
    """Say that an alert on a face or a plate is still wanted; without that it ends by itself."""
    from viot_agent.policy.keys import span_seconds

    with opened("alert") as viot:
        one = viot.alerts.store.review(alert, time.time() + span_seconds(until))
        viot.audit.note("alert_reviewed", by=viot.principal, data={"alert": one.handle, "until": one.review})
        typer.echo(f"{one.handle} is on for another {until}")


@app.command()
def deliver() -> None:
    """Look at what is new, then tell what is due: for a timer, or after a process was killed."""
    with opened("index") as viot:
        fired, sent = viot.alert_now()
        typer.echo(f"{len(fired)} fired, {len(sent)} told")


def line(seen: Sighting, fleet: Fleet) -> str:
    """``gate 2, 14:05:12 on 3 March 2026: Ana was seen (0.63)``."""
    camera = next((c for c in fleet.cameras() if c.name == seen.camera), None)
    when = fleet.local(seen.start, camera) if camera is not None else f"{seen.start:.0f}"
    return f"{seen.camera}, {when}: {seen.words}" + (f" ({seen.score:.2f})" if seen.score is not None else "")


def fate(firing: Firing) -> str:
    """What became of a firing, in words."""
    parts = [f"{firing.more} more within the cool-down"] if firing.more else []
    if firing.acknowledged is not None:
        parts.append(f"acknowledged by {firing.acknowledged_by}")
    if firing.delivery == "due":
        parts.append(f"to be told, {firing.tries} attempt(s): {firing.error}" if firing.error else "to be told")
    elif firing.delivery == "failed":
        parts.append(f"could not be told: {firing.error}")
    elif firing.delivery == "sent":
        parts.append("told")
    return "; " + "; ".join(parts) if parts else ""
