"""What stands between noun phrases: temporal clauses, lists, limits; and which clauses are mere framing.

Works on the tags of a question as one line of words, by rewriting: ``after <np:1> <leaves>`` becomes ``<rel:0>``. Owns
these rewritings. Knows no question form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from viot_tools.qa.lexicon import noun_list
from viot_tools.qa.neutral import CONDITIONING, EXCEPTING, FRAMING, NEUTRAL, TEMPORAL, WH
from viot_tools.qa.parse_picks import Draft, Phrase
from viot_tools.qa.program import Pick, Relation

_FILL = (
    r"(?: (?:had|has|have|was|is|were|are|be|been|being|just|actually|then|did|there|here|already|finally|s|it|"
    r"on|at|by|in|"
    r"to|into|up|the|scene|view|seen|sighted|spotted|recorded|detected|picture|of|around|present|<cam:\d+>|<time:\d+>|"
    r"<came>|<enters>|<approaches>|<stays>|<still>)(?= ))*"
)
_WE_SAW = r"(?: (?:that|when|we|you|i|they|see|saw|seen|had|get|got|where))*"
_HEAD = r"(?: the)?(?P<head> <enters>| <leaves>| <came>| <stays>| stay| visit| presence| <timeword>)?(?: of)?"
_NP = r" <np:(?P<np>\d+)>"
_END = r"(?P<left>(?: <leaves>)?)"
_AFTER = (
    r"after|following|once|since|behind|subsequent to|<later> than|as soon as|(?:in )?the wake of|"
    r"from the moment|from the point|from <when> on|from the arrival of"
)
_BEFORE = (
    r"before|prior to|ahead of|in advance of|<first> than|preceding|preceded|precede|until|up until|up to|till|"
    r"by the <timeword>(?: that)?|"
    r"(?:in )?(?:the )?(?:<timeword> )?(?:leading )?up to|up to the <timeword>|<when> before|in front of it"
)
_DURING = (
    r"while|whilst|as long as|during|throughout|(?:in|during|for) the <timeword>(?: when| that| in which| "
    r"while)?|at the <timeword> (?:that|when)|whenever|<once> as|"
    r"<together>|over the <timeword>|in the presence|(?:for |in )?(?:some |any |a )?part of(?: the)? (?:<stays>|"
    r"stay|visit|presence|<timeword>)(?: of)?"
)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (how, re.compile(pattern))
    for how, pattern in (
        (
            "next",
            rf"(?<= )(?:<rightafter>|<next>(?: to come)?(?: (?:after|behind|once))){_WE_SAW}{_HEAD}{_NP}{_FILL}{_END}",
        ),
        ("previous", rf"(?<= )<rightbefore>{_WE_SAW}{_HEAD}{_NP}{_FILL}{_END}"),
        (
            "within",
            rf"(?<= )(?:within|in)(?: the)?(?: next| first)? <secs:(?P<secs>[\d.]+)> (?P<dir>of|after|following|before)"
            rf"{_WE_SAW}{_HEAD}{_NP}{_FILL}{_END}",
        ),
        ("after", rf"(?<= )(?:{_AFTER}){_WE_SAW}{_HEAD}{_NP}{_FILL}{_END}"),
        ("before", rf"(?<= )(?:{_BEFORE}){_WE_SAW}{_HEAD}{_NP}{_FILL}{_END}"),
        ("during", rf"(?<= )with{_NP} (?:there|around|present|visible)(?= )"),
        ("during", rf"(?<= )(?:{_DURING}){_WE_SAW}{_HEAD}{_NP}{_FILL}"),
    )
)
_WHEN = re.compile(rf"(?<= )(?:<when>|when){_NP}{_FILL}{_END}")
_CMP = re.compile(
    r"(?<= )(?P<neg><neg> )?(?P<op><more>|<longer>|over|above|beyond|surpass|surpassed|topped|north of|exceed|"
    r"exceeds|exceeded|exceeding|in excess of|upwards of|"
    r"past|<came>|at <least>|less|<fewer>|under|below|up to|at <most>|as many as)(?: than| as| for| of)?"
    r"(?: (?:the|a))?(?: (?:limit|mark|threshold))?(?: of)?"
    r" <(?P<unit>n|secs):(?P<n>[\d.]+)>"
)
_OR_MORE = re.compile(r"(?<= )<(n|secs):([\d.]+)> or (?:<more>|<longer>|over|above)(?= )")
_LIST = re.compile(
    r"(?<= )(?:(?:between|either|both|of|among|from|out of) )?<np:\d+>"
    r"(?:(?: (?:,|/|or|and|vs|v|versus|against|is it|was it|then|(?:,|or|and|started|begun|began) with))+ <np:\d+>)+"
)
STRONG = re.compile(
    r"<(?:np|rel|list|doing|C|G|I|H|enters|leaves|waits|passes|approaches|recedes|once|still|atend|atstart|"
    r"startend|updown|"
    r"left|right|goleft|goright|leftright|rightafter|rightbefore|upperbody|lowerbody|carry|cmp|neg|secs|longer|"
    r"fewer|more|most|least|last|"
    r"first|next|kind|colour|doingcue|whichway|followed|together|busiestcam|leaves)"
)


@dataclass(slots=True)
class Clauses:
    """``text``: the tags in one line, with a space before and behind. ``limits``: (sign, number, whether seconds)."""

    text: str
    nps: list[Phrase]
    relations: list[Relation] = field(default_factory=list)
    limits: list[tuple[str, float, bool]] = field(default_factory=list)
    lists: list[tuple[int, ...]] = field(default_factory=list)
    dropped: str = ""


_DOES = re.compile(
    r"(?<= )(?:what|<kind>)(?: (?:did|does|do|is it|was it))?(?: that)? (<np:\d+>)(?: (?:do|does|did))(?= )"
)
_TAIL = re.compile(
    r" ,(?: so)? (?:(?:is|was|were|are|did|does|do|has|have|had)(?: not| <neg>)? (?:it|he|she|they|there|we|you|"
    r"i)|right|yes|no|<neg>|ok|eh|correct|true)"
    r"(?: \?| \.)? $"
)
_NOT_FIRST = re.compile(
    r"(?<= )(?:<neg>|not) <np:(\d+)> (?:,? ?but )?(?:the )?(?:one|second|next)?(?: <np:\d+>)? ?(?:after|behind|"
    r"following)(?: it| that| this)?(?= )"
)


_EITHER_WAY = re.compile(
    rf"(?<= )<np:(\d+)>{_FILL} before <np:(\d+)>{_FILL} or <np:(\d+)>{_FILL} before <np:(\d+)>(?= )"
)


def _either_way(out: Clauses, m: re.Match[str]) -> str:
    """``did the van come before the bus, or the bus before the van``: which was first."""
    a, b, c, d = (out.nps[int(m[i])].pick for i in range(1, 5))
    return f"<first> , <np:{m[1]}> , <np:{m[2]}>" if (a, b) == (d, c) else m[0]


def _second(out: Clauses, m: re.Match[str]) -> str:
    """``not the first van but the one after it``: the second."""
    i = int(m[1])
    if out.nps[i].pick.which != "first":
        return m[0]
    out.nps[i] = replace(out.nps[i], pick=replace(out.nps[i].pick, which="all", number=2))
    return f"<np:{i}>"


_CAMS = re.compile(
    r"(?<= )(?:(?:between|either|both|of|among) )?<cam:(\d+)>"
    r"(?: (?:,|/|or|and|vs|v|versus|against|with|than|maybe|is|was|it|on|at))+ <cam:(\d+)>"
)


def clauses(draft: Draft) -> Clauses:
    """Limits, temporal clauses and lists, in this order."""
    out = Clauses(f" {' '.join(draft.tags)} ", list(draft.nps))
    out.text = re.sub(
        r"(?: the)? distance between (?:the )?camera and (<np:\d+>) (?:<updown>|decreases|gets smaller)",
        r" \1 <approaches>",
        out.text,
    )
    out.text = re.sub(r"(?<= )up to(?= (?:[?.,]|<cam:|<time:|at|on|there|here)| $)", "<doingcue>", out.text)
    out.text = _TAIL.sub(" , <yesno> ? ", out.text)
    out.text = re.sub(
        r"(?<= )before (<np:\d+>)((?: did| came| <came>| <enters>)*) or (?:after|later)(?: it| that| them| him| "
        r"her)?(?= )",
        r"<first> , \1",
        out.text,
    )
    out.text = re.sub(r"(<leaves>|<still>) from (?=<cam:)", r"\1 ", out.text)
    out.text = re.sub(r"(?<=<np:)(\d+)> out(?= [?.,])", r"\1> <leaves>", out.text)
    out.text = re.sub(r"(?<=<np:)(\d+)> in(?= [?.,])", r"\1> <enters>", out.text)
    out.text = _NOT_FIRST.sub(lambda m: _second(out, m), out.text)
    out.text = re.sub(r"(?<= )because(?: (?!<np|<rel)[^ ,.?]+)+", ",", out.text)
    out.text = re.sub(r"(?<= )<neg> <leaves> (?=<atend>)", "<still> ", out.text)
    out.text = re.sub(r"(<np:\d+>) <followed> by (<np:\d+>) or(?: by)? (<np:\d+>)", r"<next> , \1 , \2 or \3", out.text)
    out.text = re.sub(r"(<np:\d+>) <first> or (<np:\d+>) <first>", r"\1 or \2 <first>", out.text)
    out.text = re.sub(
        r"(<np:\d+>) (?:says|claims|swears|insists) (?:that )?(?:he|she|they) (?=was|were|<came>)", r"\1 ", out.text
    )
    if len(out.nps) == 1 and re.search(r" (?:what|which|<who>|<kind>|<thing>) ", out.text):
        out.text = re.sub(r"<followed> (?=<np:)", "<rightafter> ", out.text)  # "what followed the van?"
    out.text = _EITHER_WAY.sub(lambda m: _either_way(out, m), out.text)
    out.text = _DOES.sub(r"<doingcue> \1", out.text)
    out.text = _CAMS.sub(r"<cam:\1> <cam:\2>", out.text)
    out.text = _OR_MORE.sub(r"at <least> <\1:\2>", out.text)
    out.text = _CMP.sub(lambda m: _limit(out, m), out.text)
    for how, rule in _RULES:
        out.text = rule.sub(lambda m, how=how: _relation(out, m, how), out.text)  # type: ignore[misc]
    if len(re.findall(r"<np:\d+>", out.text)) > 1:
        out.text = _WHEN.sub(lambda m: _when(out, m), out.text)
    out.text = _LIST.sub(lambda m: _list(out, m), out.text)
    return out


def _limit(out: Clauses, m: re.Match[str]) -> str:
    word = m["op"]
    below = word in ("less", "<fewer>", "under", "below")
    sign = "<" if below else ">="
    if word in ("up to", "at <most>"):
        sign = "<="
    elif not below and word not in ("at <least>", "as many as"):
        sign = ">"
    if m["neg"]:
        sign = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}[sign]
    out.limits.append((sign, float(m["n"]), m["unit"] == "secs"))
    return f"<cmp:{len(out.limits) - 1}>"


def _relation(out: Clauses, m: re.Match[str], how: str) -> str:
    anchor = out.nps[int(m["np"])].pick
    groups = m.groupdict()
    gone = bool((groups.get("left") or "").strip()) or "<leaves>" in (groups.get("head") or "")
    edge = "end" if gone else "start"
    if how == "during":
        relation = Relation("during", anchor)
    elif how == "next":
        relation = Relation("after", anchor, edge=edge, next=True)  # type: ignore[arg-type]
    elif how == "previous":
        relation = Relation("before", anchor, edge=edge, next=True)  # type: ignore[arg-type]
    elif how == "within":
        side = "before" if m["dir"] == "before" else "after"
        relation = Relation(side, anchor, edge=edge, within=float(m["secs"]))  # type: ignore[arg-type]
    else:
        relation = Relation(how, anchor, edge=edge)  # type: ignore[arg-type]
    out.relations.append(relation)
    return f"<rel:{len(out.relations) - 1}>"


def _when(out: Clauses, m: re.Match[str]) -> str:
    """``when the van came``: before it where something had *already* happened; while it was there where it "
    "*was there*."""
    anchor = out.nps[int(m["np"])].pick
    moved = re.search(r"<came>|<enters>", m[0])
    if m["left"].strip():
        return m[0]
    if moved and "<already>" in out.text:
        out.relations.append(Relation("before", anchor))
    elif not moved:
        out.relations.append(Relation("during", anchor))
    else:
        return m[0]
    return f"<rel:{len(out.relations) - 1}>"


def _list(out: Clauses, m: re.Match[str]) -> str:
    out.lists.append(tuple(int(n) for n in re.findall(r"<np:(\d+)>", m[0])))
    return f"<list:{len(out.lists) - 1}>"


# framing -------------------------------------------------------------------------------------------------------------


_REPORT = re.compile(
    r"^(?:(?:a|an|the|my|our|one|some|his|her|their|this|that) )?(?:(?:[a-z]+|<N:\d+>) ){1,4}"
    r"(?:swears|says|said|claims|claimed|states|stated|insists|complains|argues|argued|wrote|writes|thinks|"
    r"believes|told(?: [a-z]+){1,3}|"
    r"wants|needs|need|asks|asked|reports|reported|mentions|mentioned|keeps telling(?: \w+)?|remembers|is sure|"
    r"is certain|noted|noticed)"
    r"(?: to (?:know|hear|see|say|find out))?(?: (?:that|if|whether|,)|(?= (?:there|no|not|nobody|<neg>|the|a|"
    r"an|it|they|<when>|<howmany>|what|when)\b)"
    r"|(?= <neg>)) "
)


def without_reports(tags: Sequence[str], said: Sequence[str]) -> tuple[list[str], list[str]]:
    """Without who says or wants it at the beginning of a sentence: ``a customer swears that``, ``could somebody``."""
    kept: list[tuple[str, str]] = []
    start = 0
    for i in range(len(tags) + 1):
        if i < len(tags) and tags[i] not in (".", "?", ","):
            continue
        sentence = [*tags[start:i], *(["," if i < len(tags) and tags[i] == "," else "."])]
        line = " ".join(sentence) + " "
        cut = _REPORT.match(line)
        n = len(cut[0].split()) if cut and not _LOOKS_OF.search(cut[0]) else 0
        for k in range(start, min(i + 1, len(tags))):
            if k < start + n:
                if k == start:
                    kept.append(("i", said[k]))  # framing stays framing
                continue
            helper = (
                tags[k].startswith("<N:")
                and k > start
                and tags[k - 1] in _POLITELY
                and noun_list()[int(tags[k][3:-1])].indefinite
            )
            if not (helper and k + 1 < len(tags) and (tags[k + 1] in _HELPS or tags[k + 1] == "<howmany>")):
                kept.append((tags[k], said[k]))
        start = i + 1
    return [t for t, _ in kept], [w for _, w in kept]


_POLITELY = frozenset("can could would will".split())
_HELPS = frozenset("please kindly tell check look say find help confirm work give see look figure show".split())
_LOOKS_OF = re.compile(r"<(?!N:|yesno|nil)|\b(?:who|with|in|near|after|before|while)\b")


def without_framing(out: Clauses) -> Clauses:
    """Without the clauses that only say who asks and why: nothing to look for is in them, and no condition."""
    sentences = [s.split() for s in re.split(r"(?<= [.?]) ", out.text.strip())]
    asking = [words for words in sentences if words[-1:] == ["?"]] or sentences[-1:]
    core = {out.nps[i].pick for words in asking for i in _nps(out, words)}
    kept: list[str] = []
    for words in sentences:
        line = " ".join(words)
        if words not in asking and _own_story(out, words):
            continue
        framed = any(w in FRAMING for w in words) or len(words) > 5
        if framed and words[-1:] != ["?"] and _strange(words) and not _risky(words):
            here = _nps(out, words)
            if not STRONG.search(line):
                continue
            if (
                here
                and words not in asking
                and core
                and all(_plain(out.nps[i].pick) in map(_plain, core) for i in here)
            ):
                continue
            more = [
                w
                for w in words
                if w.startswith("<") and not w.startswith(("<np", "<cam", "<time", "<nil", "<n:", "<came"))
            ]
            if here and words not in asking and not core and len(here) == 1 and not more:
                line = f"<np:{here[0]}> ."
                kept.append(line)
                continue
        listed = [w for w in words if w.startswith(("<C:", "<n:"))]
        if words not in asking and len(listed) > 2 and _strange(words) and not _nps(out, words) and not _risky(words):
            kept.append(" or ".join(listed) + " .")  # the answers that are offered
            continue
        if "<neg>" in words and words not in asking and not _nps(out, words):
            line = f"<unknown> {line}"  # what is denied there is not known
            kept.append(line)
            continue
        kept.append(" ".join(_trimmed(words)))
    return replace_text(out, f" {' '.join(kept)} ")


_ASKED = re.compile(
    "<(?:C|n|G|kind|once|most|cmp|neg|unknown|colour|when|where|whichcam|howmany|howlong|who|known|doingcue|carry|first|"
    "last|updown|upper|lower|rel|ord)"
)


def _own_story(out: Clauses, words: Sequence[str]) -> bool:
    """Whether a sentence is about the person who asks: ``I left before it was over.``"""
    mine = bool(words) and words[0] in ("i", "we") and words[-1] != "?"
    return mine and not _nps(out, words) and not _ASKED.search(" ".join(words)) and not _excepts(words)


def _excepts(words: Sequence[str]) -> bool:
    return any(w in EXCEPTING for w in words)


def _nps(out: Clauses, words: Sequence[str]) -> list[int]:
    found: list[int] = []
    for w in words:
        if w.startswith("<np:"):
            found.append(int(w[4:-1]))
        elif w.startswith("<list:"):
            found += out.lists[int(w[6:-1])]
    return found


def _plain(pick: Pick) -> Pick:
    return replace(pick, which="all", number=None)


def replace_text(out: Clauses, text: str) -> Clauses:
    return replace(out, text=text)


def _trimmed(words: Sequence[str]) -> list[str]:
    """A sentence without framing segments, and without the framing before the first tag of a segment."""
    segments: list[list[str]] = [[]]
    for word in words:
        segments[-1].append(word)
        if word == ",":
            segments.append([])
    kept: list[str] = []
    for segment in segments:
        if not _strange(segment):
            kept += segment
            continue
        first = next((i for i, w in enumerate(segment) if STRONG.match(w) or _asks(w) or w in WH), len(segment))
        head, tail = segment[:first], segment[first:]
        framed = any(w in FRAMING for w in head) or head[:1] == ["for"]
        if _strange(head) and framed and not _narrowing(head):
            head = []
        if not tail and kept and segment[0] in _ASIDE and not _narrowing(segment[1:]):
            head = [","]
        kept += [*head, *tail]
    return kept


_ASIDE = frozenset("as so because since my our i we for please thanks".split())


def _narrowing(words: Sequence[str]) -> bool:
    """Whether a clause of framing may narrow the question: it begins as a condition, or takes something out."""
    own = next((i for i, w in enumerate(words) if w in ("i", "we", "my", "our")), None)
    lead = words[:own] if own is not None else words
    return any(w in EXCEPTING or w in TEMPORAL for w in words) or any(w in CONDITIONING for w in lead)


def _asks(word: str) -> bool:
    return word.startswith("<") and not word.startswith(("<cam", "<time", "<n:", "<nil"))


def _strange(words: Sequence[str]) -> bool:
    return any(not w.startswith("<") and w.isalpha() and w not in NEUTRAL and w not in WH for w in words)


def _risky(words: Sequence[str]) -> bool:
    return any(w in CONDITIONING or w in EXCEPTING for w in words)
