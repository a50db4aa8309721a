import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from prompt_app.errors import StatisticsError
from prompt_app.statistics.agreement import agreement, confusion_matrix, f1_interval
from prompt_app.statistics.bootstrap import Resampling
from prompt_app.statistics.correlation import pearson, spearman
from prompt_app.statistics.kappa import cohen_kappa, kappa, kappa_weights
from prompt_app.statistics.krippendorff import krippendorff_alpha

FEW = Resampling(300, 0)
LABELS = ["none", "limited", "good", "extensive"]

rated = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=2)


def sample(seed: int, n: int = 120):
    rng = np.random.default_rng(seed)
    actual = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    predicted = np.clip(actual + rng.choice([-1, 0, 0, 0, 1], n), 0, 3)
    return [LABELS[a] for a in actual], [LABELS[p] for p in predicted]


@pytest.mark.parametrize("seed", range(3))
def test_everything_equals_scikit_learn(seed: int) -> None:
    actual, predicted = sample(seed)
    ours = agreement(actual, predicted, LABELS, resampling=FEW)
    table = metrics.confusion_matrix(actual, predicted, labels=LABELS)
    assert [list(row) for row in ours.confusion] == table.tolist()
    assert ours.accuracy.value == metrics.accuracy_score(actual, predicted)
    theirs = metrics.precision_recall_fscore_support(actual, predicted, labels=LABELS)
    for index, label in enumerate(ours.by_label):
        values = (label.precision.value, label.recall.value, label.f1.value, label.actual)
        assert values == pytest.approx([column[index] for column in theirs])
    macro = metrics.precision_recall_fscore_support(actual, predicted, average="macro")
    ours_macro = (ours.macro_precision, ours.macro_recall, ours.macro_f1)
    assert [e.value for e in ours_macro] == pytest.approx(macro[:3])
    for estimate, weights in (
        (ours.kappa, None),
        (ours.linear_kappa, "linear"),
        (ours.quadratic_kappa, "quadratic"),
    ):
        expected = metrics.cohen_kappa_score(actual, predicted, labels=LABELS, weights=weights)
        assert estimate.value == pytest.approx(expected)
        assert estimate.interval is not None
        assert estimate.interval.lower < expected < estimate.interval.upper


def test_kappa_of_cohens_worked_example() -> None:
    """Cohen (1960), table 1: proportions of 200 rows, kappa 0.492."""
    table = np.array([[[88, 14, 18], [10, 40, 10], [2, 6, 12]]], dtype=float)
    assert cohen_kappa(table, kappa_weights(3, 0))[0] == pytest.approx(0.492, abs=5e-4)


def test_kappas_interval_is_near_its_asymptotic_one() -> None:
    actual, predicted = sample(7, 2_000)
    table = confusion_matrix(actual, predicted, LABELS)
    for power, weights in ((0, None), (2, "fc")):
        theirs = cohens_kappa(table, wt=weights)
        ours = agreement(actual, predicted, LABELS)
        estimate = (ours.kappa, None, ours.quadratic_kappa)[power]
        assert estimate is not None
        assert estimate.interval is not None
        width = theirs.kappa_upp - theirs.kappa_low
        assert estimate.interval.lower == pytest.approx(theirs.kappa_low, abs=0.06 * width)
        assert estimate.interval.upper == pytest.approx(theirs.kappa_upp, abs=0.06 * width)


def test_undefined_is_none_and_never_zero() -> None:
    ours = agreement(["a", "a", "b"], ["a", "a", "a"], ["a", "b", "c"], resampling=FEW)
    a, b, c = ours.by_label
    assert (b.precision.value, b.recall.value, b.f1.value) == (None, 0, 0)
    assert (c.precision.value, c.recall.value, c.f1.value, c.f1.interval) == (None,) * 4
    assert a.recall.value == 1
    assert ours.macro_f1.value == pytest.approx((0.8 + 0) / 2)
    alone = agreement(["a", "a"], ["a", "a"], resampling=FEW)
    assert alone.kappa.value is None
    assert alone.kappa.interval is None


def test_a_weighted_kappa_of_few_rows_says_something() -> None:
    """No single far cell of the chance row widens it to everything."""
    table = np.array([[5, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    found = kappa(table, kappa_weights(4, 2))
    assert found.value == pytest.approx(1 - 2 / 21.2)
    assert found.interval is not None
    assert 0 < found.interval.lower < 0.5
    assert 0.95 < found.interval.upper < 0.99


def test_kappa_of_a_judge_with_one_label_claims_no_certainty() -> None:
    """It is 0 whatever people say, so that no sample shows how far it could be off."""
    found = agreement(["a", "b"] * 30, ["a"] * 60, labels=["a", "b", "c"])
    for each in (found.kappa, found.linear_kappa, found.quadratic_kappa):
        assert (each.value, each.interval) == (pytest.approx(0), None)


def test_perfect_agreement_still_has_a_width() -> None:
    labels = ["a"] * 10 + ["b"] * 10
    ours = agreement(labels, labels, resampling=FEW)
    for estimate in (ours.accuracy, ours.kappa, ours.quadratic_kappa, ours.macro_f1):
        assert estimate.value == 1
        assert estimate.interval is not None
        assert 0.5 < estimate.interval.lower < 0.9
        assert estimate.interval.upper == 1


def test_perfect_kappa_holds_the_chance_of_disagreement() -> None:
    labels = ["a"] * 15 + ["b"] * 5
    interval = agreement(labels, labels, resampling=FEW).kappa.interval
    assert interval is not None
    lower, _ = proportion_confint(20, 20, method="wilson")
    assert interval.lower == pytest.approx(1 - (1 - lower) / (1 - 0.75**2 - 0.25**2))


def test_rows_without_a_label_are_counted_and_left_out() -> None:
    ours = agreement(["a", None, "b", "a"], ["a", "b", None, "b"], resampling=FEW)
    assert (ours.rows, ours.missing, ours.accuracy.value) == (2, 2, 0.5)


@pytest.mark.parametrize(
    ("actual", "predicted", "labels", "words"),
    [
        (["a", "x"], ["a", "a"], ["a", "b"], "actual label 'x' is none of 'a', 'b'"),
        (["a"], ["y"], ["a", "b"], "predicted label 'y'"),
        (["a"], ["a", "b"], None, "1 actual labels but 2"),
        ([None], ["a"], None, "No row has both"),
        ([], [], None, "No row has both"),
        (["a"], ["a"], ["a", "a"], "twice"),
    ],
)
def test_wrong_labels_are_refused_in_words(actual, predicted, labels, words) -> None:
    with pytest.raises(StatisticsError, match=words):
        agreement(actual, predicted, labels)


@settings(max_examples=40, deadline=None)
@given(rated)
def test_kappa_is_symmetric_and_free_of_names(rows) -> None:
    actual, predicted = zip(*rows, strict=True)
    there = agreement(actual, predicted, LABELS, resampling=FEW)
    back = agreement(predicted, actual, LABELS, resampling=FEW)
    turned = agreement(actual, predicted, LABELS[::-1], resampling=FEW)
    for name in ("kappa", "linear_kappa", "quadratic_kappa"):
        value = getattr(there, name).value
        assert getattr(back, name).value == pytest.approx(value)
        assert getattr(turned, name).value == pytest.approx(value)
        assert value is None or -1 <= value <= 1
    assert there.macro_precision.value == pytest.approx(back.macro_recall.value)
    for label in there.by_label:
        if label.f1.interval is not None:
            assert label.f1.interval.lower <= label.f1.value <= label.f1.interval.upper


def test_f1_interval_is_that_of_the_jaccard_index_transformed() -> None:
    lower, upper = proportion_confint(8, 11, method="wilson")
    interval = f1_interval(8, 3)
    assert interval is not None
    assert interval.lower == pytest.approx(2 * lower / (1 + lower))
    assert interval.upper == pytest.approx(2 * upper / (1 + upper))


def test_f1_interval_is_undefined_below_two() -> None:
    assert f1_interval(1, 0) is None


# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section D.
RATERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = list(zip(*RATERS, strict=True))


@pytest.mark.parametrize(
    ("scale", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_krippendorffs_worked_example(scale, expected) -> None:
    alpha = krippendorff_alpha(UNITS, scale)
    assert alpha.value == pytest.approx(expected, abs=5e-4)
    assert alpha.n == 11
    assert alpha.interval is not None
    assert alpha.interval.lower < expected < alpha.interval.upper


def test_alpha_of_words_and_of_two_raters() -> None:
    """Krippendorff (2011), section B: binary data of two raters, alpha 0.095."""
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    numbers = krippendorff_alpha(list(zip(first, second, strict=True)))
    assert numbers.value == pytest.approx(0.095, abs=5e-4)
    words = [(LABELS[a], LABELS[b]) for a, b in zip(first, second, strict=True)]
    assert krippendorff_alpha(words).value == numbers.value
    ordered = krippendorff_alpha(words, "ordinal", order=LABELS)
    assert ordered.value == pytest.approx(numbers.value)


def test_alpha_where_nothing_varies_or_everything_agrees() -> None:
    assert krippendorff_alpha([(1, 1), (1, 1)]).value is None
    perfect = krippendorff_alpha([(0.1, 0.1, 0.1), (2, 2), (3, 3), (None, 3)] * 5, "interval")
    assert perfect.value == 1
    assert perfect.n == 15
    assert perfect.interval is not None
    assert 0.3 < perfect.interval.lower < 0.9


def test_alpha_refuses_in_words() -> None:
    with pytest.raises(StatisticsError, match="ratings of two raters"):
        krippendorff_alpha([(1, None), (None, 2)])
    with pytest.raises(StatisticsError, match="must be numbers"):
        krippendorff_alpha([("a", "b")], "interval")
    with pytest.raises(StatisticsError, match="Give the order"):
        krippendorff_alpha([("a", "b")], "ordinal")
    with pytest.raises(StatisticsError, match="'c' is not in the order"):
        krippendorff_alpha([("a", "c")], "ordinal", order=["a", "b"])


ratings = st.one_of(st.none(), st.integers(1, 4))
unit_lists = st.lists(st.tuples(ratings, ratings, ratings), min_size=3, max_size=15).filter(
    lambda units: any(sum(r is not None for r in unit) > 1 for unit in units)
)


@settings(max_examples=40, deadline=None)
@given(unit_lists)
def test_alpha_invariances(units) -> None:
    def alpha(rows, scale):
        return krippendorff_alpha(rows, scale).value

    for scale in ("nominal", "ordinal", "interval"):
        value = alpha(units, scale)
        assert alpha(units[::-1], scale) == pytest.approx(value)
        assert alpha([unit[::-1] for unit in units], scale) == pytest.approx(value)
        moved = [tuple(None if r is None else 3 * r + 7 for r in unit) for unit in units]
        assert alpha(moved, scale) == pytest.approx(value)
    stretched = [tuple(None if r is None else r**3 for r in unit) for unit in units]
    assert alpha(stretched, "ordinal") == pytest.approx(alpha(units, "ordinal"))


def test_correlations_equal_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 6, 50)
    y = x + rng.integers(0, 4, 50)
    ours, theirs = pearson(x, y), stats.pearsonr(x, y)
    assert ours.value == pytest.approx(theirs.statistic)
    assert ours.interval is not None
    expected = theirs.confidence_interval()
    assert (ours.interval.lower, ours.interval.upper) == pytest.approx(
        (expected.low, expected.high)
    )
    ranked = spearman(x, y)
    assert ranked.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert ranked.interval is not None
    half = 1.959964 * math.sqrt((1 + ranked.value**2 / 2) / 47)
    assert ranked.interval.upper == pytest.approx(math.tanh(math.atanh(ranked.value) + half))


def test_correlations_without_variation_or_interval() -> None:
    assert pearson([1, 1, 1], [1, 2, 3]).value is None
    assert spearman([1], [1]).value is None
    assert pearson([1, 2, 3], [2, 4, 7]).interval is None
    perfect = spearman([1, 2, 3, 4, 5], [1, 4, 9, 16, 25])
    assert perfect.value == pytest.approx(1)
    assert perfect.interval is None
    with pytest.raises(StatisticsError, match="2 values on one side but 3"):
        pearson([1, 2], [1, 2, 3])
    with pytest.raises(StatisticsError, match="not a number"):
        spearman([1, math.nan], [1, 2])


pairs = st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=4, max_size=30)


@given(pairs)
def test_correlation_invariances(rows) -> None:
    x, y = (list(column) for column in zip(*rows, strict=True))
    for correlation in (pearson, spearman):
        value = correlation(x, y).value
        assert correlation(y, x).value == pytest.approx(value)
        moved = correlation([3 * v - 5 for v in x], [-v for v in y]).value
        assert moved == (None if value is None else pytest.approx(-value))
    cubed = spearman([v**3 for v in x], y).value
    assert cubed == pytest.approx(spearman(x, y).value)
