"""Cloaked videos of made people: each face its mask on every frame, one mask a person, sound kept, measured by
track."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, NameFault, UserFault
from viot_agent.media.probe import open_container
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.steps import Attachment
from viot_tools.cloak.apply import SIDE, Spot
from viot_tools.cloak.follow import Track, _matrix, _place, follow, smoothed
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.protect import Cloaker, NoFace
from viot_tools.cloak.tool import cloaked
from viot_tools.cloak.video import cloak_video
from viot_tools.cloak.words import to_json, track_words
from viot_tools.faces.detect import Face
from viot_tools.faces.enrol import Kit
from viot_tools.faces.recognise import TEMPLATE, similarity

SIZE = (160, 320)
PAIR = [(16.0, 24.0, 112.0), (190.0, 24.0, 112.0)]
FRAMES = 30


def film(made: ModuleType, media: ModuleType, path: Path, people: dict[int, Any], audio: bool = False) -> Path:
    frames = [made.picture(SIZE, people, i, grain=1.0) for i in range(FRAMES)]
    options = {"crf": "1", "preset": "ultrafast"}
    return Path(media.write(path, range(FRAMES), fps=10, picture=lambda i: frames[i], audio=audio, options=options))


def cloaker(made: ModuleType, home: Path, spots: Any, **given: Any) -> Cloaker:
    ctx = given.pop("ctx", None) or made.context(home, given.pop("enrolled", None))
    return Cloaker(ctx, Recipe(rounds=2), kit=made.kit({SIZE: spots}), white=made.white(), jury=made.jury(), **given)


def changes(source: Path, out: Path, spot: tuple[float, float, float]) -> NDArray[np.float64]:
    """(frames, pixels): what each frame's face differs by in brightness. A single frame holds the coder's noise."""
    x, y = int(spot[0]) + 8, int(spot[1]) + 8
    times = [i / 10 for i in range(FRAMES)]
    pairs = zip(open_media(source).read(times), open_media(out).read(times), strict=True)
    rows = [(b.image.astype(float) - a.image).mean(-1)[y : y + 96, x : x + 96].ravel() for a, b in pairs]
    return np.stack(rows)


def test_two_people_wear_their_masks_on_every_frame_and_the_sound_stays(
    made: ModuleType, media: ModuleType, tmp_path: Path
) -> None:
    source = film(made, media, tmp_path / "a.mp4", {1: PAIR[0], 2: PAIR[1]}, audio=True)
    out = tmp_path / "out.mp4"
    heard: list[float] = []
    report = cloak_video(cloaker(made, tmp_path, PAIR), source, out, said=heard.append)
    assert [t.person for t in report.tracks] == ["person 1", "person 2"] and report.sound == "aac"
    with open_container(out) as container:
        assert len(container.streams.audio) == 1
    assert abs(report.clip.duration - FRAMES / 10) < 0.15 and heard == sorted(heard) and heard[-1] == 1
    left, right = changes(source, out, PAIR[0]), changes(source, out, PAIR[1])
    for frames in (left, right):
        assert np.corrcoef(frames[::2].mean(0), frames[1::2].mean(0))[0, 1] > 0.9  # steady
        assert np.abs(frames[:10].mean(0)).mean() > 1 and np.abs(frames[-10:].mean(0)).mean() > 1
    assert abs(np.corrcoef(left.mean(0), right.mean(0))[0, 1]) < 0.8
    for track in report.tracks:
        assert track.against == "other moments" and track.measured > 1 and track.judged[0].others > 0
        assert "other moments of this video" in track_words(track, report)
    assert to_json(report)["tracks"][0]["person"] == "person 1"


def test_an_enrolled_person_is_measured_against_their_pictures_and_may_be_chosen_alone(
    made: ModuleType, media: ModuleType, tmp_path: Path
) -> None:
    source = film(made, media, tmp_path / "a.mp4", {1: PAIR[0], 2: PAIR[1]})
    spots = {SIZE: PAIR, (180, 200): [(40.0, 30.0, 112.0)]}
    ctx = made.context(tmp_path, {"Anna Berg": [made.picture((180, 200), {1: (40.0, 30.0, 112.0)}, 9)]})
    one = Cloaker(ctx, Recipe(rounds=12), kit=made.kit(spots), white=made.white(), jury=made.jury())
    report = cloak_video(one, source, tmp_path / "out.mp4", person="Anna Berg")
    [track] = report.tracks
    assert track.person == "Anna Berg" and track.against == "enrolled pictures"
    near, far = (np.abs(changes(source, tmp_path / "out.mp4", spot).mean(0)).mean() for spot in PAIR)
    assert near > 1.7 * far
    with pytest.raises(NameFault):
        cloak_video(one, source, tmp_path / "out2.mp4", person="Nobody Here")


def test_a_short_clip_of_one_moment_claims_nothing(made: ModuleType, media: ModuleType, tmp_path: Path) -> None:
    frames = [made.picture(SIZE, {1: PAIR[0]}, i) for i in range(5)]
    source = Path(media.write(tmp_path / "a.mp4", range(5), fps=10, picture=lambda i: frames[i]))
    report = cloak_video(cloaker(made, tmp_path, PAIR[:1]), source, tmp_path / "out.mp4")
    [track] = report.tracks
    assert track.against == "" and track.judged == ()
    assert "Protection was not measured" in track_words(track, report)


@pytest.mark.parametrize(
    ("spots", "words"), [([], "shows no face"), ([(16.0, 24.0, 30.0)], "1 too small to cloak")], ids=["none", "small"]
)
def test_a_video_without_a_usable_face_is_not_written(
    made: ModuleType, media: ModuleType, tmp_path: Path, spots: Any, words: str
) -> None:
    source = film(made, media, tmp_path / "a.mp4", {1: PAIR[0]})
    with pytest.raises(NoFace, match=words):
        cloak_video(cloaker(made, tmp_path, spots), source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_the_source_another_ending_and_no_video_are_refused(
    made: ModuleType, media: ModuleType, tmp_path: Path
) -> None:
    source = film(made, media, tmp_path / "a.mp4", {1: PAIR[0]})
    worker = cloaker(made, tmp_path, PAIR)
    with pytest.raises(UserFault, match="never written over"):
        cloak_video(worker, source, source)
    with pytest.raises(UserFault, match=r"\.mp4"):
        cloak_video(worker, source, tmp_path / "out.avi")
    text = tmp_path / "b.mp4"
    text.write_text("no video")
    with pytest.raises(MediaFault):
        cloak_video(worker, text, tmp_path / "out.mp4")


def with_odd_sound(source: Path, path: Path) -> Path:
    """The same pictures with a sound of 5000 samples a second, which no AAC coder takes."""
    with av.open(str(source)) as pictures, av.open(str(path), "w") as out:
        video = out.add_stream_from_template(pictures.streams.video[0])
        sound: Any = out.add_stream("pcm_s16le", rate=5000)
        tone = (8000 * np.sin(np.arange(10_000) / 3)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 5000, 0, Fraction(1, 5000)
        for packet in pictures.demux(pictures.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return path


def test_a_sound_that_cannot_be_kept_costs_the_sound_and_not_the_cloak(
    made: ModuleType, media: ModuleType, tmp_path: Path
) -> None:
    source = with_odd_sound(film(made, media, tmp_path / "a.mp4", {1: PAIR[0]}), tmp_path / "a.mkv")
    report = cloak_video(cloaker(made, tmp_path, PAIR[:1]), source, tmp_path / "out.mp4")
    assert report.sound == "" and "the sound of a.mkv (pcm_s16le) cannot be kept" in report.lost
    assert len(report.tracks) == 1 and np.abs(changes(source, tmp_path / "out.mp4", PAIR[0]).mean(0)).mean() > 1
    ctx = made.context(tmp_path, attached=[Attachment("video-1", "video", source)])
    said = cloaked(ctx, "video-1", cloaker(made, tmp_path, PAIR[:1], ctx=ctx))
    assert report.lost in said.summary and "no sound" not in said.summary


class Growing:
    """A detector that finds one face in the same place: small in the first looks of every shot, then large."""

    model, model_version, blind_to = "growing", "1", ""

    def __init__(self, sides: Sequence[float]) -> None:
        self.sides = list(sides)

    def detect(self, image: Image) -> list[Face]:
        if image.shape[:2] != SIZE:
            return []  # a second look at a small face, enlarged
        side = self.sides.pop(0)
        points = (TEMPLATE * (side / SIDE) + (20, 20)).astype(np.float32)
        return [Face((20, 20, 20 + side, 20 + side), 0.95, points)]


def test_a_face_that_grew_is_not_counted_as_too_small_after_a_cut(
    made: ModuleType, media: ModuleType, tmp_path: Path
) -> None:
    shots = [np.full((*SIZE, 3), 60 if i < 10 else 220, np.uint8) for i in range(20)]
    clip = Path(media.write(tmp_path / "a.mp4", range(20), fps=10, picture=lambda i: shots[i]))
    # a shot in which the face grows over the limit, and one in which it never does; both places overlap
    detector = Growing([38.0] * 2 + [44.0] * 8 + [38.0] * 10)
    reader = open_media(clip)
    kit = Kit(detector, made.Pattern(), made.CALIBRATION)
    tracks, small = follow(reader, [i / 10 for i in range(20)], kit)
    assert len(tracks) == 1 and small == 1 and not detector.sides


def test_the_tool_cloaks_a_video(made: ModuleType, media: ModuleType, tmp_path: Path) -> None:
    source = film(made, media, tmp_path / "a.mp4", {1: PAIR[0]})
    ctx = made.context(tmp_path, attached=[Attachment("video-1", "video", source)])
    said = cloaked(ctx, "video-1", cloaker(made, tmp_path, PAIR[:1], ctx=ctx))
    assert "cloak-1 shows video-1 with the faces of 1 person cloaked throughout; it has no sound [e1]" in said.summary
    assert said.evidence[0].clip == said.data["path"] and Path(said.data["path"]).is_file()


def test_a_place_and_its_matrix_are_one_thing() -> None:
    matrix = similarity((TEMPLATE * 1.7 + (31, 12)).astype(np.float32) @ np.array([[0.9, 0.2], [-0.2, 0.9]]), TEMPLATE)
    assert np.allclose(_matrix(_place(matrix)), matrix)


def test_a_shaking_still_face_is_held_still_and_a_moving_one_is_not_held_back() -> None:
    rng = np.random.default_rng(0)

    def track(speed: float) -> Track:
        found = Track(0.0, 2.0)
        for i in range(20):
            t = i / 10
            at = np.array([100 + speed * t, 50]) + rng.normal(0, 0.5, 2)
            points = (TEMPLATE + at).astype(np.float32)
            spot = Spot(Face((0, 0, SIDE, SIDE), 1.0, points), similarity(points, TEMPLATE))
            found.ts.append(t)
            found.boxes.append(spot.face.xyxy)
            found.places.append(_place(spot.matrix))
        return found

    still, raw = track(0.0), track(0.0)
    jitter = np.diff(np.stack(smoothed(still).places)[:, 0]).std()
    assert jitter < 0.5 * np.diff(np.stack(raw.places)[:, 0]).std()
    fast = np.stack(smoothed(track(100.0)).places)[:, 0]
    assert abs((fast[15] - fast[5]) - 100) < 4
