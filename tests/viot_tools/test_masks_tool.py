"""``masked_face_generation`` and ``viot mask``: card, handles, sentences, evidence, files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image as Pil
from typer.testing import CliRunner

from viot_agent.errors import MediaFault, RetryFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.library.fake import FakeLibrary
from viot_agent.steps import Attachment, Request
from viot_agent.toolbox.contract import ToolContext
from viot_agent.weights import Weights
from viot_tools.masks.command import TEMPLATE_HELP, register
from viot_tools.masks.templates import KINDS, TEMPLATES
from viot_tools.masks.tool import masked_face_generation, wished
from viot_tools.registry import TOOLS


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("models"), tier="builtin")


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skimage import data

    path = tmp_path_factory.mktemp("pictures") / "me.png"
    Pil.fromarray(data.astronaut()[:300, 60:400]).save(path)
    return path


def context(models: Weights, home: Path, *paths: Path) -> ToolContext:
    attached = tuple(Attachment(f"image-{i}", "image", p) for i, p in enumerate(paths, 1))
    books = FakeLibrary([])
    request = Request("put a mask on this", now=1_000.0, attachments=attached)
    return ToolContext(request, Fleet(books), books, models, home, run_id="run-1", call_id="c1")


def test_the_card_is_the_one_that_models_were_trained_on() -> None:
    import viot_agent.bench as bench

    card = json.loads((Path(bench.__file__).parent / "cards.json").read_text("utf-8"))["masked_face_generation"]
    assert masked_face_generation.description == card["purpose"]
    assert masked_face_generation.not_for == card["not_for"]
    shown = [
        [a.name, a.kind, a.required, a.description, *([list(a.choices)] if a.choices else [])]
        for a in masked_face_generation.args
    ]
    assert shown == card["args"]
    assert masked_face_generation in TOOLS and masked_face_generation.cost == "render"


def test_importing_the_tool_loads_no_vision_library() -> None:
    code = (
        "import sys, viot_tools.masks.tool, viot_tools.masks.command;"
        "print([m for m in ('cv2', 'dlib', 'onnxruntime', 'torch', 'PIL', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_attached_picture_is_masked_with_evidence(models: Weights, me: Path, tmp_path: Path) -> None:
    ctx = context(models, tmp_path, me)
    seen = masked_face_generation.fn(ctx, media="image-1", mask="n95")
    assert seen.summary == "mask-1 shows image-1 with 1 face masked: n95-white; seed 0 [e1]."
    assert (seen.status, seen.verdict, seen.data["handle"]) == ("ok", "info", "mask-1")
    [piece] = seen.evidence
    assert (piece.id, piece.camera, piece.label, piece.model) == (
        "e1",
        "image-1",
        "mask-1",
        "dlib-hog+dlib-landmarks-68",
    )
    assert seen.claims[0].evidence == ("e1",)
    made = ctx.handles["mask-1"]
    assert str(made) == piece.crop and made.is_relative_to(tmp_path / "exports" / "run-1")
    before, after = np.asarray(Pil.open(me)), np.asarray(Pil.open(made))
    assert before.shape == after.shape and 0.02 < (before != after).any(axis=2).mean() < 0.3
    assert seen.data["faces"][0]["template"] == "n95-white"


def test_a_made_picture_can_be_masked_again(models: Weights, me: Path, tmp_path: Path) -> None:
    ctx = context(models, tmp_path)
    ctx.new_handle("redacted", me)
    seen = masked_face_generation.fn(ctx, media="redacted-1")
    assert seen.summary.startswith("mask-1 shows redacted-1 with 1 face masked: surgical-blue")


def test_a_picture_without_a_face_makes_nothing(models: Weights, tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    Pil.new("RGB", (300, 200), (120, 130, 140)).save(path)
    ctx = context(models, tmp_path / "home", path)
    seen = masked_face_generation.fn(ctx, media="image-1")
    assert seen.verdict == "none" and seen.evidence == () and ctx.handles == {}
    assert seen.summary == (
        "No face to mask was found in image-1 by dlib-hog (it does not see faces from the side, most that wear "
        "masks, or under about 40 pixels); nothing was made."
    )
    assert not (tmp_path / "home" / "exports").exists()


def test_a_mask_that_does_not_exist_is_said_with_those_that_do(models: Weights, me: Path, tmp_path: Path) -> None:
    ctx = replace(context(models, tmp_path, me), request=Request("put a pink unicorn mask on him", now=1_000.0))
    ctx.handles["image-1"] = me
    seen = masked_face_generation.fn(ctx, media="image-1")
    assert seen.verdict == "none" and seen.evidence == () and not (tmp_path / "exports").exists()
    kinds = "surgical, n95, kn95, cloth, black and patterned"
    assert seen.summary == f"There is no pink unicorn mask: there are {kinds} ones; nothing was made."
    # whoever names a kind gets it
    assert masked_face_generation.fn(ctx, media="image-1", mask="patterned").evidence


@pytest.mark.parametrize(
    ("request_text", "kind", "found"),
    [
        ("Put a Batman mask on him", None, (None, "batman")),
        ("put some dinosaur masks on them", None, (None, "dinosaur")),
        ("put a pink mask on him", None, ("surgical-pink", "")),
        ("put a big pink surgical mask on him", "surgical", ("surgical-pink", "")),
        ("put a pink N95 mask on him", "n95", (None, "")),
        ("a camouflage mask please", None, ("patterned-camouflage", "")),
        ("put a mask on this", None, (None, "")),
        ("put a simple face mask on this", None, (None, "")),
        ("put a black mask on him", "black", (None, "")),
        ("an N95 mask please", None, (None, "")),
        ("make a copy with masks", None, (None, "")),
        ("show me a copy of him wearing masks", None, (None, "")),
        ("mask everybody in image-1", None, (None, "")),
    ],
)
def test_what_kind_of_mask_is_wished_for(request_text: str, kind: str | None, found: tuple[str | None, str]) -> None:
    assert wished(request_text, kind) == found


def test_a_mask_named_by_its_colour_is_that_one(models: Weights, me: Path, tmp_path: Path) -> None:
    ctx = context(models, tmp_path, me)
    ctx = replace(ctx, request=replace(ctx.request, text="put a pink mask on him"))
    seen = masked_face_generation.fn(ctx, media="image-1")
    assert seen.summary.startswith("mask-1 shows image-1 with 1 face masked: surgical-pink")


def test_what_was_left_out_of_the_file_is_said(models: Weights, me: Path, tmp_path: Path) -> None:
    path = tmp_path / "me.gif"
    picture = Pil.open(me)
    picture.save(path, save_all=True, append_images=[Pil.new("RGB", picture.size)])
    seen = masked_face_generation.fn(context(models, tmp_path, path), media="image-1")
    assert seen.summary.endswith("Of the file: it holds 2 pictures; only the first was taken.")


def test_a_handle_that_is_not_there_names_those_that_are(models: Weights, me: Path, tmp_path: Path) -> None:
    with pytest.raises(RetryFault, match="there are image-1") as fault:
        masked_face_generation.fn(context(models, tmp_path, me), media="clip-2")
    assert fault.value.nearest == ("image-1",)
    with pytest.raises(RetryFault, match="nothing is attached"):
        masked_face_generation.fn(context(models, tmp_path), media="image-1")
    ctx = context(models, tmp_path, me)
    ctx.handles["poses-1"] = tmp_path / "poses-1.json"
    with pytest.raises(RetryFault, match="poses-1 is no picture or video"):
        masked_face_generation.fn(ctx, media="poses-1")


def test_a_hostile_file_is_a_sentence(models: Weights, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    with pytest.raises(MediaFault, match="picture"):
        masked_face_generation.fn(context(models, tmp_path, path), media="image-1")


# the command


@pytest.fixture
def viot(home: Path) -> typer.Typer:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)  # with one command alone Typer leaves its name out
    return app


def run(app: typer.Typer, *args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["mask", *args])
    if isinstance(done.exception, UserFault):
        raise done.exception
    return done.exit_code, done.output


def test_the_help_names_every_kind_and_template(viot: typer.Typer) -> None:
    assert re.findall(r"[\w-]+-[\w-]+", TEMPLATE_HELP) == list(TEMPLATES)
    code, words = run(viot, "--help")
    plain = re.sub(r"[\s│]+", "", words)
    assert code == 0 and all(name in plain for name in (*TEMPLATES, *KINDS))


def test_the_copy_lies_beside_the_file_and_nothing_is_written_over(viot: typer.Typer, me: Path, tmp_path: Path) -> None:
    mine = tmp_path / "me.png"
    mine.write_bytes(me.read_bytes())
    for name in ("me-masked.png", "me-masked-2.png"):
        code, words = run(viot, str(mine), "--mask", "black", "--seed", "2")
        assert code == 0 and f"{tmp_path / name}: 1 face: black-surgical; seed 2" in words
        assert "EXIF and comments are not carried over" in words
    assert mine.read_bytes() == me.read_bytes()
    a, b = (np.asarray(Pil.open(tmp_path / n)) for n in ("me-masked.png", "me-masked-2.png"))
    assert (a == b).all()


def test_all_templates_of_a_kind(viot: typer.Typer, me: Path, tmp_path: Path) -> None:
    code, _ = run(viot, str(me), "--mask", "n95", "--all-templates", "--out", str(tmp_path / "all"))
    assert code == 0
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == [
        f"me-{n}-masked.png" for n in sorted(t.name for t in TEMPLATES.values() if t.kind == "n95")
    ]


def test_out_names_a_file_but_never_the_source(viot: typer.Typer, me: Path, tmp_path: Path) -> None:
    code, _ = run(viot, str(me), "--template", "kn95-black", "--out", str(tmp_path / "x.jpg"))
    with Pil.open(tmp_path / "x.jpg") as made:
        assert code == 0 and made.format == "JPEG"
    mine = tmp_path / "mine.png"
    mine.write_bytes(me.read_bytes())
    with pytest.raises(UserFault, match="never written over"):
        run(viot, str(mine), "--out", str(mine))
    with pytest.raises(UserFault, match="several copies"):
        run(viot, str(mine), str(me), "--out", str(tmp_path / "one.png"))
    with pytest.raises(UserFault, match="exclude each other"):
        run(viot, str(mine), "--all-templates", "--template", "n95-white")
    with pytest.raises(UserFault, match="no mask template 'gold'"):
        run(viot, str(mine), "--template", "gold")


def test_no_face_anywhere_is_exit_code_2(viot: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    Pil.new("RGB", (300, 200), (120, 130, 140)).save(path)
    code, words = run(viot, str(path))
    assert code == 2 and "no face to mask was found" in words


def test_a_bad_file_among_others_is_named_and_the_others_get_their_masks(
    viot: typer.Typer, me: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    names = [str(tmp_path / "text.jpg"), str(tmp_path), str(me)]
    done = CliRunner().invoke(viot, ["mask", *names, "--out", str(tmp_path / "all")])
    assert isinstance(done.exception, UserFault)
    assert "2 of 3 files could not be read" in str(done.exception)
    assert f"left out: {tmp_path / 'text.jpg'} is not a picture" in done.output and "is a folder" in done.output
    assert [p.name for p in (tmp_path / "all").iterdir()] == ["me-masked.png"]
    with pytest.raises(UserFault, match=r"is a folder \(name its pictures"):
        run(viot, str(tmp_path))


@pytest.mark.slow
def test_in_words_with_the_embedded_model(home: Path, me: Path) -> None:
    from viot_agent.system import Viot

    with Viot.open() as viot:
        run = viot.ask("put a mask on this", attach=[me])
    assert [s.call.tool for s in run.steps] == ["masked_face_generation"]
    assert run.answer.text.startswith("mask-1 shows image-1 with 1 face masked: surgical-blue; seed 0")
    [piece] = run.evidence
    assert piece.crop is not None and Path(piece.crop).is_relative_to(home / "exports")
