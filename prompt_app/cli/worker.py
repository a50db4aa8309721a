"""``prompt-app worker``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.plain import AsJson, announce
from prompt_app.engine.event_loop import run_worker

if TYPE_CHECKING:
    from prompt_app.workbench import Workbench


def worker(
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Stop when no run is left.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Work on queued runs until stopped. Stopping lets calls in flight finish for a moment.

    With PROMPT_APP_BROKER_URL this is a Celery worker, which shares runs with others; with
    --until-idle it takes whole runs all the same.
    """
    with opened_workbench(quiet=False) as workbench:
        if as_json:
            announce(broker=workbench.settings.broker_url is not None, until_idle=until_idle)
        if until_idle or workbench.settings.broker_url is None:
            if not until_idle:
                import prompt_app.providers.http  # noqa: F401 - before the first run waits for it
            run_worker(_work(workbench, until_idle=until_idle))
            return
    from prompt_app.celery import app

    app.worker_main(["worker", "--without-gossip", "--without-mingle", "--without-heartbeat"])


async def _work(workbench: Workbench, *, until_idle: bool) -> None:
    stop = asyncio.Event()
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await workbench.work(stop, until_idle=until_idle)
