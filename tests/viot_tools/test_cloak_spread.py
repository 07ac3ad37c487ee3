"""Cloaking with the workers of a cluster: the same files, whatever fails or dies; and the bench's masks so."""

from __future__ import annotations

import importlib.util
import os
import pickle
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pil

from viot_agent.errors import BackendFault, FailedFault, LostFault, MediaFault, UserFault, ViotError
from viot_tools.bench.cloak_cast import Sitter
from viot_tools.bench.cloak_made import Made, Studio, Wanted, mask_of
from viot_tools.bench.cloak_scores import Way
from viot_tools.cloak.hands import Drawing, Hands, Making, Seek
from viot_tools.cloak.making import PEOPLE, Recipe
from viot_tools.cloak.methods import METHODS
from viot_tools.cloak.protect import Cloaker, Report
from viot_tools.cloak.store import read
from viot_tools.cloak.workers import Afar, Errand, done, named
from viot_tools.masks.pictures import free_name

ONE, SPOT = (180, 200), (40.0, 30.0, 112.0)
TWO, PAIR = (180, 400), [(20.0, 30.0, 112.0), (240.0, 30.0, 112.0)]
WHERE = {ONE: [SPOT], TWO: PAIR}
TWICE = 2
RAY = importlib.util.find_spec("ray") is not None
Task = Callable[[Errand], Any]


@pytest.fixture
def files(made: ModuleType, tmp_path: Path) -> list[Path]:
    """Four pictures of three people, two of them of one name, and one that is no picture."""
    folder = tmp_path / "in"
    folder.mkdir()
    kinds: dict[str, tuple[tuple[int, int], dict[int, Any]]] = {
        "a.png": (ONE, {1: SPOT}),
        "both.png": (TWO, {1: PAIR[0], 2: PAIR[1]}),
        "c.jpg": (ONE, {3: SPOT}),
        "c.png": (ONE, {3: SPOT}),
    }
    for seed, (name, (size, people)) in enumerate(kinds.items()):
        Pil.fromarray(made.picture(size, people, seed)).save(folder / name)
    (folder / "bad.jpg").write_bytes(b"no picture")
    return [folder / name for name in ("a.png", "bad.jpg", "both.png", "c.jpg", "c.png")]


def given(made: ModuleType, **more: Any) -> dict[str, Any]:
    return {"kit": made.kit(WHERE), "white": made.white(), "jury": made.jury(), **more}


def worker(made: ModuleType, home: Path, **more: Any) -> Task:
    hands = Hands(made.context(home).weights, "opom", **given(made, **more))
    return lambda errand: done(errand, hands)


def afar(task: Task) -> Callable[[Hands], Afar]:
    """Workers in this process; what travels is packed and unpacked, as between machines."""

    def results(errands: Iterable[Errand]) -> Iterator[Any]:
        for errand in errands:
            try:
                came = pickle.loads(pickle.dumps(task(pickle.loads(pickle.dumps(errand)))))
            except LostFault:
                raise
            except ViotError as fault:
                came = fault
            yield came

    return lambda hands: Afar(hands, results)


def cloak(
    made: ModuleType, home: Path, out: Path, files: list[Path], task: Task | None = None, **more: Any
) -> tuple[Report, dict[str, bytes]]:
    """The report without what differs by the folder, and the written files."""
    ctx = made.context(home, more.pop("enrolled", None))
    crew = None if task is None else afar(task)
    recipe = Recipe(more.pop("method", "opom"), rounds=TWICE)
    cloaker = Cloaker(ctx, recipe, crew=crew, **given(made, **more))
    report = cloaker.pictures(files, lambda file, ending: free_name(out, file.stem, ending, "cloaked"))
    assert all(p.written.parent == out for p in report.pictures)
    pictures = tuple(replace(p, written=Path(p.written.name)) for p in report.pictures)
    return replace(report, pictures=pictures), {p.name: p.read_bytes() for p in out.iterdir()}


def test_the_files_and_the_report_are_those_of_one_process(made: ModuleType, tmp_path: Path, files: list[Path]) -> None:
    people = {"Anna Berg": [made.picture(ONE, {1: SPOT}, s) for s in (5, 6)]}
    steps: list[tuple[str, int, int]] = []
    near, mine = cloak(made, tmp_path / "h1", tmp_path / "o1", files, enrolled=people)
    far, theirs = cloak(
        made, tmp_path / "h2", tmp_path / "o2", files, worker(made, tmp_path), enrolled=people,
        counted=lambda *step: steps.append(step),
    )  # fmt: skip
    assert sorted(mine) == ["a-cloaked.png", "both-cloaked.png", "c-cloaked.jpg", "c-cloaked.png"]
    assert mine == theirs
    assert far.pictures == near.pictures and far.unread == near.unread == 1 and far.failed == near.failed == 0
    [(path, why)], [(_, here)] = far.without, near.without
    assert path == files[1] and "is not a picture" in why and "(on " in why and "(on " not in here
    one, two = (read(p) for h in ("h1", "h2") for p in (tmp_path / h / "cloaks").glob("*.safetensors"))
    assert np.array_equal(one.delta, two.delta)
    assert (one.person, one.pictures, one.learnt, one.drop) == (two.person, two.pictures, two.learnt, two.drop)
    ended = [s for s in steps if s[1] == s[2]]
    assert ended == [
        ("pictures looked at", 5, 5),
        ("masks", 3, 3),
        ("pictures written", 4, 4),
    ]
    again, _ = cloak(made, tmp_path / "h2", tmp_path / "o3", files[:1], worker(made, tmp_path), enrolled=people)
    assert again.pictures[0].faces[0].origin.stored, "the mask that a worker made was kept"


def test_one_mask_for_everybody_is_made_once(made: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    files = [folder / f"{i}.png" for i in range(PEOPLE)]
    for i, file in enumerate(files):
        Pil.fromarray(made.picture(ONE, {i + 1: SPOT}, i)).save(file)
    asked: list[str] = []
    hands = Hands(made.context(tmp_path).weights, "sga", **given(made))

    def task(errand: Errand) -> Any:
        asked.append(named(errand))
        return done(errand, hands)

    near, mine = cloak(made, tmp_path / "h1", tmp_path / "o1", files, method="sga")
    far, theirs = cloak(made, tmp_path / "h2", tmp_path / "o2", files, task, method="sga")
    assert near == far and mine == theirs and len(mine) == PEOPLE
    assert asked.count("the mask of everybody") == 1


DIED, BROKE = BackendFault("Workers died on it, 4 times."), FailedFault("A worker broke down.")


@pytest.mark.parametrize(
    ("kind", "left", "fault"),
    [(Seek, ["a", "c", "c"], DIED), (Making, ["c", "c"], DIED), (Drawing, ["a", "c", "c"], BROKE)],
)
def test_what_fails_is_told_and_the_others_are_cloaked(
    made: ModuleType, tmp_path: Path, files: list[Path], kind: type, left: list[str], fault: ViotError
) -> None:
    """A picture one of whose people has no mask is not half cloaked."""
    good = worker(made, tmp_path)

    def task(errand: Errand) -> Any:
        if isinstance(errand.work, kind) and (named(errand).endswith(("both.png", "person 1"))):
            raise fault
        return good(errand)

    report, written = cloak(made, tmp_path / "h", tmp_path / "o", files, task)
    assert [p.source.stem for p in report.pictures] == left and len(written) == len(left)
    told = dict(report.without)
    assert str(fault) in told[files[2]] and "was not cloaked" in told[files[2]]
    assert report.failed == 4 - len(left) and report.unread == 1
    assert [path for path, _ in report.without] == sorted(told, key=files.index)


def test_in_one_process_too_one_picture_that_fails_ends_no_other(
    made: ModuleType, tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    do = Hands.do

    def failing(self: Hands, work: Any) -> Any:
        if isinstance(work, Drawing) and work.path.name == "both.png":
            raise BROKE
        return do(self, work)

    monkeypatch.setattr(Hands, "do", failing)
    report, written = cloak(made, tmp_path / "h", tmp_path / "o", files)
    assert [p.source.stem for p in report.pictures] == ["a", "c", "c"] and len(written) == 3
    assert str(BROKE) in dict(report.without)[files[2]] and report.failed == 1


@pytest.mark.parametrize("kind", [Seek, Making, Drawing])
def test_where_all_fail_that_is_the_fault(made: ModuleType, tmp_path: Path, files: list[Path], kind: type) -> None:
    good = worker(made, tmp_path)

    def task(errand: Errand) -> Any:
        if isinstance(errand.work, kind):
            raise BackendFault("Workers died.")
        return good(errand)

    with pytest.raises(BackendFault, match="died"):
        cloak(made, tmp_path / "h", tmp_path / "o", files[2:], task)
    with pytest.raises(BackendFault, match="died"):
        cloak(made, tmp_path / "h", tmp_path / "o", files[:1], task)
    assert not (tmp_path / "o").exists()


def test_a_cluster_that_is_gone_ends_it_and_what_was_written_stays(
    made: ModuleType, tmp_path: Path, files: list[Path]
) -> None:
    good = worker(made, tmp_path)

    def task(errand: Errand) -> Any:
        if isinstance(errand.work, Drawing) and errand.work.path.name == "both.png":
            raise LostFault("The cluster gave up.")
        return good(errand)

    with pytest.raises(LostFault):
        cloak(made, tmp_path / "h", tmp_path / "o", files, task)
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["a-cloaked.png"]


def test_a_worker_with_other_models_is_refused(made: ModuleType, tmp_path: Path, files: list[Path]) -> None:
    for more in ({"white": made.white(3)}, {"jury": made.NOBODY}):
        with pytest.raises(UserFault, match="would cloak with") as caught:
            cloak(made, tmp_path / "h", tmp_path / "o", files, worker(made, tmp_path, **more))
        assert "VIOT_MODELS" in caught.value.fix and not isinstance(caught.value, MediaFault)


def test_a_relative_path_travels_whole(
    made: ModuleType, tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "in")
    good = worker(made, tmp_path)
    seen: list[Path] = []

    def task(errand: Errand) -> Any:
        if isinstance(errand.work, (Seek, Drawing)):
            seen.append(errand.work.path)
        return good(errand)

    report, _ = cloak(made, tmp_path / "h", tmp_path / "o", [Path("a.png")], task)
    assert seen == [files[0], files[0]] and report.pictures[0].source == Path("a.png")


# viot bench cloak -----------------------------------------------------------------------------------------------------


def sitters(made: ModuleType) -> list[Sitter]:
    def faces(i: int) -> Any:
        return np.stack([made.picture((112, 112), {i: (0, 0, 112)}, 100 * i + k) for k in range(10)])

    return [Sitter(f"p{i}", faces(i)[:5], faces(i)[5:], True) for i in (1, 2)]


WAY = Way("x", METHODS["fi-uap"].but(rounds=TWICE), 7)


def test_the_benchs_masks_are_those_of_one_process(made: ModuleType, tmp_path: Path) -> None:
    both, asked = sitters(made), []

    def far(wanted: Any) -> Iterator[Made]:
        for one in wanted:
            there: Wanted = pickle.loads(pickle.dumps(one))
            asked.append(there.name)
            yield pickle.loads(pickle.dumps(mask_of(there.faces, there.method, made.white().only(there.white))))

    said: list[str] = []
    alone, spread = Studio(made.white(), tmp_path / "1"), Studio(made.white(), tmp_path / "2", said.append, far)
    for studio in (alone, spread):
        WAY.ahead(studio, both, 8.0, (0, 1))
    assert asked == ["p1", "p2", "p1", "p2"] and said[-1] == "p2 (4 of 4)" and not alone.folder.exists()
    for sitter in both:
        for seed in (0, 1):
            near, far_ = (WAY.hidden(s, sitter, 8.0, seed)[0] for s in (alone, spread))
            assert np.array_equal(near, far_)
    assert len(said) == 4, "nothing was made anew"
    WAY.ahead(spread, both, 8.0, (0, 1, 2))
    assert len(asked) == 6, "what is kept is not asked for"


def test_masks_made_before_a_fault_are_kept(made: ModuleType, tmp_path: Path) -> None:
    def far(wanted: Any) -> Iterator[Made]:
        yield mask_of(wanted[0].faces, wanted[0].method, made.white())
        raise BackendFault("Workers died.")

    studio = Studio(made.white(), tmp_path, far=far)
    with pytest.raises(BackendFault, match="died"):
        WAY.ahead(studio, sitters(made), 8.0, (0,))
    assert len(list(tmp_path.glob("*.npz"))) == 1


REAL = """
import os, signal, sys
from pathlib import Path
import helpers_cloak as made
import ray
from ray.cluster_utils import Cluster
from viot_agent.cluster import in_order, joined
from viot_tools.cloak.hands import Drawing, Hands, Making
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.protect import Cloaker
from viot_tools.cloak.store import read
from viot_tools.cloak.workers import Afar, done, named, wide
from viot_tools.masks.pictures import free_name

root, SPOT, SIZE = Path(sys.argv[1]), (40.0, 30.0, 112.0), (180, 200)
files = sorted((root / "in").iterdir())
given = {"kit": made.kit({SIZE: [SPOT]}), "jury": made.jury(), "white": made.white()}

def task(marks, home):
    def do(errand):
        name = f"{type(errand.work).__name__} {named(errand)}"
        mark = Path(marks, name.replace("/", "_"))
        first = not mark.exists()
        with mark.open("a") as file:
            file.write(f"{os.getpid()} {ray.get_runtime_context().get_node_id()}\\n")
        mortal = "Drawing" in name and name.endswith("2.png") or name == "Making the mask of person 2"
        if first and mortal or "Drawing" in name and name.endswith("4.png"):
            os.kill(os.getpid(), signal.SIGKILL)  # in the middle of its work
        return done(errand, Hands(made.context(Path(home)).weights, "opom", **given))
    return do

def cloak(crew, to):
    cloaker = Cloaker(made.context(root / "home"), Recipe(rounds=2), crew=crew, **given)
    return cloaker.pictures(files, lambda file, ending: free_name(root / to, file.stem, ending, "cloaked"))

near = cloak(None, "near")
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 << 20})
cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
try:
    with joined(cluster.address, task(str(root / "marks"), str(root)), named, wide=wide) as pool:
        print(pool.size)
        far = cloak(lambda hands: Afar(hands, lambda errands: in_order(pool, errands)), "far")
finally:
    cluster.shutdown()
print(len(near.pictures), len(far.pictures), far.failed)
for path, why in far.without:
    print(path.name, why)
"""


@pytest.mark.slow
@pytest.mark.fleet
@pytest.mark.skipif(not RAY, reason="no Ray here: pip install 'ray>=2.52,<3'")
def test_a_real_cluster_whose_workers_are_killed(made: ModuleType, tmp_path: Path) -> None:
    """Two nodes of one core. Workers of a mask and of a picture are killed once, those of another picture always."""
    for name in ("in", "marks"):
        (tmp_path / name).mkdir()
    for i in range(6):
        Pil.fromarray(made.picture(ONE, {i % 3 + 1: SPOT}, i)).save(tmp_path / "in" / f"{i}.png")
    # one token for all of it: a machine fetches what is large only from those that show it
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    env = {**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp"}
    env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), env.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", "-c", REAL, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=280)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err[-3000:]
    # Ray's own daemon tells of the workers that were killed
    size, counts, told = [line for line in out.splitlines() if "(raylet" not in line and line.strip()]
    assert (size, counts) == ("2", "6 5 1")
    assert told.startswith("4.png") and "was not cloaked: Workers died on" in told and "4 times" in told
    near, far = ({p.name: p.read_bytes() for p in (tmp_path / to).iterdir()} for to in ("near", "far"))
    assert far == {name: data for name, data in near.items() if not name.startswith("4-")} and len(near) == 6
    tried = {p.name: p.read_text().split() for p in (tmp_path / "marks").iterdir()}
    assert {n.split("_")[-1]: len(w) // 2 for n, w in tried.items() if len(w) > 2} == {
        "2.png": 2, "4.png": 4, "Making the mask of person 2": 2,
    }  # fmt: skip
    assert len({word for words in tried.values() for word in words[1::2]}) == 2, "both nodes worked"
