"""Face recognition on real footage, both tiers: who is named when, and is anybody named wrongly?

``python benchmarks/faces_hamilton.py [--data ../shared/data] [--tier hub|builtin] [--json FILE]``

Indexes ``short_hamilton_clip.mp4`` as camera *theatre* and ``facenet_pytorch_video.mp4`` as camera *street*, enrols the
portraits, asks the tool itself (no language model), and compares with ``datasets/annotations/hamilton_faces.json``,
which was made by eye before any recogniser ran. Lacamoire's face is small (about 12 pixels between the eyes) for two
thirds of a second and in profile for two more: the hub tier names him by joint vectors (``viot_tools.faces.joint``),
the builtin tier not at all. How often such small faces are named wrongly is measured on other people, by
``viot_tools.faces.calibrate``, and printed here from ``thresholds.json``. Then identification on ``lfw_10x10``: five
enrolled with three pictures each, five strangers. Prints seconds of CPU per sampled frame and per embedding besides.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from viot_agent.fleet import Fleet
from viot_agent.library.ingest import ingest
from viot_agent.library.rows import Analyzer
from viot_agent.library.store import Library
from viot_agent.media.pictures import decode_image
from viot_agent.media.readers import open_media
from viot_agent.steps import Observation, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.faces.analyzer import FacesAnalyzer
from viot_tools.faces.enrol import Kit, enrol_vectors
from viot_tools.faces.identity import Look, template, vote
from viot_tools.faces.quality import measure
from viot_tools.faces.tool import face_recognition

ROOT = Path(__file__).resolve().parents[1]
START = 1_800_000_000.0
MIRANDA, LACAMOIRE, OBAMA = "Lin-Manuel Miranda", "Alex Lacamoire", "Barack Obama"
PORTRAITS = {MIRANDA: "lin-manuel-miranda.png", LACAMOIRE: "alex-lacamoire.png", OBAMA: "obama.jpg"}


class House:
    """A library in a scratch folder with some of the portraits enrolled."""

    def __init__(self, home: Path, data: Path, tier: str, cameras: dict[str, str]) -> None:
        self.data = data
        self.weights = Weights(home, data / "models" if tier == "hub" else None, "hub" if tier == "hub" else "builtin")
        self.library = Library.open(home)
        self.fleet = Fleet(self.library)
        self.seconds: dict[str, float] = {}
        analyzers: list[Analyzer] = [FacesAnalyzer(self.weights)]
        for name, video in cameras.items():
            self.library.add_camera(name, str(data / "videos" / "faces" / video), tz="UTC", start=START)
            before = time.process_time()
            ingest(self.library, name, analyzers, open_reader=open_media)
            self.seconds[name] = time.process_time() - before

    def enrol(self, *names: str) -> None:
        """Make these the enrolled people."""
        for person in self.library.people():
            self.library.remove_person(person.name)
        for name in names:
            picture = (self.data / "faces" / "ageitgey" / PORTRAITS[name]).read_bytes()
            vectors = enrol_vectors([picture], [PORTRAITS[name]], self.weights)
            self.library.add_person(name, [picture], "test data")
            for model, rows in vectors.items():
                self.library.set_person_vectors(name, model, rows)

    def ask(self, person: str | None, camera: str) -> Observation:
        """Call the tool as the agent would."""
        context = ToolContext(
            Request("", now=START + 60), self.fleet, self.library, self.weights, self.library.home, call_id="c1"
        )
        return face_recognition.fn(context, person=person, cameras=[camera])


def covered(observation: Observation, who: str, visible: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """(share of the visible time that the appearances of ``who`` cover, share of the appearances outside it)."""
    given = [(r["start"] - START, r["end"] - START) for r in observation.data["appearances"] if r["who"] == who]
    inside = sum(max(0.0, min(b, v["end"]) - max(a, v["start"])) for a, b in given for v in visible)
    seconds = sum(v["end"] - v["start"] for v in visible)
    length = sum(b - a for a, b in given)
    return inside / seconds, (length - inside) / length if length else 0.0


def named(observation: Observation) -> list[str]:
    """Everybody whom the answer names as seen."""
    return sorted({r["who"] for r in observation.data.get("appearances", ())})


def hamilton(house: House, truth: dict[str, Any]) -> list[dict[str, Any]]:
    """The questions about the clip, one row each."""
    rows = []
    for people in ((MIRANDA, LACAMOIRE), (MIRANDA, LACAMOIRE, OBAMA), (LACAMOIRE,), (MIRANDA,), (OBAMA,)):
        house.enrol(*people)
        for person in (*people, None):
            observation = house.ask(person, "theatre")
            share, outside = covered(observation, MIRANDA, truth["visible"][MIRANDA])
            share_l, outside_l = covered(observation, LACAMOIRE, truth["visible"][LACAMOIRE])
            rows.append(
                {
                    "enrolled": [p.split()[-1] for p in people],
                    "asked": person or "everybody",
                    "verdict": observation.verdict,
                    "named": named(observation),
                    "miranda_covered": round(share, 3),
                    "miranda_outside": round(outside, 3),
                    "lacamoire_covered": round(share_l, 3),
                    "lacamoire_outside": round(outside_l, 3),
                    "unknown": observation.data.get("unknown"),
                    "undecided": observation.data.get("undecided"),
                    "summary": observation.summary,
                }
            )
    return rows


def small_faces() -> list[str]:
    """What ``calibrate`` measured of small faces on people whom neither fit nor choice has seen, a line each."""
    rows = json.loads((files("viot_tools.faces") / "thresholds.json").read_text("utf-8"))["calibrations"]
    row = next(r for r in rows if "+" in r["model"])
    other = row["on_other_people"]
    lines = [f"{row['model']}: threshold {other['at']}, meant for 1e-4 a comparison (1e-3 a search among ten)"]
    for name in ("frames", "tracks"):
        some = other[name]
        rate, low, high = some["far_at_1e-4"]
        lines.append(
            f"  {name}: {some['people']} people, {some['impostor']} impostor comparisons, rate {rate:g} "
            f"[{low:g}, {high:g}]; highest {some['highest_impostor']}; true accepts {some['tar_at_1e-4']:.3f}"
        )
        for s in some["searches"]:
            low, high = s["interval"]
            lines.append(
                f"    among {s['enrolled']} enrolled: {s['named']} of {s['searches']} searches by {s['people']} people "
                f"not enrolled name somebody, {s['rate']:g} [{low:g}, {high:g}]"
            )
    return lines


def lfw(data: Path, weights: Weights) -> dict[str, Any]:
    """Five enrolled with three pictures each; every other picture is a one-look track: is it named, and rightly?"""
    kit = Kit.of(weights)
    folders = sorted(p for p in (data / "faces" / "lfw_10x10").iterdir() if p.is_dir())
    vectors, looks = {}, {}
    for folder in folders:
        looks[folder.name] = []
        for path in sorted(folder.iterdir()):
            image = decode_image(path)
            middle = (image.shape[1] / 2, image.shape[0] / 2)
            faces = [
                f
                for f in kit.detector.detect(image)
                if f.xyxy[0] < middle[0] < f.xyxy[2] and f.xyxy[1] < middle[1] < f.xyxy[3]
            ]
            if faces:
                chip = kit.recogniser.align(image, faces[0])
                vector = kit.recogniser.embed_chips([chip])[0]
                looks[folder.name].append(Look(0.0, measure(faces[0], chip).value, vector))
    enrolled, strangers = [f.name for f in folders[0::2]], [f.name for f in folders[1::2]]
    import numpy as np

    for name in enrolled:
        vectors[name] = template(np.stack([look.vector for look in looks[name][:3]]))
    tally = {
        "right": 0,
        "wrong": 0,
        "unsure": 0,
        "missed": 0,
        "stranger_named": 0,
        "stranger_unsure": 0,
        "stranger_no": 0,
    }
    for name in enrolled:
        for look in looks[name][3:]:
            verdict = vote([look], vectors, kit.calibration)
            if verdict.answer == "match":
                tally["right" if verdict.who == name else "wrong"] += 1
            else:
                tally["unsure" if verdict.answer == "unsure" else "missed"] += 1
    for name in strangers:
        for look in looks[name]:
            answer = vote([look], vectors, kit.calibration).answer
            tally["stranger_named" if answer == "match" else f"stranger_{answer}"] += 1
    return tally


def speed(data: Path, weights: Weights) -> dict[str, float]:
    """CPU milliseconds of one detection at 768x432 and of one embedding (chip cut out, network run)."""
    import cv2

    kit = Kit.of(weights)
    image = decode_image(data / "faces" / "groups" / "group-1.jpg")
    image = cv2.resize(image, (768, 432), interpolation=cv2.INTER_AREA)
    faces = kit.detector.detect(image)[:4]
    kit.recogniser.embed_chips([kit.recogniser.align(image, f) for f in faces])
    before = time.process_time()
    for _ in range(10):
        kit.detector.detect(image)
    middle = time.process_time()
    for _ in range(3):
        kit.recogniser.embed_chips([kit.recogniser.align(image, f) for f in faces])
    after = time.process_time()
    each = max(1, 3 * len(faces))
    return {"detect_ms": round((middle - before) * 100, 1), "embed_ms": round((after - middle) / each * 1000, 1)}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--tier", choices=("hub", "builtin"), action="append", help="default: both")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    truth = json.loads((ROOT / "datasets" / "annotations" / "hamilton_faces.json").read_text("utf-8"))
    report: dict[str, Any] = {}
    for tier in args.tier or ("hub", "builtin"):
        with tempfile.TemporaryDirectory() as scratch:
            cameras = {"theatre": "short_hamilton_clip.mp4", "street": "facenet_pytorch_video.mp4"}
            house = House(Path(scratch), args.data, tier, cameras)
            rows = hamilton(house, truth)
            house.enrol(MIRANDA, LACAMOIRE, OBAMA)
            street = house.ask(None, "street")
            report[tier] = {
                "hamilton": rows,
                "street": {"named": named(street), "unknown": street.data["unknown"], "summary": street.summary},
                "lfw_10x10": lfw(args.data, house.weights),
                "speed": speed(args.data, house.weights),
                "index_cpu_seconds": {name: round(s, 2) for name, s in house.seconds.items()},
            }
            house.library.close()
        print(f"\n== {tier} ==")
        for row in rows:
            share = (
                f"covered/outside Miranda {row['miranda_covered']:.3f}/{row['miranda_outside']:.3f}, "
                f"Lacamoire {row['lacamoire_covered']:.3f}/{row['lacamoire_outside']:.3f}"
            )
            print(
                f"enrolled {'+'.join(row['enrolled'])}; asked {row['asked']}: {row['verdict']}, {row['named']}, {share}"
            )
            print("    " + row["summary"])
        for key in ("street", "lfw_10x10", "speed", "index_cpu_seconds"):
            print(key, report[tier][key])
    print("\n== small faces, other people (python -m viot_tools.faces.calibrate) ==")
    print("\n".join(small_faces()))
    if args.json is not None:
        args.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
