"""Whom a redaction leaves visible: the one person whom the request means by not being one of the others.

Owns reading that from the words, and what must be asked before anybody is hidden. In doubt nobody stays visible: a face
too many that is hidden can be shown later.
"""

from __future__ import annotations

import re
from dataclasses import replace

from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import NAMED, REQUEST, Reading

_HIDE = r"(?:blur|pixel\w*|redact|hid(?:e|ing)|anonymi[sz]e|censor|obscure|conceal|cover)(?:s|d|ed|r?ing|red)?"
_REST = (
    r"(?:(?:every|any) ?(?:one|body) else(?:['’]s faces?)?|(?:all (?:of )?)?the others|all others|others|"
    r"(?:all )?the rest|(?:(?:all|any|the) )*other (?:faces?|people|persons?))"
)
_OTHERS = re.compile(rf"\b{_HIDE}\s+(?:(?:out|up|just|only)\s+)?(?:the faces? of\s+)?{_REST}\b(?! than\b)", re.I)
_ALL = re.compile(
    rf"\b{_HIDE}\s+(?:out\s+)?(?:all|every ?(?:one|body)|every face)\b"
    r"(?!\s+(?:of )?(?:else|but|except|the others|others|other|the rest|the other)\b)",
    re.I,
)
_NOT = r"(?<!not )(?<!n['’]t )(?<!never )(?<!without )(?<!un)(?<!no )"
_VISIBLE = r"stay|visib|keep|kept|leav|left|show|can|remain|clear|unblur|spar"
_TOO = re.compile(
    "|".join(
        (
            rf"\b(?:including|incl\.?|even|also|plus)\W+(?:(?!{_VISIBLE}|let|except|but|not|is\b|was\b|did\b|has\b)\w+\W+)"
            r"{0,2}?X\b",
            rf"\bX\W+(?:(?!{_VISIBLE})\w+\W+){{0,2}}?(?:too|as well|likewise|included|not excepted)\b",
            rf"\b{_NOT}{_HIDE}\s+(?:out\s+)?(?:the faces? of\s+)?X\b",
            rf"\b{_NOT}{_HIDE}\s+(?:out\s+)?(?:him|her)\b(?! (?:friend|mate|child|kid|colleague|companion))",
            r"\bX\W+(?:is |was |are |be |to be |gets? )?(?:also |too )?"
            r"(?:blurred|hidden|pixelated|anonymi[sz]ed|redacted|removed)\b",
            r"\b(?:do not|don['’]?t|never|not)\s+(?:spare|except|exempt|keep|leave out)\s+X\b",
            r"\bX\b[^.?!;]{0,40}\b(?:asked|wants?|wishes|wanted) to be (?:removed|hidden|blurred|unrecogni\w+)",
            r"\bX\W+(?:\w+\W+){0,3}?(?:like|as) (?:every ?(?:one|body)|(?:all )?the (?:others|rest))\b",
            rf"\b{_REST}\s+(?:and|&|plus)\s+X\b",
        )
    ),
    re.I,
)
"""Says of X that he is hidden like the others."""
_BUT = (
    r"but|except\w*|excluding|bar|barring|besides|save|apart from|other than|minus|not|without|keep\w*|leav\w*|left|"
    r"spar\w*"
)
_BEFORE = re.compile(rf"\b(?:{_BUT})\b[^.?!;,]{{0,30}}$", re.I)
_AFTER = re.compile(rf"\b(?:{_BUT}|visible|clear|sharp|can be)\b|\b{_HIDE}\s+(?:every|any) ?(?:one|body) else\b", re.I)
"""Takes it back, before or after: "blur X? No, everyone but X"."""
_WHOLE = re.compile(r"do not|don|never|not", re.I)


def sparing(step: Step, reading: Reading, keep: str) -> Step:
    """A redaction of everyone else leaves out the one person whom the request names, and one that is for that person
    too leaves out nobody (``keep``: what its tool calls that argument).

    Of the authored requests that name one person, all 30 in the words of the first rule leave that one out; in those
    of the second are 7 of 126 that leave out nobody, and 3 of 932 that leave that one out (by hand)."""
    if step.tool != "face_redaction" or not keep:
        return step
    people = [u for u in reading.units if u.segment == REQUEST and "person" in u.kinds and not u.virtual]
    values = {u.value for u in people}
    if len(values) != 1 or any("unknown" in u.kinds for u in people):
        return step
    person, asked = values.pop(), _of_people(reading)
    if hidden_too(asked):
        kept = step.args.get(keep)
        return replace(step, args={k: v for k, v in step.args.items() if k != keep}) if kept == person else step
    if keep in step.args or not _OTHERS.search(asked) or _ALL.search(asked):
        return step
    return replace(step, args=step.args | {keep: person})


_PEOPLE = re.compile(
    rf"\b{_NOT}{_HIDE}\s+(?:(?:out|all|just|up)\s+)*(?:every ?(?:one|body)|any ?(?:one|body)|all\b|others|{_REST}|"
    r"(?:the |their |his |her )?(?:faces?|people|persons?)|X\b|him\b|her\b|them\b)",
    re.I,
)
_OF_A_FILE = re.compile(r"\b(?:pictures?|photos?|images?|attach\w*|uploads?|files?|selfies?|portraits?|snaps?)\b", re.I)


def when_to_hide(step: Step, reading: Reading) -> Step:
    """Of people who are to be hidden on a camera the time is asked for, and no attached file; nor is it said that no
    tool can."""
    if not (step.reply == "out_of_scope" or (step.kind == "ask" and step.missing == ("media",))):
        return step
    own = [u for u in reading.units if u.segment == REQUEST]
    cameras = [u for u in own if {"camera", "group"} & set(u.kinds) and "unknown" not in u.kinds]
    other = any(u.virtual or {"time", "upload", "handle"} & set(u.kinds) for u in own)
    asked = _of_people(reading)
    if not cameras or other or not _PEOPLE.search(asked) or _OF_A_FILE.search(asked):
        return step
    return Step("ask", missing=("time",))


def hidden_too(asked: str) -> bool:
    """Whether a request in which a person is called X says that X is hidden, too."""
    for found in _TOO.finditer(asked):
        before = asked[: found.start()] + (found[0].rsplit("X", 1)[0] if "X" in found[0] else "")
        if _BEFORE.search(before[-40:]) and not _WHOLE.match(found[0]):
            continue
        if not _AFTER.search(asked, found.end()):
            return True
    return False


def _of_people(reading: Reading) -> str:
    """The request with X for a person and Q for everything else that code recognised."""
    out, at = "", reading.request[0]
    for unit in reading.units:
        if unit.segment == REQUEST and not unit.virtual and unit.start >= at and not NAMED.isdisjoint(unit.kinds):
            out += reading.text[at : unit.start] + ("X" if "person" in unit.kinds else "Q")
            at = unit.end
    return out + reading.text[at : reading.request[1]]
