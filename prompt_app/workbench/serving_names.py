"""Aliases and assistants: made, changed and deleted by editors."""

from __future__ import annotations

from typing import Literal

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.serving import Assistant, ModelRoute
from prompt_app.errors import InputError, UnknownNameError
from prompt_app.interfaces import Store
from prompt_app.providers.catalogue import named_model
from prompt_app.providers.offline import OFFLINE_EMBEDDER, OFFLINE_MODELS
from prompt_app.registry import nearest_names
from prompt_app.workbench.auditing import Audit
from prompt_app.workbench.endpoints import known_model


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
        nothing. Raises UnknownNameError for a model that is known not to exist."""
        self._actor.require(Role.EDITOR, "change assistants")
        for model in assistant.models:
            self._check(model)
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
            self._check(target.model)
            if target.prompt_model is not None:
                self._check(target.prompt_model)
        self._store.save_route(route, based_on=based_on)
        self._audit.note("alias.save", route.name, route.to_json())

    def delete_alias(self, name: str) -> None:
        self._actor.require(Role.EDITOR, "delete aliases")
        self._store.delete_route(name)
        self._audit.note("alias.delete", name)

    def _check(self, name: str) -> None:
        """Raises UnknownNameError for what nobody could call by ``name``, as far as that is known
        here: a vendor's models and new names of aliases are not."""
        kind, _, served = name.partition("/")
        if kind == "prompt":
            prompt, _, which = served.partition("@")
            self._store.get_prompt_version(prompt, which or None)
        elif kind == "pipeline":
            self._store.get_pipeline(served)
        elif kind == "assistant":
            known = [each.name for each in self._store.list_assistants()]
            if served not in known:
                raise UnknownNameError("assistant", served, nearest_names(served, known))
        else:
            model = known_model(named_model(name), self._store)
            offline = [*OFFLINE_MODELS, OFFLINE_EMBEDDER]
            if model.provider == "offline" and model.name not in offline:
                near = nearest_names(model.name, offline)
                raise UnknownNameError("offline model", model.name, near)
