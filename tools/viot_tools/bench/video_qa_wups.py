"""WUPS: how near a said answer comes to the right one on WordNet's tree of nouns.

Wu-Palmer similarity of two senses is ``2 N3 / (N1 + N2 + 2 N3)``: N3 nodes from the root to their common ancestor,
N1 and N2 steps from it to each (Wu and Palmer, "Verb Semantics and Lexical Selection", ACL 1994, section 4.1), the best
over senses and ancestors. WUPS of two sets of answers is the smaller of the two products of best matches, with what is
below the threshold weighed a tenth (Malinowski and Fritz, "A Multi-World Approach to Question Answering about
Real-World Scenes", NeurIPS 2014, equation 8 and section 4).

Owns reading of WordNet's own files (``index.noun``, ``data.noun``, ``noun.exc``) and the measure. WordNet is not part
of this package: ``apt-get install wordnet-base``, or NLTK's ``corpora/wordnet``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from viot_agent.errors import UserFault

PLACE = Path("/usr/share/wordnet")
ENDINGS = (
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
    ("s", ""),
)
"""Endings of plurals with those of the singular, as WordNet's own look-up has them (morphy)."""
BELOW = 0.1
"""Weight of a similarity below the threshold."""


@dataclass(slots=True)
class Nouns:
    """WordNet's nouns: ``senses`` lemma -> synsets, ``above`` synset -> its hypernyms (instances too), ``irregular``
    plural -> singular."""

    senses: dict[str, tuple[int, ...]]
    above: dict[int, tuple[int, ...]]
    irregular: dict[str, str] = field(default_factory=dict)
    _ways: dict[int, dict[int, int]] = field(default_factory=dict, repr=False)
    _depths: dict[int, int] = field(default_factory=dict, repr=False)

    def similarity(self, a: str, b: str) -> float:
        """Wu-Palmer over all senses, 0..1; 1 for equal words, 0 where one is no noun of WordNet."""
        one, two = (w.strip().lower().replace(" ", "_") for w in (a, b))
        if one == two:
            return 1.0
        return max((self._pair(x, y) for x in self._of(one) for y in self._of(two)), default=0.0)

    def _of(self, word: str) -> tuple[int, ...]:
        """Its senses; of a plural that is no entry, the singular's."""
        singular = [word, self.irregular.get(word, "")]
        singular += [word.removesuffix(end) + more for end, more in ENDINGS if word.endswith(end)]
        return next((self.senses[w] for w in singular if w in self.senses), ())

    def _pair(self, a: int, b: int) -> float:
        up, other = self._up(a), self._up(b)
        scores = []
        for c in up.keys() & other.keys():
            n3 = self._depth(c)
            scores.append(2 * n3 / (up[c] + other[c] + 2 * n3))
        return max(scores, default=0.0)

    def _up(self, synset: int) -> dict[int, int]:
        """Every ancestor (itself too) with the fewest steps to it."""
        if synset not in self._ways:
            ways, edge, steps = {synset: 0}, [synset], 0
            while edge:
                steps += 1
                edge = [h for s in edge for h in self.above.get(s, ()) if h not in ways]
                ways.update(dict.fromkeys(edge, steps))
            self._ways[synset] = ways
        return self._ways[synset]

    def _depth(self, synset: int) -> int:
        """Nodes from the root to it on the longest way, the root's being 1."""
        if synset not in self._depths:
            self._depths[synset] = 1 + max((self._depth(h) for h in self.above.get(synset, ())), default=0)
        return self._depths[synset]


def load(folder: Path = PLACE) -> Nouns:
    """WordNet's nouns out of a folder with ``index.noun`` and ``data.noun``. Raises UserFault without them."""
    senses: dict[str, tuple[int, ...]] = {}
    above: dict[int, tuple[int, ...]] = {}
    irregular: dict[str, str] = {}
    try:
        if (folder / "noun.exc").is_file():
            lines = (folder / "noun.exc").read_text("utf-8").splitlines()
            irregular = {words[0]: words[1] for line in lines if len(words := line.split()) > 1}
        for line in (folder / "index.noun").read_text("utf-8").splitlines():
            if not line.startswith(" "):
                lemma, _, count, *rest = line.split()
                senses[lemma] = tuple(int(w) for w in rest[len(rest) - int(count) :])
        for line in (folder / "data.noun").read_text("utf-8").splitlines():
            if not line.startswith(" "):
                words = line.partition("|")[0].split()
                at = 4 + 2 * int(words[3], 16)
                pointers = [words[at + 1 + 4 * k : at + 5 + 4 * k] for k in range(int(words[at]))]
                above[int(words[0])] = tuple(int(p[1]) for p in pointers if p[0] in ("@", "@i") and p[2] == "n")
    except (OSError, ValueError, IndexError) as error:
        raise UserFault(
            f"{folder} does not hold WordNet's index.noun and data.noun",
            fix="apt-get install wordnet-base, or name the folder with --wordnet",
        ) from error
    return Nouns(senses, above, irregular)


def wups(nouns: Nouns, said: str, right: str, threshold: float) -> float:
    """WUPS of one answer, 0..1; several items stand with commas between. ``threshold`` 0.0 or 0.9 by custom."""

    def near(a: str, b: str) -> float:
        score = nouns.similarity(a, b)
        return score if score >= threshold else BELOW * score

    ours, theirs = ([w for w in map(str.strip, text.split(",")) if w] for text in (said, right))
    if not ours or not theirs:
        return 0.0
    return min(prod(max(near(a, t) for t in theirs) for a in ours), prod(max(near(a, t) for a in ours) for t in theirs))
