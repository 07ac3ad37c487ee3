"""JSON that somebody else wrote: a file of cases, a card, a body, what a language model says.

Owns one promise: whatever the text, it is a value or one ``json.JSONDecodeError``. Python's own reader also raises
RecursionError for what is nested deeply, a plain ValueError for a number of 5,000 digits and UnicodeDecodeError for
bytes that are no text; and it accepts what no standard knows (NaN, which no database takes) and what is too deep for
the code that walks it. Knows no format.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

DEEPEST = 64
"""Lists and objects in each other. Nothing that is read here has a dozen."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[{\]}]")


def read_json(text: str | bytes, *, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of ``text``. ``pairs`` makes an object of its pairs. Raises json.JSONDecodeError alone."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise json.JSONDecodeError("not UTF-8", "", 0) from error
    return next_json(text, 0, whole=True, pairs=pairs)[0]


def next_json(
    text: str, at: int, *, whole: bool = False, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> tuple[Any, int]:
    """``(value, where it ends)`` of the value that begins at ``at``. Raises json.JSONDecodeError alone.

    ``whole``: nothing but blanks may stand before and behind it.
    """
    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=_no_number, parse_float=_finite)
    try:
        found = (decoder.decode(text), len(text)) if whole else decoder.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", text, at) from error
    except ValueError as error:  # nan, infinity, an integer of more digits than Python reads
        raise json.JSONDecodeError("a number that cannot be read", text, at) from error
    if _deep(text[at : found[1]]):
        raise json.JSONDecodeError("nested too deeply", text, at)
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:20]} is too large")
    return value


def _deep(text: str) -> bool:
    """Whether lists and objects lie more than DEEPEST deep in a text that is JSON."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEEPEST:
            return True
    return False
