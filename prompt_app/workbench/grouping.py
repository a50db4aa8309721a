"""Examples by the value of one of their fields."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from prompt_app.datamodel.dataset import field_paths, field_value
from prompt_app.datamodel.evaluation import RunSpec
from prompt_app.errors import EvaluationError
from prompt_app.interfaces import Store

LOOKED_AT = 200
"""Rows in which fields to group by are looked for."""
NO_VALUE = "(none)"


def group_fields(store: Store, spec: RunSpec) -> list[str]:
    """Fields whose values occur often in the first rows, the dataset's cluster field first."""
    rows = store.list_examples(spec.dataset_version, limit=LOOKED_AT)
    paths = dict.fromkeys(path for row in rows for path in field_paths(row.fields))
    fields = [path for path in paths if _groups(path, [row.fields for row in rows])]
    if spec.cluster_field in paths:
        fields = [spec.cluster_field, *(each for each in fields if each != spec.cluster_field)]
    return fields


def group_names(store: Store, spec: RunSpec, field: str) -> dict[str, str]:
    """Example id -> its value of ``field`` as text.

    Raises EvaluationError where no row has one.
    """
    values = store.example_values(spec.dataset_version, field)
    names = {example: _name(value) for example, value in values.items()}
    if set(names.values()) <= {NO_VALUE}:
        raise EvaluationError(f"No row of {spec.dataset_name} has a value of {field!r}.")
    return names


def split_values(
    values: Mapping[str, float], named: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """The values of each group."""
    parts: dict[str, dict[str, float]] = {}
    for example, value in values.items():
        if example in named:
            parts.setdefault(named[example], {})[example] = value
    return parts


def _name(value: Any) -> str:
    if value is None or value == "":
        return NO_VALUE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _groups(path: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether few short values of ``path`` occur often."""
    names: Counter[str] = Counter()
    for fields in rows:
        try:
            value = field_value(fields, path)
        except KeyError:
            continue
        if isinstance(value, dict | list):
            return False
        names[_name(value)] += 1
    return 1 < len(names) <= max(1, len(rows) // 2) and all(len(name) <= 100 for name in names)
