from __future__ import annotations

import pytest

from prompt_app.datamodel.catalogue import Endpoint
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.storage.store import SqlStore


def endpoint(name: str = "local", model: str = "llama3.2") -> Endpoint:
    spec = ModelSpec(provider="openai", name=model, base_url="http://localhost:11434/v1")
    return Endpoint(name=name, model=spec, note="\0 mine", author="Ada")


def test_an_endpoint_is_kept_changed_and_deleted(store: SqlStore) -> None:
    saved = store.save_endpoint(endpoint())
    assert saved.changed_at is not None
    assert store.get_endpoint("local") == saved
    with pytest.raises(ConflictError, match="already"):
        store.save_endpoint(endpoint(model="other"))
    assert store.get_endpoint("local").model.name == "llama3.2"
    store.save_endpoint(endpoint(model="other"), replace=True)
    store.save_endpoint(endpoint("another"))
    assert [(each.name, each.model.name) for each in store.list_endpoints()] == [
        ("another", "llama3.2"),
        ("local", "other"),
    ]
    store.delete_endpoint("local")
    with pytest.raises(UnknownNameError):
        store.delete_endpoint("local")
    with pytest.raises(UnknownNameError) as raised:
        store.get_endpoint("anoter")
    assert raised.value.suggestions == ("another",)


def test_a_preset_is_versioned_by_its_content(store: SqlStore) -> None:
    warm = InferenceParameters(temperature=0.8, stop=("\0",))
    cold = InferenceParameters(temperature=0.0)
    first = store.save_preset("mood", warm, "Ada")
    assert (first.number, first.id, first.author) == (1, warm.content_id, "Ada")
    assert store.save_preset("mood", cold).number == 2
    assert store.save_preset("mood", warm, "Bob") == first
    assert store.get_preset("mood").parameters == cold
    assert store.get_preset("mood", 1) == first
    assert [each.number for each in store.list_preset_versions("mood")] == [2, 1]
    store.save_preset("brief", InferenceParameters(max_tokens=64))
    assert [(each.name, each.number) for each in store.list_presets()] == [
        ("brief", 1),
        ("mood", 2),
    ]
    for number in (0, 3, 10**12):
        with pytest.raises(UnknownNameError):
            store.get_preset("mood", number)
    store.delete_preset("mood")
    with pytest.raises(UnknownNameError):
        store.list_preset_versions("mood")
    with pytest.raises(UnknownNameError):
        store.delete_preset("mood")
