"""What leaves shows no faces but those it is about: clips that are exported, evidence, and the pictures of alerts.

``VIOT_EXPORTS`` says what: ``exports`` (exported clips, and what alerts send), ``redact`` (evidence, too) or ``clear``
(files stay as the tools wrote them). Left out it is ``exports`` where access is set up, and ``clear`` for the single
user of a machine. It holds for everybody whose role may not export in clear (``clear`` in ``roles.RIGHTS``), for the
single user who asks for it, and for alerts, which go to where nobody asks for a key. Visible stays who is enrolled, is
named in the stated purpose (of an alert: who it watches for), and whose recorded ground holds. A file in which faces
cannot be hidden is deleted, and that is said.

Owns the decision and the order. How a face is hidden is another room's (entry point ``viot_agent.redaction``:
``(weights, library, fleet, home, path, keep, whole) -> None``, in place).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, Protocol

from viot_agent.errors import BackendFault, FailedFault, UserFault, ViotError
from viot_agent.fleet import Fleet
from viot_agent.library import names
from viot_agent.library.store import Library
from viot_agent.policy.consent import Consents
from viot_agent.policy.keys import Keys
from viot_agent.policy.naming import Name
from viot_agent.policy.roles import OWNER, may
from viot_agent.steps import Evidence, Principal, Run
from viot_agent.weights import Weights

LOG = logging.getLogger("viot_agent.policy")
SETTING = "VIOT_EXPORTS"
GROUP = "viot_agent.redaction"
Scope = Literal["clear", "exports", "redact"]
FOLDERS: Mapping[Scope, tuple[str, ...]] = {"clear": (), "exports": ("exports",), "redact": ("evidence", "exports")}
"""The folders below the home whose files show no faces."""


class Hider(Protocol):
    """Hides faces in a picture or video file, in place. ``whole``: where no face is found in a picture, all of it is
    hidden. Raises ViotError; the file is then as it was."""

    def __call__(
        self, weights: Weights, library: Library, fleet: Fleet, home: Path, path: Path, keep: Sequence[str], whole: bool
    ) -> None: ...


def wanted(environ: Mapping[str, str] = os.environ) -> Scope | None:
    """What the setting asks for, None where it is left out. Raises UserFault for a word that it does not know."""
    word = environ.get(SETTING, "").strip().casefold()
    if not word:
        return None
    for scope in FOLDERS:
        if word == scope:
            return scope
    raise UserFault(f"{SETTING} is {word[:40]!r}", fix="set it to exports, redact or clear, or unset it")


def installed() -> Hider:
    """The hider of another room. Raises FailedFault where none is installed."""
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        hider: Hider = point.load()
        return hider
    raise FailedFault(
        "nothing that hides faces is installed", fix="install viot-agent whole: in its clone, pip install ."
    )


class Exports:
    """The rule for one home. ``scope``: None = what the setting asks for; ``hider``: None = the installed one, loaded
    when it is first needed."""

    def __init__(
        self, library: Library, weights: Weights, home: Path, *, scope: Scope | None = None, hider: Hider | None = None
    ) -> None:
        self.library, self.weights, self.home = library, weights, home
        self.fleet, self.consents = Fleet(library), Consents(library.db)
        self._asked = wanted() if scope is None else scope
        self._keys, self._hider = Keys(library.db), hider
        self._set_up = False

    @property
    def scope(self) -> Scope:
        """What shows no faces."""
        if self._asked is not None:
            return self._asked
        self._set_up = self._set_up or self._keys.any()  # it never goes back
        return "exports" if self._set_up else "clear"

    def redacts(self, who: Principal) -> bool:
        """Whether nothing that this principal is given shows faces: evidence and recordings, too."""
        return self.scope == "redact" and _bound(who)

    def visible(self, purpose: str) -> tuple[str, ...]:
        """Who stays visible: enrolled people whom the purpose names and whose ground holds."""
        people, now = [p.name for p in self.library.people()], self.consents.clock()
        ended = {names.folded(c.person) for c in self.consents.all() if c.ended(now)}
        return tuple(p for p in people if names.folded(p) not in ended and Name(p, people).within(purpose))

    def redact(self, run: Run) -> Run:
        """The run with the faces of all its files hidden, where its principal is given no others; the answer says so.

        A file in which they could not be hidden is deleted, and its evidence names none.
        """
        if not run.evidence or self.scope == "clear" or not _bound(run.request.principal):
            return run
        keep = self.visible(run.request.purpose)
        finished: dict[str, Evidence] = {}
        lost = hidden = 0
        own = {a.handle for a in run.request.attachments}
        for piece in run.evidence:
            if piece.camera in own:  # a copy of what was attached: who asked has the original
                own.add(piece.label)
                continue
            paths = {field: getattr(piece, field) for field in ("crop", "clip") if self._ours(getattr(piece, field))}
            gone = [field for field, path in paths.items() if not self.hide(Path(path), keep, who=piece.who)]
            hidden, lost = hidden + len(paths) - len(gone), lost + len(gone)
            if paths:
                # the bytes of the picture are in the file, and nowhere else from here on
                finished[piece.id] = replace(
                    piece,
                    crop_jpeg=None,
                    crop=None if "crop" in gone else piece.crop,
                    clip=None if "clip" in gone else piece.clip,
                )
        but = f", except of {', '.join(keep)} where they are told apart" if keep else ""
        what = "shown" if self.scope == "redact" else "exported"
        said = [f"Faces are hidden in what is {what}{but}."] if hidden else []
        said += [f"{lost} file(s) were not kept: faces could not be hidden in them."] if lost else []
        answer = replace(run.answer, text=" ".join([run.answer.text, *said]))
        return replace(run.with_evidence(finished), answer=answer)

    def hide(self, path: Path, keep: Sequence[str], *, who: str | None = None) -> bool:
        """Hide the faces of one file of ours, in place; False where that could not be done: the file is deleted then.

        ``who`` the evidence says it shows: a crop of somebody who stays visible is left as it is; one of somebody else
        is hidden whole where no face is found in it, for it was cut out because of one.
        """
        kept = {names.folded(k) for k in keep}
        if path.suffix.lower() != ".mp4" and who is not None and names.folded(who) in kept:
            return True
        whole = path.suffix.lower() != ".mp4"
        for visible in (keep, ()) if keep else ((),):  # who cannot be told apart is hidden with the others
            try:
                hider = self._hider or installed()
                hider(self.weights, self.library, self.fleet, self.home, path, visible, whole)
            except ViotError as fault:
                LOG.warning("faces could not be hidden in %s: %s", path.name, fault)
                continue
            return True
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise BackendFault(f"{path} cannot be deleted: {error.strerror}", fix="see to its rights") from error
        return False

    def told(self, event: str, make: Sequence[Path]) -> list[Path]:
        """The files that go out with an alert: without faces but those of whom it watches for."""
        if self.scope == "clear":
            return list(make)
        keep = self.visible(event.partition(":")[2]) if event.casefold().startswith("face:") else ()
        return [path for path in make if self.hide(path, keep)]

    def _ours(self, path: str | None) -> bool:
        if not path or not Path(path).is_file():
            return False
        return any(Path(path).resolve().is_relative_to((self.home / f).resolve()) for f in FOLDERS[self.scope])


def _bound(who: Principal) -> bool:
    """Whether this principal gets no files in clear."""
    return who.role == OWNER or not may(who, "clear")
