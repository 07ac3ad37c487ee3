"""``viot demo``: make a small fleet, index it, ask it in words, check the answers, leave the evidence behind.

``--data DIR`` does the same with a folder of real videos, whose truth nobody knows: it prints the answers only.

Owns the order of things, its own folder and the clock. What is painted, asked, judged and printed is other modules'.
"""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from viot_agent.errors import MediaFault, NameFault, UserFault
from viot_agent.fleet.reserved import reserved
from viot_agent.foreign import read_json
from viot_tools.demo import footage, report
from viot_tools.demo.asking import Question, questions
from viot_tools.demo.figures import COLLINS, HOPPER
from viot_tools.demo.report import Outcome, Part

if TYPE_CHECKING:
    from viot_agent.system import Viot

MARK = "demo.json"
CONSENT = "public-domain portrait, demo"
WRONG = 3
"""Exit code when an answer is wrong."""
_ASKED_CAMERAS = 4  # of a folder of real videos, so many cameras are asked about one by one


class Demo:
    """One run of the demo. ``now`` POSIX seconds: the day before it is the day the made footage plays on."""

    def __init__(
        self, home: Path, out: Path | None, llm: str, keep: bool, console: Console, now: float | None = None
    ) -> None:
        self.home = home.expanduser().absolute()
        self.out = out.expanduser().absolute() if out is not None else self.home / "answers"
        self.llm, self.keep, self.console = llm, keep, console
        self.now = time.time() if now is None else now
        self.parts: list[Part] = []
        self._began = time.monotonic()

    # the two demos ---------------------------------------------------------------------------------------------------

    def on_made_footage(self) -> int:
        """The fleet that the demo makes itself. Gives the exit code: 0 when every answer is right."""
        from viot_agent.system import Viot

        fresh = self._claim("made")
        clips = footage.script(self.now)
        if fresh:
            self._say("Making the footage", f"{len(clips)} cameras, {sum(c.seconds for c in clips):.0f} s, no network")
            with self._timed("make footage"):
                for clip in clips:
                    footage.make(clip, self.home / "footage")
        with Viot.open(self.home) as viot:
            if fresh:
                with self._timed("add cameras, enrol"):
                    for clip in clips:
                        file = self.home / "footage" / clip.file_name()
                        viot.add_camera(clip.camera, str(file), groups=clip.groups, tz="UTC", start=clip.start)
                    viot.enrol(COLLINS.name, [COLLINS.path], CONSENT)
                self.console.print(Text(f"  enrolled {COLLINS.name} ({COLLINS.credit})", "dim"))
                self.console.print(Text(f"  not enrolled: {HOPPER.name} ({HOPPER.credit})", "dim"))
            self._index(viot)
            self._mark("made", indexed=True)
            outcomes = self._ask(viot, questions(), footage.truth(clips))
            tier = viot.weights.tier
        right = sum(o.right is True for o in outcomes)
        self._leave(outcomes, f"viot demo: {right} of {len(outcomes)} answers right", tier)
        for o in outcomes:
            if not o.right and o.finding is not None:
                faults = "; ".join(o.finding.faults)
                self.console.print(Text(f"WRONG: {o.run.request.text}  {faults}", "bold red"))
        self._next('ask "When was Eileen Collins in the lobby?"', "demo --data FOLDER_OF_VIDEOS --home my-demo")
        return 0 if right == len(outcomes) else WRONG

    def on_folder(self, data: Path) -> int:
        """A folder of real videos, each a camera. Raises UserFault when none can be read."""
        from viot_agent.system import Viot

        files = _videos(data)
        fresh = self._claim("data")
        with Viot.open(self.home) as viot:
            if fresh:
                self._say("Adding cameras", f"{len(files)} videos in {data}")
                with self._timed("add cameras"):
                    self._add(viot, files)
            names = [camera.name for camera in viot.library.cameras()]
            if not names:
                raise UserFault(f"no video in {data} can be read", fix="name a folder of mp4, mkv, avi or mov files")
            self._index(viot)
            self._mark("data", indexed=True)
            outcomes = self._ask(viot, open_questions(names), None)
            tier = viot.weights.tier
        self._leave(outcomes, f"viot demo on {len(names)} videos of {data.name}", tier)
        self._next('person enroll "NAME" PICTURE --consent "..."', 'ask "When was NAME seen?"')
        return 0 if all(o.run.answer.status != "incomplete" for o in outcomes) else WRONG

    # parts -----------------------------------------------------------------------------------------------------------

    def _claim(self, kind: str) -> bool:
        """Make the folder, or take the one that an earlier demo made; True when it is empty now.

        Raises UserFault for a folder with anything else in it: nothing of anybody's is ever overwritten.
        """
        mark = self.home / MARK
        if self.home.exists() and not self.home.is_dir():
            raise UserFault(f"{self.home} is a file", fix="name a folder with --home")
        if self.keep:
            record = _read_mark(mark)
            if record.get("kind") != kind or not record.get("indexed"):
                raise UserFault(f"{self.home} holds no finished demo of this kind", fix="run it once without --keep")
            self.now = float(record["now"])
            return False
        if self.home.is_dir() and any(self.home.iterdir()):
            if not mark.is_file():
                raise UserFault(
                    f"{self.home} holds files that the demo did not make, and it never overwrites such",
                    fix="name another folder with --home",
                )
            _read_mark(mark)
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        self._mark(kind, indexed=False)
        return True

    def _mark(self, kind: str, *, indexed: bool) -> None:
        record = {"made_by": "viot demo", "kind": kind, "now": self.now, "indexed": indexed}
        (self.home / MARK).write_text(json.dumps(record) + "\n", "utf-8")

    def _add(self, viot: Viot, files: Sequence[Path]) -> None:
        taken: set[str] = set()
        for file in files:
            name = file.stem if file.stem not in taken and not reserved(file.stem) else file.name
            taken.add(name)
            try:
                viot.add_camera(name, str(file))
            except (MediaFault, NameFault) as fault:
                self.console.print(Text(f"  left out: {fault}", "yellow"))

    def _index(self, viot: Viot) -> None:
        models = ", ".join(f"{a.name} ({a.model})" for a in viot.analyzers())
        self._say("Indexing", f"tier {viot.weights.tier}: {models}")
        columns = (TextColumn("  {task.description}"), BarColumn(24), TextColumn("{task.fields[speed]}"))
        with self._timed("index"), Progress(*columns, console=self.console) as bar:
            tasks: dict[str, Any] = {}

            def show(state: Any) -> None:
                if state.camera not in tasks:
                    tasks[state.camera] = bar.add_task(state.camera, total=1.0, speed="")
                done = (state.file - 1 + state.at / max(state.duration, 1e-6)) / max(state.files, 1)
                speed = f"{state.fps:.1f} fps, {state.times_real_time:.1f} times real time"
                bar.update(tasks[state.camera], completed=done, speed=speed)

            reports = viot.index(progress=show)
        for done in reports:
            for problem in done.problems:
                self.console.print(Text(f"  {problem.media}, at {problem.t:.1f} s: {problem.message}", "yellow"))

    def _ask(self, viot: Viot, asked: Sequence[Question], truth: footage.Truth | None) -> list[Outcome]:
        from viot_agent.steps import Request

        with self._timed("load the language model"):
            agent = viot.agent(self.llm)
        self._say("Asking", f"{len(asked)} requests, language model {agent.llm_name}")
        outcomes: list[Outcome] = []
        with self._timed(f"ask {len(asked)} requests"):
            for number, question in enumerate(asked, 1):
                run = agent.run(Request(question.text, now=self.now))
                finding = question.check(run, truth) if question.check and truth else None
                outcome = Outcome(number, question.about, run, finding)
                report.show(self.console, outcome, len(asked), report.gather(outcome, self.out))
                outcomes.append(outcome)
        return outcomes

    def _leave(self, outcomes: Sequence[Outcome], title: str, tier: str) -> None:
        from viot_tools.demo.sheet import draw_sheet

        sheet, record = self.out / "contact_sheet.png", self.out / "answers.json"
        names = ", ".join(dict.fromkeys(o.run.llm for o in outcomes))
        asking = sum(o.run.seconds for o in outcomes) / max(len(outcomes), 1)
        subtitle = f"tier {tier}, language model {names}, {asking:.1f} s a request with its evidence clips"
        with self._timed("contact sheet"):
            draw_sheet(outcomes, title, subtitle, sheet)
        self.parts.append(Part("all", time.monotonic() - self._began))
        report.write_json(record, outcomes, self.parts, tier)
        report.show_parts(self.console, self.parts, outcomes)
        self.console.print()
        self.console.print(Text(f"{title} (tier {tier})", "bold"))
        for file in (sheet, record):
            self.console.print(Text(f"  {file}", "dim"))

    def _next(self, *commands: str) -> None:
        here = f"VIOT_HOME={shlex.quote(str(self.home))} "
        for command in commands:
            self.console.print(Text(f"Next: {'' if command.startswith('demo') else here}viot {command}"))

    def _say(self, what: str, detail: str) -> None:
        self.console.print()
        self.console.print(Text.assemble((what, "bold"), (f"  {detail}", "dim")))

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.parts.append(Part(name, time.monotonic() - started))


def open_questions(cameras: Sequence[str]) -> tuple[Question, ...]:
    """Generic requests for footage whose truth nobody knows; at most four cameras are asked about one by one."""

    def ask(about: str, text: str) -> Question:
        return Question(about, text, None)

    each = [
        question
        for name in cameras[:_ASKED_CAMERAS]
        for question in (
            ask("people", f"Who appears on {name}?"),
            ask("count", f"How many people were on {name} at most?"),
        )
    ]
    return (*each, ask("plates", "Which plates were seen?"), ask("fleet", "Which cameras are there?"))


def _videos(data: Path) -> list[Path]:
    """The video files of a folder, by name. Raises UserFault when there is none."""
    from viot_agent.media.sniff import SUFFIXES

    if not data.is_dir():
        raise UserFault(f"there is no folder {data}", fix="name a folder of videos with --data")
    files = sorted(p for p in data.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not files:
        raise UserFault(f"the folder {data} holds no video", fix=f"known endings: {', '.join(sorted(SUFFIXES))}")
    return files


def _read_mark(mark: Path) -> dict[str, Any]:
    """The mark of a demo's folder. Raises UserFault when there is none, or when it is not the demo's."""
    if not mark.is_file():
        raise UserFault(f"{mark.parent} was not made by viot demo", fix="run it once without --keep")
    try:
        record = read_json(mark.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise UserFault(f"{mark} cannot be read: {error}", fix="name another folder with --home") from error
    if not isinstance(record, dict) or record.get("made_by") != "viot demo":
        raise UserFault(f"{mark} is not the demo's own", fix="name another folder with --home")
    return record
