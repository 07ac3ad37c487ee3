"""One step of a run: what is read and the calls so far in, a grammatical step out.

Owns the greedy decoding loop under the grammar, in which the nets decide together, and what is kept between calls
(weights, card embeddings, the last request's encoding). Knows no LangChain and no agent.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from viot_agent.bench.cards import cards
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.attachments import (
    asks_of_a_file,
    attached,
    means_several,
    only_absent_files,
    says_which,
    the_one_named,
)
from viot_agent.llm.mini.checks import (
    ALONE,
    about_things,
    alerts_there,
    alerts_to_doing,
    asks_for_somebody,
    asks_who_was_not,
    denied_goals,
    may_be_conditional,
    missing_camera,
    no_time,
    of_what_is_seen,
    only_asks,
    only_asks_where,
    only_tells_of_an_export,
    people_together,
    plainly,
    reverses,
    says_event,
    times_compared,
    undoes_first,
)
from viot_agent.llm.mini.conditions import Judge
from viot_agent.llm.mini.decoder import Decoder
from viot_agent.llm.mini.earlier import taken_over, the_person
from viot_agent.llm.mini.encoder import Encoder, Reader
from viot_agent.llm.mini.found import points_back
from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.hiding import sparing, when_to_hide
from viot_agent.llm.mini.language import foreign
from viot_agent.llm.mini.leanings import alerted_everywhere, lean
from viot_agent.llm.mini.menu import MISSING_KINDS, SYM, Call, Element, Menu, Step
from viot_agent.llm.mini.units import REQUEST, Reading, Unit, trim_time
from viot_agent.llm.mini.weights import Weights
from viot_agent.llm.mini.within import with_its_own
from viot_agent.llm.mini.words import courtesy
from viot_agent.toolbox.contract import ArgSpec, ToolSpec

Array = npt.NDArray[np.float32]


class Planner:
    """Decides the next step of a run over one set of tools."""

    def __init__(
        self, tools: Sequence[ToolSpec], *, weights: Weights | None = None, home: Path | None = None, threads: int = 2
    ) -> None:
        weights = weights or Weights.load()
        reader = Reader(assets.encoder_dir(), weights.words)
        self.nets = [Net(arrays, weights.scale, reader, home, threads) for arrays in weights.nets]
        self._thinks = weights.thought
        self._judge = (
            None
            if weights.judge is None
            else Judge(weights.nets[0], weights.judge, weights.scale, reader, home, threads)
        )
        self._met = frozenset(cards()) - frozenset(weights.without)
        self._lock = threading.Lock()
        self.set_tools(tools)

    def set_tools(self, tools: Sequence[ToolSpec]) -> None:
        """Change the menu; cards are embedded once each."""
        self.menu = Menu.of(tools)
        self._new = frozenset(i for i, t in enumerate(self.menu.tools) if t.name not in self._met)
        for net in self.nets:
            net.set_menu(self.menu)

    def warm(self) -> None:
        """Load what is loaded on first use."""
        if self._judge is not None:
            with self._lock:
                self._judge.warm()

    def judged(self, reading: Reading, call: Call, data: Mapping[str, Any], left: Sequence[str]) -> Array | None:
        """The probabilities (3,) of what happens next of what is ``left`` after ``call`` (see ``conditions``); None in
        weights without a judge, and for what it cannot read at once."""
        if self._judge is None:
            return None
        with self._lock:
            return self._judge.shares(reading, call, data, left)

    def next_step(
        self,
        reading: Reading,
        history: Sequence[Call] = (),
        *,
        settled: bool | None = None,
        barred: Collection[str] = (),
        other: bool = False,
    ) -> Step:
        """The next step. ``settled``: whether anything of what is left to do happens now, where that could be told;
        ``barred``: tools of those left that are not called now; ``other``: the case that was named second is at hand.

        A call that this run has made already is not made again: the run is finished instead. A call for a name that
        nothing known carries is not made at all: it is asked about. Mere courtesies need no model, and a request in
        another language is not guessed at.
        """
        if not self._thinks:
            # nothing was planned, so nothing is kept to a plan
            history = [replace(call, rest=None) for call in history]
        polite = courtesy(reading.asked)
        if polite and not history:
            return Step("finish", polite)
        if not history and foreign(reading):
            return Step("ask", "language", missing=("text",))
        if not history and asks_who_was_not(reading.plain):
            return Step("ask", "absence", missing=("person",))
        decoded = self._decoded(reading, history, settled, barred, other=other)
        if not history and decoded[0].kind != "act":
            decoded = self._plain(reading) or decoded
        if not history and decoded[0].missing == ("event",) and says_event(reading):
            asked = self._decoded(reading, (), None, act=True, only="create_alert")
            decoded = asked if asked[0].kind == "act" else decoded
        if not history and about_things(reading) and self._takes_things_amiss(decoded[0], reading):
            asked = self._decoded(reading, (), None, act=True, only="video_qa")
            decoded = asked if asked[0].kind == "act" else decoded
        files = asks_of_a_file(reading, decoded[0]) if not history else ()
        if files:
            return Step("finish", "out_of_scope", among=files)
        step = self._for_each(self._checked(decoded, reading, history), reading, history)
        waits = not history or not history[-1].rest or history[-1].waiting or history[-1].status not in _SEEN
        if (settled or not waits) and step.kind == "finish" and decoded[0].kind == "finish":
            # it waits for nothing, or its condition holds, and what it takes was never said
            due = next((t for t in history[-1].rest or () if t not in barred), "") if history else ""
            missing = tuple(k for k in decoded[1].lacking(due) if k in MISSING_KINDS)
            return Step("ask", missing=missing) if missing else step
        if step.kind == "act" and any(_same(step, call) for call in history):
            return Step("finish", "done")
        return step

    def _decoded(
        self,
        reading: Reading,
        history: Sequence[Call],
        settled: bool | None,
        barred: Collection[str] = (),
        *,
        other: bool = False,
        act: bool = False,
        only: str = "",
    ) -> tuple[Step, Grammar]:
        """Greedily. ``act``: with a call, if any tool can be called; ``only``: of that tool first."""
        grammar = Grammar(
            reading, self.menu, history,
            settled=settled, barred=barred, other=other, conditions=may_be_conditional(reading.plain),
        )  # fmt: skip
        if only:
            grammar.narrow(only)
        need = ("sym", SYM["NEED"])
        if act and need in grammar.allowed():
            grammar.push(need)
        # one decoder and one kept encoding a net: requests of several threads take turns
        with self._lock:
            for net in self.nets:
                net.start(reading.units)
            return decode(grammar, [net.decoder for net in self.nets], self._new), grammar

    def _plain(self, reading: Reading) -> tuple[Step, Grammar] | None:
        """A call all the same, where the request names a tool's subject outright and that tool is what comes to mind:
        nothing needs to be asked back for it, and it is no small talk."""
        subjects = plainly(reading.plain) or ("face_recognition",) * asks_for_somebody(reading)
        if not subjects or any("unknown" in unit.kinds for unit in reading.units):
            return None
        step, grammar = self._decoded(reading, (), None, act=True)
        return (step, grammar) if step.kind == "act" and step.tool in subjects else None

    def _takes_things_amiss(self, step: Step, reading: Reading) -> bool:
        """Whether a step asks for a plate, a vehicle or a person where things are counted or looked for, reads all
        plates for them, or takes what cameras see for none of its business."""
        if self.menu.index("video_qa") is None:
            return False
        if step.kind == "finish":
            return step.reply == "out_of_scope" and of_what_is_seen(reading.plain)
        if step.kind == "ask":
            return bool(step.missing) and set(step.missing) <= {"plate", "vehicle", "person"}
        return (
            step.kind == "act" and step.tool == "plate_recognition" and "plate" not in step.args and len(step.plan) < 2
        )

    def _checked(self, decoded: tuple[Step, Grammar], reading: Reading, history: Sequence[Call]) -> Step:
        """The step, or what is done instead of one that must not be taken."""
        step, grammar = decoded
        step = step if history else when_to_hide(step, reading)
        step = _without_denied(_spelt(step, reading), reading.plain)
        step = self._with_those_before(_from_now_on(_where_it_was_seen(step, grammar)), reading, history)
        step = self._alert_there(_cut_now(step, reading), reading, history)
        if step.kind == "act" and any(_same(step, call) for call in history):
            return Step("finish", "done")
        if step.kind == "act" and step.tool == "export_clip" and only_asks(reading.plain):
            return Step("finish", "done" if history else "out_of_scope")
        if step.kind == "act" and step.tool == "export_clip" and not history and only_tells_of_an_export(reading.plain):
            return Step("finish", "out_of_scope")
        step = self._without_no_time(step, reading)
        anybody = step.tool == "create_alert" and step.args.get("event") == "person"
        if (anybody or step.missing == ("event",)) and alerts_to_doing(reading.plain):
            return Step("ask", "doing", missing=("event",))
        asks = step.kind == "ask" and set(step.missing) <= {"person", "media", "text"}
        if ((asks or step.tool in _HIDING) and reverses(reading.plain)) or undoes_first(reading.plain):
            return Step("finish", "done" if history else "out_of_scope")
        if missing_camera(reading.units) and self._passes_over_cameras(step):
            return Step("ask", missing=("cameras",))
        if step.reply == "out_of_scope" and any({"camera", "unknown"} <= set(u.kinds) for u in reading.units):
            # a camera that does not exist is said, whatever was to be done with it
            return Step("ask", missing=("cameras",))
        file = self._absent_file(step, reading) if not history and only_absent_files(reading) else None
        if file is not None:
            return Step("ask", missing=(file,))  # another file than the one that was named
        missing, names = unknown_names(grammar) if step.kind == "act" else ((), ())
        if missing == ("cameras",) and history and points_back(reading.plain):
            # "the footage of that camera" is no camera's name
            return _leaving_out(step, {a.name for a in self._args_of(step) if a.kind == "cameras"})
        return Step("ask", missing=missing, unknown=names) if missing else step

    def _with_those_before(self, step: Step, reading: Reading, history: Sequence[Call]) -> Step:
        """A call with what it takes over from earlier calls (``within``); a follow-up's, from earlier turns
        (``earlier``)."""
        named = {a.kind: a.name for a in self._args_of(step) if a.kind in ("cameras", "time", "person")}
        step = sparing(step, reading, named.get("person", ""))
        if not any(u.segment < REQUEST for u in reading.units):
            return with_its_own(step, reading, history, named.get("time", ""), named.get("cameras", ""))
        step = the_person(step, reading, named.get("person", ""))
        return taken_over(step, reading, named.get("cameras", ""), named.get("time", ""))

    def _alert_there(self, step: Step, reading: Reading, history: Sequence[Call]) -> Step:
        """An alert "there" on the cameras that the last call looked at; one "everywhere" on no other."""
        name = next((a.name for a in self._args_of(step) if a.kind == "cameras"), "")
        if step.tool == "create_alert" and name in step.args and alerted_everywhere(reading):
            return _leaving_out(step, {name})
        looked = next((c.args[name] for c in reversed(history) if c.args.get(name)), None) if name else None
        if step.tool != "create_alert" or name in step.args or looked is None or not alerts_there(reading.plain):
            return step
        return replace(step, args=step.args | {name: looked})

    def _passes_over_cameras(self, step: Step) -> bool:
        """Whether a step forgets the camera that was named: it asks for something else, or looks everywhere."""
        if step.kind == "ask":
            return "cameras" not in step.missing
        return any(arg.kind == "cameras" and arg.name not in step.args for arg in self._args_of(step))

    def _for_each(self, step: Step, reading: Reading, history: Sequence[Call]) -> Step:
        """One call for each of several people, plates, compared times or attached files that the request names
        together; where it means one of several files and does not say which, that is asked."""
        if step.kind == "act":
            step = replace(
                step,
                args={
                    k: the_one_named(reading, v) if v in attached(reading, str(v)) else v for k, v in step.args.items()
                },
            )
            shown = next((v for v in step.args.values() if isinstance(v, str) and v in attached(reading, v)), "")
            others = [h for h in attached(reading, shown) if h != shown] if shown else []
            if not others or says_which(reading):
                return step
            if not means_several(reading) and not self._takes_each(step):
                return Step("ask", missing=("media",), among=attached(reading, shown)) if not history else step
        if not history or history[-1].status in ("retry", "failed", "refused"):
            return step
        last = history[-1]
        place = self.menu.index(last.tool)
        if place is None or self.menu.tools[place].cost == "render":
            return step  # what is written out is written once
        for name, value in last.args.items():
            if not isinstance(value, str):
                continue
            files = attached(reading, value) if means_several(reading) else ()
            form = next((f for f in _EVENTS if value.startswith(f)), "")
            named = [people_together(reading, kind) for kind in (_EVENTS[form],) if kind]
            if not form:
                named = [people_together(reading, kind) for kind in ("person", "plate")]
            if last.tool in ALONE and any(a.name == name and a.kind == "time" for a in self.menu.tools[place].args):
                alone = step.kind == "finish" and all(c.tool == last.tool and not c.rest for c in history)
                named = [times_compared(reading, alone=alone)]
            people = next((p for p in named if value.removeprefix(form) in p), ())
            group = files if value in files else tuple(form + p for p in people)
            asked = [c.args.get(name) for c in history if c.tool == last.tool]
            left = [v for v in group if v not in asked]
            if left and not (step.kind == "act" and step.tool == last.tool and step.args.get(name) in left):
                plan = (last.tool, *(step.plan if step.kind == "act" else ()))
                shift = tuple(i + 1 for i in step.open)
                return Step("act", plan=plan, open=shift, tool=last.tool, args={**last.args, name: left[0]})
        return step

    def _args_of(self, step: Step) -> list[ArgSpec]:
        """What the tool of a call takes; nothing where it is no call, or its tool is not in the menu."""
        place = self.menu.index(step.tool) if step.kind == "act" else None
        return [] if place is None else [self.menu.slots[k][1] for k in self.menu.slots_of(place)]

    def _without_no_time(self, step: Step, reading: Reading) -> Step:
        """A call without what was copied as a time and is none; where it takes one, it is asked for."""
        times = [a for a in self._args_of(step) if a.kind == "time" and a.name in step.args]
        none = [a for a in times if no_time(str(step.args[a.name]), reading.text)]
        if any(a.required for a in none):
            return Step("ask", missing=("time",))
        return _leaving_out(step, {a.name for a in none})

    def _absent_file(self, step: Step, reading: Reading) -> str | None:
        """The kind of the argument that stands for a file which is named and not there: filled with another file, or
        left out though its tool takes one."""
        taken = self._taken_file(step, reading)
        if taken is not None:
            return taken
        kinds = [a.kind for a in self._args_of(step) if a.name not in step.args]
        return next((kind for kind in ("media", "person", "vehicle") if kind in kinds), None)

    def _taken_file(self, step: Step, reading: Reading) -> str | None:
        """The kind of the argument for which a call takes an attached file; None where it takes none."""
        files = {u.value for u in reading.units if u.virtual}
        return next((arg.kind for arg in self._args_of(step) if str(step.args.get(arg.name)) in files), None)

    def _takes_each(self, step: Step) -> bool:
        """Whether a step plans several calls that can each take a file: they go through those attached in order."""
        files = [i for i in map(self.menu.index, step.plan) if i is not None and self._takes_file(i)]
        return len(files) > 1

    def _takes_file(self, tool: int) -> bool:
        return any(self.menu.slots[k][1].kind in ("media", "person", "vehicle") for k in self.menu.slots_of(tool))


def _leaving_out(step: Step, names: set[str]) -> Step:
    return replace(step, args={k: v for k, v in step.args.items() if k not in names})


class Net:
    """An encoder and a decoder over one menu."""

    def __init__(
        self, arrays: Mapping[str, Array], scale: float, reader: Reader, home: Path | None, threads: int
    ) -> None:
        adapter = {k: v for k, v in arrays.items() if k.startswith("lora.")}
        self.encoder = Encoder(adapter, scale, reader=reader, home=home, threads=threads)
        self.decoder = Decoder(arrays)
        self._cards: dict[str, Array] = {}
        self._last: tuple[tuple[Unit, ...], Array] | None = None

    def set_menu(self, menu: Menu) -> None:
        self._menu = menu
        self._embedded = tuple(self._embed(texts) for texts in menu.texts())

    def start(self, units: tuple[Unit, ...]) -> None:
        """Read a request; its encoding is kept for what is decided over it next."""
        if self._last is None or self._last[0] != units:
            self._last = (units, self.encoder.units(units))
        self.decoder.start(self._last[1], units, self._menu, *self._embedded)

    def _embed(self, texts: Sequence[str]) -> Array:
        for text in texts:
            if text not in self._cards:
                self._cards[text] = self.encoder.sentence(text) if text else np.zeros(384, np.float32)
        return np.stack([self._cards[t] for t in texts]) if texts else np.zeros((0, 384), np.float32)


def _where_it_was_seen(step: Step, grammar: Grammar) -> Step:
    """A call that takes a scene from an observation looks where and when that scene was seen: both steps of this chain
    have the same cameras and the same time."""
    if step.kind != "act":
        return step
    kind, seen = "", None
    for channel, index in grammar.written:
        if channel == "slot":
            kind = grammar.menu.slots[index][1].kind
        elif channel == "start" and kind == "scene":
            seen = grammar.history[grammar.units[index].segment - REQUEST - 1]
    if seen is None:
        return step
    place = grammar.menu.index(step.tool)
    shared = [] if place is None else [grammar.menu.slots[k][1] for k in grammar.menu.slots_of(place)]
    names = {arg.name for arg in shared if arg.kind in ("cameras", "time")}
    kept = {name: value for name, value in step.args.items() if name not in names}
    return replace(step, args=kept | {name: value for name, value in seen.args.items() if name in names})


_EVENTS = {"face:": "person", "plate:": "plate", "": ""}
"""What an alert's event is of, by how it begins."""
_HIDING = frozenset(("face_redaction", "privacy_cloak", "masked_face_generation"))
_SEEN = frozenset(("found", "none", "info"))
_FROM_NOW = frozenset(("from now", "from now on", "from here on", "now", "right now", "now on", "starting now"))


def _from_now_on(step: Step) -> Step:
    """An alert stands from now on: a time that says no more than that limits nothing."""
    if step.kind != "act" or step.tool != "create_alert":
        return step
    if " ".join(str(step.args.get("time", "")).casefold().split()) not in _FROM_NOW:
        return step
    return replace(step, args={name: value for name, value in step.args.items() if name != "time"})


def _spelt(step: Step, reading: Reading) -> Step:
    """A call whose copied words name cameras as they are called ("at car prak east")."""
    said = [(reading.text[u.start : u.end], u.value) for u in reading.units if {"camera", "fuzzy"} <= set(u.kinds)]
    args = dict(step.args)
    for (name, value), (words, camera) in itertools.product(step.args.items(), said):
        if isinstance(value, str) and words in value and len(words) < len(value):
            plain = camera.replace("\\", r"\\")
            args[name] = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", plain, str(args[name]))
    return replace(step, args=args)


def _without_denied(step: Step, asked: str) -> Step:
    """A plan without the later goals that the request names only in order not to have them, or does not mean."""
    where = frozenset(("list_cameras",)) if only_asks_where(asked) else frozenset()
    denied = (denied_goals(asked) | where) - {step.tool}
    kept = [i for i, tool in enumerate(step.plan) if tool not in denied]
    if len(kept) == len(step.plan):
        return step
    return replace(
        step, plan=tuple(step.plan[i] for i in kept), open=tuple(kept.index(i) for i in step.open if i in kept)
    )


def _cut_now(step: Step, reading: Reading) -> Step:
    """A clip of the time that was said last where "now" says only when it is to be cut: of a moment there is none."""
    if step.kind != "act" or step.tool != "export_clip" or str(step.args.get("time", "")).casefold() not in _FROM_NOW:
        return step
    others = [u.value for u in reading.units if u.segment <= REQUEST and "time" in u.kinds]
    others = [trim_time(v) for v in others if v.casefold() not in _FROM_NOW]
    return replace(step, args=step.args | {"time": others[-1]}) if others else step


def unknown_names(grammar: Grammar) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What must be asked for because a written call points at names that no camera and nobody enrolled carries; and of
    those names the ones that look like plain words.

    A camera said in words that code did not recognise (``the rooftop bar``) is such a name: what the fleet holds,
    ``fleet.mentions`` finds.
    """
    missing: set[str] = set()
    words: list[str] = []
    kind, units = "", grammar.units
    for (channel, index), (follows, last) in itertools.pairwise([*grammar.written, ("sym", 0)]):
        if channel == "slot":
            kind = grammar.menu.slots[index][1].kind
        elif channel == "start" and "unknown" in units[index].kinds:
            missing.add("cameras" if kind == "cameras" else "person")
        elif channel == "start" and kind == "cameras" and not units[index].marked:
            missing.add("cameras")
            last = last if follows == "end" else index
            if last + 1 < len(units) and units[last + 1].shape == "digit" and not units[last + 1].marked:
                last += 1  # the number is part of the name
            words.append(grammar.text[units[index].start : units[last].end])
    return tuple(m for m in MISSING_KINDS if m in missing), tuple(words)


def decode(grammar: Grammar, decoders: Sequence[Decoder], new: frozenset[int] = frozenset()) -> Step:
    """Greedy decoding: of what the grammar allows, the element that the decoders together (the mean of their
    log-probabilities) hold most likely, until the step is whole. It is leant over where code knows better
    (``leanings``); ``new``: the tools that the weights have not met."""
    layout = decoders[0].layout
    fed: Sequence[Element] = [*grammar.prefix, *grammar.written]
    while grammar.step is None:
        allowed = grammar.allowed()
        flat = [layout.flat(e) for e in allowed]
        said = np.mean([_opinion(decoder.feed(fed)[flat]) for decoder in decoders], axis=0)
        best = allowed[int(np.argmax(said + lean(grammar, allowed, new)))]
        grammar.push(best)
        fed = [best]
    return grammar.step


def _opinion(scores: Array) -> Array:
    """Log-probabilities of scores."""
    scores = scores - scores.max()
    out: Array = scores - np.log(np.exp(scores).sum())
    return out


def _same(step: Step, call: Call) -> bool:
    folded = [json.dumps(a, sort_keys=True, ensure_ascii=False).casefold() for a in (step.args, call.args)]
    return step.tool == call.tool and folded[0] == folded[1]
