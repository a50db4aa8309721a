"""What a person waits for in the studio, in a real browser, with 100,000 results in the store.

    python benchmarks/studio.py [--rows 100000] [--sessions 20] [--times 5] [--check]

Times are from the press of a key or button to the frame in which the page shows the result, as the
browser's own clock has them. The ticks of connected sessions are those of Streamlit's own protocol,
from the request to the end of the script. With ``--check`` it ends with code 1 where a figure is
over its limit. It needs Chromium and the packages for development.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote, urlsplit

import psutil
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import storage as store_benchmark

from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.datamodel.evaluation import Progress
from prompt_app.engine.summary import summarize_run
from prompt_app.settings import Settings
from prompt_app.storage import open_store
from tests.browser.studio import click_row, free_port, launched, settled

NEEDLES_EVERY = 5_000
WATCH = """
() => {
    const shown = () => CONDITION
    window.begun = window.ended = null
    const note = () => { window.begun ??= performance.now() }
    for (const name of EVENTS) addEventListener(name, note, { capture: true, once: true })
    const look = () => {
        if (window.begun !== null && shown()) window.ended = performance.now()
        else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
}
"""
PAINTED = """
(() => {
    window.titled = window.filled = null
    const seen = selector => document.querySelector(selector)?.getBoundingClientRect().height > 0
    const look = () => {
        if (window.titled === null && seen('h1')) window.titled = performance.now()
        if (seen('[data-testid="stDataFrame"] canvas')) window.filled = performance.now()
        else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
})()
"""
PATIENCE_SECONDS = 30
LONG_ROWS = 12


@dataclass
class Figure:
    """One thing that is measured; lower is better."""

    what: str
    limit: float | None = None
    unit: str = "ms"
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        return self.limit is None or self.median <= self.limit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15, help="of ticks")
    parser.add_argument(
        "--latency", type=int, default=100, help="ms of the model that the worker calls meanwhile"
    )
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        fill(settings, given.rows, given.latency)
        with running_web(settings) as (url, process):
            figures = look_around(url, given.rows, given.times)
            ticks = Figure(f"a tick, with {given.sessions} sessions", 50)
            written = Figure("rows that the worker wrote meanwhile", unit="/s")
            with running_worker(settings) as rows_done:
                begun, before = time.monotonic(), rows_done()
                ticks.values = asyncio.run(all_ticks(url, given.sessions, given.seconds))
                written.values = [(rows_done() - before) / (time.monotonic() - begun)]
            look_at_long_texts(url)
            memory = Figure("memory of the web process", 400, "MB")
            memory.values = [process.memory_info().rss / 1e6]
            figures += [ticks, written, memory]
    show(figures)
    if given.check and not all(each.is_met for each in figures):
        sys.exit(1)


def fill(settings: Settings, rows: int, latency: int) -> None:
    """A finished run with ``rows`` samples, one that waits for a worker and whose model takes
    ``latency`` ms, and long texts."""
    settings.data_dir.mkdir(parents=True)
    store = open_store(settings)
    store_benchmark.import_dataset(store, rows)
    version = store.get_dataset_version("bench")
    lease = store_benchmark.queue_run(store, version.id)
    ids = [example.id for example in store_benchmark.read_examples(store, version.id)]
    store_benchmark.fill(store, lease, ids, 500)
    store.end_run(lease, "finished", summary=summarize_run(store, store.get_run(lease.run.id)))
    finished = store.get_evaluation("bench")
    spec = lease.run.spec
    model = spec.model.model_copy(update={"options": {"latency_ms": latency}})
    waiting = {
        "id": "live-1",
        "evaluation_id": "live",
        "spec": spec.model_copy(update={"model": model}),
        "progress": Progress(total=rows),
    }
    live = lease.run.model_copy(update=waiting)
    evaluation = finished.model_copy(update={"id": "live", "key": "live", "run_ids": (live.id,)})
    store.create_evaluation(evaluation, [live])
    long = (
        Example(id=str(row), position=row, fields={"question": f"{row} " + "word " * 200_000})
        for row in range(LONG_ROWS)
    )
    store.save_dataset_version("long", DatasetOptions(), long)
    store.close()


@contextmanager
def running_worker(settings: Settings) -> Iterator[Callable[[], int]]:
    """A worker that answers the waiting run; gives how many rows are done."""
    environment = process_environment(settings)
    command = [sys.executable, "-m", "prompt_app.cli", "worker"]
    with (settings.data_dir / "worker.log").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        store = open_store(settings)
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while store.get_run("live-1").progress.done == 0:
                assert time.monotonic() < end, "the worker does not begin"
                time.sleep(0.1)
            yield lambda: store.get_run("live-1").progress.done
        finally:
            store.close()
            process.terminate()
            process.wait(60)


def process_environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "PROMPT_APP_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def running_web(settings: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The web process alone, without a worker."""
    port = free_port()
    environment = process_environment(settings)
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    log = settings.data_dir / "web.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prompt_app.ui", *options],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            await_health(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def await_health(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def look_around(url: str, rows: int, times: int) -> list[Figure]:
    paint = Figure("first paint, cold browser", 1_600)
    whole = Figure("the whole page, cold browser")
    change = Figure("change of page", 300)
    search = Figure("search in all texts, to repaint", 250)
    narrow = Figure("filter by score, to repaint", 250)
    opened = Figure("open a row", 250)
    data = Figure("search in a dataset, to repaint", 250)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        # The server's first visitor waits for imports as well, once.
        first_visit(browser.new_context().new_page(), f"{url}/run?id=bench-1")
        for _ in range(times):
            page = browser.new_context().new_page()
            for figure, value in zip(
                (paint, whole), first_visit(page, f"{url}/run?id=bench-1"), strict=True
            ):
                figure.values.append(value)
            settled(page)
            search.values.append(search_rows(page, rows))
            narrow.values.append(narrow_rows(page))
            opened.values.append(open_row(page))
            page.keyboard.press("Escape")
            change.values += list(change_pages(page))
            page.goto(f"{url}/dataset?name=bench")
            data.values.append(search_dataset(page, rows))
            page.context.close()
        browser.close()
    return [paint, whole, change, search, narrow, opened, data]


def first_visit(page: Page, url: str) -> tuple[float, float]:
    """Milliseconds from the request to the page's title on the screen, and to its rows."""
    page.add_init_script(PAINTED)
    page.goto(url, wait_until="commit")
    page.get_by_role("region", name="Rows of this run").wait_for()
    while (found := page.evaluate("[window.titled, window.filled]")) and None in found:
        time.sleep(0.01)
    return found[0], found[1]


def timed(page: Page, act: Callable[[], None], condition: str, *events: str) -> float:
    """Milliseconds from the first of ``events`` that ``act`` brings until ``condition`` holds."""
    settled(page)
    # The page's content policy forbids scripts that are made of text later on.
    page.evaluate(WATCH.replace("CONDITION", condition).replace("EVENTS", str(list(events))))
    act()
    end = time.monotonic() + PATIENCE_SECONDS
    while page.evaluate("window.ended") is None:
        assert time.monotonic() < end, f"it never came to this: {condition}"
        time.sleep(0.01)
    took: float = page.evaluate("window.ended - window.begun")
    return took


def says(text: str) -> str:
    """Whether the page's main part shows ``text`` as a paragraph."""
    paragraphs = "[...document.querySelectorAll('[data-testid=\"stMain\"] p')]"
    return f"{paragraphs}.some(each => each.textContent === '{text}')"


def search_rows(page: Page, rows: int) -> float:
    box = page.get_by_label("Search rows")
    box.press_sequentially("needle")
    needles = -(-rows // NEEDLES_EVERY)
    condition = says(f"{needles} row{'s' if needles != 1 else ''}")
    took = timed(page, lambda: box.press("Enter"), condition, "keydown")
    box.fill("")
    box.press("Enter")
    page.get_by_text(f"{rows:,} rows", exact=True).wait_for()
    return took


def narrow_rows(page: Page) -> float:
    box = page.get_by_label("Greatest")
    box.fill("0")
    everything = page.evaluate(
        "[...document.querySelectorAll('[data-testid=\"stMain\"] p')]"
        ".map(each => each.textContent).find(text => /^[\\d,]+ rows?$/.test(text))"
    )
    changed = (
        "[...document.querySelectorAll('[data-testid=\"stMain\"] p')]"
        f".some(each => /^[\\d,]+ rows?$/.test(each.textContent) "
        f"&& each.textContent !== '{everything}')"
    )
    return timed(page, lambda: box.press("Enter"), changed, "keydown")


def open_row(page: Page) -> float:
    condition = "/1 of /.test(document.querySelector('[role=dialog]')?.textContent ?? '')"
    return timed(page, lambda: click_row(page, 0), condition, "pointerdown", "mousedown")


def change_pages(page: Page) -> Iterator[float]:
    for name in ("Datasets", "Runs"):
        link = page.get_by_role("link", name=name, exact=True)
        title = f"document.querySelector('h1')?.textContent.startsWith('{name}')"
        count = says("2 datasets" if name == "Datasets" else "2 runs")
        yield timed(page, link.click, f"{title} && {count}", "pointerdown", "mousedown")


def search_dataset(page: Page, rows: int) -> float:
    box = page.get_by_label("Search rows")
    box.press_sequentially("needle")
    needles = -(-rows // NEEDLES_EVERY)
    condition = says(f"{needles} row{'s' if needles != 1 else ''}")
    return timed(page, lambda: box.press("Enter"), condition, "keydown")


def look_at_long_texts(url: str) -> None:
    """Six views of rows of a megabyte each, before memory is measured."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        for address in ("dataset?name=long", "playground?on=long", "datasets") * 2:
            page = browser.new_context().new_page()
            page.goto(f"{url}/{address}")
            settled(page)
            page.context.close()
        browser.close()


async def all_ticks(url: str, sessions: int, seconds: float) -> list[float]:
    """Of people who came at different moments: their looks are spread over the interval."""
    shares = (number / sessions for number in range(sessions))
    found = await asyncio.gather(*(ticks(url, seconds, share) for share in shares))
    return [tick for some in found for tick in some]


async def ticks(url: str, seconds: float, share: float) -> list[float]:
    """Be a browser on the page of the live run: milliseconds of each script run that a timer of
    the page asked for, the first after a ``share`` of the timer's interval."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect

    address = f"ws://{urlsplit(url).netloc}/_stcore/stream"
    took: list[float] = []
    async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]

        async def run_script(fragment: str = "") -> dict[str, float]:
            """Timers that the script set: fragment -> seconds."""
            request = BackMsg()
            request.rerun_script.query_string = f"id={quote('live-1')}"
            request.rerun_script.page_name = "run"
            request.rerun_script.fragment_id = fragment
            request.rerun_script.is_auto_rerun = bool(fragment)
            await socket.send(request.SerializeToString())
            timers: dict[str, float] = {}
            async for data in socket:
                message = ForwardMsg()
                message.ParseFromString(data if isinstance(data, bytes) else data.encode())
                if message.WhichOneof("type") == "auto_rerun":
                    timers[message.auto_rerun.fragment_id] = message.auto_rerun.interval
                if message.WhichOneof("type") == "script_finished":
                    return timers
            raise ConnectionError("the studio closed the connection")

        timers = await run_script()
        assert timers, "the live run's page has no timer"
        fragment, interval = min(timers.items(), key=lambda timer: timer[1])
        await asyncio.sleep(share * interval)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.perf_counter()
            await run_script(fragment)
            took.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(interval)
    return took


def show(figures: list[Figure]) -> None:
    table = Table("what", "median", "worst", "limit", "")
    for each in figures:
        worst = max(each.values)
        cells = [
            "" if value is None else f"{value:,.0f} {each.unit}"
            for value in (each.median, worst, each.limit)
        ]
        table.add_row(each.what, *cells, "" if each.is_met else "over")
    Console().print(table)


if __name__ == "__main__":
    main()
