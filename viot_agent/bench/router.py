"""The keyword router: the floor that every model must beat in the same table. Frozen.

One regular expression a tool, tried in order; mentions that code marked fill the arguments; one call a request, and the
two fixed chains. It was improved on the VIoT-Tool sample and on level L0 until it solved 98 % and 80 % of them, and on
nothing else; it is not touched any more, so that the benchmark cannot be made harder for it or easier.

Owns its rules. Reads no observation but the scene or handle that the second call of a chain needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.bench.match import time_text
from viot_agent.bench.models import View
from viot_agent.react import Act, Finish, ReactStep

_VEHICLE = r"vehicles?|cars?|trucks?|vans?|lorry|lorries|motorbikes?|bus(?:es)?"
_LIST = (
    r"(?:list|which|show|all|inventory)\b.{0,20}\bcameras?\b.{0,30}(?:$|names|groups?|connected|online|there)|"
    r"camera (?:inventory|names|list)"
)
_ODD = r"unusual|anomal\w*|suspicious|strange|peculiar|odd|abnormal|incidents?|out of the ordinary|irregular\w*"
_CROWD = (
    r"how many|count|crowds?|number of (?:people|persons)|headcount|busy|queue|"
    r"estimat\w* .*(?:people|individuals|persons)|crowd size"
)
_RULES: tuple[tuple[str, str, str], ...] = (
    # tool, words, and what must be attached or mentioned besides ("" = nothing)
    ("create_alert", r"alerts?|notify|notification|tell me (?:when|if|as soon)|warn me|let me know (?:when|if)", ""),
    ("privacy_cloak", r"cloak\w*|opom|sga|advcloak|face search|face recognition fails", "upload"),
    ("face_redaction", r"blur\w*|pixelat\w*|redact\w*|anonymi[sz]\w*", ""),
    ("masked_face_generation", r"masks?|masked", ""),
    ("gait_recognition", r"gait|walk\w*", "video"),
    ("vehicle_reid", _VEHICLE, "image"),
    ("person_reid", r"cloth\w*|outfit|body|behind|re-?identif\w*|wear\w*", "image"),
    ("face_recognition", r"faces?|portrait|selfie", "image"),
    ("person_reid", r"persons?|man|woman|somebody|someone", "image"),
    ("export_clip", r"export|clip|save|cut|download", ""),
    ("list_cameras", _LIST, "nowhere"),
    ("plate_recognition", r"(?:number |licen[cs]e )?plates?|registrations?|licen[cs]e|regs?", ""),
    ("plate_recognition", r"", "plate"),
    ("fire_smoke_detection", r"fire|smoke|flames?|burn\w*|blaze|smoulder\w*|ablaze", ""),
    ("anomaly_detection", _ODD, ""),
    ("scene_recognition", r"scenes?|(?:type|kind|sort|category) of (?:place|location|area)", ""),
    ("action_recognition", r"actions?|doing|activit\w*|fight\w*|fall\w*|fell", ""),
    ("pose_estimation", r"poses?|skeletons?|postures?|keypoints?", ""),
    ("crowd_counting", _CROWD, ""),
    ("face_recognition", r"", "person"),
    ("face_recognition", r"who|faces?|everybody|anybody recogni[sz]ed", ""),
    ("video_qa", r"what|which|why|where|colou?r|describe|object|question", ""),
)  # fmt: skip
_FIRST = {"anomaly_detection": "scene_recognition", "action_recognition": "pose_estimation"}
_THEN = {first: then for then, first in _FIRST.items()}


class Router:
    """The policy."""

    def next(self, view: View) -> ReactStep:
        tool = route(view)
        if not tool:
            return Finish("No keyword fits.", "I cannot help with that.")
        first = _FIRST.get(tool, tool)
        if not view.history:
            return self._act(first, view)
        past = view.history[-1]
        if len(view.history) == 1 and tool in _FIRST and past.observation is not None:
            data = past.observation.data
            made = data.get("handle") or next(iter(data.get("scenes", ())), past.observation.summary)
            return self._act(tool, view, {"poses" if tool == "action_recognition" else "scene": made})
        text = " ".join(p.observation.summary for p in view.history if p.observation is not None)
        return Finish("One call is all I make.", text or "Nothing was observed.")

    @staticmethod
    def _act(tool: str, view: View, made: Mapping[str, Any] | None = None) -> ReactStep:
        # a menu of scrambled names is beyond a router: it writes the names it knows
        return Act(f"The words fit {tool}.", tool, {**arguments(tool, view), **(made or {})})


def route(view: View) -> str:
    """The tool that the words ask for, "" for none."""
    text = view.text.casefold()
    kinds = {m.kind for m in view.mentions if m.score >= 80}
    for tool, words, besides in _RULES:
        if words and not re.search(rf"\b(?:{words})\b", text):
            continue
        if besides in ("image", "video") and not any(u.startswith(besides) for u in view.uploads):
            continue
        if besides == "upload" and not view.uploads:
            continue
        if besides == "nowhere" and kinds & {"camera", "group"}:
            continue
        if besides in ("plate", "person") and besides not in kinds:
            continue
        if tool == "export_clip" and view.uploads:
            continue
        return tool
    return ""


def arguments(tool: str, view: View) -> dict[str, Any]:
    """Arguments from mentions and attachments."""
    args: dict[str, Any] = {}
    names = {a.name for a in cards()[tool].args}
    said = {k: [m.text for m in view.mentions if m.kind == k and m.score >= 80] for k in ("person", "plate", "time")}
    cameras = [m.text for m in view.mentions if m.kind in ("camera", "group") and m.score >= 80]
    upload = next(iter(view.uploads), None)
    if "cameras" in names and cameras:
        args["cameras"] = list(dict.fromkeys(cameras))
    if "time" in names and said["time"]:
        args["time"] = time_text(said["time"][0])
    if "plate" in names and said["plate"]:
        args["plate"] = said["plate"][0]
    for name in ("person", "vehicle", "media"):
        if name in names and upload is not None:
            args[name] = upload
    if "person" in names and said["person"]:
        args["person"] = said["person"][0]
    if "keep" in names and said["person"]:
        args["keep"] = said["person"][0]
    for name in ("method", "mask"):
        choices = next((a.choices for a in cards()[tool].args if a.name == name), ())
        found = next((c for c in choices if re.search(rf"\b{c}\b", view.text.casefold())), None)
        if found:
            args[name] = found
    if "question" in names:
        args["question"] = _question(view)
    if "event" in names:
        args["event"] = _event(view, said)
    return args


def _question(view: View) -> str:
    """The sentence that asks, without the cameras and times in it."""
    text = view.text
    for m in sorted(view.mentions, key=lambda m: -m.start):
        if m.kind in ("camera", "group", "time"):
            text = text[: m.start] + text[m.end :]
    sentences = [s for s in re.split(r"(?<=[.?!:,])\s+", text) if s.strip(" .,:?!")]
    asking = [s for s in sentences if re.search(r"\?|\b(?:what|which|why|who|where|how)\b", s, re.IGNORECASE)]
    return " ".join((asking or sentences or [view.text])[-1].strip(" .,:").split())[:300] or view.text[:300]


def _event(view: View, said: Mapping[str, list[str]]) -> str:
    text = view.text.casefold()
    number = re.search(r"(?:more than|over|above|exceeds?|at least)\D{0,12}(\d+)|(\d+) (?:people|persons)", text)
    if said["plate"]:
        return f"plate:{said['plate'][0]}"
    if number:
        return f"crowd>{number[1] or number[2]}"
    if re.search(r"\b(?:fire|smoke|flames?|burn\w*)\b", text):
        return "fire"
    if re.search(r"\b(?:unusual|anomal\w*|suspicious|odd)\b", text):
        return "anomaly"
    return f"face:{said['person'][0]}" if said["person"] else "person"
