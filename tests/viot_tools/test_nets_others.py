"""Recognisers of others as PyTorch networks: equal to what they are ports of, and files that are something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from viot_agent.errors import NameFault, UserFault, WeightsMissing
from viot_agent.weights import Weights
from viot_tools.faces.detect import DLIB_LOCK, DlibHog, YuNet
from viot_tools.faces.nets import FaceNet, load_dlib, load_foamliu, load_net, save_net
from viot_tools.faces.nets.dlib_dat import MOST_BYTES, read_dat
from viot_tools.faces.nets.dlib_resnet import CHIP, DlibResnet, as_chip, nest
from viot_tools.faces.recognise import TEMPLATE, similarity, unit, warp
from viot_tools.faces.recognise import DlibResnet as DlibRecogniser

Image = NDArray[np.uint8]


def batch(*images: Any) -> torch.Tensor:
    return torch.from_numpy(np.stack(images).astype(np.float32)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def dat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Weights.from_env(tmp_path_factory.mktemp("home")).path("dlib-face-recogniser")


@pytest.fixture(scope="module")
def net(dat: Path) -> FaceNet:
    return load_dlib(dat)


@pytest.fixture(scope="module")
def portraits() -> list[Image]:
    """The two people whose public-domain portraits lie in wheels we depend on."""
    import matplotlib.cbook
    import skimage.data
    from PIL import Image as Pil

    path = str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    with Pil.open(path) as picture:
        hopper = np.asarray(picture.convert("RGB"), np.uint8)
    return [np.asarray(skimage.data.astronaut(), np.uint8), hopper]


def theirs(dat: Path, chips: list[Image]) -> NDArray[np.float64]:
    import dlib

    model = dlib.face_recognition_model_v1(str(dat))
    with DLIB_LOCK:
        return np.array([model.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips])


def ours(net: FaceNet, chips: list[Image]) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.asarray(net(batch(*chips)).numpy())


def test_dlib_equal_on_two_portraits(dat: Path, net: FaceNet, portraits: list[Image], tmp_path: Path) -> None:
    weights = Weights.from_env(tmp_path)
    detector, recogniser = DlibHog(weights), DlibRecogniser(weights)
    chips = [recogniser.align(image, detector.detect(image)[0]) for image in portraits]
    mine = ours(net, chips)
    assert np.abs(mine - theirs(dat, chips)).max() < 1e-5
    assert np.linalg.norm(mine[0] - mine[1]) > 0.6  # two people


def test_dlib_equal_on_noise_and_on_flat_chips(dat: Path, net: FaceNet) -> None:
    chips = [np.random.default_rng(0).integers(0, 256, (CHIP, CHIP, 3), dtype=np.uint8)]
    chips += [np.full((CHIP, CHIP, 3), v, np.uint8) for v in (0, 255)]
    assert np.abs(ours(net, chips) - theirs(dat, chips)).max() < 1e-4


@pytest.mark.real
def test_dlib_equal_on_real_faces(dat: Path, net: FaceNet, shared: Path, tmp_path: Path) -> None:
    from PIL import Image as Pil

    weights = Weights.from_env(tmp_path)
    detector, recogniser = DlibHog(weights), DlibRecogniser(weights)
    chips = []
    for path in sorted((shared / "faces" / "lfw_10x10").rglob("*.jpg"))[::9]:
        with Pil.open(path) as picture:
            image = np.asarray(picture.convert("RGB"), np.uint8)
        chips += [recogniser.align(image, face) for face in detector.detect(image)[:1]]
    assert len(chips) > 10
    assert np.abs(ours(net, chips) - theirs(dat, chips)).max() < 1e-5


@pytest.mark.real
def test_dlib_on_aligned_crops_tells_people_apart(dat: Path, shared: Path, shared_models: Path, tmp_path: Path) -> None:
    """Crops of the 112x112 template stand in for chips: pictures of one person are nearer than of two."""
    from PIL import Image as Pil

    detector = YuNet(Weights(tmp_path, shared_models, "hub"))
    crops, names = [], []
    for person in sorted((shared / "faces" / "lfw_10x10").iterdir()):
        for path in sorted(person.glob("*.jpg"))[:4]:
            with Pil.open(path) as picture:
                image = np.asarray(picture.convert("RGB"), np.uint8)
            # LFW's person stands in the middle of the picture, others beside
            face = min(detector.detect(image), key=lambda f: abs(sum(f.xyxy[::2]) - 250) + abs(sum(f.xyxy[1::2]) - 250))
            crops.append(warp(image, similarity(face.landmarks, TEMPLATE), 112))
            names.append(person.name)
    assert len(crops) == 40
    with torch.no_grad():
        vectors = load_dlib(dat, crop="arcface")(batch(*crops)).numpy()
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    first, second = np.triu_indices(len(names), 1)
    same = np.array(names)[first] == np.array(names)[second]
    pairs = distance[first, second]
    assert float((pairs[same][:, None] < pairs[~same]).mean()) > 0.995
    assert float(((pairs < 0.6) == same).mean()) > 0.98  # dlib's own threshold holds


def test_the_fixed_similarity_puts_a_crop_where_the_chip_is(dat: Path, portraits: list[Image], tmp_path: Path) -> None:
    weights = Weights.from_env(tmp_path)
    detector, recogniser = DlibHog(weights), DlibRecogniser(weights)
    crops = load_dlib(dat, crop="arcface")
    assert isinstance(crops.body, DlibResnet)
    for image in portraits:
        face = detector.detect(image)[0]
        # dlib finds no mouth, which the similarity leaves out: two eyes and the base of the nose are too few to place
        # a crop as five points do, so the nose, which lies elsewhere in both templates, is left out as well
        points = face.landmarks.copy()
        points[2] = np.nan
        crop = warp(image, similarity(points, TEMPLATE), 112)
        chip = recogniser.align(image, face)
        moved = as_chip(batch(crop), crops.body.matrix)[0].permute(1, 2, 0).numpy()
        rows = slice(10, 130)
        plain = np.abs(moved[rows] - chip[rows]).mean()
        shifted = np.abs(np.roll(moved, 15, 1)[rows] - chip[rows]).mean()
        assert plain < 0.75 * shifted
    assert crops.size == 112


def test_dlib_saves_as_ours(net: FaceNet, tmp_path: Path) -> None:
    save_net(net, tmp_path / "dlib.safetensors")
    x = 255 * torch.rand(1, 3, CHIP, CHIP)
    with torch.no_grad():
        assert torch.equal(load_net(tmp_path / "dlib.safetensors")(x), net(x))
    assert (net.name, net.dim, net.size) == ("dlib_resnet", 128, CHIP)


def test_the_file_holds_29_convolutions(dat: Path) -> None:
    stored = read_dat(dat, nest())
    kinds = [layer.kind for layer in stored.layers]
    assert (kinds.count("con"), kinds.count("affine"), kinds.count("fc")) == (29, 29, 1)
    assert stored.side == CHIP
    assert stored.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-3)


def test_dlib_refuses_other_files(dat: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no file"):
        load_dlib(tmp_path / "absent.dat")
    with pytest.raises(UserFault, match="cannot read"):
        load_dlib(tmp_path)
    with pytest.raises(NameFault, match="one of: chip, arcface"):
        load_dlib(dat, crop="square")
    for other in ("shape_predictor_5_face_landmarks.dat", "mmod_human_face_detector.dat"):
        with pytest.raises(UserFault, match=r"is not dlib's face recogniser: .*face_recognition_models"):
            load_dlib(dat.with_name(other))
    large = tmp_path / "large.dat"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(UserFault, match="too large"):
        load_dlib(large)


@pytest.mark.parametrize("cut", [0, 1, 3, 20, 300, 5_000, 20_000_000, -1])
def test_dlib_refuses_a_cut_file(dat: Path, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.dat"
    path.write_bytes(dat.read_bytes()[:cut])
    with pytest.raises(UserFault, match=r"ends too early|was expected"):
        load_dlib(path)


def test_dlib_refuses_left_over_bytes(dat: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.dat"
    path.write_bytes(dat.read_bytes() + b"\0")
    with pytest.raises(UserFault, match="1 bytes are left over"):
        load_dlib(path)


def test_dlib_refuses_values_that_are_not_finite(dat: Path, tmp_path: Path) -> None:
    data = bytearray(dat.read_bytes())
    at = data.index(b"con_4") + 13  # behind the name, the version and four sizes: two of one byte more
    data[at + 3 : at + 7] = np.float32(np.nan).tobytes()
    path = tmp_path / "nan.dat"
    path.write_bytes(data)
    with pytest.raises(UserFault, match="not finite"):
        load_dlib(path)


def test_no_changed_byte_of_the_headers_breaks_the_reader(dat: Path, tmp_path: Path) -> None:
    """Whatever is damaged in the whole file, the reader says so or reads numbers: no other error, no endless wait."""
    data = dat.read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.dat"
    path.write_bytes(data)
    whole = read_dat(path, nest())
    refused, read = 0, 0
    for at in np.concatenate([rng.integers(0, 380, 40), rng.integers(19_300, 19_830, 40)]).tolist():
        with path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([data[at] ^ int(rng.integers(1, 256))]))
        try:
            found = read_dat(path, nest())
        except UserFault as fault:
            assert "is not dlib's face recogniser" in fault.message
            refused += 1
        else:
            assert [layer.kind for layer in found.layers] == [layer.kind for layer in whole.layers]
            read += 1
        with path.open("r+b") as file:
            file.seek(at)
            file.write(data[at : at + 1])
    assert refused > 20 and read > 0
    assert read_dat(path, nest()).side == whole.side


@pytest.mark.real
def test_foamliu_equal_to_its_onnx(shared: Path, shared_models: Path) -> None:
    import onnxruntime
    from PIL import Image as Pil

    folder = shared_models / "face_recog" / "foamliu_mobilefacenet"
    net = load_foamliu(folder / "mobilefacenet.safetensors")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / "MobileFaceNet.onnx"), options, providers=["CPUExecutionProvider"]
    )
    crops = []
    for path in sorted((shared / "faces" / "lfw_aligned_100x2").rglob("*.jpg"))[:20]:
        with Pil.open(path) as picture:
            crops.append(np.asarray(picture.convert("RGB").resize((112, 112)), np.uint8))
    assert len(crops) == 20
    with torch.no_grad():
        mine = net(batch(*crops)).numpy()
    for crop, vector in zip(crops, mine, strict=True):
        x = (crop.astype(np.float32) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        (wanted,) = session.run(None, {"input0": x.transpose(2, 0, 1)[None].astype(np.float32)})
        assert np.abs(vector - wanted[0]).max() < 1e-4
        assert np.abs(unit(vector) - unit(wanted[0])).max() < 1e-5
    assert (net.name, net.dim) == ("mobilefacenet", 128)


@pytest.mark.real
def test_foamliu_refuses_another_file(dat: Path, shared_models: Path) -> None:
    with pytest.raises(UserFault, match="cannot read"):
        load_foamliu(dat)
    with pytest.raises(UserFault, match="cannot read"):
        load_foamliu(shared_models / "face_recog" / "foamliu_mobilefacenet" / "MobileFaceNet.onnx")
    with pytest.raises(WeightsMissing, match="no file"):
        load_foamliu(dat.with_name("absent.safetensors"))
