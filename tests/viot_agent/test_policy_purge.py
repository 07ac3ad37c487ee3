"""Purging a person, a camera, a window: rows, vectors and files go, the proof says so, and nothing comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viot_agent.alerts.deliver import FakeNotifier, deliver
from viot_agent.alerts.engine import Alerts
from viot_agent.alerts.events import Watched
from viot_agent.alerts.types import Firing, Looking, Sighting
from viot_agent.errors import BackendFault, BusyFault, FailedFault, NameFault, UserFault
from viot_agent.library.ingest import ingest
from viot_agent.library.records import Fingerprint, MediaRow, RunRows, RunStamp, SegmentSpan
from viot_agent.library.rows import AttributeRow, CropRow, PlateRow, PoseRow, Rows, TrackPoint, TrackRow, VectorRow
from viot_agent.library.schema import alerts
from viot_agent.library.store import Library
from viot_agent.library.vectors import record
from viot_agent.live.ring import watching
from viot_agent.policy import purge_files
from viot_agent.policy.audit import WITHHELD
from viot_agent.policy.naming import Name
from viot_agent.policy.purge import Proof, Purge
from viot_agent.steps import Answer, Claim, Evidence, Observation, Principal, Request, Run, Step, Thought, ToolCall
from viot_agent.system import Viot
from viot_agent.toolbox import CamerasArg, Toolbox, ToolContext, tool
from viot_agent.toolbox.contract import PersonArg
from viot_agent.weights import Weights

START = 1_800_000_000.0
BOX = (0.0, 0.0, 10.0, 10.0)
PIA = Principal("Pia", "privacy-officer")
FACE = "a face"
SECRET_JPEG = b"\xff\xd8 the crop of a face \xff\xd9"


def vector(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=16).astype(np.float32)


@tool(biometric=True)
def find_face(ctx: ToolContext, person: PersonArg, cameras: CamerasArg | None = None) -> Observation:
    """Find an enrolled person by the stored embedding.

    Not for: counting.

    Args:
        person: who.
        cameras: camera names.
    """
    wanted = ctx.library.person_vectors(person, FACE)[0]
    hits = [h for h in ctx.library.search(FACE, wanted, None, None, None, k=2) if h.score > 0.9]
    pieces = tuple(
        Evidence(ctx.evidence_id(), h.camera, h.ts, h.ts, "find_face", FACE, "1", track=str(h.track), who=person)
        for h in hits
    )
    return Observation(ctx.call_id, "find_face", "ok", f"{len(hits)} sightings.", "found", (), pieces)


@tool(biometric=True)
def broken(ctx: ToolContext, person: PersonArg) -> Observation:
    """Find nobody, for its weights are missing.

    Not for: counting.

    Args:
        person: who.
    """
    raise FailedFault("the weights are missing", fix="viot models pull x")


def media(library: Library, camera: str, path: Path, start: float, seconds: float = 90.0) -> MediaRow:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video " + str(path).encode())
    return library.add_media(
        camera,
        path,
        Fingerprint(1, 1.0, "x"),
        start_ts=start,
        start_origin="camera",
        duration=seconds,
        fps=25.0,
        width=64,
        height=36,
    )


def rows(*people: tuple[str, int]) -> Rows:
    """One track for each (key, seed of its face)."""
    keys = [key for key, _ in people]
    return Rows(
        tracks=tuple(TrackRow(k, "face", (TrackPoint(1.0, BOX, 0.9), TrackPoint(2.0, BOX, 0.9))) for k in keys),
        crops=tuple(CropRow(k, 1.0, BOX, SECRET_JPEG + k.encode(), 0.9) for k in keys),
        vectors=tuple(
            VectorRow(k, 1.0 + i / 10, FACE, vector(seed) + np.float32(0.01 * i), 0.9)
            for k, seed in people
            for i in range(3)
        ),
        plates=tuple(PlateRow(k, 1.0, "KX4821", 0.9, (0.9,) * 6, BOX, b"plate") for k in keys),
        poses=tuple(PoseRow(k, 1.0, np.zeros((17, 3), np.float32)) for k in keys),
        attributes=tuple(AttributeRow(k, 1.0, "upper_colour", "red", 0.9) for k in keys),
    )


def segment(library: Library, row: MediaRow, idx: int, *people: tuple[str, int]) -> None:
    base = rows(*people)
    moved = Rows(
        **{
            name: tuple(_later(r, 30.0 * idx) for r in getattr(base, name))
            for name in ("tracks", "crops", "vectors", "plates", "poses", "attributes")
        }
    )
    stamp = RunStamp("faces", "1", FACE, "1")
    library.write_segment(row, SegmentSpan(idx, 30.0 * idx, 30.0 * (idx + 1)), [RunRows(stamp, moved, 5.0, 150)])


def _later(row: Any, by: float) -> Any:
    from dataclasses import replace

    if isinstance(row, TrackRow):
        return replace(row, points=tuple(replace(p, t=p.t + by) for p in row.points))
    return replace(row, t=row.t + by)


def ask(viot: Viot, text: str, camera: str, at: float, *, track: str | None = None, who: str | None = None) -> str:
    """A stored request with a piece of evidence and its files."""
    from viot_agent.steps import new_id

    run = new_id("run")
    made = {}
    for folder in ("evidence", "exports"):
        path = viot.home / folder / run / "e1.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(SECRET_JPEG)
        made[folder] = str(path)
    piece = Evidence("e1", camera, at, at + 1, "find_face", FACE, "1", track=track, who=who, crop=made["evidence"])
    seen = Observation("c1", "find_face", "ok", "Seen.", "found", (Claim("Seen.", ("e1",)),), (piece,))
    step = Step(Thought("x"), ToolCall("c1", "find_face", {"person": who or "somebody"}), seen)
    viot.audit.save_run(Run(run, Request(text, now=START), (step,), Answer("Seen.", "answered"), "mini", 0.1))
    return run


@pytest.fixture
def viot(slow_place: Any, tmp_path: Path) -> Iterator[Viot]:
    """Two cameras with Ben (seed 1), Cleo (seed 2) and strangers on them, and what was asked about them."""
    home = tmp_path / "home"
    with slow_place.open(home) as library:
        opened = Viot(library, Weights(home), Toolbox([find_face]), home)
        library.add_camera("gate", str(tmp_path / "nas"), groups=["yard"])
        library.add_camera("hall", str(home / "footage" / "hall-1.mp4"))
        gate = media(library, "gate", tmp_path / "nas" / "gate.mp4", START)
        hall = media(library, "hall", home / "footage" / "hall-1.mp4", START)
        segment(library, gate, 0, ("a", 1), ("b", 9), ("c", 2), ("d", 1))
        segment(library, gate, 1, ("a", 7))
        segment(library, gate, 2, ("a", 1))
        segment(library, hall, 0, ("a", 2))
        for name, seed in (("Ben", 1), ("Cleo", 2)):
            library.add_person(name, [b"picture of " + name.encode()], f"form of {name}")
            library.set_person_vectors(name, FACE, vector(seed)[None])
        (home / "cache" / "stills").mkdir(parents=True)
        (home / "cache" / "stills" / "x.jpg").write_bytes(b"still")
        yield opened


def everything(viot: Viot) -> bytes:
    """All bytes below the home (of SQLite and of the vectors too)."""
    viot.library.db.engine.dispose()
    return b"".join(p.read_bytes() for p in sorted(viot.home.rglob("*")) if p.is_file())


def kept(viot: Viot) -> int:
    return len(viot.library.vectors(FACE, None, None, None))


def test_a_person(viot: Viot, slow_place: Any) -> None:
    about = ask(viot, "was Ben at the gate?", "gate", START, track="1", who="Ben")
    cited = ask(viot, "who was at the gate?", "gate", START, track="1")
    other = ask(viot, "was Cleo there, by the bench?", "gate", START, track="3", who="Cleo")
    alert = viot.alerts.store.add("face:Ben", now=START)
    (viot.home / "demo-requests.json").write_text('["When was Ben seen?"]', "utf-8")
    purge = Purge(viot, PIA)
    before = everything(viot)
    plan = purge.person("ben")
    assert everything(viot) == before  # a plan changes nothing
    assert plan.what == "Ben"
    assert set(plan.runs) == {about, cited}
    assert kept(viot) == 21
    proof = purge.carry_out(plan)
    assert proof.left == ()
    assert [p.name for p in viot.library.people()] == ["Cleo"]
    # three tracks of Ben on the gate went with all that hung on them, also the ones that one look had not shown
    assert kept(viot) == 12
    hung = ("tracks", "crops", "plates", "poses", "attributes")
    assert {t: n for t, n in proof.rows.items() if t in hung} == dict.fromkeys(hung, 3)
    assert proof.rows[f"embeddings of {FACE} (16)"] == 9
    assert not [h for h in viot.library.search(FACE, vector(1), None, None, None, k=50) if h.score > 0.9]
    assert len([h for h in viot.library.search(FACE, vector(2), None, None, None, k=50) if h.score > 0.9]) == 6
    assert viot.library.run(other) is not None
    assert viot.library.run(about) is viot.library.run(cited) is None
    assert not (viot.home / "evidence" / about).exists()
    assert not (viot.home / "exports" / cited).exists()
    assert (viot.home / "evidence" / other / "e1.jpg").is_file()
    assert alert.id not in [a.id for a in viot.alerts.store.alerts(removed=True)]
    # the chain holds, though words went, and tells of it without the name
    assert viot.audit.verify().wrong == ()
    (row,) = viot.audit.search(kind="purge")
    assert (row.who, row.fields["purged"], row.fields["left"]) == ("Pia", "person", 0)
    assert not [r for r in viot.audit.search() if Name("Ben").within([r.data, r.words])]
    assert viot.audit.search("cleo")
    with pytest.raises(NameFault):
        purge.person("Ben")
    if not slow_place.server:
        left = everything(viot)
        assert b"Ben" not in left
        for row_ in (b"Cleo", b"by the bench"):
            assert row_ in left


def test_another_whose_longer_name_holds_it_stays(viot: Viot) -> None:
    viot.library.add_person("Ben Adam", [b"picture"], "form of Ben Adam")
    viot.library.set_person_vectors("Ben Adam", FACE, vector(30)[None])
    gone = ask(viot, "was Ben at the gate, or Ben Adam?", "gate", START)
    stays = ask(viot, "was BEN  ADAM at the gate?", "hall", START)
    purge = Purge(viot, PIA)
    plan = purge.person("Ben")
    assert plan.runs == (gone,)
    assert purge.carry_out(plan).left == ()
    assert viot.library.run(stays) is not None
    assert [p.name for p in viot.library.people()] == ["Ben Adam", "Cleo"]
    plan = purge.person("Ben Adam")
    assert plan.runs == (stays,)


def test_somebody_who_was_removed_before_can_still_be_purged(viot: Viot) -> None:
    about = ask(viot, "was Ben at the gate?", "gate", START, track="1", who="Ben")
    viot.library.remove_person("Ben")
    viot.audit.note("person_removed", by=PIA, words={"person": "ben"})
    purge = Purge(viot, PIA)
    for nobody in ("gate", "Dora"):  # words of requests, but nobody's name
        with pytest.raises(NameFault):
            purge.person(nobody)
    plan = purge.person("Ben")
    assert plan.runs == (about,)
    assert 1 in plan.tracks
    assert "enrolled any more" in plan.unsearched[0]
    assert purge.carry_out(plan).left == ()
    assert not [r for r in viot.audit.search() if Name("Ben").within([r.data, r.words])]
    assert viot.audit.verify().wrong == ()
    with pytest.raises(NameFault):
        purge.person("Ben")


@pytest.mark.parametrize("slow_place", ["sqlite"], indirect=True)  # a server's tables are vacuumed by the server
def test_the_bytes_of_embeddings_are_overwritten(viot: Viot) -> None:
    purge = Purge(viot, PIA)
    proof = purge.carry_out(purge.person("Ben"))
    assert proof.left == ()
    (file,) = viot.home.rglob("*.vec")
    stored = np.fromfile(file, record(16))
    assert len(stored) == 21
    alive = {h.track for h in viot.library.vectors(FACE, None, None, None)}
    assert set(stored["track"].tolist()) == {0, *alive}
    assert not stored[stored["track"] == 0]["vec"].any()
    viot.library.index.forget()
    assert kept(viot) == 12
    # a process that dies between the commit and the bytes leaves them: the next purge comes to them
    with viot.library.db.write() as connection:
        connection.exec_driver_sql("DELETE FROM tracks WHERE id = 3")
        viot.library.index.drop_tracks(connection, [3])
    assert (np.fromfile(file, record(16))["track"] == 3).sum() == 3
    assert purge.carry_out(purge.window(1.0, 2.0)).left == ()
    assert (np.fromfile(file, record(16))["track"] == 3).sum() == 0
    assert kept(viot) == 9
    # what is stored after that lies behind, and is found
    row = media(viot.library, "hall", viot.home / "footage" / "hall-2.mp4", START + 500)
    segment(viot.library, row, 0, ("z", 5))
    assert kept(viot) == 12


def test_a_person_whom_no_tool_can_look_for(viot: Viot) -> None:
    """What runs cited goes; that nobody could look is said, and is on record."""
    ask(viot, "was Ben at the gate?", "gate", START, track="1", who="Ben")
    purge = Purge(viot, PIA, finders=[broken])
    plan = purge.person("Ben")
    assert plan.unsearched == ("broken: the weights are missing (viot models pull x)",)
    assert any("could not be searched" in line for line in plan.lines())
    proof = purge.carry_out(plan)
    assert proof.left == ()
    assert kept(viot) == 18
    assert viot.audit.search(kind="purge")[0].fields["unsearched"] == 1


def test_a_camera(viot: Viot, slow_place: Any, tmp_path: Path) -> None:
    gone = ask(viot, "who was in the hall?", "hall", START, track="5", who="Cleo")
    stays = ask(viot, "who was at the gate?", "gate", START)
    live = viot.home / "live" / str(next(c.id for c in viot.library.cameras() if c.name == "hall")) / "ring" / "x.mp4"
    live.parent.mkdir(parents=True)
    live.write_bytes(b"recorded")
    purge = Purge(viot, PIA)
    plan = purge.camera("HALL")
    with watching(viot.home, plan.id, "hall"), pytest.raises(BusyFault, match="watching hall"):
        purge.carry_out(plan)
    assert viot.library.run(gone) is not None  # nothing was purged
    assert set(plan.runs) == {gone}
    assert {p.name for p in plan.ours} == {"hall-1.mp4", "x.mp4", "e1.jpg", "x.jpg"}
    assert plan.theirs == ()
    proof = purge.carry_out(plan)
    assert proof.left == ()
    assert [c.name for c in viot.library.cameras()] == ["gate"]
    assert not (viot.home / "footage").exists()
    assert not live.parents[1].exists()
    assert viot.library.run(stays) is not None
    assert (proof.rows["cameras"], proof.rows["media"], proof.rows["segments"]) == (1, 1, 1)
    plan = purge.camera("gate")
    assert plan.theirs == (tmp_path / "nas", tmp_path / "nas" / "gate.mp4")
    assert purge.carry_out(plan).left == ()
    assert (tmp_path / "nas" / "gate.mp4").is_file()  # an original is its owner's
    assert kept(viot) == 0
    if not slow_place.server:
        assert SECRET_JPEG not in everything(viot)


def test_a_window(viot: Viot, tmp_path: Path) -> None:
    inside = ask(viot, "who was at the gate?", "gate", START + 40)
    outside = ask(viot, "and later?", "gate", START + 70)
    purge = Purge(viot, PIA)
    plan = purge.window(START + 35, START + 45, ["gate"])
    (wide,) = plan.windows
    assert (wide.start, wide.end) == (START + 30, START + 60)  # rows are stored by segment
    assert plan.runs == (inside,)
    assert plan.theirs == (tmp_path / "nas" / "gate.mp4",)
    proof = purge.carry_out(plan)
    assert proof.left == ()
    assert proof.rows["segments"] == proof.rows["tracks"] == 1
    assert viot.library.run(outside) is not None
    assert viot.library.spans("gate") == [(START, START + 30), (START + 60, START + 90)]
    # it is not shown, and not looked at again, though the original is there
    shown = viot.library.footage("gate", START, START + 90)
    assert [(f.start - START, f.end - START, f.offset) for f in shown] == [(0, 30, 0), (60, 90, 60)]
    row = viot.library.media_rows("gate")[0]
    assert viot.library.purged(row) == [(30.0, 60.0)]
    again = purge.window(START + 30, START + 60, ["gate"])
    assert purge.carry_out(again).left == ()
    assert viot.library.purged(row) == [(30.0, 60.0)]


def test_a_window_takes_whole_recordings_of_ours(viot: Viot) -> None:
    purge = Purge(viot, PIA)
    plan = purge.window(START + 80, START + 85)
    wide = {w.name: (w.start - START, w.end - START) for w in plan.windows}
    assert wide == {"gate": (60, 90), "hall": (0, 90)}
    assert purge.carry_out(plan).left == ()
    assert not (viot.home / "footage" / "hall-1.mp4").exists()
    assert viot.library.media_rows("hall") == []


def under_way(viot: Viot, about: str, camera: str, **seen: Any) -> tuple[Run, int]:
    """A run that has read what it answers from, and is not saved yet; with what the audit said when it began."""
    begun = viot.audit.begin()
    piece = Evidence("e1", camera, START + 40, START + 41, "find_face", FACE, "1", **seen)
    found = Observation("c1", "find_face", "ok", about, "found", (Claim(about, ("e1",)),), (piece,))
    step = Step(Thought(about), ToolCall("c1", "find_face", {"person": about}), found)
    request = Request(about, now=START, conversation=about, purpose=about)
    return Run("run-0123", request, (step,), Answer(about, "answered"), "mini", 0.1), begun


@pytest.mark.parametrize("kind", ["person", "camera", "window"])
def test_a_run_under_way_while_something_is_purged_is_not_kept(viot: Viot, slow_place: Any, kind: str) -> None:
    about = "Cleo with the green umbrella"
    run, begun = under_way(viot, about, "hall", track="6", who="Cleo")
    purge = Purge(viot, PIA)
    plan = {"person": lambda: purge.person("Cleo"), "camera": lambda: purge.camera("hall"),
            "window": lambda: purge.window(START + 35, START + 45)}[kind]()  # fmt: skip
    assert purge.carry_out(plan).left == ()
    kept = viot.audit.save_run(run, begun)
    assert (kept.answer.text, kept.answer.status, kept.steps) == (WITHHELD, "incomplete", ())
    stored = viot.library.run(run.id)
    assert stored is not None and stored.owner == "local"
    assert "umbrella" not in str(stored) and "Cleo" not in str(stored)
    assert [r.said for r in viot.audit.search(kind="run")] == [{}]
    assert viot.audit.verify().wrong == ()
    if not slow_place.server:
        assert b"umbrella" not in everything(viot)
    # what began afterwards is kept as it is
    later, begun = under_way(viot, "was anybody at the gate?", "gate")
    assert viot.audit.save_run(later, begun) is later


def test_a_run_that_ends_between_plan_and_purge_goes_too(viot: Viot) -> None:
    purge = Purge(viot, PIA)
    plans = {"Ben": purge.person("Ben"), "window": purge.window(START + 35, START + 45, ["gate"])}
    first = ask(viot, "who was at the gate?", "gate", START + 40)
    second = ask(viot, "where was Ben?", "gate", START + 70)
    stays = ask(viot, "and Cleo?", "gate", START + 70)
    for name, plan in plans.items():
        assert not {first, second} & set(plan.runs)
        assert purge.carry_out(plan).left == (), name
    assert viot.library.run(first) is None and viot.library.run(second) is None
    assert viot.library.run(stays) is not None
    assert not (viot.home / "evidence" / first).exists()
    assert [r.said["request"] for r in viot.audit.search(kind="run") if r.said] == ["and Cleo?"]
    assert viot.audit.verify().wrong == ()


def test_a_purge_in_the_middle_of_an_answer(viot: Viot) -> None:
    """The whole way: what the agent gives back, and the files it had written."""

    @tool()
    def look(ctx: ToolContext) -> Observation:
        """Look at the gate, while somebody purges what is seen.

        Not for: counting.
        """
        piece = Evidence(ctx.evidence_id(), "gate", START + 40, START + 41, "look", FACE, "1", crop_jpeg=SECRET_JPEG)
        export = ctx.home / "exports" / ctx.run_id / "gate.mp4"
        export.parent.mkdir(parents=True)
        export.write_bytes(SECRET_JPEG)
        purge = Purge(viot, PIA)
        assert purge.carry_out(purge.window(START + 35, START + 45, ["gate"])).left == ()
        return Observation(ctx.call_id, "look", "ok", "Seen.", "found", (Claim("Seen.", (piece.id,)),), (piece,))

    viot.toolbox.add(look)
    run = viot.call("look", {})
    assert run.answer.text == WITHHELD
    stored = viot.library.run(run.id)
    assert stored is not None and stored.record["evidence"] == []
    assert [p for top in ("evidence", "exports") for p in (viot.home / top).rglob("*.*")] == []


class Passers:
    """Sees every stored face; ``meanwhile`` happens after it has looked and before anything is stored."""

    kinds = ("person",)
    needs = ("faces",)

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile

    def look(self, watched: Watched, looking: Looking) -> list[Sighting]:
        found = looking.library.tracks("face", [looking.camera], looking.start, looking.end)
        self.meanwhile()
        return [Sighting(f"p{t.id}", looking.camera, t.start, t.end, "A person was seen", 0.9, t.id) for t in found]


def standing(viot: Viot, matcher: Passers) -> Alerts:
    """An alert that has not looked at anything yet."""
    made = Alerts(viot.library, viot.fleet, viot.weights, [matcher], clock=lambda: START + 1e6)
    alert = made.add("person", cooldown=0.0, notify=["json://there"])
    with viot.library.db.write() as connection:
        connection.execute(alerts.update().where(alerts.c.id == alert.id).values(cursor=0))
    return made


@pytest.mark.parametrize(("kind", "stays"), [("person", 3), ("window", 3), ("camera", 1)])
def test_an_alert_that_looks_while_something_is_purged_fires_on_nothing_of_it(
    viot: Viot, kind: str, stays: int
) -> None:
    purge = Purge(viot, PIA)
    plan = {"person": lambda: purge.person("Ben"), "camera": lambda: purge.camera("gate"),
            "window": lambda: purge.window(START + 35, START + 45, ["gate"])}[kind]()  # fmt: skip
    proofs: list[Proof] = []
    made = standing(viot, Passers(lambda: proofs or proofs.append(purge.carry_out(plan))))
    fired = made.scan()
    assert proofs[0].left == ()
    assert len(fired) == stays
    with viot.library.db.read() as connection:
        assert purge._still(connection, plan) == []
    assert not any(START + 30 <= f.sighting.start < START + 60 for f in fired) or kind != "window"


def test_what_fired_between_plan_and_purge_goes_too_and_is_not_told(viot: Viot) -> None:
    made = standing(viot, Passers())
    purge = Purge(viot, PIA)
    plans = {"Ben": purge.person("Ben"), "window": purge.window(START + 35, START + 45, ["gate"])}
    fired = made.scan()
    assert not any(p.firings for p in plans.values())
    ben, _window, _again, hall = sorted(fired, key=lambda f: (f.sighting.camera, f.sighting.start))
    told = FakeNotifier([])

    def evidence(firing: Firing) -> list[Path]:
        """The purge comes while the picture of the first one is made."""
        path = viot.home / "alerts" / f"firing-{firing.id}" / "e1.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SECRET_JPEG)
        if firing.id == fired[0].id:
            for plan in plans.values():
                assert purge.carry_out(plan).left == (), plan.what
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(SECRET_JPEG)
        return [path]

    assert ben.id == fired[0].id
    deliver(made.store, viot.fleet, told, now=START + 1e6, evidence=evidence)
    assert {f.id for f in made.store.history()} == {hall.id}
    assert [p.parent.name for p in (viot.home / "alerts").rglob("*.jpg")] == [f"firing-{hall.id}"]
    assert [title for _, title, _, _ in told.told] == ["VIoT alert-1: a person on hall"]  # nobody hears of the others


def test_requests_of_a_time(viot: Viot) -> None:
    run = ask(viot, "who was in the hall?", "hall", START)
    purge = Purge(viot, PIA)
    assert purge.window(START - 100, START - 50).runs == ()
    now = purge.window(START - 100, START + 1e-3, ["gate"], asked_then=True)
    assert run in now.runs


def test_a_purged_time_is_not_indexed_again(slow_place: Any, tmp_path: Path, video: Any) -> None:
    from viot_agent.library.fake_analyzer import FakeThings

    path = video("h264_b", "mp4")
    with slow_place.open(tmp_path / "home") as library:
        library.add_camera("gate", str(path), start=START)
        given = FakeThings()
        from viot_agent.media.readers import open_media

        ingest(library, "gate", [given], open_reader=open_media, segment_seconds=1.0)
        spans = library.spans("gate")
        purge = Purge(Viot(library, Weights(tmp_path), Toolbox([]), tmp_path / "home"), PIA)
        assert purge.carry_out(purge.window(START, START + 0.5)).left == ()
        report = ingest(library, "gate", [given], open_reader=open_media, segment_seconds=1.0)
        assert report.segments == 0
        assert any("was purged" in m for m in report.messages)
        assert library.spans("gate")[0][0] == spans[0][0] + 1.0


def test_files_of_nobody_are_taken_by_the_next_purge(viot: Viot) -> None:
    """As a process leaves them that is killed between rows and files."""
    run = ask(viot, "who was in the hall?", "hall", START)
    with viot.library.db.write() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    purge = Purge(viot, PIA)
    assert purge.left_over() == []  # just written: it may be a run's that is not stored yet
    for folder in ("evidence", "exports"):
        os.utime(viot.home / folder / run, (1.0, 1.0))
    assert len(purge.left_over()) == 2
    proof = purge.carry_out(purge.window(1.0, 2.0))
    assert proof.files >= 2
    assert proof.left == ()
    assert not (viot.home / "evidence").exists()


def test_nothing_outside_of_the_home_is_deleted(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.jpg").write_bytes(b"x")
    run = home / "evidence" / "run-0a"
    run.mkdir(parents=True)
    (run / "link.jpg").symlink_to(outside / "mine.jpg")
    (home / "exports").mkdir()
    (home / "exports" / "run-0a").symlink_to(outside)
    found = purge_files.of_runs(home, ["run-0a", "../../outside", "run-zz"])
    assert found == [run / "link.jpg"]
    assert purge_files.delete(home, found)[0] == 1
    assert (outside / "mine.jpg").is_file()
    for path in (outside / "mine.jpg", home / "exports" / "run-0a" / "mine.jpg", home / ".." / "outside" / "mine.jpg"):
        with pytest.raises(BackendFault, match="does not lie in"):
            purge_files.delete(home, [path])


def test_what_cannot_be_purged(viot: Viot) -> None:
    purge = Purge(viot, PIA)
    for wrong in (lambda: purge.person("Dora"), lambda: purge.camera("attic"), lambda: purge.window(1, 2, ["attic"])):
        with pytest.raises(NameFault):
            wrong()
    with pytest.raises(UserFault, match="ends before it begins"):
        purge.window(2.0, 2.0)


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("Ann", "was Ann there?", True),
        ("Ann", "announced by a channel", False),
        ("ann", {"a": ["x", {"who": "ANN"}]}, True),
        ("Ana Silva", "ana  silva's bag", True),
        ("Ana Silva", "Ana da Silva", False),
        ("Ben", '{"request":"line one\\nBen came"}', True),
        ("Ben", ["benches", 7, None], False),
        ("José", "JOSÉ was here", True),
        ("王", "王 was here", True),
        ("a.b", "axb", False),
    ],
)
def test_names_in_texts(name: str, value: object, held: bool) -> None:
    assert Name(name).within(value) is held


def test_names_that_hold_a_name() -> None:
    ana = Name("Ana", ["Ana Silva", "ana", "Cleo", "Ana Silva Costa"])
    assert not ana.within("was ana silva there, or Ana Silva Costa?")
    assert ana.within("was Ana Silva there, or Ana?")
    assert ana.within("Ana Silvana")
