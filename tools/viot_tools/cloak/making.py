"""From a person's aligned faces to the person's mask: what ``viot cloak --method`` names, run on the tier's surrogates.

Owns the choice of options for the product and the words of what a method lacks. The methods themselves are in
``methods`` and ``advnets``.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import NameFault, UserFault, WeightsMissing
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.cloak.apply import Delta
from viot_tools.cloak.views import filled, wanted
from viot_tools.tensors import pixels

if TYPE_CHECKING:
    from viot_tools.cloak.methods import Method
    from viot_tools.cloak.surrogates import Surrogates

METHODS = ("opom", "ga", "sga", "advcloak")
DEFAULT = "opom"
PRODUCT = {"opom": "opom-transfer", "ga": "ga-transfer"}
"""What the product makes of a name: with momentum, input diversity, smoothed gradients, more and longer steps, chosen
by the search in ``docs/cloak.md``; ``viot bench cloak --suite default`` measures the first, nothing the second yet."""
EPSILON = 8.0
LEAST, MOST = 1.0, 32.0
PEOPLE = 5
"""People that a mask for everybody is learnt from, at least."""
OF_EACH, AT_LEAST = 10, 4
"""Pictures that each of them gives to it at most, and, with views, at least."""
AT_FULL, FEWEST = 10, 16
"""Pictures and views that all rounds are gone through with, and the fewest rounds of more: OPOM's."""
GENERATOR = Path("cloak/advcloak.safetensors")
"""AdvCloak's generator, below ``VIOT_MODELS`` or ``VIOT_HOME/models``."""
TRAIN = "python -m viot_finetune.advcloak --help"

Said = Callable[[float], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How masks are made: everything that changes one but the faces. Raises NameFault for an unknown method, UserFault
    for an epsilon out of range."""

    method: str = DEFAULT
    epsilon: float = EPSILON
    seed: int = 0
    rounds: int | None = None
    """Committed steps; None: the method's own."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise NameFault(
                f"there is no cloak method {self.method!r}",
                name=self.method,
                nearest=METHODS,
                fix=f"one of {', '.join(METHODS)}",
            )
        if not LEAST <= self.epsilon <= MOST:
            raise UserFault(
                f"epsilon is {self.epsilon:g}", fix=f"{LEAST:g} to {MOST:g} of 255; 8 is usual, 4 is hard to see"
            )

    @property
    def universal(self) -> bool:
        """Whether one mask is for everybody."""
        return self.method == "sga"


def chosen(recipe: Recipe) -> Method:
    """The method with the options that the product gives it. Raises NameFault for ``advcloak``, which optimises
    nothing."""
    from viot_tools.cloak.methods import method

    found = method(PRODUCT.get(recipe.method, recipe.method)).but(epsilon=recipe.epsilon, seed=recipe.seed)
    return found if recipe.rounds is None else found.but(rounds=recipe.rounds)


def bounded(recipe: Recipe, pictures: int) -> Recipe:
    """The recipe with its method's rounds, fewer where there are more than ``AT_FULL`` pictures: what a mask costs is
    pictures times rounds."""
    if recipe.rounds is not None or pictures <= AT_FULL:
        return recipe
    own = chosen(recipe).options.rounds
    return replace(recipe, rounds=max(min(own, FEWEST), own * AT_FULL // pictures))


def make_mask(
    faces: Sequence[Image],
    recipe: Recipe,
    white: Surrogates,
    said: Said | None = None,
    *,
    count: int | None = None,
    beside: int = 1,
) -> Delta:
    """(112, 112, 3) the mask of one person by ``opom`` or ``ga``; synthetic views fill up what the faces lack of
    ``count`` (None: of what so few need). ``beside``: masks that are made for this one request, all in the time of one.

    ``said`` hears how far it is, 0..1. Raises UserFault without a face.
    """
    if not faces:
        raise UserFault("a mask needs at least one picture of the person")
    count = wanted(len(faces)) if count is None else count
    return _optimised(filled(faces, count, recipe.seed), None, bounded(recipe, count * beside), white, said)


def make_universal(
    people: Sequence[Sequence[Image]], recipe: Recipe, white: Surrogates, said: Said | None = None
) -> tuple[Delta, int, int]:
    """(112, 112, 3) one mask for everybody by ``sga``, and how many pictures and how many synthetic views it was learnt
    from. ``people``: the faces of each, of which ``OF_EACH`` are taken.

    Raises UserFault with fewer than ``PEOPLE`` people.
    """
    known = [faces for faces in people if faces]
    if len(known) < PEOPLE:
        raise UserFault(
            f"sga learns one mask for everybody from the pictures of at least {PEOPLE} people, "
            f"and {len(known)} {'is' if len(known) == 1 else 'are'} known here; none is shipped",
            fix="enrol more people (viot person enroll), give pictures of more people at once, or use --method opom",
        )
    sets = [filled(faces[:OF_EACH], AT_LEAST, recipe.seed + i) for i, faces in enumerate(known)]
    sizes = [len(s) for s in sets]
    owners = np.repeat(np.arange(len(sets)), sizes)
    count = sum(min(len(faces), OF_EACH) for faces in known)
    return _optimised(np.concatenate(sets), owners, recipe, white, said), count, sum(sizes) - count


def drop(faces: Sequence[Image], others: Sequence[Image], delta: Delta, white: Surrogates) -> float:
    """How much less like ``others`` the surrogates find ``faces`` under the mask: mean fall of the cosine."""
    import torch
    from torch.nn.functional import normalize

    from viot_tools.cloak.apply import faded

    plain = np.stack(list(faces))
    masked = np.clip(np.rint(plain + faded(delta)), 0, 255)
    falls = []
    with torch.no_grad():
        for network in white.networks:
            before, after, clean = (normalize(network(pixels(x)), dim=-1) for x in (plain, masked, others))
            falls.append(float(((before - after) @ clean.mT).mean()))
    return float(np.mean(falls))


def spread(some: Sequence[T], count: int) -> list[T]:
    """``count`` of them at even distances, or all."""
    if len(some) <= count:
        return list(some)
    return [some[round(i)] for i in np.linspace(0, len(some) - 1, count)]


def _optimised(
    faces: NDArray[np.uint8], owners: NDArray[np.int64] | None, recipe: Recipe, white: Surrogates, said: Said | None
) -> Delta:
    import torch

    from viot_tools.cloak.methods import make
    from viot_tools.cloak.optimise import Step

    def step(done: Step) -> None:
        if said is not None:
            said(done.number / done.of)

    people = None if owners is None else torch.from_numpy(owners)
    made = make(pixels(faces), white.networks, chosen(recipe), people=people, progress=step)
    return np.ascontiguousarray(made.delta.numpy().transpose(1, 2, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Drawn:
    """AdvCloak's generator as it is named: ``version`` belongs to its bytes, ``taught_by`` are the recognisers of
    :data:`viot_tools.verification.recognisers.MAKERS` that its card names as its surrogates."""

    version: str
    taught_by: tuple[str, ...]


def drawn_by(weights: Weights) -> Drawn:
    """The generator that lies here. Raises WeightsMissing when none was trained, UserFault for another file."""
    from viot_tools.cloak.advnets import load_generator
    from viot_tools.verification.recognisers import MAKERS

    path = generator_path(weights)
    told = load_generator(path).card.get("surrogates", "")
    return Drawn(hashlib.sha256(path.read_bytes()).hexdigest()[:12], tuple(n for n in MAKERS if n in told))


def generated(faces: Sequence[Image], recipe: Recipe, weights: Weights) -> Delta:
    """(112, 112, 3) the mask that AdvCloak's generator draws. Raises WeightsMissing when none was trained."""
    from viot_tools.cloak.advnets import load_generator, person_mask
    from viot_tools.cloak.budget import Budget

    generator = load_generator(generator_path(weights))
    mask = person_mask(generator, pixels(faces), Budget("linf", recipe.epsilon))
    return np.ascontiguousarray(mask.numpy().transpose(1, 2, 0), np.float32)


def generator_path(weights: Weights) -> Path:
    """Where the generator lies: in ``VIOT_MODELS``, ``VIOT_HOME/models``, or shipped beside this file."""
    roots = [weights.models_dir] if weights.models_dir is not None else []
    places = [root / GENERATOR for root in [*roots, weights.pulled_dir]] + [Path(__file__).with_name(GENERATOR.name)]
    found = next((p for p in places if p.is_file()), None)
    if found is None:
        how = TRAIN if importlib.util.find_spec("viot_finetune") else "install viot-agent whole"
        raise WeightsMissing(
            "advcloak needs a trained generator, and there is none on this machine",
            fix=f"train one ({how}) and save it as {weights.pulled_dir / GENERATOR}, or use --method opom",
        )
    return found
