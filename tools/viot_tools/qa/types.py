"""The taxonomy of questions about video, as types (Zhong et al., "Video Question Answering: Datasets, Algorithms and
Challenges", EMNLP 2022): task, data invoked, and question types that fall into factoid and inference.

Owns the vocabulary. Knows no question and no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Task = Literal["open", "multiple-choice"]
Data = Literal["normal", "multi-modal", "knowledge", "commonsense"]
"""What an answer needs beside the pictures: nothing; sound or subtitles; facts of the world; common sense."""
Factoid = Literal["what", "who", "where", "when", "how_many", "which_colour", "action"]
Inference = Literal["order", "before_after", "state_change", "why", "how", "predictive", "counterfactual"]
QuestionType = Factoid | Inference

FACTOID: tuple[str, ...] = get_args(Factoid)
INFERENCE: tuple[str, ...] = get_args(Inference)
TYPES: tuple[str, ...] = FACTOID + INFERENCE


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a question stands in the taxonomy."""

    type: QuestionType
    task: Task = "open"
    data: Data = "normal"

    @property
    def factoid(self) -> bool:
        """Directly visible, or else to be inferred (temporal, causal)."""
        return self.type in FACTOID

    @property
    def words(self) -> str:
        """``how many (factoid, open)``."""
        family = "factoid" if self.factoid else "inference"
        beyond = "" if self.data == "normal" else f", {self.data}"
        return f"{self.type.replace('_', ' ')} ({family}, {self.task}{beyond})"
