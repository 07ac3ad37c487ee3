"""Where a question stands in the taxonomy of ``types``: by what it parses to, else by its words (``kinds``).

A yes-no question has the type of what it asks about. Owns nothing but this order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from viot_agent.fleet.types import Camera
from viot_tools.qa.kinds import by_words
from viot_tools.qa.parse import parse
from viot_tools.qa.program import Program, Unparsed
from viot_tools.qa.types import Kind


def classify(
    question: str, options: Sequence[str] = (), *, cameras: Sequence[Camera] = (), people: Sequence[str] = ()
) -> Kind:
    """The kind of a question. Any text has one: what is no question is *what*. ``cameras`` and ``people`` are those of
    the fleet, so that their names are not taken for words."""
    return kind_of(question, options, parse(question, cameras=cameras, people=people, options=options))


def kind_of(question: str, options: Sequence[str], parsed: Program | Unparsed) -> Kind:
    """The kind of a question that was read, by whichever parser."""
    return replace(by_words(question, options), type=parsed.type)
