"""The analyzer ``faces``: which faces were where, with crops and embeddings. Runs at ingest, names nobody.

It runs its own detector on sampled frames (not more often than ``GAP`` seconds apart), follows faces within the
segment, and embeds at most ``MAX_LOOKS`` frames a track, spread over its time and the best of each stretch: embedding
costs more than detection, and eight looks settle a vote. A track whose face changes half-way (two people meeting in
one box) is split where the embeddings disagree. A track's ``label`` is empty, or says why its best look is no good
("too small"). A track whose good looks are all small, and at least ``LEAST_LOOKS``, gets joint vectors (``joint``) of
its best ``LEAST_LOOKS`` besides: one costs ten times the first vector. A look that wears a mask gets a vector of what
is seen of it (``worn``) besides.

Owns the way from frames to rows. Knows no people and no library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from viot_agent.library.rows import CropRow, Rows, SegmentInfo, Shared, TrackRow, Vector, VectorRow
from viot_agent.media.types import XYXY, Frame, Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import REFINE_BELOW, Face, FaceDetector, around, make_detector, refine
from viot_tools.faces.identity import LEAST_GALLERY, Calibration, load
from viot_tools.faces.joint import LEAST_LOOKS, JointRecogniser, is_small, make_joint
from viot_tools.faces.quality import Quality, measure
from viot_tools.faces.recognise import FaceRecogniser, make_recogniser
from viot_tools.faces.tracking import CutDetector, FaceTracker, Trail
from viot_tools.faces.worn import WornRecogniser, make_worn

GAP = 0.15
"""Seconds between two detections at least. Half that rate was tried for dlib, whose detector costs four times YuNet's:
faces then jump too far between frames to be followed."""

MAX_LOOKS = 8
MAX_KEPT = 16
MAX_CROPS = 3
CROP_SIDE = 256
LOOKS_PER_SECOND = 4.0


def _summary(detector: FaceDetector, calibration: Calibration, others: Mapping[str, str]) -> str:
    """Who looks, and from which cosine on somebody is named, at which rate of false names."""
    parts = [f"{calibration.model} from {calibration.upper():.3f}"]
    parts += [f"{kind} faces by {m} from {load(m, detector.model).upper():.3f}" for kind, m in others.items()]
    return (
        f"faces: {detector.model} detector; named among up to {LEAST_GALLERY} people by {', '.join(parts)} "
        f"(cosines that {calibration.far:g} of searches for strangers pass)"
    )


class FacesAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. Detector and recogniser are those of the tier in force."""

    name = "faces"
    version = "1"
    needs: tuple[str, ...] = ()

    def __init__(
        self,
        weights: Weights,
        *,
        detector: FaceDetector | None = None,
        recogniser: FaceRecogniser | None = None,
        calibration: Calibration | None = None,
        joint: JointRecogniser | None = None,
        worn: WornRecogniser | None = None,
    ) -> None:
        self.detector = detector or make_detector(weights)
        # joint and worn vectors belong to the tier's own recogniser: who brings another brings his own, or has none
        self.joint = joint or (make_joint(weights) if recogniser is None else None)
        self.worn = worn or (make_worn(weights) if recogniser is None else None)
        self.recogniser = recogniser or make_recogniser(weights)
        self.calibration = calibration or load(self.recogniser.model, self.detector.model)
        self.model = self.recogniser.model
        self.model_version = f"{self.recogniser.model_version}+{self.detector.model}-{self.detector.model_version}"
        if self.joint is not None:
            self.model_version += f"+joint-{self.joint.model_version}"
        if self.worn is not None:
            self.model_version += f"+worn-{self.worn.model_version}"

        others = {"small": self.joint, "masked": self.worn} if recogniser is None else {}
        self.summary = _summary(
            self.detector, self.calibration, {k: o.model for k, o in others.items() if o is not None}
        )

    def start(self, segment: SegmentInfo) -> FacesAnalysis:
        """The analysis of one segment; models load with the first frame (WeightsMissing when absent)."""
        return FacesAnalysis(self.detector, self.recogniser, self.calibration, self.joint, self.worn)


@dataclass(slots=True)
class _Kept:
    """A frame of a trail that may be embedded. Of the picture only the aligned ``chip`` is kept; of a small face the
    surroundings (``small``: cut-out, face in it), because its landmarks are found again if it is chosen (and
    ``small`` is then the face as found again)."""

    t: float
    quality: Quality
    chip: Image
    small: tuple[Image, Face] | None


@dataclass(slots=True)
class _Crop:
    t: float
    xyxy: XYXY
    image: Image
    quality: float


@dataclass(slots=True)
class _Album:
    """What is kept of one trail while it is followed."""

    kept: list[_Kept] = field(default_factory=list)
    crops: list[_Crop] = field(default_factory=list)


class FacesAnalysis:
    """The state of one segment."""

    def __init__(
        self,
        detector: FaceDetector,
        recogniser: FaceRecogniser,
        calibration: Calibration,
        joint: JointRecogniser | None = None,
        worn: WornRecogniser | None = None,
    ) -> None:
        self._detector, self._recogniser, self._calibration = detector, recogniser, calibration
        self._joint, self._worn = joint, worn
        self._tracker, self._cuts = FaceTracker(), CutDetector()
        self._albums: dict[int, _Album] = {}
        self._last: list[Face] = []
        self._looked_at = -np.inf
        self._moved = True
        self._tracks: list[TrackRow] = []
        self._crops: list[CropRow] = []
        self._vectors: list[VectorRow] = []

    def see(self, frame: Frame, shared: Shared) -> list[Face]:
        """Look at one sampled frame; returns the faces of it (or of the last one that was looked at)."""
        # "still" compares with the frame before: a frame that moved and was passed over here makes the last result old
        self._moved = self._moved or not shared.still
        if frame.t - self._looked_at < GAP - 1e-6:
            return self._last
        self._looked_at = frame.t
        if not self._moved:
            # a face that left just before the picture went still ends here
            _, ended = self._tracker.update(frame.t, self._last)
            self._close(ended)
            return self._last
        self._moved = False
        if self._cuts.see(frame.image):
            self._close(self._tracker.end())
        self._last = self._detector.detect(frame.image)
        pairs, ended = self._tracker.update(frame.t, self._last)
        self._close(ended)
        for trail, face in pairs:
            self._keep(self._albums.setdefault(trail.number, _Album()), frame, face)
        return self._last

    def finish(self) -> Rows:
        """All rows, in the order in which the faces first appeared."""
        self._close(self._tracker.end())

        def order(key: str) -> tuple[int, ...]:
            return tuple(int(part) for part in key.removeprefix("face-").split("."))

        self._tracks.sort(key=lambda r: order(r.key))
        self._crops.sort(key=lambda r: (order(r.track), r.t))
        self._vectors.sort(key=lambda r: (order(r.track), r.t))
        return Rows(tracks=tuple(self._tracks), crops=tuple(self._crops), vectors=tuple(self._vectors))

    def _keep(self, album: _Album, frame: Frame, face: Face) -> None:
        chip = self._recogniser.align(frame.image, face)
        quality = measure(face, chip)
        small = around(frame.image, face) if face.xyxy[3] - face.xyxy[1] < REFINE_BELOW else None
        album.kept.append(_Kept(frame.t, quality, chip, small))
        if len(album.kept) > MAX_KEPT:
            # of the two that lie nearest in time the better stays: memory is bounded, and time stays evenly covered
            gaps = [b.t - a.t for a, b in pairwise(album.kept)]
            i = gaps.index(min(gaps))
            del album.kept[i if album.kept[i].quality.value < album.kept[i + 1].quality.value else i + 1]
        near = next((c for c in album.crops if abs(c.t - frame.t) < 0.5), None)
        if near is None and len(album.crops) == MAX_CROPS:
            near = min(album.crops, key=lambda c: c.quality)
        if near is not None:
            if near.quality >= quality.value:
                return
            album.crops.remove(near)
        album.crops.append(_Crop(frame.t, face.xyxy, cut_out(frame.image, face.xyxy), quality.value))

    def _close(self, trails: Sequence[Trail]) -> None:
        for trail in trails:
            album = self._albums.pop(trail.number)
            # one faint detection is noise more often than a face
            if len(trail.points) < 2 and max(k.quality.sure for k in album.kept) < 0.5:
                continue
            chosen = [self._look_again(k) for k in choose(album.kept, self._calibration.gate)]
            vectors = self._recogniser.embed_chips([k.chip for k in chosen])
            borders = split(chosen, vectors, self._calibration)
            for part, (t0, t1) in enumerate(zip((-np.inf, *borders), (*borders, np.inf), strict=True), start=1):
                self._write(trail, album, chosen, vectors, t0, t1, part)

    def _look_again(self, kept: _Kept) -> _Kept:
        if kept.small is None:
            return kept
        image, face = kept.small
        better = refine(self._detector, image, face)
        chip = self._recogniser.align(image, better)
        return _Kept(kept.t, measure(better, chip), chip, (image, better))

    def _write(
        self,
        trail: Trail,
        album: _Album,
        chosen: Sequence[_Kept],
        vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
        t0: float,
        t1: float,
        part: int,
    ) -> None:
        points = tuple(p for p in trail.points if t0 <= p.t < t1)
        looks = [(k, v) for k, v in zip(chosen, vectors, strict=True) if t0 <= k.t < t1]
        if not points or not looks:
            return
        key = f"face-{trail.number}" if part == 1 else f"face-{trail.number}.{part}"
        best = max((k.quality for k, _ in looks), key=lambda q: q.value)
        label = "" if best.value >= self._calibration.gate else ", ".join(best.reasons(self._calibration.gate))
        self._tracks.append(TrackRow(key, "face", points, label))
        for k, v in looks:
            self._vectors.append(VectorRow(key, k.t, self._recogniser.model, v, round(k.quality.value, 4)))
        self._write_joint(key, looks)
        self._write_worn(key, looks)
        for crop in album.crops:
            if t0 <= crop.t < t1:
                self._crops.append(CropRow(key, crop.t, crop.xyxy, to_jpeg(crop.image), round(crop.quality, 4)))

    def _write_joint(self, key: str, looks: Sequence[tuple[_Kept, Vector]]) -> None:
        if self._joint is None:
            return
        good = [(k, v) for k, v in looks if k.quality.value >= self._calibration.gate]
        if len(good) < LEAST_LOOKS or not all(k.small is not None and is_small(k.small[1]) for k, _ in good):
            return  # too few to decide, or a larger look says more by itself
        for k, v in sorted(good, key=lambda kv: (-kv[0].quality.value, kv[0].t))[:LEAST_LOOKS]:
            assert k.small is not None
            image, face = k.small
            [vector] = self._joint.join(image, [face], v[None])
            self._vectors.append(VectorRow(key, k.t, self._joint.model, vector, round(k.quality.value, 4)))

    def _write_worn(self, key: str, looks: Sequence[tuple[_Kept, Vector]]) -> None:
        if self._worn is None:
            return
        wears = self._worn.wears([k.chip for k, _ in looks])
        some = [look for look, is_worn in zip(looks, wears, strict=True) if is_worn]
        if some:
            vectors = self._worn.embed([k.chip for k, _ in some], np.stack([v for _, v in some]))
            for (k, _), v in zip(some, vectors, strict=True):
                self._vectors.append(VectorRow(key, k.t, self._worn.model, v, round(k.quality.value, 4)))


def choose(kept: Sequence[_Kept], gate: float) -> list[_Kept]:
    """The frames to embed: ``LOOKS_PER_SECOND`` and at most ``MAX_LOOKS``, the best of each equal stretch of time.

    Frames under the gate cannot name anybody: where some pass it they are left out, where none does two are enough.
    """
    good = [k for k in kept if k.quality.value >= gate]
    pool = good or list(kept)
    t0, t1 = pool[0].t, pool[-1].t
    n = min(MAX_LOOKS if good else 2, 2 + int((t1 - t0) * LOOKS_PER_SECOND))
    best: dict[int, _Kept] = {}
    for k in pool:
        slot = min(n - 1, int((k.t - t0) / max(t1 - t0, 1e-9) * n))
        if slot not in best or k.quality.value > best[slot].quality.value:
            best[slot] = k
    return [best[slot] for slot in sorted(best)]


def split(
    looks: Sequence[_Kept], vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], calibration: Calibration
) -> list[float]:
    """Times at which a trail's face becomes another one: between two looks, where everything before and everything
    after compare, on the mean, like two people (below ``lower``). Only looks that pass the gate are heard."""
    good = [i for i, k in enumerate(looks) if k.quality.value >= calibration.gate]
    worst, at = calibration.lower, 0
    for cut in range(1, len(good)):
        mean = float((vectors[good[:cut]] @ vectors[good[cut:]].T).mean())
        if mean < worst:
            worst, at = mean, cut
    if at == 0:
        return []
    left, right = good[at - 1], good[at]
    border = (looks[left].t + looks[right].t) / 2
    return [
        *split(looks[: left + 1], vectors[: left + 1], calibration),
        border,
        *split(looks[right:], vectors[right:], calibration),
    ]


def cut_out(image: Image, xyxy: XYXY, margin: float = 0.4) -> Image:
    """A copy of the box with ``margin`` of its size around it, inside the picture, its longer side ``CROP_SIDE`` at
    most."""
    import cv2

    x0, y0, x1, y1 = xyxy
    dx, dy = (x1 - x0) * margin, (y1 - y0) * margin
    height, width = image.shape[:2]
    left, top = max(0, int(x0 - dx)), max(0, int(y0 - dy))
    crop = image[top : max(top + 1, min(height, round(y1 + dy))), left : max(left + 1, min(width, round(x1 + dx)))]
    scale = CROP_SIDE / max(crop.shape[:2])
    if scale >= 1:
        return crop.copy()
    return np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def to_jpeg(image: Image) -> bytes:
    """JPEG at quality 90."""
    import cv2

    done, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done, "OpenCV writes JPEG of any uint8 picture"
    return bytes(data)
