"""What was hidden in a picture or a video, for an answer's words and for programs. Owns the record, no sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viot_agent.media.types import XYXY
from viot_tools.redact.hide import Style

if TYPE_CHECKING:
    from viot_tools.redact.find import Finder
    from viot_tools.redact.plates import PlateFinder
    from viot_tools.redact.who import Keeper


@dataclass(frozen=True, slots=True)
class Hidden:
    """One face or plate that is hidden from ``first`` to ``last`` seconds (both 0 in a picture). ``xyxy`` the box found
    (in a video the largest one), ``score`` the detector's best. ``maybe``: the face may be the person to keep."""

    what: str
    xyxy: XYXY
    score: float
    first: float = 0.0
    last: float = 0.0
    maybe: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the person to keep is not hidden, in seconds (both 0 in a picture). ``score``: cosine to that person.
    ``covered``: the stretches of it in which what hides others lies on that face (of a picture: (0, 0) if it does)."""

    score: float
    first: float = 0.0
    last: float = 0.0
    covered: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One file. ``written`` None when nothing had to be hidden, so that no copy was made. ``keep``: who was to stay
    visible, '' where nobody was named. ``detectors`` that looked, the ``recogniser`` that compared ('' where nobody is
    kept), and ``versions`` of all of them; ``plates``: whether plates were looked for. ``sound``: the codec of the kept
    sound; ``lost``: why there is none. ``length`` seconds of a video; ``notes``: what of the file was not carried
    over."""

    source: Path
    written: Path | None
    style: Style
    hidden: tuple[Hidden, ...]
    keep: str
    shown: tuple[Shown, ...]
    detectors: str
    versions: str
    blind_to: str
    recogniser: str = ""
    plates: bool = False
    sound: str = ""
    lost: str = ""
    length: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def models(self) -> str:
        """All that looked."""
        return "+".join(m for m in (self.detectors, self.recogniser) if m)

    @property
    def faces(self) -> tuple[Hidden, ...]:
        """The hidden faces."""
        return tuple(h for h in self.hidden if h.what == "face")

    @property
    def hidden_plates(self) -> tuple[Hidden, ...]:
        """The hidden plates."""
        return tuple(h for h in self.hidden if h.what == "plate")

    @property
    def maybe(self) -> tuple[Hidden, ...]:
        """Hidden faces that may be the person to keep."""
        return tuple(h for h in self.hidden if h.maybe)


def looked_with(finder: Finder, plates: PlateFinder | None, keeper: Keeper | None) -> dict[str, Any]:
    """What a report says of those who looked and compared."""
    looked = (finder, *(() if plates is None else (plates,)))
    versions = [x.model_version for x in looked] + ([] if keeper is None else [keeper.kit.recogniser.model_version])
    return {
        "detectors": "+".join(x.model for x in looked),
        "versions": "+".join(versions),
        "blind_to": finder.blind_to,
        "recogniser": "" if keeper is None else keeper.model,
        "plates": plates is not None,
    }


def to_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    from viot_tools.redact.words import LIMITS

    def times(x: Hidden | Shown) -> dict[str, float]:
        return {} if report.length is None else {"first": round(x.first, 2), "last": round(x.last, 2)}

    return {
        "source": str(report.source),
        "written": None if report.written is None else str(report.written),
        "style": report.style,
        "keep": report.keep,
        "hidden": [
            {
                "what": h.what,
                "xyxy": [round(v, 1) for v in h.xyxy],
                "score": round(h.score, 3),
                "may_be_kept_person": h.maybe,
                **times(h),
            }
            for h in report.hidden
        ],
        "kept": [
            {"score": round(s.score, 3), **times(s), "covered": [[round(v, 2) for v in span] for span in s.covered]}
            for s in report.shown
        ],
        "models": report.models,
        "versions": report.versions,
        "sound": report.sound,
        "notes": list(report.notes),
        "limits": LIMITS,
    }
