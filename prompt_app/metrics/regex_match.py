"""Whether the response matches a regular expression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import regex
from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import make_score, quoted
from prompt_app.metrics.patterns import compile_pattern, find_first


@dataclass(frozen=True)
class RegexMatch:
    """1 where ``pattern`` is found in the response. Raises EvaluationError for a bad pattern."""

    pattern: Annotated[
        str, Field(description="Regular expression in the syntax of Python's regex library.")
    ]
    full: Annotated[bool, Field(description="It must match the whole response.")] = False
    ignore_case: Annotated[bool, Field(description="Match case-insensitively.")] = False
    negate: Annotated[bool, Field(description="1 where it does not match.")] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="regex_match",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="1 where a regular expression matches the response.",
        needs_reference=False,
    )

    def __post_init__(self) -> None:
        _ = self._compiled

    @cached_property
    def _compiled(self) -> regex.Pattern[str]:
        return compile_pattern("pattern", self.pattern, regex.IGNORECASE if self.ignore_case else 0)

    def score(self, sample: ScoringInput) -> Score:
        """Raises ScoringTimeoutError."""
        match = find_first(self._compiled, sample.text, full=self.full)
        if match is None:
            reason = f"no match for {quoted(self.pattern)} in {quoted(sample.text)}"
        else:
            reason = f"matched {quoted(match.group())} at character {match.start()}"
        return make_score(self.info, float((match is None) == self.negate), reason)
