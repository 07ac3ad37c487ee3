"""The health of live cameras as Prometheus reads it. Needs ``prometheus-client``.

Owns the names of the metrics and the small server on loopback. Measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from viot_agent.errors import BackendFault, FailedFault
from viot_agent.live.health import Health

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

HOST = "127.0.0.1"
_GAUGES = {
    "fps": "pictures a second",
    "lag": "seconds from the end of a recorded file to its rows",
    "last_frame": "POSIX seconds of the last picture",
    "waiting": "recorded files that wait to be looked at",
    "bytes": "bytes of recordings",
    "step": "step of the overload ladder, 0 = everything is looked at",
    "ahead": "seconds by which stamps run ahead of this machine's clock",
    "doubted": "seconds by which this machine's clock is ahead and makes no recording old yet",
}
_COUNTERS = {
    "frames": "pictures received",
    "dropped": "pictures missing by the stream's clock",
    "garbled": "packets that could not be read",
    "reconnects": "connections after the first",
    "files": "recorded files",
    "skipped": "recorded files that nobody looked at",
    "unrecorded": "pictures that could not be written",
}
STATES = ("connecting", "live", "waiting", "frozen", "disk full", "stopped")


class Collector:
    """Asks for the health whenever somebody scrapes."""

    def __init__(self, health: Callable[[], Mapping[str, Health]]) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """All metrics, one label ``camera``."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        cameras = self._health()
        for name, words in _GAUGES.items():
            gauge = GaugeMetricFamily(f"viot_camera_{name}", words, labels=["camera"])
            for camera, health in cameras.items():
                value = getattr(health, name)
                if value is not None:
                    gauge.add_metric([camera], float(value))
            yield gauge
        for name, words in _COUNTERS.items():
            counter = CounterMetricFamily(f"viot_camera_{name}", words, labels=["camera"])
            for camera, health in cameras.items():
                counter.add_metric([camera], float(getattr(health, name)))
            yield counter
        states = GaugeMetricFamily("viot_camera_state", "1 for the state the camera is in", labels=["camera", "state"])
        for camera, health in cameras.items():
            for state in STATES:
                states.add_metric([camera, state], float(health.state == state))
        yield states


@contextmanager
def serving(port: int, health: Callable[[], Mapping[str, Health]]) -> Iterator[int]:
    """Serve ``http://127.0.0.1:PORT/metrics``; gives the port (0 asks for a free one). Raises FailedFault without the
    package, BackendFault when the port is taken."""
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise FailedFault("metrics need prometheus-client", fix="pip install 'viot-agent[metrics]'") from error
    registry = CollectorRegistry()
    collector: Any = Collector(health)
    registry.register(collector)
    try:
        server, thread = start_http_server(port, addr=HOST, registry=registry)
    except OSError as error:
        raise BackendFault(
            f"the port {port} cannot be used: {error.strerror}", fix="give another one: --metrics PORT"
        ) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
