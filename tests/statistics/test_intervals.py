import math
import subprocess
import sys

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from prompt_app.datamodel.score import cautions
from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import (
    FEW_CLUSTERS,
    WIDENED,
    adjusted_clustered_error,
    clustered_error,
    clustered_mean_interval,
    clustered_proportion_interval,
    widened_mean_interval,
    widened_proportion_interval,
)
from prompt_app.statistics.interval_choice import average_repeats, interval_for
from prompt_app.statistics.intervals import (
    FEW_VALUES,
    mean_interval,
    skewed_mean_interval,
    wilson_interval,
)

numbers = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (77, 1319)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_equals_statsmodels(successes: int, n: int, level: float) -> None:
    ours = wilson_interval(successes, n, level)
    assert ours is not None
    theirs = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    assert (ours.lower, ours.upper) == pytest.approx(theirs, abs=1e-12)
    assert (ours.level, ours.method) == (level, "Wilson score")


def test_wilson_of_newcombes_worked_example() -> None:
    """Newcombe (1998), Statistics in Medicine 17:857-872, table I: 81 of 263."""
    ours = wilson_interval(81, 263)
    assert ours is not None
    assert (round(ours.lower, 4), round(ours.upper, 4)) == (0.2553, 0.3662)


def test_mean_interval_equals_scipy() -> None:
    values = [3.1, 4.7, 2.2, 9.9, 5.0]
    ours = mean_interval(values, 0.9)
    assert ours is not None
    theirs = stats.t.interval(0.9, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (ours.lower, ours.upper) == pytest.approx(theirs)


def test_clustered_interval_equals_statsmodels_regression_on_a_constant() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(12), rng.integers(1, 9, 12))
    values = rng.normal(size=12)[clusters] + rng.normal(size=clusters.size)
    fit = sm.OLS(values, np.ones_like(values)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "df_correction": True}, use_t=True
    )
    ours = clustered_mean_interval(list(values), list(clusters))
    assert ours is not None
    assert (ours.lower, ours.upper) == pytest.approx(tuple(fit.conf_int()[0]))


def test_clustered_standard_error_is_that_of_inspect_ai() -> None:
    """Its documented sum over each cluster's outer product, with C/(C-1), written out."""
    values, clusters = [1.0, 0.0, 1.0, 1.0, 0.0, 0.5], ["a", "a", "b", "b", "b", "c"]
    mean = np.mean(values)
    total = 0.0
    for name in set(clusters):
        own = np.array([v for v, c in zip(values, clusters, strict=True) if c == name]) - mean
        total += np.outer(own, own).sum()
    expected = math.sqrt(total * 3 / 2) / 6
    found = clustered_error(values, clusters)
    assert found is not None
    assert (found.clusters, found.degrees) == (3, 2)
    assert found.error == pytest.approx(expected)


def test_the_adjusted_error_and_its_degrees_are_those_of_the_matrix_formulas() -> None:
    """CR2 and Bell-McCaffrey's degrees written out with n x n matrices, as for any regression."""
    rng = np.random.default_rng(4)
    sizes = [1, 2, 9, 4, 3, 30]
    clusters = np.repeat(np.arange(6), sizes)
    values = rng.exponential(size=6)[clusters] + rng.normal(size=clusters.size)
    n = clusters.size
    residual_maker = np.eye(n) - np.full((n, n), 1 / n)
    residuals = residual_maker @ values
    variance, columns = 0.0, []
    for number in range(6):
        own = np.flatnonzero(clusters == number)
        block = residual_maker[np.ix_(own, own)]
        powers, vectors = np.linalg.eigh(block)
        root = vectors @ np.diag(np.where(powers > 1e-9, powers, np.inf) ** -0.5) @ vectors.T
        adjust = root @ np.full(own.size, 1 / n)
        variance += float(adjust @ residuals[own]) ** 2
        columns.append(residual_maker[own].T @ adjust)
    gram = np.array(columns) @ np.array(columns).T
    found = adjusted_clustered_error(values.tolist(), clusters.tolist())
    assert found is not None
    assert found.error == pytest.approx(math.sqrt(variance))
    assert found.degrees == pytest.approx(np.trace(gram) ** 2 / np.square(gram).sum())
    assert found.degrees < 3
    assert found.clusters == 6


@given(st.lists(numbers, min_size=4, max_size=40), st.integers(1, 5))
def test_clusters_of_equal_size_need_no_adjustment(values, size) -> None:
    values = values[: len(values) // size * size]
    clusters = [number // size for number in range(len(values))]
    plain = clustered_error(values, clusters)
    adjusted = adjusted_clustered_error(values, clusters)
    if plain is None or adjusted is None:
        assert len(set(clusters)) < 2
        return
    assert adjusted.error == pytest.approx(plain.error, rel=1e-9, abs=1e-6)
    assert adjusted.degrees == pytest.approx(plain.degrees)


def test_widened_intervals_hold_the_textbooks() -> None:
    rng = np.random.default_rng(1)
    for sizes in ([4] * 8, [1, 2, 3, 4, 5, 6], [3, 3, 3, 3, 3, 15]):
        clusters = np.repeat(np.arange(len(sizes)), sizes).tolist()
        values = rng.exponential(size=len(clusters)).tolist()
        passes = [float(value < 1) for value in values]
        for textbook, widened, given_values in (
            (clustered_mean_interval, widened_mean_interval, values),
            (clustered_proportion_interval, widened_proportion_interval, passes),
        ):
            inner, outer = textbook(given_values, clusters), widened(given_values, clusters)
            assert inner is not None
            assert outer is not None
            assert outer.lower <= inner.lower < inner.upper <= outer.upper
            if len(set(sizes)) > 1:
                assert outer != inner
                assert "widened" in outer.method


def test_few_values_come_with_a_caution_and_proportions_do_not() -> None:
    few = interval_for([0.1 * k for k in range(19)])
    enough = interval_for([0.1 * k for k in range(20)])
    passes = interval_for([0.0, 1.0, 1.0], "proportion")
    clustered = interval_for([0.1 * k for k in range(40)], "mean", [k // 4 for k in range(40)])
    assert cautions([few, enough, passes, None, few]) == [FEW_VALUES]
    assert cautions([clustered]) == [FEW_CLUSTERS]


def test_undefined_below_two_samples_or_clusters() -> None:
    assert wilson_interval(1, 1) is None
    assert mean_interval([1.0]) is None
    assert mean_interval([]) is None
    assert skewed_mean_interval([1.0]) is None
    assert adjusted_clustered_error([1.0, 2.0], ["a", "a"]) is None
    assert widened_mean_interval([1.0, 2.0], ["a", "a"]) is None
    assert widened_proportion_interval([1.0, 0.0], ["a", "a"]) is None
    assert clustered_mean_interval([1.0, 2.0, 3.0], ["a", "a", "a"]) is None
    assert interval_for([], "proportion") is None
    assert interval_for([1.0], "proportion") is None
    assert interval_for([1.0, 0.0], "proportion", ["a", "a"]) is None


@pytest.mark.parametrize(
    ("values", "kind", "clusters", "method"),
    [
        ([0, 1, 1], "proportion", None, "Wilson score"),
        ([0, 1, 1], "proportion", ["a", "b", "c"], "Wilson score"),
        ([0, 1, 1], "proportion", ["a", "a", "b"], "clustered Wilson score"),
        ([1, 1, 1], "proportion", ["a", "a", "b"], "Wilson score over clusters"),
        ([0, 0.5, 1], "proportion", None, "t"),
        ([0, 1, 1], "mean", None, "t"),
        ([0.1 * k for k in range(10)], "mean", None, "t"),  # symmetric: nothing to correct
        ([2.0**k for k in range(10)], "mean", None, "t, widened for skewness"),
        ([2.0, 3.0, 5.0, 7.0], "mean", ["a", "a", "b", "b"], "clustered t"),
        ([2.0, 3.0, 5.0], "mean", ["a", "a", "b"], WIDENED),
    ],
)
def test_the_interval_names_its_method(values, kind, clusters, method) -> None:
    interval = interval_for(values, kind, clusters)
    assert interval is not None
    assert interval.method == method


def test_a_skewed_mean_is_corrected_and_equal_values_are_not() -> None:
    skewed = interval_for([1, 1, 1, 1, 2, 2, 3, 5, 9, 30], "mean")
    assert skewed is not None
    assert skewed.method == "t, widened for skewness"
    assert skewed.upper - 5.5 > 5.5 - skewed.lower
    equal = interval_for([0.1] * 12, "mean")
    assert equal is not None
    assert equal.method == "t"
    assert equal.lower == pytest.approx(0.1)


def test_averaged_proportions_stay_within_0_and_1() -> None:
    interval = interval_for([1, 1, 1, 0.5], "proportion")
    assert interval is not None
    assert interval.upper == 1


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(StatisticsError, match="11 successes out of 10"):
        wilson_interval(11, 10)
    with pytest.raises(StatisticsError, match="between 0 and 1, not 95"):
        mean_interval([1, 2], 95)
    with pytest.raises(StatisticsError, match="not a number"):
        mean_interval([1, float("nan")])
    with pytest.raises(StatisticsError, match="3 values but 2 cluster names"):
        clustered_mean_interval([1, 2, 3], ["a", "b"])


def test_repeats_are_averaged_per_example() -> None:
    assert average_repeats(["b", "a", "b"], [1, 0.25, 0]) == {"b": 0.5, "a": 0.25}


def test_importing_loads_neither_numpy_nor_scipy() -> None:
    code = (
        "import sys, prompt_app.statistics.intervals as i; i.wilson_interval(3, 9);"
        "sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.integers(2, 5000), st.data())
def test_wilson_mirrors_and_contains_its_estimate(n: int, data) -> None:
    successes = data.draw(st.integers(0, n))
    ours, mirrored = wilson_interval(successes, n), wilson_interval(n - successes, n)
    assert ours is not None
    assert mirrored is not None
    assert 0 <= ours.lower <= successes / n <= ours.upper <= 1
    assert ours.lower == pytest.approx(1 - mirrored.upper, abs=1e-9)
    wider = wilson_interval(successes, n, 0.99)
    assert wider is not None
    assert wider.lower <= ours.lower
    assert wider.upper >= ours.upper
    more = wilson_interval(successes * 4, n * 4)
    assert more is not None
    assert more.upper - more.lower < ours.upper - ours.lower


@given(st.lists(numbers, min_size=3, max_size=30), st.floats(-100, 100), st.floats(0.1, 10))
def test_mean_intervals_shift_and_scale_with_their_values(values, shift, scale) -> None:
    for interval in (mean_interval, skewed_mean_interval):
        plain = interval(values)
        moved = interval([scale * value + shift for value in values])
        assert plain is not None
        assert moved is not None
        size = max(1.0, *map(abs, values)) * scale + abs(shift)
        assert moved.lower == pytest.approx(scale * plain.lower + shift, abs=1e-5 * size)
        assert moved.upper == pytest.approx(scale * plain.upper + shift, abs=1e-5 * size)


@given(st.lists(numbers, min_size=2, max_size=30))
def test_one_example_a_cluster_is_the_plain_t_interval(values) -> None:
    plain = mean_interval(values)
    clustered = clustered_mean_interval(values, range(len(values)))
    assert plain is not None
    assert clustered is not None
    size = max(1.0, *map(abs, values))
    assert clustered.lower == pytest.approx(plain.lower, abs=1e-9 * size)
    assert clustered.upper == pytest.approx(plain.upper, abs=1e-9 * size)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=20), st.integers(2, 5))
def test_copying_every_example_within_its_cluster_gains_no_precision(values, copies) -> None:
    names = [str(index) for index in range(len(values))]
    plain = clustered_mean_interval(values, names)
    copied = clustered_mean_interval(values * copies, names * copies)
    assert plain is not None
    assert copied is not None
    assert copied.lower == pytest.approx(plain.lower)
    assert copied.upper == pytest.approx(plain.upper)


def test_clusters_without_spread_between_them_leave_an_interval() -> None:
    """Each source has one pass and one fail: the clustered error alone would be 0."""
    interval = clustered_proportion_interval([0, 1] * 10, [f"s{n // 2}" for n in range(20)])
    plain = wilson_interval(10, 20)
    assert interval is not None
    assert plain is not None
    assert interval.lower < plain.lower < plain.upper < interval.upper


def test_a_clustered_proportion_outside_its_range_is_refused() -> None:
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        clustered_proportion_interval([0.5, 1.5], ["a", "b"])
    assert clustered_proportion_interval([0, 1], ["a", "a"]) is None


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 4)), min_size=2))
def test_a_clustered_proportion_lies_in_its_interval(drawn: list[tuple[float, int]]) -> None:
    values, clusters = zip(*drawn, strict=True)
    interval = clustered_proportion_interval(values, clusters)
    if interval is None:
        assert len(set(clusters)) < 2
        return
    mean = sum(values) / len(values)
    assert 0 <= interval.lower <= mean + 1e-12
    assert mean - 1e-12 <= interval.upper <= 1
