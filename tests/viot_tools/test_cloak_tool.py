"""``privacy_cloak`` and the cloaker beneath it, with made people: whose mask, against what it is measured, what is
said, and every way not to make one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pil

from viot_agent.bench.cards import cards
from viot_agent.errors import MediaFault, NameFault, RetryFault, UserFault, WeightsMissing
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.steps import Attachment, Observation
from viot_agent.toolbox.contract import ToolContext
from viot_tools.cloak.hands import FaceReport
from viot_tools.cloak.making import Recipe
from viot_tools.cloak.protect import Cloaker, NoFace
from viot_tools.cloak.store import digest
from viot_tools.cloak.tool import cloaked, privacy_cloak
from viot_tools.cloak.words import LIMITS, origin_words, to_json
from viot_tools.registry import TOOLS

ONE = (180, 200)
SPOT = (40.0, 30.0, 112.0)
TWO = (180, 400)
PAIR = [(20.0, 30.0, 112.0), (240.0, 30.0, 112.0)]
WHERE = {ONE: [SPOT], TWO: PAIR}
FEW = Recipe(rounds=2)


def save(path: Path, image: Image) -> Path:
    Pil.fromarray(image).save(path)
    return path


def portrait(made: ModuleType, folder: Path, person: int, seed: int) -> Path:
    return save(folder / f"p{person}-{seed}.png", made.picture(ONE, {person: SPOT}, seed))


def cloaker(made: ModuleType, ctx: ToolContext, recipe: Recipe = FEW, **more: Any) -> Cloaker:
    given: dict[str, Any] = {"kit": made.kit(WHERE), "white": made.white(), "jury": made.jury()}
    return Cloaker(ctx, recipe, **{**given, **more})


def beside(folder: Path) -> Any:
    return lambda file, ending: folder / f"{file.stem}-out.png"


def ask(made: ModuleType, home: Path, file: Path, *more: Path, kind: Any = "image", **given: Any) -> Observation:
    files = [file, *more]
    attached = [Attachment(f"{kind}-{i}", kind, f) for i, f in enumerate(files, 1)]
    ctx = made.context(home, given.pop("enrolled", None), attached)
    return cloaked(ctx, f"{kind}-1", cloaker(made, ctx, **given))


# the contract ---------------------------------------------------------------------------------------------------------


def test_the_tool_is_registered_and_equal_to_its_card() -> None:
    card = cards()["privacy_cloak"]
    assert privacy_cloak in TOOLS
    assert (privacy_cloak.card(), privacy_cloak.args) == (card.card(), card.args)
    assert privacy_cloak.biometric


def test_registering_it_imports_neither_torch_nor_opencv() -> None:
    code = "import sys, viot_tools.cloak.tool as t; print([m for m in ('torch', 'cv2', 'dlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_handle_names_those_there_are(made: ModuleType, tmp_path: Path) -> None:
    ctx = made.context(tmp_path, attached=[Attachment("image-1", "image", tmp_path / "a.png")])
    with pytest.raises(RetryFault, match="there are image-1"):
        privacy_cloak.fn(ctx, "image-2")


# what is made ---------------------------------------------------------------------------------------------------------


def test_a_picture_is_cloaked_within_the_bound_and_reported(made: ModuleType, tmp_path: Path) -> None:
    source = portrait(made, tmp_path, 1, 0)
    before = source.read_bytes()
    said = ask(made, tmp_path, source, portrait(made, tmp_path, 1, 1))
    assert said.status == "ok" and said.verdict == "info" and said.data["handle"] == "cloak-1"
    clean, out = decode_image(source), decode_image(Path(said.data["path"]))
    change = np.abs(clean.astype(int) - out)
    assert 0 < change.max() <= 8 and change[:, 160:].max() == 0 and source.read_bytes() == before
    assert "cloak-1 shows image-1 with 1 face cloaked [e1]" in said.summary
    assert "Likeness to 1 other picture of person 1" in said.summary and "judge" in said.summary
    assert LIMITS in said.summary and "absent-one" in said.summary
    [piece] = said.evidence
    assert piece.crop == said.data["path"] and piece.label == "cloak-1"


def test_the_likeness_falls_for_the_network_it_was_made_with(made: ModuleType, tmp_path: Path) -> None:
    said = ask(made, tmp_path, portrait(made, tmp_path, 1, 0), portrait(made, tmp_path, 1, 1), recipe=Recipe(rounds=5))
    [row] = said.data["report"]["pictures"][0]["faces"][0]["judged"]
    assert row["others"] == 1 and row["after"] < row["before"] - 0.005


def test_without_another_picture_of_the_person_no_protection_is_claimed(made: ModuleType, tmp_path: Path) -> None:
    said = ask(made, tmp_path, portrait(made, tmp_path, 1, 0), portrait(made, tmp_path, 2, 1))
    assert "Protection was not measured: there is no other picture of this person" in said.summary
    assert "Likeness" not in said.summary
    assert said.data["report"]["pictures"][0]["faces"][0]["judged"] == []


def test_a_copy_of_the_same_picture_is_no_other_picture(made: ModuleType, tmp_path: Path) -> None:
    source = portrait(made, tmp_path, 1, 0)
    twin = tmp_path / "twin.png"
    twin.write_bytes(source.read_bytes())
    assert "no other picture" in ask(made, tmp_path, source, twin).summary


def test_without_a_judge_that_is_said_with_the_command_that_gets_one(made: ModuleType, tmp_path: Path) -> None:
    said = ask(made, tmp_path, portrait(made, tmp_path, 1, 0), portrait(made, tmp_path, 1, 1), jury=made.NOBODY)
    assert "no recogniser that had no part in the mask is at hand here (viot models pull" in said.summary


def test_two_people_have_two_masks_and_one_person_one(made: ModuleType, tmp_path: Path) -> None:
    both = save(tmp_path / "both.png", made.picture(TWO, {1: PAIR[0], 2: PAIR[1]}))
    alone = portrait(made, tmp_path, 1, 3)
    ctx = made.context(tmp_path)
    report = cloaker(made, ctx).pictures([both, alone], beside(tmp_path))
    assert [f.person for f in report.pictures[0].faces] == ["person 1", "person 2"]
    assert [f.person for f in report.pictures[1].faces] == ["person 1"]

    def change(path: Path, out: Path, spot: tuple[float, float, float]) -> Any:
        x, y = int(spot[0]) + 10, int(spot[1]) + 10
        clean, laid = (decode_image(p)[y : y + 90, x : x + 90].astype(int) for p in (path, out))
        return (laid - clean).ravel()

    first, second = (change(both, report.pictures[0].written, s) for s in PAIR)
    again = change(alone, report.pictures[1].written, SPOT)
    assert np.corrcoef(first, again)[0, 1] > 0.95 and abs(np.corrcoef(first, second)[0, 1]) < 0.9


# enrolled people ------------------------------------------------------------------------------------------------------


def test_an_enrolled_persons_mask_is_kept_used_again_and_forgotten(made: ModuleType, tmp_path: Path) -> None:
    people = {"Anna Berg": [made.picture(ONE, {1: SPOT}, s) for s in (5, 6)]}
    ctx = made.context(tmp_path, people)
    source = portrait(made, tmp_path, 1, 0)
    masks = []
    for wanted in (False, True):
        [made_now] = cloaker(made, ctx).pictures([source], beside(tmp_path)).pictures
        [face] = made_now.faces
        assert face.person == "Anna Berg" and face.enrolled and face.others == 2
        assert face.origin.stored is wanted and face.origin.faces == 3
        masks.append(made_now.written.read_bytes())
    assert masks[0] == masks[1]
    assert cloaker(made, ctx).store.forget("Anna Berg") == 1
    [other] = cloaker(made, ctx).pictures([source], beside(tmp_path)).pictures
    assert not other.faces[0].origin.stored and other.written.read_bytes() != masks[0]


def test_a_kept_mask_that_does_not_hold_on_new_pictures_learns_from_them(made: ModuleType, tmp_path: Path) -> None:
    ctx = made.context(tmp_path, {"Anna Berg": [made.picture(ONE, {1: SPOT}, 5)]})
    first, second = portrait(made, tmp_path, 1, 0), portrait(made, tmp_path, 1, 1)

    def face(file: Path, **given: Any) -> FaceReport:
        [report] = cloaker(made, ctx, **given).pictures([file], beside(tmp_path)).pictures
        return report.faces[0]

    assert not face(first).origin.stored
    assert face(second).origin.stored  # it holds on a picture that differs by its noise alone
    worker = cloaker(made, ctx)
    known = worker.known("Anna Berg")
    kept = worker.store.get("Anna Berg", FEW, worker.marks(), digest(known))
    assert kept is not None and kept.learnt == 2 and kept.drop > 0
    # another meaning of the method makes another mask
    assert worker.store.get("Anna Berg", FEW, (*worker.marks()[:-1], "opom@other"), digest(known)) is None
    worker.store.put(replace(kept, drop=9.0))  # as if it took far more from the pictures that it was made from
    assert face(second, as_kept=True).origin.stored
    again = face(second)
    assert not again.origin.stored and (again.origin.faces, again.origin.given) == (2, 1)
    assert "from 1 enrolled picture and 1 picture given now, filled up" in origin_words(again.origin, False)


def test_person_leaves_the_others_as_they_are(made: ModuleType, tmp_path: Path) -> None:
    people = {"Anna Berg": [made.picture(ONE, {1: SPOT}, 5)]}
    both = save(tmp_path / "both.png", made.picture(TWO, {1: PAIR[0], 2: PAIR[1]}))
    ctx = made.context(tmp_path, people)
    [one] = cloaker(made, ctx).pictures([both], beside(tmp_path), person="anna berg").pictures
    change = np.abs(decode_image(both).astype(int) - decode_image(one.written))
    assert len(one.faces) == 1 and one.untouched == 1
    assert change[:, :140].max() > 0 and change[:, 200:].max() == 0


def test_an_unknown_person_and_somebody_else_are_said(made: ModuleType, tmp_path: Path) -> None:
    ctx = made.context(tmp_path, {"Anna Berg": [made.picture(ONE, {1: SPOT}, 5)]})
    with pytest.raises(NameFault, match="Anna"):
        cloaker(made, ctx).pictures([portrait(made, tmp_path, 1, 0)], beside(tmp_path), person="Anne Burg")
    with pytest.raises(UserFault, match="is recognised as Anna Berg"):
        cloaker(made, ctx).pictures([portrait(made, tmp_path, 2, 0)], beside(tmp_path), person="Anna Berg")


# methods --------------------------------------------------------------------------------------------------------------


def test_sga_needs_five_people_and_then_gives_all_one_mask(made: ModuleType, tmp_path: Path) -> None:
    recipe = Recipe("sga", rounds=1)
    few = [portrait(made, tmp_path, p, 0) for p in range(1, 5)]
    ctx = made.context(tmp_path)
    with pytest.raises(UserFault, match="at least 5 people, and 4 are known here; none is shipped"):
        cloaker(made, ctx, recipe).pictures(few, beside(tmp_path))
    report = cloaker(made, ctx, recipe).pictures([*few, portrait(made, tmp_path, 5, 0)], beside(tmp_path))
    faces = [p.faces[0] for p in report.pictures]
    assert {f.origin.people for f in faces} == {5} and not faces[0].origin.stored
    # one picture of each, filled up to four with views
    assert {(f.origin.faces, f.origin.views) for f in faces} == {(5, 15)}
    assert origin_words(faces[0].origin, True) == (
        "one mask for everybody, learnt from 5 pictures of 5 people, filled up with 15 synthetic views (made now)"
    )
    people = {f"Person {p}": [made.picture(ONE, {p: SPOT}, 7)] for p in range(1, 6)}
    kept = made.context(tmp_path, people)
    for wanted in (False, True):
        [one] = cloaker(made, kept, recipe).pictures([few[0]], beside(tmp_path)).pictures
        assert one.faces[0].origin.stored is wanted


def test_advcloak_without_a_generator_names_the_training_command(made: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"viot_finetune\.advcloak"):
        ask(made, tmp_path, portrait(made, tmp_path, 1, 0), recipe=Recipe("advcloak"))


def test_advcloak_draws_with_a_generator_that_is_there(made: ModuleType, tmp_path: Path) -> None:
    from viot_tools.cloak.advnets import Generator, save_generator

    place = tmp_path / "models/cloak/advcloak.safetensors"
    place.parent.mkdir(parents=True)
    save_generator(Generator(2, 1), place, licence="none")
    source = portrait(made, tmp_path, 1, 0)
    said = ask(made, tmp_path, source, recipe=Recipe("advcloak", 4.0))
    change = np.abs(decode_image(source).astype(int) - decode_image(Path(said.data["path"])))
    assert 0 < change.max() <= 4
    # what drew the mask is named, with its weights, and not the surrogates, which had no part in this one
    report = said.data["report"]
    [version] = report["versions"]
    assert report["used"] == ["advcloak-generator"] and len(version) == 12
    assert "Made by advcloak with advcloak-generator" in said.summary and "synthetic" not in said.summary
    assert said.evidence[0].model == "advcloak-generator" and said.evidence[0].model_version == version


def test_another_generator_makes_another_mask_of_an_enrolled_person(made: ModuleType, tmp_path: Path) -> None:
    from viot_tools.cloak.advnets import Generator, save_generator

    place = tmp_path / "models/cloak/advcloak.safetensors"
    place.parent.mkdir(parents=True)
    source = portrait(made, tmp_path, 1, 0)
    ctx = made.context(tmp_path, {"Anna Berg": [made.picture(ONE, {1: SPOT}, 5)]})
    stored = []
    for width in (2, 2, 3):
        if len(stored) != 1:
            save_generator(Generator(width, 1), place)
        [one] = cloaker(made, ctx, Recipe("advcloak")).pictures([source], beside(tmp_path)).pictures
        stored.append(one.faces[0].origin.stored)
    assert stored == [False, True, False]


def test_the_generators_card_names_who_taught_it(made: ModuleType, tmp_path: Path) -> None:
    from viot_tools.cloak.advnets import Generator, save_generator
    from viot_tools.cloak.making import drawn_by

    place = tmp_path / "models/cloak/advcloak.safetensors"
    place.parent.mkdir(parents=True)
    save_generator(Generator(2, 1), place, surrogates="mobilefacenet (m.safetensors), dlib_resnet (d.dat)")
    assert drawn_by(made.context(tmp_path).weights).taught_by == ("mobilefacenet", "dlib")


# what is no picture of a face -----------------------------------------------------------------------------------------


def test_no_face_is_an_answer_and_nothing_is_made(made: ModuleType, tmp_path: Path) -> None:
    said = ask(made, tmp_path, save(tmp_path / "a.png", np.zeros((50, 60, 3), np.uint8)))
    assert said.verdict == "none" and "image-1 shows no face that placed finds; nothing was made" in said.summary
    assert not (tmp_path / "exports").exists()


def test_a_face_that_is_too_small_says_how_small(made: ModuleType, tmp_path: Path) -> None:
    tiny = made.kit({ONE: [(40.0, 30.0, 30.0)]})
    said = ask(made, tmp_path, portrait(made, tmp_path, 1, 0), kit=tiny)
    assert said.verdict == "none" and "too small to cloak (30 pixels; at least 40 are needed)" in said.summary


def test_one_bad_file_of_several_keeps_nobody_from_a_cloak(made: ModuleType, tmp_path: Path) -> None:
    good, bad = portrait(made, tmp_path, 1, 0), tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    found = cloaker(made, made.context(tmp_path), Recipe(rounds=1)).pictures([bad, good], beside(tmp_path))
    assert [p.source for p in found.pictures] == [good] and found.unread == 1
    assert found.without[0][0] == bad and "is not a picture" in found.without[0][1]
    with pytest.raises(MediaFault, match="is not a picture"):
        cloaker(made, made.context(tmp_path), Recipe(rounds=1)).pictures([bad, bad], beside(tmp_path))


HOSTILE = {
    "empty": b"",
    "text": b"hello, I am a picture",
    "cut": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00",
    "script": b"#!/bin/sh\nrm -rf /\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_by_its_handle(made: ModuleType, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "secret-folder.jpg"
    file.write_bytes(HOSTILE[kind])
    with pytest.raises(MediaFault, match="image-1") as caught:
        ask(made, tmp_path, file)
    assert "secret-folder" not in str(caught.value)


def test_100_megapixels_are_refused_before_they_fill_the_memory(made: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "bomb.png"
    Pil.new("1", (10_000, 10_000)).save(file)
    with pytest.raises(MediaFault, match="at most 89 megapixels"):
        ask(made, tmp_path, file)


def test_one_bad_picture_of_several_is_named_and_the_rest_are_made(made: ModuleType, tmp_path: Path) -> None:
    blank = save(tmp_path / "blank.png", np.zeros((50, 60, 3), np.uint8))
    ctx = made.context(tmp_path)
    report = cloaker(made, ctx).pictures([portrait(made, tmp_path, 1, 0), blank], beside(tmp_path))
    assert len(report.pictures) == 1 and report.without[0][0] == blank
    with pytest.raises(NoFace):
        cloaker(made, ctx).pictures([blank], beside(tmp_path))


def test_the_source_is_never_written_over(made: ModuleType, tmp_path: Path) -> None:
    source = portrait(made, tmp_path, 1, 0)
    before = source.read_bytes()
    with pytest.raises(UserFault, match="never written over"):
        cloaker(made, made.context(tmp_path)).pictures([source], lambda file, ending: file)
    assert source.read_bytes() == before


def test_the_report_is_json(made: ModuleType, tmp_path: Path) -> None:
    import json

    report = cloaker(made, made.context(tmp_path)).pictures([portrait(made, tmp_path, 1, 0)], beside(tmp_path))
    read = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert read["recipe"]["method"] == "opom" and read["limits"] == LIMITS and read["used"] == ["toy"]
