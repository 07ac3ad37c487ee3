"""Where a run stands, on disk: tensors as safetensors, numbers as JSON, no pickle. A run that goes on from here ends
with the same weights, bit for bit, as one that was never cut off (if its batches are the same: mini's are drawn anew).

A checkpoint is written beside the last one and takes its place by a rename, so a run that is killed while it writes
leaves the last one whole. Owns the layout. Knows no schedule.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from viot_agent.errors import UserFault

NAME = "checkpoint"
_AGAIN = "begin anew: remove that folder, and leave out --resume where it was given"


def write(
    out: Path, pair: nn.Module, optimiser: torch.optim.Optimizer, facts: Mapping[str, Any], random: list[Tensor]
) -> None:
    """Keep weights, optimiser, ``facts`` and the state of chance of every process (``random[rank]``) in ``out``."""
    new, old, gone = out / f"{NAME}.new", out / NAME, out / f"{NAME}.old"
    for left in (new, gone):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir(parents=True)
    save_file(
        {k: v.detach().cpu().contiguous().clone() for k, v in pair.state_dict().items()},
        str(new / "weights.safetensors"),
    )
    tensors, numbers = _flat(optimiser)
    save_file(tensors, str(new / "optimiser.safetensors"))
    save_file({f"rank{i}": state for i, state in enumerate(random)}, str(new / "random.safetensors"))
    (new / "state.json").write_text(json.dumps({**facts, "optimiser": numbers}, indent=1) + "\n", "utf-8")
    if old.exists():
        old.rename(gone)
    new.rename(old)
    shutil.rmtree(gone, ignore_errors=True)


def holds_one(out: Path) -> bool:
    """Whether ``out`` holds a checkpoint, whole or damaged."""
    return any((out / name / "state.json").is_file() for name in (NAME, f"{NAME}.old"))


def facts_of(out: Path, wanted: Mapping[str, type] = MappingProxyType({})) -> dict[str, Any]:
    """What :func:`write` kept as facts. Raises UserFault when there is nothing to go on from, or it is damaged: no
    JSON, or without one of ``wanted`` as that type."""
    path = _folder(out) / "state.json"
    try:
        facts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserFault(f"{path} is damaged: {error}", fix=_AGAIN) from error
    every = {**wanted, "optimiser": dict}
    lacking = [n for n, kind in every.items() if not isinstance(facts, dict) or not isinstance(facts.get(n), kind)]
    if lacking:
        raise UserFault(f"{path} is damaged: it lacks {', '.join(lacking)}", fix=_AGAIN)
    return dict(facts)


def read(out: Path, pair: nn.Module, optimiser: torch.optim.Optimizer, rank: int) -> None:
    """Put weights, optimiser and state of chance back. Raises UserFault when the checkpoint is of another run or
    damaged."""
    folder = _folder(out)
    facts = facts_of(out)
    try:
        pair.load_state_dict(_tensors(folder / "weights.safetensors"))
    except RuntimeError as error:
        raise UserFault(
            f"{folder} holds another net: {str(error).splitlines()[0]}", fix="give the options of the first run again"
        ) from error
    state = optimiser.state_dict()
    kept = _tensors(folder / "optimiser.safetensors")
    try:
        state["state"] = {int(i): dict(values) for i, values in facts["optimiser"].items()}
        for name, tensor in kept.items():
            index, _, key = name.partition(".")
            state["state"].setdefault(int(index), {})[key] = tensor
        optimiser.load_state_dict(state)
    except (TypeError, ValueError) as error:
        raise UserFault(f"the optimiser kept in {folder} is damaged: {error}", fix=_AGAIN) from error
    random = _tensors(folder / "random.safetensors")
    if f"rank{rank}" not in random:
        raise UserFault(f"{folder} was written by {len(random)} processes", fix="resume with as many")
    set_random(random[f"rank{rank}"])


def random_state() -> Tensor:
    """(B,) uint8: PyTorch's state of chance in this process, CPU first, then its GPU when it has one."""
    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states.append(torch.cuda.get_rng_state().cpu())
    return torch.cat(states)


def set_random(state: Tensor) -> None:
    """Put back what :func:`random_state` gave."""
    size = torch.get_rng_state().numel()
    torch.set_rng_state(state[:size].contiguous())
    if state.numel() > size and torch.cuda.is_available():
        torch.cuda.set_rng_state(state[size:].contiguous())


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        kept: dict[str, Tensor] = load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise UserFault(f"{path} is missing or damaged: {error}", fix=_AGAIN) from error
    return kept


def _folder(out: Path) -> Path:
    for name in (NAME, f"{NAME}.old"):
        if (out / name / "state.json").is_file():
            return out / name
    raise UserFault(f"{out} holds no checkpoint to resume from", fix="leave out --resume")


def _flat(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """Tensors by ``index.name``, and what is no tensor by index."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for index, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{name}"] = value.detach().cpu().contiguous().clone()
            else:
                numbers.setdefault(str(index), {})[name] = value
    return tensors, numbers
