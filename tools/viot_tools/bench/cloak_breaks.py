"""What becomes of a cloak on its way: coded as JPEG, shrunk, blurred.

The hidden faces of the reporting half under the product's method, each treated and compared with clean pictures of the
person. Beside every figure, as its floor, the same treatment of pictures without a cloak: what only the treatment
does. Faces are treated at 112 x 112, the size that recognisers see: a shop's shrinking of a large photo is milder.
Owns the treatments.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from viot_agent.bench.report import Row
from viot_tools.bench.cloak_cast import Faces, Sitter
from viot_tools.bench.cloak_made import Studio, Target
from viot_tools.bench.cloak_scores import Way, share_row
from viot_tools.cloak.methods import blur
from viot_tools.cloak.psr import Person, Share, below, pooled

Treatment = Callable[[Faces], Faces]


def coded(faces: Faces, quality: int) -> Faces:
    """(N, H, W, 3) through JPEG of that quality, colours at half resolution as most coders do."""
    from PIL import Image as Pil

    out = []
    for face in faces:
        file = io.BytesIO()
        Pil.fromarray(face).save(file, "JPEG", quality=quality, subsampling=2)
        with Pil.open(file) as picture:
            out.append(np.asarray(picture.convert("RGB"), np.uint8))
    return np.stack(out)


def shrunk(faces: Faces, share: float) -> Faces:
    """(N, H, W, 3) made smaller by areas, and brought back to size."""
    import cv2

    height, width = faces.shape[1:3]
    small = (round(width * share), round(height * share))
    fewer = [cv2.resize(f, small, interpolation=cv2.INTER_AREA) for f in faces]
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC) for f in fewer])


TREATMENTS: dict[str, Treatment] = {
    "as-made": lambda faces: faces,
    **{f"jpeg{q}": partial(coded, quality=q) for q in (95, 75, 50, 30)},
    **{f"shrunk{round(100 * s)}": partial(shrunk, share=s) for s in (0.75, 0.5, 0.35)},
    **{f"blur{round(10 * s):02d}": partial(blur, sigma=s) for s in (0.5, 1.0, 1.5)},
}


def rows(
    sitters: Sequence[Sitter], targets: Sequence[Target], studio: Studio, way: Way, epsilon: float, seed: int
) -> list[Row]:
    """One row a treatment: the share below threshold by all black boxes together."""
    way.ahead(studio, sitters, epsilon, (seed,))
    hidden = [way.hidden(studio, s, epsilon, seed)[0] for s in sitters]
    bare = [s.test for s in sitters]
    black = [t for t in targets if t.black]

    def share(probes: Sequence[Faces]) -> Share:
        found = []
        for target in black:
            people = [
                Person(studio.vectors(target, s.test), studio.vectors(target, p))
                for s, p in zip(sitters, probes, strict=True)
            ]
            assert target.judge.threshold is not None
            found.append(below(people, target.judge.threshold))
        return pooled(found)

    return [
        share_row(
            f"cloak.default.blackbox.below_threshold.eps{epsilon:g}.{name}",
            "share of pairs under threshold; floor: the same without a cloak",
            share([treat(h) for h in hidden]),
            "+".join(t.name for t in black),
            share([treat(b) for b in bare]).value,
        )
        for name, treat in TREATMENTS.items()
    ]
