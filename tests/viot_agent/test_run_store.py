"""Conversations in the library: by owner, searched, reopened; and what a stored run keeps for a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from viot_agent.errors import BackendFault, LibraryFault, UserFault
from viot_agent.library.run_store import restored
from viot_agent.library.store import Library
from viot_agent.steps import Answer, Evidence, Observation, Principal, Request, Run, Step, Thought, ToolCall


@pytest.fixture
def library(place: Any, tmp_path: Path) -> Iterator[Library]:
    with place.open(tmp_path) as opened:
        yield opened


def save(library: Library, id: str, owner: str, conversation: str, text: str, answer: str, at: float) -> None:
    request = Request(text, now=at, principal=Principal(owner), conversation=conversation)
    library.save_run(Run(id, request, (), Answer(answer, "answered"), "mini", 0.1))


@pytest.fixture
def talks(library: Library) -> Library:
    save(library, "run-1", "ana", "a", "Who was at the gate?", "Eileen Collins [e1].", 10.0)
    save(library, "run-2", "ana", "b", "How many in the yard?", "3 people, 100% sure: JÜRGEN, Straße 5.", 20.0)
    save(library, "run-3", "ana", "a", "And yesterday?", "Nobody.", 30.0)
    save(library, "run-4", "ben", "a", "Secret of Ben", "Zebra.", 40.0)
    save(library, "run-5", "ana", "", "no conversation", "Zebra.", 50.0)
    return library


def test_conversations_are_ones_own_and_the_last_spoken_in_comes_first(talks: Library) -> None:
    found = talks.conversations("ana")
    assert [(c.id, c.title, c.turns, c.first, c.last) for c in found] == [
        ("a", "Who was at the gate?", 2, 10.0, 30.0),
        ("b", "How many in the yard?", 1, 20.0, 20.0),
    ]
    assert [(c.id, c.title) for c in talks.conversations("ben")] == [("a", "Secret of Ben")]
    assert talks.conversations("nobody") == []
    assert [c.id for c in talks.conversations("ana", limit=1)] == ["a"]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("collins", ["a"]),
        ("COLLINS gate", ["a"]),
        ("collins yesterday", []),  # two turns
        ("people", ["b"]),
        ("100%", ["b"]),
        ("1%0", []),  # a percent sign is one, not any text
        ("STRASSE jürgen", ["b"]),  # whatever the case, beyond ASCII too
        ("zebra", []),  # somebody else's, and one without a conversation
        ("", ["a", "b"]),
    ],
)
def test_search(talks: Library, words: str, ids: list[str]) -> None:
    assert [c.id for c in talks.conversations("ana", search=words)] == ids


def test_one_run_by_its_id(talks: Library) -> None:
    found = talks.run("run-4")
    assert found is not None
    assert (found.owner, found.request) == ("ben", "Secret of Ben")
    assert talks.run("run-9") is None


def test_a_record_keeps_what_a_page_shows_again(library: Library) -> None:
    piece = Evidence(
        "e1", "yard", 0.0, 5.0, "count", "eye", "1", at=2.0, xyxy=(1.0, 2.0, 3.0, 4.0), label="3 people", beside=("7",)
    )
    seen = Observation("c1", "count", "ok", "3.", evidence=(piece,), data={"curve": {"yard": [[0.0, 1], [1.0, 3]]}})
    step = Step(Thought("I count."), ToolCall("c1", "count", {}), seen)
    library.save_run(Run("run-1", Request("how many?"), (step,), Answer("3.", "answered"), "mini", 0.1))
    stored = library.run("run-1")
    assert stored is not None
    assert stored.record["shown"]["e1"] == {
        "at": 2.0,
        "xyxy": [1.0, 2.0, 3.0, 4.0],
        "label": "3 people",
        "beside": ["7"],
    }
    assert stored.record["curves"] == {"yard": [[0.0, 1.0], [1.0, 3.0]]}


@pytest.mark.parametrize(
    "record",
    ["{not json", "null", "[]", "{}", '{"answer": 5, "status": "answered", "llm": "mini"}',
     '{"answer": "x", "status": "strange", "llm": "mini"}'],
)  # fmt: skip
def test_a_damaged_record_is_said_to_be_one(talks: Library, record: str) -> None:
    change = text("update runs set record = :record where run = 'run-3'")
    if talks.db.server:  # which takes JSON only
        if record.startswith("{not"):
            with (
                pytest.raises(BackendFault, match="invalid input syntax for type json"),
                talks.db.write() as connection,
            ):
                connection.execute(change, {"record": record})
            return
        change = text("update runs set record = cast(:record as json) where run = 'run-3'")
    with talks.db.write() as connection:
        connection.execute(change, {"record": record})
    with pytest.raises(LibraryFault, match="damaged"):
        for row in talks.runs(owner="ana", conversation="a"):
            restored(row)
    assert [restored(r).answer.text for r in talks.runs(owner="ben")] == ["Zebra."]


def test_what_is_no_text_is_not_stored(talks: Library) -> None:
    with pytest.raises(UserFault, match="no UTF-8"):
        talks.runs(conversation="a\udcff")
