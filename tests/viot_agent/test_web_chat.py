"""One request from the page, step by step; the stop; several pages at once; conversations that are gone on with."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from viot_agent.agent.runner import Agent
from viot_agent.errors import MediaFault, UserFault
from viot_agent.library.store import Library
from viot_agent.llm.fixed import FixedCall
from viot_agent.steps import Claim, Evidence, Observation
from viot_agent.system import Viot
from viot_agent.toolbox import CamerasArg, Toolbox, ToolContext, tool
from viot_agent.web.chat import Chat, Turn
from viot_agent.web.sessions import MOST_FILES, Session, Sessions
from viot_agent.web.views import Views
from viot_agent.weights import Weights

GATES: dict[str, threading.Event] = {}
"""A tool call on a camera named here waits for its event."""


@tool(needs=())
def look(ctx: ToolContext, cameras: CamerasArg) -> Observation:
    """Look at cameras and say what was seen.

    Not for: anything else.

    Args:
        cameras: camera names.
    """
    if cameras[0] in GATES:
        assert GATES[cameras[0]].wait(20)
    who = ctx.request.principal.name
    piece = Evidence(ctx.evidence_id(), cameras[0], 0.0, 1.0, "look", "eye", "1", who=who)
    text = f"{who} asked about {cameras[0]} [{piece.id}]."
    return Observation(ctx.call_id, "look", "ok", text, "found", (Claim(text, (piece.id,)),), (piece,))


class Fixed(Viot):
    """A home whose language model always calls ``look`` on the camera named like the model."""

    def agent(self, llm: str = "mini") -> Agent:
        if llm == "broken":
            raise ZeroDivisionError("no more of it")
        return self._agent(FixedCall(tool="look", args={"cameras": [llm]}), llm, react=True)


@pytest.fixture
def viot(tmp_path: Path) -> Iterator[Viot]:
    home = tmp_path / "home"
    with Fixed(Library.open(home), Weights.from_env(home), Toolbox([look]), home) as opened:
        for name in ("yard", "lobby"):
            opened.library.add_camera(name, f"/footage/{name}.mp4")
        yield opened
    GATES.clear()


@pytest.fixture
def chat(viot: Viot) -> Chat:
    return Chat(viot, Views(viot.home), ("yard", "lobby"))


def picture(path: Path) -> Path:
    data = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


def kinds(turn: Turn) -> list[str]:
    """What stands in the chat: you, running, step, answer."""
    out = []
    for message in turn.messages:
        meta = message.get("metadata")
        if message["role"] == "user":
            out.append("you")
        elif meta:
            out.append("running" if meta["status"] == "pending" else "step")
        else:
            out.append("answer")
    return out


def test_the_order_of_what_appears(chat: Chat) -> None:
    turns = [(kinds(t), t.running) for t in chat.ask(Session("ana"), "who was there?", [], "yard")]
    assert turns[0] == (["you", "running"], True)  # at once, before any model was asked
    assert (["you", "running"], True) in turns[1:]  # the call as it begins
    assert (["you", "step", "running"], True) in turns
    assert turns[-1] == (["you", "step", "answer"], False)


def test_the_answer_comes_with_its_evidence(chat: Chat) -> None:
    *_, last = chat.ask(Session("ana"), "who was there?", [], "yard")
    assert "ana asked about yard" in last.messages[-1]["content"]
    assert last.panel is not None
    assert last.panel.count("data-clip") == 1
    assert last.figures is not None
    assert "data-figure" in last.figures


def test_a_stop_ends_the_run_and_is_recorded(chat: Chat, viot: Viot) -> None:
    GATES["yard"] = threading.Event()
    session = Session("ana")
    turns = chat.ask(session, "who was there?", [], "yard")
    next(turns)
    next(turns)  # the call has begun
    assert session.stop()
    GATES["yard"].set()
    *_, last = turns
    assert 'data-status="stopped"' in last.messages[-1]["content"]
    [stored] = viot.library.runs(owner="ana")
    assert stored.status == "stopped"
    assert not session.stop()  # nothing runs any more


def test_a_stop_before_the_run_listens_is_heard(viot: Viot) -> None:
    """Pressed while the request is still being read: who waits in line leaves it at once."""
    chat = Chat(viot, Views(viot.home), ("yard", "lobby"), here_at_once=1)
    GATES["yard"] = threading.Event()
    busy = chat.ask(Session("ana"), "who?", [], "yard")
    next(busy)
    next(busy)  # the only thread is taken
    session = Session("ben")
    turns = chat.ask(session, "who?", [], "lobby")
    next(turns)  # read, and not in line yet
    assert session.stop()
    *_, left = turns  # though nothing has been finished
    assert 'data-status="stopped"' in left.messages[-1]["content"]
    assert viot.library.runs(owner="ben") == []
    GATES["yard"].set()
    assert list(busy)


def test_who_listens_late_hears_of_the_own_run_only() -> None:
    session, heard = Session("ana"), []
    first = session.begin()
    session.restart()
    session.begin()
    session.listen(first, lambda: heard.append("first"))
    assert heard == ["first"]  # it was stopped by the new conversation
    assert session.on_stop is None  # and the next run has its own listener


def test_a_stop_is_said_to_have_been_heard(chat: Chat) -> None:
    GATES["yard"] = threading.Event()
    session = Session("ana")
    turns = chat.ask(session, "who was there?", [], "yard")
    next(turns)
    next(turns)  # the call has begun, and cannot be interrupted
    assert (session.stop(), session.stopping) == (True, True)
    heard = next(turns)
    assert kinds(heard) == ["you", "running", "running"]
    assert heard.messages[-1]["metadata"]["title"].startswith("Stopping: after what is being done now")
    GATES["yard"].set()
    after = next(turns)
    assert kinds(after) == ["you", "step"]  # no further step is promised
    *_, last = turns
    assert kinds(last) == ["you", "step", "answer"]
    assert not session.stopping


def test_who_waits_sees_their_number_and_can_leave(viot: Viot) -> None:
    chat = Chat(viot, Views(viot.home), ("yard", "lobby"), here_at_once=1)
    GATES["yard"] = threading.Event()
    sessions = [Session(name) for name in ("ana", "ben", "cleo")]
    asked = zip(sessions, ("yard", "lobby", "lobby"), strict=True)
    first, second, third = (chat.ask(session, "who?", [], llm) for session, llm in asked)
    next(first)
    next(first)  # the call has begun
    assert [next(second).messages[-1]["metadata"]["title"] for _ in range(2)] == [
        "Reading your request",  # at once
        "Waiting: number 1 in line",
    ]
    next(third)
    assert next(third).messages[-1]["metadata"]["title"] == "Waiting: number 2 in line"
    assert sessions[1].stop()
    *_, left = second  # at once, though nothing has been finished
    assert kinds(left) == ["you", "answer"]
    assert 'data-status="stopped"' in left.messages[-1]["content"]
    assert next(third).messages[-1]["metadata"]["title"] == "Waiting: number 1 in line"
    GATES["yard"].set()
    *_, hers = first
    *_, cleos = third
    assert "ana asked about yard" in hers.messages[-1]["content"]
    assert "cleo asked about lobby" in cleos.messages[-1]["content"]
    assert viot.library.runs(owner="ben") == []
    *_, again = chat.ask(sessions[1], "who?", [], "lobby")
    assert "ben asked about lobby" in again.messages[-1]["content"]


def test_a_page_that_is_closed_stops_its_run(chat: Chat, viot: Viot) -> None:
    GATES["yard"] = threading.Event()
    session = Session("ana")
    turns = chat.ask(session, "who was there?", [], "yard")
    next(turns)
    cancel = session.cancel
    assert cancel is not None
    turns.close()  # type: ignore[attr-defined]  # Gradio closes the generator when the page goes
    assert cancel.is_set()
    GATES["yard"].set()


def test_a_new_conversation_hears_nothing_of_the_run_it_left(chat: Chat, viot: Viot) -> None:
    GATES["yard"] = threading.Event()
    session = Session("ana")
    left = chat.ask(session, "who was there?", [], "yard")
    next(left)
    next(left)  # the call has begun
    session.restart()
    *_, fresh = chat.ask(session, "and in the lobby?", [], "lobby")  # at once
    GATES["yard"].set()
    assert list(left) == []
    assert kinds(fresh) == ["you", "step", "answer"]
    assert session.messages == list(fresh.messages)
    assert sorted((r.request, r.status) for r in viot.library.runs(owner="ana", conversation=session.conversation)) == [
        ("and in the lobby?", "answered")
    ]


def test_a_defect_is_said_and_the_page_goes_on(viot: Viot, caplog: pytest.LogCaptureFixture) -> None:
    chat = Chat(viot, Views(viot.home), ("yard", "broken"))
    session = Session("ana")
    *_, last = chat.ask(session, "who was there?", [], "broken")
    assert kinds(last) == ["you", "answer"]  # nothing is left turning
    assert "Something in the program broke" in last.messages[-1]["content"]
    assert "no more of it" in caplog.text
    assert "no more of it" not in last.messages[-1]["content"]
    assert not last.running
    *_, next_one = chat.ask(session, "who was there?", [], "yard")
    assert kinds(next_one)[-3:] == ["you", "step", "answer"]


def test_a_file_that_is_gone_is_named_without_its_folder(chat: Chat, tmp_path: Path) -> None:
    session = Session("ana")
    file = picture(tmp_path / "me.png")
    list(chat.ask(session, "who is this?", [file], "yard"))
    file.unlink()
    *_, last = chat.ask(session, "and now?", [], "yard")
    assert "me.png is not kept any longer" in last.messages[-1]["content"]
    assert str(tmp_path) not in last.messages[-1]["content"]


def test_one_page_asks_one_thing_at_a_time_and_the_next_at_once_after(chat: Chat) -> None:
    GATES["yard"] = threading.Event()
    session = Session("ana")
    first = chat.ask(session, "one", [], "yard")
    next(first)
    [refused] = chat.ask(session, "two", [], "yard")
    assert "still running" in refused.messages[-1]["content"]
    GATES["yard"].set()
    for turn in first:
        if not turn.running:  # the answer is there, the generator is not at its end yet
            assert [t.running for t in chat.ask(session, "three", [], "lobby")][-1] is False


def test_two_pages_at_once_do_not_mix(chat: Chat, viot: Viot) -> None:
    GATES["yard"] = threading.Event()
    ana, ben = Session("ana"), Session("ben")
    slow = chat.ask(ana, "hers", [], "yard")
    next(slow)
    *_, his = chat.ask(ben, "his", [], "lobby")  # while hers is still running
    GATES["yard"].set()
    *_, hers = slow
    assert "ben asked about lobby" in his.messages[-1]["content"]
    assert "ana asked about yard" in hers.messages[-1]["content"]
    assert [r.request for r in viot.library.runs(owner="ana")] == ["hers"]
    assert [r.request for r in viot.library.runs(owner="ben")] == ["his"]


@pytest.mark.parametrize(("text", "llm", "words"), [("  ", "yard", "empty"), ("hello", "gpt-99", "not offered")])
def test_what_cannot_be_asked_is_said(chat: Chat, text: str, llm: str, words: str) -> None:
    session = Session("ana")
    *_, last = chat.ask(session, text, [], llm)
    assert words in last.messages[-1]["content"]
    assert 'data-status="fault"' in last.messages[-1]["content"]
    assert not last.running
    assert session.cancel is None


def test_attached_files_are_numbered_through_the_conversation(chat: Chat, viot: Viot, tmp_path: Path) -> None:
    session = Session("ana")
    *_, first = chat.ask(session, "who is this?", [picture(tmp_path / "a.png")], "yard")
    *_, second = chat.ask(session, "and this?", [picture(tmp_path / "b.png")], "yard")
    said = [m["content"] for m in second.messages if m["role"] == "user" and isinstance(m["content"], dict)]
    assert [s["alt_text"] for s in said] == ["image-1", "image-2"]
    asked = viot.library.runs(owner="ana")[0].record["request"]["attachments"]
    assert [a["handle"] for a in asked] == ["image-1", "image-2"]
    assert first.running is False


def test_an_odd_file_is_refused_by_the_persons_own_name_of_it(chat: Chat, tmp_path: Path) -> None:
    odd = tmp_path / "holiday.jpg"
    odd.write_text("no picture")
    session = Session("ana")
    *_, last = chat.ask(session, "who is this?", [odd], "yard")
    assert "holiday.jpg is not a picture" in last.messages[-1]["content"]
    assert str(tmp_path) not in last.messages[-1]["content"]
    assert session.files == []


def test_a_conversation_takes_so_many_files(tmp_path: Path) -> None:
    session = Session("ana")
    session.attach([picture(tmp_path / f"{n}.png") for n in range(MOST_FILES)])
    with pytest.raises(UserFault, match="files at most"):
        session.attach([picture(tmp_path / "more.png")])
    with pytest.raises(MediaFault):
        Session("ana").attach([tmp_path / "absent.png"])


def test_a_link_reopens_ones_own_conversation_and_no_other(chat: Chat) -> None:
    session = Session("ana")
    *_, shown = chat.ask(session, "who was there?", [], "yard")
    again = Session("ana")
    turn = chat.reopen(again, session.conversation)
    assert turn is not None
    assert kinds(turn) == ["you", "step", "answer"]
    assert turn.messages[-1] == shown.messages[-1]
    assert turn.panel == shown.panel
    *_, longer = chat.ask(again, "and now?", [], "yard")  # it goes on
    assert kinds(longer) == ["you", "step", "answer"] * 2
    assert chat.reopen(Session("ben"), session.conversation) is None
    assert chat.reopen(again, "c-nothing") is None


def test_a_new_conversation_forgets_files_and_words(tmp_path: Path) -> None:
    session = Session("ana")
    session.attach([picture(tmp_path / "a.png")])
    session.messages.append({"role": "user", "content": "x"})
    before = session.conversation
    session.restart()
    assert (session.files, session.messages) == ([], [])
    assert session.conversation != before


class Page:
    """A Gradio request of a page."""

    def __init__(self, key: str | None, user: str) -> None:
        self.session_hash, self.headers = key, {"x-viot-user": user} if user else {}


def test_pages_have_sessions_of_their_own() -> None:
    pages = Sessions()
    one, two = pages.of(Page("k1", "ana")), pages.of(Page("k2", "ana"))
    assert one is pages.of(Page("k1", "ana"))
    assert one is not two
    assert one.conversation != two.conversation
    for wrong in (Page("k1", "ben"), Page(None, "ana"), Page("k3", "")):
        with pytest.raises(UserFault):
            pages.of(wrong)
    token = one.begin()
    pages.close(Page("k1", "ben"))  # whoever knows the key of somebody else's page
    assert not token.is_set()
    assert pages.of(Page("k1", "ana")) is one
    pages.close(Page("k1", "ana"))
    assert token.is_set()
    assert pages.of(Page("k1", "ana")) is not one
    pages.close(Page("k9", "ana"))  # a page that never asked


def test_many_pages_ask_at_once(chat: Chat, viot: Viot) -> None:
    """Twelve at once, each with its own answer: the library and the agents are shared between threads."""
    answers: dict[str, str] = {}
    start = threading.Barrier(12)

    def one(user: str) -> None:
        start.wait(20)
        *_, last = chat.ask(Session(user), "who?", [], "yard")
        answers[user] = last.messages[-1]["content"]

    threads = [threading.Thread(target=one, args=(f"user{n:02}",)) for n in range(12)]
    run_all(threads)
    assert len(answers) == 12
    for user, text in answers.items():
        assert f"{user} asked about yard" in text
    assert len(viot.library.runs(owner=None)) == 12


def run_all(threads: list[threading.Thread], join: Callable[[threading.Thread], Any] = lambda t: t.join(60)) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)


def test_examples_are_made_of_what_is_there(chat: Chat, viot: Viot) -> None:
    assert chat.examples() == []  # nothing is indexed: nothing can be asked
    (viot.home / "demo-requests.json").write_text('["When was Eileen Collins in the lobby?"]')
    assert chat.examples() == []
