"""The exception tree: whose fault it was decides what happens next.

::

    ViotError                 every error this product raises on purpose; ``exit_code``, ``fix``
    +-- UserFault       (2)   what the person gave cannot be used: say what to do
    |   +-- MediaFault        a file that is no usable video or picture
    |   +-- NameFault         a camera, group or person that is not there; ``nearest`` names
    |   +-- TimeFault         a time phrase that cannot be read
    |   +-- LibraryFault      the library is newer than this program, or damaged
    |   +-- BusyFault         another process is doing the same thing
    +-- ModelFault      (3)   the language model wrote something unusable
    |   +-- ParseFault        text that is no ReAct step
    +-- ToolFault       (3)   a tool could not do its work
    |   +-- RetryFault        the model can correct its call (message tells how)
    |   |   +-- ArgsFault       arguments that break the tool's schema
    |   +-- StoppedFault      the person stopped the run while the tool worked
    |   +-- FailedFault       terminal: ``fix`` holds the command that mends it
    |       +-- WeightsMissing  a model file is absent
    +-- BackendFault    (3)   a server, disk or database did not answer
    |   +-- DiskFault   (2)   the disk is full: the person can free it; what was committed stays
    |   +-- LostFault         a server that went away, or is not there: the same may work when it is back
    +-- PolicyRefusal   (4)   not allowed; ``reason``
        +-- SignInRefusal     nobody known asks: no key, or one that is wrong, expired or revoked
        +-- RateRefusal       too often; ``wait`` seconds

Owns the tree. Does not know who raises or prints. Builtin exceptions of libraries are translated at the seam where the
library is called, with ``raise ... from``; nothing is swallowed.
"""

from __future__ import annotations

from collections.abc import Sequence


class ViotError(Exception):
    """Base of all errors raised on purpose. ``str(error)`` is a sentence for a person; ``fix`` says what to do."""

    exit_code = 3

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} ({self.fix})" if self.fix else self.message


class UserFault(ViotError):
    """The person's input cannot be used."""

    exit_code = 2


class MediaFault(UserFault):
    """A file that is missing, empty, damaged or of the wrong kind."""


class NameFault(UserFault):
    """A name nobody carries. ``nearest`` holds the closest known names, never taken silently."""

    def __init__(self, message: str, *, name: str = "", nearest: Sequence[str] = (), fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.name = name
        self.nearest = tuple(nearest)


class TimeFault(UserFault):
    """A time phrase that cannot be read."""


class LibraryFault(UserFault):
    """The library on disk cannot be used by this program."""


class BusyFault(UserFault):
    """Another process holds what this one needs."""


class ModelFault(ViotError):
    """The language model's output cannot be used."""


class ParseFault(ModelFault):
    """Text that is not one ReAct step. ``text`` is what the model wrote."""

    def __init__(self, message: str, *, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class ToolFault(ViotError):
    """A tool could not do its work."""


class RetryFault(ToolFault):
    """The call was wrong in a way the model can correct; ``nearest`` offers values."""

    def __init__(self, message: str, *, nearest: Sequence[str] = (), fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.nearest = tuple(nearest)


class TransientFault(RetryFault):
    """The tool did nothing this time, and the same call may work at once: the agent makes it once more by itself."""


class ArgsFault(RetryFault):
    """Arguments that break the tool's schema, or a tool that does not exist: the model's doing, never the person's."""


class FailedFault(ToolFault):
    """The tool cannot work at all here; trying again is useless."""


class WeightsMissing(FailedFault):
    """A model file is not on this machine; ``fix`` is the command that gets it."""


class StoppedFault(ToolFault):
    """The person who asked has stopped the run: what the tool had begun is left."""


class BackendFault(ViotError):
    """A server, disk or database did not do its part."""


class DiskFault(BackendFault):
    """The disk is full. What was committed stays; nothing half-written is left."""

    exit_code = 2


class LostFault(BackendFault):
    """A server that went away in the middle, or is not there."""


class PolicyRefusal(ViotError):
    """The policy does not allow this request."""

    exit_code = 4

    def __init__(self, reason: str, *, fix: str = "") -> None:
        super().__init__(reason, fix=fix)
        self.reason = reason


class SignInRefusal(PolicyRefusal):
    """Nobody known asks: no key was shown, or one that is wrong, has expired or was revoked."""


class RateRefusal(PolicyRefusal):
    """Asked too often; ``wait`` says how many seconds to wait."""

    def __init__(self, reason: str, *, wait: float, fix: str = "") -> None:
        super().__init__(reason, fix=fix or f"wait {max(1, round(wait))} s")
        self.wait = wait
