"""ONNX Runtime sessions: options from the environment, one session a file, faults in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viot_agent.errors import FailedFault, UserFault
from viot_tools.inference import compiled, session, thread_count


def identity_model(path: Path) -> Path:
    """An ONNX file whose output is its input."""
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [value("x", TensorProto.FLOAT, [2])],
        [value("y", TensorProto.FLOAT, [2])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


@pytest.mark.parametrize(("text", "expected"), [(None, 1), ("1", 1), ("4", 4)])
def test_thread_count(text: str | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIOT_THREADS", raising=False)
    if text is not None:
        monkeypatch.setenv("VIOT_THREADS", text)
    assert thread_count() == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "1.5", "257", "٣"])
def test_bad_thread_count(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIOT_THREADS", text)
    with pytest.raises(UserFault, match="VIOT_THREADS"):
        thread_count()


def test_one_session_a_file(tmp_path: Path) -> None:
    path = identity_model(tmp_path / "m.onnx")
    net = session(path)
    assert session(tmp_path / "." / "m.onnx") is net
    (out,) = net.run(None, {"x": np.array([1, 2], np.float32)})
    assert out.tolist() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_file_that_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(FailedFault, match="cannot load"):
        session(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FailedFault, match="cannot load"):
        session(tmp_path / "none.onnx")


def test_openvino_runs_and_is_loaded_once(tmp_path: Path) -> None:
    path = identity_model(tmp_path / "one.onnx")
    model = compiled(path)
    assert compiled(path) is model
    first = model.run(np.array([1, 2], np.float32))[0]
    model.run(np.array([3, 4], np.float32))
    assert first.tolist() == [1, 2]


def test_openvino_says_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("no model")
    with pytest.raises(FailedFault, match=r"cannot load .*broken\.xml"):
        compiled(path)
