"""Three Celery workers, and what may befall them: every run ends with one result a sample, and
nothing is billed twice but what was in flight.

``PROMPT_APP_LONG_CHAOS=1`` takes larger runs and cuts networks for 30 seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from chaos.conftest import make_queue
from chaos.workers import CONCURRENCY, LEASE_SECONDS, Workers, check_nothing_lost
from engine.runs import echo_spec, rows_file
from mock_process import MockProcess
from network import Wire
from servers import PostgresServer, RedisServer, SqsServer, free_port

from prompt_app.datamodel.base import yaml_text

LONG = bool(os.environ.get("PROMPT_APP_LONG_CHAOS"))
ROWS = 3000 if LONG else 300
CUT_SECONDS = 30.0 if LONG else 4.0
IN_FLIGHT = 2 * CONCURRENCY
"""Sent and not stored: about to be answered, or answered and on the way into the database."""
ON_REDIS, ON_SQS = (pytest.mark.xdist_group(f"workers on {broker}") for broker in ("redis", "sqs"))
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def mock(mock_process: MockProcess) -> MockProcess:
    mock_process.control(latency_ms=70, record="text")
    return mock_process


def test_three_workers_share_a_run_and_its_limits(workers: Workers, mock: MockProcess) -> None:
    """The cap holds for all of them together."""
    per_second = 100
    limits = {"requests_per_minute": 60 * per_second}
    check_rate(workers, mock, limits, lambda stats: stats["received"], per_second)


@ON_REDIS
def test_three_workers_share_the_tokens_a_minute(on_redis: Workers, mock: MockProcess) -> None:
    per_second = 600
    limits = {"tokens_per_minute": 60 * per_second}
    check_rate(on_redis, mock, limits, tokens_of, per_second)


def check_rate(
    workers: Workers,
    mock: MockProcess,
    limits: dict[str, float],
    counted: Callable[[dict[str, Any]], int],
    per_second: float,
) -> None:
    mock.control(latency_ms=30)
    workers.keep_ready(3)
    run = workers.submit(ROWS, mock, limits={"max_concurrency": CONCURRENCY, **limits})
    workers.answered(run, 1)
    begun, started = counted(mock.stats()), time.monotonic()
    while (stats := mock.stats())["received"] < 0.9 * ROWS:
        rate = (counted(stats) - begun) / (time.monotonic() - started)
        time.sleep(0.05)
    assert rate <= 1.1 * per_second
    workers.finished(run)
    check_nothing_lost(workers, run, ROWS, mock)
    assert workers.shared_by(run) >= 2


@ON_REDIS
def test_three_workers_share_the_calls_at_once(on_redis: Workers, mock: MockProcess) -> None:
    """A newcomer begins once the others have given way to it."""
    mock.control(latency_ms=100)
    on_redis.keep_ready(3)
    run = on_redis.submit(ROWS, mock)
    on_redis.answered(run, 1)
    at_once = []
    while (stats := mock.stats())["received"] < 0.9 * ROWS:
        at_once.append(stats["in_flight"])
        time.sleep(0.02)
    on_redis.finished(run)
    check_nothing_lost(on_redis, run, ROWS, mock)
    above = sum(calls > CONCURRENCY for calls in at_once)
    assert above < 0.1 * len(at_once), at_once  # none, but for looks that come late under load
    assert max(at_once) > CONCURRENCY / 2
    assert on_redis.shared_by(run) == 3


def tokens_of(stats: dict[str, Any]) -> int:
    return int(stats.get("input_tokens", 0) + stats.get("output_tokens", 0))


@ON_REDIS
def test_three_workers_hold_a_spend_cap(on_redis: Workers, mock: MockProcess) -> None:
    cap = ROWS / 150
    model = {"provider": "openai", "name": "echo", "base_url": f"{mock.url}/v1",
             "price": {"input": 1000.0, "output": 2000.0}}  # fmt: skip
    limits = {"max_concurrency": CONCURRENCY, "max_cost_usd": cap}
    on_redis.keep_ready(3)
    run = on_redis.submit(ROWS, mock, models=[model], parameters={"max_tokens": 20}, limits=limits)
    paused = on_redis.wait(run, lambda now: now.state == "paused")
    assert "cap" in paused.reason
    evaluation, stats = on_redis.workbench.evaluation(run.evaluation_id), mock.stats()
    billed = (stats["input_tokens"] * 1000 + stats["output_tokens"] * 2000) / 1e6
    most_of_a_call = 0.25
    assert cap - most_of_a_call < billed <= cap
    assert evaluation.spent_usd == pytest.approx(billed)
    assert (evaluation.unconfirmed_usd, stats["answered"]) == (0, paused.progress.answered)
    assert on_redis.shared_by(run) >= 2


def test_workers_killed_frozen_and_thawed(workers: Workers, mock: MockProcess) -> None:
    """One is killed, one frozen for longer than its lease and thawed, while the third goes on."""
    one, two, _ = workers.keep(3)
    run = workers.submit(ROWS, mock)
    workers.answered(run, ROWS // 6)
    workers.kill(one)
    workers.freeze(two)
    frozen = time.monotonic()
    workers.answered(run, ROWS // 2)
    time.sleep(max(0.0, frozen + 1.5 * LEASE_SECONDS - time.monotonic()))
    workers.thaw(two)
    workers.keep(3)
    workers.finished(run)
    check_nothing_lost(workers, run, ROWS, mock, vain=IN_FLIGHT)


@pytest.mark.skipif(not LONG, reason="the long form of the test before: PROMPT_APP_LONG_CHAOS=1")
def test_all_workers_killed(workers: Workers, mock: MockProcess) -> None:
    three = workers.keep(3)
    run = workers.submit(ROWS, mock)
    workers.answered(run, ROWS // 4)
    for number in three:
        workers.kill(number)
    workers.keep(2)
    workers.finished(run)
    check_nothing_lost(workers, run, ROWS, mock, vain=IN_FLIGHT)


@ON_REDIS
def test_the_web_process_killed_and_the_process_that_submitted(
    on_redis: Workers, mock: MockProcess
) -> None:
    on_redis.keep(3)
    port = free_port()
    start = ("prompt_app.cli", "start", "--no-worker", "--no-browser", "--port", str(port))
    (web,) = on_redis.start(1, *start)
    evaluation = on_redis.folder / "evaluation.yaml"
    limits = {"max_concurrency": CONCURRENCY, "timeout_seconds": 20}
    rows = rows_file(on_redis.folder, ROWS)
    spec = echo_spec(rows, mock.url, limits=limits, cache="off")
    evaluation.write_text(yaml_text(spec.model_dump(mode="json", exclude_defaults=True)))
    wait_until(lambda: is_healthy(port))
    (submitting,) = on_redis.start(1, "prompt_app.cli", "run", str(evaluation))
    wait_until(lambda: mock.stats().get("answered", 0) > ROWS // 6)
    on_redis.kill(web)
    on_redis.kill(submitting)
    run = on_redis.workbench.store.list_runs().items[0]
    assert run.state == "running"
    on_redis.finished(run)
    check_nothing_lost(on_redis, run, ROWS, mock)


def is_healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@ON_REDIS
def test_redis_restarted_without_its_queues(
    on_redis: Workers, mock: MockProcess, redis_server: RedisServer
) -> None:
    check_restart(on_redis, mock, redis_server.stop, redis_server.start)


@ON_SQS
def test_sqs_restarted_without_its_messages(
    on_sqs: Workers, mock: MockProcess, sqs_server: SqsServer
) -> None:
    def start() -> None:
        sqs_server.start()
        time.sleep(1)  # without the queue
        queue = on_sqs.broker_url
        assert make_queue(sqs_server, queue.rpartition("/")[2]) == queue

    check_restart(on_sqs, mock, sqs_server.stop, start)


def check_restart(
    workers: Workers, mock: MockProcess, stop: Callable[[], None], start: Callable[[], None]
) -> None:
    workers.keep(3)
    run = workers.submit(ROWS, mock)
    workers.answered(run, ROWS // 6)
    stop()
    time.sleep(1)
    start()
    workers.finished(run)
    check_nothing_lost(workers, run, ROWS, mock)


@pytest.fixture
def wires(redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[dict[str, Wire]]:
    with Wire(redis_server.port) as broker, Wire(postgres_server.unix_socket) as database:
        yield {"broker": broker, "database": database}


@pytest.mark.parametrize("cut", ["broker", "database"])
def test_a_network_cut(
    cut: str,
    wires: dict[str, Wire],
    database_url: str,
    tmp_path: Path,
    mock: MockProcess,
) -> None:
    """Nothing passes for a while, and then all of it. Where it is the database's, calls stop."""
    database = database_url.partition("?")[0].rpartition("/")[2]
    through = f"postgresql+psycopg://postgres@127.0.0.1:{wires['database'].port}/{database}"
    broker = f"redis://127.0.0.1:{wires['broker'].port}/0"
    with Workers(tmp_path, broker, through) as workers:
        workers.start(3)
        run = workers.submit(ROWS, mock)
        workers.answered(run, ROWS // 6)
        wires[cut].freeze()
        time.sleep(CUT_SECONDS / 2)
        called = mock.stats()["answered"]
        time.sleep(CUT_SECONDS / 2)
        if cut == "database":
            assert mock.stats()["answered"] == called, "calls went on without a database"
        wires[cut].thaw()
        workers.finished(run)
        vain = CONCURRENCY if cut == "database" else 0
        check_nothing_lost(workers, run, ROWS, mock, vain=vain)


@pytest.mark.skipif(not LONG, reason="the long form of the test before: PROMPT_APP_LONG_CHAOS=1")
def test_the_network_to_sqs_cut(
    sqs_queue: str, database_url: str, tmp_path: Path, mock: MockProcess
) -> None:
    parts = urlsplit(sqs_queue)
    assert parts.port is not None
    with Wire(parts.port) as wire:
        queue = f"http://127.0.0.1:{wire.port}{parts.path}"
        with Workers(tmp_path, queue, database_url) as workers:
            workers.start(3)
            run = workers.submit(ROWS, mock)
            workers.answered(run, ROWS // 6)
            wire.freeze()
            time.sleep(CUT_SECONDS)
            wire.thaw()
            workers.finished(run)
            check_nothing_lost(workers, run, ROWS, mock)


def test_a_stopped_worker_gives_its_chunk_back(
    redis_server: RedisServer, database_url: str, tmp_path: Path, mock: MockProcess
) -> None:
    with Workers(tmp_path, redis_server.url, database_url) as workers:
        workers.start(1)
        run = workers.submit(ROWS, mock)
        workers.answered(run, ROWS // 6)
        workers.start(1)
        workers.processes[0].terminate()
        assert workers.processes[0].wait(30) == 0
        workers.finished(run)
        check_nothing_lost(workers, run, ROWS, mock)
