"""Celery workers as processes, on a store and a broker of the test's own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from engine.runs import echo_spec, only_run, rows_file
from mock_process import MockProcess
from pydantic import SecretStr

from prompt_app.datamodel.evaluation import Run
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench

LEASE_SECONDS = 3.0
CONCURRENCY = 8
"""Calls in flight of one run, over all of its workers."""


class Workers:
    """``prompt-app worker`` as often as wanted; the web process's side is ``workbench``."""

    def __init__(
        self, folder: Path, broker_url: str, database_url: str | None, **environment: str
    ) -> None:
        self.folder, self.broker_url = folder, broker_url
        self._environment = {
            **os.environ,
            **environment,
            "PROMPT_APP_DATA_DIR": str(folder / "data"),
            "PROMPT_APP_BROKER_URL": broker_url,
            "PROMPT_APP_LEASE_SECONDS": str(LEASE_SECONDS),
            "PROMPT_APP_WORKER_RUNS": "1",
            "LOG_LEVEL": "INFO",
        }
        if database_url is not None:
            self._environment["DATABASE_URL"] = database_url
        settings = Settings(
            data_dir=folder / "data",
            broker_url=SecretStr(broker_url),
            database_url=None if database_url is None else SecretStr(database_url),
            lease_seconds=LEASE_SECONDS,
        )
        self.workbench: Workbench = open_workbench(settings)
        self.processes: list[subprocess.Popen[bytes]] = []
        self._workers: list[int] = []

    def keep(self, count: int) -> list[int]:
        """The numbers of so many workers: those that earlier tests left alive, and new ones."""
        alive = [number for number in self._workers if self.processes[number].poll() is None]
        self._workers = [*alive, *self.start(count - len(alive))]
        return self._workers

    def keep_ready(self, count: int) -> None:
        """As :meth:`keep`, and wait until all of them take work."""
        logs = [self.folder / f"worker-{number}.log" for number in self.keep(count)]
        deadline = time.monotonic() + 60
        while not all("ready for work" in log.read_text() for log in logs):
            assert time.monotonic() < deadline, "\n".join(self.logs())
            time.sleep(0.05)

    def start(self, count: int, *command: str, **environment: str) -> list[int]:
        """The numbers of the new processes."""
        program = command or ("prompt_app.cli", "worker")
        before = len(self.processes)
        for _ in range(count):
            log = (self.folder / f"worker-{len(self.processes)}.log").open("wb")
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", *program],
                    env={**self._environment, **environment},
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                )
            )
        return list(range(before, len(self.processes)))

    def kill(self, number: int) -> None:
        self.processes[number].kill()
        self.processes[number].wait()

    def freeze(self, number: int) -> None:
        self.processes[number].send_signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        self.processes[number].send_signal(signal.SIGCONT)

    def submit(self, rows: int, mock: MockProcess, **changes: Any) -> Run:
        limits = {"max_concurrency": CONCURRENCY, "timeout_seconds": 20}
        changes = {"limits": limits, "cache": "off", **changes}
        spec = echo_spec(rows_file(self.folder, rows), mock.url, **changes)
        return only_run(self.workbench, spec)

    def wait(self, run: Run, until: Callable[[Run], bool], seconds: float = 60) -> Run:
        deadline = time.monotonic() + seconds
        while not until(now := self.workbench.run(run.id)):
            assert time.monotonic() < deadline, f"{now.state} {now.progress}\n" + "\n".join(
                self.logs()
            )
            assert now.state in ("queued", "running"), f"{now.state}: {now.reason}"
            time.sleep(0.05)
        return now

    def answered(self, run: Run, count: int) -> Run:
        return self.wait(run, lambda now: now.progress.answered >= count)

    def finished(self, run: Run, seconds: float = 60) -> Run:
        return self.wait(run, lambda now: now.state == "finished", seconds)

    def logs(self) -> list[str]:
        return [path.read_text()[-3000:] for path in self._log_files()]

    def shared_by(self, run: Run) -> int:
        """How many workers began a chunk of ``run``."""
        line = re.compile(rf"run_id={run.id} .* starts")
        return sum(bool(line.search(path.read_text())) for path in self._log_files())

    def _log_files(self) -> list[Path]:
        return sorted(self.folder.glob("worker-*.log"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.workbench.close()


def check_nothing_lost(
    workers: Workers, run: Run, rows: int, mock: MockProcess, vain: int = 0
) -> None:
    """Exactly one result a sample, counts that agree with the rows, one summary; at most ``vain``
    calls answered whose replies nobody stored."""
    found = workers.workbench.run(run.id)
    progress = found.progress
    assert (found.state, progress.answered, progress.scored, progress.failed) == (
        "finished", rows, rows, 0,
    )  # fmt: skip
    samples = list(workers.workbench.store.iterate_samples(run.id))
    assert Counter(sample.key.example_id for sample in samples).most_common(1)[0][1] == 1
    assert len(samples) == rows
    assert all(sample.reply and len(sample.scores) == 1 for sample in samples)
    (summary,) = found.summary
    assert (summary.scored, summary.failed, summary.mean) == (rows, 0, 1.0)
    stats = mock.stats()
    assert len(stats["answered_prompts"]) == rows
    in_vain = stats["answered"] - rows
    assert in_vain <= vain, f"{in_vain} calls were answered in vain"
