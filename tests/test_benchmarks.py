"""The benchmarks of scores and statistics run, with few rows: their times are claims, and no test
looks at a clock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("metrics.py", "--rows", "5", "--words", "4"), "above 3 s:"),
        (("statistics_100k.py", "--rows", "60"), "the claim is below 2 s"),
    ],
)
def test_a_benchmark_runs_and_says_what_it_claims(arguments: tuple[str, ...], told: str) -> None:
    command = [sys.executable, ROOT / "benchmarks" / arguments[0], *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    assert "chrf" in done.stdout or "clustered examples" in done.stdout
