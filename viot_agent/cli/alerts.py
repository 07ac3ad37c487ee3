"""``viot alert add|list|test|remove|history|ack|snooze|review|deliver``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viot_agent.cli.gate import check_watch, opened, seen
from viot_agent.errors import NameFault, PolicyRefusal
from viot_agent.policy.roles import may

if TYPE_CHECKING:
    from viot_agent.alerts.types import Alert, Firing, Sighting
    from viot_agent.fleet import Fleet
    from viot_agent.system import Viot

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

    with opened("alert", "audit") as viot:
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
def test(
    alert: ALERT,
    last: Annotated[float, typer.Option("--hours", help="Of the latest footage.")] = 24.0,
    purpose: Annotated[
        str, typer.Option("--purpose", help="What for; where access is set up, looking for somebody needs one.")
    ] = "",
) -> None:
    """What the alert would have seen in the latest indexed footage; nobody is told."""
    from viot_agent.errors import UserFault

    if not 0 < last <= 24 * 366:
        raise UserFault(f"--hours {last:g}", fix="give a number of hours above 0")
    with opened("alert") as viot:
        one, mine = visible(viot, alert), seen(viot)
        check_watch(viot, str(one.watched), purpose)
        ends = [end for name in mine for _, end in viot.library.spans(name)]
        found = viot.alerts.test(alert, max(ends) - last * 3600) if ends else []
        found = [s for s in found if s.camera in mine]
        words = {"event": str(one.watched), "purpose": purpose}
        viot.audit.note("alert_tested", by=viot.principal, data={"alert": one.handle, "seen": len(found)}, words=words)
        for sighting in found:
            typer.echo(line(sighting, viot.fleet))
        typer.echo(
            f"{len(found)} sighting(s); with the cool-down fewer are told" if found else "nothing would have fired"
        )


@app.command()
def remove(alert: ALERT) -> None:
    """End an alert; its history stays."""
    with opened("alert") as viot:
        one = viot.alerts.store.remove(owned(viot, alert).handle)
        viot.audit.note("alert_removed", by=viot.principal, data={"alert": one.handle})
        typer.echo(f"removed {one.handle}")


@app.command()
def history(
    alert: Annotated[str | None, typer.Argument(help="Only this alert.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
) -> None:
    """What fired, the last first."""
    with opened("alert") as viot:
        rows = viot.alerts.store.history(alert, cameras_=sorted(seen(viot)), limit=limit)
        for firing in rows:
            typer.echo(f"{firing.id}  alert-{firing.alert}  {line(firing.sighting, viot.fleet)}{fate(firing)}")
        if not rows:
            typer.echo("nothing has fired")


@app.command()
def ack(
    firing: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The number in viot alert history.")],
) -> None:
    """Say that it was seen; it is not told again."""
    from viot_agent.system import operator

    with opened("alert") as viot:
        found, who = viot.alerts.store.firing(firing), viot.principal
        if found is None or found.sighting.camera not in seen(viot):
            raise NameFault(f"nothing fired under the number {firing}", name=str(firing), fix="viot alert history")
        done = viot.alerts.store.acknowledge(firing, who.name if viot.access.configured else operator())
        viot.audit.note("alert_acknowledged", by=who, data={"firing": firing, "alert": f"alert-{done.alert}"})
        typer.echo(f"acknowledged {done.id}: {line(done.sighting, viot.fleet)}")


@app.command()
def snooze(
    alert: ALERT,
    minutes: Annotated[
        float, typer.Option("--for", min=0, max=527_040, help="Minutes, a year at most; 0 ends it.")
    ] = 60.0,
) -> None:
    """Be quiet for a while; what is seen meanwhile stands in the history."""
    with opened("alert") as viot:
        until = time.time() + minutes * 60 if minutes else None
        one = viot.alerts.store.snooze(owned(viot, alert).handle, until)
        viot.audit.note("alert_snoozed", by=viot.principal, data={"alert": one.handle, "until": until})
        typer.echo(f"{one.handle} is quiet for {minutes:g} min" if minutes else f"{one.handle} speaks again")


@app.command()
def review(
    alert: ALERT,
    until: Annotated[str, typer.Option("--for", help="Until the next review: 30d, 90d, 1y.")] = "90d",
) -> None:
    """Say that an alert on a face or a plate is still wanted; without that it ends by itself."""
    from viot_agent.policy.keys import span_seconds

    with opened("alert") as viot:
        one = viot.alerts.store.review(owned(viot, alert).handle, time.time() + span_seconds(until))
        viot.audit.note("alert_reviewed", by=viot.principal, data={"alert": one.handle, "until": one.review})
        typer.echo(f"{one.handle} is on for another {until}")


@app.command()
def deliver() -> None:
    """Look at what is new, then tell what is due: for a timer, or after a process was killed."""
    with opened("index") as viot:
        fired, sent = viot.alert_now()
        typer.echo(f"{len(fired)} fired, {len(sent)} told")


def visible(viot: Viot, handle: str) -> Alert:
    """The standing alert of that handle, when it looks at a camera that who runs the command may look at. Raises
    NameFault with the same words for one that does not and for one that is not there."""
    mine, who = seen(viot), viot.principal
    known = [
        a
        for a in viot.alerts.store.alerts()
        if who.groups is None or a.owner == who.name or a.cameras is None or mine.intersection(a.cameras)
    ]
    number = handle.strip().casefold().removeprefix("alert-")
    found = next((a for a in known if number == str(a.id)), None)
    if found is None:
        there = ", ".join(a.handle for a in known[:10]) or "there is none"
        raise NameFault(f"there is no alert {handle[:60]!r}", name=handle, fix=f"the alerts are: {there}")
    return found


def owned(viot: Viot, handle: str) -> Alert:
    """The same for a change: the alert of who runs the command, any for who may change the fleet. Raises NameFault,
    PolicyRefusal."""
    found, who = visible(viot, handle), viot.principal
    if found.owner != who.name and not may(who, "fleet"):
        refusal = PolicyRefusal(f"{found.handle} is somebody else's alert", fix="ask an admin, or whose it is")
        viot.audit.note("refused", by=who, data={"key": who.key, "needed": "alert", "alert": found.handle})
        raise refusal
    return found


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
