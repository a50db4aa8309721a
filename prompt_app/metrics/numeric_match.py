"""Whether the number in the response is the expected one."""

from __future__ import annotations

import decimal
import re
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Annotated, ClassVar

import regex
from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import NoReferenceError
from prompt_app.metrics.common import make_score, quoted, references_of
from prompt_app.metrics.patterns import compile_pattern, find_last

# A sign counts only next to its number, with no digit or letter before it: "5-3" ends in 3, and
# "- 3" is an item of a list.
_NUMBER = re.compile(
    r"(?:(?<![^\W_])(?P<sign>[-+\u2212]))?(?:[$€£¥]\s?(?P<minus>-?))?"
    r"(?P<digits>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)"
    r"(?P<exponent>[eE][-+]?[0-9]{1,6}(?![0-9]))?"
)
_FINAL_ANSWER = "####"
_SHOWN_DIGITS = 30
# Wide enough for any exponent that _NUMBER takes: nothing overflows.
_ARITHMETIC = decimal.Context(prec=40, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


@dataclass(frozen=True)
class NumericMatch:
    """1 where the number in the response equals one of the references within the tolerance:
    ``|response - reference| <= max(absolute_tolerance, relative_tolerance * |reference|)``.

    Without a pattern the number is the one right behind the last ``####``, or else the last one
    in the text: ``18``, ``-3.5``, ``$1,234.50``, ``6e3``. Numbers of any length compare exactly.
    A response with no number scores 0.
    """

    pattern: Annotated[
        str | None,
        Field(
            description="Regular expression whose last match holds the response's number: its "
            "first group, or all of it. Without it, the number after #### or the last one."
        ),
    ] = None
    reference_pattern: Annotated[
        str | None,
        Field(description="The same for the references; as for the response when absent."),
    ] = None
    absolute_tolerance: Annotated[
        float, Field(ge=0, description="Largest difference that still matches.")
    ] = 0.0
    relative_tolerance: Annotated[
        float, Field(ge=0, description="The same, as a share of the reference.")
    ] = 0.0

    info: ClassVar[MetricInfo] = MetricInfo(
        name="numeric_match",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="1 where the number in the response equals a reference's, within a "
        "tolerance; finds '#### 18', '$1,234.50', or the last number.",
    )

    def __post_init__(self) -> None:
        _ = self._compiled

    @cached_property
    def _compiled(self) -> tuple[regex.Pattern[str] | None, regex.Pattern[str] | None]:
        of_response = of_reference = None
        if self.pattern is not None:
            of_response = of_reference = compile_pattern("pattern", self.pattern)
        if self.reference_pattern is not None:
            of_reference = compile_pattern("reference_pattern", self.reference_pattern)
        return of_response, of_reference

    def score(self, sample: ScoringInput) -> Score:
        """Raises NoReferenceError where no reference holds a number, ScoringTimeoutError."""
        of_response, of_reference = self._compiled
        texts = references_of(sample)
        found = (number_in(text, of_reference) for text in texts)
        expected = [number for number in found if number is not None]
        if not expected:
            raise NoReferenceError(f"There is no number in the reference {quoted(texts[0])}.")
        wanted = " or ".join(_shown(number) for number in expected[:3])
        number = number_in(sample.text, of_response)
        if number is None:
            reason = f"expected {wanted}, found no number in {quoted(sample.text)}"
            return make_score(self.info, 0.0, reason)
        shown = _shown(number)
        matches = any(self._equal(number, reference) for reference in expected)
        reason = f"found {shown}" if matches else f"expected {wanted}, got {shown}"
        return make_score(self.info, matches, reason, {"number": shown})

    def _equal(self, number: Decimal, reference: Decimal) -> bool:
        if number == reference:
            return True
        # By way of text, because Decimal(0.3) is a little less than 0.3.
        relative = Decimal(str(self.relative_tolerance))
        share = _ARITHMETIC.multiply(relative, reference).copy_abs()
        allowed = max(Decimal(str(self.absolute_tolerance)), share)
        return _ARITHMETIC.subtract(number, reference).copy_abs() <= allowed


def number_in(text: str, pattern: regex.Pattern[str] | None = None) -> Decimal | None:
    """The number in what ``pattern`` finds last, or in ``text``; see NumericMatch."""
    if pattern is not None:
        match = find_last(pattern, text)
        if match is None:
            return None
        text = (match.group(1) if pattern.groups else match.group()) or ""
    number = _marked_number(text) or next(iter(deque(_NUMBER.finditer(text), maxlen=1)), None)
    if number is None:
        return None
    negative = number["sign"] in ("-", "\u2212") or number["minus"] == "-"
    digits = number["digits"].replace(",", "") + (number["exponent"] or "")
    # Unary minus would round to the thread's precision.
    return Decimal(digits).copy_negate() if negative else Decimal(digits)


def _marked_number(text: str) -> re.Match[str] | None:
    _, marker, answer = text.rpartition(_FINAL_ANSWER)
    return _NUMBER.match(answer.lstrip()) if marker else None


def _shown(number: Decimal) -> str:
    text = str(number)
    return (
        text if len(text) <= _SHOWN_DIGITS else f"{text[:_SHOWN_DIGITS]}… ({len(text)} characters)"
    )
