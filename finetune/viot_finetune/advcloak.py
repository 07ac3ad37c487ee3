"""Training of AdvCloak's generator: ``python -m viot_finetune.advcloak --data DIR --surrogate NET --out FILE``.

Two stages (Liu et al., arXiv 2312.14407). The first draws a mask for every picture by itself, against a discriminator
that tells clean pictures from masked ones and against the surrogates' cosine. The second goes on from it with people:
a person's mask is the mean over the person's pictures, and is pushed from the hull of the person's clean features. The
defaults are the paper's script's: they need a GPU and tens of thousands of faces; ``SMALL`` trains on a processor.

In both stages ``max(|p|, 3)`` (Euclidean, pictures in 0..1) keeps a mask from growing; under 3 it has no gradient, so
nothing makes it smaller. The budget of a finished mask is declared when it is made (``viot_tools.cloak.budget``), not
here.

Owns losses, schedules and the command. The same arguments give the same weights on the same machine and threads.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import normalize

from viot_agent.errors import FailedFault, UserFault
from viot_agent.weights import Weights
from viot_finetune.advcloak_data import loaded, supplied
from viot_tools.cloak.advnets import Discriminator, Generator, save_generator, shared
from viot_tools.cloak.hulls import Hull, nearest
from viot_tools.cloak.optimise import Network

BETAS = (0.5, 0.9)
SWAPPED = 0.05
"""Share of the logits, the last ones, whose targets are swapped to hold the discriminator back."""


@dataclass(frozen=True, slots=True)
class Images:
    """Stage 1. ``adversarial`` weighs the cosine of clean and masked features, ``floor`` is the norm under which a mask
    costs nothing, in pictures of 0..1 (765 in 0..255)."""

    epochs: int = 100
    batch: int = 32
    rate: float = 1e-4
    adversarial: float = 10.0
    floor: float = 3.0


@dataclass(frozen=True, slots=True)
class People:
    """Stage 2. ``together`` people a batch; ``hull`` None: the mean cosine to all the person's clean features in place
    of the nearest point of a hull; ``warm_up`` epochs of the class centre before the convex hull."""

    epochs: int = 100
    together: int = 2
    rate: float = 2e-8
    adversarial: float = 15.0
    floor: float = 3.0
    hull: Hull | None = "convex"
    warm_up: int = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run, besides data and surrogates."""

    images: Images = Images()
    people: People = People()
    width: int = 64
    blocks: int = 3
    judge_width: int = 32
    seed: int = 0


TINY = Recipe(
    Images(epochs=6, batch=8, rate=1e-3), People(epochs=2, rate=1e-4, warm_up=1), width=16, blocks=2, judge_width=8
)
"""For some hundred faces and minutes on one core."""
SMALL = Recipe(Images(epochs=20, rate=5e-4), People(epochs=20, rate=5e-5, warm_up=8), width=32, judge_width=16)
"""For some thousand faces and no GPU: fewer epochs, larger rates (2e-8 would move nothing in so few steps)."""

PRESETS = {"tiny": TINY, "small": SMALL, "paper": Recipe()}


@dataclass(frozen=True, slots=True)
class Epoch:
    """Means over an epoch: losses of judge and generator, cosine kept by the masks, Euclidean norm of the masks in
    0..255."""

    stage: int
    number: int
    judge: float
    generator: float
    cosine: float
    norm: float


Progress = Callable[[Epoch], None]


def judge_loss(clean: Tensor, masked: Tensor, random: torch.Generator) -> Tensor:
    """The discriminator's: logits (N, 16) of clean pictures towards 0.9..1, of masked ones towards 0..0.1, drawn for
    each; the last ``SWAPPED`` of the logits (at least one) get the other's targets."""
    real = 0.9 + 0.1 * torch.rand(clean.shape, generator=random).to(clean)
    fake = 0.1 * torch.rand(masked.shape, generator=random).to(masked)
    last = max(1, int(SWAPPED * real.numel()))
    a, b = real.flatten(), fake.flatten()
    swapped = a[-last:].clone()
    a[-last:], b[-last:] = b[-last:].clone(), swapped
    return bce(clean, a.view_as(clean)) + bce(masked, b.view_as(masked))


def size_loss(masks: Tensor, floor: float) -> Tensor:
    """Mean of ``max(|p|, floor)``, masks (N, 3, H, W) in 0..255, norm and floor in 0..1."""
    found: Tensor = (masks / 255).flatten(1).norm(dim=1).clamp_min(floor).mean()
    return found


def added(faces: Tensor, masks: Tensor) -> Tensor:
    """Masked pictures, cut to 0..255."""
    return (faces + masks).clamp(0, 255)


def train_images(
    generator: Generator,
    judge: Discriminator,
    surrogates: Sequence[Network],
    faces: Tensor,
    stage: Images,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Epoch]:
    """Stage 1 on ``faces`` (N, 3, 112, 112) uint8 RGB, in shuffled batches; both networks learn in place.

    Raises UserFault for fewer than two faces, FailedFault when a loss is not finite.
    """
    _check(faces, surrogates)
    training = _Training(generator, judge, stage.rate, 1, seed)

    def cosine(batch: Tensor, masked: Tensor) -> Tensor:
        found = []
        for surrogate in surrogates:
            with torch.no_grad():
                clean = normalize(surrogate(batch), dim=1)
            found.append((clean * normalize(surrogate(masked), dim=1)).sum(1).mean())
        return torch.stack(found).mean()

    for number in range(stage.epochs):
        order = torch.randperm(len(faces), generator=training.random)
        for rows in torch.split(order, stage.batch):
            if len(rows) < 2:
                continue  # batch norm has no spread over one picture
            batch = faces[rows].float()
            masks = training.draw(batch)
            training.step(batch, masks, cosine, stage.adversarial, stage.floor)
        training.close(number, progress)
    return training.epochs


def train_people(
    generator: Generator,
    judge: Discriminator,
    surrogates: Sequence[Network],
    faces: Tensor,
    people: Tensor,
    stage: People,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Epoch]:
    """Stage 2 on ``faces`` (N, 3, 112, 112) uint8 RGB of ``people`` (N,) whole numbers, in the order of the people.

    Raises UserFault for fewer than two faces or labels that do not fit, FailedFault when a loss is not finite.
    """
    _check(faces, surrogates)
    if len(people) != len(faces):
        raise UserFault(f"{len(faces)} faces and {len(people)} labels", fix="give one label a face")
    training = _Training(generator, judge, stage.rate, 2, seed)
    everyone = sorted(set(people.tolist()))
    hull = stage.hull
    # clean features do not change: once for all epochs
    clean = [_features(surrogate, faces) for surrogate in surrogates]
    for number in range(stage.epochs):
        if stage.hull == "convex":
            hull = "centre" if number < stage.warm_up else "convex"
        for i in range(0, len(everyone), stage.together):
            rows = torch.isin(people, torch.tensor(everyone[i : i + stage.together])).nonzero().flatten()
            if len(rows) < 2:
                continue
            who = people[rows]

            def cosine(
                batch: Tensor, masked: Tensor, rows: Tensor = rows, who: Tensor = who, hull: Hull | None = hull
            ) -> Tensor:
                return torch.stack(
                    [
                        kept(normalize(s(masked), dim=1), c[rows], who, hull)
                        for s, c in zip(surrogates, clean, strict=True)
                    ]
                ).mean()

            batch = faces[rows].float()
            masks = shared(training.draw(batch), who)
            training.step(batch, masks, cosine, stage.adversarial, stage.floor)
        training.close(number, progress)
    return training.epochs


def kept(masked: Tensor, clean: Tensor, people: Tensor, hull: Hull | None) -> Tensor:
    """Mean cosine between unit features ``masked`` (N, D) and the nearest points of their people's hulls, the points
    constant; ``hull`` None: to all their clean features."""
    total = masked.new_zeros(())
    for person in sorted(set(people.tolist())):
        rows = (people == person).nonzero().flatten()
        mine, theirs = masked[rows], clean[rows]
        if hull is None:
            total = total + (mine @ theirs.mT).mean(1).sum()
        else:
            total = total + (mine * normalize(nearest(hull, mine, theirs), dim=1)).sum()
    return total / len(masked)


class _Training:
    """One stage's optimisers, random numbers and figures."""

    def __init__(self, generator: Generator, judge: Discriminator, rate: float, stage: int, seed: int) -> None:
        self.generator, self.judge, self.stage = generator.train(), judge.train(), stage
        self.random = torch.Generator().manual_seed(2 * seed + stage - 1)
        self.epochs: list[Epoch] = []
        self._optimisers = [torch.optim.Adam(n.parameters(), lr=rate, betas=BETAS) for n in (generator, judge)]
        self._sums, self._steps = [0.0] * 4, 0

    def draw(self, batch: Tensor) -> Tensor:
        found: Tensor = self.generator(batch)
        return found

    def step(
        self, batch: Tensor, masks: Tensor, cosine: Callable[[Tensor, Tensor], Tensor], weight: float, floor: float
    ) -> None:
        """One update of the judge, then one of the generator."""
        of_generator, of_judge = self._optimisers
        masked = added(batch, masks)
        of_judge.zero_grad()
        judged = judge_loss(self.judge(batch), self.judge(masked.detach()), self.random)
        judged.backward()  # type: ignore[no-untyped-call]
        of_judge.step()
        of_generator.zero_grad()
        logits = self.judge(masked)
        alike = cosine(batch, masked)
        loss = bce(logits, torch.ones_like(logits)) + weight * alike + size_loss(masks, floor)
        loss.backward()  # type: ignore[no-untyped-call]
        of_generator.step()
        norm = masks.detach().flatten(1).norm(dim=1).mean()
        for i, value in enumerate((judged, loss, alike, norm)):
            self._sums[i] += float(value.detach())
        self._steps += 1
        if not np.isfinite(self._sums).all():
            raise FailedFault(
                "a loss of AdvCloak's training is not finite", fix="lower --rate, or look at the surrogate's weights"
            )

    def close(self, number: int, progress: Progress | None) -> None:
        epoch = Epoch(self.stage, number, *(s / max(1, self._steps) for s in self._sums))
        self._sums, self._steps = [0.0] * 4, 0
        self.epochs.append(epoch)
        if progress is not None:
            progress(epoch)


def _features(surrogate: Network, faces: Tensor, batch: int = 64) -> Tensor:
    with torch.no_grad():
        return torch.cat([normalize(surrogate(part.float()), dim=1) for part in torch.split(faces, batch)])


def _check(faces: Tensor, surrogates: Sequence[Network]) -> None:
    if faces.ndim != 4 or faces.shape[1] != 3 or faces.dtype != torch.uint8 or len(faces) < 2:
        raise UserFault(f"faces of shape {tuple(faces.shape)}", fix="give two or more, (N, 3, 112, 112) uint8 RGB")
    if not surrogates:
        raise UserFault("no surrogate network was given", fix="give at least one")


def train(
    faces: Tensor,
    people: Tensor,
    surrogates: Sequence[Network],
    recipe: Recipe,
    progress: Progress | None = None,
) -> tuple[Generator, list[Epoch]]:
    """Both stages, from fresh weights. ``surrogates`` are frozen networks. Raises as the stages."""
    for surrogate in surrogates:
        if isinstance(surrogate, nn.Module):
            surrogate.eval().requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        generator = Generator(recipe.width, recipe.blocks)
        judge = Discriminator(recipe.judge_width)
    done = train_images(generator, judge, surrogates, faces, recipe.images, recipe.seed, progress)
    done += train_people(generator, judge, surrogates, faces, people, recipe.people, recipe.seed, progress)
    return generator.eval(), done


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    from viot_tools.cloak.surrogates import surrogates
    from viot_tools.faces.detect import make_detector
    from viot_tools.faces.nets import load_net

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="DIR/PERSON/* of aligned faces, or a .rec file")
    source.add_argument(
        "--supplied", type=Path, help="a directory laid out like ../shared/data, without whom viot bench cloak reports"
    )
    parser.add_argument(
        "--surrogate", type=Path, action="append", help="a network saved by viot; none: those of the tier in force"
    )
    parser.add_argument("--out", type=Path, required=True, help="the generator, a safetensors file")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="small")
    parser.add_argument("--epochs", type=int, help="of each stage")
    parser.add_argument("--most", type=int, default=16, help="pictures of a person")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args(arguments)
    writable(a.out)
    torch.set_num_threads(a.threads)
    recipe = replace(PRESETS[a.preset], seed=a.seed)
    if a.epochs is not None:
        recipe = replace(
            recipe, images=replace(recipe.images, epochs=a.epochs), people=replace(recipe.people, epochs=a.epochs)
        )
    weights = Weights.from_env()
    faces, people = loaded(a.data, a.most) if a.data else supplied(a.supplied, make_detector(weights), a.most)
    nets: dict[str, Network]
    if a.surrogate:
        nets = {f"{net.name} ({path.name})": net for path in a.surrogate for net in [load_net(path)]}
    else:
        white = surrogates(weights)
        nets = dict(zip(white.names, white.networks, strict=True))
    before = time.monotonic()

    def show(e: Epoch) -> None:
        print(
            f"stage {e.stage} epoch {e.number + 1}: cosine {e.cosine:.3f}, norm {e.norm:.0f}, "
            f"generator {e.generator:.2f}, judge {e.judge:.2f}, {time.monotonic() - before:.0f} s",
            flush=True,
        )

    generator, epochs = train(faces, people, list(nets.values()), recipe, show)
    command = "python -m viot_finetune.advcloak " + shlex.join(sys.argv[1:] if arguments is None else arguments)
    save_generator(
        generator,
        a.out,
        command=command,
        recipe=str(asdict(recipe)),
        data=f"{len(faces)} faces of {len(set(people.tolist()))} people in {a.data or a.supplied}",
        surrogates=", ".join(nets),
        cosine=f"{epochs[-1].cosine:.4f} at the end of training",
        licence="Apache-2.0; the faces and the surrogate's weights may have others",
    )


def writable(out: Path) -> None:
    """Make the folder of ``out``, before minutes of training. Raises UserFault where nothing can be written there."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise UserFault(f"cannot write {out}: {error.strerror}", fix="choose another --out") from error
    if out.is_dir():
        raise UserFault(f"{out} is a folder", fix="name a file, such as advcloak.safetensors")


if __name__ == "__main__":
    main()
