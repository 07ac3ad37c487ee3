"""The analyzer on made-up frames with a made-up detector and recogniser: rows, still frames, cuts, splits, memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.library.rows import Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.faces.analyzer import CROP_SIDE, MAX_CROPS, MAX_LOOKS, FacesAnalyzer, cut_out, to_jpeg
from viot_tools.faces.detect import Face
from viot_tools.faces.identity import Calibration
from viot_tools.faces.joint import LEAST_LOOKS
from viot_tools.faces.recognise import unit

CALIBRATION = Calibration("fake", "1", "fake", 1e-3, ((1e-3, 0.5), (1e-4, 0.6)), 0.3, 0.1, 0.05, 0.3, 0.5)
MARKS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
SEGMENT = SegmentInfo("cam", Path("x.mp4"), 0, 0.0, 30.0, 320, 240, 5.0)
BACKGROUND = np.random.default_rng(5).integers(60, 200, (240, 320, 3), dtype=np.uint8)


def face(x: float, side: float = 80.0, score: float = 0.95) -> Face:
    return Face((x, 60.0, x + side, 60.0 + side), score, MARKS * side + np.array([x, 60.0], np.float32))


class Scripted:
    """A detector that knows what each frame holds: the frame's number is written in its first pixels."""

    model, model_version, blind_to = "fake", "1", ""

    def __init__(self, script: Callable[[int], list[Face]]) -> None:
        self.script, self.calls = script, 0

    def detect(self, image: Image) -> list[Face]:
        self.calls += 1
        return self.script(int(image[0, 0, 0]) + 256 * int(image[0, 0, 1]))


class Colours:
    """A recogniser whose vector is the mean colour of the face: who is red stays red."""

    model, model_version, size = "fake", "1", 112

    def __init__(self) -> None:
        self.embedded = 0

    def align(self, image: Image, face: Face) -> Image:
        x0, y0, x1, y1 = (int(v) for v in face.xyxy)
        return np.resize(image[y0:y1, x0:x1], (112, 112, 3))

    def embed_chips(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        self.embedded += len(chips)
        return unit(np.array([chip.reshape(-1, 3).mean(0) - 100 for chip in chips], np.float32).reshape(-1, 3))


def frame(n: int, *, image: Image = BACKGROUND, step: float = 0.2) -> Frame:
    marked = image.copy()
    marked[0, 0, 0], marked[0, 0, 1] = n % 256, n // 256
    return Frame(n, round(n * step, 6), marked)


class Doubled:
    """Joint vectors that hold the first one twice; says which sizes of faces it was asked for."""

    model, model_version = "fake+fake", "1"

    def __init__(self) -> None:
        self.heights: list[float] = []

    def join(self, image: Image, faces: Sequence[Face], first: NDArray[np.float32]) -> NDArray[np.float32]:
        assert all(0 <= v <= max(image.shape) for f in faces for v in f.xyxy)
        self.heights += [f.xyxy[3] - f.xyxy[1] for f in faces]
        return unit(np.hstack([first, first]))


class Behind:
    """Who is red wears a mask; behind it the vector is the first one turned round."""

    model, model_version = "fake+eyes", "7"

    def wears(self, chips: Sequence[Image]) -> NDArray[np.bool_]:
        return np.array([chip[..., 0].mean() > chip[..., 1].mean() + 50 for chip in chips], bool)

    def embed(self, chips: Sequence[Image], first: NDArray[np.float32]) -> NDArray[np.float32]:
        assert len(chips) == len(first) and self.wears(chips).all()
        return np.ascontiguousarray(first[:, ::-1])


def analyzer(
    script: Callable[[int], list[Face]], home: Path, joint: Doubled | None = None, worn: Behind | None = None
) -> FacesAnalyzer:
    return FacesAnalyzer(
        Weights(home, None, "builtin"),
        detector=Scripted(script),
        recogniser=Colours(),
        calibration=CALIBRATION,
        joint=joint,
        worn=worn,
    )


def run(made: FacesAnalyzer, frames: Sequence[Frame], still: frozenset[int] = frozenset()) -> Rows:
    analysis = made.start(SEGMENT)
    for f in frames:
        analysis.see(f, Shared(still=f.index in still))
    return analysis.finish()


def test_one_face_through_one_segment(home: Path) -> None:
    made = analyzer(lambda n: [face(40 + n)], home)
    rows = run(made, [frame(n) for n in range(100)])
    [track] = rows.tracks
    assert (track.key, track.kind, track.label, len(track.points)) == ("face-1", "face", "", 100)
    assert track.points[3].t == pytest.approx(0.6) and track.points[3].xyxy == (43, 60, 123, 140)
    assert len(rows.vectors) == MAX_LOOKS and {v.model for v in rows.vectors} == {"fake"}
    times = [v.t for v in rows.vectors]
    assert times == sorted(times) and times[0] < 4 and times[-1] > 15
    assert 1 <= len(rows.crops) <= MAX_CROPS
    assert all(c.jpeg.startswith(b"\xff\xd8") for c in rows.crops)
    recogniser = made.recogniser
    assert isinstance(recogniser, Colours) and recogniser.embedded == MAX_LOOKS


def test_a_second_run_gives_the_same_rows(home: Path) -> None:
    def script(n: int) -> list[Face]:
        return [face(40 + n), face(200 - n)] if n % 7 else []

    frames = [frame(n) for n in range(60)]
    first, second = (run(analyzer(script, home), frames) for _ in range(2))
    assert first.tracks == second.tracks and first.crops == second.crops
    assert [v.t for v in first.vectors] == [v.t for v in second.vectors]


def test_no_face_no_rows(home: Path) -> None:
    assert run(analyzer(lambda n: [], home), [frame(n) for n in range(5)]) == Rows()
    assert run(analyzer(lambda n: [], home), []) == Rows()


def test_one_faint_detection_is_noise_and_a_sure_one_is_not(home: Path) -> None:
    faint = run(analyzer(lambda n: [face(40, score=0.62)] if n == 2 else [], home), [frame(n) for n in range(5)])
    sure = run(analyzer(lambda n: [face(40, score=0.9)] if n == 2 else [], home), [frame(n) for n in range(5)])
    assert faint.tracks == () and [len(t.points) for t in sure.tracks] == [1]


def test_a_poor_track_says_why(home: Path) -> None:
    rows = run(analyzer(lambda n: [face(40, side=16)], home), [frame(n) for n in range(4)])
    assert [t.label for t in rows.tracks] == ["too small"]


@pytest.mark.parametrize(
    ("script", "joint"),
    [
        (lambda n: [face(40, side=32)], LEAST_LOOKS),  # 12.8 pixels between the eyes
        (lambda n: [face(40, side=32)] if n < 2 else [], 0),  # seen too seldom
        (lambda n: [face(40, side=44)], 0),  # 17.6
        (lambda n: [face(40, side=16)], 0),  # under the gate
        (lambda n: [face(40, side=36 + n // 2)], 0),  # comes nearer
    ],
)
def test_small_faces_get_joint_vectors(script: Callable[[int], list[Face]], joint: int, home: Path) -> None:
    joiner = Doubled()
    noisy = np.random.default_rng(1).integers(0, 255, BACKGROUND.shape, dtype=np.uint8)
    rows = run(analyzer(script, home, joiner), [frame(n, image=noisy) for n in range(20)])
    both = [v for v in rows.vectors if v.model == "fake+fake"]
    assert len(both) == joint == len(joiner.heights)
    first = {(v.track, v.t): v for v in rows.vectors if v.model == "fake"}
    for v in both:
        assert v.vector == pytest.approx(unit(np.hstack([first[v.track, v.t].vector] * 2)), abs=1e-6)
        assert v.quality == first[v.track, v.t].quality >= CALIBRATION.gate


def test_still_frames_are_not_looked_at_again(home: Path) -> None:
    made = analyzer(lambda n: [face(40)], home)
    rows = run(made, [frame(n) for n in range(10)], still=frozenset(range(1, 10)))
    detector = made.detector
    assert isinstance(detector, Scripted) and detector.calls == 1
    assert len(rows.tracks[0].points) == 10


def test_a_frame_that_moved_but_was_passed_over_makes_the_next_still_one_count(home: Path) -> None:
    made = analyzer(lambda n: [face(40)] if n == 0 else [], home)
    # 20 frames a second: every third is looked at. Frame 1 moves and is passed over; 2 and 3 are still against it.
    analysis = made.start(SEGMENT)
    for n in range(4):
        seen = analysis.see(frame(n, step=0.05), Shared(still=n in (2, 3)))
    detector = made.detector
    assert isinstance(detector, Scripted) and detector.calls == 2 and seen == []


def test_a_face_that_leaves_before_the_picture_goes_still_is_kept(home: Path) -> None:
    made = analyzer(lambda n: [face(40 + n)] if n < 10 else [], home)
    rows = run(made, [frame(n) for n in range(40)], still=frozenset(range(11, 40)))
    assert [t.kind for t in rows.tracks] == ["face"]
    assert rows.vectors


def test_a_cut_ends_tracks(home: Path) -> None:
    dark = (BACKGROUND // 8).astype(np.uint8)
    rows = run(analyzer(lambda n: [face(40)], home), [frame(n, image=BACKGROUND if n < 5 else dark) for n in range(10)])
    assert [len(t.points) for t in rows.tracks] == [5, 5]


def test_a_track_in_which_the_face_changes_is_split(home: Path) -> None:
    red, blue = BACKGROUND.copy(), BACKGROUND.copy()
    red[60:140, 40:120, 0] |= 192
    red[60:140, 40:120, 2] //= 4
    blue[60:140, 40:120, 2] |= 192
    blue[60:140, 40:120, 0] //= 4
    rows = run(analyzer(lambda n: [face(40)], home), [frame(n, image=red if n < 10 else blue) for n in range(20)])
    assert [t.key for t in rows.tracks] == ["face-1", "face-1.2"]
    first, second = rows.tracks
    # the change is known to within the spacing of the embedded frames
    assert first.points[-1].t == pytest.approx(1.8, abs=0.5) and second.points[-1].t == pytest.approx(3.8)
    assert len(first.points) + len(second.points) == 20
    assert {v.track for v in rows.vectors} == {"face-1", "face-1.2"}


def test_masked_looks_get_a_second_vector(home: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 120, BACKGROUND.shape, dtype=np.uint8)
    red = noise.copy()
    red[..., 0] += 100
    made = analyzer(lambda n: [face(40)], home, worn=Behind())
    rows = run(made, [frame(n, image=red if n < 10 else noise) for n in range(20)])
    behind = [v for v in rows.vectors if v.model == "fake+eyes"]
    first = {(v.track, v.t): v for v in rows.vectors if v.model == "fake"}
    assert {v.t for v in behind} == {t for _, t in first if t < 1.99} and len(behind) < len(first)
    for v in behind:
        assert (v.vector == first[v.track, v.t].vector[::-1]).all() and v.quality == first[v.track, v.t].quality
    assert made.model_version.endswith("+worn-7")


def test_model_and_version_name_both_networks(home: Path) -> None:
    made = FacesAnalyzer(Weights(home, None, "builtin"))
    assert (made.name, made.needs, made.model) == ("faces", (), "dlib-face-recogniser")
    assert "dlib-hog" in made.model_version and made.recogniser.model_version in made.model_version
    hub = FacesAnalyzer(Weights(home, None, "hub"))
    assert hub.model == "mobilefacenet" and hub.model_version != made.model_version
    assert made.joint is None and hub.joint is not None and hub.joint.model_version in hub.model_version
    assert made.worn is None and hub.worn is not None and hub.worn.model_version in hub.model_version
    assert f"masked faces by {hub.worn.model} from 0." in hub.summary and "0.001 of searches" in hub.summary
    assert "masked" not in made.summary and "named among up to 10 people by dlib-face-recogniser" in made.summary
    own = FacesAnalyzer(Weights(home, None, "hub"), recogniser=Colours(), calibration=CALIBRATION)
    assert own.joint is None and own.worn is None


@pytest.mark.parametrize(
    ("xyxy", "shape"),
    [
        ((40, 60, 120, 140), (144, 144)),
        ((0, 0, 10, 10), (14, 14)),
        ((-5, -5, 500, 500), (192, 256)),
        ((319, 239, 320, 240), (2, 2)),
    ],
)
def test_cut_out_stays_inside(xyxy: tuple[float, float, float, float], shape: tuple[int, int]) -> None:
    crop = cut_out(BACKGROUND, xyxy)
    assert max(crop.shape) <= CROP_SIDE
    assert crop.shape[:2] == pytest.approx(shape, abs=1)
    assert to_jpeg(crop).startswith(b"\xff\xd8")
