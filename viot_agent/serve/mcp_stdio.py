"""MCP over standard input and output, for a client that starts ``viot serve mcp`` itself.

Owns the wire: nothing but the protocol goes to standard output, all words go to standard error. Who asks is the person
at this machine, or whose key is in ``VIOT_KEY``; looked at with every call, so that a key that was taken back ends.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from viot_agent.serve.asks import Worked
from viot_agent.serve.files import Files
from viot_agent.serve.mcp_server import Offered, server_of
from viot_agent.serve.shown import Shown
from viot_agent.serve.signing import Signer
from viot_agent.system import Viot
from viot_agent.web.uploads import Uploads

PURPOSE = "VIOT_PURPOSE"
"""The environment variable that states a purpose for all calls."""
UPLOAD_BYTES = 20_000_000


def run_stdio(house: type[Viot] = Viot) -> None:
    """Serve until the client closes the input. Raises SignInRefusal where access is set up and no key is shown."""
    with _aside() as wire, house.open() as viot:
        who = viot.access.here()
        print(f"viot serve mcp: for {who.name} ({who.role})", file=sys.stderr, flush=True)
        uploads = Uploads.open(UPLOAD_BYTES)
        try:
            shown = Shown(viot, Signer.of_home(viot.home))
            offered = Offered(viot, Files(viot, uploads), shown, Worked(), purpose=os.environ.get(PURPOSE, ""))
            anyio.run(_serve, offered, viot, wire)
        finally:
            uploads.close()


@contextmanager
def _aside() -> Iterator[io.TextIOWrapper]:
    """Standard output, kept for the protocol; within, what others write there goes to standard error.

    From the start on: libraries print when they are loaded, before any server runs.
    """
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(own), "w", encoding="utf-8", newline="\n") as wire:
            yield wire
    finally:
        sys.stdout.flush()
        os.dup2(own, 1)
        os.close(own)


async def _serve(offered: Offered, viot: Viot, wire: io.TextIOWrapper) -> None:
    from mcp.server.stdio import stdio_server

    server = server_of(offered, lambda context: viot.access.here())
    async with stdio_server(stdout=anyio.wrap_file(wire)) as (read, write):
        await server.run(read, write, server.create_initialization_options())
