"""Fixtures of the tools' tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HELPERS = Path(__file__).resolve().parents[1]


def _module(name: str) -> ModuleType:
    """A module of ``tests``, once: test modules are imported by file, so they have no package to import it from."""
    known = f"viot_test_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, HELPERS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """``tests/helpers_cloak.py``: made people, and what finds and knows them."""
    return _module("helpers_cloak")


@pytest.fixture(scope="session")
def media() -> ModuleType:
    """``tests/helpers_media.py``: videos written on the spot."""
    return _module("helpers_media")


@pytest.fixture(scope="session")
def bench_world() -> ModuleType:
    """``test_faces_bench``, for its made-up people, their detector and their recogniser."""
    return _module("viot_tools/test_faces_bench")
