"""What inspect_ai makes of fixed made-up scores: ``python tests/statistics/inspect_figures.py``.

It prints the JSON that ``inspect_figures.json`` keeps. inspect_ai needs an older botocore than this
project, so that both cannot be installed together: run it with another environment's Python
(``uv run --no-project --with inspect-ai python tests/statistics/inspect_figures.py``).
"""

from __future__ import annotations

import json
import math
import random
from importlib.metadata import version
from typing import Any

WORDS = ("the", "river", "rhine", "flows", "past", "cologne", "and", "into", "sea", "slowly")
SCALES = ("nominal", "ordinal", "interval")


def made_up() -> dict[str, Any]:
    """Scores of 60 examples in 12 clusters, ratings with gaps, votes and texts."""
    chance = random.Random(20_24)
    clusters = [f"source {chance.randrange(12)}" for _ in range(60)]
    easy = {name: chance.random() for name in sorted(set(clusters))}
    return {
        "clusters": clusters,
        "graded": [easy[name] + chance.gauss(0, 0.3) for name in clusters],
        "passed": [float(chance.random() < easy[name]) for name in clusters],
        "repeats": [[float(chance.random() < 0.5) for _ in range(4)] for _ in range(20)],
        "ratings": [
            [max(1, min(4, truth + chance.choice((-1, 0, 0, 0, 1)))) for _ in range(size)]
            for truth, size in [(chance.randint(1, 4), chance.choice((1, 2, 3))) for _ in range(40)]
        ],
        "panels": [[float(chance.random() < 0.6) for _ in range(4)] for _ in range(30)],
        "texts": [
            [" ".join(chance.choices(WORDS, k=chance.randint(1, 9))) for _ in range(2)]
            for _ in range(30)
        ],
    }


def figures() -> dict[str, Any]:
    """inspect_ai's own numbers."""
    import numpy as np
    from inspect_ai.scorer import Score, accuracy, mean, mean_score, std, stderr
    from inspect_ai.scorer._classification import compute_f1
    from inspect_ai.scorer._metric import SampleScore
    from inspect_ai.scorer._metrics.krippendorff import krippendorff_alpha
    from inspect_ai.scorer._metrics.std import bootstrap_stderr, ci, ci_wilson
    from inspect_ai.scorer._reducer.reducer import majority_score

    given = made_up()

    def scores(values: list[Any], clusters: list[str] | None = None) -> list[Any]:
        names = clusters or [""] * len(values)
        return [
            SampleScore(score=Score(value=value), sample_metadata={"source": name})
            for value, name in zip(values, names, strict=True)
        ]

    def reduced(reducer: Any, groups: list[list[float]]) -> list[float | None]:
        found = [reducer([Score(value=each) for each in group]).value for group in groups]
        return [None if math.isnan(value) else value for value in found]  # without a majority

    graded = scores(given["graded"], given["clusters"])
    passed = scores(given["passed"], given["clusters"])
    np.random.seed(1)
    return {
        "version": version("inspect-ai"),
        "accuracy": accuracy()(passed),
        "mean": mean()(graded),
        "std": std()(graded),
        "stderr": stderr()(graded),
        "clustered_stderr": stderr(cluster="source")(graded),
        "bootstrap_stderr": bootstrap_stderr(num_samples=20_000)(graded),
        "ci": ci()(graded),
        "ci_90": ci(level=0.9)(graded),
        "ci_clustered": ci(cluster="source")(graded),
        "ci_bootstrap": ci(method="bootstrap", num_samples=20_000)(graded),
        "ci_wilson": ci_wilson()(passed),
        "ci_wilson_clustered": ci_wilson(cluster="source")(passed),
        "alpha": {scale: krippendorff_alpha(scale)(scores(given["ratings"])) for scale in SCALES},
        "mean_of_repeats": reduced(mean_score(), given["repeats"]),
        "majority": reduced(majority_score(), given["panels"]),
        "f1": [compute_f1(*pair) for pair in given["texts"]],
    }


if __name__ == "__main__":
    print(json.dumps(figures(), indent=1))
