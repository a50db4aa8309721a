"""Python functions and prompts as what a pipeline calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from prompt_app.datamodel.pipeline import FunctionInfo, FunctionParameter, Source, Variadic
from prompt_app.datamodel.prompt import PinnedPrompt
from prompt_app.datamodel.rendering import template_placeholders
from prompt_app.errors import FunctionError
from prompt_app.pipelines.values import Converter

_VARIADIC: dict[Any, Variadic] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


@dataclass(frozen=True)
class Function:
    """``run`` is the code of a built-in or custom function, ``prompt`` that of a prompt."""

    info: FunctionInfo
    run: Callable[..., Any] | None = None
    converters: Mapping[str, Converter] = field(default_factory=dict)
    prompt: PinnedPrompt | None = None

    def convert(self, parameter: str, value: Any) -> Any:
        """``value`` as the parameter's type hint has it. Raises ValueError."""
        converter = self.converters.get(parameter)
        return value if converter is None else converter(value)


def python_function(
    run: Callable[..., Any], name: str, source: Source, group: str, fingerprint: str = ""
) -> Function:
    """Read from the signature, the type hints and the docstring's first paragraph.

    Raises FunctionError for hints that cannot be used and for parameters that only go by place.
    """
    try:
        hints = get_type_hints(run)
        signature = inspect.signature(run)
    except Exception as error:
        raise FunctionError(f"{name}: its type hints cannot be read: {error}") from None
    converters = {}
    parameters = []
    for each in signature.parameters.values():
        if each.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise FunctionError(f"{name}: the parameter {each.name} cannot be given by name.")
        hint = hints.get(each.name, Any)
        converters[each.name] = Converter(hint)
        parameters.append(
            FunctionParameter(
                name=each.name,
                kind=_written(hint),
                required=each.default is each.empty and each.kind not in _VARIADIC,
                variadic=_VARIADIC.get(each.kind, ""),
            )
        )
    description = " ".join((inspect.getdoc(run) or "").partition("\n\n")[0].split())
    info = FunctionInfo(
        name=name,
        source=source,
        group=group,
        description=description,
        parameters=tuple(parameters),
        returns=_written(hints.get("return", Any)),
        fingerprint=fingerprint,
    )
    return Function(info, run, converters)


def prompt_function(name: str, prompt: PinnedPrompt, description: str = "") -> Function:
    """A prompt: its placeholders are its parameters, the model's reply is what it gives."""
    info = FunctionInfo(
        name=name,
        source="prompt",
        group=f"{prompt.name}@{prompt.number}",
        description=description,
        parameters=tuple(
            FunctionParameter(name=placeholder)
            for placeholder in template_placeholders(prompt.template)
        ),
        returns="str",
        fingerprint=prompt.version_id,
    )
    return Function(info, prompt=prompt)


def _written(hint: Any) -> str:
    if isinstance(hint, type) and not hasattr(hint, "__args__"):
        return hint.__name__
    return str(hint).replace("typing.", "").replace("datetime.", "")
