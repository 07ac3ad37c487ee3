"""Where actions and names of facts come from: stored poses, faces in the boxes of people; votes over looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Person, Window
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Attribute, Footage, Poses, Track
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.attributes import judge
from viot_tools.pose.movenet import mean_pose
from viot_tools.pose.network import Calibration
from viot_tools.pose.skeleton import MODEL
from viot_tools.qa.stored import Place, lifeless
from viot_tools.qa.stored_actions import StoredActions
from viot_tools.qa.stored_names import StoredNames, owner_of
from viot_tools.qa.votes import looks, told

T0 = 1_772_546_700.0
GATE = Camera(1, "gate 2", "gate.mp4", (), "UTC", T0)
PLACE = Place(GATE, Window(None, None))


class Walks:
    """A classifier that says *walking* of everything."""

    calibration = Calibration(("standing", "walking", "other"), 1.0, 0.5, 0.05)

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.array([0.05, 0.9, 0.05], np.float32), (len(x), 1))


def box(id: int, ts: NDArray[np.float64], xyxy: tuple[float, float, float, float], kind: str = "person") -> Track:
    n = len(ts)
    return Track(
        id,
        id,
        "gate 2",
        kind,
        "",
        "m",
        "1",
        ts,
        np.tile(np.array(xyxy, np.float32), (n, 1)),
        np.full(n, 0.9, np.float32),
    )


def context(home: Path, library: FakeLibrary, tier: str = "hub") -> ToolContext:
    weights = Weights(home, tier=tier)  # type: ignore[arg-type]
    return ToolContext(Request("?", now=T0 + 3600), Fleet(library), library, weights, home)


def walker() -> FakeLibrary:
    """Somebody in view for eight seconds, with poses, and somebody of whom no pose was made."""
    ts = T0 + np.arange(40) / 5
    pose = mean_pose((100.0, 50.0, 200.0, 350.0))
    return FakeLibrary(
        [GATE],
        footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 60, 1280, 720)],
        looked=[Looked("poses", MODEL, "gate 2", T0, T0 + 60), Looked("objects", "m", "gate 2", T0, T0 + 60)],
        tracks=[box(1, ts, (100, 50, 200, 350)), box(2, ts, (600, 50, 700, 350))],
        poses=[Poses(1, 1, "gate 2", ts, np.tile(pose, (40, 1, 1)).astype(np.float32), MODEL, "1")],
    )


def test_actions_are_told_of_those_with_poses(tmp_path: Path) -> None:
    source = StoredActions(context(tmp_path, walker()), Walks())
    assert source.problem(PLACE) == ""
    done = source.doing(PLACE)
    assert set(done) == {1} and {d.action for d in done[1]} == {"walking"}
    assert done[1][0].start == pytest.approx(T0, abs=0.3) and done[1][-1].end == pytest.approx(T0 + 8, abs=0.5)


def test_why_actions_cannot_be_told(tmp_path: Path) -> None:
    bare = FakeLibrary([GATE], footage=[Footage("gate 2", Path("gate.mp4"), 0.0, T0, T0 + 60)])
    assert "viot models pull" in StoredActions(context(tmp_path, bare, "builtin"), Walks()).problem(PLACE)
    assert "viot index 'gate 2'" in StoredActions(context(tmp_path, bare), Walks()).problem(PLACE)
    assert StoredActions(context(tmp_path, bare), Walks()).doing(PLACE) == {}


def test_names_need_somebody_enrolled_and_faces_looked_at(tmp_path: Path) -> None:
    assert "nobody is enrolled" in StoredNames(context(tmp_path, FakeLibrary([GATE]))).problem(PLACE)
    library = FakeLibrary([GATE], [Person(1, "Ana Silva", "form", 1)])
    assert "not indexed for faces" in StoredNames(context(tmp_path, library, "builtin")).problem(PLACE)


def test_a_face_belongs_to_the_person_in_whose_upper_box_it_lies() -> None:
    ts = T0 + np.arange(10) / 5
    left, right = box(1, ts, (100, 100, 200, 400)), box(2, ts, (400, 100, 500, 400))
    assert owner_of([box(9, ts, (130, 110, 160, 150), "face")], [left, right]) == 1
    assert owner_of([box(9, ts, (430, 110, 460, 150), "face")], [left, right]) == 2
    assert owner_of([box(9, ts, (130, 360, 160, 390), "face")], [left, right]) is None  # at the knees
    assert owner_of([box(9, ts, (300, 110, 330, 150), "face")], [left, right]) is None  # beside everybody
    assert owner_of([box(9, ts + 60, (130, 110, 160, 150), "face")], [left, right]) is None  # a minute later
    twin = box(3, ts, (90, 95, 210, 400))
    assert owner_of([box(9, ts, (130, 110, 160, 150), "face")], [left, twin]) is None  # of two it cannot be told
    # the half of the time in another's box
    walks = Track(
        9,
        9,
        "gate 2",
        "face",
        "",
        "m",
        "1",
        ts,
        np.stack([[130 + (300 if i > 4 else 0), 110, 160 + (300 if i > 4 else 0), 150] for i in range(10)]).astype(
            np.float32
        ),
        np.full(10, 0.9, np.float32),
    )
    assert owner_of([walks], [left, right]) is None


def row(value: str, score: float, model: str = "truth", name: str = "upper_colour") -> Attribute:
    return Attribute(1, 1, "gate 2", T0, name, value, score, model, "1")


def test_votes_weigh_by_score_and_rows_that_say_otherwise_count_against() -> None:
    agreed = looks([row("red", 0.95), row("red", 0.93)])["upper_colour"]
    assert (agreed.value, agreed.sure) == ("red", True) and agreed.score == pytest.approx(0.94)
    split = looks([row("red", 0.95), row("black", 0.9)])["upper_colour"]
    assert (split.value, split.sure) == ("red", False)
    assert looks([]) == {}


def test_levels_are_the_analyzers_own() -> None:
    ours = "person-attributes+colour-names"
    level = judge.level("upper_colour", "red")
    assert level is not None and 0.01 < level < 0.99
    for score in (level + 0.01, level - 0.01):
        assert looks([row("red", score, ours)])["upper_colour"].sure == (score > level)
    assert not looks([row("yes", 0.99, ours, "hat")])["hat"].sure  # hats were never reliable
    assert told("colour-names", ["upper_colour", "colour"]) == {"upper_colour"}
    assert told(ours, ["upper_colour", "colour", "label"]) == {"upper_colour", "colour"}
    assert told("truth", ["upper_colour", "hat"]) == {"upper_colour", "hat"}


def standing(height: float, sways: float, seconds: float = 8.0, kind: str = "person") -> Track:
    """Somebody in one place whose boxes tremble by ``sways`` of their height."""
    ts = T0 + np.arange(0, seconds + 0.1, 0.2)
    track = box(1, ts, (100, 100, 100 + height / 3, 100 + height), kind)
    trembling = np.random.default_rng(0).uniform(-sways, sways, (len(ts), 1)) * height
    track.boxes[:, [0, 2]] += trembling.astype(np.float32)
    return track


def test_who_walks_off_at_last_is_nobodys_post() -> None:
    track = standing(30, 0.05, seconds=60.0)
    track.boxes[-8:, [0, 2]] += np.linspace(10, 120, 8, dtype=np.float32)[:, None]
    assert lifeless("person", [standing(30, 0.05, seconds=60.0)], (768, 576))
    assert not lifeless("person", [track], (768, 576))


@pytest.mark.parametrize(
    ("track", "thing"),
    [
        (standing(30, 0.05), True),
        (standing(30, 0.6), False),  # people shift
        (standing(200, 0.01), False),  # near enough to be seen
        (standing(30, 0.05, seconds=2.0), False),  # anybody stands still for two seconds
        (standing(30, 0.05, kind="vehicle"), False),
    ],
)
def test_who_stands_far_away_and_never_stirs_may_be_a_post(track: Track, thing: bool) -> None:
    assert lifeless(track.kind, [track], (768, 576)) is thing  # type: ignore[arg-type]
    assert not lifeless("person", [track], None), "nothing is told of pictures of no known size"
