"""What promptfoo's YAML and CSV tests share: assertions, and where the parts of a test stand.

A test's variables are the row's fields. Its reference answers stand in ``__expected``, and its
other parts in fields that start with two underscores, as promptfoo's own CSV columns do. Where
the assertions say more than that the output equals one of the references, they are kept whole in
``__assert``, which is what is written back.
"""

from __future__ import annotations

import json
import re
from typing import Any

from prompt_app.datamodel.dataset import Example, field_value, reference_values
from prompt_app.datasets.exchange.shapes import Layout, Record
from prompt_app.datasets.values import RowRefused

EXPECTED, ASSERT = "__expected", "__assert"
OPTIONS = "__options"
PARTS = {"description": "__description", "threshold": "__threshold", "metadata": "__metadata"}
_REFERENCE_TYPES = frozenset(
    {
        "equals", "contains", "icontains", "starts-with", "similar", "levenshtein", "rouge-n",
        "bleu", "factuality", "contains-any", "icontains-any",
    }
)  # fmt: skip
_ONE_OF = re.compile(r"\s*(\[.*\])\.includes\(output\)\s*", re.DOTALL)

Assertion = dict[str, Any]


def expected_fields(assertions: list[Assertion]) -> Record:
    """``__expected``, and ``__assert`` where the assertions say more."""
    alternatives = _alternatives(assertions)
    if alternatives is not None:
        return {EXPECTED: alternatives}
    values = [each.get("value") for each in assertions if each.get("type") in _REFERENCE_TYPES]
    found = [text for value in values for text in reference_values(value)]
    return {EXPECTED: found, ASSERT: assertions}


def _alternatives(assertions: list[Assertion]) -> list[str] | None:
    """The answers of which the output must equal one; None where that is not all they say."""
    if not assertions:
        return []
    if len(assertions) > 1:
        return None
    (only,) = assertions
    value = only.get("value")
    if only.keys() == {"type", "value"} and isinstance(value, str):
        if only["type"] == "equals":
            return [value]
        if only["type"] == "javascript" and (match := _ONE_OF.fullmatch(value)):
            return _texts(match[1])
    if only.keys() == {"type", "threshold", "assert"} and only["type"] == "assert-set":
        inner = [_alternatives([each]) for each in only["assert"] if isinstance(each, dict)]
        texts = [text for each in inner for text in each or ()]
        if len(texts) == len(only["assert"]) and abs(only["threshold"] * len(texts) - 1) < 1e-3:
            return texts
    return None


def _texts(text: str) -> list[str] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if all(isinstance(each, str) for each in found) else None


def variables(example: Example, layout: Layout) -> Record:
    """What a prompt may name: the fields without the reference and promptfoo's own."""
    return {
        name: value
        for name, value in example.fields.items()
        if name != layout.reference_field and not name.startswith("__")
    }


def kept_assertions(example: Example) -> list[Assertion] | None:
    """What ``__assert`` holds. Raises RowRefused where that is no list of assertions."""
    found = example.fields.get(ASSERT)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise RowRefused(f"{ASSERT!r} is not a list of assertions")
    return found


def references(example: Example, layout: Layout) -> tuple[str, ...]:
    try:
        return reference_values(field_value(example.fields, layout.reference_field))
    except KeyError:
        return ()
