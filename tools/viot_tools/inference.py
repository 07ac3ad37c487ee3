"""The two inference runtimes of every vision tool: one loaded model per file and process, made on first use.

ONNX Runtime runs ONNX files (``session``), OpenVINO what ONNX Runtime cannot read: IR and TFLite (``compiled``). Both
are needed: on one thread ONNX Runtime is the faster on our ONNX files or as fast, by a factor of 1.0 to 1.5
(``benchmarks/runtimes.py``).

Owns their options: ``VIOT_THREADS`` threads inside an operator (default 1, because tools run beside each other and
spinning threads steal the cores of their neighbours), operators in sequence, no spinning. Knows no model: shapes and
meanings are the callers'.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viot_agent.errors import FailedFault, UserFault

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

_LOCK = threading.Lock()
# The process id is part of the key: a session does not survive a fork.
_SESSIONS: dict[tuple[int, str], Any] = {}


def thread_count() -> int:
    """``VIOT_THREADS``, default 1. Raises UserFault when it is no whole number from 1 to 256."""
    text = os.environ.get("VIOT_THREADS", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 256):
        raise UserFault(f"VIOT_THREADS is {text[:40]!r}", fix="set it to a whole number from 1 to 256, or unset it")
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


def session_of(key: str, build: Callable[[], bytes]) -> onnxruntime.InferenceSession:
    """The CPU session of a graph made in code (``viot_tools.graph``); ``key`` names the weights it was built from."""
    with _LOCK:
        if (os.getpid(), key) not in _SESSIONS:
            import onnxruntime as ort

            _SESSIONS[os.getpid(), key] = ort.InferenceSession(build(), _options(), providers=["CPUExecutionProvider"])
        return _SESSIONS[os.getpid(), key]


def _options() -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # exporters' leftovers (unused initialisers) are no news to the user
    return options


def _load(path: Path) -> Any:
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    try:
        return ort.InferenceSession(str(path), _options(), providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.NoSuchFile) as error:
        raise FailedFault(
            f"ONNX Runtime cannot load {path}: {error}", fix="viot models verify, then pull the file again"
        ) from error


class Compiled:
    """An OpenVINO model with one input. Threads may ``run`` it side by side: each has a request of its own."""

    def __init__(self, model: Any) -> None:
        self._model, self._here = model, threading.local()

    def run(self, x: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The outputs for the input ``x``, in the model's order, as copies."""
        request = getattr(self._here, "request", None)
        if request is None:
            request = self._here.request = self._model.create_infer_request()
        request.infer({0: x})
        return [request.get_output_tensor(i).data.copy() for i in range(len(self._model.outputs))]


def compiled(path: Path, weights: Path | None = None) -> Compiled:
    """The OpenVINO model of a TFLite file, or of an IR's ``.xml`` with its ``.bin`` (``weights``), for the CPU.

    Both come checked from ``Weights.path``. Raises FailedFault when OpenVINO cannot read them.
    """
    key = (os.getpid(), str(path.resolve()))
    with _LOCK:
        if key not in _SESSIONS:
            _SESSIONS[key] = _compile(path, weights)
        found: Compiled = _SESSIONS[key]
        return found


def _compile(path: Path, weights: Path | None) -> Compiled:
    import openvino

    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": thread_count(), "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    try:
        model = core.read_model(str(path)) if weights is None else core.read_model(str(path), str(weights))
        return Compiled(core.compile_model(model, "CPU", options))
    except RuntimeError as error:
        raise FailedFault(
            f"OpenVINO cannot load {path}: {error}", fix="viot models verify, then pull the file again"
        ) from error
