"""Masks kept for enrolled people, so that the same person gets the same mask again; and their revocation.

One safetensors file for each person, method and epsilon below ``VIOT_HOME/cloaks``, readable by its owner only. A mask
is used again only while all that made it is the same: the weights behind it and the person's enrolled pictures. A mask
that is made anew takes the place of the older one, also where the older had learnt from other pictures. No picture is
kept with it. Forgetting counts up a number that seeds new masks, so what is made afterwards is another mask than the
one that may have become known. Owns these files. Makes no mask.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from viot_agent.errors import BackendFault, NameFault, UserFault
from viot_agent.foreign import read_json
from viot_agent.media.files import write_whole
from viot_agent.media.types import Image
from viot_tools.cloak.apply import SIDE, Delta
from viot_tools.cloak.making import Recipe

EVERYBODY = "*"
"""Who a universal mask is for."""
FORMAT = "viot-cloak-1"
_SEED = "revoked"
_ROOM = "free the disk, or set VIOT_HOME elsewhere"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A mask and what made it: ``surrogates`` as ``name@version``, ``pictures`` the digest of the enrolled faces,
    ``learnt`` how many faces it was learnt from, ``drop`` the likeness that it takes from those, by the surrogates."""

    person: str
    recipe: Recipe
    surrogates: tuple[str, ...]
    pictures: str
    delta: Delta
    learnt: int = 0
    drop: float = 0.0


def digest(faces: Iterable[Image]) -> str:
    """One text for a set of faces, whatever their order."""
    each = sorted(hashlib.sha256(np.ascontiguousarray(face).tobytes()).hexdigest() for face in faces)
    return hashlib.sha256("".join(each).encode()).hexdigest()[:24]


class MaskStore:
    """The masks of one installation."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "cloaks"

    def seed(self) -> int:
        """What new masks start from: how often masks were forgotten here."""
        try:
            return int((self.folder / _SEED).read_text("ascii"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise BackendFault(f"{self.folder / _SEED} cannot be read: {error}", fix="delete that file") from error

    def get(self, person: str, recipe: Recipe, surrogates: Sequence[str], pictures: str) -> Kept | None:
        """The mask, or None when there is none that was made the same way. Raises UserFault for a damaged file."""
        path = self._path(person, recipe)
        if not path.is_file():
            return None
        kept = read(path)
        same = (kept.person, kept.recipe, kept.surrogates, kept.pictures) == (
            person, recipe, tuple(surrogates), pictures,
        )  # fmt: skip
        return kept if same else None

    def put(self, kept: Kept) -> None:
        """Keep a mask, in place of an older one. Raises DiskFault or BackendFault."""
        from safetensors.numpy import save

        card = {
            "format": FORMAT,
            "person": kept.person,
            "recipe": json.dumps({"method": kept.recipe.method, "epsilon": kept.recipe.epsilon,
                                  "seed": kept.recipe.seed, "rounds": kept.recipe.rounds}),
            "surrogates": json.dumps(kept.surrogates),
            "pictures": kept.pictures,
            "learnt": json.dumps([kept.learnt, kept.drop]),
        }  # fmt: skip
        write_whole(self._path(kept.person, kept.recipe), save({"delta": kept.delta}, card), fix=_ROOM, private=True)

    def people(self) -> tuple[str, ...]:
        """Whose masks are kept (``EVERYBODY`` among them), sorted."""
        return tuple(sorted({read(path).person for path in self._files()}))

    def forget(self, person: str) -> int:
        """Delete all masks of a person, and count that. Returns how many there were.

        Raises NameFault when there are none. Damaged files of the person's own name go too.
        """
        mine = sorted(self.folder.glob(f"{_slug(person)}-*.safetensors"))
        if not mine:
            kept = tuple(p for p in self.people() if p != EVERYBODY)
            listed = f"masks are kept of {', '.join(kept)}" if kept else "no mask is kept"
            raise NameFault(f"no mask is kept of {person!r}; {listed}", name=person, nearest=kept)
        write_whole(self.folder / _SEED, str(self.seed() + 1).encode("ascii"), fix=_ROOM, private=True)
        for path in mine:
            path.unlink(missing_ok=True)
        return len(mine)

    def prune(self, enrolled: Iterable[str]) -> int:
        """Delete the masks of people who are no longer enrolled; returns how many files."""
        known = {_slug(name) for name in enrolled} | {_slug(EVERYBODY)}
        gone = [p for p in self._files() if p.name.rsplit("-", 2)[0] not in known]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.safetensors"))

    def _path(self, person: str, recipe: Recipe) -> Path:
        return self.folder / f"{_slug(person)}-{recipe.method}-{recipe.epsilon:g}.safetensors"


def kept_of(home: Path, person: str) -> list[Path]:
    """The files of a person's masks, for ``viot purge person``; whose a damaged file is, its name tells."""
    return sorted((home / "cloaks").glob(f"{_slug(person)}-*.safetensors"))


def read(path: Path) -> Kept:
    """One file. Raises UserFault when it is damaged or none of ours."""
    from safetensors import SafetensorError, safe_open

    fix = f"delete it ({path}); it is made again when it is wanted"
    try:
        with safe_open(str(path), framework="numpy") as file:
            card, delta = dict(file.metadata() or {}), file.get_tensor("delta")
        if card.get("format") != FORMAT:
            raise UserFault(f"{path} is no mask of viot", fix=fix)
        recipe = Recipe(**read_json(card["recipe"]))
        learnt, reached = read_json(card["learnt"])
        kept = Kept(
            card["person"], recipe, tuple(read_json(card["surrogates"])), card["pictures"], delta,
            int(learnt), float(reached),
        )  # fmt: skip
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserFault(f"the stored mask {path.name} cannot be read: {error}", fix=fix) from error
    good = delta.shape == (SIDE, SIDE, 3) and delta.dtype == np.float32 and bool(np.isfinite(delta).all())
    if not good or float(np.abs(delta).max()) > recipe.epsilon + 1e-4:
        raise UserFault(f"the stored mask {path.name} is damaged", fix=fix)
    return kept


def _slug(person: str) -> str:
    """A file name that tells people apart whatever letters they are written with."""
    plain = re.sub(r"[^a-z0-9]+", "_", person.casefold()).strip("_")[:24]
    return f"{plain or 'x'}_{hashlib.sha256(person.casefold().encode()).hexdigest()[:12]}"
