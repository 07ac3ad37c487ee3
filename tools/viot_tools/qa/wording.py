"""The person's own words behind a call: a language model copies a part of the request, and may cut a condition off.

``which colour was the jacket of the man?`` must not be answered as ``which colour was the jacket``. The whole sentence
is read where a program says it; the part alone only where it is joined to the rest by an *and* or a comma, so that it
is a question of its own. Owns this choice. Knows no row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from viot_agent.fleet.types import Mention
from viot_tools.qa.program import Program, Unparsed

_ENDS: Final = re.compile(r"(?<=[.?!])\s+|\n+")
_JOINS: Final = re.compile(r"^\s*(?:[,;:]|and\b|or\b|then\b|but\b|if so\b)", re.IGNORECASE)
_JOINED: Final = re.compile(
    r"(?:[,;:]|\b(?:and|or|then|but|so|also|tell me|know|check|say|see|find out))\s*$", re.IGNORECASE
)
NEAR: Final = 85.0
"""How alike a misspelt camera's name is to the name it stands for, of 100, at least."""
FORM: Final = "video qa:"
"""How a call by hand, with a form, begins its request: there is no sentence of a person behind it."""

Parse = Callable[[str], Program | Unparsed]


def respelt(request: str, mentions: Sequence[Mention]) -> str:
    """The request with misspelt cameras ("car prak east") under their names: ``mentions`` are those of the request."""
    for m in sorted(mentions, key=lambda m: -m.start):
        if m.kind == "camera" and NEAR <= m.score < 99:
            request = request[: m.start] + m.target + request[m.end :]
    return request


def own_words(request: str, question: str, parse: Parse) -> str:
    """The question as the person asked it, or ``question`` where the request does not hold it."""
    asked = question.strip()
    if not asked or request.strip().casefold().startswith(FORM):
        return asked
    sentence = next((s.strip() for s in _ENDS.split(request) if asked.casefold().rstrip(" ?.!") in s.casefold()), asked)
    if sentence.casefold() == asked.casefold() or isinstance(parse(sentence), Program):
        return sentence
    at = sentence.casefold().find(asked.casefold().rstrip(" ?.!"))
    before, after = sentence[:at], sentence[at + len(asked.rstrip(" ?.!")) :]
    own = (not before.strip() or _JOINED.search(before)) and (not after.strip(" ?.!") or _JOINS.match(after))
    return asked if own else sentence
