"""What is left of a question when its words are tags: cues, loose words, things; and what stops it being answered.

Owns the checks before any form is tried. Knows no form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from viot_tools.qa.lexicon import noun_phrases
from viot_tools.qa.neutral import ACTIVE, NEUTRAL, REFERRING, WH
from viot_tools.qa.parse_clauses import Clauses
from viot_tools.qa.parse_picks import Phrase
from viot_tools.qa.program import Pick

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


def no_strange_word(said: Said) -> None:
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
    if heard.get("<leaves>") == "left" and re.search(r" (?:is|are|was|were|there) <np:\d+> <leaves>", text):
        raise Lost("I do not know whether 'left' means that they went or that they are still there")
    if "<neg>" in text and " should " in text:
        raise Lost("what should not be is a rule, and I only know what was")
    who = re.search(r" (he|she|him) [^.?]*<np:", text)
    if who is not None and len(re.findall(r"<(?:np|rel)", text)) < 2:
        raise Lost(f"I do not know who {who[1]!r} is")


_ALONE = {"he": "man", "his": "man", "she": "woman", "her": "woman"}
AGREED = ("attribute", "when", "duration", "where")
"""What is only told where all that are meant agree: there somebody called *he* may be whoever is the only man."""


def stand_in(tags: tuple[str, ...], said: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """``he`` in a question that names nobody and nothing as ``the man``, ``his`` as ``the man's``."""
    words = [t for t in tags if t in _ALONE]
    named = any(t.startswith(("<N:", "<name:")) for t in tags)
    if named or len(words) != 1:
        return tags, said
    at = tags.index(words[0])
    noun = next(i for i, phrase in enumerate(noun_phrases()) if phrase == (_ALONE[words[0]],))
    owns = words[0] == "his" or (words[0] == "her" and tags[at + 1 : at + 2] != ("?",))
    new = ("the", f"<N:{noun}>", *(("s",) if owns else ()))
    spoken = ("the", _ALONE[words[0]], *(("s",) if owns else ()))
    return (*tags[:at], *new, *tags[at + 1 :]), (*said[:at], *spoken, *said[at + 1 :])


def unresolved(said: Said) -> str:
    """A pronoun that nothing in the question stands for, or ''."""
    if said.nps or said.clauses.relations or said.has("who"):
        return ""
    if said.cues.get("doing") == ["fighting"] and "they" in said.words:
        return ""  # whoever fights does it with somebody: "are they fighting?" asks whether anybody does
    return next((w for w in said.words if w in REFERRING), "")
