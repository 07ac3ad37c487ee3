"""Files and words that the tools read from others, under changed and made-up input: weights with their cards, masks,
handles, phrasings, questions. What is wrong is refused with the errors that the readers name, and nothing else.

A part of a second each; ``--slow`` tries for much longer.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from viot_agent.errors import NameFault, RetryFault, UserFault, WeightsMissing
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.fake import FakeLibrary
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights.store import Weights
from viot_tools.bench.video_qa_questions import load_phrasings
from viot_tools.cloak.advnets import Generator, load_generator, save_generator
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.store import SIDE, Kept, MaskStore
from viot_tools.cloak.store import read as read_mask
from viot_tools.faces.nets.build import backbone, load_net, save_net
from viot_tools.inference import thread_count
from viot_tools.pose.handles import Stretch, keep, named
from viot_tools.qa.learned.net import WEIGHTS, load
from viot_tools.qa.parse import parse, place_and_time
from viot_tools.tensors import read_tensors

pytestmark = pytest.mark.trust
Rng = random.Random
PHRASINGS = Path(__file__).resolve().parents[2] / "datasets" / "viot_qa" / "phrasings_test.jsonl"


def _net(folder: Path) -> Path:
    save_net(backbone("mobilefacenet", width=0.125), folder / "net.safetensors", licence="Apache-2.0")
    return folder / "net.safetensors"


def _generator(folder: Path) -> Path:
    save_generator(Generator(2, 1), folder / "generator.safetensors", licence="Apache-2.0")
    return folder / "generator.safetensors"


def _mask(folder: Path) -> Path:
    delta = np.zeros((SIDE, SIDE, 3), np.float32)
    MaskStore(folder).put(Kept("Ana", Recipe("opom", 8.0), ("a", "b"), "0" * 8, delta, 4, 0.5))
    return next(folder.rglob("*.safetensors"))


def _plain_tensors(path: Path) -> object:
    return read_tensors(path, fix="x")


def _questions_net(path: Path) -> object:
    load.cache_clear()
    return load(path)


FILES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "tensors": (_generator, _plain_tensors),
    "net": (_net, load_net),
    "generator": (_generator, load_generator),
    "mask": (_mask, read_mask),
    "questions": (lambda folder: WEIGHTS, _questions_net),
}


def header_of(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def card_changed(rng: Rng, fuzzing: ModuleType, data: bytes) -> bytes:
    """The file with another header: its card's texts, or names, types and shapes of tensors."""
    header, body = header_of(data)
    if rng.random() < 0.7:  # the card, whose texts are JSON themselves
        for key, text in list(header["__metadata__"].items()):
            if rng.random() < 0.5:
                try:
                    header["__metadata__"][key] = json.dumps(fuzzing.json_of(rng, [json.loads(text)]))
                except ValueError:
                    header["__metadata__"][key] = fuzzing.text_of(rng, [text])[:3000]
            elif rng.random() < 0.1:
                del header["__metadata__"][key]
    else:
        header = fuzzing.json_of(rng, [header])
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def weights(kind: str, fuzzing: ModuleType, folder: Path, seconds: float) -> None:
    make, read = FILES[kind]
    good = make(folder)
    read(good)
    data, path = good.read_bytes(), folder / "changed.safetensors"

    def changed(rng: Rng) -> bytes:
        return card_changed(rng, fuzzing, data) if rng.random() < 0.7 else fuzzing.bytes_of(rng, [data])

    def look(given: bytes) -> None:
        path.write_bytes(given)
        read(path)

    fuzzing.fuzz(f"weights {kind}", changed, look, (UserFault, WeightsMissing, NameFault), seconds=seconds)


@pytest.mark.parametrize("kind", FILES)
def test_weights(kind: str, fuzzing: ModuleType, tmp_path: Path) -> None:
    weights(kind, fuzzing, tmp_path, 0.4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_weights_for_longer(kind: str, fuzzing: ModuleType, tmp_path: Path) -> None:
    weights(kind, fuzzing, tmp_path, 15.0)


CAMERAS = (Camera(1, "gate 2", "x", (), "UTC", None), Camera(2, "Tor Süd", "y", ("docks",), "UTC", None))
QUESTIONS = (
    "how many red cars passed gate 2 before the man in the blue coat left?", "why did she run?", "谁在门口？",
    "Is the bag on the table (A) red (B) blue (C) there is none?", "what did the person do after 10:00 at Tor Süd?",
    "how long was Ana between 10 and 11 at the docks, and who came with her?", "which is larger: the first or last?",
)  # fmt: skip


def questions(fuzzing: ModuleType, seconds: float) -> None:
    def look(text: str) -> None:
        parse(text, cameras=CAMERAS, people=("Ana",), options=("red", text[:50]))
        place_and_time(text, CAMERAS, ("Ana",))

    fuzzing.fuzz("questions", lambda rng: fuzzing.text_of(rng, QUESTIONS), look, (), seconds=seconds)


def test_questions(fuzzing: ModuleType) -> None:
    questions(fuzzing, 1.0)


@pytest.mark.slow
def test_questions_for_longer(fuzzing: ModuleType) -> None:
    questions(fuzzing, 20.0)


def test_phrasings(fuzzing: ModuleType, tmp_path: Path) -> None:
    rows = PHRASINGS.read_text("utf-8").splitlines()
    path = tmp_path / "phrasings.jsonl"

    def make(rng: Rng) -> bytes:
        lines = list(rows)
        at = rng.randrange(len(lines))
        lines[at] = json.dumps(fuzzing.json_of(rng, [json.loads(lines[at])]))
        data = "\n".join(lines).encode()
        return fuzzing.bytes_of(rng, [data]) if rng.random() < 0.3 else data

    def look(given: bytes) -> None:
        path.write_bytes(given)
        load_phrasings(path)

    fuzzing.fuzz("phrasings", make, look, (UserFault,), seconds=0.5)


def test_handles(fuzzing: ModuleType, tmp_path: Path, home: Path) -> None:
    def context() -> ToolContext:
        library = FakeLibrary()
        return ToolContext(Request("x", conversation="c"), Fleet(library), library, Weights(home), home, "run-1")

    keep(context(), [Stretch("gate 2", 1.0, 2.0, "m")])
    kept = next((home / "poses").rglob("poses-1.json"))
    good = json.loads(kept.read_text("utf-8"))
    assert named(context(), "Poses-1 ")

    def make(rng: Rng) -> tuple[str, str]:
        name = fuzzing.text_of(rng, ["poses-1", "clip-2", "poses-²"]) if rng.random() < 0.5 else "poses-1"
        return name, fuzzing.text_of(rng, [json.dumps(fuzzing.json_of(rng, [good]))])

    def look(given: tuple[str, str]) -> None:
        kept.write_bytes(given[1].encode("utf-8", "surrogatepass"))
        for stretch in named(context(), given[0]):
            assert isinstance(stretch.camera + stretch.model, str) and isinstance(stretch.start + stretch.end, float)

    fuzzing.fuzz("handles", make, look, (RetryFault,), seconds=0.4)


def test_threads(fuzzing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(text: str) -> None:
        monkeypatch.setenv("VIOT_THREADS", text)
        assert 1 <= thread_count() <= 256

    def make(rng: Rng) -> str:
        text: str = fuzzing.text_of(rng, ["1", "16"])
        return text.encode("utf-8", "replace").decode().replace("\0", "")

    fuzzing.fuzz("threads", make, look, (UserFault,), seconds=0.1)
