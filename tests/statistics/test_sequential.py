import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prompt_app.errors import StatisticsError
from prompt_app.statistics.sequential import (
    Bounds,
    anytime_interval,
    decide_sequentially,
    log_wealth,
    savings,
)

NEEDED = math.log(2 / 0.05)


def pass_fail(rng, gained, lost, shape):
    return rng.choice([1.0, -1.0, 0.0], p=[gained, lost, 1 - gained - lost], size=shape)


def test_wealth_written_out_step_by_step() -> None:
    differences, m = np.random.default_rng(0).uniform(-0.3, 0.5, 300), (0.1 + 1) / 2
    above = below = 0.0
    variance, total, squares, uncut = 0.25, 0.0, 0.0, 0
    paths = log_wealth(differences, 0.1)
    for t, difference in enumerate(differences, 1):
        x = (difference + 1) / 2
        bet = math.sqrt(2 * math.log(40) / (variance * t * math.log(1 + t)))
        above += math.log(1 + min(bet, 0.5 / m) * (x - m))
        below += math.log(1 - min(bet, 0.5 / (1 - m)) * (x - m))
        total += x
        squares += (x - (0.5 + total) / (t + 1)) ** 2
        variance = (0.25 + squares) / (t + 1)
        uncut += bet < 0.5 / m
        assert (paths[0][t - 1], paths[1][t - 1]) == pytest.approx((above, below))
    assert uncut > 100


@pytest.mark.parametrize("kind", ["pass/fail", "rare changes", "skewed scores"])
def test_looking_after_every_example_keeps_the_error_rate(kind: str) -> None:
    """While a t test looked at as often is wrong far more often than 5% of the time."""
    rng = np.random.default_rng(1)
    shape = (2_000, 600)
    if kind == "pass/fail":
        null = pass_fail(rng, 0.2, 0.2, shape)
    elif kind == "rare changes":
        null = pass_fail(rng, 0.01, 0.01, shape)
    else:
        null = rng.beta(0.3, 0.9, shape) - 0.25
    above, below = log_wealth(null, 0.0)
    false_alarms = np.mean((np.maximum(above, below) >= NEEDED).any(axis=1))
    assert false_alarms <= 0.05
    if kind == "pass/fail":
        looks = np.arange(20, 600, 10)
        peeked = [stats.ttest_1samp(null[:, :n], 0, axis=1).pvalue < 0.05 for n in looks]
        assert np.any(peeked, axis=0).mean() > 0.15


def test_a_losing_candidate_stops_early() -> None:
    rng = np.random.default_rng(2)
    stops = []
    for _ in range(100):
        decision = decide_sequentially(pass_fail(rng, 0.05, 0.25, 1_000))
        assert decision.outcome == "worse"
        stops.append(decision.examples)
    assert np.median(stops) < 250


def test_the_interval_covers_the_mean_at_every_look_at_once() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(150):
        differences = pass_fail(rng, 0.25, 0.1, 400)
        for looked in (25, 50, 100, 200, 400):
            interval = anytime_interval(differences[:looked])
            assert interval is not None
            if not interval.lower <= 0.15 <= interval.upper:
                missed += 1
                break
    assert missed / 150 <= 0.05


def test_the_interval_ends_where_the_wealth_is_enough() -> None:
    differences = pass_fail(np.random.default_rng(4), 0.3, 0.1, 300)
    interval = anytime_interval(differences, level=0.9)
    assert interval is not None
    needed = math.log(20)
    assert log_wealth(differences, interval.lower, level=0.9)[0][-1] == pytest.approx(needed)
    assert log_wealth(differences, interval.upper, level=0.9)[1][-1] == pytest.approx(needed)
    assert interval.method == "anytime-valid betting"
    fixed = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert interval.lower < fixed.low
    assert interval.upper > fixed.high
    assert interval.upper - interval.lower < 2.5 * (fixed.high - fixed.low)


def test_decisions_name_the_first_example_that_sufficed() -> None:
    rng = np.random.default_rng(5)
    gains = pass_fail(rng, 0.3, 0.05, 500)
    decision = decide_sequentially(gains)
    assert decision.outcome == "better"
    assert decide_sequentially(gains[: decision.examples - 1]).outcome == "continue"
    assert decision.interval is not None
    assert decision.interval.lower >= 0
    assert decision.p_value <= 0.05
    mirrored = decide_sequentially(-gains)
    assert (mirrored.outcome, mirrored.examples) == ("worse", decision.examples)


def test_equivalence_stops_within_its_margin() -> None:
    rng = np.random.default_rng(6)
    decision = decide_sequentially(pass_fail(rng, 0.02, 0.02, 3_000), margin=0.1)
    assert decision.outcome == "equivalent"
    assert decision.examples < 1_500
    assert decision.interval is not None
    assert -0.1 <= decision.interval.lower < decision.interval.upper <= 0.1


def test_nothing_is_decided_from_nothing() -> None:
    decision = decide_sequentially([])
    assert (decision.outcome, decision.p_value, decision.interval) == ("continue", 1.0, None)
    assert anytime_interval([0.5]) is None
    few = decide_sequentially([0.0, 0.1, 0.0])
    assert (few.outcome, few.examples) == ("continue", 3)


def test_savings_in_calls_and_money() -> None:
    saved = savings(planned_calls=2_000, used_calls=500, spent_usd=1.25)
    assert (saved.calls, saved.cost_usd) == (1_500, pytest.approx(3.75))
    assert saved.sentence == ("Stopping early saved 1,500 of 2,000 calls (75%), about 3.75 USD.")
    assert savings(0, 0, 0.0).cost_usd == 0
    with pytest.raises(StatisticsError):
        savings(10, 11, 1.0)


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(StatisticsError, match="difference lies outside"):
        log_wealth([0.5, 3.0], 0.0)
    with pytest.raises(StatisticsError, match="outside"):
        log_wealth([math.nan], 0.0)
    with pytest.raises(StatisticsError, match="lower bound"):
        log_wealth([0.5], 0.0, Bounds(1, 1))
    with pytest.raises(StatisticsError, match="margin"):
        decide_sequentially([0.5], margin=0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60), st.floats(0.5, 20))
def test_interval_scales_with_its_bounds(differences, factor) -> None:
    plain = anytime_interval(differences)
    scaled = anytime_interval([factor * d for d in differences], Bounds(-factor, factor))
    assert plain is not None
    assert scaled is not None
    assert -1 <= plain.lower <= np.mean(differences) + 1e-9
    assert np.mean(differences) - 1e-9 <= plain.upper <= 1
    assert scaled.lower == pytest.approx(factor * plain.lower, abs=1e-6 * factor)
    assert scaled.upper == pytest.approx(factor * plain.upper, abs=1e-6 * factor)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_wealth_falls_as_the_mean_bet_against_rises(differences) -> None:
    ladder = [log_wealth(differences, m) for m in np.linspace(-1, 1, 21)]
    above = [path[0][-1] for path in ladder]
    below = [path[1][-1] for path in ladder]
    assert all(x >= y - 1e-9 for x, y in pairwise(above))
    assert all(x <= y + 1e-9 for x, y in pairwise(below))
