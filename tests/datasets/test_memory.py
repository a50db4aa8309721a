"""Files larger than a reader may hold are streamed: peak memory of a process that reads one."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 40_000
TEXT = "The quick brown fox jumps over the lazy dog. " * 40
SIZE_MB = ROWS * len(TEXT) / 1e6

READ = """
import resource, sys
import pyarrow.parquet
from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datasets import check_dataset
from prompt_app.settings import Settings
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
check = check_dataset(sys.argv[1], DatasetOptions(), Settings())
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(check.rows, (after - before) * 1024 / 1e6)
"""


def write(path: Path) -> None:
    rows = ({"answers": str(i), "text": TEXT} for i in range(ROWS))
    if path.suffix == ".parquet":
        columns = {
            "answers": [str(i) for i in range(ROWS)],
            "text": [f"{i}{TEXT}" for i in range(ROWS)],
        }
        pq.write_table(pa.table(columns), path, row_group_size=5000, use_dictionary=False)
        return
    with path.open("w", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, ["answers", "text"])
            writer.writeheader()
            writer.writerows(rows)
        elif path.suffix == ".json":
            file.write("[" + ",".join(map(json.dumps, rows)) + "]")
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_memory_stays_far_below_the_size_of_the_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    write(path)
    out = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    rows, grown_mb = out.stdout.split()
    assert int(rows) == ROWS
    assert SIZE_MB > 70
    assert float(grown_mb) < (45 if ending == "parquet" else 20)
