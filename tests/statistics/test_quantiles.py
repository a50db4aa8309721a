"""The plain quantiles against scipy's."""

from __future__ import annotations

import pytest
from scipy import stats

from prompt_app.statistics.quantiles import two_sided_normal, two_sided_t

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("degrees", [1, 1.5, 2, 3, 4.7, 10, 29, 100, 1e3, 1e4, 1e5])
def test_t(level: float, degrees: float) -> None:
    expected = stats.t.ppf(0.5 + level / 2, degrees)
    assert two_sided_t(level, degrees) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_t_with_many_degrees_is_normal(level: float) -> None:
    assert two_sided_t(level, 1e7) == pytest.approx(two_sided_normal(level), rel=1e-6)
