from __future__ import annotations

import pytest
from storage.building import examples, save_dataset

from prompt_app.datamodel.dataset import DatasetOptions, Example
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.storage.store import SqlStore


def test_a_page_of_rows_comes_from_the_middle(store: SqlStore) -> None:
    version = save_dataset(store, 30)
    page = store.search_examples(version.id, offset=20, limit=5)
    assert [each.position for each in page.items] == [20, 21, 22, 23, 24]
    assert (page.total, page.offset) == (30, 20)
    assert store.search_examples(version.id, offset=40).items == ()


def test_rows_are_found_by_text_and_split(store: SqlStore) -> None:
    rows = [
        Example(id="a", position=0, fields={"q": "Über 100%"}, split="dev"),
        Example(id="b", position=1, fields={"q": "100 percent"}, split="test"),
        Example(id="c", position=2, fields={"q": "x", "more": ["über"]}, split="test"),
    ]
    version = save_dataset(store, rows)

    def found(**wanted: str) -> list[str]:
        return [each.id for each in store.search_examples(version.id, **wanted).items]

    assert found(text="ÜBER") == ["a", "c"]
    assert found(text="0%") == ["a"]
    assert found(split="test") == ["b", "c"]
    assert found(text="über", split="test") == ["c"]
    page = store.search_examples(version.id, split="test", offset=1, limit=1)
    assert ([each.id for each in page.items], page.total) == (["c"], 2)


def test_equal_content_has_one_number_in_all_versions(store: SqlStore) -> None:
    first = save_dataset(store, 3)
    second = save_dataset(store, [*examples(2), Example(id="e2", position=2, fields={"n": 1})])
    before, after = store.example_keys(first.id), store.example_keys(second.id)
    assert [key for key, _ in before] == [key for key, _ in after] == ["e0", "e1", "e2"]
    assert before[:2] == after[:2]
    assert before[2][1] != after[2][1]


def test_rows_at_positions(store: SqlStore) -> None:
    version = save_dataset(store, 5)
    assert [each.id for each in store.examples_at(version.id, [4, 1, 1, 99])] == ["e1", "e4"]


def test_a_next_version_follows_only_the_newest(store: SqlStore) -> None:
    first = save_dataset(store, 3)
    second = store.save_next_version(first, DatasetOptions(), examples(2), note="fewer")
    assert (second.number, second.rows, second.note) == (2, 2, "fewer")
    with pytest.raises(ConflictError, match="data@2 was saved meanwhile"):
        store.save_next_version(first, DatasetOptions(), examples(1))
    assert store.get_dataset_version("data") == second


def test_going_back_to_earlier_rows_is_a_new_version(store: SqlStore) -> None:
    first = save_dataset(store, 3)
    second = store.save_next_version(first, DatasetOptions(), examples(2))
    assert store.save_next_version(second, DatasetOptions(), examples(2)) == second
    third = store.save_next_version(second, DatasetOptions(), examples(3))
    assert (third.number, third.rows) == (3, 3)
    assert third.id not in (first.id, second.id)
    fourth = store.save_next_version(third, DatasetOptions(), examples(2))
    fifth = store.save_next_version(fourth, DatasetOptions(), examples(3))
    assert len({each.id for each in (first, second, third, fourth, fifth)}) == 5


def test_an_archived_dataset_is_out_of_the_list_until_it_is_back(store: SqlStore) -> None:
    version = save_dataset(store, 3)
    other = save_dataset(store, 3, name="other")
    store.archive_dataset("data")
    store.archive_dataset("data")
    assert store.list_datasets() == [other]
    assert store.search_datasets().items == (other,)
    assert store.search_datasets(archived=True).items == (version,)
    assert store.get_dataset_version("data") == version
    store.restore_dataset("data")
    assert store.list_datasets() == [other, version]
    with pytest.raises(UnknownNameError):
        store.archive_dataset("nothing")


@pytest.mark.parametrize("rows", [3, 4])
def test_saving_brings_an_archived_dataset_back(store: SqlStore, rows: int) -> None:
    save_dataset(store, 3)
    store.archive_dataset("data")
    version = save_dataset(store, rows)
    assert store.list_datasets() == [version]


def test_datasets_are_found_by_what_is_known_of_them(store: SqlStore) -> None:
    for number in range(5):
        save_dataset(store, 2, name=f"quiz-{number}")
    noted = store.save_dataset_version(
        "other", DatasetOptions(), examples(1), source="a.csv", note="Mended by 100%"
    )
    assert store.search_datasets(text="QUIZ").total == 5
    page = store.search_datasets(text="quiz", offset=3, limit=2)
    assert [each.name for each in page.items] == ["quiz-1", "quiz-0"]
    for text in ("a.csv", "0%", "other"):
        assert store.search_datasets(text=text).items == (noted,)
    assert store.search_datasets(text="question").total == 6
