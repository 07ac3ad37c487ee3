"""How fast a cloak is made and laid: a person's mask from ten pictures, and a known mask on a 12-megapixel photo.

    python benchmarks/cloak_apply.py --data ../shared/data [--person Ariel_Sharon] [--repeat 5]

The first row is ``viot cloak`` on ten pictures of one person (and of who stands behind) from reading to the report; the
second is a known mask on a photo of 4000 x 3000 (one picture of the person, enlarged): laying it, and writing the file,
without detection. Wall clock and the processor's own time, since the machine may be busy. The hub tier's files come
from ``VIOT_MODELS``, or ``DATA/models``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import cv2
import numpy as np
from clock import timed

from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.media.pictures import decode_image
from viot_agent.steps import Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.cloak.apply import lay, spots
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.protect import Cloaker, Report
from viot_tools.masks.pictures import write_picture

PHOTO = (4000, 3000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--person", default="Ariel_Sharon")
    parser.add_argument("--method", default="opom")
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    files = sorted((args.data / "faces/lfw_10x10" / args.person).glob("*.jpg"))[:10]
    models = Path(os.environ.get("VIOT_MODELS", args.data / "models"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        library = FakeLibrary()
        ctx = ToolContext(Request(""), Fleet(library), library, Weights(home, models, "hub"), home)
        cloaker = Cloaker(ctx, Recipe(args.method))
        shares: list[float] = []
        cloaker.said = shares.append
        reports: list[Report] = []

        def whole() -> None:
            reports.append(cloaker.pictures(files, lambda file, ending: home / f"{file.stem}.png", ending=".png"))

        wall, cpu = timed(whole)
        people = len({face.person for made in reports[0].pictures for face in made.faces})
        print(
            f"{len(files)} pictures, {args.method}, {people} people on them, {len(shares)} steps: "
            f"{wall:.1f} s ({cpu:.1f} s of processor; 60 s on two cores are wanted for one person)"
        )

        photo = cv2.resize(decode_image(files[0]), PHOTO, interpolation=cv2.INTER_CUBIC)
        [spot] = spots(photo, cloaker.kit.detector)[:1]
        mask = np.random.default_rng(0).uniform(-8, 8, (112, 112, 3)).astype(np.float32)
        for name, ending in (("laid", ""), ("laid and written as JPEG", ".jpg"), ("laid and written as PNG", ".png")):
            rows = []
            for _ in range(args.repeat):

                def work(ending: str = ending) -> None:
                    image = photo.copy()
                    lay(image, photo, [(mask, spot)], 8.0)
                    if ending:
                        write_picture(image, home / f"out{ending}")

                rows.append(timed(work))
            wall, cpu = (statistics.median(r[k] for r in rows) for k in (0, 1))
            tall = spot.height
            print(
                f"known mask, {PHOTO[0]}x{PHOTO[1]}, face of {tall:.0f} pixels, {name}: "
                f"{wall:.2f} s ({cpu:.2f} s of processor; 1 s is wanted)"
            )


if __name__ == "__main__":
    main()
