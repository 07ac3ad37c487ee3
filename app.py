"""The door: a Gradio chat over one VIOT_HOME. Composition only; everything it does is ``viot_agent.system``'s.

Run ``python app.py [--host H] [--port P] [--llm SPEC]``. It serves on loopback, for one person; nothing is fetched from
outside. What it does not do yet (fleet panel, timelines, several users) is the next chapter's.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from viot_agent.errors import ViotError
from viot_agent.steps import Step
from viot_agent.system import Viot

TITLES = {
    "answered": "Answer",
    "cannot_tell": "Cannot tell",
    "needs_input": "A question back",
    "refused": "Refused",
    "incomplete": "Incomplete",
}


def bubble(step: Step) -> gr.ChatMessage:
    """One step of the agent as a collapsible message."""
    args = json.dumps(dict(step.call.args), ensure_ascii=False)
    words = step.observation.summary if step.observation else ""
    return gr.ChatMessage(
        role="assistant",
        content=f"{step.thought.text}\n\n`{step.call.tool}` `{args}`\n\n{words}",
        metadata={"title": f"{step.call.tool}"},
    )


class Chat:
    """Answers chat messages; one request at a time, because the library has one writer."""

    def __init__(self, viot: Viot, llm: str) -> None:
        self.viot, self.llm, self._turn = viot, llm, threading.Lock()

    def reply(self, message: dict[str, Any], history: list[Any]) -> Iterator[list[Any]]:
        """The bubbles of one answer: steps, then the answer with its evidence files."""
        text = str(message.get("text") or "")
        files = [Path(f if isinstance(f, str) else f["path"]) for f in message.get("files") or ()]
        steps: list[Step] = []
        try:
            with self._turn:
                run = self.viot.ask(text, attach=files, llm=self.llm, on_step=steps.append)
        except ViotError as error:
            yield [gr.ChatMessage(role="assistant", content=f"**{error}**")]
            return
        bubbles: list[Any] = [bubble(s) for s in steps]
        yield bubbles
        bubbles.append(gr.ChatMessage(role="assistant", content=f"**{TITLES[run.answer.status]}.** {run.answer.text}"))
        for piece in run.evidence:
            if piece.clip:
                bubbles.append(gr.ChatMessage(role="assistant", content=gr.Video(piece.clip, label=piece.id)))
            elif piece.crop:
                bubbles.append(gr.ChatMessage(role="assistant", content=gr.Image(piece.crop, label=piece.id)))
        yield bubbles


def build(viot: Viot, llm: str = "mini") -> gr.Blocks:
    """The page."""
    cameras = [c.name for c in viot.library.cameras()]
    examples = ["Which cameras are there?"] + [f"Who appears on {name}?" for name in cameras[:2]]
    return gr.ChatInterface(
        Chat(viot, llm).reply,
        multimodal=True,
        title="VIoT Agent",
        description="Ask your cameras in plain language." if cameras else "No camera yet: viot camera add NAME SOURCE.",
        examples=[{"text": e} for e in examples],
        api_name="ask",
    )


def main() -> None:
    """Parse options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--llm", default="mini")
    options = parser.parse_args()
    with Viot.open() as viot:
        page = build(viot, options.llm)
        print(f"VIoT Agent: http://{options.host}:{options.port} (Ctrl-C ends it)")
        allowed = [str(viot.home / "evidence"), str(viot.home / "exports")]
        page.launch(server_name=options.host, server_port=options.port, allowed_paths=allowed, quiet=True)


if __name__ == "__main__":
    main()
