"""Calls a checked pipeline: independent branches at once, every step traced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.counting import summed_cost
from prompt_app.datamodel.model import GenerationRequest, TokenUsage
from prompt_app.datamodel.pipeline import CallState, StepState, StepTrace
from prompt_app.datamodel.rendering import render_messages
from prompt_app.errors import (
    DeadlineExceededError,
    FunctionError,
    PipelineError,
    PromptAppError,
    ProviderError,
    RunBlockingError,
)
from prompt_app.interfaces.pipelines import StepReply
from prompt_app.pipelines.checking import Bound, BoundList, CheckedPipeline, Step
from prompt_app.pipelines.tree import Literal
from prompt_app.pipelines.values import as_text, plain_value
from prompt_app.registry import nearest_names

FUNCTION_SECONDS = 30.0
"""For one call of a custom function. Its thread cannot be stopped, but nobody waits longer."""
MOST_TRACED = 20_000
"""Characters of an input or output in the trace."""

Ask = Callable[[GenerationRequest], Awaitable[StepReply]]
OnStep = Callable[[StepTrace], None]


@dataclass(frozen=True)
class Executed:
    """``output`` is what the outermost call gave; None where ``state`` is not ``done``."""

    state: CallState
    output: Any
    error: PromptAppError | None
    steps: tuple[StepTrace, ...]
    seconds: float

    @property
    def usage(self) -> TokenUsage:
        return sum((step.usage for step in self.steps), TokenUsage())

    @property
    def cost_usd(self) -> float | None:
        return summed_cost(step.cost_usd for step in self.steps)


class Execution:
    """One call. ``steps`` shows where it stands at any time, also from another thread."""

    def __init__(self, pipeline: CheckedPipeline, ask: Ask, on_step: OnStep | None = None) -> None:
        self._pipeline = pipeline
        self._ask = ask
        self._on_step = on_step or (lambda trace: None)
        self._started = 0.0
        self.steps = [
            StepTrace(
                index=step.index,
                parent=step.parent,
                name=step.function.info.name,
                source=step.function.info.source,
                line=step.place.line,
                column=step.place.column,
                model=step.model.reference if step.model else "",
            )
            for step in pipeline.steps
        ]

    async def run(self, arguments: Mapping[str, Any], timeout: float) -> Executed:
        """At most ``timeout`` seconds. The first step that fails stops the others. Raises
        PipelineError for missing or unknown arguments, before anything is called."""
        check_arguments(self._pipeline, arguments)
        self._started = time.monotonic()
        output: Any = None
        error: PromptAppError | None = None
        try:
            async with asyncio.timeout(timeout):
                output = await self._call(self._pipeline.root, arguments)
        except TimeoutError:
            error = DeadlineExceededError(f"The pipeline took more than {timeout:g} s.")
        except PromptAppError as failure:
            error = failure
        finally:
            self._cancel_rest()
        return self.so_far("failed" if error else "done", output, error)

    def so_far(
        self, state: CallState, output: Any = None, error: PromptAppError | None = None
    ) -> Executed:
        """The call as it stands now."""
        return Executed(state, output, error, tuple(self.steps), self._now())

    async def _call(self, step: Step, arguments: Mapping[str, Any]) -> Any:
        bound = [value for _, value in step.inputs]
        values = await self._all(bound, arguments)
        names = [name for name, _ in step.inputs]
        inputs = _distinct(zip(names, values, strict=True))
        self._note(step, state="running", started=self._now(), inputs=_cut_all(inputs))
        try:
            output = await self._output(step, names, values)
        except PromptAppError as error:
            self._note(step, state="failed", error=str(error), seconds=self._since(step))
            placed = _placed(error, step)
            if placed is error:
                raise
            raise placed from error
        self._note(step, state="done", output=_cut(output), seconds=self._since(step))
        return output

    async def _all(self, bound: list[Bound], arguments: Mapping[str, Any]) -> list[Any]:
        """The values, all at once; when one fails the others are cancelled."""
        tasks = [asyncio.ensure_future(self._value(each, arguments)) for each in bound]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _value(self, bound: Bound, arguments: Mapping[str, Any]) -> Any:
        if isinstance(bound, Step):
            return await self._call(bound, arguments)
        if isinstance(bound, BoundList):
            return await self._all(list(bound.items), arguments)
        return bound.value if isinstance(bound, Literal) else arguments[bound.name]

    async def _output(self, step: Step, names: list[str], values: list[Any]) -> Any:
        if step.function.prompt is not None:
            return await self._reply(step, dict(zip(names, values, strict=True)))
        converted = [_converted(step, *each) for each in zip(names, values, strict=True)]
        split = len(step.positional)
        named = dict(zip(names[split:], converted[split:], strict=True))
        return plain_value(await _python(step, converted[:split], named))

    async def _reply(self, step: Step, fields: dict[str, Any]) -> str:
        prompt, model = step.function.prompt, step.model
        if prompt is None or model is None:
            raise ValueError(f"step {step.index} asks no model")
        messages = render_messages(prompt, fields)
        request = GenerationRequest(model=model, messages=messages, parameters=step.parameters)
        answered = await self._ask(request)
        self._note(
            step,
            usage=answered.reply.usage if not answered.cached else TokenUsage(),
            cost_usd=answered.cost_usd,
            cached=answered.cached,
        )
        return answered.reply.text

    def _note(self, step: Step, **changes: Any) -> None:
        trace = self.steps[step.index] = self.steps[step.index].model_copy(update=changes)
        self._on_step(trace)

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _since(self, step: Step) -> float:
        return self._now() - (self.steps[step.index].started or 0.0)

    def _cancel_rest(self) -> None:
        stopped: StepState = "cancelled"
        for index, trace in enumerate(self.steps):
            if trace.state == "running":
                self.steps[index] = trace.model_copy(update={"state": stopped})


def check_arguments(pipeline: CheckedPipeline, arguments: Mapping[str, Any]) -> None:
    """Raises PipelineError that names what is missing or unknown."""
    known = pipeline.arguments
    listed = f"its arguments are {', '.join(known)}" if known else "it has no arguments"
    for name in arguments:
        if name not in known:
            near = nearest_names(name, known)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise PipelineError(f"The pipeline has no argument {name}; {listed}.{hint}")
    missing = [name for name in known if name not in arguments]
    if missing:
        raise PipelineError(f"The pipeline needs {' and '.join(missing)}; {listed}.")


async def _python(step: Step, positional: list[Any], named: dict[str, Any]) -> Any:
    """Custom code runs in a thread: it may block, and must not hold other calls up."""
    run = step.function.run
    if run is None:
        raise ValueError(f"{step.function.info.name} has no code")
    try:
        if step.function.info.source == "built-in":
            return run(*positional, **named)
        async with asyncio.timeout(FUNCTION_SECONDS):
            if asyncio.iscoroutinefunction(run):
                return await run(*positional, **named)
            return await asyncio.to_thread(run, *positional, **named)
    except PromptAppError:
        raise
    except TimeoutError:
        raise FunctionError(f"It took more than {FUNCTION_SECONDS:g} s.") from None
    except (Exception, SystemExit) as error:  # which would end the whole process
        raise FunctionError(f"{type(error).__name__}: {error}") from error


def _converted(step: Step, parameter: str, value: Any) -> Any:
    function = step.function
    name = parameter
    if parameter not in function.converters:
        name = next((p.name for p in function.info.parameters if p.variadic == "**"), parameter)
    try:
        return function.convert(name, value)
    except ValueError as error:
        kind = next((p.kind for p in function.info.parameters if p.name == name), "Any")
        shown = as_text(value)
        raise FunctionError(
            f"{parameter} must be {kind}: {error}. It got {shown[:100]!r}"
            f"{'…' if len(shown) > 100 else ''}."
        ) from None


def _placed(error: PromptAppError, step: Step) -> PromptAppError:
    """The error with the step's name and place in front. A provider's stays what it is, since its
    kind decides what happens next."""
    if isinstance(error, RunBlockingError):
        return error
    place = f"column {step.place.column}"
    if step.place.line > 1:
        place = f"line {step.place.line}, {place}"
    message = f"{step.function.info.name} ({place}): {error}"
    if isinstance(error, ProviderError):
        return error.reworded(message)
    return FunctionError(message)


def _distinct(inputs: Any) -> dict[str, Any]:
    """Values of ``*items`` share a name: they are numbered."""
    pairs = list(inputs)
    names = [name for name, _ in pairs]
    found: dict[str, Any] = {}
    for name, value in pairs:
        key = name if names.count(name) == 1 else f"{name} {len(found) + 1}"
        found[key] = value
    return found


def _cut_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _cut(value) for name, value in values.items()}


def _cut(value: Any) -> Any:
    """What the trace keeps: a long value becomes text that is cut."""
    text = as_text(value)
    return value if len(text) <= MOST_TRACED else text[:MOST_TRACED] + "…"
