"""Fixtures of the agent's tests: videos written on the spot."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HELPERS = Path(__file__).resolve().parents[1] / "helpers_media.py"


@pytest.fixture(scope="session")
def media() -> ModuleType:
    """The module ``tests/helpers_media.py``.

    Loaded from its file: pytest's importlib mode puts no folder of tests on the path, so it has no name to import by.
    """
    spec = importlib.util.spec_from_file_location("viot_test_helpers_media", HELPERS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def video(media: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """``video("h264_b", "mp4")``: the file that this function of the helpers writes, once for all tests."""
    folder = tmp_path_factory.mktemp("videos")

    def make(kind: str, extension: str) -> Path:
        path = folder / f"{kind}.{extension}"
        if not path.exists():
            getattr(media, kind)(path)
        return path

    return make
