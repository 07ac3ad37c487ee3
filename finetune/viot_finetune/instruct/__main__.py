"""``python -m viot_finetune.instruct --data datasets/viot_instruct --out DIR``: the training expansion."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from viot_agent.errors import ViotError
from viot_finetune.instruct.build import build


def main() -> int:
    """Build and print what was written and refused."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.instruct", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with phrasings_*.jsonl")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--tests", type=Path, help="the test families; default: ../viot_bench/families.jsonl beside data"
    )
    args = parser.parse_args()
    tests = args.tests or args.data.parent / "viot_bench" / "families.jsonl"
    try:
        tally = build(args.data, args.out, args.cases, args.seed, tests if tests.is_file() else None)
    except ViotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{tally.written} cases in {args.out / 'train.jsonl'}; leak check {'done' if tests.is_file() else 'SKIPPED'}")
    for tool, count in tally.tools.most_common():
        print(f"  {tool}: {count}")
    for reason, count in tally.refused.most_common():
        print(f"  refused, {reason}: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
