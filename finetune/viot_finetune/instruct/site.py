"""The small random fleet around one authored request: what its slots stand for, and what else is there.

Owns which names are near each other and which are missing on purpose. Words are ``fill``'s.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viot_agent.fleet.types import Camera, Person
from viot_finetune.instruct.pools import Pools


@dataclass(frozen=True, slots=True)
class Noise:
    """How often words are disturbed; ``CLEAN`` is for evaluation."""

    typos: float = 0.3
    case: float = 0.15
    opener: float = 0.08
    nobody: float = 0.1  # no person is enrolled at all: names are found by their looks only
    missed: float = 0.04  # a time or plate that code does not recognise: copied as plain words


CLEAN = Noise(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Site:
    """Cameras, groups and enrolled people around one request."""

    cameras: tuple[str, ...]
    groups: tuple[str, ...]
    people: tuple[str, ...]

    @property
    def fleet(self) -> list[Camera]:
        out = []
        for i, name in enumerate(self.cameras):
            mine = self.groups[i % len(self.groups) :][:1] if self.groups else ()
            if i == len(self.cameras) - 1 and len(self.groups) > len(self.cameras):
                mine = self.groups[i:]
            out.append(Camera(i, name, "", tuple(mine), "UTC", None))
        return out

    @property
    def known(self) -> list[Person]:
        return [Person(i, name, "", 1) for i, name in enumerate(self.people)]


def site_of(row: dict[str, Any], pools: Pools, rng: random.Random, noise: Noise) -> tuple[dict[str, str], Site]:
    """A value for every slot of a phrasing, and a fleet that holds them among others (but not ``{nocamera}`` and
    ``{noperson}``)."""
    text = "\n".join(t["text"] for t in row.get("turns") or [row])
    close = "{camera2_short}" in text or "{pair}" in text or rng.random() < 0.4
    if close:
        first, second, short = pools.siblings(rng)
        names = [first, second]
    else:
        first, short = pools.camera(rng), ""
        names = [first]
    while len(names) < 3:
        name = pools.camera(rng, near=first if rng.random() < 0.5 else "")
        if name.casefold() not in [n.casefold() for n in names]:
            names.append(name)
    values = {"camera": names[0], "camera2": names[1], "camera3": names[2], "image": "image-1"}
    values["camera2_short"] = short
    values["group"] = pools.group(rng)
    values |= {"time": pools.moment(rng), "time_np": pools.noun_moment(rng), "time_at": pools.clock(rng)}
    values["time2"] = next(t for t in iter(lambda: pools.moment(rng), "") if t != values["time"])
    values |= {"person": pools.person(rng), "plate": pools.plate(rng), "future": pools.future(rng)}
    values["n"] = pools.number(rng)
    values["plate2"] = next(p for p in iter(lambda: pools.plate(rng), "") if p != values["plate"])
    values["person2"] = next(
        p for p in iter(lambda: pools.person(rng), "") if not set(p.split()) & set(values["person"].split())
    )
    fleet = list(names) if rng.random() < 0.9 else names[:1]
    for slot in ("camera2", "camera3"):
        if f"{{{slot}}}" in text or "{camera2_short}" in text or "{pair}" in text:
            fleet = list(names)
    values["pair"] = _pair(first, names[1], short, rng) if close else ""
    size = rng.choice((0, 1, 2, 3, 4, 6, 8, 12)) if rng.random() < 0.9 else rng.randint(20, 60)
    fleet += [pools.camera(rng, near=first if rng.random() < 0.4 else "") for _ in range(size)]
    values["plural"] = ""
    if "{plural}" in text:
        site, values["plural"], members = pools.plural_site(rng)
        fleet = [n for n in fleet if site not in n.casefold() or n in (values["camera"], values["camera2"])] + members
    missing = pools.stranger(rng)
    while any(set(missing.split()) & set(p.split()) for p in (values["person"], values["person2"])):
        missing = pools.stranger(rng)
    values["noperson"] = missing
    others = [
        p for p in (pools.person(rng) for _ in range(rng.randint(0, 5))) if not set(p.split()) & set(missing.split())
    ]
    people = [values["person"], values["person2"], *others]
    if noise.nobody > rng.random() and "{noperson}" not in text:
        people = []
    groups = list(dict.fromkeys([values["group"], *(pools.group(rng) for _ in range(rng.randint(0, 2)))]))
    values["nocamera"] = _nowhere(fleet, groups, pools, rng)
    rng.shuffle(fleet)
    rng.shuffle(people)
    return values, Site(tuple(dict.fromkeys(fleet)), tuple(groups), tuple(dict.fromkeys(people)))


def _pair(first: str, second: str, short: str, rng: random.Random) -> str:
    """Two siblings in one phrase."""
    joint = rng.choice((" and ", " and ", " and ", " & ", " or ", ", "))
    stem, _, end = first.rpartition(" ")
    noun = stem.rpartition(" ")[2]
    plural = stem + ("es" if noun.casefold().endswith(("ch", "sh", "x", "ss")) else "" if noun[-1] in "syY" else "s")
    return f"{rng.choice((stem, plural))} {end}{joint}{short}"


def _nowhere(fleet: Sequence[str], groups: Sequence[str], pools: Pools, rng: random.Random) -> str:
    """A camera's name that the fleet does not hold: mostly a known noun with a strange number."""
    known = {n.casefold() for n in [*fleet, *groups]}
    for _ in range(200):
        stems = [n.rpartition(" ")[0] for n in fleet if n.rpartition(" ")[2].isalnum() and " " in n]
        if stems and rng.random() < 0.75:
            name = f"{rng.choice(stems)} {rng.choice((9, 13, 14, 21, 44, 77, 99))}"
        else:
            name = rng.choice(("cam ", "camera ", "gate ", "pier ", "dock ")) + str(rng.randint(50, 99))
        if name.casefold() not in known:
            return name
    raise AssertionError("no name is left")
