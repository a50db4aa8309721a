"""The real thing: ``prompt-app start`` in a process of its own, and Chromium to look at it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Browser, Locator, Page, Playwright, expect
from servers import free_port

from prompt_app.datamodel.evaluation import ACTIVE_STATES
from prompt_app.workbench import Workbench

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000


def chromium() -> str | None:
    """The system's browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def launched(playwright: Playwright) -> Browser:
    sandbox = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *sandbox])


@contextmanager
def running_studio(
    folder: Path,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    worker: bool = True,
) -> Iterator[str]:
    """The studio, with a worker, over a store in ``folder``; gives its address."""
    port = port or free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")
    }
    environment |= {"PROMPT_APP_DATA_DIR": str(folder / "data"), "LOG_LEVEL": "WARNING"}
    environment.pop("DATABASE_URL", None)
    environment |= settings or {}
    log = folder / f"studio-{port}.log"
    options = ["--no-browser", "--port", str(port), *([] if worker else ["--no-worker"])]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prompt_app.cli", "start", *options],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_health(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def settled(page: Page) -> None:
    """The page is connected, its script has run, and the code of all that it shows is loaded:
    until then grey bars stand in their places, which no key and no click reaches."""
    app = '[data-testid="stApp"][data-test-connection-state="CONNECTED"]'
    page.wait_for_selector(app, timeout=PATIENCE_MS)
    page.wait_for_function(
        f"""() => document.querySelector('{app}[data-test-script-state="notRunning"]')
            && !document.querySelector('[data-testid="stSkeleton"]')""",
        timeout=PATIENCE_MS,
    )


def pick(box: Locator, words: str) -> None:
    """Choose the first that a list offers for ``words``, by keyboard. The list closes when
    anything scrolls, as all does that unfolds; so the box is first brought to where the list finds
    room, and then the page comes to rest."""
    box.evaluate(
        """each => new Promise(resolve => {
            let rest = setTimeout(resolve, 400)
            const wait = () => { clearTimeout(rest); rest = setTimeout(resolve, 400) }
            document.addEventListener('scroll', wait, true)
            each.scrollIntoView({block: 'center', behavior: 'instant'})
        })"""
    )
    box.fill(words)
    expect(box.page.get_by_role("option", name=words).first).to_be_visible()
    box.page.keyboard.press("Enter")


def ended(workbench: Workbench, run_id: str) -> None:
    """Waits for the studio's worker to finish a run, so that its page does not change any more."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (state := workbench.run(run_id).state) in ACTIVE_STATES:
        assert time.monotonic() < deadline, f"{run_id} is still {state}"
        time.sleep(0.05)


def click_row(page: Page, row: int) -> None:
    """Press Open in the table of rows; ``row`` counts from 0. The table is drawn on a canvas."""
    table = page.get_by_role("region", name="Rows of this run")
    table.scroll_into_view_if_needed()
    table.click(position={"x": 30, "y": 35 * (row + 1) + 17})


def _await_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the studio did not start:\n{log.read_text('utf-8', 'replace')}")
