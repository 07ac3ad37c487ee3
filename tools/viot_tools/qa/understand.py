"""A question to a program: by the rules, else by the learned parser; and which of the two read it.

The rules go first: they leave no word out. Where the learned parser surely reads another form in the sentence, its
reading is taken, unless the rules read a condition that it left out. What they cannot read for good (another
language, a camera that nobody has) nobody else reads. Owns this order. Knows no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from viot_agent.fleet.types import Camera
from viot_tools.qa.kinds import beyond
from viot_tools.qa.learned.reader import Read, Reader
from viot_tools.qa.parse import parse
from viot_tools.qa.program import Has, Program, Unparsed
from viot_tools.qa.types import QuestionType

Parser = Literal["", "rules", "learned"]
SURER: Final = 0.75
"""From this confidence on the learned parser's reading goes before another one of the rules, and is taken where a word
of the question is one for what no footage shows (it may be of the story around it). Chosen with a network that had not
read phrasings_dev_d: of 14 sentences there that both read differently, it was then right in 13 and the rules in 1."""
SURELY_UNTOLD: Final = 0.95
"""From this confidence on *no footage answers that* does."""
RELIED: Final = 0.95
"""From this confidence on an engine may vouch for an answer to what the learned parser read: of eight such questions on
real clips that engine (a) vouched for, five were answered wrongly, four of them below."""
_UNTOLD: Final[dict[str, tuple[QuestionType, str]]] = {
    "why": ("why", "footage shows what happened, not why: a cause needs a model that understands the scene"),
    "thoughts": ("how", "footage shows what people do, not what they think or feel"),
    "predict": ("predictive", "what comes after the footage cannot be told from what is indexed"),
    "hidden": ("what", "what is said, hidden or not to be seen in footage cannot be told"),
}


@dataclass(frozen=True, slots=True)
class Understood:
    """``parser``: who read it, "" where nobody did; ``sure``: 0 to 1, of the learned parser."""

    parsed: Program | Unparsed
    parser: Parser = ""
    sure: float = 0.0

    @property
    def relied(self) -> bool:
        """Whether the reading is sure enough to vouch for an answer to it."""
        return self.parser != "learned" or self.sure >= RELIED

    @property
    def note(self) -> str:
        """What is said of it beside the answer; "" where the rules read it."""
        if self.parser != "learned" or not isinstance(self.parsed, Program):
            return ""
        return f"the question was read by the learned parser, not by the rules (confidence {self.sure:.2f})"


def understand(
    question: str,
    *,
    cameras: Sequence[Camera] = (),
    people: Sequence[str] = (),
    options: Sequence[str] = (),
    reader: Reader | None = None,
) -> Understood:
    """The program of ``question`` with its parser. ``reader`` None = rules alone. Raises WeightsMissing where the
    reader's encoder is not installed."""
    parsed = parse(question, cameras=cameras, people=people, options=options)
    if reader is None or (isinstance(parsed, Unparsed) and parsed.final):
        return Understood(parsed, "rules" if isinstance(parsed, Program) else "")
    read = reader.read(question, cameras, people, options)
    if isinstance(parsed, Program):
        return _of_two(parsed, read)
    if read.program is not None and (read.sure >= SURER or not beyond(question)):
        return Understood(read.program, "learned", read.sure)
    return Understood(_unread(parsed, read), "learned" if read.form in _UNTOLD else "", read.sure)


def _of_two(ruled: Program, read: Read) -> Understood:
    """Whose reading is taken, where the rules have one."""
    if read.program is None:
        sure = read.form in _UNTOLD and read.sure >= SURELY_UNTOLD
        return Understood(Unparsed(*_UNTOLD[read.form]), "learned", read.sure) if sure else Understood(ruled, "rules")
    if read.sure < SURER or alike(ruled, read.program) or _left_out(ruled, read.program):
        return Understood(ruled, "rules")
    return Understood(read.program, "learned", read.sure)


def alike(one: Program, other: Program) -> bool:
    """Whether two programs ask the same: of what is compared or raced either may stand first; *while it is there* and
    *at the same time* are one."""
    a, b = _plain(one), _plain(other)
    turned = replace(a, picks=a.picks[::-1], options=a.options[::-1])
    return b == a or (a.ask in ("order", "compare") and b == turned)


def _plain(program: Program) -> Program:
    picks = []
    for pick in program.picks:
        when = tuple(replace(r, how="together") if r.how == "during" else r for r in pick.when)
        named = tuple(h for h in pick.attributes if h != Has("name", ()))
        picks.append(replace(pick, when=when, attributes=named))
    return replace(program, picks=tuple(picks))


def _left_out(ruled: Program, read: Program) -> bool:
    """Whether the rules read a condition that the other program has not."""

    def conditions(program: Program) -> set[str]:
        found = {"value"} if program.value else set()
        found |= {"fewest"} if program.fewest else set()
        found |= {"edge"} if program.edge == "end" or program.by == "start" else set()
        for pick in program.picks:
            found |= {"doing"} if pick.doing else set()
            found |= {"place"} if pick.place or pick.side else set()
            found |= {"known by"} if pick.known_by else set()
            found |= {"heads"} if pick.heads is not None else set()
            found |= {"stay"} if pick.stay != (None, None) else set()
            found |= {"motion"} if pick.motion and program.ask == "count" else set()
            found |= {"relation"} if pick.when else set()
            found |= {"moment"} if any(r.within is not None or r.clock for r in pick.when) else set()
            found |= {"which"} if pick.which != "all" or pick.number is not None else set()
        return found

    return bool(conditions(ruled) - conditions(read))


def _unread(parsed: Unparsed, read: Read) -> Unparsed:
    if read.form not in _UNTOLD:
        return parsed
    kind, reason = _UNTOLD[read.form]
    return Unparsed(kind, reason, parsed.options)
