"""Chat models: a transformers model with random weights under the grammar, and a served one behind a loopback stub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from safetensors.numpy import save_file

from viot_agent.errors import BackendFault, FailedFault, UserFault
from viot_agent.llm.load import load_llm
from viot_agent.llm.messages import to_chat, to_message
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.model import MiniChat
from viot_agent.react import Act, AskBack, Finish, parse
from viot_agent.steps import Observation
from viot_agent.toolbox import CamerasArg, TimeArg, Toolbox, ToolContext, tool


@tool(needs=())
def look(ctx: ToolContext, cameras: CamerasArg, time: TimeArg | None = None) -> Observation:
    """Look at cameras and say what was seen.

    Not for: anything else.

    Args:
        cameras: camera names.
        time: when.
    """
    return Observation(ctx.call_id, "look", "ok", "nothing")


BOX = Toolbox([look])
MESSAGES = [SystemMessage("Tools: look"), HumanMessage("who is on gate 2?")]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama with a byte-level tokenizer, saved as a hub folder would be."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(["Thought: Action: Action Input: Final Answer: Ask Back:"], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        eos_token_id=1,
        bos_token_id=0,
    )
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_random_weights_cannot_write_a_malformed_call(tiny: Path) -> None:
    import torch

    model = load_llm(f"hf:{tiny}", BOX).model
    kinds = set()
    for seed in range(2):
        torch.manual_seed(seed)
        for parameter in model.model.parameters():  # type: ignore[attr-defined]
            parameter.data += torch.randn_like(parameter) * 0.3
        model.max_new_tokens = 3000  # type: ignore[attr-defined]
        message = model.bind_tools([]).invoke(MESSAGES) if seed == 0 else model.invoke(MESSAGES)
        step = parse(message.additional_kwargs["react"])
        kinds.add(type(step).__name__)
        if isinstance(step, Act):
            BOX.check_args(step.tool, dict(step.args))
    assert kinds


def test_an_adapter_folder_is_checked(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="holds no adapter"):
        load_llm(f"hf:{tiny}+adapter={tmp_path}", BOX)


@pytest.mark.parametrize("config", ["{", "[]", '{"peft_type": "LORA"}', '{"peft_type": "NONE", "r": 2}', "\\xff"])
def test_a_damaged_adapter_is_refused(tiny: Path, tmp_path: Path, config: str) -> None:
    (tmp_path / "adapter_config.json").write_text(config, "utf-8")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\x05\x00")
    with pytest.raises(UserFault, match=r"adapter .* cannot be loaded"):
        load_llm(f"hf:{tiny}+adapter={tmp_path}", BOX)


def test_a_lora_adapter_loads(tiny: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny)
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")).save_pretrained(tmp_path)
    model = load_llm(f"hf:{tiny}+adapter={tmp_path}", BOX).model
    assert "lora" in " ".join(name for name, _ in model.model.named_parameters())  # type: ignore[attr-defined]


def test_a_model_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(FailedFault, match="cannot be loaded"):
        load_llm(f"hf:{tmp_path}/nothing", BOX)


@pytest.mark.parametrize("spec", ["", "gpt", "openai:localhost#x", "openai:http://x", "mini2"])
def test_unreadable_specs(spec: str) -> None:
    with pytest.raises(UserFault, match="cannot be read"):
        load_llm(spec, BOX)


def test_mini_takes_weights_from_a_file(tmp_path: Path) -> None:
    other = tmp_path / "mini.safetensors"
    other.write_bytes(assets.DECODER.read_bytes())
    loaded = load_llm(f"mini:{other}", BOX)
    assert loaded.name == f"mini:{other}"
    assert isinstance(loaded.model, MiniChat)
    assert loaded.model.weights == other
    other.write_bytes(b"no tensors")
    with pytest.raises(FailedFault, match="cannot be read"):
        loaded.model.planner()
    save_file({"a": np.zeros(2, np.float32)}, other)
    with pytest.raises(FailedFault, match="holds no weights of mini"):
        load_llm(f"mini:{other}", BOX).model.warm()
    with pytest.raises(UserFault, match="no weights at"):
        load_llm(f"mini:{tmp_path}/gone", BOX)


class Stub(BaseHTTPRequestHandler):
    """Answers /chat/completions with the server's ``reply``; keeps what it was sent."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body)  # type: ignore[attr-defined]
        message = {"role": "assistant", "content": None, **self.server.reply}  # type: ignore[attr-defined]
        data = json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Any]:
    stub = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    stub.seen, stub.reply = [], {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=stub.serve_forever, daemon=True)
    thread.start()
    yield stub
    stub.shutdown()
    stub.server_close()
    thread.join()


def served(server: Any) -> Any:
    loaded = load_llm(f"openai:http://127.0.0.1:{server.server_port}/v1#m", BOX)
    assert not loaded.react
    return loaded.model.bind_tools(
        [{"type": "function", "function": {"name": "look", "description": "Look.", "parameters": look.schema()}}]
    )


def call(name: str, args: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"id": "c1", "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}]}


def test_a_served_model_calls_tools(server: Any) -> None:
    server.reply = call("look", {"cameras": ["gate 2"]})
    message = served(server).invoke(MESSAGES)
    assert [(c["name"], c["args"]) for c in message.tool_calls] == [("look", {"cameras": ["gate 2"]})]
    assert {t["function"]["name"] for t in server.seen[0]["tools"]} == {"look", "ask_user"}


def test_a_served_model_asks_back(server: Any) -> None:
    server.reply = call("ask_user", {"missing": ["person"], "question": "Who?"})
    message = served(server).invoke(MESSAGES)
    assert message.content == "Who?"
    assert message.additional_kwargs["missing"] == ["person"]
    assert not message.tool_calls


def test_no_server_is_said_in_words() -> None:
    model = load_llm("openai:http://127.0.0.1:9/v1#m", BOX).model
    with pytest.raises(BackendFault, match="did not answer"):
        model.invoke(MESSAGES)


def test_messages_become_react_text_and_back() -> None:
    steps = [
        Act("I look.", "look", {"cameras": ["gate 2"]}),
        Finish("Done.", "Nobody."),
        AskBack("?", ("time",), "When?"),
    ]
    for step in steps:
        message = to_message(step)
        assert parse(message.additional_kwargs["react"]) == step
    chat = to_chat([*MESSAGES, to_message(steps[0]), ToolMessage("3\npeople", tool_call_id="c", name="look")])
    assert [c["role"] for c in chat] == ["system", "user", "assistant", "user"]
    assert chat[-1]["content"] == "Observation: 3 people"
    assert to_chat([AIMessage("plain")])[0]["content"].endswith("Final Answer: plain")
