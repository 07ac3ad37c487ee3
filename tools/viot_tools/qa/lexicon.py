"""Words of questions: what people call things, clothes, colours, movements, and how they say what they want to know.

Phrases are written once a line; ``(a|b|)`` is a choice, ``^come`` stands for all forms of a verb. What a tag means is
said where it is used (``parse_picks``, ``parse_clauses``, ``parse_frames``). Words of which the index knows nothing
(ages, trades, sizes, makes) are left out on purpose: a question with one of them is not answered past it.

Owns the vocabulary. Knows no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from viot_agent.fleet.words import UNITS
from viot_tools.qa import lexicon_asks, lexicon_moves, lexicon_nil
from viot_tools.qa.neutral import RECORDING
from viot_tools.qa.program import COLOURS, Has, Subject

_IRREGULAR = {
    verb.split()[0]: tuple(verb.split())
    for verb in (
        "be is was are were been being am",
        "have has had having",
        "do does did doing done",
        "come comes came coming comming",
        "go goes went going gone",
        "get gets got getting gotten",
        "leave leaves leaving",
        "drive drives drove driving driven",
        "make makes made making",
        "take takes took taking taken",
        "run runs ran running",
        "sit sits sat sitting",
        "stand stands stood standing",
        "lie lies lay lying lain",
        "fall falls fell falling fallen",
        "fight fights fought fighting",
        "carry carries carried carrying",
        "hold holds held holding",
        "bring brings brought bringing",
        "wear wears wore wearing worn",
        "hang hangs hung hanging",
        "quit quits quitted quitting",
        "see sees saw seeing seen",
        "catch catches caught catching",
        "ride rides rode riding ridden",
        "draw draws drew drawing drawn",
        "grow grows grew growing grown",
        "shrink shrinks shrank shrunk shrinking",
        "rise rises rose rising risen",
        "tell tells told telling",
        "keep keeps kept keeping",
        "spend spends spent spending",
        "stick sticks stuck sticking",
        "begin begins began begun beginning",
        "become becomes became becoming",
        "swing swings swung swinging",
        "say says said saying",
        "give gives gave giving given",
        "head heads headed heading",
        "slip slips slipped slipping",
        "stop stops stopped stopping",
        "step steps stepped stepping",
        "jog jogs jogged jogging",
        "drop drops dropped dropping",
        "spot spots spotted spotting",
        "lug lugs lugged lugging",
        "squat squats squatted squatting",
        "get gets got getting gotten",
        "put puts putting",
        "speed speeds sped speeding",
        "set sets setting",
        "steal steals stole stealing stolen",
        "hurry hurries hurried hurrying",
    )
}


def forms(verb: str) -> tuple[str, ...]:
    """``walk``, ``walks``, ``walked``, ``walking``."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return verb, verb + "s", verb + "d", verb[:-1] + "ing"
    if verb.endswith("y") and verb[-2] not in "aeo":
        return verb, verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"
    plural = verb + ("es" if verb.endswith(("s", "sh", "ch", "x")) else "s")
    return verb, plural, verb + "ed", verb + "ing"


def expand(line: str) -> Iterator[tuple[str, ...]]:
    """All phrases of a line, as words. Choices may hold choices."""
    yield from (p for p in _choices(re.findall(r"[()|]|[^\s()|]+", line)) if p)


def _choices(tokens: list[str]) -> list[tuple[str, ...]]:
    """The phrases of a choice up to its closing bracket, which is taken off the tokens."""
    done: list[tuple[str, ...]] = []
    here: list[tuple[str, ...]] = [()]
    while tokens:
        token = tokens.pop(0)
        if token == ")":
            break
        if token == "|":
            done += here
            here = [()]
        elif token == "(":
            inner = _choices(tokens)
            here = [a + b for a in here for b in inner]
        else:
            words = forms(token[1:]) if token.startswith("^") else (token,)
            here = [(*a, w) for a in here for w in words]
    return list(dict.fromkeys([*done, *here]))


@dataclass(frozen=True, slots=True)
class Noun:
    """What a noun means. ``known``: an enrolled person."""

    kind: Subject
    labels: tuple[str, ...] = ()
    attributes: tuple[Has, ...] = ()
    plural: bool = False
    indefinite: bool = False


_MALE, _FEMALE = (Has("sex", ("male",)),), (Has("sex", ("female",)),)
_PEOPLE: tuple[tuple[str, str, tuple[Has, ...]], ...] = (
    (
        "person face human pedestrian passer+by passerby individual soul human+being walker",
        "people persons faces ppl humans pedestrians passers+by passersby individuals souls "
        "human+beings walkers folks folk",
        (),
    ),
    (
        "man lad guy bloke gent gentleman chap fellow dude fella male mister",
        "men lads guys blokes gents gentlemen chaps fellows dudes fellas males",
        _MALE,
    ),
    ("woman lady female lass madam", "women ladies females lasses", _FEMALE),
)
_INDEFINITE = "somebody someone anybody anyone"
_VEHICLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("vehicle motor automobile+vehicle motor+vehicle", "vehicles motors motor+vehicles", ()),
    (
        "car saloon sedan automobile estate+car hatchback suv motorcar",
        "cars saloons sedans automobiles estate+cars hatchbacks suvs motorcars",
        ("car",),
    ),
    ("van minivan transit+van delivery+van transporter", "vans minivans delivery+vans transporters", ("van",)),
    (
        "truck lorry pickup pickup+truck articulated+lorry hgv semi+truck",
        "trucks lorries pickups pickup+trucks hgvs",
        ("truck",),
    ),
    (
        "bus coach minibus omnibus school+bus tour+bus double+decker",
        "buses busses coaches minibuses school+buses tour+buses double+deckers",
        ("bus",),
    ),
    (
        "motorcycle motorbike motor+bike moped scooter motorcyclist",
        "motorcycles motorbikes motor+bikes mopeds scooters motorcyclists",
        ("motorcycle",),
    ),
    (
        "bicycle cycle pushbike push+bike cyclist bike+rider",
        "bicycles cycles pushbikes push+bikes cyclists",
        ("bicycle",),
    ),
    ("bike two+wheeler", "bikes two+wheelers", ("bicycle", "motorcycle")),
)
_EVENTS: tuple[tuple[str, str, Subject], ...] = (
    ("fire blaze", "fires blazes flames flame", "fire"),
    ("smoke", "", "smoke"),
    ("anomaly", "anomalies", "anomaly"),
)
OBJECTS = (
    "bird cat dog horse sheep cow bench umbrella suitcase frisbee skateboard bottle cup chair laptop phone book clock "
    "ball kite table couch"
).split()
"""Of COCO's 80 classes the ones that stand about in footage. ``bag`` and ``backpack`` are carried, so attributes."""
_OBJECT_WORDS = {"sofa": "couch", "parasol": "umbrella", "trolley+case": "suitcase", "mobile+phone": "phone"}

COLOUR_WORDS: dict[str, str] = {
    **{c: c for c in COLOURS},
    **dict.fromkeys("gray silver silvery charcoal anthracite grayish greyish".split(), "grey"),
    **dict.fromkeys("navy azure turquoise cyan cobalt denim+blue".split(), "blue"),
    **dict.fromkeys("crimson scarlet maroon burgundy ruby".split(), "red"),
    **dict.fromkeys("beige tan khaki bronze chestnut".split(), "brown"),
    **dict.fromkeys("violet lilac lavender mauve".split(), "purple"),
    **dict.fromkeys("magenta rose fuchsia".split(), "pink"),
    **dict.fromkeys("gold golden lemon mustard".split(), "yellow"),
    **dict.fromkeys("olive lime emerald".split(), "green"),
    **dict.fromkeys("cream ivory".split(), "white"),
    **dict.fromkeys("amber".split(), "orange"),
}
"""Colour words as Berlin and Kay's eleven."""
SHADES = frozenset("dark light bright pale deep vivid".split())
"""Before a colour only: alone they are no colour of the index."""

GARMENTS: dict[str, str] = {
    "upper": "top tops jacket shirt t+shirt tshirt tee+shirt jumper hoodie hoody sweater sweatshirt pullover blouse "
    "cardigan anorak parka blazer polo+shirt fleece tee upper+clothing upper+clothes upper+garment upper+wear "
    "outerwear",
    "lower": "trousers pants jeans slacks leggings joggers chinos bottoms lower+clothing lower+garment legwear",
    "shorts": "shorts",
    "skirt": "skirt",
    "coat": "coat overcoat raincoat",
}
CARRIED: dict[str, str] = {
    "backpack": "backpack rucksack back+pack knapsack backpacks rucksacks",
    "bag": "bag handbag hand+bag shoulder+bag tote tote+bag purse carrier+bag shopping+bag plastic+bag satchel bags "
    "handbags",
}
HATS = "hat hats cap caps beanie headgear headwear baseball+cap"

ACTION_WORDS = {
    "standing": "^stand (upright|about|)",
    "walking": "(^walk|^stroll|^amble) (around|about|along|)",
    "running": "(^run|^jog|^sprint) (around|about|along|)\n^break into a run\n^leg it",
    "sitting": "^sit (down|around|)\nseated\n(^stay|^remain) (seated|sat)\n(^take|^have) a seat",
    "lying": """
(lying|lain|lies|lay) (down|about|on the (ground|floor)|)
(lie|laid|lying|lay) (down|flat|still|there|on the (ground|floor))
flat on (his|her|their|the) (back|ground|floor)
""",
    "falling": """
(^fall|^tumble|^topple|^collapse) (over|down|(to|on) the (ground|floor)|)
(^have|^take) a (fall|tumble)
^trip over
^keel over
^hit the (deck|ground|floor)
""",
    "squatting": "(^squat|^crouch) (down|)\n(^go|^drop) into a (squat|crouch)",
    "waving": "^wave (goodbye|(a|his|her|their) (hand|hands|arm|arms)|)\n^give a wave",
    "fighting": """
(^fight|^brawl|^scuffle) (with each other|)
throwing punches
^throw a punch
^punch (each other|)
^hit each other
(^have|^get into|^get in) a fight
""",
    "upright": "on (his|her|their) feet\nupright\n(^stay|^remain) standing",
    "rising": """
(^get|^stand|^hop) (back|) up (again|)
(^get|^rise) (back|) (to|on) (his|her|their) feet
^get out of (his|her|their|the) (chair|seat)
""",
}
"""Verbs of what action recognition tells, and of ``doings``. ``carrying`` is read as what is carried."""

CUES: dict[str, str] = {**lexicon_asks.PHRASES, **lexicon_moves.PHRASES, **lexicon_nil.PHRASES}
"""Tags with the phrases that say them. Longer phrases win; of equal ones the later tag."""


def _canonical(word: str) -> str:
    """As questions are read: words of recordings are one word, numbers are tags."""
    if word in RECORDING:
        return "<rec>"
    return f"<n:{UNITS[word]}>" if word in UNITS and word not in ("zero", "one") else word


@cache
def phrases() -> dict[tuple[str, ...], str]:
    """Every phrase of the lexicon with its tag."""
    out: dict[tuple[str, ...], str] = {}
    for tag, text in CUES.items():
        for line in text.strip().split("\n"):
            for phrase in expand(line):
                out[tuple(_canonical(w) for w in phrase)] = f"<{tag}>"
    for action, text in ACTION_WORDS.items():
        for line in text.split("\n"):
            out.update(dict.fromkeys(expand(line), f"<doing:{action}>"))
    for word, colour in COLOUR_WORDS.items():
        spelt = tuple(word.split("+"))
        out[spelt] = f"<C:{colour}>"
        for shade in SHADES:
            out[(shade, *spelt)] = f"<C:{colour}>"
        out[(*spelt, "coloured")] = out[(*spelt, "colored")] = f"<C:{colour}>"
    for what, text in GARMENTS.items():
        out.update({tuple(w.split("+")): f"<G:{what}>" for w in text.split()})
    for what, text in CARRIED.items():
        out.update({tuple(w.split("+")): f"<I:{what}>" for w in text.split()})
    out.update({tuple(w.split("+")): "<H>" for w in HATS.split()})
    for i, phrase in enumerate(noun_phrases()):
        out[phrase] = f"<N:{i}>"
    return out


@cache
def nouns() -> dict[tuple[str, ...], Noun]:
    """Every noun with its meaning."""
    out: dict[tuple[str, ...], Noun] = {}

    def add(words: str, noun: Noun) -> None:
        out.update({tuple(w.split("+")): noun for w in words.split()})

    for one, many, has in _PEOPLE:
        add(one, Noun("person", attributes=has))
        add(many, Noun("person", attributes=has, plural=True))
    add(_INDEFINITE, Noun("person", indefinite=True))
    for one, many, labels in _VEHICLES:
        add(one, Noun("vehicle", labels))
        add(many, Noun("vehicle", labels, plural=True))
    for one, many, kind in _EVENTS:
        add(one, Noun(kind))
        add(many, Noun(kind, plural=True))
    for name in OBJECTS:
        many = {"sheep": "", "bench": "benches", "couch": "couches"}.get(name, name + "s")
        add(name, Noun("object", (name,)))
        add(many, Noun("object", (name,), plural=True))
    for word, name in _OBJECT_WORDS.items():
        add(word, Noun("object", (name,)))
    for words in ("anything", "something"):
        for odd in ("unusual", "strange", "odd", "abnormal", "suspicious", "weird"):
            out[(words, odd)] = Noun("anomaly", indefinite=True)
    return out


@cache
def noun_phrases() -> tuple[tuple[str, ...], ...]:
    return tuple(nouns())


@cache
def noun_list() -> tuple[Noun, ...]:
    return tuple(nouns().values())
