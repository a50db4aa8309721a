from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from chaos.workers import Workers
from servers import PostgresServer, RedisServer, SqsServer

AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    try:
        server = RedisServer()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqs_server() -> Iterator[SqsServer]:
    server = SqsServer()
    yield server
    server.stop()


@contextmanager
def new_database(server: PostgresServer) -> Iterator[str]:
    """Its address."""
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    with new_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def on_redis(
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workers]:
    """Shared by tests, which begin with :meth:`Workers.keep`."""
    folder = tmp_path_factory.mktemp("on-redis")
    broker = redis_server.url.removesuffix("/0") + "/1"  # no other test's messages
    with (
        new_database(postgres_server) as database,
        Workers(folder, broker, database) as workers,
    ):
        yield workers


@pytest.fixture
def sqs_queue(sqs_server: SqsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new one."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    return make_queue(sqs_server, f"runs-{tmp_path.name}")


def make_queue(server: SqsServer, name: str) -> str:
    client = boto3.client("sqs", endpoint_url=server.url, region_name=AWS["AWS_REGION"])
    made = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1800"})
    return str(made["QueueUrl"])


@pytest.fixture(scope="module")
def on_sqs(
    sqs_server: SqsServer,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workers]:
    """See :func:`on_redis`."""
    folder = tmp_path_factory.mktemp("on-sqs")
    with pytest.MonkeyPatch.context() as patch, new_database(postgres_server) as database:
        for name, value in AWS.items():
            patch.setenv(name, value)
        with Workers(folder, make_queue(sqs_server, "shared-runs"), database) as workers:
            yield workers


@pytest.fixture(
    params=[
        pytest.param(broker, marks=pytest.mark.xdist_group(f"workers on {broker}"))
        for broker in ("redis", "sqs")
    ]
)
def workers(request: pytest.FixtureRequest) -> Workers:
    """Of either broker."""
    found: Workers = request.getfixturevalue(f"on_{request.param}")
    return found
