"""The interval of a metric whose values do not vary."""

from __future__ import annotations

import pytest

from prompt_app.datamodel.score import MetricInfo
from prompt_app.engine.summary import metric_interval
from prompt_app.statistics.intervals import wilson_interval


def info(minimum: float | None, maximum: float | None) -> MetricInfo:
    return MetricInfo("m", "1", "higher", minimum, maximum, "made up")


def test_equal_values_between_bounds_get_that_of_pass_and_fail() -> None:
    plain = wilson_interval(15, 20)
    grades = metric_interval([4.0] * 20, info(1, 5), None)
    assert plain is not None
    assert grades is not None
    expected = (1 + 4 * plain.lower, 1 + 4 * plain.upper)
    assert (grades.lower, grades.upper) == pytest.approx(expected)
    shared = metric_interval([4.0] * 20, info(1, 5), [f"s{n // 2}" for n in range(20)])
    assert shared is not None
    assert shared.upper - shared.lower > grades.upper - grades.lower


@pytest.mark.parametrize("bounds", [(0, None), (None, None)])
def test_equal_values_without_bounds_have_none(bounds: tuple[float | None, float | None]) -> None:
    assert metric_interval([4.0] * 20, info(*bounds), None) is None
    assert metric_interval([4.0, 5.0] * 10, info(*bounds), None) is not None
