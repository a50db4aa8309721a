"""The tester against a model server over HTTP, healthy and not, and over files in a bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.commands import CommandLine, Result
from moto.server import ThreadedMotoServer

from prompt_app.providers.mock_server import MockServer, MockServerOptions

L2 = "L2-reacting"
FOLDER = Path("experiments/baseline") / L2


@pytest.fixture
def server(examples: Path) -> Iterator[MockServer]:
    script = str(examples / FOLDER / "replies.yaml")
    with MockServer(MockServerOptions(script=script)) as started:
        path = examples / FOLDER / "params.json"
        parameters = json.loads(path.read_text())
        parameters["model"] = {
            "provider": "openai", "name": "scripted", "base_url": f"{started.url}/v1",
        }  # fmt: skip
        path.write_text(json.dumps(parameters))
        yield started


@pytest.fixture
def run(command_line: CommandLine, examples: Path) -> Any:
    def call(*more: str, base: str = str(examples)) -> Result:
        return command_line.run(
            "rubric", "test", "--base", base, "--dataset-name", "games",
            "--experiment-name", "baseline", "--lesson-names", L2, "--json", *more,
        )  # fmt: skip

    return call


def received(server: MockServer) -> int:
    return int(server.stats().get("received", 0))


def test_stored_replies_spare_every_call(run: Any, server: MockServer) -> None:
    first = run()
    assert first.code == 0, first.err
    assert received(server) == 11  # a call a work, three responses each; none for the blank one
    again = run("-c")
    assert received(server) == 11
    assert again.json()["lessons"][0]["exact"] == first.json()["lessons"][0]["exact"]
    run()
    assert received(server) == 22


def test_faults_are_retried(run: Any, server: MockServer) -> None:
    server.control(p_500=0.3, p_malformed=0.1, seed=3)
    result = run("-w", "4")
    assert result.code == 0, result.err
    assert result.json()["lessons"][0]["exact"]["overall"]["scored"] == 35
    assert received(server) > 11


@pytest.mark.parametrize("at_once", [1, 4])
def test_an_exhausted_quota_stops_and_keeps_what_was_answered(
    run: Any, server: MockServer, at_once: int
) -> None:
    server.control(quota_after=5, latency_ms=200)
    result = run("-w", str(at_once))
    assert result.code == 1
    *_, kept, told = result.err.strip().splitlines()
    assert len(result.err.strip().splitlines()) == 5  # the estimate and two lines
    assert kept == "What was answered is kept: --use-cached calls only for the rest."
    assert told.startswith("prompt-app: The quota at")
    assert server.stats()["answered"] == 5
    server.control(quota_after=None, latency_ms=0)
    assert run("-c").code == 0
    assert server.stats()["answered"] == 11


def release_in_a_bucket(command_line: CommandLine, examples: Path, base: str) -> None:
    """Made, compared, promoted and used there."""

    def rubric(command: str, *more: str) -> Result:
        result = command_line.run("rubric", command, "--base", base, *more)
        assert result.code == 0, result.err
        return result

    rubric("release", "second", "--dataset-name", "games", "--experiment-name", "baseline",
           "--lesson-names", L2)  # fmt: skip
    compared = rubric("compare", "first", "second", "--lesson-names", L2, "--json").json()[L2]
    assert (compared["changed"], compared["moved"]) == ([], [])
    rubric("promote", "second")
    work = str(examples / "datasets/games" / L2 / "sage.js")
    assert rubric("assess", work, "--lesson-name", L2, "--json").json()["release"] == "second"


def test_a_bucket_serves_as_a_folder(
    run: Any, command_line: CommandLine, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    try:
        _, port = moto.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        client = boto3.Session().client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lessons")
        for path in examples.rglob("*"):
            if path.is_file():
                key = f"of/school/{path.relative_to(examples).as_posix()}"
                client.upload_file(str(path), "lessons", key)
        local = run()
        remote = run("-g", base="s3://lessons/of/school")
        assert remote.code == local.code == 0, remote.err
        assert remote.json()["lessons"] == local.json()["lessons"]
        written = f"of/school/{FOLDER.as_posix()}/confidence.json"
        assert client.head_object(Bucket="lessons", Key=written)["ContentLength"] > 10
        again = run("-c", base="s3://lessons/of/school").json()["lessons"][0]
        assert again["sources"] == {"blank": 1, "cache": 11}
        release_in_a_bucket(command_line, examples, "s3://lessons/of/school")
    finally:
        moto.stop()
