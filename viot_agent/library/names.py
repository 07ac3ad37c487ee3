"""What may be a name, and when two names are the same.

Owns the rules for camera, group and person names (and the nearest known ones for a message). Knows no storage.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from viot_agent.errors import NameFault, UserFault

LONGEST = 120


def clean(name: str, what: str) -> str:
    """``name`` without outer spaces, composed (NFC). ``what`` is "camera", "group" or "person".

    Raises UserFault for an empty name, one longer than 120 characters, or one with control characters.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise UserFault(f"A {what} needs a name.", fix=f"give the {what} a name of 1 to {LONGEST} characters")
    if len(name) > LONGEST:
        raise UserFault(f"The {what} name is {len(name)} characters long.", fix=f"use at most {LONGEST}")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise UserFault(f"The {what} name {name!r} holds control characters.", fix="use letters, digits and spaces")
    return name


def folded(name: str) -> str:
    """The form in which names are compared: without case and width, spaces single."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def unknown(what: str, name: str, known: Iterable[str]) -> NameFault:
    """The fault for a name nobody carries, with the nearest known ones."""
    names = list(known)
    by_fold = {folded(n): n for n in names}
    nearest = [by_fold[n] for n in difflib.get_close_matches(folded(name), by_fold, n=3, cutoff=0.5)]
    if nearest:
        fix = "did you mean " + " or ".join(repr(n) for n in nearest) + "?"
    else:
        fix = f"there is no {what} yet" if not names else f"known: {', '.join(sorted(names)[:10])}"
    return NameFault(f"There is no {what} named {name!r}.", name=name, nearest=nearest, fix=fix)
