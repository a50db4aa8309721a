import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt_app.errors import StatisticsError
from prompt_app.statistics.preference import (
    Preference,
    bradley_terry,
    order_consistency,
    resolve_orders,
)

# Agresti (2002), Categorical Data Analysis, table 10.10: American League, 1987; row beat column.
TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
WINS = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
SEASON = [
    Preference(TEAMS[i], TEAMS[j], "left")
    for i in range(7)
    for j in range(7)
    for _ in range(WINS[i][j])
]


def draw(rng, strengths, games, tie=0.0):
    """Random comparisons of items named by number."""
    preferences = []
    for _ in range(games):
        i, j = rng.choice(len(strengths), 2, replace=False)
        if rng.random() < tie:
            preferences.append(Preference(str(i), str(j), "tie"))
        else:
            left = rng.random() < 1 / (1 + np.exp(strengths[j] - strengths[i]))
            preferences.append(Preference(str(i), str(j), "left" if left else "right"))
    return preferences


def test_agrestis_baseball_season() -> None:
    """His estimates relative to Baltimore: 1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0."""
    ranking = bradley_terry(SEASON)
    assert [item.name for item in ranking.items] == TEAMS
    last = ranking.items[-1].strength
    relative = [round(item.strength - last, 2) for item in ranking.items]
    assert relative == [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]
    assert not ranking.regularised
    assert ranking.comparisons == 21 * 13
    # Boston against New York: 0.46 in his text.
    assert ranking.probability("Boston", "New York").value == pytest.approx(0.465, abs=0.001)


def test_strengths_are_those_of_statsmodels_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    preferences = draw(rng, [0.0, 0.5, 1.0, -0.5], 2_000)
    design = np.zeros((2_000, 4))
    for row, p in enumerate(preferences):
        design[row, int(p.left)], design[row, int(p.right)] = 1, -1
    outcome = [p.outcome == "left" for p in preferences]
    fit = sm.GLM(outcome, design[:, 1:], family=sm.families.Binomial()).fit(cov_type="HC0")
    ranking = bradley_terry(preferences)
    ours = {item.name: item.strength for item in ranking.items}
    assert [ours[n] - ours["0"] for n in "123"] == pytest.approx(list(fit.params), abs=1e-6)
    names = [item.name for item in ranking.items]
    v, i, j = np.array(ranking.covariance), names.index("1"), names.index("0")
    error = np.sqrt(v[i, i] + v[j, j] - 2 * v[i, j])
    assert error == pytest.approx(fit.bse[0], rel=0.02)


def test_two_items_are_a_proportion() -> None:
    preferences = [Preference("a", "b", "left")] * 30 + [Preference("b", "a", "left")] * 10
    estimate = bradley_terry(preferences).probability("a", "b")
    assert estimate.value == pytest.approx(0.75)
    assert estimate.interval is not None
    assert (estimate.interval.lower, estimate.interval.upper) == pytest.approx(
        (0.596, 0.859), abs=0.02
    )


def test_ties_are_half_a_win_each_and_less_noise_than_coin_flips() -> None:
    flips = [Preference("a", "b", "left"), Preference("a", "b", "right")] * 50
    tied = bradley_terry([Preference("a", "b", "tie")] * 100)
    split = bradley_terry(flips)
    assert tied.ties == 100
    assert tied.is_all_ties
    assert not split.is_all_ties
    for ranking in (tied, split):
        assert [item.strength for item in ranking.items] == pytest.approx([0, 0])
    widths = [r.interval("a").upper - r.interval("a").lower for r in (tied, split)]
    assert 0 < widths[0] < 0.3 * widths[1]


def test_unanimous_answers_are_regularised_and_uncertain() -> None:
    ranking = bradley_terry([Preference("a", "b", "left")] * 20)
    assert ranking.regularised
    a, b = ranking.items
    assert (a.name, a.wins, a.comparisons, b.wins) == ("a", 20, 20, 0)
    assert a.strength - b.strength == pytest.approx(np.log(20.5 / 0.5))
    estimate = ranking.probability("a", "b")
    assert estimate.interval is not None
    assert 0.6 < estimate.interval.lower < 0.9
    assert estimate.interval.upper > 0.98


def test_clusters_widen_the_intervals() -> None:
    rng = np.random.default_rng(2)
    preferences = []
    for example in range(30):
        taste = rng.normal(0, 2)
        for _ in range(5):
            left = rng.random() < 1 / (1 + np.exp(-taste))
            outcome = "left" if left else "right"
            preferences.append(Preference("a", "b", outcome, cluster=example))
    together = bradley_terry(preferences)
    alone = bradley_terry([Preference(p.left, p.right, p.outcome) for p in preferences])
    assert (together.degrees, alone.degrees) == (29, 149)
    assert together.items[0].strength == pytest.approx(alone.items[0].strength)
    assert together.covariance[0][0] > 1.5 * alone.covariance[0][0]


def test_clustered_covariance_of_two_items_written_out() -> None:
    outcomes = {"x": ["left", "left", "right"], "y": ["left"], "z": ["right", "tie"]}
    preferences = [
        Preference("a", "b", outcome, cluster=name)
        for name, given in outcomes.items()
        for outcome in given
    ]
    ranking = bradley_terry(preferences)
    p = 4 / 7  # 3.5 of 6 points and half a win added each way
    sums = [2 - 3 * p, 1 - p, 0.5 - 2 * p]
    middle = 3 / 2 * sum(s**2 for s in sums) + 0.5 * ((1 - p) ** 2 + p**2)
    variance = middle / (7 * p * (1 - p)) ** 2
    v = ranking.covariance
    assert v[0][0] + v[1][1] - 2 * v[0][1] == pytest.approx(variance)
    assert ranking.degrees == 2


def test_unconnected_items_are_refused_by_name() -> None:
    apart = [Preference("a", "b", "tie"), Preference("c", "d", "left")]
    with pytest.raises(StatisticsError, match="Nothing connects a, b with c, d"):
        bradley_terry(apart)
    with pytest.raises(StatisticsError, match="at least two items"):
        bradley_terry([])
    with pytest.raises(StatisticsError, match="'a' is compared with itself"):
        bradley_terry([Preference("a", "b", "left"), Preference("a", "a", "tie")])
    with pytest.raises(StatisticsError, match="'z' is none of 'a', 'b'"):
        bradley_terry(apart[:1]).probability("a", "z")
    assert bradley_terry(apart[:1]).interval("a") is None


@pytest.mark.parametrize(
    ("forward", "backward", "outcome"),
    [
        ("first", "second", "left"),
        ("second", "first", "right"),
        ("first", "first", "tie"),
        ("second", "second", "tie"),
        ("tie", "tie", "tie"),
        ("first", "tie", "tie"),
        ("tie", "first", "tie"),
    ],
)
def test_disagreement_between_the_orders_is_a_tie(forward, backward, outcome) -> None:
    assert resolve_orders(forward, backward) == outcome


def test_order_consistency_shows_a_judge_that_follows_the_position() -> None:
    answers = [("first", "first")] * 8 + [("first", "second"), ("tie", "tie")]
    consistency = order_consistency(answers)
    assert consistency.value == pytest.approx(0.2)
    assert consistency.interval is not None
    assert order_consistency([]).value is None


games = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 3), st.sampled_from(["left", "right", "tie"])
    ).filter(lambda game: game[0] != game[1]),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(games)
def test_ranking_invariances(played) -> None:
    chain = [(0, 1, "tie"), (1, 2, "tie"), (2, 3, "tie")]
    preferences = [Preference(str(a), str(b), outcome) for a, b, outcome in chain + played]
    opposite = {"left": "right", "right": "left", "tie": "tie"}
    turned = [Preference(p.right, p.left, opposite[p.outcome]) for p in preferences[::-1]]
    beaten = [Preference(p.left, p.right, opposite[p.outcome]) for p in preferences]

    def strengths(given):
        return {item.name: item.strength for item in bradley_terry(given).items}

    ours = strengths(preferences)
    assert strengths(turned) == pytest.approx(ours, abs=1e-6)
    assert strengths(beaten) == pytest.approx({k: -v for k, v in ours.items()}, abs=1e-6)
    assert sum(ours.values()) == pytest.approx(0, abs=1e-9)
    ranking = bradley_terry(preferences)
    there, back = ranking.probability("0", "3"), ranking.probability("3", "0")
    assert there.value + back.value == pytest.approx(1)
    assert there.interval.lower == pytest.approx(1 - back.interval.upper)
