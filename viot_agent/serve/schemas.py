"""What goes over REST, as pydantic models: the OpenAPI document is made of them. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from viot_agent.agent.runner import MAX_REQUEST
from viot_agent.steps import Status
from viot_agent.web.sessions import MOST_FILES

Text = Annotated[str, Field(min_length=1, max_length=MAX_REQUEST)]
Name = Annotated[str, Field(min_length=1, max_length=120)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskIn(_In):
    """A request in words. ``attach``: ids of uploads, or addresses ``viot://...`` of your own runs' files; they become
    ``image-1``, ``video-1``, ... in order. ``conversation``: one that an earlier answer named; left out, a new one
    begins."""

    text: Text
    conversation: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    attach: Annotated[list[Reference], Field(max_length=MOST_FILES)] = []
    purpose: Annotated[str, Field(max_length=500)] = ""
    llm: Annotated[str, Field(max_length=200)] | None = None


class ClaimOut(BaseModel):
    """A sentence and the ids of the evidence that it rests on."""

    text: str
    evidence: list[str]


class StepOut(BaseModel):
    """One tool call. ``state``: running, ok, retry, failed, refused. ``verdict``: found, none, cannot_tell, info."""

    thought: str
    tool: str
    args: dict[str, Any]
    observation: str
    state: str
    verdict: str
    seconds: float | None


class EvidenceOut(BaseModel):
    """One piece of evidence. ``picture`` and ``clip`` are signed addresses on this server, for ``media_seconds``;
    ``picture_uri`` and ``clip_uri`` name the same for ``attach``, and last. ``seek``: seconds into the clip."""

    id: str
    camera: str
    start: str
    end: str
    at_local: str
    time_zone: str
    who: str
    label: str
    score: float | None
    tool: str
    model: str
    model_version: str
    picture: str
    clip: str
    seek: float
    picture_uri: str
    clip_uri: str


class RunOut(BaseModel):
    """An answer with all that led to it."""

    run: str
    conversation: str
    request: str
    status: Status
    answer: str
    missing: list[str]
    claims: list[ClaimOut]
    steps: list[StepOut]
    evidence: list[EvidenceOut]
    llm: str
    seconds: float
    media_seconds: int


class ToolOut(BaseModel):
    """What one tool call over MCP brought. ``status``: ok, retry, failed, refused; ``verdict``: found, none (looked;
    what was covered is in ``coverage``), cannot_tell, info. Evidence without signed addresses: read its resources."""

    run: str
    tool: str
    status: str
    verdict: str
    summary: str
    claims: list[ClaimOut]
    evidence: list[dict[str, Any]]
    coverage: dict[str, Any] | None


class TurnOut(BaseModel):
    """A run in a list."""

    run: str
    conversation: str
    at: str
    request: str
    status: Status
    answer: str


class ConversationOut(BaseModel):
    """A conversation: its first request as ``title``."""

    conversation: str
    title: str
    turns: int
    first: str
    last: str


class UploadOut(BaseModel):
    """An upload: its id for ``attach``, what it is, how long it is kept."""

    id: str
    kind: Literal["image", "video"]
    bytes: int
    keep_seconds: int


class SpanOut(BaseModel):
    """A stretch of footage that is indexed."""

    start: str
    end: str


class CameraOut(BaseModel):
    """A camera. ``source`` is its kind: a file, a folder or a stream; where it lies is not told."""

    name: str
    groups: list[str]
    time_zone: str
    source: Literal["file", "folder", "stream"]
    indexed: list[SpanOut]


class PersonOut(BaseModel):
    """Somebody enrolled: the recorded consent or legal basis, its kind and until when it counts; ``state`` is "holds",
    or why it holds no longer. Of how many pictures; no picture, no embedding."""

    name: str
    consent: str
    basis: str
    state: str
    until: str | None
    pictures: int


class AlertIn(_In):
    """A standing alert: ``event`` as face:NAME, plate:TEXT, fire, crowd>NUMBER, anomaly or person; ``when`` a time
    phrase that looks ahead. Told are the addresses that the server's owner set (VIOT_ALERTS): none is given here."""

    event: Annotated[str, Field(min_length=1, max_length=300)]
    cameras: Annotated[list[Name], Field(min_length=1, max_length=16)] | None = None
    when: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    purpose: Annotated[str, Field(max_length=500)] = ""


class AlertOut(BaseModel):
    """A standing alert. ``problem``: why it cannot look now, "" when it can."""

    id: str
    event: str
    cameras: list[str] | None
    when: str
    cooldown: float
    owner: str
    created: str
    problem: str


class FiringOut(BaseModel):
    """An alert that went off. ``more``: further sightings within the cool-down."""

    id: int
    alert: str
    camera: str
    start: str
    end: str
    words: str
    score: float | None
    fired: str
    more: int
    delivery: str
    acknowledged: str | None
    acknowledged_by: str


class Health(BaseModel):
    """That the server answers, and of which version it is."""

    status: Literal["ok"]
    version: str
