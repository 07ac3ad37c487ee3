"""One training run: transformers' Trainer over packed or plain conversations, with peft's adapter or all weights.

``accelerate launch -m viot_finetune.lora ...`` runs the same on several devices. Checkpoints lie in ``OUT/checkpoints``
and a killed run goes on from the last with ``resume``. What comes out is a folder that ``hf:`` loads: an adapter, or a
whole model after full fine-tuning, with its card.

Owns the run. Knows no phrasing, and no tool but through the corpus.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from viot_agent.bench.cards import cards
from viot_agent.bench.cases import Case
from viot_agent.bench.report import bootstrap
from viot_agent.errors import FailedFault, UserFault
from viot_agent.llm.hf import HFChat, model_folder
from viot_agent.toolbox import Toolbox
from viot_finetune.lora.card import write_card
from viot_finetune.lora.conversation import Conversation
from viot_finetune.lora.dataset import Corpus
from viot_finetune.lora.evaluate import bench_success, evaluate, shares
from viot_finetune.lora.packing import Block, Collator, alone, pack
from viot_finetune.lora.presets import Recipe, lora_config, quantisation

STEP_TOKENS = 256
"""How many new tokens a step may have in the evaluation; one that is longer counts as no step."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is decoded during training, every ``every`` updates (0: only at the end): held-out phrasings over the tools
    trained on, and cases of VIoT-Bench over all of its tools."""

    cases: tuple[Conversation, ...]
    toolbox: Toolbox
    every: int = 0
    bench: tuple[Case, ...] = ()

    def words(self) -> str:
        return f"{len(self.cases)} held-out phrasings, {len(self.bench)} cases of VIoT-Bench; greedy, under the grammar"


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a run before its epochs do: updates (0: none) and minutes of wall clock (0: none)."""

    updates: int = 0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run. ``losses`` are (update, loss); ``evaluations`` (update, {metric: (share, low, high)})."""

    folder: Path
    updates: int
    seconds: float
    trainable: int
    losses: tuple[tuple[int, float], ...]
    evaluations: tuple[tuple[int, dict[str, tuple[float, float, float]]], ...] = ()
    stopped_by_clock: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def load_base(name: str, recipe: Recipe, *, weights: bool = True) -> tuple[Any, Any]:
    """Model and tokenizer of a hub name or a folder (None for the model without ``weights``).

    Raises FailedFault naming what is missing.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = model_folder(name)
    half = _bf16(recipe) and recipe.method != "full" and torch.cuda.is_available()
    options: dict[str, Any] = {"dtype": torch.bfloat16 if half else torch.float32}
    config = quantisation(recipe)
    if config is not None:
        options["quantization_config"] = config
    if recipe.packing:
        options["attn_implementation"] = "sdpa"
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        if not weights:
            return None, tokenizer
        model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True, **options)
    except (OSError, ValueError) as error:
        raise FailedFault(
            f"the language model {name} cannot be loaded: {str(error).splitlines()[0]}",
            fix=f"check the name and the network, or put the model's folder at VIOT_MODELS/{name}",
        ) from error
    return model, tokenizer


def prepared(model: Any, recipe: Recipe) -> Any:
    """The model with what the recipe trains: an adapter, or all weights."""
    if recipe.method == "full":
        return model
    from peft import get_peft_model, prepare_model_for_kbit_training

    if recipe.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=recipe.checkpointing)
    elif recipe.checkpointing:
        # the frozen embeddings' output must carry a gradient through the recomputed blocks
        model.enable_input_require_grads()
    return get_peft_model(model, lora_config(recipe))


def blocks_of(corpus: Corpus, recipe: Recipe, seed: int) -> list[Block]:
    """The corpus as rows of batches."""
    if recipe.packing:
        return pack(corpus.sequences, recipe.max_length, seed)
    return [alone(s) for s in corpus.sequences]


def tune(
    base: str,
    corpus: Corpus,
    recipe: Recipe,
    out: Path,
    *,
    seed: int = 0,
    limits: Limits | None = None,
    resume: bool = False,
    save_every: int = 0,
    evaluation: Evaluation | None = None,
    command: str = "",
) -> Result:
    """Train and write the folder ``out``.

    Raises UserFault when there is nothing to resume from, FailedFault when the base or a library is missing.
    """
    from transformers import set_seed

    limits = limits or Limits()
    set_seed(seed)
    loaded, tokenizer = load_base(base, recipe)
    net = prepared(loaded, recipe)
    trainable = sum(p.numel() for p in net.parameters() if p.requires_grad)
    blocks = blocks_of(corpus, recipe, seed)
    trainer_class, last_checkpoint, printer = _trainer()
    checkpoints = out / "checkpoints"
    begin = last_checkpoint(str(checkpoints)) if resume and checkpoints.is_dir() else None
    if resume and begin is None:
        raise UserFault(f"{checkpoints} holds no checkpoint to resume from", fix="leave out --resume")
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    watch = _watch(limits, evaluation, tokenizer)
    trainer = trainer_class(
        model=net,
        args=_arguments(recipe, checkpoints, seed, limits.updates, save_every),
        train_dataset=_Rows(blocks),
        data_collator=Collator(int(pad)),
        callbacks=[watch],
    )
    # progress goes to stderr, in words: standard output is for results
    trainer.remove_callback(printer)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=begin)
    seconds = time.monotonic() - started
    final = watch.final(net, trainer.state.global_step) if trainer.is_world_process_zero() else {}
    losses = tuple((int(r["step"]), float(r["loss"])) for r in trainer.state.log_history if "loss" in r)
    trainer.save_model(str(out))
    facts = {
        "base": base,
        "recipe": asdict(recipe),
        "seed": seed,
        "data": {
            "report": corpus.report(),
            "tokens_sha256": corpus.digest(),
            **corpus.facts,
            "left_out_too_long": list(corpus.too_long),
        },
        "updates": int(trainer.state.global_step),
        "rows_of_batches": len(blocks),
        "trainable_parameters": trainable,
        "seconds": round(seconds, 1),
        "last_losses": [round(loss, 4) for _, loss in losses[-3:]],
        "stopped_by_clock": watch.stopped,
        "metrics": {m: [round(x, 4) for x in v] for m, v in final.items()} or "not evaluated",
        "evaluated_on": evaluation.words() if evaluation else "",
        "command": command,
    }
    serve = f"hf:{out}" if recipe.method == "full" else f"hf:{base}+adapter={out}"
    if trainer.is_world_process_zero():
        tokenizer.save_pretrained(out)
        write_card(out, f"{recipe.name} on {base}", facts, serve)
    return Result(
        out, int(trainer.state.global_step), seconds, trainable, losses, tuple(watch.seen), watch.stopped,
        {**facts, "serve": serve},
    )  # fmt: skip


class _Rows:
    """A map-style data set (Trainer asks for length and item only)."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> Block:
        return self.blocks[index]


def _bf16(recipe: Recipe) -> bool:
    """Is bfloat16 wanted, and does the hardware compute in it (on a CPU it would only be emulated)?"""
    import torch

    return recipe.bf16 and torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def _arguments(recipe: Recipe, folder: Path, seed: int, updates: int, save_every: int) -> Any:
    import torch
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        max_steps=updates or -1,
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        bf16=_bf16(recipe),
        seed=seed,
        data_seed=seed,
        save_strategy="steps" if save_every else "no",
        save_steps=save_every or 500,
        save_total_limit=2,
        logging_steps=10,
        report_to="none",
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        **_checkpointing(TrainingArguments, recipe),
    )


def _checkpointing(arguments: Any, recipe: Recipe) -> dict[str, Any]:
    """Activations recomputed instead of kept; transformers 5.24 gave the argument another name."""
    if not recipe.checkpointing:
        return {}
    name = next(
        n for n in ("activation_checkpointing", "gradient_checkpointing") if n in arguments.__dataclass_fields__
    )
    return {name: True, f"{name}_kwargs": {"use_reentrant": False}}


def _trainer() -> tuple[Any, Callable[[str], str | None], Any]:
    """Trainer, the finder of checkpoints, and the callback that prints to standard output.

    transformers takes any importable ``datasets`` for Hugging Face's, also a bare folder of that name on the path (this
    repository has one), and then fails on it. Our rows are never of that kind, so the question is answered here.
    """
    import transformers.trainer as module
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    module.is_datasets_available = lambda: False
    return module.Trainer, get_last_checkpoint, PrinterCallback


def _watch(limits: Limits, evaluation: Evaluation | None, tokenizer: Any) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Stops at the clock and decodes held-out cases; a class in a function because transformers loads late."""

        def __init__(self) -> None:
            self.started = time.monotonic()
            self.stopped = False
            self.seen: list[tuple[int, dict[str, tuple[float, float, float]]]] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
            if limits.minutes and time.monotonic() - self.started > 60 * limits.minutes:
                self.stopped = control.should_training_stop = True
            if (
                evaluation is not None
                and evaluation.every
                and state.global_step % evaluation.every == 0
                and state.is_world_process_zero
            ):
                self._decode(kwargs["model"], state.global_step)
            return control

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            loss = state.log_history[-1].get("loss")
            if loss is not None and state.is_world_process_zero:
                print(f"update {state.global_step} of {state.max_steps}: loss {float(loss):.3f}", file=sys.stderr)

        def final(self, model: Any, step: int) -> dict[str, tuple[float, float, float]]:
            if evaluation is None:
                return {}
            if not self.seen or self.seen[-1][0] != step:
                self._decode(model, step)
            return self.seen[-1][1]

        def _decode(self, model: Any, step: int) -> None:
            assert evaluation is not None, "called only with cases"
            self.seen.append((step, decoded(model, tokenizer, evaluation)))

    return Watch()


def decoded(model: Any, tokenizer: Any, evaluation: Evaluation) -> dict[str, tuple[float, float, float]]:
    """Shares of right held-out cases, decoded greedily under the grammar; the model's training mode is given back."""
    training, cache = model.training, getattr(model.config, "use_cache", None)
    model.eval()
    model.config.use_cache = True
    try:
        chat = HFChat(model=model, tokenizer=tokenizer, toolbox=evaluation.toolbox, max_new_tokens=STEP_TOKENS)
        found = shares(evaluate(chat, evaluation.cases)) if evaluation.cases else {}
        if evaluation.bench:
            right = bench_success(chat.model_copy(update={"toolbox": Toolbox(cards().values())}), evaluation.bench)
            found["bench.SR"] = (sum(right) / len(right), *bootstrap([float(r) for r in right], 0))
        return found
    finally:
        model.config.use_cache = cache
        model.train(training)


def summary(result: Result) -> str:
    """One line for the terminal."""
    metrics = result.evaluations[-1][1] if result.evaluations else {}
    words = ", ".join(f"{name} {100 * share:.1f} %" for name, (share, _, _) in metrics.items())
    loss = f"{result.losses[-1][1]:.3f}" if result.losses else "not logged"
    done = f"{result.folder}: {result.updates} updates in {result.seconds:.0f} s, loss {loss}"
    return f"{done}; {words}" if words else done
