"""What the engine's tests share: a store with a dataset, an evaluation over it, a worker."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from prompt_app.datamodel.evaluation import EvaluationSpec, Run
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench


def rows_file(folder: Path, rows: int) -> Path:
    """``question`` says ``row N``, which the echo model answers right."""
    path = folder / f"rows-{rows}.jsonl"
    with path.open("w") as file:
        for number in range(rows):
            row = {"question": f"row {number}", "answers": [f"row {number}"], "group": number % 7}
            file.write(json.dumps(row) + "\n")
    return path


def echo_spec(path: Path, url: str, **changes: Any) -> EvaluationSpec:
    """Every row is sent to the mock server's ``echo`` and compared with its reference."""
    data: dict[str, Any] = {
        "dataset": {"path": str(path)},
        "prompts": [{"name": "plain", "template": "{question}"}],
        "models": [{"provider": "openai", "name": "echo", "base_url": f"{url}/v1"}],
        "metrics": ["exact_match"],
        "limits": {"max_concurrency": 20, "timeout_seconds": 10},
    }
    return EvaluationSpec.model_validate({**data, **changes})


def work(workbench: Workbench, seconds: float = 60) -> None:
    """A worker in this process until no run is left."""

    async def until_idle() -> None:
        async with asyncio.timeout(seconds):
            await workbench.work(asyncio.Event(), until_idle=True)

    asyncio.run(until_idle())


def only_run(workbench: Workbench, spec: EvaluationSpec, **submission: Any) -> Run:
    """Submit a one-cell evaluation; its run."""
    evaluation = workbench.submit_evaluation(spec, **submission)
    (run,) = workbench.runs_of(evaluation.id)
    return run


def worker_process(data_dir: Path, limit_files_to: int | None = None) -> subprocess.Popen[bytes]:
    """``prompt-app worker`` on the store in ``data_dir``; no file may grow beyond
    ``limit_files_to`` bytes."""

    def limit() -> None:
        if limit_files_to is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_files_to, resource.RLIM_INFINITY))

    return subprocess.Popen(
        [sys.executable, "-m", "prompt_app.cli", "worker", "--until-idle"],
        env={
            **os.environ,
            "PROMPT_APP_DATA_DIR": str(data_dir),
            "LOG_LEVEL": "WARNING",
        },
        preexec_fn=limit,  # noqa: PLW1509 - no threads hold locks here
    )


def temporary_workbench(folder: Path, **settings: Any) -> Workbench:
    return open_workbench(Settings(data_dir=folder / "data", **settings))
