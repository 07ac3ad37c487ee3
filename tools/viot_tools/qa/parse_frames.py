"""Question forms: from what a question asks and the things it speaks of to a typed program.

Each form takes the tags it understands; a tag that is left over means that the form would answer past the question.
Owns the forms and their order. Does not know how tags and things were found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from viot_tools.qa.neutral import ACTIVE, NEUTRAL, REFERRING, WH
from viot_tools.qa.parse_clauses import Clauses
from viot_tools.qa.parse_picks import MOTION_TAGS, Phrase
from viot_tools.qa.program import Has, Motion, Pick, Program, Relation
from viot_tools.qa.types import QuestionType

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


def gather(clauses: Clauses, said: dict[str, str], people: Sequence[str], options: Sequence[str], cameras: Sequence[tuple[str, ...]]) -> Said:
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


def program(said: Said) -> Program:
    """The program of what was said. Raises Lost with the reason where no form fits."""
    _no_strange_word(said)
    _examples(said)
    if not said.nps:
        named = _nobody_named(said)
        if named is not None:
            return named
        raise Lost("I do not see whom or what the question is about")
    if len(said.nps) == 1:
        return _single(said, said.nps[0])
    return _several(said)


def _no_strange_word(said: Said) -> None:
    for word in said.words:
        if word.isalpha() and word not in NEUTRAL and word not in WH:
            raise Lost(f"I do not know what to look for by {word!r}")
        if not word.isalpha() and word not in (",", ".", "/", "?"):
            raise Lost(f"I cannot read {word!r}")


_BEFORE_ACTION = frozenset(
    "is was are were be been being has have had did does do he she it they i you we who that which and or of any some , . ? ever seen "
    "caught spotted found get got to just already also a the see saw actually really somebody someone is not or if whether".split()
)


def loose_action(text: str, heard: dict[str, str]) -> None:
    """An action belongs to a thing of the question, not to a word of the framing (``a bet running``); and what a thing
    does is no way of asking (``did the man look at``)."""
    tokens = text.split()
    for before, token in zip(["."] + tokens, tokens, strict=False):
        if token.startswith("<doing:") and before not in _BEFORE_ACTION and not before.startswith("<"):
            raise Lost(f"I do not see who or what is {heard.get(token, 'doing that')}")
        if token.startswith("look") and ("<C:" in text or "<colour>" in text):
            continue
        if token in ACTIVE and before.startswith(("<np:", "<list:")):
            raise Lost(f"I do not know what it looks like to {token!r}")


_OBJECT = re.compile(
    r"(?<= )(?:<leaves> (?:it|him|her|them|something)(?= [?.,]| $)|(?:past|at|into|onto|through|over|around|to|in) <np:\d+>|"
    r"<np:\d+> (?:that|which|<who>) (?:did|does|had|has|was) (?:it|that|this|so)\b)"
)


def beside_something(text: str, heard: dict[str, str]) -> None:
    """A thing that only says where somebody else is or what is done to it is no subject of the question."""
    found = _OBJECT.search(text.replace(" <came> <np", " past <np") if heard.get("<came>") == "past" else text)
    if found is not None and len(re.findall(r"<np:", text)) < 2:
        raise Lost("I do not see what is asked of the thing that is named")
    who = re.search(r" (he|she|him) [^.?]*<np:", text)
    if who is not None and len(re.findall(r"<(?:np|rel)", text)) < 2:
        raise Lost(f"I do not know who {who[1]!r} is")


def _examples(said: Said) -> None:
    """Kinds that are only offered as answers: ``the first vehicle: car, truck, bus, what?``."""
    if said.has("carry") and any(n.pick.kind == "person" for n in said.nps):
        said.nps = [n for n in said.nps if n.pick.kind != "object"]
    if said.nps and said.has("kind") and said.has("first", "last") and all(_bare(n.pick) and n.pick.kind == "vehicle" for n in said.nps):
        said.nps = [Phrase(Pick("vehicle"), "vehicle")]
    whole = [n for n in said.nps if n.pick.kind == "vehicle" and not n.pick.labels and (n.pick.which != "all" or n.pick.number)]
    if len(whole) == 1 and len(said.nps) > 1:
        rest = [n for n in said.nps if n is not whole[0]]
        if all(_bare(n.pick) for n in rest):
            said.nps = whole
            said.cues.setdefault("kind", [""])
    if _next_asked(said) and len(said.nps) > 1 - said.has("rel"):
        rest = said.nps if said.has("rel") else said.nps[1:]
        if all(_bare(n.pick) for n in rest) and said.nps and not said.has("howmany"):
            said.nps = [] if said.has("rel") else said.nps[:1]


def _next_asked(said: Said) -> bool:
    return said.has("next") or any(r.next for r in said.clauses.relations)


def _bare(pick: Pick) -> bool:
    return pick == Pick(pick.kind, labels=pick.labels)


# one thing -----------------------------------------------------------------------------------------------------------


def _single(said: Said, np: Phrase) -> Program:
    pick = replace(np.pick, when=(*np.pick.when, *said.clauses.relations))
    asks_what = any(w in WH for w in said.words)
    if said.has("next") and not said.has("rel"):
        return _next(said, np.pick)
    if said.has("updown") or said.has("startend"):
        said.take("updown", "startend", "howmany", "atstart", "atend", "whichway", "moves", "more", "fewer")
        if not said.has("updown"):
            raise Lost("I do not see what is to be told of the start and the end")
        return Program("change", (pick,), "state_change")
    if said.has("atend", "still") and not said.has("howmany", "when", "howlong"):
        return _at_end(said, pick)
    if said.has("fewer") and said.has("more") and said.has("atstart", "atend", "startend"):
        said.take("fewer", "more", "atstart", "atend", "startend", "howmany")
        return Program("change", (pick,), "state_change")
    cams = [said.cameras[int(c)] for c in said.cues.get("cam", ())]
    if len(cams) > 1 and said.has("busiestcam", "more", "most", "fewer", "least", "first"):
        said.take("busiestcam", "more", "most", "fewer", "least", "howmany", "whichcam", "where", "came", "once", "who", "moves", "enters", "reverse")
        picks = tuple(replace(pick, cameras=c) for c in cams)
        return Program("compare", picks, "how_many", fewest=said.has("fewer", "least"))
    if said.has("busiestcam") or (said.has("whichcam", "where") and said.has("most", "least", "more", "fewer")):
        said.take("busiestcam", "whichcam", "where", "most", "least", "howmany", "came", "once", "more", "fewer")
        return Program("cameras", (pick,), "where", fewest=said.has("least", "fewer"))
    if (said.has("together") and said.has("howmany")) or said.has("once") or (said.has("most") and (np.plural or said.has("howmany"))):
        said.take("each", "once", "together", "most", "howmany", "came", "atend", "atstart")
        return _with_limit(said, "at_once", pick)
    if said.has("colour") or (said.has("G", "upperbody", "lowerbody", "C") and (asks_what or said.has("C"))):
        return _colour(said, np, pick)
    if said.has("kind") and not said.has("carry"):
        said.take("thing", "kind", "came", "enters", "passes", "first", "last", "who", "moves", "leaves")
        pick = _ordered(said, pick)
        if pick.kind != "vehicle" or pick.labels:
            raise Lost("kinds are told of vehicles")
        return Program("attribute", (pick,), "what", attribute="label")
    if said.has("carry"):
        if not asks_what and not said.has("thing", "nil", "I") and any(w in _YES_FIRST for w in said.words):
            raise Lost("I do not see what is said to be carried")
        said.take("carry", "I", "thing", "kind", "passes", "came", "first", "last", "nothing")
        if pick.kind != "person":
            raise Lost("what is carried is told of people")
        if not asks_what and said.said.get("<thing>") in ("anything", "something"):
            laden = replace(pick, attributes=(*pick.attributes, Has("carrying", ("nothing",), no=True)))
            return Program("exists", (laden,), "what")
        return Program("attribute", (_ordered(said, pick),), "what", attribute="carrying")
    if said.has("whichcam", "where") and not said.has("leftright"):
        said.take("whichcam", "where", "came", "enters", "first", "last", "who")
        if re.search(r" from (?:\?|\.|$)", said.clauses.text):
            raise Lost("where something comes from is not told")
        if asks_what and not said.has("whichcam", "where"):
            raise Lost("I do not see what is asked")
        return Program("where", (_ordered(said, pick),), "where")
    if said.has("howlong"):
        said.take("howlong", "timeword", "stays", "came", "still", "waits", "leaves")
        return Program("duration", (_moving(said, pick, skip=("leaves",)),), "when")
    if said.has("when", "arrivaltime", "departuretime"):
        said.take("when", "timeword", "arrivaltime", "departuretime", "came", "enters", "leaves", "first", "last", "howmany", *(("moves",) if said.has("last") else ()))
        pick, gone = _last_of(said, pick)
        return Program("when", (pick,), "when", edge="end" if gone else "start")
    if said.has("doingcue"):
        if pick.kind != "person":
            raise Lost("actions are told of people")
        said.take("doingcue", "doing", "came", "passes", "moves", "kind")
        return Program("action", (pick,), "action")
    doing = said.cues.get("doing", [])
    if len(set(doing)) > 1 and np.definite and pick.kind == "person":
        said.take("doing", "came")  # "was the man walking or standing?"
        return Program("action", (pick,), "action")
    if said.has("leftright", "whichway") or said.has("left", "right", "goleft", "goright"):
        return _direction(said, pick)
    if np.plural and not np.definite and said.has("enters", "leaves") and not _answerable_by_yes(said):
        said.cues.setdefault("howmany", [""])
    if said.has("howmany") and said.has("atend", "atstart") and not said.has(*_tags(MOTION_TAGS)):
        said.take("howmany", "atend", "atstart", "cmp", "still", "stays", "came", "each")
        return _with_limit(said, "at_once", pick)
    if said.has("howmany"):
        said.take("each", "n", "howmany", "doing", "came", "cmp", *_tags(MOTION_TAGS), "stays", "more", "still", "most", "left")
        if said.has("most") or (said.has("more", "still") and not said.has("rel")):
            raise Lost("I do not see what is to be counted")
        return _with_limit(said, "count", _moving(said, pick))
    if said.has("cmp"):
        said.take("cmp", "timeword", "doing", "came", *_tags(MOTION_TAGS), "stays", "neg")
        return _with_limit(said, "count", _moving(said, pick))
    if said.has("who", "known") and said.has("first", "last"):
        return _who(said, pick)
    if Has("name", ()) in pick.attributes and (pick.which != "all" or said.has("first", "last")):
        return _who(said, pick)
    if said.has("timeword") and not re.search(r" (?:is|was|were|are) there ", said.clauses.text):
        said.take("timeword", "came", "enters", "leaves", "first", "last")
        pick, gone = _last_of(said, pick)
        return Program("when", (pick,), "when", edge="end" if gone else "start")
    return _exists(said, np, pick, asks_what=asks_what)


def _last_of(said: Said, pick: Pick) -> tuple[Pick, bool]:
    """Whether the moment is the one at which it was last there. ``the last sighting of the van`` is no last van."""
    return pick, said.has("leaves", "departuretime", "last")


_YES_FIRST = frozenset("did does was were is are has have had can could".split())


def _tags(motions: dict[str, Motion]) -> tuple[str, ...]:
    return tuple(tag.strip("<>") for tag in motions)


def _moving(said: Said, pick: Pick, skip: Sequence[str] = ()) -> Pick:
    """With the movement and actions that are said of it outside its noun phrase."""
    moved = [tag for tag in _tags(MOTION_TAGS) if said.has(tag) and tag not in skip]
    if len(moved) + bool(pick.motion) > 1:
        raise Lost("two movements at once are not asked of the index")
    if moved:
        pick = replace(pick, motion=MOTION_TAGS[f"<{moved[0]}>"])
    doing = said.cues.get("doing", [])
    if pick.kind == "vehicle" and set(doing) == {"standing"} and pick.motion in ("", "waits"):
        return replace(pick, motion="waits")
    if doing:
        if pick.kind != "person":
            raise Lost("actions are told of people")
        if len(set(doing)) > 1 and "or" not in said.words:
            raise Lost("two actions at once are not told")
        pick = replace(pick, doing=tuple(dict.fromkeys((*pick.doing, *doing))))
    return pick


def _ordered(said: Said, pick: Pick) -> Pick:
    """``first`` or ``last`` said of it outside its noun phrase."""
    orders = said.cues.get("ord", [])
    if orders and pick.which == "first" and len(orders) == 1:  # "I know of the first one. Now the second?"
        return replace(pick, which="all", number=int(orders[0]))
    if orders and (pick.number is not None or pick.which != "all"):
        raise Lost("I do not see which of them is meant")
    if pick.which == "all" and pick.number is None:
        orders = said.cues.get("ord", [])
        if len(orders) == 1 and not said.has("first", "last"):
            return replace(pick, number=int(orders[0]))
        if said.has("first") and not said.has("last"):
            return replace(pick, which="first")
        if said.has("last") and not said.has("first"):
            return replace(pick, which="last")
    return pick


def _with_limit(said: Said, ask: str, pick: Pick) -> Program:
    value, stay = "", pick.stay
    for sign, number, seconds in said.clauses.limits:
        if seconds:
            stay = (number, stay[1]) if sign.startswith(">") else (stay[0], number)
        elif value:
            raise Lost("two limits at once are not asked of the index")
        else:
            value = f"{sign}{number:g}"
    pick = replace(pick, stay=stay)
    kind: QuestionType = "before_after" if pick.when else "how_many"
    if not value and ask == "count" and not said.has("howmany", "n"):
        kind = "when"
        return Program("exists", (pick,), kind, value="no" if said.has("neg") else "")
    if said.has("neg"):
        raise Lost("I do not know what the 'no' is about")
    options = said.options
    numbers = said.cues.get("n", [])
    if numbers and not options:
        if len(numbers) < 2 or value:
            raise Lost("I do not see what the number says")
        options = tuple(numbers)
    if ask == "at_once" and said.has("atend", "atstart"):
        return Program("at_once", (pick,), kind, edge="end" if said.has("atend") else "start", by="start", value=value, options=options)
    return Program(ask, (pick,), kind, value=value, options=options)  # type: ignore[arg-type]


def _next(said: Said, anchor: Pick, edge: str = "start") -> Program:
    said.take("next", "rel", "later", "thing", "kind", "came", "enters", "who", "rightafter", "first", "onfoot", "wheels")
    relation = Relation("after", anchor, edge=edge, next=True)  # type: ignore[arg-type]
    picks = (Pick("person", when=(relation,)), Pick("vehicle", when=(relation,)))
    return Program("order", picks, "before_after", by="start", options=("person", "vehicle"))


def _at_end(said: Said, pick: Pick) -> Program:
    said.take("atend", "still", "leaves", "neg", "stays", "came", "last")
    gone = said.has("leaves") and not said.has("still", "stays")
    no = gone != said.has("neg")
    if not said.has("atend") and not (said.has("still") and not gone):
        raise Lost("I do not see which moment is meant")
    return Program("exists", (pick,), "state_change", edge="end", value="no" if no else "")


def _colour(said: Said, np: Phrase, pick: Pick) -> Program:
    said.take("ord", "colour", "C", "G", "upperbody", "lowerbody", "dressed", "came", "first", "last", "enters", "who", "passes", "kind", "leaves")
    pick = _ordered(said, pick)
    if pick.kind == "vehicle":
        if said.has("G", "upperbody", "lowerbody", "dressed"):
            raise Lost("clothes are told of people")
        attribute = "colour"
    elif pick.kind == "person":
        worn = set(said.cues.get("G", ()))
        upper = bool(worn & {"upper", "coat"}) or said.has("upperbody")
        lower = bool(worn & {"lower", "shorts", "skirt"}) or said.has("lowerbody")
        if upper == lower:
            raise Lost("of people, the colour of what they wear on top or on their legs is told: say which")
        attribute = "upper_colour" if upper else "lower_colour"
    else:
        raise Lost("colours are told of clothes and vehicles")
    colours = tuple(dict.fromkeys(said.cues.get("C", ())))
    asks_what = any(w in WH for w in said.words)
    value, options = "", said.options
    if len(colours) == 1 and not (asks_what and said.has("colour")):
        value = colours[0]
    elif len(colours) > 1 and not options and not asks_what:
        options = colours
    elif len(colours) > 1 and not options and (said.has("colour") or re.search(_EITHER, said.clauses.text)):
        options = colours if "or what" not in said.said.get("<nil>", "") else ()
    if value and any(h.attribute == attribute for h in pick.attributes):
        raise Lost("two colours are said of the same thing")
    return Program("attribute", (pick,), "which_colour", attribute=attribute, value=value, options=options)


_EITHER = r"<C:\w+>(?: one)? or(?: the)? <C:"


def _direction(said: Said, pick: Pick) -> Program:
    if "from" in said.words:
        raise Lost("where something comes from is not told, only which way it goes")
    said.take("goleft", "goright", "leftright", "where", "whichway", "left", "right", "moves", "came", "leaves", "passes", "doing", "enters", "approaches")
    left, right = said.has("left", "goleft"), said.has("right", "goright")
    one = left != right and not said.has("leftright", "whichway")
    if one and not said.has("goleft", "goright", "moves", "came", "leaves", "passes"):
        raise Lost("I do not see whether a place or a way is meant")
    if one:
        return Program("attribute", (pick,), "where", attribute="direction", value="left" if left else "right")
    return Program("attribute", (pick,), "where", attribute="direction")


def _who(said: Said, pick: Pick) -> Program:
    said.take("each", "who", "known", "first", "last", "came", "enters", "leaves")
    if pick.kind != "person":
        raise Lost("names are told of people")
    pick = _ordered(said, pick)
    if said.has("leaves"):
        pick = replace(pick, motion="leaves")
    if said.has("known") and Has("name", ()) not in pick.attributes:
        pick = replace(pick, attributes=(*pick.attributes, Has("name", ())))
    return Program("attribute", (pick,), "who", attribute="name")


def _nobody_named(said: Said) -> Program | None:
    """Questions whose thing is in the question word: ``who came first?``, ``what came right after the van?``."""
    if said.has("rel") and len(said.clauses.relations) == 1:
        relation = said.clauses.relations[0]
        wanted = relation.next or said.has("next", "who") or any(w in WH for w in said.words)
        if relation.anchor is not None and relation.how == "after" and wanted:
            return _next(said, relation.anchor, relation.edge)
    if said.has("doing") and not said.has("who") and not any(w in WH for w in said.words):
        said.take("doing", "neg", "came")
        pick = _moving(said, Pick("person"))
        return Program("exists", (pick,), "action", value="no" if said.has("neg") else "")
    if said.has("known", "who"):
        pick = Pick("person", when=tuple(said.clauses.relations))
        if said.has("first", "last", "known"):
            return _who(said, pick)
    if said.has("kind") and said.has("first", "last") and not said.has("rel"):
        return _single(said, Phrase(Pick("vehicle"), "vehicle"))
    return None


def _exists(said: Said, np: Phrase, pick: Pick, *, asks_what: bool) -> Program:
    """Yes or no: is there such a thing."""
    if asks_what or said.has("who", "known"):
        raise Lost("I do not see what is asked of " + np.text)
    if not _answerable_by_yes(said):
        raise Lost(f"I do not see what you want to know of {np.text}: ask a question about it")
    if len(said.cues.get("n", ())) > 1 and "or" in said.words and np.plural:
        return _with_limit(said, "count", pick)
    said.take("neg", "came", "doing", *_tags(MOTION_TAGS), "stays", *(("first",) if said.has("rel") else ()))
    moved = _moving(said, pick)
    if (pick.which != "all" or pick.number is not None) and (moved != pick or _PREDICATE.search(np.text)):
        raise Lost(f"whether {np.text} is so is not told: ask what it is, does or carries")
    kind: QuestionType = "who" if pick.kind == "person" else "what"
    if moved.motion == "waits" or moved.stay != (None, None):
        kind = "when"
    if moved.doing or moved.motion in ("approaches", "recedes"):
        kind = "action"
    if moved.when:
        kind = "before_after"
    return Program("exists", (moved,), kind, value="no" if said.has("neg") else "", options=said.options)


_PREDICATE = re.compile(r"\b(?:has|have|had|got|carry|carried|wear|wore|hold|held|is|was|are|were|be)\b")
"""In a noun phrase: what is said of the thing, not which one it is."""
_ASKING = frozenset(
    "any if whether is was are were did does do has have had can could anyone anybody ? ever confirm check true see saw "
    "show find".split()
)


def _answerable_by_yes(said: Said) -> bool:
    return said.has("yesno") or any(w in _ASKING for w in said.words)


# several things ------------------------------------------------------------------------------------------------------


def _several(said: Said) -> Program:
    picks = tuple(replace(n.pick, when=(*n.pick.when, *said.clauses.relations)) for n in said.nps)
    texts = tuple(n.text for n in said.nps)
    if len(picks) == 2 and said.has("once", "together") and not said.has("howmany", "first", "more", "most"):
        said.take("each", "once", "together", "came", "stays", "still", "yesno")
        first = replace(picks[0], when=(*picks[0].when, Relation("together", picks[1])))
        return Program("exists", (first,), "before_after")
    if said.has("longer", "howlong") and len(picks) == 2:
        said.take("longer", "howlong", "who", "came", "stays", "still", "which")
        return Program("compare", picks, "when", by="duration")
    if said.has("leaves") and said.has("first", "last"):
        said.take("leaves", "first", "last", "who", "came", "passes", "doing")
        return Program("order", picks, "order", edge="end", fewest=said.has("last"), options=_order_options(said, texts))
    if said.has("first", "last"):
        said.take("first", "last", "who", "came", "enters", "passes", "howmany", "thing", "n", "reverse")
        return Program("order", picks, "order", fewest=said.has("last") and not said.has("first"), options=_order_options(said, texts))
    if said.has("more", "fewer", "most", "least") and len(picks) == 2:
        said.take("more", "fewer", "most", "least", "howmany", "came", "who", "enters", "reverse")
        claim = "than" in said.words and not said.has("reverse")
        return Program(
            "compare", picks, "how_many", fewest=said.has("fewer", "least"), value=texts[0] if claim else "", options=texts if claim else ()
        )
    sexes = [p for p in picks if p.kind == "person" and _bare(replace(p, attributes=(), which="all", number=None))]
    if said.listed and len(sexes) == len(picks) == 2 and {p.attributes for p in picks} == {
        (Has("sex", ("male",)),),
        (Has("sex", ("female",)),),
    }:
        said.nps = [replace(said.nps[0], pick=replace(said.nps[0].pick, attributes=()), text="person")]
        return _single(said, said.nps[0])
    if said.listed and all(p.kind == picks[0].kind and _bare(p) and p.labels for p in picks) and not said.has("once"):
        # cars or vans: any of them
        labels = tuple(dict.fromkeys(label for p in picks for label in p.labels))
        both = "and" in said.clauses.text.split() and not said.has("howmany")
        if not both:
            said.listed = False
            said.nps = [replace(said.nps[0], pick=replace(said.nps[0].pick, labels=labels), text=" or ".join(texts), plural=True)]
            return _single(said, said.nps[0])
    raise Lost(f"I do not see what {texts[0]} and {texts[1]} have to do with each other in the question")


def _order_options(said: Said, texts: tuple[str, ...]) -> tuple[str, ...]:
    return said.options or texts


def unresolved(said: Said) -> str:
    """A pronoun that nothing in the question stands for, or ''."""
    if said.nps or said.clauses.relations:
        return ""
    return next((w for w in said.words if w in REFERRING), "")
