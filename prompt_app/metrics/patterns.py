"""Users' regular expressions, compiled by ``regex`` and run with a timeout: ``re`` would hang on
``(a+)+$`` and hold every other thread up."""

from __future__ import annotations

from collections import deque

import regex

from prompt_app.errors import EvaluationError, ScoringTimeoutError
from prompt_app.metrics.common import quoted

TIMEOUT_SECONDS = 1.0
MAX_PATTERN_CHARACTERS = 10_000


def compile_pattern(option: str, pattern: str, flags: int = 0) -> regex.Pattern[str]:
    """Raises EvaluationError, naming ``option``, for a pattern that is malformed or too long."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise EvaluationError(
            f"The {option!r} has {len(pattern):,} characters; at most "
            f"{MAX_PATTERN_CHARACTERS:,} are taken."
        )
    try:
        return regex.compile(pattern, flags)
    except regex.error as error:
        raise EvaluationError(f"The {option!r} {quoted(pattern)} is malformed: {error}.") from None
    except (RecursionError, OverflowError):
        raise EvaluationError(f"The {option!r} {quoted(pattern)} is too complex.") from None


def find_first(
    pattern: regex.Pattern[str], text: str, *, full: bool = False
) -> regex.Match[str] | None:
    """The first match anywhere, or of the whole text. Raises ScoringTimeoutError."""
    find = pattern.fullmatch if full else pattern.search
    try:
        return find(text, concurrent=True, timeout=TIMEOUT_SECONDS)
    except TimeoutError:
        raise _timeout(pattern) from None


def find_last(pattern: regex.Pattern[str], text: str) -> regex.Match[str] | None:
    """The last of the matches from left to right. Raises ScoringTimeoutError."""
    matches = pattern.finditer(text, concurrent=True, timeout=TIMEOUT_SECONDS)
    try:
        last = deque(matches, maxlen=1)
    except TimeoutError:
        raise _timeout(pattern) from None
    return last.pop() if last else None


def _timeout(pattern: regex.Pattern[str]) -> ScoringTimeoutError:
    return ScoringTimeoutError(
        f"The pattern {quoted(pattern.pattern)} took more than {TIMEOUT_SECONDS:g} s on this "
        "text: look for nested repeats such as (a+)+."
    )
