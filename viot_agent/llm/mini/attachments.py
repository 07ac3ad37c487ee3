"""Attached files: how many a request means, and which of them.

Owns these readings of the request's words. The planner asks; nothing here writes a step or knows the weights.
"""

from __future__ import annotations

import re

from viot_agent.llm.mini.menu import Step
from viot_agent.llm.mini.units import REQUEST, Reading

_SEVERAL = re.compile(
    r"\b(?:these|those|both|either|neither|them|they|each|all (?:of|two|three|four)|two|three|four)\b", re.I
)

_FILMS = ("video", "clip", "film", "recording")
_KIND = (
    "image|img|picture|pic|photo|photograph|selfie|portrait|snap|snapshot|screenshot|shot|still|"
    "video|clip|film|recording"
)
_ORDER = {"first": 1, "1st": 1, "one": 1, "second": 2, "2nd": 2, "two": 2, "third": 3, "3rd": 3, "three": 3} | {
    "fourth": 4, "4th": 4, "four": 4
}  # fmt: skip
_NUMBERED = re.compile(
    rf"\b(?:({_KIND})[\s-]?(\d|one|two|three|four)|(first|second|third|fourth|1st|2nd|3rd|4th) ({_KIND}))\b", re.I
)
_NAMED = re.compile(
    rf"\b(?:{_KIND})[\s-]?\d|\b(?:{_KIND}|number|attachment) (?:one|two|three|four)\b|#\d|"
    r"\b(?:first|second|third|fourth|1st|2nd|3rd|last)\b",
    re.I,
)


def attached(reading: Reading, handle: str) -> tuple[str, ...]:
    """The attached files of the same kind as ``handle``, in order."""
    stem = handle.rpartition("-")[0]
    return tuple(u.value for u in reading.units if u.virtual and "upload" in u.kinds and u.value.startswith(f"{stem}-"))


_NTH = {"second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_NTH_FILE = re.compile(rf"\b({'|'.join(_NTH)})\s+(?:image|picture|photo|pic|video|file|attachment)\b", re.I)
_FILE = re.compile(r"\b(?:image|video)-\d{1,3}\b", re.I)


def only_absent_files(reading: Reading) -> bool:
    """Whether the request names files by their handles ("image-2") or places ("the second picture"), and none of them
    is attached."""
    attached = {u.value for u in reading.units if u.virtual}
    named = {h.casefold() for h in _FILE.findall(reading.plain)}
    if named:
        return named.isdisjoint(attached)
    counted = [_NTH[m[1].casefold()] for m in _NTH_FILE.finditer(reading.plain)]
    return bool(counted) and min(counted) > len(attached)


_BARE = re.compile(
    r"(?<!\bwas )(?<!\bwere )(?<!\bis )\bthe (first|second|third|fourth)"
    r"(?: one\b|(?=\s*(?:$|[^\w\s]|(?:with|by|only|please|and|but)\b)))",
    re.I,
)

_LATER_NTH = re.compile(
    r"^\W*(?:(?:and|now|then|just|only|ok(?:ay)?|no|also|please|do|the|this|with)\W+)*"
    r"(first|second|third|fourth|1st|2nd|3rd|4th|other)\b(?!\s+(?:cam|time|floor|person|man|woman|guy|plate|gate))",
    re.I,
)

_AGAIN = re.compile(rf"\b(?:(?:that|this|same) (?:one|{_KIND}|file)|it|again)\b", re.I)


def _picked(reading: Reading) -> int | None:
    """The number of the file that a follow-up picks: "the second one, surgical", "and the other picture"; "that one
    patterned" after "the same on image two"."""
    if not reading.request[0]:
        return None
    said = [row[1] or row[2] for row in _NUMBERED.findall(reading.text[: reading.request[0]])]
    spoken = [int(w) if w.isdigit() else _ORDER[w.casefold()] for w in said]
    found = _LATER_NTH.match(reading.plain)
    if found is not None and found[1].casefold() != "other":
        return _ORDER[found[1].casefold()]
    if found is not None:
        return {1: 2, 2: 1}.get(spoken[0]) if len(set(spoken)) == 1 else None
    again = _AGAIN.search(reading.plain) and not _SEVERAL.search(reading.plain)
    return spoken[-1] if spoken and again else None


def says_which(reading: Reading) -> bool:
    """Whether the words say which of several attached files is meant, or point back at the one that was named last."""
    return bool(_NAMED.search(reading.plain)) or _picked(reading) is not None


def the_one_named(reading: Reading, handle: str) -> str:
    """The one attached file of ``handle``'s kind that the request names by number ("image 2", "the second photo", "the
    second one"); ``handle`` itself where it names none or several."""
    files = attached(reading, handle)
    named = set()
    for kinds, number, ordinal, kinds_after in _NUMBERED.findall(reading.plain):
        kind, said = kinds or kinds_after, number or ordinal
        wanted = f"{'video' if kind.casefold() in _FILMS else 'image'}-{_ORDER.get(said.casefold(), said)}"
        named.add(wanted)
    if not named:
        stem = handle.rpartition("-")[0]
        named = {f"{stem}-{_ORDER[said.casefold()]}" for said in _BARE.findall(reading.plain)}
        picked = None if named else _picked(reading)
        named |= set() if picked is None else {f"{stem}-{picked}"}
    fitting = [f for f in files if f in named]
    return fitting[0] if len(named) == 1 and fitting else handle


def means_several(reading: Reading) -> bool:
    """Whether the words mean several attached files ("these two", "either of them")."""
    return bool(_SEVERAL.search(reading.plain)) and not says_which(reading)


_OF_A_FILE = re.compile(
    r"\b(?:in|on|from) (?:this|these|(?:the |this |my |our )?(?:attached|enclosed|uploaded)) "
    rf"(?:\w+ )?(?:{_KIND}|file|attachment|upload)s?\b|\b(?:in|on|from) this\W*$|"
    r"^\W*is (?:this|that) (?:really |actually )?(?:a |an |any )?(?:real )?(?:fire|smoke|flames?|blaze)\b",
    re.I,
)
_READS = re.compile(
    r"^\W*(?:(?:please|can you|could you)\W+)*(?:read\b|what(?:['’]?s| is| does)\b)"
    r"(?![^.;!?]*\b(?:find|where|when|seen|been|anywhere|today|yesterday|here)\b)"
    r"[^.;!?]*\b(?:plates?|registrations?|reg|numbers?)\b",
    re.I,
)
_LOOKING = frozenset(
    "plate_recognition crowd_counting fire_smoke_detection scene_recognition anomaly_detection pose_estimation "
    "action_recognition video_qa face_recognition".split()
)


def asks_of_a_file(reading: Reading, step: Step) -> tuple[str, ...]:
    """The attached files where a first ``step`` would look at the cameras' footage for what the request asks of the
    files themselves ("is there fire in the attached video?"), which no tool does; else nothing.

    Where a camera, a person or a plate is named, the footage is meant."""
    files = tuple(u.value for u in reading.units if u.virtual and "upload" in u.kinds)
    named = {k for u in reading.units if u.segment == REQUEST and not u.virtual for k in u.kinds}
    if not files or not _OF_A_FILE.search(reading.plain) or named & {"camera", "group", "person", "plate"}:
        return ()
    if step.kind == "act" and not set(files).isdisjoint(map(str, step.args.values())):
        return files if step.tool == "vehicle_reid" and _READS.search(reading.plain) else ()
    looks = step.kind == "act" and step.tool in _LOOKING
    return files if looks or (step.kind == "finish" and step.reply == "out_of_scope") else ()
