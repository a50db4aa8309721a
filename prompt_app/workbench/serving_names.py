"""Aliases and assistants: made, changed and deleted by editors."""

from __future__ import annotations

from typing import Literal

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.serving import Assistant, ModelRoute
from prompt_app.errors import InputError
from prompt_app.interfaces import Store
from prompt_app.workbench.auditing import Audit


class ServingNames:
    """What the gateway's callers may call by a name of its own."""

    def __init__(self, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor
        self._audit = Audit(store, actor)

    def assistants(self) -> list[Assistant]:
        return self._store.list_assistants()

    def save_assistant(
        self, assistant: Assistant, *, based_on: Assistant | Literal["any"] | None = "any"
    ) -> None:
        """Replaces the one of that name. ``based_on`` is what the writer saw of it (None: there
        was none); where something else is there by now, raises ConflictError and saves
        nothing."""
        self._actor.require(Role.EDITOR, "change assistants")
        self._store.save_assistant(assistant, based_on=based_on)
        self._audit.note("assistant.save", assistant.name)

    def delete_assistant(self, name: str) -> None:
        self._actor.require(Role.EDITOR, "delete assistants")
        self._store.delete_assistant(name)
        self._audit.note("assistant.delete", name)

    def aliases(self) -> list[ModelRoute]:
        return self._store.list_routes()

    def save_alias(
        self, route: ModelRoute, *, based_on: ModelRoute | Literal["any"] | None = "any"
    ) -> None:
        """As :meth:`save_assistant`; raises InputError for a target that no alias can have."""
        self._actor.require(Role.EDITOR, "change aliases")
        aliases = {route.name, *(each.name for each in self._store.list_routes())}
        for target in (*route.targets, *route.fallbacks):
            if target.model in aliases or target.model.startswith("pipeline/"):
                raise InputError(
                    f"{target.model!r}: an alias stands for models, prompts and assistants, "
                    "neither for pipelines nor for other aliases."
                )
        self._store.save_route(route, based_on=based_on)
        self._audit.note("alias.save", route.name, route.to_json())

    def delete_alias(self, name: str) -> None:
        self._actor.require(Role.EDITOR, "delete aliases")
        self._store.delete_route(name)
        self._audit.note("alias.delete", name)
