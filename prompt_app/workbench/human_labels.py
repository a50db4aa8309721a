"""People's labels, read on the scale of a judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.score import MetricInfo
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store
from prompt_app.workbench.pinning import all_examples

_WORDS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y", "pass", "passed", "correct", "good"), 1.0),
    **dict.fromkeys(("0", "0.0", "false", "no", "n", "fail", "failed", "incorrect", "bad"), 0.0),
}


def labels_in_field(store: Store, version: str, path: str, info: MetricInfo) -> Mapping[str, float]:
    """Example id -> label in the field ``path``; a blank one is a row that nobody labelled.

    Raises EvaluationError for a field that is not there or a label that cannot be read.
    """
    found: dict[str, float] = {}
    there = False
    for example in all_examples(store, version):
        try:
            value = field_value(example.fields, path)
        except KeyError:
            continue
        there = True
        if value is None or str(value).strip() == "":
            continue
        label = label_number(value, info)
        if label is None:
            takes = "pass/fail labels (1/0, true/false, yes/no, pass/fail, correct/incorrect)"
            if info.kind != "proportion":
                takes = f"numbers from {info.minimum:g} to {info.maximum:g}"
            raise EvaluationError(
                f"The label {str(value)[:40]!r} in {path!r} of example {example.id!r} cannot be "
                f"held against {info.name}, which takes {takes}."
            )
        found[example.id] = label
    if not there:
        raise EvaluationError(f"No row of the dataset has a field {path!r} with people's labels.")
    return found


def label_number(value: Any, info: MetricInfo) -> float | None:
    """A person's label on the scale of a metric; None where it is not on it."""
    if info.kind == "proportion":
        return _WORDS.get(str(value).strip().casefold())
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    low = float("-inf") if info.minimum is None else info.minimum
    high = float("inf") if info.maximum is None else info.maximum
    return number if low <= number <= high else None
