"""The floor: a keyword router, honest and small. It knows mentions, a few words a tool, and one call a request.

Not part of the product: it is what the trained model must beat in the same table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from viot_agent.fleet.types import Mention
from viot_agent.llm.mini.grammar import Step
from viot_agent.llm.mini.units import trim_time

_WORDS = (
    ("export_clip", r"export|clip|save|download|footage|recording|video of|cut"),
    ("plate_recognition", r"plates?|registration|car|van|lorry|truck|vehicles?|licen[cs]e|number ?plate"),
    ("crowd_counting", r"how many|count|crowd(ed)?|busy|busiest|headcount|full|empty|queue|people are"),
    ("list_cameras", r"(which|what|list|show).*cameras|cameras? (do|are|list|status)|online|offline"),
    ("face_recognition", r"who|seen?|appears?|face|find|where is|anyone|recogni[sz]ed?"),
)
_ARGS = {
    "face_recognition": ("person", "cameras", "time"),
    "crowd_counting": ("cameras", "time"),
    "plate_recognition": ("plate", "cameras", "time"),
    "list_cameras": (),
    "export_clip": ("cameras", "time"),
}


def route(text: str, mentions: Sequence[Mention], uploads: Sequence[str]) -> Step:
    """The router's only step for a request."""
    low = text.casefold()
    if re.match(r"\W*(hi|hello|hey|good (morning|evening|afternoon))\b\W*$", low):
        return Step("finish", "greeting")
    if re.search(r"\bthank|\bcheers\b", low):
        return Step("finish", "thanks")
    if re.search(r"what can you|how do (you|i)|how does", low):
        return Step("finish", "help")
    by_kind = {k: [m for m in mentions if m.kind == k] for k in ("person", "plate", "time")}
    cameras = [m for m in mentions if m.kind in ("camera", "group")]
    tool = next((t for t, words in _WORDS if re.search(rf"\b(?:{words})\b", low)), "")
    if by_kind["plate"] and tool != "export_clip":
        tool = "plate_recognition"
    elif (by_kind["person"] or uploads) and tool != "export_clip":
        tool = "face_recognition"
    if not tool:
        return Step("finish", "out_of_scope")
    args: dict[str, Any] = {}
    for name in _ARGS[tool]:
        if name == "cameras" and cameras:
            args["cameras"] = list(dict.fromkeys(m.text for m in cameras))
        elif name == "person" and (by_kind["person"] or uploads):
            args["person"] = by_kind["person"][0].text if by_kind["person"] else uploads[0]
        elif name in ("time", "plate") and by_kind[name]:
            args[name] = trim_time(by_kind[name][0].text)
    if tool == "export_clip" and len(args) < 2:
        return Step("ask", missing=tuple(n for n in ("cameras", "time") if n not in args))
    if tool == "face_recognition" and not args.get("person") and re.search(r"\b(he|him|she|her)\b", low):
        return Step("ask", missing=("person",))
    return Step("act", plan=(tool,), tool=tool, args=args)
