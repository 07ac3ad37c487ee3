"""Cameras and enrolled people: the rows a person makes, not the ones analyzers make."""

from __future__ import annotations

import time
import zoneinfo
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from viot_agent.errors import NameFault, UserFault
from viot_agent.fleet.types import Camera, Person
from viot_agent.library import names, packing
from viot_agent.library.base import Part
from viot_agent.library.schema import camera_groups, cameras, people, person_pictures, person_vectors
from viot_agent.library.schema import segment_runs as runs
from viot_agent.library.schema import segments as segs
from viot_agent.live.address import shown


class FleetStore(Part):
    """Cameras and people. Names are compared without case; what is shown is what was given."""

    def cameras(self) -> list[Camera]:
        """All cameras in the order they were added."""
        with self.db.read() as connection:
            return _cameras(connection)

    def add_camera(
        self, name: str, source: str, *, groups: Sequence[str] = (), tz: str = "UTC", start: float | None = None
    ) -> Camera:
        """Add a camera; the same name with the same source gives back the one that is there, unchanged.

        Raises NameFault for a name taken by another source, UserFault for an unusable name, group or time zone.
        """
        name = names.clean(name, "camera")
        wanted = sorted({names.clean(g, "group") for g in groups})
        if not source.strip():
            raise UserFault(f"The camera {name!r} needs a source.", fix="give a file, a folder or a stream address")
        try:
            zoneinfo.ZoneInfo(tz)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UserFault(f"There is no time zone {tz!r}.", fix="use an IANA name such as Europe/Berlin") from error
        with self.db.write() as connection:
            there = next((c for c in _cameras(connection) if names.folded(c.name) == names.folded(name)), None)
            if there is not None:
                if there.source == source:
                    return there
                raise NameFault(
                    f"There is already a camera {there.name!r} with the source {shown(there.source)}.",
                    name=name,
                    fix=f"choose another name, or remove it first: viot camera remove {there.name!r}",
                )
            values = {
                "name": name,
                "folded": names.folded(name),
                "source": source,
                "tz": tz,
                "start": start,
                "created": time.time(),
            }
            key = connection.execute(cameras.insert().values(**values)).inserted_primary_key
            assert key is not None
            if wanted:
                connection.execute(camera_groups.insert(), [{"camera_id": key[0], "name": g} for g in wanted])
            return next(c for c in _cameras(connection) if c.id == int(key[0]))

    def remove_camera(self, name: str) -> None:
        """Remove a camera with all that was found on it; its vectors are overwritten. Raises NameFault when unknown."""
        with self.db.write() as connection:
            camera = self._camera_id(connection, name)
            written = connection.execute(
                select(runs.c.id).join(segs, segs.c.id == runs.c.segment_id).where(segs.c.camera_id == camera)
            ).scalars()
            stretches = self.index.stretches(connection, written)
            connection.execute(cameras.delete().where(cameras.c.id == camera))
        with self.db.translated():
            self.index.erase(stretches)

    def people(self) -> list[Person]:
        """All enrolled people by name."""
        pictures = (
            select(person_pictures.c.person_id, func.count().label("n"))
            .group_by(person_pictures.c.person_id)
            .subquery()
        )
        query = (
            select(people.c.id, people.c.name, people.c.consent, func.coalesce(pictures.c.n, 0).label("n"))
            .outerjoin(pictures, pictures.c.person_id == people.c.id)
            .order_by(people.c.folded)
        )
        with self.db.read() as connection:
            return [Person(int(r.id), r.name, r.consent, int(r.n)) for r in connection.execute(query)]

    def add_person(self, name: str, pictures: Sequence[bytes], consent: str) -> Person:
        """Enrol a person with the pictures' bytes. Raises NameFault for a name taken, UserFault without consent."""
        name = names.clean(name, "person")
        consent = consent.strip()
        if not consent:
            raise UserFault(
                f"Enrolling {name} needs a consent or legal basis.",
                fix='say which: --consent "signed form, 2026-11-01"',
            )
        with self.db.write() as connection:
            if connection.execute(select(people.c.id).where(people.c.folded == names.folded(name))).first():
                raise NameFault(
                    f"{name} is already enrolled.",
                    name=name,
                    fix=f"remove the person first: viot person remove {name!r}",
                )
            values = {"name": name, "folded": names.folded(name), "consent": consent, "created": time.time()}
            key = connection.execute(people.insert().values(**values)).inserted_primary_key
            assert key is not None
            if pictures:
                rows = [{"person_id": key[0], "idx": i, "data": bytes(p)} for i, p in enumerate(pictures)]
                connection.execute(person_pictures.insert(), rows)
            return Person(int(key[0]), name, consent, len(pictures))

    def remove_person(self, name: str) -> None:
        """Remove a person with pictures and vectors. Raises NameFault when unknown."""
        with self.db.write() as connection:
            connection.execute(people.delete().where(people.c.id == _person(connection, name)))

    def person_pictures(self, name: str) -> list[bytes]:
        """The enrolment pictures in the order given. Raises NameFault when unknown."""
        with self.db.read() as connection:
            pictures = person_pictures.c
            query = select(pictures.data).where(pictures.person_id == _person(connection, name)).order_by(pictures.idx)
            return [bytes(d) for d in connection.execute(query).scalars()]

    def person_vectors(self, name: str, model: str) -> NDArray[np.float32]:
        """(N, D) float32 as set; (0, 0) when none. Raises NameFault when unknown."""
        with self.db.read() as connection:
            vectors = person_vectors.c
            row = connection.execute(
                select(vectors.dim, vectors.data).where(
                    (vectors.person_id == _person(connection, name)) & (vectors.model == model)
                )
            ).first()
        if row is None:
            return np.zeros((0, 0), np.float32)
        return packing.unpack32(row.data).reshape(-1, int(row.dim)).copy()

    def set_person_vectors(self, name: str, model: str, vectors: NDArray[np.float32]) -> None:
        """Replace the vectors (N, D) of a person for a model; N = 0 removes them. Raises NameFault when unknown."""
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.size and vectors.ndim != 2:
            raise ValueError(f"vectors must be (N, D), not {vectors.shape}")
        with self.db.write() as connection:
            person = _person(connection, name)
            table = person_vectors
            connection.execute(table.delete().where((table.c.person_id == person) & (table.c.model == model)))
            if vectors.size:
                values = {"person_id": person, "model": model, "dim": vectors.shape[1]}
                connection.execute(table.insert().values(data=packing.pack(vectors, "<f4"), **values))


def _cameras(connection: Connection) -> list[Camera]:
    groups: dict[int, list[str]] = {}
    for row in connection.execute(select(camera_groups).order_by(camera_groups.c.name)):
        groups.setdefault(int(row.camera_id), []).append(row.name)
    return [
        Camera(int(r.id), r.name, r.source, tuple(groups.get(int(r.id), ())), r.tz, r.start)
        for r in connection.execute(select(cameras).order_by(cameras.c.id))
    ]


def _person(connection: Connection, name: str) -> int:
    found = connection.execute(select(people.c.id).where(people.c.folded == names.folded(name))).scalar()
    if found is None:
        raise names.unknown("person", name, connection.execute(select(people.c.name)).scalars())
    return int(found)
