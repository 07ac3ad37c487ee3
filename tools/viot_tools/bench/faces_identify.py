"""Who is it? Open-set identification as ``face_recognition`` does it: its own crops, templates, thresholds and vote.

``faces.identify.far``: pictures of people who are *not* enrolled, searched among ``GALLERY`` enrolled people of the
same set; the share that is named somebody. ``faces.identify.right``: pictures of enrolled people (not those they were
enrolled with), searched the same way; the share that is named rightly. A picture in which no face was found names
nobody. The floor of each is the trivial rule (grey values at 16x16, one threshold) set so that the *other* of the two
figures is the product's.

The thresholds were chosen on a half of the people in the folder they came with; where these are the people at hand,
that half is left out (``calibrated``). One picture is one look: a track of video has several, which the tool votes on
(``viot_tools.faces.calibrate`` measures those). Owns these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_tools.bench.faces_store import Own, Store
from viot_tools.bench.reid_rows import by_unit
from viot_tools.bench.reid_rows import row as unit_row
from viot_tools.faces.calibrate import half
from viot_tools.faces.identity import Calibration, Look, load, template, vote
from viot_tools.verification.pairs import LISTS, People, read
from viot_tools.verification.recognisers import TRIVIAL

GALLERY = 10
ENROLLED_WITH = 3
DRAWS = 5


@dataclass(frozen=True, slots=True)
class Searched:
    """One search: of whom, and whether it named anybody (``strangers``) or the right one (``mates``)."""

    who: str
    hit: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """All searches of one rule."""

    strangers: tuple[Searched, ...]
    mates: tuple[Searched, ...]


@lru_cache(maxsize=8)
def calibrated(name: str) -> frozenset[str] | None:
    """The people of the committed list of that set on whom thresholds were chosen; None where there is no such list."""
    path = LISTS / f"{name}.txt"
    if not path.is_file():
        return None
    return frozenset(w for p in read(path, path).pairs for w in (p.left_who, p.right_who) if half(w) == 0)


def eligible(people: People) -> list[str]:
    """Those of the set on whom nothing was chosen, with two pictures or more."""
    out = calibrated(people.name) or frozenset()
    return [who for who, pictures in people.pictures.items() if len(pictures) >= 2 and who not in out]


@dataclass(frozen=True, slots=True)
class Trial:
    """One search: rows of the set's pictures. ``probe`` shows ``who``; the gallery is person to enrolled rows."""

    who: str
    probe: int
    gallery: Mapping[str, tuple[int, ...]]


def trials(people: People, found: NDArray[np.bool_], seed: int) -> tuple[list[Trial], list[Trial]]:
    """(searches for people who are not enrolled, searches for people who are), drawn from the seed.

    Everybody is the stranger and the mate of ``DRAWS`` galleries of up to ``GALLERY`` people; each is enrolled with the
    first ``ENROLLED_WITH`` pictures a face was found in (at most half of what there are)."""
    at = {picture: i for i, picture in enumerate(people.owner)}
    enrolled, probes = {}, {}
    for who in eligible(people):
        mine = [at[p] for p in people.pictures[who]]
        seen = [i for i in mine if found[i]][: max(1, min(ENROLLED_WITH, len(mine) // 2))]
        if seen:
            enrolled[who], probes[who] = tuple(seen), [i for i in mine if i not in seen]
    strangers, mates = [], []
    for who in sorted(enrolled):
        others = [o for o in sorted(enrolled) if people.strangers(who, o)]
        if not others:
            continue
        for draw in range(DRAWS):
            rng = np.random.default_rng([seed, draw, sorted(enrolled).index(who)])
            chosen = [others[i] for i in rng.permutation(len(others))[:GALLERY]]
            away = {o: enrolled[o] for o in chosen}
            home = {o: enrolled[o] for o in [who, *chosen[: GALLERY - 1]]}
            strangers += [Trial(who, i, away) for i in (*enrolled[who], *probes[who])]
            mates += [Trial(who, i, home) for i in probes[who]]
    return strangers, mates


def searchable(store: Store) -> list[People]:
    """The sets in which there are people to search for and people to search among."""
    return [p for p in store.sets if all(trials(p, store.aligned(p).found, store.seed))]


def searched(trial: Trial, vectors: NDArray[np.float32], looked: Own, calibration: Calibration) -> str:
    """Whom the product names, '' for nobody. ``vectors`` (N, D) are the enrolled pictures', ``looked`` the probes'."""
    if not np.isfinite(looked.vectors[trial.probe]).all():
        return ""
    gallery = {who: template(vectors[list(rows)]) for who, rows in trial.gallery.items()}
    look = Look(0.0, float(looked.quality[trial.probe]), looked.vectors[trial.probe])
    verdict = vote([look], gallery, calibration)
    return verdict.who if verdict.answer == "match" else ""


def outcome(
    store: Store, chosen: Sequence[People], looked: Callable[[People], Own] | None = None
) -> tuple[Outcome, list[tuple[People, list[Trial], list[Trial]]]]:
    """The product's searches over all sets; ``looked`` gives what the probes look like (None: as they are)."""
    calibration = load(store.own_recogniser.model, store.detector.model)
    strangers, mates, drawn = [], [], []
    for people in chosen:
        away, home = trials(people, store.aligned(people).found, store.seed)
        drawn.append((people, away, home))
        own = store.own(people)
        probes = own if looked is None else looked(people)
        for trial in away:
            who = f"{people.name}/{trial.who}"
            strangers.append(Searched(who, bool(searched(trial, own.vectors, probes, calibration))))
        for trial in home:
            who = f"{people.name}/{trial.who}"
            mates.append(Searched(who, searched(trial, own.vectors, probes, calibration) == trial.who))
    return Outcome(tuple(strangers), tuple(mates)), drawn


def trivial(
    store: Store, drawn: Sequence[tuple[People, list[Trial], list[Trial]]], far: float, right: float
) -> tuple[float, float]:
    """(false accepts of the trivial rule at the product's share of right names, its right names at the product's false
    accepts): the better of the rules each."""
    found = [_at(store, drawn, r.name, far, right) for r in TRIVIAL]
    return min(f[0] for f in found), max(f[1] for f in found)


def _at(
    store: Store, drawn: Sequence[tuple[People, list[Trial], list[Trial]]], name: str, far: float, right: float
) -> tuple[float, float]:
    strange, mated = [], []
    for people, away, home in drawn:
        vectors = np.nan_to_num(store.vectors(people, name), nan=0.0)
        for trial in away:
            strange.append(_best(trial, vectors)[1])
        for trial in home:
            who, score = _best(trial, vectors)
            mated.append(score if who == trial.who else -np.inf)
    tops, own = np.sort(strange)[::-1], np.sort(mated)[::-1]
    at_right = own[min(len(own) - 1, max(0, round(right * len(own)) - 1))]
    at_far = tops[min(len(tops) - 1, int(far * len(tops)))]
    return float((tops >= at_right).mean()), float((own > at_far).mean())


def _best(trial: Trial, vectors: NDArray[np.float32]) -> tuple[str, float]:
    scores = {who: float(template(vectors[list(rows)]) @ vectors[trial.probe]) for who, rows in trial.gallery.items()}
    who = max(sorted(scores), key=lambda name: scores[name])
    return who, scores[who]


def rows(store: Store) -> tuple[list[Row], list[str]]:
    """The rows of the store's tier, and what was left out and why."""
    chosen = searchable(store)
    skipped = [
        f"faces.identify.* on {p.name}: fewer than two people with two pictures and a face that was found, on whom no "
        "threshold was chosen"
        for p in store.sets
        if p not in chosen
    ]
    if not chosen:
        return [], skipped
    made, drawn = outcome(store, chosen)
    return both(made, "faces.identify", "", store, lambda far, right: trivial(store, drawn, far, right)), skipped


def both(
    made: Outcome, name: str, how: str, store: Store, floors: Callable[[float, float], tuple[float, float]] | None
) -> list[Row]:
    """The two rows of an outcome; people are the units. ``how`` completes the metrics."""
    away = by_unit([s.who for s in made.strangers], [float(s.hit) for s in made.strangers])
    home = by_unit([s.who for s in made.mates], [float(s.hit) for s in made.mates])
    far, right = (float(np.mean([s.hit for s in found])) for found in (made.strangers, made.mates))
    floor = floors(far, right) if floors is not None else (None, None)
    model, tier = store.own_recogniser.model, store.weights.tier
    words = f"strangers named, among {GALLERY} enrolled, per search{how}", f"enrolled people named rightly{how}"
    out = []
    for key, metric, values, low in zip(("far", "right"), words, (away, home), floor, strict=True):
        shown = None if low is None else [low]
        out.append(unit_row(f"{name}.{key}", metric, values, store.seed, model, tier, shown))
    return out
