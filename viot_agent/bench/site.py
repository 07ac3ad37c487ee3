"""A site: its cameras with siblings, groups and time zones, and the people enrolled there. Seeded, the same every time.

A site of 50 or 200 cameras holds all cameras of the site of 10, so that more cameras only distract. Owns the naming.
Does not know what happens on any camera.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from viot_agent.bench.pools import DIRECTIONS, PEOPLE, STRANGERS, THEMES, Theme
from viot_agent.fleet.names import resolve_camera_names
from viot_agent.fleet.types import Camera, Person

SIZES = (10, 50, 200)
_ENROLLED = 24
_ELSEWHERE = "Atlantic/Azores"


@dataclass(frozen=True, slots=True)
class Spot:
    """What a camera's name is made of: ``head`` the noun, ``tell`` what tells it from its siblings ("" = alone)."""

    head: str
    tell: str
    scene: str
    kind: str


@dataclass(frozen=True, slots=True)
class Site:
    """``spots`` has one entry a camera, by name. ``core`` are the ten cameras that requests speak of."""

    key: str
    size: int
    tz: str
    style: str
    cameras: tuple[Camera, ...]
    people: tuple[Person, ...]
    spots: Mapping[str, Spot]
    core: tuple[str, ...]
    groups: tuple[str, ...]
    strangers: tuple[str, ...]

    def named(self, name: str) -> tuple[Camera, ...]:
        """The cameras that a said name means. Raises NameFault."""
        return cameras_named(self.key, self.size, name)

    def siblings(self, name: str, pool: tuple[str, ...] | None = None) -> list[str]:
        """The other cameras of the same head and kind (of ``pool``, else of the ten that requests speak of)."""
        mine = self.spots[name]
        return [
            n
            for n in (pool or self.core)
            if n != name and (self.spots[n].head, self.spots[n].kind) == (mine.head, mine.kind)
        ]


def site_keys() -> tuple[str, ...]:
    """All sites."""
    return tuple(t.key for t in THEMES)


@lru_cache(maxsize=64)
def make_site(key: str, size: int) -> Site:
    """The site of that key with ``size`` cameras (10, 50 or 200)."""
    theme = next(t for t in THEMES if t.key == key)
    rng = random.Random(f"site {key}")
    named = list(_names(theme))[:size]
    if len({n.casefold() for n, _ in named}) != size:
        raise ValueError(f"site {key} does not give {size} different names")
    cameras = []
    for i, (name, _) in enumerate(named):
        groups = {theme.groups[i % len(theme.groups)]}
        if i % 5 == 4:
            groups.add(theme.groups[(i + 1) % len(theme.groups)])
        tz = _ELSEWHERE if i >= 10 and i % 23 == 0 else theme.tz
        cameras.append(Camera(i + 1, name, f"rtsp://bench/{key}/{i + 1}", tuple(sorted(groups)), tz, None))
    names = list(PEOPLE)
    rng.shuffle(names)
    strangers = list(STRANGERS)
    rng.shuffle(strangers)
    people = [Person(1000 + i, name, "bench", 1) for i, name in enumerate(sorted(names[:_ENROLLED]))]
    core = tuple(n for n, _ in named[:10])
    return Site(
        key,
        size,
        theme.tz,
        theme.style,
        tuple(cameras),
        tuple(people),
        dict(named),
        core,
        theme.groups,
        tuple(strangers),
    )


@lru_cache(maxsize=16384)
def cameras_named(key: str, size: int, name: str) -> tuple[Camera, ...]:
    """The cameras of a site that a said name means. Raises NameFault. Kept: 200 cameras are slow to compare with."""
    return tuple(resolve_camera_names([name], make_site(key, size).cameras))


def styled(style: str, words: str, tell: str = "") -> str:
    """``words`` and what tells it apart, as the site writes names."""
    if style == "title":
        words = " ".join(w[:1].upper() + w[1:] for w in words.split())
    elif style == "dash":
        words = words.replace(" ", "-")
    if style == "zero" and tell.isdigit():
        tell = tell.zfill(2)
    if not tell:
        return words
    return f"{words}-{tell}" if style == "dash" else f"{words} {tell}"


def _names(theme: Theme) -> Iterator[tuple[str, Spot]]:
    """Names in order: the ten that requests speak of first, then more and more distracting siblings."""

    def numbered(i: int, n: int) -> tuple[str, Spot]:
        head, scene = theme.numbered[i]
        return styled(theme.style, head, str(n)), Spot(head, str(n), scene, "numbered")

    def lettered(i: int, letter: str) -> tuple[str, Spot]:
        head, scene = theme.lettered[i]
        return styled(theme.style, head, letter), Spot(head, letter, scene, "lettered")

    def directed(i: int, way: str) -> tuple[str, Spot]:
        head, scene = theme.directed[i]
        return styled(theme.style, f"{way} {head}"), Spot(head, way, scene, "directed")

    def single(i: int) -> tuple[str, Spot]:
        head, scene = theme.single[i]
        return styled(theme.style, head), Spot(head, "", scene, "single")

    def compound(i: int, n: int, way: str) -> tuple[str, Spot]:
        head, scene = theme.numbered[i]
        name = styled(theme.style, head, str(n))
        joint = "-" if theme.style == "dash" else " "
        way = way[:1].upper() + way[1:] if theme.style == "title" else way
        return f"{name}{joint}{way}", Spot(head, f"{n} {way}", scene, "compound")

    first = theme.first
    yield from (numbered(0, first + k) for k in range(3))
    yield from (lettered(0, c) for c in "BC")
    yield from (directed(0, way) for way in DIRECTIONS[:2])
    yield from (single(i) for i in range(3))
    # 50: the same heads with more numbers, further heads, and names that contain another's
    yield from (numbered(0, first + k) for k in range(3, 7))
    yield from (compound(0, first + k, way) for k in range(2) for way in DIRECTIONS[:2])
    yield from (numbered(1, k) for k in range(1, 7))
    yield from (lettered(0, c) for c in "DE")
    yield from (lettered(1, c) for c in "ABCD")
    yield from (directed(0, way) for way in DIRECTIONS[2:])
    yield from (directed(1, way) for way in DIRECTIONS[:4])
    yield from (single(i) for i in range(3, len(theme.single)))
    yield from (numbered(2, k) for k in range(1, 10))
    # 200
    yield from (numbered(0, first + k) for k in range(7, 30))
    yield from (compound(1, k, way) for k in range(1, 10) for way in DIRECTIONS[:4])
    yield from (numbered(1, k) for k in range(7, 40))
    yield from (compound(2, k, way) for k in range(1, 12) for way in DIRECTIONS[:4])
    yield from (numbered(2, k) for k in range(10, 50))
