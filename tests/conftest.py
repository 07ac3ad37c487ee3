"""Fixtures of all tests: where the real data lies, an empty home, and the switch for slow tests."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]

# before anything loads a BLAS, here and in what tests start: several workers share the cores
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", default=False, help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        # deselected, not skipped: a skip means that something is missing on this machine
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def pytest_collection_finish() -> None:
    # what the modules loaded stays to the end: a full collection need not walk its millions of objects for every test
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real footage and weights (``VIOT_SHARED`` or ``../shared/data``); skips where it is absent."""
    path = Path(os.environ.get("VIOT_SHARED") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no real data at {path} (set VIOT_SHARED to a folder laid out like it)")
    return path


@pytest.fixture(scope="session")
def shared_models(shared: Path) -> Path:
    """The local directory that stands in for the model hub."""
    return shared / "models"


@pytest.fixture(scope="session")
def fuzzing() -> ModuleType:
    """The module ``helpers_fuzz.py`` beside this file."""
    spec = importlib.util.spec_from_file_location("viot_test_helpers_fuzz", ROOT / "tests" / "helpers_fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass is looked up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty VIOT_HOME, with no hub directory."""
    path = tmp_path / "home"
    monkeypatch.setenv("VIOT_HOME", str(path))
    monkeypatch.delenv("VIOT_MODELS", raising=False)
    monkeypatch.delenv("VIOT_TIER", raising=False)
    return path
