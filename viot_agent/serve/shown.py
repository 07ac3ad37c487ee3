"""A stored run as REST gives it: the page's own view of the record, with its media's addresses signed.

Owns the form. Derived from the stored record alone, so that a live answer and one fetched later are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from viot_agent.serve.schemas import ClaimOut, EvidenceOut, RunOut, StepOut
from viot_agent.serve.signing import Signer
from viot_agent.steps import Step, iso
from viot_agent.system import Viot
from viot_agent.web import who
from viot_agent.web.views import Piece, StepView, Views

SCHEME = "viot://"
_MEDIA = "/media/"


class Shown:
    """Makes what is given out. ``signer`` signs for whoever asked."""

    def __init__(self, viot: Viot, signer: Signer) -> None:
        self.viot, self.signer = viot, signer
        self.views = Views(viot.home)

    def run(self, record: Mapping[str, Any], conversation: str, principal: str) -> RunOut:
        """A run from its record, for the principal whose it is."""
        view = self.views.run(record, self.viot.library.cameras())
        return RunOut(
            run=view.id,
            conversation=conversation,
            request=view.request,
            status=record["status"],
            answer=view.answer,
            missing=list(view.missing),
            claims=[ClaimOut(text=c["text"], evidence=list(c["evidence"])) for c in record["claims"]],
            steps=[_step(s) for s in view.steps],
            evidence=[self._piece(p, principal) for p in view.pieces],
            llm=view.llm,
            seconds=view.seconds,
            media_seconds=int(self.signer.lifetime),
        )

    def step(self, step: Step) -> StepOut:
        """A step as the agent reports it."""
        return _step(self.views.step(step))

    def _piece(self, piece: Piece, principal: str) -> EvidenceOut:
        def signed(path: str) -> str:
            return self.signer.address(principal, path) if path else ""

        picture = piece.picture
        if picture.startswith(f"{_MEDIA}frame/") and self.viot.exports.redacts(who.principal(self.viot, principal)):
            picture = ""  # who is shown no faces is given no whole frame: the address would open nothing
        return EvidenceOut(
            id=piece.id,
            camera=piece.camera,
            start=iso(piece.start),
            end=iso(piece.end),
            at_local=piece.at_local,
            time_zone=piece.tz,
            who=piece.who,
            label=piece.label,
            score=piece.score,
            tool=piece.tool,
            model=piece.model,
            model_version=piece.model_version,
            picture=signed(picture),
            clip=signed(piece.clip),
            seek=piece.seek,
            picture_uri=uri(picture),
            clip_uri=uri(piece.clip),
        )


def uri(address: str) -> str:
    """``viot://evidence/run-1a2b/e1.jpg`` for the media address of a file."""
    return SCHEME + unquote(address.removeprefix(_MEDIA)) if address.startswith(_MEDIA) else ""


def parts_of(reference: str) -> tuple[str, str, str] | None:
    """(folder, run, name) of such a URI; None for anything else."""
    words = reference.removeprefix(SCHEME).split("/") if reference.startswith(SCHEME) else []
    return (words[0], words[1], words[2]) if len(words) == 3 and all(words) else None


def _step(view: StepView) -> StepOut:
    return StepOut(
        thought=view.thought,
        tool=view.tool,
        args=dict(view.args),
        observation=view.result,
        state=view.state,
        verdict=view.verdict,
        seconds=view.seconds,
    )
