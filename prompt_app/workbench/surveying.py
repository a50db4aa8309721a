"""One pass over a dataset's rows, before anything is spent: how many samples each prompt has, and
every row that lacks a field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from prompt_app.datamodel.dataset import (
    DatasetVersion,
    Example,
    field_paths,
    field_value,
    reference_values,
)
from prompt_app.datamodel.evaluation import RunSpec
from prompt_app.datamodel.rendering import check_template, template_placeholders
from prompt_app.engine.plan import Selection
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.workbench.pinning import all_examples

MOST_PATHS = 1000
ROWS_SHOWN = 5


@dataclass(slots=True)
class Survey:
    """What one pass over the rows found, for one prompt."""

    placeholders: list[str]
    selection: Selection
    rows: int = 0
    excluded: int = 0
    lacking: Counter[str] = field(default_factory=Counter)
    """Placeholder -> how many rows have no such field."""
    lacking_ids: dict[str, list[str]] = field(default_factory=dict)
    """Placeholder -> the first of these rows."""


def survey_rows(
    store: Store, specs: Sequence[RunSpec], dataset: DatasetVersion, *, needs_reference: bool
) -> list[Survey]:
    """One pass over the rows: counts, and every row that lacks a field of a prompt."""
    surveys = [
        Survey(template_placeholders(spec.prompt.template), Selection(spec)) for spec in specs
    ]
    paths: set[str] = set()
    referenced = 0
    for example in all_examples(store, dataset.id, specs[0].split):
        if len(paths) < MOST_PATHS:
            paths.update(field_paths(example.fields))
        referenced += _has_reference(example, dataset.options.reference_field)
        for survey in surveys:
            _look(survey, example)
    for spec, survey in zip(specs, surveys, strict=True):
        check_template(spec.prompt.template, paths)
        _complain(spec, survey)
    if needs_reference and referenced == 0:
        raise EvaluationError(
            f"No row of {dataset.name}@{dataset.number} has a reference answer in "
            f"{dataset.options.reference_field!r}. Name the field with 'reference_field'; "
            f"the columns are {', '.join(dataset.columns)}."
        )
    return surveys


def _has_reference(example: Example, path: str) -> bool:
    try:
        return bool(reference_values(field_value(example.fields, path)))
    except KeyError:
        return False


def _look(survey: Survey, example: Example) -> None:
    if not survey.selection.wants(example):
        return
    if survey.selection.is_shot(example):
        survey.excluded += 1
        return
    survey.rows += 1
    for placeholder in survey.placeholders:
        try:
            field_value(example.fields, placeholder)
        except KeyError:
            survey.lacking[placeholder] += 1
            shown = survey.lacking_ids.setdefault(placeholder, [])
            if len(shown) < ROWS_SHOWN:
                shown.append(example.id)


def _complain(spec: RunSpec, survey: Survey) -> None:
    if survey.rows == 0:
        raise EvaluationError(
            f"Nothing is left to run for prompt {spec.prompt.name!r} in {spec.dataset_name}"
            + (f", split {spec.split!r}" if spec.split else "")
            + f": {survey.excluded} rows serve as few-shot examples."
        )
    for placeholder, count in survey.lacking.items():
        shown = ", ".join(survey.lacking_ids[placeholder])
        shown += " ..." if count > ROWS_SHOWN else ""
        raise EvaluationError(
            f"{count} of {survey.rows} rows have no field {placeholder!r}, which prompt "
            f"{spec.prompt.name!r} uses: {shown}. Add it, or leave these rows out."
        )
