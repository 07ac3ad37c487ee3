"""Relations of intervals, against the plain reading of each: three-valued, with ties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viot_tools.qa.ground import Tri, every, other, some
from viot_tools.qa.program import Relation
from viot_tools.qa.relations import Anchor, beside, holds, later, overlap

STEP = 0.2
times = st.integers(0, 40).map(lambda n: n * STEP / 2)
spans = st.tuples(times, times).map(lambda t: (min(t), max(t)))
tris = st.sampled_from([True, False, None])


@given(st.lists(tris, max_size=5))
def test_kleene(values: list[Tri]) -> None:
    """A three-valued truth stands for every completion of its unknowns."""
    completions = [[]]
    for value in values:
        completions = [[*c, v] for c in completions for v in ([True, False] if value is None else [value])]
    for folded, whole in ((every(values), all), (some(values), any)):
        said = {whole(c) for c in completions}
        assert folded is (said.pop() if len(said) == 1 else None)
    assert [other(v) for v in (True, False, None)] == [False, True, None]


def brute(how: str, span: tuple[float, float], at: tuple[float, float], edge: str) -> set[bool]:
    """What holds when every moment is off by less than half a step: the readings of a coarse clock."""
    said = set()
    shifts = (-0.49 * STEP, 0.0, 0.49 * STEP)
    for da in shifts:
        for db in shifts:
            for dc in shifts:
                for dd in shifts:
                    a, b, c, d = span[0] + da, span[1] + db, at[0] + dc, at[1] + dd
                    moment = d if edge == "end" else c
                    said.add({"before": a < moment, "after": a > moment, "during": a < d and c < b}[how])
    return said


@given(st.sampled_from(["before", "after", "during"]), spans, spans, st.sampled_from(["start", "end"]))
def test_a_relation_is_told_where_a_coarse_clock_cannot_turn_it(
    how: str, span: tuple[float, float], at: tuple[float, float], edge: str
) -> None:
    relation = Relation(how, edge=edge)  # type: ignore[arg-type]
    told = holds(relation, span, Anchor(at), STEP)
    said = brute(how, span, at, edge)
    if told is None:
        moment = at[1] if edge == "end" else at[0]
        pairs = [(span[0], at[1]), (at[0], span[1])] if how == "during" else [(span[0], moment)]
        assert any(abs(a - b) < STEP for a, b in pairs)
    elif span[0] < span[1] and at[0] < at[1]:
        assert said == {told}


@given(spans, spans)
def test_overlap_is_symmetric_and_later_is_not(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert overlap(a, b, STEP) is overlap(b, a, STEP)
    assert later(a[0], b[0], STEP) is other(later(b[0], a[0], STEP))


@pytest.mark.parametrize(
    ("relation", "span", "told"),
    [
        (Relation("after", edge="end"), (31.0, 40.0), True),
        (Relation("after", edge="end"), (25.0, 40.0), False),  # came while the van was there
        (Relation("after"), (25.0, 40.0), True),
        (Relation("after", edge="end"), (30.1, 40.0), None),  # as it left
        (Relation("after", edge="end", within=5), (36.0, 40.0), False),
        (Relation("after", edge="end", within=5), (34.0, 40.0), True),
        (Relation("before"), (5.0, 50.0), True),  # was there before and stayed
        (Relation("before"), (21.0, 50.0), False),
        (Relation("before", within=5), (5.0, 10.0), False),
        (Relation("before", within=5), (5.0, 16.0), True),
        (Relation("during"), (5.0, 10.0), False),
        (Relation("during"), (5.0, 25.0), True),
        (Relation("during"), (25.0, 25.0), True),  # a coming
        (Relation("together"), (30.1, 40.0), None),
    ],
)
def test_beside_a_van_that_is_there_from_20_to_30(relation: Relation, span: tuple[float, float], told: Tri) -> None:
    assert beside(relation, span, "p", [Anchor((20.0, 30.0), id="v")], STEP) is told


def test_of_several_anchors_all_must_agree_but_for_during() -> None:
    two = [Anchor((10.0, 12.0), id="a"), Anchor((50.0, 52.0), id="b")]
    assert beside(Relation("after"), (60.0, 61.0), "p", two, STEP) is True
    assert beside(Relation("after"), (30.0, 31.0), "p", two, STEP) is None
    assert beside(Relation("after"), (5.0, 6.0), "p", two, STEP) is False
    assert beside(Relation("during"), (51.0, 60.0), "p", two, STEP) is True


def test_nothing_stands_beside_itself_and_an_unsure_anchor_makes_no_yes() -> None:
    assert beside(Relation("together"), (10.0, 12.0), "a", [Anchor((10.0, 12.0), id="a")], STEP) is False
    unsure = [Anchor((10.0, 12.0), sure=False, id="a")]
    assert beside(Relation("after"), (30.0, 31.0), "p", unsure, STEP) is None
    assert beside(Relation("after"), (5.0, 6.0), "p", unsure, STEP) is False
    assert beside(Relation("during"), (11.0, 31.0), "p", unsure, STEP) is None
