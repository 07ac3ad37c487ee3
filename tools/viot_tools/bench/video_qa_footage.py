"""Video files under questions: each file a camera of a library that the product's own index fills.

Owns the home that is indexed, once for all runs where it is kept. Knows no question.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from viot_agent.errors import UserFault, ViotError
from viot_agent.system import Viot
from viot_agent.weights import Weights
from viot_tools.bench.video_qa_ask import Asker, EngineName
from viot_tools.bench.video_qa_figures import Said
from viot_tools.qa.tool import video_qa

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC).timestamp()
"""When every file's first frame was, POSIX seconds: noon of a Monday."""
DAY = 86400.0
THINGS = "things"
"""The analyzer of what is neither a person nor a vehicle; not in every tier."""


def camera_names(files: Iterable[str]) -> dict[str, str]:
    """A camera's name for each file: words that no question uses, so that "the street" is not taken for a camera."""
    return {file: f"reel {n}" for n, file in enumerate(sorted(set(files)), 1)}


@dataclass(slots=True)
class Footage:
    """Indexed files by camera name. ``skipped``: names with why they could not be indexed."""

    viot: Viot
    ask: Asker
    skipped: dict[str, str]

    def answer(self, camera: str, question: str, options: tuple[str, ...], is_moment: bool, when: str = "") -> Said:
        """Ask about one camera; times are given back in seconds from the first frame of its file."""
        said = self.ask(question, [camera], when, options)
        number = said.number
        if number is not None and is_moment and number >= START:
            number -= START
        spans = tuple((c, a - START, b - START) for c, a, b in said.spans)
        return replace(said, number=number, spans=spans)


@contextmanager
def indexed(
    files: Mapping[str, Path], data: Path, engine: EngineName, keep: Path | None, tier_models: Path | None
) -> Iterator[Footage]:
    """The files (camera name -> file) indexed in a home: a passing one, or ``keep``, where what is indexed stays.

    Raises UserFault when ``keep`` holds other files under these names.
    """
    with tempfile.TemporaryDirectory(prefix="viot-video-qa-") as scratch:
        home = keep or Path(scratch)
        with Viot.open(home) as viot:
            models = viot.weights.models_dir or tier_models
            viot.weights = Weights(viot.home, models, "hub" if models is not None else None)
            skipped: dict[str, str] = {}
            # what the tool does not read need not be made
            only = [a.name for a in viot.analyzers() if a.name in (*video_qa.needs, THINGS)]
            there = {c.name: c.source for c in viot.library.cameras()}
            for name, file in files.items():
                if there.get(name, str(file.resolve())) != str(file.resolve()):
                    fix = "name another folder with --keep"
                    raise UserFault(f"{home} holds another file as {name}: {there[name]}", fix=fix)
                try:
                    if name not in there:
                        viot.add_camera(name, str(file), tz="UTC", start=START)
                    viot.index([name], only=only)
                except ViotError as fault:
                    skipped[name] = str(fault)
            yield Footage(viot, Asker(viot.library, viot.weights, viot.home, START + DAY, engine=engine), skipped)
