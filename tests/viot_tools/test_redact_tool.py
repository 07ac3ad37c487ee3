"""``face_redaction`` and ``viot redact``: card, handles, sentences, files; who is kept, and what is left out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image as Pil
from typer.testing import CliRunner

from viot_agent.bench.cards import cards
from viot_agent.errors import MediaFault, RetryFault, UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.steps import Attachment, Observation
from viot_tools.redact.command import register
from viot_tools.redact.find import DetectorFinder
from viot_tools.redact.tool import face_redaction, redacted
from viot_tools.redact.who import Keeper, keeper
from viot_tools.redact.words import LIMITS
from viot_tools.registry import TOOLS

ONE, PAIR = (180, 200), (180, 400)
SPOT, LEFT, RIGHT = (40.0, 30.0, 112.0), (20.0, 30.0, 112.0), (240.0, 30.0, 112.0)
CLOSE, NEAR = (180, 402), (125.0, 30.0, 112.0)
WHERE = {ONE: [SPOT], PAIR: [LEFT, RIGHT], CLOSE: [LEFT, NEAR]}


def save(path: Path, image: Image, **more: Any) -> Path:
    Pil.fromarray(image).save(path, **more)
    return path


def finder(made: ModuleType) -> DetectorFinder:
    return DetectorFinder((made.Placed(WHERE),), (), 0.5, "faces behind walls", turned=False)


def ask(made: ModuleType, home: Path, file: Path, keep: str | None = None, **enrolled: Any) -> Observation:
    ctx = made.context(home, enrolled, [Attachment("image-1", "image", file)])
    one: Keeper | None = None
    if keep is not None:
        kit = made.kit(WHERE)
        people = {n: kit.recogniser.embed_chips([pictures[0]])[0] for n, pictures in enrolled.items()}
        one = Keeper(keep, keep, people, kit)
    return redacted(ctx, "image-1", finder(made), one)


def changed(a: Path, b: Path, spot: tuple[float, float, float]) -> float:
    """Share of the pixels of a spot that differ."""
    x, y, s = (int(v) for v in spot)
    one, two = (decode_image(p)[y : y + s, x : x + s].astype(int) for p in (a, b))
    return float((np.abs(one - two).max(axis=2) > 2).mean())


# the contract ---------------------------------------------------------------------------------------------------------


def test_the_tool_is_registered_and_equal_to_its_card() -> None:
    card = cards()["face_redaction"]
    assert face_redaction in TOOLS
    assert (face_redaction.card(), face_redaction.args) == (card.card(), card.args)
    assert face_redaction.biometric and face_redaction.cost == "render"


def test_registering_it_imports_neither_opencv_nor_a_runtime() -> None:
    code = (
        "import sys, viot_tools.redact.tool, viot_tools.redact.command as t;"
        "print([m for m in ('torch', 'cv2', 'dlib', 'onnxruntime', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# pictures -------------------------------------------------------------------------------------------------------------


def test_all_faces_of_a_picture_are_hidden_with_evidence_and_limits(made: ModuleType, tmp_path: Path) -> None:
    file = save(tmp_path / "pair.png", made.picture(PAIR, {1: LEFT, 2: RIGHT}))
    seen = ask(made, tmp_path, file)
    assert seen.summary == (f"redacted-1 shows image-1 with 2 faces blurred beyond recognition [e1]. {LIMITS}")
    assert (seen.verdict, seen.data["handle"]) == ("info", "redacted-1")
    [piece] = seen.evidence
    assert (piece.label, piece.camera, piece.model) == ("redacted-1", "image-1", "placed")
    out = Path(seen.data["path"])
    assert out.is_relative_to(tmp_path / "exports" / "run-1") and piece.crop == str(out)
    assert min(changed(file, out, LEFT), changed(file, out, RIGHT)) > 0.9
    assert seen.data["report"]["source"] == "image-1" and str(tmp_path) not in json.dumps(seen.data["report"])


def test_one_face_only_is_kept_and_said(made: ModuleType, tmp_path: Path) -> None:
    file = save(tmp_path / "pair.png", made.picture(PAIR, {1: LEFT, 2: RIGHT}))
    seen = ask(made, tmp_path, file, "Ana", Ana=[made.face_of(1)])
    out = Path(seen.data["path"])
    assert changed(file, out, LEFT) == 0.0 and changed(file, out, RIGHT) > 0.9
    assert "with 1 face blurred beyond recognition [e1]. Ana stays visible (cosine up to" in seen.summary
    assert seen.evidence[0].model == "placed+pattern"


def test_a_kept_face_under_the_blur_of_a_neighbour_is_said(made: ModuleType, tmp_path: Path) -> None:
    file = save(tmp_path / "pair.png", made.picture(CLOSE, {1: LEFT, 2: NEAR}))
    seen = ask(made, tmp_path, file, "Ana", Ana=[made.face_of(1)])
    assert 0.0 < changed(file, Path(seen.data["path"]), LEFT) < 1.0
    assert "Ana is not hidden, but partly covered by others' blurs (cosine up to" in seen.summary
    assert "stays visible" not in seen.summary


def test_who_may_be_the_person_is_hidden_and_said(made: ModuleType, tmp_path: Path) -> None:
    image = made.picture(ONE, {1: SPOT})
    blend = 0.45 * made.face_of(1).astype(float) + 0.55 * made.face_of(2)
    image[30:142, 40:152] = blend.astype(np.uint8)
    file = save(tmp_path / "me.png", image)
    seen = ask(made, tmp_path, file, "Ana", Ana=[made.face_of(1)])
    assert "Ana was not surely recognised, so nobody is kept visible. 1 face may be Ana, and is hidden." in seen.summary
    assert changed(file, Path(seen.data["path"]), SPOT) > 0.9


def test_a_person_who_is_not_there_is_said(made: ModuleType, tmp_path: Path) -> None:
    file = save(tmp_path / "me.png", made.picture(ONE, {2: SPOT}))
    seen = ask(made, tmp_path, file, "Ana", Ana=[made.face_of(1)])
    assert "Ana was not surely recognised, so nobody is kept visible." in seen.summary
    assert "may be" not in seen.summary


def test_nothing_to_hide_makes_nothing(made: ModuleType, tmp_path: Path) -> None:
    wall = save(tmp_path / "wall.png", np.full((100, 100, 3), 90, np.uint8))
    seen = ask(made, tmp_path / "a", wall)
    assert seen.summary == (
        "No face was found in image-1 by placed (it does not see faces behind walls); no copy was made."
    )
    assert seen.verdict == "none" and seen.evidence == () and not (tmp_path / "a" / "exports").exists()
    me = save(tmp_path / "me.png", made.picture(ONE, {1: SPOT}))
    alone = ask(made, tmp_path / "b", me, "Ana", Ana=[made.face_of(1)])
    assert alone.summary.startswith("Nothing in image-1 has to be hidden: the only face found is that of Ana")
    assert alone.verdict == "info" and not (tmp_path / "b" / "exports").exists()


def test_turned_animated_and_sixteen_bit_pictures(made: ModuleType, tmp_path: Path) -> None:
    """What shows a face beside the picture itself, a preview or a second frame, is not in the copy."""
    image = made.picture(ONE, {1: SPOT})
    exif = Pil.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    lying = save(tmp_path / "lying.jpg", np.ascontiguousarray(np.rot90(image, 1)), exif=exif, quality=95)
    seen = ask(made, tmp_path, lying)
    out = Path(seen.data["path"])
    assert decode_image(out).shape[:2] == ONE and changed(lying, out, SPOT) > 0.9
    assert "turned upright" in seen.summary
    with Pil.open(out) as copy:
        assert not copy.getexif() and getattr(copy, "n_frames", 1) == 1
    gif = tmp_path / "two.gif"
    Pil.fromarray(image).save(gif, save_all=True, append_images=[Pil.fromarray(image[::-1].copy())])
    assert "it holds 2 pictures; only the first was taken" in ask(made, tmp_path, gif).summary
    import cv2

    deep = tmp_path / "deep.png"
    cv2.imwrite(str(deep), image.astype(np.uint16) * 257)
    assert "16-bit colours are written with 8 bits" in ask(made, tmp_path, deep).summary
    cmyk = tmp_path / "print.jpg"
    Pil.fromarray(image).convert("CMYK").save(cmyk)
    assert "CMYK colours are written as RGB" in ask(made, tmp_path, cmyk).summary


def test_a_hostile_file_is_a_sentence_without_a_path(made: ModuleType, tmp_path: Path) -> None:
    bad = tmp_path / "x.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    with pytest.raises(MediaFault, match="image-1") as fault:
        ask(made, tmp_path, bad)
    assert str(tmp_path) not in str(fault.value)


def test_a_wrong_handle_names_those_there_are(made: ModuleType, tmp_path: Path) -> None:
    ctx = made.context(tmp_path, attached=[Attachment("image-1", "image", tmp_path / "a.png")])
    with pytest.raises(RetryFault, match="there are image-1"):
        face_redaction.fn(ctx, media="clip-2")
    with pytest.raises(RetryFault, match="nobody is enrolled"):
        face_redaction.fn(ctx, media="image-1", keep="Ana")


def test_an_attached_picture_says_who_is_kept(made: ModuleType, tmp_path: Path) -> None:
    from skimage import data

    me = save(tmp_path / "me.png", np.asarray(data.astronaut()[:300, 60:400]))
    ctx = made.context(tmp_path, attached=[Attachment("image-1", "image", me), Attachment("image-2", "image", me)])
    assert keeper(ctx, "image-2").name == "the person in image-2"
    seen = face_redaction.fn(ctx, media="image-1", keep="image-2")
    assert "the person in image-2" in seen.summary.lower()


# the command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def viot(home: Path) -> typer.Typer:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)  # with one command alone Typer leaves its name out
    return app


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skimage import data

    path = tmp_path_factory.mktemp("pictures") / "me.jpg"
    Pil.fromarray(data.astronaut()[:300, 60:400]).save(path, quality=95)
    return path


FACE = (115.0, 65.0, 90.0)


def run(app: typer.Typer, *args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["redact", *args])
    if isinstance(done.exception, UserFault | RetryFault):
        raise done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize("solid", [False, True])
def test_the_copy_lies_beside_the_file(viot: typer.Typer, me: Path, tmp_path: Path, solid: bool) -> None:
    mine = tmp_path / "me.jpg"
    mine.write_bytes(me.read_bytes())
    code, words = run(viot, str(mine), *(["--solid"] if solid else []))
    assert code == 0 and str(tmp_path / "me-redacted.jpg") in words and LIMITS in words
    assert ("covered in grey" if solid else "blurred beyond recognition") in words
    assert mine.read_bytes() == me.read_bytes()
    assert changed(mine, tmp_path / "me-redacted.jpg", FACE) > 0.9


def test_bad_input_of_the_command(viot: typer.Typer, me: Path, tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="--out is a folder"):
        run(viot, str(me), "--out", str(tmp_path / "x.jpg"))
    with pytest.raises(RetryFault, match="nobody is enrolled"):
        run(viot, str(me), "--keep", "Ana Silva", "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "home"])
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    done = CliRunner().invoke(viot, ["redact", str(text), str(me), "--out", str(tmp_path / "all"), "--json"])
    assert isinstance(done.exception, MediaFault) and "1 of 2 files" in str(done.exception)
    assert [p.name for p in (tmp_path / "all").iterdir()] == ["me-redacted.jpg"]


def test_json_holds_every_face(viot: typer.Typer, me: Path, tmp_path: Path) -> None:
    code, words = run(viot, str(me), "--out", str(tmp_path / "out"), "--json")
    [report] = json.loads(words)
    assert code == 0 and report["hidden"] and report["limits"] == LIMITS
    assert report["style"] == "blocks" and report["models"] == "dlib-hog+opencv-haar"


def test_no_face_anywhere_is_exit_code_2(viot: typer.Typer, tmp_path: Path) -> None:
    path = save(tmp_path / "wall.png", np.full((200, 300, 3), 120, np.uint8))
    code, words = run(viot, str(path))
    assert code == 2 and "No face was found" in words
