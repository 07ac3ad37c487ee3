"""JSON as both databases take it: PostgreSQL refuses nan and a NUL in a text, and SQLite keeps what it cannot search.

Owns the one serializer of the library's JSON columns. A number that is none (nan, infinity) becomes null; a NUL or half
of a surrogate pair in a text becomes U+FFFD, the mark for a character that could not be read.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def dumps(value: Any) -> str:
    """``value`` as JSON."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(plain(value), allow_nan=False)
    # pairs of surrogates (an emoji) are escaped too: only the text itself tells which stand alone
    return json.dumps(plain(value), allow_nan=False) if _ESCAPED.search(text) else text


def plain(value: Any) -> Any:
    """``value`` without what a database refuses, as above."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _UNREADABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {plain(k) if isinstance(k, str) else k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
