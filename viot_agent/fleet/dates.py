"""Calendar dates as people write them, by dateparser (day first), imported when the first such date is met.

Owns the one call of dateparser (importing it and its first parse cost 0.4 s). Does not know what day it is: a date
without a year is asked for year by year by the caller.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from viot_agent.fleet.clock import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")


@lru_cache(maxsize=1)
def _parser() -> DateDataParser:
    from dateparser.date import DateDataParser

    # fixed settings: dateparser keeps one entry for every set it has seen, so the present time must not be among them
    return DateDataParser(
        languages=["en"],
        settings={
            "DATE_ORDER": "DMY",
            "REQUIRE_PARTS": ["day", "month", "year"],
            "PARSERS": ["absolute-time"],
            "RETURN_AS_TIMEZONE_AWARE": False,
        },
    )


@lru_cache(maxsize=512)
def calendar_date(text: str) -> date | None:
    """The date that ``text`` (day, month and year in any usual form) names, or None when the calendar has none such."""
    iso = _ISO.fullmatch(text)
    if iso:
        try:
            found = date(int(iso[1]), int(iso[2]), int(iso[3]))
        except ValueError:
            return None
    else:
        parsed = _parser().get_date_data(text).date_obj
        if parsed is None:
            return None
        found = parsed.date()
    return found if FIRST_YEAR <= found.year < LAST_YEAR else None


def has_year(text: str) -> bool:
    """Whether the date text says its year."""
    return bool(re.search(r"\d{4}", text)) or len(re.findall(r"\d+", text)) == 3


def with_year(text: str, year: int) -> str:
    """The same date text with a year."""
    return f"{text}/{year}" if re.fullmatch(r"\d+/\d+", text) else f"{text} {year}"
