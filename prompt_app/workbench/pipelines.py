"""Functions and pipelines: what there is, whether it is right, saving and calling."""

from __future__ import annotations

import asyncio
import copy
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.names import require_name
from prompt_app.datamodel.pipeline import (
    FunctionInfo,
    PipelineCall,
    PipelineVersion,
    RegisteredFunction,
)
from prompt_app.errors import PipelineError
from prompt_app.interfaces import Store
from prompt_app.interfaces.rows import Page
from prompt_app.pipelines.callables import prompt_function
from prompt_app.pipelines.catalogue import built_in_functions
from prompt_app.pipelines.checking import CheckedPipeline
from prompt_app.pipelines.custom import find_functions
from prompt_app.pipelines.execution import Ask, Executed, Execution, OnStep
from prompt_app.pipelines.provider import PROVIDER
from prompt_app.settings import Settings
from prompt_app.workbench.pipeline_checks import PipelineChecker, pinned_prompt, version_of
from prompt_app.workbench.pipeline_running import RunningCall
from prompt_app.workbench.step_calling import CacheUse, StepCaller

CALL_SECONDS = 300.0
KEPT_CALLS = 500
"""Traces of each pipeline that are kept."""
MOST_PIPELINES = 1000


@dataclass(frozen=True)
class Synchronisation:
    """What registering the custom functions changed; ``invalid`` are pipelines that no longer
    check, with the reason."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[str, ...]
    invalid: Mapping[str, str]


class Pipelines:
    """Reached as ``workbench.pipelines``."""

    def __init__(self, settings: Settings, store: Store, actor: Person) -> None:
        self._settings = settings
        self._store = store
        self._actor = actor
        self._checker = PipelineChecker(settings, store)
        self._keeps_texts = True

    def without_texts(self) -> Pipelines:
        """The same; what is kept of its calls tells neither arguments, inputs nor outputs."""
        quiet = copy.copy(self)
        quiet._keeps_texts = False
        return quiet

    # functions

    def functions(self) -> list[FunctionInfo]:
        """All that a pipeline can call: built-in, registered, and the newest version of each
        prompt."""
        custom = [each.info for each in self.registered() if each.removed_at is None]
        prompts = [
            prompt_function(version.name, pinned_prompt(version), version.note).info
            for version in self._store.list_prompts()
        ]
        return [*built_in_functions(), *custom, *prompts]

    def registered(self) -> list[RegisteredFunction]:
        """Custom functions, those that are gone included."""
        return self._store.list_functions()

    def synchronise(self) -> Synchronisation:
        """Read the folder of custom functions, which runs its code, and register what is there.
        For admins."""
        self._actor.require(Role.ADMIN, "synchronise the functions")
        before = {each.info.name: each.info for each in self.registered() if not each.removed_at}
        found = find_functions(self._settings.custom_functions)
        infos = [function.info for function in found.functions.values()]
        self._store.register_functions(infos, self._actor.name)
        return Synchronisation(
            added=tuple(sorted(i.name for i in infos if i.name not in before)),
            changed=tuple(
                sorted(i.name for i in infos if i.name in before and before[i.name] != i)
            ),
            removed=tuple(sorted(before.keys() - found.functions.keys())),
            problems=tuple(found.problems),
            invalid=self.invalid(),
        )

    # pipelines

    def check(self, text: str, model: str | None = None) -> CheckedPipeline:
        """Parse and check ``text``; ``model`` is for the steps that name none. Raises
        PipelineError with the place of what is wrong."""
        return self._checker.check(text, model)

    def problem(self, version: PipelineVersion) -> str:
        """Why ``version`` cannot be called now; empty where it can."""
        return self._checker.problem(version)

    def invalid(self) -> dict[str, str]:
        """Every pipeline that cannot be called now, with the reason."""
        page = self._store.list_pipelines(limit=MOST_PIPELINES)
        problems = {version.name: self.problem(version) for version in page.items}
        return {name: problem for name, problem in problems.items() if problem}

    def save(
        self,
        name: str,
        text: str,
        *,
        model: str | None = None,
        note: str = "",
        based_on: int | None = None,
    ) -> PipelineVersion:
        """Check and keep ``text`` as the next version of ``name``. ``based_on`` is the newest
        version that the writer has seen (0: none); where there is a newer one by now, raises
        ConflictError and saves nothing."""
        self._actor.require(Role.EDITOR, "save pipelines")
        name = require_name(name, "a pipeline")
        if name.isdecimal():
            raise PipelineError(f"{name!r} cannot be a pipeline's name: it reads as its id.")
        self.check(text, model)
        return self._store.save_pipeline(
            name, text, model=model, note=note, by=self._actor.name, based_on=based_on
        )

    def list_pipelines(
        self, text: str = "", *, offset: int = 0, limit: int = 50
    ) -> Page[PipelineVersion]:
        """The newest version of each pipeline, newest first."""
        return self._store.list_pipelines(text=text, offset=offset, limit=limit)

    def references(self) -> list[str]:
        """Every pipeline as a model or a prompt of an evaluation: ``pipeline:NAME``."""
        page = self._store.list_pipelines(limit=MOST_PIPELINES)
        return [f"{PROVIDER}:{version.name}" for version in page.items]

    def versions(self, name: str) -> Sequence[PipelineVersion]:
        """Newest first."""
        return self._store.list_pipeline_versions(name)

    def get(self, pipeline: str | int) -> PipelineVersion:
        """By id, ``name`` (its newest version) or ``name@number``. Raises UnknownNameError."""
        if isinstance(pipeline, int):
            return self._store.get_pipeline(pipeline)
        return version_of(self._store, pipeline)

    def delete(self, name: str) -> None:
        """With its versions and traces."""
        self._actor.require(Role.EDITOR, "delete pipelines")
        self._store.delete_pipeline(name)

    def arguments(self, pipeline: str | int) -> list[str]:
        """The names that a call must give values for, in order of first appearance."""
        version = self.get(pipeline)
        return [*self.check(version.text, version.model).arguments]

    # calls

    async def call(
        self,
        pipeline: str | int,
        arguments: Mapping[str, Any],
        *,
        ask: Ask | None = None,
        cache: CacheUse = "use",
        timeout: float = CALL_SECONDS,
        on_step: OnStep | None = None,
    ) -> PipelineCall:
        """Call a saved pipeline and keep the trace. ``ask`` calls models in the place of the
        studio's own callers. A call whose step failed is given back as ``failed``; see
        :meth:`call_text` for what is raised."""
        version = await asyncio.to_thread(self.get, pipeline)
        return await self.call_text(
            version.text,
            arguments,
            model=version.model,
            version=version,
            ask=ask,
            cache=cache,
            timeout=timeout,
            on_step=on_step,
        )

    async def call_text(  # noqa: PLR0913 - options by name
        self,
        text: str,
        arguments: Mapping[str, Any],
        *,
        model: str | None = None,
        version: PipelineVersion | None = None,
        ask: Ask | None = None,
        cache: CacheUse = "use",
        timeout: float = CALL_SECONDS,
        on_step: OnStep | None = None,
    ) -> PipelineCall:
        """Call ``text``, saved or not. Raises PipelineError where the text or the arguments are
        wrong: then nothing was called and nothing is kept. A cancelled call is kept too."""
        self._actor.require(Role.EDITOR, "call pipelines")
        checked = await asyncio.to_thread(self.check, text, model)
        caller = StepCaller(self._store, self._settings, cache) if ask is None else None
        execution = Execution(checked, ask or caller or _no_model, on_step)
        record = PipelineCall(
            id=f"p{secrets.token_hex(8)}",
            pipeline_id=version.pipeline_id if version else None,
            name=version.name if version else "",
            number=version.number if version else None,
            text=text,
            arguments=dict(arguments),
            state="cancelled",
            created_at=datetime.now(UTC),
            created_by=self._actor.name,
        )
        try:
            executed = await execution.run(arguments, timeout)
        except asyncio.CancelledError:
            await asyncio.shield(self._keep(_finished(record, execution.so_far("cancelled"))))
            raise
        finally:
            if caller is not None:
                await caller.close()
        return await self._keep(_finished(record, executed))

    def start(
        self,
        text: str,
        arguments: Mapping[str, Any],
        *,
        model: str | None = None,
        version: PipelineVersion | None = None,
        cache: CacheUse = "use",
    ) -> RunningCall:
        """Call ``text`` in a thread of its own, to be watched and cancelled."""
        return RunningCall(
            lambda on_step: self.call_text(
                text, arguments, model=model, version=version, cache=cache, on_step=on_step
            )
        )

    def calls(self, pipeline: str | int, *, offset: int = 0, limit: int = 20) -> Page[PipelineCall]:
        """A pipeline's calls with their traces, newest first."""
        return self._store.list_pipeline_calls(
            self.get(pipeline).pipeline_id, offset=offset, limit=limit
        )

    def recorded_call(self, call_id: str) -> PipelineCall:
        return self._store.get_pipeline_call(call_id)

    async def _keep(self, call: PipelineCall) -> PipelineCall:
        kept = call if self._keeps_texts else _without_texts(call)
        await asyncio.to_thread(self._store.save_pipeline_call, kept, keep=KEPT_CALLS)
        return call


async def _no_model(request: Any) -> Any:
    raise ValueError("no step asks a model")


def _without_texts(call: PipelineCall) -> PipelineCall:
    nothing: dict[str, Any] = {"output": None, "error": ""}
    steps = tuple(step.model_copy(update={**nothing, "inputs": {}}) for step in call.steps)
    return call.model_copy(update={**nothing, "arguments": {}, "steps": steps})


def _finished(record: PipelineCall, executed: Executed) -> PipelineCall:
    return record.model_copy(
        update={
            "state": executed.state,
            "output": executed.output,
            "error": str(executed.error or ""),
            "steps": executed.steps,
            "seconds": executed.seconds,
            "usage": executed.usage,
            "cost_usd": executed.cost_usd,
        }
    )
