"""The models that can be chosen: the catalogue, endpoints and presets of one's own, whether the
account can use them, and a test call."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.base import problem_text, sentence
from prompt_app.datamodel.catalogue import ENDPOINT_PROVIDER, Endpoint, ParameterPreset
from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Reply,
    TokenUsage,
)
from prompt_app.datamodel.names import require_name
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import InputError, PromptAppError
from prompt_app.interfaces import Store
from prompt_app.providers import connect
from prompt_app.providers.catalogue import (
    ModelCard,
    check_access,
    check_model,
    list_models,
    pin_server,
)
from prompt_app.providers.offline_models.scripted import with_script
from prompt_app.providers.prices import cost_usd, price_of
from prompt_app.settings import Settings
from prompt_app.workbench.auditing import Audit
from prompt_app.workbench.endpoints import known_model
from prompt_app.workbench.finetuning import finetuned_cards
from prompt_app.workbench.permissions import check_server

TEST_MESSAGE = "Reply with the word OK."
TEST_SECONDS = 30.0
TEST_TOKENS = 256
"""Room for a model that thinks before it answers."""


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """What one small call to a model came to."""

    seconds: float
    error: str = ""
    """In words; empty where the model answered."""
    text: str = ""
    usage: TokenUsage = field(default_factory=TokenUsage)
    cost_usd: float | None = None
    """None where the price is unknown."""


class Models:
    """In the hands of ``actor``."""

    def __init__(self, store: Store, settings: Settings, actor: Person) -> None:
        self._store = store
        self._settings = settings
        self._actor = actor
        self._audit = Audit(store, actor)

    def cards(self) -> list[ModelCard]:
        """The catalogue: endpoints of one's own first."""
        own = [
            ModelCard(
                reference=each.reference,
                provider=ENDPOINT_PROVIDER,
                title=f"{each.model.reference} at {each.model.base_url or 'its own address'}",
                kind="hosted",
                price=price_of(each.model),
            )
            for each in self._store.list_endpoints()
        ]
        return own + finetuned_cards(self._store) + list_models(self._settings)

    def spec(self, reference: str) -> ModelSpec:
        """The model that ``provider:name`` or ``endpoint:NAME`` stands for. Raises InputError or
        UnknownNameError."""
        try:
            model = ModelSpec.model_validate(reference)
        except ValidationError as error:
            reason = problem_text(error.errors(include_url=False)[0])
            raise InputError(sentence(reason)) from None
        return known_model(model, self._store)

    def access_problem(self, model: ModelSpec) -> str:
        """Why no call to ``model`` can succeed (no key, no credentials); empty where nothing
        speaks against it. Asks the environment, the AWS chain and Secrets Manager, never the
        provider; may block for seconds."""
        try:
            check_access(pin_server(model, self._settings), self._settings)
        except PromptAppError as error:
            return str(error)
        return ""

    def check_server(self, model: ModelSpec) -> None:
        """Raises PermissionDeniedError where only an admin may call ``model``: its server is
        neither the settings' nor an endpoint's."""
        if not any(each.model == model for each in self._store.list_endpoints()):
            check_server(self._actor, model, self._settings)

    def unsupported(self, model: ModelSpec) -> dict[str, str]:
        """Parameters that calls found the model not to take -> its own words."""
        return self._store.learned_unsupported(model.reference)

    def test(self, model: ModelSpec) -> ConnectionTest:
        """One call, one attempt, at most TEST_SECONDS; it costs what it costs."""
        self._actor.require(Role.EDITOR, "call models")
        self.check_server(model)
        model = pin_server(model, self._settings)
        started = time.monotonic()
        try:
            check_model(model, self._settings)
            reply = asyncio.run(self._call(model))
        except PromptAppError as error:
            return ConnectionTest(time.monotonic() - started, error=str(error))
        price = price_of(model)
        return ConnectionTest(
            time.monotonic() - started,
            text=reply.text,
            usage=reply.usage,
            cost_usd=None if price is None else cost_usd(price, reply.usage),
        )

    async def _call(self, model: ModelSpec) -> Reply:
        request = GenerationRequest(
            model=model,
            messages=(Message(role="user", content=TEST_MESSAGE),),
            parameters=InferenceParameters(max_tokens=TEST_TOKENS),
        )
        provider = connect(model, self._settings)
        try:
            return await provider.generate(request, TEST_SECONDS)
        finally:
            await provider.close()

    # endpoints

    def endpoints(self) -> list[Endpoint]:
        """By name."""
        return self._store.list_endpoints()

    def save_endpoint(
        self,
        name: str,
        model: ModelSpec,
        note: str = "",
        *,
        replace: bool = False,
        based_on: Endpoint | None = None,
    ) -> Endpoint:
        """Check the model and its address, resolving the host, and keep it under ``name``.

        Raises InputError for what cannot be used, ConflictError for a name that is taken, or
        where another one than ``based_on`` is to be replaced by now,
        PermissionDeniedError for anyone but an admin: prompts, data and a key go to the address.
        """
        self._actor.require(Role.ADMIN, "add and change endpoints")
        name = require_name(name, "an endpoint")
        if model.provider == ENDPOINT_PROVIDER:
            raise InputError("An endpoint names a provider's model, not another endpoint.")
        model = with_script(model, Path())
        check_model(model, self._settings)
        endpoint = Endpoint(name=name, model=model, note=note.strip(), author=self._actor.name)
        saved = self._store.save_endpoint(endpoint, replace=replace, based_on=based_on)
        self._audit.note("endpoint.save", name, f"{model.reference} at {model.base_url}")
        return saved

    def delete_endpoint(self, name: str) -> None:
        """Runs and their replies stay as they are."""
        self._actor.require(Role.ADMIN, "remove endpoints")
        self._store.delete_endpoint(name)
        self._audit.note("endpoint.delete", name)

    # presets

    def presets(self) -> list[ParameterPreset]:
        """The newest version of each, by name."""
        return self._store.list_presets()

    def preset_versions(self, name: str) -> list[ParameterPreset]:
        """Newest first. Raises UnknownNameError."""
        return self._store.list_preset_versions(name)

    def save_preset(self, name: str, parameters: InferenceParameters) -> ParameterPreset:
        """A new version, or the one that is already equal. Raises InputError."""
        self._actor.require(Role.EDITOR, "save presets")
        name = require_name(name, "a preset")
        if not parameters.given():
            raise InputError("Set at least one parameter: this preset would change nothing.")
        return self._store.save_preset(name, parameters, self._actor.name)

    def delete_preset(self, name: str) -> None:
        """All its versions; runs keep their parameters."""
        self._actor.require(Role.EDITOR, "remove presets")
        self._store.delete_preset(name)
