import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from prompt_app.errors import StatisticsError
from prompt_app.statistics.correction import (
    JudgeErrors,
    corrected_pass_rate,
    informedness,
    judge_errors,
    prediction_powered_mean,
    third_moment,
)
from prompt_app.statistics.labelling import plan_labels, stratified_mean

GOOD = JudgeErrors(passes=100, passes_found=90, fails=80, fails_found=64)


def test_errors_are_counted_from_verdicts() -> None:
    human = [True, True, True, False, False]
    judge = [True, False, True, False, True]
    errors = judge_errors(human, judge)
    assert errors == JudgeErrors(passes=3, passes_found=2, fails=2, fails_found=1)
    assert errors.sensitivity().value == pytest.approx(2 / 3)
    assert errors.specificity().value == 0.5
    with pytest.raises(ValueError, match="zip"):
        judge_errors([True], [])


def test_rogan_gladen_undoes_the_errors() -> None:
    """A true rate of 0.4 looks like 0.4 * 0.9 + 0.6 * 0.2 = 0.48 to this judge."""
    correction = corrected_pass_rate(480, 1_000, GOOD)
    assert correction.raw == pytest.approx(0.48)
    assert correction.value == pytest.approx(0.4)
    assert correction.labelled == 180
    assert correction.interval.method == "Lang-Reiczigel"


def test_lang_reiczigel_written_out() -> None:
    z = stats.norm.ppf(0.975)
    n, p = 1_000 + z**2, (480 + z**2 / 2) / (1_000 + z**2)
    se, sp = 91 / 102, 65 / 82
    rate = (p + sp - 1) / (se + sp - 1)
    a, b = se * (1 - se) / 102, sp * (1 - sp) / 82
    shift = 2 * z**2 * (rate * a - (1 - rate) * b)
    half = z * math.sqrt(p * (1 - p) / n + rate**2 * a + (1 - rate) ** 2 * b) / (se + sp - 1)
    interval = corrected_pass_rate(480, 1_000, GOOD).interval
    assert (interval.lower, interval.upper) == pytest.approx(
        (rate + shift - half, rate + shift + half)
    )


def test_a_judge_no_better_than_chance_is_refused_in_words() -> None:
    for errors in (
        JudgeErrors(50, 25, 50, 25),
        JudgeErrors(50, 10, 50, 10),
        JudgeErrors(6, 5, 6, 3),
    ):
        with pytest.raises(StatisticsError, match="not shown to be better than chance"):
            corrected_pass_rate(30, 100, errors)
    with pytest.raises(StatisticsError, match="passed 50 and failed 1 of the labelled rows"):
        corrected_pass_rate(30, 100, JudgeErrors(50, 45, 1, 1))
    with pytest.raises(StatisticsError, match="5 passes of 4 rows"):
        corrected_pass_rate(5, 4, GOOD)


def test_informedness_interval_equals_statsmodels() -> None:
    ours = informedness(GOOD)
    theirs = confint_proportions_2indep(90, 100, 16, 80, method="newcomb", compare="diff")
    assert ours.value == pytest.approx(0.7)
    assert ours.interval is not None
    assert (ours.interval.lower, ours.interval.upper) == pytest.approx(theirs)
    assert informedness(JudgeErrors(0, 0, 5, 5)).value is None


@given(st.integers(0, 300), st.integers(60, 100), st.integers(60, 100))
def test_corrected_rates_stay_in_range_and_rise_with_the_raw_ones(passes, found, kept) -> None:
    errors = JudgeErrors(100, found, 100, kept)
    assume(informedness(errors).interval.lower > 0)
    correction = corrected_pass_rate(passes, 300, errors)
    assert 0 <= correction.interval.lower <= correction.interval.upper <= 1
    if passes < 300:
        assert correction.interval.lower <= correction.value <= correction.interval.upper
        assert corrected_pass_rate(passes + 1, 300, errors).value >= correction.value
    mirrored = corrected_pass_rate(300 - passes, 300, JudgeErrors(100, kept, 100, found))
    assert mirrored.value == pytest.approx(1 - correction.value)
    assert mirrored.interval.lower == pytest.approx(1 - correction.interval.upper)


def scores(seed: int, unlabelled: int, labelled: int, noise: float):
    rng = np.random.default_rng(seed)
    human = rng.normal(3, 1, unlabelled + labelled)
    judge = human + 0.5 + rng.normal(0, noise, human.size)  # half a point too generous
    return judge[labelled:], judge[:labelled], human[:labelled]


def test_prediction_powered_mean_written_out() -> None:
    others, judge, human = scores(1, 400, 9, 0.6)
    weight = np.cov(human, judge)[0, 1] / ((1 + 9 / 400) * np.var([*others, *judge], ddof=1))
    weight = min(1, weight)
    value = weight * others.mean() + np.mean(human - weight * judge)
    error = math.sqrt(
        weight**2 * others.var(ddof=1) / 400 + np.var(human - weight * judge, ddof=2) / 9
    )
    ours = prediction_powered_mean(others, judge, human)
    assert ours.value == pytest.approx(value)
    assert ours.interval.upper - ours.value == pytest.approx(stats.t.ppf(0.975, 7) * error)
    assert ours.raw == pytest.approx(np.mean([*others, *judge]))


def test_prediction_power_removes_bias_and_narrows_the_interval() -> None:
    others, judge, human = scores(2, 3_000, 100, 0.3)
    ours = prediction_powered_mean(others, judge, human)
    assert ours.raw - ours.value == pytest.approx(0.5, abs=0.1)
    alone = stats.ttest_1samp(human, 0).confidence_interval()
    assert ours.interval.upper - ours.interval.lower < 0.5 * (alone.high - alone.low)


def test_a_perfect_judge_needs_no_correction() -> None:
    others = np.random.default_rng(3).normal(size=500)
    ours = prediction_powered_mean(others, others[:50], others[:50])
    assert ours.value == pytest.approx(others.mean(), abs=0.02)


def test_an_uninformative_judge_is_refused_in_words() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(StatisticsError, match="not shown to be better than chance"):
        prediction_powered_mean(rng.normal(size=99), rng.normal(size=30), rng.normal(size=30))
    with pytest.raises(StatisticsError, match="is undefined"):
        prediction_powered_mean([1, 2, 3], [1] * 5, [1, 2, 3, 4, 5])
    with pytest.raises(StatisticsError, match="3 labelled and 2 other rows"):
        prediction_powered_mean([1, 2], [1, 2, 3], [1, 2, 3])
    with pytest.raises(StatisticsError, match="not a number"):
        prediction_powered_mean([1, math.nan], [1, 2, 3, 4], [1, 2, 3, 4])


def test_third_moment_is_unbiased() -> None:
    values = [1.0, 2.0, 2.0, 7.0]
    expected = stats.kstat(values, 3)
    assert third_moment(np.array(values)) == pytest.approx(expected)
    assert third_moment(np.array([1.0, 2.0])) == 0


def labelled_so_far(rows: int = 600):
    """The judge is always right about fails, and right about half of what it passes."""
    rng = np.random.default_rng(5)
    judge = (rng.random(rows) < 0.5).astype(float)
    truth = judge * (rng.random(rows) < 0.5)
    human: list[float | None] = [None] * rows
    for row in rng.choice(rows, 60, replace=False):
        human[row] = float(truth[row])
    return judge, truth, human


def test_the_next_labels_go_where_people_and_judge_differ() -> None:
    judge, truth, human = labelled_so_far()
    plan = plan_labels(judge, human, 50)
    fails, passes = plan.strata
    assert passes.take > 4 * fails.take
    assert passes.spread > fails.spread
    assert fails.take + passes.take == 50 == len(set(plan.rows))
    assert all(human[row] is None for row in plan.rows)
    assert sum(judge[row] == 1 for row in plan.rows) == passes.take
    for row in plan.rows:
        human[row] = float(truth[row])
    assert plan.standard_error_now is not None
    assert plan.standard_error_after is not None
    assert plan.standard_error_after < plan.standard_error_now
    assert plan_labels(judge, labelled_so_far()[2], 50) == plan


def test_chosen_labels_beat_as_many_drawn_blindly() -> None:
    judge, truth, human = labelled_so_far()
    blind = list(human)
    free = [row for row, label in enumerate(human) if label is None]
    for row in np.random.default_rng(6).choice(free, 150, replace=False):
        blind[row] = float(truth[row])
    for row in plan_labels(judge, human, 150).rows:
        human[row] = float(truth[row])
    chosen, random = (stratified_mean(judge, labels).interval for labels in (human, blind))
    assert chosen.upper - chosen.lower < random.upper - random.lower


def test_the_stratified_mean_is_unbiased_where_the_plain_one_is_not() -> None:
    judge, truth, human = labelled_so_far(4_000)
    for row in plan_labels(judge, human, 400).rows:
        human[row] = float(truth[row])
    correction = stratified_mean(judge, human)
    known = [label for label in human if label is not None]
    assert abs(np.mean(known) - truth.mean()) > 0.08
    assert correction.value == pytest.approx(truth.mean(), abs=0.04)
    assert correction.interval.lower < truth.mean() < correction.interval.upper
    assert correction.labelled == 460


def test_stratified_mean_written_out() -> None:
    judge = [0, 0, 0, 1, 1, 1, 1, 1]
    human = [0, 1, None, 1, 1, 0, 1, None]
    correction = stratified_mean(judge, human)
    assert correction.value == pytest.approx(3 / 8 * 0.5 + 5 / 8 * 0.75)
    assert correction.raw == 5 / 8


def test_graded_scores_fall_into_fifths() -> None:
    judge = np.random.default_rng(7).normal(size=500)
    plan = plan_labels(judge, [None] * 500, 40)
    assert [stratum.rows for stratum in plan.strata] == [100] * 5
    assert [stratum.take for stratum in plan.strata] == [8] * 5
    assert plan.standard_error_now is None
    for lower, higher in zip(plan.strata, plan.strata[1:], strict=False):
        assert lower.highest < higher.lowest


def test_labelling_refuses_in_words() -> None:
    with pytest.raises(StatisticsError, match="labelled already"):
        plan_labels([1, 0], [1, 0], 3)
    with pytest.raises(StatisticsError, match="2 judge scores but 1 rows"):
        plan_labels([1, 0], [1], 3)
    with pytest.raises(StatisticsError, match="Only 1 of the 2 rows with judge scores 0"):
        stratified_mean([1, 1, 0, 0], [1, 1, 0, None])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 1)), min_size=1),
    st.integers(0, 40),
)
def test_a_plan_never_takes_what_is_not_there(rows, count) -> None:
    judge, human = (list(column) for column in zip(*rows, strict=True))
    open_rows = human.count(None)
    assume(open_rows)
    plan = plan_labels(judge, human, count)
    assert len(set(plan.rows)) == len(plan.rows) == min(count, open_rows)
    assert all(human[row] is None for row in plan.rows)
    assert sum(stratum.rows for stratum in plan.strata) == len(rows)


def test_a_corrected_pass_rate_lies_in_its_interval() -> None:
    """Few labelled passes: the interval's own centre is far from the value."""
    for passes in (0, 50_000, 100_000, 199_999):
        found = corrected_pass_rate(passes, 200_000, JudgeErrors(3, 3, 500, 499))
        assert found.interval.lower <= found.value <= found.interval.upper
