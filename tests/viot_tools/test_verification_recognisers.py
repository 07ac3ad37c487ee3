"""Recognisers behind one seam: shapes, the trivial rules, absent files, and the supplied ones on real faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face
from viot_tools.faces.joint import TEMPLATE_DLIB
from viot_tools.faces.recognise import TEMPLATE, DlibResnet, similarity
from viot_tools.verification.align import align, as_aligned
from viot_tools.verification.folds import both_views
from viot_tools.verification.recognisers import (
    CONVERTED,
    MAKERS,
    TRIVIAL,
    Colours,
    Dlib,
    NetRecogniser,
    Pixels,
    Retail0095,
    default_name,
    imagenet,
    recogniser,
    recrop,
)

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 255, (3, 112, 112, 3)).astype(np.uint8)


@pytest.mark.parametrize("rule", TRIVIAL, ids=lambda r: r.name)
def test_trivial_rules(rule: Pixels | Colours) -> None:
    made = rule.embed(NOISE)
    assert made.shape[0] == 3 and made.dtype == np.float32
    assert np.linalg.norm(made, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert rule.embed(NOISE[:0]).shape == (0, made.shape[1])
    brighter = np.clip(NOISE.astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    if rule.name == "pixels":
        assert (rule.embed(brighter) * made).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-2)
        assert not rule.embed(np.full((1, 112, 112, 3), 90, np.uint8)).any()


@pytest.mark.parametrize(("template", "side"), [(TEMPLATE_DLIB, 150), (Retail0095.TEMPLATE, 128)])
def test_crops_of_other_makers_lie_in_the_usual_one(template: np.ndarray, side: int) -> None:
    matrix = similarity(TEMPLATE, template)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], float)
    back = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    # but for a strip under the chin, which repeats the last row
    assert back[:, 0].min() > -1 and back[:, 0].max() < 113 and back[:, 1].min() > -1 and back[:, 1].max() < 128
    assert recrop(NOISE, template, side).shape == (3, side, side, 3)


def test_scaling() -> None:
    assert imagenet(np.full((1, 1, 1, 3), 255, np.uint8))[0, 0, 0] == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-3)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    weights = Weights(tmp_path, None, "hub")
    for name in CONVERTED:
        with pytest.raises(WeightsMissing, match=r"convert .* to ONNX, put it at DIR/face_recog/.*, set VIOT_MODELS"):
            recogniser(name, weights).embed(NOISE)
    with pytest.raises(WeightsMissing, match="viot models pull retail-0095"):
        recogniser("retail-0095", weights).embed(NOISE)
    with pytest.raises(UserFault, match="there are mobilefacenet"):
        recogniser("facenet", weights)
    assert (default_name("hub"), default_name("builtin")) == ("mobilefacenet", "dlib")


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / CONVERTED["mobileface-v2"].file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not it")
    with pytest.raises(UserFault, match="not the manifest's file"):
        recogniser("mobileface-v2", Weights(tmp_path / "home", tmp_path, "hub")).embed(NOISE)


def test_makers_differ() -> None:
    weights = Weights(Path("nowhere"), None, "builtin")
    makers = [make(weights).maker for make in MAKERS.values()]
    assert len(set(makers)) == len(makers) == 5


def test_any_backbone_is_a_recogniser() -> None:
    from viot_tools.faces.nets import backbone

    net = backbone("mobilefacenet").train()
    made = NetRecogniser(net, "test").embed(NOISE)
    assert made.shape == (3, net.dim) and np.linalg.norm(made, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert net.training  # as it was


class Corner:
    """Finds a face in pictures that are not black: the whole of it."""

    model, model_version, blind_to = "fake", "0", ""

    def detect(self, image: np.ndarray) -> list[Face]:
        return [Face((0.0, 0.0, 224.0, 224.0), 0.9, TEMPLATE * 2)] if image.any() else []


def test_alignment_keeps_the_place_of_a_picture_without_a_face(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((224, 224, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.kron(NOISE[0], np.ones((2, 2, 1), np.uint8)))
    kept = []
    made = align(tmp_path, ["a.png", "b.png"], Corner(), lambda i, image, face: kept.append(i))
    assert made.found.tolist() == [False, True] and made.failures == ("a.png",) and kept == [1]
    assert not made.faces[0].any() and made.faces[1].any()
    assert made.rows(["b.png", "a.png", "b.png"]).tolist() == [1, 0, 1]
    with pytest.raises(UserFault, match=r"c\.png is not in the aligned set"):
        made.rows(["c.png"])
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(UserFault, match="no readable picture"):
        align(tmp_path, ["c.png"], Corner())


def test_aligned_pictures_are_only_brought_to_size(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), NOISE[0][:, :, ::-1])
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((224, 224, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((100, 120, 3), np.uint8))
    made = as_aligned(tmp_path, ["a.png", "b.png"])
    assert (made.faces[0] == NOISE[0]).all() and made.found.all() and made.faces.shape == (2, 112, 112, 3)
    with pytest.raises(UserFault, match="120x100: an aligned face is square"):
        as_aligned(tmp_path, ["c.png"])


@pytest.fixture(scope="module")
def few(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Weights, np.ndarray, list[str]]:
    """Three people, two aligned faces each."""
    from viot_tools.faces.detect import make_detector

    weights = Weights(tmp_path_factory.mktemp("home"), shared / "models", "hub")
    folder = shared / "faces" / "lfw_10x10"
    if not folder.is_dir():
        pytest.skip(f"no faces at {folder}")
    people = sorted(p.name for p in folder.iterdir())[:3]
    names = [p.relative_to(folder).as_posix() for who in people for p in sorted((folder / who).iterdir())[:2]]
    made = align(folder, names, make_detector(weights))
    assert made.found.all()
    return weights, made.faces, [n.split("/")[0] for n in names]


@pytest.mark.real
@pytest.mark.parametrize("name", list(MAKERS))
def test_the_supplied_ones_tell_people_apart(name: str, few: tuple[Weights, np.ndarray, list[str]]) -> None:
    weights, chips, who = few
    v = both_views(recogniser(name, weights).embed, chips)
    cosine = v @ v.T
    same = np.array([[a == b for a in who] for b in who])
    upper = np.triu(np.ones_like(same), 1)
    assert cosine[same & upper].min() > cosine[~same & upper].max()


@pytest.mark.real
def test_the_port_gives_dlibs_own_vectors(few: tuple[Weights, np.ndarray, list[str]]) -> None:
    weights, chips, _ = few
    crops = recrop(chips[:2], TEMPLATE_DLIB, 150)
    theirs = DlibResnet(weights).embed_chips(list(crops))
    assert np.abs(Dlib(weights).embed_chips(crops) - theirs).max() < 1e-3
