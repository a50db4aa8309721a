import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prompt_app.errors import StatisticsError
from prompt_app.statistics.bootstrap import (
    Resampling,
    bca_interval,
    bootstrap_interval,
    bootstrap_sums_interval,
)

MANY = Resampling(count=20_000, seed=1)


def mean(rows):
    return rows.mean(axis=1)


def correlation(rows):
    centred = rows - rows.mean(axis=1, keepdims=True)
    products = (centred[..., 0] * centred[..., 1]).sum(axis=1)
    return products / np.sqrt(np.square(centred).sum(axis=1).prod(axis=-1))


def of_sums(sums):
    return sums[:, 0] / sums[:, 1]


# Efron and Tibshirani (1993), table 14.1: spatial test data, 26 children.
CHILDREN = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41]
CHILDREN += [24, 26, 30, 41]


def test_variance_of_efron_and_tibshiranis_children() -> None:
    """Their section 14.3 gives (115.8, 259.6) for 90% with 2000 resamples."""
    interval = bootstrap_interval(CHILDREN, lambda rows: rows.var(axis=1), 0.9, resampling=MANY)
    assert interval is not None
    assert interval.lower == pytest.approx(115.8, abs=3)
    assert interval.upper == pytest.approx(259.6, abs=5)
    assert interval.method == "BCa bootstrap"


def test_correlation_equals_scipy() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = x + rng.exponential(size=40)
    ours = bootstrap_interval(np.column_stack([x, y]), correlation, resampling=MANY)
    theirs = stats.bootstrap(
        (x, y), lambda a, b, axis=-1: stats.pearsonr(a, b, axis=axis).statistic,
        paired=True, vectorized=True, n_resamples=20_000, method="BCa", rng=2,
    ).confidence_interval  # fmt: skip
    assert ours is not None
    assert (ours.lower, ours.upper) == pytest.approx(theirs, abs=0.01)


def test_sums_counts_and_rows_agree() -> None:
    values = np.random.default_rng(5).integers(0, 6, 200).astype(float) ** 2
    rows = bootstrap_interval(values, mean, resampling=MANY)
    features = np.column_stack([values, np.ones_like(values)])
    sums = bootstrap_sums_interval(features, of_sums, resampling=MANY)
    distinct, counts = np.unique(features, axis=0, return_counts=True)
    table = bootstrap_sums_interval(distinct, of_sums, counts=counts, resampling=MANY)
    assert rows is not None
    assert sums is not None
    assert table is not None
    for other in (sums, table):
        assert (other.lower, other.upper) == pytest.approx((rows.lower, rows.upper), rel=0.02)


def test_grouped_jackknife_of_many_rows_agrees_with_scipy() -> None:
    values = np.random.default_rng(6).lognormal(size=2_500)
    ours = bootstrap_interval(values, mean, resampling=Resampling(4_000))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4_000, rng=1, batch=500)
    assert ours is not None
    width = ours.upper - ours.lower
    expected = theirs.confidence_interval
    assert (ours.lower, ours.upper) == pytest.approx(expected, abs=0.08 * width)


def test_clusters_are_resampled_whole() -> None:
    values = np.repeat([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0], 25)
    clusters = np.repeat(np.arange(8), 25)
    alone = bootstrap_interval(values, mean)
    together = bootstrap_interval(values, mean, clusters=list(clusters))
    assert alone is not None
    assert together is not None
    assert together.upper - together.lower > 3 * (alone.upper - alone.lower)
    assert together.method == "BCa cluster bootstrap"


def test_undefined_where_there_is_no_spread_or_too_little_data() -> None:
    assert bootstrap_interval([1.0], mean) is None
    assert bootstrap_interval([2.0, 2.0, 2.0], mean) is None
    assert bootstrap_interval([2.0, 3.0], mean, clusters=["a", "a"]) is None
    assert bootstrap_sums_interval(np.ones((1, 2)), of_sums) is None
    mostly_undefined = np.array([1.0, 2.0] + [np.nan] * 18)
    assert bca_interval(1.5, mostly_undefined, np.array([1.0, 2.0])) is None
    with pytest.raises(StatisticsError, match="2 rows but 1 cluster names"):
        bootstrap_interval([1.0, 2.0], mean, clusters=["a"])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(-50, 50), min_size=3, max_size=15).filter(lambda v: len(set(v)) > 1),
    st.integers(0, 100),
)
def test_repeatable_and_invariant(values, seed) -> None:
    few = Resampling(200, seed)
    interval = bootstrap_interval(values, mean, resampling=few)
    assert interval == bootstrap_interval(values, mean, resampling=few)
    assert interval is not None
    assert min(values) <= interval.lower <= interval.upper <= max(values)
    moved = bootstrap_interval([2 * v + 7 for v in values], mean, resampling=few)
    assert moved is not None
    assert moved.lower == pytest.approx(2 * interval.lower + 7)
    assert moved.upper == pytest.approx(2 * interval.upper + 7)
