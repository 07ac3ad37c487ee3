"""Names said in two pieces or in another order: "the bridge barrier ... east side only", "hall B, I mean only B",
"the north weighing station" for "Weighing Station North", "the turnstile on the left" for "Turnstile L"; and a slip
that is mended later by the telling word alone ("gate 2 ... oh, wrong one, 3").

Owns which stretches then name a camera. Only pieces that together are exactly one known name count; what whole names
look like lies in ``names``, siblings said after one ("gate 2 and 3") in ``ellipsis``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from viot_agent.fleet.ellipsis import GOES_ON, MEASURES, Find, Hit, alike, sibling
from viot_agent.fleet.names import SIDES, name_tokens
from viot_agent.fleet.words import Token

_LONG = {short: long for long, short in SIDES.items() if short}
_FILLERS = frozenset("line lane bay door side room level unit section area row camera cam".split())
_LONGEST = 4  # words of a piece
_REACH = 6  # words between a slip and what mends it
_ONLY_BEFORE = re.compile(
    r"\b(?:(?P<only>only|just|solely|purely)|not|i mean|i meant)\s+(?:(?:the|at|on|in|by|camera|cam|number)\s+)*$", re.I
)
_SLIPS = re.compile(
    r"\b(?:no|nope|nah|sor+y|sr+y|soz|ach|my bad|my mistake|cancel|oops|whoops|wait|hang on|hold on|actually|"
    r"corr?ect(?:ion|in)|corrigendum|(?:wrong|other) (?:one|cam|camera|number|side)|rather|"
    r"(?:scratch|strike|scrap|cancel|forget) (?:that|it)|make (?:it|that)|should (?:be|read|have (?:been|said))|"
    r"negative|is ?n['’]?t|not that one|keep saying)\b",
    re.I,
)
"""Words after which a slip is mended."""
_LEADS_UP = frozenset(
    "the at on in by to for of go camera cam number is it's it’s its was be one neighbour neighbor".split()
)
"""Words right before the word that mends a slip, where others stand between them and what says that it was one."""
_MEANT_AFTER = re.compile(r"\s*,?\s*(?:i mean|i meant|sorry|they|we|she|he|instead|rather)\b", re.I)
_BODY = re.compile(r"\bno (?:face|head|front)\b[^.?!;]*$", re.I)
"""What makes *back* somebody's ("no face, only back")."""
_IN_PLACE = re.compile(r"\s*,?\s*(?:instead of|rather than|and not|not)\s+(?:(?:the|camera|cam)\s+)*$", re.I)
_ONLY_AFTER = re.compile(r"\s+(?:(?:one|side|end|bit|part|camera|cam)\s+)?(?:only|alone)\b", re.I)
_ENDS = re.compile(r"\s*(?:$|[.,;:!?)—–]|\b(?:and|or|only|alone|side|one|not|please|pls)\b)", re.I)
_JOINED = re.compile(r"\s*(?:,|&|\band\b|\bor\b|\bvs\b|\bversus\b)\s*(?:(?:on|at|in|by|the)\s+)*$", re.I)
_ON_THE = re.compile(r"\s+(?:on|to|at)\s+the\s+$", re.I)


def corrects(text: str) -> bool:
    """Whether somebody mends what was said: "sorry, no, the other one"."""
    return _SLIPS.search(text) is not None


def said_only(text: str, start: int, end: int) -> bool:
    """Whether the stretch is named as the only one meant: "just the north one", "B only"."""
    before = _ONLY_BEFORE.search(text[:start])
    return (before is not None and before["only"] is not None) or _ONLY_AFTER.match(text, end) is not None


def narrowed(
    text: str,
    cut: Sequence[Token],
    whole: Sequence[tuple[int, int, str]],
    busy: Sequence[tuple[int, int]],
    find: Find,
    names: Sequence[Sequence[str]],
) -> Iterator[Hit]:
    """``(start, end, camera)`` of both pieces: what is named in part, and the word that tells which.

    ``cut`` are the tokens of ``text``, ``whole`` the stretches of whole names with the cameras' own names, ``busy``
    those that mean something (whole names too), ``names`` the words of the known names: what a piece may begin with.
    """
    starts = [a for a, _, _ in whole]
    telling = [t for t in cut if not _inside(t, busy) and (_tells(text, t) or (whole and _mends(text, t, starts)))]
    if not telling:
        return
    begun = {tuple(name[:k]) for name in names for k in range(1, len(name))}
    begun |= {tuple(name[k:]) for name in names for k in range(1, len(name))}
    pieces = [run for run in _runs(text, cut, busy) if tuple(t.text for t in run) in begun]
    for word in telling:
        parts = [(target, [t.text for t in name_tokens(target)]) for _, _, target in whole]
        said = [target for target, own in parts if _tells_apart(word.text, own)]
        said = said or list(
            filter(None, (sibling(word.text, own, partial(alike, find, name), back=False) for name, own in parts))
        )
        if said:
            yield word.start, word.end, said[-1]
            continue
        for run in sorted(pieces, key=len, reverse=True):
            if run[0].start <= word.start < run[-1].end:
                continue
            found = _one(find, [t.text for t in run], word.text)
            if found:
                yield run[0].start, run[-1].end, found
                yield word.start, word.end, found
                break


def reordered(text: str, cut: Sequence[Token], busy: Sequence[tuple[int, int]], find: Find) -> Iterator[Hit]:
    """``(start, end, camera)`` of names in another order, with a side written out or cut short, or with a filling word
    ("assembly line 5" for "Assembly 5")."""
    taken: list[tuple[int, int]] = []
    runs = sorted(_runs(text, cut, busy), key=lambda run: -len(run))
    for run in (r for r in runs if len(r) > 1):
        start, end = run[0].start, run[-1].end
        if any(a < end and start < b for a, b in taken) or MEASURES.match(text, end):
            continue
        for words in _forms([t.text for t in run]):
            found = find("".join(words))
            if len(found) == 1:
                taken.append((start, end))
                yield start, end, found[0]
                break
    for i, noun in enumerate(cut[:-3]):
        side = cut[i + 3]
        if side.text not in SIDES or not _ON_THE.fullmatch(text[noun.end : side.start]):
            continue
        for first in range(max(0, i - 2), i + 1):
            named = cut[first : i + 1]
            found_one = _one(find, [t.text for t in named], side.text)
            if found_one and not any(_inside(t, busy) for t in (*named, side)):
                yield named[0].start, side.end, found_one
                break


def shared_tail(
    text: str, cut: Sequence[Token], whole: Sequence[tuple[int, int, str]], busy: Sequence[tuple[int, int]], find: Find
) -> Iterator[Hit]:
    """``the left bank or the right bank promenade``: the first has its last words from the second."""
    for start, _, name in whole:
        parts = [t.text for t in name_tokens(name)]
        joined = _JOINED.search(text[:start])
        if joined is None or len(parts) < 3:
            continue
        before = [t for t in cut if t.end <= joined.start()]
        for count in (3, 2):
            run = before[-count:]
            if len(run) < count or any(_inside(t, busy) for t in run):
                continue
            tails = (parts[k:] for k in range(1, len(parts)))
            names = {n for tail in tails for n in find("".join([*(t.text for t in run), *tail]))}
            if len(names) == 1:
                yield run[0].start, run[-1].end, names.pop()
                break


def _forms(words: Sequence[str]) -> Iterator[list[str]]:
    """Other ways to say ``words``; not the words themselves."""
    for i, word in enumerate(words):
        other = SIDES.get(word) or _LONG.get(word)
        if other and i in (0, len(words) - 1):
            yield [*words[:i], other, *words[i + 1 :]]
    if words[0] in SIDES:
        yield [*words[1:], words[0]]
        if SIDES[words[0]]:
            yield [*words[1:], SIDES[words[0]]]
    if words[-1] in SIDES:
        yield [words[-1], *words[:-1]]
    if len(words) > 2 and words[-2] in _FILLERS and (words[-1].isdigit() or len(words[-1]) == 1):
        yield [*words[:-2], words[-1]]


def _one(find: Find, words: Sequence[str], telling: str) -> str | None:
    """The one camera that ``words`` and a telling word make together."""
    forms = [telling, *filter(None, (SIDES.get(telling), _LONG.get(telling)))]
    found = {n for w in forms for key in ("".join([*words, w]), "".join([w, *words])) for n in find(key)}
    return found.pop() if len(found) == 1 else None


def _tells_apart(word: str, parts: Sequence[str]) -> bool:
    """Whether ``word`` is the one of a name's words that tells it from its siblings: its last, or a side in front."""
    return len(parts) > 1 and (word == parts[-1] or (word == parts[0] and word in SIDES))


def _tells(text: str, token: Token) -> bool:
    """Whether a word narrows what was said: "only B", "B only", "just the north one", "not south"."""
    if token.text in ("a", "i") and (not text[token.start].isupper() or not _ENDS.match(text, token.end)):
        return False
    if not (token.text in SIDES or token.text.isdigit() or len(token.text) == 1):
        return False
    if MEASURES.match(text, token.end) or (token.text == "back" and _BODY.search(text[: token.start])):
        return False
    return bool(_ONLY_BEFORE.search(text[: token.start]) or _ONLY_AFTER.match(text, token.end))


def _mends(text: str, token: Token, starts: Sequence[int]) -> bool:
    """Whether a word mends a slip in what was said whole: "Kitchen A ... oh, wrong one, B", "1 instead of lobby 5".
    ``starts``: where whole names begin."""
    after = token.end
    if not (token.text in SIDES or token.text.isdigit() or len(token.text) == 1) or MEASURES.match(text, after):
        return False
    if token.text == "i" or (token.text == "a" and not text[token.start].isupper()):
        return False
    if text[token.start : after].casefold() == "one":
        return False  # "no one", "the other one"
    if any(after < start and _IN_PLACE.fullmatch(text[after:start]) for start in starts):
        return True
    if not (_ENDS.match(text, after) or GOES_ON.match(text, after) or _MEANT_AFTER.match(text, after)):
        return False
    slip = next((m for m in reversed(list(_SLIPS.finditer(text[: token.start])))), None)
    if slip is None:
        return False
    between = text[slip.end() : token.start]
    words = re.findall(r"[\w'’]+", between)
    if len(words) > _REACH or re.search(r"\w[^\w,]*[.?!;]", between):
        return False
    return not words or words[-1].casefold() in _LEADS_UP or between.rstrip()[-1] in ",:—–-"


def _runs(text: str, cut: Sequence[Token], busy: Sequence[tuple[int, int]]) -> Iterator[Sequence[Token]]:
    """Neighbouring words that nothing else is made of."""
    for i in range(len(cut)):
        for j in range(i + 1, min(len(cut), i + _LONGEST) + 1):
            if _inside(cut[j - 1], busy) or (
                j - i > 1 and len(text[cut[j - 2].end : cut[j - 1].start].strip(" -_#.")) > 0
            ):
                break
            yield cut[i:j]


def _inside(token: Token, spans: Sequence[tuple[int, int]]) -> bool:
    return any(a < token.end and token.start < b for a, b in spans)
