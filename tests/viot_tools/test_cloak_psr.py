"""The protection success rate against a loop that follows the protocol's words, and the measures beside it."""

from __future__ import annotations

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.cloak import likeness, psr
from viot_tools.cloak.psr import Person, Share, pooled, share_of


def unit(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    made = rng.normal(size=shape).astype(np.float32)
    return made / np.linalg.norm(made, axis=-1, keepdims=True)


def someone(pictures: int, dim: int, rng: np.random.Generator, cloak: float) -> Person:
    """Pictures about one direction; probes are the same features, ``cloak`` moved to a stranger's."""
    own = unit((1, dim), rng)
    clean = own + 0.8 * unit((pictures, dim), rng)
    probes = clean + cloak * unit((1, dim), rng)
    return Person(*(a / np.linalg.norm(a, axis=1, keepdims=True) for a in (clean, probes)))


def by_hand(people: list[Person], distractors: np.ndarray, k: int) -> float:
    """The protocol, word for word."""
    lost = total = 0
    for person in people:
        for i in range(len(person.clean)):
            for j in range(len(person.clean)):
                if i == j:
                    continue
                gallery = np.concatenate([person.clean[j : j + 1], distractors])
                order = np.argsort(-(gallery @ person.probes[i]), kind="stable")
                total += 1
                lost += 0 not in order[:k]
    return lost / total


def test_psr_is_the_protocols() -> None:
    rng = np.random.default_rng(0)
    people = [someone(t, 24, rng, 1.2) for t in (5, 5, 3, 2, 1)]
    distractors = unit((300, 24), rng)
    found = psr.psr(people, distractors)
    assert list(found) == [1, 5, 10]
    for k, share in found.items():
        assert share.value == pytest.approx(by_hand(people, distractors, k))
        assert 0 < share.value < 1
        assert share.low <= share.value <= share.high
        assert share.queries.tolist() == [20, 20, 6, 2, 0]
    assert found[1].value >= found[5].value >= found[10].value


@pytest.mark.parametrize(("pictures", "queries"), [(5, 10_000), (10, 45_000)], ids=["commons", "celebrities"])
def test_the_papers_shapes_make_the_papers_queries(pictures: int, queries: int) -> None:
    rng = np.random.default_rng(1)
    people = [someone(pictures, 16, rng, 0.5) for _ in range(500)]
    for share in psr.psr(people, unit((1000, 16), rng)).values():
        assert share.n == queries
    assert psr.below(people, 0.5).n == queries


def test_clean_probes_are_found_and_strangers_are_not() -> None:
    rng = np.random.default_rng(2)
    same = unit((1, 64), rng).repeat(5, 0)
    distractors = unit((50, 64), rng)
    assert psr.psr([Person(same, same)], distractors)[1].value == 0
    assert psr.psr([Person(same, -same)], distractors)[10].value == 1


def test_a_tie_counts_against_the_cloak() -> None:
    one = np.eye(4, dtype=np.float32)
    person = Person(one[[0, 0]], one[[0, 0]])
    assert psr.psr([person], one[[0, 0, 1]], ranks=(1,))[1].value == 0


def test_galleries_are_nested_and_larger_ones_hide_better() -> None:
    rng = np.random.default_rng(3)
    people = [someone(4, 32, rng, 1.5) for _ in range(20)]
    found = psr.gallery_sizes(people, unit((2000, 32), rng), (50, 500, 2000))
    values = [found[size][1].value for size in (50, 500, 2000)]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_below_counts_pairs_of_different_pictures() -> None:
    rng = np.random.default_rng(4)
    people = [someone(3, 16, rng, 1.0) for _ in range(10)]
    share = psr.below(people, 0.4)
    scores = [float(p.probes[i] @ p.clean[j]) for p in people for i in range(3) for j in range(3) if i != j]
    assert share.value == pytest.approx(np.mean(np.array(scores) <= 0.4))


def test_below_is_what_the_recogniser_does_not_accept() -> None:
    """A pair is accepted over the threshold, as the threshold of a false-accept rate is chosen."""
    one = np.eye(2, dtype=np.float32)[[0, 0]]
    assert psr.below([Person(one, one)], 1.0).value == 1
    assert psr.below([Person(one, one)], 0.99).value == 0


def test_nobody_found_is_not_told_without_doubt() -> None:
    one = np.eye(2, dtype=np.float32)[[0, 0]]
    share = psr.below([Person(one, -one)] * 10, 0.5)
    assert share.value == share.high == 1
    assert 0.5 < share.low < 0.95


def test_intervals_draw_people_and_not_pairs() -> None:
    """Twenty people whose pairs all agree: the interval must be as wide as twenty coin tosses make it."""
    hits = np.array([20, 0] * 10)
    share = psr._share(hits, np.full(20, 20), 0)
    assert share.value == 0.5
    assert share.high - share.low > 0.3


def test_paired_differences_are_narrower_than_unpaired_ones() -> None:
    rng = np.random.default_rng(5)
    queries = np.full(30, 20)
    base = rng.integers(0, 15, 30)
    a, b = psr._share(base + 3, queries, 0), psr._share(base, queries, 0)
    value, low, high = psr.difference(a, b)
    assert value == pytest.approx(0.15)
    assert (low, high) == pytest.approx((0.15, 0.15))
    assert a.low < b.high  # unpaired, nothing could be said
    with pytest.raises(UserFault, match="different queries"):
        psr.difference(a, Share(0.5, 0, 1, base, queries + 1))


def test_a_mask_is_added_clipped_and_cut_off() -> None:
    faces = np.full((2, 4, 5, 3), 100, np.uint8)
    faces[1] = 254
    delta = np.zeros((3, 4, 5), np.float32)
    delta[0], delta[1], delta[2] = 1.7, -1.2, 8
    made = psr.masked(faces, delta)
    assert made.dtype == np.uint8
    assert made[0, 0, 0].tolist() == [101, 98, 108]
    assert made[1, 0, 0].tolist() == [255, 252, 255]
    assert psr.masked(faces, delta, "round")[0, 0, 0].tolist() == [102, 99, 108]
    np.testing.assert_allclose(psr.masked(faces, delta, "none")[0, 0, 0], [101.7, 98.8, 108], rtol=1e-6)
    with pytest.raises(UserFault, match="does not fit"):
        psr.masked(faces, delta[:, :, :3])


@pytest.mark.parametrize(
    ("people", "distractors", "message"),
    [
        ([], np.eye(16, dtype=np.float32), "nobody has two"),
        ([Person(np.eye(16)[:1], np.eye(16)[:1])], np.eye(16), "nobody has two"),
        ([Person(np.eye(16)[:2], np.eye(16)[:3])], np.eye(16), "person 0 has features"),
        ([Person(np.eye(16)[:2], np.eye(16)[:2])], np.eye(16)[:9], "9 distractors"),
    ],
)
def test_what_cannot_be_measured_is_told(people: list[Person], distractors: np.ndarray, message: str) -> None:
    with pytest.raises(UserFault, match=message):
        psr.psr(people, distractors)


def test_a_larger_gallery_than_there_are_people_is_refused() -> None:
    rng = np.random.default_rng(7)
    with pytest.raises(UserFault, match="a gallery of 20"):
        psr.gallery_sizes([someone(2, 8, rng, 1.0)], unit((10, 8), rng), (5, 20), ranks=(1,))


def test_likeness_falls_with_the_noise() -> None:
    rng = np.random.default_rng(8)
    clean = rng.integers(30, 220, (64, 64, 3)).astype(np.uint8)
    slight, strong = (np.clip(clean + rng.integers(-e, e + 1, clean.shape), 0, 255).astype(np.uint8) for e in (2, 20))
    assert likeness.psnr(clean, clean) == float("inf")
    assert likeness.ssim(clean, clean) == pytest.approx(1)
    assert likeness.psnr(clean, slight) > likeness.psnr(clean, strong)
    assert 1 > likeness.ssim(clean, slight) > likeness.ssim(clean, strong) > 0
    error = np.mean((clean.astype(float) - strong) ** 2)
    assert likeness.psnr(clean, strong) == pytest.approx(10 * np.log10(255**2 / error))
    with pytest.raises(UserFault, match="cannot be compared"):
        likeness.psnr(clean, clean[:32])
    with pytest.raises(UserFault, match="smaller than SSIM"):
        likeness.ssim(clean[:8, :8], clean[:8, :8])


def test_pooled_shares_keep_a_person_together() -> None:
    hits = np.array([True, False, True, True])
    one, two = share_of(hits, np.array([0, 0, 1, 1])), share_of(~hits, np.array([0, 0, 1, 1]))
    assert one.hits.tolist() == [1, 2] and one.queries.tolist() == [2, 2] and one.value == 0.75
    both = pooled([one, two])
    # every person is right half of the time, whatever the draw
    assert (both.value, both.low, both.high, both.n) == (0.5, 0.5, 0.5, 8)
    with pytest.raises(UserFault, match="different people"):
        pooled([one, share_of(hits, np.arange(4))])
    with pytest.raises(UserFault, match="different people"):
        pooled([])
