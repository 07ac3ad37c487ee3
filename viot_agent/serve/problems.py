"""Errors as ``application/problem+json`` (RFC 9457): what went wrong in a sentence, and what to do.

Owns which error of ours is which status. Places of this machine are left out of the words: a path is nobody's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from viot_agent.errors import (
    ArgsFault,
    BackendFault,
    BusyFault,
    DiskFault,
    FailedFault,
    MediaFault,
    NameFault,
    PolicyRefusal,
    UserFault,
    ViotError,
)

MEDIA_TYPE = "application/problem+json"


class TooLarge(UserFault):
    """More bytes than this server takes, in one upload or from one principal."""


class Crowded(BusyFault):
    """A principal has as many requests under way as one may have."""


_STATUS: tuple[tuple[type[ViotError], int, str], ...] = (
    # the first that fits; kinds of a kind stand before it
    (PolicyRefusal, 403, "Not allowed"),
    (NameFault, 404, "Nothing of that name"),
    (MediaFault, 422, "Not a usable file"),
    (TooLarge, 413, "Too large"),
    (Crowded, 429, "Too many requests"),
    (BusyFault, 409, "Something else is in the way"),
    (UserFault, 422, "The request cannot be used"),
    (ArgsFault, 422, "The arguments cannot be used"),
    (DiskFault, 507, "The disk is full"),
    (BackendFault, 503, "A part of the server did not answer"),
    (FailedFault, 503, "This cannot be done here"),
)
_TITLES = {
    400: "The request cannot be read",
    401: "Who asks?",
    403: "Not allowed",
    404: "Nothing here",
    405: "No such method",
    413: "Too large",
    415: "Not a usable kind of file",
    421: "Another server's name",
    422: "The request cannot be used",
    429: "Too many requests",
    500: "Something in the program broke",
    503: "Not now",
}


class Problem(BaseModel):
    """One error. ``detail`` is a sentence, ``fix`` what to do, ``nearest`` names that exist and are close."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    fix: str = ""
    nearest: list[str] = Field(default_factory=list)


def status_of(fault: ViotError) -> int:
    """The HTTP status of one of our errors; 500 for one that has none."""
    return next((status for kind, status, _ in _STATUS if isinstance(fault, kind)), 500)


def problem(
    status: int,
    detail: str,
    *,
    fix: str = "",
    title: str = "",
    nearest: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response."""
    told = Problem(
        title=title or _TITLES.get(status, "Error"), status=status, detail=detail, fix=fix, nearest=list(nearest)
    )
    return JSONResponse(told.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def of_fault(fault: ViotError) -> JSONResponse:
    """The response for one of our errors."""
    status = status_of(fault)
    title = next((t for kind, _, t in _STATUS if isinstance(fault, kind)), "")
    nearest: Any = getattr(fault, "nearest", ())
    return problem(status, fault.message, fix=fault.fix, title=title, nearest=tuple(nearest))
