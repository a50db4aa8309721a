import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from prompt_app.errors import StatisticsError
from prompt_app.statistics.order_statistics import quantile_estimate


@pytest.mark.parametrize("q", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("n", [80, 100, 1_001])
def test_covers_at_least_its_level_and_is_the_narrowest_with_even_tails(q: float, n: int) -> None:
    interval = quantile_estimate(range(n), q).interval
    assert interval is not None
    lower, upper = int(interval.lower), int(interval.upper)  # positions, from 0
    count = stats.binom(n, q)  # how many values lie below the quantile
    assert count.cdf(lower) <= 0.025 < count.cdf(lower + 1)
    assert count.sf(upper) <= 0.025 < count.sf(upper - 1)
    assert count.cdf(upper) - count.cdf(lower) >= 0.95
    assert interval.method == "order statistics"


def test_the_median_of_conovers_worked_example_size() -> None:
    """For 16 values the 95% interval of the median is the 4th to the 13th, as in sign tables."""
    interval = quantile_estimate(range(1, 17), 0.5).interval
    assert interval is not None
    assert (interval.lower, interval.upper) == (4, 13)


def test_coverage_on_skewed_values() -> None:
    rng = np.random.default_rng(0)
    truth = math.exp(stats.norm.ppf(0.95))
    inside = 0
    for sample in rng.lognormal(size=(2_000, 200)):
        interval = quantile_estimate(sample.tolist(), 0.95).interval
        assert interval is not None
        inside += interval.lower <= truth <= interval.upper
    assert 0.94 <= inside / 2_000 <= 0.98


def test_too_few_values_have_no_interval() -> None:
    assert quantile_estimate(range(71), 0.95).interval is None
    assert quantile_estimate(range(72), 0.95).interval is not None
    assert quantile_estimate([], 0.5).value is None
    assert quantile_estimate([3.0], 0.5).value == 3


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(StatisticsError, match="between 0 and 1, not 95"):
        quantile_estimate([1.0], 95)
    with pytest.raises(StatisticsError, match="not a number"):
        quantile_estimate([1.0, math.nan], 0.5)


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_value_is_numpys_and_lies_within_the_interval(values, q) -> None:
    estimate = quantile_estimate(values, q)
    assert estimate.value == pytest.approx(np.quantile(values, q))
    if estimate.interval is not None:
        assert estimate.interval.lower <= estimate.value <= estimate.interval.upper
    cubed = quantile_estimate([v**3 for v in values], q).interval
    assert (cubed is None) == (estimate.interval is None)
    if cubed is not None:
        assert cubed.lower == estimate.interval.lower**3
