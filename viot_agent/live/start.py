"""Watching with an open :class:`~viot_agent.system.Viot`: which cameras, with whose analyzers; and indexing what was
recorded and not looked at.

Composition only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from viot_agent.errors import MediaFault, UserFault
from viot_agent.fleet.types import Camera
from viot_agent.library.beside import Beside
from viot_agent.library.ingest import IngestReport, Problem, ingest_file
from viot_agent.library.looking import OpenReader
from viot_agent.library.rows import Analyzer
from viot_agent.library.store import Library
from viot_agent.live import ring as rings
from viot_agent.live.address import is_live, shown
from viot_agent.live.claim import claimed
from viot_agent.live.looker import Looker, unseen

if TYPE_CHECKING:
    from viot_agent.alerts.types import Firing
    from viot_agent.live.watch import Looked, Settings, Watch
    from viot_agent.system import Viot


def chosen(viot: Viot, names: Sequence[str]) -> list[Camera]:
    """The live cameras of these names and groups, all when empty. Raises UserFault for a recording, NameFault."""
    if not names:
        return [c for c in viot.library.cameras() if is_live(c.source)]
    found = viot.fleet.resolve_cameras(list(names))
    for camera in found:
        if not is_live(camera.source):
            raise UserFault(f"{camera.name} is a recording, not live", fix=f"viot index {camera.name!r}")
    return found


def watch(
    viot: Viot,
    cameras: Sequence[Camera],
    stop: threading.Event,
    *,
    settings: Settings,
    only: Sequence[str] = (),
    fired: Callable[[Firing], None] | None = None,
    looked: Callable[[Looked], None] = lambda looked: None,
    note: Callable[[str, str], None] = lambda camera, words: None,
    started: Callable[[Watch], None] = lambda watch: None,
    seed: int = 0,
) -> None:
    """Watch until ``stop``, with the analyzers ``only`` names (all when empty); alerts look after every stored segment.
    Raises as :meth:`Watch.run` does."""
    from viot_agent.live.watch import Watch
    from viot_agent.media.readers import open_media

    with viot.watching(fired) as stored:
        work = Watch(
            viot.library,
            viot.home,
            cameras,
            viot.analyzers(only),
            open_reader=open_media,
            settings=settings,
            stored=stored,
            looked=looked,
            note=note,
            seed=seed,
        )
        started(work)
        work.run(stop)


def index_recordings(
    library: Library,
    camera: Camera,
    analyzers: Sequence[Analyzer],
    *,
    open_reader: OpenReader,
    stored: Callable[[], None] | None = None,
) -> IngestReport:
    """Look at what was recorded of a live camera and was not looked at, or not by all of ``analyzers``.

    Raises BusyFault while the camera is watched.
    """
    began = time.perf_counter()
    reports: list[IngestReport] = []
    problems: list[Problem] = []
    with claimed(library, library.home, camera) as held, Beside() as beside:
        ring = rings.Ring(rings.folder(library.home, camera.id) / "ring", float("inf"), float("inf"))
        kept = {k.path for k in ring.files()}
        looker = Looker(library, open_reader, beside)
        ring.salvage(looker.latest(camera.name))
        for item in unseen(library, camera, ring.files()):
            try:
                reports.append(looker.look(item, analyzers, 5.0, stored, held))
            except MediaFault as fault:
                problems.append(Problem(item.path, 0.0, str(fault)))
        for row in library.media_rows(camera.name):
            if row.path in kept:
                report = ingest_file(
                    library,
                    camera.name,
                    row,
                    analyzers,
                    open_reader=open_reader,
                    beside=beside,
                    stored=stored,
                    held=held,
                )
                reports.append(report)
    seconds: dict[str, float] = {}
    for report in reports:
        problems.extend(report.problems)
        for part, spent in report.seconds.items():
            seconds[part] = seconds.get(part, 0.0) + spent
    words = f"{shown(camera.source)} is live: what was recorded of it was looked at; viot watch looks at what comes."
    whole = IngestReport(
        camera.name,
        len(kept),
        sum(r.segments for r in reports),
        sum(r.done_before for r in reports),
        sum(r.frames for r in reports),
        sum(r.footage for r in reports),
        time.perf_counter() - began,
        seconds,
        tuple(problems),
    )
    return replace(whole, messages=(words,))
