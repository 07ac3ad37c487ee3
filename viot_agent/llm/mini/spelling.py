"""How a misspelt word is read: ``burinng`` as ``burning``, so that the encoder sees a word it knows.

Only the reading changes; what is copied is always what was typed. A word is respelt when it is none (neither the
requests the model was trained on, nor the encoder's vocabulary, nor pyspellchecker's English dictionary hold it) and
the words of those requests, shipped with the weights, have one a slip or two away. Owns the rule. Knows no tensors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from functools import cache

from rapidfuzz.distance import OSA
from spellchecker import SpellChecker

SHORTEST = 3
_WORD = re.compile(r"[a-z]{3,}")


def collect(texts: Iterable[str], least: int = 3) -> list[str]:
    """Words that stand in at least ``least`` of the texts, most frequent first, ties by the alphabet."""
    seen = Counter(word for text in texts for word in set(_WORD.findall(text.casefold())))
    return sorted((w for w, n in seen.items() if n >= least), key=lambda w: (-seen[w], w))


@cache
def dictionary() -> Container[str]:
    """English words, for telling a rare word from a misspelt one. Read at the first word that needs it (0.3 s)."""
    return frozenset(SpellChecker(language="en").word_frequency.words())


class Speller:
    """Reads words as one of ``words`` where they are neither that, nor ``known``, nor English."""

    def __init__(self, words: Sequence[str], known: Container[str]) -> None:
        self._known = known
        self._words = frozenset(words)
        self._by_length: dict[int, list[str]] = {}
        for word in words:
            self._by_length.setdefault(len(word), []).append(word)
        self._read: dict[str, str] = {}

    def read(self, word: str) -> str:
        """``word``, or the word it is a misspelling of.

        One slip (a letter more, less, other, or two swapped) is forgiven from four letters on, two from eight on; of
        three letters only swapped ones. The first letter stays, or is swapped with the second.
        """
        folded = word.casefold()
        if not _WORD.fullmatch(folded) or folded in self._words or folded in self._known:
            return word
        if folded not in self._read:
            self._read[folded] = "" if folded in dictionary() else self._nearest(folded)
        return self._read[folded] or word

    def _nearest(self, word: str) -> str:
        size = len(word)
        slips = 2 if size >= 8 else 1
        best, least = "", slips + 1
        for length in sorted(range(max(SHORTEST, size - slips), size + slips + 1), key=lambda n: abs(n - size)):
            for other in self._by_length.get(length, ()):
                if other[0] != word[0] and other[:2] != word[1::-1]:
                    continue
                if size == SHORTEST and sorted(other) != sorted(word):
                    continue
                away = OSA.distance(word, other, score_cutoff=least - 1)
                if away < least:
                    best, least = other, away
        return best
