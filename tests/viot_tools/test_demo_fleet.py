"""The demo's fleet in a home of the person's own: added beside what is there, once, with requests that fit it."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import NameFault
from viot_agent.media.clips import write_clip
from viot_agent.system import Viot
from viot_tools.demo.asking import questions
from viot_tools.demo.figures import COLLINS

NOW = 1_795_500_000.0


def test_the_fleet_is_added_once_beside_what_is_there(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    write_clip((np.full((48, 64, 3), 90, np.uint8) for _ in range(5)), own, 10.0)
    [point] = entry_points(group="viot_agent.demo_fleets")
    add = point.load()
    said: list[str] = []
    with Viot.open(home) as viot:
        viot.add_camera("my gate", str(own), tz="UTC")
        requests = add(viot, NOW, said.append)
        assert [q.text for q in questions()] == list(requests)
        names = [c.name for c in viot.library.cameras()]
        assert names == ["my gate", "lobby", "back door", "gate 1", "gate 2", "yard"]
        assert all(Path(c.source).is_relative_to(home) for c in viot.library.cameras()[1:])
        assert [p.name for p in viot.library.people()] == [COLLINS.name]
        assert len(said) == 6  # five cameras and one person
        before = viot.library.cameras()
        assert list(add(viot, NOW + 1e6, said.append)) == list(requests)  # again: nothing is made anew
        assert viot.library.cameras() == before
        assert len(said) == 6


def test_a_camera_of_ones_own_is_never_replaced(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    write_clip((np.full((48, 64, 3), 90, np.uint8) for _ in range(5)), own, 10.0)
    with Viot.open(home) as viot:
        viot.add_camera("lobby", str(own), tz="UTC")
        with pytest.raises(NameFault, match="'lobby' already"):
            viot.add_demo()
        assert [c.source for c in viot.library.cameras()] == [str(own)]
        assert viot.demo_requests() == ()
