"""Evidence or silence: is everything in an answer held by an observation?

An answer is *held* when every number, clock time, date word and proper name in it stands in the request or in an
observation. A text that is not held is replaced whole by the observations' own summaries: deleting one word can turn a
sentence round. A *none* or *cannot tell* is always said in the tool's own words, because no word list can tell whether
a free sentence keeps the negation; so is what an outside tool said, which holds nothing and stays somebody's words.

Pure functions over strings; knows no model and no tool.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from viot_agent.steps import Answer, Claim, Observation, Status

_NUMBER_WORDS = tuple(
    (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand dozen "
        "twice thrice both nobody none never always everyone everybody"
    ).split()
)
_WORD_VALUES = {word: str(value) for value, word in enumerate(_NUMBER_WORDS[:21])}
_TIME_WORDS = frozenset(
    (
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august "
        "september october november december today yesterday tomorrow tonight midnight noon morning afternoon evening "
        "night"
    ).split()
)
_TOKEN = re.compile(r"\d+(?:[:.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*", re.UNICODE)
# capitals that open ordinary answers and name nobody
_PLAIN = frozenset(
    (
        "i a an the yes no there this that these those it its they he she his her on at in from between no-one nobody "
        "someone somebody none not camera cameras person people face faces plate plates video footage clip evidence "
        "seen found cannot tell sorry please hello hi you your we our unknown enrolled count counts read and or but to "
        "of was were is are ask show tell how can what when where who which why do does did could would should may "
        "might must will if then so thanks thank welcome good ok okay all any some each other i'm i've it's let with "
        "for as by after before since until also only just now here have has had be been not-found glad happy"
    ).split()
)


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
"""Of the unseen, those without which Persian, Hindi and emoji are misspelt."""
_SHOWN = {"<": "‹", "://": ": //", "](": "] (", "![": "! [", "][": "] ["}
_ACTIVE = re.compile(
    r"<(?=[A-Za-z/!?])|://|\]\(|!\[|\]\[|\b(?:javascript|vbscript|data|mailto|file):(?=\S)", re.IGNORECASE
)


def tokens(text: str) -> list[str]:
    """Words and numbers, NFKC."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text))


def unheld(text: str, sources: Iterable[str]) -> list[str]:
    """The numbers, times and names of ``text`` that no source holds, in order."""
    held: set[str] = set()
    for source in sources:
        for token in tokens(source):
            folded = token.casefold()
            held.add(folded)
            held.update(part for part in re.split(r"['’-]", folded) if part)
            if folded in _WORD_VALUES:
                held.add(_WORD_VALUES[folded])
    missing = []
    for sentence in re.split(r"(?<=[.!?])\s+|\n", unicodedata.normalize("NFKC", text)):
        for token in tokens(sentence):
            folded = token.casefold()
            base = re.sub(r"['’]s$", "", folded)
            if folded in held or base in held:
                continue
            is_number = folded[0].isdigit() or folded in _NUMBER_WORDS
            if folded in _WORD_VALUES and _WORD_VALUES[folded] in held:
                continue
            is_time = folded in _TIME_WORDS
            is_name = token[0].isupper() and folded not in _PLAIN
            foreign = not token[0].isascii() and not token[0].islower() and token[0].isalpha()
            if is_number or is_time or is_name or foreign:
                missing.append(token)
    return missing


def compose(observations: Sequence[Observation]) -> str:
    """The observations' own summaries, in order, each once."""
    seen: list[str] = []
    for observation in observations:
        text = observation.summary.strip()
        if observation.status == "retry" and any(o.status == "ok" for o in observations):
            text = f"Not done: {observation.tool}, because {text.rstrip('.')}."
        if observation.status in ("failed", "refused") and observation.fix and observation.fix not in text:
            text = f"{text.rstrip('.')}. To mend it: {observation.fix}."
        if text and text not in seen:
            seen.append(text)
    return " ".join(seen)


def final_observations(observations: Sequence[Observation]) -> list[Observation]:
    """Those that answer. A retry is dropped once a later call of the same tool worked, and where it was the model's own
    slip and anything worked; what stays undone is said."""
    worked = [o for o in observations if o.status != "retry"]
    if not worked:
        return list(observations[-1:])
    left: dict[str, Observation] = {}
    for o in observations:
        if o.status != "retry":
            left.pop(o.tool, None)
        elif o.data.get("fault") != "model":
            left[o.tool] = o
    return [o for o in observations if o.status != "retry" or o is left.get(o.tool)]


def status_of(observations: Sequence[Observation]) -> Status:
    """The answer's status, from what was observed and never from what a model says of it."""
    kinds = {o.status for o in observations}
    if "refused" in kinds:
        return "refused"
    ok = [o for o in observations if o.status == "ok"]
    if not ok:
        unable = "failed" in kinds or any(o.data.get("fault") == "model" for o in observations)
        return "incomplete" if unable else "needs_input"
    if "failed" in kinds:
        return "incomplete"
    if all(o.verdict == "cannot_tell" for o in ok):
        return "cannot_tell"
    return "answered"


def write_answer(
    model_text: str,
    request: str,
    observations: Sequence[Observation],
    *,
    stop: str = "",
    status: Literal["incomplete", "stopped"] = "incomplete",
) -> Answer:
    """The answer of a run that ended with ``model_text`` (or was stopped: ``stop`` says why, as ``status``).

    Claims and evidence come from the observations alone; the model's wording stays only when every verdict is *found*
    or *info*, something was observed, and the text is held.
    """
    final = final_observations(observations)
    claims = tuple(c for o in final for c in o.claims)
    if stop:
        found = compose(final)
        text = f"I stopped: {stop}." + (f" So far: {found}" if found else " Nothing was found out.")
        return Answer(text, status, claims)
    if not final:
        if unheld(model_text, [request]):
            text = "I have not looked at any footage for this, so I cannot tell."
            return Answer(text, "cannot_tell")
        return Answer(model_text.strip(), "answered")
    outcome = status_of(final)
    if outcome in ("answered", "cannot_tell") and any(o.status == "retry" for o in final):
        outcome = "incomplete"  # part of what was asked is not done
    own = compose(final)
    free = outcome == "answered" and all(o.verdict in ("found", "info") and not o.data.get("outside") for o in final)
    if free and model_text.strip() and not unheld(model_text, [request, own, *(c.text for c in claims)]):
        return Answer(model_text.strip(), outcome, claims or _whole(final))
    missing = tuple(str(m) for o in final if o.status == "retry" for m in o.data.get("missing", ()))
    return Answer(own, outcome, claims or _whole(final), missing if outcome == "needs_input" else ())


def inert(answer: Answer) -> Answer:
    """The same answer, in which nothing is more than words, wherever it is shown: no markup, no address that a page
    turns into a link, no sign that is not seen but moves a cursor or turns the order of what follows."""
    claims = tuple(replace(c, text=harmless(c.text)) for c in answer.claims)
    missing, unknown = (tuple(map(harmless, names)) for names in (answer.missing, answer.unknown))
    return replace(answer, text=harmless(answer.text), claims=claims, missing=missing, unknown=unknown)


def harmless(text: str) -> str:
    """Words whose letters stay and whose signs open nothing: ``<b>`` is ``‹b>``, ``http://x`` is ``http: //x``."""
    kept = "".join(c for c in text if c in "\n\t" or c in _JOINERS or unicodedata.category(c) not in _UNSEEN)
    return _ACTIVE.sub(lambda m: _SHOWN.get(m[0], f"{m[0]} "), kept)


def _whole(observations: Sequence[Observation]) -> tuple[Claim, ...]:
    """Where a tool stated no claims of its own, its summary is the claim."""
    return tuple(Claim(o.summary, tuple(e.id for e in o.evidence)) for o in observations if o.status == "ok")
