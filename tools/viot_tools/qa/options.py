"""Multiple choice: which of the options an answer is. Owns this matching of short texts; knows no fact."""

from __future__ import annotations

import re

from viot_tools.qa.facts import Found
from viot_tools.qa.program import Program

_NUMBERS = dict(
    zip("zero one two three four five six seven eight nine ten eleven twelve".split(), map(str, range(13)), strict=True)
)
_ARTICLES = frozenset("a an the it they was were is are he she".split())


def option_of(answer: Found, program: Program) -> str | None:
    """The option, as written, that says the answer; None where none or several do."""
    options = program.options
    if answer.pick is not None and len(options) == len(program.picks):
        return options[answer.pick]
    value = words(answer.value)
    same = [o for o in options if words(o) == value]
    if len(same) == 1:
        return same[0]
    if re.fullmatch(r"[\d.]+", answer.value):
        fits = [o for o in options if value[0] in words(o)]
        return fits[0] if len(fits) == 1 else None
    inside = [o for o in options if _runs(value, words(o))]
    if len(inside) == 1:
        return inside[0]
    within = [o for o in options if _runs(words(o), value)]
    return within[0] if len(within) == 1 and not inside else None


def words(text: str) -> tuple[str, ...]:
    """Lower case, no articles, numbers as digits."""
    found = re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+", text.casefold())
    return tuple(_NUMBERS.get(w, w) for w in found if w not in _ARTICLES)


def _runs(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether ``part`` stands in ``whole`` as it is, and not behind a *not*."""
    n = len(part)
    return any(
        whole[i : i + n] == part and (i == 0 or whole[i - 1] not in ("not", "no", "without", "never"))
        for i in range(len(whole) - n + 1)
        if n
    )
