"""Indexing many cameras: recordings one after another in this process or spread over workers, and what was recorded of
live cameras.

Owns which cameras are meant and who looks at which. Does not know how a camera is indexed, nor what runs workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from viot_agent.errors import UserFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera
from viot_agent.library.ingest import IngestReport, Progress, ingest
from viot_agent.library.rows import Analyzer
from viot_agent.library.store import Library
from viot_agent.live.address import is_live
from viot_agent.live.start import index_recordings
from viot_agent.media.apart import open_stranger

if TYPE_CHECKING:
    from viot_agent.cluster import Pool


def meant(fleet: Fleet, names: Sequence[str]) -> list[Camera]:
    """The cameras of these names and groups; all recorded ones when empty, for a live camera is looked at by who
    watches it, and here only when it is named. Raises UserFault when there is none, NameFault."""
    known = fleet.cameras()
    if not known:
        raise UserFault("there is no camera yet", fix="viot camera add NAME SOURCE")
    if names:
        return fleet.resolve_cameras(list(names))
    recorded = [c for c in known if not is_live(c.source)]
    if not recorded:
        raise UserFault("every camera is live", fix="viot watch; or name one to index what was recorded of it")
    return recorded


def index_all(
    library: Library,
    cameras: Sequence[Camera],
    analyzers: Sequence[Analyzer],
    *,
    progress: Callable[[Progress], None] | None = None,
    wait: bool = False,
    stored: Callable[[], None] | None = None,
    pool: Pool | None = None,
) -> list[IngestReport]:
    """Index what is new, one report for each camera in their order. ``pool``: the workers that look at recordings;
    this process where it is None, and at what was recorded of live cameras always. ``stored`` as in
    :func:`~viot_agent.library.ingest.ingest`. Raises what that and ``ingest_spread`` raise."""
    spread: dict[int, IngestReport] = {}
    if pool is not None and (recorded := [c for c in cameras if not is_live(c.source)]):
        from viot_agent.library.spread import ingest_spread

        reports = ingest_spread(
            library,
            recorded,
            analyzers,
            pool,
            open_reader=open_stranger,
            progress=progress,
            wait=wait,
            stored=stored,
        )
        spread = {camera.id: report for camera, report in zip(recorded, reports, strict=True)}

    def one(camera: Camera) -> IngestReport:
        if camera.id in spread:
            return spread[camera.id]
        if is_live(camera.source):
            return index_recordings(library, camera, analyzers, open_reader=open_stranger, stored=stored)
        return ingest(
            library, camera.name, analyzers, open_reader=open_stranger, progress=progress, wait=wait, stored=stored
        )

    return [one(camera) for camera in cameras]
