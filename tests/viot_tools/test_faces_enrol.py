"""Enrolment: one face a picture, warnings about poor or contradicting pictures, vectors of every tier at hand."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import MediaFault, WeightsMissing
from viot_agent.media.pictures import encode_jpeg
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face
from viot_tools.faces.enrol import Kit, enrol, enrol_vectors, only_face


def astronaut() -> Image:
    from skimage import data

    return np.asarray(data.astronaut(), np.uint8)


def hopper() -> Image:
    import matplotlib.cbook
    from PIL import Image as Pil

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Pil.open(file).convert("RGB"), np.uint8)


GREY = np.full((200, 200, 3), 128, np.uint8)


class Fixed:
    """A detector that always gives the same faces."""

    model, model_version, blind_to = "fake", "1", ""

    def __init__(self, *heights: float) -> None:
        points = np.zeros((5, 2), np.float32)
        self.faces = [Face((0, 0, h, h), 0.9, points) for h in heights]

    def detect(self, image: Image) -> list[Face]:
        return self.faces


@pytest.mark.parametrize(
    ("heights", "expected"),
    [((), "no face was found in a.jpg"), ((100, 90), "two faces in a.jpg"), ((90, 80, 70), "three faces in a.jpg")],
)
def test_pictures_that_cannot_be_used(heights: tuple[float, ...], expected: str) -> None:
    with pytest.raises(MediaFault, match=expected) as fault:
        only_face(GREY, "a.jpg", Fixed(*heights))
    assert fault.value.fix


@pytest.mark.parametrize("heights", [(100,), (100, 30), (30, 100)])
def test_small_faces_in_the_background_do_not_count(heights: tuple[float, ...]) -> None:
    assert only_face(GREY, "a.jpg", Fixed(*heights)).xyxy[3] == 100


def test_enrol_in_the_builtin_tier(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights = Weights(home, None, "builtin")
    pictures = [encode_jpeg(astronaut()), encode_jpeg(np.ascontiguousarray(astronaut()[:, ::-1]))]
    with caplog.at_level(logging.WARNING, "viot.faces"):
        found = enrol_vectors(pictures, ["a.jpg", "b.jpg"], weights)
    assert list(found) == ["dlib-face-recogniser"]
    assert found["dlib-face-recogniser"].shape == (2, 128)
    assert caplog.records == []
    for bad, words in ((encode_jpeg(GREY), "no face was found in b.jpg"), (b"", "empty"), (b"text", "picture")):
        with pytest.raises(MediaFault, match=words):
            enrol_vectors([pictures[0], bad], ["a.jpg", "b.jpg"], weights)


def test_a_picture_of_somebody_else_is_pointed_out(home: Path) -> None:
    kit = Kit.of(Weights(home, None, "builtin"))
    names = ["one.jpg", "two.jpg", "three.jpg"]
    mirrored = np.ascontiguousarray(astronaut()[:, ::-1])
    enrolled = enrol([astronaut(), mirrored, hopper()], names, kit)
    assert enrolled.warnings == ("three.jpg does not look like the person in the other pictures",)


def test_a_poor_picture_is_pointed_out(home: Path) -> None:
    kit = Kit.of(Weights(home, None, "builtin"))
    [warning] = enrol([(astronaut() // 8).astype(np.uint8)], ["night.jpg"], kit).warnings
    assert "the face in night.jpg is too dark" in warning


def test_hub_files_that_are_absent(home: Path) -> None:
    with pytest.raises(WeightsMissing, match="yunet"):
        enrol_vectors([encode_jpeg(astronaut())], ["a.jpg"], Weights(home, None, "hub"))


def test_a_face_enrolled_under_another_name_is_said(caplog: pytest.LogCaptureFixture, home: Path) -> None:
    weights, picture = Weights(home, None, "builtin"), encode_jpeg(astronaut())
    with caplog.at_level(logging.WARNING, "viot.faces"):
        own = enrol_vectors([picture], ["a.jpg"], weights)
        other = enrol_vectors([encode_jpeg(hopper())], ["b.jpg"], weights, lambda model: {"Eileen": own[model]})
        assert not caplog.records and other
        enrol_vectors([picture], ["c.jpg"], weights, lambda model: {"Eileen": own[model], "Nobody": own[model][:0]})
    assert ["the face enrolled as Eileen" in r.getMessage() for r in caplog.records] == [True]
