"""Counts in words, and what things cost together."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``; a noun in -y or a whole phrase is for the caller."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summed_cost(costs: Iterable[float | None]) -> float | None:
    """US dollars of what is known; None where that is nothing, and some of it is unknown."""
    each = list(costs)
    known = sum(cost for cost in each if cost is not None)
    return known if known or None not in each else None
