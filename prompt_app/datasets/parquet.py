"""Parquet files, a few hundred rows in memory at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prompt_app.datamodel.dataset import DatasetOptions, RowProblem
from prompt_app.datasets.delimited import checked_header
from prompt_app.datasets.values import RawRows, RowRefused, json_value
from prompt_app.errors import DatasetError

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

_BATCH = 256
MAX_RATIO = 1_000
"""Unpacked to packed size of a column chunk beyond HARMLESS: it is decoded whole."""
HARMLESS = 1_000_000_000


def read_parquet(path: Path, options: DatasetOptions) -> RawRows:
    """(1-based row, values by column). Raises DatasetError for a file that is not Parquet."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with ParquetFile(path) as file:
            _check_size(file.metadata)
            names = checked_header(file.schema_arrow.names, "the schema")
            for batch in file.iter_batches(batch_size=_BATCH):
                columns = [column.to_pylist() for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    try:
                        yield (
                            number,
                            {
                                name: json_value(value)
                                for name, value in zip(names, values, strict=True)
                            },
                        )
                    except RowRefused as refused:
                        yield RowProblem(line=number, reason=str(refused))
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = (str(error).splitlines() or [""])[0][:200].rstrip(".")
        where = f"broken behind row {number}" if number else "not a readable Parquet file"
        raise DatasetError(f"It is {where}: {reason}.") from None


def _check_size(metadata: FileMetaData) -> None:
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            limit = max(HARMLESS, MAX_RATIO * chunk.total_compressed_size)
            if chunk.total_uncompressed_size > limit:
                raise DatasetError(
                    f"The column {chunk.path_in_schema!r} unpacks to over {MAX_RATIO:,} times its "
                    "size; the file is refused."
                )
