"""Places that no camera is called after, and that the answer then says so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pytest

from viot_agent.fleet.places import unknown_beside, unknown_places
from viot_agent.library.store import Library
from viot_agent.steps import Observation
from viot_agent.system import Viot
from viot_agent.toolbox import CamerasArg, Toolbox, ToolContext, tool
from viot_agent.toolbox.contract import Arg
from viot_agent.weights import Weights


@pytest.fixture
def library(tmp_path: Path) -> Library:
    opened = Library.open(tmp_path / "home")
    for name, group in (("lobby north", ()), ("gate 2", ("yards",)), ("Parking", ())):
        opened.add_camera(name, f"/films/{name}.mp4", groups=group)
    return opened


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("How many people at camera garage?", ["garage"]),
        ("How many people on the garage camera?", ["garage"]),
        ("was Ana in the cellar or in the Kitchen?", ["cellar", "kitchen"]),
        ("who was in the lobby?", []),  # a part of a name
        ("who was in the yard?", []),  # a group
        ("anybody in the parking?", []),
        ("who was at the gate?", []),
        ("how many people are in the picture?", []),
        ("who was in at the gate 7?", []),  # a number that no camera has is asked back elsewhere
        ("which cars came to the barrier?", []),
    ],
)
def test_places(library: Library, text: str, places: list[str]) -> None:
    with library:
        assert list(unknown_places(text, library.cameras())) == places


def test_an_answer_about_every_camera_says_that_the_place_is_none(library: Library) -> None:
    @tool()
    def crowd_counting(ctx: ToolContext, cameras: CamerasArg | None = None) -> Observation:
        """Count people in view.

        Not for: names.

        Args:
            cameras: where.
        """
        return Observation(ctx.call_id, "crowd_counting", "ok", "3 people.", "found")

    with library:
        viot = Viot(library, Weights(library.home), Toolbox([crowd_counting]), library.home)

        def told(text: str) -> bool:
            return "No camera is called garage; this is of every camera." in viot.ask(text).answer.text

        assert told("How many people were in the garage?")
        assert not told("How many people were in the lobby?")
        beside = viot.ask("How crowded was it at gate 2 or in the garage?").answer.text
        assert beside.startswith("No camera is called garage. ")
        for text in ("Was somebody in the garage seen in the lobby?", "People in the lobby from the garage"):
            assert "No camera" not in viot.ask(text).answer.text
        assert not told("How many people were at gate 2, not in the garage?")


def test_a_copy_of_a_picture_is_of_no_camera(library: Library, tmp_path: Path) -> None:
    @tool()
    def face_redaction(ctx: ToolContext, media: Annotated[str, Arg("media")]) -> Observation:
        """Hide the faces in a picture or video.

        Not for: cloaks.

        Args:
            media: the picture or video.
        """
        return Observation(ctx.call_id, "face_redaction", "ok", "redacted-1 shows image-1.", "found")

    picture = tmp_path / "me.png"
    picture.write_bytes(cv2.imencode(".png", np.full((64, 64, 3), 128, np.uint8))[1].tobytes())
    with library:
        viot = Viot(library, Weights(library.home), Toolbox([face_redaction]), library.home)
        run = viot.ask("blur the faces in image-1, taken in the kitchen", attach=[picture])
        assert [s.call.tool for s in run.steps] == ["face_redaction"]
        assert "No camera" not in run.answer.text


def test_a_place_beside_a_camera(library: Library) -> None:
    with library:
        cameras = library.cameras()

        def beside(text: str) -> tuple[str, ...]:
            at = text.index("lobby")
            return unknown_beside(text, cameras, [(at, at + 5)])

        assert beside("was he in the garage or in the lobby?") == ("garage",)
        assert beside("was he in the lobby or in the garage?") == ("garage",)
        assert beside("count the lobby camera and the garage camera") == ("garage",)
        assert beside("was he in the garage seen from the lobby?") == ()
        assert beside("was he in the garage, or was he at all in the lobby?") == ()
