"""The sound of one file under the pictures of another.

Sound that MP4 carries is copied packet by packet, other is encoded as AAC; times are kept against the first picture of
the source. Owns that. Knows nothing of masks.
"""

from __future__ import annotations

import errno
import secrets
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from viot_agent.errors import MediaFault
from viot_agent.media.probe import open_container

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""Of the channels; other numbers are mixed down to two."""
COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus"})


def add_sound(clip: Path, source: Path) -> str:
    """Put the first sound track of ``source`` under the MP4 ``clip``, which is replaced whole. Returns the codec that
    was kept, ``aac`` where it was encoded anew, '' where the source has no sound.

    Raises MediaFault when its sound cannot be read or encoded (the clip stays as it was), OSError when the clip cannot
    be written.
    """
    with open_container(source) as sounds:
        if not sounds.streams.audio or not sounds.streams.video:
            return ""
        heard = sounds.streams.audio[0]
        start = _start(source)
        part = clip.with_name(f".{clip.stem[:40]}.{secrets.token_hex(4)}.part.mp4")
        try:
            with (
                av.open(str(clip.absolute())) as pictures,
                av.open(str(part.absolute()), "w", format="mp4", options={"movflags": "faststart"}) as out,
            ):
                seen = pictures.streams.video[0]
                video = out.add_stream_from_template(seen)
                codec = str(heard.codec_context.name).removesuffix("float")
                copied = codec in COPIED
                if copied:
                    audio = out.add_stream_from_template(heard)
                else:
                    audio = out.add_stream("aac", rate=heard.rate, layout=_LAYOUTS.get(heard.channels, "stereo"))
                for packet in pictures.demux(seen):
                    if packet.dts is not None:
                        packet.stream = video
                        out.mux(packet)
                end = float(seen.duration * seen.time_base) if seen.duration else float("inf")
                (_copy if copied else _encode)(sounds, heard, audio, out, start, end)
            part.replace(clip)
        except av.error.FFmpegError as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
                raise
            words = getattr(error, "strerror", "") or str(error)
            raise MediaFault(
                f"the sound of {source.name} ({heard.codec_context.name}) cannot be kept: {words}"
            ) from error
        finally:
            part.unlink(missing_ok=True)
    return codec if copied else "aac"


def _start(source: Path) -> float:
    """Seconds on the file's clock at which its first picture is shown."""
    with open_container(source) as container:
        frame = next(container.decode(container.streams.video[0]))
        return float(frame.pts * frame.time_base) if frame.pts is not None else 0.0


def _copy(sounds: Any, heard: Any, audio: Any, out: Any, start: float, end: float) -> None:
    shift = round(start / heard.time_base)
    for packet in sounds.demux(heard):
        if packet.dts is None or packet.pts is None or packet.pts < shift:
            continue  # before the first picture, or the end mark
        if float((packet.pts - shift) * packet.time_base) >= end:
            break
        packet.pts -= shift
        packet.dts = packet.pts
        packet.stream = audio
        out.mux(packet)


def _encode(sounds: Any, heard: Any, audio: Any, out: Any, start: float, end: float) -> None:
    mixer = av.AudioResampler(format="fltp", layout=audio.codec_context.layout, rate=audio.codec_context.rate)
    for frame in sounds.decode(heard):
        if frame.pts is None:
            continue
        at = float(frame.pts * frame.time_base) - start
        if at < 0:
            continue
        if at >= end:
            break
        frame.pts, frame.time_base = round(at * frame.sample_rate), Fraction(1, frame.sample_rate)
        for mixed in mixer.resample(frame):
            for packet in audio.encode(mixed):
                out.mux(packet)
    for mixed in (*mixer.resample(None), None):
        for packet in audio.encode(mixed):
            out.mux(packet)
