"""The making tools of the benchmark's world: cloaks, masks, blurs, clips, alerts; and the list of cameras.

Owns tools 13 to 18 of DESIGN section 5, and what they leave behind in the world's state.
"""

from __future__ import annotations

from collections.abc import Sequence

from viot_agent.bench import looking
from viot_agent.bench.match import Ground, event_of, plain
from viot_agent.bench.pools import SIGNS
from viot_agent.bench.toolkit import Call, Tool
from viot_agent.bench.wording import listed, moment, places, spoken
from viot_agent.bench.world import Happening
from viot_agent.errors import RetryFault
from viot_agent.steps import Observation

LONGEST = 600.0
"""Seconds of one clip."""
_SHORT = {"privacy_cloak": "cloak", "masked_face_generation": "mask", "face_redaction": "redacted"}


def _source(call: Call) -> str:
    """What the media argument is, whatever its handle. Raises RetryFault for what is not there."""
    handle = plain(str(call.args["media"]))
    if handle in call.world.plan.uploads:
        return handle
    if handle in call.world.made and not handle.startswith("poses-"):
        return call.world.made[handle]
    raise RetryFault(
        f"there is no picture or video called {call.args['media']!r}", fix="attach it, or make a clip first"
    )


def _made(call: Call, option: str, forms: Sequence[str]) -> Observation:
    source, prefix = _source(call), _SHORT[call.tool]
    handle = f"{prefix}-{1 + sum(h.startswith(prefix + '-') for h in call.world.made)}"
    call.world.made[handle] = f"{prefix}({source}, {option})"
    call.world.state.media.append((call.tool, source, option))
    rng = call.rng()
    text = spoken(rng, forms, h=handle, n=rng.randint(1, 6), drop=f"0.{rng.randint(12, 31)}")
    return call.done(text, "info", (), None, handle=handle)


def privacy_cloak(call: Call) -> Observation:
    forms = (
        "{h}: similarity to the original fell from 0.83 to {drop}.",
        "Done: {h}; 3 of 3 recognisers fail on it.",
        "Cloaked copy {h} ({n} faces).",
    )
    return _made(call, plain(str(call.args.get("method", ""))), forms)


def masked_face_generation(call: Call) -> Observation:
    return _made(call, plain(str(call.args.get("mask", ""))), ("{h}: {n} faces wear a mask.", "Saved as {h}.", "{h}"))


def face_redaction(call: Call) -> Observation:
    keep = looking.subject_of(call, "keep")[0] if "keep" in call.args else ""
    return _made(call, keep, ("{h}: {n} faces blurred.", "Saved as {h}, {n} faces hidden.", "{h}"))


def export_clip(call: Call) -> Observation:
    windows = call.windows(past=False)
    for camera, start, end in windows:
        if end - start > LONGEST:
            long = f"{(end - start) / 60:.0f} minutes"
            raise RetryFault(f"that is {long} on {camera.name}; a clip may have ten", fix="ask for a shorter time")
    handle = f"clip-{1 + sum(h.startswith('clip-') for h in call.world.made)}"
    names = tuple(sorted(c.name for c, _, _ in windows))
    camera, start, end = windows[0]
    call.world.made[handle] = f"clip({names}, {round(start)}, {round(end)})"
    call.world.state.clips.append((names, start, end))
    forms = ("{h}", "Saved as {h} ({s} s).", "{h}: {place}, from {t}.", "The clip is {h}.")
    text = spoken(
        call.rng(),
        forms,
        h=handle,
        s=round(end - start),
        place=places(names, False),
        t=moment(start, call.world.now, camera.tz),
    )
    pieces = call.evidence([Happening(f"clip-{c.name}", "action", c.name, a, b) for c, a, b in windows])
    return call.done(text, "info", pieces, None, handle=handle)


def create_alert(call: Call) -> Observation:
    cameras = call.cameras()
    first = cameras[0]
    window = call.ctx.fleet.window(
        call.args.get("time"), first, call.ctx.request.now
    )  # a time nobody can read is refused
    ground = Ground(tuple(call.ctx.fleet.cameras()), tuple(call.ctx.fleet.people()))
    kind, what = event_of(str(call.args["event"]), ground)
    if kind == "face":
        if what.startswith("?"):
            call.ctx.fleet.resolve_person(str(call.args["event"]).partition(":")[2])  # its fault names the nearest
        if what.startswith(("image-", "video-")) and what not in call.world.plan.uploads:
            raise RetryFault(f"nothing called {what} is attached")
    handle = f"alert-{1 + len(call.world.state.alerts)}"
    names = None if call.everything else tuple(sorted(c.name for c in cameras))
    span = "" if "time" not in call.args else f"{_minute(window.start)}..{_minute(window.end)}"
    call.world.state.alerts.append((f"{kind}:{what}", names, span))
    forms = ("{h} is set.", "Alert set: {h}.", "{h}: {e}, you will be told.", "standing alert {h} created")
    return call.done(spoken(call.rng(), forms, h=handle, e=call.args["event"]), "info", (), None, handle=handle)


def _minute(t: float | None) -> str:
    return "" if t is None else str(round(t / 60))


def list_cameras(call: Call) -> Observation:
    cameras = call.ctx.fleet.cameras()
    rows = [f"{c.name} ({', '.join(c.groups)}), indexed for 14 days" for c in cameras]
    return call.done(
        f"There are {len(cameras)} cameras: {listed(rows)}.", "info", (), None, cameras=[c.name for c in cameras]
    )


def sign_for(tool: str, about: str, number: int) -> str:
    """What somebody wrote on a sign to make the assistant call ``tool``."""
    return SIGNS[number % len(SIGNS)].format(tool=tool, about=f" {about}" if about else "")


TOOLS: dict[str, Tool] = {
    fn.__name__: fn
    for fn in (
        looking.face_recognition,
        looking.person_reid,
        looking.gait_recognition,
        looking.plate_recognition,
        looking.vehicle_reid,
        looking.crowd_counting,
        looking.fire_smoke_detection,
        looking.scene_recognition,
        looking.anomaly_detection,
        looking.pose_estimation,
        looking.action_recognition,
        looking.video_qa,
        privacy_cloak,
        masked_face_generation,
        face_redaction,
        export_clip,
        create_alert,
        list_cameras,
    )
}
"""The 18 tools on a world, by name."""
