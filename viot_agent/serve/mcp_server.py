"""The MCP server: every vision tool with its schema and typed result, evidence as resources.

A call is a Request with one ToolCall, under the same policy and audit as any other (``Viot.call``). Pictures come as
image content, clips as links to resources ``viot://evidence/RUN/FILE``, which only whoever made the run can read. A
picture to look for is given once (``attach_media``) and named by its id, or by the address of earlier evidence, in the
place of a person or a medium.

Owns the translation between the protocol and ``Viot.call``. Tools that come from other MCP servers are not passed on.
Knows no tool by name.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viot_agent import __version__
from viot_agent.errors import FailedFault, NameFault, UserFault, ViotError
from viot_agent.library.run_store import record
from viot_agent.serve.asks import Worked
from viot_agent.serve.files import Files
from viot_agent.serve.gate import MCP, MCP_BYTES, principal_of
from viot_agent.serve.schemas import EvidenceOut, ToolOut
from viot_agent.serve.shown import SCHEME, Shown, parts_of
from viot_agent.steps import Principal, Run
from viot_agent.system import Viot, attachments
from viot_agent.toolbox import ToolSpec
from viot_agent.toolbox.outside import ORIGIN as OUTSIDE
from viot_agent.web.media import KINDS

if TYPE_CHECKING:
    from starlette.routing import Route

try:
    import mcp_types as types
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
    from mcp.shared.exceptions import MCPError
except ImportError as error:
    raise FailedFault("the MCP package is not installed", fix="pip install 'viot-agent[mcp]'") from error

log = logging.getLogger(__name__)

ATTACH = "attach_media"
PURPOSE = "purpose"
PICTURES = 4
"""Pictures of evidence that come with a result; the others are links."""
PICTURE_BYTES = 1_000_000
RESOURCE_BYTES = 50_000_000
LISTED = 100
_TEMPLATE = SCHEME + "{folder}/{run}/{file}"
_INSTRUCTIONS = (
    "Tools over a fleet of video cameras. Each answers found, none (with what was covered) or cannot_tell, and cites "
    "evidence: read its resources to see it. Leave out cameras for the whole fleet; time is the person's own phrase. "
    f"To look for somebody in a picture, give it by {ATTACH} and name its id as the person."
)
Who = Callable[["ServerRequestContext[Any, Any]"], Principal]


class Offered:
    """What a client finds here. ``purpose`` is stated for every call that states none."""

    def __init__(self, viot: Viot, files: Files, shown: Shown, worked: Worked, *, purpose: str = "") -> None:
        if ATTACH in viot.toolbox:
            raise FailedFault(f"a tool is called {ATTACH!r}, as the server's own", fix="uninstall its package")
        self.viot, self.files, self.shown, self.worked, self.purpose = viot, files, shown, worked, purpose
        # handles that tools keep (poses-1) hold over the calls of one principal while this server runs
        self._conversation = f"mcp-{secrets.token_urlsafe(9)}"

    # tools -----------------------------------------------------------------------------------------------------------

    def tools(self) -> list[types.Tool]:
        """The tools, and the one that takes pictures."""
        out = ToolOut.model_json_schema()
        found = [
            types.Tool(
                name=spec.name,
                description=f"{spec.description} Not for: {spec.not_for}",
                input_schema=self._schema(spec),
                output_schema=out,
            )
            for spec in self.viot.toolbox
            if not spec.origin.startswith(OUTSIDE)
        ]
        attach = types.Tool(
            name=ATTACH,
            description="Give a picture or a short video; its id can be named as a person or a medium in later calls.",
            input_schema={
                "type": "object",
                "properties": {
                    "data": {"type": "string", "description": "the file's bytes, base64", "minLength": 4},
                    "name": {"type": "string", "description": "the file's name", "maxLength": 200},
                },
                "required": ["data"],
                "additionalProperties": False,
            },
        )
        return [*found, attach]

    def _schema(self, spec: ToolSpec) -> dict[str, Any]:
        schema = spec.schema()
        if self.viot.access.configured and PURPOSE not in schema["properties"]:
            words = "what the person wants to know it for, in the person's own words; needed to look for somebody"
            schema["properties"][PURPOSE] = {"type": "string", "maxLength": 500, "description": words}
        return schema

    async def call(self, who: Principal, name: str, args: Mapping[str, Any]) -> types.CallToolResult:
        """One call. Whatever goes wrong on purpose is told in the result, as MCP wants it."""
        try:
            if name == ATTACH:
                return await self._attach(who, args)
            if name not in self.viot.toolbox or self.viot.toolbox.get(name).origin.startswith(OUTSIDE):
                raise NameFault(f"there is no tool {name[:80]!r}", name=name, fix="tools/list names them")
            return await self._call(who, name, dict(args))
        except ViotError as fault:
            return _error(str(fault))
        except Exception:
            log.exception("a call over MCP broke off")
            return _error("Something in the program broke; what it was stands in the server's log.")

    async def _call(self, who: Principal, name: str, args: dict[str, Any]) -> types.CallToolResult:
        purpose = self.purpose
        if PURPOSE in args and all(a.name != PURPOSE for a in self.viot.toolbox.get(name).args):
            said = args.pop(PURPOSE)
            if said is not None and not isinstance(said, str):
                raise UserFault(f"{PURPOSE} is said in words", fix="give a text, or leave it out")
            purpose = (said or "")[:500] or purpose  # clients send null for what they leave out
        named, paths = await asyncio.to_thread(self._named, who, args)  # a clip may have to be cut first
        if paths:
            handles = [a.handle for a in await asyncio.to_thread(attachments, paths)]
            named = _replaced(named, dict(zip([str(p) for p in paths], handles, strict=True)))
        cancel = threading.Event()
        work = partial(
            self.viot.call,
            name,
            named,
            attach=paths,
            principal=who,
            purpose=purpose,
            conversation=self._conversation,
            cancel=cancel,
        )
        try:
            async with self.worked.doing(who.name, work) as future:
                run = await asyncio.wrap_future(future)
        finally:
            cancel.set()
        return await asyncio.to_thread(self._told, who, run)

    def _named(self, who: Principal, args: dict[str, Any]) -> tuple[dict[str, Any], list[Path]]:
        """The arguments with the path of every upload or earlier evidence in the place of its name, and those paths."""
        paths: list[Path] = []

        def look(value: Any) -> Any:
            if isinstance(value, str) and value.startswith(("up-", SCHEME)):
                path = self.files.found(who.name, value)
                if path not in paths:
                    paths.append(path)
                return str(path)
            if isinstance(value, list):
                return [look(v) for v in value]
            return value

        return {key: look(value) for key, value in args.items()}, paths

    async def _attach(self, who: Principal, args: Mapping[str, Any]) -> types.CallToolResult:
        data = args.get("data")
        if not isinstance(data, str) or set(args) - {"data", "name"}:
            raise UserFault(f"{ATTACH} takes data (base64) and a name", fix="see its schema")
        try:
            held = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UserFault("data is no base64", fix="encode the file's bytes") from error

        async def body() -> AsyncIterator[bytes]:
            yield held

        id, kind, length = await self.files.take(who.name, str(args.get("name", "upload"))[:200], len(held), body())
        words = f"{id}: your {kind}, {length} bytes. Name {id} as the person or the medium of a call."
        return types.CallToolResult(content=[types.TextContent(text=words)])

    def _told(self, who: Principal, run: Run) -> types.CallToolResult:
        """A finished run as a result: words, pictures, links, and all of it typed."""
        kept = record(run)
        view = self.shown.run(kept, run.request.conversation, who.name)
        step = view.steps[-1] if view.steps else None
        status = "refused" if view.status == "refused" else step.state if step else "failed"
        out = ToolOut(
            run=view.run,
            tool=step.tool if step else "",
            status=status,
            verdict=step.verdict if step else "",
            summary=view.answer,
            claims=view.claims,
            evidence=[e.model_dump(exclude={"picture", "clip"}) for e in view.evidence],
            coverage=kept["observations"][-1]["coverage"] if kept["observations"] else None,
        )
        content: list[Any] = [types.TextContent(text=view.answer)]
        pictures = 0
        for piece in view.evidence:
            path = self._path(who, piece.picture_uri) if pictures < PICTURES else None
            picture = _picture(path) if path is not None else None
            if picture is not None:
                pictures += 1
                content.append(picture)
            elif piece.picture_uri and (path is not None or pictures == PICTURES):
                content.append(types.ResourceLink(**_resource(piece, piece.picture_uri)))
            if piece.clip_uri:
                content.append(types.ResourceLink(**_resource(piece, piece.clip_uri)))
        return types.CallToolResult(content=content, structured_content=out.model_dump(), is_error=status != "ok")

    # resources -------------------------------------------------------------------------------------------------------

    def resources(self, who: Principal) -> list[types.Resource]:
        """Evidence of the principal's latest calls here."""
        found: list[types.Resource] = []
        for stored in self.viot.library.runs(owner=who.name, limit=20, conversation=self._conversation):
            view = self.shown.run(stored.record, stored.conversation, who.name)
            for piece in view.evidence:
                found += [types.Resource(**_resource(piece, uri)) for uri in (piece.picture_uri, piece.clip_uri) if uri]
        return found[:LISTED]

    def read(self, who: Principal, uri: str) -> types.ReadResourceResult:
        """A piece of evidence. Raises MCPError for what is not there, and for what is somebody else's, alike."""
        path = self._path(who, uri)
        if path is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such resource of yours.")
        if path.stat().st_size > RESOURCE_BYTES:
            words = f"It is larger than {RESOURCE_BYTES / 1e6:g} MB: fetch it by its signed address (viot serve http)."
            raise MCPError(types.INVALID_PARAMS, words)
        blob = base64.b64encode(path.read_bytes()).decode()
        held = types.BlobResourceContents(uri=uri, mime_type=KINDS[path.suffix], blob=blob)
        return types.ReadResourceResult(contents=[held])

    def _path(self, who: Principal, uri: str) -> Path | None:
        parts = parts_of(uri)
        return self.files.made.path(*parts, who.name) if parts is not None else None


def server_of(offered: Offered, who: Who) -> Server[Any]:
    """The protocol's server over ``offered``; ``who`` tells who sends a message, and raises PolicyRefusal."""
    Context = ServerRequestContext[Any, Any]
    Page = types.PaginatedRequestParams | None

    def known(context: ServerRequestContext[Any, Any]) -> Principal:
        try:
            return who(context)
        except ViotError as fault:
            raise MCPError(types.INVALID_REQUEST, str(fault)) from fault

    async def list_tools(context: Context, params: Page) -> types.ListToolsResult:
        return types.ListToolsResult(tools=offered.tools())

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        person = await asyncio.to_thread(known, context)
        return await offered.call(person, params.name, params.arguments or {})

    async def list_resources(context: Context, params: Page) -> types.ListResourcesResult:
        person = await asyncio.to_thread(known, context)
        return types.ListResourcesResult(resources=await asyncio.to_thread(offered.resources, person))

    async def list_templates(context: Context, params: Page) -> types.ListResourceTemplatesResult:
        words = "evidence, exports or frames of your own calls"
        template = types.ResourceTemplate(name="evidence", uri_template=_TEMPLATE, description=words)
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        person = await asyncio.to_thread(known, context)
        return await asyncio.to_thread(offered.read, person, str(params.uri))

    return Server(
        "viot-agent",
        version=__version__,
        title="VIoT Agent",
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def http_endpoint(offered: Offered) -> tuple[Route, Callable[[], AbstractAsyncContextManager[None]]]:
    """The route of streamable HTTP, and what must be entered while it is served.

    Without sessions: each message is told who sends it by the gate, so there is no session to take over.
    """
    from starlette.routing import Route

    def sender(context: ServerRequestContext[Any, Any]) -> Principal:
        assert context.request is not None, "over HTTP every message has a request"
        return principal_of(context.request.scope)

    manager = StreamableHTTPSessionManager(
        server_of(offered, sender), stateless=True, json_response=True, max_request_body_size=MCP_BYTES
    )
    return Route(MCP, StreamableHTTPASGIApp(manager), methods=["POST", "DELETE"]), manager.run


def _picture(path: Path) -> types.ImageContent | None:
    """The picture as content; None for a film, or one that is too large for a message."""
    if path.stat().st_size > PICTURE_BYTES or not KINDS[path.suffix].startswith("image/"):
        return None
    return types.ImageContent(data=base64.b64encode(path.read_bytes()).decode(), mime_type=KINDS[path.suffix])


def _resource(piece: EvidenceOut, uri: str) -> dict[str, Any]:
    what = piece.who or piece.label or "evidence"
    return {
        "uri": uri,
        "name": f"{piece.id} {uri.rpartition('/')[2]}",
        "description": f"{what}, {piece.camera}, {piece.at_local}",
        "mime_type": KINDS.get(Path(uri).suffix, "application/octet-stream"),
    }


def _replaced(value: Any, by: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return by.get(value, value)
    if isinstance(value, list):
        return [_replaced(v, by) for v in value]
    return {key: _replaced(v, by) for key, v in value.items()} if isinstance(value, dict) else value


def _error(words: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=words)], is_error=True)
