"""Stored endpoints by their names."""

from __future__ import annotations

from prompt_app.datamodel.catalogue import ENDPOINT_PROVIDER
from prompt_app.datamodel.model import ModelSpec
from prompt_app.interfaces import Store


def known_model(model: ModelSpec, store: Store) -> ModelSpec:
    """A stored endpoint's model in place of its name. Raises UnknownNameError."""
    if model.provider == ENDPOINT_PROVIDER:
        return store.get_endpoint(model.name).model
    return model
