"""What is said of a redaction, in plain words: the same sentences for the tool and the command.

Owns sentences. Every figure in them comes from a report; the limits are always said.
"""

from __future__ import annotations

from collections.abc import Sequence

from viot_tools.made import faces_words
from viot_tools.redact.report import Hidden, Report
from viot_tools.redact.uncovered import LEAST, Span, merged, rest
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
        said = f"{_sentence(report.keep)} {_visible(report)} (cosine up to {best:.2f})."
    else:
        said = f"{_sentence(report.keep)} was not surely recognised, so nobody is kept visible."
    if report.maybe:
        n = len(report.maybe)
        when = _when(report.maybe, report)
        said += f" {_faces(n, report)} may be {report.keep}{when}, and {'is' if n == 1 else 'are'} hidden."
    return said


def _visible(report: Report) -> str:
    """``stays visible from 0.7 to 1.3 s, and is partly covered by others' blurs from 1.3 to 2.2 s``."""
    blurs = "others' grey" if report.style == "solid" else "others' blurs"
    under = merged(span for s in report.shown for span in s.covered)
    if report.length is None:
        return f"is not hidden, but partly covered by {blurs}" if under else "stays visible"
    # one person is not twice in a picture: of two chains at one time the other is hidden, so that these are apart
    free = merged(span for s in report.shown for span in rest(s.first, s.last, s.covered))
    if not free and under:
        return f"is not hidden, but partly covered by {blurs} all the time, from {_spans(under)}"
    but = f", and is partly covered by {blurs} from {_spans(under)}" if under else ""
    return f"stays visible from {_spans(free)}{but}"


def _spans(spans: Sequence[Span]) -> str:
    more = len(spans) - LISTED
    listed = names_words([f"{a:.1f} to {b:.1f} s" for a, b in spans[:LISTED]])
    return f"{listed} and {more} more times" if more > 0 else listed


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
    spans = merged(((h.first, h.last) for h in some), LEAST)
    listed = [f"{a:.1f} to {b:.1f} s" for a, b in spans[:LISTED]]
    more = f", and {len(spans) - LISTED} more" if len(spans) > LISTED else ""
    return f" ({', '.join(listed)}{more})"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
