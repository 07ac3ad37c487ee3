"""Kept masks: found again only when made the same way, forgotten for good, and never read from a damaged file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import NameFault, UserFault
from viot_tools.cloak.making import Recipe, bounded
from viot_tools.cloak.store import EVERYBODY, Kept, MaskStore, digest, read


def kept(person: str = "Anna Berg", **recipe: object) -> Kept:
    delta = np.random.default_rng(0).uniform(-3, 3, (112, 112, 3)).astype(np.float32)
    return Kept(person, replace(Recipe(), **recipe), ("dlib@1",), "abc", delta, 3, 0.25)  # type: ignore[arg-type]


def test_a_mask_comes_back_as_it_was_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    store.put(kept())
    found = store.get("Anna Berg", Recipe(), ["dlib@1"], "abc")
    assert found is not None and np.array_equal(found.delta, kept().delta)
    assert (found.person, found.recipe, found.learnt, found.drop) == ("Anna Berg", Recipe(), 3, 0.25)
    [path] = (tmp_path / "cloaks").glob("*.safetensors")
    assert path.stat().st_mode & 0o077 == 0
    assert store.people() == ("Anna Berg",)


@pytest.mark.parametrize(
    ("recipe", "surrogates", "pictures"),
    [
        (Recipe("ga"), ["dlib@1"], "abc"),
        (Recipe(epsilon=4), ["dlib@1"], "abc"),
        (Recipe(seed=1), ["dlib@1"], "abc"),
        (Recipe(), ["dlib@2"], "abc"),
        (Recipe(), ["dlib@1"], "other pictures"),
    ],
    ids=["method", "epsilon", "seed", "surrogates", "pictures"],
)
def test_a_mask_made_another_way_is_not_used(
    tmp_path: Path, recipe: Recipe, surrogates: list[str], pictures: str
) -> None:
    store = MaskStore(tmp_path)
    store.put(kept())
    assert store.get("Anna Berg", recipe, surrogates, pictures) is None


def test_people_whose_names_look_alike_in_file_names_are_told_apart(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    for name in ("Åsa", "Øsa", "李雷", "../../etc"):
        store.put(kept(name))
    assert len(list((tmp_path / "cloaks").iterdir())) == 4
    assert set(store.people()) == {"Åsa", "Øsa", "李雷", "../../etc"}
    assert store.forget("åsa") == 1  # as people write it
    assert "Åsa" not in store.people()


def test_forgetting_deletes_every_mask_and_makes_the_next_one_another(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    store.put(kept())
    store.put(kept(method="ga"))
    store.put(kept("Ben Cole"))
    assert store.seed() == 0 and store.forget("Anna Berg") == 2
    assert store.seed() == 1 and store.people() == ("Ben Cole",)
    with pytest.raises(NameFault, match="masks are kept of Ben Cole") as caught:
        store.forget("Anna Berg")
    assert caught.value.nearest == ("Ben Cole",) and store.seed() == 1


def test_with_nothing_kept_forgetting_says_so(tmp_path: Path) -> None:
    with pytest.raises(NameFault, match="no mask is kept"):
        MaskStore(tmp_path).forget("Anna Berg")


def test_masks_of_people_no_longer_enrolled_go_and_the_one_for_everybody_stays(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    for name in ("Anna Berg", "Ben Cole", EVERYBODY):
        store.put(kept(name))
    assert store.prune(["Ben Cole"]) == 1
    assert store.people() == (EVERYBODY, "Ben Cole")


@pytest.mark.parametrize("harm", ["cut", "text", "too large", "shape", "other file"])
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path, harm: str) -> None:
    from safetensors.numpy import save_file

    store = MaskStore(tmp_path)
    store.put(kept())
    [path] = (tmp_path / "cloaks").glob("*.safetensors")
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif harm == "text":
        path.write_text("not a mask")
    elif harm == "too large":
        store.put(replace(kept(), delta=np.full((112, 112, 3), 9, np.float32)))
    elif harm == "shape":
        store.put(replace(kept(), delta=np.zeros((3, 3), np.float32)))
    else:
        save_file({"delta": np.zeros((112, 112, 3), np.float32)}, str(path), {"format": "something else"})
    with pytest.raises(UserFault, match="delete it"):
        read(path)
    assert store.forget("Anna Berg") == 1  # the way out works


def test_a_digest_knows_the_faces_and_not_their_order() -> None:
    a, b = (np.full((112, 112, 3), v, np.uint8) for v in (1, 2))
    assert digest([a, b]) == digest([b, a]) != digest([a, a])


@pytest.mark.parametrize("epsilon", [0, 0.5, 33, -8, float("nan")])
def test_an_epsilon_out_of_range_says_the_range(epsilon: float) -> None:
    with pytest.raises(UserFault, match=r"1 to 32 of 255"):
        Recipe(epsilon=epsilon)


def test_an_unknown_method_says_which_there_are() -> None:
    with pytest.raises(NameFault, match="opom, ga, sga, advcloak"):
        Recipe("magic")


@pytest.mark.parametrize(("pictures", "rounds"), [(1, None), (10, None), (20, 40), (24, 33), (30, 26), (400, 16)])
def test_more_pictures_take_fewer_rounds_not_more_time(pictures: int, rounds: int | None) -> None:
    assert bounded(Recipe("opom"), pictures).rounds == rounds
    assert bounded(Recipe("opom", rounds=3), pictures).rounds == 3
