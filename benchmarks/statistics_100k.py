"""Times the statistics of a comparison of 100,000 examples; the claim is under 2 s.

Run with ``python benchmarks/statistics_100k.py``. Prints one line for each part; exits with 1 when
the comparison takes longer than claimed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from prompt_app.statistics.comparison import PairedMetric, compare
from prompt_app.statistics.intervals import interval_for

ROWS = 100_000
LIMIT_SECONDS = 2.0


def timed(name: str, work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{name:<60} {seconds:6.3f} s")
    return seconds


def metrics() -> list[PairedMetric]:
    """Pass/fail, a graded score with clusters, and a skewed latency, of the same examples."""
    rng = np.random.default_rng(0)
    ids = [f"example-{index}" for index in range(ROWS)]
    clusters = dict(zip(ids, (f"source-{c}" for c in rng.integers(0, 5_000, ROWS)), strict=True))

    def by_id(values: Any) -> dict[str, float]:
        return dict(zip(ids, values.tolist(), strict=True))

    passed = rng.random(ROWS) < 0.7
    changed = rng.random(ROWS) < 0.05
    graded, latency = rng.random(ROWS), rng.lognormal(size=ROWS)
    return [
        PairedMetric(
            "exact match",
            by_id(passed.astype(float)),
            by_id((passed ^ changed).astype(float)),
            kind="proportion",
            margin=0.02,
        ),
        PairedMetric(
            "f1", by_id(graded), by_id(graded + rng.normal(0, 0.1, ROWS)), clusters=clusters
        ),
        PairedMetric(
            "latency",
            by_id(latency),
            by_id(latency * rng.lognormal(0, 0.1, ROWS)),
            direction="lower",
            unit="s",
        ),
    ]


def main() -> int:
    compared = metrics()
    values = list(compared[2].baseline.values())
    names = list((compared[1].clusters or {}).values())
    timed("interval of a mean", lambda: interval_for(values))
    timed("clustered interval of a mean", lambda: interval_for(values, "mean", names))
    name = f"comparison of {len(compared)} metrics, {ROWS:,} pairs each"
    seconds = timed(name, lambda: compare(compared))
    for result in compare(compared):
        print(" ", result.sentence)
    return 0 if seconds < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
