"""``viot bench requests``: what a person would type, asked over real indexed footage, held against what is known of it.

Eight supplied clips become eight cameras of yesterday, and six photographs of cars, ``SHOWN`` seconds each and coming
nearer, a ninth (no supplied clip shows a plate that can be read); three portraits are enrolled, and every request of
``requests.json`` goes the way of ``viot ask``. What a right answer must say and must not say was written down from the
annotations made by eye and from looking at the clips; a request that no tool can answer is right when the answer says
so and claims nothing, and *cannot tell* is right where the truth allows it. The first 36 were written before any answer
was read. Those for re-ID, gait, fire, scene, anomaly, pose and action came after the tools' builders had reported some
answers over the same clips, and one cut-out picture was corrected after the first run: it showed nobody. Nine
(re-ID, plates) were added after a stranger had been named in the lobby, and after the plates of the photographs had
been asked for by hand. The last six (copies of attached pictures and clips) came when the wording of those tools'
answers was known.

Owns the setting and the judging. The requests are data; printing is ``viot bench``'s. ``notes`` hold the transcript.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np

from viot_agent.bench.report import Report, Row, bootstrap
from viot_agent.errors import UserFault
from viot_agent.media.clips import cut_clip, write_clip
from viot_agent.media.pictures import decode_image, encode_jpeg
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.policy.exports import Exports
from viot_agent.steps import Principal, Run
from viot_agent.system import Viot
from viot_agent.weights import Weights
from viot_agent.weights.store import Tier

CASES = Path(__file__).with_name("requests.json")
CAMERAS = (
    # name, clip, hour of yesterday
    ("theatre", "videos/faces/short_hamilton_clip.mp4", 20),
    ("corridor", "videos/people-detection.264", 9),
    ("lobby", "videos/intel/one-by-one-person-detection.mp4", 11),
    ("street 1", "videos/pedestrians.mp4", 10),
    ("street 2", "videos/traffic.mp4", 10),
    ("shop door", "videos/shopfront_cctv.mp4", 9),
    ("kitchen", "videos/falls/fall.mp4", 14),
    ("training ground", "videos/fire/fire_input.mp4", 15),
)
GATE = tuple(f"plates/openalpr_eu/eu{i}.jpg" for i in (1, 3, 5, 7, 9, 11))
SHOWN, GATE_HOUR, GATE_SIZE = 4.0, 13, (1280, 960)
GROUPS = {"street 1": ("streets",), "street 2": ("streets",)}
PORTRAITS = {
    "Lin-Manuel Miranda": "faces/ageitgey/lin-manuel-miranda.png",
    "Alex Lacamoire": "faces/ageitgey/alex-lacamoire.png",
    "Barack Obama": "faces/ageitgey/obama.jpg",
}
PURPOSE = f"an inquiry after {', '.join(PORTRAITS)}"
"""Of an operator who asks under every policy."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request. ``says``: regular expressions that the answer must hold, ``never``: that it must not (both without
    case); ``status``: what the answer's status may be; ``tools``: the calls, in order, None = not judged; ``follows``:
    the request is the next turn after the one before it. ``attach``: files of the data folder, or what is cut out of
    one: ``clip.mp4@8.0-14.0`` (a stretch in seconds), ``clip.mp4@5.0@x0,y0,x1,y1`` (a box of one frame)."""

    text: str
    status: tuple[str, ...]
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    attach: tuple[str, ...] = ()
    follows: bool = False


def load_cases(path: Path = CASES) -> list[Case]:
    """The requests as shipped."""
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    cases = []
    for row in rows:
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
        cases.append(Case(**fields))
    return cases


def faults(case: Case, run: Run) -> list[str]:
    """What is wrong with an answer, in words; nothing when it is right."""
    answer, found = run.answer, []
    if answer.status not in case.status:
        found.append(f"is {answer.status}, not {' or '.join(case.status)}")
    found += [f"does not say {s}" for s in case.says if not re.search(s, answer.text, re.IGNORECASE)]
    found += [f"says {s}" for s in case.never if re.search(s, answer.text, re.IGNORECASE)]
    called = tuple(step.call.tool for step in run.steps)
    if case.tools is not None and called != case.tools:
        found.append(f"called {', '.join(called) or 'nothing'}, not {', '.join(case.tools) or 'nothing'}")
    return found


def bench(
    data: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    llm: Annotated[str, "the language model, as for viot ask"] = "mini",
    tier: Annotated[str, "hub or builtin"] = "hub",
    policies: Annotated[str, "all (an operator's key, a purpose, consents, exports without faces), or none"] = "none",
) -> Report:
    """Index the nine cameras, ask, judge. Raises UserFault for an unknown tier or word, or a missing clip."""
    if policies not in ("all", "none"):
        raise UserFault(f"there are no policies {policies!r}", fix="--policies all or --policies none")
    if tier not in ("hub", "builtin"):
        raise UserFault(f"there is no tier {tier!r}", fix="--tier hub or --tier builtin")
    absent = [file for file in (*(clip for _, clip, _ in CAMERAS), *GATE) if not (data / file).is_file()]
    if absent:
        raise UserFault(f"{data} has no {', '.join(absent)}", fix="name a folder laid out like ../shared/data")
    cases = load_cases()
    cases = cases[:6] if quick else cases
    with tempfile.TemporaryDirectory(prefix="viot-requests-") as scratch, Viot.open(Path(scratch)) as viot:
        viot.weights = Weights(viot.home, data / "models" if tier == "hub" else None, _tier(tier))
        _index(viot, data, Path(scratch))
        who = _guarded(viot) if policies == "all" else Principal()
        runs = _ask(viot, cases, llm, data, Path(scratch), who, PURPOSE if policies == "all" else "")
    judged = [faults(case, run) for case, run in zip(cases, runs, strict=True)]
    right = [float(not found) for found in judged]
    low, high = bootstrap(right, seed)
    name = "requests.right" if policies == "none" else "requests.right.policies"
    row = Row(name, "requests answered rightly", sum(right) / len(right), low, high, len(right), llm, tier)
    transcript = [
        f"{'ok   ' if not wrong else 'WRONG'} {case.text}\n      {run.answer.status}: {run.answer.text}"
        + "".join(f"\n      - {w}" for w in wrong)
        for case, run, wrong in zip(cases, runs, judged, strict=True)
    ]
    records = [_record(c, r, w) for c, r, w in zip(cases, runs, judged, strict=True)]
    return Report((row,), extra={"transcript": records}, notes=tuple(transcript))


def _tier(name: str) -> Tier:
    return "hub" if name == "hub" else "builtin"


def _index(viot: Viot, data: Path, scratch: Path) -> None:
    gate = scratch / "gate.mp4"
    steps = np.linspace(0.7, 1.0, round(5 * SHOWN))
    frames = (_framed(image, share) for file in GATE for image in [decode_image(data / file)] for share in steps)
    write_clip(frames, gate, 5.0)
    day = datetime.fromtimestamp(time.time(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for name, clip, hour in (*CAMERAS, ("barrier", str(gate), GATE_HOUR)):
        start = (day - timedelta(days=1) + timedelta(hours=hour)).timestamp()
        viot.add_camera(name, str(data / clip), groups=GROUPS.get(name, ()), tz="UTC", start=start)
    for name, portrait in PORTRAITS.items():
        viot.enrol(name, [data / portrait], "test data")
    for name in (*(name for name, _, _ in CAMERAS), "barrier"):
        viot.index([name])


def _framed(image: Image, share: float) -> Image:
    """The picture in the middle of a grey frame of ``GATE_SIZE``, at ``share`` of the size that fits."""
    width, height = GATE_SIZE
    scale = share * min(width / image.shape[1], height / image.shape[0])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    framed = np.full((height, width, 3), 114, np.uint8)
    framed[top : top + size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return framed


def _guarded(viot: Viot) -> Principal:
    """Every policy on: access, consents on record, no faces in anything that leaves. Gives the operator who asks."""
    viot.access.init("Ada", by=Principal())
    _, secret = viot.access.keys.add("Olga", "operator", by=Principal("Ada", "admin"))
    for name in PORTRAITS:
        viot.exports.consents.record(name, "consent", "test data", by=Principal("Ada", "admin"))
    viot.exports = Exports(viot.library, viot.weights, viot.home, scope="redact")
    return viot.access.authenticate(secret, counted=False)


def _ask(
    viot: Viot, cases: Sequence[Case], llm: str, data: Path, scratch: Path, who: Principal, purpose: str
) -> list[Run]:
    runs: list[Run] = []
    talk = 0
    for case in cases:
        talk += not case.follows
        files = [attachment(file, data, scratch) for file in case.attach]
        talked = f"talk {talk}"
        runs.append(viot.ask(case.text, attach=files, llm=llm, conversation=talked, principal=who, purpose=purpose))
    return runs


def attachment(written: str, data: Path, scratch: Path) -> Path:
    """The file that ``written`` names, cut out into ``scratch`` where it asks for a part (see :class:`Case`)."""
    name, *part = written.split("@")
    if not part:
        return data / name
    out = scratch / re.sub(r"\W+", "-", written)
    if len(part) == 1:
        start, end = (float(v) for v in part[0].split("-"))
        return cut_clip(data / name, start, end, out.with_suffix(".mp4")).path
    x0, y0, x1, y1 = (int(v) for v in part[1].split(","))
    frame = next(iter(open_media(data / name).read([float(part[0])])))
    out = out.with_suffix(".jpg")
    out.write_bytes(encode_jpeg(frame.image[y0:y1, x0:x1]))
    return out


def _record(case: Case, run: Run, wrong: Sequence[str]) -> dict[str, Any]:
    calls = [{"tool": s.call.tool, "args": dict(s.call.args)} for s in run.steps]
    return {
        "request": case.text,
        "status": run.answer.status,
        "answer": run.answer.text,
        "calls": calls,
        "wrong": list(wrong),
    }
