"""What is left of a question when its words are tags: cues, loose words, things; and what stops it being answered.

Owns the checks before any form is tried. Knows no form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from viot_agent.fleet.words import UNITS
from viot_tools.qa.lexicon import noun_phrases
from viot_tools.qa.neutral import ACTIVE, NEUTRAL, REFERRING, WH
from viot_tools.qa.parse_clauses import Clauses
from viot_tools.qa.parse_picks import Phrase
from viot_tools.qa.program import Has, Pick, Program

_ALWAYS = frozenset("cam time yesno rel nil".split())
_RELATED = frozenset("later already together followed".split())
"""What only says again that one thing is before or after another."""


class Lost(Exception):
    """No form fits; the message says why, in words for the person who asks."""


@dataclass(slots=True)
class Said:
    """What is left of a question: ``cues`` by tag, with their values in order; loose ``words``; the things."""

    clauses: Clauses
    said: dict[str, str]
    people: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    cameras: tuple[tuple[str, ...], ...] = ()
    cues: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    nps: list[Phrase] = field(default_factory=list)
    listed: bool = False

    def has(self, *names: str) -> bool:
        return any(name in self.cues for name in names)

    def take(self, *allowed: str) -> None:
        """All cues are understood by the form. Raises Lost naming the one that is not."""
        related = _RELATED if self.clauses.relations else frozenset()
        for name, values in self.cues.items():
            if name not in allowed and name not in _ALWAYS and name not in related:
                tag = f"<{name}:{values[0]}>" if values[0] else f"<{name}>"
                raise Lost(f"I do not see how {self.said.get(tag, name)!r} goes with the rest of the question")


def gather(
    clauses: Clauses,
    said: dict[str, str],
    people: Sequence[str],
    options: Sequence[str],
    cameras: Sequence[tuple[str, ...]],
) -> Said:
    """The cues, words and things of the clauses."""
    out = Said(clauses, said, tuple(people), tuple(options), tuple(cameras))
    for token in clauses.text.split():
        if token == "<ask>":
            out.words.append("what")
            continue
        if token == "when":
            out.cues.setdefault("when", []).append("")
            continue
        tag = re.fullmatch(r"<(\w+)(?::(.+))?>", token)
        if tag is None:
            out.words.append(token)
        elif tag[1] == "np":
            out.nps.append(clauses.nps[int(tag[2])])
        elif tag[1] == "list":
            out.listed = True
            out.nps += [clauses.nps[i] for i in clauses.lists[int(tag[2])]]  # of one named twice, once
        else:
            out.cues.setdefault(tag[1], []).append(tag[2] or "")
    seen: dict[Pick, Phrase] = {}
    for np in out.nps:
        seen.setdefault(np.pick, np)
    out.nps = list(seen.values())
    return out


_OTHERS = re.compile(
    r" (?:<np:\d+>|<who>) else(?= )| (?:the |any |some |)(others?|another)(?= <np:)|<howmany> (others)(?= )"
)
"""Somebody besides those that are meant otherwise."""


def no_strange_word(said: Said) -> None:
    besides = _OTHERS.search(f" {said.clauses.text} ")
    if besides is not None:
        raise Lost(f"I do not know who or what {besides[1] or besides[2] or 'else'!r} leaves out")
    for word in said.words:
        if word.isalpha() and word not in NEUTRAL and word not in WH:
            raise Lost(f"I do not know what to look for by {word!r}")
        if not word.isalpha() and word not in (",", ".", "/", "?"):
            raise Lost(f"I cannot read {word!r}")


_BEFORE_ACTION = frozenset(
    """
is was are were be been being has have had did does do he she it they i you we who that which and or of any some
, . ? ever seen start started begin began caught spotted found get got to just already also a the see saw
actually really somebody someone is not or if whether
""".split()
)


def loose_action(text: str, heard: dict[str, str]) -> None:
    """An action belongs to a thing of the question, not to a word of the framing (``a bet running``); and what a thing
    does is no way of asking (``did the man look at``)."""
    tokens = text.split()
    for before, token in zip([".", *tokens], tokens, strict=False):
        if token.startswith("<doing:") and before not in _BEFORE_ACTION and not before.startswith("<"):
            raise Lost(f"I do not see who or what is {heard.get(token, 'doing that')}")
        if token.startswith("look") and ("<C:" in text or "<colour>" in text):
            continue
        if token in ACTIVE and before.startswith(("<np:", "<list:")):
            raise Lost(f"I do not know what it looks like to {token!r}")


_OBJECT = re.compile(
    r"(?<= )(?:<leaves> (?:it|him|her|them|something)(?= [?.,]| $)|(?:past|at|into|onto|through|over|around|to|"
    r"(?<!<updown> )in) <np:\d+>|"
    r"<np:\d+> (?:that|which|<who>) (?:did|does|had|has|was) (?:it|that|this|so)\b)"
)


def beside_something(text: str, heard: dict[str, str]) -> None:
    """A thing that only says where somebody else is or what is done to it is no subject of the question."""
    found = _OBJECT.search(text.replace(" <came> <np", " past <np") if heard.get("<came>") == "past" else text)
    if found is not None and len(re.findall(r"<np:", text)) < 2:
        raise Lost("I do not see what is asked of the thing that is named")
    if re.search(r"<neg> (?:[,?]|<cam:|<time:)|<correction>", text):
        raise Lost("the question corrects itself: ask it again as it is meant")
    remains = r" (?:is|are|was|were|there) <np:\d+> <leaves>|<np:\d+> (?:is|are|was|were) <leaves>"
    if heard.get("<leaves>") == "left" and re.search(remains, text):
        raise Lost("I do not know whether 'left' means that they went or that they are still there")
    if "<neg>" in text and " should " in text:
        raise Lost("what should not be is a rule, and I only know what was")
    who = re.search(r" (he|she|him) [^.?]*<np:", text)
    if who is not None and len(re.findall(r"<(?:np|rel)", text)) < 2:
        raise Lost(f"I do not know who {who[1]!r} is")


_ALONE = {"he": "man", "him": "man", "his": "man", "she": "woman", "her": "woman"}
EVERYBODY = -1
_GROUPS = {"couple": 2, "pair": 2, "duo": 2, "trio": 3}


@dataclass(frozen=True, slots=True)
class StoodIn:
    """A question's tags with the words behind them, nobody's name in them replaced by a noun. ``heads``: as in
    ``Pick``; 0 for ``they``, whoever is there, ``EVERYBODY`` for all of them."""

    tags: tuple[str, ...]
    said: tuple[str, ...]
    heads: int | None = None


def stand_in(tags: tuple[str, ...], said: tuple[str, ...]) -> StoodIn:
    """``he`` in a question that names nobody and nothing as ``the man``, ``his`` as ``the man's``; ``the two`` as
    ``the people``."""
    if any(t.startswith(("<N:", "<name:")) for t in tags):
        return StoodIn(tags, said)
    many = _many(tags)
    words = {_ALONE[t] for t in tags if t in _ALONE}
    if len(words) + len(many) != 1:
        return StoodIn(tags, said)
    noun = words.pop() if words else "people"
    new_tags: list[str] = []
    new_said: list[str] = []
    size = many[0][1] - many[0][0] if many else 1
    i = 0
    while i < len(tags):
        if (many and i == many[0][0]) or (not many and tags[i] in _ALONE):
            owns = tags[i] == "his" or (tags[i] == "her" and tags[i + 1 : i + 2] not in (("?",), (".",), ()))
            new_tags += ["the", f"<N:{_index(noun)}>", *(["s"] if owns else [])]
            new_said += ["the", noun, *(["s"] if owns else [])]
            i += size
        else:
            new_tags.append(tags[i])
            new_said.append(said[i])
            i += 1
    return StoodIn(tuple(new_tags), tuple(new_said), many[0][2] if many else 1)


def _index(noun: str) -> int:
    return next(i for i, phrase in enumerate(noun_phrases()) if phrase == (noun,))


def _many(tags: Sequence[str]) -> list[tuple[int, int, int]]:
    """(from, to, heads) of what stands for several people: ``the two``, ``both of them``, ``the couple``, ``they``."""
    found: list[tuple[int, int, int]] = []
    i = 0
    while i < len(tags):
        size = heads = 0
        if tags[i] in ("the", "these", "those", "all") and i + 1 < len(tags):
            number = re.fullmatch(r"<n:([2-9])>", tags[i + 1])
            size, heads = (
                (2, int(number[1])) if number else (2, _GROUPS[tags[i + 1]]) if tags[i + 1] in _GROUPS else (0, 0)
            )
        elif tags[i] == "both":
            size, heads = 1, 2
        elif tags[i] in ("they", "them"):
            size = 1
        elif tags[i] in ("everybody", "everyone"):
            size, heads = 1, EVERYBODY
        if size and list(tags[i + size : i + size + 2]) == ["of", "them"]:
            size += 2
        if size and i and tags[i - 1] == "of" and heads != 0:
            raise Lost("I do not know which of them is meant")
        if size:
            found.append((i, i + size, heads))
        i += max(1, size)
    return found


_STANDING_FOR: dict[str, Pick] = {
    **{w: Pick("person", attributes=(Has("sex", ("male",)),), heads=1) for w in ("he", "him", "his")},
    **{w: Pick("person", attributes=(Has("sex", ("female",)),), heads=1) for w in ("she", "her")},
    "people": Pick("person"),
    **dict.fromkeys(("they", "them"), Pick("person", heads=0)),
    **dict.fromkeys("anybody anyone somebody someone nobody none".split(), Pick("person")),
    "no one": Pick("person"),
    "any one": Pick("person"),
    **dict.fromkeys(("both", "they both", "them both", "the both of them"), Pick("person", heads=2)),
}


def pronoun(words: str) -> Phrase | None:
    """Whom a pronoun alone means: ``she``, ``both of them``, ``nobody``; None for all other words."""
    plain_ = " ".join(words.casefold().split())
    pick = _STANDING_FOR.get(plain_)
    if pick is None:
        group = re.fullmatch(
            r"(?:(?:the|these|those|all) (?:(two|three|four|five)|(couple|pair|duo|trio))|(both))"
            r"(?: of (?:them|these))?",
            plain_,
        )
        if group is None:
            return None
        heads = UNITS[group[1]] if group[1] else _GROUPS[group[2]] if group[2] else 2
        pick = Pick("person", heads=heads)
    many = pick.heads != 1
    return Phrase(pick, plain_, plural=many, definite=pick.heads is not None)


_ROOMS = frozenset(
    "room corridor hall hallway lobby kitchen office shop store platform stage court stairwell lift elevator reception "
    "place area scene picture frame screen".split()
)
_BEFORE_ROOM = frozenset("the this that whole entire <waits>".split())


def emptied(tags: Sequence[str], said: Sequence[str]) -> tuple[list[str], list[str]]:
    """``the room ... empty``, of a place that a camera shows, as ``<empty>``."""
    out, words = list(tags), list(said)
    at = next((i for i, t in enumerate(out) if t == "empty"), None)
    room = next((i for i, t in enumerate(out[:at]) if t in _ROOMS), None) if at is not None else None
    between = out[room + 1 : at] if room is not None else ["?"]
    if at is None or room is None or any(t not in _STAYING for t in between):
        return out, words
    first = room
    while first and out[first - 1] in _BEFORE_ROOM:
        first -= 1
    return [*out[:first], "<empty>", *out[at + 1 :]], [*words[:first], "empty", *words[at + 1 :]]


_STAYING = frozenset("is was be still then <still> <stays> completely totally entirely really stay stays look".split())
_VERBS = frozenset("is was are were does did do has have had".split())
_OF_THEM = ("attribute", "when", "duration", "where", "action", "exists")


def headed(program: Program, heads: int, said: Said) -> Program:
    """The program, whose people are called by no noun, with their number in it. Raises Lost where that asks nothing."""
    able = {0: ("action", "exists", "attribute"), EVERYBODY: ("action", "attribute", "where")}.get(heads, _OF_THEM)
    if program.ask not in able:
        raise Lost("I do not know who that is: say it in the question")
    told = any(p.doing or p.motion or p.when or p.place or len(p.attributes) > 1 for p in program.picks)
    asked = heads == 1 and any(w in _VERBS for w in said.words)
    if program.ask == "exists" and not (told or asked):
        raise Lost("I do not know who that is: say it in the question")

    def counted(pick: Pick) -> Pick:
        when = tuple(r if r.anchor is None else replace(r, anchor=counted(r.anchor)) for r in pick.when)
        mine = pick.kind == "person" and not pick.name and pick.which == "all" and pick.number is None
        return replace(pick, when=when, heads=heads if mine and heads >= 0 else pick.heads)

    return replace(program, picks=tuple(counted(p) for p in program.picks))


def unresolved(said: Said) -> str:
    """A pronoun that nothing in the question stands for, or ''."""
    if said.nps or said.clauses.relations or said.has("who"):
        return ""
    if said.cues.get("doing") == ["fighting"] and "they" in said.words:
        return ""  # whoever fights does it with somebody: "are they fighting?" asks whether anybody does
    return next((w for w in said.words if w in REFERRING), "")
