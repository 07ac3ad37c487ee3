"""``viot finetune faces`` and ``viot finetune faces-study``: thin; what trains is imported when it runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

_HELP = "NAME=VALUE of the {}, repeated; VALUE as JSON writes it."


def add(app: typer.Typer) -> None:
    """Add both commands to ``viot finetune``."""
    app.command("faces")(faces)
    app.command("faces-study")(study)


def faces(
    data: Annotated[Path, typer.Option("--data", help="PERSON/*.jpg, a .rec file, or a folder with one.")],
    out: Annotated[Path, typer.Option("--out", help="Where the net, its card and checkpoints go.")],
    preset: Annotated[
        str, typer.Option("--preset", help="sface-casia, sface-vgg2, sface-ms1m, face-transformer or quick.")
    ] = "quick",
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss", help="sface, softmax, normface, cosface, arcface or curricularface; left out: the preset's."
        ),
    ] = None,
    backbone: Annotated[str | None, typer.Option("--backbone", help="Left out: the preset's.")] = None,
    loss_option: Annotated[list[str] | None, typer.Option("--loss-option", help=_HELP.format("loss"))] = None,
    option: Annotated[list[str] | None, typer.Option("--option", help=_HELP.format("backbone"))] = None,
    start: Annotated[
        Path | None, typer.Option("--start", help="Begin with the weights of this net.safetensors.")
    ] = None,
    align: Annotated[bool, typer.Option("--align", help="Find and align the faces first (into OUT/aligned).")] = False,
    noise: Annotated[float, typer.Option("--noise", min=0, max=1, help="Share of labels made wrong first.")] = 0.0,
    masks: Annotated[
        float,
        typer.Option("--masks", min=0, max=1, help="Share of pictures that get a face mask, anew in every epoch."),
    ] = 0.0,
    held_out: Annotated[
        int,
        typer.Option("--held-out", min=0, help="People never trained on, to judge on at the end: 0, or 20 and more."),
    ] = 0,
    batch: Annotated[int | None, typer.Option("--batch", min=2, help="Pictures an update, over all processes.")] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Learning rate of the first stage; others in proportion.")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option("--epochs", help="One stage of so many epochs in place of the preset's.")
    ] = None,
    updates: Annotated[int, typer.Option("--updates", min=0, help="Stop after so many; 0: all of the preset.")] = 0,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Left out: the preset's.")] = None,
    save_every: Annotated[
        int, typer.Option("--save-every", min=0, help="Checkpoint every N updates; 0: at the end.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in OUT.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that load pictures.")] = 0,
    precision: Annotated[str, typer.Option("--precision", help="no, bf16 or fp16.")] = "no",
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write OUT/tensorboard.")] = False,
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: as torch chooses.")] = 0,
) -> None:
    """Train a face recogniser. Several devices: accelerate launch -m viot_finetune.faces, with the same options."""
    from dataclasses import replace

    import torch

    from viot_agent.errors import NameFault, UserFault
    from viot_finetune.checkpoint import holds_one
    from viot_finetune.faces.augment import Augmentation, Masks
    from viot_finetune.faces.card import leave
    from viot_finetune.faces.data import align_folder, face_set, hold_out
    from viot_finetune.faces.judge import LEAST_PEOPLE, embed, verify
    from viot_finetune.faces.presets import preset as named
    from viot_finetune.faces.presets import shortened
    from viot_finetune.faces.train import Limits, train
    from viot_tools.faces.nets.build import backbone as build
    from viot_tools.faces.nets.build import load_net

    if precision not in ("no", "bf16", "fp16"):
        raise NameFault(f"there is no precision {precision!r}", name=precision, fix="no, bf16 or fp16")
    if 0 < held_out < LEAST_PEOPLE:
        raise UserFault(f"{held_out} people are too few to be judged on", fix=f"--held-out {LEAST_PEOPLE} or more")
    if not resume and holds_one(out):
        raise UserFault(
            f"{out} holds the checkpoint of a run, which a new one would overwrite",
            fix="--resume to go on with it, or another --out",
        )
    if threads:
        torch.set_num_threads(threads)
    recipe = shortened(named(preset), loss=loss, backbone=backbone, batch=batch, rate=rate, epochs=epochs)
    recipe = replace(
        recipe,
        loss_options={**recipe.loss_options, **_pairs(loss_option)},
        backbone_options={**recipe.backbone_options, **_pairs(option)},
    )
    chosen = recipe.seed if seed is None else seed
    notes: dict[str, Any] = {"command": shlex.join(["viot", *sys.argv[1:]])}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserFault(f"{out} cannot be made: {error.strerror}", fix="name another folder with --out") from error
    source = data
    if align:
        from accelerate import Accelerator

        # under accelerate every process runs this command: the first one aligns, the others wait for it. The training
        # shares this object's state, so it is made the same way
        state = Accelerator(mixed_precision=precision)
        if state.is_main_process:
            made, without = align_folder(data, out / "aligned")
            notes["aligned"] = {"from": str(data), "faces": made, "no_face_in": without}
            typer.echo(f"{made} faces aligned, {len(without)} pictures without a face left out")
        state.wait_for_everyone()
        source = out / "aligned"
    whole = face_set(source)
    kept, away = hold_out(whole, held_out, chosen) if held_out else (whole, None)
    if start is not None:
        net = load_net(start)
        if (net.name, net.options) != (recipe.backbone, build(recipe.backbone, **recipe.backbone_options).options):
            raise UserFault(
                f"{start} is {net.name} with {net.options}", fix=f"give --backbone {net.name} and the same --option"
            )
        net.train()
        notes["start"] = str(start)
    else:
        net = build(recipe.backbone, seed=chosen, **recipe.backbone_options)
    limits = Limits(updates, save_every, resume=resume, tensorboard=tensorboard, workers=workers, precision=precision)
    augment = Augmentation(recipe.flip, Masks() if masks else None, masks)
    notes["masked_share"] = masks
    done = train(net, net.dim, kept, recipe, out, seed=chosen, noise=noise, augmentation=augment, limits=limits)
    _part()
    if not done.main:
        return
    facts = {**done.facts, **notes}
    if away is not None:
        judged = verify(embed(net, away), away.labels, chosen)
        facts["held_out"] = {
            "people": judged.people, "pairs": judged.pairs, "accuracy": judged.accuracy, "auc": judged.auc,
            "tar_at_far_0.01": judged.tar,
        }  # fmt: skip
        typer.echo(
            f"people never trained on: accuracy {judged.accuracy:.4f}, AUC {judged.auc:.4f} ({judged.people} people)"
        )
    path = leave(net, out, facts)
    typer.echo(f"{path}: {done.updates} of {done.of} updates in {done.seconds:.0f} s, loss {facts['last_loss']:.3f}")


def _part() -> None:
    """Let the processes that trained together go, once all of them are here: one that ends while it is still tied to
    the others may be aborted by the threads that hold the tie."""
    from accelerate import PartialState

    state = PartialState()
    state.wait_for_everyone()
    state.destroy_process_group()


def study(
    which: Annotated[str, typer.Argument(help="noise, transformer or rates.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="A folder laid out like ../shared/data: real people judge too.")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=0, help="Repetitions, each with its own people; 0: as many as the study has.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first seed.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A tiny one, to see that it runs.")] = False,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Runs at once, a thread each.")] = 2,
    keep: Annotated[Path | None, typer.Option("--keep", help="Finished runs are kept here and not run again.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here too.")] = None,
) -> None:
    """Losses under wrong labels, or Face Transformer against convolutions of its cost: a table with intervals."""
    from dataclasses import replace

    from rich.console import Console

    from viot_finetune.faces.study import run

    report = run(which, data, quick=quick, seed=seed, seeds=seeds, processes=processes, keep=keep)
    report = replace(report, command=shlex.join(["viot", *sys.argv[1:]]))
    report.print(Console(width=160 if not sys.stdout.isatty() else None))
    if json_file is not None:
        report.write_json(json_file)


def _pairs(words: list[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` words; VALUE is JSON, or the text itself where it is none. Raises UserFault without ``=``."""
    import json

    from viot_agent.errors import UserFault

    found: dict[str, Any] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UserFault(f"{word!r} is not NAME=VALUE", fix="for example width=0.5")
        try:
            found[name.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            found[name.replace("-", "_")] = value
    return found
