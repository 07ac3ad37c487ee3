"""Finding words for attached files: their handles ("image-1"), and phrases ("this photo", "the attached picture").

Owns the phrases. Does not look at the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_PICTURE = (
    r"(?:photo(?:graph)?|picture|pic|image|snapshot|snap|screenshot|screen\s?shot|selfie|portrait|mug\s?shot|still|headshot|"
    r"attachment|upload|face)s?"
)
_FILM = r"(?:video|clip|recording|footage|film|movie)s?"
_SHOWN = (
    r"(?:man|woman|guy|lady|boy|girl|kid|child|person|bloke|dude|fella|fellow|gentleman|suspect|individual|visitor|driver|"
    r"car|vehicle|truck|van|lorry|bike|motorbike|bus|taxi|plate)"
)
_ADDED = r"(?:attached|uploaded|enclosed|included|supplied|provided|accompanying)"
_NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "last": -1}
_ORDINAL = rf"(?:{'|'.join(_NTH)})"
_TAIL = (
    rf"(?:\s+(?:{_ADDED}|here|above|below|(?:that\s+)?i\s+(?:have\s+|just\s+)?(?:sent|uploaded|attached|gave\s+you)))?"
)
_THE = r"(?:this|that|these|those|the|my|both)"

_HANDLE = re.compile(r"\b(image|picture|photo|video|clip)[\s-]?(\d{1,2})\b", re.IGNORECASE)
_FILE = rf"(?:{_THE}\s+)?(?:(?:{_ADDED}|{_ORDINAL})\s+){{0,2}}(?P<noun>{_PICTURE}|{_FILM}){_TAIL}"
_PHRASE = re.compile(
    rf"""\b(?:
        (?P<shown>(?:this|that|the|a)\s+{_SHOWN}\s+(?:in|from|on|of|shown\s+in)\s+)(?P<in>{_FILE})
      | (?P<file>(?:{_THE}\s+(?:(?:{_ADDED}|{_ORDINAL})\s+){{0,2}}|{_ADDED}\s+)(?P<what>{_PICTURE}|{_FILM}){_TAIL})
      | (?P<who>this\s+{_SHOWN}) | (?P<the>the\s+{_ADDED}(?:\s+{_SHOWN})?|attachment)
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)

_PRONOUN = re.compile(r"\b(?:him|her|he|she)\b|\bthis(?=\s*[?.!]*$)", re.IGNORECASE)


def find_uploads(text: str, uploads: Sequence[str]) -> Iterator[tuple[int, int, str, float]]:
    """``(start, end, handle, score)``: 100 for a handle, 90 for a phrase, 80 for a pronoun when one file is attached.

    Nothing when nothing is attached.
    """
    if not uploads:
        return
    for found in _HANDLE.finditer(text):
        stem = "video" if found[1].lower() in ("video", "clip") else "image"
        handle = f"{stem}-{int(found[2])}"
        if handle in uploads:
            yield found.start(), found.end(), handle, 100.0
    if len(uploads) == 1:
        for found in _PRONOUN.finditer(text):
            yield found.start(), found.end(), uploads[0], 80.0
    for found in _PHRASE.finditer(text):
        if re.fullmatch(r"(?:the|those|these|both)\s+faces?", found[0], re.IGNORECASE):
            continue  # any face, not a file
        noun = found["noun"] or found["what"] or ""
        chosen = _choose(found[0].lower(), noun.lower(), uploads)
        if chosen is not None:
            yield found.start(), found.end(), chosen, 90.0


def _choose(phrase: str, noun: str, uploads: Sequence[str]) -> str | None:
    """The handle that a phrase means: of the noun's kind, by its ordinal, else the first."""
    films = [u for u in uploads if u.startswith("video")]
    pictures = [u for u in uploads if u.startswith("image")]
    if noun:
        of_kind = films if re.fullmatch(_FILM, noun) else pictures
        if noun.startswith(("attachment", "upload", "face")) and not of_kind:
            of_kind = list(uploads)
    else:
        of_kind = pictures or films
    nth = next((n for w, n in _NTH.items() if re.search(rf"\b{w}\b", phrase)), 1)
    if not of_kind or abs(nth) > len(of_kind):
        return None
    return of_kind[nth - 1] if nth > 0 else of_kind[-1]
