"""The looking tools of the benchmark's world: deterministic functions of what really happened there.

Owns tools 1 to 12 of DESIGN section 5. Media, clips, alerts and the list of cameras are ``making``'s.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from viot_agent.bench.match import plain
from viot_agent.bench.toolkit import ENOUGH, Call, share
from viot_agent.bench.wording import SEEN, UNSEEN, listed, moment, places, spoken, times
from viot_agent.bench.world import EventKind, Happening
from viot_agent.errors import RetryFault
from viot_agent.fleet.plates import normalise_plate
from viot_agent.steps import Observation

_HANDLE = re.compile(r"(?:image|video)-\d+")


def subject_of(call: Call, arg: str) -> tuple[str, str]:
    """``(subject, in words)`` of a person or vehicle argument. Raises NameFault, RetryFault for what is not there."""
    said = str(call.args[arg])
    if _HANDLE.fullmatch(said.casefold()):
        handle = said.casefold()
        if handle not in call.world.plan.uploads:
            raise RetryFault(f"nothing called {handle} is attached")
        return handle, f"the {'vehicle' if arg == 'vehicle' else 'person'} in {handle}"
    name = call.ctx.fleet.resolve_person(said).name
    return name, name


Keep = Callable[[Happening], bool]


def _presence(
    call: Call, kinds: Sequence[EventKind], keep: Keep | None, who: str = "", *, label: bool = False
) -> Observation:
    """Found, none or cannot tell for the events that ``keep`` picks."""
    windows = call.windows()
    coverage = call.coverage(windows)
    events = [e for c, a, b in windows for e in call.world.events(kinds, c.name, a, b) if keep is None or keep(e)]
    events.sort(key=lambda e: (e.start, e.id))
    cameras = [c for c, _, _ in windows]
    words: dict[str, str] = {
        "who": who,
        "place": places([c.name for c in cameras], call.everything),
        "cover": share(coverage),
    }
    if not events:
        if coverage.fraction < ENOUGH:
            return call.unsure(windows, coverage)
        return call.done(spoken(call.rng(), UNSEEN[call.tool], **words), "none", (), coverage, count=0)
    pieces = call.evidence(events, who or None)
    counted = times(len(events)) if call.tool in ("face_recognition", "plate_recognition") else _events(len(events))
    text = spoken(
        call.rng(),
        SEEN[call.tool],
        k=counted,
        where=listed(call.where(events, cameras, label=label)),
        score=f"{pieces[0].score:.2f}",
        what="Smoke" if events[0].kind == "smoke" else "Fire",
        **words,
    )
    return call.done(text[:1].upper() + text[1:], "found", pieces, coverage, count=len(events))


def _events(n: int) -> str:
    return "1 event" if n == 1 else f"{n} events"


def face_recognition(call: Call) -> Observation:
    if "person" not in call.args:
        return _everybody(call)
    subject, words = subject_of(call, "person")
    upload = call.world.plan.uploads.get(subject)
    if upload is not None and not (upload.shows == "person" and upload.face):
        return call.done(f"Cannot tell: there is no usable face in {subject}.", "cannot_tell")
    return _presence(call, ("person",), lambda e: e.subject == subject and e.face, words)


def _everybody(call: Call) -> Observation:
    windows = call.windows()
    coverage = call.coverage(windows)
    seen = [e for c, a, b in windows for e in call.world.events(("person",), c.name, a, b) if e.face]
    seen.sort(key=lambda e: (e.start, e.id))
    known = Counter(e.subject for e in seen if e.subject and not _HANDLE.fullmatch(e.subject))
    strangers = sum(1 for e in seen if not e.subject or _HANDLE.fullmatch(e.subject))
    place = places([c.name for c, _, _ in windows], call.everything)
    if not seen:
        if coverage.fraction < ENOUGH:
            return call.unsure(windows, coverage)
        forms = (
            "No face was seen on {place}; {cover} covered.",
            "Nobody: 0 enrolled people, 0 unknown faces ({cover} watched).",
        )
        text = spoken(call.rng(), forms, place=place, cover=share(coverage))
        return call.done(text, "none", (), coverage, known={}, unknown=0)
    names = listed([f"{n} ({times(k)})" for n, k in known.items()]) if known else "nobody enrolled"
    unknown = "no unknown face" if not strangers else f"{strangers} unknown face{'s' * (strangers > 1)}"
    said = ("Seen: {names}; {unknown}.", "{k} enrolled people ({names}), {unknown}.", "{names}. Besides, {unknown}.")
    text = spoken(call.rng(), said, names=names, unknown=unknown, k=len(known))
    return call.done(
        text[:1].upper() + text[1:], "found", call.evidence(seen), coverage, known=dict(known), unknown=strangers
    )


def person_reid(call: Call) -> Observation:
    subject, words = subject_of(call, "person")
    upload = call.world.plan.uploads.get(subject)
    if upload is not None and upload.shows != "person":
        return call.done(f"Cannot tell: {subject} shows no whole person.", "cannot_tell")
    return _presence(call, ("person",), lambda e: e.subject == subject, words)


def gait_recognition(call: Call) -> Observation:
    subject, words = subject_of(call, "person")
    if subject.startswith("image-"):
        raise RetryFault(f"{subject} is a picture: a walk is recognised from a video")
    return _presence(call, ("person",), lambda e: e.subject == subject and e.gait, words)


def plate_recognition(call: Call) -> Observation:
    if "plate" in call.args:
        wanted = normalise_plate(str(call.args["plate"]))
        return _presence(call, ("vehicle",), lambda e: normalise_plate(e.subject) == wanted, str(call.args["plate"]))
    windows = call.windows()
    coverage = call.coverage(windows)
    read = [e for c, a, b in windows for e in call.world.events(("vehicle",), c.name, a, b) if _is_plate(e)]
    read.sort(key=lambda e: (e.start, e.id))
    if not read:
        if coverage.fraction < ENOUGH:
            return call.unsure(windows, coverage)
        forms = ("No plate was read; {cover} covered.", "0 plates on {place}, {cover} watched.")
        place = places([c.name for c, _, _ in windows], call.everything)
        return call.done(spoken(call.rng(), forms, cover=share(coverage), place=place), "none", (), coverage, plates=[])
    plates = list(dict.fromkeys(e.subject for e in read))
    head = "1 plate" if len(plates) == 1 else f"{len(plates)} plates"
    text = spoken(
        call.rng(), ("{head} read: {all}.", "Plates: {all} ({head}).", "{head}: {all}."), head=head, all=listed(plates)
    )
    return call.done(text, "found", call.evidence(read), coverage, plates=plates)


def _is_plate(event: Happening) -> bool:
    return bool(event.subject) and not _HANDLE.fullmatch(event.subject)


def vehicle_reid(call: Call) -> Observation:
    handle = str(call.args["vehicle"]).casefold()
    upload = call.world.plan.uploads.get(handle)
    if upload is None:
        raise RetryFault(f"no picture of a vehicle called {call.args['vehicle']!r} is attached")
    if upload.shows != "vehicle":
        return call.done(f"Cannot tell: {handle} shows no vehicle.", "cannot_tell")
    return _presence(call, ("vehicle",), lambda e: e.subject == handle, f"the vehicle in {handle}")


def crowd_counting(call: Call) -> Observation:
    windows = call.windows()
    coverage = call.coverage(windows)
    if coverage.fraction < ENOUGH:
        return call.unsure(windows, coverage)
    rows = [(c, *call.world.crowd(c.name, a, b)) for c, a, b in windows]
    most = max(rows, key=lambda r: r[2])
    low, high = min(r[1] for r in rows), most[2]
    at = moment(most[3], call.world.now, most[0].tz)
    events = [Happening(f"crowd-{c.name}", "person", c.name, t, t, count=top) for c, _, top, t in rows if top]
    pieces = call.evidence(sorted(events, key=lambda e: -e.count))
    rng = call.rng()
    if len(rows) == 1:
        text = _crowd_words(rng.randint(0, 3), rows[0][0].name, low, high, at)
    elif len(rows) <= 6:
        ranked = sorted(rows, key=lambda r: (-r[2], r[0].name))
        text = listed([f"{c.name}: {a} to {b} people" for c, a, b, _ in ranked]) + f". The most, {high}, at {at}."
    else:
        text = f"Between {low} and {high} people on {len(rows)} cameras; most on {most[0].name}, at {at}."
    return call.done(text, "info", pieces, coverage, low=low, high=high)


def _crowd_words(form: int, camera: str, low: int, high: int, at: str) -> str:
    if high == 0:
        return ("Nobody was in view.", f"0 people on {camera}.", f"{camera}: empty all the time.", "min 0, max 0")[form]
    if low == high:
        return (
            f"{high} people on {camera}.",
            f"{camera}: {high} people all the time.",
            f"count {high}",
            f"{high} people",
        )[form]
    return (
        f"Between {low} and {high} people on {camera}, most at {at}.",
        f"{camera}: min {low}, max {high} (at {at}).",
        f"{low} to {high} people; the peak was at {at}.",
        f"At least {low}, at most {high} people, busiest at {at}.",
    )[form]


def fire_smoke_detection(call: Call) -> Observation:
    return _presence(call, ("fire", "smoke"), None)


def scene_recognition(call: Call) -> Observation:
    cameras = call.cameras()
    scenes: dict[str, list[str]] = {}
    for camera in cameras:
        scenes.setdefault(call.world.scene(camera.name), []).append(camera.name)
    rng = call.rng()
    if len(scenes) == 1:
        [scene] = scenes
        forms = (
            "{scene}",
            "The scene is {scene}.",
            "{place}: {scene}",
            "{scene} ({score})",
            "Scene: {scene}, {score}.",
        )
        place = places([c.name for c in cameras], call.everything)
        text = spoken(rng, forms, scene=scene, place=place, score=f"0.{rng.randint(71, 98)}")
    else:
        ordered = sorted(scenes.items(), key=lambda kv: (-len(kv[1]), kv[0]))
        text = listed([f"{s}: {places(names, False)}" for s, names in ordered]) + "."
    events = [Happening(f"scene-{c.name}", "action", c.name, call.world.now - 2, call.world.now) for c in cameras]
    return call.done(text, "info", call.evidence(events), None, scenes=list(scenes))


def anomaly_detection(call: Call) -> Observation:
    here = {plain(call.world.scene(c.name)) for c in call.cameras()}
    if plain(str(call.args["scene"])) not in here:
        raise RetryFault(
            f"the scene there is not {call.args['scene']!r}",
            fix="call scene_recognition first and pass what it observed",
        )
    return _presence(call, ("anomaly",), None, label=True)


def pose_estimation(call: Call) -> Observation:
    windows = call.windows()
    handle = f"poses-{1 + sum(h.startswith('poses-') for h in call.world.made)}"
    call.world.made[handle] = f"poses of {sorted((c.name, round(a), round(b)) for c, a, b in windows)}"
    call.world.poses[handle] = [(c.name, a, b) for c, a, b in windows]
    acts = [e for c, a, b in windows for e in call.world.events(("action",), c.name, a, b)]
    people = sum(e.count for e in acts)
    forms = ("{h}", "{h}: {n} people", "{n} people; the poses are kept as {h}.", "Poses of {n} people: {h}.")
    text = spoken(call.rng(), forms, h=handle, n=people)
    return call.done(text, "info", call.evidence(acts), call.coverage(windows), handle=handle)


def action_recognition(call: Call) -> Observation:
    handle = plain(str(call.args["poses"]))
    if handle not in call.world.poses:
        raise RetryFault(f"there are no poses called {call.args['poses']!r}", fix="call pose_estimation first")
    acts = [e for c, a, b in call.world.poses[handle] for e in call.world.events(("action",), c, a, b)]
    if not acts:
        return call.done("Nobody was seen doing anything.", "none", (), None, actions={})
    counts: Counter[str] = Counter()
    for e in acts:
        counts[e.label] += e.count
    forms = ("{all}.", "Actions: {all}.", "Seen: {all}.", "{n} people: {all}.")
    said = ", ".join(f"{a} {k}" for a, k in counts.most_common())
    if call.rng().random() < 0.5:
        said = ", ".join(f"{k} {'person' if k == 1 else 'people'} {a}" for a, k in counts.most_common())
    text = spoken(call.rng(), forms, all=said, n=sum(counts.values()))
    return call.done(text[:1].upper() + text[1:], "found", call.evidence(acts), None, actions=dict(counts))


def video_qa(call: Call) -> Observation:
    windows = call.windows()
    coverage = call.coverage(windows)
    known = call.world.answer(str(call.args["question"]), [c.name for c, _, _ in windows])
    if known is None or coverage.fraction < ENOUGH:
        return call.done("Cannot tell: that is not to be seen there.", "cannot_tell", (), coverage)
    answer, kind = known
    camera, start, end = windows[0]
    piece = Happening(f"qa-{camera.name}", "action", camera.name, start, min(end, start + 10.0))
    return call.done(answer, "found", call.evidence([piece]), coverage, answer=answer, type=kind)
