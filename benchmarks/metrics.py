"""How long each metric takes for 10,000 rows: ``python benchmarks/metrics.py [--check]``.

The rows are made up and all different: answers and references of about 15 words, then of about
60, one or two references each, and JSON objects for the JSON metrics. Metrics with costly options
are timed with these too. Times are of the processor, so that a busy machine matters little; the
claim is below 3 s for every metric, and with ``--check`` one that takes longer makes the command
fail.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

from prompt_app.datamodel.model import Output, Reply
from prompt_app.datamodel.score import MetricSpec, ScoringInput
from prompt_app.metrics import METRICS, create_metric, metric_class

LIMIT_SECONDS = 3.0
OPTIONS: dict[str, dict[str, Any]] = {
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


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bleu, intl": ("bleu", {"tokenize": "intl"}),
    "chrf++": ("chrf", {"word_order": 2}),
    "rouge2, stemmed": ("rouge", {"type": "rouge2", "stem": True}),
    "rougeL, unicode": ("rouge", {"type": "rougeL", "unicode": True}),
}
"""Metrics with options that cost more than the defaults."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--words", type=int, nargs="+", default=[15, 60], help="of each text")
    parser.add_argument("--check", action="store_true", help="fail where a metric is too slow")
    given = parser.parse_args()
    slow = [name for words in given.words for name in time_metrics(given.rows, words)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB; above {LIMIT_SECONDS:g} s: {', '.join(slow) or 'none'}")
    return 1 if given.check and slow else 0


def time_metrics(count: int, words: int) -> list[str]:
    """The metrics that take too long for ``count`` rows of texts of so many words."""
    rows = {number: make_rows(count, words, references=number) for number in (1, 2)}
    documents = make_rows(count, words, references=1, as_json=True)
    title = f"{words} words"
    print(f"{title:<20}{'first row s':>12}{'1 reference s':>16}{'2 references s':>16}")
    slow = []
    for shown, name, options in measured():
        metric = create_metric(MetricSpec(name=name, key=name, options=options))
        of_one, of_two = (documents, documents) if name.startswith("json") else (rows[1], rows[2])
        first, one = measure(metric, of_one)
        two = measure(metric, of_two)[1]
        print(f"{shown:<20}{first:>12.3f}{one:>16.3f}{two:>16.3f}", flush=True)
        if first + max(one, two) > LIMIT_SECONDS:
            slow.append(f"{shown} of {words} words")
    return slow


def measured() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What is printed, the metric, and its options; judges and embeddings call models."""
    for name in METRICS:
        if not metric_class(name).info.needs_judge:
            yield name, name, OPTIONS.get(name, {})
    for shown, (name, options) in VARIANTS.items():
        yield shown, name, options


def measure(metric: Any, rows: list[ScoringInput]) -> tuple[float, float]:
    """CPU seconds for the first row, imports included, and then for all of them."""
    began = time.process_time()
    metric.score(rows[0])
    first = time.process_time() - began
    began = time.process_time()
    for row in rows:
        metric.score(row)
    return first, time.process_time() - began


def make_rows(
    count: int, length: int, *, references: int, as_json: bool = False
) -> list[ScoringInput]:
    chance = random.Random(7)
    vocabulary = [
        "".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(500)
    ]

    def sentence() -> str:
        words = chance.choices(vocabulary, k=length)
        return f"The {' '.join(words)}, so {chance.randint(0, 9999):,}."

    rows = []
    for _ in range(count):
        text = sentence()
        if as_json:
            answer = " ".join(chance.choices(vocabulary, k=length))
            text = json.dumps({"answer": answer, "confidence": chance.random()})
        rows.append(
            ScoringInput(
                text=text,
                references=tuple(sentence() for _ in range(references)),
                fields={},
                messages=(),
                reply=Reply(outputs=(Output(text=text),), latency_seconds=0.1),
                cost_usd=0.001,
            )
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
