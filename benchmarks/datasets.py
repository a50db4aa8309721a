"""How fast datasets are read, and in how much memory.

    python benchmarks/datasets.py [--megabytes 1000] [--formats jsonl,json,csv,parquet]

Writes a file of question-answer rows with a passage of about 1 kB each, then reads it in a fresh
process for each format: the whole file once, every row checked, hashed and made an Example.
Peak memory is that of the reading process, its imports included.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PASSAGE = "The river rises in the hills, passes the old mill and reaches the sea. " * 14
FORMATS = ("jsonl", "json", "csv", "parquet")
READ = "--read"


def rows(count: int) -> Iterator[dict[str, object]]:
    for number in range(count):
        yield {
            "passage": f"{number}. {PASSAGE}",
            "question": f"Where does river {number} rise?",
            "answers": ["in the hills", "the hills"],
        }


def write(path: Path, megabytes: int) -> None:
    count = megabytes * 1_000_000 // len(json.dumps(next(rows(1))))
    if path.suffix == ".parquet":
        write_parquet(path, count)
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        if path.suffix == ".csv":
            writer = csv.writer(file)
            writer.writerow(next(rows(1)))
            writer.writerows(
                (row["passage"], row["question"], "in the hills<OR>the hills")
                for row in rows(count)
            )
        elif path.suffix == ".json":
            file.write("[")
            for number, row in enumerate(rows(count)):
                file.write(("," if number else "") + json.dumps(row))
            file.write("]")
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows(count))


def write_parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = rows(count)
    writer: pq.ParquetWriter | None = None
    while batch := [row for _, row in zip(range(20_000), source, strict=False)]:
        table = pa.Table.from_pylist(batch)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def read(path: Path) -> None:
    from prompt_app.datamodel.dataset import DatasetOptions
    from prompt_app.datasets import check_dataset
    from prompt_app.settings import Settings

    started = time.perf_counter()
    check = check_dataset(path, DatasetOptions(), Settings())
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    size = path.stat().st_size / 1e6
    print(
        f"{path.suffix[1:]:8} {size:8,.0f} MB {check.rows:10,} rows {check.rows / seconds:10,.0f} "
        f"rows/s {size / seconds:7,.1f} MB/s  peak {peak:5,.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument(READ, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read(arguments.read)
        return
    for name in arguments.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"rows.{name}"
            write(path, arguments.megabytes)
            subprocess.run([sys.executable, __file__, READ, str(path)], check=True)


if __name__ == "__main__":
    main()
