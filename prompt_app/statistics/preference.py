"""Bradley-Terry strengths from pairwise choices, each asked in both orders."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt_app.datamodel.score import Interval
from prompt_app.errors import StatisticsError
from prompt_app.statistics.clusters import cluster_codes
from prompt_app.statistics.estimate import Estimate
from prompt_app.statistics.intervals import t_quantile, wilson_interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Answer = Literal["first", "second", "tie"]
Outcome = Literal["left", "right", "tie"]

_POINTS: dict[Outcome, float] = {"left": 1.0, "tie": 0.5, "right": 0.0}


@dataclass(frozen=True, slots=True)
class Preference:
    """One comparison of two items, e.g. of two runs' answers to one example."""

    left: str
    right: str
    outcome: Outcome
    cluster: Hashable = None
    """The example, where several comparisons share it; None for one on its own."""


@dataclass(frozen=True, slots=True)
class RankedItem:
    """An item and its strength: the log-odds of beating an item of mean strength."""

    name: str
    strength: float
    comparisons: int
    wins: int
    ties: int


@dataclass(frozen=True, slots=True)
class PreferenceRanking:
    """Items from strongest to weakest."""

    items: tuple[RankedItem, ...]
    comparisons: int
    ties: int
    regularised: bool
    """Whether some items never lost to the others, so that ties had to be imagined."""
    level: float
    adjusted: tuple[float, ...]
    """Strengths with half a win added each way, which the intervals are around."""
    covariance: tuple[tuple[float, ...], ...]
    """Of these, in the order of ``items``."""
    degrees: int
    """Of freedom: independent comparisons or clusters, less one."""

    @property
    def is_all_ties(self) -> bool:
        """Whether nothing at all was preferred: the order then says nothing."""
        return self.ties == self.comparisons

    def interval(self, name: str) -> Interval | None:
        """Of an item's strength; None below two independent comparisons."""
        i = self._position(name)
        return self._around(self.adjusted[i], self.covariance[i][i])

    def probability(self, left: str, right: str) -> Estimate:
        """That ``left`` is preferred to ``right``: ``1 / (1 + exp(-difference))``.

        Raises StatisticsError for a name that was not compared, as does :meth:`interval`.
        """
        i, j = self._position(left), self._position(right)
        v = self.covariance
        difference = self.items[i].strength - self.items[j].strength
        value = float(_logistic(np.array(difference)))
        bounds = self._around(self.adjusted[i] - self.adjusted[j], v[i][i] + v[j][j] - 2 * v[i][j])
        if bounds is not None:
            lower, upper = _logistic(np.array([bounds.lower, bounds.upper])).tolist()
            bounds = bounds.model_copy(update={"lower": lower, "upper": upper})
        return Estimate(value, bounds, self.comparisons)

    def _position(self, name: str) -> int:
        names = [item.name for item in self.items]
        if name not in names:
            raise StatisticsError(f"{name!r} is none of {', '.join(map(repr, names))}.")
        return names.index(name)

    def _around(self, centre: float, variance: float) -> Interval | None:
        if self.degrees < 1:
            return None
        half = t_quantile(self.level, self.degrees) * math.sqrt(max(0.0, variance))
        return Interval(
            lower=centre - half, upper=centre + half, level=self.level, method="Bradley-Terry"
        )


def resolve_orders(forward: Answer, backward: Answer) -> Outcome:
    """One outcome from the same question asked in both orders; disagreement is a tie.

    ``forward``: the answer with the left item shown first; ``backward``: with it shown second.
    """
    if forward == "first" and backward == "second":
        return "left"
    if forward == "second" and backward == "first":
        return "right"
    return "tie"


def order_consistency(answers: Sequence[tuple[Answer, Answer]], level: float = 0.95) -> Estimate:
    """Share of questions whose (forward, backward) answers name the same item, or tie twice.

    Wilson's interval. A judge that follows the position scores near 0 here.
    """
    same = sum(resolve_orders(*pair) != "tie" or pair == ("tie", "tie") for pair in answers)
    n = len(answers)
    return Estimate(same / n if n else None, wilson_interval(same, n, level), n)


def bradley_terry(preferences: Sequence[Preference], level: float = 0.95) -> PreferenceRanking:
    """Strengths ``s`` with ``P(i preferred to j) = 1 / (1 + exp(s_j - s_i))``, mean 0.

    Maximum likelihood, a tie half a win for each: Bradley and Terry (1952), Biometrika
    39:324-345; Hunter (2004), Annals of Statistics 32:384-406. The covariance is the sandwich
    ``H+ B H+`` of the information H and the squared score residuals B, summed by cluster, with
    C/(C-1) and t with C-1 degrees: White (1982), Econometrica 50:1-25; so ties count as what
    they are. For the intervals alone half a win each way is added to every compared pair, as
    Bonett and Price do for proportions, so that unanimous answers are not taken as certainty.

    Where some items never lose to the rest no finite strengths exist (Ford 1957); half a win
    each way is then added to every compared pair, and ``regularised`` says so.

    Raises StatisticsError for fewer than two items, an item compared with itself, or items that
    no chain of comparisons connects.
    """
    games = _encode(preferences)
    names = games.names
    wins = np.zeros((len(names), len(names)))
    np.add.at(wins, (games.left, games.right), games.points)
    np.add.at(wins, (games.right, games.left), 1 - games.points)
    _check_connected(wins, names)
    regularised = not (_reachable(wins).all() and _reachable(wins.T).all())
    compared = ((wins + wins.T) > 0).astype(float)
    adjusted = _fit(wins + 0.5 * compared)
    strengths = adjusted if regularised else _fit(wins)
    covariance = _covariance(adjusted, wins + 0.5 * compared, games)
    order = np.argsort(-strengths, kind="stable")
    degrees = max(games.clusters)
    return PreferenceRanking(
        items=_items(games, strengths, order),
        comparisons=len(preferences),
        ties=int((games.points == 0.5).sum()),
        regularised=regularised,
        level=level,
        adjusted=tuple(adjusted[order].tolist()),
        covariance=tuple(tuple(row) for row in covariance[np.ix_(order, order)].tolist()),
        degrees=degrees,
    )


@dataclass(frozen=True, slots=True)
class _Games:
    """Comparisons as arrays of shape (n,); items and clusters by number."""

    names: list[str]
    left: IntArray
    right: IntArray
    points: FloatArray
    """Of the left item: 1, 1/2 or 0."""
    clusters: list[int]


def _encode(preferences: Sequence[Preference]) -> _Games:
    names = list(dict.fromkeys(n for p in preferences for n in (p.left, p.right)))
    if len(names) < 2:
        raise StatisticsError("A ranking needs comparisons of at least two items.")
    same = next((p.left for p in preferences if p.left == p.right), None)
    if same is not None:
        raise StatisticsError(f"{same!r} is compared with itself.")
    index = {name: position for position, name in enumerate(names)}
    return _Games(
        names=names,
        left=np.array([index[p.left] for p in preferences]),
        right=np.array([index[p.right] for p in preferences]),
        points=np.array([_POINTS[p.outcome] for p in preferences]),
        clusters=cluster_codes(
            (number, None) if p.cluster is None else (None, p.cluster)
            for number, p in enumerate(preferences)
        ),
    )


def _items(games: _Games, strengths: FloatArray, order: IntArray) -> tuple[RankedItem, ...]:
    both = np.concatenate([games.left, games.right])
    points = np.concatenate([games.points, 1 - games.points])
    times, won, tied = (
        np.bincount(both[chosen], minlength=len(games.names))
        for chosen in (points >= 0, points == 1, points == 0.5)
    )
    return tuple(
        RankedItem(
            name=games.names[position],
            strength=float(strengths[position]),
            comparisons=int(times[position]),
            wins=int(won[position]),
            ties=int(tied[position]),
        )
        for position in order.tolist()
    )


def _check_connected(wins: FloatArray, names: Sequence[str]) -> None:
    reached = _reachable(wins + wins.T)
    if not reached.all():
        inside = [name for name, there in zip(names, reached, strict=True) if there]
        outside = [name for name, there in zip(names, reached, strict=True) if not there]
        raise StatisticsError(
            f"Nothing connects {', '.join(inside)} with {', '.join(outside)}: compare at least"
            " one of each, or rank them apart."
        )


def _reachable(edges: FloatArray) -> NDArray[np.bool_]:
    """Which items a chain of edges leads to from the first: shape (k,)."""
    reached = np.zeros(len(edges), dtype=bool)
    reached[0] = True
    while True:
        more = reached | (edges[reached] > 0).any(axis=0)
        if (more == reached).all():
            return reached
        reached = more


def _fit(wins: FloatArray) -> FloatArray:
    """Maximum-likelihood strengths by Newton's method, halving steps that overshoot."""
    games = wins + wins.T
    strengths = np.zeros(len(wins))

    def likelihood(s: FloatArray) -> float:
        return float((wins * -np.logaddexp(0, s[None, :] - s[:, None])).sum())

    current = likelihood(strengths)
    for _ in range(200):
        p = _logistic(strengths[:, None] - strengths[None, :])
        gradient = (wins - games * p).sum(axis=1)
        step = np.linalg.pinv(_laplacian(games * p * (1 - p)), hermitian=True) @ gradient
        scale = 1.0
        while (following := likelihood(strengths + scale * step)) < current and scale > 1e-9:
            scale /= 2
        strengths = strengths + scale * step
        if np.abs(scale * step).max(axis=0) < 1e-10:
            break
        current = following
    return np.asarray(strengths - strengths.mean())


def _covariance(strengths: FloatArray, wins: FloatArray, games: _Games) -> FloatArray:
    """Sandwich covariance; ``wins`` has the added halves, which ``games`` does not."""
    count = max(games.clusters) + 1
    p = _logistic(strengths[:, None] - strengths[None, :])
    residuals = games.points - p[games.left, games.right]
    scores = np.zeros((count, len(strengths)))
    np.add.at(scores, (games.clusters, games.left), residuals)
    np.add.at(scores, (games.clusters, games.right), -residuals)
    played = wins + wins.T
    added = 0.5 * (played > 0) * ((1 - p) ** 2 + p**2)
    middle = scores.T @ scores * (count / max(1, count - 1)) + _laplacian(added)
    bread = np.linalg.pinv(_laplacian(played * p * (1 - p)), hermitian=True)
    return np.asarray(bread @ middle @ bread)


def _laplacian(weights: FloatArray) -> FloatArray:
    return np.asarray(np.diag(weights.sum(axis=1)) - weights)


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-x)))
