"""Where nothing is to be done, web and worker processes let the database sleep, and a message or
a call wakes them."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from browser.studio import chromium, launched
from chaos.workers import Workers
from mock_process import MockProcess
from playwright.sync_api import expect, sync_playwright
from servers import PostgresServer, RedisServer

from prompt_app.datamodel.rubric_test import RubricTestOptions

IDLE_SECONDS = 1.5
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def broker_url(request: pytest.FixtureRequest) -> str:
    """Redis's, or that of a queue of SQS where the test asks for it."""
    if getattr(request, "param", "redis") == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        return redis.url
    queue: str = request.getfixturevalue("sqs_queue")
    return queue


@pytest.fixture
def idle_workers(broker_url: str, database_url: str, tmp_path: Path) -> Iterator[Workers]:
    with Workers(
        tmp_path, broker_url, database_url, PROMPT_APP_IDLE_SECONDS=str(IDLE_SECONDS)
    ) as workers:
        workers.workbench.close()
        yield workers


@pytest.fixture
def sessions(postgres_server: PostgresServer, database_url: str) -> Callable[[], list[str]]:
    """What each session of the app asked last."""
    database = database_url.partition("?")[0].rpartition("/")[2]

    def count() -> list[str]:
        with postgres_server.connect() as connection:
            found = connection.execute(
                "SELECT query FROM pg_stat_activity "
                "WHERE datname = %s AND backend_type = 'client backend'",
                [database],
            )
            return [row[0] for row in found.fetchall()]

    return count


def stays_asleep(sessions: Callable[[], list[str]]) -> None:
    """No session after a while, and none for longer than it takes to fall asleep."""
    wait_until(lambda: not sessions())
    until = time.monotonic() + 1.5 * IDLE_SECONDS
    while time.monotonic() < until:
        assert sessions() == []
        time.sleep(0.02)


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("broker_url", ["redis", "sqs"], indirect=True)
def test_a_worker_sleeps_until_there_is_work(
    idle_workers: Workers, sessions: Callable[[], list[str]], mock_process: MockProcess
) -> None:
    workbench = idle_workers.workbench
    idle_workers.start(1)
    wait_until(lambda: len(sessions()) >= 2)
    stays_asleep(sessions)

    run = idle_workers.submit(20, mock_process)
    assert idle_workers.finished(run, seconds=20).progress.answered == 20
    workbench.close()
    stays_asleep(sessions)

    workbench.rubrics.load_example()
    test = workbench.rubrics.start(RubricTestOptions(dataset="games", experiment="baseline"))
    wait_until(lambda: workbench.rubrics.test(test.id).state == "finished")
    workbench.close()
    stays_asleep(sessions)


def test_work_is_not_slept_through(
    idle_workers: Workers, sessions: Callable[[], list[str]], mock_process: MockProcess
) -> None:
    """A call that takes longer than falling asleep, and a worker that dies with it."""
    mock_process.control(latency_ms=1000 * (IDLE_SECONDS + 2))
    idle_workers.start(1)
    run = idle_workers.submit(4, mock_process)
    wait_until(lambda: mock_process.stats().get("received"))
    idle_workers.kill(0)
    mock_process.control(latency_ms=0)
    idle_workers.start(1)
    assert idle_workers.finished(run, seconds=30).progress.answered == 4
    idle_workers.workbench.close()
    stays_asleep(sessions)


@pytest.fixture
def studio(idle_workers: Workers) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    idle_workers.start(
        1, "prompt_app.cli", "start", "--no-worker", "--no-browser", "--port", str(port),
        PROMPT_APP_HOST="0.0.0.0", PROMPT_APP_ALLOW_OPEN="true",
    )  # fmt: skip
    yield f"http://127.0.0.1:{port}"
    idle_workers.processes[0].terminate()
    idle_workers.processes[0].wait(20)


def test_a_studio_and_its_gateway_sleep_until_they_are_called(
    studio: str, idle_workers: Workers, sessions: Callable[[], list[str]]
) -> None:
    tokens = idle_workers.workbench.access_tokens
    kept, revoked = tokens.create("kept"), tokens.create("revoked")
    wait_until(lambda: status(f"{studio}/_stcore/health") == 200)
    models = f"{studio}/v1/models"
    assert [status(models, each.secret) for each in (kept, revoked)] == [200, 200]
    idle_workers.workbench.close()
    wait_until(lambda: not sessions())
    quiet_until = time.monotonic() + 1.5 * IDLE_SECONDS
    while time.monotonic() < quiet_until:
        assert status(f"{studio}/_stcore/health") == 200
        assert status(studio) == 200
        assert status(models, "sk-of-somewhere-else") == 401
        assert sessions() == []

    # What other processes changed meanwhile holds for the first call that comes.
    tokens.revoke(revoked.token.id)
    new = tokens.create("new")
    idle_workers.workbench.close()
    assert [status(models, each.secret) for each in (revoked, new, kept)] == [401, 200, 200]
    stays_asleep(sessions)


def test_an_open_page_sleeps_once_its_run_has_ended(
    studio: str,
    idle_workers: Workers,
    sessions: Callable[[], list[str]],
    mock_process: MockProcess,
) -> None:
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    mock_process.control(latency_ms=1000)
    run = idle_workers.submit(16, mock_process)
    wait_until(lambda: status(f"{studio}/_stcore/health") == 200)
    with sync_playwright() as playwright, closing(launched(playwright)) as browser:
        page = browser.new_page()
        page.goto(f"{studio}/runs")
        expect(page.get_by_text("queued").first).to_be_visible()
        idle_workers.start(1)
        idle_workers.finished(run)
        idle_workers.workbench.close()
        expect(page.get_by_text("finished").first).to_be_visible()
        stays_asleep(sessions)


def status(url: str, secret: str = "") -> int:
    """0 where nothing answers."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=10
        ) as found:
            return int(found.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
