"""Tuning end to end on a tiny model: recipes, resume, adapters that serve, merging, the comparison of recipes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from safetensors.torch import load_file

from viot_agent.bench.cards import cards
from viot_agent.bench.models import PolicyChat
from viot_agent.bench.router import Router
from viot_agent.cli.app import run as viot
from viot_agent.errors import FailedFault, ParseFault, UserFault
from viot_agent.llm.load import load_llm
from viot_agent.llm.messages import to_message
from viot_agent.react import Act, AskBack, Finish, ReactStep, parse
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.fill import Example, Said
from viot_finetune.instruct.site import CLEAN
from viot_finetune.lora.base import Pretraining, Shape, make_model, make_tokenizer, pretrain
from viot_finetune.lora.budget import sizes
from viot_finetune.lora.conversation import Conversation, conversations, filled
from viot_finetune.lora.dataset import Corpus, build
from viot_finetune.lora.evaluate import Outcome, evaluate, normal, run, shares
from viot_finetune.lora.merge import TOLERANCE, merge
from viot_finetune.lora.presets import PRESETS, preset, quantisation
from viot_finetune.lora.proof import Entry, Plan, prove, table
from viot_finetune.lora.texts import SHARES, Writer
from viot_finetune.lora.train import Evaluation, Limits, tune

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("face_recognition", "crowd_counting", "list_cameras")
BOX = Toolbox(cards()[n] for n in NAMES)
TINY = Shape(vocabulary=600, width=32, layers=2, heads=2, inner=64)
ROWS: list[dict[str, Any]] = [
    {
        "id": "t1",
        "text": "has {person} been at {camera} {time}?",
        "steps": [{"tool": "face_recognition", "args": {"person": "{person}", "cameras": ["{camera}"]}}],
    },
    {
        "id": "t2",
        "text": "how many at {camera}?",
        "steps": [{"tool": "crowd_counting", "args": {"cameras": ["{camera}"]}}],
    },
    {"id": "t3", "text": "which cameras are there", "steps": [{"tool": "list_cameras", "args": {}}]},
    {"id": "t4", "text": "where is he", "steps": [], "reply": "ask", "missing": ["person"]},
]
SMALL = {"epochs": 1.0, "batch": 2, "accumulate": 1, "checkpointing": False}


def some(rows: list[dict[str, Any]] = ROWS) -> list[Conversation]:
    return [c for n, row in enumerate(rows) for c in filled(row, random.Random(n), "train", CLEAN, BOX)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama and its tokenizer, as a hub folder would be."""
    writer = Writer(ROWS, BOX, 0)
    tokenizer = make_tokenizer([writer.document(k) for k in SHARES for _ in range(6)], TINY.vocabulary)
    folder = tmp_path_factory.mktemp("base")
    make_model(tokenizer, TINY, 0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base)


@pytest.fixture(scope="module")
def small(tokenizer: Any) -> Corpus:
    return build(some(), tokenizer, BOX, max_length=2048)


def test_viotgpts_preset_is_the_published_one() -> None:
    one, two = preset("viotgpt"), preset("viotgpt-llama")
    shared = ("lora", 8, 16, 0.05, ("q_proj", "v_proj"), "cosine", 0.04, 0.0, 2048, True, True)
    for r in (one, two):
        assert shared == (
            r.method, r.rank, r.alpha, r.dropout, r.targets, r.schedule, r.warmup, r.weight_decay, r.max_length,
            r.checkpointing, r.bf16,
        )  # fmt: skip
    assert (one.epochs, one.rate, 4 * one.batch * one.accumulate) == (8, 3e-4, 128)
    assert (two.epochs, two.rate, 4 * two.batch * two.accumulate) == (6, 2e-5, 64)
    modern = preset("modern")
    assert (modern.rank, modern.targets, modern.packing) == (16, ("all-linear",), True)
    with pytest.raises(UserFault, match="the presets are viotgpt"):
        preset("best")


def test_qlora_without_its_library_names_the_command() -> None:
    assert quantisation(preset("modern")) is None
    with pytest.raises(FailedFault, match=r"pip install 'bitsandbytes|CUDA GPU"):
        quantisation(preset("qlora"))


@pytest.mark.parametrize("name", ["viotgpt", "modern", "full"])
def test_a_recipe_trains_what_it_says_and_leaves_a_card(
    base: Path, small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # a bare folder `datasets` on the path, as when a script is run from the repository's root
    monkeypatch.syspath_prepend(str(ROOT))  # type: ignore[no-untyped-call]
    recipe = replace(PRESETS[name], **{**SMALL, "rate": 1e-2, "checkpointing": name == "modern"})
    result = tune(str(base), small, recipe, tmp_path / "out", limits=Limits(updates=3), command="the command")
    assert result.updates == 3
    card = json.loads((tmp_path / "out" / "card.json").read_text("utf-8"))
    assert card["command"] == "the command"
    assert card["data"]["tokens_sha256"] == small.digest()
    assert card["recipe"]["name"] == name
    assert "4 conversations" in card["data"]["report"]
    assert len(card["weights_sha256"]) == 1
    layers = 2
    if name == "full":
        before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
        assert any(not torch.equal(before[k], after[k]) for k in before)
        assert result.trainable == sum(v.numel() for v in before.values())
    else:
        adapter = load_file(tmp_path / "out" / "adapter_model.safetensors")
        per_layer = 2 if name == "viotgpt" else 7
        assert len(adapter) == 2 * per_layer * layers
        assert all((v != 0).any() for k, v in adapter.items() if "lora_B" in k)
    spec = f"hf:{tmp_path / 'out'}" if name == "full" else f"hf:{base}+adapter={tmp_path / 'out'}"
    assert spec == result.facts["serve"]
    assert load_llm(spec, BOX).react


def test_held_out_cases_are_decoded_during_training(base: Path, small: Corpus, tmp_path: Path) -> None:
    recipe = replace(PRESETS["viotgpt"], **SMALL)
    watched = Evaluation(tuple(some()[:1]), BOX, every=1)
    result = tune(str(base), small, recipe, tmp_path, limits=Limits(updates=2), evaluation=watched)
    assert [step for step, _ in result.evaluations] == [1, 2]
    assert set(result.evaluations[-1][1]) == {"first_tool", "arguments", "chain"}
    assert json.loads((tmp_path / "card.json").read_text("utf-8"))["metrics"] != "not evaluated"


def test_a_killed_run_goes_on_from_its_checkpoint(base: Path, small: Corpus, tmp_path: Path) -> None:
    recipe = replace(PRESETS["viotgpt"], **{**SMALL, "epochs": 2.0, "rate": 1e-2})
    whole = tune(str(base), small, recipe, tmp_path / "whole", save_every=2)
    assert whole.updates == 4
    # what a kill after update 2 would have left
    (tmp_path / "cut" / "checkpoints").mkdir(parents=True)
    (tmp_path / "whole" / "checkpoints" / "checkpoint-2").rename(tmp_path / "cut" / "checkpoints" / "checkpoint-2")
    tune(str(base), small, recipe, tmp_path / "cut", save_every=2, resume=True)
    one, two = (load_file(tmp_path / d / "adapter_model.safetensors") for d in ("whole", "cut"))
    assert all(torch.allclose(one[k], two[k], atol=1e-6) for k in one)
    with pytest.raises(UserFault, match="no checkpoint to resume from"):
        tune(str(base), small, recipe, tmp_path / "new", resume=True)


def test_the_same_seed_gives_the_same_adapter(base: Path, small: Corpus, tmp_path: Path) -> None:
    recipe = replace(PRESETS["viotgpt"], **SMALL)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        tune(str(base), small, recipe, tmp_path / name, seed=seed, limits=Limits(updates=2))
    a, b, c = (load_file(tmp_path / d / "adapter_model.safetensors") for d in "abc")
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert any(not torch.equal(a[k], c[k]) for k in a)


def test_a_merged_model_computes_what_the_pair_computed(base: Path, small: Corpus, tmp_path: Path) -> None:
    recipe = replace(PRESETS["modern"], **{**SMALL, "rate": 1e-2})
    tune(str(base), small, recipe, tmp_path / "adapter", limits=Limits(updates=2))
    assert merge(tmp_path / "adapter", tmp_path / "merged") <= TOLERANCE
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "merged" / "model.safetensors")
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.allclose(before[name], after[name])
    card = json.loads((tmp_path / "merged" / "card.json").read_text("utf-8"))
    assert card["adapter_card"]["recipe"]["name"] == "modern"
    assert load_llm(f"hf:{tmp_path / 'merged'}", BOX).react
    with pytest.raises(UserFault, match="holds no adapter"):
        merge(base, tmp_path / "x")


@pytest.mark.slow
def test_viot_ask_answers_with_what_was_learnt(
    base: Path, tokenizer: Any, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One answer learnt by heart over the tools that are installed: by all weights, and an adapter trained on top."""
    tools = Toolbox.from_entry_points()
    example = Example("g", Said("thanks a lot", ()), (), (), (), (), (), reply="thanks")
    made = build(conversations([example], tools), tokenizer, tools, max_length=4000)
    learnt = tmp_path / "learnt"
    recipe = replace(PRESETS["full"], **{**SMALL, "rate": 1e-2, "epochs": 100.0, "packing": False})
    assert tune(str(base), made, recipe, learnt).losses[-1][1] < 0.2
    tune(str(learnt), made, replace(PRESETS["modern"], **SMALL), tmp_path / "out", limits=Limits(updates=2))
    spec = f"hf:{learnt}+adapter={tmp_path / 'out'}"
    capsys.readouterr()
    assert viot(["ask", "thanks a lot", "--llm", spec, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["llm"] == spec
    assert answer["answer"] == "You are welcome."


def test_the_command_line_tunes_and_merges(
    base: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "phrasings_x.jsonl").write_text("\n".join(json.dumps(r) for r in ROWS), "utf-8")
    out = tmp_path / "out"
    common = ["--data", str(data), "--tools", ",".join(NAMES), "--cases", "0", "--updates", "1", "--fillings", "1"]
    assert viot(["finetune", "lora", "--model", str(base), "--out", str(out), "--preset", "viotgpt", *common]) == 0
    said = capsys.readouterr().out
    assert "4 conversations" in said
    assert f"hf:{base}+adapter={out}" in said
    assert viot(["finetune", "merge", str(out), "--out", str(tmp_path / "merged")]) == 0
    assert "logits differ by" in capsys.readouterr().out
    assert viot(["finetune", "lora", "--model", str(base), "--out", str(out), "--preset", "none", *common]) == 2
    assert viot(["finetune", "lora", "--model", str(base), "--out", str(out), "--data", str(base)]) == 2
    assert viot(["finetune", "lora", "--model", str(tmp_path / "no"), "--out", str(out), *common]) == 3


# evaluation -----------------------------------------------------------------------------------------------------------


class Scripted(BaseChatModel):
    """Writes these steps one after the other; None is text that is no step."""

    steps: list[ReactStep | None]
    written: list[int]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        step = self.steps[len(self.written)]
        self.written.append(len(messages))
        if step is None:
            raise ParseFault("no step", text="blah")
        return ChatResult(generations=[ChatGeneration(message=to_message(step))])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("nothing", (True, True, True)),
        ("words", (True, True, True)),
        ("argument", (True, False, False)),
        ("tool", (False, False, False)),
        ("end", (True, True, False)),
        ("garbage", (False, False, False)),
    ],
)
def test_a_run_is_graded_step_by_step(change: str, expected: tuple[bool, bool, bool]) -> None:
    case = some()[0]
    first, last = case.steps
    assert isinstance(first, Act)
    steps: dict[str, list[ReactStep | None]] = {
        "nothing": [first, last],
        "words": [Act("So.", first.tool, {**first.args, "person": str(first.args["person"]).upper()}), last],
        "argument": [Act("So.", first.tool, {"person": "image-1"}), last],
        "tool": [Act("So.", "crowd_counting", first.args), last],
        "end": [first, first],
        "garbage": [None],
    }
    model = Scripted(steps=steps[change], written=[])
    outcome = run(model, case)
    assert (outcome.first_tool, outcome.arguments, outcome.chain) == expected
    assert bool(outcome.fault) == (change == "garbage")
    if expected[1]:
        assert model.written == [2, 4]


def test_asking_back_is_graded_by_what_is_missing() -> None:
    case = some()[3]
    for missing, right in ((("person",), True), (("time",), False)):
        outcome = run(Scripted(steps=[AskBack("x", missing, "which?")], written=[]), case)
        assert (outcome.first_tool, outcome.arguments, outcome.chain) == (True, right, right)
    assert not run(Scripted(steps=[Finish("x", "no")], written=[]), case).first_tool


def test_arguments_are_compared_after_normalisation() -> None:
    assert normal({"plate": "AB-12 cd", "cameras": ["Gate 2", "b"], "time": "at 14:05"}) == normal(
        {"cameras": ["B", "gate  2"], "plate": "ab12CD", "time": "14:05"}
    )


def test_the_router_is_measured_by_the_same_code() -> None:
    outcomes = evaluate(PolicyChat(policy=Router(), names=BOX.names), some())
    assert [o.first_tool for o in outcomes] == [True, True, True, False]
    assert shares(outcomes)["first_tool"][0] == 0.75


# base and proof -------------------------------------------------------------------------------------------------------


def test_no_text_of_the_base_shows_a_request_with_its_tool() -> None:
    writer = Writer(ROWS, BOX, 0)
    for _, text in zip(range(300), writer, strict=False):
        assert not ("user:" in text and "Action" in text)
    assert any("Action Input" in writer.document("step") for _ in range(20))


def test_a_small_base_is_made_with_its_card(tmp_path: Path) -> None:
    run_ = Pretraining(tokens=256, batch=2, block=64, tokenizer_documents=40)
    loss = pretrain(ROWS, BOX, tmp_path, shape=TINY, run=run_, prose=["Some words of a page."])
    card = json.loads((tmp_path / "card.json").read_text("utf-8"))
    assert 0 < loss < 8
    assert card["tokens"] == 256
    assert "no document holds a request together with the tool" in card["saw"]
    model = load_llm(f"hf:{tmp_path}", BOX).model
    message = model.model_copy(update={"max_new_tokens": 2000}).invoke(some()[2].before(0))
    assert isinstance(message, AIMessage)
    assert parse(str(message.additional_kwargs["react"]))


def test_the_default_base_has_about_five_million_parameters() -> None:
    shape = Shape()
    block = 4 * shape.width**2 + 3 * shape.width * shape.inner
    assert 4.5e6 < shape.vocabulary * shape.width + shape.layers * block < 5.5e6


def test_the_budget_fits_the_minutes() -> None:
    plan = Plan(seeds=2)
    tokens, small_plan = sizes(10, plan, own_base=True, rate=1000)
    more_tokens, large = sizes(100, plan, own_base=True, rate=1000)
    assert 0 < tokens < more_tokens
    assert small_plan.conversations < large.conversations
    runs = plan.seeds * len(plan.contenders())
    assert tokens + runs * small_plan.conversations * 215 < 60 * 10 * 1000


def test_the_table_means_over_seeds_and_shows_intervals() -> None:
    def entry(name: str, seed: int, *right: bool) -> Entry:
        outcomes = tuple(Outcome(f"h{i}", r, r, r) for i, r in enumerate(right))
        return Entry(name, seed, outcomes, {"trainable": 10, "learnt": 5, "loss": 1.0})

    lines = table([entry("modern", 0, True, False), entry("modern", 1, True, True), entry("router", 0, True, True)], 2)
    assert any(line.startswith("| modern | 10 | 5 | 75.0 % (50 to 100)") for line in lines)
    assert any(line.startswith("| router |") for line in lines)


@pytest.mark.slow
def test_the_comparison_runs_whole_and_is_not_run_twice(base: Path, tmp_path: Path) -> None:
    data = ROOT / "datasets" / "viot_instruct"
    from viot_finetune.lora.proof import TOOLS

    box = Toolbox(cards()[n] for n in TOOLS)
    plan = Plan(conversations=6, seeds=1, cases=2, block=4096)
    report, lines = prove(base, data, box, tmp_path, plan, "viot finetune proof")
    names = {row.model for row in report.rows}
    assert names == {"untuned", "viotgpt", "modern", "full", "modern-random-base", "router"}
    learnt = {line.split("|")[3].strip() for line in lines if line.startswith(("| viotgpt", "| modern", "| full"))}
    assert len(learnt) == 1
    assert any("not run here" in line for line in report.skipped)
    before = (tmp_path / "results.jsonl").read_text("utf-8")
    again, _ = prove(base, data, box, tmp_path, plan, "viot finetune proof")
    assert again.rows == report.rows
    assert (tmp_path / "results.jsonl").read_text("utf-8") == before


@pytest.mark.slow
def test_the_benchs_own_cases_are_decoded_too(base: Path, small: Corpus, tmp_path: Path) -> None:
    from viot_agent.bench.cases import load_pack

    watched = Evaluation((), BOX, bench=tuple(load_pack()[:1]))
    result = tune(
        str(base), small, replace(PRESETS["viotgpt"], **SMALL), tmp_path, limits=Limits(updates=1), evaluation=watched
    )
    assert 0.0 <= result.evaluations[-1][1]["bench.SR"][0] <= 1.0


@pytest.mark.slow
def test_accelerate_launches_the_same_run(base: Path, tmp_path: Path) -> None:
    """Two processes from the repository's root, where a bare folder is called ``datasets``."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "phrasings_x.jsonl").write_text("\n".join(json.dumps(r) for r in ROWS), "utf-8")
    launch = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m", "viot_finetune.lora",
    ]  # fmt: skip
    options = ["--model", str(base), "--out", str(tmp_path / "out"), "--data", str(data), "--tools", ",".join(NAMES)]
    extra = ["--preset", "viotgpt", "--updates", "1", "--batch", "1", "--accumulate", "1", "--cases", "0"]
    done = subprocess.run([*launch, *options, *extra], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()
