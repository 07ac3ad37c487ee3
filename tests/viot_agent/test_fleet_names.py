"""Names: what is taken, what is only offered."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.errors import NameFault
from viot_agent.fleet.names import normalise_name, resolve_camera_names, resolve_person_name
from viot_agent.fleet.types import Camera, Person


def fleet(*names: str, **groups: str) -> list[Camera]:
    """Cameras; ``group="gate 1, gate 2"`` puts them in a group."""
    return [
        Camera(i, n, f"{n}.mp4", tuple(g for g, members in groups.items() if n in members.split(", ")), "UTC", None)
        for i, n in enumerate(names)
    ]


def people(*names: str) -> list[Person]:
    return [Person(i, n, "consent", 1) for i, n in enumerate(names)]


SITE = fleet(
    *(
        "gate 1",
        "Gate-2",
        "north gate",
        "gate house",
        "dock A",
        "dock B",
        "lobby",
        "Entrée",
        "cam-03",
        "大门口",
        "театр",
        "gate 12",
    ),
    docks="dock A, dock B, lobby",
    inside="lobby, театр",
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Gate-Two", "gate 2"),
        ("GATE_02", "gate 2"),
        ("gate2", "gate 2"),
        ("gate no. 2", "gate 2"),
        ("  gate   2 ", "gate 2"),
        ("ＧＡＴＥ ２", "gate 2"),
        ("platform twenty two", "platform 22"),
        ("大门口", "大门口"),
        ("Entrée", "entrée"),
        ("!!", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise_name(text) == normal


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (["gate 1"], ["gate 1"]),
        (["gate two"], ["Gate-2"]),
        (["the gate 2 camera"], ["Gate-2"]),
        (["camera 3"], ["cam-03"]),
        (["entree"], ["Entrée"]),
        (["大门口"], ["大门口"]),
        (["ТЕАТР"], ["театр"]),
        (["docks"], ["dock A", "dock B", "lobby"]),  # the group, not the head word
        (["the docks"], ["dock A", "dock B", "lobby"]),
        (["inside"], ["lobby", "театр"]),
        (["gates"], ["gate 1", "Gate-2", "north gate", "gate 12"]),
        (["both gates"], ["gate 1", "Gate-2", "north gate", "gate 12"]),
        (["all the gates"], ["gate 1", "Gate-2", "north gate", "gate 12"]),
        (["every gate"], ["gate 1", "Gate-2", "north gate", "gate 12"]),
        (["the gate cameras"], ["gate 1", "Gate-2", "north gate", "gate 12"]),
        (["north gates"], ["north gate"]),
        (["gates 1 and 2"], ["gate 1", "Gate-2"]),
        (["gate 1, gate 2 and the lobby"], ["gate 1", "Gate-2", "lobby"]),
        (["gate 2", "gate 1", "GATE-2"], ["Gate-2", "gate 1"]),
        (["all cameras"], [c.name for c in SITE]),
        (["everywhere"], [c.name for c in SITE]),
    ],
)
def test_cameras(said: list[str], names: list[str]) -> None:
    assert [c.name for c in resolve_camera_names(said, SITE)] == names


@pytest.mark.parametrize(
    ("said", "nearest"),
    [
        ("gate 22", "Gate-2"),
        ("gate 3", "gate 1"),
        ("loby", "lobby"),
        ("gate", "gate 1"),
        ("gates 1 and 7", "gate 1"),
        ("north dock", None),
        ("xyzzy", None),
        ("", None),
        ("???", None),
    ],
)
def test_near_misses_are_offered_never_taken(said: str, nearest: str | None) -> None:
    with pytest.raises(NameFault) as caught:
        resolve_camera_names([said], SITE)
    assert len(caught.value.nearest) <= 3 and caught.value.fix
    if nearest is not None:
        assert nearest in caught.value.nearest


def test_two_cameras_that_normalise_alike() -> None:
    twins = fleet("gate 2", "gate-02")
    assert [c.name for c in resolve_camera_names(["gate-02"], twins)] == ["gate-02"]
    with pytest.raises(NameFault, match="may be any of gate 2, gate-02"):
        resolve_camera_names(["gate two"], twins)


def test_empty_fleet() -> None:
    with pytest.raises(NameFault, match="none has been added"):
        resolve_camera_names(["gate 1"], [])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6, unique=True), st.text(max_size=14))
def test_only_known_cameras_or_a_fault(names: list[str], said: str) -> None:
    cameras = fleet(*names)
    try:
        found = resolve_camera_names([said], cameras)
    except NameFault as fault:
        assert len(fault.nearest) <= 3 and set(fault.nearest) <= set(names)
    else:
        assert found and set(found) <= set(cameras)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 999), st.integers(1, 999), st.sampled_from(["gate", "dock", "camera", "loading bay"]))
def test_another_number_is_another_camera(a: int, b: int, word: str) -> None:
    if a == b:
        assert resolve_camera_names([f"{word}-{b:03d}"], fleet(f"{word} {a}"))[0].name == f"{word} {a}"
    else:
        with pytest.raises(NameFault):
            resolve_camera_names([f"{word} {b}"], fleet(f"{word} {a}"))


ENROLLED = people(
    *("Lin-Manuel Miranda", "Barack Obama", "José García", "Alex Lacamoire", "Alex Jones", "王小明", "李小龙"),
    *("محمد علي", "Ольга Иванова", "Søren Kierkegaard", "Cher"),
)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Barack Obama", "Barack Obama"),
        ("barack obama", "Barack Obama"),
        ("Obama", "Barack Obama"),
        ("Obama, Barack", "Barack Obama"),
        ("Mr. Obama", "Barack Obama"),
        ("Miranda's", "Lin-Manuel Miranda"),
        ("lin manuel", "Lin-Manuel Miranda"),
        ("Lin-Manuel", "Lin-Manuel Miranda"),
        ("jose", "José García"),
        ("Jose\u0301 Garci\u0301a", "José García"),
        ("Jones", "Alex Jones"),
        ("王小明", "王小明"),
        ("小明", "王小明"),
        ("علي", "محمد علي"),
        ("иванова", "Ольга Иванова"),
        ("soren", "Søren Kierkegaard"),
        ("CHER", "Cher"),
    ],
)
def test_people(said: str, name: str) -> None:
    assert resolve_person_name(said, ENROLLED).name == name


@pytest.mark.parametrize(
    ("said", "nearest"),
    [
        ("Alex", ("Alex Lacamoire", "Alex Jones")),  # two of them
        ("Mirande", ("Lin-Manuel Miranda",)),
        ("Obana", ("Barack Obama",)),
        ("Barrack Obama", ("Barack Obama",)),
        ("Ronald Reagan", ()),
        ("a", ()),
        ("", ()),
    ],
)
def test_people_who_are_not_taken(said: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(NameFault) as caught:
        resolve_person_name(said, ENROLLED)
    assert caught.value.nearest == nearest


@settings(max_examples=200, deadline=None)
@given(st.text(string.ascii_lowercase, min_size=5, max_size=12), st.data())
def test_one_edit_in_a_name_is_offered(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase).filter(lambda c: c != name[place]))
    typo = name[:place] + letter + name[place + 1 :]
    with pytest.raises(NameFault) as caught:
        resolve_person_name(typo, people(f"{name} okafor-smith"))
    assert caught.value.nearest == (f"{name} okafor-smith",)
