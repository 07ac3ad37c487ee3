"""Whether what is left to do waits for something to be seen, or for it not to be.

The decoder goes on where something was found and stops where nothing was, whatever the request says ("if he is *not*
there ..."). So the request's own words are read apart, by a linear head over the states of the first net's encoder: the
mean and the largest of those of the words that make and turn conditions, and the mean of all. Owns these features and
the head; knows no observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viot_agent.llm.mini.units import REQUEST, Reading, Unit

Array = npt.NDArray[np.float32]
SEEN, UNSEEN, OTHER = range(3)
"""The follow-up waits for something seen, for nothing seen, or there is one for either case."""
SURE = 0.5
"""The least probability at which a reading is taken. Set by hand."""
_WORDS = frozenset(
    "if unless not no none nobody nothing never otherwise else only should until till when once provided without isn "
    "wasn hasn haven doesn didn aren weren ain't aint isn't wasn't hasn't haven't doesn't didn't aren't weren't t "
    "failing absent missing clear empty there then case assuming given as yes nope nah negative positive found seen "
    "miss blank gone so except save but nowt".split()
)


def features(units: Sequence[Unit], states: Array) -> Array:
    """(3 W,) from the states (N, W) of the units of a request; zeros where it has none."""
    width = states.shape[1]
    if not len(units):
        return np.zeros(3 * width, np.float32)
    mine = [i for i, u in enumerate(units) if u.value.casefold().replace("\u2019", "'") in _WORDS]
    turned = states[mine] if mine else np.zeros((1, width), np.float32)
    return np.concatenate([turned.mean(0), states.mean(0), turned.max(0)])


def asked(reading: Reading) -> tuple[Unit, ...]:
    """The units of the request alone, without what was observed or attached."""
    return tuple(u for u in reading.units if u.segment == REQUEST and not u.virtual)


@dataclass(frozen=True, slots=True)
class Head:
    """``weight`` (3, F) and ``bias`` (3,)."""

    weight: Array
    bias: Array

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[np.float32]]) -> Head:
        return cls(arrays["weight"].astype(np.float32), arrays["bias"].astype(np.float32))

    def waits_for(self, found: Array) -> bool | None:
        """True where the follow-up waits for something seen, False for nothing seen, None where that is not sure.
        ``found``: what ``features`` gives."""
        scores = self.weight @ found + self.bias
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        best = int(shares.argmax())
        return None if shares[best] < SURE or best == OTHER else best == SEEN
