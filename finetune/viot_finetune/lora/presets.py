"""The recipes: VIoTGPT's own, a modern one, full fine-tuning, QLoRA. All that decides a run stands in one record.

Owns the numbers and the adapter's configuration. Runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from viot_agent.errors import FailedFault, UserFault

Method = Literal["lora", "qlora", "full"]
ALL_LINEAR = "all-linear"
QLORA_COMMAND = "pip install 'bitsandbytes>=0.50'"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way of tuning. ``batch`` conversations (or packed blocks) a device and step, ``accumulate`` such steps an
    update; ``warmup`` a share of all updates; ``targets`` names of linear layers, or ``("all-linear",)``.

    ``bf16``: True where the hardware has it (decided at run time), False never.
    """

    name: str
    method: Method
    rate: float
    epochs: float
    batch: int = 4
    accumulate: int = 8
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.05
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    schedule: str = "cosine"
    warmup: float = 0.04
    weight_decay: float = 0.0
    max_length: int = 2048
    packing: bool = False
    checkpointing: bool = True
    bf16: bool = True
    origin: str = ""


PRESETS: dict[str, Recipe] = {
    # four GPUs of 4 conversations and 8 accumulated steps each: 128 an update; on fewer devices raise --accumulate
    "viotgpt": Recipe(
        "viotgpt", "lora", 3e-4, 8, 4, 8, origin="VIoTGPT's released script, Vicuna-7B (4 GPUs: 128 an update)"
    ),
    "viotgpt-llama": Recipe(
        "viotgpt-llama", "lora", 2e-5, 6, 2, 8, origin="VIoTGPT's released script, Llama-2-7B (4 GPUs: 64 an update)"
    ),
    "modern": Recipe(
        "modern", "lora", 2e-4, 3, 1, 8, 16, 32, 0.05, (ALL_LINEAR,), max_length=4096, packing=True,
        origin="all linear layers, packed blocks"
    ),
    "full": Recipe(
        "full", "full", 2e-5, 3, 1, 8, 0, 0, 0.0, (), max_length=4096, packing=True, origin="every weight is trained"
    ),
    "qlora": Recipe(
        "qlora", "qlora", 2e-4, 3, 1, 8, 16, 32, 0.05, (ALL_LINEAR,), max_length=4096, packing=True,
        origin="modern, over a base in 4 bits (NF4)"
    ),
}  # fmt: skip


def preset(name: str) -> Recipe:
    """The recipe of this name. Raises UserFault."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UserFault(f"there is no preset {name!r}", fix=f"the presets are {', '.join(PRESETS)}") from None


def lora_config(recipe: Recipe) -> Any:
    """peft's configuration of the recipe's adapter."""
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=ALL_LINEAR if recipe.targets == (ALL_LINEAR,) else list(recipe.targets),
        bias="none",
        task_type="CAUSAL_LM",
    )


def quantisation(recipe: Recipe) -> Any | None:
    """transformers' 4-bit configuration for QLoRA, else None. Raises FailedFault with the install command."""
    if recipe.method != "qlora":
        return None
    import importlib.util

    import torch

    if importlib.util.find_spec("bitsandbytes") is None:
        raise FailedFault("QLoRA needs bitsandbytes, which is not installed", fix=QLORA_COMMAND)
    if not torch.cuda.is_available():
        raise FailedFault("QLoRA needs a CUDA GPU", fix="choose --preset modern, or run it on a machine with one")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16,
    )
