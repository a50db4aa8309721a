"""What the names stand for that clients call models by."""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.catalogue import ENDPOINT_PROVIDER
from prompt_app.datamodel.evaluation import Limits, PromptSelection
from prompt_app.datamodel.model import ModelSpec
from prompt_app.datamodel.project import Reach
from prompt_app.datamodel.prompt import Message, PinnedPrompt
from prompt_app.datamodel.rendering import render_messages, template_placeholders
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget
from prompt_app.engine.callers import Callers
from prompt_app.errors import InputError, UnknownNameError
from prompt_app.interfaces import Store
from prompt_app.providers.catalogue import check_model, list_models, named_model, pin_server
from prompt_app.registry import nearest_names
from prompt_app.settings import Settings
from prompt_app.workbench.finetuning import finetuned_cards
from prompt_app.workbench.pinning import PromptPinner
from prompt_app.workbench.serving.asking import Asked, Candidate, Target
from prompt_app.workbench.serving.routing import make_target

SERVED = PROMPT, ASSISTANT, PIPELINE = "prompt/", "assistant/", "pipeline/"
"""What begins so is no model, though it is called as one."""
ENDPOINT = f"{ENDPOINT_PROVIDER}:"
LISTED = 200
PROMPT_SECONDS = 1.0
"""How long a label's move, or an endpoint's change, may go unnoticed."""
MOST_TARGETS = 500
DEFAULT_ATTEMPTS = 3
DEFAULT_TIMEOUT_SECONDS = 120.0


_NO_ROUTE = ModelRoute.model_construct(
    name="", targets=(), fallbacks=(), attempts=DEFAULT_ATTEMPTS,
    timeout_seconds=DEFAULT_TIMEOUT_SECONDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """Aliases and assistants, as far as someone sees them; ``store`` is all they see."""

    store: Store
    routes: Mapping[str, ModelRoute]
    assistants: Mapping[str, Assistant]

    def assistant(self, name: str) -> Assistant:
        """Raises UnknownNameError."""
        found = self.assistants.get(name)
        if found is None:
            raise UnknownNameError("assistant", name, nearest_names(name, self.assistants))
        return found


class Names:
    """Aliases, assistants and prompts by name, and the models behind them."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._callers = Callers(settings)
        self._targets: OrderedDict[tuple[str, int, float, bool], Target] = OrderedDict()
        self._prompts: dict[tuple[Reach, str], tuple[float, PinnedPrompt]] = {}
        self._endpoints: dict[tuple[Reach, str], tuple[float, ModelSpec]] = {}
        self._known: dict[Reach, Known] = {}
        self._seen_here = -1

    def forget(self) -> None:
        """Aliases and assistants, or who sees them, have changed: read them anew."""
        self._seen_here = self._store.serving_changes_here
        self._known = {}
        self._prompts = {}
        self._endpoints = {}

    async def known(self, reach: Reach) -> Known:
        """What this process or another one has changed is taken note of."""
        if self._store.serving_changes_here != self._seen_here:
            self.forget()
        found = self._known.get(reach)
        if found is None:
            kept = self._known  # not what is kept after a change that comes meanwhile
            found = await asyncio.to_thread(_read, self._store.reaching(reach))
            if len(kept) > MOST_TARGETS:
                kept.clear()
            kept[reach] = found
        return found

    async def candidates(self, asked: Asked, reach: Reach) -> list[Candidate]:
        """What may answer, in the order in which it is tried; what ``reach`` does not see does
        not exist. Raises InputError."""
        known = await self.known(reach)
        if asked.spec is not None:
            target = await self._target_of(asked.spec, DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_SECONDS)
            return [Candidate(target, (asked.model, *target.names, asked.part_of))]
        route = known.routes.get(asked.model)
        if route is None:
            one = RouteTarget(model=asked.model, prompt_model=asked.prompt_model)
            return [await self._candidate(known, one, _NO_ROUTE, embeds=bool(asked.texts))]
        drawn = route.targets[0]
        if len(route.targets) > 1:
            weights = [target.weight for target in route.targets]
            drawn = random.choices(route.targets, weights)[0]
        return [
            await self._candidate(known, each, route, embeds=bool(asked.texts))
            for each in (drawn, *route.fallbacks)
        ]

    async def _candidate(
        self, known: Known, wanted: RouteTarget, route: ModelRoute, *, embeds: bool
    ) -> Candidate:
        attempts, timeout = route.attempts, route.timeout_seconds
        names = tuple(name for name in (route.name, wanted.model) if name)
        if embeds and wanted.model.startswith((PROMPT, ASSISTANT)):
            raise InputError(f"{wanted.model} answers, and embeds nothing: name a model.")
        if wanted.model.startswith(PROMPT):
            prompt = await self._prompt(known.store, wanted.model[len(PROMPT) :])
            model = wanted.prompt_model or self._settings.gateway_model
            if model is None:
                raise InputError(
                    f"{wanted.model} is a prompt: name the model that answers it in the field "
                    "'prompt_model', by an alias, or for all by PROMPT_APP_GATEWAY_MODEL."
                )
            target = await self._target(known.store, model, attempts, timeout)
            named = (*names, f"{PROMPT}{prompt.name}")
            # A prompt that may be called is no way around the list of models.
            return Candidate(target, named, prompt)
        if wanted.model.startswith(ASSISTANT):
            assistant = known.assistant(wanted.model[len(ASSISTANT) :])
            model = wanted.prompt_model or assistant.models[0]
            target = await self._target(known.store, model, attempts, timeout)
            return Candidate(target, names, context=assistant.context)
        target = await self._target(known.store, wanted.model, attempts, timeout, embeds=embeds)
        return Candidate(target, (*names, *target.names))

    async def _target_of(
        self, model: ModelSpec, attempts: int, timeout: float, *, name: str = "",
        embeds: bool = False,
    ) -> Target:  # fmt: skip
        """``name`` is what the client calls it."""
        named = name or model.reference
        key = (f"{named} {model.content_id}", attempts, timeout, embeds)
        target = self._targets.get(key)
        if target is None:
            target = await asyncio.to_thread(self._connect, model, named, *key[1:])
            self._keep(key, target)
        return target

    async def _target(
        self, store: Store, name: str, attempts: int, timeout: float, *, embeds: bool = False
    ) -> Target:
        if name.startswith(ENDPOINT):
            model = await self._endpoint(store, name[len(ENDPOINT) :])
            return await self._target_of(model, attempts, timeout, name=name, embeds=embeds)
        key = (name, attempts, timeout, embeds)
        target = self._targets.get(key)
        if target is None:
            target = await asyncio.to_thread(self._make_target, *key)
            self._keep(key, target)
        return target

    def _keep(self, key: tuple[str, int, float, bool], target: Target) -> None:
        self._targets[key] = target
        if len(self._targets) > MOST_TARGETS:
            self._targets.popitem(last=False)

    async def _endpoint(self, store: Store, name: str) -> ModelSpec:
        """Raises UnknownNameError."""
        key = (store.reach, name)
        kept = self._endpoints.get(key)
        if kept is not None and time.monotonic() - kept[0] < PROMPT_SECONDS:
            return kept[1]
        found = (await asyncio.to_thread(store.get_endpoint, name)).model
        if len(self._endpoints) > MOST_TARGETS:
            self._endpoints.clear()
        self._endpoints[key] = (time.monotonic(), found)
        return found

    def _make_target(self, name: str, attempts: int, timeout: float, embeds: bool) -> Target:
        if name.startswith(SERVED):
            raise InputError(f"{name!r} is no model: it cannot answer for another name.")
        return self._connect(named_model(name), name, attempts, timeout, embeds)

    def _connect(
        self, named: ModelSpec, name: str, attempts: int, timeout: float, embeds: bool
    ) -> Target:
        model = pin_server(named, self._settings)
        check_model(model, self._settings, embeds=embeds)
        limits = Limits(
            max_concurrency=self._settings.gateway_concurrency,
            max_attempts=attempts,
            timeout_seconds=timeout,
        )
        return make_target(self._callers, model, name, limits)

    async def _prompt(self, store: Store, reference: str) -> PinnedPrompt:
        key = (store.reach, reference)
        kept = self._prompts.get(key)
        if kept is not None and time.monotonic() - kept[0] < PROMPT_SECONDS:
            return kept[1]
        pinned = await asyncio.to_thread(_pin, store, reference)
        if len(self._prompts) > MOST_TARGETS:
            self._prompts.clear()
        self._prompts[key] = (time.monotonic(), pinned)
        return pinned

    async def callable_names(self, reach: Reach) -> list[str]:
        """Every name that can be called, as far as they can be listed."""
        known = await self.known(reach)
        return await asyncio.to_thread(self._list, known)

    def _list(self, known: Known) -> list[str]:
        prompts = [
            f"{PROMPT}{version.name}" + (f"@{label}" if label else "")
            for version in known.store.list_prompts()
            for label in ("", *version.labels)
        ]
        return [
            *known.routes,
            *prompts,
            *(f"{ASSISTANT}{name}" for name in known.assistants),
            *(f"{PIPELINE}{name}" for name in _pipelines(known.store)),
            *(endpoint.reference for endpoint in known.store.list_endpoints()),
            *(card.reference for card in finetuned_cards(known.store)),
            *(card.reference for card in list_models(self._settings)),
        ]

    async def close(self) -> None:
        await self._callers.close()


def _read(store: Store) -> Known:
    return Known(
        store,
        {route.name: route for route in store.list_routes()},
        {assistant.name: assistant for assistant in store.list_assistants()},
    )


def _pipelines(store: Store) -> Iterator[str]:
    offset = 0
    while True:
        page = store.list_pipelines(offset=offset, limit=LISTED)
        yield from (version.name for version in page.items)
        offset += LISTED
        if offset >= page.total:
            return


def _pin(store: Store, reference: str) -> PinnedPrompt:
    name, _, which = reference.partition("@")
    version = store.get_prompt_version(name, which or None)
    few_shot = version.template.few_shot
    if few_shot is None:
        return PinnedPrompt(
            name=name, version_id=version.id, number=version.number, template=version.template
        )
    dataset, _, number = few_shot.dataset.partition("@")
    found = store.get_dataset_version(dataset, int(number) if number else None)
    chosen = PromptSelection(ref=f"{name}@{version.number}")
    return PromptPinner(store, found).pin(chosen)


def messages_for(candidate: Candidate, asked: Asked) -> tuple[Message, ...]:
    """What is sent. The variables of a saved prompt are those that the client gives; where the
    prompt has one alone, the last message is its value. Raises InputError."""
    if candidate.prompt is not None:
        return _prompt_messages(candidate.prompt, asked)
    if candidate.context is not None:
        return (Message(role="system", content=candidate.context), *asked.messages)
    return asked.messages


def _prompt_messages(prompt: PinnedPrompt, asked: Asked) -> tuple[Message, ...]:
    names = template_placeholders(prompt.template)
    values: Mapping[str, Any] | None = asked.variables
    rest = asked.messages
    if values is None and len(names) == 1 and rest and rest[-1].role == "user":
        values, rest = {names[0]: rest[-1].content}, rest[:-1]
    if values is None and names:
        raise InputError(
            f"The prompt {prompt.name!r} has the variables {', '.join(names)}: give them in the "
            "field 'variables'."
        )
    return (*render_messages(prompt, values or {}), *rest)
