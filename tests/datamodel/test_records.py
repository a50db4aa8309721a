"""Every object of the data model round-trips through JSON and YAML, and ids stay what they are."""

import importlib
import pkgutil
import types
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prompt_app import datamodel
from prompt_app.datamodel.base import Record, canonical_json, content_hash
from prompt_app.datamodel.dataset import (
    DatasetOptions,
    Example,
    field_paths,
    field_value,
    reference_values,
    sampling_key,
)
from prompt_app.datamodel.evaluation import DatasetSelection, EvaluationSpec
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.score import MetricSpec

for module in pkgutil.iter_modules(datamodel.__path__):
    importlib.import_module(f"prompt_app.datamodel.{module.name}")


def subclasses(cls: type[Record]) -> list[type[Record]]:
    return [each for sub in cls.__subclasses__() for each in (sub, *subclasses(sub))]


RECORDS = sorted(
    (cls for cls in subclasses(Record) if cls.__module__.startswith(datamodel.__name__)),
    key=lambda cls: cls.__name__,
)
BOUNDS = {"ge": "min_value", "le": "max_value", "gt": "min_value", "lt": "max_value"}
finite_floats = partial(st.floats, allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite_floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
scalars: dict[Any, st.SearchStrategy[Any]] = {
    Any: json_values,
    str: st.text(max_size=20),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def values(annotation: Any, constraints: list[Any]) -> st.SearchStrategy[Any]:
    """Values for a field's type, within its constraints."""
    limits = {
        key: getattr(each, key)
        for each in constraints
        for key in (*BOUNDS, "min_length", "pattern")
        if getattr(each, key, None) is not None
    }
    if "pattern" in limits:
        return st.from_regex(limits["pattern"], fullmatch=True)
    if annotation in scalars:
        return scalars[annotation]
    if annotation in (int, float):
        bounds = {BOUNDS[key]: annotation(value) for key, value in limits.items()}
        return st.integers(**bounds) if annotation is int else finite_floats(**bounds)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return records(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return composed(annotation, constraints, limits.get("min_length", 0))


def composed(annotation: Any, constraints: list[Any], least: int) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is Annotated:
        inside = [part for each in arguments[1:] for part in getattr(each, "metadata", (each,))]
        return values(arguments[0], [*constraints, *inside])
    if origin in (Union, types.UnionType):
        return st.one_of([values(each, constraints) for each in arguments])
    items = [values(each, []) for each in arguments if each is not ...]
    if origin is tuple:
        return st.lists(*items, min_size=least, max_size=least + 1).map(tuple)
    assert origin is dict, f"no strategy for {annotation!r}; add one"
    return st.dictionaries(*items, max_size=2)


def records(cls: type[Record]) -> st.SearchStrategy[Record]:
    required, optional = {}, {}
    for name, field in cls.model_fields.items():
        if name == "thresholds":
            continue  # They must name metrics of the same evaluation; a test below has some.
        target = required if field.is_required() else optional
        target[name] = values(field.annotation, list(field.metadata))

    def build(given: dict[str, Any]) -> Record:
        try:
            return cls(**given)
        except ValidationError:
            reject()

    return st.fixed_dictionaries(required, optional=optional).map(build)


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_round_trips_through_json_and_yaml(cls: type[Record], data: st.DataObject) -> None:
    record = data.draw(records(cls))
    for again in (cls.from_json(record.to_json()), cls.from_yaml(record.to_yaml())):
        assert again == record
        assert again.content_id == record.content_id
        assert type(again) is cls


EVALUATION = """
name: e
dataset: {path: rows.jsonl, options: {reference_field: answers}}
prompts: [{name: p, template: "Q: {question}"}]
models: ["openai:gpt-x", {provider: offline, name: echo, parameters: {seed: 1}}]
metrics: [exact_match, {name: regex_match, key: r, options: {pattern: a}}]
thresholds: [{metric: r, at_least: 0.5}]
"""


def test_an_evaluation_round_trips_with_its_thresholds() -> None:
    spec = EvaluationSpec.from_yaml(EVALUATION)
    assert spec.thresholds[0].metric == "r"
    assert EvaluationSpec.from_json(spec.to_json()) == spec
    assert EvaluationSpec.from_yaml(spec.to_yaml()) == spec


@pytest.mark.parametrize(
    ("record", "content_id"),
    [
        (Example(id="a", position=0, fields={"q": "é", "n": 1.5}), "f57c62e9ee89f3d4d08e7335"),
        (DatasetOptions(), "44136fa355b3678a1146ad16"),
        (DatasetOptions(splits={"train": 0.5}, seed=3), "140e34b4fcf306832462dd59"),
        (PromptTemplate.model_validate("Q: {question}"), "b42140aa78857b588f945558"),
        (
            PromptTemplate.model_validate(
                {
                    "messages": [{"role": "user", "content": "{{q}}"}],
                    "placeholders": "double",
                    "few_shot": {"dataset": "d", "count": 2},
                }
            ),
            "00e192980a4cf5e3840b9ee5",
        ),
        (ModelSpec.model_validate("openai:gpt-x"), "2b707884264285d4eba8dbca"),
        (InferenceParameters(temperature=0.2, stop=("x",)), "4ab7bf3f0cea1436749cb3e6"),
        (MetricSpec.model_validate("exact_match"), "76f6bfee1d04af41e9feec54"),
        (EvaluationSpec.from_yaml(EVALUATION), "b4650473a897dbb5ab8f8417"),
    ],
)
def test_content_ids_are_pinned(record: Record, content_id: str) -> None:
    """Stored ids are compared with these for ever: a change here orphans stored objects."""
    assert record.content_id == content_id


def test_hashes_are_pinned() -> None:
    assert content_hash({"b": [1, 2.0, None, True], "a": "é"}) == "87c61ab83ef0c4bd965225ed"
    assert Example(id="a", position=7, fields={"q": "é"}).fingerprint == "4b8e3fd40acdad6181314bfe"
    assert sampling_key(0, "a") == "9df3c5fab8ef8fe7"


def test_content_id_ignores_defaults_and_key_order() -> None:
    assert DatasetOptions(seed=0).content_id == DatasetOptions().content_id
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": "1"})


def test_canonical_json_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_records_are_frozen_and_refuse_unknown_fields() -> None:
    options = DatasetOptions()
    with pytest.raises(ValidationError):
        options.seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        DatasetOptions.model_validate({"sede": 1})


@pytest.mark.parametrize(
    ("written", "path", "name", "number"),
    [
        ("data/rows.csv", "data/rows.csv", None, None),
        ("rows.JSONL", "rows.JSONL", None, None),
        ("s3://bucket/key", "s3://bucket/key", None, None),
        ("squad", None, "squad", None),
        ("squad@3", None, "squad", 3),
    ],
)
def test_a_dataset_is_written_as_a_path_or_a_name(
    written: str, path: str | None, name: str | None, number: int | None
) -> None:
    selection = DatasetSelection.model_validate(written)
    assert (selection.path, selection.name, selection.number) == (path, name, number)


FIELDS = {"a.b": "column", "a": {"b": "nested", "c": [{"d": 1}, None]}, "x": [[5]]}


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b", "column"), ("a.c.0.d", 1), ("a.c.1", None), ("x.0.0", 5), ("a", FIELDS["a"])],
)
def test_field_value_follows_paths(path: str, value: object) -> None:
    assert field_value(FIELDS, path) == value


@pytest.mark.parametrize("path", ["b", "a.z", "a.c.2", "a.c.-1", "a.c.0.d.e", "x.", "", "a.c.٠"])
def test_field_value_refuses_what_is_not_there(path: str) -> None:
    with pytest.raises(KeyError):
        field_value(FIELDS, path)


@given(fields=st.dictionaries(st.text("ab", min_size=1), json_values))
def test_every_field_path_resolves(fields: dict[str, Any]) -> None:
    plain = {k: v for k, v in fields.items() if not _has_dotted_key(v)}
    for path in field_paths(plain):
        field_value(plain, path)


def _has_dotted_key(value: object) -> bool:
    if isinstance(value, dict):
        return any("." in key or _has_dotted_key(inner) for key, inner in value.items())
    return False


@pytest.mark.parametrize(
    ("value", "references"),
    [
        (None, ()),
        ("", ()),
        ("a", ("a",)),
        ("a <OR> b<OR>", ("a", "b")),
        (["a<OR>b", 3, None, " "], ("a", "b", "3")),
        (18, ("18",)),
        (0.5, ("0.5",)),
        (True, ("true",)),
        ([["x"], []], ("x",)),
    ],
)
def test_reference_values(value: object, references: tuple[str, ...]) -> None:
    assert reference_values(value) == references


@given(seed=st.integers(), example_id=st.text())
def test_sampling_key_is_a_fixed_width_number(seed: int, example_id: str) -> None:
    key = sampling_key(seed, example_id)
    assert len(key) == 16
    assert 0 <= int(key, 16) < 2**64
