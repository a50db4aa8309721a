"""What an evaluation decides by its metrics: thresholds to reach, and when to stop early."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from prompt_app.datamodel.base import Numeric, Record


class Threshold(Record):
    """A condition on a metric's result in every run of the evaluation."""

    metric: str
    at_least: Numeric[float] | None = None
    at_most: Numeric[float] | None = None
    estimate: Literal["mean", "lower", "upper"] = "mean"
    """The mean, or an end of its interval."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a threshold needs 'at_least' or 'at_most'")
        return self


class Stopping(Record):
    """Stop each run but the first as soon as it is shown to be worse than that; its metric's name
    for short."""

    metric: str
    """Its key: one with a least and a greatest value, of which one direction is better."""
    level: Numeric[Annotated[float, Field(ge=0.5, lt=1)]] = 0.95
    """The chance that no run of the evaluation is stopped wrongly."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {"metric": data} if isinstance(data, str) else data
