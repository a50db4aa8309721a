"""The provider table and what one connection serves."""

from __future__ import annotations

import pytest

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.providers import PROVIDERS, connect, connection_key
from prompt_app.settings import Settings


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_entry_of_the_table_loads(name: str) -> None:
    assert callable(PROVIDERS.load(name))


def test_an_unknown_provider_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'openai'"):
        connect(ModelSpec(provider="opnai", name="x"), Settings())


def test_models_share_a_connection_exactly_when_their_server_is_the_same() -> None:
    one = ModelSpec(provider="openai", name="a", base_url="http://x/v1")
    assert connection_key(one) == connection_key(one.model_copy(update={"name": "b"}))
    for change in (
        {"base_url": "http://y/v1"},
        {"provider": "sagemaker"},
        {"region": "eu-west-1"},
        {"options": {"azure": True}},
    ):
        assert connection_key(one) != connection_key(one.model_copy(update=change))


def test_an_unknown_offline_option_gets_the_nearest_name() -> None:
    model = ModelSpec(provider="offline", name="scripted", options={"scrpt": "x"})
    with pytest.raises(EvaluationError, match="Did you mean 'script'"):
        connect(model, Settings())
