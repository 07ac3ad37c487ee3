"""Figures for Plotly: appearances by camera over time, and the curve of a count. Each point knows the clip it opens.

Owns the figures' data, as plain JSON, so that the page needs no Plotly in Python to be drawn. Times are each camera's
own wall clock. Draws nothing: the page's script hands the JSON to Plotly (its file comes out of the installed wheel).
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from viot_agent.fleet.clock import zone
from viot_agent.web.views import Piece, RunView

Figure = dict[str, Any]
NAME = 28
"""Letters of a camera's name beside the timeline; a longer one would leave no room for it."""


def appearances(pieces: Sequence[Piece]) -> Figure | None:
    """One line of the timeline a camera, one bar a piece; None without pieces."""
    if not pieces:
        return None
    cameras = list(dict.fromkeys(p.camera for p in pieces))
    traces: list[dict[str, Any]] = []
    for camera in cameras:
        x: list[str | None] = []
        data: list[list[str] | None] = []
        words: list[str | None] = []
        for piece in (p for p in pieces if p.camera == camera):
            what = piece.who or piece.label or piece.tool.replace("_", " ")
            hover = html.escape(f"{piece.number}. {what}, {piece.span_local}")
            line = f"{piece.number}. {piece.camera}, {piece.at_local}" + (f": {piece.who}" if piece.who else "")
            x += [wall(piece.start, piece.tz), wall(piece.end, piece.tz), None]
            data += [[piece.clip, f"{piece.seek:.2f}", line, f"{piece.run}/{piece.id}"]] * 2 + [None]
            words += [hover, hover, None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": camera,
                "x": x,
                "y": [camera] * len(x),
                "customdata": data,
                "hovertext": words,
                "hoverinfo": "text",
                "line": {"width": 12},
                "marker": {"size": 13, "symbol": "circle"},
                "connectgaps": False,
                "showlegend": False,
            }
        )
    layout = _layout(max(110, 34 * len(cameras) + 76))
    layout["yaxis"] = {
        "type": "category",
        "automargin": True,
        "fixedrange": True,
        "autorange": "reversed",
        "tickvals": cameras,
        "ticktext": [html.escape(c if len(c) <= NAME else f"{c[: NAME - 1]}…") for c in cameras],
    }
    return {"data": traces, "layout": layout}


def curve(curves: Mapping[str, Sequence[tuple[float, float]]], zones: Mapping[str, str]) -> Figure | None:
    """How many people were in view, a line a camera; None when nothing was counted."""
    traces = []
    for camera, points in curves.items():
        if not points:
            continue
        tz = zones.get(camera, "UTC")
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": camera,
                "x": [wall(t, tz) for t, _ in points],
                "y": [n for _, n in points],
                "line": {"shape": "hv", "width": 2},
                "hovertemplate": "%{y} at %{x|%H:%M:%S}<extra>" + html.escape(camera) + "</extra>",
            }
        )
    if not traces:
        return None
    layout = _layout(190)
    layout["yaxis"] = {
        "title": {"text": "people in view"},
        "rangemode": "tozero",
        "fixedrange": True,
        "automargin": True,
    }
    layout["showlegend"] = len(traces) > 1
    return {"data": traces, "layout": layout}


def figures(view: RunView) -> str:
    """The markup of both figures of an answer, "" when there is neither."""
    out = []
    when = appearances(view.pieces)
    if when is not None:
        out.append(plot(when, "Timeline", "Appearances over time, one line a camera; choose one to play its clip."))
    count = curve(view.curves, view.zones)
    if count is not None:
        out.append(plot(count, "People in view", "How many people were in view over time."))
    return "".join(out)


def plot(figure: Figure, head: str, words: str) -> str:
    """A place for the page's script to draw in. What it shows stands in words in the cards or the answer too."""
    data = html.escape(json.dumps(figure, ensure_ascii=False, separators=(",", ":")), quote=True)
    return (
        f'<h3 class="viot-head">{html.escape(head)}</h3>'
        f'<div class="viot-plot" role="img" aria-label="{html.escape(words, quote=True)}" data-figure="{data}" '
        f'style="min-height:{figure["layout"]["height"]}px"></div>'
    )


def wall(ts: float, tz: str) -> str:
    """ISO wall time without an offset, which Plotly takes as it is."""
    return datetime.fromtimestamp(ts, zone(tz)).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _layout(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 32},
        "xaxis": {"type": "date", "automargin": True},
        "hovermode": "closest",
        "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
    }
