"""MiniLM in PyTorch while its adapter is tuned. Owns the base model, the adapter and its names; the base model's own
weights are never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from viot_agent.llm.mini import assets
from viot_agent.llm.mini.decoder import ENCODED
from viot_agent.llm.mini.encoder import Reader
from viot_finetune.mini.flat import Dropout, Rows, adapted, adapted_at_once, attention, take
from viot_finetune.mini.prepare import Tokens
from viot_finetune.mini.recipe import Recipe


class EncoderTrainer:
    """MiniLM in PyTorch with a LoRA adapter on every linear layer of the recipe's blocks."""

    def __init__(self, recipe: Recipe) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModel

        folder = assets.encoder_dir()
        assets.checked(folder / "model.safetensors", assets.ENCODER_SHA256)
        self.recipe = recipe
        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=0.0,
            target_modules=["query", "key", "value", "dense"],
            layers_to_transform=list(recipe.layers),
        )
        self.device = torch.device(recipe.device)
        self.drop = Dropout(recipe.encoder_dropout)
        self.model = get_peft_model(AutoModel.from_pretrained(folder, add_pooling_layer=False), config)
        self.model.to(self.device).eval()
        if self.device.type == "cpu":
            adapted_at_once(self.model)

    def hidden(self, ids: torch.Tensor, rows: Rows) -> torch.Tensor:
        """MiniLM's last hidden states (T, 384) of token ids (T) that lie in ``rows``: BERT (Devlin et al., NAACL 2019)
        without padding. In training (``drop.training``) hidden states and attention are dropped from."""
        model, drop = self.model.base_model.model, self.drop
        share = drop.share if drop.training else 0.0
        said = model.embeddings
        x = said.word_embeddings(ids) + said.token_type_embeddings.weight[0] + said.position_embeddings(rows.places)
        x = drop(said.LayerNorm(x))
        for layer in model.encoder.layer:
            own, out = layer.attention.self, layer.attention.output
            q, k, v = own.query(x), own.key(x), own.value(x)
            mixed = attention(q, k, v, rows, rows, own.num_attention_heads, dropout=share)
            x = out.LayerNorm(drop(out.dense(mixed)) + x)
            inner = nn.functional.gelu(layer.intermediate.dense(x))
            x = layer.output.LayerNorm(drop(layer.output.dense(inner)) + x)
        return cast(torch.Tensor, x)

    def states(self, batch: Tokens) -> torch.Tensor:
        """Unit states (U, 384), the mean of each unit's tokens, with what is dropped in training."""
        self.drop.train()
        rows = Rows(batch.lengths, self.device)
        hidden = self.hidden(torch.from_numpy(batch.ids).to(self.device), rows)
        ends = rows.begins[1:] - 1
        inner = np.setdiff1d(np.arange(len(batch.ids)), np.concatenate([rows.begins[:-1], ends]), assume_unique=True)
        owners = torch.from_numpy(np.repeat(np.arange(len(batch.pieces)), batch.pieces)).to(self.device)
        count = torch.from_numpy(batch.pieces).to(self.device).clamp(min=1)[:, None]
        read = take(hidden, torch.from_numpy(inner).to(self.device))
        return read.new_zeros(len(batch.pieces), ENCODED).index_add(0, owners, read) / count

    @torch.no_grad()
    def embed(self, texts: Sequence[str], reader: Reader) -> torch.Tensor:
        """Mean-pooled, normalised embeddings (T, 384) of cards and slots, as the runtime makes them."""
        self.drop.eval()
        out = torch.zeros(len(texts), ENCODED, device=self.device)
        read = sorted((reader.text(t), i) for i, t in enumerate(texts))
        read.sort(key=lambda r: len(r[0]))
        size = 64 if self.device.type == "cpu" else 512
        for k in range(0, len(read), size):
            part = read[k : k + size]
            rows = Rows([len(ids) for ids, _ in part], self.device)
            ids = torch.tensor([t for ids, _ in part for t in ids], device=self.device)
            mean = rows.padded(self.hidden(ids, rows)).sum(1)
            out[[i for _, i in part]] = mean / mean.norm(dim=1, keepdim=True)
        return out

    def load(self, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take an earlier run's adapter."""
        with torch.no_grad():
            for name, value in self.model.named_parameters():
                if ".lora_" in name:
                    value.copy_(torch.from_numpy(arrays[_runtime_name(name)].astype(np.float32)))

    def adapter(self) -> dict[str, npt.NDArray[np.float32]]:
        """The adapter under the runtime's names: ``lora.<base weight>.A`` and ``.B``."""
        named = self.model.named_parameters()
        return {_runtime_name(n): v.detach().cpu().numpy() for n, v in named if ".lora_" in n}


def whole_weights(model: nn.Module) -> None:
    """Let every adapted linear layer multiply by ``W + s B A`` instead of adding two more products to its own.

    The same function and gradients (LoRA, Hu et al., ICLR 2022, equation 3, without dropout) in full precision; under
    autocast to half of it the sum would lose an adapter that is small beside W. A GPU that waits for its next kernel is
    given two instead of six a layer; a processor has more to reckon that way.
    """
    for layer in adapted(model):
        layer.forward = partial(_whole, layer)


def _whole(layer: Any, x: torch.Tensor) -> torch.Tensor:
    base, name = layer.base_layer, "default"
    own = torch.addmm(base.weight, layer.lora_B[name].weight, layer.lora_A[name].weight, alpha=layer.scaling[name])
    return nn.functional.linear(x, own, base.bias)


def _runtime_name(name: str) -> str:
    """peft's parameter name as the runtime has it: ``lora.encoder.layer.3.attention.self.query.weight.A``."""
    base, _, rest = name.partition(".lora_")
    return f"lora.{base.removeprefix('base_model.model.')}.weight.{rest[0]}"
