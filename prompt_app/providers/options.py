"""``ModelSpec.options``, read into each provider's own validated form."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import EvaluationError


class ProviderOptions(Record):
    """Options that every provider takes."""

    unlisted: bool = False
    """Take the name as it is, although the catalogue has a very similar one."""


Options = TypeVar("Options", bound=ProviderOptions)


def read_options(model: ModelSpec, kind: type[Options]) -> Options:
    """Raises EvaluationError that names each wrong option and those there are."""
    try:
        return kind.model_validate(model.options)
    except ValidationError as error:
        raise options_error(model, kind, error) from None


def options_error(
    model: ModelSpec, kind: type[ProviderOptions], error: ValidationError
) -> EvaluationError:
    """What is wrong with a model's options, never their values, and which ones there are."""
    problems = "; ".join(
        ": ".join(filter(None, (".".join(map(str, problem["loc"])), _reason(problem["msg"]))))
        for problem in error.errors(include_input=False, include_url=False)
    )
    known = ", ".join(kind.model_fields)
    return EvaluationError(
        f"Model {model.reference}: wrong options: {problems}. Known options: {known}."
    )


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".")
