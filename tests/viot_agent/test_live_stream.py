"""Streams as FFmpeg reads them, from a small web server on loopback: what is found, what is copied, how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from viot_agent.live.loop import LoopStream
from viot_agent.live.recorder import Mp4Recorder
from viot_agent.live.stream import AvStream, LiveStream, Packet, StreamEnded, open_stream
from viot_agent.media.pictures import encode_jpeg
from viot_agent.media.readers import open_media

BOUNDARY = "frame"


class Pages(BaseHTTPRequestHandler):
    """``/cam.mjpg`` sends 30 pictures; ``/cam.ts`` a file; ``/secret`` wants a password; the rest is a page of text."""

    stream: ClassVar[bytes] = b""
    pictures: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        if self.path == "/cam.mjpg":
            self._head(200, f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            for picture in self.pictures:
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                self.wfile.write(head.encode() + picture + b"\r\n")
                time.sleep(0.02)
        elif self.path == "/cam.ts":
            self._head(200, "video/mp2t")
            self.wfile.write(self.stream)
        elif self.path == "/secret":
            self._head(401, "text/plain")
        else:
            self._head(200, "text/html")
            self.wfile.write(b"<html>hello</html>" * 10)

    def _head(self, code: int, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(media: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = media.h264_ts(tmp_path_factory.mktemp("ts") / "cam.ts")
    Pages.stream = path.read_bytes()
    Pages.pictures = [encode_jpeg(media.paint(i), 80) for i in range(30)]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def everything(stream: LiveStream) -> tuple[list[Packet], str]:
    """All packets, and how it ended."""
    packets = []
    try:
        while True:
            packets.append(stream.read())
    except StreamEnded as fault:
        return packets, str(fault)
    finally:
        stream.close()


def recorded(stream: LiveStream, packets: list[Packet], path: Path, times: list[float]) -> list[int]:
    recorder = Mp4Recorder(path, stream.info)
    for packet, t in zip(packets, times, strict=True):
        recorder.write(packet, t, t if packet.pts is None else packet.pts)
    assert recorder.close() == path.stat().st_size
    return [f.index for f in open_media(path).read(np.arange(len(packets)) / 25)]


def test_a_transport_stream_is_copied_frame_by_frame(address: str, media: ModuleType, tmp_path: Path) -> None:
    stream = open_stream(f"{address}/cam.ts")
    assert isinstance(stream, AvStream)
    assert (stream.info.codec, stream.info.width, stream.info.height, stream.info.clock) == ("h264", 320, 180, "stream")
    packets = [stream.read() for _ in range(95)]
    assert packets[0].key and packets[0].config[0] & 0x1F == 7
    times = [p.dts for p in packets if p.dts is not None]
    assert len(times) == 95 and times == sorted(times)
    path = tmp_path / "copy.mp4"
    recorded(stream, packets, path, times)
    stream.close()
    seen = [media.number_of(f.image) for f in open_media(path).read(np.arange(90) / 25)]
    assert seen == list(range(90)), "the same pictures at the same times"
    assert open_media(path).info.duration == pytest.approx(95 / 25, abs=0.05)


def test_a_stream_that_ends_says_so(address: str) -> None:
    packets, words = everything(open_stream(f"{address}/cam.ts"))
    assert len(packets) == 100 and "ended" in words


def test_motion_jpeg_has_no_clock_of_its_own(address: str, media: ModuleType, tmp_path: Path) -> None:
    stream = open_stream(f"{address}/cam.mjpg")
    assert (stream.info.codec, stream.info.clock) == ("mjpeg", "arrival")
    packets = [stream.read() for _ in range(25)]
    assert all(p.key and p.dts is None and p.pts is None for p in packets)
    assert len({p.config for p in packets}) == 1 and packets[0].config != b""
    path = tmp_path / "copy.mp4"
    recorder = Mp4Recorder(path, stream.info)
    for i, packet in enumerate(packets):
        recorder.write(packet, i / 5, i / 5)
    recorder.close()
    stream.close()
    seen = [media.number_of(f.image) for f in open_media(path).read(np.arange(25) / 5)]
    assert seen == list(range(25))


def test_what_a_killed_process_leaves_is_read_up_to_its_last_key_frame(
    address: str, media: ModuleType, tmp_path: Path
) -> None:
    stream = open_stream(f"{address}/cam.ts")
    packets = [stream.read() for _ in range(95)]
    path = tmp_path / "recording.part"
    recorder = Mp4Recorder(path, stream.info)
    for i, packet in enumerate(packets):
        recorder.write(packet, i / 25, i / 25)
    left = tmp_path / "left.mp4"
    left.write_bytes(path.read_bytes())  # as it lies on the disk, never closed
    recorder.discard()
    stream.close()
    last = max(i for i, packet in enumerate(packets) if packet.key)
    assert last > 50
    seen = [media.number_of(f.image) for f in open_media(left).read(np.arange(last) / 25)]
    assert seen == list(range(last))


@pytest.mark.parametrize("lost", [range(5, 40), range(60, 74), range(74, 75)], ids=["early", "before the last", "last"])
def test_after_a_loss_a_recording_does_not_reach_into_the_next(address: str, tmp_path: Path, lost: range) -> None:
    """A stream of 25 pictures a second, some of which never came."""
    stream = open_stream(f"{address}/cam.ts")
    packets = [stream.read() for _ in range(75)]
    path = tmp_path / "copy.mp4"
    recorder = Mp4Recorder(path, stream.info)
    for i, packet in enumerate(packets):
        if i not in lost:
            recorder.write(packet, i / 25, i / 25)
    recorder.close()
    stream.close()
    ends = (74 if 74 in lost else 75) / 25
    assert open_media(path).info.duration == pytest.approx(ends, abs=0.01)


@pytest.mark.parametrize(
    ("path", "words"), [("/secret", "the user or the password is wrong"), ("/page", "cannot be opened")]
)
def test_what_is_no_stream(address: str, path: str, words: str) -> None:
    with pytest.raises(StreamEnded, match=words) as caught:
        open_stream(address.replace("http://", "http://ana:hunter2@") + path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("source", ["http://127.0.0.1:1/x", "rtsp://127.0.0.1:1/x", "/dev/video4711"])
def test_nobody_is_there(source: str) -> None:
    with pytest.raises(StreamEnded, match="cannot be opened"):
        open_stream(source)


@pytest.mark.parametrize("kind", [("h264_ts", "ts"), ("elementary", "264"), ("h264_mkv", "mkv"), ("mjpeg_avi", "avi")])
def test_a_loop_goes_on_where_the_file_ends(kind: tuple[str, str], video: Callable[[str, str], Path]) -> None:
    stream = LoopStream(f"loop://{video(*kind)}", pace=0.0)
    packets = [stream.read() for _ in range(250)]
    times = [p.dts for p in packets if p.dts is not None]
    assert len(times) == 250
    steps = np.diff(times)
    assert (steps > 0).all() and steps.max() < 0.2
    assert times[-1] == pytest.approx(249 / 25, abs=0.5)
    again = next(i for i, p in enumerate(packets[1:], 1) if p.data == packets[0].data)
    assert packets[again].key
    stream.close()


def test_a_loop_keeps_the_pace(video: Callable[[str, str], Path]) -> None:
    stream = LoopStream(f"loop://{video('h264_ts', 'ts')}", pace=20.0)
    began = time.monotonic()
    packets = [stream.read() for _ in range(101)]
    assert time.monotonic() - began >= 0.19
    assert packets[-1].key
    stream.close()


def test_a_loop_whose_file_goes_away_ends(media: ModuleType, tmp_path: Path) -> None:
    path = media.h264_ts(tmp_path / "film.ts")
    stream = LoopStream(f"loop://{path}", pace=0.0)
    stream.read()
    path.unlink()
    packets, words = everything(stream)
    assert len(packets) == 99 and "cannot be read" in words
    with pytest.raises(StreamEnded, match="cannot be opened"):
        LoopStream(f"loop://{path}")
