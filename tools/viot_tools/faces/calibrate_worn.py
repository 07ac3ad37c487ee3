"""Masked faces: fitting what tells a mask and what compares behind it (``worn``), choosing the thresholds, and saying
how good they are.

``python -m viot_tools.faces.calibrate_worn --data ../shared/data [--out thresholds.json]``

prints the row of ``thresholds.json``, and with ``--out`` puts it there and, beside it, ``worn.safetensors``. Pictures,
halves and the kinds of figures are those of ``calibrate`` and ``calibrate_small``. Masks (template and fit by seed) are
drawn by ``masks`` on the face of every picture: one at full size and on the largest of the copies shrunk to ``EYES``
pixels between the eyes, others on the smaller ones; then they go the full path: detector, landmarks, crop, quality,
recogniser. A masked face is compared with bare gallery pictures.

Chosen on one half of the people: the function that tells a mask (on its bare and masked faces of any quality), the
basis, and the thresholds, by the rule of bare faces (a share FAR / ``SAFETY`` of impostor comparisons passes), on
cosines of which neither person was in the fit; ``lower`` rules out the least ``RULED_OUT`` of genuine ones. Reported on
the other half: how many bare and masked faces are told right, by kind of mask where a kind was left out of the fit;
false accepts of the masked; and what the thresholds of bare faces made of them (``whole``). Masks in life are not
these: no picture of a real one is at hand. Owns these numbers; knows no libraries.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault, ViotError
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces import calibrate_small
from viot_tools.faces.basis import Basis
from viot_tools.faces.calibrate import (
    COMMAND,
    FAR,
    GATE,
    SAFETY,
    Picture,
    Probe,
    central,
    half,
    margins,
    opened,
    pictures,
)
from viot_tools.faces.calibrate_small import Seen
from viot_tools.faces.detect import Face, FaceDetector, make_detector, overlap, refine
from viot_tools.faces.identity import Calibration, load
from viot_tools.faces.quality import measure
from viot_tools.faces.worn import FILE, MaskedMobileFaceNet, Tell, features, fit_tell, write

EYES = (20, 14, 10)
AGAIN = 0.3
"""Intersection over union with the bare face's box at which a masked face counts as found."""
SEED = 7
RULED_OUT = 0.02
"""Bare faces take 0.005; so few behind masks would leave every masked stranger in doubt."""


@dataclass(frozen=True, slots=True, eq=False)
class Worn:
    """One face of the passes: of which picture, with which template ('' bare), whether at full size, its crop."""

    picture: Picture
    source: int
    template: str
    original: bool
    quality: float
    chip: Image


def see_all(
    found: Sequence[Picture], detector: FaceDetector, masked: MaskedMobileFaceNet, weights: Weights
) -> list[Worn]:
    """Every picture bare and masked, at full size and shrunk, along the path up to the crop."""
    import cv2

    from viot_tools.masks.landmarks import Landmarks
    from viot_tools.masks.render import mask_face
    from viot_tools.masks.templates import TEMPLATES

    finder, names = Landmarks(weights, detector), sorted(TEMPLATES)
    seen: list[Worn] = []
    for number, picture in enumerate(found):
        image = opened(picture)
        bare = central(detector.detect(image), image)
        if bare is None:
            continue
        points = finder.points(image, bare)
        rng = np.random.default_rng([SEED, number])
        chosen = [names[i] for i in rng.choice(len(names), 4, replace=False)]
        worn = [(name, mask_face(image, points, name, int(rng.integers(2**31))).image) for name in chosen]
        versions = [("", image, 1.0), (*worn[0], 1.0)]
        for eyes, (name, shown) in zip(EYES, worn, strict=False):
            scale = eyes / bare.eye_distance
            if scale < 0.9:
                for what, whole in (("", image), (name, shown)):
                    copy = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                    versions.append((what, np.asarray(copy, np.uint8), scale))
        for name, version, scale in versions:
            face = _again(detector.detect(version), bare, scale)
            if face is not None:
                face = refine(detector, version, face)
                chip = masked.recogniser.align(version, face)
                seen.append(Worn(picture, number, name, scale == 1.0, measure(face, chip).value, chip))
        if number % 50 == 0:
            print(f"  masked faces: {number}/{len(found)} pictures", file=sys.stderr, flush=True)
    return seen


def _again(found: Sequence[Face], bare: Face, scale: float) -> Face | None:
    """The face of that picture, found again in a version of it that was made ``scale`` times as large."""
    x0, y0, x1, y1 = bare.xyxy
    box = (x0 * scale, y0 * scale, x1 * scale, y1 * scale)
    best = max(found, key=lambda f: overlap(f.xyxy, box), default=None)
    return best if best is not None and overlap(best.xyxy, box) >= AGAIN else None


def embedded(seen: Sequence[Worn], tell: Tell, masked: MaskedMobileFaceNet) -> list[Seen]:
    """Both vectors of those that pass the gate and are compared, as the product compares them: bare ones at full size
    that are not told to wear a mask (the others are mostly cut off at the mouth), and masked ones that are."""
    told = tell.score([w.chip for w in seen]) > 0
    some = [
        w for w, is_worn in zip(seen, told, strict=True)
        if w.quality >= GATE and (is_worn if w.template else w.original and not is_worn)
    ]  # fmt: skip
    first = masked.recogniser.embed_chips([w.chip for w in some])
    second = masked.eyes([w.chip for w in some])
    return [
        Seen(w.picture, w.source, not w.template, w.quality, a, b) for w, a, b in zip(some, first, second, strict=True)
    ]


def tell_report(seen: Sequence[Worn]) -> tuple[Tell, dict[str, Any]]:
    """What tells a mask, from the choosing half; and its rates on the other half. ``kinds``: shares of masks of one
    kind told where that kind was left out of the fit."""
    from viot_tools.masks.templates import TEMPLATES

    rows = np.stack([features(w.chip) for w in seen])
    worn, mine = np.array([bool(w.template) for w in seen]), np.array([half(w.picture.person) == 0 for w in seen])
    kind = np.array([TEMPLATES[w.template].kind if w.template else "" for w in seen])
    whole, good = np.array([w.original for w in seen]), np.array([w.quality >= GATE for w in seen])
    tell = fit_tell(rows[mine], worn[mine])

    def told(by: Tell, where: NDArray[np.bool_]) -> float:
        here = where & ~mine
        return _short((rows[here].astype(np.float64) @ by.weight + by.bias > 0).mean()) if here.any() else float("nan")

    people = len({w.picture.person for w, m in zip(seen, mine, strict=True) if not m})
    return tell, {
        "people": people,
        "bare": int((~worn & ~mine).sum()),
        "bare_called_masked": told(tell, ~worn),
        "bare_called_masked_full_size": told(tell, ~worn & whole),
        "bare_called_masked_over_gate": told(tell, ~worn & good),
        "masked": int((worn & ~mine).sum()),
        "masked_told": told(tell, worn),
        "kinds_left_out": {
            k: told(fit_tell(rows[mine & (kind != k)], worn[mine & (kind != k)]), kind == k)
            for k in sorted(set(kind))
            if k
        },
    }


def whole_alone(seen: Sequence[Seen], plain: Calibration) -> dict[str, float]:
    """What the thresholds of bare faces make of masked ones on the other half, by the whole face alone."""
    probes, gallery = [s for s in seen if not s.original], [s for s in seen if s.original]
    cosine = np.stack([s.first for s in probes]).astype(np.float64) @ np.stack([s.first for s in gallery]).T
    table = calibrate_small.Table.of(probes, gallery, cosine)
    genuine, strange, strict = cosine[table.genuine], cosine[table.impostor], min(plain.curve)[1]
    return {
        "tar_at_1e-4": _short((genuine >= strict).mean()),
        "far_at_1e-4": _short((strange >= strict).mean()),
        "genuine_ruled_out": _short((genuine < plain.lower).mean()),
    }


def choose(seen: Sequence[Seen]) -> tuple[Basis, dict[str, Any]]:
    """The basis and the numbers, from the choosing half. Raises UserFault when there are too few faces."""
    table = calibrate_small.left_out(seen)
    genuine, impostor = table.cosine[table.genuine], table.cosine[table.impostor]
    if FAR * len(impostor) < 30 or len(genuine) < 100:
        raise UserFault(f"{len(impostor)} impostor and {len(genuine)} genuine comparisons are too few to calibrate")
    curve = [(rate, round(float(np.quantile(impostor, 1 - rate / SAFETY)), 4)) for rate in calibrate_small.RATES]
    lower = round(float(np.quantile(genuine, RULED_OUT)), 4)
    basis = calibrate_small.fitted(seen)
    joined = calibrate_small.joined(basis, seen)
    leads = margins([Probe(s.picture, s.source, s.original, s.quality, v) for s, v in zip(seen, joined, strict=True)])
    return basis, {
        "far": FAR,
        "threshold": dict(curve)[FAR],
        "curve": curve,
        "lower": lower,
        "lower_poor": lower,
        "margin": round(max(0.0, float(np.quantile(leads, 0.02)) / 2), 4),
        "gate": GATE,
        "same": dict(curve)[FAR],
        "chosen_on": {
            "people": len({s.person for s in seen if not s.original}),
            "probes": len(table.probes),
            "genuine": len(genuine),
            "impostor": len(impostor),
        },
    }


def calibrate(
    compared: Sequence[Seen], told: dict[str, Any], masked: MaskedMobileFaceNet, detector: FaceDetector
) -> tuple[dict[str, Any], Basis]:
    """The row of ``thresholds.json``, and the basis. ``told``: see :func:`tell_report`. Raises UserFault when there are
    too few faces."""
    basis, chosen = choose([s for s in compared if half(s.picture.person) == 0])
    others = [s for s in compared if half(s.picture.person) == 1]
    report = calibrate_small.report(others, basis, chosen)
    genuine = _genuine(basis, others)
    report["frames"]["genuine_ruled_out"] = _short((genuine < chosen["lower"]).mean())
    row = {
        "model": masked.model,
        "model_version": masked.recogniser.model_version,
        "detector": detector.model,
        "detector_version": detector.model_version,
        **chosen,
        "told": told,
        "on_other_people": {**report, "whole": whole_alone(others, load(masked.recogniser.model, detector.model))},
    }
    return row, basis


def _genuine(basis: Basis, seen: Sequence[Seen]) -> NDArray[np.float64]:
    table = calibrate_small.compared(basis, calibrate_small.frames(seen), [s for s in seen if s.original])
    return np.asarray(table.cosine[table.genuine])


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    about = "Masked faces: fit what tells a mask and what compares behind it, choose the thresholds. Two minutes."
    parser = argparse.ArgumentParser(prog="python -m viot_tools.faces.calibrate_worn", description=about)
    parser.add_argument("--data", type=Path, required=True, help="folder laid out like ../shared/data")
    parser.add_argument(
        "--out",
        type=Path,
        help="thresholds.json, whose row of masked faces is put anew; worn.safetensors goes beside it",
    )
    args = parser.parse_args(argv)
    try:
        if args.out is not None and not args.out.is_file():  # said before minutes go into faces
            raise UserFault(f"there is no file {args.out}", fix=COMMAND)
        with tempfile.TemporaryDirectory() as scratch:
            weights = Weights(Path(scratch), args.data / "models", "hub")
            detector, masked = make_detector(weights), MaskedMobileFaceNet(weights)
            seen = see_all(pictures(args.data), detector, masked, weights)
            tell, told = tell_report(seen)
            row, basis = calibrate(embedded(seen, tell, masked), told, masked, detector)
    except ViotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if args.out is not None:
        keep(args.out, row)
        write(tell, basis, args.out.with_name(FILE.name), masked.versions)
    print(json.dumps(row, indent=1))
    return 0


def keep(path: Path, row: dict[str, Any]) -> None:
    """Put the row into ``thresholds.json``, in the place of the one of its model."""
    whole = json.loads(path.read_text("utf-8"))
    whole["calibrations"] = [r for r in whole["calibrations"] if r["model"] != row["model"]] + [row]
    path.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


def _short(x: Any) -> float:
    return float(f"{float(x):.2g}")


if __name__ == "__main__":
    sys.exit(main())
