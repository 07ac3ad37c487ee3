"""``python -m viot_tools.cloak.judging --data DIR``: from which cosine on each recogniser takes two faces for one
person, at a stated false-accept rate. Writes ``judges.json``, which ``viot cloak`` reads.

All pairs of two people of the sets under ``DIR/faces`` whose people are told apart and who have two pictures; faces
found and aligned by the hub tier's detector. Owns that file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import ViotError
from viot_agent.weights import Weights
from viot_tools.faces.detect import make_detector
from viot_tools.verification.align import align
from viot_tools.verification.pairs import read_people
from viot_tools.verification.recognisers import MAKERS, recogniser
from viot_tools.verification.roc import tar_at_far

FAR = 1e-3
SETS = ("lfw_10x10", "lfw_aligned_100x2")
FILE = Path(__file__).with_name("judges.json")


def measured(data: Path, weights: Weights) -> dict[str, object]:
    """The contents of the file. Raises UserFault, WeightsMissing, TooFew."""
    faces: list[NDArray[np.uint8]] = []
    owners: list[str] = []
    for name in SETS:
        people = read_people(data / "faces" / name)
        pictures = [p for who in people.pictures for p in people.pictures[who]]
        owner = people.owner
        aligned = align(people.root, pictures, make_detector(weights))
        faces.append(aligned.faces[aligned.found])
        owners += [owner[p] for p, ok in zip(pictures, aligned.found, strict=True) if ok]
    everything = np.concatenate(faces)
    who = np.array(owners)
    left, right = np.triu_indices(len(who), 1)
    same = who[left] == who[right]
    rows: dict[str, object] = {}
    for name in MAKERS:
        vectors = recogniser(name, weights).embed(everything)
        rate = tar_at_far((vectors[left] * vectors[right]).sum(1), same, FAR)
        rows[name] = {"threshold": round(rate.threshold, 4), "true_accepts": round(rate.tar, 4)}
    return {
        "command": "python -m viot_tools.cloak.judging --data DIR",
        "far": FAR,
        "sets": list(SETS),
        "people": len(set(owners)),
        "pictures": len(who),
        "impostors": int((~same).sum()),
        "recognisers": rows,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the file; 2 when something is missing."""
    parser = argparse.ArgumentParser(prog="python -m viot_tools.cloak.judging", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args(argv)
    try:
        found = measured(args.data, Weights.from_env())
    except ViotError as error:
        print(f"viot: {error}", file=sys.stderr)
        return error.exit_code
    args.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found["recognisers"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
