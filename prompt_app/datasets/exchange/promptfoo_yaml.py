"""promptfoo's tests in YAML: a configuration file's ``tests``, or a list of tests alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, TextIO

import yaml

from prompt_app.datamodel.dataset import DatasetOptions, Example, RowProblem
from prompt_app.datamodel.yaml_reading import read_yaml
from prompt_app.datasets.exchange.promptfoo import (
    EXPECTED,
    OPTIONS,
    PARTS,
    expected_fields,
    kept_assertions,
    references,
    variables,
)
from prompt_app.datasets.exchange.shapes import Exchange, Layout, Record
from prompt_app.datasets.values import RawRows, RowRefused, json_value
from prompt_app.errors import DatasetError

MOST_BYTES = 50_000_000
MOST_COMBINATIONS = 10_000
MOST_VALUES = 1_000_000
_EXPANSION_OFF = "disableVarExpansion"


def _read(path: Path, options: DatasetOptions) -> RawRows:
    tests, default = _tests(path)
    for number, test in enumerate(tests, start=1):
        try:
            merged = _merged(test, default)
            for fields in _expanded(merged):
                yield number, fields
        except RowRefused as refused:
            yield RowProblem(line=number, reason=str(refused))


def _tests(path: Path) -> tuple[list[Any], Record]:
    if path.stat().st_size > MOST_BYTES:
        raise DatasetError(f"It has more than {MOST_BYTES:,} bytes, the most for YAML.")
    try:
        document = read_yaml(path.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"It is not valid YAML: {' '.join(str(error).split())[:300]}.") from None
    default: Any = {}
    if isinstance(document, dict):
        default = document.get("defaultTest") or {}
        document = document.get("tests")
    if isinstance(document, str):
        raise DatasetError(f"Its tests stand in another file, {document[:100]}: import that one.")
    if not isinstance(document, list):
        raise DatasetError("It has no list of tests.")
    if not isinstance(default, dict):
        raise DatasetError("Its 'defaultTest' stands in another file, which is not read.")
    return document, default


def _merged(test: Any, default: Record) -> Record:
    if isinstance(test, str):
        raise RowRefused(f"it names another file, {test[:100]}: import that one")
    if not isinstance(test, dict):
        raise RowRefused("not a test but a bare value")
    _check_size(test)
    parts: Record = {**default, **test}
    for name in ("vars", "options", "metadata"):
        own, usual = test.get(name) or {}, default.get(name) or {}
        if isinstance(own, str) or isinstance(usual, str):
            raise RowRefused(f"its {name!r} stand in another file, which is not read")
        parts[name] = {**usual, **own}
    parts["assert"] = [*(default.get("assert") or []), *(test.get("assert") or [])]
    return parts


def _check_size(value: Any) -> None:
    """Aliases can make billions of values of a small file."""
    waiting, seen = [value], 0
    while waiting:
        each = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise RowRefused(f"more than {MOST_VALUES:,} values")
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _expanded(parts: Record) -> Iterator[Record]:
    """A row for each combination of the variables that are lists, as promptfoo runs them."""
    given = {str(name): value for name, value in parts["vars"].items()}
    own = next((name for name in given if name.startswith("__")), None)
    if own is not None:
        raise RowRefused(f"the variable {own!r} has a name of promptfoo's own columns")
    for name, value in given.items():
        if isinstance(value, str) and value.startswith("file://"):
            raise RowRefused(f"the variable {name!r} stands in another file, which is not read")
    rest = json_value(_rest(parts))
    lists = {name: value for name, value in given.items() if isinstance(value, list) and value}
    if parts["options"].get(_EXPANSION_OFF) or not lists:
        yield {**json_value(given), **rest}
        return
    if prod(len(values) for values in lists.values()) > MOST_COMBINATIONS:
        raise RowRefused(f"more than {MOST_COMBINATIONS:,} combinations of its variables")
    for values in product(*lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        yield {**json_value({**given, **chosen}), **rest}


def _rest(parts: Record) -> Record:
    if not all(isinstance(each, dict) for each in parts["assert"]):
        raise RowRefused("an assertion is not an object")
    found = expected_fields(parts["assert"])
    found |= {column: parts[name] for name, column in PARTS.items() if parts.get(name)}
    options = {name: value for name, value in parts["options"].items() if name != _EXPANSION_OFF}
    return found | ({OPTIONS: options} if options else {})


def _record(example: Example, layout: Layout) -> Record:
    given = variables(example, layout)
    test: Record = {"vars": given}
    test |= {
        name: example.fields[column]
        for name, column in PARTS.items()
        if example.fields.get(column) is not None
    }
    assertions = kept_assertions(example)
    if assertions is None:
        assertions = _assertions(references(example, layout))
    if assertions:
        test["assert"] = assertions
    options = dict(example.fields.get(OPTIONS) or {})
    if any(isinstance(value, list) for value in given.values()):
        options[_EXPANSION_OFF] = True
    return test | ({"options": options} if options else {})


def _assertions(found: tuple[str, ...]) -> list[Record]:
    equal: list[Record] = [{"type": "equals", "value": text} for text in found]
    if len(equal) < 2:
        return equal
    return [{"type": "assert-set", "threshold": 1 / len(equal), "assert": equal}]


def _write(records: Callable[[], Iterator[Record]], file: TextIO) -> None:
    file.write("tests:\n")
    for record in records():
        yaml.safe_dump([record], file, sort_keys=False, allow_unicode=True)


FORMAT = Exchange(
    title="promptfoo tests, YAML",
    ending="yaml",
    reference_field=EXPECTED,
    read=_read,
    record=_record,
    write=_write,
)
