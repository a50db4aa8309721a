from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def on_redis(redis_server: RedisServer, database_url: str, tmp_path: Path) -> Iterator[Workers]:
    with Workers(tmp_path, redis_server.url, database_url) as workers:
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


@pytest.fixture
def on_sqs(sqs_queue: str, database_url: str, tmp_path: Path) -> Iterator[Workers]:
    with Workers(tmp_path, sqs_queue, database_url) as workers:
        yield workers


@pytest.fixture(params=["redis", "sqs"])
def workers(request: pytest.FixtureRequest) -> Workers:
    """Of either broker."""
    found: Workers = request.getfixturevalue(f"on_{request.param}")
    return found
