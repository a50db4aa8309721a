"""Where dataset files come from: this machine, or S3."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from prompt_app.errors import DatasetError
from prompt_app.registry import nearest_names
from prompt_app.settings import Settings

_S3 = "s3://"
MOST_LISTED = 2000
"""Files of a folder among which a near name is looked for."""


@contextmanager
def local_file(source: str | Path, settings: Settings) -> Iterator[Path]:
    """A file on this machine that holds ``source``: itself, or a copy of an ``s3://bucket/key``
    that is deleted afterwards.

    The copy keeps the key's ending. Raises DatasetError where there is no such file or object.
    """
    if not str(source).startswith(_S3):
        path = Path(source).expanduser()
        _check_file(path)
        yield path
        return
    address = str(source)
    bucket, _, key = address.removeprefix(_S3).partition("/")
    name = key.rpartition("/")[2]
    if not bucket or not name:
        raise DatasetError(f"{address} names no file; write s3://bucket/key.")
    with tempfile.TemporaryDirectory(prefix="prompt-app-") as folder:
        path = Path(folder) / f"object{Path(name).suffix}"
        with path.open("wb") as copy:
            _download(bucket, key, copy, settings)
        yield path


def no_such_file(path: Path) -> str:
    """Where ``path`` was looked for, and which file there has the nearest name."""
    folder = path.parent.absolute()
    if not folder.is_dir():
        return f"There is no file {path.absolute()}, nor a folder {folder.name}. Check the path."
    with suppress(OSError):  # it may be closed to us
        files = [each.name for each in islice(os.scandir(folder), MOST_LISTED) if each.is_file()]
        # Without the endings, which alone make names alike.
        stems = nearest_names(path.stem, [Path(name).stem for name in files])
        if near := [name for name in files if Path(name).stem in stems]:
            meant = " or ".join(repr(name) for name in sorted(near)[:3])
            return f"There is no file {path.absolute()}. Did you mean {meant}?"
    return f"There is no file {path.absolute()}. Check its name and the folder."


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DatasetError(f"{path} is a folder; name a file in it.")
        if not stat.S_ISREG(mode):
            raise DatasetError(f"{path} is not a regular file.")
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        raise DatasetError(no_such_file(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DatasetError(f"{path} cannot be read: {reason}.") from None


def _download(bucket: str, key: str, file: IO[bytes], settings: Settings) -> None:
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    address = f"{_S3}{bucket}/{key}"
    try:
        # A session of its own: the default one is shared, and not safe to use from threads.
        client = boto3.Session().client("s3", region_name=settings.aws_region)
        client.download_fileobj(bucket, key, file)
    except NoCredentialsError:
        raise DatasetError(
            f"{address} cannot be read: there are no AWS credentials. Set AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
    except ClientError as error:
        raise DatasetError(f"{address} cannot be read: {_refusal(error.response)}.") from None
    except (BotoCoreError, Boto3Error, ValueError) as error:
        reason = str(error).replace("\n", " ").rstrip(".")
        raise DatasetError(f"{address} cannot be read: {reason}.") from None
    except OSError as error:
        raise DatasetError(f"{address} cannot be stored: {error.strerror}.") from None


def _refusal(response: object) -> str:
    error = response.get("Error", {}) if isinstance(response, dict) else {}
    code = str(error.get("Code", ""))
    known = {
        "404": "there is no such object",
        "NoSuchKey": "there is no such object",
        "NoSuchBucket": "there is no such bucket",
        "403": "access is denied; it needs s3:GetObject, and s3:ListBucket to tell what is absent",
        "AccessDenied": "access is denied",
    }
    return known.get(code) or f"{code} {error.get('Message', '')}".strip()
