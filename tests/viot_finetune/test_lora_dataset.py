"""Training text is serving text: byte for byte, token for token, with loss on nothing but what the model writes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from viot_agent.agent.runner import Agent
from viot_agent.bench.cards import cards
from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.llm.hf import HFChat, prompt_text
from viot_agent.llm.messages import to_chat, to_message
from viot_agent.react import Act, Finish, parse, render
from viot_agent.steps import Observation, Request
from viot_agent.toolbox import CamerasArg, TimeArg, Toolbox, ToolContext, tool
from viot_agent.weights import Weights
from viot_finetune.instruct.fill import Example, Expected, Said
from viot_finetune.instruct.site import CLEAN, Noise
from viot_finetune.lora.base import Shape as BaseShape
from viot_finetune.lora.base import make_model, make_tokenizer
from viot_finetune.lora.conversation import Conversation, Outside, conversations, filled
from viot_finetune.lora.dataset import IGNORED, Tokens, Writable, build, corpus, gather, read_rows, tokenise, within
from viot_finetune.lora.packing import Block, Collator, alone, opening_of, pack
from viot_finetune.lora.texts import SHARES, Writer

DATA = Path(__file__).resolve().parents[2] / "datasets" / "viot_instruct"
TINY = BaseShape(vocabulary=600, width=32, layers=2, heads=2, inner=64)
ROWS: list[dict[str, Any]] = [
    {
        "id": "t1",
        "text": "has {person} been at {camera} {time}?",
        "steps": [
            {"tool": "face_recognition", "args": {"time": "{time}", "cameras": ["{camera}"], "person": "{person}"}}
        ],
    },
    {
        "id": "t2",
        "text": "if {plate} was at {camera}, save {camera} {time}",
        "steps": [
            {
                "tool": "plate_recognition",
                "args": {"plate": "{plate}", "cameras": ["{camera}"]},
                "obs": {"met": ["{plate} was read at 14:02.", "1 sighting"], "unmet": ["not read", "no plate"]},
            },
            {"tool": "export_clip", "args": {"cameras": ["{camera}"], "time": "{time}"}, "when": "1"},
        ],
    },
    {"id": "t3", "text": "where is he", "steps": [], "reply": "ask", "missing": ["person"]},
    {"id": "t4", "text": "what can you do", "steps": [], "reply": "help"},
    {
        "id": "t5",
        "turns": [
            {"text": "how many at {camera}?", "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera}"]}}]},
            {
                "text": "and {time}?",
                "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera}"], "time": "{time}"}}],
            },
        ],
    },
]
# the shape of ChatML templates, and one that rewrites its history, as templates of thinking models do
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
REWRITES = CHATML.replace("{{ m['content'] }}", "{{ m['content'].replace('Thought: A tool', 'Thought: a tool') }}")


@pytest.fixture(scope="module")
def box() -> Toolbox:
    return Toolbox(cards().values())


@pytest.fixture(scope="module")
def plain(box: Toolbox) -> Any:
    writer = Writer(ROWS, box, 0)
    return make_tokenizer([writer.document(k) for k in SHARES for _ in range(8)], TINY.vocabulary)


def made(box: Toolbox, row: int, seed: int = 0) -> list[Conversation]:
    return filled(ROWS[row], random.Random(seed), "train", CLEAN, box)


def with_template(tokenizer: Any, template: str | None) -> Any:
    from transformers import PreTrainedTokenizerFast

    other = PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer, eos_token="<|im_end|>", pad_token="<|pad|>")
    other.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    other.chat_template = template
    return other


class Recorder(BaseChatModel):
    """Writes the right steps one after the other and keeps every prompt it was given."""

    tokenizer: Any
    steps: list[Any]
    prompts: list[str]

    @property
    def _llm_type(self) -> str:
        return "recorder"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Recorder:  # type: ignore[override]
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.prompts.append(prompt_text(self.tokenizer, to_chat(messages)))
        return ChatResult(generations=[ChatGeneration(message=to_message(self.steps[len(self.prompts) - 1]))])


@tool(needs=())
def look(ctx: ToolContext, cameras: CamerasArg | None = None, time: TimeArg | None = None) -> Observation:
    """Look at cameras and say what was seen.

    Not for: anything else.

    Args:
        cameras: camera names.
        time: when.
    """
    return Observation(ctx.call_id, "look", "ok", "3 people\nwere seen.", "found")


@pytest.mark.parametrize("template", [None, CHATML])
def test_training_reads_byte_for_byte_what_the_agent_shows_a_model(
    tmp_path: Path, plain: Any, template: str | None
) -> None:
    tokenizer = plain if template is None else with_template(plain, template)
    tools, library = Toolbox([look]), FakeLibrary()
    library.add_camera("gate 2", "gate2.mp4", groups=("gates",), tz="UTC", start=None)
    library.add_camera("Lobby", "lobby.mp4", groups=(), tz="UTC", start=None)
    library.add_person("Ana Silva", [], "signed")
    fleet = Fleet(library)
    text = "is Ana Silva at gate 2 now?"
    said = Said(text, tuple(fleet.mentions(text)))
    step = Expected("look", {"cameras": ["gate 2"], "time": "now"}, "3 people\nwere seen.", "found")
    example = Example("x", said, (), ("gate 2", "Lobby"), ("gates",), ("Ana Silva",), (step,))
    (conversation,) = conversations([example], tools)
    model = Recorder(tokenizer=tokenizer, steps=list(conversation.steps), prompts=[])
    run = Agent(model, tools, fleet, library, Weights(tmp_path), tmp_path).run(Request(text))
    assert len(run.steps) == 1
    trained = [prompt_text(tokenizer, to_chat(conversation.before(n))) for n in range(2)]
    assert model.prompts == trained
    (sequence,) = tokenise(conversation, tokenizer)
    whole = trained[1] + render(conversation.steps[1]) + tokenizer.eos_token
    assert tokenizer.decode(sequence.ids) == whole


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_the_loss_is_on_every_token_of_the_steps_and_on_no_other(box: Toolbox, plain: Any, row: int) -> None:
    for conversation in made(box, row, seed=3):
        (sequence,) = tokenise(conversation, plain)
        expected: list[int] = []
        for number, step in enumerate(conversation.steps):
            given = plain(prompt_text(plain, to_chat(conversation.before(number))), add_special_tokens=False)
            expected += [IGNORED] * (len(given["input_ids"]) - len(expected))
            expected += [*plain(render(step), add_special_tokens=False)["input_ids"], plain.eos_token_id]
        assert list(sequence.labels) == expected
        assert all(label in (IGNORED, token) for token, label in zip(sequence.ids, sequence.labels, strict=True))
        learnt = plain.decode([label for label in sequence.labels if label != IGNORED])
        assert learnt == "".join(render(s) + plain.eos_token for s in conversation.steps)
        masked = plain.decode([t for t, m in zip(sequence.ids, sequence.labels, strict=True) if m == IGNORED])
        assert "Rules:" in masked
        for seen in conversation.observations[:-1]:
            assert f"Observation: {' '.join(seen.split())}" in masked


def test_a_template_that_rewrites_history_gives_each_step_a_sequence(box: Toolbox, plain: Any) -> None:
    conversation = made(box, 0)[0]
    tokenizer = with_template(plain, REWRITES)
    parts = tokenise(conversation, tokenizer)
    assert len(parts) == len(conversation.steps) == 2
    for number, part in enumerate(parts):
        given = tokenizer(prompt_text(tokenizer, to_chat(conversation.before(number))), add_special_tokens=False)
        assert list(part.ids[: len(given["input_ids"])]) == given["input_ids"]
        assert part.learnt == len(part.ids) - len(given["input_ids"])
    assert len(tokenise(conversation, with_template(plain, CHATML))) == 1


def test_what_is_learnt_can_be_written_under_the_serving_grammar(box: Toolbox, plain: Any) -> None:
    writable = Writable(plain, box)
    rows = read_rows(DATA, "phrasings_*.jsonl")
    found = gather(rows[::150], box, fillings=1, seed=0, half="train", noise=Noise()).conversations
    wrong = [render(s) for c in found for s in c.steps if not writable(render(s))]
    # an answer of many observations may be longer than serving writes: counted, never cut
    assert all(len(text) > 600 for text in wrong)
    assert len(wrong) <= 0.02 * len(found)
    assert not writable('Thought: x\nAction: face_recognition\nAction Input: {"person":"no space"}')
    assert not writable("Thought: x\nAction: no_tool\nAction Input: {}")


def test_arguments_come_in_the_order_of_the_schema(box: Toolbox) -> None:
    step = made(box, 0)[0].steps[0]
    assert isinstance(step, Act)
    assert list(step.args) == ["person", "cameras", "time"]
    assert parse(render(step)) == step


def test_an_open_condition_stands_in_the_thought_and_the_end_repeats_the_observations(box: Toolbox) -> None:
    lengths = set()
    for seed in range(8):
        conversation = made(box, 1, seed)[0]
        lengths.add(len(conversation.steps))
        assert conversation.steps[0].thought.endswith("then if its condition holds export_clip.")
        end = conversation.steps[-1]
        assert isinstance(end, Finish)
        assert conversation.observations[0] in end.text
    assert lengths == {2, 3}


def test_an_earlier_turn_is_shown_with_its_answer_and_not_learnt(box: Toolbox, plain: Any) -> None:
    first, second = made(box, 4)
    answer = first.steps[-1]
    assert isinstance(answer, Finish)
    chat = to_chat(second.before(0))
    assert [c["role"] for c in chat] == ["system", "user", "assistant", "user"]
    assert answer.text in chat[2]["content"]
    (sequence,) = tokenise(second, plain)
    assert sequence.learnt == sum(len(plain(render(s))["input_ids"]) + 1 for s in second.steps)


def test_too_long_is_left_out_and_reported_never_cut(box: Toolbox, plain: Any) -> None:
    found = [c for row in range(len(ROWS)) for c in made(box, row)]
    lengths = [len(tokenise(c, plain)[0].ids) for c in found]
    limit = sorted(lengths)[len(lengths) // 2]
    kept = build(found, plain, box, max_length=limit)
    assert [len(s.ids) for s in kept.sequences] == [n for n in lengths if n <= limit]
    assert len(kept.too_long) == sum(n > limit for n in lengths) > 0
    assert f"{len(kept.too_long)} too long" in kept.report()


def test_tools_that_are_not_there_are_reported(plain: Any, box: Toolbox) -> None:
    small = Toolbox([cards()["face_recognition"]])
    with pytest.raises(Outside):
        filled(ROWS[1], random.Random(0), "train", CLEAN, small)
    assert [r["id"] for r in within(ROWS, small)] == ["t1", "t3", "t4"]
    gathered = gather(ROWS, small, fillings=2, seed=0, half="train", noise=CLEAN)
    assert gathered.outside == ("t2", "t5", "t2", "t5")


def test_the_corpus_is_decided_by_its_seed(box: Toolbox, plain: Any, tmp_path: Path) -> None:
    lines = (DATA / "phrasings_a.jsonl").read_text("utf-8").splitlines()[:5]
    (tmp_path / "phrasings_x.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    digests = [corpus(tmp_path, plain, box, seed=s, max_length=9999).digest() for s in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


# packing --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sequences(box: Toolbox, plain: Any) -> tuple[Tokens, ...]:
    small = Toolbox([cards()[n] for n in ("face_recognition", "plate_recognition", "export_clip", "crowd_counting")])
    found = [c for row in range(5) for c in filled(ROWS[row], random.Random(row), "train", CLEAN, small)]
    return build(found, plain, small, max_length=4096).sequences


def test_no_packed_conversation_sees_another(sequences: tuple[Tokens, ...], plain: Any) -> None:
    model = make_model(plain, TINY, 0).eval()
    shared = opening_of(sequences)
    assert shared > 100
    blocks = pack(sequences, 4096, 0)
    assert sum(max(b.segments) for b in blocks) == len(sequences) > len(blocks)
    collate = Collator(plain.pad_token_id)
    with torch.inference_mode():
        packed = model(**{k: v for k, v in collate(blocks).items() if k != "labels"}).logits
        for sequence in sequences:
            logits = model(input_ids=torch.tensor([sequence.ids])).logits[0]
            row, start = _where(blocks, sequence, shared)
            there = packed[row, start : start + len(sequence.ids) - shared]
            assert torch.allclose(there, logits[shared:], atol=1e-4)


def test_a_packed_loss_is_the_loss_of_the_conversations(sequences: tuple[Tokens, ...], plain: Any) -> None:
    model = make_model(plain, TINY, 0).eval()
    collate = Collator(plain.pad_token_id)
    learnt = sum(s.learnt for s in sequences)
    losses = []
    for blocks in (pack(sequences, 4096, 0), [alone(s) for s in sequences]):
        model.zero_grad()
        # num_items_in_batch is what Trainer passes: a mean over learnt tokens
        loss = model(**collate(blocks), num_items_in_batch=learnt).loss
        loss.backward()
        losses.append((loss.item(), model.model.layers[0].self_attn.q_proj.weight.grad.clone()))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-4)
    assert torch.allclose(losses[0][1], losses[1][1], atol=1e-5)


def _where(blocks: list[Block], sequence: Tokens, shared: int) -> tuple[int, int]:
    own = sequence.ids[shared:]
    for row, block in enumerate(blocks):
        for start in range(shared, len(block.ids) - len(own) + 1):
            if block.ids[start : start + len(own)] == own and block.positions[start] == shared:
                return row, start
    raise AssertionError(f"{sequence.id} is in no block")


def test_the_serving_model_reads_what_was_tokenised(box: Toolbox, plain: Any) -> None:
    """HFChat's own tokens of a prompt are the first tokens of the training sequence."""
    conversation = made(box, 0)[0]
    (sequence,) = tokenise(conversation, plain)
    seen: list[Any] = []

    class Spy:
        device = "cpu"
        config = make_model(plain, TINY, 0).config

        def generate(self, input_ids: Any, **kwargs: Any) -> Any:
            seen.append(input_ids[0].tolist())
            step = plain(render(conversation.steps[0]), return_tensors="pt")["input_ids"]
            return torch.cat([input_ids, step], dim=1)

    chat = HFChat(model=Spy(), tokenizer=plain, toolbox=box)
    message = chat.invoke(conversation.before(0))
    assert parse(message.additional_kwargs["react"]) == conversation.steps[0]
    assert tuple(seen[0]) == sequence.ids[: len(seen[0])]
    assert sequence.labels[len(seen[0])] != IGNORED
    assert set(sequence.labels[: len(seen[0])]) == {IGNORED}
