"""Names that the question side needs without loading a vision library: the model, the analyzer, the kinds of events."""

from __future__ import annotations

from typing import Final

MODEL: Final = "viot-fire"
ANALYZER: Final = "fire"
KINDS: Final = ("fire", "smoke")
