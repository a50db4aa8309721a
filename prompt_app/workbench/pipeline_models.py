"""Pipelines as models: ``pipeline:NAME`` in an evaluation, pinned to what it is now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_app.datamodel.evaluation import PromptSelection
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import Message, PromptTemplate
from prompt_app.engine.callers import Connect
from prompt_app.errors import EvaluationError, PromptAppError, RunBlockingError
from prompt_app.pipelines.provider import PROVIDER, PipelineProvider
from prompt_app.providers import connect
from prompt_app.workbench.pipeline_checks import Pins, PipelineChecker, version_of
from prompt_app.workbench.step_calling import StepCaller

if TYPE_CHECKING:
    from prompt_app.interfaces import Provider, Store
    from prompt_app.pipelines.checking import CheckedPipeline
    from prompt_app.settings import Settings


def pin_pipeline(model: ModelSpec, settings: Settings, store: Store) -> ModelSpec:
    """``pipeline:NAME`` or ``pipeline:NAME@number`` with its version, and with what its
    prompts, their few-shot examples, models, endpoints and functions are now as options: what
    changes later is another model. Raises InputError."""
    version = version_of(store, model.name)
    checker = PipelineChecker(settings, store)
    checked = checker.check(version.text, version.model)
    functions = {
        step.function.info.name: step.function.info.fingerprint
        for step in checked.steps
        if step.function.info.source == "custom"
    }
    options = checker.found.model_dump(mode="json", exclude_defaults=True)
    if functions:
        options["functions"] = functions
    return model.model_copy(update={"name": version.reference, "options": options})


def check_pipeline_parameters(model: ModelSpec, parameters: InferenceParameters) -> None:
    """Raises EvaluationError: a pipeline's steps have parameters of their own."""
    for name in parameters.given():
        raise EvaluationError(
            f"{model.reference} does not take {name!r}: its prompt steps have parameters of their "
            "own. Leave it out for this model."
        )


def argument_prompt(chosen: PromptSelection, settings: Settings, store: Store) -> PromptSelection:
    """``pipeline:NAME`` as a prompt: each argument is the field of the same name, in a user
    message of its own. Other prompts stay as they are."""
    provider, _, name = (chosen.ref or "").partition(":")
    if provider != PROVIDER:
        return chosen
    version = version_of(store, name)
    arguments = PipelineChecker(settings, store).check(version.text, version.model).arguments
    if not arguments:
        raise EvaluationError(f"The pipeline {name} has no arguments to fill from a dataset.")
    template = PromptTemplate(
        messages=tuple(Message(role="user", content=f"{{{each}}}") for each in arguments)
    )
    return PromptSelection(
        name=f"{version.name[:80]}-arguments", template=template, perturb=chosen.perturb
    )


def connector(store: Store) -> Connect:
    """Connects to pipelines too."""

    def connect_any(model: ModelSpec, settings: Settings) -> Provider:
        if model.provider != PROVIDER:
            return connect(model, settings)
        pipelines = _Pinned(settings, store)
        caller = StepCaller(store, settings, "off")
        return PipelineProvider(pipelines.load, caller, caller.close)

    return connect_any


class _Pinned:
    """Pinned pipelines, checked once each."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._loaded: dict[str, asyncio.Task[CheckedPipeline]] = {}

    async def load(self, model: ModelSpec) -> CheckedPipeline:
        """Raises RunBlockingError where it can no longer be called as it was pinned."""
        if model.name not in self._loaded:
            loading = asyncio.to_thread(self._load, model)
            self._loaded[model.name] = asyncio.create_task(loading)
        return await asyncio.shield(self._loaded[model.name])

    def _load(self, model: ModelSpec) -> CheckedPipeline:
        try:
            version = version_of(self._store, model.name)
            pinned = {name: model.options.get(name, {}) for name in Pins.model_fields}
            checker = PipelineChecker(self._settings, self._store, Pins.model_validate(pinned))
            checked = checker.check(version.text, version.model)
        except PromptAppError as error:
            raise RunBlockingError(f"{model.reference} cannot be called: {error}") from None
        for step in checked.steps:
            info = step.function.info
            known = model.options.get("functions", {}).get(info.name, info.fingerprint)
            if info.source == "custom" and info.fingerprint != known:
                raise RunBlockingError(
                    f"{model.reference} cannot be called: its function {info.name} has changed "
                    "since. Evaluate it anew."
                )
        return checked
