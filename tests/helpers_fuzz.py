"""A bounded fuzzer: seeds are changed at random, and a reader may answer them or raise what it says it raises.

Deterministic: the n-th input of a name is the same on every machine; only how many are tried depends on the time given.
An input that takes longer than ``SLOWEST`` is a fault, too: a text that keeps a reader busy is as good as a crash.
Not a test module; the fixture ``fuzzing`` of ``tests/conftest.py`` loads it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SLOWEST = 3.0
"""Seconds; a reader of a few kilobytes takes milliseconds, and two cores may be busy with other tests."""

PIECES = (
    "\x00", "\n", "\r\n", "\t", "\x1b[2J", "\u202e", "\u200b", "\ufeff", "\u2028", "\ud800", "\udfff", "\U0001f525",
    "²", "٣", "３", "Ⅷ", "½", "ﬁ", "İ", "ß", "皖", "'", '"', "\\", "\\u0000", "\\ud800", "`", "$(id)", ";", "|", "&",
    "..", "../", "/", "//", "://", "file:///etc/passwd", "%00", "%2e%2e%2f", "%zz", "@", ":", "#", "?", "*", "[", "]",
    "{", "}", "{}", "[]", "null", "true", "NaN", "-Infinity", "1e999", "-0", "-1", "0", "99999999999999999999",
    "9" * 5000, "1." + "0" * 400, "[" * 3000, '{"a":' * 2000, "a" * 5000, " " * 3000, "Observation: x\n",
    "Thought:", "Final Answer:", "1970-01-01", "9999-12-31", "25:61", "between", "and", "last", "ago", "viot://",
    "__import__('os')", "-----", "../../../../etc/passwd", "0x7f.1", "::1", "[::ffff:127.0.0.1]", "é́́́",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 10**30, 1.5, float("nan"), float("inf"), "", "x", "²", "\x00", "\ud800", [], {},
    [[]], [None], {"": None}, {"name": {}}, [{}], "a" * 3000,
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a round brought: inputs tried, how many were answered and how many refused."""

    tried: int
    answered: int
    refused: int


def text_of(rng: random.Random, seeds: Sequence[str]) -> str:
    """A seed, changed in one to six places."""
    text = rng.choice(seeds)
    for _ in range(rng.randint(0, 6)):
        at, to = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        match rng.randrange(7):
            case 0:
                text = text[:at] + rng.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[to:]
            case 2:
                text = text[:to] + text[at:to] * rng.choice((1, 2, 40)) + text[to:]
            case 3:
                text = text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) + text[at + 1 :]
            case 4:
                text = text[:at] + rng.choice(seeds)[rng.randint(0, 8) :]
            case 5:
                text = rng.choice((str.upper, str.lower, str.swapcase, str.title))(text)
            case _:
                text = text[:at] + rng.choice(PIECES) + text[to:]
        text = text[:20_000]
    return text


def bytes_of(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """The same of bytes, with changed bits, lengths and stretches."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 8)):
        at, to = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        near = min(rng.randint(0, 128), len(data))  # headers stand in front
        match rng.randrange(7):
            case 0 if data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 1:
                data[near : near + 4] = rng.choice((b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"))
            case 2:
                del data[at:to]
            case 3:
                data[at:at] = rng.choice(PIECES).encode("utf-8", "surrogatepass")[:200]
            case 4:
                del data[at:]
            case 5:
                data[at:at] = rng.randbytes(rng.randint(1, 16))
            case _:
                data[near : near + 1] = rng.randbytes(1)
    return bytes(data)


def json_of(rng: random.Random, seeds: Sequence[Any]) -> Any:
    """A seed of lists, objects and values, some of which are others now, gone, or there under a strange name."""
    return _changed(rng, json.loads(json.dumps(rng.choice(seeds))), rng.choice((0.02, 0.1, 0.3)))


def _changed(rng: random.Random, value: Any, share: float) -> Any:
    if rng.random() < share:
        return text_of(rng, [value]) if isinstance(value, str) and rng.random() < 0.6 else rng.choice(VALUES)
    if isinstance(value, dict):
        kept = {k: _changed(rng, v, share) for k, v in value.items() if rng.random() >= share / 3}
        if rng.random() < share:
            kept[rng.choice(PIECES)] = rng.choice(VALUES)
        return kept
    if isinstance(value, list):
        made = [_changed(rng, v, share) for v in value]
        return made * 2 if rng.random() < share / 3 else made
    return value


def fuzz(
    name: str,
    make: Callable[[random.Random], Any],
    read: Callable[[Any], object],
    refuses: tuple[type[Exception], ...],
    *,
    seconds: float,
    most: int = 100_000,
) -> Found:
    """Try inputs for ``seconds``, ``most`` of them. Fails with the input that raised anything else, or took too
    long."""
    tried = answered = refused = 0
    end = time.monotonic() + seconds
    while tried < most and time.monotonic() < end:
        given = make(random.Random(f"{name} {tried}"))
        begun = time.process_time()
        try:
            read(given)
            answered += 1
        except refuses:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{name}, input {tried}: {type(error).__name__}: {error}; {_shown(given)}") from error
        took = time.process_time() - begun
        assert took < SLOWEST, f"{name}, input {tried}: took {took:.1f} s; {_shown(given)}"
        tried += 1
    return Found(tried, answered, refused)


def _shown(given: Any) -> str:
    words = repr(given)
    return words if len(words) < 600 else f"{words[:400]} ... {words[-150:]} ({len(words)} characters)"
