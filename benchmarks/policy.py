"""What keys, roles, consent and the audit log cost on one request: the same agent with and without them, in turn.

    python benchmarks/policy.py [--repeat 30] [--data ../shared/data] [--json FILE]

Without: the bare single-user rule, and the run stored as it is. With: the key is looked at, the request is cut to the
cameras of its groups, roles, purpose and consent decide each call, and the row of the audit log goes into the run's
transaction. Both use the embedded language model ``mini`` on one home; the log holds ``--rows`` rows before. Clips are
drawn where the real data lies; else no footage is, and the share comes out too large. Prints medians of processor
time, and what each part takes. Aim: under 5 % of a request.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from viot_agent.agent.evidence import EvidenceFiles
from viot_agent.agent.runner import Agent
from viot_agent.llm import load_llm
from viot_agent.policy import SingleUserPolicy, chain
from viot_agent.policy.roles import scope_of
from viot_agent.steps import Principal, Request, Run
from viot_agent.system import Viot

QUESTIONS = ("How many people are on theatre?", "Which cameras are there?")
PURPOSE = "a measurement"


def prepare(viot: Viot, data: Path, rows: int) -> bool:
    """A camera (indexed for people where there is footage), thirty people, a long log; whether there is footage."""
    clip = data / "videos/faces/short_hamilton_clip.mp4"
    if clip.is_file():
        viot.add_camera("theatre", str(clip), groups=["house"], tz="UTC", start=0.0)
        viot.index(only=["objects"])
    else:
        viot.library.add_camera("theatre", "nothing", groups=["house"])
    for n in range(30):
        viot.library.add_person(f"Person {n}", [], "signed form")
    with viot.library.db.write() as connection:
        for n in range(rows):
            chain.append(connection, "run", at=float(n), who="somebody", data={"n": n}, words={"request": "a question"})
    return clip.is_file()


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor, of all threads: what else a busy machine does is not in it."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Viot.open(Path(folder) / "home") as viot:
        footage = prepare(viot, options.data, options.rows)
        viot.access.init("Ada", by=Principal())
        _, secret = viot.access.keys.add("Ben", "operator", groups=["house"], by=Principal())
        loaded = load_llm("mini", viot.toolbox)
        files = EvidenceFiles(viot.library, viot.fleet, viot.home / "evidence")
        parts = (viot.toolbox, viot.fleet, viot.library, viot.weights, viot.home)
        more = {"llm_name": "mini", "react": loaded.react, "evidence": files}
        bare = Agent(loaded.model, *parts, policy=SingleUserPolicy(), audit=viot.library, **more)
        full = Agent(loaded.model, *parts, policy=viot.policy, audit=viot.audit, **more)

        def without(text: str) -> Run:
            return bare.run(Request(text))

        def with_all(text: str) -> Run:
            who = viot.access.authenticate(secret, counted=False)
            scope = scope_of(who, viot.library.cameras())
            return full.run(Request(text, principal=who, purpose=PURPOSE, camera_scope=scope))

        found: dict[str, object] = {"footage": footage, "rows": options.rows, "repeat": options.repeat}
        for text in QUESTIONS:
            status = with_all(text).answer.status, without(text).answer.status
            pairs = []
            for n in range(options.repeat):
                turn = [without, with_all] if n % 2 else [with_all, without]  # neither is always the second
                took = {ask.__name__: timed(partial(ask, text)) for ask in turn}
                pairs.append((took["without"], took["with_all"]))
            a, b = (statistics.median(p[i] for p in pairs) for i in (0, 1))
            more_ = statistics.median(y - x for x, y in pairs)
            found[text] = {"without": a, "with": b, "ratio": b / a, "more": more_, "share": more_ / a}
            print(
                f"{text!r} ({status[0]}, {status[1]}): {a * 1000:.1f} ms without, {b * 1000:.1f} ms with, ratio "
                f"{b / a:.3f}; median of the differences {more_ * 1000:.1f} ms ({100 * more_ / a:.1f} %, aim 5)"
            )
        run = with_all(QUESTIONS[0])
        spec = next(s for s in viot.toolbox if s.biometric and any(a.kind == "person" for a in s.args))
        person = next(a.name for a in spec.args if a.kind == "person")
        single = {
            "a key seen for the first time": lambda: viot.access._verified(secret, ""),
            "a key seen before": lambda: viot.access.authenticate(secret, counted=False),
            "check of a request": lambda: viot.policy.check_request(run.request),
            "check of a call that looks for somebody": lambda: viot.policy.check_call(
                run.request, spec, {person: "Person 7"}
            ),
            "run stored": lambda: viot.library.save_run(run),
            "run and audit row stored": lambda: viot.audit.save_run(run),
        }
        for words, work in single.items():
            took = statistics.median(timed(work) for _ in range(options.repeat))
            found[words] = took
            print(f"{words}: {took * 1000:.2f} ms")
        whole = timed(viot.audit.verify)
        head = viot.audit.head()
        assert head is not None
        assert viot.audit.verify().wrong == ()
        found["verify"] = whole
        print(f"viot audit verify of {head.rows} rows: {whole:.2f} s")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), "utf-8")


if __name__ == "__main__":
    main()
