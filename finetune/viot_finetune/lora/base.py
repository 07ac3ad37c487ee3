"""A small Llama-style base made here: byte-level BPE and about five million parameters, pretrained on our own texts.

It stands in for a real base where none can be had (no network, no GPU), so that the recipes can be compared. It is not
a model to use. Owns tokenizer, shape and the pretraining loop.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from viot_agent.toolbox import Toolbox
from viot_finetune.lora.card import write_card
from viot_finetune.lora.texts import Writer, describe

END, PAD = "<|end|>", "<|pad|>"


@dataclass(frozen=True, slots=True)
class Shape:
    """The model's size. The defaults have about 5 M parameters."""

    vocabulary: int = 4096
    width: int = 224
    layers: int = 7
    heads: int = 7
    inner: int = 608
    context: int = 4096


@dataclass(frozen=True, slots=True)
class Pretraining:
    """All that decides a pretraining run. ``tokens`` to read in all; ``block`` tokens a row, ``batch`` rows a step."""

    tokens: int = 1_000_000
    seed: int = 0
    rate: float = 2e-3
    batch: int = 4
    block: int = 768
    tokenizer_documents: int = 6000


def make_tokenizer(texts: Sequence[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer: every text can be written, nothing is unknown."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, pad_token=PAD)


def make_model(tokenizer: Any, shape: Shape, seed: int) -> Any:
    """A randomly initialised model; the same seed, the same weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def pretrain(
    rows: Sequence[dict[str, Any]],
    toolbox: Toolbox,
    out: Path,
    *,
    shape: Shape | None = None,
    run: Pretraining | None = None,
    prose: Sequence[str] = (),
    command: str = "",
) -> float:
    """Make tokenizer and model, train, write the folder ``out`` with its card. Returns the last loss (nats a token)."""
    import torch

    shape, run = shape or Shape(), run or Pretraining()
    sample = list(itertools.islice(Writer(rows, toolbox, run.seed, prose), run.tokenizer_documents))
    tokenizer = make_tokenizer(sample, shape.vocabulary)
    model = make_model(tokenizer, shape, run.seed).to("cuda" if torch.cuda.is_available() else "cpu")
    steps = max(1, run.tokens // (run.batch * run.block))
    optimiser = torch.optim.AdamW(model.parameters(), run.rate, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: _factor(s, steps))
    stream = _blocks(Writer(rows, toolbox, run.seed + 1, prose), tokenizer, run)
    losses: list[float] = []
    started = time.monotonic()
    model.train()
    for _ in range(steps):
        ids = torch.tensor(next(stream), device=model.device)
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    seconds = time.monotonic() - started
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out, safe_serialization=True)
    tokenizer.save_pretrained(out)
    last = sum(losses[-20:]) / len(losses[-20:])
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "shape": asdict(shape),
        "pretraining": asdict(run),
        "saw": describe(),
        "tokens": steps * run.batch * run.block,
        "loss_curve": [round(sum(losses[k : k + 20]) / len(losses[k : k + 20]), 3) for k in range(0, steps, 20)],
        "last_loss": round(last, 4),
        "seconds": round(seconds, 1),
        "command": command,
    }
    write_card(out, "A small base to compare recipes on", facts, f"hf:{out}")
    return last


def _factor(step: int, steps: int) -> float:
    """Linear warm-up over 4 %, then a cosine to a twentieth."""
    warm = max(1, steps // 25)
    return min((step + 1) / warm, 0.05 + 0.95 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps))))


def _blocks(writer: Writer, tokenizer: Any, run: Pretraining) -> Iterator[list[list[int]]]:
    """Batches of full blocks: documents one after the other, each ended by the end token."""
    documents = iter(writer)
    ids: list[int] = []
    while True:
        while len(ids) < run.batch * run.block:
            ids += [*tokenizer(next(documents), add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        yield [ids[k * run.block : (k + 1) * run.block] for k in range(run.batch)]
        ids = ids[run.batch * run.block :]
