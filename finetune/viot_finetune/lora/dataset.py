"""Conversations as tokens with a completion-only loss: what the model writes is learnt, what it is given is not.

For every step the prompt is tokenised exactly as ``llm.hf`` does when it serves, and the step follows, ended by the
end-of-turn token. Steps of one conversation share one sequence as long as each prompt begins with the tokens so far;
where a chat template rewrites its history, the step gets a sequence of its own. Nothing is cut: what is too long is
left out and counted by name.

Owns tokens and labels. Knows no batches and no recipe.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from viot_agent.errors import UserFault
from viot_agent.llm.hf import prompt_text, step_grammar
from viot_agent.llm.messages import to_chat
from viot_agent.react import render
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.check import shape_fault
from viot_finetune.instruct.fill import load_rows
from viot_finetune.instruct.pools import Half
from viot_finetune.instruct.site import CLEAN, Noise
from viot_finetune.lora.conversation import Conversation, Outside, Unfilled, filled

T = TypeVar("T")
IGNORED = -100
"""The label of a token without loss, as torch and transformers have it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One training sequence: ``ids`` and ``labels`` of equal length; a label is the token itself or IGNORED."""

    id: str
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def learnt(self) -> int:
        """How many tokens carry a loss."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sequences of a data set and what could not become one, each by its conversation's id."""

    sequences: tuple[Tokens, ...]
    too_long: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    conversations: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def learnt(self) -> int:
        return sum(s.learnt for s in self.sequences)

    @property
    def read(self) -> int:
        return sum(len(s.ids) for s in self.sequences)

    def digest(self) -> str:
        """sha256 over all tokens and labels, in order."""
        total = hashlib.sha256()
        for s in self.sequences:
            total.update(json.dumps([s.ids, s.labels]).encode())
        return total.hexdigest()

    def report(self) -> str:
        """One sentence, nothing left out silently."""
        return (
            f"{self.conversations} conversations, {len(self.sequences)} sequences, {self.read} tokens of which "
            f"{self.learnt} are learnt; left out: {len(self.too_long)} too long, {len(self.outside)} need other tools, "
            f"{len(self.unwritable)} that the step grammar cannot write, {len(self.unfilled)} that cannot be filled"
        )


def tokenise(conversation: Conversation, tokenizer: Any) -> list[Tokens]:
    """The conversation's sequences: one, or one a step where the template rewrites what was said before."""
    found: list[Tokens] = []
    ids: list[int] = []
    labels: list[int] = []
    for number, step in enumerate(conversation.steps):
        prompt = prompt_text(tokenizer, to_chat(conversation.before(number)))
        given = _ids(tokenizer, prompt)
        if ids and given[: len(ids)] != ids:
            found.append(Tokens(f"{conversation.id}#{len(found)}", tuple(ids), tuple(labels)))
            ids, labels = [], []
        labels += [IGNORED] * (len(given) - len(ids))
        written = _completion(tokenizer, prompt, given, render(step))
        ids = given + written
        labels += written
    found.append(Tokens(f"{conversation.id}#{len(found)}", tuple(ids), tuple(labels)))
    return found


def _completion(tokenizer: Any, prompt: str, given: list[int], text: str) -> list[int]:
    """The step's tokens as they follow the prompt, and the token that ends the turn."""
    if tokenizer.eos_token_id is None:
        raise UserFault("the tokenizer has no end-of-sequence token", fix="set eos_token in its tokenizer_config.json")
    whole = _ids(tokenizer, prompt + text)
    written = whole[len(given) :] if whole[: len(given)] == given else _ids(tokenizer, text)
    return [*written, int(tokenizer.eos_token_id)]


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


@dataclass(frozen=True, slots=True)
class Gathered:
    """Conversations, and the ids of the rows that gave none: they need other tools, or cannot be filled."""

    conversations: tuple[Conversation, ...]
    outside: tuple[str, ...]
    unfilled: tuple[str, ...]


def gather(
    rows: Sequence[dict[str, Any]], toolbox: Toolbox, *, fillings: int, seed: int, half: Half, noise: Noise
) -> Gathered:
    """All conversations of ``fillings`` fillings of every row."""
    rng = random.Random(seed)
    found: list[Conversation] = []
    outside: list[str] = []
    unfilled: list[str] = []
    for _ in range(fillings):
        for row in rows:
            try:
                found += filled(row, rng, half, noise, toolbox)
            except Outside:
                outside.append(str(row["id"]))
            except Unfilled:
                unfilled.append(str(row["id"]))
    return Gathered(tuple(found), tuple(outside), tuple(unfilled))


def build(found: Sequence[Conversation], tokenizer: Any, toolbox: Toolbox, *, max_length: int) -> Corpus:
    """Tokens of all conversations. A conversation with one part that is too long, or that serving could not write, is
    left out whole."""
    writable = Writable(tokenizer, toolbox)
    sequences: list[Tokens] = []
    too_long: list[str] = []
    unwritable: list[str] = []
    for conversation in found:
        if not all(writable(render(step)) for step in conversation.steps):
            unwritable.append(conversation.id)
            continue
        parts = tokenise(conversation, tokenizer)
        if any(len(p.ids) > max_length for p in parts):
            too_long.append(conversation.id)
            continue
        sequences += parts
    return Corpus(tuple(sequences), tuple(too_long), unwritable=tuple(unwritable), conversations=len(found))


class Writable:
    """Can the serving grammar write this step? What it cannot write must not be learnt."""

    def __init__(self, tokenizer: Any, toolbox: Toolbox) -> None:
        import llguidance
        import llguidance.hf

        table = llguidance.hf.from_tokenizer(tokenizer, n_vocab=len(tokenizer))
        self._fresh = llguidance.LLMatcher(table, llguidance.LLMatcher.grammar_from_lark(step_grammar(toolbox)))
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> bool:
        matcher = self._fresh.deep_copy()
        ids = _ids(self._tokenizer, text)
        return bool(matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting())


def read_rows(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """Authored rows of a folder. Raises UserFault naming the first that cannot be used."""
    try:
        rows = load_rows(folder, pattern)
    except (OSError, ValueError) as error:
        raise UserFault(str(error), fix="name the folder of the phrasings with --data") from error
    for row in rows:
        wrong = shape_fault(row)
        if wrong:
            raise UserFault(f"the row {row['id']!r} of {folder}: {wrong}", fix="python -m viot_finetune.instruct.check")
    return rows


def within(rows: Sequence[dict[str, Any]], toolbox: Toolbox) -> list[dict[str, Any]]:
    """The rows whose every step the toolbox can make."""
    return [r for r in rows if all(s["tool"] in toolbox for t in r.get("turns") or [r] for s in t["steps"])]


def corpus(
    folder: Path,
    tokenizer: Any,
    toolbox: Toolbox,
    *,
    pattern: str = "phrasings_*.jsonl",
    fillings: int = 1,
    seed: int = 0,
    max_length: int = 2048,
) -> Corpus:
    """The training corpus of a folder of phrasings. Raises UserFault when nothing is left to train on."""
    rows = read_rows(folder, pattern)
    found = gather(rows, toolbox, fillings=fillings, seed=seed, half="train", noise=Noise())
    made = build(found.conversations, tokenizer, toolbox, max_length=max_length)
    if not made.sequences:
        raise UserFault(f"nothing to train on: {made.report()}", fix="raise --max-length, or allow more tools")
    facts = {"files": _hashes(sorted(folder.glob(pattern))), "fillings": fillings, "seed": seed}
    return replace(made, outside=found.outside, unfilled=found.unfilled, facts=facts)


def held_out(folder: Path, toolbox: Toolbox, *, pattern: str = "heldout_*.jsonl", seed: int = 1) -> list[Conversation]:
    """One clean filling of every held-out phrasing, with names that training never drew."""
    rows = read_rows(folder, pattern)
    return list(gather(rows, toolbox, fillings=1, seed=seed, half="test", noise=CLEAN).conversations)


def spread(items: Sequence[T], count: int) -> list[T]:
    """``count`` items, evenly from first to last (files are sorted by tool); all where there are no more."""
    return [items[k * len(items) // count] for k in range(count)] if count < len(items) else list(items)


def _hashes(paths: Iterable[Path]) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
