"""``viot cloak`` on the command line: every wrong word gets a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image as Pil
from typer.testing import CliRunner

from viot_agent.errors import ViotError
from viot_tools.cloak.command import register
from viot_tools.cloak.making import DEFAULT, EPSILON, Recipe
from viot_tools.cloak.store import Kept, MaskStore

Args = Callable[[Path], list[str]]


def run(*args: str) -> tuple[int, str]:
    """Exit code and what was printed; an error on purpose as its sentence."""
    app = typer.Typer(pretty_exceptions_enable=False)
    register(app)
    app.command("other")(lambda: None)  # one command alone would lose its name
    done = CliRunner().invoke(app, ["cloak", *args])
    if isinstance(done.exception, ViotError):
        return done.exception.exit_code, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def blank(folder: Path, name: str = "blank.png") -> str:
    Pil.fromarray(np.full((90, 120, 3), 200, np.uint8)).save(folder / name)
    return str(folder / name)


def text(folder: Path) -> str:
    (folder / "a.jpg").write_text("hello")
    return str(folder / "a.jpg")


def bomb(folder: Path) -> str:
    Pil.new("1", (10_000, 10_000)).save(folder / "bomb.png")
    return str(folder / "bomb.png")


CASES: dict[str, tuple[Args, str]] = {
    "no files": (lambda d: [], "no picture or video was given"),
    "unknown method": (lambda d: [blank(d), "--method", "fawkes"], "one of opom, ga, sga, advcloak"),
    "epsilon too large": (lambda d: [blank(d), "--epsilon", "64"], "1 to 32 of 255"),
    "epsilon zero": (lambda d: [blank(d), "--epsilon", "0"], "1 to 32 of 255"),
    "no such file": (lambda d: [str(d / "gone.png")], "gone.png"),
    "hostile file": (lambda d: [text(d)], "is not a picture"),
    "none of several can be read": (lambda d: [text(d), bomb(d)], "give JPEG, PNG or WebP files"),
    "a folder": (lambda d: [str(d)], "is a folder (name its pictures: viot cloak"),
    "100 megapixels": (lambda d: [bomb(d)], "at most 89 megapixels"),
    "no face": (lambda d: [blank(d)], "shows no face that dlib-hog finds"),
    "unknown person": (lambda d: [blank(d), "--person", "Anna"], "Anna"),
    "out is a file": (lambda d: [blank(d), "--out", str(d / "x.png")], "--out is a folder"),
    "forget and files": (lambda d: [blank(d), "--forget", "Anna"], "--forget takes no files"),
    "forget nobody": (lambda d: ["--forget", "Anna"], "no mask is kept"),
    "metadata of a video": (lambda d: [str(d / "a.mp4"), "--keep-metadata"], "--keep-metadata is for pictures"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_call_says_what_to_do(case: str, home: Path, tmp_path: Path) -> None:
    args, words = CASES[case]
    code, said = run(*args(tmp_path))
    assert code == 2 and words in said
    assert [p.name for p in tmp_path.rglob("*-cloaked*")] == []


def test_forget_deletes_and_says_what_it_cannot(home: Path) -> None:
    MaskStore(home).put(Kept("Anna Berg", Recipe(), (), "", np.zeros((112, 112, 3), np.float32)))
    code, said = run("--forget", "Anna Berg")
    assert code == 0 and "forgot 1 mask of Anna Berg" in said and "published" in said
    assert MaskStore(home).people() == ()


def test_the_defaults_on_the_command_line_are_those_of_the_recipe() -> None:
    import inspect

    from viot_tools.cloak.command import cloak

    defaults = {name: p.default for name, p in inspect.signature(cloak).parameters.items()}
    assert (defaults["method"], defaults["epsilon"]) == (DEFAULT, EPSILON) == (Recipe().method, Recipe().epsilon)
