"""Video language models: what loads and runs them, over models of the real classes with tiny random weights."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from viot_agent.cancel import cancellable
from viot_agent.errors import FailedFault, StoppedFault, UserFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Footage
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_agent.weights.hub import FOLDER
from viot_tools.qa.grounding import pattern, read
from viot_tools.qa.tool import ask
from viot_tools.qa.video_model import HubWriter, LaterWriter, chosen, load, plain

CLASSES = ("qwen2_5_vl", "qwen3_vl", "smolvlm")
QWEN = "<|endoftext|> <|im_start|> <|im_end|> <|vision_start|> <|vision_end|> <|image_pad|> <|video_pad|>".split()
SMOL = "<|im_end|> <|im_start|> <end_of_utterance> <fake_token_around_image> <image> <global-img> <video>".split()
TEMPLATE = (
    "{{% for m in messages %}}<|im_start|>{{{{ m['role'] }}}}\n{{% for p in m['content'] %}}"
    "{{% if p['type'] == 'image' %}}{image}{{% else %}}{{{{ p['text'] }}}}{{% endif %}}{{% endfor %}}{end}\n"
    "{{% endfor %}}{{% if add_generation_prompt %}}<|im_start|>assistant\n{{% endif %}}"
)


def tokenizer(special: list[str], image: str, end: str) -> Any:
    """Bytes as tokens, and the special ones of the class."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    base = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=base,
        eos_token=end,
        pad_token=special[0],
        additional_special_tokens=special[1:],
        chat_template=TEMPLATE.format(image=image, end=end),
    )


def build(kind: str, folder: Path) -> Path:
    """A model of the class with two layers of width 32, as ``save_pretrained`` writes it."""
    import torch
    import transformers as tf

    smol = kind == "smolvlm"
    special = SMOL if smol else QWEN
    end = "<end_of_utterance>" if smol else "<|im_end|>"
    words = tokenizer(special, "<image>" if smol else "<|vision_start|><|image_pad|><|vision_end|>", end)
    ids = {s: words.convert_tokens_to_ids(s) for s in special}
    text: dict[str, Any] = {
        "vocab_size": len(words) + 8,  # as on the hub: more rows than tokens
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "eos_token_id": ids[end],
        "pad_token_id": ids[special[0]],
    }
    seeing: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64}
    torch.manual_seed(0)
    if smol:
        seeing |= {"num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64, "patch_size": 16}
        config = tf.SmolVLMConfig(
            text_config={"model_type": "llama", **text},
            vision_config=seeing,
            image_token_id=ids["<image>"],
            pad_token_id=ids[special[0]],
        )
        model: Any = tf.SmolVLMForConditionalGeneration(config)
        pictures: Any = tf.SmolVLMImageProcessorPil(max_image_size={"longest_edge": 64}, size={"longest_edge": 256})
    else:
        rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
        seeing |= {"depth": 2, "num_heads": 2, "out_hidden_size": 32}
        marks = {
            "image_token_id": ids["<|image_pad|>"],
            "video_token_id": ids["<|video_pad|>"],
            "vision_start_token_id": ids["<|vision_start|>"],
            "vision_end_token_id": ids["<|vision_end|>"],
        }
        if kind == "qwen3_vl":
            seeing |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
            layers = {**text, "head_dim": 8, "rope_parameters": rope}
            model = tf.Qwen3VLForConditionalGeneration(
                tf.Qwen3VLConfig(text_config=layers, vision_config=seeing, **marks)
            )
            pictures = tf.Qwen2VLImageProcessorPil(patch_size=16)
        else:
            seeing |= {"fullatt_block_indexes": [1], "window_size": 56}
            layers = {**text, "rope_parameters": rope, "bos_token_id": None}
            model = tf.Qwen2_5_VLForConditionalGeneration(
                tf.Qwen2_5_VLConfig(text_config=layers, vision_config=seeing, **marks)
            )
            pictures = tf.Qwen2VLImageProcessorPil()
    for part in (model.to(torch.bfloat16), words, pictures):  # as on the hub
        part.save_pretrained(folder)
    if smol:
        (folder / "processor_config.json").write_text(json.dumps({"image_seq_len": 4}))
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three classes, each in a folder."""
    root = tmp_path_factory.mktemp("video_llm")
    return {kind: build(kind, root / kind) for kind in CLASSES}


@pytest.fixture(scope="session")
def writers(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, HubWriter]:
    """The three, loaded by the product's own loader."""
    weights = Weights(tmp_path_factory.mktemp("home"), tier="builtin")
    return {kind: load(f"hf:{folder}", weights) for kind, folder in folders.items()}


def frames(n: int = 3) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (90, 160, 3), dtype=np.uint8) for _ in range(n)]


def parts(question: str = "Question: why?") -> list[Any]:
    found: list[Any] = []
    for i, image in enumerate(frames()):
        found += [f"Frame {i + 1}, {i}.0 s:", image]
    return [*found, question]


@pytest.mark.parametrize("kind", CLASSES)
def test_a_model_of_the_class_writes_the_form_and_nothing_else(writers: dict[str, HubWriter], kind: str) -> None:
    writer = writers[kind]
    writer.max_new_tokens = 300  # its tokens are bytes
    options = ("the bus", "the van", "neither")
    text = writer.write("Answer.", parts(), pattern(options))
    said = read(text, options)
    assert said.answer == "" or said.option is not None
    assert writer.write("Answer.", parts(), pattern(options)) == text  # greedy


@pytest.mark.parametrize("kind", CLASSES)
def test_every_frame_is_in_the_prompt_once_after_its_time(writers: dict[str, HubWriter], kind: str) -> None:
    writer = writers[kind]
    inputs = writer._inputs("Answer.", parts())
    text = writer.processor.tokenizer.decode(inputs["input_ids"][0])
    picture = "<image>" if kind == "smolvlm" else "<|image_pad|>"
    pieces = text.split("Frame ")[1:]
    assert [p[:8] for p in pieces] == ["1, 0.0 s", "2, 1.0 s", "3, 2.0 s"]
    counts = [p.count(picture) for p in pieces]
    assert counts[0] > 0 and len(set(counts)) == 1
    assert text.rstrip().endswith("assistant")


@pytest.mark.parametrize("kind", CLASSES)
def test_words_cannot_end_their_turn_or_put_in_a_picture(writers: dict[str, HubWriter], kind: str) -> None:
    writer = writers[kind]
    special = SMOL if kind == "smolvlm" else QWEN
    asked = writer._inputs("Answer.", parts("Question: why?"))["input_ids"][0]
    attacked = writer._inputs("Answer.", parts("Question: why?" + "".join(special)))["input_ids"][0]
    for token in special:
        number = writer.processor.tokenizer.convert_tokens_to_ids(token)
        assert (asked == number).sum() == (attacked == number).sum(), token


def test_what_the_model_sees_decides_what_it_writes(writers: dict[str, HubWriter]) -> None:
    """The pixels reach the model: other pictures, other logits."""
    import torch

    writer = writers["qwen2_5_vl"]
    assert writer.model.dtype == torch.bfloat16
    with torch.inference_mode():
        one = writer.model(**writer._inputs("A", ["x", frames()[0], "q"])).logits[0, -1]
        two = writer.model(**writer._inputs("A", ["x", 255 - frames()[0], "q"])).logits[0, -1]
    assert not torch.allclose(one, two)


def test_a_prompt_longer_than_the_model_reads_is_said(writers: dict[str, HubWriter]) -> None:
    with pytest.raises(UserFault, match="tokens; qwen3_vl reads 4096"):
        writers["qwen3_vl"].write("Answer.", parts("x" * 5000), pattern(()))


def test_a_stop_ends_it(writers: dict[str, HubWriter]) -> None:
    token = threading.Event()
    token.set()
    with cancellable(token), pytest.raises(StoppedFault):
        writers["qwen2_5_vl"].write("Answer.", parts(), pattern(()))


def test_an_unfinished_line_is_no_answer(writers: dict[str, HubWriter]) -> None:
    from viot_tools.qa.grounding import AnswerFault

    writer = HubWriter("m", "1", writers["smolvlm"].model, writers["smolvlm"].processor, max_new_tokens=3)
    with pytest.raises(AnswerFault, match="did not write"):
        read(writer.write("Answer.", parts(), pattern(("a", "b"))), ("a", "b"))


def test_evidence_names_the_bytes(folders: dict[str, Path], tmp_path: Path) -> None:
    weights = Weights(tmp_path, tier="builtin")
    writer = load(f"hf:{folders['qwen2_5_vl']}", weights)
    assert writer.name == "qwen2_5_vl"
    assert len(writer.version) == 12
    assert load(f"hf:{folders['qwen2_5_vl']}", weights).version == writer.version


def test_a_model_is_loaded_once_and_when_it_is_first_asked(folders: dict[str, Path], tmp_path: Path) -> None:
    weights = Weights(tmp_path, tier="builtin")
    with pytest.raises(WeightsMissing):
        LaterWriter("qwen3-vl-2b", weights).write("Answer.", parts(), pattern(("a", "b")))
    one, two = (LaterWriter(f"hf:{folders['smolvlm']}", weights) for _ in range(2))
    assert one._loaded() is two._loaded()
    assert (one.name, len(one.version)) == ("smolvlm", 12)


def test_a_folder_of_viot_models_is_named_as_on_the_hub(folders: dict[str, Path], tmp_path: Path) -> None:
    models = tmp_path / "models" / "Somebody"
    models.mkdir(parents=True)
    (models / "Tiny-VL").symlink_to(folders["qwen2_5_vl"])
    writer = load("hf:Somebody/Tiny-VL@abcdef0123456789", Weights(tmp_path / "home", tmp_path / "models", "hub"))
    assert (writer.name, writer.version) == ("Tiny-VL", "abcdef012345")


def test_a_name_of_the_manifest_loads_from_its_folder(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "models" / FOLDER).mkdir(parents=True)
    (tmp_path / "models" / FOLDER / "qwen3-vl-2b").symlink_to(folders["qwen3_vl"])
    writer = load("qwen3-vl-2b", Weights(tmp_path, tier="builtin"))
    assert (writer.name, writer.version) == ("qwen3-vl-2b", "89644892e4d8")


@pytest.mark.parametrize(
    ("spec", "fault", "words"),
    [
        ("qwen3-vl-2b", WeightsMissing, "viot models pull qwen3-vl-2b,"),
        ("qwen2.5-vl-3b", WeightsMissing, "viot models pull qwen2.5-vl-3b --allow-noncommercial"),
        ("hf:nobody/has-this", WeightsMissing, "hf download nobody/has-this, or put its folder at VIOT_MODELS/nobody"),
        ("hf:nobody/has-this@v1", WeightsMissing, "hf download nobody/has-this --revision v1"),
        ("gpt", UserFault, "VIOT_VIDEO_LLM is 'gpt'.*hf:NAME.*qwen3-vl-2b"),
        ("hf:", UserFault, "VIOT_VIDEO_LLM is 'hf:'"),
    ],
)
def test_what_is_missing_or_misspelt_names_the_command(
    spec: str, fault: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(fault, match=words):
        load(spec, Weights(tmp_path, tier="builtin"))


def test_a_folder_that_holds_another_kind_of_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(FailedFault, match=r"bert holds no vision-language model.*Qwen2\.5-VL"):
        load(f"hf:{tmp_path / 'bert'}", Weights(tmp_path, tier="builtin"))


def test_no_model_is_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIOT_VIDEO_LLM", raising=False)
    assert chosen() == ""
    monkeypatch.setenv("VIOT_VIDEO_LLM", " qwen3-vl-2b ")
    assert chosen() == "qwen3-vl-2b"


def test_plain_text_is_left_alone(writers: dict[str, HubWriter]) -> None:
    words = writers["qwen2_5_vl"].processor.tokenizer
    assert plain("why did <he> stop | there?", words) == "why did <he> stop | there?"
    assert plain("a<|im_end|>b", words) == "a< |im_end|>b"


def test_a_question_goes_through_the_tool_to_the_model_and_back(
    folders: dict[str, Path], media: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way with real frames and a real model class; what its random weights say is taken or refused."""
    clip = media.write(tmp_path / "gate.mp4", range(100))
    books = FakeLibrary(
        [Camera(1, "gate", str(clip), (), "UTC", 0.0)],
        footage=[Footage("gate", clip, 0.0, 0.0, 4.0)],
        looked=[Looked("objects", "yolox-nano", "gate", 0.0, 4.0)],
    )
    weights = Weights(tmp_path / "home", tier="builtin")
    ctx = ToolContext(Request("?", now=100.0), Fleet(books), books, weights, tmp_path / "home", call_id="c")
    monkeypatch.setenv("VIOT_VIDEO_LLM", f"hf:{folders['qwen3_vl']}")
    seen = ask(ctx, "why did the van stop?", ["gate"], options=["it broke down", "the gate was shut"])
    assert seen.data["engine"] == "video-llm"
    assert seen.data["raw"]
    assert "evenly spaced" in seen.summary
    assert bool(seen.data["answer"]) == bool(seen.evidence and seen.verdict == "found")
    assert seen.verdict == "cannot_tell" or seen.data["answer"] in ("it broke down", "the gate was shut")
