"""The whole system in one object, for commands, the app and Python users: open a home, add, enrol, index, ask.

Composition only: it knows which part is built from which, and nothing of how any part works. Vision comes in through
entry points (``viot_agent.tools``, ``viot_agent.analyzers``, ``viot_agent.enrolment``).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from viot_agent.agent.limits import EARLIER
from viot_agent.errors import FailedFault, MediaFault, NameFault, UserFault
from viot_agent.fleet import Fleet
from viot_agent.fleet.reserved import check_camera_name, check_person_name
from viot_agent.fleet.types import Camera, Person
from viot_agent.library import address, names
from viot_agent.library.rows import Analyzer
from viot_agent.library.run_store import restored
from viot_agent.library.store import Library
from viot_agent.live.address import checked, is_live
from viot_agent.media.sniff import SUFFIXES
from viot_agent.policy.access import Access
from viot_agent.policy.audit import Audit
from viot_agent.policy.exports import Exports
from viot_agent.policy.role_policy import HousePolicy
from viot_agent.policy.roles import scope_of
from viot_agent.steps import Attachment, Principal, Request, Run, Step
from viot_agent.toolbox import Toolbox
from viot_agent.toolbox.outside import Servers, add_outside
from viot_agent.weights import Weights, default_home

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from viot_agent.agent.asked import Asked
    from viot_agent.agent.runner import Agent
    from viot_agent.alerts.engine import Alerts
    from viot_agent.alerts.types import Firing
    from viot_agent.cluster import Pool
    from viot_agent.library.ingest import IngestReport, Progress
    from viot_agent.library.started import Foreseen
    from viot_agent.llm.mini.model import MiniChat
    from viot_agent.media.types import MediaInfo

DEMO_REQUESTS = "demo-requests.json"
MAX_CONVERSATION = 200
MAX_PURPOSE = 500


class Viot:
    """One installation: a home folder, its library, its fleet, its weights and its tools.

    May be shared between threads: the library is, an agent keeps nothing between runs, and each agent is made once.
    """

    def __init__(self, library: Library, weights: Weights, toolbox: Toolbox, home: Path) -> None:
        self.library, self.weights, self.toolbox, self.home = library, weights, toolbox, home
        self.fleet = Fleet(library)
        self.access = Access(library.db)
        self.policy = HousePolicy(library, self.access)
        self.audit = Audit(library)
        self.exports = Exports(library, weights, home)
        self.principal = Principal()  # who runs this command; servers ask whoever comes in
        self._agents: dict[str, Agent] = {}
        self._alerts: Alerts | None = None
        self._reader: MiniChat | None = None  # of what requests ask for; loaded when plain words do not say it
        self._making = threading.Lock()

    @classmethod
    def open(cls, home: Path | None = None) -> Viot:
        """Open (or make) the home. Raises UserFault when it cannot be used.

        The library is the one that ``VIOT_DB`` names; a home that is given here holds its own.
        """
        db = address.from_env() if home is None else None
        home = home or default_home()
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserFault(f"the folder {home} cannot be made: {error.strerror}", fix="set VIOT_HOME") from error
        return cls(Library.open(home, db), Weights.from_env(home), _toolbox(home), home)

    def close(self) -> None:
        """Close the library."""
        self.library.close()

    def __enter__(self) -> Viot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # cameras and people ----------------------------------------------------------------------------------------------

    def add_camera(
        self, name: str, source: str, *, groups: Sequence[str] = (), tz: str | None = None, start: float | None = None
    ) -> Camera:
        """Add a camera whose source is a video file, a folder of them, or live (an address, a device: ``viot watch``).
        Raises MediaFault, NameFault, UserFault.

        A file is probed first, so that a camera that cannot be read is never added; a live one may be away now. A
        name that a request would take for something else (``fleet.reserved``) is refused, and so is the same source
        under the same name once more with another start, zone or group: it is never changed silently.
        """
        from viot_agent.media.apart import look_first

        if is_live(source):
            return self._add(name, checked(source), groups, tz, start)
        try:
            path = Path(source).expanduser()
            if not path.exists():
                raise MediaFault(f"there is no file or folder {source}", fix="check the path")
            if not path.is_dir():
                if not path.is_file():
                    raise MediaFault(f"{source} is neither a file nor a folder", fix="give a video file or a folder")
                look_first(path)
            elif not any(p.suffix.lower() in SUFFIXES and p.name[0] != "." for p in path.iterdir()):
                endings = ", ".join(sorted(SUFFIXES))
                raise MediaFault(f"the folder {source} holds no video", fix=f"known endings: {endings}")
        except (OSError, RuntimeError) as error:  # a name that is too long, a folder that is shut, ~somebody unknown
            raise MediaFault(f"{source[:200]} cannot be looked at: {error}", fix="check the path") from error
        return self._add(name, str(path.resolve()), groups, tz, start)

    def foreseen(self, camera: Camera) -> Foreseen:
        """When the files of a camera begin and end, and where that is from, before they are indexed. Raises MediaFault
        when there are none any more."""
        from viot_agent.library import sources, started
        from viot_agent.media.apart import look_first
        from viot_agent.media.probe import probe

        def look(path: Path) -> MediaInfo:
            look_first(path)
            return probe(path)

        rows = {row.path: row for row in self.library.media_rows(camera.name)}
        return started.foreseen(camera, sources.files(camera), rows, look)

    def _add(self, name: str, source: str, groups: Sequence[str], tz: str | None, start: float | None) -> Camera:
        """Add a camera whose source was looked at."""
        if is_live(source) and start is not None:
            raise UserFault("a live camera has no start", fix="leave it out: pictures are stamped as they come")
        known, people = self.library.cameras(), self.library.people()
        check_camera_name(name, known, people)
        for group in groups:
            check_camera_name(group, known, people, group=True)
        camera = self.library.add_camera(name, source, groups=groups, tz=tz or local_timezone(), start=start)
        if all(c.id != camera.id for c in known):
            return camera
        other = [
            what
            for what, given, kept in (
                ("time zone", tz, camera.tz),
                ("start", start, camera.start),
                ("groups", {g.strip() for g in groups} or None, set(camera.groups)),
            )
            if given is not None and given != kept
        ]
        if other:
            raise NameFault(
                f"there is already a camera {camera.name!r} of this source, with another {' and '.join(other)}",
                name=camera.name,
                fix=f"remove it first (what is indexed goes too): viot camera remove {camera.name!r}",
            )
        return camera

    def enrol(self, name: str, pictures: Sequence[Path], consent: str, *, by: Principal | None = None) -> Person:
        """Enrol a person from one or more pictures, each with exactly one face. Nothing is stored unless all are good.
        The audit log says that ``by`` did it; None: who runs this command.

        Raises UserFault without consent text, NameFault for a name that requests would take for something else,
        MediaFault for a picture with no face or several.
        """
        from viot_agent.media.apart import look_first

        if not consent.strip():
            raise UserFault(
                "enrolling a person needs the recorded consent or legal basis",
                fix='add --consent "signed form of 3 March"',
            )
        check_person_name(name, self.library.cameras())
        if not pictures:
            raise UserFault("enrolling a person needs at least one picture")
        data = []
        for picture in pictures:
            if not picture.is_file():
                raise MediaFault(f"there is no picture {picture}", fix="check the path")
            look_first(picture, "image")  # names the file when it is no picture
            data.append(picture.read_bytes())
        vectors: dict[str, Any] = {}

        def others(model: str) -> dict[str, Any]:
            # who is enrolled already is refused below, and is not somebody else with this face
            return {n: rows for n, rows in self._vectors_of(model).items() if names.folded(n) != names.folded(name)}

        for point in entry_points(group="viot_agent.enrolment"):
            vectors.update(point.load()(data, [str(p) for p in pictures], self.weights, others))
        person = self.library.add_person(name, data, consent)
        for model, rows in vectors.items():
            self.library.set_person_vectors(person.name, model, rows)
        self.audit.note("enrolled", by=by or self.principal, words={"person": person.name, "consent": consent})
        return person

    def _vectors_of(self, model: str) -> dict[str, Any]:
        """Everybody's enrolment vectors of ``model``, by name."""
        return {p.name: self.library.person_vectors(p.name, model) for p in self.library.people()}

    def add_demo(self, say: Callable[[str], None] = lambda words: None) -> tuple[str, ...]:
        """Add the demo fleet that an installed room brings (``viot_agent.demo_fleets``): footage made on the spot.

        Gives back requests that work on it once it is indexed. Raises FailedFault when no room brings one.
        """
        point = next(iter(sorted(entry_points(group="viot_agent.demo_fleets"), key=lambda p: p.name)), None)
        if point is None:
            raise FailedFault("no installed package brings a demo fleet", fix="pip install -e . in the repository")
        requests: Sequence[str] = point.load()(self, time.time(), say)
        part = self.home / f"{DEMO_REQUESTS}.part"
        part.write_text(json.dumps(list(requests)), "utf-8")
        part.replace(self.home / DEMO_REQUESTS)  # a page may be reading it
        return tuple(requests)

    def demo_requests(self) -> tuple[str, ...]:
        """The requests that work on the demo fleet of this home; none where it was not added."""
        file = self.home / DEMO_REQUESTS
        return tuple(map(str, json.loads(file.read_text("utf-8")))) if file.is_file() else ()

    # indexing --------------------------------------------------------------------------------------------------------

    def analyzers(self, only: Sequence[str] = ()) -> list[Analyzer]:
        """The installed analyzers for the tier in force; of these names, with those that they need, where ``only`` is
        given. Raises FailedFault when two share a name, UserFault for a name that none has."""
        from viot_agent.library.installed import analyzers

        return analyzers(self.weights, only)

    def index(
        self,
        cameras: Sequence[str] = (),
        *,
        progress: Callable[[Progress], None] | None = None,
        wait: bool = False,
        only: Sequence[str] = (),
        fired: Callable[[Firing], None] | None = None,
        pool: Pool | None = None,
    ) -> list[IngestReport]:
        """Index these cameras (all when empty); what is indexed already is not touched. ``only`` names analyzers.
        ``pool``: the workers that look at recordings; this process where it is None.

        After every stored segment the standing alerts look at it; ``fired`` is told what went off. Raises BusyFault
        when another process is indexing and ``wait`` is False.
        """
        from viot_agent.indexing import index_all, meant

        chosen, analyzers = meant(self.fleet, cameras), self.analyzers(only)
        with self.watching(fired) as stored:
            return index_all(self.library, chosen, analyzers, progress=progress, wait=wait, stored=stored, pool=pool)

    # alerts ----------------------------------------------------------------------------------------------------------

    @property
    def alerts(self) -> Alerts:
        """The standing alerts of this library. Raises UserFault for addresses in ``VIOT_ALERTS`` nobody can read."""
        with self._making:
            if self._alerts is None:
                from viot_agent.alerts.engine import Alerts
                from viot_agent.alerts.teller import default_addresses

                self._alerts = Alerts(self.library, self.fleet, self.weights, notify=default_addresses())
            return self._alerts

    @contextmanager
    def watching(self, fired: Callable[[Firing], None] | None) -> Iterator[Callable[[], None]]:
        """What is called after every stored segment, so that alerts look at it; called once at the beginning.
        The thread that tells starts with the first alert that tells anybody, which may be made while this goes on."""
        from viot_agent.alerts.teller import LateTeller

        alerts = self.alerts
        with LateTeller(alerts, self.home / "alerts", leaving=self.exports.told) as teller:

            def look() -> None:
                for one in alerts.scan():
                    if fired is not None:
                        fired(one)
                teller.wake()

            look()  # what a process stored that was killed before it could look
            yield look

    def alert_now(self) -> tuple[list[Firing], list[Firing]]:
        """Let the alerts look at what is new, and tell what is due: (fired, told)."""
        from viot_agent.alerts.deliver import AppriseNotifier, deliver
        from viot_agent.alerts.teller import proof

        alerts = self.alerts
        found = alerts.scan()
        sent = deliver(
            alerts.store,
            self.fleet,
            AppriseNotifier(),
            now=alerts.clock(),
            defaults=alerts.notify,
            evidence=proof(alerts, self.home / "alerts", self.exports.told),
        )
        return found, sent

    # asking ----------------------------------------------------------------------------------------------------------

    def agent(self, llm: str = "mini") -> Agent:
        """The agent with that language model; made once and kept."""
        with self._making:
            if llm not in self._agents:
                from viot_agent.llm import load_llm

                loaded = load_llm(llm, self.toolbox)
                self._agents[llm] = self.agent_over(loaded.model, loaded.name, react=loaded.react)
            return self._agents[llm]

    def agent_over(self, model: BaseChatModel, name: str, *, react: bool) -> Agent:
        """An agent of this house over any chat model: what the request does not ask for, it cannot have done."""
        from viot_agent.agent.asked import Asked
        from viot_agent.llm.mini.model import MiniChat

        if self._reader is None:
            self._reader = model if isinstance(model, MiniChat) else MiniChat(toolbox=self.toolbox)
        return self._agent(model, name, react=react, asked=Asked(self.toolbox, self.fleet, self._reader.plan))

    def _agent(self, model: BaseChatModel, name: str, *, react: bool, asked: Asked | None = None) -> Agent:
        from viot_agent.agent.evidence import EvidenceFiles
        from viot_agent.agent.runner import Agent

        return Agent(
            model,
            self.toolbox,
            self.fleet,
            self.library,
            self.weights,
            self.home,
            llm_name=name,
            react=react,
            policy=self.policy,
            audit=self.audit,
            evidence=EvidenceFiles(self.library, self.fleet, self.home / "evidence"),
            exports=self.exports,
            asked=asked,
        )

    def ask(
        self,
        text: str,
        *,
        attach: Sequence[Path] = (),
        llm: str = "mini",
        conversation: str = "",
        on_step: Callable[[Step], None] | None = None,
        on_begin: Callable[[Step], None] | None = None,
        cancel: threading.Event | None = None,
        principal: Principal = Principal(),  # noqa: B008 (frozen)
        purpose: str = "",
    ) -> Run:
        """Answer a request in words. Raises UserFault, MediaFault for what cannot be read; never for a tool's fault.

        With ``conversation`` (any name) the request is read as the next turn of it: "and yesterday?" is understood. A
        file that an earlier turn attached is attached again (the library keeps no paths). A conversation belongs to the
        ``principal`` who began it; ``purpose`` is recorded with it, and asked for where access is set up.
        ``on_begin`` and ``cancel`` as in :meth:`viot_agent.agent.runner.Agent.run`.
        """
        earlier: list[Run] = []
        if len(conversation) > MAX_CONVERSATION or (conversation and not conversation.strip()):
            raise UserFault(
                f"a conversation's name is 1 to {MAX_CONVERSATION} characters long", fix="any word will do: -c talk1"
            )
        if conversation:
            stored = self.library.runs(owner=principal.name, limit=EARLIER, conversation=conversation)
            earlier = [restored(row) for row in reversed(stored)]
        request = self._request(text, attach, principal, purpose, conversation)
        return self.agent(llm).run(request, on_step, earlier=earlier, on_begin=on_begin, cancel=cancel)

    def call(
        self,
        tool: str,
        args: Mapping[str, Any],
        *,
        attach: Sequence[Path] = (),
        principal: Principal = Principal(),  # noqa: B008 (frozen)
        purpose: str = "",
        conversation: str = "",
        cancel: threading.Event | None = None,
    ) -> Run:
        """One tool call decided by hand, under the same policy, limits and audit as any other.

        In a ``conversation`` the handles of earlier calls are known where the tools keep them. Raises UserFault,
        MediaFault for what cannot be read; never for a tool's fault.
        """
        from viot_agent.llm.fixed import FixedCall

        words = ", ".join(f"{key} {value}" for key, value in args.items())
        request = self._request(f"{tool.replace('_', ' ')}: {words}", attach, principal, purpose, conversation)
        return self._agent(FixedCall(tool=tool, args=args), "form", react=True).run(request, cancel=cancel)

    def _request(
        self, text: str, attach: Sequence[Path], principal: Principal, purpose: str, conversation: str
    ) -> Request:
        """A request that is cut to what the principal may look at. Raises UserFault for a purpose without end."""
        if len(purpose) > MAX_PURPOSE:
            raise UserFault(f"the purpose has {len(purpose)} characters", fix=f"say it in {MAX_PURPOSE}")
        scope = scope_of(principal, self.library.cameras()) if principal.groups is not None else None
        return Request(
            text,
            attachments=attachments(attach),
            principal=principal,
            purpose=purpose,
            camera_scope=scope,
            conversation=conversation,
        )


def _toolbox(home: Path) -> Toolbox:
    """The installed tools, and those of the MCP servers that were added to this home. Raises FailedFault."""
    toolbox = Toolbox.from_entry_points()
    servers = Servers(home).all()
    if servers:
        from viot_agent.toolbox.mcp_client import McpCaller

        add_outside(toolbox, servers, McpCaller())
    return toolbox


def attachments(paths: Sequence[Path]) -> tuple[Attachment, ...]:
    """Files as ``image-1``, ``video-1``, ... in order; a picture is told by its first bytes, whatever it is called.
    Raises MediaFault for a file that is neither."""
    from viot_agent.media.apart import look_first
    from viot_agent.media.sniff import head_of, picture_kind

    found: list[Attachment] = []
    for path in paths:
        if not path.exists():
            raise MediaFault(f"there is no file {path}", fix="check --attach")
        picture = picture_kind(path, head_of(path)) is not None
        kind = "image" if picture or path.suffix.lower() not in SUFFIXES else "video"
        look_first(path, "video" if kind == "video" else "image")
        number = 1 + sum(1 for a in found if a.kind == kind)
        found.append(Attachment(f"{kind}-{number}", "video" if kind == "video" else "image", path.resolve()))
    return tuple(found)


def operator() -> str:
    """Who sits at this machine, by the name of the account."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "local"


def local_timezone() -> str:
    """The machine's IANA zone (``TZ``, /etc/timezone, /etc/localtime), else UTC."""
    from zoneinfo import available_timezones

    candidates = [os.environ.get("TZ", "").lstrip(":")]
    file, link = Path("/etc/timezone"), Path("/etc/localtime")
    if file.is_file():
        candidates.append(file.read_text("utf-8").strip())
    if link.is_symlink():
        candidates.append(str(link.resolve()).partition("zoneinfo/")[2])
    zones = available_timezones()
    return next((c for c in candidates if c in zones), "UTC")
