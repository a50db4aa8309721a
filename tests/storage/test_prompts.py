from __future__ import annotations

import pytest

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.storage.store import SqlStore


def template(text: str) -> PromptTemplate:
    return PromptTemplate.model_validate(text)


def test_an_equal_template_is_the_same_version(store: SqlStore) -> None:
    first = store.save_prompt_version("greet", template("Hello {name}"), note="first")
    assert (first.number, first.note) == (1, "first")
    second = store.save_prompt_version("greet", template("Hi {name}"))
    assert second.number == 2
    assert store.save_prompt_version("greet", template("Hello {name}"), note="again") == first
    other = store.save_prompt_version("other", template("Hello {name}"))
    assert (other.number, other.id) == (1, first.id)
    assert [version.number for version in store.list_prompt_versions("greet")] == [2, 1]
    assert {(v.name, v.number) for v in store.list_prompts()} == {("greet", 2), ("other", 1)}


def test_a_version_is_found_by_number_label_and_id(store: SqlStore) -> None:
    first = store.save_prompt_version("greet", template("Hello"))
    second = store.save_prompt_version("greet", template("Hi"))
    store.set_prompt_label("greet", "production", 1)
    for which in (1, "1", "production", first.id):
        found = store.get_prompt_version("greet", which)
        assert (found.number, found.labels) == (1, ("production",))
    assert store.get_prompt_version("greet") == second


def test_a_label_moves(store: SqlStore) -> None:
    for text in ("a", "b"):
        store.save_prompt_version("greet", template(text))
    store.set_prompt_label("greet", "production", 1)
    store.set_prompt_label("greet", "staging", 2)
    store.set_prompt_label("greet", "production", 2)
    assert store.get_prompt_version("greet", 1).labels == ()
    assert store.get_prompt_version("greet", "production").labels == ("production", "staging")


@pytest.mark.parametrize("label", ["", "two words", "3", "x" * 101, "a\0"])
def test_a_label_must_be_a_name(store: SqlStore, label: str) -> None:
    store.save_prompt_version("greet", template("a"))
    with pytest.raises(EvaluationError, match="cannot be a label"):
        store.set_prompt_label("greet", label, 1)


def test_unknown_ones_come_with_the_nearest(store: SqlStore) -> None:
    store.save_prompt_version("greeting", template("a"))
    store.set_prompt_label("greeting", "production", 1)
    with pytest.raises(UnknownNameError) as raised:
        store.get_prompt_version("greetin")
    assert raised.value.suggestions == ("greeting",)
    with pytest.raises(UnknownNameError) as raised:
        store.get_prompt_version("greeting", "prodution")
    assert raised.value.suggestions == ("production",)
    with pytest.raises(UnknownNameError):
        store.list_prompt_versions("greetin")
    for number in (0, 2, 10**12):
        with pytest.raises(UnknownNameError):
            store.set_prompt_label("greeting", "production", number)
        with pytest.raises(UnknownNameError):
            store.get_prompt_version("greeting", number)


def test_any_text_comes_back(store: SqlStore) -> None:
    odd = template('NUL \0, quote " and backslash \\, \x02json:, 🦀 {name}')
    store.save_prompt_version("odd", odd, note="\0 note")
    found = store.get_prompt_version("odd")
    assert (found.template, found.note) == (odd, "\0 note")
