"""What is rounded on its way to the file: little, and only matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from viot_agent.errors import FailedFault
from viot_agent.llm.mini.storage import packed, unpacked
from viot_agent.llm.mini.weights import FORMAT, Weights


def test_matrices_come_back_nearly_and_all_else_as_half() -> None:
    rng = np.random.default_rng(0)
    big = rng.normal(size=(40, 64)).astype(np.float32) * np.geomspace(1e-4, 10, 40, dtype=np.float32)[:, None]
    big[3] = 0
    nets = [{"a.weight": big, "few": big[:2], "bias": big[:, 0]}, {"a.weight": -big}]
    file = packed(nets)
    assert file["0/a.weight"].dtype == np.int8
    assert file["0/few"].dtype == file["0/bias"].dtype == np.float16
    first, second = unpacked(file)
    assert set(first) == {"a.weight", "few", "bias"}
    step = np.abs(big).max(1, keepdims=True) / 127
    assert (np.abs(first["a.weight"] - big) <= step / 2 + 1e-9).all()
    np.testing.assert_array_equal(second["a.weight"], -first["a.weight"])
    np.testing.assert_allclose(first["few"], big[:2], rtol=1e-3, atol=1e-6)
    assert all(value.dtype == np.float32 for value in first.values())


def test_a_matrix_without_its_scales_is_no_matrix() -> None:
    file = packed([{"w": np.ones((16, 16), np.float32)}])
    del file["0/w:scale"]
    with pytest.raises(KeyError):
        unpacked(file)


def test_a_net_keeps_its_number() -> None:
    nets = [{"bias": np.full(3, i, np.float32)} for i in range(12)]
    assert [float(net["bias"][0]) for net in unpacked(packed(nets))] == list(range(12))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"strange": np.ones(3, np.float16)}, "damaged"),
        ({"0/w": np.ones((16, 16), np.int8)}, "damaged"),
        ({"0/b": np.ones(3, np.float16), "judge/inner.weight": np.ones((3, 3), np.int8)}, "damaged"),
        ({"judge/inner.bias": np.ones(3, np.float16)}, "no net"),
        ({"0/b": np.ones(3, np.float16), "judge/inner.bias": np.ones(3, np.float16)}, "its judge lacks inner.weight"),
    ],
)
def test_a_damaged_file_is_said(damage: dict[str, np.ndarray], said: str, tmp_path: Path) -> None:
    path = tmp_path / "mini.safetensors"
    save_file(damage, path, {"format": FORMAT})
    with pytest.raises(FailedFault, match=said):
        Weights.load(path)
