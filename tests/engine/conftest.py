from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.runs import temporary_workbench
from servers import PostgresServer

from prompt_app.workbench import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    bench = temporary_workbench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workbench]:
    """A workbench on each kind of store, which the processes that a test starts use too."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("DATABASE_URL", server.url(server.create_database()))
    bench = temporary_workbench(tmp_path)
    yield bench
    bench.close()
