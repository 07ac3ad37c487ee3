"""``face_recognition`` over a library in memory: verdicts, sentences, evidence, and every way not to know."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import NameFault, PolicyRefusal, RetryFault, TimeFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Person
from viot_agent.library.fake import Crop, FakeLibrary, Looked
from viot_agent.library.rows import Footage, Hit, Track
from viot_agent.media.pictures import encode_jpeg
from viot_agent.steps import Attachment, Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.faces.recognise import unit
from viot_tools.faces.tool import face_recognition

NOON = 1_800_014_400.0  # 12:00:00 UTC on 15 January 2027
MODEL = "mobilefacenet"
JOINT = "mobilefacenet+dlib-face-recogniser"
WORN = "mobilefacenet+eyes"
AXES = {name: i for i, name in enumerate(("Anna Berg", "Ben Cole", "stranger", "other"))}
AXES["Anna Twin"] = AXES["Anna Berg"]  # enrolled with a picture of the same face


def toward(name: str, cosine: float = 0.95, spare: int = 100) -> NDArray[np.float32]:
    """A unit vector of 128 numbers at ``cosine`` to ``name``'s own."""
    vector = np.zeros(128, np.float32)
    vector[AXES[name]], vector[spare] = cosine, np.sqrt(1 - cosine**2)
    return vector


@dataclass
class World:
    """Builds a library: cameras with a minute of footage from noon, people, and faces at offsets in seconds."""

    cameras: Sequence[str] = ("gate", "yard")
    people: Sequence[str] = ("Anna Berg", "Ben Cole")
    indexed: Sequence[tuple[str, float, float]] = (("gate", 0, 60), ("yard", 0, 60))
    recorded: Sequence[tuple[float, float]] = ((0, 60),)
    model: str = MODEL
    tracks: list[Track] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    crops: list[Crop] = field(default_factory=list)
    joint_hits: list[Hit] = field(default_factory=list)
    joint_people: Sequence[str] = ("Anna Berg", "Ben Cole")
    worn_hits: list[Hit] = field(default_factory=list)
    worn_people: Sequence[str] = ("Anna Berg", "Ben Cole")

    def face(
        self,
        camera: str,
        start: float,
        end: float,
        vector: NDArray[np.float32],
        *,
        quality: float = 0.9,
        label: str = "",
        chain: int | None = None,
    ) -> World:
        """One track, sampled five times a second, with one embedding in its middle."""
        n = max(2, round((end - start) * 5) + 1)
        number = len(self.tracks) + 1
        ts = NOON + np.linspace(start, end, n)
        boxes = np.tile(np.array([[10, 20, 50, 70]], np.float32), (n, 1))
        scores = np.full(n, 0.9, np.float32)
        self.tracks.append(Track(number, chain or number, camera, "face", label, self.model, "v1", ts, boxes, scores))
        self.hits.append(Hit(number, camera, float(ts[n // 2]), float("nan"), quality, vector))
        self.crops.append(Crop(number, float(ts[n // 2]), b"jpeg"))
        return self

    def small(self, first: NDArray[np.float32], *joint: NDArray[np.float32]) -> World:
        """The last face was seen well three times as ``first``; these are its joint vectors: it is small."""
        last = self.hits[-1]
        self.hits[-1:] = [Hit(last.track, last.camera, last.ts, float("nan"), last.quality, first)] * 3
        self.joint_hits += [Hit(last.track, last.camera, last.ts, float("nan"), last.quality, v) for v in joint]
        return self

    def masked(self, behind: NDArray[np.float32]) -> World:
        """The last face wears a mask; this is its vector behind it."""
        last = self.hits[-1]
        self.worn_hits.append(Hit(last.track, last.camera, last.ts, float("nan"), last.quality, behind))
        return self

    def look(self, vector: NDArray[np.float32], quality: float = 0.9) -> World:
        """One more look at the last face, half a second later."""
        last = self.hits[-1]
        self.hits.append(Hit(last.track, last.camera, last.ts + 0.5, float("nan"), quality, vector))
        return self

    def library(self) -> FakeLibrary:
        cameras = [Camera(i, name, f"{name}.mp4", (), "UTC", NOON) for i, name in enumerate(self.cameras, 1)]
        library = FakeLibrary(
            cameras,
            [Person(i, name, "signed", 1) for i, name in enumerate(self.people, 1)],
            footage=[
                Footage(name, Path(f"{name}.mp4"), 0.0, NOON + a, NOON + b)
                for name in self.cameras
                for a, b in self.recorded
            ],
            looked=[Looked("faces", self.model, c, NOON + a, NOON + b) for c, a, b in self.indexed],
            tracks=self.tracks,
            hits={self.model: self.hits, JOINT: self.joint_hits, WORN: self.worn_hits},
            crops=self.crops,
        )
        for name in self.people:
            library.set_person_vectors(name, MODEL, toward(name, 1.0)[None])
            if name in self.joint_people:
                library.set_person_vectors(name, JOINT, toward(name, 1.0)[None])
            if name in self.worn_people:
                library.set_person_vectors(name, WORN, toward(name, 1.0)[None])
        return library

    def ask(
        self,
        home: Path,
        person: str | None = None,
        cameras: list[str] | None = None,
        time: str | None = None,
        *,
        scope: frozenset[str] | None = None,
        attachments: tuple[Attachment, ...] = (),
        tier: str = "hub",
        library: FakeLibrary | None = None,
    ) -> Observation:
        library = library or self.library()
        request = Request("?", now=NOON + 3600, camera_scope=scope, attachments=attachments)
        weights = Weights(home, None, "hub" if tier == "hub" else "builtin")
        context = ToolContext(request, Fleet(library), library, weights, home, call_id="call-1")
        return face_recognition.fn(context, person=person, cameras=cameras, time=time)


def times(observation: Observation) -> list[tuple[str, str, float, float]]:
    return [
        (r["who"], r["camera"], round(r["start"] - NOON, 1), round(r["end"] - NOON, 1))
        for r in observation.data["appearances"]
    ]


def test_appearances_with_evidence(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("Anna Berg")).face("gate", 30, 32, toward("Anna Berg"))
    seen = world.face("yard", 10, 12, toward("Ben Cole")).ask(home, "Anna Berg")
    assert seen.verdict == "found" and seen.status == "ok" and seen.call_id == "call-1"
    assert times(seen) == [("Anna Berg", "gate", 4.9, 8.1), ("Anna Berg", "gate", 29.9, 32.1)]
    assert seen.summary == (
        "Anna Berg was seen on gate 2 times: 12:00:04 to 12:00:08 on 15 January 2027 [e1], "
        "12:00:29 to 12:00:32 on 15 January 2027 [e2]."
    )
    [claim] = seen.claims
    assert claim.evidence == ("e1", "e2")
    first = seen.evidence[0]
    assert (first.camera, first.who, first.model, first.model_version, first.track) == (
        "gate",
        "Anna Berg",
        MODEL,
        "v1",
        "1",
    )
    assert first.score == pytest.approx(0.95, abs=1e-3)
    assert first.xyxy == (10, 20, 50, 70) and first.crop_jpeg == b"jpeg"
    assert first.at is not None and NOON + 5 <= first.at <= NOON + 8
    assert seen.coverage is not None and seen.coverage.fraction == 1.0


def test_gaps_up_to_a_second_are_bridged(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("Anna Berg")).face("gate", 9, 10, toward("Anna Berg"))
    world.face("gate", 12, 13, toward("Anna Berg")).face("yard", 10, 11, toward("Anna Berg"))
    assert times(world.ask(home, "Anna Berg")) == [
        ("Anna Berg", "gate", 4.9, 10.1),
        ("Anna Berg", "gate", 11.9, 13.1),
        ("Anna Berg", "yard", 9.9, 11.1),
    ]


@pytest.mark.parametrize("who", ["Anna Berg", "Anna Twin", None])
def test_one_face_under_two_names_is_said(home: Path, who: str | None) -> None:
    seen = World(people=("Anna Berg", "Anna Twin")).face("gate", 20, 40, toward("Anna Berg")).ask(home, who)
    assert seen.verdict == "cannot_tell" and times(seen) == []
    assert "Anna Berg and Anna Twin are enrolled with the same face" in seen.summary
    assert "viot person remove NAME" in seen.summary


def test_the_window_cuts_appearances(home: Path) -> None:
    world = World().face("gate", 20, 40, toward("Anna Berg"))
    seen = world.ask(home, "Anna Berg", ["gate"], "between 12:00:30 and 12:00:35")
    assert times(seen) == [("Anna Berg", "gate", 30.0, 35.0)]
    assert seen.verdict == "found"


def test_nobody(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("stranger")).face("gate", 20, 21, toward("Ben Cole"))
    seen = world.ask(home, "Anna Berg", ["gate"])
    assert (seen.verdict, seen.evidence) == ("none", ())
    assert seen.summary == (
        "Anna Berg was not recognised on gate in the 60 s indexed, 5 frames a second; "
        "seen there: Ben Cole, 1 unknown person."
    )
    empty = World().ask(home, "Anna Berg")
    assert empty.verdict == "none" and "no face was seen there" in empty.summary


@pytest.mark.parametrize(
    ("vector", "quality", "label", "verdict", "words"),
    [
        (toward("Anna Berg", 0.4), 0.9, "", "cannot_tell", "1 face may be Anna Berg, and no picture settles it"),
        (toward("Anna Berg", 0.9), 0.1, "too small", "cannot_tell", "cannot be compared (too small)"),
        (toward("stranger"), 0.1, "turned away", "cannot_tell", "cannot be compared (turned away), so it may be Anna"),
        (toward("stranger"), 0.1, "too small", "none", "1 face too poor to tell"),
        (unit(toward("Anna Berg") + toward("Ben Cole")), 0.9, "", "cannot_tell", "may be Anna Berg"),
    ],
)
def test_doubt(vector: NDArray[np.float32], quality: float, label: str, verdict: str, words: str, home: Path) -> None:
    seen = World().face("gate", 5, 8, vector, quality=quality, label=label).ask(home, "Anna Berg", ["gate"])
    assert seen.verdict == verdict and words in seen.summary
    assert times(seen) == [] and all(e.who is None for e in seen.evidence)


def test_a_doubtful_face_is_named_through_a_sure_one_beside_it_in_time(home: Path) -> None:
    doubtful, sure = toward("Anna Berg", 0.4, 101), unit(toward("Anna Berg", 0.6) + toward("Anna Berg", 0.6, 101))
    together = World().face("gate", 5, 8, doubtful).face("gate", 20, 22, sure)
    assert [t[2] for t in times(together.ask(home, "Anna Berg"))] == [4.9, 19.9]
    elsewhere = World().face("gate", 5, 8, doubtful).face("yard", 20, 22, sure)
    assert [t[1] for t in times(elsewhere.ask(home, "Anna Berg"))] == ["yard"]
    at_once = World().face("gate", 5, 8, doubtful).face("gate", 5, 8, sure)
    assert len(times(at_once.ask(home, "Anna Berg"))) == 1


def test_tracks_of_one_chain_vote_together(home: Path) -> None:
    world = World().face("gate", 25, 30, toward("Anna Berg"), chain=7)
    seen = world.face("gate", 30, 33, toward("stranger"), quality=0.1, label="turned away", chain=7).ask(
        home, "Anna Berg", ["gate"]
    )
    assert times(seen) == [("Anna Berg", "gate", 24.9, 33.1)]
    assert "may be" not in seen.summary


def small_world(first: NDArray[np.float32], *joint: NDArray[np.float32]) -> World:
    return World().face("gate", 5, 8, first).small(first, *joint)


def test_a_small_face_is_judged_by_its_joint_vectors(home: Path) -> None:
    doubtful = toward("Anna Berg", 0.35)
    named = small_world(doubtful, *[toward("Anna Berg", 0.7)] * 3).ask(home)
    assert [t[0] for t in times(named)] == ["Anna Berg"]
    [shown] = named.evidence
    assert (shown.model, shown.score) == (JOINT, pytest.approx(0.7, abs=1e-3))
    assert times(small_world(doubtful).ask(home)) == []
    # they have the last word in both directions
    held_back = small_world(toward("Anna Berg"), *[toward("Anna Berg", 0.4)] * 3).ask(home)
    assert times(held_back) == [] and "may be Anna Berg" in held_back.summary
    ruled_out = small_world(toward("Anna Berg"), *[toward("stranger")] * 3).ask(home)
    assert (ruled_out.data["unknown"], ruled_out.data["undecided"]) == (1, 0)
    assert small_world(doubtful, *[toward("stranger")] * 3).ask(home, "Anna Berg").verdict == "none"


def test_a_masked_face_is_judged_by_the_eye_region_and_said_to_be(home: Path) -> None:
    hidden = toward("stranger", 0.3)  # the whole face says nothing of who it is
    named = World().face("gate", 5, 8, hidden).masked(toward("Anna Berg", 0.8)).ask(home)
    assert [t[0] for t in times(named)] == ["Anna Berg"] and named.verdict == "found"
    [shown] = named.evidence
    assert (shown.model, shown.score) == (WORN, pytest.approx(0.8, abs=1e-3))
    assert f"The face in [{shown.id}] wears a mask: it was compared by the eye region." in named.summary
    # the whole face has no say: somebody who looks like Anna but for the eyes is not her
    other = World().face("gate", 5, 8, toward("Anna Berg")).masked(toward("stranger"))
    assert other.ask(home).data["unknown"] == 1 and "(masked)" in other.ask(home).summary
    assert other.ask(home, "Anna Berg").verdict == "none"
    doubtful = World().face("gate", 5, 8, toward("Anna Berg")).masked(toward("Anna Berg", 0.33)).ask(home)
    assert times(doubtful) == [] and "may be Anna Berg" in doubtful.summary
    assert "(masked, compared by the eye region)" in doubtful.summary and doubtful.verdict == "cannot_tell"


def test_a_face_seen_without_its_mask_too_is_judged_by_that(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("other")).masked(toward("Ben Cole", 0.9)).look(toward("Anna Berg"))
    seen = world.ask(home)
    assert [t[0] for t in times(seen)] == ["Anna Berg"] and "mask" not in seen.summary
    assert [e.model for e in seen.evidence] == [MODEL]
    # a look that is no good does not count as seen without
    # joint vectors of a small face may be of its masked looks
    small = World().face("gate", 5, 8, toward("other")).small(toward("other"), *[toward("Ben Cole", 0.9)] * 3)
    seen = small.masked(toward("Ben Cole", 0.9)).look(toward("Anna Berg")).ask(home)
    assert [who for who, *_ in times(seen)] == ["Anna Berg"]
    poor = World().face("gate", 5, 8, toward("other")).masked(toward("Ben Cole", 0.9)).look(toward("Anna Berg"), 0.1)
    assert [t[0] for t in times(poor.ask(home))] == ["Ben Cole"]


def test_masks_that_are_alike_link_and_group_nobody(home: Path) -> None:
    """Two people in the same mask: their whole faces are alike."""
    same = toward("other", 0.9)
    world = World().face("gate", 5, 8, same).masked(toward("Anna Berg", 0.9))
    seen = world.face("gate", 20, 23, same).masked(toward("Anna Berg", 0.33, spare=101)).ask(home)
    assert [t[2] for t in times(seen)] == [pytest.approx(4.9)] and "may be Anna Berg" in seen.summary
    two = World().face("gate", 5, 8, same).masked(toward("stranger", 0.9, spare=101))
    two = two.face("gate", 20, 23, same).masked(toward("other", 0.9, spare=102))
    assert two.ask(home).data["unknown"] == 2 and "(masked)" in two.ask(home).summary
    mixed = two.face("yard", 20, 23, toward("stranger", 0.9, spare=103)).ask(home)
    assert mixed.data["unknown"] == 3 and "2 of them masked" in mixed.summary


def test_masked_faces_where_somebody_has_no_vectors_for_them(home: Path) -> None:
    world = World(worn_people=("Anna Berg",)).face("gate", 5, 8, toward("Anna Berg", 0.4))
    seen = world.masked(toward("Anna Berg", 0.9)).ask(home)
    assert times(seen) == [] and "may be Anna Berg" in seen.summary and "wears" not in seen.summary
    assert f"Masked faces were compared by {MODEL} alone: Ben Cole: no enrolment picture is kept." in seen.summary
    assert "Masked faces" not in World(worn_people=()).face("gate", 5, 8, toward("Anna Berg")).ask(home).summary


def test_a_chain_with_a_large_look_is_judged_by_it(home: Path) -> None:
    first, joint = toward("Anna Berg", 0.4), [toward("Anna Berg", 0.9)] * 3
    world = World().face("gate", 25, 30, first, chain=7).small(first, *joint)
    both_small = world.face("gate", 30, 33, first, chain=7).small(first, *joint)
    assert times(both_small.ask(home)) == [("Anna Berg", "gate", 24.9, 33.1)]
    world = World().face("gate", 25, 30, first, chain=7).small(first, *joint)
    seen = world.face("gate", 30, 33, first, chain=7).small(first).ask(home)
    assert times(seen) == [] and "may be Anna Berg" in seen.summary


def test_a_small_face_where_somebody_has_no_joint_vectors(home: Path) -> None:
    first = toward("Anna Berg", 0.35)
    world = World(joint_people=("Anna Berg",)).face("gate", 5, 8, first)
    seen = world.small(first, *[toward("Anna Berg", 0.9)] * 3).ask(home)
    assert times(seen) == [] and "may be Anna Berg" in seen.summary
    assert f"Small faces were compared by {MODEL} alone: Ben Cole: no enrolment picture is kept." in seen.summary
    # it is said only where it matters
    assert "Small faces" not in World(joint_people=()).face("gate", 5, 8, toward("Anna Berg")).ask(home).summary


def test_everybody(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("Anna Berg")).face("gate", 6, 9, toward("stranger"))
    world.face("yard", 20, 22, toward("stranger")).face("yard", 20, 22, toward("other"))
    world.face("yard", 40, 41, toward("Ben Cole", 0.4)).face("yard", 50, 51, toward("other"), quality=0.1)
    seen = world.ask(home)
    assert seen.verdict == "found"
    assert seen.data["unknown"] == 2 and seen.data["undecided"] == 2
    assert "Anna Berg was seen on gate once" in seen.summary
    assert (
        "2 unknown people were seen on gate and yard" in seen.summary or "2 unknown people were seen on" in seen.summary
    )
    assert "1 face on yard may be Ben Cole, cannot tell" in seen.summary
    assert "1 face on yard cannot be told" in seen.summary
    assert {e.who for e in seen.evidence} == {"Anna Berg", None}


def test_everybody_where_nobody_is(home: Path) -> None:
    assert World().ask(home).verdict == "none"
    only_poor = World().face("gate", 5, 6, toward("other"), quality=0.1, label="too dark").ask(home)
    assert only_poor.verdict == "cannot_tell" and "cannot be told: too dark" in only_poor.summary


def test_strangers_seen_at_once_are_two(home: Path) -> None:
    world = World(people=()).face("gate", 5, 8, toward("stranger")).face("gate", 5, 8, toward("stranger", 0.99))
    assert world.ask(home).data["unknown"] == 2


@pytest.mark.parametrize(
    ("indexed", "time", "words", "fix"),
    [
        ([("yard", 0, 60)], None, "gate is not indexed for faces", "run viot index gate"),
        ([("gate", 0, 30)], None, "Only 50 % of the footage of gate", "run viot index gate"),
        ([("gate", 0, 60)], "between 8 and 9", "gate has footage from 12:00:00 to 12:01:00 on 15 January 2027", ""),
        (
            [("gate", 0, 60)],
            "since 12:00:30",
            "to 12:01:00 on 15 January 2027, less than 1 % of the time asked about.",
            "",
        ),
    ],
)
def test_too_little_was_looked_at(
    indexed: list[tuple[str, float, float]], time: str | None, words: str, fix: str, home: Path
) -> None:
    seen = World(indexed=indexed).ask(home, "Anna Berg", ["gate"], time)
    assert seen.verdict == "cannot_tell" and words in seen.summary and seen.fix == fix
    assert seen.summary.startswith("Cannot tell: ")


def test_two_pieces_of_footage_are_told_as_two(home: Path) -> None:
    world = World(indexed=[("gate", 0, 10), ("gate", -86_400, -86_390)], recorded=((-86_400, -86_390), (0, 10)))
    seen = world.ask(home, "Anna Berg", ["gate"], "since yesterday")
    assert seen.summary.endswith(
        "gate has footage from 12:00:00 to 12:00:10 on 14 January 2027, from 12:00:00 to 12:00:10 on 15 January 2027, "
        "less than 1 % of the time asked about."
    )


def test_one_unindexed_camera_of_two_leaves_a_no_uncertain(home: Path) -> None:
    seen = World(indexed=[("gate", 0, 60)]).ask(home, "Anna Berg")
    assert seen.verdict == "cannot_tell"
    assert "not recognised on gate" in seen.summary and "yard is not indexed" in seen.summary
    assert seen.coverage is not None and seen.coverage.fraction == 0.0


def test_indexed_with_the_other_model(home: Path) -> None:
    world = World(model="dlib-face-recogniser").face("gate", 5, 8, toward("Anna Berg"))
    seen = world.ask(home, "Anna Berg", ["gate"])
    assert seen.verdict == "cannot_tell"
    assert "dlib-face-recogniser" in seen.summary and MODEL in seen.summary
    assert seen.fix == "run viot index gate, or set VIOT_TIER=builtin"


@pytest.mark.parametrize(
    ("people", "name", "words"),
    [
        (("Anna Berg", "Ben Cole"), "Anna Burg", ("enrolled are Anna Berg, Ben Cole", "nearest: Anna Berg")),
        (("Anna Berg",), "Zoltan Quist", ("enrolled are Anna Berg",)),
        ((), "Anna Berg", ("nobody is enrolled", "viot person enroll")),
        (("Anna Berg", "Anna Cole"), "Anna", ("Anna Berg", "Anna Cole")),
    ],
)
def test_a_name_that_is_nobodys(people: tuple[str, ...], name: str, words: tuple[str, ...], home: Path) -> None:
    world = World(people=[p for p in people if p in AXES])
    library = world.library()
    for extra in (p for p in people if p not in AXES):
        library.add_person(extra, [], "signed")
    seen = world.ask(home, name, library=library)
    assert seen.verdict == "cannot_tell" and seen.status == "ok"
    assert all(word in seen.summary for word in words), seen.summary


def test_names_and_times_that_cannot_be_read(home: Path) -> None:
    with pytest.raises(NameFault) as fault:
        World().ask(home, "Anna Berg", ["gat"])
    assert "gate" in fault.value.nearest
    with pytest.raises(TimeFault):
        World().ask(home, "Anna Berg", ["gate"], "when the cows come home")


def test_cameras_out_of_scope(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("Anna Berg")).face("yard", 5, 8, toward("Anna Berg"))
    assert {t[1] for t in times(world.ask(home, "Anna Berg", scope=frozenset({"yard"})))} == {"yard"}
    with pytest.raises(PolicyRefusal):
        world.ask(home, "Anna Berg", ["gate"], scope=frozenset({"yard"}))


def test_an_enrolled_person_whose_pictures_are_gone(home: Path) -> None:
    library = World().library()
    library.add_person("Cy Dorn", [], "signed")
    seen = World().ask(home, "Cy Dorn", library=library)
    assert seen.verdict == "cannot_tell" and "Cy Dorn cannot be compared" in seen.summary
    assert "Cy Dorn could not be looked for" in World().ask(home, library=library).summary


def test_vectors_that_the_tier_lacks_are_made_from_the_pictures(home: Path) -> None:
    from skimage import data

    picture = encode_jpeg(np.asarray(data.astronaut(), np.uint8))
    world = World(people=(), model="dlib-face-recogniser")
    library = world.library()
    library.add_person("Eileen Collins", [picture], "public domain")
    assert world.ask(home, "Eileen Collins", tier="builtin", library=library).verdict == "none"
    own = library.person_vectors("Eileen Collins", "dlib-face-recogniser")
    assert own.shape == (1, 128)
    world.face("gate", 5, 8, own[0])
    library = world.library()
    library.add_person("Eileen Collins", [picture], "public domain")
    assert times(world.ask(home, "Eileen Collins", tier="builtin", library=library)) == [
        ("Eileen Collins", "gate", 4.9, 8.1)
    ]


def test_an_attached_picture(home: Path, tmp_path: Path) -> None:
    from skimage import data

    from viot_tools.faces.enrol import enrol_vectors

    astronaut = np.asarray(data.astronaut(), np.uint8)
    one, two, none = (tmp_path / f"{name}.jpg" for name in ("one", "two", "none"))
    one.write_bytes(encode_jpeg(astronaut))
    two.write_bytes(encode_jpeg(np.hstack([astronaut, astronaut])))
    none.write_bytes(encode_jpeg(np.full((200, 200, 3), 90, np.uint8)))
    own = enrol_vectors([one.read_bytes()], ["one.jpg"], Weights(home, None, "builtin"))["dlib-face-recogniser"][0]
    world = World(people=(), model="dlib-face-recogniser").face("gate", 5, 8, own)

    def ask(path: Path) -> Observation:
        attached = (Attachment("image-1", "image", path),)
        return world.ask(home, "image-1", attachments=attached, tier="builtin")

    seen = ask(one)
    assert seen.verdict == "found" and times(seen) == [("image-1", "gate", 4.9, 8.1)]
    assert seen.summary.startswith("The face in image-1 was seen on gate once") and seen.evidence[0].who == "image-1"
    with pytest.raises(RetryFault, match="two faces in image-1"):
        ask(two)
    with pytest.raises(RetryFault, match="no face was found in image-1"):
        ask(none)


def test_many_appearances_are_counted_not_all_listed(home: Path) -> None:
    world = World()
    for i in range(20):
        world.face("gate", 2 + 2.8 * i, 2.4 + 2.8 * i, toward("Anna Berg"))
    seen = world.ask(home, "Anna Berg")
    assert "20 times" in seen.summary and "and 8 more times" in seen.summary
    assert len(seen.evidence) == 20 and len({e.id for e in seen.evidence}) == 20


def test_the_contract_and_a_light_import() -> None:
    assert face_recognition.biometric and face_recognition.needs == ("faces",)
    assert [a.name for a in face_recognition.args] == ["person", "cameras", "time"]
    assert not any(a.required for a in face_recognition.args)
    code = "import sys, viot_tools.faces.tool; print([m for m in ('cv2', 'dlib', 'onnxruntime') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_evidence_numbers_run_on_within_a_run(home: Path) -> None:
    world = World().face("gate", 5, 8, toward("Anna Berg"))
    library = world.library()
    counter = itertools.count(7)
    context = ToolContext(
        Request("?", now=NOON + 3600), Fleet(library), library, Weights(home, None, "hub"), home, _evidence=counter
    )
    assert face_recognition.fn(context, person="Anna Berg").evidence[0].id == "e7"
