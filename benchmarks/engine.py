"""The engine against the mock server, over real sockets, every sample persisted and scored.

    python benchmarks/engine.py              2,000 samples at 100 ms, concurrency 100
    python benchmarks/engine.py --large      also 100,000 samples at 20 ms
    python benchmarks/engine.py --faults     also 2,000 with 5% 429 and 2% 500
    python benchmarks/engine.py --check      fails where a bound is missed

``service`` is a worker as the studio keeps one: it runs already, and is timed from the submission
of the evaluation until the run is finished and summed up. The other rows are processes timed from
their start to their exit: ``worker`` works on an evaluation that is queued already; ``run`` is
the whole command, which also reads the dataset, checks everything, submits and prints; ``bare
loop`` has the same HTTP client, no store and no scores. ``limit`` is samples x latency /
concurrency; CPU and memory are the process's own, as the kernel counted them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

from prompt_app.datamodel.evaluation import ACTIVE_STATES
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench
from prompt_app.workbench.files import load_evaluation

CONCURRENCY = 100
IDLE_SECONDS = 3.0
MOST_WALL, MOST_CPU_MS, MOST_MB, MOST_GROWTH = 2.5, 1.5, 150.0, 1.3
"""What --check allows: seconds of the service for 2,000 samples, milliseconds a sample and
megabytes of every process, and the memory of 100,000 samples over that of 2,000."""
OURS = ("service", "worker", "run")
LARGE = 100_000
"""From so many samples on, what a process's start takes does not show."""
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""Byte code is cached, as it is for anyone who uses the program twice."""

BARE_LOOP = """
import asyncio, json, sys, aiohttp, uvloop
url, samples, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def main():
    left = iter(range(samples))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def call():
            for number in left:
                body = {"model": "echo", "messages": [{"role": "user", "content": f"row {number}"}]}
                async with session.post(url + "/v1/chat/completions", json=body) as reply:
                    await reply.json()
        await asyncio.gather(*(call() for _ in range(concurrency)))
uvloop.run(main())
"""


@dataclass(frozen=True)
class Measured:
    wall: float
    cpu: float
    peak_mb: float


def measure(command: list[str], environment: dict[str, str]) -> Measured:
    """Run a command to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    with peak_memory(process.pid) as peak:
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, peak[-1])


@contextmanager
def peak_memory(pid: int) -> Iterator[list[float]]:
    """The last entry is the most memory in MB that the process has held. Not ``ru_maxrss``: that
    begins with what this process held when it forked."""
    readings = [0.0]
    ended = Event()

    def watch() -> None:
        while not ended.wait(0.02):
            with suppress(OSError, IndexError):  # it has ended
                status = Path(f"/proc/{pid}/status").read_text()
                readings.append(int(status.split("VmHWM:")[1].split()[0]) / 1024)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield readings
    finally:
        ended.set()
        watcher.join()


def start_mock_server(*options: str) -> tuple[subprocess.Popen[str], str]:
    """A mock server in a process of its own, and its address."""
    command = [sys.executable, "-m", "prompt_app.cli", "mock-server", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


def write_evaluation(folder: Path, url: str, samples: int) -> Path:
    """A dataset of ``samples`` rows and an evaluation over it."""
    with (folder / "rows.jsonl").open("w") as file:
        for number in range(samples):
            row = {"question": f"Say: row {number}", "answers": [f"Say: row {number}"]}
            file.write(json.dumps(row) + "\n")
    evaluation = folder / "evaluation.yaml"
    evaluation.write_text(
        f"""
name: benchmark
dataset: rows.jsonl
prompts: [{{name: plain, template: "{{question}}"}}]
models: [{{provider: openai, name: echo, base_url: "{url}/v1"}}]
metrics: [exact_match, squad_f1]
limits: {{max_concurrency: {CONCURRENCY}}}
"""
    )
    return evaluation


def one_case(label: str, samples: int, latency_ms: float, *options: str) -> dict[str, Measured]:
    """Measure one size and print its rows. Ends the program where a sample was not scored."""
    limit = samples * latency_ms / 1000 / CONCURRENCY
    server, url = start_mock_server("--latency-ms", str(latency_ms), *options)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            evaluation = write_evaluation(folder, url, samples)
            cases = []
            bare = [sys.executable, "-c", BARE_LOOP, url, str(samples), str(CONCURRENCY)]
            if not options:
                cases.append(("bare loop", measure(bare, ENVIRONMENT)))
            cases.append(("service", measure_service(folder / "s", evaluation, samples)))
            if samples < LARGE:
                cases.append(("worker", measure_worker(folder / "a", evaluation, samples)))
                cases.append(("run", measure_run(folder / "b", evaluation, samples)))
    finally:
        server.terminate()
        server.wait()
    for name, got in cases:
        print(
            f"{label:28}{name:11}{limit:8.2f}{got.wall:8.2f}{got.wall / limit:8.2f}"
            f"{got.cpu / samples * 1000:10.3f}{got.peak_mb:10.0f}",
            flush=True,
        )
    return dict(cases)


def missed_bounds(small: dict[str, Measured], large: dict[str, Measured] | None) -> list[str]:
    """What is above its bound: of the 2,000 samples, and of the 100,000 where they were run."""
    found = []
    if (wall := small["service"].wall) > MOST_WALL:
        found.append(f"service took {wall:.2f} s, above {MOST_WALL:g}")
    for name in OURS:
        if (cpu := small[name].cpu / 2000 * 1000) > MOST_CPU_MS:
            found.append(f"{name} used {cpu:.2f} ms of CPU a sample, above {MOST_CPU_MS:g}")
        if (peak := small[name].peak_mb) > MOST_MB:
            found.append(f"{name} held {peak:.0f} MB, above {MOST_MB:g}")
    if large is not None:
        grown = large["service"].peak_mb / small["service"].peak_mb
        if grown > MOST_GROWTH:
            found.append(f"100,000 samples took {grown:.2f}x the memory, above {MOST_GROWTH:g}x")
    return found


def measure_service(data_dir: Path, evaluation: Path, samples: int) -> Measured:
    """Start a worker, let it wait for work, then submit and time until the run has ended."""
    data_dir.mkdir()
    settings = Settings(data_dir=data_dir)
    workbench = open_workbench(settings)
    spec = load_evaluation(evaluation)
    workbench.quote(spec, folder=evaluation.parent)  # as the studio does before Start
    environment = {**ENVIRONMENT, "PROMPT_APP_DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING"}
    worker = psutil.Popen([sys.executable, "-m", "prompt_app.cli", "worker"], env=environment)
    time.sleep(IDLE_SECONDS)
    idle = worker.cpu_times()
    with peak_memory(worker.pid) as peak:
        start = time.perf_counter()
        submitted = workbench.submit_evaluation(spec, folder=evaluation.parent)
        while workbench.runs_of(submitted.id)[0].state in ACTIVE_STATES:
            time.sleep(0.02)
        wall = time.perf_counter() - start
    cpu = worker.cpu_times()
    worker.terminate()
    worker.wait()
    check(workbench, submitted.id, samples)
    used = cpu.user + cpu.system - idle.user - idle.system
    return Measured(wall, used, peak[-1])


def measure_worker(data_dir: Path, evaluation: Path, samples: int) -> Measured:
    """Submit first, then time a worker that does the whole run; every sample must be scored."""
    data_dir.mkdir()
    settings = Settings(data_dir=data_dir)
    workbench = open_workbench(settings)
    spec = load_evaluation(evaluation)
    submitted = workbench.submit_evaluation(spec, folder=evaluation.parent)
    workbench.close()
    environment = {**ENVIRONMENT, "PROMPT_APP_DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "prompt_app.cli", "worker", "--until-idle"]
    got = measure(command, environment)
    check(open_workbench(settings), submitted.id, samples)
    return got


def measure_run(data_dir: Path, evaluation: Path, samples: int) -> Measured:
    """The whole command."""
    command = [sys.executable, "-m", "prompt_app.cli", "run", str(evaluation), "--quiet"]
    got = measure(command, {**ENVIRONMENT, "PROMPT_APP_DATA_DIR": str(data_dir)})
    workbench = open_workbench(Settings(data_dir=data_dir))
    check(workbench, workbench.list_runs().items[0].evaluation_id, samples)
    return got


def check(workbench: Workbench, evaluation_id: str, samples: int) -> None:
    """All is there, or the figures mean nothing."""
    (run,) = workbench.runs_of(evaluation_id)
    workbench.close()
    if run.state != "finished" or run.progress.scored != samples:
        raise SystemExit(f"{run.state}: {run.progress.scored} of {samples} scored. {run.reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", action="store_true", help="also 100,000 samples at 20 ms")
    parser.add_argument("--faults", action="store_true", help="also 5%% 429 and 2%% 500")
    parser.add_argument(
        "--check", action="store_true", help="end with code 1 where a bound is missed"
    )
    arguments = parser.parse_args()
    print(
        f"{'case':28}{'process':11}{'limit s':>8}{'wall s':>8}{'ratio':>8}"
        f"{'CPU ms':>10}{'peak MB':>10}"
    )
    small, large = one_case("2,000 at 100 ms", 2000, 100), None
    if arguments.faults:
        one_case("2,000, 5% 429, 2% 500", 2000, 100, "--p-429", "0.05", "--p-500", "0.02",
                 "--set", "retry_after=0")  # fmt: skip
    if arguments.large:
        large = one_case("100,000 at 20 ms", LARGE, 20)
    if arguments.check and (missed := missed_bounds(small, large)):
        raise SystemExit("\n".join(missed))


if __name__ == "__main__":
    main()
