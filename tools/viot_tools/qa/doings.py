"""Doings that action recognition has no word for, said in its words: who is on their feet, who gets up.

Owns these two readings. Knows no grammar and no row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from viot_tools.qa.program import Pick, Program

UPRIGHT: Final = ("standing", "walking", "running")
DOWN: Final = ("sitting", "lying", "falling", "squatting")


def in_its_words(program: Program) -> Program:
    """The program with ``upright`` as any of the actions on one's feet, and ``rising`` as these after one of those
    down."""
    return replace(program, picks=tuple(_pick(p) for p in program.picks))


def _pick(pick: Pick) -> Pick:
    when = tuple(r if r.anchor is None else replace(r, anchor=_pick(r.anchor)) for r in pick.when)
    doing: list[str] = []
    for action in pick.doing:
        doing += UPRIGHT if action in ("upright", "rising") else (action,)
    before = DOWN if "rising" in pick.doing else pick.after_doing
    return replace(pick, doing=tuple(dict.fromkeys(doing)), when=when, after_doing=before)
