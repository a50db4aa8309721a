"""Reading JSON that a model wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from prompt_app.errors import MetricError
from prompt_app.metrics.common import refuse_longer

MAX_CHARACTERS = 2_000_000
_MAX_DIGITS = 4_300
_FENCE = re.compile(r"\A\s*```[\w+-]*[^\S\n]*\n(.*)\n\s*```\s*\Z", re.DOTALL)


def without_code_fence(text: str) -> str:
    """What is between a ``` line at the start and one at the end, or else ``text`` itself."""
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text


def parse_json(text: str, parse_int: Callable[[str], Any] | None = None) -> Any:
    """The value of ``text`` by RFC 8259: no NaN, no Infinity.

    Raises ValueError, saying where, for text that is not JSON; MetricError where that cannot be
    told: nested too deeply, a number too long, or TextTooLongError.
    """
    refuse_longer("response", text, MAX_CHARACTERS)
    try:
        return json.loads(text, parse_int=parse_int or _integer, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"not JSON at {where}: {error.msg}") from None
    except RecursionError:
        raise MetricError("The response's JSON is nested too deeply to be read.") from None


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise MetricError(f"The response's JSON holds a number of {len(digits):,} digits.")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name} is no JSON value")
