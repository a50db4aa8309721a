"""Where rubrics and works are kept: a folder here, or whatever else lists, reads and writes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Protocol

from prompt_app.errors import RubricError


class Folder(Protocol):
    """Texts by path. A path's parts are joined by ``/``."""

    place: str
    """For messages."""

    def names(self, folder: str) -> list[str]:
        """The files directly in ``folder``, sorted; none where there is no such folder."""
        ...

    def folders(self, folder: str) -> list[str]:
        """The folders directly in ``folder``, sorted."""
        ...

    def read(self, path: str) -> str | None:
        """None where there is no such file. Raises RubricError for one that is no text."""
        ...

    def write(self, path: str, text: str) -> None: ...


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser()
        self.place = str(root if root.parts else root.resolve())

    def names(self, folder: str) -> list[str]:
        path = self._root / folder
        if not path.is_dir():
            return []
        return sorted(each.name for each in path.iterdir() if each.is_file())

    def folders(self, folder: str) -> list[str]:
        path = self._root / folder
        if not path.is_dir():
            return []
        found = (each.name for each in path.iterdir() if each.is_dir())
        return sorted(name for name in found if not name.startswith("."))

    def read(self, path: str) -> str | None:
        try:
            return decoded((self._root / path).read_bytes(), path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RubricError(f"{path} cannot be read: {error.strerror}.") from None

    def write(self, path: str, text: str) -> None:
        target = self._root / path
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(text.encode("utf-8", "replace"))
            part.replace(target)
        except OSError as error:
            raise RubricError(f"{path} cannot be written: {error.strerror}.") from None


class MemoryFolder:
    """Texts that are nowhere yet."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._texts: dict[str, str] = {}

    def names(self, folder: str) -> list[str]:
        return sorted(rest for rest in self._below(folder) if "/" not in rest)

    def folders(self, folder: str) -> list[str]:
        return sorted({rest.partition("/")[0] for rest in self._below(folder) if "/" in rest})

    def read(self, path: str) -> str | None:
        return self._texts.get(path)

    def write(self, path: str, text: str) -> None:
        self._texts[path] = text

    def _below(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        return [path.removeprefix(prefix) for path in self._texts if path.startswith(prefix)]


def free_path(folder: Folder, start: str, text: str) -> str:
    """``start``.csv or ``start``-2.csv and so on: the first file that holds nothing else than
    ``text``, as a person may have corrected the one there."""
    names = itertools.chain(
        [f"{start}.csv"], (f"{start}-{number}.csv" for number in itertools.count(2))
    )
    return next(path for path in names if _is_free(folder, path, text))


def _is_free(folder: Folder, path: str, text: str) -> bool:
    try:
        return folder.read(path) in {None, text}
    except RubricError:  # saved in another encoding
        return False


def decoded(data: bytes, path: str) -> str:
    """Raises RubricError for bytes that are not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RubricError(f"{path} is not UTF-8 text (byte {error.start}).") from None
