"""The verdict that a canned observation's own words give: found, none, cannot tell, or plain information.

The product's tools state their verdict; only outside cases (``viot bench tools --cases``) and hand-written training
observations come as bare text. Owns that one guess; nothing of it is used on footage.
"""

from __future__ import annotations

import re

from viot_agent.steps import Verdict

_CANNOT = re.compile(
    r"\b(?:cannot|can't|could not|couldn't|unable to) (?:tell|say|determine|see|be (?:told|seen|determined))|"
    r"\bnot (?:indexed|covered|sure|certain)\b|\binconclusive\b|\bunclear\b|\bno footage\b|"
    r"\btoo (?:dark|small|few|blurred)\b",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"^\W*(?:no|none|nobody|nothing|not|never|zero|0)\b|\bno (?:match|sighting|appearance|fire|smoke|flame|event|"
    r"anomal|one|face|plate|person|people|fall|fight|alarm|hit|trace|sign|unusual)|"
    r"\bnot? (?:found|seen|read|detected|appear|recogni[sz]ed|visible|spotted|present|observed)|"
    r"\bnobody\b|\bnothing\b|\bnone\b|"
    r"\bwithout (?:a )?(?:match|hit|finding)|"
    r"\b0 (?:events?|matches|match|sightings|appearances|people|plates|faces|hits|persons|reads)\b|\ball normal\b|"
    r"\bdid(?:n't| not)\b|\bwas(?:n't| not)\b|\bwere(?:n't| not)\b|\bempty\b|\bnever\b",
    re.IGNORECASE,
)
_INFO = frozenset(
    "crowd_counting list_cameras export_clip pose_estimation scene_recognition create_alert privacy_cloak "
    "masked_face_generation face_redaction".split()
)


def verdict_of(tool: str, text: str) -> Verdict:
    """The verdict of a bare text that ``tool`` is said to have reported."""
    if _CANNOT.search(text):
        return "cannot_tell"
    if tool in _INFO:
        return "info"
    return "none" if _NONE.search(text) else "found"
