"""``viot finetune ...``: registered at every start of ``viot``, so whatever trains is imported when it runs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viot_finetune.faces import command as faces

if TYPE_CHECKING:
    from viot_agent.toolbox import Toolbox

app = typer.Typer(help="Tune language models on the agent's tools; train face recognisers.", no_args_is_help=True)
faces.add(app)

_DATA = Path("datasets/viot_instruct")
Data = Annotated[Path, typer.Option("--data", help="A folder of phrasings (phrasings_*.jsonl, heldout_*.jsonl).")]
Tools = Annotated[str, typer.Option("--tools", help="all, or tool names with commas between them.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: as torch chooses.")]


def register(root: typer.Typer) -> None:
    """Add ``viot finetune``."""
    root.add_typer(app, name="finetune")


@app.command("lora")
def lora(
    model: Annotated[str, typer.Option("--model", help="A hub name, a folder, or a name under VIOT_MODELS.")],
    out: Annotated[Path, typer.Option("--out", help="Where the adapter (or the tuned model) and its card go.")],
    data: Data = _DATA,
    preset: Annotated[str, typer.Option("--preset", help="viotgpt, viotgpt-llama, modern, full or qlora.")] = "modern",
    tools: Tools = "all",
    fillings: Annotated[int, typer.Option("--fillings", min=1, help="How often every phrasing is filled anew.")] = 3,
    epochs: Annotated[float | None, typer.Option("--epochs")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Learning rate; left out: the preset's.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Rows a device and step.")] = None,
    accumulate: Annotated[int | None, typer.Option("--accumulate", min=1)] = None,
    max_length: Annotated[int | None, typer.Option("--max-length", min=64, help="Tokens; longer is left out.")] = None,
    packing: Annotated[bool | None, typer.Option("--packing/--no-packing")] = None,
    checkpointing: Annotated[bool | None, typer.Option("--checkpointing/--no-checkpointing")] = None,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    updates: Annotated[int, typer.Option("--updates", min=0, help="Stop after so many; 0: all epochs.")] = 0,
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="Stop by the clock (one process); 0: never.")] = 0,
    save_every: Annotated[int, typer.Option("--save-every", min=0, help="Checkpoint every N updates.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.")] = False,
    evaluate_every: Annotated[int, typer.Option("--evaluate-every", min=0, help="0: only at the end.")] = 0,
    cases: Annotated[int, typer.Option("--cases", min=0, help="Held-out phrasings decoded; 0: none.")] = 40,
    bench_cases: Annotated[int, typer.Option("--bench-cases", min=0, help="Cases of VIoT-Bench; 0: none.")] = 0,
    threads: Threads = 0,
) -> None:
    """Tune a causal language model on the agent's conversations."""
    from viot_agent.bench.cases import load_pack
    from viot_finetune.lora.dataset import corpus, held_out, spread
    from viot_finetune.lora.presets import preset as named
    from viot_finetune.lora.train import Evaluation, Limits, load_base, summary, tune

    _threads(threads)
    chosen = {
        "epochs": epochs, "rate": rate, "batch": batch, "accumulate": accumulate, "max_length": max_length,
        "packing": packing, "checkpointing": checkpointing,
    }  # fmt: skip
    recipe = replace(named(preset), **{k: v for k, v in chosen.items() if v is not None})  # type: ignore[arg-type]
    box = _toolbox(tools)
    _, tokenizer = load_base(model, recipe, weights=False)
    made = corpus(data, tokenizer, box, fillings=fillings, seed=seed, max_length=recipe.max_length)
    typer.echo(made.report())
    held = spread(held_out(data, box), cases) if cases else []
    bench = spread([c for c in load_pack() if c.part == "main"], bench_cases) if bench_cases else []
    watched = Evaluation(tuple(held), box, evaluate_every, tuple(bench)) if held or bench else None
    result = tune(
        model, made, recipe, out, seed=seed, limits=Limits(updates, minutes), resume=resume, save_every=save_every,
        evaluation=watched, command=_command(),
    )  # fmt: skip
    typer.echo(summary(result))
    typer.echo(f"use it: viot ask --llm {result.facts['serve']} ...")


@app.command("merge")
def merge(
    adapter: Annotated[Path, typer.Argument(help="The folder of the adapter.")],
    out: Annotated[Path, typer.Option("--out", help="Where the whole model goes (safetensors).")],
    base: Annotated[str | None, typer.Option("--base", help="Left out: the base that the adapter names.")] = None,
) -> None:
    """Merge an adapter into its base, check the logits, export."""
    from viot_finetune.lora.merge import merge as merged

    worst = merged(adapter, out, base)
    typer.echo(f"{out}: logits differ by {worst:.2g} at most; use it: viot ask --llm hf:{out} ...")


@app.command("base")
def base(
    out: Annotated[Path, typer.Option("--out")],
    data: Data = _DATA,
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="Tokens to read in all.")] = 1_000_000,
    rate: Annotated[float, typer.Option("--rate")] = 3e-3,
    batch: Annotated[int, typer.Option("--batch", min=1)] = 2,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    tools: Tools = "proof",
    threads: Threads = 0,
) -> None:
    """Pretrain the small base of the proof (about 5 M parameters) on this project's own texts."""
    from viot_finetune.lora.base import Pretraining, pretrain
    from viot_finetune.lora.dataset import read_rows, within
    from viot_finetune.lora.texts import prose_of

    _threads(threads)
    box = _toolbox(tools)
    rows = within(read_rows(data, "phrasings_*.jsonl"), box)
    run = Pretraining(tokens=tokens, seed=seed, rate=rate, batch=batch)
    loss = pretrain(rows, box, out, run=run, prose=prose_of(Path()), command=_command())
    typer.echo(f"{out}: last loss {loss:.3f}")


@app.command("proof")
def proof(
    out: Annotated[Path, typer.Option("--out", help="Results, adapters and the base; a second run goes on here.")],
    data: Data = _DATA,
    start: Annotated[Path | None, typer.Option("--base", help="A base from 'viot finetune base'.")] = None,
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="Choose the sizes to fit; 0: as given.")] = 0,
    tokens: Annotated[int, typer.Option("--tokens", help="Pretraining of the base, where none is given.")] = 1_000_000,
    conversations: Annotated[int, typer.Option("--conversations", min=1, help="What each recipe reads.")] = 600,
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 3,
    cases: Annotated[int, typer.Option("--cases", min=0, help="Held-out phrasings; 0: all.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here too.")] = None,
    threads: Threads = 0,
) -> None:
    """Compare the recipes at equal tokens on a small base, beside the untuned base and the router."""
    from viot_finetune.lora.base import Pretraining, pretrain
    from viot_finetune.lora.budget import sizes
    from viot_finetune.lora.dataset import read_rows, within
    from viot_finetune.lora.proof import Plan, prove
    from viot_finetune.lora.texts import prose_of

    _threads(threads)
    box = _toolbox("proof")
    plan = Plan(conversations=conversations, seeds=seeds, cases=cases)
    if minutes:
        tokens, plan = sizes(minutes, plan, own_base=start is None)
        typer.echo(
            f"sizes for {minutes:g} min: --tokens {tokens} --conversations {plan.conversations} --seeds {plan.seeds} "
            f"--cases {plan.cases} (give these to repeat the run)"
        )
    folder = start or out / "base"
    if start is None and not (folder / "card.json").is_file():
        rows = within(read_rows(data, "phrasings_*.jsonl"), box)
        run = Pretraining(tokens=tokens, batch=2, rate=3e-3)
        pretrain(rows, box, folder, run=run, prose=prose_of(Path()), command=_command())
    report, lines = prove(folder, data, box, out, plan, _command())
    typer.echo("\n".join(lines))
    typer.echo("\n".join(f"not run: {line}" for line in report.skipped))
    if json_file is not None:
        report.write_json(json_file)


def _command() -> str:
    return shlex.join(["viot", *sys.argv[1:]])


def _threads(count: int) -> None:
    if count:
        import torch

        torch.set_num_threads(count)


def _toolbox(names: str) -> Toolbox:
    """The cards of these tools. Raises UserFault for a name nobody carries."""
    from viot_agent.bench.cards import cards
    from viot_agent.errors import UserFault
    from viot_agent.toolbox import Toolbox

    known = cards()
    if names == "proof":
        from viot_finetune.lora.proof import TOOLS

        return Toolbox(known[n] for n in TOOLS)
    chosen = list(known) if names == "all" else [n.strip() for n in names.split(",")]
    for name in chosen:
        if name not in known:
            raise UserFault(f"there is no tool {name!r}", fix=f"the tools are {', '.join(known)}")
    return Toolbox(known[n] for n in chosen)
