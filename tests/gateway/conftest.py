from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway.running import RunningGateway

from prompt_app.providers.mock_server import MockServer


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gateway(tmp_path: Path, mock_server: MockServer) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, mock_server.url) as running:
        yield running
