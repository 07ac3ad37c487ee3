"""Real networks on real pictures: the shapes, who is alike, and the way from footage to an answer."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.errors import FailedFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.library.ingest import ingest
from viot_agent.library.store import Library
from viot_agent.media.pictures import decode_image
from viot_agent.media.readers import open_media
from viot_agent.steps import Attachment, Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.bench.reid import FRAMES, marked_people
from viot_tools.bench.vehicles import sightings
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.reid.analyzer import PeopleLooksAnalyzer, VehicleLooksAnalyzer
from viot_tools.reid.embed import Clothes, OsnetRetail
from viot_tools.reid.person_tool import person_reid
from viot_tools.reid.vehicle import VehicleLook, _cut
from viot_tools.reid.vehicle_tool import vehicle_reid

pytestmark = pytest.mark.real


@pytest.fixture
def hub(shared_models: Path, home: Path) -> Weights:
    return Weights(home, shared_models, "hub")


@pytest.mark.parametrize("tier", ["hub", "builtin"])
def test_the_woman_in_white_is_nearer_to_herself(shared: Path, shared_models: Path, home: Path, tier: str) -> None:
    weights = Weights(home, shared_models if tier == "hub" else None, "hub" if tier == "hub" else "builtin")
    people, _ = marked_people(shared, Weights(home, None, "builtin"))
    embedder = OsnetRetail(weights) if tier == "hub" else Clothes(weights)
    c1 = [p for p in people if p.camera == "c1" and p.person == "0001"][:3]
    c3 = [p for p in people if p.camera == "c3" and p.person]
    vectors = embedder.embed([p.image for p in (*c1, *c3)])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    scores = vectors[:3] @ vectors[3:].T
    names = np.array([p.person for p in c3])
    assert (scores[:, names == "0001"].max(1) > scores[:, names != "0001"].max(1)).all()
    assert embedder.embed([]).shape == (0, vectors.shape[1])
    # a batch gives what single pictures give
    assert embedder.embed([c1[0].image])[0] == pytest.approx(vectors[0], abs=1e-4)


def test_vehicles_have_a_look_a_colour_and_a_type(shared: Path, hub: Weights) -> None:
    seen = [s for s in sightings(shared) if s.vehicle in ("red-car", "white-wagon", "parked-yellow")]
    vectors, reads = VehicleLook(hub).look([s.image for s in seen])
    names = np.array([s.vehicle for s in seen])
    assert vectors.shape[1] == 464 and np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    cosine = vectors @ vectors.T
    red, wagon = names == "red-car", names == "white-wagon"
    assert cosine[np.ix_(red, red)].min() > cosine[np.ix_(red, ~red)].max()
    assert cosine[np.ix_(wagon, wagon)].mean() > cosine[np.ix_(wagon, ~wagon)].mean() + 0.2
    assert {int(r.pixels.argmax()) for r, n in zip(reads, names, strict=True) if n == "red-car"} == {3}
    assert all(r.types.sum() == pytest.approx(1, abs=1e-3) for r in reads)


def test_a_wrong_network_is_said(shared_models: Path, home: Path) -> None:
    osnet = shared_models / "reid" / "osnet_x0_25_msmt17.onnx"
    with pytest.raises(FailedFault, match="viot models verify"):
        _cut(osnet, None, ("no such layer",))


def test_the_networks_are_compiled_once_for_all_questions(hub: Weights) -> None:
    picture = np.full((120, 160, 3), 90, np.uint8)
    first, second = VehicleLook(hub), VehicleLook(hub)
    assert first.embed([picture]) == pytest.approx(second.embed([picture]))
    assert all(a is b for a, b in zip(first._load(), second._load(), strict=True))


def test_no_weights_no_vectors(home: Path) -> None:
    picture = np.zeros((128, 64, 3), np.uint8)
    with pytest.raises(WeightsMissing, match="viot models pull osnet"):
        OsnetRetail(Weights(home, None, "hub")).embed([picture])


def clip(folder: Path, camera: str, out: Path) -> Path:
    """PRW's frames of one camera as footage, two seconds a frame."""
    import av

    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for path in sorted(folder.glob(f"{camera}*.jpg")):
            for _ in range(10):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(decode_image(path), format="rgb24")))
        container.mux(stream.encode(None))
    return out


def ask(library: Library, weights: Weights, tool: str, picture: Path, **args: object) -> Observation:
    request = Request("?", attachments=(Attachment("image-1", "image", picture),))
    context = ToolContext(request, Fleet(library), library, weights, weights.home, call_id="c")
    if tool == "person_reid":
        return person_reid.fn(context, person="image-1", **args)
    return vehicle_reid.fn(context, vehicle="image-1", **args)


@pytest.mark.slow
def test_from_footage_to_an_answer(shared: Path, hub: Weights, tmp_path: Path) -> None:
    hub.home.mkdir(parents=True)
    with Library.open(hub.home) as library:
        library.add_camera("plaza", str(clip(shared / FRAMES, "c3", tmp_path / "c3.mp4")), start=1e9)
        library.add_camera("lot", str(shared / "videos" / "intel" / "car-detection.mp4"), start=1e9)
        analyzers = [ObjectsAnalyzer(hub), PeopleLooksAnalyzer(hub), VehicleLooksAnalyzer(hub)]
        for camera in ("plaza", "lot"):
            ingest(library, camera, analyzers, open_reader=open_media)
        # the picture is of a third camera
        query = shared / FRAMES / "query" / "0001_c6s1_009601_00.jpg"
        seen = ask(library, hub, "person_reid", query)
        assert seen.verdict == "found" and {a["camera"] for a in seen.data["appearances"]} == {"plaza"}
        assert all(e.crop_jpeg and e.model == "osnet+reid-0288" and e.score for e in seen.evidence)
        stranger = next(s for s in sorted((shared / "videos" / "stills" / "MOT17-mini").rglob("000001.jpg")))
        crop = tmp_path / "stranger.png"
        cv2.imwrite(str(crop), decode_image(stranger)[568:810, 1363:1466, ::-1])
        other = ask(library, hub, "person_reid", crop)
        assert other.verdict in ("none", "cannot_tell") and other.data["appearances"] == []
        red = next(s for s in sightings(shared) if (s.vehicle, s.index) == ("red-car", 217))
        picture = tmp_path / "red.png"
        cv2.imwrite(str(picture), red.image[:, :, ::-1])
        car = ask(library, hub, "vehicle_reid", picture, cameras=["lot"])
        # the cut-out fills the picture: the detector is not sure of a vehicle, so its colour is not claimed
        assert "for certain" in car.summary and "reads as" not in car.summary
        assert car.verdict in ("found", "cannot_tell")
        assert car.evidence and max(e.score or 0 for e in car.evidence) == car.evidence[0].score
