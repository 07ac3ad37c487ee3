"""What is built is what is run: editable, wheel and sdist hold the same packages and data, and import from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "viot_agent": ROOT / "viot_agent",
    "viot_tools": ROOT / "tools" / "viot_tools",
    "viot_finetune": ROOT / "finetune" / "viot_finetune",
}
DATA = {".py", ".css", ".js", ".json", ".gz", ".safetensors", ".md", ".mako", ".typed", ".ini"}


def tree() -> set[str]:
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and (path.suffix in DATA or path.name == "py.typed")
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sdist and the wheel made from it, in a clean copy of the tree: two builds in one folder disturb each other."""
    out, copy = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("source") / "tree"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out


@pytest.mark.slow
def test_the_wheel_holds_the_tree_and_nothing_else(built: Path) -> None:
    wheel = next(built.glob("*.whl"))
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert names == tree()
    assert wheel.stat().st_size < 45e6


@pytest.mark.slow
def test_the_sdist_holds_the_sources(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert {f"tools/{n}" for n in tree() if n.startswith("viot_tools/")} <= names


@pytest.mark.slow
@pytest.mark.parametrize("where", ["root", "elsewhere"])
def test_a_wheel_install_imports_from_anywhere(built: Path, tmp_path: Path, where: str) -> None:
    """The wheel in a venv of its own (dependencies borrowed): its own files are imported, also from the repository."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    zipfile.ZipFile(next(built.glob("*.whl"))).extractall(site)
    borrowed = os.pathsep.join(p for p in sys.path if p.endswith("site-packages"))
    code = (
        "import viot_agent, viot_tools, viot_finetune, viot_agent.toolbox as t;"
        "print(viot_agent.__file__, viot_tools.__file__, viot_finetune.__file__)"
    )
    env = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{borrowed}"}
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-P", "-c", code],
        cwd=ROOT if where == "root" else tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(str(site) in word for word in done.stdout.split()), done.stdout


@pytest.mark.parametrize("where", ["root", "elsewhere"])
def test_the_installed_packages_import_from_anywhere(tmp_path: Path, where: str) -> None:
    code = "import viot_agent, viot_tools, viot_finetune; print('fine')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT if where == "root" else tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "fine", done.stderr


def test_the_folder_datasets_does_not_shadow_hugging_faces(tmp_path: Path) -> None:
    """From the repository root, transformers' Trainer module must load (PACKAGES: it breaks on a bare ``datasets``)."""
    code = "import importlib.util as u; s = u.find_spec('datasets'); print(s.origin if s else None)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(ROOT / "datasets") not in done.stdout
