"""Several workers on one run: throughput, what sharing costs, resuming, a simulation, a soak.

    python benchmarks/scale.py throughput               100,000 samples; 1, 2 and 4 workers
    python benchmarks/scale.py throughput --stores sqlite --workers 1 --samples 20000
    python benchmarks/scale.py throughput --latency-ms 1000 --concurrency 100 --each \\
        --stores postgresql --samples 10000             bound by the latency, not by the processor
    python benchmarks/scale.py resume                   a finished run of 100,000 samples
    python benchmarks/scale.py simulate                 10 million samples on 50 workers,
                                                        by what throughput printed
    python benchmarks/scale.py soak                     60 s at 200 samples/s; --minutes 30

Needs PostgreSQL's and Redis's programs; both are started in temporary folders. CPU is that of
the workers and of the database server's processes, in ms a sample. On a machine with few cores
more workers cannot be faster than the cores; the CPU a sample tells what they would cost.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from engine import start_mock_server, write_evaluation
from servers import PostgresServer, RedisServer

from prompt_app.datamodel.evaluation import Run
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench
from prompt_app.workbench.files import load_evaluation


@dataclass
class Place:
    """A store with its broker, and the workers on it."""

    settings: Settings
    environment: dict[str, str]
    servers: list[psutil.Process]

    @property
    def workbench(self) -> Workbench:
        return open_workbench(self.settings)

    def start_worker(self, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "prompt_app.cli", "worker", *more]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL)  # fmt: skip


@contextmanager
def a_place(kind: str, folder: Path, *, broker: bool = True) -> Iterator[Place]:
    """``kind``: sqlite or postgresql; the latter does not wait for the disk here."""
    redis = RedisServer() if broker else None
    postgres = PostgresServer() if kind == "postgresql" else None
    try:
        database = postgres.url(postgres.create_database()) if postgres else None
        settings = Settings(
            data_dir=folder / "data",
            database_url=SecretStr(database) if database else None,
            broker_url=SecretStr(redis.url) if redis else None,
        )
        environment = {
            **os.environ,
            "PROMPT_APP_DATA_DIR": str(folder / "data"),
            "PROMPT_APP_WORKER_RUNS": "2",
            "LOG_LEVEL": "WARNING",
            **({"DATABASE_URL": database} if database else {}),
            **({"PROMPT_APP_BROKER_URL": redis.url} if redis else {}),
        }
        own = psutil.Process().children()
        servers = [process for process in own if process.name() in ("postgres", "redis-server")]
        yield Place(settings, environment, servers)
    finally:
        if redis:
            redis.close()
        if postgres:
            postgres.close()


def cpu_of(processes: list[psutil.Process]) -> float:
    """Seconds, those of their children included."""
    total = 0.0
    for process in processes:
        for each in [process, *process.children(recursive=True)]:
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def submit(workbench: Workbench, evaluation: Path, limits: str = "") -> Run:
    text = evaluation.read_text()
    if limits:
        head, _, _ = text.partition("limits:")
        evaluation.write_text(f"{head}limits: {{{limits}}}\n")
    spec = load_evaluation(evaluation)
    submitted = workbench.submit_evaluation(spec, folder=evaluation.parent)
    return workbench.runs_of(submitted.id)[0]


def wait_for(workbench: Workbench, run: Run, answered: int | None = None) -> Run:
    while True:
        now = workbench.run(run.id)
        done = now.state == "finished" if answered is None else now.progress.answered >= answered
        if done:
            return now
        if now.state not in ("queued", "running"):
            raise SystemExit(f"{now.state}: {now.reason}")
        time.sleep(0.05)


MEASURED = Path(__file__).with_name("scale_throughput.txt")
STORES = ("sqlite", "postgresql")
WORKERS = (0, 1, 2, 4)


def throughput(
    samples: int,
    latency_ms: float,
    concurrency: int,
    stores: Sequence[str] = STORES,
    workers: Sequence[int] = WORKERS,
    *,
    each: bool = False,
) -> None:
    """``each``: ``concurrency`` is what every worker brings, as where a provider allows so much
    to each of several accounts or machines."""
    server, url = start_mock_server("--latency-ms", str(latency_ms))
    model = psutil.Process(server.pid)
    of = " for each worker" if each else ""
    print(f"{samples:,} samples at {latency_ms:g} ms, concurrency {concurrency}{of}, "
          f"{os.cpu_count()} cores")  # fmt: skip
    print(f"{'store':12}{'workers':>22}{'samples/s':>11}{'workers ms':>12}{'database ms':>13}"
          f"{'model ms':>10}{'cores':>7}")  # fmt: skip
    try:
        for kind in stores:
            for count in workers:
                calls = concurrency * max(1, count) if each else concurrency
                one_throughput(kind, count, samples, calls, url, model)
    finally:
        server.terminate()
        server.wait()


def one_throughput(
    kind: str, count: int, samples: int, concurrency: int, url: str, model: psutil.Process
) -> None:
    """``count`` 0: one worker without a broker, for comparison. ``cores``: processor time of all
    of them by the clock's."""
    with (
        tempfile.TemporaryDirectory() as name,
        a_place(kind, Path(name), broker=count > 0) as place,
    ):
        workbench = place.workbench
        evaluation = write_evaluation(Path(name), url, samples)
        before = cpu_of(place.servers)
        processes = [place.start_worker() for _ in range(count or 1)]
        workers = [psutil.Process(process.pid) for process in processes]
        time.sleep(6)  # all of them have started
        started, model_before = cpu_of(workers), cpu_of([model])
        run = submit(workbench, evaluation, f"max_concurrency: {concurrency}")
        begun = time.perf_counter()
        run = wait_for(workbench, run)
        wall = time.perf_counter() - begun
        assert run.progress.scored == samples
        own, database = cpu_of(workers) - started, cpu_of(place.servers) - before
        served = cpu_of([model]) - model_before
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        workbench.close()
    label = f"{count} over Redis" if count else "1 without a broker"
    shown = f"{database / samples * 1000:13.3f}" if kind == "postgresql" else f"{'(inside)':>13}"
    print(
        f"{kind:12}{label:>22}{samples / wall:11.0f}{own / samples * 1000:12.3f}{shown}"
        f"{served / samples * 1000:10.3f}{(own + database + served) / wall:7.2f}",
        flush=True,
    )


def resume(samples: int, stores: Sequence[str] = STORES) -> None:
    """Of a run whose samples are all stored, and of one that lacks the last ten; by one worker
    without a broker, and by one over Redis, to which every chunk is new."""
    print(f"Resuming {samples:,} finished samples")
    server, url = start_mock_server()
    try:
        for kind in stores:
            with (
                tempfile.TemporaryDirectory() as name,
                a_place(kind, Path(name)) as place,
            ):
                workbench = place.workbench
                run = submit(workbench, write_evaluation(Path(name), url, samples))
                worker = place.start_worker("--until-idle")
                wait_for(workbench, run)
                worker.wait()
                for label, lacking in (("nothing left", 0), ("10 left", 10)):
                    forget(workbench, run, lacking)
                    begun = time.perf_counter()
                    work(workbench)
                    seconds = time.perf_counter() - begun
                    assert workbench.run(run.id).progress.scored == samples
                    print(f"{kind:12}{label:>24}{seconds:8.2f} s", flush=True)
                forget(workbench, run, 10)
                worker = place.start_worker()
                wait_for(workbench, run)
                forget(workbench, run, 10)
                begun = time.perf_counter()
                workbench.dispatcher.dispatch(run.id)
                wait_for(workbench, run)
                seconds = time.perf_counter() - begun
                print(f"{kind:12}{'10 left, over Redis':>24}{seconds:8.2f} s", flush=True)
                worker.terminate()
                worker.wait()
                workbench.close()
    finally:
        server.terminate()
        server.wait()


def forget(workbench: Workbench, run: Run, last: int) -> None:
    """Queue the run again, without its ``last`` samples; no chunk is known to be finished."""
    from sqlalchemy import delete, select, update

    from prompt_app.storage.chunk_tables import chunks
    from prompt_app.storage.tables import runs, samples

    with workbench.store._database.write() as connection:  # type: ignore[attr-defined]
        number = connection.scalar(select(runs.c.number).where(runs.c.id == run.id))
        gone = samples.c.run == number, samples.c.position >= run.progress.total - last
        deleted = connection.execute(delete(samples).where(*gone)).rowcount
        connection.execute(
            update(runs)
            .where(runs.c.number == number)
            .values(
                state="queued",
                answered=runs.c.answered - deleted,
                scored=runs.c.scored - deleted,
            )
        )
        connection.execute(update(chunks).where(chunks.c.run == number).values(state="queued"))


def work(workbench: Workbench) -> None:
    import asyncio

    asyncio.run(workbench.work(asyncio.Event(), until_idle=True))


def soak(minutes: float, per_second: float) -> None:
    """Memory, files and connections of two workers, ten times. Connections to the model are
    counted apart: as many are kept as calls were in flight at once. Ends with an error where
    memory grew by more than a tenth since the first look, or other files by more than two."""
    samples = int(minutes * 60 * per_second)
    server, url = start_mock_server("--latency-ms", "100")
    try:
        with tempfile.TemporaryDirectory() as name, a_place("postgresql", Path(name)) as place:
            workbench = place.workbench
            evaluation = write_evaluation(Path(name), url, samples)
            processes = [place.start_worker() for _ in range(2)]
            workers = [psutil.Process(process.pid) for process in processes]
            limits = f"max_concurrency: 100, requests_per_minute: {per_second * 60:g}"
            run = submit(workbench, evaluation, limits)
            begun = time.perf_counter()
            print(f"{'s':>6}{'samples':>10}{'/s':>7}{'MB each':>14}{'files each':>14}"
                  f"{'to the model':>14}{'PG':>5}")  # fmt: skip
            port = urlsplit(url).port
            looks: list[tuple[list[int], list[int]]] = []
            marks = [samples * step // 10 for step in range(1, 11)]
            for mark in marks:
                now = wait_for(workbench, run, mark)
                seconds = time.perf_counter() - begun
                memory = [w.memory_info().rss >> 20 for w in workers]
                calls = [sum(c.raddr.port == port for c in w.net_connections("tcp") if c.raddr)
                         for w in workers]  # fmt: skip
                files = [w.num_fds() - own for w, own in zip(workers, calls, strict=True)]
                looks.append((memory, files))
                databases = [each for each in place.servers if each.name() == "postgres"]
                sessions = sum(len(each.children()) for each in databases)
                answered = now.progress.answered
                shown = "".join(
                    f"{'/'.join(map(str, each)):>14}" for each in (memory, files, calls)
                )
                print(f"{seconds:6.0f}{answered:10}{answered / seconds:7.0f}{shown}{sessions:5}",
                      flush=True)  # fmt: skip
            wait_for(workbench, run)
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
            workbench.close()
            (memory, files), (last_memory, last_files) = looks[0], looks[-1]
            grown = [now > 1.1 * then for then, now in zip(memory, last_memory, strict=True)]
            more = [now > then + 2 for then, now in zip(files, last_files, strict=True)]
            if any(grown) or any(more):
                raise SystemExit("Memory or files grew.")
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["throughput", "resume", "simulate", "soak"])
    parser.add_argument("--samples", type=int)
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--each", action="store_true",
                        help="the concurrency is that of each worker")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--per-second", type=float, default=200)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--workers", nargs="+", type=int, default=WORKERS,
                        help="0: one without a broker")  # fmt: skip
    parser.add_argument("--measured", type=Path, default=MEASURED,
                        help="what 'throughput' printed, for 'simulate'")  # fmt: skip
    arguments = parser.parse_args()
    if arguments.what == "throughput":
        throughput(
            arguments.samples or 100_000,
            arguments.latency_ms,
            arguments.concurrency,
            arguments.stores,
            arguments.workers,
            each=arguments.each,
        )
    elif arguments.what == "resume":
        resume(arguments.samples or 100_000, arguments.stores)
    elif arguments.what == "soak":
        soak(arguments.minutes, arguments.per_second)
    else:
        from scale_simulation import read_measured, report

        report(read_measured(arguments.measured))


if __name__ == "__main__":
    main()
