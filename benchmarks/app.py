"""The chat in a real browser: first paint, first step on screen, and ten people asking at once.

    python benchmarks/app.py [--repeat 5] [--users 10] [--home DIR] [--json FILE]

Starts ``python app.py`` on the demo fleet (made first where ``--home`` does not hold it), drives it with Chromium, and
prints medians and worst cases beside the aims: first paint 2 s, first step 1 s after sending. "Sent" is the page's own
line, which needs no server; "first sign" what the server says first: that it reads, or the number in line. The server
is held to two cores where the machine has more. What else the machine does is printed too (load): on a busy one the
figures say little.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from viot_agent.system import Viot

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WATCH = """() => {
  window.viotMarks = [];
  const chat = document.getElementById('viot-chat');
  const sent = document.getElementById('viot-sent');
  new MutationObserver(() => {
    if (!window.viotLine && sent.textContent) window.viotLine = performance.now();
  }).observe(sent, {childList: true, characterData: true, subtree: true});
  new MutationObserver(() => {
    const steps = [...chat.querySelectorAll('[data-testid=bot]')].map(e => e.innerText).join(' ');
    if (!window.viotShown && /Reading your request|Waiting: number/.test(steps)) window.viotShown = performance.now();
    if (!window.viotStep && /(recognition|counting|cameras)[:\\n ]/i.test(steps)) window.viotStep = performance.now();
    if (!window.viotAnswer && chat.querySelector('.viot-answer')) window.viotAnswer = performance.now();
  }).observe(chat, {childList: true, subtree: true, characterData: true});
}"""


def prepare(home: Path) -> None:
    """The demo fleet, indexed."""
    with Viot.open(home) as viot:
        if not viot.demo_requests():
            viot.add_demo(print)
        viot.index()


@contextmanager
def served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The running page: address and process."""
    environment = {**os.environ, "VIOT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(ROOT / "app.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        process = psutil.Process(server.pid)
        cores = process.cpu_affinity()
        process.cpu_affinity(cores[:2])
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            if found is None:
                raise SystemExit("app.py did not start")
            yield found[0], process
        finally:
            server.terminate()


def opened(browser: Any, url: str) -> tuple[Any, dict[str, float]]:
    """A fresh browser profile on the page, with its times in seconds."""
    page = browser.new_context(viewport={"width": 1360, "height": 900}).new_page()
    page.goto(url)
    page.wait_for_selector("#viot-box textarea", timeout=120_000)
    usable = page.evaluate("performance.now()") / 1000
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    page.wait_for_selector("#viot-example-0", timeout=120_000)
    return page, {"first paint": paint, "usable": usable}


def send(page: Any, words: str) -> None:
    """Send, remembering when."""
    page.evaluate("() => { window.viotLine = window.viotShown = window.viotStep = window.viotAnswer = 0; }")
    page.evaluate(WATCH)
    page.fill("#viot-box textarea", words)
    page.evaluate("() => { window.viotSent = performance.now(); }")
    page.press("#viot-box textarea", "Enter")


def heard(page: Any) -> dict[str, float]:
    """Seconds from sending to the first sign, the first step and the answer."""
    page.wait_for_function("() => window.viotAnswer > 0", timeout=300_000)
    names = ("viotSent", "viotLine", "viotShown", "viotStep", "viotAnswer")
    marks = page.evaluate("names => names.map(name => window[name])", names)
    sent, line, shown, step, answer = (m / 1000 for m in marks)
    return {
        "sent": line - sent,
        "first sign": (shown or step) - sent,
        "first step": (step or answer) - sent,
        "answer": answer - sent,
    }


def told(name: str, values: list[float], aim: float | None = None) -> dict[str, Any]:
    """Print and give one figure."""
    middle, worst = statistics.median(values), max(values)
    goal = "" if aim is None else f" (aim {aim:g} s: {'met' if worst <= aim else 'missed'} in the worst case)"
    print(f"{name}: median {middle:.2f} s, worst {worst:.2f} s of {len(values)}{goal}")
    return {"id": name, "median": middle, "worst": worst, "n": len(values), "aim": aim}


def measure(home: Path, repeat: int, users: int) -> list[dict[str, Any]]:
    """All figures."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("VIOT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no Chromium (apt-get install chromium)")
    with Viot.open(home) as viot:
        requests = list(viot.demo_requests())[:4]
    out = []
    with served(home) as (url, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page, first = opened(browser, url)
        send(page, requests[0])
        cold = heard(page)
        print(f"just started: first paint {first['first paint']:.2f} s, first step {cold['first step']:.2f} s")
        page.context.close()
        times = []
        for number in range(repeat):
            page, paints = opened(browser, url)
            send(page, requests[number % len(requests)])
            times.append({**paints, **heard(page)})
            page.context.close()
        for name, aim in (
            ("first paint", 2.0),
            ("usable", None),
            ("sent", 1.0),
            ("first sign", 1.0),
            ("first step", 1.0),
            ("answer", None),
        ):
            out.append(told(name, [t[name] for t in times], aim))
        alone = process.memory_info().rss
        pages = [opened(browser, url)[0] for _ in range(users)]
        began = time.perf_counter()
        for number, page in enumerate(pages):
            send(page, requests[number % len(requests)])
        together = [heard(page) for page in pages]
        whole = time.perf_counter() - began
        for name, aim in (("sent", 1.0), ("first sign", 1.0), ("first step", None), ("answer", None)):
            out.append(told(f"{users} at once, {name}", [t[name] for t in together], aim))
        grown = (process.memory_info().rss - alone) / users / 1e6
        print(f"{users} at once: all answered after {whole:.1f} s; {grown:.0f} MB more a user (aim 50)")
        print(f"memory of the server: {process.memory_info().rss / 1e6:.0f} MB (aim 2,000 + 50 a user)")
        out.append({"id": "memory", "mb": process.memory_info().rss / 1e6, "mb_a_user": grown})
        browser.close()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument(
        "--home", type=Path, help="a VIOT_HOME with the demo fleet; made in a temporary folder if absent"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder) / "home"
        prepare(home)
        load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
        print(f"{cores} cores, load {load:.1f} before")
        figures = measure(home, options.repeat, options.users)
    if options.json is not None:
        options.json.write_text(
            json.dumps({"load": load, "cores": cores, "figures": figures}, indent=1) + "\n", "utf-8"
        )


if __name__ == "__main__":
    main()
