import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from prompt_app.errors import StatisticsError
from prompt_app.statistics.planning import PilotVariance, pilot_variance, plan_run
from prompt_app.statistics.power import (
    detectable_difference,
    examples_needed,
    mcnemar_detectable_difference,
    mcnemar_examples_needed,
    mcnemar_power,
    paired_power,
)


@pytest.mark.parametrize("examples", [2, 5, 30, 1_000, 100_000])
@pytest.mark.parametrize("effect", [0.0, 0.01, 0.2, 0.8, 3.0])
def test_paired_power_equals_statsmodels(examples: int, effect: float) -> None:
    theirs = TTestPower().power(effect, examples, 0.05)
    if math.isnan(theirs):
        theirs = 1.0
    assert paired_power(examples, effect * 7, 7) == pytest.approx(theirs, abs=1e-6)


def test_examples_of_the_textbooks_medium_effect() -> None:
    """G*Power's manual: a matched-pairs t test of d_z = 0.5 needs 34 pairs for power 0.8."""
    assert examples_needed(0.5, 1.0) == 34
    assert examples_needed(-0.5, 1.0) == 34
    assert examples_needed(0.2, 1.0, power=0.9) == 265


def test_mcnemar_power_is_the_sum_over_changed_examples() -> None:
    n, gained, lost = 40, 0.25, 0.05
    expected = 0.0
    for changed in range(1, n + 1):
        for up in range(changed + 1):
            if stats.binomtest(up, changed).pvalue <= 0.05:
                expected += stats.binom.pmf(changed, n, gained + lost) * stats.binom.pmf(
                    up, changed, gained / (gained + lost)
                )
    assert mcnemar_power(n, gained, lost) == pytest.approx(expected)


def test_mcnemar_power_by_simulation() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.multinomial(150, [0.14, 0.05, 0.81], 20_000)
    low = kinds[:, :2].min(axis=1)
    p = np.minimum(1, 2 * stats.binom.cdf(low, kinds[:, :2].sum(axis=1), 0.5))
    assert mcnemar_power(150, 0.14, 0.05) == pytest.approx(np.mean(p <= 0.05), abs=0.01)


def test_mcnemar_approximation_joins_the_exact_power() -> None:
    exact, approximate = (mcnemar_power(n, 0.052, 0.048) for n in (20_000, 20_001))
    assert approximate == pytest.approx(exact, abs=0.01)
    assert mcnemar_power(100_000, 0.0, 0.0) == 0


def test_mcnemar_examples_reach_the_power() -> None:
    """Connor's formula gives 155 for 0.1 with 0.2 changed; the exact test needs a few more."""
    connor = (1.96 * math.sqrt(0.2) + 0.8416 * math.sqrt(0.2 - 0.01)) ** 2 / 0.01
    needed = mcnemar_examples_needed(0.1, 0.2)
    assert connor <= needed <= 1.15 * connor
    assert mcnemar_power(needed, 0.15, 0.05) >= 0.8


def test_pilot_variance_recovers_the_truth() -> None:
    rng = np.random.default_rng(7)
    skill = rng.normal(size=4_000)
    shift = rng.normal(0.1, 0.5, 4_000)
    baseline = {str(i): skill[i] + rng.normal(0, 1.0, 3) for i in range(4_000)}
    candidate = {str(i): skill[i] + shift[i] + rng.normal(0, 2.0, 2) for i in range(4_000)}
    pilot = pilot_variance(baseline, candidate)
    assert pilot.between == pytest.approx(0.25, abs=0.15)
    assert pilot.within == pytest.approx(5.0, rel=0.05)
    total = pilot_variance(
        {k: v[:1] for k, v in baseline.items()}, {k: v[:1] for k, v in candidate.items()}
    )
    assert total.within is None
    assert total.between == pytest.approx(5.25, rel=0.06)
    assert total.deviation(5) == total.deviation(1)


def test_plans_put_the_fewest_samples_first_among_what_the_dataset_allows() -> None:
    pilot = PilotVariance(between=0.02, within=0.2)
    unlimited = plan_run(0.05, pilot)
    assert unlimited[0].repeats == 1
    assert unlimited[0].examples == examples_needed(0.05, math.sqrt(0.22))
    limited = plan_run(0.05, pilot, available=250)
    assert limited[0].examples <= 250
    assert limited[0].repeats > 1
    assert not limited[-1].enough_examples
    for plan in limited:
        assert plan.power >= 0.8
        assert plan.samples == plan.examples * plan.repeats
    assert plan_run(0.05, PilotVariance(0.22, None)) == unlimited[:1]


def test_a_planned_run_detects_the_difference_so_often() -> None:
    plan = plan_run(0.3, PilotVariance(between=0.3, within=1.0))[1]
    rng = np.random.default_rng(3)
    shape = (4_000, plan.examples)
    noise = rng.normal(0, math.sqrt(1.0 / plan.repeats), shape)
    differences = rng.normal(0.3, math.sqrt(0.3), shape) + noise
    found = stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(plan.power, abs=0.025)


def test_a_plan_for_clusters_detects_the_difference_so_often() -> None:
    rng = np.random.default_rng(5)

    def differences(trials: int, clusters: int) -> np.ndarray:
        shared = rng.normal(0.1, 0.5, (trials, clusters, 1))
        return shared + rng.normal(0, 0.5, (trials, clusters, 5))

    pilot_values = differences(1, 3_000)[0]
    names = {f"{c}-{i}": c for c in range(3_000) for i in range(5)}
    candidate = {name: [float(v)] for name, v in zip(names, pilot_values.flat, strict=True)}
    pilot = pilot_variance({name: [0.0] for name in names}, candidate, names)
    assert pilot.cluster_size == 5
    assert pilot.design_effect == pytest.approx(1 + 4 * 0.5, rel=0.1)  # 1 + (m - 1) ICC
    (plan,) = plan_run(0.1, pilot)
    means = differences(4_000, round(plan.examples / 5)).mean(axis=2)
    found = stats.ttest_1samp(means, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(plan.power, abs=0.03)
    unrelated = pilot_variance({name: [0.0] for name in names}, candidate)
    assert plan.examples > 2.5 * plan_run(0.1, unrelated)[0].examples


def test_clusters_of_one_change_no_plan() -> None:
    baseline = {str(i): [float(i % 3)] for i in range(30)}
    candidate = {str(i): [float(i % 4)] for i in range(30)}
    alone = pilot_variance(baseline, candidate, {name: name for name in baseline})
    plain = pilot_variance(baseline, candidate)
    assert (alone.design_effect, alone.cluster_size) == (pytest.approx(1), 1)
    assert alone.between == pytest.approx(plain.between)
    with pytest.raises(StatisticsError, match="two clusters"):
        pilot_variance(baseline, candidate, dict.fromkeys(baseline, "one"))


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(StatisticsError, match="positive number"):
        paired_power(10, 0.1, 0)
    with pytest.raises(StatisticsError, match="10,000,000"):
        examples_needed(1e-6, 1)
    with pytest.raises(StatisticsError, match="power must lie"):
        examples_needed(0.1, 1, power=80)
    with pytest.raises(StatisticsError, match="sum to 1 at most"):
        mcnemar_power(10, 0.7, 0.7)
    with pytest.raises(StatisticsError, match="must not be 0"):
        mcnemar_examples_needed(0.3, 0.2)
    with pytest.raises(StatisticsError, match="at least two examples"):
        pilot_variance({"a": [1.0]}, {"a": [1.0], "b": [0.0]})


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 5_000), st.floats(0.01, 10), st.floats(0.1, 0.95))
def test_power_of_the_detectable_difference_is_the_power(examples, deviation, power) -> None:
    difference = detectable_difference(examples, deviation, power)
    assert difference is not None
    assert paired_power(examples, difference, deviation) == pytest.approx(power, abs=1e-6)
    more = detectable_difference(examples + 1, deviation, power)
    assert more is not None
    assert more < difference
    assert detectable_difference(1, deviation) is None


@settings(deadline=None, max_examples=40)
@given(st.floats(0.05, 2), st.floats(0.5, 0.95))
def test_needed_examples_are_the_fewest(difference, power) -> None:
    needed = examples_needed(difference, 1.0, power)
    assert paired_power(needed, difference, 1.0) >= power
    assert needed == 2 or paired_power(needed - 1, difference, 1.0) < power
    assert examples_needed(difference * 3, 3.0, power) == needed


@pytest.mark.parametrize("examples", [30, 100, 1000])
def test_the_detectable_difference_of_pass_rates_is_the_smallest(examples: int) -> None:
    found = mcnemar_detectable_difference(examples, 0.2)
    assert found is not None

    def power(difference: float) -> float:
        share = max(0.2, difference)
        return mcnemar_power(examples, (share + difference) / 2, (share - difference) / 2)

    assert power(found) >= 0.8 > power(found - 0.002)


def test_five_examples_show_no_difference_of_pass_rates() -> None:
    assert mcnemar_detectable_difference(5, 0.2) is None
