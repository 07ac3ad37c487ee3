"""Names that would be taken for something else when a request says them: refused where they are given.

Owns which words are kept. A camera called "yesterday" would turn every "yesterday" into that camera, one called "all"
would hide the fleet, and one called like a person would hide the person. Does not know the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from viot_agent.errors import NameFault
from viot_agent.fleet.names import is_everything, normalise_name, person_key
from viot_agent.fleet.times import recognise
from viot_agent.fleet.types import Camera, Person

_HANDLE = re.compile(r"(?:image|picture|photo|video|clip|poses)[\s_-]?\d{1,3}", re.IGNORECASE)
_NOBODY = frozenset(
    "somebody someone anybody anyone everybody everyone nobody noone unknown stranger person people man woman who him "
    "her he she they them i me you us we it this that".split()
)


_TIMES = frozenset("now today yesterday tomorrow tonight morning afternoon evening night noon midnight always".split())


def reserved(name: str, *, person: bool = False) -> str:
    """Why requests would take ``name`` for something else ("means a time"); empty when they would not.

    People are called April and Friday, and cameras 12 and Two: those are taken as they are.
    """
    if is_everything(name):
        return "means the whole fleet"
    number = any(c.isdigit() for c in normalise_name(name))
    if (person_key(name) in _TIMES) if person else (not number and recognise(name) is not None):
        return "means a time"
    if _HANDLE.fullmatch(name.strip()):
        return "is what an attached file or a result is called"
    if person_key(name) in _NOBODY:
        return "means anybody"
    return ""


def check_camera_name(name: str, cameras: Iterable[Camera], people: Iterable[Person], *, group: bool = False) -> None:
    """Raises NameFault for a reserved name, a person's, and (not for a group) one said like another camera's."""
    what = "group" if group else "camera"
    fix = "choose another name, e.g. 'gate 2'" if not group else "choose another group, e.g. 'gates'"
    why = reserved(name)
    if why:
        raise NameFault(f"a {what} cannot be called {name!r}: in a request that {why}", name=name, fix=fix)
    person = next((p for p in people if person_key(p.name) == person_key(name)), None)
    if person is not None and person_key(name):
        text = f"a {what} cannot be called {name!r}: {person.name} is an enrolled person"
        raise NameFault(text, name=name, fix=f"say what it shows, e.g. '{name} desk'")
    alike = next((c for c in cameras if c.name != name and _alike(c.name, name)), None)
    if alike is not None and not group:
        text = f"a camera cannot be called {name!r}: there is {alike.name!r}, and people say both alike"
        raise NameFault(text, name=name, nearest=[alike.name], fix="choose a name that sounds different")


def check_person_name(name: str, cameras: Iterable[Camera]) -> None:
    """Raises NameFault for a reserved name, and for that of a camera or group."""
    why = reserved(name, person=True)
    if why:
        raise NameFault(
            f"nobody can be enrolled as {name!r}: in a request that {why}", name=name, fix="give the whole name"
        )
    for camera in cameras:
        for what, taken in (("camera", camera.name), *(("group", g) for g in camera.groups)):
            if person_key(taken) == person_key(name) and person_key(name):
                raise NameFault(
                    f"nobody can be enrolled as {name!r}: that is the {what} {taken!r}", name=name, fix="add a surname"
                )


def _alike(a: str, b: str) -> bool:
    """The same once case, separators and number words are gone; capitals alone are the library's own check."""
    return bool(normalise_name(a)) and normalise_name(a) == normalise_name(b) and a.casefold() != b.casefold()
