"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from mock_process import MockProcess
from servers import PostgresServer

from prompt_app.providers.mock_server import MockServer

# How long one example takes says more about what else the machine does than about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def mock_server() -> Iterator[MockServer]:
    """A mock model server on a thread; ``mock_server.control(...)`` sets its faults."""
    with MockServer() as server:
        yield server


@pytest.fixture
def mock_process() -> Iterator[MockProcess]:
    """A mock model server in a process of its own."""
    with MockProcess() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL cluster for the whole session."""
    try:
        server = PostgresServer()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.close()
