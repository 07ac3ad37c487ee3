"""Masks on given landmarks: exact alpha, seeds, the face's outline as bound, light, templates and their points."""

from __future__ import annotations

import numpy as np
import pytest

from viot_agent.errors import UserFault
from viot_tools.masks.art import art, outline_of, to_art
from viot_tools.masks.face import CANONICAL, FaceMesh, Points, mesh_points, outline, pose_of, pose_scale
from viot_tools.masks.light import light_on
from viot_tools.masks.render import lay, mask_face, supersampling
from viot_tools.masks.templates import KINDS, TEMPLATES, moved, of_kind, template, triangles, vertices
from viot_tools.masks.warp import dense_map

SKIN = (196, 148, 122)


def face_at(scale: float, x: float, y: float, roll: float = 0.0) -> Points:
    turn = np.radians(roll)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(CANONICAL @ matrix * scale + (x, y), np.float32)


def turned(points: Points, squeeze: float) -> Points:
    """The half on the right of the picture squeezed: a head that looks to the right, as landmarks show it."""
    middle = points[27, 0]
    out = points.copy()
    right = out[:, 0] > middle
    out[right, 0] = middle + (out[right, 0] - middle) * squeeze
    return out


def portrait(size: int = 260) -> np.ndarray:
    rng = np.random.default_rng(3)
    image = np.empty((size, size, 3), np.float64)
    image[:] = SKIN
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def test_at_least_twelve_templates_of_every_kind_in_several_colours() -> None:
    assert len(TEMPLATES) >= 12
    assert {t.kind for t in TEMPLATES.values()} == set(KINDS)
    assert len({t.colour for t in TEMPLATES.values()}) >= 12
    assert len({t.cut for t in TEMPLATES.values()}) >= 4
    assert len({t.pattern for t in of_kind("patterned")}) >= 5


def test_unknown_names_say_which_there_are() -> None:
    with pytest.raises(UserFault, match="surgical-blue"):
        template("surgical-mauve")
    with pytest.raises(UserFault, match="kn95"):
        of_kind("welding")


@pytest.mark.parametrize("name", ["surgical-blue", "n95-valve", "kn95-black", "black-sport", "patterned-flowers"])
def test_pixels_outside_alpha_are_the_inputs(name: str) -> None:
    image, points = portrait(), face_at(48, 130, 95)
    before = image.copy()
    made = mask_face(image, points, name, 3)
    assert (image == before).all()
    assert (made.image[made.alpha == 0] == image[made.alpha == 0]).all()
    assert made.alpha.dtype == np.float32 and made.alpha.min() == 0 and made.alpha.max() <= 1
    assert (made.template, made.seed) == (name, 3)
    changed = (made.image != image).any(axis=2)
    assert changed[made.alpha > 0.9].mean() > 0.9
    mouth, nose = points[48:60].mean(axis=0).astype(int), points[30].astype(int)
    assert made.alpha[mouth[1], mouth[0]] > 0.99 and made.alpha[nose[1], nose[0]] > 0.99
    eyes = points[36:48].astype(int)
    assert made.alpha[eyes[:, 1], eyes[:, 0]].max() < 0.05


@pytest.mark.parametrize("squeeze", [1.0, 0.6, 0.35])
@pytest.mark.parametrize("name", ["surgical-blue", "n95-white", "black-sport"])
def test_nothing_is_drawn_beside_the_face(name: str, squeeze: float) -> None:
    import cv2

    image, points = portrait(), turned(face_at(46, 130, 95, roll=8), squeeze)
    for seed in range(4):
        alpha = mask_face(image, points, name, seed).alpha
        allowed = np.zeros(alpha.shape, np.uint8)
        cv2.fillPoly(allowed, [np.round(outline(points)).astype(np.int32)], 1)
        allowed = cv2.dilate(allowed, np.ones((3, 3), np.uint8))  # the half pixel of an edge that is not a stair
        assert alpha[allowed == 0].max(initial=0.0) == 0


def test_the_far_cheek_is_foreshortened() -> None:
    image = portrait()
    straight, to_right = face_at(46, 130, 95), turned(face_at(46, 130, 95), 0.4)

    def halves(points: Points) -> tuple[float, float]:
        alpha = mask_face(image, points, "surgical-blue", 0).alpha > 0.5
        middle = int(points[33, 0])
        return float(alpha[:, :middle].sum()), float(alpha[:, middle:].sum())

    near0, far0 = halves(straight)
    near1, far1 = halves(to_right)
    assert 0.8 < far0 / near0 < 1.25
    assert far1 / near1 < 0.65


def test_the_same_seed_gives_the_same_bytes_and_another_moves_the_mask_a_little() -> None:
    image, points = portrait(), face_at(48, 130, 95)
    a, b, c = (mask_face(image, points, "cloth-red", s) for s in (5, 5, 6))
    assert (a.image == b.image).all() and (a.alpha == b.alpha).all()
    assert (a.alpha != c.alpha).any()
    moved_by = [
        np.abs(np.argwhere(m.alpha > 0.5).mean(axis=0) - np.argwhere(a.alpha > 0.5).mean(axis=0)) for m in (b, c)
    ]
    assert moved_by[0].max() == 0 and moved_by[1].max() < 0.08 * 48


def test_dim_light_makes_a_dim_mask_and_a_lit_side_a_lit_side() -> None:
    points = face_at(48, 130, 95)
    bright = portrait()
    dim = (bright * 0.4).astype(np.uint8)
    side = (bright * np.linspace(0.35, 1.0, 260)[None, :, None]).astype(np.uint8)

    def mean(image: np.ndarray, part: slice) -> float:
        made = mask_face(image, points, "surgical-white", 1)
        solid = made.alpha[:, part] > 0.98
        return float(made.image[:, part][solid].mean())

    everything, left, right = slice(0, 260), slice(80, 125), slice(135, 180)
    assert mean(dim, everything) < 0.6 * mean(bright, everything)
    assert mean(side, left) / mean(side, right) < 0.92 * mean(bright, left) / mean(bright, right)


def test_a_grey_picture_gets_a_grey_mask() -> None:
    grey = np.repeat(portrait().mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    made = mask_face(grey, face_at(48, 130, 95), "cloth-red", 0)
    assert (made.image[..., 0] == made.image[..., 2]).all()


def test_a_soft_picture_gets_a_soft_mask() -> None:
    import cv2

    rng = np.random.default_rng(0)
    sharp = np.clip(portrait(400) + rng.normal(0, 25, (400, 400, 1)), 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(sharp, (0, 0), 2.0)
    points = face_at(80, 200, 150)
    assert light_on(sharp, FaceMesh(points)).blur < 0.6 < 0.95 < light_on(soft, FaceMesh(points)).blur


def test_a_mask_over_the_border_of_the_picture_is_cut_there() -> None:
    image = portrait(120)
    made = mask_face(image, face_at(40, 105, 60), "surgical-blue", 0)
    assert made.alpha[:, -1].max() > 0.9
    away = mask_face(image, face_at(40, 900, 900), "surgical-blue", 0)
    assert (away.image == image).all() and away.alpha.max() == 0


def test_points_that_are_no_face_are_refused() -> None:
    bad = face_at(40, 60, 60)
    bad[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        mask_face(portrait(120), bad, "surgical-blue", 0)
    with pytest.raises(ValueError, match=r"\(68, 2\)"):
        mask_face(portrait(120), np.zeros((5, 2), np.float32), "surgical-blue", 0)


def test_two_faces_add_up_in_one_alpha() -> None:
    image = portrait(400)
    alpha = np.zeros((400, 400), np.float32)
    for x in (110, 290):
        lay(image, alpha, face_at(40, x, 150), "n95-white", x)
    assert alpha[195, 110] > 0.99 and alpha[195, 290] > 0.99 and alpha[195, 200] == 0


def test_the_mesh_puts_canonical_landmarks_on_the_faces_own() -> None:
    points = turned(face_at(60, 200, 100, roll=-20), 0.6)
    used = [*range(17), 27, 28, 29, 30, 31, 33, 35]
    assert np.abs(FaceMesh(points).map(CANONICAL[used]) - points[used]).max() < 0.02


def test_pose_reads_yaw_pitch_roll_and_scale() -> None:
    from viot_tools.masks.face import _DEPTH

    model = np.column_stack([CANONICAL[17:], _DEPTH])
    for yaw, roll in ((0, 0), (25, 10), (-35, -15)):
        a, b = np.radians(yaw), np.radians(roll)
        spin = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        flat = (model @ spin.T)[:, :2] @ np.array([[np.cos(b), np.sin(b)], [-np.sin(b), np.cos(b)]]) * 50 + 100
        points = np.vstack([CANONICAL[:17], flat]).astype(np.float32)
        pose = pose_of(points)
        assert (pose.yaw, pose.roll, pose.scale) == pytest.approx((yaw, roll, 50), abs=0.5)
        assert abs(pose.pitch) < 0.5
    assert pose_scale(face_at(50, 0, 0, roll=30)) == pytest.approx(50, rel=0.02)


def test_side_points_leave_the_ear_free_on_the_near_cheek_only() -> None:
    front, right, left = (TEMPLATES["surgical-blue"].points(t) for t in (0.0, 1.0, -1.0))
    assert np.allclose(front, vertices())
    near = (front[:, 0] < -0.8) & (np.abs(front[:, 1] - 0.8) < 0.3)
    assert (right[near, 0] > front[near, 0] + 0.15).all()
    assert np.allclose(right[front[:, 0] >= 0], front[front[:, 0] >= 0])
    assert np.allclose(left[front[:, 0] <= 0], front[front[:, 0] <= 0])
    chin = front[:, 1] > 1.76
    assert np.allclose(moved(front, 0.7, 1.0)[chin], front[chin])


def test_no_triangle_folds_at_any_turn() -> None:
    corners = triangles()

    def areas(p: Points) -> np.ndarray:
        a, b, c = (p[corners[:, i]] for i in range(3))
        return (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]

    sign = np.sign(areas(vertices()))
    for design in TEMPLATES.values():
        for turn in (-1.0, -0.5, 0.5, 1.0):
            assert (np.sign(areas(design.points(turn))) == sign).all(), design.name


def test_the_canonical_face_and_every_outline_are_symmetric() -> None:
    # which point of a mirrored face each point becomes: jaw, brows, nose, eyes, lips
    mirror = [
        *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
        45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
        54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
    ]  # fmt: skip
    assert np.allclose(CANONICAL[mirror] * (-1, 1), CANONICAL, atol=1e-6)
    assert mesh_points(CANONICAL).shape == mesh_points(face_at(30, 5, 5)).shape
    for design in TEMPLATES.values():
        edge = outline_of(design)
        assert np.allclose(sorted(edge[:, 0]), sorted(-edge[:, 0]), atol=1e-5)


def test_art_is_premultiplied_and_its_smaller_sizes_look_alike() -> None:
    whole, half = art("patterned-dots", 0), art("patterned-dots", 1)
    assert (whole[..., :3] <= 255 * whole[..., 3:] + 1e-3).all()
    assert half[..., 3].mean() == pytest.approx(whole[..., 3].mean(), abs=0.01)
    x, y = to_art(np.array([[0.0, 1.0]], np.float32))[0]
    assert whole[round(y), round(x), 3] == 1


def test_the_warp_of_one_affine_map_is_that_map() -> None:
    source = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)
    target = source * 2 + (3, 5)
    corners = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    for s in (1, 2, 3):
        x, y = dense_map(source, target.astype(np.float32), corners, (0, 0, 30, 30), s, smooth=3.0)
        row, column = 12 * s + s // 2, 10 * s + s // 2
        at = (column + 0.5) / s - 0.5, (row + 0.5) / s - 0.5
        assert (x[row, column], y[row, column]) == pytest.approx(((at[0] - 3) / 2, (at[1] - 5) / 2), abs=1e-3)
        assert x[0, 0] < -1000


def test_small_faces_are_supersampled_most() -> None:
    assert [supersampling(s) for s in (15, 60, 400)] == [3, 2, 1]
