"""Bedrock's quotas, told by a server that speaks Service Quotas' protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, rows_file, temporary_workbench

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import EvaluationError
from prompt_app.providers.bedrock_quotas import ModelQuota, quota_among, read_quota
from prompt_app.providers.profiles import profiles_of
from prompt_app.settings import Settings

QUOTAS = [
    ("On-demand model inference requests per minute for Anthropic Claude 3.5 Sonnet", 50.0),
    ("On-demand model inference tokens per minute for Anthropic Claude 3.5 Sonnet", 400_000.0),
    ("On-demand model inference requests per minute for Anthropic Claude 3.5 Sonnet V2", 60.0),
    ("Cross-region model inference requests per minute for Anthropic Claude 3.5 Sonnet V2", 100.0),
    ("Cross-region model inference tokens per minute for Amazon Nova Lite", 8_000_000.0),
    ("Global cross-region model inference tokens per minute for Amazon Nova Lite", 9e6),
    ("On-demand model inference tokens per minute for Meta Llama 3.1 70B Instruct", 300_000.0),
    ("Number of agents", 5.0),
    ("Minimum number of records per batch inference job for Amazon Nova Micro", 300.0),
    (
        "Sum of in-progress and submitted batch inference jobs using a base model for "
        "Amazon Nova Micro",
        2.0,
    ),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", ModelQuota(50, 400_000)),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", ModelQuota(60, 400_000)),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", ModelQuota(100, None)),
        ("eu.amazon.nova-lite-v1:0", ModelQuota(None, 8_000_000)),
        ("global.amazon.nova-lite-v1:0", ModelQuota(None, 9_000_000)),
        ("meta.llama3-1-70b-instruct-v1:0", ModelQuota(None, 300_000)),
        ("amazon.nova-pro-v1:0", ModelQuota()),
        ("us.amazon.nova-micro-v1:0", ModelQuota(None, None, 300, 2)),
    ],
)
def test_a_models_quota_is_found_by_its_words(name: str, expected: ModelQuota) -> None:
    assert quota_among(name, QUOTAS) == expected


class Handler(BaseHTTPRequestHandler):
    allowed = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        told: dict[str, Any] = {"Quotas": [{"QuotaName": n, "Value": v} for n, v in QUOTAS]}
        if not self.allowed:
            told = {"__type": "AccessDeniedException", "Message": "Not you."}
        body = json.dumps(told).encode()
        self.send_response(200 if self.allowed else 400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def quotas(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    yield Handler
    Handler.allowed = True
    server.shutdown()
    server.server_close()


SONNET = ModelSpec(provider="bedrock", name="anthropic.claude-3-5-sonnet-20240620-v1:0")


def test_quotas_are_read_where_that_is_allowed(quotas: type[Handler], tmp_path: Path) -> None:
    settings = Settings(aws_region="eu-west-1", data_dir=tmp_path)
    assert read_quota(SONNET, settings) == ModelQuota(50, 400_000)
    quotas.allowed = False
    assert read_quota(SONNET, settings) == ModelQuota()


def test_a_run_keeps_to_the_quota_unless_it_has_lower_caps(
    quotas: type[Handler], tmp_path: Path, mock_process: Any
) -> None:
    workbench = temporary_workbench(
        tmp_path,
        aws_region="eu-west-1",
        bedrock_quotas=True,
        bedrock_endpoint_url=mock_process.url,
    )
    limits = {"requests_per_minute": 20}
    spec = echo_spec(rows_file(tmp_path, 3), "", models=[SONNET.model_dump()], limits=limits)
    resolved = workbench.resolve(spec)
    (run,) = resolved.runs
    assert (run.spec.limits.requests_per_minute, run.spec.limits.tokens_per_minute) == (20, 400_000)
    assert any("quota" in note for note in resolved.notes)
    workbench.close()


@pytest.mark.parametrize(
    ("rows", "refused"), [(200, "at least 300 requests"), (400, None), (12_000, "3 batch jobs")]
)
def test_batch_jobs_are_held_against_the_accounts_quotas_before(
    quotas: type[Handler], tmp_path: Path, mock_process: Any, rows: int, refused: str | None
) -> None:
    workbench = temporary_workbench(
        tmp_path,
        aws_region="eu-west-1",
        bedrock_quotas=True,
        bedrock_endpoint_url=mock_process.url,
        batch_url="s3://bucket/prefix",
        batch_role_arn="arn:aws:iam::123456789012:role/batch",
    )
    micro = {"provider": "bedrock", "name": "us.amazon.nova-micro-v1:0"}
    spec = echo_spec(rows_file(tmp_path, rows), "", models=[micro], mode="batch")
    if refused is None:
        assert len(workbench.resolve(spec).runs) == 1
    else:
        with pytest.raises(EvaluationError, match=refused):
            workbench.resolve(spec)
    workbench.close()


def test_each_profiles_quota_is_filled_in_unless_a_lower_one_is_given(
    quotas: type[Handler], tmp_path: Path, mock_process: Any
) -> None:
    workbench = temporary_workbench(
        tmp_path,
        aws_region="eu-west-1",
        bedrock_quotas=True,
        bedrock_endpoint_url=mock_process.url,
    )
    profiles = [
        "eu.amazon.nova-lite-v1:0",
        {"name": "global.amazon.nova-lite-v1:0", "tokens_per_minute": 1000},
    ]
    lite = {
        "provider": "bedrock",
        "name": "amazon.nova-lite-v1:0",
        "options": {"profiles": profiles},
    }
    (run,) = workbench.resolve(echo_spec(rows_file(tmp_path, 3), "", models=[lite])).runs
    known = [profile.tokens_per_minute for profile in profiles_of(run.spec.model)]
    assert known == [8_000_000, 1000]
    assert run.spec.limits.tokens_per_minute is None
    workbench.close()
