"""Files by key: in a folder, or in an S3 bucket."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, BinaryIO, cast

from prompt_app.errors import BlobError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_IN_MEMORY = 8_000_000


def checked_key(key: str) -> str:
    """Raises BlobError for a key that could leave its folder or that a bucket does not take."""
    if len(key) > 512 or not _KEY.fullmatch(key):
        raise BlobError(
            f"{key!r} cannot be a file's key: parts of letters, digits, '.', '_' and '-' joined "
            "by '/', none beginning with a dot."
        )
    return key


class FolderBlobStore:
    """Files below one folder, each written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, data: BinaryIO) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as part:
                    copyfileobj(data, part)
                    part.flush()
                    os.fsync(part.fileno())
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise BlobError(f"The file {key!r} could not be written: {error}.") from error

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except OSError as error:
            raise BlobError(f"The file {key!r} could not be read: {error.strerror}.") from error

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        """A key that is not there is deleted already."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise BlobError(f"The file {key!r} could not be deleted: {error}.") from error

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with ``prefix``, sorted."""
        paths = (path for path in self._folder.rglob("*") if path.is_file())
        keys = (path.relative_to(self._folder).as_posix() for path in paths)
        return iter(sorted(k for k in keys if k.startswith(prefix) and _KEY.fullmatch(k)))

    def local_path(self, key: str) -> Path | None:
        path = self._path(key)
        return path if path.is_file() else None

    def _path(self, key: str) -> Path:
        return self._folder / checked_key(key)


class S3BlobStore:
    """Files in a bucket, below a prefix."""

    def __init__(self, bucket: str, prefix: str = "", *, region: str | None = None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._region = region

    def put(self, key: str, data: BinaryIO) -> None:
        with self._errors(key, "written"):
            self._client.upload_fileobj(data, self._bucket, self._name(key))

    def open(self, key: str) -> BinaryIO:
        """A copy of the file; a large one on disk."""
        copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller's
        try:
            with self._errors(key, "read"):
                self._client.download_fileobj(self._bucket, self._name(key), copy)
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return cast(BinaryIO, copy)

    def exists(self, key: str) -> bool:
        from botocore.exceptions import ClientError

        with self._errors(key, "looked up"):
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._name(key))
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
        return True

    def delete(self, key: str) -> None:
        """A key that is not there is deleted already."""
        with self._errors(key, "deleted"):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with ``prefix``, sorted."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with self._errors(prefix, "listed"):
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"].removeprefix(self._prefix)

    def local_path(self, key: str) -> Path | None:
        checked_key(key)
        return None

    def _name(self, key: str) -> str:
        return self._prefix + checked_key(key)

    @cached_property
    def _client(self) -> S3Client:
        import boto3

        client: S3Client = boto3.session.Session().client("s3", region_name=self._region)
        return client

    @contextmanager
    def _errors(self, key: str, verb: str) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise BlobError(
                f"The file {key!r} of the bucket {self._bucket!r} could not be {verb}: {error}"
            ) from error
