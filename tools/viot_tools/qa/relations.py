"""One thing beside another in time: before, after, during, together, as three-valued relations of intervals.

Coarser than Allen's thirteen (Allen, "Maintaining knowledge about temporal intervals", CACM 26(11), 1983), because
people are: ``before`` and ``after`` compare the moment at which something begins with a moment of the anchor, its start
or its end (Allen's before, meets, overlaps ... are all "came before"); ``during`` and ``together`` hold where two
intervals share some time (all but before, meets and their converses). Two moments closer than the step of sampling are
at about the same time: there the relation cannot be told.

Owns the relations. Does not know how an anchor was picked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from viot_tools.qa.ground import Span, Tri, every, other, some
from viot_tools.qa.program import Relation


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a relation points at: a stretch of time, ``sure`` to be what is meant, of the thing ``id`` ('' for a time of
    day)."""

    span: Span
    sure: bool = True
    id: str = ""


def later(a: float, b: float, step: float) -> Tri:
    """Whether ``a`` is later than ``b``; None within a step."""
    if abs(a - b) < step - 1e-6:
        return None
    return a > b


def overlap(a: Span, b: Span, step: float) -> Tri:
    """Whether two intervals share time; None where they only may, within a step of each other's border.

    An interval of no length shares time with one that it lies in.
    """
    return every((other(later(a[0], b[1], step)), other(later(b[0], a[1], step))))


def moment(relation: Relation, anchor: Anchor) -> float:
    """The moment of the anchor that is meant."""
    return anchor.span[1] if relation.edge == "end" else anchor.span[0]


def holds(relation: Relation, span: Span, anchor: Anchor, step: float) -> Tri:
    """Whether a thing's stretch stands so beside one anchor."""
    if relation.how in ("during", "together"):
        return overlap(span, anchor.span, step)
    at = moment(relation, anchor)
    if relation.how == "after":
        near = None if relation.within is None else other(later(span[0], at + relation.within, step))
        ordered = later(span[1] if relation.present else span[0], at, step)
    else:
        near = None if relation.within is None else other(later(at - relation.within, span[1], step))
        ordered = later(at, span[0], step)
    return ordered if relation.within is None else every((ordered, near))


def beside(relation: Relation, span: Span, thing: str, anchors: Sequence[Anchor], step: float) -> Tri:
    """Whether a stretch of ``thing`` stands so beside the anchors.

    ``during`` any of them is enough. ``before`` and ``after`` several of them is told where it holds of all or of none:
    which one is meant is not known. Nothing stands beside itself.
    """
    mine = [a for a in anchors if not (a.id and a.id == thing)]
    if not mine:
        return False
    sure = [holds(relation, span, a, step) for a in mine if a.sure]
    if relation.how in ("during", "together"):
        maybe = [None if holds(relation, span, a, step) is not False else False for a in mine if not a.sure]
        return some([*sure, *maybe])
    if not sure:
        return False if all(holds(relation, span, a, step) is False for a in mine) else None
    first = sure[0]
    return first if all(value is first for value in sure) else None
