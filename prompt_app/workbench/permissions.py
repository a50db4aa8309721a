"""What depends on the role, beyond which methods a person may call."""

from __future__ import annotations

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.model import ModelSpec
from prompt_app.providers.catalogue import pin_server
from prompt_app.settings import Settings
from prompt_app.workbench.resolving import models_of


def check_servers(actor: Person, spec: EvaluationSpec, settings: Settings) -> None:
    """Only an admin chooses servers that the settings do not name: prompts and data go there.

    Raises PermissionDeniedError.
    """
    for model, *_ in models_of(spec):
        check_server(actor, model, settings)


def check_server(actor: Person, model: ModelSpec, settings: Settings) -> None:
    """As :func:`check_servers`, for one model."""
    configured = pin_server(model.model_copy(update={"base_url": None}), settings).base_url
    if model.base_url not in (None, configured):
        actor.require(Role.ADMIN, f"use another server ({model.base_url})")
