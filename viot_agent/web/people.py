"""Enrolled people in the page: who there is, enrolling with consent, removing.

Owns the markup and the checks that are the page's own. Consent is required by ``Viot.enrol``, and named here first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from viot_agent.errors import MediaFault, UserFault
from viot_agent.fleet.types import Person
from viot_agent.steps import Principal
from viot_agent.system import Viot
from viot_agent.web.bubbles import escaped
from viot_agent.web.sessions import unplaced

UNTOLD = '<p class="viot-quiet">Who is enrolled is told to those who may look for people, or enrol them.</p>'


def people_html(people: Sequence[Person]) -> str:
    """Everybody enrolled, with the consent on record."""
    if not people:
        return '<p class="viot-quiet">Nobody is enrolled. Cameras can only be asked by name about people who are.</p>'
    rows = "".join(
        f"<tr><th scope='row'>{escaped(p.name)}</th><td>{p.pictures}</td><td>{escaped(p.consent)}</td></tr>"
        for p in people
    )
    return (
        '<table class="viot-table"><caption class="viot-hidden">Enrolled people</caption><thead><tr>'
        "<th scope='col'>Name</th><th scope='col'>Pictures</th><th scope='col'>Consent or legal basis</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def enrol(viot: Viot, name: str, pictures: Sequence[Path], consent: str, *, by: Principal | None = None) -> Person:
    """Enrol from pictures given on the page. Raises UserFault or MediaFault, naming a picture as the person did."""
    if not name.strip():
        raise UserFault("the person needs a name", fix="write the name as you will ask for it")
    if not pictures:
        raise UserFault("there is no picture", fix="add one, or attach one to the chat first")
    if not consent.strip():
        raise UserFault(
            "enrolling somebody needs their recorded consent, or the legal basis",
            fix="write which, for example: signed form of 3 March 2026",
        )
    try:
        return viot.enrol(name.strip(), list(pictures), consent.strip(), by=by)
    except MediaFault as fault:
        raise unplaced(fault, pictures) from fault
