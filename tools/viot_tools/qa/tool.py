"""The tool ``video_qa``: open questions about what the footage shows, by type, answered by an engine that is named.

The question becomes a kind (``classify``) and, where the words allow it, a typed program (``understand``); the
library's rows become facts (``stored``), as far as the program needs them; an engine answers (``engine``); ``answer``
says it.

Owns this order and what is refused beforehand. Knows no rule of language, no pixel and no row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from viot_agent.fleet.types import Window
from viot_agent.fleet.uploads import find_uploads
from viot_agent.steps import Observation
from viot_agent.toolbox.contract import Arg, CamerasArg, TimeArg, ToolContext, tool
from viot_tools.qa.abilities import doubt
from viot_tools.qa.answer import Asked, observation
from viot_tools.qa.classify import kind_of
from viot_tools.qa.engine import Engine, Symbolic, chosen
from viot_tools.qa.facts import Found
from viot_tools.qa.learned.reader import Reader, shipped
from viot_tools.qa.parse import parse
from viot_tools.qa.places import where_and_when
from viot_tools.qa.program import Program, Unparsed
from viot_tools.qa.stored import EVERYTHING, ActionSource, NameSource, facts, needs
from viot_tools.qa.stored_actions import StoredActions
from viot_tools.qa.stored_names import StoredNames
from viot_tools.qa.understand import understand
from viot_tools.qa.wording import own_words, respelt

NAME: Final = "video_qa"
LONGEST: Final = 1000
"""Characters of a question that is looked into at all."""

QuestionArg = Annotated[str, Arg("text")]
"""The question in the person's own words."""


@tool(needs=("objects", "attributes", "things", "poses", "faces", "fire"), biometric=True)
def video_qa(
    ctx: ToolContext, question: QuestionArg, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Answer an open question about what is seen that no other tool answers: colours, objects, order, reasons, what happened before.

    Not for: counting people, plates, faces, fire or actions, which have tools of their own.

    Args:
        question: the question in the person's own words.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """  # noqa: E501 (the purpose is one line, and the benchmark's card)
    return ask(ctx, question, cameras, time)


_OF_CAMERAS: Final = re.compile(r"\b(?:cams?|cameras?|sites?|places?|locations?)\b", re.IGNORECASE)


def ask(
    ctx: ToolContext,
    question: str,
    cameras: Sequence[str] | None = None,
    time: str | None = None,
    *,
    options: Sequence[str] = (),
    actions: ActionSource | None = None,
    names: NameSource | None = None,
    engines: Sequence[Engine[Any]] | None = None,
    reader: Callable[[], Reader | None] = shipped,
) -> Observation:
    """As the tool, for benchmarks and tests too: ``options`` of a multiple choice, other sources of actions and names,
    other engines, another ``reader`` of what the rules do not read (one that gives None: the rules alone).

    Raises NameFault and TimeFault as every tool does, also for what the question names itself; WeightsMissing for an
    engine that is set up without its files.
    """
    fleet, people = ctx.fleet.cameras(), [p.name for p in ctx.fleet.people()]

    def read(words: str) -> Program | Unparsed:
        return parse(words, cameras=fleet, people=people, options=options)

    text = own_words(respelt(ctx.request.text, ctx.fleet.mentions(ctx.request.text)), question, read)
    understood = understand(text, cameras=fleet, people=people, options=options, reader=reader())
    parsed = understood.parsed
    kind = kind_of(text, options, parsed)
    by_name = {c.name: c for c in fleet}
    if not any(c.isalnum() for c in text) or len(text) > LONGEST:
        reason = parsed.reason if isinstance(parsed, Unparsed) else f"a question may have {LONGEST} characters"
        return observation(ctx, NAME, Asked(text, kind, parsed, by_name), Found("", reason))
    attached = _attached(ctx, text)
    if attached:
        return observation(ctx, NAME, Asked(text, kind, parsed, by_name), Found("", attached[0]), fix=attached[1])
    places = where_and_when(ctx, text, parsed, cameras, time)
    if isinstance(parsed, Program) and parsed.ask == "cameras" and len(places) == 1 and not _OF_CAMERAS.search(text):
        # "where is the crowd thickest?", of one camera: in the picture
        parsed = Unparsed(parsed.type, "where in the picture something is, I do not tell", parsed.options)

    def clock(phrase: str, camera: str) -> Window:
        return ctx.fleet.window(phrase, by_name[camera], ctx.request.now)

    asking = chosen(kind, parsed, [Symbolic(clock)] if engines is None else engines)
    nameless = isinstance(parsed, Program) and parsed.attribute == "name" and not people
    claimed = understood.relied and not nameless and any(engine.claims(kind, parsed) for engine in asking)
    more = engines is None and not claimed
    missing = ""
    if not asking and more:
        asking, missing = _video(ctx, kind, parsed)
        more = False
    if not asking:
        reason = parsed.reason if isinstance(parsed, Unparsed) else "no engine answers such a question"
        return observation(
            ctx, NAME, Asked(text, kind, parsed, by_name), Found("", reason), notes=[missing] if missing else []
        )
    need = needs(parsed) if isinstance(parsed, Program) else EVERYTHING
    known = facts(ctx, places, need, actions or StoredActions(ctx), names or StoredNames(ctx))
    notes: list[str] = []
    while True:
        engine = asking.pop(0)
        told = engine.answer(text, kind, parsed, known, ctx.library, options)
        if not told.found.value and not asking and more:
            asking, missing = _video(ctx, kind, parsed)
            more = False
        if told.found.value or not asking:
            break
        notes.append(f"the {engine.name} engine cannot tell: {told.found.reason}")
    evidence = engine.evidence(told, ctx, NAME)
    asked = Asked(text, kind, parsed, by_name, known)
    raw = getattr(told, "raw", "")
    notes = [*told.notes, *notes, *([understood.note] if understood.note else [])]
    if missing and isinstance(parsed, Program):
        notes += [doubt(parsed), missing]
    return observation(
        ctx,
        NAME,
        asked,
        told.found,
        evidence,
        engine=engine.name,
        notes=notes,
        raw=raw,
        parser=understood.parser,
        claimed=claimed,
    )


def _video(ctx: ToolContext, kind: Any, parsed: Program | Unparsed) -> tuple[list[Engine[Any]], str]:
    """The video language model where it is set up and may answer the question, and what to do where it is not."""
    from viot_tools.qa.video_llm import MISSING, from_environment  # brings transformers, wanted only here

    engine = from_environment(ctx.weights)
    if engine is None:
        return [], MISSING
    return ([engine], "") if engine.tries(kind, parsed) else ([], "")


def _attached(ctx: ToolContext, text: str) -> tuple[str, str] | None:
    """Why a question about an attached file is not answered, and what to do; None for one about the cameras."""
    handles = [a.handle for a in ctx.request.attachments]
    meant = [handle for _, _, handle, score in find_uploads(text, handles) if score >= 90]
    if not meant:
        return None
    path = ctx.attachment(meant[0])
    if meant[0].startswith("video") and path is not None:
        command = f"viot camera add 'my video' {path.name}, then viot index 'my video'"
        return f"{meant[0]} is not indexed, and questions are answered from what is indexed: {command}", command
    return f"{meant[0]} is a picture, and questions are answered from the footage of cameras", ""
