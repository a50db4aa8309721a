import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from prompt_app.errors import StatisticsError
from prompt_app.statistics.bootstrap import Resampling
from prompt_app.statistics.paired_tests import (
    holm,
    mcnemar_exact,
    paired_proportion_interval,
    sign_flip_test,
    signed_ranks,
)

counts = st.integers(0, 300)
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)

# Darwin's plants, crossed minus self-fertilised, eighths of an inch: Fisher (1935), section 17.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


@given(counts, counts)
def test_mcnemar_equals_statsmodels(gained: int, lost: int) -> None:
    theirs = mcnemar([[5, gained], [lost, 5]], exact=True).pvalue if gained + lost else 1.0
    assert mcnemar_exact(gained, lost).p_value == pytest.approx(theirs, abs=1e-12)


def test_mcnemar_of_huge_counts_stays_finite() -> None:
    assert mcnemar_exact(50_100, 49_900).p_value == pytest.approx(0.528, abs=0.01)
    with pytest.raises(StatisticsError):
        mcnemar_exact(-1, 2)


def test_fishers_permutation_test_of_darwins_plants() -> None:
    """Fisher (1935), section 21: 1726 of 32768 sign assignments are as extreme, both ways."""
    result = sign_flip_test(DARWIN)
    assert result.p_value == pytest.approx(1726 / 32768, abs=2 / 32768)
    assert result.method == "exact sign-flip permutation"


def test_signed_ranks_give_scipys_exact_wilcoxon() -> None:
    differences = [1.83, -0.5, 0.95, 1.2, -0.11, 0.3, 2.5, 0.77, -1.9, 3.1]
    theirs = stats.wilcoxon(differences, method="exact").pvalue
    assert sign_flip_test(signed_ranks(differences)).p_value == pytest.approx(theirs)


def test_tied_and_zero_differences_share_ranks() -> None:
    assert signed_ranks([0, 2, -2, 5, 0, -7]).tolist() == [0, 1.5, -1.5, 3, 0, -4]


@pytest.mark.parametrize("n", [60, 6_000])
def test_sampled_flips_agree_with_scipys_normal_limit(n: int) -> None:
    differences = np.random.default_rng(n).laplace(0.9 / math.sqrt(n), 0.5, n)
    result = sign_flip_test(differences, Resampling(40_000, 1))
    z = differences.sum() / math.sqrt(np.square(differences).sum())
    assert result.p_value == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.015)
    assert result.method == "sampled sign-flip permutation"


def test_a_sampled_p_value_is_never_zero() -> None:
    assert sign_flip_test([1.0] * 50, Resampling(99)).p_value == 0.01


def test_one_huge_difference_among_many_is_no_evidence() -> None:
    """It alone decides, either way: p = 1/2, where a normal limit of the sum gives 0.32."""
    differences = np.full(6_000, 1e-4)
    differences[3_000:] *= -1
    differences[0] = 100.0
    assert sign_flip_test(differences).p_value == pytest.approx(0.5, abs=0.02)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=14), st.randoms())
def test_sign_flip_invariances(differences, random) -> None:
    p = sign_flip_test(differences).p_value
    shuffled = random.sample(differences, len(differences))
    assert 0 < p <= 1
    assert sign_flip_test(shuffled).p_value == p
    assert sign_flip_test([-d for d in differences]).p_value == p
    assert sign_flip_test([0.1 * d for d in differences]).p_value == p
    assert sign_flip_test([*differences, 0]).p_value == p
    if set(differences) <= {-1, 0, 1}:
        mcnemar_p = mcnemar_exact(differences.count(1), differences.count(-1)).p_value
        assert p == pytest.approx(mcnemar_p)


@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_holm_equals_statsmodels(count: int) -> None:
    p_values = np.random.default_rng(count).beta(0.2, 2, count)
    theirs = multipletests(p_values, method="holm")[1]
    assert holm(list(p_values)) == pytest.approx(tuple(theirs))


@given(p_lists, st.integers(1, 12))
def test_fewer_possible_nulls_never_raise_an_adjusted_p(p_values, most) -> None:
    plain, limited = holm(p_values), holm(p_values, most)
    bonferroni = [min(1.0, len(p_values) * p) for p in p_values]
    for raw, low, middle, high in zip(p_values, limited, plain, bonferroni, strict=True):
        assert raw <= low <= middle <= high


def test_holm_in_steps() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.01, 0.04, 0.03, 0.005], most_true=2) == pytest.approx((0.02, 0.06, 0.06, 0.01))


def test_paired_proportion_interval_written_out() -> None:
    interval = paired_proportion_interval(9, 3, 50)
    assert interval is not None
    up, down = 10 / 52, 4 / 52
    half = stats.norm.ppf(0.975) * math.sqrt((up + down - (up - down) ** 2) / 52)
    assert interval.lower == pytest.approx(up - down - half)
    assert interval.upper == pytest.approx(up - down + half)
    assert paired_proportion_interval(0, 0, 1) is None


@given(st.integers(2, 200), st.data())
def test_paired_proportion_interval_mirrors(pairs, data) -> None:
    gained = data.draw(st.integers(0, pairs))
    lost = data.draw(st.integers(0, pairs - gained))
    ours = paired_proportion_interval(gained, lost, pairs)
    mirrored = paired_proportion_interval(lost, gained, pairs)
    assert ours is not None
    assert mirrored is not None
    assert -1 <= ours.lower < ours.upper <= 1
    assert ours.lower == pytest.approx(-mirrored.upper)
