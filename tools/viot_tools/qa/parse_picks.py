"""Noun phrases as picks: ``the two men in a red jacket without a backpack``, ``second white van``, ``Ana Silva``.

Owns what belongs to a thing: its noun, what stands before it, what it wears and carries, relative clauses. Knows no
question form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from viot_tools.qa.lexicon import Noun, noun_list
from viot_tools.qa.program import Has, Motion, Pick

DETERMINERS = frozenset("a an the this that these those some any our my your one single its".split())
_LOOSE = frozenset("different separate distinct individual various unique".split())
_MOTIONS: dict[str, Motion] = {
    "<enters>": "enters",
    "<leaves>": "leaves",
    "<waits>": "waits",
    "<approaches>": "approaches",
    "<recedes>": "recedes",
    "<passes>": "passes",
    "<goleft>": "to_left",
    "<goright>": "to_right",
}
MOTION_TAGS = _MOTIONS
_BE = frozenset(
    "is was are were be been being has have had did does do then just got gets seen to that actually".split()
)
_COMING = frozenset(("<came>", "<enters>", "<leaves>"))
_WITH = frozenset("with having has have had got wearing in who".split())


@dataclass(slots=True)
class Draft:
    """A question half read: ``tags`` with ``<np:i>`` for ``nps[i]``; ``said`` the words behind each tag."""

    tags: list[str]
    said: list[str]
    nps: list[Phrase] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase. ``definite``: ``the van``; ``indefinite``: ``anyone``; ``text`` without its article."""

    pick: Pick
    text: str
    plural: bool = False
    definite: bool = False
    indefinite: bool = False


def noun_phrases(tags: Sequence[str], said: Sequence[str], names: Sequence[str]) -> Draft:
    """All noun phrases, longest first from the left, as ``<np:i>``."""
    draft = Draft([], [])
    i = 0
    while i < len(tags):
        read = _phrase(tags, said, i, names)
        if read is None:
            draft.tags.append(tags[i])
            draft.said.append(said[i])
            i += 1
            continue
        phrase, end = read
        draft.tags.append(f"<np:{len(draft.nps)}>")
        draft.said.append(" ".join(said[i:end]))
        draft.nps.append(phrase)
        i = end
    return draft


def _phrase(tags: Sequence[str], said: Sequence[str], i: int, names: Sequence[str]) -> tuple[Phrase, int] | None:
    start, definite = i, False
    while i < len(tags) and tags[i] in DETERMINERS:
        definite |= tags[i] in ("the", "this", "that", "these", "those", "our", "my", "your")
        i += 1
    head = i
    if i < len(tags) and tags[i].startswith("<name:"):
        pick = Pick("person", name=names[int(tags[i][6:-1])])
        return _modified(pick, tags, said, start, head, i + 1, plural=False, definite=True)
    mods, i = _before(tags, said, i)
    if mods[:1] in (["<first>"], ["<last>"]) and head == start and start and tags[start - 1] in _COMING:
        return None  # "who left first, ..." without its comma: the word is the verb's
    if i >= len(tags) or not tags[i].startswith("<N:"):
        return None
    noun = noun_list()[int(tags[i][3:-1])]
    made = _pick(noun, mods)
    if made is None:
        return None
    phrase = _modified(made, tags, said, start, head, i + 1, plural=noun.plural, definite=definite)
    return (replace(phrase[0], indefinite=noun.indefinite), phrase[1]) if noun.indefinite else phrase


def _before(tags: Sequence[str], said: Sequence[str], i: int) -> tuple[list[str], int]:
    """Adjectives before the noun."""
    mods: list[str] = []
    while i < len(tags):
        t = tags[i]
        if t.startswith(("<C:", "<ord:", "<doing:")) or t in ("<first>", "<last>", "<waits>", "only", "<known>"):
            mods.append(t)
        elif (
            t in ("or", ",", "/")
            and mods
            and mods[-1].startswith("<C:")
            and i + 1 < len(tags)
            and tags[i + 1].startswith("<C:")
        ):
            mods.append("or")
        elif t in ("long", "short") and i + 1 < len(tags) and tags[i + 1] in ("haired", "sleeved", "<sleeves>"):
            mods.append(f"{t} {'hair' if tags[i + 1] == 'haired' else 'sleeves'}")
            i += 1
        elif (
            t == "<leaves>" and said[i] == "left" and i and tags[i - 1] in DETERMINERS and tags[i + 1 : i + 2] != [","]
        ):
            mods.append("@left")
        elif t in ("male", "female"):
            mods.append(t)
        elif t not in _LOOSE:
            break
        i += 1
    return mods, i


def _pick(noun: Noun, mods: Sequence[str]) -> Pick | None:
    pick = Pick(noun.kind, labels=noun.labels, attributes=noun.attributes)
    colours = tuple(dict.fromkeys(m[3:-1] for m in mods if m.startswith("<C:")))
    if colours:
        if noun.kind != "vehicle" or (len(colours) > 1 and "or" not in mods):
            return None
        pick = replace(pick, attributes=(*pick.attributes, Has("colour", colours)))
    doing = tuple(m[7:-1] for m in mods if m.startswith("<doing:"))
    if doing:
        if noun.kind != "person":
            return None
        pick = replace(pick, doing=doing)
    for mod in mods:
        if mod.startswith("<ord:"):
            pick = replace(pick, number=int(mod[5:-1]), which="last" if "<last>" in mods else "all")
        elif mod in ("<first>", "<last>", "only") and pick.number is None:
            pick = replace(pick, which=mod.strip("<>"))  # type: ignore[arg-type]
        elif mod == "@left":
            pick = replace(pick, place="left")
        elif mod == "<waits>":
            pick = replace(pick, motion="waits")
        elif mod == "<known>":
            if noun.kind != "person":
                return None
            if Has("name", ()) not in pick.attributes:
                pick = replace(pick, attributes=(*pick.attributes, Has("name", ())))
        elif mod.startswith(("long ", "short ")):
            value, name = mod.split()
            pick = replace(pick, attributes=(*pick.attributes, Has(name, (value,))))
        elif mod in ("male", "female"):
            if noun.kind != "person":
                return None
            pick = replace(pick, attributes=(*pick.attributes, Has("sex", (mod,))))
    return pick


def _modified(
    pick: Pick,
    tags: Sequence[str],
    said: Sequence[str],
    start: int,
    head: int,
    i: int,
    *,
    plural: bool,
    definite: bool,
) -> tuple[Phrase, int]:
    """With all that follows the noun and belongs to it."""
    cleft = list(tags[max(0, start - 2) : start]) in (["was", "it"], ["is", "it"])  # "was it the van that left first"
    while not (cleft and i < len(tags) and tags[i] in ("that", "which", "<who>")):
        read = _after(pick, tags, i)
        if read is None:
            break
        pick, i = read
    text = pick.name or " ".join(said[head:i])
    return Phrase(pick, text, plural=plural, definite=definite), i


def _after(pick: Pick, tags: Sequence[str], i: int) -> tuple[Pick, int] | None:
    if i >= len(tags):
        return None
    if pick.kind == "person":
        worn = _looks(tags, i)
        if worn is not None:
            has, i = worn
            return replace(pick, attributes=(*pick.attributes, *has)), i
    if tags[i] in ("<left>", "<right>") and pick.place == "":
        return replace(pick, place=tags[i].strip("<>")), i + 1  # type: ignore[arg-type]
    return _relative(pick, tags, i)


def _relative(pick: Pick, tags: Sequence[str], i: int) -> tuple[Pick, int] | None:
    """``who ran``, ``that came in first``."""
    if tags[i] not in ("<who>", "that", "which"):
        return None
    i += 1
    while i < len(tags) and tags[i] in _BE:
        i += 1
    found = False
    while i < len(tags):
        t = tags[i]
        if t in _MOTIONS and not pick.motion:
            pick = replace(pick, motion=_MOTIONS[t])
        elif t.startswith("<doing:") and pick.kind == "person":
            pick = replace(pick, doing=(*pick.doing, t[7:-1]))
        elif t in ("<first>", "<last>") and pick.which == "all":
            pick = replace(pick, which=t.strip("<>"))  # type: ignore[arg-type]
        elif t != "<came>":
            break
        found = True
        i += 1
    return (pick, i) if found else None


# what is worn and carried --------------------------------------------------------------------------------------------


def _looks(tags: Sequence[str], i: int) -> tuple[tuple[Has, ...], int] | None:
    """``in a red jacket and blue trousers``, ``without a hat``, ``who wore a coat``; None where nothing is said so."""
    joined = False
    no, worn, seen = False, False, False
    while i < len(tags):
        t = tags[i]
        if t in _WITH or t in _BE:
            seen = seen or t in ("with", "having", "has", "have", "had", "got", "in")
            worn = worn or t == "in"
        elif t in ("<dressed>", "<carry>"):
            seen, worn = True, worn or t == "<dressed>"
        elif t in ("that", "which", "<who>"):
            pass
        elif t in ("<neg>", "without", "not"):
            no, seen = not no, True
        elif t in ("and", ",") and joined:
            pass
        else:
            break
        i += 1
    if not seen:
        return None
    first = _items(tags, i, no=no, worn=worn)
    if first is None:
        return None
    return first


def _items(tags: Sequence[str], i: int, *, no: bool, worn: bool) -> tuple[tuple[Has, ...], int] | None:
    found: list[Has] = []
    first = _item(tags, i, no=no, worn=worn)
    if first is None:
        return None
    has, i = first
    found += has
    while i + 1 < len(tags) and tags[i] in ("and", ",", "with", "or"):
        j, joined, lacking = i, False, no
        while j < len(tags) and tags[j] in ("and", ",", "with", "in", "<neg>", "without", "<carry>", "<dressed>"):
            joined |= tags[j] in ("and", "with", "in", "<neg>", "without", "<carry>", "<dressed>")
            lacking = True if tags[j] in ("<neg>", "without") else False if tags[j] in ("with", "in") else lacking
            j += 1
        more = _item(tags, j, no=lacking, worn=worn or "in" in tags[i:j]) if joined else None
        if more is None:
            break
        found += more[0]
        i = more[1]
    return tuple(found), i


def _item(tags: Sequence[str], i: int, *, no: bool, worn: bool) -> tuple[tuple[Has, ...], int] | None:
    while i < len(tags) and tags[i] in ("a", "an", "the", "his", "her", "their", "some", "any", "one"):
        i += 1
    everywhere = i < len(tags) and tags[i] == "all"
    i += everywhere
    colours: list[str] = []
    while i < len(tags) and (tags[i].startswith("<C:") or (tags[i] == "or" and colours and _colour_at(tags, i + 1))):
        if tags[i] != "or":
            colours.append(tags[i][3:-1])
        i += 1
    t = tags[i] if i < len(tags) else ""
    if colours:
        if t.startswith("<G:"):
            return _garment(t[3:-1], tuple(colours), no=no), i + 1
        if worn and not t.startswith(("<I:", "<H>", "<hair>", "<N:")):
            names = ("upper_colour", "lower_colour") if everywhere else ("upper_colour",)
            return tuple(Has(n, tuple(colours), no=no) for n in names), i
        return None
    if t.startswith("<G:"):
        bare = _bare(t[3:-1], no=no)
        return None if bare is None else (bare, i + 1)
    if t.startswith("<I:"):
        return (Has("carrying", (t[3:-1],), no=no),), i + 1
    if t == "<H>":
        return (Has("hat", ("no" if no else "yes",)),), i + 1
    if t in ("long", "short") and i + 1 < len(tags) and tags[i + 1] in ("<hair>", "<sleeves>", "<G:shorts>"):
        return (Has(tags[i + 1].strip("<>"), (t,), no=no),), i + 2
    if t == "<nothing>":
        return (Has("carrying", ("nothing",), no=no),), i + 1
    return None


def _colour_at(tags: Sequence[str], i: int) -> bool:
    return i < len(tags) and tags[i].startswith("<C:")


def _garment(what: str, colours: tuple[str, ...], *, no: bool) -> tuple[Has, ...]:
    if what in ("upper", "coat"):
        return (Has("upper_colour", colours, no=no),)
    lower = (Has("lower_colour", colours, no=no),)
    return lower if what == "lower" or no else (*lower, Has("lower", ("short",)))


def _bare(what: str, *, no: bool) -> tuple[Has, ...] | None:
    """A garment without a colour, where the index knows of it."""
    if what == "coat":
        return (Has("coat", ("no" if no else "yes",)),)
    if what in ("shorts", "skirt"):
        return (Has("lower", ("short",), no=no),)
    return (Has("lower", ("trousers",), no=no),) if what == "lower" else None
