"""Whom a redaction keeps: only who is surely recognised, only in an unbroken chain, and one person once."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from viot_agent.errors import RetryFault
from viot_agent.media.types import Image
from viot_agent.steps import Attachment
from viot_tools.faces.detect import Face
from viot_tools.faces.identity import template
from viot_tools.redact.follow import Track
from viot_tools.redact.video import visible
from viot_tools.redact.who import Keeper, keeper

SIZE = (180, 400)
LEFT, RIGHT = (20.0, 30.0, 112.0), (240.0, 30.0, 112.0)
WHERE = {SIZE: [LEFT, RIGHT]}


def keep(made: ModuleType, person: int = 1, *others: int) -> Keeper:
    kit = made.kit(WHERE)
    known = {f"p{k}": template(kit.recogniser.embed_chips([made.face_of(k)])) for k in (person, *others)}
    return Keeper(f"p{person}", f"p{person}", known, kit)


def faces(made: ModuleType, image: Image) -> list[Face]:
    return list(made.Placed(WHERE).detect(image))


def mixed(made: ModuleType, share: float) -> Image:
    """Person 1 on the right; on the left so much of person 1 in person 2."""
    image = made.picture(SIZE, {1: RIGHT})
    blend = share * made.face_of(1).astype(float) + (1 - share) * made.face_of(2)
    image[30:142, 20:132] = blend.astype(np.uint8)
    return np.asarray(image)


def test_of_a_picture_only_the_sure_face_is_kept(made: ModuleType) -> None:
    image = made.picture(SIZE, {1: LEFT, 2: RIGHT})
    found = keep(made).of_picture(image, faces(made, image))
    assert [v.answer for v in found] == ["sure", "no"]
    assert found[0].score > 0.9


def test_between_sure_and_no_it_may_be(made: ModuleType) -> None:
    answers = {}
    for share in (0.0, 0.45, 1.0):
        image = mixed(made, share)
        [verdict] = keep(made).of_picture(image, faces(made, image)[:1])
        answers[share] = verdict.answer
    assert answers == {0.0: "no", 0.45: "maybe", 1.0: "sure"}


def test_one_person_is_not_twice_in_a_picture(made: ModuleType) -> None:
    image = mixed(made, 0.9)
    found = keep(made).of_picture(image, faces(made, image))
    assert [v.answer for v in found] == ["maybe", "sure"]


def test_a_face_enrolled_under_two_names_is_not_kept(made: ModuleType) -> None:
    one = keep(made)
    double = Keeper("p1", "p1", {**one.people, "alias": one.people["p1"]}, one.kit)
    image = made.picture(SIZE, {1: LEFT})
    assert double.of_picture(image, faces(made, image)[:1])[0].answer == "maybe"


def test_somebody_else_enrolled_is_no_doubt(made: ModuleType) -> None:
    image = made.picture(SIZE, {2: LEFT})
    assert keep(made, 1, 2).of_picture(image, faces(made, image)[:1])[0].answer == "no"


def test_a_face_without_eyes_may_be_anybody(made: ModuleType) -> None:
    image = made.picture(SIZE, {1: LEFT})
    blind = Face((20.0, 30.0, 132.0, 142.0), 0.9, np.full((5, 2), np.nan, np.float32))
    assert keep(made).of_picture(image, [blind])[0].answer == "maybe"


def watched(made: ModuleType, one: Keeper, shown: list[int | None], spot: int = 0, start: float = 0.0) -> Track:
    """A track whose samples, 0.08 s apart, show these people; None: not found."""
    track = Track(0.0, 60.0, 0.08)
    for k, person in enumerate(shown):
        if person is None:
            continue
        image = made.picture(SIZE, {person: (LEFT, RIGHT)[spot]}, seed=k)
        face = faces(made, image)[spot]
        track.add(start + 0.08 * k, face.xyxy, face.score)
        one.see(track, start + 0.08 * k, face, image)
    return track


def test_a_whole_track_of_the_person_is_visible_with_its_leads(made: ModuleType) -> None:
    one = keep(made)
    track = watched(made, one, [1] * 20)
    kept, maybe = one.of_tracks([track])
    assert len(kept) == 1 and maybe == []
    assert visible(track, kept) == ((float("-inf"), float("inf")),)


def test_after_a_break_somebody_else_is_hidden(made: ModuleType) -> None:
    one = keep(made)
    track = watched(made, one, [1] * 20 + [None] * 6 + [2] * 20)
    kept, _ = one.of_tracks([track])
    [(first, last)] = visible(track, kept)
    assert first == float("-inf") and track.ts[19] <= last < track.ts[20]


def test_between_two_sure_chains_the_gap_is_visible(made: ModuleType) -> None:
    one = keep(made)
    track = watched(made, one, [1] * 20 + [None] * 6 + [1] * 20)
    kept, _ = one.of_tracks([track])
    assert len(kept) == 2 and visible(track, kept) == ((float("-inf"), float("inf")),)


def test_a_chain_in_which_the_face_changes_is_hidden(made: ModuleType) -> None:
    """The boxes overlap all the time, and the mean of the looks is a match still."""
    one = keep(made)
    track = watched(made, one, [1] * 40 + [2] * 8)
    kept, maybe = one.of_tracks([track])
    assert kept == [] and len(maybe) == 1
    assert maybe[0].verdict.score > one.kit.calibration.upper(1)


def test_of_two_sure_faces_at_one_time_the_better_stays(made: ModuleType) -> None:
    one = keep(made)
    first = watched(made, one, [1] * 10)
    twin = Track(0.0, 60.0, 0.08)
    for k in range(10):
        image = mixed(made, 0.9)
        twin.add(0.08 * k, (20.0, 30.0, 132.0, 142.0), 0.9)
        one.see(twin, 0.08 * k, faces(made, image)[0], image)
    kept, maybe = one.of_tracks([twin, first])
    assert [k.track is first for k in kept] == [True] and [k.track is twin for k in maybe] == [True]


# who is meant ---------------------------------------------------------------------------------------------------------


def test_nobody_enrolled_asks_for_more(made: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RetryFault, match="nobody is enrolled") as fault:
        keeper(made.context(tmp_path), "Ana Silva")
    assert "viot person enroll 'Ana Silva'" in fault.value.fix


def test_an_unknown_name_names_who_is_enrolled(made: ModuleType, tmp_path: Path) -> None:
    ctx = made.context(tmp_path, {"Ana Silva": [made.face_of(1)]})
    with pytest.raises(RetryFault, match="enrolled are Ana Silva") as fault:
        keeper(ctx, "Anna Silva")
    assert fault.value.nearest == ("Ana Silva",)


def test_a_person_without_a_usable_picture_cannot_be_kept(made: ModuleType, tmp_path: Path) -> None:
    ctx = made.context(tmp_path, {"Ana Silva": [np.full((200, 200, 3), 120, np.uint8)]})
    with pytest.raises(RetryFault, match="cannot be told from others"):
        keeper(ctx, "Ana Silva")


def test_one_face_under_two_names_is_said(made: ModuleType, tmp_path: Path) -> None:
    from skimage import data

    face = np.asarray(data.astronaut()[:300, 60:400])
    ctx = made.context(tmp_path, {"Ana Silva": [face], "Anna Berg": [face]})
    with pytest.raises(RetryFault, match="Ana Silva and Anna Berg are enrolled with the same face"):
        keeper(ctx, "Ana Silva")


def test_an_attached_picture_must_show_one_face(made: ModuleType, tmp_path: Path) -> None:
    from PIL import Image as Pil

    path = tmp_path / "wall.png"
    Pil.new("RGB", (300, 200), (120, 130, 140)).save(path)
    ctx = made.context(tmp_path, attached=[Attachment("image-1", "image", path)])
    with pytest.raises(RetryFault, match="no face was found in image-1"):
        keeper(ctx, "image-1")
