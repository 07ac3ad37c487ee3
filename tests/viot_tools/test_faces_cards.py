"""The cards of faces say what the benches printed: every figure there is one of the README's table or of a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from viot_tools.verification.recognisers import MAKERS

ROOT = Path(__file__).resolve().parents[2]
CARD = (ROOT / "datasets" / "faces" / "README.md").read_text("utf-8").partition("## Measured")[2]
WORN = (ROOT / "tools" / "viot_tools" / "faces" / "worn.md").read_text("utf-8")
THRESHOLDS = json.loads((ROOT / "tools" / "viot_tools" / "faces" / "thresholds.json").read_text("utf-8"))


class Printed(NamedTuple):
    value: str
    low: str
    high: str
    n: str
    floor: str


def table() -> dict[tuple[str, str], Printed]:
    """Tier and id to a row of the README's table of faces, figures as they are printed."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = text.partition("<!-- faces:begin -->")[2].partition("<!-- faces:end -->")[0]
    found = {}
    for line in block.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| `"):
            low, _, high = cells[2].partition(" to ")
            found[cells[5], cells[0].strip("`")] = Printed(cells[1], low, high, cells[3], cells[4])
    return found


def short(figure: str) -> str:
    """As the cards print it: ``.993``."""
    return re.sub(r"^(-?)0\.", r"\1.", figure)


def over(row: Printed) -> str:
    return f"{short(row.value)} ({short(row.low)} to {short(row.high)})"


@pytest.mark.parametrize("name", list(MAKERS))
def test_the_cards_table_is_the_benchs(name: str) -> None:
    rows = {id_: row for (tier, id_), row in table().items() if tier == "hub"}
    kinds = [rows[f"faces.masked.{name}.{k}"] for k in ("same-different-masks", "different-same-mask", "one-masked")]
    voted, gain, bare = (rows[f"faces.masked.{name}.robust{k}"] for k in ("", ".gain", ".bare"))
    line = " | ".join(
        [
            name + (" (the default)" if name == "mobilefacenet" else ""),
            over(rows[f"faces.verify.{name}.acc"]),
            over(rows[f"faces.masked.{name}.drop"]),
            *(short(k.value) for k in kinds),
            f"{short(voted.floor)} -> {short(voted.value)}, gain {over(gain)}",
            f"{short(bare.floor)} -> {short(bare.value)}",
        ]
    )
    assert f"| {line} |" in CARD.splitlines()


SAID = [
    ("hub", "faces.identify.far", "at most {high} and"),
    ("builtin", "faces.identify.far", "and {high} by people"),
    ("hub", "faces.identify.right", "rightly in {value} ({low} to {high}; `faces.identify.right`)"),
    ("builtin", "faces.identify.right", "and {value} in the builtin one"),
    ("hub", "faces.identify.masked.whole.right", "{value} ({low} to {high}; `faces.identify.masked.whole.right`)"),
    ("builtin", "faces.identify.masked.right", "and {value} (the builtin tier has nothing else"),
    ("hub", "faces.worn.told", "({value} of masked faces"),
    ("hub", "faces.worn.bare", "{value} of bare ones wrongly"),
    ("hub", "faces.identify.masked.right", "{value} ({low} to {high}; `faces.identify.masked.right`)"),
    ("hub", "faces.masked.found", "it finds {value} again in the hub tier"),
    ("hub", "faces.masked.lfw_aligned_100x2.found", "tight crops {value}, other sets"),
    ("hub", "faces.masked.att_orl.found", "other sets {value} and more"),
    ("builtin", "faces.masked.found", "and {value} in the builtin one (tight crops"),
    ("builtin", "faces.masked.lfw_aligned_100x2.found", "builtin one (tight crops {value}"),
    ("builtin", "faces.masked.att_orl.found", "other sets {value} to"),
    ("builtin", "faces.masked.deepface_dataset.found", "to {value}), so both"),
    ("hub", "faces.verify.acc", "The trivial rule reaches {floor} bare"),
    ("hub", "faces.verify.acc.masked", "and {floor} behind masks"),
]


@pytest.mark.parametrize(("tier", "id_", "words"), SAID)
def test_what_the_card_says_is_what_the_bench_printed(tier: str, id_: str, words: str) -> None:
    row = table()[tier, id_]
    said = words.format(**{key: short(figure) for key, figure in row._asdict().items()})
    assert said in " ".join(CARD.split())


def test_no_search_names_a_stranger_and_every_attack_wins_as_the_card_says() -> None:
    rows = table()
    far = [row for (_, id_), row in rows.items() if id_.startswith("faces.identify") and id_.endswith(".far")]
    assert len(far) == 5 and {row.value for row in far} == {"0.000"} and "strangers still in no" in CARD
    hit = [row for (_, id_), row in rows.items() if id_.startswith("faces.talfw-like.") and id_.endswith(".acc")]
    assert len(hit) == len(MAKERS) and {row.value for row in hit} == {"0.500"} and f"{hit[0].n} pairs, DFANet" in CARD
    others = ("qengineering", "mobileface-v2", "retail-0095")
    areas = [rows["hub", f"faces.talfw-like.{name}.auc"] for name in others]
    fallen = "falls to {}, {} and {} for those three".format(*(short(row.value) for row in areas))
    assert fallen in " ".join(CARD.split()) and f"from {short(min(row.floor for row in areas))} and more" in CARD
    vote = {id_: row for (_, id_), row in rows.items() if id_.endswith(".robust.gain")}
    assert [id_ for id_, row in vote.items() if float(row.low) <= 0] == ["faces.masked.retail-0095.robust.gain"]


def test_the_card_of_masked_faces_says_what_was_measured() -> None:
    [row] = [r for r in THRESHOLDS["calibrations"] if r["model"] == "mobilefacenet+eyes"]
    told, other = row["told"], row["on_other_people"]
    text = " ".join(WORN.split())

    def percent(share: float) -> str:
        return f"{100 * share:.2g} %"

    kinds = {k: v for k, v in told["kinds_left_out"].items() if k != "patterned"}
    frames, tracks, whole = other["frames"], other["tracks"], other["whole"]
    for said in (
        f"Told ({told['people']} people",
        f"{percent(told['masked_told'])} of {told['masked']} masked faces",
        f"{100 * told['bare_called_masked']:.1f} % of {told['bare']} bare ones wrongly",
        f"({percent(told['bare_called_masked_full_size'])} of those at full size)",
        f"was told in {100 * min(kinds.values()):.0f} to {100 * max(kinds.values()):.0f} %",
        f"printed ones in {percent(told['kinds_left_out']['patterned'])}",
        f"| {percent(whole['tar_at_1e-4'])} | {whole['far_at_1e-4']:.0f} | {percent(whole['genuine_ruled_out'])} |",
        f"single frames ({row['curve'][-1][1]:.3f}) | {100 * frames['tar_at_1e-4']:.0f} % | "
        f"0 of {frames['impostor']:,} | {percent(frames['genuine_ruled_out'])} |",
        f"| {100 * tracks['tar_at_1e-4']:.0f} % | 0 of {tracks['impostor']:,} |",
        f"None of {frames['searches'][-1]['searches']:,} searches for a stranger among ten people "
        f"(of {frames['searches'][-1]['people']})",
    ):
        assert said in text, said
    assert frames["far_at_1e-4"][0] == tracks["far_at_1e-4"][0] == 0 == frames["searches"][-1]["named"]
    rows = table()
    for id_ in ("faces.identify.masked.whole.right", "faces.identify.masked.right"):
        one = rows["hub", id_]
        assert "{:.0f} % [{:.0f}, {:.0f}]".format(*(100 * float(x) for x in one[:3])) in text
    cost, right = rows["hub", "faces.identify.bare.gain"], rows["hub", "faces.identify.right"]
    assert f"{-100 * float(cost.value):.1f} points [0, {-100 * float(cost.low):.1f}] of their" in text
    assert cost.high in ("0.000", "-0.000") and f"of their {100 * float(right.value):.0f} %" in text
    assert f"finds {100 * float(rows['builtin', 'faces.masked.found'].value):.0f} % of masked faces" in text
