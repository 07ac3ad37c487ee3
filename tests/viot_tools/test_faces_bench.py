"""The bench of faces on a made-up world: people are colours, the recogniser sees them, masks hide half of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.bench import faces, faces_identify, faces_masked, faces_verify, faces_worn
from viot_tools.bench.faces_identify import ENROLLED_WITH, GALLERY, Searched, both, eligible, trials
from viot_tools.bench.faces_store import Own, Store, joined, row
from viot_tools.faces.calibrate import half
from viot_tools.faces.detect import Face
from viot_tools.faces.recognise import TEMPLATE, unit
from viot_tools.verification.folds import both_views
from viot_tools.verification.pairs import read_people
from viot_tools.verification.people import balanced
from viot_tools.verification.roc import roc


class Middle:
    """Every picture is one aligned face; a black one holds none."""

    model, model_version, blind_to = "yunet", "0", ""

    def detect(self, image: Image) -> list[Face]:
        return [Face((0.0, 0.0, 112.0, 112.0), 0.99, TEMPLATE)] if image.max() > 0 else []


class Left:
    """A face is the colour pattern of its left part: a recogniser for the bench, and the product's own."""

    name, maker = "mobilefacenet", "test"
    model, model_version, size = "mobilefacenet", "0", 112

    def align(self, image: Image, face: Face) -> Image:
        return image

    def embed(self, chosen: np.ndarray) -> np.ndarray:
        blocks = chosen.reshape(len(chosen), 4, 28, 4, 28, 3).mean(axis=(2, 4)).astype(np.float32)
        return unit((blocks - blocks.mean(axis=(1, 2, 3), keepdims=True)).reshape(len(chosen), 48)[:, :48])

    def embed_chips(self, chips: Sequence[Image]) -> np.ndarray:
        return np.pad(self.embed(np.stack(chips)), ((0, 0), (0, 80)))


def world(tmp_path: Path, people: int = 12, pictures: int = 4, noise: float = 6.0) -> Path:
    """A person is a pattern of 4x4 colours, the same from left and right; every picture adds noise."""
    rng = np.random.default_rng(0)
    for i in range(people):
        pattern = rng.integers(40, 215, (4, 2, 3))
        pattern = np.concatenate([pattern, pattern[:, ::-1]], axis=1)
        for k in range(pictures):
            face = pattern.repeat(28, axis=0).repeat(28, axis=1) + rng.normal(0, noise, (112, 112, 3))
            path = tmp_path / "faces" / "some" / f"p{i:02d}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.clip(face, 0, 255).astype(np.uint8))
    return tmp_path


def store(data: Path, tmp_path: Path, quick: bool = True) -> Store:
    weights = Weights(tmp_path / "home", None, "hub")
    return Store(data, weights, quick, 0, detector=Middle(), own=Left(), recognisers={"mobilefacenet": Left()})


def test_verification_of_people_who_are_easy_to_tell(tmp_path: Path) -> None:
    s = store(world(tmp_path), tmp_path)
    rows, skipped = faces_verify.rows(s)
    by_id = {r.id: r for r in rows}
    assert set(by_id) == {
        "faces.verify.acc",
        "faces.verify.mobilefacenet.acc",
        "faces.verify.mobilefacenet.auc",
        "faces.verify.some.mobilefacenet.acc",
    }
    headline = by_id["faces.verify.acc"]
    assert headline.value > 0.95 and headline.floor is not None and 0.3 < headline.floor <= 1.0
    assert headline.low < headline.high <= 1.0 and headline.n == len(s.pairs(s.sets[0]).pairs)
    assert by_id["faces.verify.mobilefacenet.auc"].value == pytest.approx(1.0)
    assert any("impostor pairs cannot show a false-accept rate of 0.001" in line for line in skipped)
    assert s.notes() == ["pair lists (hub): some: drawn with seed 0"]


class Absent(Left):
    """A recogniser whose file is not on this machine."""

    def embed(self, chosen: np.ndarray) -> np.ndarray:
        raise WeightsMissing("no file", fix="viot models pull mobilefacenet")


def test_a_headline_that_cannot_be_measured_is_said(tmp_path: Path, home: Path) -> None:
    data, weights = world(tmp_path), Weights(tmp_path / "home", None, "hub")
    s = Store(data, weights, True, 0, detector=Middle(), own=Left(), recognisers={"mobilefacenet": Absent()})
    rows, skipped = faces_verify.rows(s)
    assert rows == [] and any(line.startswith("faces.verify.acc, faces.verify.*mobilefacenet*") for line in skipped)
    rows, skipped = faces_masked.rows(s, ("surgical-blue", "black-cloth"))
    assert rows == [] and any(
        line.startswith("faces.verify.acc.masked, faces.masked.mobilefacenet") for line in skipped
    )


def test_a_face_that_is_not_found_counts_as_wrong(tmp_path: Path) -> None:
    data = world(tmp_path)
    lost = data / "faces" / "some" / "p03" / "1.png"
    cv2.imwrite(str(lost), np.zeros((112, 112, 3), np.uint8))
    s = store(data, tmp_path)
    made = faces_verify.scored([faces_verify.sides(s, s.sets[0], "mobilefacenet")])
    with_it = [i for i, p in enumerate(s.pairs(s.sets[0]).pairs) if "p03/1.png" in (p.left, p.right)]
    assert with_it and np.isnan(made.distance[with_it]).all() and not made.told().right[with_it].any()
    assert s.notes()[1].startswith("no face found (hub, every pair with one counts as wrong): 1 of 36 in some")


def test_the_area_of_weighed_pairs_is_the_curves(tmp_path: Path) -> None:
    s = store(world(tmp_path, noise=60), tmp_path)
    made = faces_verify.scored([faces_verify.sides(s, s.sets[0], "colours")])
    made.distance[5] = np.nan
    ones = np.ones(len(made.same))
    assert faces_verify.area_of(made)(ones) == pytest.approx(roc(-made.distance, made.same).auc)
    doubled = np.arange(len(ones)) % 3 + 1.0
    again = np.repeat(np.arange(len(ones)), doubled.astype(int))
    curve = roc(-made.distance[again], made.same[again])
    assert faces_verify.area_of(made)(doubled) == pytest.approx(curve.auc)


def test_names_of_two_sets_are_two_people() -> None:
    pairs, strata = joined([("a", ["x"], ["y"]), ("b", ["x"], ["x"])])
    # (a, x), (b, x), (a, y): three people of two sets
    assert pairs.count == 3 and pairs.same.tolist() == [False, True] and strata.tolist() == [0, 1, 0]


def test_a_row_that_came_out_all_right_claims_no_certainty() -> None:
    pairs, strata = joined([("a", list("pqrs"), list("pqrs"))])
    made = row("x", "", balanced(np.ones(4), pairs.same), pairs, "m", "hub", 0, strata=strata)
    assert (made.value, made.high, made.n) == (1.0, 1.0, 4) and made.low == pytest.approx(0.398, abs=1e-3)


def test_the_masked_pairs_and_what_helps(tmp_path: Path, home: Path) -> None:
    s = store(world(tmp_path, people=12, pictures=3), tmp_path)
    rows, skipped = faces_masked.rows(s, ("surgical-blue", "black-cloth", "n95-white"))
    by_id = {r.id: r for r in rows}
    kinds = {f"faces.masked.mobilefacenet.{k}" for k in faces_masked.KINDS}
    robust = {f"faces.masked.mobilefacenet.robust{k}" for k in ("", ".gain", ".bare")}
    drops = {"faces.masked.mobilefacenet.drop", "faces.masked.some.mobilefacenet.drop"}
    assert set(by_id) == {"faces.verify.acc.masked", *kinds, *robust, *drops}, skipped
    whole = by_id["faces.verify.acc.masked"]
    parts = [by_id[k] for k in kinds]
    assert sum(p.n for p in parts) == whole.n
    assert sum(p.n * p.value for p in parts) == pytest.approx(whole.n * whole.value)
    drop = by_id["faces.masked.mobilefacenet.drop"]
    bare = {r.id: r for r in faces_verify.rows(s)[0]}["faces.verify.acc"]
    assert drop.value == pytest.approx(bare.value - whole.value) and drop.value > 0
    # who is who in the upper half is plain: without the masks nothing is confused
    assert by_id["faces.masked.mobilefacenet.robust"].value > 0.9
    gain = by_id["faces.masked.mobilefacenet.robust.gain"]
    made = by_id["faces.masked.mobilefacenet.robust"]
    assert made.floor is not None and gain.value == pytest.approx(made.value - made.floor)


def test_the_whole_path_behind_masks(tmp_path: Path, home: Path) -> None:
    s = store(world(tmp_path, people=4, pictures=2), tmp_path)
    rows, skipped = faces_worn.rows(s)
    by_id = {r.id: r for r in rows}
    searches = {"faces.identify.masked.far", "faces.identify.masked.right"}
    assert set(by_id) == {"faces.masked.found", "faces.masked.some.found", *searches}
    assert not skipped and by_id["faces.masked.found"].value == 1.0 and by_id["faces.masked.found"].n == 4
    worn, chips, hits, who = faces_worn.wearing(s, s.sets[0])
    assert chips.shape == (8, 112, 112, 3)
    assert hits == [1.0] * 8 and who == [f"p{i:02d}" for i in range(4) for _ in range(2)]
    # the mask is on the picture: the lower part is another one to the recogniser
    bare = s.own(s.sets[0]).vectors
    assert ((worn.vectors * bare).sum(axis=1) < 0.99).all() and np.isfinite(worn.vectors).all()
    again, *_ = faces_worn.wearing(s, s.sets[0])
    assert (again.vectors == worn.vectors).all()


def test_halves_share_nobody(tmp_path: Path, home: Path) -> None:
    s = store(world(tmp_path, people=12, pictures=2), tmp_path)
    parts = [faces_masked.masked(s, p, ("surgical-blue", "black-cloth")) for p in s.sets]
    first, second = faces_masked.halves(parts)
    assert not (first & second).any()
    who = [{m.pair.left_who, m.pair.right_who} for p in parts for m in p.planned]
    assert all({half(w) for w in who[i]} == {0} for i in np.flatnonzero(first))
    assert all({half(w) for w in who[i]} == {1} for i in np.flatnonzero(second))


def test_some_are_taken_evenly() -> None:
    mine = np.arange(100) % 2 == 0
    some = faces_masked.evenly(mine, 20)
    assert some.sum() == 20 and not (some & ~mine).any() and np.diff(np.flatnonzero(some)).max() <= 6
    assert (faces_masked.evenly(mine, 50) == mine).all() and not faces_masked.evenly(np.zeros(3, bool), 2).any()


def test_searches_for_strangers_and_for_mates(tmp_path: Path) -> None:
    people = read_people(world(tmp_path, people=14, pictures=8) / "faces" / "some")
    found = np.ones(14 * 8, bool)
    found[0] = False
    strangers, mates = trials(people, found, 0)
    owner = list(people.owner.values())
    for trial in strangers:
        assert owner[trial.probe] == trial.who and trial.who not in trial.gallery and len(trial.gallery) == GALLERY
    for trial in mates:
        assert trial.who in trial.gallery and trial.probe not in trial.gallery[trial.who]
        assert len(trial.gallery) == GALLERY
    for trial in (*strangers, *mates):
        assert all({owner[i] for i in rows} == {who} for who, rows in trial.gallery.items())
        assert all(len(rows) == ENROLLED_WITH and 0 not in rows for rows in trial.gallery.values())
    assert {t.probe for t in strangers} == set(range(14 * 8))  # the lost picture is searched for too
    assert trials(people, found, 0) == (strangers, mates) != trials(people, found, 1)


def test_whoever_the_thresholds_were_chosen_on_is_left_out(tmp_path: Path) -> None:
    for name in ("some", "lfw_10x10"):
        for who in ("Tony_Blair", "Ariel_Sharon", "Colin_Powell", "Hugo_Chavez", "New_Person"):
            for k in range(2):
                path = tmp_path / name / who / f"{k}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    assert len(eligible(read_people(tmp_path / "some"))) == 5
    left = eligible(read_people(tmp_path / "lfw_10x10"))
    assert "New_Person" in left and left != [] and all(half(w) == 1 for w in left if w != "New_Person")
    assert len(left) < 5


def test_identification(tmp_path: Path) -> None:
    s = store(world(tmp_path, people=12, pictures=4), tmp_path)
    rows, skipped = faces_identify.rows(s)
    by_id = {r.id: r for r in rows}
    assert set(by_id) == {"faces.identify.far", "faces.identify.right"} and not skipped
    assert by_id["faces.identify.right"].n == 12 and by_id["faces.identify.right"].value > 0.5
    assert by_id["faces.identify.far"].floor is not None and 0 <= by_id["faces.identify.far"].value < 0.5


def test_a_probe_without_a_face_names_nobody(tmp_path: Path) -> None:
    from viot_tools.faces.identity import load

    trial = faces_identify.Trial("x", 1, {"y": (0,)})
    vectors = np.eye(2, dtype=np.float32)
    vectors[1] = np.nan
    looked = Own(vectors, np.ones(2))
    assert faces_identify.searched(trial, vectors, looked, load("mobilefacenet", "yunet")) == ""
    seen = Own(np.array([[1, 0], [1, 0]], np.float32), np.ones(2))
    assert faces_identify.searched(trial, vectors, seen, load("mobilefacenet", "yunet")) == "y"


def test_people_are_the_units_of_identification(tmp_path: Path) -> None:
    s = store(world(tmp_path, people=2, pictures=2), tmp_path)
    many = (Searched("a", True),) * 9 + (Searched("b", False),)
    far, right = both(faces_identify.Outcome(many, many), "x", "", s, lambda far, right: (far, right))
    assert (far.value, far.n, far.floor) == (0.5, 2, 0.9) and right.id == "x.right"


def test_sizes_are_exact() -> None:
    by_id = {r.id: r for r in faces.sizes(["vit-p8s8", "ir50"])}
    assert by_id["faces.sizes.vit-p8s8.tokens"].value == 196
    assert by_id["faces.sizes.vit-p8s8.parameters"].value == pytest.approx(63.22, abs=0.01)
    assert "faces.sizes.ir50.tokens" not in by_id and by_id["faces.sizes.ir50.macs"].value > 1


def test_the_sizes_in_the_docs_are_those_of_the_bench() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "backbones.md").read_text("utf-8")
    written = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("`"):
            written[cells[0].strip("`")] = cells[1:4]
    printed: dict[str, dict[str, float]] = {}
    for r in faces.sizes():
        printed.setdefault(r.model, {})[r.id.rpartition(".")[2]] = r.value
    assert written == {
        name: [f"{s['parameters']:.2f}", f"{s['macs']:.2f}", f"{s['tokens']:.0f}" if "tokens" in s else ""]
        for name, s in printed.items()
    }


class Counting(Left):
    """Counts the faces it embeds."""

    asked = 0

    def embed(self, chosen: np.ndarray) -> np.ndarray:
        self.asked += len(chosen)
        return super().embed(chosen)


def test_no_face_is_embedded_twice(tmp_path: Path) -> None:
    weights, one = Weights(tmp_path / "home", None, "hub"), Counting()
    s = Store(
        world(tmp_path), weights, True, 0, detector=Middle(), own=Left(), recognisers={"mobilefacenet": one}
    )  # fmt: skip
    faces, found = s.aligned(s.sets[0]).faces[:6].copy(), np.array([True] * 5 + [False])
    first = s.embed("mobilefacenet", faces[[0, 1, 1, 2, 5]], found[[0, 1, 1, 2, 5]])
    assert one.asked == 2 * 3 and np.isnan(first[4]).all()  # both views of three faces
    again = s.embed("mobilefacenet", faces, found)
    assert one.asked == 2 * 5 and np.array_equal(again[[0, 1, 1, 2]], first[:4])
    assert np.allclose(again[:5], both_views(Left().embed, faces[:5]), atol=1e-6) and np.isnan(again[5]).all()
    assert s.embed("mobilefacenet", faces[:0], found[:0]).shape == (0, 48)
    assert s.vectors(s.sets[0], "mobilefacenet").shape == (36, 48) and one.asked == 2 * 36


def test_a_suite_that_cannot_run_is_said_and_the_others_run(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is there but the builtin ones: what the hub tier needs is missing."""
    monkeypatch.setenv("VIOT_MODELS", str(tmp_path / "none"))
    (tmp_path / "none").mkdir()
    world(tmp_path, people=2, pictures=2)
    made = faces.bench(tmp_path, quick=True)
    assert {r.tier for r in made.rows} <= {"", "builtin"} and any(r.id.startswith("faces.sizes.") for r in made.rows)
    not_run = [line for line in made.skipped if "was not run" in line]
    assert not_run and all("viot models pull" in line for line in not_run)
    for name in faces.SUITES:
        assert any(line.startswith(f"suite {name} in tier hub was not run") for line in made.skipped), name
    with pytest.raises(WeightsMissing):
        faces.bench(tmp_path, quick=True, suite="identify")


def test_an_unknown_suite_and_an_empty_folder(tmp_path: Path, home: Path) -> None:
    with pytest.raises(UserFault, match=r"the suites are verify, identify, masked, .*sizes"):
        faces.bench(tmp_path, suite="talfw")
    made = faces.bench(tmp_path, suite="verify")
    assert made.rows == () and any("no folder" in line for line in made.skipped)


@pytest.mark.real
@pytest.mark.slow
def test_the_quick_bench_on_real_faces(shared: Path, home: Path) -> None:
    made = faces.bench(shared, quick=True, suite="verify")
    by_id = {(r.id, r.tier): r for r in made.rows}
    for tier in ("hub", "builtin"):
        r = by_id["faces.verify.acc", tier]
        assert r.floor is not None and r.value > r.floor and r.low <= r.value <= r.high
