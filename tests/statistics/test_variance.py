import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st

from prompt_app.errors import StatisticsError
from prompt_app.statistics.variance import (
    Costs,
    VarianceComponents,
    advise,
    variance_components,
)


def nested(rng, example, sampling, judge, sizes):
    """Values with their example and response numbers; sizes: judgements of each response."""
    values, examples, responses = [], [], []
    for number, per_response in enumerate(sizes):
        own = rng.normal(0, math.sqrt(example))
        for response, count in enumerate(per_response):
            mean = own + rng.normal(0, math.sqrt(sampling))
            values += list(mean + rng.normal(0, math.sqrt(judge), count))
            examples += [number] * count
            responses += [response] * count
    return values, examples, responses


def test_balanced_nested_anova_by_hand() -> None:
    rng = np.random.default_rng(1)
    cube = rng.normal(size=(6, 1, 1)) * 2 + rng.normal(size=(6, 4, 1)) + rng.normal(size=(6, 4, 3))
    rows = [(v, i, j) for (i, j, _), v in np.ndenumerate(cube)]
    found = variance_components(*zip(*rows, strict=True))
    judge = cube.var(axis=2, ddof=1).mean()
    responses = cube.mean(axis=2)
    sampling = responses.var(axis=1, ddof=1).mean() - judge / 3
    example = responses.mean(axis=1).var(ddof=1) - sampling / 4 - judge / 12
    assert found.judge == pytest.approx(judge)
    assert found.sampling == pytest.approx(sampling)
    assert found.example == pytest.approx(example)
    assert (found.examples, found.repeats, found.judgements) == (6, 4, 3)
    assert found.standard_error(6, 4, 3) == pytest.approx(
        math.sqrt(responses.mean(axis=1).var(ddof=1) / 6)
    )


def test_balanced_one_way_is_statsmodels_reml() -> None:
    rng = np.random.default_rng(2)
    values, examples, _ = nested(rng, 2.0, 0.0, 1.0, [[5]] * 30)
    found = variance_components(values, examples)
    frame = pd.DataFrame({"value": values, "example": examples})
    fit = smf.mixedlm("value ~ 1", frame, groups="example").fit()
    assert found.sampling == pytest.approx(fit.scale, rel=1e-3)
    assert found.example == pytest.approx(fit.cov_re.iloc[0, 0], rel=1e-3)
    assert found.judge is None


def test_unbalanced_one_way_anova_by_hand() -> None:
    values, examples = [1.0, 3.0, 4.0, 8.0, 9.0, 10.0], ["a", "a", "b", "c", "c", "c"]
    found = variance_components(values, examples)
    within = (2 + 2) / 3
    mean = 35 / 6
    between = (2 * (2 - mean) ** 2 + (4 - mean) ** 2 + 3 * (9 - mean) ** 2) / 2
    size = (6 - (4 + 1 + 9) / 6) / 2
    assert found.sampling == pytest.approx(within)
    assert found.example == pytest.approx((between - within) / size)


def test_unbalanced_components_are_unbiased() -> None:
    rng = np.random.default_rng(3)
    estimates = []
    for _ in range(150):
        sizes = [list(rng.integers(1, 4, rng.integers(1, 5))) for _ in range(60)]
        found = variance_components(*nested(rng, 1.0, 0.5, 0.25, sizes))
        estimates.append((found.example, found.sampling, found.judge))
    spread = 4 * np.std(estimates, axis=0) / math.sqrt(150)
    assert np.all(np.abs(np.mean(estimates, axis=0) - (1.0, 0.5, 0.25)) < spread)


def test_what_cannot_be_told_apart_is_none() -> None:
    alone = variance_components([1.0, 2.0, 4.0], ["a", "b", "c"])
    assert (alone.sampling, alone.judge) == (None, None)
    assert alone.example == pytest.approx(np.var([1, 2, 4], ddof=1))
    judged = variance_components([1, 2, 4, 5], ["a", "a", "b", "b"], ["r", "r", "r", "r"])
    assert judged.sampling is None
    assert judged.judge == pytest.approx(0.5)
    assert alone.shares == {"example": 1}


@pytest.mark.parametrize(
    ("components", "costs", "more", "buy"),
    [
        (VarianceComponents(1.0, 0.1, 0.1, 100, 1, 1), Costs(), True, "examples"),
        (VarianceComponents(0.1, 1.0, 0.1, 100, 1, 1), Costs(example=50), True, "repeats"),
        (VarianceComponents(0.1, 0.1, 2.0, 100, 1, 1), Costs(50, 5, 1), True, "judgements"),
        (VarianceComponents(0.1, 1.0, 0.1, 100, 1, 1), Costs(), False, "repeats"),
        (VarianceComponents(1.0, 0.0, None, 100, 1, 1), Costs(), False, "examples"),
    ],
)
def test_advice_follows_variance_and_cost(components, costs, more, buy) -> None:
    advice = advise(components, costs, more_examples=more)
    assert advice.buy == buy
    assert advice.standard_error == pytest.approx(components.standard_error(100, 1, 1))


def test_advice_says_what_doubling_does() -> None:
    advice = advise(VarianceComponents(0.75, 0.25, None, 100, 2, 1))
    assert advice.sentence == (
        "Buy more examples: doubling them takes the standard error from 0.0935 to 0.0661."
        " Of a score's variance: example 75%, sampling 25%."
    )
    assert advice.doubled == {
        "examples": pytest.approx(math.sqrt(0.875 / 200)),
        "repeats": pytest.approx(math.sqrt(0.8125 / 100)),
    }
    alike = advise(VarianceComponents(0, 0, None, 9, 2, 1))
    assert alike.buy == "examples"
    assert "these 9 examples are all alike" in alike.sentence
    used_up = advise(VarianceComponents(1, 0, None, 9, 2, 1), more_examples=False)
    assert "Only new examples" in used_up.sentence


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(StatisticsError, match="at least two examples"):
        variance_components([1, 2], ["a", "a"])
    with pytest.raises(StatisticsError, match="at least two examples"):
        variance_components([], [])
    with pytest.raises(StatisticsError, match="for each value"):
        variance_components([1, 2], ["a"])
    with pytest.raises(StatisticsError, match="not a number"):
        variance_components([1, math.nan], ["a", "b"])


groups = st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=4), min_size=2, max_size=8)


@given(groups, st.integers(-100, 100))
def test_components_shift_free_scale_squared_and_order_free(scores, shift) -> None:
    rows = [(float(v), i) for i, group in enumerate(scores) for v in group]
    found = variance_components(*zip(*rows, strict=True))
    moved = variance_components([3 * v + shift for v, _ in rows], [str(i) for _, i in rows])
    turned = variance_components(*zip(*rows[::-1], strict=True))
    for one, other in ((found, moved), (found, turned)):
        factor = 9 if other is moved else 1
        assert other.example == pytest.approx(factor * one.example, abs=1e-8)
        assert (other.sampling is None) == (one.sampling is None)
        sampled = factor * (one.sampling or 0)
        assert (other.sampling or 0) == pytest.approx(sampled, abs=1e-8)


def test_without_repeats_no_word_that_they_would_not_help() -> None:
    told = advise(variance_components([1.0, 2.0, 4.0], "abc"), more_examples=False).sentence
    assert "Only new examples" not in told
    assert "repeats would is unknown" in told
