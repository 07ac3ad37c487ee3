"""``viot chat``: the page of ``python app.py``."""

from __future__ import annotations

from typing import Annotated

import typer


def chat(
    host: Annotated[str, typer.Option("--host", help="Address to serve on; this machine only when left out.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port")] = 7860,
    auth: Annotated[list[str] | None, typer.Option("--auth", help="NAME:PASSWORD; may be repeated.")] = None,
    root_path: Annotated[str, typer.Option("--root-path", help="A proxy serves this under: /cameras, or /.")] = "",
    open_: Annotated[bool, typer.Option("--open", help="Let others in without signing in.")] = False,
    max_upload_mb: Annotated[int, typer.Option("--max-upload-mb", help="Largest upload.")] = 200,
    llm: Annotated[
        list[str] | None, typer.Option("--llm", help="A model the page offers; may be repeated, the first is chosen.")
    ] = None,
) -> None:
    """The chat in the browser."""
    from viot_agent.web.options import checked
    from viot_agent.web.serve import run

    run(
        checked(
            host=host,
            port=port,
            auth=auth or (),
            root_path=root_path,
            max_upload_mb=max_upload_mb,
            open_=open_,
            llm=llm or (),
        )
    )
