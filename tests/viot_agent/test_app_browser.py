"""The real page in a real Chromium: ``python app.py`` on an empty home, the embedded model, real clips.

The tests stand in the order in which a person would come by; the first makes the demo fleet that the others ask.
``VIOT_SHOTS=DIR`` keeps the screenshots (``chat.png`` is the README's picture); ``VIOT_CHROMIUM`` names another
browser.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viot_agent.media.clips import write_clip

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WAIT = 120_000
"""Milliseconds that a machine under load may take for an answer."""

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


class SlowModel(BaseHTTPRequestHandler):
    """An OpenAI-compatible server whose model takes its time, until ``go`` is set."""

    go = threading.Event()
    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.go.wait(60)
        call = {"id": "c1", "type": "function", "function": {"name": "list_cameras", "arguments": "{}"}}
        message = {"role": "assistant", "content": "I list the cameras.", "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        body = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "slow", "choices": [choice]})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@dataclass
class Site:
    """The running page: its address and home, a browser, and every request that any page made."""

    url: str
    home: Path
    browser: Any
    shots: Path
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def context(self, width: int = 1360, height: int = 1000, **more: Any) -> Any:
        context = self.browser.new_context(viewport={"width": width, "height": height}, **more)
        context.set_default_timeout(WAIT)
        context.on("request", lambda r: self.requests.append(r.url))
        context.on("weberror", lambda e: self.problems.append(str(e.error)))
        return context

    def open(self, context: Any, path: str = "") -> Any:
        page = context.new_page()
        page.goto(self.url + path)
        page.wait_for_selector("#viot-box textarea")
        return page

    def shot(self, page: Any, name: str, **more: Any) -> None:
        page.screenshot(path=self.shots / f"{name}.png", **more)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    chromium = os.environ.get("VIOT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    home = tmp_path_factory.mktemp("browser") / "home"
    shots = Path(os.environ.get("VIOT_SHOTS") or tmp_path_factory.mktemp("shots"))
    shots.mkdir(parents=True, exist_ok=True)
    model = ThreadingHTTPServer(("127.0.0.1", 0), SlowModel)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    slow = f"openai:http://127.0.0.1:{model.server_port}/v1#slow"
    command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--max-upload-mb", "5", "--llm", "mini"]
    keys = {k: v for k, v in os.environ.items() if k not in ("VIOT_MODELS", "VIOT_TIER")}
    environment = {**keys, "VIOT_HOME": str(home), "OPENAI_API_KEY": "none", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([*command, "--llm", slow], stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found is not None
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
                yield Site(found[0], home, browser, shots)
                browser.close()
        finally:
            server.terminate()
            SlowModel.go.set()
            model.shutdown()
            model.server_close()


@pytest.fixture
def page(site: Site) -> Iterator[Any]:
    context = site.context()
    opened = site.open(context)
    opened.wait_for_selector("#viot-example-0")
    yield opened
    context.close()


def ask(page: Any, words: str) -> Any:
    """Type, press Enter, and wait for the answer."""
    before = page.locator(".viot-answer").count()
    page.fill("#viot-box textarea", words)
    page.press("#viot-box textarea", "Enter")
    page.wait_for_function("n => document.querySelectorAll('.viot-answer').length > n", arg=before)
    return page.locator(".viot-answer").nth(before)


def playing(page: Any) -> tuple[float, float]:
    """The video's time now, and a moment later."""
    page.wait_for_function("document.getElementById('viot-video').readyState > 2")
    first = page.evaluate("document.getElementById('viot-video').currentTime")
    page.wait_for_function("t => document.getElementById('viot-video').currentTime > t + 0.2", arg=first)
    return first, page.evaluate("document.getElementById('viot-video').currentTime")


def test_a_newcomer_is_three_clicks_from_a_played_clip(site: Site) -> None:
    context = site.context()
    page = site.open(context)
    answers: list[tuple[int, str]] = []
    page.on("response", lambda r: answers.append((r.status, r.url)) if "/media/evidence/" in r.url else None)
    page.click("#viot-demo")  # one
    page.wait_for_selector("#viot-chat-job .viot-job[data-state=running]")
    page.reload()  # the job goes on, and is there again
    page.wait_for_selector("#viot-chat-job .viot-job[data-state=running]")
    page.wait_for_selector("#viot-chat-job progress[value]", timeout=600_000)  # it tells how far it is
    site.shot(page, "indexing")
    page.wait_for_selector("#viot-example-0", timeout=600_000)
    page.click("#viot-example-0")  # two
    answer = page.wait_for_selector(".viot-answer[data-status=answered]")
    assert "Eileen Collins was seen on lobby once" in answer.inner_text()
    page.wait_for_selector(".viot-card")
    page.click(".viot-card")  # three
    first, later = playing(page)
    assert later > first
    assert (206, True) in [(status, url.endswith(".mp4")) for status, url in answers]  # by ranges, not whole
    assert "lobby" in page.inner_text("#viot-line")
    assert "?c=c-" in page.url
    context.close()


def test_answers_of_each_kind_look_like_what_they_are(page: Any) -> None:
    requests = {
        "answered": "Was Eileen Collins at the back door?",
        "cannot_tell": "Was Eileen Collins in the lobby yesterday between 15:00 and 16:00?",
        "needs_input": "Has anyone seen him?",
    }
    looks = set()
    for status, words in requests.items():
        answer = ask(page, words)
        assert answer.get_attribute("data-status") == status
        looks.add(
            (
                answer.locator(".viot-status").inner_text(),
                answer.evaluate("e => getComputedStyle(e).borderLeftStyle + getComputedStyle(e).borderLeftColor"),
            )
        )
        page.click("#viot-new")  # else "him" would be the person spoken of before
        page.wait_for_selector(".viot-answer", state="detached")
    assert len(looks) == 3
    assert len({look for _, look in looks}) == 3


def test_a_step_opens_and_tells_what_was_done(page: Any) -> None:
    ask(page, "Who was at the back door?")
    step = page.get_by_text("Face recognition: back door").first
    step.click()
    page.wait_for_selector(".viot-step")
    told = page.locator(".viot-step").first.inner_text()
    for words in ("thought", "cameras", "back door", "result", "face_recognition"):
        assert words in told


def test_the_timeline_and_the_curve_are_drawn_and_play(site: Site, page: Any) -> None:
    ask(page, "How many people were in the yard at most?")
    page.wait_for_selector(".viot-plot .main-svg", state="attached")
    assert page.locator(".viot-plot").count() == 2  # where evidence lies, and how many over time
    buttons = page.locator(".modebar-btn").evaluate_all("all => all.map(e => e.dataset.title)")
    assert "Zoom in" in buttons
    assert not [title for title in buttons if re.search("share|cloud|plotly", title, re.I)]  # nothing leaves
    page.click("#viot-new")
    page.wait_for_selector(".viot-card", state="detached")
    ask(page, "Which plates came through the gates?")
    page.wait_for_selector(".viot-card >> nth=1")
    page.locator(".viot-plot").scroll_into_view_if_needed()
    point = page.wait_for_selector(".viot-plot .points path >> nth=2")  # the first point of the second camera
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("document.getElementById('viot-line').textContent.includes('gate 2')")
    playing(page)
    page.evaluate("window.scrollTo(0, 0)")
    site.shot(page, "chat")
    assert page.locator(".viot-card[aria-current=true]").count() == 1


def test_an_attached_face_is_looked_for(page: Any) -> None:
    from skimage import data

    portrait = Path(str(data.__file__)).parent / "astronaut.png"
    page.set_input_files("#viot-box input[type=file]", portrait)
    page.wait_for_selector("#viot-box .thumbnail-item, #viot-box img")
    answer = ask(page, "When was this person in the lobby?")
    assert answer.get_attribute("data-status") == "answered"
    assert "image-1" in page.locator(".viot-note").first.inner_text()
    page.wait_for_selector(".viot-card")
    assert "lobby" in page.locator(".viot-card").first.inner_text()


def test_odd_and_large_files_are_refused_before_they_are_sent(site: Site, page: Any, tmp_path: Path) -> None:
    odd, large = tmp_path / "letter.txt", tmp_path / "long.mp4"
    odd.write_text("dear all")
    large.write_bytes(b"\0" * 6_000_000)
    before = len([r for r in site.requests if "/upload" in r])
    for file, words in ((odd, "neither a picture nor a video"), (large, "at most 5 MB")):
        page.set_input_files("#viot-box input[type=file]", file)
        page.wait_for_function("w => (document.getElementById('viot-toast')?.textContent || '').includes(w)", arg=words)
    assert len([r for r in site.requests if "/upload" in r]) == before


def test_what_was_sent_is_seen_at_once_whatever_the_server_does(page: Any) -> None:
    page.route("**/gradio_api/queue/join*", lambda route: None)  # a server that does not answer
    for send in (lambda: page.click("#viot-example-0"), lambda: page.press("#viot-box textarea", "Enter")):
        page.fill("#viot-box textarea", "Who was at the back door?")
        page.evaluate("document.getElementById('viot-sent').textContent = ''")
        send()
        assert page.inner_text("#viot-sent") == "Sent. Waiting for the server to begin."
    page.unroute("**/gradio_api/queue/join*")
    page.reload()
    page.wait_for_selector("#viot-example-0")
    ask(page, "Who was at the back door?")
    assert page.inner_text("#viot-sent") == ""


def test_a_full_share_of_uploads_is_said_before_a_byte_is_sent(site: Site, tmp_path: Path) -> None:
    context = site.context()
    page = site.open(context)
    page.wait_for_selector("#viot-demo, #viot-example-0")
    fill = """async () => {
      const done = [];
      for (let n = 0; n < 10; n++) {
        const form = new FormData();
        form.append("files", new File([new Uint8Array(4900000).fill(n)], n + ".png"));
        done.push((await fetch("/gradio_api/upload", {method: "POST", body: form})).status);
      }
      return done;
    }"""
    assert page.evaluate(fill) == [200] * 10  # the server takes 5 MB a file, and ten times as much of one person
    file = tmp_path / "more.png"
    file.write_bytes(b"m" * 4_900_000)
    before = len([r for r in site.requests if "/gradio_api/upload?" in r])
    page.set_input_files("#viot-box input[type=file]", file)
    words = page.wait_for_selector(".toast-body").inner_text()
    assert "You have 49 MB of uploads here, and 50 MB is the most for one person" in words
    assert len([r for r in site.requests if "/gradio_api/upload?" in r]) == before
    context.close()


def test_stop_stops(site: Site, page: Any) -> None:
    SlowModel.go.clear()
    page.get_by_role("button", name="Language model").click()
    page.click("#viot-llm input")
    page.get_by_role("option", name=re.compile("slow")).click()
    page.fill("#viot-box textarea", "Which cameras are there?")
    page.press("#viot-box textarea", "Enter")
    end = time.monotonic() + 60
    while SlowModel.asked == 0 and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert page.is_enabled("#viot-stop")
    page.click("#viot-stop")
    page.wait_for_selector("#viot-chat >> text=Stopping: after what is being done now")
    assert page.inner_text("#viot-stop") == "Stopping…"
    SlowModel.go.set()  # the model answers now: its call is not made any more
    answer = page.wait_for_selector(".viot-answer[data-status=stopped]")
    assert "I stopped: you stopped it." in answer.inner_text()
    assert page.locator(".viot-step").count() == 0
    assert page.is_disabled("#viot-stop")
    assert page.inner_text("#viot-stop") == "Stop"
    assert SlowModel.asked == 1


def test_two_people_at_once_share_neither_history_nor_media(site: Site) -> None:
    contexts = [site.context(), site.context()]
    ana, ben = (site.open(c) for c in contexts)
    for page, words in ((ana, "Has KX-4821 been at gate 1?"), (ben, "How many people were in the yard at most?")):
        page.wait_for_selector("#viot-example-0")
        page.fill("#viot-box textarea", words)
        page.press("#viot-box textarea", "Enter")
    for page, words in ((ana, "KX-4821"), (ben, "people")):
        assert words in page.wait_for_selector(".viot-answer[data-status=answered]").inner_text()
        page.wait_for_selector(".viot-card")
    clip = ana.get_attribute(".viot-card", "data-clip")
    assert contexts[0].request.get(site.url.rstrip("/") + clip).status == 200
    assert contexts[1].request.get(site.url.rstrip("/") + clip).status == 404
    ana.wait_for_function("location.search.includes('c=c-')")
    link = ana.url.removeprefix(site.url)
    again = site.open(contexts[0], link)  # a link reopens the conversation, with its evidence
    assert "KX-4821" in again.wait_for_selector(".viot-answer").inner_text()
    again.wait_for_selector(".viot-card")
    stranger = site.open(contexts[1], link)
    stranger.wait_for_selector("text=There is no such conversation, or it belongs to somebody else.")
    for page, mine, theirs in ((again, "KX-4821", "yard"), (stranger, "yard", "KX-4821")):
        page.get_by_role("tab", name="History").click()
        page.wait_for_selector("#viot-history a")
        listed = page.inner_text("#viot-history")
        assert mine in listed
        assert theirs not in listed
    again.fill("#viot-search textarea, #viot-search input", "zebra")
    again.wait_for_selector("#viot-history >> text=No conversation holds")
    for context in contexts:
        context.close()


def test_a_dropped_file_becomes_a_camera_that_can_be_indexed(site: Site, page: Any, tmp_path: Path) -> None:
    clip = tmp_path / "hall.mp4"
    write_clip((np.full((120, 160, 3), 90, np.uint8) for _ in range(20)), clip, 10.0)
    page.get_by_role("tab", name="Fleet").click()
    page.wait_for_selector("#viot-fleet .viot-camera >> nth=4")
    page.wait_for_function("[...document.querySelectorAll('.viot-camera img')].every(i => i.naturalWidth > 0)")
    assert re.search(r"Picture: \d\d:\d\d:\d\d on ", page.inner_text("#viot-fleet"))  # and says of when it is
    site.shot(page, "fleet")
    page.get_by_role("button", name="Add a camera").click()
    page.get_by_label("Name").first.fill("hall")
    page.set_input_files("#viot-add input[type=file]", clip)
    page.wait_for_selector("#viot-add >> text=hall.mp4")
    page.get_by_role("button", name="Add the camera").click()
    page.wait_for_selector("#viot-fleet >> text=not indexed yet")
    page.click("#viot-index")
    page.wait_for_selector("#viot-fleet-job [data-state=done]", timeout=300_000)
    page.wait_for_selector("#viot-fleet >> text=not indexed yet", state="detached")
    assert page.locator("#viot-fleet .viot-camera").count() == 6


def test_nobody_is_enrolled_without_consent(page: Any) -> None:
    from skimage import data

    portrait = Path(str(data.__file__)).parent / "astronaut.png"
    page.get_by_role("tab", name="People").click()
    panel = page.get_by_role("tabpanel").filter(has=page.locator("#viot-people"))
    panel.get_by_label("Name").first.fill("Ana Silva")
    panel.locator("input[type=file]").set_input_files(portrait)
    panel.get_by_text("astronaut").first.wait_for()
    panel.get_by_role("button", name="Enrol", exact=True).click()
    panel.get_by_text("needs their recorded consent").wait_for()
    assert "Ana Silva" not in page.inner_text("#viot-people")
    panel.get_by_label("Consent or legal basis").fill("signed form of 3 March 2026")
    panel.get_by_role("button", name="Enrol", exact=True).click()
    page.wait_for_selector("#viot-people >> text=signed form of 3 March 2026")


@pytest.mark.parametrize(
    "path",
    [
        "media/evidence/../library.db",
        "media/evidence/..%2flibrary.db",
        "media/evidence/%2e%2e/%2e%2e/library.db",
        "media/exports/..%5c..%5clibrary.db",
        "media/page/..%2fserve.py",
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=library.db",
        "gradio_api/file=https://example.org/",
        "gradio_api/proxy=https://example.org/",
        "gradio_api/upload_progress/../file=/etc/passwd",
        "library.db",
        "..%2f..%2fetc%2fpasswd",
    ],
)
def test_nothing_outside_the_declared_folders_is_served(site: Site, path: str) -> None:
    context = site.context()
    answer = context.request.get(site.url + path)
    assert answer.status == 404
    assert b"SQLite" not in answer.body()
    assert b"root:" not in answer.body()
    context.close()


def test_the_keyboard_is_enough(page: Any) -> None:
    ask(page, "Has KX-4821 been at gate 1?")
    page.wait_for_selector(".viot-card")
    page.focus("#viot-box textarea")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('viot-card')"):
            break
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Play evidence 1: KX4821")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # the focus can be seen
    page.keyboard.press("Enter")
    playing(page)


def test_what_can_be_pressed_or_filled_has_a_name(page: Any) -> None:
    ask(page, "Has KX-4821 been at gate 1?")
    page.wait_for_selector(".viot-card")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, a[href], video')].filter(e => {
             if (!e.offsetParent || e.type === 'file') return false;
             const labels = e.labels && e.labels.length ? e.labels[0].innerText.trim() : '';
             const by = e.getAttribute('aria-labelledby') || e.getAttribute('aria-describedby');
             return !(labels || e.innerText?.trim() || e.getAttribute('aria-label') || e.title || by ||
                      e.placeholder || e.closest('label')?.innerText.trim());
           }).map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    assert page.get_attribute("html", "lang") == "en"
    assert page.locator("h1:visible").count() == 1


@pytest.mark.parametrize(("name", "scheme"), [("phone", "light"), ("phone-dark", "dark")])
def test_390_pixels_are_enough(site: Site, name: str, scheme: str) -> None:
    context = site.context(390, 844, color_scheme=scheme, has_touch=True)
    page = site.open(context)
    page.wait_for_selector("#viot-example-0")
    ask(page, "Which plates came through the gates?")
    page.wait_for_selector(".viot-card")
    page.tap(".viot-card")
    playing(page)
    page.wait_for_function("document.getElementById('viot-video').getBoundingClientRect().top < window.innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    site.shot(page, name, full_page=True)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_opens_in_both_shades(site: Site, scheme: str) -> None:
    context = site.context(color_scheme=scheme)
    page = site.open(context)
    page.wait_for_selector("#viot-example-0")
    shades: dict[str, Callable[[float], bool]] = {"light": lambda v: v > 200, "dark": lambda v: v < 60}
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shades[scheme](float(re.findall(r"[\d.]+", back)[0]))
    tabs = {
        "People": "#viot-people >> text=Eileen Collins",
        "Privacy studio": "text=protects who is on it",
        "Benchmarks": ".viot-bench >> text=Reprint",
    }
    for tab, place in tabs.items():
        page.get_by_role("tab", name=tab).click()
        page.wait_for_selector(place)
        site.shot(page, f"{tab.split()[0].lower()}-{scheme}")
    page.get_by_role("tab", name="Benchmarks").click()
    page.wait_for_selector(".viot-bench .main-svg", state="attached")
    context.close()


def test_nothing_was_fetched_from_elsewhere_and_no_script_broke(site: Site) -> None:
    """The network log of every page of this module."""
    local = (site.url, "data:", "blob:", "about:")
    assert len(site.requests) > 500
    assert [r for r in site.requests if not r.startswith(local)] == []
    assert site.problems == []
