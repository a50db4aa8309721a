from __future__ import annotations

import pytest
from storage.building import submit
from storage.test_prompts import template

from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.storage.store import SqlStore


def test_a_save_states_the_version_it_was_based_on(store: SqlStore) -> None:
    first = store.save_prompt_version("greet", template("Hello"), author="Ada", based_on=0)
    assert (first.number, first.author) == (1, "Ada")
    store.save_prompt_version("greet", template("Hi"), author="Bob", based_on=1)
    with pytest.raises(ConflictError, match=r"version 2 by now, saved by Bob .* on version 1"):
        store.save_prompt_version("greet", template("Good day"), author="Ada", based_on=1)
    with pytest.raises(ConflictError, match="to be a new prompt"):
        store.save_prompt_version("greet", template("Good day"), based_on=0)
    with pytest.raises(ConflictError, match="is gone"):
        store.save_prompt_version("nobody", template("Good day"), based_on=1)
    assert [version.number for version in store.list_prompt_versions("greet")] == [2, 1]
    # What is there already overwrites nothing.
    assert store.save_prompt_version("greet", template("Hello"), based_on=1) == first


def test_prompts_are_found_by_name_label_note_and_text(store: SqlStore) -> None:
    store.save_prompt_version("greet", template("Hello {name}"))
    store.save_prompt_version("farewell", template("Bye {name}"), note="100% shorter")
    store.save_prompt_version("old", template("Hello {name}"))
    store.save_prompt_version("old", template("Bonjour {name}"))
    store.set_prompt_label("greet", "production", 1)

    def found(text: str) -> list[str]:
        return [version.name for version in store.search_prompts(text).items]

    assert found("") == ["old", "farewell", "greet"]
    assert found("FARE") == ["farewell"]
    assert found("produc") == ["greet"]
    assert found("0%") == ["farewell"]
    assert found("hello") == ["greet"]  # the newest version counts
    assert found("_") == []
    page = store.search_prompts("", offset=1, limit=1)
    assert ([version.name for version in page.items], page.total) == (["farewell"], 3)


def test_versions_come_in_pages(store: SqlStore) -> None:
    for number in range(5):
        store.save_prompt_version("greet", template(f"Hello {number}"))
    page = store.page_prompt_versions("greet", offset=1, limit=2)
    assert ([version.number for version in page.items], page.total) == ([4, 3], 5)
    with pytest.raises(UnknownNameError) as raised:
        store.page_prompt_versions("gret")
    assert raised.value.suggestions == ("greet",)


def test_labels_are_listed_and_taken_off(store: SqlStore) -> None:
    store.save_prompt_version("greet", template("a"))
    store.set_prompt_label("greet", "staging", 1)
    store.set_prompt_label("greet", "production", 1)
    assert list(store.prompt_labels("greet").items()) == [("production", 1), ("staging", 1)]
    store.remove_prompt_label("greet", "staging")
    assert store.prompt_labels("greet") == {"production": 1}
    with pytest.raises(UnknownNameError):
        store.remove_prompt_label("greet", "staging")


def test_a_run_is_found_by_the_prompt_it_used(store: SqlStore) -> None:
    _, runs = submit(store, runs=3)
    version_id = runs[0].spec.prompt.version_id
    page = store.list_prompt_runs("plain", limit=2)
    assert ([run.id for run in page.items], page.total) == ([runs[2].id, runs[1].id], 3)
    assert store.list_prompt_runs("plain", version_id=version_id).total == 3
    assert store.list_prompt_runs("plain", version_id="other").total == 0
    assert store.list_prompt_runs("other").total == 0
    assert store.count_prompt_runs("plain") == {version_id: 3}
