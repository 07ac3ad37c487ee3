"""The language side: milliseconds per step of ``mini``, prefill and decode apart, memory, what the grammar costs;
against ``transformers`` ``generate`` on an equally large decoder.

``python benchmarks/llm.py [--seed N] [--repeat N]``. Ratios are of one run on one machine; the other model has random
weights, since only its speed is compared.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from threadpoolctl import ThreadpoolController

from viot_agent.agent.prompt import system_text
from viot_agent.bench.cards import cards
from viot_agent.fleet.mentions import find_mentions
from viot_agent.fleet.types import Camera
from viot_agent.llm.mini.encoder import Encoder
from viot_agent.llm.mini.grammar import Grammar
from viot_agent.llm.mini.menu import Call, Element
from viot_agent.llm.mini.planner import Planner, decode
from viot_agent.llm.mini.units import Passage, Reading, read
from viot_agent.toolbox import Toolbox

REQUESTS = (
    "who was at gate 2 yesterday afternoon?",
    "has KX-4821 been at the lobby since midnight, and how many people are at gate 3 now?",
    "it smells burnt by the loading dock, anything on camera? if so save me gate 2 between 8 and 9 this morning",
    "I was told last week that somebody left a bag near gate 3, no, gate 2, and my boss asks what colour it was",
)
FLEET = [Camera(i, n, "", (), "UTC", None) for i, n in enumerate(("gate 2", "gate 3", "lobby", "loading dock"))]


def timed(call: Callable[[], object], repeat: int) -> float:
    """Median milliseconds of a call."""
    spent = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent)


def readings() -> list[tuple[Reading, list[Call]]]:
    """First steps, and a second step after an observation."""
    found = []
    for text in REQUESTS:
        mentions = find_mentions(text, FLEET, [])
        found.append((read(text, mentions), []))
        seen = [Passage("No fire and no smoke; 100 % of the time was covered.", tool="fire_smoke_detection")]
        found.append((read(text, mentions, seen=seen), [Call("fire_smoke_detection", {}, "none")]))
    return found


def measure(
    planner: Planner, reading: Reading, history: list[Call], repeat: int
) -> tuple[int, int, float, float, float]:
    """Units read, elements written; milliseconds of encoding, of decoding, and of the grammar's own share of that."""
    written: list[Element] = []

    def write() -> None:
        grammar = Grammar(reading, planner.menu, history)
        for net in planner.nets:
            net.start(reading.units)  # encoded already
        decode(grammar, [net.decoder for net in planner.nets])
        written[:] = grammar.written

    def rules() -> None:
        # the same elements again, with no network
        grammar = Grammar(reading, planner.menu, history)
        for element in written:
            grammar.allowed()
            grammar.push(element)

    encode = timed(lambda: [net.encoder.units(reading.units) for net in planner.nets], repeat)
    whole = timed(write, repeat)
    return len(reading.units), len(written), encode, whole, timed(rules, repeat)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=15)
    args = parser.parse_args()
    out = Console(width=120)
    started = time.perf_counter()
    planner = Planner(list(cards().values()), threads=2)
    out.print(f"mini loaded, 18 cards embedded: {time.perf_counter() - started:.2f} s (the graph is cached)")
    # as the product runs it: the decoder's matrices are small, and BLAS threads cost more than they bring
    with ThreadpoolController().limit(limits=1, user_api="blas"):
        rows = [measure(planner, reading, history, args.repeat) for reading, history in readings()]
    table = Table(
        "step", "units", "elements", "prefill ms", "decode ms", "of it grammar ms", "ms per element", "step ms"
    )
    for k, (units, count, encode, whole, rules_ms) in enumerate(rows):
        name = f"request {k // 2 + 1}, {'first' if k % 2 == 0 else 'after an observation'}"
        cells = (encode, whole, rules_ms, whole / count, encode + whole)
        table.add_row(name, str(units), str(count), *(f"{c:.1f}" for c in cells))
    out.print(table)
    steps = [r[2] + r[3] for r in rows]
    out.print(f"step: median {statistics.median(steps):.0f} ms, worst {max(steps):.0f} ms (aim: under 150)")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.print(f"peak memory with mini alone: {grown:.0f} MB")
    generate(out, planner.nets[0].encoder, statistics.median(steps), args.seed, args.repeat)


def generate(out: Console, encoder: Encoder, ours: float, seed: int, repeat: int) -> None:
    """transformers' own loop on a Llama-style decoder of the same size, over the prompt such a model has to read."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    torch.set_num_threads(2)
    config = LlamaConfig(
        vocab_size=8192, hidden_size=384, intermediate_size=1152, num_hidden_layers=11, num_attention_heads=6,
        num_key_value_heads=6, max_position_embeddings=4096, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    size = sum(p.numel() for p in model.parameters()) / 1e6
    prompt = system_text(Toolbox(cards().values()), react=True) + REQUESTS[1]
    length = sum(map(len, encoder.reader.pieces(prompt.split())))
    ids = torch.randint(0, 8192, (1, length))
    answer = 45  # tokens of one ReAct step
    with torch.inference_mode():
        prefill = timed(lambda: model(ids), max(3, repeat // 5))
        whole = timed(
            lambda: model.generate(ids, max_new_tokens=answer, min_new_tokens=answer, do_sample=False, pad_token_id=0),
            max(3, repeat // 5),
        )
    out.print(
        f"transformers generate, {size:.0f} M parameters, {length} prompt tokens, {answer} new: prefill {prefill:.0f} "
        f"ms, step {whole:.0f} ms = {whole / ours:.1f} times mini's; decode {(whole - prefill) / answer:.1f} ms a token"
    )


if __name__ == "__main__":
    main()
