"""Was it asked for? What a call may do beyond looking follows from the person's own words, never from what was read.

A text that a camera sees, a name, an earlier answer or an outside tool's result may talk a language model into a call.
What has an effect (exports, alerts, altered copies, outside tools) is therefore made only where the request asks for
it; where it names cameras, for these and those of the evidence alone; and nobody is looked for by name or plate whom
neither a person asking nor typed evidence has named. Two readers judge the request, both over the person's words alone,
with quoted passages left out: a list of plain words, and where those are not there the embedded model, which has then
seen no observation.

Owns this rule. Roles, purpose, consent and scope are the policy's. Knows no tool by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from langchain_core.messages import HumanMessage
from rapidfuzz import fuzz

from viot_agent.agent.prompt import request_message
from viot_agent.errors import ViotError
from viot_agent.fleet import Fleet
from viot_agent.fleet.mentions import cameras_named
from viot_agent.fleet.names import name_tokens, person_key
from viot_agent.fleet.plates import normalise_plate
from viot_agent.policy.roles import ToolClass, tool_class
from viot_agent.steps import Observation, Request, Run
from viot_agent.toolbox import Toolbox, ToolSpec
from viot_agent.toolbox.outside import ORIGIN as OUTSIDE

Planner = Callable[[Sequence[HumanMessage]], Iterable[str]]
"""The tools that these requests of one conversation, the last one now, ask for: by a reader of nothing else."""

_WORDS: Mapping[ToolClass, str] = {
    "export": r"export|exprot|clip(?:s|ped)?\b|download|snippet|excerpt|cut\b|save[ds]?\b|footage to\b|video file\b|"
    r"esport|exportier|télécharg|descarg|herunterlad|导出|匯出|下载|保存|エクスポート|내보내|экспорт",
    "alert": r"alert|alarm|notif|warn|whenever|(?:ping|buzz|page) me\b|hear (?:of|about) it\b|let (?:me|us) know|"
    r"tell (?:me|us) (?:when|if|as soon)\b|from now on|watch (?:for|out)\b|avis|benachrichtig|prévien|警报|提醒|通知|"
    r"アラート|알림|уведом",
    "redaction": r"redact|blur|anonymi|pixel|cloak|censor|obscur|fuzz|protect|unrecogni|masked\b|k?n95s?\b|"
    r"faces?\b[^.?!\n]{0,20}\bcover|cover\w* (?:\w+ ){0,2}(?:faces?|noses?|mouths?)\b|"
    r"(?:a|the|put|with|wear\w*) \w*\s?masks?\b|verpixel|flout|difumin|马赛克|打码|模糊|ぼか|모자이크|размы",
}
_ASKED = {kind: re.compile(rf"(?<![a-z0-9])(?:{words})", re.IGNORECASE) for kind, words in _WORDS.items()}
_NOT = re.compile(r"\b(?:not|never|without|don['’]?t|nor|no|instead of|rather than)\W+(?:\w+\W+){0,2}$", re.IGNORECASE)
"""What stands before a word that is not asked for; the second reader judges whether it is."""
_QUESTION = re.compile(
    r"\W*(?:(?:hi|hello|hey|ok|okay|so|well|and|but)\W+)*(?:was|were|is|are|did|does|has|who|whose|which|"
    r"have (?:you|they|we|there|any\w*)|how (?:many|much|often|long)|"
    r"(?:what|when|where|why) (?:was|were|is|are|did|has))\b"
    r"(?!.*\b(?:(?:can|could|would|will) you|please|possible|a way)\b)",
    re.IGNORECASE,
)
"""How a clause begins in which the word is what the question is about ("did the alarm go off?"): the second reader
judges, too."""
_CLAUSE = re.compile(r"[.!?](?=\s)|[,;:\n]|\b(?:and|then|but|so)\b", re.IGNORECASE)
_SAY: Mapping[ToolClass, str] = {
    "export": "export it",
    "alert": "alert me",
    "redaction": "redact it, or cloak it",
}
_ORDER: Mapping[ToolClass, tuple[str, str]] = {
    "export": (r"(?:export|download|save|cut)\b", "Not done: nothing was exported; say which camera and which time."),
    "alert": (
        r"(?:alert|notify|warn|ping) (?:me|us)\b|(?:tell me|let me know) (?:when|whenever|as soon as)\b",
        "Not done: no alert was set; say what to watch for, and on which camera.",
    ),
    "redaction": (
        r"(?:redact|blur|pixelate|anonymi[sz]e|cloak)\b",
        "Not done: no altered copy was made; say of which picture or video.",
    ),
}
_ORDERED = {
    kind: re.compile(
        rf"\W*(?:(?:ok|okay|yes|yeah|sure|please|and|also|just|now|(?:can|could|would|will) you)\W+)*(?:{words})",
        re.IGNORECASE,
    )
    for kind, (words, _) in _ORDER.items()
}
"""How a clause begins that can mean nothing but an order, and what is said where a model did not follow it."""
# passages of three words and more that somebody else wrote: a name in quotation marks is the person's own word
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|^[ \t]*>.*?$|\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」|『[^』]*』|`[^`]*`|"
    r"(?<!\w)['‘][^'‘’\n]*['’](?!\w)",
    re.DOTALL | re.MULTILINE,
)
_FLEET = frozenset(
    "about again answer anybody anyone asked been camera cameras data does during each everybody everyone file files "
    "find footage from gate give have here information into list look many more name names people person picture "
    "plate result search seen show some somebody someone tell text that their them then there they this time today "
    "tool tools vehicle video videos what when where which with words would yesterday your".split()
)
_OUTSIDE = re.compile(r"«[^»]*»")
"""What an outside tool said, of whatever length, as answers give it."""
_HANDLE = re.compile(r"(?:poses|clip|image|video|cloak|mask|redacted)-\d{1,4}")
"""What is attached or was made here; anything else with a hyphen and digits may be a plate."""
_ANYWHERE = re.compile(
    r"\b(?:all|every|each|both|other|others|remaining|nearby|neighbou?ring|adjacent|next|nearest)(?: \w+)? "
    r"(?:cameras?|cams?|gates?|doors?|places?|sites?|entrances?|exits?|ones?)\b|"
    r"\b(?:every ?where|anywhere|elsewhere|the others|all others|the rest|whole (?:site|fleet|building|place)|"
    r"all of them|both of them|(?:alle|tutte|toutes|todas|alla)\b)|все|所有|全部|すべて|모든",
    re.IGNORECASE,
)
"""Words that mean cameras which are not named."""
_RANGE = re.compile(r"\d\W*(?:to|through|thru|until|till|up to|bis|-|–)\W*(?:\w+\W+)?\d", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")
_NAMED = 82
"""Likeness (0..100) from which a word of a name is the one that the person wrote: "Sylva" is Silva's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Makes :class:`Wanted` for a run. ``planner``: the second reader, asked only when the first finds nothing."""

    toolbox: Toolbox
    fleet: Fleet
    planner: Planner | None = None

    def of(self, request: Request, earlier: Sequence[Run] = ()) -> Wanted:
        """What this request, as the last of its conversation, asks for."""
        return Wanted(self, request, tuple(earlier))


@dataclass(slots=True)
class Wanted:
    """What one request asks for, read when it is first needed."""

    rule: Asked
    request: Request
    earlier: tuple[Run, ...]
    _planned: frozenset[str] | None = field(default=None, repr=False)

    def why_not(self, spec: ToolSpec, args: Mapping[str, Any], seen: Sequence[Observation]) -> str:
        """Why this call was not asked for, in words; "" when it was. What the call looked for is not repeated: it may
        be somebody's text."""
        kind = tool_class(spec)
        if kind in _SAY and not self._asked(spec, kind, first=not seen):
            how = f'say "{_SAY[kind]}" to have it done' if not spec.origin.startswith(OUTSIDE) else "name it to use it"
            return f"the request does not ask for {spec.name}; {how}"
        if kind in _SAY and not spec.origin.startswith(OUTSIDE) and self._elsewhere(spec, args, seen):
            return f"{spec.name} was meant for a camera that the request does not name; name it to have it done"
        for name, value in _looked_for(spec, args):
            if not self._named(name, value, seen):
                return f"{spec.name} was to look for a {name} that the request does not name; name it to have it done"
        return ""

    def left_undone(self, tools: Iterable[ToolSpec]) -> str:
        """What the person ordered outright and none of these called ``tools`` does, in a sentence; "" for nothing."""
        words = self._nameless(unquoted(self.request.text))
        done = {tool_class(spec) for spec in tools}
        clauses = _CLAUSE.split(words)
        return " ".join(
            said
            for kind, (_, said) in _ORDER.items()
            if kind not in done and any(_ORDERED[kind].match(clause) for clause in clauses)
        )

    def _asked(self, spec: ToolSpec, kind: ToolClass, *, first: bool) -> bool:
        """An outside tool by its own words; the name of its server is enough for what is done ``first``, before
        anything was read that could talk the model into another tool of that server."""
        words = unquoted(self.request.text)
        if spec.origin.startswith(OUTSIDE):
            server = spec.origin.removeprefix(OUTSIDE)
            own = _stems(f"{spec.name.removeprefix(server)} {spec.description}".replace("_", " ")) - _stems(server)
            if _stems(words) & (own | _stems(server) if first else own):
                return True
        elif _says(_ASKED[kind], self._nameless(words)) or set(spec.name.split("_")) <= set(
            re.findall(r"\w+", words.casefold())
        ):
            return True
        return spec.name in self._plan()

    def _elsewhere(self, spec: ToolSpec, args: Mapping[str, Any], seen: Sequence[Observation]) -> bool:
        """Whether an effect is for a camera that no person and no evidence of this conversation has named, though the
        request names cameras. What is no camera is the tool's to refuse."""
        fleet, words = self.rule.fleet, unquoted(self.request.text)
        if not self._cameras(words) or _ANYWHERE.search(self._nameless(words)):
            return False
        near = {e.camera for o in seen for e in o.evidence} | {e.camera for run in self.earlier for e in run.evidence}
        for past in (self.request, *(run.request for run in self.earlier)):
            near |= self._cameras(unquoted(past.text))
        # of "the lobby and the dock" the second is dock B: all words of its name, which are no named camera's
        named = {w for name in self._cameras(words) for w in _long(name)}
        heard = _long(words) - named - _FLEET
        for arg in (a for a in spec.args if a.kind == "cameras"):
            given = args.get(arg.name) or ()
            try:
                meant = fleet.resolve_cameras(
                    [given] if isinstance(given, str) else list(given), self.request.camera_scope
                )
            except ViotError:
                continue
            if any(c.name not in near and not (_long(c.name) and _long(c.name) <= heard) for c in meant):
                return True
        return False

    def _cameras(self, words: str) -> set[str]:
        """The cameras, those of groups and between two of a range ("gates 1 to 4") too, that words mention."""
        fleet = self.rule.fleet
        found = [m for m in fleet.mentions(words) if m.kind in ("camera", "group")]
        names = {camera.name for m in found for camera in fleet.resolve_cameras([m.target])}
        for a, b in pairwise(m for m in found if m.kind == "camera"):
            one, other = _NUMBERED.fullmatch(a.target), _NUMBERED.fullmatch(b.target)
            ends = _RANGE.search(words[a.start : b.end])
            if one and other and ends and (one[1], one[3]) == (other[1], other[3]):
                for name in (c.name for c in fleet.cameras()):
                    its = _NUMBERED.fullmatch(name)
                    if its and (its[1], its[3]) == (one[1], one[3]) and int(one[2]) <= int(its[2]) <= int(other[2]):
                        names.add(name)
        return names

    def _nameless(self, words: str) -> str:
        """Without the names of cameras and people: "Sam Warner" warns nobody, and who enrols him asks for nothing."""
        for named in self.rule.fleet.mentions(words):
            if named.score == 100 and named.kind in ("camera", "person"):
                words = words[: named.start] + "_" * (named.end - named.start) + words[named.end :]
        return words

    def _plan(self) -> frozenset[str]:
        if self._planned is None:
            found: Iterable[str] = ()
            if self.rule.planner is not None and unquoted(self.request.text).strip():
                found = self.rule.planner(self._clean())
            self._planned = frozenset(found)
        return self._planned

    def _clean(self) -> list[HumanMessage]:
        """The conversation as its persons wrote it: no answers, no names of cameras and people but those mentioned."""
        out: list[HumanMessage] = []
        at_hand: list[str] = []
        named: tuple[str, ...] = ()
        for past in (*(run.request for run in self.earlier), self.request):
            at_hand = list(dict.fromkeys([*at_hand, *(a.handle for a in past.attachments)]))
            own = replace(past, text=unquoted(past.text).strip() or "-")
            mentions = self.rule.fleet.mentions(own.text, at_hand, named)
            named += cameras_named(mentions)
            out.append(request_message(own, mentions, (), ()))
        return out

    def _named(self, kind: str, value: str, seen: Sequence[Observation]) -> bool:
        """By who asks, in words however spelled; or by evidence: enrolled names and plates that tools have found."""
        told = [e.who for o in seen for e in o.evidence if e.who]
        answers = [_OUTSIDE.sub(" ", unquoted(run.answer.text)) for run in self.earlier]
        said = [run.request.text for run in self.earlier] + [self.request.text]
        if kind == "plate":
            wanted = normalise_plate(value)
            return any(wanted in normalise_plate(text) for text in (*said, *told, *answers))
        if any(person_key(value) in person_key(text) for text in (*told, *answers)):
            return True
        heard = {t.text for text in said for t in name_tokens(text)}
        return any(fuzz.ratio(t.text, h) >= _NAMED for t in name_tokens(value) for h in heard)


def _looked_for(spec: ToolSpec, args: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(person or plate, value) of everything that a call looks for by name; attached files are nobody's name."""
    out: list[tuple[str, str]] = []
    for arg in spec.args:
        value = str(args.get(arg.name) or "").strip()
        if arg.kind in ("person", "plate"):
            out.append((arg.kind, value))
        elif arg.kind == "event":
            form, _, who = value.partition(":")
            if form.strip().casefold() in ("face", "plate"):
                out.append(("plate" if form.strip().casefold() == "plate" else "person", who.strip()))
    return [(kind, value) for kind, value in out if value and not _HANDLE.fullmatch(value)]


def _says(asked: re.Pattern[str], words: str) -> bool:
    for found in asked.finditer(words):
        before = words[: found.start()]
        if not _NOT.search(before[-60:]) and not _QUESTION.match(_CLAUSE.split(before)[-1]):
            return True
    return False


def unquoted(text: str) -> str:
    """The person's own words: passages of three words and more in quotation marks, of code or after ``>`` left out."""
    return _QUOTED.sub(lambda m: " " if len(m[0].split()) >= 3 else m[0], text)


def _long(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{4,}", text.casefold()))


def _stems(text: str) -> set[str]:
    """Beginnings of the words that mean something; what every request about cameras says means nothing here."""
    return {w[:5] for w in re.findall(r"[^\W\d_]{4,}", text.casefold()) if w not in _FLEET and w not in ("outside",)}
