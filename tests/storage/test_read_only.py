"""The store of someone who may only read."""

from __future__ import annotations

import pytest

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.errors import PermissionDeniedError
from prompt_app.storage.store import SqlStore

TEMPLATE = PromptTemplate.model_validate("Answer: {question}")


def test_it_reads_and_refuses_to_write(store: SqlStore) -> None:
    reader = store.read_only()
    with pytest.raises(PermissionDeniedError):
        reader.save_prompt_version("greet", TEMPLATE)
    with pytest.raises(PermissionDeniedError):
        reader.learn_unsupported("model", "parameter", "message")
    assert reader.list_prompts() == []
    store.save_prompt_version("greet", TEMPLATE)
    assert [version.name for version in reader.list_prompts()] == ["greet"]
