"""What people add to the catalogue of models: servers of their own, and named parameters."""

from __future__ import annotations

from datetime import datetime

from prompt_app.datamodel.base import Record
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.names import Name

ENDPOINT_PROVIDER = "endpoint"
"""``endpoint:NAME`` stands for the stored endpoint's model wherever a model is named."""


class Endpoint(Record):
    """A model on a server that the catalogue does not know, under a name of its own."""

    name: Name
    model: ModelSpec
    note: str = ""
    author: str = ""
    changed_at: datetime | None = None

    @property
    def reference(self) -> str:
        """How an evaluation names it."""
        return f"{ENDPOINT_PROVIDER}:{self.name}"


class ParameterPreset(Record):
    """An immutable version of named parameters. ``id`` hashes the parameters."""

    id: str
    name: Name
    number: int
    parameters: InferenceParameters
    author: str = ""
    created_at: datetime | None = None
