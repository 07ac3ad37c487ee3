"""Which names are kept: for cameras and groups, and for people."""

from __future__ import annotations

import pytest

from viot_agent.fleet.reserved import reserved


@pytest.mark.parametrize(
    "name", ["all", "everywhere", "all cameras", "Yesterday", "tonight", "image-1", "clip 2", "him"]
)
@pytest.mark.parametrize("person", [False, True])
def test_nobody_and_nothing_is_called_so(name: str, person: bool) -> None:
    assert reserved(name, person=person)


@pytest.mark.parametrize("name", ["April", "May", "Friday", "August", "Ana Silva", "王芳", "Two", "Dawn"])
def test_people_are_called_so(name: str) -> None:
    assert reserved(name, person=True) == ""


@pytest.mark.parametrize(
    "name", ["gate 2", "12", "two", "first floor", "7-eleven", "video wall", "clip art room", "北门"]
)
def test_cameras_are_called_so(name: str) -> None:
    assert reserved(name) == ""


@pytest.mark.parametrize("name", ["May", "last night", "this morning", "monday"])
def test_cameras_are_not_called_like_a_time(name: str) -> None:
    assert reserved(name) == "means a time"
