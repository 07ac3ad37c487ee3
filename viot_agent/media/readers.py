"""Which reader reads a file.

Owns the rule: decord for files whose frames can be counted and sought by number, PyAV for the rest. Measured with
numbered frames, decord gives wrong frames after a seek in files with open groups of pictures, and none at all from raw
streams and recordings that begin between key frames; the probe knows these before a frame is read. The choice is
logged. Knows nothing of decoding.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Literal

from viot_agent.errors import FailedFault
from viot_agent.media.decord_reader import DecordReader, NotCountable
from viot_agent.media.probe import examine
from viot_agent.media.pyav_reader import PyavReader
from viot_agent.media.types import Reader

log = logging.getLogger(__name__)

Backend = Literal["auto", "decord", "pyav"]


def open_media(path: str | Path, *, width: int | None = None, backend: Backend = "auto", threads: int = 1) -> Reader:
    """A reader for the video file at ``path``.

    ``width``: pictures scaled down to that width in pixels while decoding (``info`` still tells the file's own size);
    ``threads``: of the decoder. Opening costs one pass over the file's packets (two for decord), so keep a reader for
    all segments of a file. Readers may be used from several threads but belong to the process that opened them.

    Raises MediaFault for anything that is no readable video; FailedFault when ``backend="decord"`` cannot take it.
    """
    if width is not None and width < 1:
        raise ValueError(f"width must be at least 1, not {width}")
    examined = examine(path)
    reason = examined.odd
    if backend != "pyav" and reason is None:
        if importlib.util.find_spec("decord") is None:
            reason = "decord is not installed on this machine"
        else:
            try:
                return DecordReader(examined, width=width, threads=threads)
            except NotCountable as error:
                reason = error.message
    if backend == "decord":
        raise FailedFault(f"decord cannot be used for {path}: {reason}.", fix="open it with backend='auto'")
    if backend == "auto":
        log.info("PyAV reads %s: %s", path, reason)
    return PyavReader(examined, width=width, threads=threads)
