"""One mask for everybody: SGA against SPGD (Liu et al., "Enhancing Generalization of Universal Adversarial Perturbation
through Gradient Aggregation", ICCV 2023), on three classifiers.

``imagenet``: the supplied MobileNetV2 of 1001 classes, its integer file read as real numbers (``tflite_net``), on
pictures of ``DATA/videos/stills`` at ``SIDE`` pixels. ``identity``: who of the sitters is it? A surrogate's unit
features times the sitters' centres, learnt from the pictures that masks are learnt from, asked about the others.
``digits``: a small convolutional network on scikit-learn's 8 x 8 digits, trained here in seconds.

Fooling ratio: the share of pictures, none of them learnt from, whose answer under the mask is another than without.
SPGD is given as many committed steps as SGA, and (``spgd-as-sga``) as many gradients; all maximise SGA's clipped
cross-entropy. ``noise``, as large as epsilon allows, is the floor. Owns the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, max_pool2d, normalize, relu

from viot_agent.bench.report import Row
from viot_agent.errors import WeightsMissing
from viot_agent.weights import Weights
from viot_tools.bench.cloak_cast import Cast
from viot_tools.bench.cloak_scores import gain_row, held, share_row
from viot_tools.bench.tflite_net import TfliteNet
from viot_tools.cloak.losses import Labels
from viot_tools.cloak.making import spread
from viot_tools.cloak.methods import noise
from viot_tools.cloak.optimise import Network, Options, optimise
from viot_tools.cloak.psr import Share, pooled, share_of
from viot_tools.cloak.surrogates import Surrogates
from viot_tools.tensors import pixels

SCALE = 16.0
"""Of the cosines: at 64, as in training with a margin, the loss has hardly a slope."""
INNER, PASSES = 10, 4
"""|SB| and K of SGA's code."""
LARGE = 20
"""|LB| where some 60 pictures are learnt from: three committed steps an epoch."""
SIDE = 128
"""Pixels of the pictures that MobileNetV2 sees: a third of its 224's work."""
LEARN, TEST = 60, 120
MODEL = "imagenet-mobilenet"


def identities(net: Network, faces: Tensor, owners: Tensor) -> Network:
    """Faces (N, 3, 112, 112) to logits (N, people): ``SCALE`` times the cosine to each person's centre."""
    with torch.no_grad():
        features = normalize(net(faces), dim=1)
        centres = normalize(torch.stack([features[owners == k].mean(0) for k in range(int(owners.max()) + 1)]), dim=1)

    def classify(x: Tensor) -> Tensor:
        return SCALE * normalize(net(x), dim=1) @ centres.mT

    return classify


class Digits(nn.Module):
    """(N, 1, 8, 8) in 0..16 to 10 logits: two convolutions and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(32 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.two(relu(self.one(x / 8 - 1))))
        found: Tensor = self.head(max_pool2d(x, 2).flatten(1))
        return found


def trained(images: Tensor, labels: Tensor, seed: int, epochs: int = 15) -> Digits:
    """The network trained on (N, 1, 8, 8) digits; frozen, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net = Digits()
    random = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(images), generator=random), 64):
            adam.zero_grad()
            loss = cross_entropy(net(images[rows]), labels[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
    return net.eval().requires_grad_(False)


def schedules(large: int, epochs: int, **scale: float) -> dict[str, Options]:
    """SGA, SPGD with as many committed steps, and SPGD with as many gradients."""
    sga = Options(rounds=epochs, large=large, batch=INNER, passes=PASSES, start="zero", **scale)  # type: ignore[arg-type]
    return {
        "sga": sga,
        "spgd": Options(rounds=epochs, large=large, start="zero", **scale),  # type: ignore[arg-type]
        "spgd-as-sga": Options(rounds=epochs * PASSES, large=large, start="zero", **scale),  # type: ignore[arg-type]
    }


def fooled(net: Network, images: Tensor, delta: Tensor, low: float, high: float) -> NDArray[np.bool_]:
    """(N,) whether the answer changes under the mask."""
    with torch.no_grad():
        before = torch.cat([net(x).argmax(1) for x in torch.split(images, 64)])
        after = torch.cat([net((x + delta).clamp(low, high)).argmax(1) for x in torch.split(images, 64)])
    return np.asarray((before != after).numpy())


def rows(
    people: Cast, white: Surrogates, seeds: Sequence[int], quick: bool, data: Path, weights: Weights
) -> tuple[list[Row], list[str], list[str]]:
    """Fooling ratios of the classifiers and the paired gains of SGA over SPGD; verdicts in words; what was skipped."""
    found: list[Row] = []
    notes: list[str] = []
    skipped: list[str] = []
    made = {
        "identity": _identity(people, white, seeds, epochs=1 if quick else 8),
        "digits": digits(seeds, epochs=2 if quick else 20),
    }
    pictures = stills(data)
    try:
        net = TfliteNet(weights.path(MODEL))
    except WeightsMissing as missing:
        skipped.append(f"cloak.universal.imagenet.*: {missing}")
    else:
        if len(pictures) < 2 * INNER:
            skipped.append(f"cloak.universal.imagenet.*: {len(pictures)} pictures under {data / 'videos/stills'}")
        else:
            made["imagenet"] = imagenet(net, pictures, seeds, epochs=1 if quick else 5)
    for name, shares in made.items():
        metric = "share of unseen pictures that get another answer"
        clean = shares.pop("clean_accuracy", None)
        if clean is not None:
            found.append(share_row(f"cloak.universal.{name}.accuracy", "right answers without a mask", clean, name))
        floor = shares.pop("noise").value
        found += [share_row(f"cloak.universal.{name}.{k}.fooling", metric, s, name, floor) for k, s in shares.items()]
        for other in ("spgd", "spgd-as-sga"):
            gain = gain_row(
                f"cloak.universal.{name}.sga.over.{other}", "paired difference", shares["sga"], shares[other], name
            )
            said = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) {held(gain.low, gain.high)}"
            notes.append(f"sga over {other} ({name}): {said}")
            found.append(gain)
    return found, notes, skipped


def stills(data: Path, count: int = LEARN + TEST, side: int = SIDE) -> Tensor:
    """(N, 3, side, side) float RGB 0..255: pictures of ``data``/videos/stills, at even distances of all there are,
    the shorter side brought to ``side`` and the middle cut out."""
    from viot_agent.media.pictures import decode_image

    files = sorted(p for p in (data / "videos" / "stills").rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    out = []
    for path in spread(files, count):
        image = decode_image(path)
        height, width = image.shape[:2]
        share = side / min(height, width)
        small = cv2.resize(
            image, (max(side, round(width * share)), max(side, round(height * share))), interpolation=cv2.INTER_AREA
        )
        top, left = (small.shape[0] - side) // 2, (small.shape[1] - side) // 2
        out.append(small[top : top + side, left : left + side])
    return pixels(out) if out else torch.zeros(0, 3, side, side)


def imagenet(net: Network, pictures: Tensor, seeds: Sequence[int], epochs: int) -> dict[str, Share]:
    """Fooling ratios at epsilon 10 (SGA's) by schedule. A third of the pictures is learnt from, the others asked."""
    third = torch.arange(len(pictures)) % 3 == 0
    learn, test = pictures[third], pictures[~third]
    shares: dict[str, list[Share]] = {}
    for seed in seeds:
        for name, options in schedules(LARGE, epochs, epsilon=10.0, alpha=2.0, seed=seed).items():
            delta = optimise(learn, [net], Labels(), options).delta
            hit = fooled(net, test, delta, 0.0, 255.0)
            shares.setdefault(name, []).append(share_of(hit, np.arange(len(hit))))
        hit = fooled(net, test, noise(tuple(test.shape[1:]), 10.0, seed), 0.0, 255.0)
        shares.setdefault("noise", []).append(share_of(hit, np.arange(len(hit))))
    return {name: pooled(found) for name, found in shares.items()}


def _identity(people: Cast, white: Surrogates, seeds: Sequence[int], epochs: int) -> dict[str, Share]:
    sitters = people.sitters
    learn, test = (pixels(np.concatenate([getattr(s, part) for s in sitters])) for part in ("learn", "test"))
    owners = torch.from_numpy(np.repeat(np.arange(len(sitters)), [len(s.learn) for s in sitters]))
    net = identities(white.networks[0], learn, owners)
    groups = np.repeat(np.arange(len(sitters)), [len(s.test) for s in sitters])
    shares: dict[str, list[Share]] = {}
    for seed in seeds:
        for name, options in schedules(LARGE, epochs, epsilon=8.0, seed=seed).items():
            delta = optimise(learn, [net], Labels(), options).delta
            shares.setdefault(name, []).append(share_of(fooled(net, test, delta, 0.0, 255.0), groups))
        hit = fooled(net, test, noise(tuple(test.shape[1:]), 8.0, seed), 0.0, 255.0)
        shares.setdefault("noise", []).append(share_of(hit, groups))
    with torch.no_grad():
        right = (net(test).argmax(1) == torch.from_numpy(groups)).numpy()
    shares["clean_accuracy"] = [share_of(right, groups)]
    return {name: pooled(found) for name, found in shares.items()}


def digits(seeds: Sequence[int], epochs: int) -> dict[str, Share]:
    """Fooling ratios of the digits' network by schedule, and ``clean_accuracy``, its share of right answers."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    images = torch.from_numpy(data.images).float().unsqueeze(1)
    labels = torch.from_numpy(data.target).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    learn, test = order[:1000], order[1000:]
    net = trained(images[learn], labels[learn], seed=0)
    shares: dict[str, list[Share]] = {}
    for seed in seeds:
        scale = {"epsilon": 3.0, "alpha": 0.3, "low": 0.0, "high": 16.0, "seed": seed}
        for name, options in schedules(250, epochs, **scale).items():
            delta = optimise(images[learn][:500], [net], Labels(), options).delta
            hit = fooled(net, images[test], delta, 0.0, 16.0)
            shares.setdefault(name, []).append(share_of(hit, np.arange(len(hit))))
        hit = fooled(net, images[test], noise((1, 8, 8), 3.0, seed), 0.0, 16.0)
        shares.setdefault("noise", []).append(share_of(hit, np.arange(len(hit))))
    with torch.no_grad():
        right = (net(images[test]).argmax(1) == labels[test]).numpy()
    shares["clean_accuracy"] = [share_of(right, np.arange(len(right)))]
    return {name: pooled(found) for name, found in shares.items()}
