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


def test_an_interval_ends_where_the_scale_does() -> None:
    few = metric_interval([1.0] * 9 + [5.0], info(1, 5), None)
    assert few is not None
    assert few.lower == 1
    assert 1.4 < few.upper < 5
    many = metric_interval([5.0] * 9 + [1.0], info(1, 5), None)
    assert many is not None
    assert 1 < many.lower < many.upper == 5
    open_ended = metric_interval([1.0] * 9 + [5.0], info(None, None), None)
    assert open_ended is not None
    assert open_ended.lower < 1
    beyond = metric_interval([0.0] * 9 + [5.0], info(1, 5), None)
    assert beyond is not None
    assert beyond.lower == 0, "a value that its metric does not allow is not cut off"
