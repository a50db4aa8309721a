from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from chaos.workers import Workers
from moto.server import ThreadedMotoServer
from servers import PostgresServer, RedisServer

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
def sqs_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
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
def sqs_queue(sqs_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new one."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("sqs", endpoint_url=sqs_endpoint, region_name="eu-west-1")
    made = client.create_queue(
        QueueName=f"runs-{tmp_path.name}", Attributes={"VisibilityTimeout": "1800"}
    )
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
