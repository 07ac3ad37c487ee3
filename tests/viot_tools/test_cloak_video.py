"""Cloaked videos of made people: each face its mask on every frame, one mask a person, sound kept, measured by
track."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from viot_agent.errors import MediaFault, NameFault, UserFault
from viot_agent.media.probe import open_container
from viot_agent.media.readers import open_media
from viot_agent.steps import Attachment
from viot_tools.cloak.apply import SIDE, Spot
from viot_tools.cloak.follow import Track, _matrix, _place, smoothed
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.protect import Cloaker, NoFace
from viot_tools.cloak.tool import cloaked
from viot_tools.cloak.video import cloak_video
from viot_tools.cloak.words import to_json, track_words
from viot_tools.faces.detect import Face
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
    one = Cloaker(ctx, Recipe(rounds=6), kit=made.kit(spots), white=made.white(), jury=made.jury())
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
