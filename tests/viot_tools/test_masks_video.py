"""Masks on videos: one wearer from first to last frame, still on a still face, sound kept, nothing half-written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from viot_agent.errors import MediaFault, UserFault
from viot_agent.media.clips import write_clip
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.weights import Weights
from viot_tools.faces.detect import make_detector
from viot_tools.masks.face import CANONICAL, pose_scale
from viot_tools.masks.follow import SURE, FacePath, follow, smoothed
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.light import Light
from viot_tools.masks.video import mask_video

W, H, FPS = 480, 360, 20


@pytest.fixture(scope="module")
def landmarks(tmp_path_factory: pytest.TempPathFactory) -> Landmarks:
    return Landmarks(Weights(tmp_path_factory.mktemp("home"), tier="builtin"))


def portrait() -> np.ndarray:
    from skimage import data

    return np.asarray(data.astronaut()[:300, 60:400], np.uint8)


def frame(x: float, rng: np.random.Generator, face: np.ndarray | None) -> np.ndarray:
    """The portrait (or nobody) with its left edge at ``x`` on a grey ground, with a sensor's noise."""
    out = np.full((H, W, 3), 110, np.uint8)
    if face is not None:
        move = np.array([[1, 0, x], [0, 1, 30]], np.float64)
        cv2.warpAffine(face, move, (W, H), dst=out, borderMode=cv2.BORDER_TRANSPARENT)
    return np.clip(out + rng.normal(0, 3, out.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 s still, 1 s moving by 60 pixels, 0.5 s of nobody after a cut; with a tone, 2.5 s."""
    folder, rng, face = tmp_path_factory.mktemp("clips"), np.random.default_rng(0), portrait()
    places: list[float | None] = [20.0] * 20 + [20.0 + 3 * i for i in range(20)] + [None] * 10
    pictures = [frame(x or 0, rng, None if x is None else face) for x in places]
    silent = folder / "silent.mp4"
    write_clip(pictures, silent, FPS, crf=16)
    path = folder / "talk.mkv"
    with av.open(str(silent)) as source, av.open(str(path), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        audio = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(20_000) / 8000)).astype(np.int16)
        for start in range(0, 20_000, 1000):
            sound = av.AudioFrame.from_ndarray(tone[None, start : start + 1000], format="s16", layout="mono")
            sound.rate, sound.pts, sound.time_base = 8000, start, Fraction(1, 8000)
            for packet in audio.encode(sound):
                out.mux(packet)
        for packet in audio.encode(None):
            out.mux(packet)
    return path


def test_the_same_mask_from_first_to_last_frame_with_sound(clip: Path, landmarks: Landmarks, tmp_path: Path) -> None:
    heard: list[float] = []
    made = mask_video(clip, tmp_path / "out.mp4", landmarks, mask="black", seed=1, said=heard.append)
    assert made.templates == ("black-sport",) and made.seed == 1 and made.sound == "aac"
    assert made.clip is not None and made.clip.n_frames == 50
    assert heard == sorted(heard) and heard[-1] == pytest.approx(1.0)
    timeline = examine(clip).timeline
    times = [timeline.t(i) for i in range(len(timeline))]
    pairs = list(zip(open_media(clip).read(times), open_media(tmp_path / "out.mp4").read(times), strict=True))
    dark = [((a.image.mean(axis=2) > 70) & (b.image.mean(axis=2) < 55)).sum() for a, b in pairs]
    assert min(dark[:40]) > 0.7 * max(dark[:40]) > 1000  # every frame with a face, the first and the last too
    assert max(dark[40:]) < 50  # nothing hangs in the air after the cut
    with av.open(str(tmp_path / "out.mp4")) as out:
        kinds = [s.type for s in out.streams]
        sound = np.concatenate([f.to_ndarray().ravel() for f in out.decode(audio=0)])
    assert kinds == ["video", "audio"]
    assert len(sound) / 8000 == pytest.approx(2.5, abs=0.25)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * 8000 / len(sound) == pytest.approx(440, abs=5)
    head = (tmp_path / "out.mp4").read_bytes()
    assert head.find(b"moov") < head.find(b"mdat")  # plays while it loads
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_a_still_face_is_held_still(clip: Path, landmarks: Landmarks) -> None:
    timeline = examine(clip).timeline
    times = [timeline.t(i) for i in range(len(timeline))]
    reader = open_media(clip)
    [path] = follow(reader, times, landmarks)
    assert path.first <= 0.0 and 1.9 < path.last < 2.0
    at = times[1:16:2]
    still = np.stack([path.at(t) for t in at])
    raw = np.stack([landmarks.points(f.image, landmarks.detector.detect(f.image)[0], boxes=1) for f in reader.read(at)])
    shake, before = (np.linalg.norm(np.diff(p, axis=0), axis=2).mean() for p in (still, raw))
    assert shake < 0.5 * before
    assert shake < 0.003 * pose_scale(still[0])
    moving = [float(path.at(t)[27:36, 0].mean()) for t in (1.2, 1.4, 1.6)]
    assert np.diff(moving) == pytest.approx([12, 12], abs=3)  # 3 pixels a frame at 20 frames a second


def test_smoothing_has_no_lag_and_takes_shake_away() -> None:
    rng, ts = np.random.default_rng(1), np.arange(40) * 0.08
    true = np.stack([CANONICAL * 50 + (100 + (200 * max(0.0, t - 1.6)), 80) for t in ts])
    seen = (true + rng.normal(0, 1.0, true.shape)).astype(np.float32)
    light = Light(1.0, 0.0, 0.0, np.ones(3, np.float32), False)
    path = smoothed(FacePath(0, 0.0, 4.0, list(ts), list(seen), [light] * 40))
    error = np.linalg.norm(np.stack(path.points) - true, axis=2)
    assert error[3:18].mean() < 0.5 * np.linalg.norm(seen - true, axis=2)[3:18].mean()
    drift = (np.stack(path.points) - true)[25:36, 27:36, 0].mean()
    assert abs(drift) < 1.0  # 16 pixels a sample: a lag of one would show as that


def test_nobody_means_no_file(landmarks: Landmarks, tmp_path: Path) -> None:
    source = tmp_path / "empty.mp4"
    write_clip([np.full((120, 160, 3), 90, np.uint8)] * 10, source, 10)
    made = mask_video(source, tmp_path / "out.mp4", landmarks)
    assert made.clip is None and made.templates == ()
    assert [p.name for p in tmp_path.iterdir()] == ["empty.mp4"]


def test_the_source_is_never_written_over_and_what_is_no_video_is_said(
    clip: Path, landmarks: Landmarks, tmp_path: Path
) -> None:
    source = tmp_path / "x.mp4"
    source.write_bytes(b"\0" * 2000)
    with pytest.raises(UserFault, match="never written over"):
        mask_video(source, source, landmarks)
    with pytest.raises(UserFault, match=r"\.mp4"):
        mask_video(clip, tmp_path / "out.avi", landmarks)
    with pytest.raises(MediaFault):
        mask_video(source, tmp_path / "out.mp4", landmarks)
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]


@pytest.mark.parametrize(
    ("found", "score", "believed"),
    [
        (range(0, 15), 0.61, True),  # weak, but always there
        ((0, 1, 2, 3, 14), 0.64, False),  # a thing in the background, taken for a face now and then
        ((0, 1, 2, 3, 14), 0.94, True),  # a face behind somebody for a moment
        ((0, 1), 0.61, True),  # somebody who walks through
    ],
)
def test_what_is_seldom_and_never_surely_a_face_wears_no_mask(
    found: Sequence[int], score: float, believed: bool
) -> None:
    path = FacePath(0, 0.0, 1.5, [0.1 * k for k in found], score=score)
    assert path.believed(0.1, SURE["yunet"]) is believed


def test_who_is_masked_when_is_told(clip: Path, tmp_path: Path, landmarks: Landmarks) -> None:
    made = mask_video(clip, tmp_path / "out.mp4", landmarks)
    [(first, last)] = made.seconds
    assert first == pytest.approx(0.0, abs=0.1) and last == pytest.approx(2.0, abs=0.15)  # nobody after the cut


def test_every_detector_has_a_sure_score_above_its_least(tmp_path: Path) -> None:
    """Else each of its finds is sure."""
    assert make_detector(Weights(tmp_path, None, "hub")).model in SURE
    assert make_detector(Weights(tmp_path, None, "builtin")).model in SURE
    assert SURE["yunet"] > 0.6 and SURE["dlib-hog"] > 1 / (1 + np.exp(-1))
