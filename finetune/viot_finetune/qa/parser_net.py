"""The network of the learned parser in PyTorch, its training and its weights as they ship.

The same layers as ``viot_tools.qa.learned.net``, which runs them in NumPy. Owns loss, schedule and layout of the
arrays. Knows no sentence.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from viot_agent.sentences import WIDTH
from viot_finetune.qa.parser_data import Sample
from viot_tools.qa.learned.net import CLASSES, TAGS
from viot_tools.qa.learned.text import FEATURES

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run. ``fills``: fillings of each phrasing; ``others``: of each sentence out of reach;
    ``spoken``: copies of each sentence without gaps, the thing in it often another one."""

    seed: int = 0
    fills: int = 2
    others: int = 1
    spoken: int = 4
    epochs: int = 10
    batch: int = 48
    rate: float = 4e-3
    decay: float = 0.02
    inner: int = 160
    hidden: int = 112
    dropout: float = 0.3
    smoothing: float = 0.05
    tags: float = 2.0
    """What the loss of the tags weighs beside that of the form."""
    nets: int = 1
    """Networks, from seeds ``seed`` on, whose mean counts: one seed's luck with a rare sentence is averaged out."""


class QuestionNet(nn.Module):
    """Features (B, T, FEATURES) to form logits (B, forms) and tag logits (B, T, tags)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        wide = 2 * recipe.hidden
        self.drop = nn.Dropout(recipe.dropout)
        self.project = nn.Linear(FEATURES, recipe.inner)
        self.gru = nn.GRU(recipe.inner, recipe.hidden, batch_first=True, bidirectional=True)
        self.attend = nn.Linear(wide, 1)
        self.form = nn.Linear(wide + WIDTH, len(CLASSES))
        self.tag = nn.Linear(wide, len(TAGS))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.arange(x.shape[1])[None] < lengths[:, None]
        z = torch.relu(self.project(self.drop(x)))
        packed = nn.utils.rnn.pack_padded_sequence(z, lengths, batch_first=True, enforce_sorted=False)
        o, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])
        o = self.drop(o)
        attention = self.attend(o).squeeze(-1).masked_fill(~mask, -1e9).softmax(1)
        mean = (x[..., :WIDTH] * mask[..., None]).sum(1) / lengths[:, None]
        pooled = torch.cat([(attention[..., None] * o).sum(1), mean], 1)
        return self.form(pooled), self.tag(o)


def trained(samples: Sequence[Sample], recipe: Recipe) -> QuestionNet:
    """The network after all epochs. Seeded; one thread gives the same weights every time."""
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    net = QuestionNet(recipe)
    steps = sum(1 for _ in _batches(samples, recipe.batch, random.Random(0))) * recipe.epochs
    optimiser = torch.optim.AdamW(net.parameters(), recipe.rate / 2, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    started = time.monotonic()
    for epoch in range(recipe.epochs):
        total, n = 0.0, 0
        for part in _batches(samples, recipe.batch, rng):
            x, lengths, tags, forms = _padded(part)
            said, marked = net(x, lengths)
            loss = F.cross_entropy(said, forms, label_smoothing=recipe.smoothing)
            if (tags >= 0).any():
                loss = loss + recipe.tags * F.cross_entropy(marked.transpose(1, 2), tags, ignore_index=-100)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total, n = total + float(loss.detach()), n + 1
        _LOG.info("epoch %d of %d, loss %.3f, %.0f s", epoch + 1, recipe.epochs, total / n, time.monotonic() - started)
    return net.eval()


def _batches(samples: Sequence[Sample], size: int, rng: random.Random) -> Iterator[list[Sample]]:
    """Shuffled batches of sentences of about the same length."""
    order = list(range(len(samples)))
    rng.shuffle(order)
    order.sort(key=lambda i: len(samples[i].tags) // 6)
    parts = [order[i : i + size] for i in range(0, len(order), size)]
    rng.shuffle(parts)
    for part in parts:
        yield [samples[i] for i in part]


def _padded(part: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    lengths = torch.tensor([len(s.tags) for s in part])
    most = int(lengths.max())
    x, tags = torch.zeros(len(part), most, FEATURES), torch.full((len(part), most), -100)
    for i, s in enumerate(part):
        x[i, : len(s.tags)] = torch.from_numpy(s.x.astype(np.float32))
        tags[i, : len(s.tags)] = torch.from_numpy(s.tags)
    return x, lengths, tags, torch.tensor([s.form for s in part])


def arrays(net: QuestionNet) -> dict[str, npt.NDArray[np.float16]]:
    """The weights as they ship, float16."""
    return {name: value.detach().numpy().astype(np.float16) for name, value in net.state_dict().items()}
