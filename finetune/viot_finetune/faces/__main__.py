"""``accelerate launch -m viot_finetune.faces --data ... --out ...``: the options of ``viot finetune faces``."""

from __future__ import annotations

import sys

import typer

from viot_agent.errors import ViotError
from viot_finetune.faces.command import faces

try:
    typer.run(faces)
except ViotError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
