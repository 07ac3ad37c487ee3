"""``viot watch``: look at live cameras until stopped."""

from __future__ import annotations

import re
import signal
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from viot_agent.cli.alerts import line
from viot_agent.cli.gate import cut, opened, seen
from viot_agent.errors import UserFault

if TYPE_CHECKING:
    from viot_agent.alerts.types import Firing
    from viot_agent.live.watch import Watch

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def watch(
    camera: Annotated[
        list[str] | None, typer.Option("--camera", help="A live camera or a group; may be repeated. All when left out.")
    ] = None,
    keep: Annotated[str, typer.Option("--keep", help="How long recordings are kept, e.g. 90min, 24h, 7d.")] = "24h",
    keep_gb: Annotated[float, typer.Option("--keep-gb", help="GB of recordings kept for each camera.")] = 10.0,
    segment: Annotated[
        float, typer.Option("--segment", help="Seconds of footage looked at together; less = quicker alerts.")
    ] = 10.0,
    fps: Annotated[float, typer.Option("--fps", help="Frames a second looked at when there is time.")] = 5.0,
    analyzer: Annotated[list[str] | None, typer.Option("--analyzer", help="Only these analyzers.")] = None,
    metrics: Annotated[
        int | None,
        typer.Option("--metrics", min=0, max=65_535, help="Port on 127.0.0.1 for Prometheus; 0 = a free one."),
    ] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Stop by itself after so long.")] = None,
) -> None:
    """Watch live cameras: record, look, tell alerts. Ends with Ctrl-C or SIGTERM; what was recorded is kept."""
    from viot_agent.live.metrics import serving
    from viot_agent.live.start import chosen
    from viot_agent.live.start import watch as start
    from viot_agent.live.watch import Settings

    settings = Settings(segment=segment, keep=duration(keep), keep_bytes=keep_gb * 1e9, sample_fps=fps)
    console = Console(stderr=True, soft_wrap=True)
    stop = threading.Event()

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False)

    with opened("index") as viot, ExitStack() as held:
        cameras, mine = chosen(viot, cut(viot, camera or (), live=True)), seen(viot)

        def tell(firing: Firing) -> None:
            if firing.sighting.camera in mine:
                say(f"alert-{firing.alert}: {line(firing.sighting, viot.fleet)}")

        def started(work: Watch) -> None:
            say(f"watching {', '.join(c.name for c in cameras)}; tier {viot.weights.tier}; stop with Ctrl-C")
            if metrics is not None:
                port = held.enter_context(serving(metrics, lambda: work.health))
                say(f"metrics at http://127.0.0.1:{port}/metrics")

        held.enter_context(_stopped_by_signals(stop))
        if seconds is not None:
            timer = threading.Timer(seconds, stop.set)
            timer.daemon = True
            timer.start()
            held.callback(timer.cancel)
        start(
            viot,
            cameras,
            stop,
            settings=settings,
            only=analyzer or (),
            fired=tell,
            note=lambda name, words: say(f"{name}: {words}"),
            started=started,
        )
        say("stopped; what was recorded is kept")


def duration(text: str) -> float:
    """Seconds of ``90min``, ``24h``, ``7d``. Raises UserFault."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", text.strip().lower())
    if match is None:
        raise UserFault(f"--keep {text!r} cannot be read", fix="write it like 90min, 24h or 7d")
    return float(match[1]) * _UNITS[match[2]]


class _stopped_by_signals:
    """While it stands, Ctrl-C and SIGTERM set ``stop``; a second one ends the process as usual."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: Any) -> None:
        self._stop.set()
        signal.signal(number, self._before[number])
