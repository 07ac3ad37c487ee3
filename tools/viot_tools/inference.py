"""ONNX Runtime sessions for every vision tool: one per model file and process, made on first use.

Owns the session options: ``VIOT_THREADS`` threads inside an operator (default 1, because tools run beside each other
and spinning threads steal the cores of their neighbours), operators in sequence, no spinning. Knows no model: shapes
and meanings are the callers'.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viot_agent.errors import FailedFault, UserFault

if TYPE_CHECKING:
    import onnxruntime

_LOCK = threading.Lock()
# The process id is part of the key: a session does not survive a fork.
_SESSIONS: dict[tuple[int, str], Any] = {}


def thread_count() -> int:
    """``VIOT_THREADS``, default 1. Raises UserFault when it is no whole number from 1 to 256."""
    text = os.environ.get("VIOT_THREADS", "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 256:
        raise UserFault(f"VIOT_THREADS is {text!r}", fix="set it to a whole number from 1 to 256, or unset it")
    return int(text)


def session(path: Path) -> onnxruntime.InferenceSession:
    """The CPU session of an ONNX file, shared by everyone in this process (``run`` is thread-safe).

    ``path`` comes checked from ``Weights.path``. Raises FailedFault when ONNX Runtime cannot read the file.
    """
    key = (os.getpid(), str(path.resolve()))
    with _LOCK:
        if key not in _SESSIONS:
            _SESSIONS[key] = _load(path)
        return _SESSIONS[key]


def _load(path: Path) -> Any:
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = ort.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # exporters' leftovers (unused initialisers) are no news to the user
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.NoSuchFile) as error:
        raise FailedFault(
            f"ONNX Runtime cannot load {path}: {error}", fix="viot models verify, then pull the file again"
        ) from error
