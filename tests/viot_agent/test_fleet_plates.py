"""Plates in text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viot_agent.fleet.plates import find_plates, looks_like_plate, normalise_plate


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("kx-4821", "KX4821"),
        ("KX 48.21", "KX4821"),
        ("粤B·12345", "粤B12345"),
        ("皖ＡＴ６Ｍ００", "皖AT6M00"),
        ("а123вс 77", "А123ВС77"),
        ("١٢٣٤ أبج", "1234أبج"),
        ("m–ab 123", "MAB123"),
        ("...", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise_plate(text) == normal


@pytest.mark.parametrize(
    "token",
    [
        "KX-4821",
        "kx4821",
        "AB12 CDE",
        "皖AT6M00",
        "粤B·12345",
        "А123ВС77",
        "M-AB 123",
        "HH-AB123",
        "079-ECG",
        "9102 VKN",
        "1234أبج",
        "99-ZA-99",
    ],
)
def test_plates(token: str) -> None:
    assert looks_like_plate(token)


@pytest.mark.parametrize(
    "token",
    [
        *(
            "14:05",
            "9pm",
            "10.30am",
            "8-9pm",
            "2026-03-01",
            "01/03/2026",
            "30min",
            "45 minutes",
            "1080p",
            "22nd",
            "500m",
        ),
        *(
            "gate-22",
            "gate22",
            "cam-03",
            "camera 12",
            "image-1",
            "video-1",
            "dock 7",
            "12345",
            "OBAMA",
            "A1",
            "AB12CDE3456",
            "",
        ),
        *("entrance12", "2026", "14h05", "0900 hours"),
    ],
)
def test_no_plates(token: str) -> None:
    assert not looks_like_plate(token)


def test_a_camera_is_no_plate() -> None:
    assert looks_like_plate("B12-X") and not looks_like_plate("B12-X", {normalise_plate("b12 x")})


@pytest.mark.parametrize(
    ("text", "plates"),
    [
        ("was P384JT 11 or b122pf 42 there", ["P384JT 11", "b122pf 42"]),
        ("P384JT 11 times", ["P384JT"]),
        ("Has KX-4821 been at gate 2 since 14:05?", ["KX-4821"]),
        ("where is ab12 cde now", ["ab12 cde"]),
        ("WHO LET XY00 PWD OUT", ["XY00 PWD"]),
        ("看到皖AX239T了吗", ["皖AX239T"]),
        ("Is 皖A X6M00 parked", ["皖A X6M00"]),
        ("look for M-AB 1234 and 川VZ8V05", ["M-AB 1234", "川VZ8V05"]),
        ("was А123ВС 77 here", ["А123ВС 77"]),
        ("the car wc 313 gl at gate 12", ["wc 313 gl"]),
        ("MH 28 BY 3882 keeps circling", ["MH 28 BY 3882"]),
        ("is K122PX 42 back?", ["K122PX 42"]),
        ("K122PX 10 minutes ago", ["K122PX"]),
        ("K122PX 17:05", ["K122PX"]),
        ("k122px 17 may", ["k122px"]),
        ("K122PX 42 may have left", ["K122PX 42"]),
        ("K122PX 42 marked Mary's bay", ["K122PX 42"]),
        ("K122PX 42 people carrier", ["K122PX 42"]),
        ("K122PX 14 to 16 yesterday", ["K122PX"]),
        ("K122PX 12 noon", ["K122PX"]),
        ("K122PX 10 in the morning", ["K122PX"]),
        ("how many people at gate 2 in the last 30 minutes", []),
        ("gate 22, cam-3 and image-1 at 10am", []),
    ],
)
def test_found(text: str, plates: list[str]) -> None:
    spans = list(find_plates(text))
    whole = [s for s in spans if not any(o != s and o[0] <= s[0] and s[1] <= o[1] for o in spans)]
    assert [text[a:b] for a, b in sorted(set(whole))] == plates


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_plate(text)
    assert normalise_plate(once) == once
    assert not once or once.isalnum()
    looks_like_plate(text)


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"\A[A-Z]{2}-[0-9]{4}\Z"), st.sampled_from(["", " ", "-", ".", "·"]))
def test_separators_do_not_matter(plate: str, separator: str) -> None:
    assert normalise_plate(plate.lower().replace("-", separator)) == normalise_plate(plate)


@pytest.mark.parametrize(
    ("text", "plates"),
    [
        ("was A933BM 14 scanned", ["A933BM 14"]),
        ("b891to 05 at the gate", ["b891to 05"]),
        ("is 12 bn 39 back", ["12 bn 39"]),
        ("HAS 58 KD 84 GONE", ["58 KD 84"]),
        ("did US 705 SK pass", ["US 705 SK"]),
        ("a-yl 5484 parks here", ["a-yl 5484"]),
        ("was it tke 144?", ["tke 144"]),
        ("3041 raf wants loading", ["3041 raf"]),
        ("4338 MLS 90 days ago", ["4338 MLS"]),
        ("between 10 am 30", []),
        ("from 10 to 12 or 14", []),
        ("the 22 nd 10", []),
        ("more than 300 ppl", []),
        ("max 300 and the 200 men", []),
        ("in sep 2024 or mon 1200", []),
        ("HE IS 90, said I", []),
        ("the limit IS 150 AT the dock", []),
        ("before 1315 rly fast", []),
        ("whne its oer 200", []),
        ("between 10 nd 12 yesterday", []),
        ("from 10 ti 12", []),
        ("aft 1800 yesterday", []),
        ("flight arr 1430", []),
        ("2100 utc at gate 1", []),
        ("sam 1430", []),
        ("he paid 500 zar", []),
        ("any news about 1430 bcd", ["1430 bcd"]),
    ],
)
def test_plates_in_running_text(text: str, plates: list[str]) -> None:
    found = [text[a:b] for a, b in find_plates(text)]
    assert [p for p in dict.fromkeys(found) if not any(p != q and p in q for q in found)] == plates
