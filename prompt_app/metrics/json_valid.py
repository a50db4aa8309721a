"""Whether the response is JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.metrics.common import make_score
from prompt_app.metrics.json_text import parse_json, without_code_fence

_TYPES = {"object": dict, "array": list}


@dataclass(frozen=True)
class JsonValid:
    """1 where the whole response is one JSON value (RFC 8259)."""

    allow_code_fence: Annotated[
        bool, Field(description="Take JSON inside one fenced code block too.")
    ] = False
    top_level: Annotated[
        Literal["any", "object", "array"], Field(description="What the JSON value must be.")
    ] = "any"

    info: ClassVar[MetricInfo] = MetricInfo(
        name="json_valid",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="1 where the response is JSON and nothing else.",
        needs_reference=False,
    )

    def score(self, sample: ScoringInput) -> Score:
        """Raises TextTooLongError, MetricError for JSON nested too deeply."""
        text = without_code_fence(sample.text) if self.allow_code_fence else sample.text
        try:
            # Only the grammar counts, so an integer of any length is as good as a float.
            value = parse_json(text, parse_int=float)
        except ValueError as error:
            return make_score(self.info, 0.0, str(error))
        if self.top_level != "any" and not isinstance(value, _TYPES[self.top_level]):
            return make_score(self.info, 0.0, f"JSON, but no {self.top_level} at its top level")
        return make_score(self.info, 1.0, "valid JSON")
