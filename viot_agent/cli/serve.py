"""``viot serve http|mcp``: the ways in for other software."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(help="Serve other software: REST or MCP.", no_args_is_help=True)

HOST = Annotated[str, typer.Option("--host", help="Address to serve on; this machine only when left out.")]
PORT = Annotated[int, typer.Option("--port")]
UPLOAD = Annotated[int, typer.Option("--max-upload-mb", help="Largest upload.")]
PROXY = Annotated[
    bool, typer.Option("--behind-proxy", help="A reverse proxy stands before it: its X-Forwarded headers are read.")
]
LLM = Annotated[
    list[str] | None, typer.Option("--llm", help="A model callers may name; may be repeated, the first is the default.")
]


class Transport(StrEnum):
    """How MCP clients reach the server."""

    stdio = "stdio"
    http = "http"


@app.command()
def http(
    host: HOST = "127.0.0.1",
    port: PORT = 8765,
    max_upload_mb: UPLOAD = 200,
    behind_proxy: PROXY = False,
    llm: LLM = None,
) -> None:
    """REST: ask with streamed steps, uploads, cameras, people, alerts, signed evidence. The document: /openapi.json."""
    from viot_agent.serve.http import run
    from viot_agent.web.options import checked

    prefix = "/" if behind_proxy else ""
    run(checked(host=host, port=port, root_path=prefix, max_upload_mb=max_upload_mb, llm=llm or ()))


@app.command()
def mcp(
    transport: Annotated[Transport, typer.Option("--transport")] = Transport.stdio,
    host: HOST = "127.0.0.1",
    port: PORT = 8766,
    behind_proxy: PROXY = False,
) -> None:
    """MCP: every vision tool with its schema, evidence as resources. Over stdio, the key is taken from VIOT_KEY."""
    if transport is Transport.stdio:
        from viot_agent.serve.mcp_stdio import run_stdio

        run_stdio()
        return
    from viot_agent.serve.http import run
    from viot_agent.web.options import checked

    run(checked(host=host, port=port, root_path="/" if behind_proxy else ""), "mcp")
