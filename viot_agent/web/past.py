"""Conversations that are kept: their list, searched, and one of them reopened by its link.

Owns the markup of the list. Storage and search are the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from viot_agent.library.run_store import Conversation, StoredAsk
from viot_agent.library.store import Library
from viot_agent.web.bubbles import escaped

TURNS = 100
"""Turns of a conversation that are shown again."""


def list_html(found: Sequence[Conversation], search: str, prefix: str = "") -> str:
    """The conversations as links."""
    if not found:
        words = f"No conversation holds “{escaped(search)}”." if search.strip() else "No conversation yet."
        return f'<p class="viot-quiet">{words}</p>'
    rows = []
    for c in found:
        when = datetime.fromtimestamp(c.last).strftime("%d.%m.%Y %H:%M")
        turns = f"{c.turns} request{'s' if c.turns != 1 else ''}"
        rows.append(
            f'<li><a href="{link(c.id, prefix)}"><strong>{escaped(c.title[:120])}</strong>'
            f'<span class="viot-small">{when}, {turns}</span></a></li>'
        )
    return f'<ul class="viot-past" aria-label="{len(found)} conversations">{"".join(rows)}</ul>'


def link(conversation: str, prefix: str = "") -> str:
    """The address that reopens a conversation."""
    return f"{prefix}/?c={quote(conversation)}"


def turns(library: Library, owner: str, conversation: str) -> list[StoredAsk]:
    """The turns of one's own conversation, oldest first; none when it is somebody else's."""
    if not conversation:
        return []
    return list(reversed(library.runs(owner=owner, conversation=conversation, limit=TURNS)))
