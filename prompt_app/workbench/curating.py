"""Datasets in people's hands: looked through, compared, edited, split, collected, put away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prompt_app.datamodel.dataset import DatasetVersion, Example
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.names import require_name
from prompt_app.datamodel.project import ProjectItem
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.interfaces import Page, Store
from prompt_app.interfaces.watching import tell, told_of
from prompt_app.settings import Settings
from prompt_app.workbench.dataset_difference import VersionDifference, compare_keys
from prompt_app.workbench.dataset_exports import ExportReport, export_dataset
from prompt_app.workbench.editing import RowEdits, edited_examples
from prompt_app.workbench.failures import CollectedRows, Failures, collect_failures
from prompt_app.workbench.importing import exchange_options, import_dataset
from prompt_app.workbench.profiling import FieldProfile, profile_fields

ROWS_AT_ONCE = 1_000


class Curation:
    """Over one store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def search(
        self, text: str = "", *, archived: bool = False, offset: int = 0, limit: int = 50
    ) -> Page[DatasetVersion]:
        """The newest version of each dataset with ``text`` in its name, fields, source or note;
        of those that were put away, with ``archived``."""
        return self._store.search_datasets(
            text=text.strip(), archived=archived, offset=offset, limit=limit
        )

    def is_archived(self, name: str) -> bool:
        found = self._store.search_datasets(text=name, archived=True, limit=1_000)
        return any(each.name == name for each in found.items)

    def page(
        self,
        version: DatasetVersion,
        *,
        text: str = "",
        split: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Page[Example]:
        """Rows in order; ``text`` is part of any field."""
        return self._store.search_examples(
            version.id, text=text.strip(), split=split, offset=offset, limit=limit
        )

    def rows(self, version: DatasetVersion) -> Iterator[Example]:
        """All of them in order, some at a time in memory."""
        return told_of(self._all(version), "rows", version.rows)

    def _all(self, version: DatasetVersion) -> Iterator[Example]:
        last = -1
        while some := self._store.list_examples(
            version.id, after_position=last, limit=ROWS_AT_ONCE
        ):
            yield from some
            last = some[-1].position

    def rows_at(self, version: DatasetVersion, positions: Sequence[int]) -> list[Example]:
        return self._store.examples_at(version.id, positions)

    def profile(self, version: DatasetVersion) -> tuple[FieldProfile, ...]:
        """Reads every row once."""
        return profile_fields(self.rows(version))

    def difference(self, before: DatasetVersion, after: DatasetVersion) -> VersionDifference:
        """Rows added, removed and changed."""
        tell("versions", 0, 2)
        earlier = self._store.example_keys(before.id)
        tell("versions", 1, 2)
        return compare_keys(
            earlier,
            self._store.example_keys(after.id),
            by_place=after.options.id_field is None,
        )

    def save_edits(self, base: DatasetVersion, edits: RowEdits, note: str = "") -> DatasetVersion:
        """The next version of ``base``, or itself where nothing differs.

        Raises ConflictError where ``base`` is not the newest any more, and DatasetError for a
        row that cannot be used.
        """
        rows = edited_examples(self.rows(base), edits, base.options)
        return self._store.save_next_version(
            base, base.options, rows, source=f"{base.name}@{base.number}, edited", note=note
        )

    def deal_splits(
        self, base: DatasetVersion, fractions: Mapping[str, float], seed: int
    ) -> DatasetVersion:
        """The same rows, dealt into named splits by ``seed``; without fractions, into none."""
        options = base.options.model_copy(
            update={
                "splits": {require_name(name, "a split"): part for name, part in fractions.items()},
                "seed": seed if fractions else 0,
                "split_field": None,
            }
        )
        listed = ", ".join(f"{name} {part:.0%}" for name, part in fractions.items())
        return self._store.save_next_version(
            base,
            options,
            edited_examples(self.rows(base), RowEdits(), options),
            source=f"{base.name}@{base.number}",
            note=f"Splits: {listed}; seed {seed}" if fractions else "Without splits",
        )

    def collect_failures(self, run: Run, wanted: Failures, name: str) -> CollectedRows:
        """The rows that ``run`` did badly on, in dataset ``name``."""
        store = self._store.beside(ProjectItem("evaluation", run.evaluation_id))
        return collect_failures(store, run, wanted, require_name(name, "a dataset"))

    def import_exchange(
        self,
        source: str | Path,
        exchange_format: str,
        *,
        name: str | None = None,
        reference_field: str | None = None,
        id_field: str | None = None,
        skip_bad_rows: bool = False,
    ) -> DatasetVersion:
        """Read another tool's file. Raises BadRowsError naming every row that cannot be taken,
        unless those are to be skipped."""
        options = exchange_options(
            source,
            exchange_format,
            self._settings,
            reference_field=reference_field,
            id_field=id_field,
        )
        return import_dataset(
            self._store,
            self._settings,
            str(source),
            name=require_name(name, "a dataset") if name else None,
            options=options,
            skip_bad_rows=skip_bad_rows,
            note=f"Imported from {exchange_format}",
        )

    def export(
        self,
        version: DatasetVersion,
        path: Path,
        export_format: str,
        *,
        input_field: str | None = None,
        skip_rows: bool = False,
    ) -> ExportReport:
        """Write all rows to ``path``, in a format of this product's own or of another tool's; see
        :func:`export_dataset`."""
        return export_dataset(
            lambda: self.rows(version),
            version,
            path,
            export_format,
            input_field=input_field,
            skip_rows=skip_rows,
        )

    def copy(self, name: str, new_name: str) -> DatasetVersion:
        """All versions under another name. Raises ConflictError where that is taken."""
        new_name = require_name(new_name, "a dataset")
        if self._is_there(new_name):
            raise ConflictError(f"There is a dataset {new_name!r} already.")
        versions = self._store.list_dataset_versions(name)
        store = self._store.beside(ProjectItem("dataset", name))
        for place, version in enumerate(reversed(versions)):
            copied = store.save_dataset_version(
                new_name,
                version.options,
                # Each version is stored by itself: who waits can stop the first one alone.
                self._all(version) if place else self.rows(version),
                source=version.source,
                skipped_rows=version.skipped_rows,
                note=version.note,
            )
        return copied

    def rename(self, name: str, new_name: str) -> DatasetVersion:
        """All versions go under the new name. The old one stays readable, because runs refer to
        it, and leaves the lists."""
        renamed = self.copy(name, new_name)
        self._store.archive_dataset(name)
        return renamed

    def archive(self, name: str) -> None:
        """Take a dataset out of the lists. Runs that used it keep their rows."""
        self._store.archive_dataset(name)

    def restore(self, name: str) -> None:
        """Put it back."""
        self._store.restore_dataset(name)

    def _is_there(self, name: str) -> bool:
        try:
            self._store.get_dataset_version(name)
        except UnknownNameError:
            return False
        return True
