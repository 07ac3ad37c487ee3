"""ONNX Runtime against OpenVINO on the same ONNX files, one thread each, side by side in one run.

``python benchmarks/runtimes.py --data ../shared/data``: milliseconds a picture, and the ratio (above 1: ONNX Runtime is
the faster). Rounds of the two alternate, so that what else the machine does hits both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from viot_agent.weights import Weights
from viot_tools.inference import _compile, session

SHAPES = {
    "yolox-nano": (1, 3, 416, 416),
    "osnet": (1, 3, 256, 128),
    "mobilefacenet": (1, 3, 112, 112),
}
ROUNDS, CALLS = 7, 10


def milliseconds(call: Callable[[], object]) -> float:
    """Of one call, over CALLS calls."""
    begun = time.perf_counter()
    for _ in range(CALLS):
        call()
    return 1000 * (time.perf_counter() - begun) / CALLS


def main() -> None:
    """Print one line a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    weights = Weights(Weights.from_env().home, args.data / "models", "hub")
    for name, shape in SHAPES.items():
        path = weights.path(name)
        x = np.random.default_rng(0).random(shape, np.float32)
        one = session(path)
        first = partial(one.run, None, {one.get_inputs()[0].name: x})
        second = partial(_compile(path, None).run, x)
        first(), second()
        pairs = [(milliseconds(first), milliseconds(second)) for _ in range(ROUNDS)]
        a, b = median(p[0] for p in pairs), median(p[1] for p in pairs)
        ratio = median(p[1] / p[0] for p in pairs)
        print(f"{name}: ONNX Runtime {a:.2f} ms, OpenVINO {b:.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
