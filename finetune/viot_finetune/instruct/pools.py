"""What slots are filled with: names of people, cameras, groups, plates and time phrases; large, odd and confusable.

Two disjoint halves by hash, ``train`` and ``test``: no name or plate of the evaluation was trained on.
Owns the pools. Knows no request.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Literal

Half = Literal["train", "test"]

_FIRST = (
    "Ana Bjørn Chidi Dmitri Eun-ji Farah Giulia Hiroshi Ingrid João Kwame Leïla Mateusz Ngozi Oisín Priya Quentin "
    "Rosa Søren Tamar Uchenna Viktor Wanjiru Ximena Yusuf Zoë Aarav Beatriz Cem Dilnoza Emeka Fatou Goran Hana "
    "Iman Jorge Kaito Lucía Marek Noura Olga Pavel Rania Saoirse Thabo Umar Vera Wei Yara Zeynep Mary-Jane "
    "Jean-Luc Lin-Manuel Abdul Hye-jin Mike Sara Tom Ella Jack Nina Omar Ruth Sam Tess Will Grace Mark May Rose "
    "Chase Bill Hope Dawn Art Drew Alex Barack "
).split()
_LAST = (
    "Okafor Müller Nguyễn Håkansson O'Brien García Kowalski Tanaka Petrović D'Angelo Schäfer Al-Rashid Singh "
    "Öztürk Mbeki Ferreira Johansson Kaya Lopez Moreau Novák Popescu Rossi Smith Takahashi Ueda Vasquez Weiss Xu "
    "Yilmaz Zhang Adeyemi Bianchi Castellanos Dubois Eriksen Fitzgerald Gutiérrez Hansen Ivanova Jensen Kim Lund "
    "Mendez Nakamura Owusu Park Quiroga Reyes Sørensen Tran Urquhart Varga Walker Yoon Zielińska Brown Miller "
    "Baker King Young Hall Gates Banks Field Parker Cole Lane Woods Miranda Lacamoire Obama McCarthy St.~Clair "
).split()
_ODD = (
    "李小龙", "王芳", "김민수", "박지영", "山田太郎", "佐藤 花子", "Ольга Иванова",
    "Дмитрий Козлов", "محمد علي", "فاطمة الزهراء",
    "प्रिया शर्मा", "สมชาย ใจดี", "Γιώργος Παπαδόπουλος", "יעל כהן", "Nguyễn Thị Minh Khai", "van der Berg",
    "Dr. Okonkwo", "Mrs Patel", "Mr Lee", "Ms. Abernathy", "Big Tony", "officer Diaz", "J. R. Hartley", "Björk",
    "Cher", "de la Cruz", "Anne-Sophie", "Prof. Ito", "T. Okoye", "Little Joe", "Zlatan", "Maria José da Silva",
    "Sheikh Hamad", "Old Pete", "Conchita", "Ebba", "Ferhat", "Gwendolyn", "Ikram", "Jovana", "Kjell",
    "Liesbeth", "Mbali", "Njoki", "Oleksandr",
)  # fmt: skip
_SITES = (
    "gate", "dock", "entrance", "exit", "ramp", "hall", "stairwell", "car park", "corridor", "platform",
    "loading bay", "lobby", "yard", "warehouse", "office", "kitchen", "canteen", "theatre", "reception", "lift",
    "garage", "roof", "tower", "pier", "fence", "barrier", "checkpoint", "court", "stage", "aisle", "till",
    "vault", "bridge", "tunnel", "square", "playground", "gym", "pool", "lab", "ward", "depot", "workshop",
    "silo", "turnstile", "taxi rank", "bus stop", "petrol pump", "atrium", "mezzanine", "basement", "foyer",
    "library", "chapel", "garden", "boiler room", "server room", "bike shed", "back door", "front desk",
    "food court", "cash office", "staff door", "fire exit", "parking deck", "weighbridge", "crane", "east wall",
)  # fmt: skip
_ENDINGS = (
    "", "", " 1", " 2", " 3", " 4", " 7", " 12", " a", " b", " c", " north", " south", " east", " west",
    " 2 north", " 2 south", " level 1", " level 2", " inner", " outer", " left", " right", "-01", "-02", " B2",
    " II",
)  # fmt: skip
_TELLING = (
    ("1", "2", "3", "4", "5", "6"), ("7", "8", "9", "10", "11", "12"), ("A", "B", "C", "D"), ("a", "b", "c"),
    ("north", "south", "east", "west"), ("left", "right"), ("inner", "outer"), ("upper", "lower"),
    ("01", "02", "03"), ("101", "102", "103"), ("front", "back"),
)  # fmt: skip
_CODES = ("cam", "cam ", "camera ", "cctv ", "ch", "unit ", "c", "ptz-", "view ", "nvr2-")
_GROUPS = (
    "north gates", "south side", "perimeter", "ground floor", "first floor", "car parks", "loading docks",
    "west wing", "east wing", "yard cameras", "entrances", "exits", "indoor cameras", "outdoor cameras",
    "terminal 2", "block C", "campus", "shop floor", "back of house", "basement level", "arena", "old town",
    "harbour", "site B", "building 4", "east block", "retail park", "tower block", "north field", "staff area",
    "public area", "plant", "quayside", "annexe", "departures",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PARTS = ("morning", "afternoon", "evening", "night")
_MONTHS = ("January", "March", "April", "May", "June", "August", "October", "November", "December")
_COUNTS = ("two", "three", "five", "10", "30", "45", "90", "24", "six", "48", "15", "twenty")


def half_of(word: str) -> Half:
    """Which half a pool entry belongs to: a quarter is the test's."""
    return "test" if zlib.crc32(word.casefold().encode()) % 4 == 0 else "train"


@dataclass(frozen=True, slots=True)
class Pools:
    """Draws slot values of one half."""

    half: Half

    def person(self, rng: random.Random) -> str:
        for _ in range(200):
            kind = rng.random()
            if kind < 0.2:
                name = rng.choice(_ODD)
            elif kind < 0.35:
                name = rng.choice(_FIRST)
            elif kind < 0.42:
                name = rng.choice(_LAST)
            else:
                name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
            name = name.replace("~", " ")
            if half_of(name) == self.half:
                return name
        raise AssertionError("the pool of names has an empty half")

    def camera(self, rng: random.Random, near: str = "") -> str:
        """A camera's name; with ``near`` a sibling of that one."""
        for _ in range(200):
            site = next((s for s in _SITES if near.casefold().find(s) >= 0), "")
            if near and site and rng.random() < 0.85:
                name = rng.choice((f"{site}{rng.choice(_ENDINGS)}", f"{rng.choice(('north', 'old', 'main'))} {site}"))
            elif rng.random() < 0.15:
                name = f"{rng.choice(_CODES)}{rng.choice(('', '0'))}{rng.randint(1, 40)}"
            elif rng.random() < 0.15:
                name = f"{rng.choice(('north', 'south', 'main', 'old', 'upper', 'rear', 'side'))} {rng.choice(_SITES)}"
            else:
                name = f"{rng.choice(_SITES)}{rng.choice(_ENDINGS)}"
            style = rng.random()
            if style < 0.15:
                name = name.title()
            elif style < 0.2:
                name = name.upper()
            elif style < 0.25:
                name = name.replace(" ", "-")
            if name != near and half_of(name) == self.half:
                return name
        raise AssertionError("the pool of cameras has an empty half")

    def siblings(self, rng: random.Random) -> tuple[str, str, str]:
        """Two cameras that differ in their last word, and that word of the second: ("gate 2", "gate 3", "3")."""
        for _ in range(400):
            site = rng.choice(_SITES)
            ends = rng.choice(_TELLING)
            first, second = rng.sample(ends, 2)
            style = rng.choice((str, str, str.title, str.upper))
            names = style(f"{site} {first}"), style(f"{site} {second}")
            if half_of(site + first) == self.half:
                return names[0], names[1], style(second)
        raise AssertionError("the pool of siblings has an empty half")

    def plural_site(self, rng: random.Random) -> tuple[str, str, list[str]]:
        """A noun, its plural, and two to four cameras of that sort: ("gate", "gates", ["gate 1", "north gate"])."""
        site = rng.choice([s for s in _SITES if half_of(s) == self.half and not s.endswith(("s", "y"))])
        ends = list(rng.choice(_TELLING))
        rng.shuffle(ends)
        plural = site + ("es" if site.endswith(("ch", "sh", "x", "ss")) else "s")
        names = [f"{site} {e}" for e in ends[: rng.randint(2, min(4, len(ends)))]]
        return site, plural, [n.title() if rng.random() < 0.3 else n for n in names]

    def stranger(self, rng: random.Random) -> str:
        """A full name, to be enrolled by nobody."""
        return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}".replace("~", " ")

    def future(self, rng: random.Random) -> str:
        """When an alert shall be on."""
        day = rng.choice(_DAYS)
        return rng.choice(
            (
                "at night", "tonight", "overnight", "on weekends", "during the night", "outside opening hours",
                "after closing time", "from now on", f"after {self.clock(rng)}", f"until {day}", f"on {day}",
                f"between {self.clock(rng)} and {self.clock(rng)}", "for the next two hours", "this weekend",
                "tomorrow", "tomorrow morning", f"until {self.clock(rng)}", "on weekdays", "in the evening",
                "during the match", "for the rest of the day", f"from {self.clock(rng)} to {self.clock(rng)}",
                "every night", "before opening", f"until {day} morning", "next week", "in the small hours",
            )
        )  # fmt: skip

    def number(self, rng: random.Random) -> str:
        """A number of people."""
        words = ("three", "four", "five", "six", "eight", "ten", "twelve", "fifteen", "twenty")
        return (
            rng.choice(words)
            if rng.random() < 0.25
            else str(rng.choice((2, 3, 4, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 80, 100, 150, 200)))
        )

    def group(self, rng: random.Random) -> str:
        return rng.choice([g for g in _GROUPS if half_of(g) == self.half])

    def plate(self, rng: random.Random) -> str:

        def letters(n: int) -> str:
            return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(n))

        def digits(n: int) -> str:
            return "".join(rng.choice("0123456789") for _ in range(n))

        def russian(n: int) -> str:
            return "".join(rng.choice("ABCEHKMOPTXY") for _ in range(n))

        forms = [
            f"{rng.choice('京沪粤皖苏浙鲁川')}{letters(1)}{letters(1)}{digits(1)}{letters(1)}{digits(2)}",
            f"{rng.choice('京沪粤皖苏浙鲁川')}{letters(1)}·{digits(5)}",
            f"{letters(2)}-{digits(4)}",
            f"{letters(2)} {digits(3)} {letters(2)}",
            f"{letters(2)}{digits(2)} {letters(3)}",
            f"{digits(3)}-{letters(3)}",
            f"{letters(3)} {digits(3)}",
            f"{letters(3)}{digits(4)}",
            f"{letters(1)}-{letters(2)} {digits(4)}",
            f"{digits(2)} {letters(2)} {digits(2)}",
            f"{letters(2)}-{digits(3)}-{letters(2)}",
            f"MH {digits(2)} {letters(2)} {digits(4)}",
            f"{digits(4)} {letters(3)}",
            f"{russian(1)}{digits(3)}{russian(2)} {digits(2)}",
        ]
        for _ in range(200):
            plate = rng.choice(forms)
            if rng.random() < 0.2:
                plate = plate.lower()
            if rng.random() < 0.15:
                plate = plate.replace(" ", "").replace("-", "")
            if half_of(plate) == self.half:
                return plate
            # other letters and digits until one falls into this half
            forms += [f"{letters(2)}-{digits(4)}", f"{letters(3)} {digits(3)}"]
        raise AssertionError("the pool of plates has an empty half")

    def clock(self, rng: random.Random) -> str:
        """A time of day, as after *at*."""
        hour, minute = rng.randint(0, 23), rng.choice((0, 5, 10, 15, 20, 30, 40, 45, 55))
        half_day = hour % 12 or 12
        forms = [
            f"{hour:02d}:{minute:02d}",
            f"{half_day}:{minute:02d} {rng.choice(('am', 'pm', 'a.m.', 'p.m.'))}",
            f"{half_day}{rng.choice(('am', 'pm', ' am', ' pm', ' p.m.'))}",
            f"{half_day} o'clock",
            rng.choice(
                ("noon", "midnight", "midday", "half past nine", "quarter to six", "half past two", "ten to four")
            ),
            f"{hour:02d}{minute:02d}" if rng.random() < 0.4 else f"{half_day}.{minute:02d}",
        ]
        clock = rng.choice(forms)
        if rng.random() < 0.15:
            clock += rng.choice((" today", " yesterday", " this morning", f" on {rng.choice(_DAYS)}", " last night"))
        return clock

    def moment(self, rng: random.Random) -> str:
        """An adverbial time phrase, as at the end of a sentence."""
        day, part, count = rng.choice(_DAYS), rng.choice(_PARTS[:3]), rng.choice(_COUNTS)
        unit = rng.choice(("minutes", "hours", "days"))
        a = rng.randint(1, 11)
        forms = (
            "today",
            "yesterday",
            "tonight",
            "last night",
            f"this {part}",
            f"yesterday {part}",
            f"on {day}",
            f"last {day}",
            f"on {day} {part}",
            f"in the last {count} {unit}",
            f"over the past {count} {unit}",
            f"{day} {part}",
            f"since {self.clock(rng)}",
            f"after {self.clock(rng)}",
            f"before {self.clock(rng)}",
            f"since {day}",
            f"between {a} and {a + 1}",
            f"between {a} and {a + 1} this {part}",
            f"from {a} to {a + 2} pm",
            "since midnight",
            f"between {self.clock(rng)} and {self.clock(rng)}",
            f"from {self.clock(rng)} to {self.clock(rng)}",
            "this week",
            f"at {self.clock(rng)}",
            f"around {self.clock(rng)}",
            f"until {self.clock(rng)}",
            f"during the {part}",
            "last week",
            f"on {rng.randint(2, 28)} {rng.choice(_MONTHS)}",
            f"{rng.choice(_MONTHS)} {rng.randint(2, 28)}",
            "overnight",
            f"{count} {unit} ago",
            "earlier today",
            "the day before yesterday",
            f"in the past {rng.choice(('hour', 'day', 'week'))}",
            "this weekend",
            "last weekend",
            "during lunch",
            f"{day} night",
            "since yesterday",
            "just now",
        )
        return rng.choice(forms)

    def noun_moment(self, rng: random.Random) -> str:
        """A time phrase as after *the* or *in the*."""
        day, part, count = rng.choice(_DAYS), rng.choice(_PARTS), rng.choice(_COUNTS)
        unit = rng.choice(("minutes", "hours", "days"))
        forms = (
            f"last {count} {unit}",
            f"past {count} {unit}",
            "last hour",
            "past hour",
            "last half hour",
            part,
            "early morning",
            "late evening",
            "small hours",
            "weekend",
            "last week",
            "lunch break",
            f"night of {rng.randint(2, 28)} {rng.choice(_MONTHS)}",
            f"{part} of {day}",
            f"evening of {rng.randint(2, 28)} {rng.choice(_MONTHS)}",
            "last quarter of an hour",
            "night shift",
            "past day",
            "last day",
            "last few hours",
            "whole night",
            f"{rng.randint(2, 28)}th of {rng.choice(_MONTHS)}",
            "last month",
        )
        return rng.choice(forms)
