"""Evidence as cards beside the chat: the picture, camera and local time, who or what, score and model.

Owns the markup of the evidence panel and of the player. Escapes all it is given; the page's script plays what a card
names. Knows no run and no route.
"""

from __future__ import annotations

from collections.abc import Sequence

from viot_agent.web.bubbles import escaped, play, safe
from viot_agent.web.views import Piece

SHOWN = 60
"""Cards on the page at once; the rest is counted, and stands in the timeline."""

PLAYER = """<section class="viot-player" aria-label="Evidence player">
<video id="viot-video" controls playsinline muted preload="metadata" aria-describedby="viot-line"></video>
<p id="viot-line" aria-live="polite">Nothing is playing. Choose a piece of evidence.</p>
<a id="viot-save" class="viot-link" hidden download>Save this clip</a>
</section>"""

EMPTY = (
    '<p class="viot-quiet">The evidence for an answer appears here: pictures that open their clip at the right second, '
    "and a timeline.</p>"
)


def panel(pieces: Sequence[Piece], status: str) -> str:
    """All cards of one answer."""
    if not pieces:
        words = {
            "answered": "This answer cites no single moment: what it rests on is said in the answer.",
            "cannot_tell": "There is no evidence either way.",
            "refused": "Nothing was looked at.",
        }
        return f'<p class="viot-quiet">{words.get(status, "No evidence was found for this request.")}</p>'
    rest = len(pieces) - SHOWN
    more = f'<p class="viot-quiet">{rest} more in the timeline.</p>' if rest > 0 else ""
    cards = "".join(card(p) for p in pieces[:SHOWN])
    count = f"{len(pieces)} piece{'s' if len(pieces) != 1 else ''} of evidence"
    return f'<h3 class="viot-head">{count}</h3><ul class="viot-cards" aria-label="{count}">{cards}</ul>{more}'


def card(piece: Piece) -> str:
    """One piece as a button with its picture."""
    what = piece.who or piece.label or piece.tool.replace("_", " ")
    score = "" if piece.score is None else f'<span class="viot-score">score {piece.score:.2f}</span>'
    model = f"{piece.model} {piece.model_version}".strip()
    label = safe(f"Play evidence {piece.number}: {what} on {piece.camera}, {piece.at_local}")
    opens = f'button type="button" {play(piece)} aria-label="{label}"' if piece.clip else "div"
    sign = '<span class="viot-play" aria-hidden="true">▶</span>' if piece.clip else ""
    return (
        f'<li><{opens} class="viot-card"><span class="viot-picture">'
        f'<img src="{escaped(piece.picture)}" alt="" loading="lazy">'
        f'<span class="viot-number">{piece.number}</span>{sign}</span>'
        f'<span class="viot-about"><strong>{escaped(what)}</strong>'
        f"<span>{escaped(piece.camera)}</span>"
        f"<span>{escaped(piece.span_local)}</span>"
        f'<span class="viot-small">{score} <span title="{escaped(model)}">'
        f"{escaped(piece.model)}</span></span>"
        f"</span></{opens.split()[0]}></li>"
    )
