"""Plain text to pretrain a small base on, made by this project's own generator: no right tool stands beside a request.

What it holds: requests with their context lines, the names and times that code recognises in them (copying is learnt
before tuning), lists said twice, observations and the answers that repeat them, steps *without* the request that they
answer, tool cards, and the repository's own prose.

Owns the kinds of documents and their shares. Knows no tokenizer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from viot_agent.agent.prompt import system_text
from viot_agent.react import Finish, render, render_observation
from viot_agent.toolbox import Toolbox
from viot_finetune.instruct.pools import Pools
from viot_finetune.instruct.site import Noise
from viot_finetune.lora.conversation import Conversation, Outside, Unfilled, filled

SHARES = {"request": 24, "said": 30, "list": 14, "report": 12, "step": 10, "card": 4, "prose": 6}
"""How often each kind comes, in percent."""


def describe() -> str:
    """What a base made of these texts saw, for its card."""
    shares = ", ".join(f"{name} {share} %" for name, share in SHARES.items())
    return (
        f"documents by kind: {shares}. 'said' is a request and, as JSON, what code recognised in it; 'step' is a step "
        "of the ReAct text without its request; no document holds a request together with the tool that answers it"
    )


class Writer:
    """An endless seeded stream of documents."""

    def __init__(self, rows: Sequence[dict[str, Any]], toolbox: Toolbox, seed: int, prose: Sequence[str] = ()) -> None:
        self.rows, self.toolbox, self.rng = list(rows), toolbox, random.Random(seed)
        self.pools = Pools("train")
        self.prose = list(prose) or [system_text(toolbox, react=True)]
        self.noise = Noise()
        self._kept: list[Conversation] = []

    def __iter__(self) -> Iterator[str]:
        kinds, weights = list(SHARES), list(SHARES.values())
        while True:
            yield self.document(self.rng.choices(kinds, weights)[0])

    def document(self, kind: str) -> str:
        """One document of this kind."""
        if kind == "prose":
            return self.rng.choice(self.prose)
        if kind == "list":
            return self._list()
        if kind == "card":
            specs = list(self.toolbox)
            return self.rng.choice([s.card() for s in specs] + [system_text(self.toolbox, react=True)])
        case = self._case()
        request = case.opening[-1]
        if kind == "request":
            return f"user:\n{request.content}"
        if kind == "said":
            extra = request.additional_kwargs
            said = [m["text"] for m in extra["mentions"]] + list(extra["uploads"])
            # a stretch of the person's words too, so that copying does not hang on recognised names
            words = str(extra["request"]).split()
            at = self.rng.randrange(max(1, len(words) - 3))
            said.append(" ".join(words[at : at + self.rng.randint(2, 6)]))
            return f"user:\n{request.content}\nsaid:\n{json.dumps(said, ensure_ascii=False)}"
        if kind == "report":
            seen = [o for o in case.observations if o]
            end = case.steps[-1]
            if not seen or not isinstance(end, Finish):
                return f"user:\n{request.content}"
            return "\n".join([*(render_observation(o) for o in seen), render(end)])
        return render(self.rng.choice(case.steps))

    def _list(self) -> str:
        some = {
            "Cameras": [self.pools.camera(self.rng) for _ in range(self.rng.randint(2, 8))],
            "Enrolled people": [self.pools.person(self.rng) for _ in range(self.rng.randint(1, 5))],
            "Times": [self.pools.moment(self.rng) for _ in range(self.rng.randint(1, 3))],
            "Plates": [self.pools.plate(self.rng) for _ in range(self.rng.randint(1, 3))],
        }
        title = self.rng.choice(list(some))
        names = some[title]
        chosen = self.rng.sample(names, self.rng.randint(1, len(names)))
        return f"[{title}: {', '.join(names)}]\n{json.dumps(names, ensure_ascii=False)}\n" + "\n".join(chosen)

    def _case(self) -> Conversation:
        # finding mentions is the slow part: a filling comes back in several documents
        if len(self._kept) > 100 and self.rng.random() < 0.6:
            return self.rng.choice(self._kept)
        while True:
            row = self.rng.choice(self.rows)
            try:
                made = filled(row, self.rng, "train", self.noise, self.toolbox)
            except (Outside, Unfilled):
                # gives no text, now or later: not drawn again
                self.rows.remove(row)
                continue
            if len(self._kept) < 4000:
                self._kept += made
            else:
                self._kept[self.rng.randrange(4000)] = made[-1]
            return made[-1]


def prose_of(root: Path) -> list[str]:
    """Paragraphs of the Markdown files of a checkout (tables left out)."""
    found = []
    for path in sorted([*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("datasets/*/*.md")]):
        parts = path.read_text("utf-8").split("\n\n")
        found += [p.strip() for p in parts if len(p.strip()) > 80 and not p.lstrip().startswith("|")]
    return found
