"""From symbols to sentences: thoughts, questions and fixed replies, all written by code.

Owns the wording. Nothing here decides anything, and no model writes a word of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from viot_agent.llm.mini.checks import NO_ALERT
from viot_agent.llm.mini.menu import Step
from viot_agent.react import Act, AskBack, Finish, ReactStep

_QUESTIONS = {
    "person": "Which person do you mean? Give a name or attach a picture.",
    "vehicle": "Which vehicle do you mean? Give its plate or attach a picture.",
    "cameras": "Which camera or group of cameras do you mean?",
    "time": "Which time do you mean, for example 'between 8 and 9 this morning'?",
    "plate": "Which number plate do you mean?",
    "text": "What exactly do you want to know?",
    "media": "Which picture or video do you mean? Please attach it.",
    "handle": "Which earlier result do you mean?",
    "choice": "Which of the possible ways do you want?",
    "event": "What shall I watch for: a person, a plate, fire, a crowd, anything unusual, or anybody at all?",
}
_MISSING = {
    "person": "the person is not named and no picture is attached",
    "vehicle": "the vehicle is not named and no picture is attached",
    "cameras": "no camera is named",
    "time": "no time is given",
    "plate": "no number plate is given",
    "text": "the question is not clear",
    "media": "no picture or video is attached",
    "handle": "the earlier result is not named",
    "choice": "the way to do it is not chosen",
    "event": "what to watch for is not said",
}
_NO_TOOL = {
    "greeting": "a greeting",
    "thanks": "thanks",
    "help": "a question about what I can do",
    "out_of_scope": "something no tool of mine can do",
}


_GREETING = frozenset(
    "hi hello hey hiya howdy greetings morning afternoon evening day good there all everyone yo".split()
)
_THANKS = frozenset(
    "thanks thank thx ta cheers you very much so a lot many million for that great perfect ok okay".split()
)


def courtesy(text: str) -> str:
    """``greeting`` or ``thanks`` for a text that is nothing else, else an empty string."""
    words = re.findall(r"[a-z']+", text.casefold())
    if not words or len(words) > 8 or any(c.isdigit() for c in text):
        return ""
    if set(words) <= _GREETING and set(words) & {"hi", "hello", "hey", "hiya", "howdy", "greetings", "good", "yo"}:
        return "greeting"
    if set(words) <= _THANKS and set(words) & {"thanks", "thank", "thx", "ta", "cheers"}:
        return "thanks"
    return ""


def absent(tool: str, purpose: str) -> str:
    """What is said of a request that needs a tool which is not installed."""
    return f"That needs {tool}, which is not installed here ({purpose.rstrip('.')})."


def thought(step: Step) -> str:
    """The thought of a step, in words."""
    if step.kind == "act":
        goals = [f"if its condition holds {t}" if i in step.open else t for i, t in enumerate(step.plan)]
        return f"A tool is needed: {', then '.join(goals)}."
    if step.reply == "language":
        return "This is not English, so I must ask."
    if step.reply == "absence":
        return "Who was not there is told of a named person only, so I must ask."
    if step.among and step.kind == "ask":
        return "Several files are attached and one of them is meant, so I must ask."
    if step.kind == "ask":
        reasons = " and ".join(_MISSING[m] for m in step.missing)
        return f"{reasons[0].upper()}{reasons[1:]}, so I must ask."
    if step.reply == "done":
        return "Everything asked is observed."
    return f"No tool is needed: this is {_NO_TOOL[step.reply]}."


def question(missing: Sequence[str]) -> str:
    """What to ask back."""
    return " ".join(_QUESTIONS[m] for m in missing)


def asked_back(step: Step) -> str:
    """The question of a step that asks."""
    if step.reply == "language":
        return "I read English only. Please ask in English, or choose another language model (--llm)."
    if step.reply == "absence":
        return "I can tell who was seen, not who was not. Name one person, and I look for that person there."
    if step.reply == "doing":
        return f"{NO_ALERT} {question(step.missing)}"
    if step.among:
        return f"Which of the attached files do you mean: {', '.join(step.among[:-1])} or {step.among[-1]}?"
    return question(step.missing)


_ITS = r"(?:[\w'’-]+\s+){0,3}?"
_BY_HAND = (
    (
        re.compile(
            r"\b(?:what|which|how many|list|show(?: me)?)\b[^.?!]*\b(?:alerts|alarms)\b[^.?!]*"
            r"\b(?:set|have|got|active|running|on|are there|standing)\b|"
            rf"\b(?:remove|delete|cancel|stop|end|get rid of|drop|snooze|mute|pause) {_ITS}(?:alert|alarm)s?\b",
            re.I,
        ),
        "Standing alerts are handled with viot alert: list, snooze, remove.",
    ),
    (
        re.compile(rf"\benrol\w*\b|\b(?:add|register|remove|delete) {_ITS}(?:person|employee|colleague|face)\b", re.I),
        "People are enrolled and removed with viot person.",
    ),
    (
        re.compile(
            r"\b(?:add|connect|install|rename) (?:(?:a|an|the|my|our|this|new|another)\s+)*cam(?:era)?s?\b", re.I
        ),
        "Cameras are added with viot camera add.",
    ),
)
"""What is done by hand, and how."""


def by_hand(asked: str) -> str:
    """How what a request may be about is done by hand; empty where it is about nothing of that."""
    return next((how for words, how in _BY_HAND if words.search(asked)), "")


def reply(kind: str, purposes: Sequence[str], files: Sequence[str] = (), asked: str = "") -> str:
    """The answer of a step without tools to what was ``asked``; ``purposes`` are the tools' own first lines, ``files``
    the attached ones that were to be looked at and cannot be."""
    if kind == "greeting":
        return "Hello. Ask me about your cameras, for example who was seen where, or how many people are there."
    if kind == "thanks":
        return "You are welcome."
    if files:
        return (
            f"I cannot look at {' or '.join(files)} for that. In the cameras' footage I can look for the person or the "
            "vehicle that an attached picture shows, and I can blur, cloak or mask the faces of an attached picture or "
            "video. What happens in a video I can tell once it is a camera: viot camera add NAME FILE."
        )
    if kind == "help":
        can = " ".join(f"{p.rstrip('.')}." for p in purposes)
        return f"{by_hand(asked)} This is what I can do over the cameras' footage. {can}".lstrip()
    how = by_hand(asked) or "Ask what I can do to hear what there is."
    return f"I cannot help with that: no tool here does it. {how}"


def to_react(step: Step, summaries: Sequence[str], purposes: Sequence[str], asked: str = "") -> ReactStep:
    """The step in the ReAct grammar; a finish after calls is the observations' summaries, in order, each once."""
    if step.kind == "act":
        return Act(thought(step), step.tool, step.args)
    if step.kind == "ask":
        return AskBack(thought(step), step.missing, asked_back(step))
    if step.reply == "done":
        text = " ".join(dict.fromkeys(s.strip() for s in summaries if s.strip()))
        return Finish(thought(step), text or "Nothing was observed.")
    return Finish(thought(step), reply(step.reply, purposes, step.among, asked))
