"""The grammar of one ReAct step as a sequence of elements; what it does not allow cannot be written.

A step is one of (elements are those of ``menu``)::

    NEED tool (IF? tool)* PLAN_END tool (slot (SKIP | span | form span? | span+ ARG_END))* END
                                                                           the remaining sub-goals, then one call
    OBSERVED                                                               everything asked is observed: answer
    NOTOOL reply                                                           greeting, thanks, help, out of scope
    MISSING kind+ END                                                      ask back

``IF`` marks a sub-goal whose condition an observation must settle first. It is built from the registry: slots come in
the tool's own argument order, an optional one may be skipped, a marked unit can only fill a slot of its kind, a choice
only one of its values, a scene only words of an observation, a handle only one that exists. So every finished step
validates against the schema.

Owns the rules and their state. Knows no weights: any scores, even random ones, give a valid step (property-tested).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from rapidfuzz.distance import OSA

from viot_agent.llm.mini.menu import MISSING_KINDS, REPLIES, SYM, SYMBOLS, Call, Element, Menu, Step, handle_fits
from viot_agent.llm.mini.units import (
    REQUEST,
    Reading,
    find_span,
    named_scenes,
    number_of,
    scene_end,
    time_like,
    trim_time,
)
from viot_agent.toolbox.contract import ArgSpec

_FREE = ("person", "vehicle", "cameras", "time", "plate", "text", "scene")
_MARKS: dict[str, tuple[str, ...]] = {
    "person": ("person",),
    "cameras": ("camera", "group"),
    "time": ("time",),
    "plate": ("plate",),
    "vehicle": ("plate",),
}
MAX_PLAN = 8
MAX_FREE_UNITS = 14
MAX_TEXT_UNITS = 60
_FAILED = ("retry", "failed", "refused")
_EVENT_OF = {"face:": "person", "plate:": "plate", "crowd>": "number"}


class Grammar:
    """The state of one step being written. ``allowed()`` says what may come next, ``push()`` takes it.

    ``settled``: whether anything of what is left to do happens now, where that could be told; the step follows it, and
    calls none of the tools ``barred``, what is wanted in the other case.
    ``other``: the case that was named second is at hand. ``conditions``: whether a sub-goal may wait for one at all.
    """

    def __init__(
        self,
        reading: Reading,
        menu: Menu,
        history: Sequence[Call] = (),
        *,
        settled: bool | None = None,
        barred: Collection[str] = (),
        other: bool = False,
        conditions: bool = True,
    ) -> None:
        self.other = other
        self.settled, self.conditions, self._barred = settled, conditions, frozenset(barred)
        self.reading, self.text, self.units = reading, reading.text, reading.units
        self.menu, self.history = menu, tuple(history)
        self._heard: dict[str, bool] = {}
        self._openings: dict[tuple[str, int, str], list[int]] = {}
        # what a failed step says is no observation: no scene is read from it
        self._unseen = {REQUEST + n for n, call in enumerate(self.history, 1) if call.status in _FAILED}
        self._unseen |= self._gone_on_with()
        self._scenes = named_scenes(reading)
        self.prefix: list[Element] = [("sym", SYM["BOS"])]
        for call in self.history:
            self.prefix += self._written(call)
        self.written: list[Element] = []
        self.step: Step | None = None
        self._state = "open"
        self._plan: list[int] = []
        self._open: list[int] = []
        self._form = ""
        self._missing: list[str] = []
        self._slots: list[int] = []
        self._values: list[str] = []
        self._start = -1
        self._args: dict[str, Any] = {}
        # with a file attached, "him" and "this" are the one in it
        self._shown = any("upload" in unit.kinds for unit in self.units)
        planned = self.history[-1].rest if self.history else None
        # an observation settles conditions; it gives no new orders. What was not planned at first is not done after it
        self._callable = tuple(
            i
            for i in range(len(menu.tools))
            if (planned is None or menu.tools[i].name in planned)
            and menu.tools[i].name not in barred
            and self._can_call(i)
        )
        kinds = {arg.kind for _, arg in menu.slots}
        strange = any("unknown" in unit.kinds and "person" in unit.kinds for unit in self.units)
        answered = ("vehicle", "media", *(() if strange else ("person",))) if self._shown else ()
        self._askable = tuple(m for m in MISSING_KINDS if m in kinds and m not in answered)

    # -- what may come next ------------------------------------------------------------------------------------------

    def allowed(self) -> list[Element]:
        """The elements that may come next, never empty until ``step`` is set."""
        options: list[Element] = getattr(self, f"_allow_{self._state}")()
        return options

    def push(self, element: Element) -> None:
        """Write one allowed element. Raises ValueError for any other."""
        if self.step is not None or element not in self.allowed():
            raise ValueError(f"{element} may not come now ({self._state})")
        self.written.append(element)
        getattr(self, f"_push_{self._state}")(element)

    def narrow(self, tool: str) -> None:
        """Let the step call no other tool first. Nothing may have been written yet."""
        self._callable = tuple(i for i in self._callable if self.menu.tools[i].name == tool)

    def lacking(self, tool: str) -> tuple[str, ...]:
        """The kinds of what ``tool`` requires and nothing said or observed can fill."""
        place = self.menu.index(tool)
        slots = () if place is None else self.menu.slots_of(place)
        needed = [(k, self.menu.slots[k][1]) for k in slots]
        return tuple(dict.fromkeys(arg.kind for k, arg in needed if arg.required and not self._fillable(k)))

    @property
    def choosing(self) -> ArgSpec | None:
        """The argument whose value is to be chosen now, if one is."""
        return self.menu.slots[self._slots[0]][1] if self._state == "value" else None

    @property
    def completing(self) -> str:
        """The kind of unit (person, plate, number) that completes an event's form now, if one does."""
        return _EVENT_OF[self._form] if self._state == "about" else ""

    @property
    def planned(self) -> tuple[int, ...]:
        """The tools of the plan as far as it is written, the one called first."""
        return tuple(self._plan)

    def copied(self, kind: str) -> tuple[int, ...]:
        """The units that this step's copies for arguments of ``kind`` begin with."""
        found, slot = [], ""
        for channel, index in self.written:
            if channel == "slot":
                slot = self.menu.slots[index][1].kind
            elif channel == "start" and slot == kind:
                found.append(index)
        return tuple(found)

    def _allow_open(self) -> list[Element]:
        if self.history and self.history[-1].status in ("retry", "refused"):
            return _syms("OBSERVED")
        if self.settled is not None and self.history and (self._callable or not self.settled):
            return _syms("NEED" if self.settled else "OBSERVED")  # code knows whether the condition holds
        options = _syms("OBSERVED") if self.history else _syms("NOTOOL")
        if self._callable:
            options += _syms("NEED")
        if self._askable and not (self.history and self.history[-1].rest is not None):
            options += _syms("MISSING")
        return options

    def _push_open(self, element: Element) -> None:
        name = SYMBOLS[element[1]]
        if name == "OBSERVED":
            self.step = Step("finish", "done")
        else:
            self._state = {"NEED": "plan", "NOTOOL": "reply", "MISSING": "missing"}[name]

    def _allow_reply(self) -> list[Element]:
        return _syms(*(f"reply:{r}" for r in REPLIES))

    def _push_reply(self, element: Element) -> None:
        self.step = Step("finish", SYMBOLS[element[1]].partition(":")[2])

    def _allow_missing(self) -> list[Element]:
        # a canonical order, so that one set of missing things is one sequence
        last = MISSING_KINDS.index(self._missing[-1]) if self._missing else -1
        rest = [m for m in self._askable if MISSING_KINDS.index(m) > last]
        return _syms(*(f"missing:{m}" for m in rest)) + (_syms("END") if self._missing else [])

    def _push_missing(self, element: Element) -> None:
        name = SYMBOLS[element[1]]
        if name == "END":
            self.step = Step("ask", missing=tuple(self._missing))
        else:
            self._missing.append(name.partition(":")[2])

    def _allow_plan(self) -> list[Element]:
        if not self._plan:
            return [("cand", i) for i in self._callable]
        tools: list[Element] = [("cand", i) for i, t in enumerate(self.menu.tools) if t.name not in self._barred]
        if self._open and self._open[-1] == len(self._plan):
            return tools
        if len(self._plan) >= MAX_PLAN:
            return _syms("PLAN_END")
        return _syms("PLAN_END", *(("IF",) if self.conditions else ())) + tools

    def _push_plan(self, element: Element) -> None:
        if element[0] == "cand":
            self._plan.append(element[1])
        elif SYMBOLS[element[1]] == "IF":
            self._open.append(len(self._plan))
        else:
            self._state = "act"

    def _allow_act(self) -> list[Element]:
        return [("cand", self._plan[0])]

    def _push_act(self, element: Element) -> None:
        self._slots = list(self.menu.slots_of(element[1]))
        self._next_slot()

    def _allow_slot(self) -> list[Element]:
        return [("slot", self._slots[0])]

    def _push_slot(self, element: Element) -> None:
        self._values = []
        self._state = "value"

    def _allow_value(self) -> list[Element]:
        arg = self.menu.slots[self._slots[0]][1]
        if arg.choices:
            options: list[Element] = [("cand", i) for i in self._choices(self._slots[0])]
        else:
            options = [("start", i) for i in self._starts(arg)]
        if self._values:
            more = options if len(self._values) < _limits(arg)[1] else []
            return [*more, ("sym", SYM["ARG_END"])]
        if arg.kind == "text" and 0 < len(self.reading.asked.strip()) <= _limits(arg)[0]:
            options = [*options, ("sym", SYM["WHOLE"])]
        if not arg.required:
            options = [*options, ("sym", SYM["SKIP"])]
        return options

    def _push_value(self, element: Element) -> None:
        channel, index = element
        text = self.menu.slots[self._slots[0]][1].kind in ("text", "scene")
        if channel == "start" and (text or not self.units[index].marked):
            self._start, self._state = index, "end"
        elif channel == "start":
            self._take(self.units[index].value)
        elif channel == "cand":
            value = self.menu.candidates[index].value
            if value in _EVENT_OF:
                self._form, self._state = value, "about"
            else:
                self._take(value)
        elif SYMBOLS[index] == "WHOLE":
            self._take(self.reading.asked.strip())
        else:
            self._close_slot()

    def _allow_about(self) -> list[Element]:
        """What completes an event's form: a person, a plate, a number."""
        return [("start", i) for i in self._about(self._form)]

    def _push_about(self, element: Element) -> None:
        unit = self.units[element[1]]
        number = number_of(unit)
        self._state = "value"
        self._take(self._form + (str(number) if self._form == "crowd>" else unit.value))

    def _about(self, form: str) -> list[int]:
        kind = _EVENT_OF[form]
        fits = []
        for i, unit in enumerate(self.units):
            if kind == "number":
                ok = number_of(unit) is not None
            else:
                ok = kind in unit.kinds and "\n" not in unit.value
                ok |= kind == "person" and unit.virtual and unit.value.startswith("image-")
            if ok and unit.segment <= REQUEST:
                fits.append(i)
        return fits

    def _allow_end(self) -> list[Element]:
        arg = self.menu.slots[self._slots[0]][1]
        return [("end", i) for i in self._ends(arg, self._start)]

    def _push_end(self, element: Element) -> None:
        self._state = "value"
        self._take(self.text[self.units[self._start].start : self.units[element[1]].end])

    def _allow_close(self) -> list[Element]:
        return _syms("END")

    def _push_close(self, element: Element) -> None:
        names = tuple(self.menu.tools[i].name for i in self._plan)
        self.step = Step("act", plan=names, open=tuple(self._open), tool=names[0], args=dict(self._args))

    # -- the parts of a slot -----------------------------------------------------------------------------------------

    def _take(self, value: str) -> None:
        arg = self.menu.slots[self._slots[0]][1]
        self._values.append(trim_time(value) if arg.kind == "time" else value)
        if arg.kind == "cameras":
            return
        self._close_slot()

    def _close_slot(self) -> None:
        arg = self.menu.slots[self._slots.pop(0)][1]
        if self._values:
            self._args[arg.name] = list(self._values) if arg.kind == "cameras" else self._values[0]
        self._next_slot()

    def _next_slot(self) -> None:
        self._state = "slot" if self._slots else "close"

    def _can_call(self, tool: int) -> bool:
        return all(self._fillable(k) for k in self.menu.slots_of(tool) if self.menu.slots[k][1].required)

    def _fillable(self, slot: int) -> bool:
        arg = self.menu.slots[slot][1]
        if arg.choices:
            return bool(self._choices(slot))
        return bool(self._starts(arg)) or (
            arg.kind == "text" and 0 < len(self.reading.asked.strip()) <= _limits(arg)[0]
        )

    def _choices(self, slot: int) -> list[int]:
        """The values that may be chosen: an event's forms that can be completed; else those that were said, if any."""
        every = [
            i
            for i, c in enumerate(self.menu.candidates)
            if c.slot == slot and (c.value not in _EVENT_OF or self._about(c.value))
        ]
        arg = self.menu.slots[slot][1]
        if arg.kind != "choice":
            return every
        said = [i for i in every if self._is_said(self.menu.candidates[i].value)]
        return said if said or not arg.required else every

    def _is_said(self, value: str) -> bool:
        """Whether a choice's word stands in the request or an earlier turn, its plural too, one letter of a
        longer word forgiven."""
        if value not in self._heard:
            words = [u.value.casefold() for u in self.units if u.segment <= REQUEST and not u.virtual]
            joined = {a + b for a, b in itertools.pairwise(words)} | set(words)
            parts = value.casefold().replace("_", " ").split()
            self._heard[value] = all(
                p in joined
                or f"{p}s" in joined
                or (len(p) >= 5 and any(abs(len(w) - len(p)) < 2 and _near(w, p) for w in words))
                for p in parts
            )
        return self._heard[value]

    def _starts(self, arg: ArgSpec) -> list[int]:
        """Units that may open a copy for this slot: marked ones of its kind, and plain words as the alternative."""
        limit, wanted = _limits(arg)[0], _MARKS.get(arg.kind, ())
        own = arg.name if arg.kind == "handle" else arg.description if arg.kind in ("person", "vehicle") else ""
        key = (arg.kind, limit, own)
        if key not in self._openings:
            marked, free = [], []
            for i, unit in enumerate(self.units):
                if len(unit.value) > limit:
                    continue
                observed = unit.segment > REQUEST
                if "handle" in unit.kinds or (unit.virtual and "upload" in unit.kinds):
                    if handle_fits(arg, unit.value):
                        marked.append(i)
                elif observed != (arg.kind == "scene"):
                    # a scene is what was observed; everything else is what was said
                    continue
                elif arg.kind == "scene":
                    if self._scene_end(i) is not None:
                        free.append(i)
                elif any(k in wanted for k in unit.kinds):
                    marked.append(i)
                elif (arg.kind == "text" or not unit.marked) and arg.kind in _FREE and self._opens(arg, i):
                    free.append(i)
            if arg.kind in ("person", "vehicle") and self._shown and not any(self.units[i].virtual for i in marked):
                free = []  # who is meant is in the file, and this tool cannot take that file
            self._openings[key] = marked + free
        return [i for i in self._openings[key] if self.units[i].value not in self._values]

    def _opens(self, arg: ArgSpec, start: int) -> bool:
        """Whether a copy of plain words may begin here."""
        if self.units[start].shape == "punct":
            return False
        return arg.kind not in ("time", "plate") or bool(self._ends(arg, start))

    def _scene_end(self, start: int) -> int | None:
        """The last unit of a scene that may begin at ``start``: one that the observation's data names, where its text
        says any of those."""
        segment = self.units[start].segment
        if segment in self._unseen:
            return None
        return self._scenes[segment].get(start) if segment in self._scenes else scene_end(self.units, start)

    def _ends(self, arg: ArgSpec, start: int) -> list[int]:
        """Units that may close a copy of plain words: none marked between, and one that can be of a plate or a time."""
        if arg.kind == "scene":
            last = self._scene_end(start)
            limit = self.units[start].start + _limits(arg)[0]
            if self.units[start].segment in self._scenes:
                return [] if last is None else [last]
            inside = range(start, start if last is None else last + 1)
            return [i for i in inside if self.units[i].end <= limit]
        if self.units[start].shape == "punct":
            return []
        limit = _limits(arg)[0]
        ends, fits = [], arg.kind not in ("time", "plate")
        longest = MAX_TEXT_UNITS if arg.kind == "text" else MAX_FREE_UNITS
        for i in range(start, min(start + longest, len(self.units))):
            unit = self.units[i]
            if unit.virtual or unit.segment != self.units[start].segment:
                break
            if (unit.marked and arg.kind != "text") or unit.end - self.units[start].start > limit:
                break
            fits = fits or (time_like(unit) if arg.kind == "time" else unit.shape in ("digit", "upper"))
            if fits and unit.shape != "punct":
                ends.append(i)
        return ends

    def _gone_on_with(self) -> set[int]:
        """The segments of scenes with which another call has gone on already, where one is left to go on with."""
        places = [
            {k: v for k, v in call.args.items() if k != "scene"}
            for call in self.history
            if "scene" in call.args and call.status not in _FAILED
        ]
        scenes = {
            REQUEST + n: any(place == call.args for place in places)
            for n, call in enumerate(self.history, 1)
            if call.tool == "scene_recognition" and call.status not in _FAILED
        }
        return {segment for segment, done in scenes.items() if done} if not all(scenes.values()) else set()

    def _written(self, call: Call) -> list[Element]:
        """An earlier call as the elements the model would have written, and what was seen."""
        tool = self.menu.index(call.tool)
        if tool is None:
            return _syms("UNKNOWN", f"seen:{call.status}")
        row: list[Element] = [("cand", tool)]
        for slot in self.menu.slots_of(tool):
            arg = self.menu.slots[slot][1]
            row.append(("slot", slot))
            if arg.name not in call.args:
                row += _syms("SKIP")
                continue
            value = call.args[arg.name]
            for item in value if isinstance(value, list) else [value]:
                form, said = _form_of(arg, str(item))
                choice = next((i for i in self._choices(slot) if self.menu.candidates[i].value == form), None)
                if choice is not None:
                    row.append(("cand", choice))
                if not said:
                    continue
                span = find_span(self.text, self.units, said)
                if span is None:
                    row += _syms("UNKNOWN")
                elif span[0] == span[1] and self.units[span[0]].marked:
                    row.append(("start", span[0]))
                else:
                    row += [("start", span[0]), ("end", span[1])]
            if arg.kind == "cameras":
                row += _syms("ARG_END")
        return [*row, *_syms("END", f"seen:{call.status}")]


@lru_cache(maxsize=256)
def _limits(arg: ArgSpec) -> tuple[int, int]:
    """Longest text and most items that the argument's own schema takes."""
    schema = arg.schema()
    text = schema.get("items", schema)
    return int(text.get("maxLength", 300)), int(schema.get("maxItems", 1))


def _near(a: str, b: str) -> bool:
    """One edit apart (a swap of neighbours counts as one)."""
    return bool(OSA.distance(a, b, score_cutoff=1) <= 1)


def _form_of(arg: ArgSpec, value: str) -> tuple[str, str]:
    """A value as its choice (empty where there is none) and the copied rest: ``face:Ana`` is ``face:`` and ``Ana``."""
    if not arg.choices:
        return "", value
    form = next((c for c in arg.choices if c in _EVENT_OF and value.startswith(c)), value)
    return form, value.removeprefix(form)


def _syms(*names: str) -> list[Element]:
    return [("sym", SYM[n]) for n in names]
