"""Whether something that is stored names a person: whole words, whatever their case, in every text inside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from viot_agent.library.names import folded

_ESCAPED = re.compile(r"\\[nrtbf]")


class Name:
    """A name to look for. "Ann" is not in "announced", and "Ana Silva" is in "ANA  SILVA's"."""

    def __init__(self, name: str) -> None:
        self._pattern = re.compile(rf"(?<!\w){re.escape(folded(name))}(?!\w)")

    def within(self, value: Any) -> bool:
        """In a text, or in any text of a JSON value; escapes of JSON that is kept as text are read as blanks."""
        if isinstance(value, str):
            return self._pattern.search(folded(_ESCAPED.sub(" ", value))) is not None
        if isinstance(value, Mapping):
            return any(self.within(k) or self.within(v) for k, v in value.items())
        if isinstance(value, list | tuple):
            return any(self.within(v) for v in value)
        return False
