"""What the account can use, as real servers list it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import PermissionDeniedError
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench
from prompt_app.workbench.account_access import Reach, is_reached

PROFILES = [{"inferenceProfileId": f"us.profile-{number}"} for number in range(3)]


@contextmanager
def aws(answers: dict[str, tuple[int, object]]) -> Iterator[str]:
    """A server that answers a path with what ``answers`` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.answer()

        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            status, body = answers[path + ("+" if "nextToken" in query else "")]
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def one(workbench: Workbench, source: str) -> Reach:
    (reach,) = workbench.account_access.check([source])
    return reach


def test_an_endpoint_of_the_openai_protocol_lists_its_models(
    workbench: Workbench, mock_server: MockServer
) -> None:
    model = ModelSpec(provider="openai", name="echo", base_url=f"{mock_server.url}/v1")
    workbench.models.save_endpoint("mine", model)
    assert "endpoint:mine" in workbench.account_access.sources()
    reach = one(workbench, "endpoint:mine")
    assert "echo" in reach.names
    assert is_reached("endpoint:mine", {reach.source: reach}) is True


def test_bedrock_lists_models_and_every_page_of_profiles(
    workbench: Workbench, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, tuple[int, object]] = {
        "/foundation-models": (200, {"modelSummaries": [{"modelId": "amazon.nova-lite-v1:0"}]}),
        "/inference-profiles": (
            200,
            {"inferenceProfileSummaries": PROFILES[:2], "nextToken": "more"},
        ),
        "/inference-profiles+": (200, {"inferenceProfileSummaries": PROFILES[2:]}),
    }
    with aws(answers) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", url)
        reach = one(workbench, "bedrock")
    assert reach.problem == ""
    assert reach.names == {"amazon.nova-lite-v1:0", *(f"us.profile-{n}" for n in range(3))}
    known = {"bedrock": reach}
    assert is_reached("bedrock:amazon.nova-lite-v1:0", known) is True
    assert is_reached("bedrock:amazon.nova-pro-v1:0", known) is False
    assert is_reached("openai:gpt-4.1", known) is None


def test_sagemaker_lists_the_endpoints_in_service(
    workbench: Workbench, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws({"/": (200, {"Endpoints": [{"EndpointName": "llama-mine"}]})}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        assert one(workbench, "sagemaker").names == {"llama-mine"}


def test_a_refusal_is_told_in_words_and_nothing_is_claimed(
    workbench: Workbench, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"message": "not authorized to perform bedrock:ListFoundationModels"}
    with aws({"/foundation-models": (403, refusal)}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", url)
        reach = one(workbench, "bedrock")
    assert "not authorized" in reach.problem
    assert is_reached("bedrock:amazon.nova-lite-v1:0", {"bedrock": reach}) is None


def test_viewers_do_not_ask(workbench: Workbench) -> None:
    viewer = workbench.acting_as(Person(id="v", name="V", role=Role.VIEWER))
    with pytest.raises(PermissionDeniedError):
        list(viewer.account_access.check(["openai"]))
