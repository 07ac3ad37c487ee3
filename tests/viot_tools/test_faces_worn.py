"""Faces behind masks: what tells one, the vectors of what is seen, and the figures that are shipped with them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import FailedFault
from viot_agent.weights import Weights
from viot_tools.faces import worn
from viot_tools.faces.basis import Basis
from viot_tools.faces.worn import FILE, ROW, MaskedMobileFaceNet, Tell, features, fit_tell, make_worn

RNG = np.random.default_rng(0)


def face(lower: tuple[int, int, int] | None, shade: int = 0) -> np.ndarray:
    """A crop of skin with dark eyes and mouth; ``lower`` covers it below the nose with one colour."""
    image = np.empty((112, 112, 3), np.int64)
    image[:] = (200 - shade, 160 - shade, 130 - shade)
    image[48:55, 30:48] = image[48:55, 64:82] = (60, 50, 45)
    image[88:96, 42:70] = (140 - shade // 2, 70, 70)
    if lower is not None:
        image[68:, 14:98] = lower
    return np.clip(image + RNG.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def test_a_mask_is_told_by_colours_and_edges() -> None:
    bare = [face(None, int(s)) for s in RNG.integers(0, 90, 30)]
    masked = [face(tuple(RNG.integers(20, 250, 3)), int(s)) for s in RNG.integers(0, 90, 30)]  # type: ignore[arg-type]
    rows = np.stack([features(c) for c in bare[:20] + masked[:20]])
    assert rows.shape == (40, 284) and rows.dtype == np.float32
    tell = fit_tell(rows, np.arange(40) >= 20, ridge=1.0)
    score = tell.score(bare[20:] + masked[20:])
    assert (score[:10] < 0).all() and (score[10:] > 0).all()
    assert tell.score([]).shape == (0,)


def test_light_changes_the_features_less_than_a_mask() -> None:
    image, bare = face((90, 120, 160)).astype(np.float32), features(face(None))
    dim, bright = (features(np.clip(image * by, 0, 255).astype(np.uint8)) for by in (0.7, 1.0))
    assert np.abs(dim - bright).mean() < 0.3 * np.abs(bright - bare).mean()


def test_what_is_written_is_read_and_belongs_to_one_recogniser(tmp_path: Path) -> None:
    basis = Basis((np.zeros(3, np.float32), np.ones(3, np.float32)), (np.eye(3, dtype=np.float32),) * 2)
    tell = Tell(RNG.normal(size=284).astype(np.float32), -1.25)
    worn.write(tell, basis, tmp_path / "x.safetensors", {"recogniser": "a 1"})
    again, kept = worn.read(tmp_path / "x.safetensors", {"recogniser": "a 1"})
    assert (again.weight == tell.weight).all() and again.bias == -1.25
    assert (kept.means[1] == 1).all() and (kept.matrices[0] == np.eye(3)).all()
    with pytest.raises(FailedFault, match="fitted to"):
        worn.read(tmp_path / "x.safetensors", {"recogniser": "a 2"})


def test_the_shipped_file_fits_the_shipped_recogniser_and_its_card(tmp_path: Path) -> None:
    masked = MaskedMobileFaceNet(Weights(tmp_path, None, "hub"))
    tell, basis = worn.read(FILE, masked.versions)
    assert tell.weight.shape == (284,) and basis.matrices[1].shape == (128, 128)
    assert make_worn(Weights(tmp_path, None, "builtin")) is None
    rows = json.loads((files("viot_tools.faces") / "thresholds.json").read_text("utf-8"))["calibrations"]
    row = next(r for r in rows if r["model"] == masked.model)
    assert row["model_version"] == masked.recogniser.model_version
    # what the file stands for: few bare faces are called masked, and masked strangers are not named
    assert row["told"]["bare_called_masked"] < 0.03 and row["told"]["masked_told"] > 0.9
    assert row["on_other_people"]["frames"]["far_at_1e-4"][0] <= 3e-4
    assert row["on_other_people"]["frames"]["tar_at_1e-4"] > row["on_other_people"]["whole"]["tar_at_1e-4"]


@pytest.mark.real
def test_a_real_face_behind_a_drawn_mask(shared: Path, tmp_path: Path) -> None:
    """Aligned, told, embedded: what is under the mask does not reach the part of the eyes."""
    import cv2

    from viot_tools.faces.calibrate import central
    from viot_tools.faces.detect import make_detector
    from viot_tools.masks.landmarks import Landmarks
    from viot_tools.masks.render import mask_face

    path = shared / "faces" / "lfw_10x10" / "Tony_Blair"
    if not path.is_dir() or not (shared / "models").is_dir():
        pytest.skip(f"no faces at {path}")
    weights = Weights(tmp_path, shared / "models", "hub")
    masked, detector = MaskedMobileFaceNet(weights), make_detector(weights)
    image = cv2.imread(str(sorted(path.iterdir())[0]))[:, :, ::-1].copy()
    found = central(detector.detect(image), image)
    assert found is not None
    shown = mask_face(image, Landmarks(weights, detector).points(image, found), "surgical-blue", 1).image
    again = central(detector.detect(shown), shown)
    assert again is not None
    chips = [masked.recogniser.align(image, found), masked.recogniser.align(shown, again)]
    assert masked.wears(chips).tolist() == [False, True]
    first = masked.recogniser.embed_chips(chips)
    both = masked.embed(chips, first)
    assert both.shape == (2, 256) and np.linalg.norm(both, axis=1) == pytest.approx([1, 1], abs=1e-5)
    other = chips[1].copy()
    other[ROW:] = 255 - other[ROW:]
    assert masked.eyes([other]) == pytest.approx(masked.eyes(chips[1:]), abs=1e-6)
