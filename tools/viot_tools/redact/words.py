"""What is said of a redaction, in plain words: the same sentences for the tool and the command.

Owns sentences. Every figure in them comes from a report; the limits are always said.
"""

from __future__ import annotations

from collections.abc import Sequence

from viot_tools.made import faces_words
from viot_tools.redact.report import Hidden, Report
from viot_tools.saying import names_words

LISTED = 8
"""Stretches of a video that are said one by one; all stand in the data."""
LIMITS = (
    "No guarantee is given: a face that the detector did not find is not hidden, and clothes, walk, voice, place and "
    "captions are left as they are. Look through the copy before you pass it on."
)


def hidden_words(report: Report) -> str:
    """``3 face tracks blurred beyond recognition (0.0 to 2.1 s, ...) and 1 number plate ...``."""
    how = "covered in grey" if report.style == "solid" else "blurred beyond recognition"
    parts = []
    if report.faces:
        parts.append(f"{_faces(len(report.faces), report)} {how}{_when(report.faces, report)}")
    if report.hidden_plates:
        n = len(report.hidden_plates)
        parts.append(f"{n} number plate{'' if n == 1 else 's'} {how}{_when(report.hidden_plates, report)}")
    return " and ".join(parts)


def keep_words(report: Report) -> str:
    """Who stays visible, where; who may be that person; '' where nobody was to be kept."""
    if not report.keep:
        return ""
    if report.shown:
        best = max(s.score for s in report.shown)
        where = ""
        if report.length is not None:
            where = " from " + names_words([f"{s.first:.1f} to {s.last:.1f} s" for s in report.shown[:LISTED]])
            more = len(report.shown) - LISTED
            where += f" and {more} more times" if more > 0 else ""
        said = f"{_sentence(report.keep)} stays visible{where} (cosine up to {best:.2f})."
    else:
        said = f"{_sentence(report.keep)} was not surely recognised, so nobody is kept visible."
    if report.maybe:
        n = len(report.maybe)
        when = _when(report.maybe, report)
        said += f" {_faces(n, report)} may be {report.keep}{when}, and {'is' if n == 1 else 'are'} hidden."
    return said


def nothing_words(report: Report, name: str) -> str:
    """Why no copy was made."""
    if report.shown:
        return f"Nothing in {name} has to be hidden: the only face found is that of {report.keep}; no copy was made."
    blind = f" (it does not see {report.blind_to})" if report.blind_to else ""
    what = "No face and no number plate" if report.plates else "No face"
    return f"{what} was found in {name} by {report.detectors}{blind}; no copy was made."


def sound_words(report: Report) -> str:
    """Of a video's sound."""
    if report.sound:
        return "its sound is kept, voices unchanged"
    return report.lost or "it has no sound"


def _faces(n: int, report: Report) -> str:
    """Somebody who is lost and found again is two tracks of a video."""
    return faces_words(n) if report.length is None else f"{n} face track{'' if n == 1 else 's'}"


def _when(some: Sequence[Hidden], report: Report) -> str:
    if report.length is None:
        return ""
    listed = [f"{h.first:.1f} to {h.last:.1f} s" for h in some[:LISTED]]
    more = f", and {len(some) - LISTED} more" if len(some) > LISTED else ""
    return f" ({', '.join(listed)}{more})"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
