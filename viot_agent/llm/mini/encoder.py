"""The encoder at run time: units to vectors, through the MiniLM graph in ONNX Runtime.

The graph is built once a machine and cached under ``VIOT_HOME/cache`` by the hash of its sources; two
processes that build it at the same time write the same bytes. A request longer than MiniLM's 512 positions is read in
overlapping windows, each unit taken from the window where it stands most central: nothing is cut.

Owns tokenising and running. Does not know what the vectors are for. torch and transformers are not imported.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from viot_agent.llm.mini import assets, encoder_graph
from viot_agent.llm.mini.spelling import Speller
from viot_agent.llm.mini.units import Unit
from viot_agent.weights import default_home

Array = npt.NDArray[np.float32]

WIDTH = encoder_graph.WIDTH
WINDOW, OVERLAP = 510, 96
_LOG = logging.getLogger(__name__)


class Reader:
    """Units to token ids. One tokenised string a unit, so tokens never straddle two units."""

    def __init__(self, folder: Path, words: Sequence[str] = ()) -> None:
        """``words``: what misspelt words are read as, most frequent first."""
        self._tokenizer = Tokenizer.from_file(str(assets.checked(folder / "tokenizer.json", assets.TOKENIZER_SHA256)))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        known = self._tokenizer.get_vocab()
        self.cls, self.sep, self.unk = (known[t] for t in ("[CLS]", "[SEP]", "[UNK]"))
        self._speller = Speller(words, known)

    def pieces(self, readings: Sequence[str]) -> list[list[int]]:
        """Token ids of each reading, at least one and at most 48 each (a unit longer than that is no word)."""
        rows = self._tokenizer.encode_batch(list(readings), add_special_tokens=False)
        return [row.ids[:48] or [self.unk] for row in rows]

    def unit_pieces(self, units: Sequence[Unit]) -> list[list[int]]:
        """Token ids of each unit as it is read; the first of a later segment is preceded by [SEP]."""
        read = [u.reading if u.marked else self._speller.read(u.reading) for u in units]
        rows = self.pieces(read) if units else []
        for i in range(1, len(rows)):
            if units[i].segment != units[i - 1].segment:
                rows[i] = [self.sep, *rows[i]]
        return rows

    def spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of a whole text with [CLS] and [SEP], and the characters (from, to) that each stands for."""
        row = self._tokenizer.encode(text)
        return row.ids, row.offsets

    def text(self, text: str) -> list[int]:
        """Token ids of a whole text with [CLS] and [SEP], at most 512: for cards, which are short."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids if len(ids) <= 512 else [*ids[:511], self.sep]


def windows(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of units ``[first, last)`` whose tokens fit one window, overlapping by about OVERLAP tokens."""
    spans: list[tuple[int, int]] = []
    first = 0
    while True:
        last, used = first, 0
        while last < len(lengths) and used + lengths[last] <= WINDOW:
            used += lengths[last]
            last += 1
        spans.append((first, last))
        if last >= len(lengths):
            return spans
        back, step = 0, last
        while step > first + 1 and back < OVERLAP:
            step -= 1
            back += lengths[step]
        first = step


class Encoder:
    """MiniLM with the adapter merged. ``home`` is where the built graph is kept."""

    def __init__(
        self,
        adapter: Mapping[str, Array],
        scale: float,
        *,
        reader: Reader | None = None,
        home: Path | None = None,
        threads: int = 2,
    ) -> None:
        folder = assets.encoder_dir()
        self.reader = reader or Reader(folder)
        self.path = cached_graph(folder, adapter, scale, home or default_home())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        # spinning threads burn the core that the next process needs
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])

    def states(self, ids: Sequence[int]) -> Array:
        """Last hidden states (T, 384) of token ids."""
        out: Array = self._session.run(None, {"ids": np.asarray([ids], np.int64)})[0]
        return out

    def sentence(self, text: str) -> Array:
        """Mean-pooled, normalised embedding (384,) of a short text."""
        pooled = self.states(self.reader.text(text)).mean(axis=0)
        out: Array = pooled / max(float(np.linalg.norm(pooled)), 1e-9)
        return out

    def units(self, units: Sequence[Unit]) -> Array:
        """One vector a unit, (N, 384): the mean of its tokens' states, read in context."""
        pieces = self.reader.unit_pieces(units)
        out = np.zeros((len(units), WIDTH), np.float32)
        best = np.full(len(units), -1)
        spans = windows([len(p) for p in pieces]) if units else []
        for first, last in spans:
            ids = [self.reader.cls, *(i for p in pieces[first:last] for i in p), self.reader.sep]
            states = self.states(ids)
            at = 1
            for n in range(first, last):
                to = at + len(pieces[n])
                margin = min(n - first, last - 1 - n)
                if margin > best[n]:
                    best[n], out[n] = margin, states[at:to].mean(axis=0)
                at = to
        return out


def cached_graph(folder: Path, adapter: Mapping[str, Array], scale: float, home: Path) -> Path:
    """The path of the graph, built when it is not there. The source's checksum is checked when it is read."""
    key = hashlib.sha256(f"{encoder_graph.REVISION} {assets.ENCODER_SHA256} {scale} {onnxruntime.__version__}".encode())
    for name in sorted(k for k in adapter if k.startswith("lora.")):
        key.update(name.encode() + adapter[name].tobytes())
    path = home / "cache" / f"minilm-{key.hexdigest()[:16]}.onnx"
    if not path.is_file():
        _LOG.info("building the encoder at %s (once)", path)
        base = load_file(assets.checked(folder / "model.safetensors", assets.ENCODER_SHA256))
        merged = encoder_graph.merge_adapter(base, adapter, scale)
        assets.write_atomic(path, encoder_graph.build(merged))
    return path
