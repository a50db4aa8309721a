"""The same numbers as inspect_ai where both define them; see ``inspect_figures.py``.

inspect_ai's own figures are kept in a file, as it cannot be installed beside this project. Where
``INSPECT_PYTHON`` names a Python that has it, they are computed anew and compared with the file.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from statistics import stdev
from typing import Any

import numpy as np
import pytest

from prompt_app.datamodel.score import Interval, Score
from prompt_app.errors import TiedVotesError
from prompt_app.metrics import metric_class
from prompt_app.metrics.votes import tally
from prompt_app.statistics.bootstrap import bootstrap_interval
from prompt_app.statistics.clusters import (
    clustered_error,
    clustered_mean_interval,
    clustered_proportion_interval,
)
from prompt_app.statistics.interval_choice import average_repeats
from prompt_app.statistics.intervals import mean_interval, wilson_interval
from prompt_app.statistics.krippendorff import krippendorff_alpha
from tests.metrics.samples import value
from tests.statistics.inspect_figures import SCALES, made_up

SCRIPT = Path(__file__).with_name("inspect_figures.py")
GIVEN = made_up()
INSPECT: dict[str, Any] = json.loads(SCRIPT.with_suffix(".json").read_text())


def same(interval: Interval | None, key: str) -> bool:
    assert interval is not None
    return (interval.lower, interval.upper) == pytest.approx(tuple(INSPECT[key].values()))


def test_means_and_their_intervals() -> None:
    graded, passed = GIVEN["graded"], GIVEN["passed"]
    assert math.fsum(graded) / len(graded) == pytest.approx(INSPECT["mean"])
    assert stdev(graded) == pytest.approx(INSPECT["std"])
    assert stdev(graded) / math.sqrt(len(graded)) == pytest.approx(INSPECT["stderr"])
    assert same(mean_interval(graded), "ci")
    assert same(mean_interval(graded, level=0.9), "ci_90")
    assert sum(passed) / len(passed) == pytest.approx(INSPECT["accuracy"])
    assert same(wilson_interval(sum(passed), len(passed)), "ci_wilson")


def test_clustered_means() -> None:
    graded, clusters = GIVEN["graded"], GIVEN["clusters"]
    found = clustered_error(graded, clusters)
    assert found is not None
    assert found.error == pytest.approx(INSPECT["clustered_stderr"])
    assert same(clustered_mean_interval(graded, clusters), "ci_clustered")
    assert same(clustered_proportion_interval(GIVEN["passed"], clusters), "ci_wilson_clustered")


def test_bootstrap_means_differ_by_chance_alone() -> None:
    interval = bootstrap_interval(GIVEN["graded"], lambda rows: rows.mean(axis=1))
    assert interval is not None
    theirs = INSPECT["ci_bootstrap"]
    # Theirs are plain percentiles; of values without skewness BCa's are the same.
    assert interval.lower == pytest.approx(theirs["lower"], abs=0.01)
    assert interval.upper == pytest.approx(theirs["upper"], abs=0.01)
    draws = np.random.default_rng(0).choice(GIVEN["graded"], (20_000, 60)).mean(axis=1)
    assert draws.std() == pytest.approx(INSPECT["bootstrap_stderr"], rel=0.03)


@pytest.mark.parametrize("scale", SCALES)
def test_krippendorffs_alpha_with_gaps(scale: Any) -> None:
    estimate = krippendorff_alpha(GIVEN["ratings"], scale)
    assert estimate.value == pytest.approx(INSPECT["alpha"][scale])


def test_repeats_are_averaged() -> None:
    samples = [(str(number), each) for number, group in enumerate(GIVEN["repeats"])
               for each in group]  # fmt: skip
    means = average_repeats(*zip(*samples, strict=True))
    assert list(means.values()) == pytest.approx(INSPECT["mean_of_repeats"])


def test_a_panel_decides_by_strict_majority() -> None:
    info = metric_class("qa_accuracy_by_llm").info

    def decided(panel: list[float]) -> float | None:
        votes = [Score(metric="m", value=each, version="1") for each in panel]
        try:
            return tally(info, votes).value
        except TiedVotesError:
            return None

    assert [decided(panel) for panel in GIVEN["panels"]] == INSPECT["majority"]
    assert None in INSPECT["majority"]


def test_f1_of_words() -> None:
    ours = [value("squad_f1", *pair) for pair in GIVEN["texts"]]
    assert ours == pytest.approx(INSPECT["f1"])


def test_the_kept_figures_are_those_of_inspect_ai() -> None:
    python = os.environ.get("INSPECT_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", "import inspect_ai"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip("INSPECT_PYTHON names no Python with inspect_ai")
    done = subprocess.run(
        [python, str(SCRIPT)], capture_output=True, text=True, check=True, timeout=100
    )
    fresh = json.loads(done.stdout)
    assert fresh.keys() == INSPECT.keys()
    for key in fresh.keys() - {"version"}:
        assert fresh[key] == pytest.approx(INSPECT[key]), key
