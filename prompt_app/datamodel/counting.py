"""Counts in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``; a noun in -y or a whole phrase is for the caller."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
