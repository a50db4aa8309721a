"""One contract for both kinds of blob store: a folder, and a bucket of a real S3 server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from prompt_app.errors import BlobError
from prompt_app.interfaces import BlobStore
from prompt_app.settings import Settings
from prompt_app.storage import open_blob_store


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def blobs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BlobStore:
    if request.param == "folder":
        return open_blob_store(Settings(data_dir=tmp_path))
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3_server"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    name = f"bucket-{abs(hash(tmp_path)):x}"
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    address = f"s3://{name}/some/prefix/"
    return open_blob_store(Settings(data_dir=tmp_path, blob_url=address, aws_region="us-east-1"))


def test_what_was_put_comes_back(blobs: BlobStore) -> None:
    content = bytes(range(256)) * 5000
    blobs.put("uploads/a.jsonl", io.BytesIO(content))
    assert blobs.exists("uploads/a.jsonl")
    with blobs.open("uploads/a.jsonl") as file:
        assert file.read(10) == content[:10]
        file.seek(0)
        assert file.read() == content


def test_a_key_may_be_written_again(blobs: BlobStore) -> None:
    blobs.put("a", io.BytesIO(b"a long first version"))
    blobs.put("a", io.BytesIO(b"second"))
    with blobs.open("a") as file:
        assert file.read() == b"second"


def test_an_empty_file(blobs: BlobStore) -> None:
    blobs.put("empty", io.BytesIO())
    with blobs.open("empty") as file:
        assert file.read() == b""


def test_what_is_not_there(blobs: BlobStore) -> None:
    assert not blobs.exists("nothing")
    with pytest.raises(BlobError, match="'nothing'"):
        blobs.open("nothing")
    blobs.delete("nothing")
    assert list(blobs.list()) == []
    assert blobs.local_path("nothing") is None


def test_keys_are_listed_by_prefix_in_order(blobs: BlobStore) -> None:
    for key in ("b/2", "a/1", "b/1", "c"):
        blobs.put(key, io.BytesIO(b"x"))
    assert list(blobs.list()) == ["a/1", "b/1", "b/2", "c"]
    assert list(blobs.list("b/")) == ["b/1", "b/2"]
    blobs.delete("b/1")
    assert list(blobs.list("b")) == ["b/2"]
    assert not blobs.exists("b/1")


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../up", "a/../../b", "a//b", ".hidden", "a/.part-x", "a\\b", "a\0b",
     "a b", "C:x", "x" * 600, "a/", "~"],
)  # fmt: skip
def test_a_key_that_could_leave_its_place_is_refused(blobs: BlobStore, key: str) -> None:
    for call in (
        lambda: blobs.put(key, io.BytesIO(b"x")),
        lambda: blobs.open(key),
        lambda: blobs.exists(key),
        lambda: blobs.delete(key),
        lambda: blobs.local_path(key),
    ):
        with pytest.raises(BlobError, match="cannot be a file's key"):
            call()


class BreakingFile(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        part = super().read(2)
        if not part:
            raise OSError("the upload broke off")
        return part


def test_a_file_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    blobs = open_blob_store(Settings(data_dir=tmp_path))
    blobs.put("a", io.BytesIO(b"old"))
    with pytest.raises(BlobError, match="broke off"):
        blobs.put("a", BreakingFile(b"newer"))
    with blobs.open("a") as file:
        assert file.read() == b"old"
    assert [path.name for path in (tmp_path / "files").rglob("*")] == ["a"]


def test_a_file_of_the_folder_has_a_path(tmp_path: Path) -> None:
    blobs = open_blob_store(Settings(data_dir=tmp_path))
    blobs.put("a/b.csv", io.BytesIO(b"x"))
    path = blobs.local_path("a/b.csv")
    assert path == tmp_path.resolve() / "files" / "a" / "b.csv"
    assert path.read_bytes() == b"x"


def test_a_bucket_that_is_not_there_is_named(
    tmp_path: Path, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings = Settings(data_dir=tmp_path, blob_url="s3://gone", aws_region="us-east-1")
    blobs = open_blob_store(settings)
    with pytest.raises(BlobError, match="bucket 'gone' could not be written"):
        blobs.put("a", io.BytesIO(b"x"))
    with pytest.raises(BlobError, match="bucket 'gone' could not be listed"):
        list(blobs.list())
