from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage.building import examples, save_dataset

from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.errors import DatasetError, UnknownNameError
from prompt_app.storage.store import SqlStore

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_a_version_tells_what_it_holds(store: SqlStore) -> None:
    rows = [
        Example(id="a", position=0, fields={"q": "x", "n": 1}, split="dev"),
        Example(id="b", position=1, fields={"q": "y", "extra": None}, split="test"),
        Example(id="c", position=2, fields={"q": "z"}, split="test"),
    ]
    options = DatasetOptions(reference_field="gold", id_field="n")
    saved = store.save_dataset_version(
        "data", options, iter(rows), source="file.jsonl", skipped_rows=4, note="first"
    )
    assert saved.number == 1
    assert saved.columns == ("q", "n", "extra")
    assert (saved.rows, saved.skipped_rows) == (3, 4)
    assert saved.split_rows == {"dev": 1, "test": 2}
    assert (saved.source, saved.note, saved.options) == ("file.jsonl", "first", options)
    assert store.get_dataset_version("data") == saved
    assert store.get_dataset_version_by_id(saved.id) == saved
    assert store.list_examples(saved.id) == rows
    assert store.get_example(saved.id, "b") == rows[1]


def test_equal_rows_and_options_are_the_same_version(store: SqlStore) -> None:
    first = save_dataset(store, 5)
    again = store.save_dataset_version("data", DatasetOptions(), examples(5), note="again")
    assert again == first
    other_options = store.save_dataset_version("data", DatasetOptions(seed=1), examples(5))
    other_rows = save_dataset(store, 6)
    other_order = save_dataset(store, reversed(examples(5)))
    elsewhere = save_dataset(store, 5, name="elsewhere")
    numbers = [version.number for version in (other_options, other_rows, other_order, elsewhere)]
    assert numbers == [2, 3, 4, 1]
    ids = {first.id, other_options.id, other_rows.id, other_order.id, elsewhere.id}
    assert len(ids) == 5


def test_versions_are_listed_newest_first(store: SqlStore) -> None:
    for name, rows in (("a", 1), ("b", 1), ("a", 2)):
        save_dataset(store, rows, name)
    assert [(v.name, v.number) for v in store.list_datasets()] == [("a", 2), ("b", 1)]
    assert [v.number for v in store.list_dataset_versions("a")] == [2, 1]
    assert store.get_dataset_version("a", 1).rows == 1


def test_unknown_names_come_with_the_nearest(store: SqlStore) -> None:
    save_dataset(store, 1, "questions")
    for call in (store.get_dataset_version, store.list_dataset_versions):
        with pytest.raises(UnknownNameError) as raised:
            call("question")
        assert raised.value.suggestions == ("questions",)
    with pytest.raises(UnknownNameError, match=r"version of 'questions' \(newest: 1\) named '7'"):
        store.get_dataset_version("questions", 7)
    with pytest.raises(UnknownNameError):
        store.get_dataset_version_by_id("0" * 24)
    with pytest.raises(UnknownNameError):
        store.list_examples("0" * 24)
    with pytest.raises(UnknownNameError, match="'e9'"):
        store.get_example(store.get_dataset_version("questions").id, "e9")


def test_examples_are_paged_and_chosen_by_split(store: SqlStore) -> None:
    rows = [
        row.model_copy(update={"split": "odd" if row.position % 2 else "even"})
        for row in examples(2000)
    ]
    version = save_dataset(store, rows)
    page = store.list_examples(version.id, after_position=997, limit=3)
    assert [row.position for row in page] == [998, 999, 1000]
    odd = store.list_examples(version.id, split="odd", after_position=10, limit=2)
    assert [(row.position, row.split) for row in odd] == [(11, "odd"), (13, "odd")]
    assert store.list_examples(version.id, split="none") == []
    assert store.list_examples(version.id, after_position=0, limit=5000) == rows[1:]


def test_positions_are_those_of_the_order_given(store: SqlStore) -> None:
    version = save_dataset(store, [e.model_copy(update={"position": 77}) for e in examples(3)])
    assert [e.position for e in store.list_examples(version.id)] == [0, 1, 2]


def test_versions_share_the_content_of_equal_rows(store: SqlStore) -> None:
    save_dataset(store, 50)
    save_dataset(store, 51)
    save_dataset(store, 50, "other")
    with store._database.read() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM examples").scalar()
    assert count == 51


@pytest.mark.parametrize("where", [1, 899, 900, 1500])
def test_an_id_that_occurs_twice_is_refused_and_nothing_is_kept(
    store: SqlStore, where: int
) -> None:
    rows = examples(1501)
    rows[where] = rows[where].model_copy(update={"id": "e0"})
    with pytest.raises(DatasetError, match="same id"):
        save_dataset(store, rows)
    assert store.list_datasets() == []
    with store._database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM examples").scalar() == 0


def test_an_iterable_that_breaks_leaves_nothing(store: SqlStore) -> None:
    def breaking() -> Iterator[Example]:
        yield from examples(1000)
        raise DatasetError("line 1001 is no JSON")

    with pytest.raises(DatasetError, match="line 1001"):
        save_dataset(store, breaking())
    assert store.list_datasets() == []


@pytest.mark.parametrize(
    "row",
    [
        Example(id="a", position=0, fields={"q": "half \ud83d"}),
        Example(id="a\0b", position=0, fields={"q": "x"}),
        Example(id="a", position=0, fields={"q": "x"}, split="a\0b"),
        Example(id="a\ud83d", position=0, fields={"q": "x"}),
        Example(id="a", position=0, fields={"n": 10**5000}),
        Example(id="a", position=0, fields={"n": float("nan")}),
    ],
    ids=["surrogate", "NUL in id", "NUL in split", "surrogate in id", "5000 digits", "NaN"],
)
def test_what_cannot_be_stored_is_refused_with_its_row(store: SqlStore, row: Example) -> None:
    with pytest.raises(DatasetError, match=r"(?i)row 2"):
        save_dataset(store, [Example(id="ok", position=0, fields={}), row])
    assert store.list_datasets() == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON))
def test_any_json_row_comes_back_equal(store: SqlStore, fields: dict[str, Any]) -> None:
    version = save_dataset(store, [Example(id="only", position=0, fields=fields)])
    found = store.get_example(version.id, "only")
    assert found.fields == fields
    assert list(found.fields) == list(fields)


def test_numbers_keep_their_size_and_type(store: SqlStore) -> None:
    fields = {"big": 10**60, "negative": -(2**70), "float": 1.0, "int": 1, "true": True}
    version = save_dataset(store, [Example(id="only", position=0, fields=fields)])
    found = store.get_example(version.id, "only").fields
    assert [(name, type(value), value) for name, value in found.items()] == [
        (name, type(value), value) for name, value in fields.items()
    ]
