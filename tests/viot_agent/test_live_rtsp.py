"""Watching a real RTSP server (GStreamer's, on loopback): it goes away, changes its picture, sends garbage.

Needs ``apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}``.
"""

from __future__ import annotations

import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from viot_agent.library.fake_analyzer import FakeThings
from viot_agent.library.store import Library
from viot_agent.live.watch import Looked, Settings, Watch
from viot_agent.media.readers import open_media

pytestmark = [pytest.mark.fleet, pytest.mark.slow]

SERVER = Path(__file__).resolve().parents[1] / "helpers_rtsp.py"
PYTHON = "/usr/bin/python3"
LIMIT = 90.0
"""Seconds that a step may take on a machine with other work."""


@pytest.fixture(scope="module", autouse=True)
def bindings() -> None:
    words = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        done = subprocess.run([PYTHON, "-c", words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"no {PYTHON}")
    if done.returncode:
        pytest.skip("GStreamer's RTSP server is not installed: apt-get install gir1.2-gst-rtsp-server-1.0")


class Server:
    """One process of the server, at ``port``."""

    def __init__(self, port: int = 0) -> None:
        self.process = subprocess.Popen(
            [PYTHON, str(SERVER), "", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])

    def say(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Proxy:
    """Passes a TCP port on; while ``noise`` is set, it overwrites a few bytes of much that comes from the server."""

    def __init__(self, port: int) -> None:
        self.noise = False
        self._to = port
        self._random = random.Random(7)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open += [client, server]
            for a, b, noisy in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(a, b, noisy), daemon=True).start()

    def _pass(self, a: socket.socket, b: socket.socket, noisy: bool) -> None:
        try:
            while data := bytearray(a.recv(65536)):
                if noisy and self.noise and len(data) > 200:
                    for _ in range(4):
                        data[self._random.randrange(100, len(data))] = self._random.randrange(256)
                b.sendall(data)
        except OSError:
            pass
        finally:
            a.close()
            b.close()

    def close(self) -> None:
        for one in (self._listening, *self._open):
            one.close()


@dataclass
class Watching:
    """A watch of one camera that runs in a thread."""

    library: Library
    watch: Watch
    stop: threading.Event
    thread: threading.Thread
    looked: list[Looked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def health(self) -> object:
        return self.watch.health["gate"]

    def until(self, reached: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT
        while not reached():
            assert self.thread.is_alive(), self.notes
            assert time.monotonic() < end, (self.watch.health["gate"], self.notes)
            time.sleep(0.05)

    def more(self, n: int) -> None:
        """Until ``n`` more files were looked at."""
        before = len(self.looked)
        self.until(lambda: len(self.looked) >= before + n)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[[int], Watching]]:
    stop = threading.Event()
    made: list[Watching] = []
    with Library.open(tmp_path / "home") as library:

        def start(port: int) -> Watching:
            library.add_camera("gate", f"rtsp://127.0.0.1:{port}/cam")
            looked: list[Looked] = []
            notes: list[str] = []
            watch = Watch(
                library,
                library.home,
                library.cameras(),
                [FakeThings()],
                open_reader=open_media,
                settings=Settings(segment=2.0, backlog=20),
                looked=looked.append,
                note=lambda camera, words: notes.append(words),
                workers=1,
            )
            thread = threading.Thread(target=watch.run, args=(stop,))
            thread.start()
            made.append(Watching(library, watch, stop, thread, looked, notes))
            return made[-1]

        yield start
        stop.set()
        for one in made:
            one.thread.join()


@pytest.fixture
def server() -> Iterator[Callable[[int], Server]]:
    made: list[Server] = []

    def start(port: int = 0) -> Server:
        made.append(Server(port))
        return made[-1]

    yield start
    for one in made:
        one.kill()


def spans(w: Watching) -> list[tuple[float, float]]:
    return [(r.start_ts, r.start_ts + r.duration) for r in w.library.media_rows("gate")]


def test_a_server_that_goes_and_comes_back(
    server: Callable[..., Server], watching: Callable[[int], Watching], tmp_path: Path
) -> None:
    first = server()
    began = time.time()
    w = watching(first.port)
    w.more(3)
    health = w.watch.health["gate"]
    assert (health.state, health.codec, health.width, health.height) == ("live", "h264", 320, 240)
    assert health.fps == pytest.approx(10, abs=3)
    [span] = w.library.spans("gate")
    assert began - 2 < span[0] < span[1] < time.time() + 1
    first.kill()
    w.until(lambda: health.state == "waiting")
    away = time.time()
    time.sleep(5.0)
    server(first.port)
    w.until(lambda: any(a > away + 4 for a, _ in w.library.spans("gate")))
    assert health.reconnects >= 1 and health.state == "live"
    found = spans(w)
    assert all(b[0] >= a[1] - 0.05 for a, b in pairwise(found))
    gaps = w.library.coverage("things", ["gate"], found[0][0], found[-1][1]).gaps
    told = [(round(a - away, 2), round(b - away, 2)) for a, b in found], [(a - away, b - away) for _, a, b in gaps]
    assert any(a <= away + 0.5 and b >= away + 4 for _, a, b in gaps), f"what nobody recorded is a gap: {told}"


def test_a_picture_that_changes_in_the_middle(
    server: Callable[..., Server], watching: Callable[[int], Watching]
) -> None:
    one = server()
    w = watching(one.port)
    w.more(2)
    one.say("size 160 120")
    w.until(lambda: w.watch.health["gate"].width == 160)
    w.more(2)
    sizes = [(r.width, r.height) for r in w.library.media_rows("gate")]
    assert sizes[0] == (320, 240) and sizes[-1] == (160, 120)
    assert sizes == sorted(sizes, reverse=True), "no file holds both"
    assert any("changed its picture" in words or "160x120 now" in words for words in w.notes)


def test_garbage_in_the_stream(server: Callable[..., Server], watching: Callable[[int], Watching]) -> None:
    one = server()
    proxy = Proxy(one.port)
    w = watching(proxy.port)
    w.more(2)
    proxy.noise = True
    time.sleep(4.0)
    proxy.noise = False
    w.more(3)
    health = w.watch.health["gate"]
    w.until(lambda: health.state == "live")
    assert all(b[0] >= a[1] - 0.05 for a, b in pairwise(spans(w)))
    last = w.library.media_rows("gate")[-1]
    assert last.duration == pytest.approx(2.0, abs=1.5) and last.problem == ""
    assert len(w.library.counts("person", ["gate"], None, None)) > 20
    w.stop.set()
    w.thread.join()
    proxy.close()
