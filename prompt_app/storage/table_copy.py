"""The rows of one table, from one database to another."""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert, select

from prompt_app.interfaces.backup import Progress

ROWS_AT_ONCE = 1000


def copy_table(
    reading: Connection, writing: Connection, table: Table, progress: Progress | None = None
) -> int:
    """Copy all rows, streamed, and tell ``progress`` how many are done; how many there were."""
    done = 0
    streamed = reading.execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE)
    result = streamed.execute(select(table))
    for group in result.partitions(ROWS_AT_ONCE):
        writing.execute(insert(table), [dict(row._mapping) for row in group])
        done += len(group)
        if progress is not None:
            progress(table.name, done)
    return done
