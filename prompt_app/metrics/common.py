"""What the metrics share: quoting, references, and the best score over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import NoReferenceError, TextTooLongError

QUOTED_CHARACTERS = 60
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def quoted(text: str, limit: int = QUOTED_CHARACTERS) -> str:
    """``text`` in quotes for a reason, about ``limit`` characters long at most, with control
    characters and lone surrogates escaped."""
    shown = repr(text[:limit])
    if len(text) <= limit and len(shown) <= limit + 2:
        return shown
    return f"{shown[:limit]}…{shown[-1]}"


def readable(text: str, limit: int) -> str:
    """``text`` on one line, at most ``limit`` characters, fit for any database: control
    characters and lone surrogates are replaced."""
    line = _UNSTORABLE.sub("\ufffd", " ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def quoted_references(references: tuple[str, ...], most: int = 3) -> str:
    """``'France'``, or ``one of 'France', 'Gaul'``."""
    shown = ", ".join(quoted(reference) for reference in references[:most])
    if len(references) > most:
        shown += f" and {len(references) - most} more"
    return shown if len(references) == 1 else f"one of {shown}"


def references_of(sample: ScoringInput) -> tuple[str, ...]:
    """The sample's references. Raises NoReferenceError where there is none."""
    if not sample.references:
        raise NoReferenceError(
            "The example has no reference answer: fill in its reference field, or choose a "
            "metric that needs none."
        )
    return sample.references


def refuse_longer(what: str, text: str, limit: int) -> None:
    """Raises TextTooLongError for text that would take this metric too long."""
    if len(text) > limit:
        raise TextTooLongError(
            f"The {what} has {len(text):,} characters; this metric takes at most {limit:,}."
        )


def make_score(
    info: MetricInfo, value: float, reason: str = "", details: Mapping[str, Any] | None = None
) -> Score:
    """A score of the metric that ``info`` describes."""
    return Score(
        metric=info.name,
        value=float(value),
        reason=reason,
        version=info.version,
        details=dict(details or {}),
    )


def match_score(info: MetricInfo, sample: ScoringInput, matches: Callable[[str], bool]) -> Score:
    """1 where ``matches`` holds for any reference, else 0."""
    references = references_of(sample)
    for reference in references:
        if matches(reference):
            return make_score(info, 1.0, f"matches {quoted(reference)}")
    expected = quoted_references(references)
    return make_score(info, 0.0, f"expected {expected}, got {quoted(sample.text)}")


def best_score(info: MetricInfo, sample: ScoringInput, value_for: Callable[[str], float]) -> Score:
    """The best value over the references, by the metric's direction."""
    references = references_of(sample)
    values = [value_for(reference) for reference in references]
    value = min(values) if info.direction == "lower" else max(values)
    nearest = references[values.index(value)]
    return make_score(info, value, f"nearest reference {quoted(nearest)}")
