"""What of a camera's time was purged: it is not shown and not indexed again, whatever files still hold it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from viot_agent.library.schema_trust import purges


def hidden(connection: Connection, camera: int, start: float, end: float) -> list[tuple[float, float]]:
    """The purged stretches of a camera that overlap ``[start, end)``, merged."""
    p = purges.c
    rows = connection.execute(
        select(p.start_ts, p.end_ts)
        .where(p.camera_id == camera, p.start_ts < end, p.end_ts > start)
        .order_by(p.start_ts, p.end_ts)
    )
    out: list[tuple[float, float]] = []
    for a, b in rows:
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], float(b)))
        else:
            out.append((float(a), float(b)))
    return out
