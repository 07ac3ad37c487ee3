"""The tool ``create_alert``: a standing alert made in words. The alert itself is ``viot_agent.alerts``'s."""

from __future__ import annotations

from typing import Annotated

from viot_agent.errors import NameFault, RetryFault, TimeFault
from viot_agent.steps import Claim, Observation
from viot_agent.toolbox.contract import EVENTS, Arg, CamerasArg, TimeArg, ToolContext, tool
from viot_tools.saying import names_words

EventArg = Annotated[str, Arg("event", EVENTS)]


@tool()
def create_alert(
    ctx: ToolContext, event: EventArg, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Set a standing alert: tell the person from now on whenever something happens.

    Not for: what has happened already (the tools that look).

    Args:
        event: what to watch for: a face, a plate, fire, a crowd, an anomaly or any person.
        cameras: camera or group names; omitted = the whole fleet.
        time: when the alert is on, as the person said it; omitted = always.
    """
    from viot_agent.alerts.engine import Alerts
    from viot_agent.alerts.events import watched

    what = watched(event)
    if what.kind == "face" and ctx.attachment(what.what) is not None:
        raise RetryFault(
            f"an alert outlives this request, and {what.what} does not: enrol the person first",
            fix="viot person enroll NAME PICTURE --consent TEXT",
        )
    alerts = Alerts.of(ctx.library, ctx.fleet, ctx.weights)
    try:
        made = alerts.add(
            event,
            cameras=cameras,
            when=time,
            owner=ctx.request.principal.name,
            scope=ctx.request.camera_scope,
            now=ctx.request.now,
        )
    except (NameFault, TimeFault) as fault:
        raise RetryFault(fault.message, fix=fault.fix) from fault
    known = ctx.fleet.cameras()
    chosen = [c for c in known if made.cameras is None or c.name in made.cameras]
    where = "every camera" if made.cameras is None else names_words([c.name for c in chosen])
    when = made.schedule.words(chosen[0].tz)
    told = "viot alert history shows what it sees; viot alert add --notify ADDRESS tells somebody"
    text = f"{made.handle} is set: it watches for {made.watched.words} on {where}, {when}. It looks at what viot index "
    text += f"stores from now on; {told}."
    return Observation(
        call_id=ctx.call_id,
        tool="create_alert",
        status="ok",
        summary=text,
        verdict="info",
        claims=(Claim(text),),
        data={
            "handle": made.handle,
            "event": str(made.watched),
            "cameras": None if made.cameras is None else list(made.cameras),
            "when": when,
        },
    )
