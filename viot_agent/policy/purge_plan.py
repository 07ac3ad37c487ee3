"""What a purge would take: found, and shown before anything is done. Changes nothing.

Of a person everything is found that is known to show them: what runs cited, and what the tools that look for an
enrolled person find now. A window is widened to whole segments, for rows are stored by segment, and to whole
recordings that lie below ``VIOT_HOME``. Originals elsewhere belong to whoever put them there: they are listed. So are
all recordings that show a purged person, for they show others too.

Owns the finding. Carrying out is ``purge``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, select

from viot_agent.errors import NameFault, UserFault, ViotError
from viot_agent.library import names
from viot_agent.library import purge_rows as rows
from viot_agent.library.purge_rows import Window
from viot_agent.library.schema import alert_firings, alerts
from viot_agent.library.schema import runs as asked
from viot_agent.library.schema_trust import audit_log, audit_words
from viot_agent.policy import purge_files
from viot_agent.policy.naming import Name
from viot_agent.policy.roles import tool_class
from viot_agent.steps import Principal, Request, iso
from viot_agent.system import DEMO_REQUESTS, Viot
from viot_agent.toolbox.contract import ToolContext, ToolSpec

Kind = Literal["person", "camera", "window"]
GONE = "nobody of that name is enrolled any more: only what names them, and the tracks that it cites, can be found"
"""Why no tool looked for somebody who was removed before."""
ABOUT_PEOPLE = ("enrolled", "person_removed", "consent", "consent_withdrawn")
"""Kinds of rows of the audit log whose words name an enrolled person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge takes. ``id`` is the number of the person or camera; ``tracks`` show the person; ``runs`` are the
    requests that go with their answers; ``ours`` files that are deleted; ``theirs`` recordings that still hold it and
    are only listed; ``words`` rows of the audit log whose words go; ``unsearched`` why a tool could not look."""

    kind: Kind
    what: str
    id: int = 0
    windows: tuple[Window, ...] = ()
    tracks: frozenset[int] = frozenset()
    runs: tuple[str, ...] = ()
    recordings: tuple[int, ...] = ()
    firings: tuple[int, ...] = ()
    ours: tuple[Path, ...] = ()
    theirs: tuple[Path, ...] = ()
    words: tuple[int, ...] = ()
    unsearched: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What it takes, for a person."""
        out = [f"{self.kind} {self.what}"]
        out += [f"  {w.name}: {iso(w.start)} to {iso(w.end)}, in whole segments and recordings" for w in self.windows]
        if self.kind == "person":
            out.append(f"  {len(self.tracks)} track(s) with their crops, plates, poses, attributes and embeddings")
            out.append(f"  {len(self.words)} row(s) of the audit log lose their words; the rows stay")
        out.append(f"  {len(self.runs)} request(s) with answer and evidence; {len(self.firings)} firing(s) of alerts")
        out.append(f"  {len(self.ours)} file(s) below VIOT_HOME, {sum(_size(p) for p in self.ours) / 1e6:.1f} MB")
        out += [f"  could not be searched: {why}" for why in self.unsearched]
        out += [f"  not deleted, and still holds it: {path}" for path in self.theirs]
        return out


class Plans:
    """Makes plans for one home. ``finders``: tools that are asked where an enrolled person was seen; None = those of
    the toolbox that look in what is indexed."""

    def __init__(self, viot: Viot, by: Principal = Principal(), finders: Sequence[ToolSpec] | None = None) -> None:  # noqa: B008 (frozen)
        self.viot, self.by, self.finders = viot, by, finders
        self._made = 0

    def person(self, name: str) -> Plan:
        """The plan for somebody who is enrolled, or was and is still named by what is kept. Raises NameFault."""
        people = self.viot.library.people()
        known = next((p for p in people if names.folded(p.name) == names.folded(name)), None)
        what = names.clean(name, "person") if known is None else known.name
        called = self.called(what)
        found, why = (set[int](), [GONE]) if known is None else self._found(what)
        with self.viot.library.db.read() as connection:
            mine = {r: hit for r, hit in asked_runs(connection) if called.within(hit)}
            cited = {int(e["track"]) for hit in mine.values() for e in evidence_of(hit) if _shows(e, what)}
            tracks = rows.whole_chains(connection, cited | found)
            every = list(asked_runs(connection))
            mine |= {r: hit for r, hit in every if any(cites_track(e) in tracks for e in evidence_of(hit))}
            firings = firings_of(connection, what, called, tracks)
            words = _words_about(connection, called, set(mine))
            was = known is not None or _was_enrolled(connection, what)
        if not was:
            fault: NameFault = names.unknown("person", name, [p.name for p in people])
            raise fault
        ours = purge_files.of_runs(self.viot.home, mine) + purge_files.of_firings(self.viot.home, firings)
        ours += purge_files.stills(self.viot.home) + purge_files.of_person(self.viot.home, what)
        if called.within(self.viot.demo_requests()):
            ours.append(self.viot.home / DEMO_REQUESTS)
        showing = sorted({p for w in self._where(tracks) for p in self._recorded(w)})
        return Plan(
            "person",
            what,
            0 if known is None else known.id,
            tracks=frozenset(tracks),
            runs=tuple(sorted(mine)),
            firings=tuple(firings),
            ours=tuple(ours),
            theirs=tuple(showing),
            words=tuple(words),
            unsearched=tuple(why),
        )

    def called(self, name: str) -> Name:
        """What tells that something names this person, and not another whose longer name holds theirs."""
        return Name(name, [p.name for p in self.viot.library.people()])

    def camera(self, name: str) -> Plan:
        """The plan for a camera with all its time. Raises NameFault."""
        library = self.viot.library
        camera = next((c for c in library.cameras() if names.folded(c.name) == names.folded(name)), None)
        if camera is None:
            fault: NameFault = names.unknown("camera", name, [c.name for c in library.cameras()])
            raise fault
        whole = Window(camera.id, camera.name, float("-inf"), float("inf"))
        plan = self._windows("camera", camera.name, [whole])
        own = purge_files.of_camera(self.viot.home, camera.id, Path(camera.source))
        source = Path(camera.source)
        outside = "://" not in camera.source and source.exists() and not _below(self.viot.home, source)
        theirs = tuple(sorted({*plan.theirs, source})) if outside else plan.theirs
        return replace(plan, id=camera.id, windows=(), ours=unique([*plan.ours, *own]), theirs=theirs)

    def window(
        self, start: float, end: float, cameras: Sequence[str] | None = None, *, asked_then: bool = False
    ) -> Plan:
        """The plan for ``[start, end)`` (POSIX seconds) on these cameras or groups, all when None.

        ``asked_then``: also the requests that were asked in that time, whatever they were about.
        Raises UserFault for a window of no length, NameFault, PolicyRefusal.
        """
        if not start < end:
            raise UserFault("the window ends before it begins", fix="give FROM before TO")
        chosen = self.viot.fleet.resolve_cameras(cameras)
        wanted = [Window(c.id, c.name, start, end) for c in chosen]
        plan = self._windows("window", f"{iso(start)} to {iso(end)}", wanted)
        if not asked_then:
            return plan
        with self.viot.library.db.read() as connection:
            then = select(asked.c.run).where(asked.c.created >= start, asked.c.created < end)
            hit = {*plan.runs, *(str(r) for r in connection.execute(then).scalars())}
        files = purge_files.of_runs(self.viot.home, hit)
        return replace(plan, runs=tuple(sorted(hit)), ours=unique([*plan.ours, *files]))

    def _windows(self, kind: Kind, what: str, wanted: Sequence[Window]) -> Plan:
        home = self.viot.home
        ours: list[Path] = []
        theirs: set[Path] = set()
        gone: list[int] = []
        windows: list[Window] = []
        with self.viot.library.db.read() as connection:
            for window in wanted:
                window, mine = self._widened(connection, window)
                windows.append(window)
                gone += [id_ for id_, _ in mine]
                ours += [path for _, path in mine]
                theirs |= self._originals(window, connection)
            hit = {
                r
                for r, record in asked_runs(connection)
                if any(cites_window(e, w) for e in evidence_of(record) for w in windows)
            }
            firings = [f for w in windows for f in firings_in(connection, w)]
        files = purge_files.of_runs(home, hit) + purge_files.of_firings(home, firings) + purge_files.stills(home)
        return Plan(
            kind,
            what,
            windows=tuple(windows),
            runs=tuple(sorted(hit)),
            recordings=tuple(gone),
            firings=tuple(firings),
            ours=unique([*ours, *files]),
            theirs=tuple(sorted(theirs)),
        )

    def _widened(self, connection: Connection, window: Window) -> tuple[Window, list[tuple[int, Path]]]:
        """The window in whole segments and whole recordings of ours, and these recordings."""
        while True:
            wide = rows.rounded(connection, window)
            found = rows.recordings(connection, wide)
            mine = [(id_, path, a, b) for id_, path, a, b in found if _below(self.viot.home, path)]
            low = min([wide.start, *(a for _, _, a, _ in mine)])
            high = max([wide.end, *(b for _, _, _, b in mine)])
            wide = Window(window.camera, window.name, low, high)
            if wide == window:
                return wide, [(id_, path) for id_, path, _, _ in mine]
            window = wide

    def _recorded(self, window: Window, connection: Connection | None = None) -> set[Path]:
        """The recordings that hold a window and are there."""
        if connection is None:
            with self.viot.library.db.read() as opened:
                return self._recorded(window, opened)
        return {path for _, path, _, _ in rows.recordings(connection, window) if path.exists()}

    def _originals(self, window: Window, connection: Connection) -> set[Path]:
        """Those of them that are not ours."""
        return {p for p in self._recorded(window, connection) if not _below(self.viot.home, p)}

    def _where(self, tracks: set[int]) -> Iterator[Window]:
        ids = {c.name: c.id for c in self.viot.library.cameras()}
        for number in tracks:
            track = self.viot.library.track(number)
            if track is not None and track.camera in ids:
                yield Window(ids[track.camera], track.camera, track.start, track.end + 0.001)

    def _found(self, name: str) -> tuple[set[int], list[str]]:
        """(tracks, why a tool could not look) of the tools that look for an enrolled person in what is indexed."""
        found: set[int] = set()
        why: list[str] = []
        if not self.viot.library.cameras():
            return found, why
        for spec in self.looking():
            arg = next(a.name for a in spec.args if a.kind == "person")
            self._made += 1
            request = Request(f"purge person {name}", principal=self.by)
            viot = self.viot
            context = ToolContext(
                request, viot.fleet, viot.library, viot.weights, viot.home, f"purge-{self._made}", call_id="purge"
            )
            try:
                seen = spec.fn(context, **{arg: name})
            except ViotError as fault:
                why.append(f"{spec.name}: {fault}")
                continue
            blind = seen.coverage is None or not seen.coverage.indexed_seconds
            if seen.status != "ok" or (seen.verdict == "cannot_tell" and blind):
                why.append(f"{spec.name}: {seen.summary[:300]}")
            same = (e for e in seen.evidence if e.who is not None and names.folded(e.who) == names.folded(name))
            found |= {int(e.track) for e in same if e.track is not None and e.track.isdigit()}
        return found, why

    def looking(self) -> Sequence[ToolSpec]:
        if self.finders is not None:
            return self.finders
        kinds = ("person",)
        return [
            s
            for s in self.viot.toolbox
            if tool_class(s) == "biometric" and s.cost == "index" and any(a.kind in kinds for a in s.args)
        ]


# what runs cite ------------------------------------------------------------------------------------------------------


def asked_runs(connection: Connection) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for r in connection.execute(select(asked.c.run, asked.c.record)).all():
        if isinstance(r.record, Mapping):
            yield str(r.run), r.record


def evidence_of(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [e for e in record.get("evidence", ()) if isinstance(e, Mapping)]


def cites_track(piece: Mapping[str, Any]) -> int:
    """The track that a stored piece of evidence shows, -1 where it shows none."""
    word = str(piece.get("track") or "")
    return int(word) if word.isdigit() else -1


def _shows(piece: Mapping[str, Any], name: str) -> bool:
    who = piece.get("who")
    return isinstance(who, str) and names.folded(who) == names.folded(name) and cites_track(piece) >= 0


def cites_window(piece: Mapping[str, Any], window: Window) -> bool:
    """Whether a stored piece of evidence lies in a window."""
    if piece.get("camera") != window.name:
        return False
    start, end = (datetime.fromisoformat(str(piece[k])).timestamp() for k in ("start", "end"))
    return start < window.end and (end > window.start or start >= window.start)


def firings_of(connection: Connection, name: str, called: Name, tracks: AbstractSet[int]) -> list[int]:
    """The firings that tell of a person: of alerts on the face, of these tracks, or by name."""
    f = alert_firings.c
    query = select(f.id, f.data, alerts.c.event).join(alerts, alerts.c.id == f.alert_id)
    mine = names.folded(f"face:{name}")
    return [
        int(r.id)
        for r in connection.execute(query).all()
        if names.folded(r.event) == mine or r.data.get("track") in tracks or called.within(r.data)
    ]


def firings_in(connection: Connection, window: Window) -> list[int]:
    """The firings of a window."""
    f = alert_firings.c
    query = select(f.id).where(f.camera_id == window.camera, f.start_ts < window.end, f.end_ts >= window.start)
    return [int(i) for i in connection.execute(query).scalars()]


def _words_about(connection: Connection, name: Name, runs: set[str]) -> list[int]:
    """Rows of the audit log whose words name the person, or belong to a run that is purged."""
    query = select(audit_words.c.seq, audit_words.c.text, audit_log.c.run).join(
        audit_log, audit_log.c.seq == audit_words.c.seq
    )
    return [int(r.seq) for r in connection.execute(query).all() if r.run in runs or name.within(r.text)]


def _was_enrolled(connection: Connection, name: str) -> bool:
    """Whether the audit log tells of somebody of that name: any other word would take the requests that hold it."""
    query = select(audit_words.c.text).join(audit_log, audit_log.c.seq == audit_words.c.seq)
    told = connection.execute(query.where(audit_log.c.kind.in_(ABOUT_PEOPLE))).scalars()
    return any(names.folded(str(json.loads(t).get("person", ""))) == names.folded(name) for t in told)


def _below(home: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(home.resolve())


def unique(paths: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
