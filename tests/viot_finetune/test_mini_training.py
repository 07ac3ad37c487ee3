"""Training of mini: fillings are exact, the network is the runtime's, and it learns."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from viot_agent.errors import UserFault
from viot_agent.llm.mini import assets
from viot_agent.llm.mini.checks import only_asks
from viot_agent.llm.mini.decoder import Decoder
from viot_agent.llm.mini.encoder import Reader
from viot_agent.llm.mini.menu import SYM, Call, Menu, Step
from viot_agent.llm.mini.planner import Planner
from viot_agent.llm.mini.units import Passage
from viot_agent.llm.mini.weights import Weights
from viot_finetune.instruct.fill import Example, fill, load_rows
from viot_finetune.instruct.site import CLEAN
from viot_finetune.mini.__main__ import at_once
from viot_finetune.mini.cards import card_specs, fictitious, stub_toolbox
from viot_finetune.mini.evaluate import by_router, evaluate, normal, split, table
from viot_finetune.mini.flat import Rows, adapted
from viot_finetune.mini.minilm import EncoderTrainer, whole_weights
from viot_finetune.mini.net import Batch, Net, label_loss, opinion_loss, opinions
from viot_finetune.mini.prepare import Packed, Sample, Tokens, pack, reading_of, rows_of, samples, tokens, unpack
from viot_finetune.mini.recipe import Recipe, fast_at_halves, halves
from viot_finetune.mini.source import Plan, Source, batches, streamed, texts_of_cards, vocabulary, without
from viot_finetune.mini.train import (
    Kept,
    Learner,
    gradients,
    parts_of,
    resumed_at,
    run_of,
    save,
    train,
)

DATA = Path(__file__).resolve().parents[2] / "datasets" / "viot_instruct"
ROWS: list[dict[str, Any]] = [
    {
        "id": "t1",
        "text": "has {person} been at {camera} {time}?",
        "steps": [
            {"tool": "face_recognition", "args": {"person": "{person}", "cameras": ["{camera}"], "time": "{time}"}}
        ],
    },
    {
        "id": "t2",
        "text": "how many at {camera} or {camera2} NOW, before {time_at}?",
        "steps": [
            {"tool": "crowd_counting", "args": {"cameras": ["{camera}", "{camera2}"], "time": "before {time_at}"}}
        ],
    },
    {
        "id": "t3",
        "text": "{plate} at {camera}? then save {camera} {time}",
        "steps": [
            {"tool": "plate_recognition", "args": {"plate": "{plate}", "cameras": ["{camera}"]}},
            {"tool": "export_clip", "args": {"cameras": ["{camera}"], "time": "{time}"}},
        ],
    },
    {
        "id": "t4",
        "text": "seen {image} at {camera}",
        "uploads": ["image-1"],
        "steps": [{"tool": "face_recognition", "args": {"person": "image-1", "cameras": ["{camera}"]}}],
    },
    {"id": "t5", "text": "hello there", "steps": [], "reply": "greeting"},
    {"id": "t6", "text": "where is he", "steps": [], "reply": "ask", "missing": ["person"]},
]


@cache
def every_row() -> list[dict[str, Any]]:
    return load_rows(DATA)


def test_most_fillings_can_be_written() -> None:
    strange = load_rows(DATA, "fictitious*.jsonl")
    source = Source(every_row(), Reader(assets.encoder_dir()), 0, strange=(strange, 0.2))
    source.take(300)
    assert source.unreachable <= 0.04 * source.drawn


def test_split_keeps_a_phrasing_whole() -> None:
    rows = every_row()
    kept, held = split(rows, 0.2)
    assert len(kept) + len(held) == len(rows)
    assert not {r["id"] for r in kept} & {r["id"] for r in held}
    assert 0.1 < len(held) / len(rows) < 0.3
    with pytest.raises(FileNotFoundError):
        load_rows(DATA, "nothing_*.jsonl")


@pytest.mark.parametrize("mix", [2, 4])
def test_numpy_and_torch_score_alike(mix: int) -> None:
    torch.manual_seed(0)
    net = Net(mix=mix).eval()
    reader, rng = Reader(assets.encoder_dir()), random.Random(1)
    menu = Menu.of(list(stub_toolbox()))
    texts = texts_of_cards()
    rows = rows_of(texts)
    vectors = torch.cat([torch.zeros(1, 384), torch.randn(len(texts), 384)])
    runtime = Decoder({k: v.numpy() for k, v in net.state_dict().items()})
    embedded = [vectors[[rows[t] for t in part]].numpy() for part in menu.texts()]
    for row in ROWS:
        for sample in samples(fill(row, rng, "train", CLEAN)[0], menu, reader, rng):
            states = torch.randn(len(sample.units), 384)
            with torch.no_grad():
                expected = net(unpack(pack([sample], rows), states, vectors, 0.0))[0].numpy()
            # what the grammar forces after the last choice is not reckoned in training
            assert len(expected) == len(sample.prefix) + max(k for k, o in enumerate(sample.allowed) if len(o) > 1)
            runtime.start(states.numpy(), sample.units, menu, *embedded)
            scores = runtime.feed(sample.prefix)
            for k, element in enumerate(sample.gold):
                if len(sample.prefix) + k <= len(expected):
                    np.testing.assert_allclose(scores, expected[len(sample.prefix) - 1 + k], atol=2e-4)
                if k + 1 < len(sample.gold):
                    scores = runtime.feed([element])


def test_an_evaluation_is_strict() -> None:
    cases = [fill(r, random.Random(5), "test", CLEAN)[0] for r in ROWS]

    def oracle(example: Example, history: Any, seen: Any) -> Step:
        if len(history) < len(example.steps):
            right = example.steps[len(history)]
            return Step("act", plan=(right.tool,), tool=right.tool, args=right.args)
        if example.reply == "ask":
            return Step("ask", missing=example.missing)
        return Step("finish", example.reply or "done")

    def stubborn(example: Example, history: Any, seen: Any) -> Step:
        return oracle(example, history[:0], seen) if example.steps else Step("finish", "help")

    assert all(r.chain for r in evaluate(cases, oracle))
    assert not any(r.chain for r in evaluate(cases, stubborn))
    assert len(table({"oracle": evaluate(cases, oracle), "router": evaluate(cases, by_router)})) == 4


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ({"plate": "KX 4821"}, {"plate": "kx-4821"}),
        ({"cameras": ["Gate 2", "dock"]}, {"cameras": ["dock", "gate 2"]}),
        ({"time": "on Friday"}, {"time": "friday"}),
    ],
)
def test_normal_arguments(said: dict[str, Any], right: dict[str, Any]) -> None:
    assert normal(said) == normal(right)


def test_no_authored_request_for_an_export_reads_as_a_question_only() -> None:
    """What ``only_asks`` says of a request keeps anything from being written out for it."""
    asked = [r for r in every_row() if any(s["tool"] == "export_clip" for s in r.get("steps", ()))]
    assert len(asked) > 1000
    assert [r["text"] for r in asked if only_asks(r["text"])] == []
    assert only_asks("Was {person} at {camera} {time}?")


def test_cards_have_several_wordings() -> None:
    for name, specs in card_specs().items():
        assert len({s.card() for s in specs}) >= 3, name
        assert len({tuple((a.name, a.kind, a.required) for a in s.args) for s in specs}) == 1
    assert Call("list_cameras", {}).status == "info"
    assert not set(fictitious()) & set(card_specs()), "a tool that exists is not made up"


def _plan(rows: list[dict[str, Any]], seed: int = 0) -> Plan:
    return Plan(rows, (), (), 0.0, 0.1, 4, 0.05, seed)


def test_the_stream_repeats_itself() -> None:
    first, again, other = batches(_plan(ROWS)), batches(_plan(ROWS)), batches(_plan(ROWS, seed=1))
    same, different = [], []
    for _ in range(5):
        (a, left), (b, right), (c, _) = next(first), next(again), next(other)
        np.testing.assert_array_equal(left.elements, right.elements)
        same.append(np.array_equal(a.ids, b.ids))
        different.append(np.array_equal(a.ids, c.ids))
    assert all(same)
    assert not all(different)


def test_a_stream_that_breaks_says_so() -> None:
    with pytest.raises(RuntimeError, match="no batch could be made"):
        next(streamed(_plan([{"id": "bad", "text": "no steps here"}])))


@pytest.mark.slow
def test_several_processes_are_taken_in_turn() -> None:
    plan = _plan(ROWS)
    alone = [batches(replace(plan, seed=plan.seed + 7_919 * i)) for i in range(2)]
    together = streamed(plan, makers=2)
    for turn in range(4):
        (read, packed), (read_alone, packed_alone) = next(together), next(alone[turn % 2])
        assert np.array_equal(read.ids, read_alone.ids)
        assert np.array_equal(packed.gold, packed_alone.gold)
    together.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")
def test_a_gpu_that_is_not_there_is_said() -> None:
    with pytest.raises(UserFault, match="no GPU"):
        train(ROWS, Recipe(device="cuda"))


def test_words_to_spell_by_leave_out_typos_and_slots() -> None:
    rows = [{"text": "is {person} here", "tags": []}] * 3 + [{"text": "teh gate", "tags": ["typo"]}] * 3
    assert vocabulary(rows) == ["here"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_few_steps_move_the_adapter_and_are_kept(tmp_path: Path) -> None:
    recipe = Recipe(batch=4, lora_steps=3, threads=1)
    nets, _ = train(ROWS, recipe)
    assert len(nets) == recipe.nets == 2
    for arrays in nets:
        assert any(np.abs(v).max() > 0 for k, v in arrays.items() if k.endswith(".B")), "the adapters learn too"
    assert not np.array_equal(nets[0]["unit_in.weight"], nets[1]["unit_in.weight"]), "two opinions"
    save(nets, tmp_path / "mini.safetensors", recipe, ["smoke"])
    loaded = Weights.load(tmp_path / "mini.safetensors")
    assert loaded.words == ("smoke",)
    assert [set(n) for n in loaded.nets] == [set(n) for n in nets]
    with pytest.raises(UserFault, match="holds 2 nets"):
        train(ROWS, replace(recipe, nets=1), start=tmp_path / "mini.safetensors")


def _encoder() -> EncoderTrainer:
    """With an adapter that is not nothing."""
    encoder = EncoderTrainer(replace(Recipe(), alpha=64))
    with torch.no_grad():
        for name, value in encoder.model.named_parameters():
            if ".lora_B" in name:
                value.normal_(0, 0.02, generator=torch.Generator().manual_seed(0))
    return encoder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("given", ["padded", "whole"])
def test_rows_without_padding_are_read_as_minilm_reads_them(given: str) -> None:
    """What a processor reckons, what transformers and peft do with padding, and what a GPU is given: one function, one
    gradient."""
    encoder = _encoder()
    encoder.drop.eval()
    lengths = [3, 17, 9, 1, 12] * 5  # more than one part
    rows = Rows(lengths)
    ids = torch.arange(1000, 1000 + sum(lengths))
    assert len(rows.parts) == 2

    def outcome(states: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        encoder.model.zero_grad()
        out = states()
        (out * torch.arange(384)).sum().backward()
        return out.detach(), {n: p.grad for n, p in encoder.model.named_parameters() if p.grad is not None}

    def padded() -> torch.Tensor:
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        whole = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
        whole[mask] = ids
        return encoder.model(input_ids=whole, attention_mask=mask.long()).last_hidden_state[mask]

    states, gradients = outcome(lambda: encoder.hidden(ids, rows))
    for layer in adapted(encoder.model):
        del layer.forward
    if given == "whole":
        whole_weights(encoder.model)
        assert sum("forward" in vars(layer) for layer in encoder.model.modules()) == 36
    again, same = outcome(padded if given == "padded" else lambda: encoder.hidden(ids, rows))
    assert len(same) == 72 and same.keys() == gradients.keys()
    assert torch.allclose(states, again, atol=1e-4)
    assert all(torch.allclose(same[n], g, rtol=1e-3, atol=1e-3 * float(g.abs().max())) for n, g in gradients.items())


def test_products_in_half_precision_are_nearly_the_whole_ones() -> None:
    encoder = _encoder()
    encoder.drop.eval()
    ids, rows = torch.arange(1000, 1025), Rows([5, 17, 3])

    def outcome(halved: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        encoder.model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            states = encoder.hidden(ids, rows)
        (states * torch.arange(384)).sum().backward()
        return states.detach(), {n: p.grad for n, p in encoder.model.named_parameters() if p.grad is not None}

    (states, grads), (near, others) = outcome(False), outcome(True)
    assert len(grads) == 72 and grads.keys() == others.keys()
    assert states.dtype == near.dtype == torch.float32
    assert 1e-4 < float((states - near).norm() / states.norm()) < 0.02
    for name, grad in grads.items():
        assert others[name].dtype == torch.float32
        assert float((others[name] - grad).norm()) < 0.1 * float(grad.norm()), name


@pytest.mark.parametrize(("able", "halved"), [({}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)])
def test_half_precision_only_where_a_processor_multiplies_in_it(
    able: dict[str, bool], halved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert fast_at_halves() is halved
    with halves("cpu"):
        assert torch.is_autocast_enabled("cpu") is halved


def test_a_batch_is_read_as_its_samples_are_alone() -> None:
    """Without padding nothing runs over from one sample to the next."""
    learner = Learner(replace(Recipe(), dropout=0.0, encoder_dropout=0.0))
    reader = Reader(assets.encoder_dir())
    learner.read_cards(texts_of_cards(), reader)
    learner.net.eval()
    source = Source(load_rows(DATA, "phrasings_kkk.jsonl"), reader, seed=2)
    found, rows = source.take(40), rows_of(texts_of_cards())

    def scored(batch: list[Sample]) -> tuple[torch.Tensor, Batch]:
        packed = pack(batch, rows)
        states = learner.encoder.states(tokens(batch, reader))
        made = unpack(packed, states, learner.table, 0.0)
        return opinions(learner.net(made), made), made

    with torch.no_grad():
        said, together = scored(found)
        for i, sample in enumerate(found):
            own, alone = scored([sample])
            places = torch.nonzero(alone.gold[0] >= 0).flatten()
            assert torch.equal(places, torch.nonzero(together.gold[i] >= 0).flatten())
            for place in places:
                # the flat index is another where menus and requests are longer: the same choices in the same order
                wanted, open_ = own[0, place][alone.allowed[0, place]], together.allowed[i, place]
                torch.testing.assert_close(said[i, place][open_], wanted, atol=1e-4, rtol=1e-3)


def test_an_update_in_parts_has_their_mean_gradient() -> None:
    learner = Learner(Recipe(nets=1, dropout=0.0, encoder_dropout=0.0))
    learner.read_cards(texts_of_cards(), Reader(assets.encoder_dir()))
    stream = batches(_plan(ROWS))
    both = [next(stream), next(stream)]

    def of(*made: tuple[Tokens, Packed]) -> tuple[float, torch.Tensor]:
        learner.net.zero_grad()
        loss = gradients([learner], iter(made), len(made), 0.0)
        grad = learner.net.cand_q.weight.grad
        assert grad is not None
        return loss.item(), grad.clone()

    torch.manual_seed(0)  # what is read of the cards is blurred a little
    alone = [of(made) for made in both]
    torch.manual_seed(0)
    together = of(*both)
    assert together[0] == pytest.approx(sum(loss for loss, _ in alone) / 2, rel=1e-4)
    torch.testing.assert_close(together[1], (alone[0][1] + alone[1][1]) / 2, atol=1e-5, rtol=1e-3)


def test_parts_of_an_update_come_out_even() -> None:
    assert [parts_of(Recipe(batch=256, at_once=n)) for n in (0, 64, 256)] == [1, 4, 1]
    assert [at_once(batch) for batch in (256, 100, 64, 8, 67)] == [64, 50, 64, 8, 1]
    with pytest.raises(UserFault, match="parts of 100"):
        train(ROWS, Recipe(batch=256, at_once=100))


def test_nets_are_drawn_towards_each_other() -> None:
    """What is minimised beside the labels is zero where the nets agree, and its gradient leads to where they do."""
    allowed = torch.tensor([[[True, True, False], [True, False, False]]])
    batch = Batch(
        *[cast(Any, None)] * 12,
        gold=torch.tensor([[1, -100]]),
        allowed=allowed,
        weight=torch.ones(1, 2),
        layout=cast(Any, None),
    )
    scores = torch.tensor([[[2.0, 0.0, 9.0], [0.0, 0.0, 0.0]]], requires_grad=True)
    said = opinions(scores, batch)
    assert opinion_loss(said, said.detach().exp(), batch).item() == pytest.approx(0, abs=1e-6)
    other = torch.tensor([[[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]])
    apart = opinion_loss(said, other, batch)
    apart.backward()
    assert apart.item() > 0.1
    assert scores.grad is not None
    assert scores.grad[0, 0, 0] > 0 > scores.grad[0, 0, 1]
    assert not scores.grad[0, 0, 2]
    assert label_loss(said, batch).item() == pytest.approx(float(np.log1p(np.exp(2.0))), rel=1e-5)


def test_without_thought_a_step_names_its_own_tool_only() -> None:
    reader, specs = Reader(assets.encoder_dir()), card_specs()
    example = fill(ROWS[2], random.Random(3), "train", CLEAN)[0]
    menu = Menu.of([s[0] for s in specs.values()])

    def planned(thought: bool) -> int:
        first = samples(example, menu, reader, random.Random(0), thought)[0].gold
        return first.index(("sym", SYM["PLAN_END"]))

    assert planned(True) == 3, "NEED and both tools"
    assert planned(False) == 2


def test_weights_without_thought_are_kept_to_no_plan(tmp_path: Path) -> None:
    weights = Weights.load()
    save(weights.nets, tmp_path / "mini.safetensors", Recipe(thought=False), weights.words)
    loaded = Weights.load(tmp_path / "mini.safetensors")
    assert weights.thought
    assert not loaded.thought
    seen: list[tuple[str, ...] | None] = []

    class Watched(Planner):
        def _decoded(self, reading: Any, history: Any, settled: Any, barred: Any = (), **kwargs: Any) -> Any:
            seen.extend(call.rest for call in history)
            return super()._decoded(reading, history, settled, barred, **kwargs)

    example = fill(ROWS[2], random.Random(3), "train", CLEAN)[0]
    first = example.steps[0]
    call = Call(first.tool, first.args, "found", rest=())
    for each in (weights, loaded):
        planner = Watched(list(stub_toolbox()), weights=each)
        planner.next_step(reading_of(example, [Passage("It was there.", tool=first.tool)]), [call])
    assert seen == [(), None]


def test_tools_that_a_model_shall_not_know() -> None:
    assert [r["id"] for r in without(ROWS, ["plate_recognition"])] == [
        r["id"] for r in ROWS if "plate_recognition" not in json.dumps(r)
    ]
    source = Source(
        without(ROWS, ["plate_recognition"]), Reader(assets.encoder_dir()), 0, without=["plate_recognition"]
    )
    menus = {tool.name for s in source.take(60) for tool in s.menu.tools}
    assert "crowd_counting" in menus
    assert "plate_recognition" not in menus


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_forty_steps_lower_the_loss() -> None:
    _, curve = train(ROWS, Recipe(batch=8, lora_steps=40, threads=1))
    assert curve[-1] < 0.9 * curve[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_broken_run_goes_on_where_it_was(tmp_path: Path) -> None:
    safe, recipe = tmp_path / "mini.running", Recipe(batch=4, lora_steps=4, threads=1)
    whole, _ = train(ROWS, recipe, safe=safe, every=4)
    assert resumed_at(safe) == []
    kept = load_file(str(safe / "checkpoint" / "weights.safetensors"))
    for number, net in enumerate(whole):
        start = f"{number}.net."
        decoder = {k.removeprefix(start): v for k, v in kept.items() if k.startswith(start)}
        assert decoder
        for name, values in decoder.items():
            np.testing.assert_array_equal(values, net[name])
    longer = Recipe(batch=4, lora_steps=8, threads=1)
    with pytest.raises(UserFault, match="another recipe"):
        train(ROWS, longer, safe=safe)
    file = safe / "checkpoint" / "state.json"
    facts = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**facts, "run": run_of(longer, ROWS, (), (), None), "step": 6}), "utf-8")
    further, _ = train(ROWS, longer, safe=safe, every=8)
    pairs = [(after[k], v) for after, net in zip(further, whole, strict=True) for k, v in net.items()]
    assert any((after != v).any() for after, v in pairs), "two more steps were made"
    assert json.loads(file.read_text("utf-8"))["step"] == 8
    assert resumed_at(safe) == [6]
    moved = max(float(np.abs(after - v).max()) for after, v in pairs)
    assert moved < 0.02, "it went on from the kept weights, not from the start"


def test_a_run_is_its_recipe_data_words_and_start(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    start.write_bytes(b"one")
    same = run_of(Recipe(), ROWS, ["here"], ROWS[:1], start)
    assert run_of(Recipe(), list(ROWS), ("here",), ROWS[:1], start) == same
    weight = torch.nn.Linear(2, 1)
    optimiser = torch.optim.AdamW(weight.parameters(), lr=0.5)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (1 + step))
    weight(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    schedule.step()
    kept = Kept(tmp_path / "running", same)
    assert (kept.step, kept.resumed) == (0, [])
    kept.save(7, [0.5], weight, optimiser, schedule)
    other = torch.nn.Linear(2, 1)
    fresh = torch.optim.AdamW(other.parameters(), lr=0.5)
    on = torch.optim.lr_scheduler.LambdaLR(fresh, lambda step: 1 / (1 + step))
    back = Kept(tmp_path / "running", same)
    assert (back.step, back.curve, back.resumed) == (7, [0.5], [7])
    back.load(other, fresh, on)
    assert torch.equal(other.weight, weight.weight)
    assert [g["lr"] for g in fresh.param_groups] == [0.25]  # the very next step is made with the right rate
    assert not any(p.suffix == ".pt" for p in (tmp_path / "running").rglob("*"))
    start.write_bytes(b"two")
    for what, run in (
        ("recipe", run_of(Recipe(seed=1), ROWS, ["here"], ROWS[:1], start)),
        ("data", run_of(Recipe(), ROWS[1:], ["here"], ROWS[:1], start)),
        ("data", run_of(Recipe(), ROWS, ["here"], ROWS[:2], start)),
        ("list of words", run_of(Recipe(), ROWS, ["there"], ROWS[:1], start)),
        ("start", run_of(Recipe(), ROWS, ["here"], ROWS[:1], start)),
    ):
        with pytest.raises(UserFault, match=f"another {what}"):
            Kept(tmp_path / "running", run)
