"""Synthesis takes seconds: each deployment is synthesized once a session."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from custom_resource import CloudFormation
from deployment import FULL, Deployment, Synthesize, synthesize_once
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesize with these variables; ``nag`` runs cdk-nag, ``change`` edits the stack first."""
    cache: dict[str, Deployment] = {}

    def run(
        environment: Mapping[str, str] | None = None,
        *,
        nag: str = "",
        change: Callable[[Any], None] | None = None,
    ) -> Deployment:
        key = json.dumps([sorted((environment or {}).items()), nag])
        if change is not None or key not in cache:
            folder = tmp_path_factory.mktemp("assembly")
            deployment = synthesize_once(folder, environment or {}, nag, change)
            if change is not None:
                return deployment
            cache[key] = deployment
        return cache[key]

    return run


@pytest.fixture(scope="session")
def default(synthesize: Synthesize) -> Deployment:
    """The deployment that nothing configures."""
    return synthesize()


@pytest.fixture(scope="session")
def full(synthesize: Synthesize) -> Deployment:
    """The deployment with everything switched on."""
    return synthesize(FULL)


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    receiver = CloudFormation()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """moto over HTTP, as the AWS that clients in this process talk to; yields its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PROJECT": "deployer",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield f"http://{host}:{port}"
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()
    server.stop()
