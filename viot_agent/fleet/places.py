"""Places in a request that no camera is called after: "in the cellar", "the garage camera".

A request that names a place nobody films would else be asked of the whole fleet, and its answer would read as if it
were about that place. Owns the words for places. Knows no request but its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from viot_agent.fleet.types import Camera

_SITES = (
    r"garages?|cellars?|basements?|attics?|kitchens?|lobb(?:y|ies)|halls?|hallways?|corridors?|yards?|courtyards?|"
    r"gardens?|gates?|entrances?|exits?|receptions?|offices?|lounges?|canteens?|cafeterias?|warehouses?|docks?|"
    r"loading bays?|bays?|car ?parks?|parking lots?|parking|platforms?|roofs?|rooftops?|staircases?|stairwells?|"
    r"elevators?|toilets?|restrooms?|bathrooms?|bedrooms?|classrooms?|gyms?|pools?|librar(?:y|ies)|chapels?|shops?|"
    r"stores?|kiosks?|bridges?|tunnels?|piers?|harbou?rs?|terraces?|balcon(?:y|ies)|workshops?|labs?|laborator(?:y|ies)|"
    r"server rooms?|storerooms?|storages?|archives?|vaults?|wards?|clinics?|barns?|stables?|sheds?|hangars?|foyers?|"
    r"driveways?|porch(?:es)?|alleys?|playgrounds?|ramps?|turnstiles?|checkpoints?|theatres?|stages?|arenas?"
)
_SAID = re.compile(
    rf"\b(?:in|inside|at|near|outside|from|through|into|by) the (?P<in>{_SITES})\b(?! (?:\d|one|two|three))"
    rf"|\b(?:cameras?|cams?) (?:in |at |of )?(?:the )?(?P<after>{_SITES})\b"
    rf"|\b(?P<before>{_SITES}) (?:cameras?|cams?)\b",
    re.IGNORECASE,
)


def unknown_places(text: str, cameras: Iterable[Camera]) -> tuple[str, ...]:
    """The places that ``text`` speaks of and that stand in no camera's name or group, each once, as said."""
    known = {_stem(w) for c in cameras for name in (c.name, *c.groups) for w in re.findall(r"[^\W_]+", name.casefold())}
    said = (str(m["in"] or m["after"] or m["before"]).casefold() for m in _SAID.finditer(text))
    return tuple(dict.fromkeys(place for place in said if not {_stem(w) for w in place.split()} & known))


_BESIDE = re.compile(r"\W*(?:(?:or|and|nor|vs|versus|in|at|on|inside|near|by|the|camera)\W+)*", re.I)
_JOINS = re.compile(r"\b(?:or|and|nor|vs|versus)\b|[,&/]", re.I)


def unknown_beside(text: str, cameras: Iterable[Camera], spans: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Those of ``unknown_places`` that stand side by side with a camera, which is at one of ``spans``: "in the lobby or
    in the theatre"."""
    unknown = set(unknown_places(text, cameras))
    found = []
    for said in _SAID.finditer(text):
        place = str(said["in"] or said["after"] or said["before"]).casefold()
        for start, end in spans if place in unknown else ():
            between = text[said.end() : start] if said.end() <= start else text[end : said.start()]
            if _BESIDE.fullmatch(between) and _JOINS.search(
                between + text[said.start() : said.start(said.lastgroup or 0)]
            ):
                found.append(place)
    return tuple(dict.fromkeys(found))


def _stem(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.rstrip("s")
