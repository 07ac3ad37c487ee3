"""``accelerate launch -m viot_finetune.lora --model NAME --out DIR``: ``viot finetune lora`` on several devices."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one training; ends the process with the exit code."""
    from viot_agent.cli import main as viot

    sys.argv[:1] = ["viot", "finetune", "lora"]  # the card quotes the command from here
    viot(sys.argv[1:])


if __name__ == "__main__":
    main()
