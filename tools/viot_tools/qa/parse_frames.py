"""Question forms: which of them a question has, and those about several things or about none that is named.

Owns the choice. What is asked of one thing is ``parse_single``'s.
"""

from __future__ import annotations

from dataclasses import replace

from viot_tools.qa.neutral import WH
from viot_tools.qa.parse_picks import Phrase, noun_phrases
from viot_tools.qa.parse_said import Lost, Said, no_strange_word
from viot_tools.qa.parse_single import edge_cue, moving, next_thing, single, who
from viot_tools.qa.parse_words import read
from viot_tools.qa.program import Has, Pick, Program, Relation
from viot_tools.qa.types import QuestionType


def program(said: Said) -> Program:
    """The program of what was said. Raises Lost with the reason where no form fits."""
    no_strange_word(said)
    _nearest(said)
    _examples(said)
    if said.has("empty"):
        return _empty(said)
    if not said.nps and said.options and said.has("first", "last"):
        said.nps = _offered(said)
    if not said.nps:
        named = _nobody_named(said)
        if named is not None:
            return named
        raise Lost("I do not see whom or what the question is about")
    if len(said.nps) == 1:
        return single(said, said.nps[0])
    return _several(said)


_LOOKS = ("colour", "carry", "doingcue")


def _nearest(said: Said) -> None:
    """``what colour was the next car after the bus left``: of the cars after it the nearest one."""
    relations = said.clauses.relations
    if said.has("next") and said.has(*_LOOKS) and len(said.nps) == 1 and [r.how for r in relations] == ["after"]:
        del said.cues["next"]
        relations[0] = replace(relations[0], next=True)


def _offered(said: Said) -> list[Phrase]:
    """The things that the options name. Raises Lost where one of them names none, or more than that."""
    found: list[Phrase] = []
    for option in said.options:
        words = read(option)
        draft = noun_phrases(words.tags, words.said, words.names)
        if len(draft.nps) != 1 or len(draft.tags) != 1:
            raise Lost(f"I do not know what {option!r} looks like")
        found.append(draft.nps[0])
    return found


def _examples(said: Said) -> None:
    """Kinds that are only offered as answers: ``the first vehicle: car, truck, bus, what?``."""
    if said.has("carry") and any(n.pick.kind == "person" for n in said.nps):
        said.nps = [n for n in said.nps if n.pick.kind != "object"]
    if (
        said.nps
        and said.has("kind")
        and said.has("first", "last")
        and all(_bare(n.pick) and n.pick.kind == "vehicle" for n in said.nps)
    ):
        said.nps = [Phrase(Pick("vehicle"), "vehicle")]
    whole = [
        n
        for n in said.nps
        if n.pick.kind == "vehicle" and not n.pick.labels and (n.pick.which != "all" or n.pick.number)
    ]
    if len(whole) == 1 and len(said.nps) > 1:
        rest = [n for n in said.nps if n is not whole[0]]
        if all(_bare(n.pick) for n in rest):
            said.nps = whole
            said.cues.setdefault("kind", [""])
    if _next_asked(said) and not said.has(*_LOOKS) and len(said.nps) > 1 - said.has("rel"):
        rest = said.nps if said.has("rel") else said.nps[1:]
        if all(_bare(n.pick) for n in rest) and said.nps and not said.has("howmany"):
            said.nps = [] if said.has("rel") else said.nps[:1]


def _next_asked(said: Said) -> bool:
    return said.has("next") or any(r.next for r in said.clauses.relations)


def _bare(pick: Pick) -> bool:
    return pick == Pick(pick.kind, labels=pick.labels)


def _empty(said: Said) -> Program:
    """``Is the room empty?``: whether nobody is there."""
    said.take("empty", "still", "stays", "atstart", "atend", "later", "already")
    if said.nps or said.has("neg") or any(w in WH for w in said.words):
        raise Lost("I do not see who or what is not there")
    if "ever" in said.words or any(w in said.said.get("<nil>", "") for w in ("any time", "some", "any point")):
        raise Lost("whether nobody was there at some time is not told, only at which time that is asked of")
    if said.has("atend", "atstart") and not edge_cue(said):
        raise Lost("I do not see which moment is meant")
    pick = Pick("person", when=tuple(replace(r, present=True) for r in said.clauses.relations))
    kind: QuestionType = "before_after" if pick.when else "state_change" if said.has("atend", "still") else "who"
    edge = edge_cue(said)
    if edge == "start":
        pick = replace(pick, when=(*pick.when, Relation("during", clock="in the first second")))
    return Program("exists", (pick,), kind, edge="end" if edge == "end" else "start", value="no")


def _nobody_named(said: Said) -> Program | None:
    """Questions whose thing is in the question word: ``who came first?``, ``what came right after the van?``."""
    if said.has("rel") and len(said.clauses.relations) == 1:
        relation = said.clauses.relations[0]
        wanted = relation.next or said.has("next", "who") or any(w in WH for w in said.words)
        if relation.anchor is not None and relation.how == "after" and wanted:
            return next_thing(said, relation.anchor, relation.edge)
    if said.has("doing") and not said.has("who") and not any(w in WH for w in said.words):
        pair = ("n",) if said.cues["doing"] == ["fighting"] and said.cues.get("n") == ["2"] else ()
        said.take("doing", "neg", "came", *pair)
        pick = moving(said, Pick("person"))
        return Program("exists", (pick,), "action", value="no" if said.has("neg") else "")
    if said.has("known", "who"):
        pick = Pick("person", when=tuple(said.clauses.relations))
        if said.has("colour") and said.has("first", "last") and not said.has("rel"):
            return single(said, Phrase(Pick("person"), "person"))
        if said.has("first", "last", "known"):
            return who(said, pick)
    if said.has("kind") and said.has("first", "last") and not said.has("rel"):
        return single(said, Phrase(Pick("vehicle"), "vehicle"))
    return None


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
    if said.has("firstout"):
        said.take("firstout", "leaves", "who", "came")
        return Program("order", picks, "order", edge="end", options=_order_options(said, texts))
    if said.has("leaves") and said.has("first", "last"):
        said.take("leaves", "first", "last", "who", "came", "passes", "doing")
        return Program(
            "order", picks, "order", edge="end", fewest=said.has("last"), options=_order_options(said, texts)
        )
    if said.has("first", "last"):
        said.take("first", "last", "who", "came", "enters", "passes", "howmany", "thing", "n", "reverse")
        return Program(
            "order",
            picks,
            "order",
            fewest=said.has("last") and not said.has("first"),
            options=_order_options(said, texts),
        )
    if said.has("more", "fewer", "most", "least") and len(picks) == 2:
        if said.has("howmany") and "than" in said.words and said.has("more", "fewer"):
            raise Lost("how many more is not told, only which are more")
        if not said.has("howmany") and not all(n.plural for n in said.nps):
            raise Lost(f"I do not know in what {texts[0]} and {texts[1]} are compared")
        said.take("more", "fewer", "most", "least", "howmany", "came", "who", "enters", "reverse")
        claim = "than" in said.words and not said.has("reverse") and len(said.cues.get("more", ())) < 2
        return Program(
            "compare",
            picks,
            "how_many",
            fewest=said.has("fewer", "least"),
            value=texts[0] if claim else "",
            options=texts if claim else (),
        )
    sexes = [p for p in picks if p.kind == "person" and _bare(replace(p, attributes=(), which="all", number=None))]
    if (
        said.listed
        and len(sexes) == len(picks) == 2
        and {p.attributes for p in picks}
        == {
            (Has("sex", ("male",)),),
            (Has("sex", ("female",)),),
        }
    ):
        said.nps = [replace(said.nps[0], pick=replace(said.nps[0].pick, attributes=()), text="person")]
        return single(said, said.nps[0])
    if said.listed and all(p.kind == picks[0].kind and _bare(p) and p.labels for p in picks) and not said.has("once"):
        # cars or vans: any of them
        labels = tuple(dict.fromkeys(label for p in picks for label in p.labels))
        both = "and" in said.clauses.text.split() and not said.has("howmany")
        if not both:
            said.listed = False
            said.nps = [
                replace(
                    said.nps[0], pick=replace(said.nps[0].pick, labels=labels), text=" or ".join(texts), plural=True
                )
            ]
            return single(said, said.nps[0])
    raise Lost(f"I do not see what {texts[0]} and {texts[1]} have to do with each other in the question")


def _order_options(said: Said, texts: tuple[str, ...]) -> tuple[str, ...]:
    return said.options or texts
