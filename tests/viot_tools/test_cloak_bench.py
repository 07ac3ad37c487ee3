"""``viot bench cloak`` on made people and small networks: who is cloaked, what is counted, what is kept."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from viot_agent.errors import BackendFault, UserFault
from viot_tools.bench import cloak, cloak_breaks, cloak_made, cloak_search, cloak_universal, cloak_ways
from viot_tools.bench.cloak_cast import LEARN, Cast, dealt
from viot_tools.bench.cloak_made import Studio, Target
from viot_tools.bench.cloak_scores import BLUR, NOISE, Way, found_by, looks_rows, not_found, rejected, scores, verdict
from viot_tools.cloak.making import DEFAULT, Recipe, chosen, make_mask
from viot_tools.cloak.methods import METHODS
from viot_tools.cloak.optimise import Options
from viot_tools.cloak.psr import Person, below
from viot_tools.cloak.surrogates import Judge
from viot_tools.cloak.views import wanted

FAST = METHODS["fi-uap"].but(rounds=2)
STRONG = Way("strong", FAST.but(rounds=8, alpha=4.0))


def seen(made: ModuleType, person: int, count: int = 10) -> NDArray[np.uint8]:
    return np.stack([made.picture((112, 112), {person: (0, 0, 112)}, 100 * person + i) for i in range(count)])


@pytest.fixture(scope="module")
def people(made: ModuleType) -> Cast:
    faces = {"a": {f"p{i}": seen(made, i) for i in range(4)}, "b": {f"q{i}": seen(made, 10 + i, 3) for i in range(5)}}
    return dealt(faces, per_set=4)


@pytest.fixture
def studio(made: ModuleType, tmp_path: Path) -> Studio:
    return Studio(made.white(), tmp_path / "kept")


@pytest.fixture(scope="module")
def asked(made: ModuleType) -> tuple[Target, ...]:
    [white], [black] = made.jury(0).judges, made.jury(5).judges
    other = made.jury(5).judges[0].recogniser
    other.name = "stranger"
    return Target(white, False), Target(type(black)(other, 0.5, 1e-3), True)


def test_sitters_are_dealt_into_halves_and_nobody_is_learnt_from_and_tested_on(people: Cast) -> None:
    assert [s.name for s in people.sitters] == ["a/p0", "a/p1", "a/p2", "a/p3"]
    assert [s.choosing for s in people.sitters] == [True, False, True, False]
    assert len(people.half(True)) == len(people.half(False)) == 2
    assert people.others.shape == (15, 112, 112, 3)
    for s in people.sitters:
        assert s.learn.shape == s.test.shape == (5, 112, 112, 3)
        assert not any(np.array_equal(a, b) for a in s.learn for b in s.test)


def test_those_who_are_not_cloaked_are_the_distractors(made: ModuleType) -> None:
    cast = dealt({"a": {f"p{i}": seen(made, i) for i in range(4)}}, per_set=2)
    assert [s.name for s in cast.sitters] == ["a/p0", "a/p1"] and len(cast.others) == 20


def test_the_seed_draws_the_pictures_that_are_learnt_from(made: ModuleType) -> None:
    faces = {"a": {f"p{i}": seen(made, i) for i in range(3)}}
    first, again, other = (dealt(faces, 2, seed).sitters[0].learn for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("counts", "words"), [((10, 3), "nobody can be cloaked"), ((10, 10), "nobody to be mistaken for")]
)
def test_too_few_people_are_told(made: ModuleType, counts: tuple[int, ...], words: str) -> None:
    with pytest.raises(UserFault, match=words):
        dealt({"a": {f"p{i}": seen(made, i, n) for i, n in enumerate(counts)}})


def test_a_mask_is_made_once_and_again_when_anything_differs(
    people: Cast, studio: Studio, made: ModuleType, tmp_path: Path
) -> None:
    said: list[str] = []
    studio.said = said.append
    sitter = people.sitters[0]
    first = studio.mask(sitter, FAST)
    assert first.delta.shape == (3, 112, 112) and 0 < np.abs(first.delta).max() <= 8
    kept = studio.mask(sitter, FAST)
    assert np.array_equal(kept.delta, first.delta) and kept.seconds == first.seconds and len(said) == 1
    studio.mask(sitter, FAST.but(seed=1))
    studio.mask(sitter, FAST.but(epsilon=4.0))
    studio.mask(sitter, FAST, sitter.test)
    other = Studio(made.white(3), studio.folder, said.append)
    other.mask(sitter, FAST)
    assert len(said) == 5 == len(list(studio.folder.glob("*.npz")))
    studio.mask(sitter, FAST, white=("toy",))  # all of one are that one
    assert len(said) == 5
    with pytest.raises(UserFault, match="dlib is no surrogate here"):
        studio.mask(sitter, FAST, white=("dlib",))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ('METHODS: Mapping[str, int] = {"a": 2}', True),  # another table of methods
        ('"""Other words."""', True),
        ("X = 2", False),
        ("def f() -> int: return 2", False),
    ],
)
def test_kept_masks_are_of_the_code_that_makes_them(change: str, same: bool) -> None:
    """Words and the table of methods change no mask; anything else may."""
    before = (
        '"""Words."""\nX = 1\nMETHODS: Mapping[str, int] = {"a": 1}\ndef f() -> int:\n    """What."""\n    return 1\n'
    )
    after = before.replace(
        {"M": 'METHODS: Mapping[str, int] = {"a": 1}', '"': '"""Words."""', "X": "X = 1", "d": "return 1"}[change[0]],
        change.removeprefix("def f() -> int: "),
    )
    assert after != before
    found = [ast.dump(cloak_made.wordless(ast.parse(text))) for text in (before, after)]
    assert (found[0] == found[1]) is same


@pytest.mark.parametrize("damage", ["no mask", "half", "empty"])
def test_a_damaged_kept_mask_is_told(people: Cast, studio: Studio, damage: str) -> None:
    studio.mask(people.sitters[0], FAST)
    [file] = studio.folder.glob("*.npz")
    whole = file.read_bytes()
    file.write_bytes({"no mask": b"no mask", "half": whole[: len(whole) // 2], "empty": b""}[damage])
    with pytest.raises(BackendFault, match="cannot be read"):
        studio.mask(people.sitters[0], FAST)


def test_seeds_and_targets_are_pooled_by_person(people: Cast, studio: Studio, asked: tuple[Target, ...]) -> None:
    half = people.half(True)
    s = scores(Way("fiuap", FAST), 8.0, (0, 1), half, people.others, asked, studio)
    assert found_by(asked, True) == ["stranger"] and found_by(asked, False) == ["judge"]
    # two people, five probes, four mates each, two seeds
    assert s.psr[1]["stranger"].n == s.below["stranger"].n == 2 * 5 * 4 * 2
    together = not_found(["stranger", "judge"])(s)
    assert together.n == 160 and len(together.queries) == 2
    assert together.value == pytest.approx((s.psr[1]["stranger"].value + s.psr[1]["judge"].value) / 2)
    assert s.looks.shape == (2, 2) and (s.looks[:, 0] < 1).all() and s.seconds.shape == (2,)


def test_noise_and_blur_need_no_surrogate_and_take_no_seconds(
    people: Cast, studio: Studio, asked: tuple[Target, ...]
) -> None:
    half = people.half(True)
    noise = scores(NOISE, 8.0, (0, 1), half, people.others, asked, studio)
    blur = scores(BLUR, 8.0, (0, 1), half, people.others, asked, studio)
    assert not studio.folder.exists()
    assert noise.below["judge"].n == 2 * blur.below["judge"].n  # a blur has no seed
    for s in (noise, blur):
        assert [r.id.rsplit(".", 1)[1] for r in looks_rows("x", "", s, 0)] == ["ssim", "psnr"]
    hidden, _ = NOISE.hidden(studio, half[0], 8.0, 0)
    change = hidden.astype(int) - half[0].test
    inside = (half[0].test > 8) & (half[0].test < 247)
    assert set(np.abs(change[inside]).tolist()) == {8}


def test_the_mask_of_the_product_is_the_one_the_bench_measures(people: Cast, studio: Studio, made: ModuleType) -> None:
    sitter, recipe = people.sitters[1], Recipe(DEFAULT, 6.0, 2, rounds=2)
    product = make_mask(list(sitter.learn), recipe, made.white())
    way = Way("default", chosen(Recipe(DEFAULT, rounds=2)), wanted(LEARN))
    hidden, _ = way.hidden(studio, sitter, 6.0, 2)
    laid = np.floor(np.clip(sitter.test + product[None], 0, 255)).astype(np.uint8)
    assert np.array_equal(hidden, laid)
    assert cloak.PRODUCT.method == chosen(Recipe(DEFAULT)) and cloak.PRODUCT.views == wanted(LEARN)


def test_a_verdict_needs_an_interval_without_zero(people: Cast, studio: Studio, asked: tuple[Target, ...]) -> None:
    half = people.half(True)
    noise = scores(NOISE, 8.0, (0,), half, people.others, asked, studio)
    strong = scores(Way("strong", FAST.but(rounds=8, alpha=4.0)), 30.0, (0,), half, people.others, asked, studio)
    figures = {"below": rejected(["judge"])}
    assert rejected(["judge"])(strong).value > rejected(["judge"])(noise).value
    assert verdict(strong, noise, figures).endswith(" confirmed") and "not confirmed" not in verdict(
        strong, noise, figures
    )
    assert verdict(noise, strong, figures).endswith("the other way round")
    assert verdict(noise, noise, figures).endswith("not confirmed")


def test_table_and_default_give_the_fixed_ids_and_words(
    people: Cast, studio: Studio, asked: tuple[Target, ...]
) -> None:
    m = cloak.Measuring(people, asked, studio, (0,))
    rows, notes = cloak.table(m, (NOISE, Way("fiuap", FAST), Way("opom-convex", METHODS["opom"].but(rounds=2))))
    ids = {r.id for r in rows}
    assert {"cloak.table.fiuap.blackbox.psr1.eps8", "cloak.table.opom-convex.seconds.eps8"} <= ids
    assert any(n.startswith("fiuap over noise: psr1 ") for n in notes)
    assert any(n.startswith("best of this table") and "leaves out" in n for n in notes)
    assert "cloak.table.fiuap.stranger.below_threshold.eps8" in ids and not any(".judge." in i for i in ids)
    rows, _ = cloak.table(m, (NOISE, Way("fiuap", FAST)), (8.0, 4.0))
    assert {r.id for r in rows if r.id.endswith(".fiuap.ssim.eps4")} == {"cloak.table.fiuap.ssim.eps4"}
    rows, notes = cloak.default(m, product=Way("default", FAST), epsilons=(8.0,))
    ids = {r.id for r in rows}
    for name in ("default", "fiuap", "noise"):
        assert f"cloak.{name}.blackbox.psr1.eps8" in ids and f"cloak.{name}.stranger.psr1.eps8" in ids
    assert "cloak.default.blackbox.below_threshold.eps8" in ids and "cloak.default.judge.whitebox.psr1.eps8" in ids
    gain = next(r for r in rows if r.id == "cloak.default.over.noise.blackbox.psr1.eps8")
    assert gain.low <= gain.value <= gain.high
    assert all(r.tier == "hub" for r in rows) and any("60 % are wanted" in n for n in notes)


def test_a_gallery_of_fewer_is_part_of_a_larger_one(
    people: Cast, studio: Studio, asked: tuple[Target, ...], made: ModuleType
) -> None:
    """Everybody is made to look like one of the strangers, of each seed another: hidden where that one is there."""

    def draw(faces: NDArray[np.uint8], epsilon: float, seed: int) -> NDArray[np.floating]:
        return (made.face_of(10 + seed).astype(np.float32) - faces.mean(0)).transpose(2, 0, 1)

    m = cloak.Measuring(people, (Target(asked[0].judge, True),), studio, (0, 1, 2, 3, 4))
    rows = cloak.galleries(m, (Way("double", draw=draw),), people.half(False), sizes=(2, 14))
    assert [r.id for r in rows] == [f"cloak.double.blackbox.psr1.eps8.gallery{n}" for n in (2, 14)]
    assert 0 < rows[0].value < rows[1].value == 1.0
    assert all(r.n == 2 * 5 * 4 * 5 for r in rows)


def test_unknown_suites_and_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="no suite"):
        cloak.bench(tmp_path, suite="nothing")
    with pytest.raises(UserFault, match="no method 'x'"):
        cloak.bench(tmp_path, methods="fiuap,x")
    assert [w.name for w in cloak_ways.named(["opom-convex", "fiuap"])] == ["noise", "fiuap", "opom-convex"]
    assert cloak_ways.named(None) == cloak_ways.WAYS and cloak_ways.named([]) == (NOISE,)
    with pytest.raises(UserFault, match="epsilons are 'a'"):
        cloak.bench(tmp_path, epsilons="a")
    assert cloak.budgets("4,8") == (8.0, 4.0) and cloak.budgets("12") == (8.0, 12.0)
    with pytest.raises(UserFault, match="0 seeds of 6 people"):
        cloak.bench(tmp_path, seeds=0)


def test_who_taught_the_generator_is_no_black_box_for_it(
    people: Cast, studio: Studio, asked: tuple[Target, ...]
) -> None:
    """Neither in its own rows nor in the orderings it stands in; and with no other left that is told."""
    both = (Target(asked[0].judge, True), asked[1])
    m = cloak.Measuring(people, both, studio, (0,))
    drawn = Way("advcloak", draw=NOISE.draw, taught_by=("judge",))
    rows, notes = cloak.table(m, (NOISE, Way("fiuap", FAST), drawn))
    models = {r.id: r.model for r in rows}
    assert models["cloak.table.advcloak.blackbox.psr1.eps8"] == "stranger"
    assert models["cloak.table.fiuap.blackbox.psr1.eps8"] == "judge+stranger"
    assert "cloak.table.advcloak.judge.psr1.eps8" not in models and "cloak.table.fiuap.judge.psr1.eps8" in models
    [said] = [n for n in notes if n.startswith("advcloak over noise")]
    assert said.count("+0.000 (+0.000 to +0.000) not confirmed") == 2  # the same noise on the same recogniser
    with pytest.raises(UserFault, match="every recogniser here taught advcloak"):
        cloak.Measuring(people, both[:1], studio, (0,)).black_for(drawn)


def test_a_search_moves_each_lever_from_one_start(people: Cast, studio: Studio, asked: tuple[Target, ...]) -> None:
    half = people.half(True)
    ways = (Way("base", FAST), Way("more", FAST.but(rounds=6, alpha=4.0)))
    found = {w.name: scores(w, 8.0, (0,), half, people.others, asked, studio) for w in ways}
    figures = {"below_threshold": rejected(["judge"])}
    rows, notes = cloak_search.rows(found, figures, "judge", 0, cloak.METRICS)
    ids = {r.id: r for r in rows}
    assert "cloak.search.base.over.base.below_threshold.eps8" not in ids
    gain = ids["cloak.search.more.over.base.below_threshold.eps8"]
    share = ids["cloak.search.more.below_threshold.eps8"]
    assert share.floor is not None and gain.value == pytest.approx(share.value - share.floor)
    assert [n.split(":")[0] for n in notes] == ["more over base"]
    assert [w.name for w in cloak_search.chosen(["smooth2", "fiuap"])] == ["base", "smooth2"]
    assert cloak_search.chosen([]) == cloak_search.LEVERS
    assert len({(repr(w.method), w.views, w.white) for w in cloak_search.LEVERS}) == len(cloak_search.LEVERS)


def test_gas_grid_costs_the_same_everywhere() -> None:
    """Gradients of five pictures: plain OPOM's, within a round."""
    known = {w.name: w.method for w in cloak_ways.WAYS}
    plain = known["opom-convex-as-ga"]
    assert plain is not None
    wanted = plain.options.rounds * LEARN
    for b, k in cloak_ways.GRID:
        one = known[f"ga-b{b}-k{k}"]
        assert one is not None and (one.options.batch, one.options.passes) == (b, k)
        a_round = -(-k * LEARN // b) * b
        assert abs(one.options.rounds * a_round - wanted) <= a_round / 2


def test_every_claim_is_of_the_table() -> None:
    names = {w.name for w in cloak_ways.WAYS} | {"advcloak"}
    assert all({a, b} <= names for a, b in cloak_ways.CLAIMS)


def test_treatments_change_what_they_say(made: ModuleType) -> None:
    faces = seen(made, 1, 2)
    for name, treat in cloak_breaks.TREATMENTS.items():
        out = treat(faces)
        assert out.shape == faces.shape and out.dtype == np.uint8
        assert np.array_equal(out, faces) == (name == "as-made")

    def lost(name: str) -> float:
        return float(np.abs(cloak_breaks.TREATMENTS[name](faces).astype(int) - faces).mean())

    assert lost("jpeg95") < lost("jpeg50") and lost("blur05") < lost("blur15") and lost("shrunk75") < lost("shrunk35")


def test_breaks_have_the_uncloaked_as_floor(people: Cast, studio: Studio, asked: tuple[Target, ...]) -> None:
    """The floor is what the treatment does to a picture without a cloak; as made, that is nothing."""
    judge, half = Judge(asked[0].judge.recogniser, 0.9999, 1e-3), people.half(False)
    rows = {r.id.rsplit(".", 1)[1]: r for r in cloak_breaks.rows(half, (Target(judge, True),), studio, STRONG, 8.0, 0)}
    assert list(rows) == list(cloak_breaks.TREATMENTS)
    assert all(r.id.startswith("cloak.default.blackbox.below_threshold.eps8.") for r in rows.values())
    for name in ("as-made", "jpeg30", "blur15"):
        treated = [
            Person(
                studio.vectors(Target(judge, True), s.test),
                judge.recogniser.embed(cloak_breaks.TREATMENTS[name](s.test)),
            )
            for s in half
        ]
        assert rows[name].floor == below(treated, 0.9999).value
    assert rows["as-made"].value > (rows["as-made"].floor or 0.0)
    assert len({r.floor for r in rows.values()}) > 1


def test_an_identity_classifier_knows_whom_it_was_made_of(people: Cast, made: ModuleType) -> None:
    [net] = made.white().networks
    learn = torch.from_numpy(np.concatenate([s.learn for s in people.sitters]).transpose(0, 3, 1, 2)).float()
    owners = torch.arange(4).repeat_interleave(5)
    answers = cloak_universal.identities(net, learn, owners)(learn).argmax(1)
    assert float((answers == owners).float().mean()) > 0.9


def test_schedules_compare_equal_steps_and_equal_gradients() -> None:
    found = cloak_universal.schedules(50, 3, epsilon=8.0)
    steps = {k: o.rounds for k, o in found.items()}
    assert steps == {"sga": 3, "spgd": 3, "spgd-as-sga": 12}
    assert isinstance(found["sga"], Options) and found["sga"].batch == 10 and found["spgd"].batch is None


@pytest.mark.slow
def test_the_digits_are_learnt_and_a_mask_fools_some() -> None:
    shares = cloak_universal.digits((0,), epochs=3)
    assert shares["sga"].value > 0.05 and shares["sga"].n == 797
    assert shares["clean_accuracy"].value > 0.95
