"""Whether something that is stored names a person: whole words, whatever their case, in every text inside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from viot_agent.library.names import folded

_ESCAPED = re.compile(r"\\[nrtbf]")


class Name:
    """A name to look for. "Ann" is not in "announced", and "Ana Silva" is in "ANA  SILVA's". ``others``: names of other
    people, which may hold this one: "Ana" is not meant where "Ana Silva" is another's name."""

    def __init__(self, name: str, others: Iterable[str] = ()) -> None:
        self._pattern = _whole(name)
        longer = (o for o in others if folded(o) != folded(name) and self._pattern.search(folded(o)))
        self._others = [_whole(o) for o in sorted(longer, key=len, reverse=True)]

    def within(self, value: Any) -> bool:
        """In a text, or in any text of a JSON value; escapes of JSON that is kept as text are read as blanks."""
        if isinstance(value, str):
            text = folded(_ESCAPED.sub(" ", value))
            for other in self._others:
                text = other.sub("|", text)
            return self._pattern.search(text) is not None
        if isinstance(value, Mapping):
            return any(self.within(k) or self.within(v) for k, v in value.items())
        if isinstance(value, list | tuple):
            return any(self.within(v) for v in value)
        return False


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(folded(name))}(?!\w)")
