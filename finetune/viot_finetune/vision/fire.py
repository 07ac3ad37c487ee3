"""``python -m viot_finetune.vision.fire --data ../shared/data --out tools/viot_tools/fire``: train what ships.

A sixth of the pictures with fire (near-duplicates stay together) and of the stills is not learnt from but measured on
at the end, with the very weights that ship: thresholds are chosen on these figures, and never on the pictures and clips
that ``viot bench vision`` measures on.

Owns the command. The data, the mixture, the loop and the network have modules of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from viot_agent.media.types import Image
from viot_finetune.vision.fire_data import Burning, burning, folds, stills
from viot_finetune.vision.fire_samples import Mixture, Samples
from viot_finetune.vision.fire_train import Recipe, trained
from viot_tools.fire.model import FireMap, fed, fire_graph
from viot_tools.fire.names import KINDS

_LOG = logging.getLogger(__name__)
FILE = "fire.safetensors"
HARD = 300
"""Pictures without fire but with lamps, sunsets and warm things painted in, that a fold is measured on."""
HELD = 6
"""One part of so many is not learnt from."""
LEVELS = (0.45, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores (N, 2) of fire and smoke: of unseen pictures with fire (``boxed`` (N, 2) says which kinds have boxes), of
    unseen stills, of unseen stills with hard things painted in."""

    burning: NDArray[np.float64]
    boxed: NDArray[np.bool_]
    stills: NDArray[np.float64]
    hard: NDArray[np.float64]


def measured(
    arrays: Mapping[str, NDArray[np.generic]], pictures: Sequence[Burning], without: Sequence[Image], seed: int
) -> Scores:
    """The scores that the network ``arrays`` gives to pictures it has not seen."""
    session = onnxruntime.InferenceSession(fire_graph(dict(arrays)), providers=["CPUExecutionProvider"])

    def score(image: Image) -> list[float]:
        [maps] = session.run(None, {"x": fed(image)})
        seen = FireMap(maps[0, 0], maps[0, 1], image.shape[1], image.shape[0])
        return [seen.score(kind) for kind in KINDS]

    rng = np.random.default_rng(seed)
    source = Samples(pictures, without, Mixture(real=0.0, pasted=0.0, without=1.0, distractors=1.0))
    return Scores(
        np.array([score(p.image) for p in pictures]),
        np.array([[any(b[0] == k for b in p.boxes) for k in (0, 1)] for p in pictures]),
        np.array([score(image) for image in without]),
        np.array([score(source.draw(rng)[0]) for _ in range(HARD)]),
    )


def report(scores: Scores) -> list[str]:
    """Lines: AUC of each kind against both sorts of pictures without fire, and the shares above some thresholds."""
    lines = []
    for k, kind in enumerate(KINDS):
        yes, easy, hard = scores.burning[scores.boxed[:, k], k], scores.stills[:, k], scores.hard[:, k]
        lines.append(
            f"{kind}: AUC of {len(yes)} unseen pictures against {len(easy)} stills {_auc(yes, easy):.4f}, "
            f"against {len(hard)} hard pictures {_auc(yes, hard):.4f}"
        )
        lines += [
            f"{kind} at {level}: {(yes >= level).mean():.3f} of pictures with it, {(easy >= level).mean():.4f} of "
            f"stills, {(hard >= level).mean():.4f} of hard pictures"
            for level in LEVELS
        ]
    return lines


def _auc(yes: NDArray[np.float64], no: NDArray[np.float64]) -> float:
    return float(np.mean((yes[:, None] > no[None]) + 0.5 * (yes[:, None] == no[None])))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Train the fire and smoke network.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("tools/viot_tools/fire"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", type=Path, default=None, help="what an earlier first stage shipped; go on from it")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    recipe = Recipe(seed=arguments.seed, threads=arguments.threads)
    start = None if arguments.first is None else load_file(arguments.first)
    pictures, without = burning(arguments.data), stills(arguments.data)
    _LOG.info("%d pictures with fire, %d without", len(pictures), len(without))
    held = folds(pictures, HELD, arguments.seed)[0]
    arrays = trained(
        [p for i, p in enumerate(pictures) if i not in held],
        [image for i, image in enumerate(without) if i % HELD],
        recipe,
        start,
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / FILE
    save_file(arrays, path)
    scores = measured(arrays, [pictures[i] for i in held], without[::HELD], arguments.seed)
    print("\n".join(report(scores)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: {path.stat().st_size} bytes, sha256 {digest} (put both into viot_agent/weights/manifest.json)")


if __name__ == "__main__":
    main()
