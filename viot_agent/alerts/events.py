"""What an alert watches for: ``face:<name>``, ``plate:<text>``, ``fire``, ``crowd>N``, ``anomaly``, ``person``.

Owns the written form. Does not know how any of it is seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from viot_agent.errors import UserFault
from viot_agent.fleet.plates import normalise_plate

Kind = Literal["face", "plate", "fire", "crowd", "anomaly", "person"]
FORMS = "face:NAME, plate:TEXT, fire, crowd>NUMBER, anomaly, person"
_CROWD = re.compile(r"crowd\s*>\s*(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Watched:
    """``kind`` and what completes it: a name, a plate as it is compared, a number; "" for the others."""

    kind: Kind
    what: str = ""

    def __str__(self) -> str:
        """As it is written."""
        if self.kind == "crowd":
            return f"crowd>{self.what}"
        return f"{self.kind}:{self.what}" if self.what else self.kind

    @property
    def words(self) -> str:
        """``the face of Ana``, ``more than 5 people``."""
        return {
            "face": f"the face of {self.what}",
            "plate": f"the plate {self.what}",
            "fire": "fire or smoke",
            "crowd": f"more than {self.what} people at once",
            "anomaly": "something unusual",
            "person": "a person",
        }[self.kind]


def watched(event: str) -> Watched:
    """Read an event. A face's name is not looked up here. Raises UserFault with the forms there are."""
    said = event.strip()
    head, colon, rest = said.partition(":")
    kind, rest = head.strip().casefold(), rest.strip()
    if colon and kind == "face" and rest:
        return Watched("face", rest)
    if colon and kind == "plate" and (plate := normalise_plate(rest)):
        return Watched("plate", plate)
    if not colon:
        crowd = _CROWD.fullmatch(said.casefold())
        if crowd:
            return Watched("crowd", str(int(crowd[1])))
        if kind in get_args(Kind) and kind not in ("face", "plate", "crowd"):
            return Watched(kind)  # type: ignore[arg-type]
    raise UserFault(f"there is no event {said[:80]!r} to watch for", fix=f"the forms are {FORMS}")
