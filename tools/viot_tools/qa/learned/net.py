"""The network in NumPy: features to the form of a question and to the words that fill its slots.

A linear layer, a bidirectional gated recurrent unit (Cho et al., "Learning Phrase Representations using RNN
Encoder-Decoder", EMNLP 2014, eq. 5 to 8, with the reset gate after the product as PyTorch has it), a softmax over forms
from attention and mean, and one over begin-inside-outside tags of slots. The best tags are found by Viterbi over those
that the form has. torch is not imported. Owns the arithmetic. Knows no word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from viot_agent.errors import WeightsMissing
from viot_agent.foreign import read_json
from viot_tools.qa.learned.forms import FORMS, SLOTS

Array = npt.NDArray[np.float32]
WEIGHTS = Path(__file__).with_name("learned.safetensors")
NONE = "none"
"""The form of questions that are none of the others."""
CLASSES: tuple[str, ...] = (*FORMS, NONE)
TAGS: tuple[str, ...] = ("O", *(f"{p}-{slot}" for slot in SLOTS for p in "BI"))


@dataclass(frozen=True, slots=True)
class Spotted:
    """A slot's tokens ``[first, last)`` and how sure each of them is at least."""

    slot: str
    first: int
    last: int
    sure: float


@dataclass(frozen=True, slots=True)
class Scores:
    """``forms`` (len(CLASSES),) and ``tags`` (T, len(TAGS)): probabilities."""

    forms: Array
    tags: Array


class Net:
    """The weights. ``threshold``: below it nothing is read; ``outside``: form -> tags seen outside of its slots.

    ``arrays`` may hold several networks, their names behind ``0/``, ``1/``, ...: the mean of what they say counts.
    """

    def __init__(self, arrays: Mapping[str, Array], threshold: float, outside: Mapping[str, frozenset[str]]) -> None:
        self.arrays = {k: v.astype(np.float32) for k, v in arrays.items()}
        parts: dict[str, dict[str, Array]] = {}
        for name, value in self.arrays.items():
            number, _, key = name.rpartition("/")
            parts.setdefault(number, {})[key] = value
        self._parts = tuple(parts.values())
        self.threshold, self.outside = threshold, outside

    def __call__(self, x: Array) -> Scores:
        """Scores of features ``x`` (T, FEATURES)."""
        every = [_scores(w, x) for w in self._parts]
        return Scores(_mean([s.forms for s in every]), _mean([s.tags for s in every]))


def _scores(w: Mapping[str, Array], x: Array) -> Scores:
    z = np.maximum(x @ w["project.weight"].T + w["project.bias"], 0.0)
    o = np.concatenate([_gru(w, z, ""), _gru(w, z[::-1], "_reverse")[::-1]], axis=1)
    attention = softmax((o @ w["attend.weight"].T + w["attend.bias"])[:, 0])
    pooled = np.concatenate([attention @ o, x[:, : w["form.weight"].shape[1] - o.shape[1]].mean(axis=0)])
    forms = softmax(pooled @ w["form.weight"].T + w["form.bias"])
    return Scores(forms, softmax(o @ w["tag.weight"].T + w["tag.bias"]))


def _mean(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.mean(parts, axis=0, dtype=np.float32)


def _gru(w: Mapping[str, Array], z: Array, way: str) -> Array:
    w_in, w_hid = w[f"gru.weight_ih_l0{way}"], w[f"gru.weight_hh_l0{way}"]
    inner = z @ w_in.T + w[f"gru.bias_ih_l0{way}"]
    bias, size = w[f"gru.bias_hh_l0{way}"], w_hid.shape[1]
    h = np.zeros(size, np.float32)
    out = np.empty((len(z), size), np.float32)
    for t in range(len(z)):
        g = w_hid @ h + bias
        gates = 1.0 / (1.0 + np.exp(-(inner[t, : 2 * size] + g[: 2 * size])))
        new = np.tanh(inner[t, 2 * size :] + gates[:size] * g[2 * size :])
        h = (1.0 - gates[size:]) * new + gates[size:] * h
        out[t] = h
    return out


def softmax(x: Array) -> Array:
    """Over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    out: Array = (e / e.sum(axis=-1, keepdims=True)).astype(np.float32)
    return out


def one_slot(tags: Array) -> Array:
    """Probabilities (T, len(TAGS)) where what may be ``b`` is ``a``: for forms that do not tell them apart."""
    out = tags.copy()
    for p in "BI":
        a, b = TAGS.index(f"{p}-a"), TAGS.index(f"{p}-b")
        out[:, a] += out[:, b]
        out[:, b] = 0.0
    return out


def slots_of(tags: Array, able: Sequence[str]) -> list[Spotted]:
    """The best slots of kinds ``able`` in tag probabilities (T, len(TAGS)): an inside tag follows its own begin or
    inside."""
    keep = [0, *(i for i, t in enumerate(TAGS) if i and t[2:] in able)]
    logs = np.log(np.maximum(tags[:, keep], 1e-9))
    names = [TAGS[i] for i in keep]
    ban = np.zeros((len(keep), len(keep)), np.float32)
    for j, name in enumerate(names):
        if name.startswith("I-"):
            ban[[i for i, n in enumerate(names) if n[2:] != name[2:] or n == "O"], j] = -1e9
    best, back = logs[0].copy(), np.zeros((len(tags), len(keep)), np.int64)
    best[[i for i, n in enumerate(names) if n.startswith("I-")]] = -1e9
    for t in range(1, len(tags)):
        ways = best[:, None] + ban
        back[t] = ways.argmax(axis=0)
        best = ways.max(axis=0) + logs[t]
    path = [int(best.argmax())]
    for t in range(len(tags) - 1, 0, -1):
        path.append(int(back[t, path[-1]]))
    path.reverse()
    found: list[Spotted] = []
    for t, tag in enumerate(path):
        name, sure = names[tag], float(tags[t, keep[tag]])
        if name.startswith("B-"):
            found.append(Spotted(name[2:], t, t + 1, sure))
        elif name.startswith("I-"):
            last = found[-1]
            found[-1] = Spotted(last.slot, last.first, t + 1, min(last.sure, sure))
    return found


@cache
def load(path: Path = WEIGHTS) -> Net:
    """The shipped network. Raises WeightsMissing where its file is not there or damaged."""
    try:
        with safe_open(path, framework="np") as file:
            facts = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError) as fault:
        raise WeightsMissing(
            f"the weights of the learned parser cannot be read: {path} ({fault})",
            fix="reinstall viot-agent, or train it: python -m viot_finetune.qa.parser",
        ) from fault
    wrong = WeightsMissing(f"{path} is of another version", fix="train it: python -m viot_finetune.qa.parser")
    try:
        if read_json(facts["classes"]) != list(CLASSES) or read_json(facts["tags"]) != list(TAGS):
            raise wrong
        outside = {form: frozenset(tags) for form, tags in read_json(facts["outside"]).items()}
        return Net(arrays, float(facts["threshold"]), outside)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise wrong from fault
