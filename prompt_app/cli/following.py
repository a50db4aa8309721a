"""Runs an evaluation in this process while showing its progress."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from prompt_app.cli.common import duration, money, notices
from prompt_app.cli.plain import UNFINISHED
from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run
from prompt_app.engine.event_loop import run_worker
from prompt_app.engine.halting import START_ANEW
from prompt_app.errors import StoreUnavailableError
from prompt_app.workbench.unpriced import run_cost

if TYPE_CHECKING:
    from prompt_app.workbench import Workbench

LOOK_SECONDS = 0.25
LINE_SECONDS = 5.0


def follow_evaluation(workbench: Workbench, evaluation_id: str, *, show: bool) -> list[Run]:
    """Work on the evaluation's runs until all have ended, wherever they run. Raises
    KeyboardInterrupt when stopped; the runs are then queued, or go on behind the broker."""
    return run_worker(_follow(workbench, evaluation_id, show=show))


async def _follow(workbench: Workbench, evaluation_id: str, *, show: bool) -> list[Run]:
    stop, interrupted = asyncio.Event(), asyncio.Event()

    def interrupt() -> None:
        notices.print("Stopping: calls in flight may finish. Press again to abandon them.")
        interrupted.set()
        stop.set()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
    if workbench.settings.broker_url is None:
        work = asyncio.create_task(workbench.work(stop, evaluation_id=evaluation_id))
    else:  # the workers behind the broker do it
        work = asyncio.create_task(_until(stop))
    view = _View(show)
    runs: list[Run] = []
    try:
        while not stop.is_set():
            with contextlib.suppress(StoreUnavailableError):
                runs = await asyncio.to_thread(workbench.runs_of, evaluation_id)
                view.update(runs)
            if runs and not any(run.state in ACTIVE_STATES for run in runs):
                stop.set()
            elif work.done():
                work.result()
            else:
                await asyncio.wait({work}, timeout=LOOK_SECONDS)
    finally:
        stop.set()
        await work
        view.close()
    if interrupted.is_set():
        raise KeyboardInterrupt
    return await asyncio.to_thread(workbench.runs_of, evaluation_id)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def end_unfinished(runs: Sequence[Run]) -> None:
    """Where a run did not finish, say why and how to go on, and exit."""
    unfinished = [run for run in runs if run.state != "finished"]
    for run in unfinished:
        reason = f": {run.reason}" if run.reason else "."
        again = " --retry-failed" if run.progress.failed else ""
        way_on = f" To go on: prompt-app resume {run.id}{again} --wait"
        notices.print(
            f"{run.name} is {run.state}{reason}{'' if START_ANEW in run.reason else way_on}",
            markup=False,
            soft_wrap=True,
        )
    if unfinished:
        sys.exit(UNFINISHED)


class _View:
    """A bar a run on a terminal; elsewhere a line every few seconds, and one when a run has
    ended."""

    def __init__(self, show: bool) -> None:
        self._show = show
        self._bars: dict[str, TaskID] = {}
        self._last_line = time.monotonic()
        self._ended: set[str] = set()
        self._progress: Progress | None = None
        if show and notices.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[figures]}", markup=False),
                console=notices,
            )
            self._progress.start()

    def update(self, runs: Sequence[Run]) -> None:
        if self._progress is not None:
            for run in runs:
                if run.id not in self._bars:
                    self._bars[run.id] = self._progress.add_task(run.name, figures="")
                self._progress.update(
                    self._bars[run.id],
                    total=run.progress.total,
                    completed=run.progress.done,
                    figures=progress_text(run),
                )
        elif self._show:
            self._print_lines(runs)

    def _print_lines(self, runs: Sequence[Run]) -> None:
        due = time.monotonic() - self._last_line >= LINE_SECONDS
        if due:
            self._last_line = time.monotonic()
        for run in runs:
            active = run.state in ACTIVE_STATES
            if (due and active) or (not active and run.id not in self._ended):
                notices.print(f"{run.name}: {progress_text(run)}", markup=False, soft_wrap=True)
            if not active:
                self._ended.add(run.id)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def progress_text(run: Run) -> str:
    """``120/500 · 45.2/s · 8 s left · 2 errors · $0.0123``."""
    progress = run.progress
    parts = [f"{progress.done}/{progress.total}"]
    if run.state == "running" and progress.rate_per_second > 0:
        parts.append(f"{progress.rate_per_second:.1f}/s")
        if progress.done < progress.total:
            parts.append(f"{duration(progress.eta_seconds)} left")
    elif run.state != "finished":
        parts.append(run.state)
    parts.append("1 error" if progress.failed == 1 else f"{progress.failed} errors")
    cost = run_cost(run)
    parts.append("cost unknown" if cost is None else money(cost))
    return " · ".join(parts)
