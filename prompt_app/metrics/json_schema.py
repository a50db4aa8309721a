"""Whether the response is JSON that a JSON Schema accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar

import regex
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from pydantic import Field
from referencing import Registry
from referencing.exceptions import Unresolvable

from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import EvaluationError, MetricError
from prompt_app.metrics.common import make_score, readable
from prompt_app.metrics.json_text import parse_json, without_code_fence
from prompt_app.metrics.patterns import compile_pattern, find_first

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class JsonSchema:
    """1 where the response is JSON that fits ``schema``. Raises EvaluationError for a schema that
    is wrong itself."""

    schema: Annotated[
        dict[str, Any] | bool,
        Field(
            description="JSON Schema; draft 2020-12 unless its $schema names another. A $ref may "
            "only point into the schema itself: nothing is ever fetched."
        ),
    ]
    allow_code_fence: Annotated[
        bool, Field(description="Take JSON inside one fenced code block too.")
    ] = False

    info: ClassVar[MetricInfo] = MetricInfo(
        name="json_schema",
        version="1",
        direction="higher",
        minimum=0.0,
        maximum=1.0,
        kind="proportion",
        description="1 where the response is JSON that a JSON Schema accepts.",
        needs_reference=False,
    )

    def __post_init__(self) -> None:
        _ = self._validator

    @cached_property
    def _validator(self) -> Validator:
        return compile_schema(self.schema)

    def score(self, sample: ScoringInput) -> Score:
        """Raises MetricError where the JSON is too long or too deep, or a pattern of the schema
        takes too long."""
        text = without_code_fence(sample.text) if self.allow_code_fence else sample.text
        try:
            value = parse_json(text)
        except ValueError as error:
            return make_score(self.info, 0.0, str(error))
        problem = first_problem(self._validator, value)
        return make_score(self.info, float(not problem), problem or "fits the schema")


def compile_schema(schema: Mapping[str, Any] | bool) -> Validator:
    """A validator that never fetches a ``$ref`` and runs patterns with a timeout.

    Raises EvaluationError for a schema that breaks its own meta-schema.
    """
    named = isinstance(schema, Mapping) and "$schema" in schema
    default: Any = None if named else Draft202012Validator
    draft: Any = validator_for(schema, default=default)
    if draft is None:
        raise EvaluationError(
            "The JSON schema's $schema names no draft that is known; leave it out for 2020-12."
        )
    try:
        draft.check_schema(schema)
    except SchemaError as error:
        raise EvaluationError(
            f"The JSON schema is wrong at {error.json_path}: "
            f"{readable(error.message, _SHOWN_CHARACTERS)}."
        ) from None
    validator: Validator = _extended(draft)(schema, registry=Registry())
    return validator


def first_problem(validator: Validator, value: Any) -> str:
    """Where and how ``value`` breaks the schema, or "" where it fits."""
    try:
        error = next(validator.iter_errors(value), None)
    except Unresolvable as reference:
        raise MetricError(
            f"The schema refers to {reference.ref!r}, which is not in it; nothing is fetched."
        ) from None
    except RecursionError:
        raise MetricError("The JSON schema does not end on this response.") from None
    if error is None:
        return ""
    return f"at {error.json_path}: {readable(error.message, _SHOWN_CHARACTERS)}"


def _extended(draft: Any) -> Any:
    keywords = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    return extend(draft, validators=keywords)  # type: ignore[no-untyped-call]


# The validators' own keywords search with ``re``, which has no timeout, and compare every two
# items of an array. Left as it is: unevaluatedProperties, which searches the patternProperties
# beside it once more.


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return compile_pattern("pattern", pattern)


def _found(pattern: str, text: str) -> bool:
    return find_first(_compiled(pattern), text) is not None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _found(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, subschema: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in named or any(_found(pattern, name) for pattern in patterns):
            continue
        if subschema is False:
            yield ValidationError(f"the property {name!r} is not allowed")
        else:
            yield from validator.descend(value, subschema, path=name)


def _unique_items(
    validator: Any, wanted: bool, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not wanted or not validator.is_type(instance, "array"):
        return
    if len({_hashable(item) for item in instance}) < len(instance):
        yield ValidationError("an item of the array occurs twice")


def _hashable(value: Any) -> Any:
    """Equal for equal JSON values alone: 1 and 1.0 are the same, 1 and true are not."""
    if isinstance(value, dict):
        return frozenset((name, _hashable(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return (type(value), value) if isinstance(value, bool) else value
