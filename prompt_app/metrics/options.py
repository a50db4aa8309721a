"""From the options in an evaluation file to a metric's dataclass, checked by its annotations."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import TypeAdapter, ValidationError

from prompt_app.datamodel.base import canonical_json, problem_text
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.score import MetricInfo, MetricSpec
from prompt_app.errors import EvaluationError
from prompt_app.registry import nearest_names

JUDGE_FIELDS = ("judge", "judge_parameters")
"""Fields of a judge's dataclass that MetricSpec gives in places of their own."""


def option_names(metric: type[Any]) -> list[str]:
    """The options that ``metric`` takes."""
    return [option.name for option in dataclasses.fields(metric) if option.name not in JUDGE_FIELDS]


def options_schema(metric: type[Any]) -> dict[str, Any]:
    """JSON Schema of each option by name: type, default and description."""
    properties = TypeAdapter(metric).json_schema().get("properties", {})
    return {name: properties[name] for name in option_names(metric)}


def required_options(metric: type[Any]) -> list[str]:
    """The options without which ``metric`` cannot be made."""
    required = TypeAdapter(metric).json_schema().get("required", [])
    return [name for name in option_names(metric) if name in required]


def build_metric(metric: type[Any], spec: MetricSpec) -> Any:
    """An instance of ``metric`` with the options of ``spec``.

    Raises EvaluationError for an unknown, missing or wrong option, and where a judge is missing
    or not wanted.
    """
    info: MetricInfo = metric.info
    values = _known_options(metric, spec)
    if info.needs_judge:
        values["judge"] = _judge(spec).reference
    elif spec.panel:
        raise EvaluationError(
            f"The metric {spec.key!r} asks no model: remove its 'judge', "
            "or name a metric that takes one, such as qa_accuracy_by_llm."
        )
    try:
        # JSON mode is strict about types, and yet takes a list for a tuple.
        made = TypeAdapter(metric).validate_json(canonical_json(values), strict=True)
    except ValidationError as error:
        raise EvaluationError(f"The metric {spec.key!r}: {_problems(error)}.") from None
    except (TypeError, ValueError) as error:
        raise EvaluationError(
            f"The options of the metric {spec.key!r} are not JSON values: {error}."
        ) from None
    if not info.needs_judge:
        return made
    # The judge is valid already; strict reading would refuse the tuples inside it.
    return dataclasses.replace(made, judge=_judge(spec), judge_parameters=spec.judge_parameters)


def _known_options(metric: type[Any], spec: MetricSpec) -> dict[str, Any]:
    known = option_names(metric)
    for name in spec.options:
        if name in known:
            continue
        if nearest := nearest_names(name, known, most=1):
            hint = f"Did you mean {nearest[0]!r}?"
        elif known:
            hint = f"It takes {', '.join(known)}."
        else:
            hint = "It takes none."
        raise EvaluationError(f"The metric {spec.key!r} has no option {name!r}. {hint}")
    return dict(spec.options)


def _judge(spec: MetricSpec) -> ModelSpec:
    if not spec.panel:
        raise EvaluationError(
            f"The metric {spec.key!r} asks a model for its verdict, and none is named. Write its "
            f"model, e.g. {{name: {spec.name}, judge: 'openai:gpt-5-mini'}}."
        )
    return spec.panel[0]


def _problems(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "missing":
            parts.append(f"the option {where!r} is required")
        else:
            parts.append(f"the option {where!r} is wrong: {problem_text(problem)}")
    return "; ".join(parts)
