"""From a tree of names to a tree of functions with their parameters bound: all that can be wrong
before anything is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import ValidationError

from prompt_app.datamodel.base import problem_text
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.pipeline import FunctionParameter
from prompt_app.errors import InputError, PipelineError
from prompt_app.pipelines.callables import Function
from prompt_app.pipelines.catalogue import FunctionCatalogue
from prompt_app.pipelines.parsing import parse
from prompt_app.pipelines.tree import Argument, Call, Items, Keyword, Literal, Node, Place
from prompt_app.registry import nearest_names

STEP_SETTINGS = ("model", "temperature", "max_tokens", "top_p", "seed")
"""Keywords of a prompt step that are no placeholders of it."""


@dataclass(frozen=True)
class BoundList:
    items: tuple[Bound, ...]


@dataclass(frozen=True)
class Step:
    """A function call. ``positional`` and ``named`` are what it is called with."""

    index: int
    parent: int | None
    place: Place
    function: Function
    positional: tuple[tuple[str, Bound], ...]
    """(parameter, value) by place: only for a function that takes any number of values."""
    named: Mapping[str, Bound]
    model: ModelSpec | None = None
    parameters: InferenceParameters = field(default_factory=InferenceParameters)

    @property
    def inputs(self) -> Iterator[tuple[str, Bound]]:
        yield from self.positional
        yield from self.named.items()


Bound: TypeAlias = Literal | Argument | BoundList | Step


@dataclass(frozen=True)
class CheckedPipeline:
    """``arguments``: the bare names, in order of first appearance."""

    text: str
    root: Step
    arguments: tuple[str, ...]
    steps: tuple[Step, ...]
    """By index."""


PrepareModel: TypeAlias = Callable[[ModelSpec, InferenceParameters], ModelSpec]


def check_pipeline(
    text: str,
    catalogue: FunctionCatalogue,
    model: ModelSpec | None = None,
    prepare_model: PrepareModel = lambda model, parameters: model,
) -> CheckedPipeline:
    """``model`` is for the prompt steps that name none; ``prepare_model`` gives a step's model as
    it is to be called, or raises InputError. Raises PipelineError with the place."""
    checker = _Checker(catalogue, model, prepare_model)
    root = checker.step(parse(text), None)
    steps = tuple(sorted(checker.steps, key=lambda step: step.index))
    return CheckedPipeline(text, root, tuple(checker.arguments), steps)


class _Checker:
    def __init__(
        self, catalogue: FunctionCatalogue, model: ModelSpec | None, prepare_model: PrepareModel
    ) -> None:
        self._catalogue = catalogue
        self._model = model
        self._prepare_model = prepare_model
        self._count = 0
        self.arguments: dict[str, None] = {}
        self.steps: list[Step] = []

    def step(self, call: Call, parent: int | None) -> Step:
        index = self._count
        self._count += 1
        try:
            function = self._catalogue.find(call.name)
        except PipelineError as error:
            raise call.place.error(str(error)) from None
        settings: dict[str, Any] = {}
        # Where the step names its model, else the call.
        model_at = next((k.value.place for k in call.keywords if k.name == "model"), call.place)
        if function.prompt is not None:
            call, settings = _without_settings(call, function)
        positional, named = _bind(call, function)
        step = Step(
            index=index,
            parent=parent,
            place=call.place,
            function=function,
            positional=tuple(
                (name, self._value(value, function, name, index)) for name, value in positional
            ),
            named={
                name: self._value(value, function, _declared(function, name), index)
                for name, value in named.items()
            },
            **self._asking(call, function, settings, model_at),
        )
        self.steps.append(step)
        return step

    def _asking(
        self, call: Call, function: Function, settings: dict[str, Any], model_at: Place
    ) -> dict[str, Any]:
        if function.prompt is None:
            return {}
        model = settings.pop("model", None) or self._model
        if model is None:
            raise call.place.error(
                f'The prompt {call.name} has no model: write model="provider:name" into its '
                "call, or choose one for the whole pipeline."
            )
        parameters = InferenceParameters(**settings)
        try:
            return {"model": self._prepare_model(model, parameters), "parameters": parameters}
        except InputError as error:
            raise model_at.error(str(error)) from None

    def _value(self, node: Node, function: Function, parameter: str, index: int) -> Bound:
        if isinstance(node, Call):
            return self.step(node, index)
        if isinstance(node, Argument):
            self.arguments[node.name] = None
            return node
        if isinstance(node, Items):
            return BoundList(tuple(self._value(each, function, "", index) for each in node.items))
        try:
            function.convert(parameter, node.value)
        except ValueError as error:
            raise node.place.error(
                f"{function.info.name} does not take this for {parameter}: {error}."
            ) from None
        return node


def _declared(function: Function, name: str) -> str:
    """The parameter that takes the keyword ``name``: itself or ``**named``."""
    if name in function.converters:
        return name
    return next((p.name for p in function.info.parameters if p.variadic == "**"), name)


def _without_settings(call: Call, function: Function) -> tuple[Call, dict[str, Any]]:
    """``call`` without the keywords that set the step's model and parameters. A placeholder of
    the same name comes first."""
    placeholders = {each.name for each in function.info.parameters}
    settings: dict[str, Any] = {}
    rest = []
    for keyword in call.keywords:
        if keyword.name in placeholders or keyword.name not in STEP_SETTINGS:
            rest.append(keyword)
        else:
            settings[keyword.name] = _setting(keyword)
    return Call(call.place, call.name, call.positional, tuple(rest)), settings


def _setting(keyword: Keyword) -> Any:
    if not isinstance(keyword.value, Literal):
        raise keyword.place.error(f"{keyword.name} must be written out: a string or a number.")
    value = keyword.value.value
    try:
        if keyword.name == "model":
            return ModelSpec.model_validate(value)
        InferenceParameters.model_validate({keyword.name: value}, strict=True)
    except ValidationError as error:
        message = problem_text(error.errors()[0])
        raise keyword.value.place.error(f"{keyword.name}: {message}.") from None
    return value


def _bind(call: Call, function: Function) -> tuple[list[tuple[str, Node]], dict[str, Node]]:
    """Which parameter each value is for: by place for ``*items``, else by name."""
    parameters = [each for each in function.info.parameters if not each.variadic]
    rest = next((each for each in function.info.parameters if each.variadic == "*"), None)
    named: dict[str, Node] = {}
    positional: list[tuple[str, Node]] = []
    for number, node in enumerate(call.positional):
        if number < len(parameters) and rest is None:
            named[parameters[number].name] = node
        elif rest is not None:
            name = parameters[number].name if number < len(parameters) else rest.name
            positional.append((name, node))
        else:
            raise node.place.error(
                f"{call.name} takes {_counted(len(parameters))}, and this is one more. "
                f"It is {function.info.signature}."
            )
    by_place = {name for name, _ in positional}
    for keyword in call.keywords:
        name = _parameter_for(keyword, function)
        if name in named or name in by_place:
            raise keyword.place.error(f"{call.name} is given {name} twice.")
        named[name] = keyword.value
    _check_complete(call, function, parameters, {*named, *by_place})
    return positional, named


def _parameter_for(keyword: Keyword, function: Function) -> str:
    parameters = function.info.parameters
    names = [each.name for each in parameters if not each.variadic]
    if keyword.name in names or any(each.variadic == "**" for each in parameters):
        return keyword.name
    if len(parameters) == 1 and names:
        return names[0]  # with one parameter only, any name can but mean that one
    near = nearest_names(keyword.name, names)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise keyword.place.error(
        f"{function.info.name} has no parameter {keyword.name}.{hint} "
        f"It is {function.info.signature}."
    )


def _check_complete(
    call: Call, function: Function, parameters: list[FunctionParameter], given: set[str]
) -> None:
    missing = [each.name for each in parameters if each.required and each.name not in given]
    if missing:
        raise call.place.error(
            f"{call.name} needs {' and '.join(missing)}. It is {function.info.signature}."
        )


def _counted(number: int) -> str:
    return "no value" if number == 0 else "1 value" if number == 1 else f"{number} values"
