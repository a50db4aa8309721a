"""Rubrics and works in a folder of this machine or in a bucket."""

from __future__ import annotations

import io
from pathlib import Path

from prompt_app.interfaces import BlobStore
from prompt_app.rubrics.folders import Folder, LocalFolder, decoded
from prompt_app.settings import Settings
from prompt_app.storage import open_blob_store


def open_folder(place: str, settings: Settings) -> Folder:
    """``place``: a folder, or ``s3://bucket/prefix``."""
    if not place.startswith("s3://"):
        return LocalFolder(Path(place))
    return BlobFolder(open_blob_store(settings.model_copy(update={"blob_url": place})), place)


def copy_folder(source: Folder, target: Folder, path: str = "") -> None:
    """Every file below ``path``, under the same paths."""
    prefix = f"{path}/" if path else ""
    for name in source.names(path):
        target.write(prefix + name, source.read(prefix + name) or "")
    for name in source.folders(path):
        copy_folder(source, target, prefix + name)


class BlobFolder:
    """The files of a blob store as folders."""

    def __init__(self, blobs: BlobStore, place: str) -> None:
        self._blobs = blobs
        self.place = place

    def names(self, folder: str) -> list[str]:
        return sorted(rest for rest in self._below(folder) if "/" not in rest)

    def folders(self, folder: str) -> list[str]:
        return sorted({rest.partition("/")[0] for rest in self._below(folder) if "/" in rest})

    def read(self, path: str) -> str | None:
        if not self._blobs.exists(path):
            return None
        with self._blobs.open(path) as file:
            return decoded(file.read(), path)

    def write(self, path: str, text: str) -> None:
        self._blobs.put(path, io.BytesIO(text.encode("utf-8", "replace")))

    def _below(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        return [key.removeprefix(prefix) for key in self._blobs.list(prefix) if key != prefix]
