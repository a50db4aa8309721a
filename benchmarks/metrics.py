"""How long each metric takes for 10,000 rows: ``python benchmarks/metrics.py``.

The rows are made up and all different: answers and references of about 15 words, one reference
each, and JSON objects for the JSON metrics. Times are of the processor, so that a busy machine
does not matter; every metric must stay below 3 s.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from typing import Any

from prompt_app.datamodel.model import Output, Reply
from prompt_app.datamodel.score import MetricSpec, ScoringInput
from prompt_app.metrics import METRICS, create_metric, metric_class

ROWS = 10_000
LIMIT_SECONDS = 3.0
WORDS = 15
OPTIONS = {
    "regex_match": {"pattern": r"(?i)\b(paris|london)\b.*\d"},
    "json_schema": {
        "schema": {
            "type": "object",
            "properties": {
                "answer": {"type": "string", "pattern": "^[a-z ]+$"},
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            },
            "required": ["answer", "confidence"],
            "additionalProperties": False,
        }
    },
}


def main() -> int:
    answers = make_rows(as_json=False)
    documents = make_rows(as_json=True)
    print(f"{'metric':<20}{'first row s':>12}{f'{ROWS:,} rows s':>16}{'us a row':>10}")
    slow = []
    for name in METRICS:
        if metric_class(name).info.needs_judge:
            continue
        metric = create_metric(MetricSpec(name=name, key=name, options=OPTIONS.get(name, {})))
        rows = documents if name.startswith("json") else answers
        first, seconds = measure(metric, rows)
        print(f"{name:<20}{first:>12.3f}{seconds:>16.3f}{seconds / ROWS * 1e6:>10.1f}")
        if first + seconds > LIMIT_SECONDS:
            slow.append(name)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB; above {LIMIT_SECONDS:g} s: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


def measure(metric: Any, rows: list[ScoringInput]) -> tuple[float, float]:
    """CPU seconds for the first row, imports included, and then for all of them."""
    began = time.process_time()
    metric.score(rows[0])
    first = time.process_time() - began
    began = time.process_time()
    for row in rows:
        metric.score(row)
    return first, time.process_time() - began


def make_rows(*, as_json: bool) -> list[ScoringInput]:
    chance = random.Random(7)
    vocabulary = [
        "".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(500)
    ]

    def sentence() -> str:
        words = chance.choices(vocabulary, k=WORDS)
        return f"The {' '.join(words)}, so {chance.randint(0, 9999):,}."

    rows = []
    for _ in range(ROWS):
        text = sentence()
        if as_json:
            answer = " ".join(chance.choices(vocabulary, k=WORDS))
            text = json.dumps({"answer": answer, "confidence": chance.random()})
        rows.append(
            ScoringInput(
                text=text,
                references=(sentence(),),
                fields={},
                messages=(),
                reply=Reply(outputs=(Output(text=text),), latency_seconds=0.1),
                cost_usd=0.001,
            )
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
