"""Picks in words: ``woman in a blue coat``, ``two white vans``. Owns the words. Knows no fact."""

from __future__ import annotations

from collections.abc import Iterator

from viot_tools.qa.program import Has, Pick

_NOUNS = {
    "person": ("person", "people"),
    "vehicle": ("vehicle", "vehicles"),
    "object": ("object", "objects"),
    "fire": ("fire", "fires"),
    "smoke": ("smoke", "smoke"),
    "anomaly": ("unusual event", "unusual events"),
}
_SEX = {"male": ("man", "men"), "female": ("woman", "women")}
_IRREGULAR = {"bus": "buses", "bench": "benches", "couch": "couches", "knife": "knives", "sheep": "sheep"}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}
_MOTION = {
    "enters": "coming in",
    "leaves": "leaving",
    "waits": "waiting",
    "approaches": "coming nearer",
    "recedes": "going away",
    "passes": "passing",
    "to_left": "going left",
    "to_right": "going right",
}


def described(pick: Pick, *, many: bool = False) -> str:
    """What is meant, without an article: ``red van``, ``people with a backpack``."""
    if pick.name:
        noun = pick.name
    else:
        before = [*_order(pick), *_colours(pick), _noun(pick, many)]
        noun = " ".join(before)
    after = [_with(has) for has in pick.attributes if has.attribute not in ("sex", "colour", "label")]
    clothes = _clothes(pick)
    tail = [*([clothes] if clothes else []), *(words for words in after if words)]
    doing = [" or ".join((*pick.doing, *pick.known_by))] if pick.doing or pick.known_by else []
    moving = [_MOTION[pick.motion] + (f" by the {pick.side}" if pick.side else "")] if pick.motion else []
    place = [{"middle": "in the middle", "top": "at the top", "bottom": "at the bottom"}.get(pick.place, "")]
    if pick.place in ("left", "right"):
        place = [f"on the {pick.place}"]
    return " ".join(word for word in [noun, *tail, *doing, *moving, *place, *_stay(pick)] if word)


def counted(n: int, pick: Pick) -> str:
    """``no vans``, ``1 van``, ``3 vans``; of somebody by name ``Ana Silva``."""
    if pick.name:
        return described(pick)
    return f"{n or 'no'} {described(pick, many=n != 1)}"


def article(noun: str) -> str:
    """``a van``, ``an unusual event``; a name, smoke or clothing in the plural gets none."""
    if not noun or noun[0].isupper() or noun in ("smoke",):
        return noun
    return f"{'an' if noun[0] in 'aeio' or noun.startswith(('unu', 'umb')) else 'a'} {noun}"


def _noun(pick: Pick, many: bool) -> str:
    if pick.labels:
        return " or ".join(plural(label) if many else label for label in pick.labels)
    sexes = [h.values[0] for h in pick.attributes if h.attribute == "sex" and not h.no and len(h.values) == 1]
    one, more = _SEX[sexes[0]] if sexes and sexes[0] in _SEX else _NOUNS[pick.kind]
    return more if many else one


def plural(noun: str) -> str:
    """``vans``, ``buses``."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def _order(pick: Pick) -> Iterator[str]:
    if pick.number is not None:
        yield _ORDINALS.get(pick.number, f"{pick.number}th")
        if pick.which == "last":
            yield "last"
    elif pick.which in ("first", "last", "longest", "largest", "only"):
        yield "longest-staying" if pick.which == "longest" else pick.which


def _colours(pick: Pick) -> Iterator[str]:
    for has in pick.attributes:
        if has.attribute == "colour":
            yield ("non-" if has.no else "") + " or ".join(has.values)


def _clothes(pick: Pick) -> str:
    parts = []
    worn = {h.attribute: h for h in pick.attributes if not h.no}
    coat = "coat" in worn and "yes" in worn["coat"].values
    if "upper_colour" in worn:
        parts.append(article(f"{' or '.join(worn['upper_colour'].values)} {'coat' if coat else 'top'}"))
    elif coat:
        parts.append("a coat")
    if "lower_colour" in worn:
        parts.append(f"{' or '.join(worn['lower_colour'].values)} trousers")
    return "in " + " and ".join(parts) if parts else ""


def _with(has: Has) -> str:
    """One attribute beside colours: ``with a backpack``, ``without a hat``, ``not in red``."""
    value = " or ".join(has.values)
    if has.attribute in ("upper_colour", "lower_colour"):
        garment = "top" if has.attribute == "upper_colour" else "trousers"
        return (
            f"without {article(value + ' ' + garment) if garment == 'top' else value + ' ' + garment}" if has.no else ""
        )
    if has.attribute == "carrying":
        if value == "nothing":
            return "with something to carry" if has.no else "carrying nothing"
        return f"{'without' if has.no else 'with'} {article(value)}"
    if has.attribute == "hat":
        return "with a hat" if (value == "yes") != has.no else "without a hat"
    if has.attribute == "coat":
        return "" if value == "yes" and not has.no else "without a coat"
    if has.attribute in ("hair", "sleeves"):
        return f"{'without' if has.no else 'with'} {value} {has.attribute}"
    if has.attribute == "lower":
        return "in shorts or a skirt" if (value == "short") != has.no else "in long trousers"
    if has.attribute == "name":
        return ("not " if has.no else "") + (f"called {value}" if value else "with an enrolled name")
    return f"{'not ' if has.no else ''}{has.attribute} {value}"


def _stay(pick: Pick) -> Iterator[str]:
    least, most = pick.stay
    if least is not None:
        yield f"for {least:g} s or more"
    if most is not None:
        yield f"for {most:g} s at most"
