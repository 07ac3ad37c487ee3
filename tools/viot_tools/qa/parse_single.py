"""Question forms about one thing: from what is asked of it to a typed program.

Each form takes the tags it understands; a tag that is left over means that the form would answer past the question.
Owns the forms and their order. Does not know how tags and things were found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from viot_tools.qa.neutral import WH
from viot_tools.qa.parse_looks import colour, direction, ordered
from viot_tools.qa.parse_picks import MOTION_TAGS, Phrase
from viot_tools.qa.parse_said import Lost, Said
from viot_tools.qa.program import Has, Motion, Pick, Program, Relation
from viot_tools.qa.types import QuestionType

# one thing -----------------------------------------------------------------------------------------------------------


def single(said: Said, np: Phrase) -> Program:
    pick = replace(np.pick, when=(*np.pick.when, *said.clauses.relations))
    asks_what = any(w in WH for w in said.words)
    if said.has("next") and not said.has("rel"):
        return next_thing(said, np.pick)
    ends = (
        re.search(r"<updown> (?:(?:at|in|by|around|before|after|from) )?(?:[?.,]|<|$)", f"{said.clauses.text} ")
        is not None
    )
    one = np.pick.kind == "person" and not np.plural
    if one and said.said.get("<updown>") in _GOES_DOWN:
        if not ends:
            raise Lost("I do not see where that is: I know ways by left and right")
        said.cues.pop("updown", None)  # one man does not become fewer
        said.cues.setdefault("doing", []).append("falling")
    if said.has("updown") or said.has("startend"):
        said.take("updown", "startend", "howmany", "atstart", "atend", "whichway", "moves", "more", "fewer")
        if not said.has("updown"):
            raise Lost("I do not see what is to be told of the start and the end")
        return Program("change", (pick,), "state_change")
    if said.has("fewer") and said.has("more") and len(said.cues.get("cam", ())) < 2:
        said.take("fewer", "more", "atstart", "atend", "startend", "howmany")
        return Program("change", (pick,), "state_change")
    if said.has("doing", "doingcue") and not said.has("still", "howmany", "when", "howlong"):
        pick = _at_a_moment(said, pick)
    if said.has("atend", "still") and not said.has("howmany", "when", "howlong"):
        return _at_end(said, pick)
    cams = [said.cameras[int(c)] for c in said.cues.get("cam", ())]
    if len(cams) > 1 and said.has("busiestcam", "more", "most", "fewer", "least", "first"):
        said.take(
            "busiestcam",
            "more",
            "most",
            "fewer",
            "least",
            "howmany",
            "whichcam",
            "where",
            "came",
            "once",
            "who",
            "moves",
            "enters",
            "reverse",
        )
        picks = tuple(replace(pick, cameras=c) for c in cams)
        return Program("compare", picks, "where", fewest=said.has("fewer", "least"))
    if said.has("busiestcam") or (said.has("whichcam", "where") and said.has("most", "least", "more", "fewer")):
        said.take("busiestcam", "whichcam", "where", "most", "least", "howmany", "came", "once", "more", "fewer")
        return Program("cameras", (pick,), "where", fewest=said.has("least", "fewer"))
    if (
        (said.has("together") and said.has("howmany"))
        or said.has("once")
        or (said.has("most") and (said.has("howmany") or (np.plural and not _yes_first(said))))
    ):
        said.take("each", "once", "together", "most", "howmany", "came", "atend", "atstart")
        return _with_limit(said, "at_once", pick)
    if said.has("colour") or (said.has("G", "upperbody", "lowerbody", "C") and (asks_what or said.has("C"))):
        return colour(said, pick)
    if said.has("kind") and not said.has("carry"):
        said.take("thing", "kind", "came", "enters", "passes", "first", "last", "who", "moves", "leaves")
        pick = ordered(said, pick)
        if pick.kind != "vehicle" or pick.labels:
            raise Lost("kinds are told of vehicles")
        return Program("attribute", (pick,), "what", attribute="label")
    if said.has("carry"):
        if not asks_what and not said.has("thing", "nil", "I") and any(w in _YES_FIRST for w in said.words):
            raise Lost("I do not see what is said to be carried")
        said.take("carry", "I", "thing", "kind", "passes", "came", "first", "last", "nothing")
        if pick.kind != "person":
            raise Lost("what is carried is told of people")
        if not (asks_what or said.has("kind")) and said.said.get("<thing>") in ("anything", "something"):
            laden = replace(pick, attributes=(*pick.attributes, Has("carrying", ("nothing",), no=True)))
            return Program("exists", (laden,), "what")
        return Program("attribute", (ordered(said, pick),), "what", attribute="carrying")
    if said.has("whichcam", "where") and not said.has("leftright"):
        said.take("whichcam", "where", "came", "enters", "first", "last", "who")
        if re.search(r" from (?:\?|\.|$)", said.clauses.text):
            said.take("where", "came", "enters", "moves")
            return Program("attribute", (pick,), "where", attribute="entry")
        if asks_what and not said.has("whichcam", "where"):
            raise Lost("I do not see what is asked")
        return Program("where", (ordered(said, pick),), "where")
    if said.has("howlong", "when", "arrivaltime", "departuretime") and np.definite and np.pick.doing:
        pick = replace(pick, doing=(), known_by=np.pick.doing)
    if said.has("doing") and not said.has("waits") and re.match(r" *(?:when|<when>|<howlong>) ", said.clauses.text):
        pick = replace(moving(said, pick, skip=_tags(MOTION_TAGS)), motion=pick.motion)
        said.cues.pop("doing")
    if said.has("howlong"):
        said.take("howlong", "timeword", "stays", "came", "still", "waits", "leaves")
        # who hangs around stays; who waits or parks is timed while in one place
        lingers = re.match(r"(?:hang|hung|loiter|linger|stick|stuck)", said.said.get("<waits>", "")) is not None
        return Program("duration", (moving(said, pick, skip=("leaves", *(("waits",) if lingers else ()))),), "when")
    if said.has("when", "arrivaltime", "departuretime"):
        gone_off = said.said.get("<moves>") in ("go", "goes", "went")
        said.take(
            "when",
            "timeword",
            "arrivaltime",
            "departuretime",
            "came",
            "enters",
            "leaves",
            "first",
            "last",
            "howmany",
            *(("moves",) if said.has("last") or gone_off else ()),
        )
        if said.said.get("<when>", "").endswith("time of") and any(w in _YES_FIRST for w in said.words[:1]):
            raise Lost("I do not see what is asked of the time")
        pick, gone = _last_of(said, pick)
        gone = gone or said.has("moves")
        return Program("when", (pick,), "when", edge="end" if gone else "start")
    if said.has("doingcue"):
        if pick.kind != "person":
            raise Lost("actions are told of people")
        said.take("doingcue", "doing", "came", "passes", "moves", "kind")
        return Program("action", (pick,), "action")
    doing = said.cues.get("doing", [])
    if len(doing) == 1 and said.has("moves") and "or" in said.words and np.definite:
        said.take("doing", "came", "moves")
        return Program("action", (pick,), "action")
    if len(doing) == 1 and said.has("waits") and "or" in said.words:
        doing = [*doing, "waits"]
    if len(set(doing)) > 1 and np.definite and pick.kind == "person":
        said.take("doing", "came", "waits")  # "was the man walking or standing?"
        return Program("action", (pick,), "action")
    if said.has("fromwhich"):
        said.take("fromwhich", "came", "enters", "moves", "first", "last", "approaches")
        return Program("attribute", (ordered(said, pick),), "where", attribute="entry")
    if said.has("leftright", "whichway") or (
        said.has("left", "right", "goleft", "goright") and not said.has("howmany")
    ):
        return direction(said, pick)
    if np.plural and not np.definite and said.has("enters", "leaves") and not _answerable_by_yes(said):
        said.cues.setdefault("howmany", [""])
    if said.has("howmany") and said.has("atend", "atstart") and not said.has(*_tags(MOTION_TAGS)):
        if not edge_cue(said):
            raise Lost("I do not see which moment is meant")
        said.take("howmany", "atend", "atstart", "cmp", "still", "stays", "came", "each")
        return _with_limit(said, "at_once", pick)
    if said.has("howmany"):
        said.take(
            "each",
            "n",
            "howmany",
            "doing",
            "came",
            "cmp",
            *_tags(MOTION_TAGS),
            "stays",
            "more",
            "still",
            "most",
            *_SIDES,
        )
        if said.has("most") or (said.has("more", "still") and not said.has("rel")):
            raise Lost("I do not see what is to be counted")
        return _with_limit(said, "count", moving(said, pick))
    if said.has("cmp"):
        said.take("cmp", "timeword", "doing", "came", *_tags(MOTION_TAGS), "stays", "neg", *_SIDES)
        return _with_limit(said, "count", moving(said, pick))
    if said.has("who", "known") and said.has("first", "last"):
        return who(said, pick)
    if Has("name", ()) in pick.attributes and (pick.which != "all" or said.has("first", "last")):
        return who(said, pick)
    if (
        said.has("timeword")
        and not said.has("rel")
        and not re.search(r" (?:is|was|were|are) there ", said.clauses.text)
    ):
        said.take("timeword", "came", "enters", "leaves", "first", "last")
        if said.said.get("<when>", "").endswith("time of") and any(w in _YES_FIRST for w in said.words[:1]):
            raise Lost("I do not see what is asked of the time")
        pick, gone = _last_of(said, pick)
        return Program("when", (pick,), "when", edge="end" if gone else "start")
    return _exists(said, np, pick, asks_what=asks_what)


_GOES_DOWN = ("go down", "goes down", "went down", "going down")


def _at_a_moment(said: Said, pick: Pick) -> Pick:
    """What is done at the start or at the end: in the first or the last second."""
    edge = edge_cue(said)
    for name in ("atstart", "atend"):
        said.cues.pop(name, None)
    if not edge:
        return pick
    clock = "in the first second" if edge == "start" else "in the last second"
    return replace(pick, when=(*pick.when, Relation("during", clock=clock)))


def edge_cue(said: Said) -> Literal["", "start", "end"]:
    """Whether the start or the end of the footage alone is meant: *before the end* is any time. Raises Lost where both
    are, and for *until the end* and *from the start*, which is all the time."""
    edges: list[Literal["start", "end"]] = []
    for name, edge in _EDGES:
        lead = said.said.get(f"<{name}>", "").split(" ")[0] if said.has(name) else "before"
        if lead in _ALL_ALONG:
            raise Lost("whether something was so all the time is not told")
        if lead not in ("before", "by"):
            edges.append(edge)
    if len(edges) > 1:
        raise Lost("I do not see whether the start or the end is meant")
    return edges[0] if edges else ""


_EDGES: tuple[tuple[str, Literal["start", "end"]], ...] = (("atstart", "start"), ("atend", "end"))
_ALL_ALONG = ("until", "till", "from", "since", "throughout")


def _yes_first(said: Said) -> bool:
    """Whether it begins as a yes-no question: ``were most people ...``."""
    return bool(said.words) and said.words[0] in _YES_FIRST


def _last_of(said: Said, pick: Pick) -> tuple[Pick, bool]:
    """Whether the moment is the one at which it was last there. ``the last sighting of the van`` is no last van."""
    return pick, said.has("leaves", "departuretime", "last")


_YES_FIRST = frozenset("did does was were is are has have had can could".split())


def _tags(motions: dict[str, Motion]) -> tuple[str, ...]:
    return tuple(tag.strip("<>") for tag in motions)


def moving(said: Said, pick: Pick, skip: Sequence[str] = ()) -> Pick:
    """With the movement and actions that are said of it outside its noun phrase."""
    moved = [tag for tag in _tags(MOTION_TAGS) if said.has(tag) and tag not in skip]
    if len(moved) + bool(pick.motion) > 1:
        raise Lost("two movements at once are not asked of the index")
    if moved:
        pick = replace(pick, motion=MOTION_TAGS[f"<{moved[0]}>"])
    pick = _sided(said, pick)
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


_ALWAYS = re.compile(r"\b(?:(?:whole|entire|full|all the) time|throughout|always|constantly|entirely)\b")
_SIDES = ("left", "right", "fromleft", "fromright")


def _sided(said: Said, pick: Pick) -> Pick:
    """With the side of the picture that is said outside its noun phrase: where it came or went, or where it was."""
    there = [name for name in _SIDES if said.has(name)]
    if not there:
        return pick
    if len(there) > 1 or pick.side or (pick.place and pick.motion not in ("enters", "leaves")):
        raise Lost("I do not see which side is meant")
    side: Literal["left", "right"] = "left" if there[0].endswith("left") else "right"
    if there[0].startswith("from"):
        if pick.motion not in ("", "enters") or not said.has("came", "enters", "moves"):
            raise Lost(f"I do not see what comes from the {side}")
        return replace(pick, motion="enters", side=side)
    if pick.motion in ("enters", "leaves"):
        return replace(pick, side=side)
    if pick.motion:
        raise Lost("I do not see whether a place or a way is meant")
    if said.has("came", "moves"):
        return replace(pick, motion="to_left" if side == "left" else "to_right")
    return replace(pick, place=side)


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
        return Program(
            "at_once",
            (pick,),
            kind,
            edge="end" if said.has("atend") else "start",
            by="start",
            value=value,
            options=options,
        )
    return Program(ask, (pick,), kind, value=value, options=options)  # type: ignore[arg-type]


def next_thing(said: Said, anchor: Pick, edge: str = "start") -> Program:
    said.take(
        "next", "rel", "later", "thing", "kind", "came", "enters", "who", "rightafter", "first", "onfoot", "wheels"
    )
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


def who(said: Said, pick: Pick) -> Program:
    said.take("each", "who", "known", "first", "last", "came", "enters", "leaves")
    if pick.kind != "person":
        raise Lost("names are told of people")
    pick = ordered(said, pick)
    if said.has("leaves"):
        pick = replace(pick, motion="leaves")
    if said.has("known") and Has("name", ()) not in pick.attributes:
        pick = replace(pick, attributes=(*pick.attributes, Has("name", ())))
    return Program("attribute", (pick,), "who", attribute="name")


def _exists(said: Said, np: Phrase, pick: Pick, *, asks_what: bool) -> Program:
    """Yes or no: is there such a thing."""
    if asks_what or said.has("who", "known"):
        raise Lost("I do not see what is asked of " + np.text)
    if not _answerable_by_yes(said):
        raise Lost(f"I do not see what you want to know of {np.text}: ask a question about it")
    if len(said.cues.get("n", ())) > 1 and "or" in said.words and np.plural:
        return _with_limit(said, "count", pick)
    said.take(
        "neg",
        "came",
        "doing",
        *_tags(MOTION_TAGS),
        *_SIDES,
        "stays",
        *(("moves",) if said.has("approaches", "recedes") else ()),
        *(("first",) if said.has("rel") else ()),
    )
    moved = moving(said, pick)
    if moved.doing and _ALWAYS.search(f"{said.said.get('<nil>', '')} {' '.join(said.words)}"):
        raise Lost("whether something was done all the time is not told")
    if (pick.which != "all" or pick.number is not None) and (moved != pick or _PREDICATE.search(np.text)):
        raise Lost(f"whether {np.text} is so is not told: ask what it is, does or carries")
    kind: QuestionType = "who" if pick.kind == "person" else "what"
    if moved.motion == "waits" or moved.stay != (None, None):
        kind = "when"
    if moved.doing or moved.motion in ("approaches", "recedes"):
        kind = "action"
    if any(r.anchor is not None or r.how != "during" for r in moved.when):
        kind = "before_after"
    return Program("exists", (moved,), kind, value="no" if said.has("neg") else "", options=said.options)


_PREDICATE = re.compile(r"\b(?:has|have|had|got|carry|carried|wear|wore|hold|held|is|was|are|were|be)\b")
"""In a noun phrase: what is said of the thing, not which one it is."""
_ASKING = frozenset(
    "any if whether is was are were did does do has have had can could anyone anybody ? ever confirm verify ascertain "
    "establish check true see saw show find".split()
)


def _answerable_by_yes(said: Said) -> bool:
    return said.has("yesno") or any(w in _ASKING for w in said.words)
