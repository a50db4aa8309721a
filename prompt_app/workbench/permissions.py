"""What depends on who acts, beyond which methods a person may call."""

from __future__ import annotations

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.project import Reach, reach_of
from prompt_app.interfaces import Store
from prompt_app.providers.catalogue import pin_server
from prompt_app.settings import Settings


def store_of(store: Store, person: Person, project: str | None, reach: Reach | None) -> Store:
    """The store in the hands of ``person``: what belongs to no project is there and what belongs
    to their own (or to ``reach``); with ``project`` (id or name) what belongs to that one alone,
    to which then belongs what is made. A viewer's refuses every write, so that a capability that
    forgets to ask for the role changes nothing. Raises UnknownNameError."""
    reach = reach or reach_of(person)
    store = store.reaching(reach)
    if project is not None:
        store = store.reaching(reach.within(store.get_project(project).id))
    return store if person.may(Role.EDITOR) else store.read_only()


def check_servers(actor: Person, spec: EvaluationSpec, settings: Settings) -> None:
    """Only an admin chooses servers that the settings do not name: prompts and data go there.

    Raises PermissionDeniedError.
    """
    from prompt_app.workbench.resolving import models_of

    for model, *_ in models_of(spec):
        check_server(actor, model, settings)


def check_server(actor: Person, model: ModelSpec, settings: Settings) -> None:
    """As :func:`check_servers`, for one model."""
    configured = pin_server(model.model_copy(update={"base_url": None}), settings).base_url
    if model.base_url not in (None, configured):
        actor.require(Role.ADMIN, f"use another server ({model.base_url})")
