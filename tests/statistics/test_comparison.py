import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import widened_mean_interval
from prompt_app.statistics.comparison import ComparisonOptions, PairedMetric, compare
from prompt_app.statistics.intervals import skewed_mean_interval


def by_id(values):
    return {f"e{index}": float(value) for index, value in enumerate(values)}


def one(baseline, candidate, options=None, **fields):
    metric = PairedMetric("m", by_id(baseline), by_id(candidate), **fields)
    (result,) = compare([metric], options)
    return result


def passes(both, gained, lost, neither):
    """Baseline and candidate values of so many examples of each kind."""
    kinds = [(1, 1)] * both + [(0, 1)] * gained + [(1, 0)] * lost + [(0, 0)] * neither
    return [a for a, _ in kinds], [b for _, b in kinds]


def test_pass_fail_is_mcnemar_with_flips_named() -> None:
    result = one(*passes(50, 12, 2, 36), kind="proportion")
    assert result.test == "exact McNemar"
    assert result.p_value == pytest.approx(stats.binomtest(2, 14).pvalue)
    assert (result.baseline_mean, result.candidate_mean) == pytest.approx((0.52, 0.62))
    assert result.difference == pytest.approx(0.1)
    assert (result.improved, result.worsened, result.unchanged) == (12, 2, 86)
    assert result.gained == tuple(f"e{i}" for i in range(50, 62))
    assert result.lost == ("e62", "e63")
    assert (result.effect_name, result.effect_size) == ("Cohen's g", pytest.approx(12 / 14 - 0.5))
    assert result.verdict == "better"
    assert result.sentence.startswith("Better: m differs by +10.0 points (95% interval +")


def test_only_examples_of_both_runs_count() -> None:
    metric = PairedMetric("m", {"a": 1, "b": 0, "c": 1}, {"b": 1, "c": 1, "d": 0, "e": 0})
    (result,) = compare([metric])
    assert (result.pairs, result.only_baseline, result.only_candidate) == (2, 1, 2)
    assert result.baseline_mean == 0.5


def test_graded_values_use_permutation_and_the_skew_corrected_interval() -> None:
    rng = np.random.default_rng(2)
    baseline = rng.normal(size=40)
    candidate = baseline + rng.exponential(size=40) - 0.4
    result = one(baseline, candidate, unit="s")
    expected = skewed_mean_interval(list(candidate - baseline))
    assert result.interval is not None
    assert expected is not None
    assert result.interval.lower == pytest.approx(expected.lower)
    theirs = stats.permutation_test(
        (candidate - baseline,), np.sum, permutation_type="samples", n_resamples=9_999, rng=1
    ).pvalue
    assert result.p_value == pytest.approx(theirs, abs=0.005)
    differences = candidate - baseline
    assert result.effect_size == pytest.approx(differences.mean() / differences.std(ddof=1))
    assert result.sentence.startswith("Better: m differs by +")
    assert " s, p " in result.sentence


def test_wilcoxon_on_request() -> None:
    rng = np.random.default_rng(4)
    baseline, candidate = rng.normal(size=15), rng.normal(0.8, 1, size=15)
    result = one(baseline, candidate, ComparisonOptions(test="wilcoxon"))
    assert result.p_value == pytest.approx(stats.wilcoxon(baseline, candidate).pvalue)
    assert result.test == "Wilcoxon signed-rank, exact sign-flip permutation"


def test_clusters_widen_the_interval_and_weaken_the_evidence() -> None:
    before, after = passes(0, 60, 20, 20)
    clusters = {f"e{i}": i // 10 for i in range(100)}
    alone = one(before, after, kind="proportion")
    together = one(before, after, kind="proportion", clusters=clusters)
    differences = [b - a for a, b in zip(before, after, strict=True)]
    expected = widened_mean_interval(differences, list(clusters.values()))
    assert together.interval is not None
    assert expected is not None
    assert together.interval.lower == pytest.approx(expected.lower)
    assert together.interval.upper == min(1.0, expected.upper)
    assert together.clusters == 10
    assert together.test == "clusters, exact sign-flip permutation"
    assert alone.p_value is not None
    assert together.p_value is not None
    assert alone.p_value < 0.001
    assert together.p_value > 0.05


def test_unshared_clusters_change_nothing() -> None:
    before, after = passes(30, 12, 3, 10)
    clusters = {f"e{i}": i for i in range(55)}
    plain = one(before, after, kind="proportion")
    assert one(before, after, kind="proportion", clusters=clusters) == plain


def test_unchanged_clustered_passes_count_one_pair_a_cluster() -> None:
    clusters = {f"e{i}": i // 5 for i in range(100)}
    result = one([1] * 100, [1] * 100, kind="proportion", clusters=clusters, margin=0.05)
    alone = one([1] * 100, [1] * 100, kind="proportion", margin=0.05)
    assert result.interval is not None
    assert alone.interval is not None
    assert result.interval.upper > 3 * alone.interval.upper
    assert result.verdict == "no_detectable_difference"
    assert alone.verdict == "equivalent"


@pytest.mark.parametrize(
    ("direction", "shift", "verdict"),
    [
        ("higher", 1, "better"),
        ("higher", -1, "worse"),
        ("lower", 1, "worse"),
        ("lower", -1, "better"),
        ("neutral", 1, "higher"),
        ("neutral", -1, "lower"),
    ],
)
def test_direction_decides_what_is_better(direction, shift, verdict) -> None:
    noise = np.random.default_rng(0).normal(size=30)
    result = one(noise, noise + shift + 0.1 * noise**2, direction=direction)
    assert result.verdict == verdict
    assert result.improved == (30 if verdict in ("better", "higher") else 0)


def test_no_detectable_difference_names_the_smallest_detectable_one() -> None:
    result = one(*passes(60, 6, 5, 29), kind="proportion")
    assert result.verdict == "no_detectable_difference"
    assert result.detectable is not None
    assert f"A difference of {100 * result.detectable:.1f} points would" in result.sentence
    assert "80% of the time" in result.sentence


def test_the_smallest_detectable_difference_is_detected_so_often() -> None:
    rng = np.random.default_rng(11)
    differences = rng.normal(size=60)
    differences /= differences.std(ddof=1)
    detectable = one(np.zeros(60), differences).detectable
    assert detectable is not None
    runs = rng.normal(detectable, 1, (4_000, 60))
    found = stats.ttest_1samp(runs, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.025)


def test_equivalence_is_two_one_sided_tests() -> None:
    rng = np.random.default_rng(5)
    baseline = rng.normal(size=80)
    candidate = baseline + rng.normal(0, 0.5, size=80)
    result = one(baseline, candidate, margin=0.2)
    theirs = DescrStatsW(candidate - baseline).ttost_mean(-0.2, 0.2)[0]
    assert result.p_equivalence == pytest.approx(theirs)
    assert result.verdict == "equivalent"
    assert result.sentence.startswith("Equivalent within 0.2: ")
    stricter = one(baseline, candidate, margin=0.05)
    assert stricter.verdict == "no_detectable_difference"
    assert stricter.sentence.endswith("Equivalence within 0.05 is not shown either.")


def test_a_small_real_difference_within_the_margin_is_equivalent_and_said() -> None:
    noise = np.random.default_rng(6).normal(0, 0.1, 400)
    result = one(np.zeros(400), 0.05 + noise, margin=0.5)
    assert result.verdict == "equivalent"
    assert "There is a difference, but a smaller one than the margin." in result.sentence


def test_identical_graded_runs_are_judged_as_passes_of_which_none_changed() -> None:
    grades = [0.5] * 200
    graded = one(grades, grades, margin=0.02, bounds=(0, 1))
    passed = one([1] * 200, [1] * 200, kind="proportion", margin=0.02)
    assert graded.p_value == 1
    assert graded.interval is not None
    assert passed.interval is not None
    assert graded.interval.upper == pytest.approx(passed.interval.upper)
    assert graded.p_equivalence == pytest.approx(passed.p_equivalence)
    assert graded.verdict == passed.verdict == "equivalent"
    assert "that of pass/fail results of which none changed" in graded.sentence
    few = one(grades[:40], grades[:40], margin=0.02, bounds=(0, 1))
    assert few.verdict == "no_detectable_difference"
    scale = one([3] * 200, [3] * 200, margin=0.08, bounds=(1, 5))
    assert scale.p_equivalence == pytest.approx(graded.p_equivalence)


def test_without_bounds_the_range_that_was_seen_counts() -> None:
    seconds = list(range(200))
    result = one(seconds, seconds, margin=0.02 * 199)
    bounded = one([0.5] * 200, [0.5] * 200, margin=0.02, bounds=(0, 1))
    assert result.p_equivalence == pytest.approx(bounded.p_equivalence)
    nothing_seen = one([7] * 200, [7] * 200, margin=1)
    assert nothing_seen.interval is None
    assert nothing_seen.verdict == "no_detectable_difference"


def test_pairs_that_all_differ_by_the_same_are_better_and_have_an_interval() -> None:
    result = one([0.5] * 30, [0.75] * 30, bounds=(0, 1))
    assert result.verdict == "better"
    assert result.interval is not None
    assert 0 < result.interval.lower < 0.25 < result.interval.upper <= 1


def test_where_test_and_interval_differ_the_verdict_is_the_tests_and_says_so() -> None:
    """7 of 8 changes are for the better: exact p 0.07, the approximate interval leaves 0 out."""
    result = one(*passes(0, 7, 1, 12), kind="proportion")
    assert result.interval is not None
    assert result.interval.lower > 0
    assert result.verdict == "no_detectable_difference"
    assert "The interval leaves 0 out; the verdict is the test's." in result.sentence
    many = [PairedMetric(str(k), *map(by_id, passes(0, 8, 1, 30)), kind="proportion")
            for k in range(10)]  # fmt: skip
    corrected = compare(many)[0]
    assert corrected.verdict == "no_detectable_difference"
    assert "The interval leaves 0 out, but is not corrected" in corrected.sentence
    agreeing = one(*passes(20, 6, 5, 20), kind="proportion")
    assert "the verdict is the test's" not in agreeing.sentence


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (0, "no example was scored in both runs"),
        (1, "1 example scored in both runs; a verdict needs at least 2"),
        (5, "5 examples scored in both runs; a verdict needs at least 6"),
    ],
)
def test_too_few_examples_are_undecidable(pairs, words) -> None:
    result = one([0] * pairs, [1] * pairs, kind="proportion", margin=0.9)
    assert result.verdict == "undecidable"
    assert words in result.sentence
    assert one([0] * 6, [1] * 6, kind="proportion").verdict == "better"


def test_too_few_clusters_are_undecidable() -> None:
    clusters = {f"e{i}": i % 3 for i in range(60)}
    result = one([0] * 60, [1] * 60, kind="proportion", clusters=clusters)
    assert result.verdict == "undecidable"
    assert "3 clusters of examples scored in both runs; a verdict needs at least" in result.sentence


def test_holm_covers_the_whole_comparison() -> None:
    before, after = passes(50, 9, 1, 40)  # p = 0.021
    alone = one(before, after, kind="proportion")
    metrics = [
        PairedMetric("m", by_id(before), by_id(after), "proportion", candidate_name=name)
        for name in ("a", "b", "c")
    ]
    together = compare(metrics)
    assert alone.verdict == "better"
    assert [result.candidate_name for result in together] == ["a", "b", "c"]
    for result in together:
        assert result.p_adjusted == pytest.approx(3 * alone.p_value)
        assert result.verdict == "no_detectable_difference"
        assert "after Holm's correction over 3 comparisons" in result.sentence
        assert result.detectable > alone.detectable


def test_wrong_input_is_refused_in_words() -> None:
    with pytest.raises(StatisticsError, match="margin of 'm' must be above 0"):
        one([1, 2], [2, 3], margin=0)
    with pytest.raises(StatisticsError, match="infinite or not a number"):
        one([1, float("inf")], [2, 3])
    with pytest.raises(StatisticsError, match="Example 'e1' has no cluster"):
        one([1, 2], [2, 3], clusters={"e0": "x"})
    with pytest.raises(StatisticsError, match="power"):
        one([1, 2], [2, 3], ComparisonOptions(power=0.4))


values = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=18)


@settings(deadline=None, max_examples=60)
@given(values, st.sampled_from(["higher", "lower"]))
def test_swapping_the_runs_swaps_the_verdict(pairs, direction) -> None:
    first, second = zip(*pairs, strict=True)
    there = one(first, second, direction=direction, margin=3.0)
    back = one(second, first, direction=direction, margin=3.0)
    opposite = {"better": "worse", "worse": "better"}
    assert back.verdict == opposite.get(there.verdict, there.verdict)
    assert back.difference == pytest.approx(-there.difference)
    assert back.p_value == pytest.approx(there.p_value)
    if there.interval is None:
        assert back.interval is None
    else:
        assert back.interval.lower == pytest.approx(-there.interval.upper, abs=1e-9)
    assert (back.improved, back.worsened) == (there.worsened, there.improved)


def test_false_alarms_stay_below_the_level_over_a_whole_family() -> None:
    """Four metrics without any difference, each also asked for equivalence at its margin."""
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(300):
        metrics = [
            PairedMetric("m", by_id(np.zeros(19)), by_id(rng.normal(size=19))) for _ in range(2)
        ] + [
            PairedMetric("m", by_id(np.zeros(19)), by_id(rng.normal(0.5, 1, 19)), margin=0.5)
            for _ in range(2)
        ]
        plain, bounded = compare(metrics)[:2], compare(metrics)[2:]
        alarms += any(result.verdict in ("better", "worse") for result in plain) or any(
            result.verdict == "equivalent" for result in bounded
        )
    assert alarms / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_a_clustered_difference_of_pass_rates_stays_within_one() -> None:
    names = [str(i) for i in range(12)]
    metric = PairedMetric(
        "m", dict.fromkeys(names, 0.0), {n: float(int(n) < 9) for n in names}, "proportion",
        clusters={n: int(n) // 4 for n in names},
    )  # fmt: skip
    (result,) = compare([metric])
    assert result.interval is not None
    assert result.interval.upper == 1


def test_an_interval_ends_where_the_scale_does() -> None:
    before, after = [0.0] * 3, [1.0, 1.0, 0.5]
    open_ended = one(before, after).interval
    bounded = one(before, after, bounds=(0, 1)).interval
    assert open_ended is not None
    assert bounded is not None
    assert (bounded.lower, bounded.upper) == (open_ended.lower, 1)
    assert open_ended.upper > 1
