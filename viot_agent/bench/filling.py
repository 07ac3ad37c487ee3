"""Filling a family's slots from a site: cameras (often siblings), people, plates, times that can be read at its now.

One filling serves all turns of a conversation. Owns the choice of values and the two texts of a value: what is said,
and what the expected argument holds. Knows no world and no tool's answer.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from viot_agent.bench.families import SLOT, Family
from viot_agent.bench.match import Ground, same_time, time_text
from viot_agent.bench.phrases import clock_time, coming_time, noun_time, past_time
from viot_agent.bench.site import Site, styled
from viot_agent.bench.world import make_plate
from viot_agent.fleet.clock import instant, zone

_FIRST_DAY = date(2026, 2, 2)


@dataclass(frozen=True)
class Filling:
    """``said``: what stands in the text for each slot; ``meant``: what the argument holds where that differs."""

    said: Mapping[str, str]
    meant: Mapping[str, str] = field(default_factory=dict)

    def text(self, template: str) -> str:
        """A text with its slots filled."""
        return SLOT.sub(lambda m: self.said[m[1]], template)

    def value(self, template: str) -> str:
        """An argument with its slots filled."""
        return SLOT.sub(lambda m: self.meant.get(m[1], self.said[m[1]]), template)

    def args(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a step."""
        out: dict[str, Any] = {}
        for key, value in args.items():
            if isinstance(value, list):
                out[key] = [self.value(str(v)) for v in value]
            else:
                out[key] = bare_time(self.value(str(value))) if key == "time" else self.value(str(value))
        return out


def bare_time(phrase: str) -> str:
    """A time phrase as an argument: without a leading preposition or article, its case kept."""
    bare = time_text(phrase)
    at = phrase.casefold().find(bare)
    return phrase[at : at + len(bare)] if at >= 0 else bare


def present(rng: random.Random, tz: str) -> float:
    """A workday afternoon or evening: so much of today has passed that "this morning" is over."""
    day = _FIRST_DAY + timedelta(days=rng.randint(0, 400))
    return instant(day, float(rng.randint(13 * 3600, 20 * 3600 + 1800)), zone(tz))


def fill(family: Family, site: Site, now: float, rng: random.Random, *, paraphrase: bool) -> Filling:
    """Values for all slots of the family. Raises ValueError when the site has no fitting cameras."""
    slots = set(SLOT.findall(family.said(paraphrase=paraphrase)))
    said: dict[str, str] = {}
    meant: dict[str, str] = {}
    _cameras(said, meant, slots, site, rng, sibling="sibling" in family.tags or "camera2_short" in slots)
    people = [p.name for p in site.people]
    said["person"], said["person2"] = rng.sample(people, 2)
    said["noperson"] = rng.choice(site.strangers)
    said["plate"], said["plate2"] = _two_plates(rng)
    short = "export_clip" in family.tools
    ground = Ground(site.cameras, site.people, now, now - 14 * 86400.0, site.named)
    if slots & {"time", "time2"}:
        said["time"] = said["time2"] = past_time(rng, now, site.tz, short=short)
    while "time2" in slots and same_time(said["time"], said["time2"], None, ground):
        said["time2"] = past_time(rng, now, site.tz, short=short)
    if "time_np" in slots:
        said["time_np"] = noun_time(rng, now, site.tz, short=short)
    if "time_at" in slots:
        said["time_at"] = clock_time(rng, now, site.tz)
    if "future" in slots:
        said["future"] = coming_time(rng, now, site.tz)
    said["n"] = str(rng.randint(6, 60))
    if rng.random() < 0.25:  # people do not look up how a camera's name is written
        for key in ("camera", "camera2", "camera3", "group"):
            if key in said:
                said[key] = said[key].lower()
    return Filling(said, meant)


def _two_plates(rng: random.Random) -> tuple[str, str]:
    first = make_plate(rng)
    second = make_plate(rng)
    if rng.random() < 0.4:  # one sign apart: the hard case
        at = rng.choice([i for i, c in enumerate(first) if c.isdigit()])
        second = first[:at] + str((int(first[at]) + rng.randint(1, 9)) % 10) + first[at + 1 :]
    return first, second


def _cameras(
    said: dict[str, str], meant: dict[str, str], slots: set[str], site: Site, rng: random.Random, *, sibling: bool
) -> None:
    core = list(site.core)
    three = [n for n in core if len(site.siblings(n)) >= 2]
    two = [n for n in core if site.siblings(n)]
    if sibling or rng.random() < 0.5:
        first = rng.choice(three if "camera3" in slots else two)
        rest = site.siblings(first)
        rng.shuffle(rest)
        others = [n for n in core if n != first and n not in rest]
        rng.shuffle(others)
        chosen = [first, *rest, *others][:3]
    else:
        chosen = rng.sample(core, 3)
    said["camera"], said["camera2"], said["camera3"] = chosen
    said["camera2_short"] = site.spots[chosen[1]].tell
    meant["camera2_short"] = chosen[1]
    if site.style == "zero" and said["camera2_short"].isdigit() and rng.random() < 0.5:
        said["camera2_short"] = said["camera2_short"].zfill(2)
    used = {site.spots[n].head for n in chosen} if slots & {"camera", "camera2", "camera3"} else set()
    heads = [site.spots[n].head for n in core if site.spots[n].kind in ("numbered", "lettered")]
    heads = [h for h in dict.fromkeys(heads) if h not in used] or list(dict.fromkeys(heads))
    head = rng.choice(heads)
    same = sorted(n for n in core if site.spots[n].head == head)
    pair = rng.sample(same, 2) if len(same) > 2 else same
    tells = [site.spots[n].tell for n in pair]
    if site.style == "zero":
        tells = [t.zfill(2) if t.isdigit() else t for t in tells]
    said["pair"] = f"{styled('title' if site.style == 'title' else 'lower', plural_of(head))} {tells[0]} and {tells[1]}"
    if {c.name for c in site.named(said["pair"])} != set(pair):
        raise ValueError(f"{said['pair']!r} does not mean {pair}")
    directed = [site.spots[n].head for n in core if site.spots[n].kind == "directed"]
    said["plural"] = plural_of(rng.choice([*heads, *directed[:1]]))
    site.named(said["plural"])  # raises where the form means nothing
    said["group"] = rng.choice(site.groups)
    said["nocamera"] = _absent(site, rng)


def plural_of(head: str) -> str:
    """``turnstiles``, ``galleries``, ``level crossings``."""
    if head.endswith("y") and head[-2] not in "aeiou":
        return head[:-1] + "ies"
    return head + ("es" if head.endswith(("s", "x", "ch", "sh")) else "s")


def _absent(site: Site, rng: random.Random) -> str:
    """A name that no camera of the site has, of the site's own sort or of none."""
    numbered = [s for s in site.spots.values() if s.kind == "numbered"]
    if rng.random() < 0.5:
        spot = rng.choice(numbered)
        return styled(site.style, spot.head, str(rng.randint(71, 98)))
    return styled(
        site.style, rng.choice(("orchard", "clock tower", "ice rink", "watchtower", "bandstand", "swimming pool"))
    )
