"""Role x tool x camera: REST, MCP and a call by hand give the same word, and it is the word of this table."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from viot_agent.serve.asks import Worked
from viot_agent.serve.files import Files
from viot_agent.serve.gate import Limits
from viot_agent.serve.mcp_server import ATTACH, Offered
from viot_agent.serve.shown import Shown

pytestmark = pytest.mark.trust

EVERY_DAY = ("look lobby", "find")
"""Rows that plain ``pytest`` looks at; the others with --slow."""
NEEDS_PICTURE = ("find", "blur")
ALLOWED = {
    # viewer, operator of "outdoors" (yard, not lobby), privacy officer, admin
    ("look yard", ""): "vera olga paul ada",
    ("look lobby", ""): "vera paul ada",
    ("find", ""): "",
    ("find", "a theft"): "olga paul ada",
    ("cut yard", ""): "olga paul ada",
    ("cut lobby", ""): "paul ada",
    ("blur", ""): "olga paul ada",
    ("alert", ""): "olga ada",
}


@pytest.fixture(scope="module")
def site(serving: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serving.make_house(tmp_path_factory.mktemp("matrix")) as house:
        made = serving.serve(house, keys=True, limits=Limits(100_000.0, 100_000, 1_000_000))
        yield made
        made.served.close()


@pytest.mark.parametrize("who", ["vera", "olga", "paul", "ada"])
@pytest.mark.parametrize(
    ("what", "purpose"),
    [pytest.param(*row, marks=() if row[0] in EVERY_DAY else pytest.mark.slow) for row in ALLOWED],
)
def test_the_word_is_the_same_everywhere(
    site: Any, serving: ModuleType, tmp_path: Any, who: str, what: str, purpose: str
) -> None:
    house, (tool, args) = site.house, serving.CALLS[what]
    principal = house.access.authenticate(site.secrets[who])
    refused = who not in ALLOWED[what, purpose].split()
    picture = tmp_path / "him.png"
    picture.write_bytes(serving.picture())
    attach = [picture] if what in NEEDS_PICTURE else []

    by_hand = house.call(tool, args, attach=attach, principal=principal, purpose=purpose).answer
    assert (by_hand.status == "refused") is refused, by_hand.text

    client = site.client(who)
    ups = [client.post("/v1/uploads", content=p.read_bytes()).json()["id"] for p in attach]
    body = {"text": "please", "llm": what, "attach": ups, "purpose": purpose}
    told = client.post("/v1/ask", json=body).json()
    assert (told["status"], told["answer"]) == (by_hand.status, told["answer"] if not refused else by_hand.text)

    async def over_mcp() -> Any:
        files = Files(house, site.served.uploads)
        offered = Offered(house, files, Shown(house, site.served.app.signer), Worked(), purpose=purpose)
        named = dict(args)
        if attach:
            data = base64.b64encode(picture.read_bytes()).decode()
            id = (await offered.call(principal, ATTACH, {"data": data})).content[0].text.split(":")[0]
            named = dict.fromkeys(args, id)
        return await offered.call(principal, tool, named)

    result = asyncio.run(over_mcp())
    assert (result.structured_content["status"] == "refused") is refused
    assert result.is_error is refused
    if refused:
        assert result.content[0].text == by_hand.text
