"""Evaluation files: YAML in, an EvaluationSpec or one clear line out."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from prompt_app.datamodel.base import problem_text
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.yaml_reading import describe_yaml_problem, read_yaml
from prompt_app.datasets.sources import no_such_file
from prompt_app.errors import EvaluationError
from prompt_app.registry import nearest_names

PROBLEMS_SHOWN = 10
_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "examples", _PACKAGE.parent / "examples")
EXAMPLE_FILE = next((each for each in _FOLDERS if each.is_dir()), _FOLDERS[0]) / "evaluation.yaml"
"""The shipped example: inside an installed package, or beside it in a checkout."""


def load_evaluation(path: Path) -> EvaluationSpec:
    """Raises EvaluationError that names the file, the place in it and what is expected there."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise EvaluationError(no_such_file(path)) from None
    except IsADirectoryError:
        raise EvaluationError(f"{path} is a folder; name the evaluation file in it.") from None
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is not UTF-8 text (byte {error.start}).") from None
    return parse_evaluation(text, str(path))


def parse_evaluation(text: str, where: str) -> EvaluationSpec:
    """``where`` names the text in messages."""
    try:
        data = read_yaml(text)
    except yaml.YAMLError as error:
        raise EvaluationError(f"{where}, {describe_yaml_problem(error)}.") from None
    if not isinstance(data, dict):
        raise EvaluationError(
            f"{where}: an evaluation is a mapping with dataset, prompts, models and metrics."
        )
    try:
        return EvaluationSpec.model_validate(data)
    except ValidationError as error:
        raise EvaluationError(f"{where}: {describe_problems(error)}") from None


def describe_problems(error: ValidationError) -> str:
    """A validation error as ``place: what is wrong`` parts on one line."""
    parts: list[str] = []
    places = [problem["loc"] for problem in error.errors(include_url=False)]
    for problem in error.errors(include_url=False)[:PROBLEMS_SHOWN]:
        where = problem["loc"]
        if problem["type"] == "too_short" and any(
            len(other) > len(where) and other[: len(where)] == where for other in places
        ):
            continue  # it is short because of what is wrong in it
        place = ".".join(str(part) for part in problem["loc"]) or "evaluation"
        message = problem_text(problem)
        if problem["type"] == "extra_forbidden":
            near = nearest_names(str(problem["loc"][-1]), _known_keys())
            message = "no such key" + (f"; did you mean {near[0]!r}?" if near else "")
        if problem["type"] == "string_pattern_mismatch":
            message = (
                f"{problem['input']!r} cannot be a name; use letters a to z, digits, '.', '_' and "
                "'-', and start with a letter or digit"
            )
        parts.append(f"{place}: {message}")
    return "; ".join(parts)


def _known_keys() -> set[str]:
    """Every key that stands anywhere in an evaluation file."""
    schema = EvaluationSpec.model_json_schema()
    shapes = [schema, *schema.get("$defs", {}).values()]
    return {key for shape in shapes for key in shape.get("properties", {})}
