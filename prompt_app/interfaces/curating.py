"""The part of the store that people curate datasets with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.interfaces.rows import Page


class CurationStore(Protocol):
    """Reads a dataset's rows as a person looks at them, and writes the next version."""

    def search_datasets(
        self, *, text: str = "", archived: bool = False, offset: int = 0, limit: int = 50
    ) -> Page[DatasetVersion]:
        """The newest version of each dataset in the lists (of those taken out of them, with
        ``archived``) that has ``text`` in its name, fields, source or note; newest first."""
        ...

    def search_examples(
        self,
        version_id: str,
        *,
        text: str = "",
        split: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[Example]:
        """In order of position; ``text`` is part of any field, case-insensitive."""
        ...

    def example_keys(self, version_id: str) -> list[tuple[str, int]]:
        """(example id, number of its content) in order of position: equal numbers are equal
        fields, across versions and datasets."""
        ...

    def examples_at(self, version_id: str, positions: Sequence[int]) -> list[Example]:
        """In order of position; positions that are not there are left out."""
        ...

    def save_next_version(
        self,
        base: DatasetVersion,
        options: DatasetOptions,
        examples: Iterable[Example],
        *,
        source: str = "",
        note: str = "",
    ) -> DatasetVersion:
        """As ``save_dataset_version``, under the name of ``base``; rows and options that are those
        of ``base`` give it back, and those of an older version a new one. Raises ConflictError,
        having changed nothing, where ``base`` is no longer the newest version."""
        ...

    def archive_dataset(self, name: str) -> None:
        """Take it out of the lists; its versions stay readable, and a new one brings it back.
        Raises UnknownNameError."""
        ...

    def restore_dataset(self, name: str) -> None:
        """Put it back into the lists; nothing happens where it is in them."""
        ...
