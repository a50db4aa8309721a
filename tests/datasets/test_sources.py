from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datasets import check_dataset, read_examples
from prompt_app.errors import DatasetError
from prompt_app.settings import Settings

SETTINGS = Settings()
OPTIONS = DatasetOptions()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "There is no file"),
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("/proc/self/mem"), "cannot be read: Input/output error"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_readable_file_is_one_line(tmp_path: Path, make, reason) -> None:
    path = tmp_path / "rows.jsonl"
    make(path)
    with pytest.raises(DatasetError) as caught:
        check_dataset(path, OPTIONS, SETTINGS)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_that_no_file_system_takes(tmp_path: Path) -> None:
    for name in ("a\0b.jsonl", "x" * 300 + ".jsonl"):
        with pytest.raises(DatasetError, match="cannot be read"):
            check_dataset(tmp_path / name, OPTIONS, SETTINGS)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An S3 server that the standard variables point at, with one bucket; returns its address."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client = boto3.client("s3")
    client.create_bucket(Bucket="datasets")
    body = b'{"answers": "a"}\nbroken\n{"answers": "b"}'
    client.put_object(Bucket="datasets", Key="deep/in/Rows.JSONL", Body=body)
    return s3_server


def test_a_file_on_s3(s3: str, tmp_path: Path) -> None:
    address = "s3://datasets/deep/in/Rows.JSONL"
    check = check_dataset(address, OPTIONS, SETTINGS)
    assert (check.rows, check.problem_count, check.problems[0].line) == (2, 1, 2)
    rows = read_examples(address, OPTIONS, SETTINGS)
    assert next(rows).fields == {"answers": "a"}
    assert list(tmp_path.iterdir()) != []
    rows.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("s3://datasets/none.jsonl", "there is no such object"),
        ("s3://no-such-bucket/rows.jsonl", "there is no such"),
        ("s3://datasets", "the ending tells no known format"),
        ("s3://datasets/", "the ending tells no known format"),
        ("s3:///rows.jsonl", "names no file; write s3://bucket/key"),
        ("s3://Bad_Bucket!/rows.jsonl", "cannot be read: "),
    ],
)
def test_what_is_not_on_s3_is_one_line(s3: str, address: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        check_dataset(address, OPTIONS, SETTINGS)
    assert reason in str(caught.value)
    assert address in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_no_credentials_is_one_line(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(DatasetError, match="there are no AWS credentials"):
        check_dataset("s3://datasets/deep/in/Rows.JSONL", OPTIONS, SETTINGS)


def test_an_unreachable_server_is_one_line(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DatasetError, match="Could not connect to the endpoint URL"):
        check_dataset("s3://datasets/deep/in/Rows.JSONL", OPTIONS, SETTINGS)
