"""Where each component of the page stands: six tabs, the chat first.

Owns labels, order and size of components. Wires nothing: what an event does is ``page``'s.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from viot_agent.system import Viot
from viot_agent.web import cards, studio
from viot_agent.web.look import HEADER
from viot_agent.web.models import model_choices, model_words
from viot_agent.web.options import Options

EXAMPLES = 4
_FILES = ["image", "video"]
_HELLO = (
    "<strong>Ask about your cameras.</strong> Who was there, when, how many, which plates: in your own words. "
    "Attach a picture or a short video to ask about somebody or something you have a picture of."
)


class Layout:
    """The components, made inside an open ``gr.Blocks``."""

    def __init__(self, viot: Viot, options: Options) -> None:
        self.viot, self.options = viot, options
        _html(HEADER)
        self.timer = gr.Timer(1.0, active=False)
        self.studio: tuple[Any, ...] = ()
        with gr.Tabs():
            with gr.Tab("Chat", id="chat"):
                self._chat_tab()
            with gr.Tab("Fleet", id="fleet") as self.fleet_page:
                self._fleet_tab()
            with gr.Tab("People", id="people"):
                self._people_tab()
            with gr.Tab("History", id="history") as self.history_page:
                self._history_tab()
            with gr.Tab("Privacy studio", id="studio"):
                self._studio_tab()
            with gr.Tab("Benchmarks", id="benchmarks") as self.benches_page:
                self.measured = _html()

    def _chat_tab(self) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                self.log = gr.Chatbot(
                    label="Conversation",
                    show_label=False,
                    elem_id="viot-chat",
                    height=440,
                    placeholder=_HELLO,
                    # its sanitiser strips what our buttons carry; ``bubbles`` escapes all that it did not write itself
                    sanitize_html=False,
                    latex_delimiters=[],
                    feedback_options=None,
                    buttons=[],
                    layout="bubble",
                    allow_file_downloads=False,
                    group_consecutive_messages=True,
                )
                _html('<p id="viot-sent" class="viot-quiet" role="status"></p>')
                self.demo_row = gr.Column(visible=False, elem_id="viot-welcome")
                with self.demo_row:
                    _html(
                        '<p class="viot-quiet">No footage is indexed yet. Add your own on the Fleet page, or try five '
                        "made cameras with people and cars: about a minute, no network.</p>"
                    )
                    self.demo = gr.Button("Make the demo fleet", variant="primary", elem_id="viot-demo")
                self.chat_job = _html(elem_id="viot-chat-job", visible=False)
                with gr.Row(elem_classes="viot-examples"):
                    self.examples = [
                        gr.Button("", size="sm", visible=False, min_width=150, elem_id=f"viot-example-{n}")
                        for n in range(EXAMPLES)
                    ]
                self.box = gr.MultimodalTextbox(
                    label="Your request",
                    show_label=False,
                    placeholder="Ask the cameras, for example: who was in the lobby this morning?",
                    file_types=_FILES,
                    file_count="multiple",
                    sources=["upload"],
                    elem_id="viot-box",
                    autofocus=True,
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                )
                # asked for where access is set up: without one nobody may look for somebody
                self.purpose = gr.Textbox(
                    label="Purpose (needed to look for a person, a vehicle or a plate)",
                    placeholder="theft of 3 March, case 17",
                    visible=self.viot.access.configured,
                    elem_id="viot-purpose",
                )
                with gr.Row():
                    self.stop = gr.Button(
                        "Stop", variant="stop", size="sm", interactive=False, elem_id="viot-stop", min_width=90
                    )
                    self.fresh = gr.Button("New conversation", size="sm", elem_id="viot-new", min_width=120)
            with gr.Column(scale=5, min_width=320):
                _html(cards.PLAYER)
                self.panel = _html(cards.EMPTY, elem_id="viot-evidence")
                self.figures = _html(elem_id="viot-figures")
                self.conversation = _html('<span id="viot-conversation" data-id=""></span>')

        with gr.Row(equal_height=False):
            with gr.Column(min_width=320), gr.Accordion("Language model", open=False):
                self.llm = gr.Dropdown(
                    model_choices(self.options),
                    value=self.options.llms[0],
                    label="Language model",
                    allow_custom_value=self.options.loopback,
                    elem_id="viot-llm",
                )
                self.llm_words = _html(model_words(self.options.llms[0], self.viot.weights.tier))
            with gr.Column(min_width=320), gr.Accordion("Enrol a person", open=False, elem_id="viot-enrol"):
                self.enrol_here = self._enrol_form("Pictures (left empty: those attached to this conversation)")

    def _fleet_tab(self) -> None:
        self.fleet_job = _html(elem_id="viot-fleet-job", visible=False)
        with gr.Row():
            self.to_index = gr.Dropdown(
                [], multiselect=True, label="Cameras to index (none chosen: all)", elem_id="viot-to-index", scale=3
            )
            self.index = gr.Button("Index now", variant="primary", elem_id="viot-index", scale=1, min_width=120)
            self.end_job = gr.Button("Stop indexing", size="md", elem_id="viot-end-job", scale=1, min_width=120)
        self.fleet = _html(elem_id="viot-fleet")
        with gr.Accordion("Add a camera", open=False, elem_id="viot-add"):
            with gr.Row():
                self.new_name = gr.Textbox(label="Name", placeholder="gate 2", min_width=160)
                self.new_groups = gr.Textbox(label="Groups, with commas (optional)", placeholder="gates", min_width=160)
                self.new_tz = gr.Textbox(label="Time zone (optional)", placeholder="Europe/Berlin", min_width=160)
                self.new_start = gr.Textbox(
                    label="Local time of the first frame (optional)", placeholder="2026-11-23 08:00:00", min_width=160
                )
            self.new_file = gr.File(label="Video file: drop it here", file_types=["video"], height=130)
            where = "or a path on this machine" if self.options.loopback else "of a stream"
            self.new_address = gr.Textbox(label=f"Or an address ({where})", placeholder="rtsp://...")
            self.add = gr.Button("Add the camera", variant="primary")
            self.add_words = _html()

    def _people_tab(self) -> None:
        self.people = _html(elem_id="viot-people")
        with gr.Accordion("Enrol a person", open=True):
            self.enrol_there = self._enrol_form("Pictures with exactly one face each")
        with gr.Row():
            self.leaving = gr.Dropdown([], label="Remove a person, with pictures and vectors", scale=3)
            self.remove = gr.Button("Remove", variant="stop", scale=1, min_width=100)

    def _enrol_form(self, pictures: str) -> tuple[Any, Any, Any, Any, Any]:
        name = gr.Textbox(label="Name", placeholder="Ana Silva")
        consent = gr.Textbox(
            label="Consent or legal basis (required)",
            placeholder="signed form of 3 March 2026",
            info="It is recorded with the person. Without it nobody is enrolled.",
        )
        files = gr.File(label=pictures, file_types=["image"], file_count="multiple", height=120)
        button = gr.Button("Enrol", variant="primary")
        words = _html()
        return name, consent, files, button, words

    def _history_tab(self) -> None:
        self.search = gr.Textbox(
            label="Search your conversations", placeholder="a word of a request or an answer", elem_id="viot-search"
        )
        self.past = _html(elem_id="viot-history")

    def _studio_tab(self) -> None:
        here = studio.media_tools(self.viot.toolbox)
        _html(
            "<p>Make a copy of a picture or clip that protects who is on it, and see before beside after.</p>"
            + studio.state_html(self.viot.toolbox)
        )
        if not here:
            return
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                tool = gr.Dropdown([(s.name.replace("_", " "), s.name) for s in here], label="Tool", value=here[0].name)
                choice = gr.Dropdown(
                    studio.variants(self.viot.toolbox, here[0].name)[1],
                    label="Kind (optional)",
                    value=None,
                )
                file = gr.File(label="Picture or video", file_types=_FILES, height=140)
                button = gr.Button("Make the copy", variant="primary", elem_id="viot-protect")
            with gr.Column(scale=2, min_width=320):
                words = _html(elem_id="viot-protected")
                slider = gr.ImageSlider(label="Before and after", type="filepath", interactive=False, visible=False)
        self.studio = (tool, choice, file, button, words, slider)


def _html(value: str = "", **more: Any) -> Any:
    """Markup of ours, with our own style only."""
    return gr.HTML(value, apply_default_css=False, padding=False, **more)
