"""Every function that a pipeline may name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

from prompt_app.datamodel.pipeline import FunctionInfo, RegisteredFunction
from prompt_app.datamodel.prompt import PinnedPrompt
from prompt_app.errors import FunctionError, PipelineError, UnknownNameError
from prompt_app.pipelines.callables import Function, prompt_function, python_function
from prompt_app.pipelines.custom import load_function
from prompt_app.pipelines.functions import FUNCTIONS
from prompt_app.registry import nearest_names

PROMPT_PREFIX = "prompt/"

FindPrompt: TypeAlias = Callable[[str], PinnedPrompt]
"""``name`` or ``name@version`` -> the prompt; raises UnknownNameError."""


class FunctionCatalogue:
    """Built-in functions first, then registered ones, then prompts; ``prompt/NAME`` is always
    the prompt."""

    def __init__(
        self,
        registered: Iterable[RegisteredFunction],
        folder: Path,
        find_prompt: FindPrompt,
        prompt_names: Callable[[], Sequence[str]],
    ) -> None:
        self._registered = {each.info.name: each for each in registered}
        self._folder = folder
        self._find_prompt = find_prompt
        self._prompt_names = prompt_names

    def find(self, name: str) -> Function:
        """Raises PipelineError that says what is wrong with ``name`` and what is near it."""
        if name.startswith(PROMPT_PREFIX):
            return self._prompt(name, name.removeprefix(PROMPT_PREFIX))
        if name in FUNCTIONS:
            return built_in(name)
        registered = self._registered.get(name)
        if registered is None:
            return self._prompt(name, name)
        if registered.removed_at is not None:
            raise PipelineError(
                f"The function {name} is gone: it was removed from {registered.info.group} on "
                f"{registered.removed_at:%Y-%m-%d}. Put it back and synchronise the functions, or "
                "use another one."
            )
        try:
            return load_function(self._folder, registered.info)
        except FunctionError as error:
            raise PipelineError(str(error)) from error

    def _prompt(self, written: str, name: str) -> Function:
        try:
            return prompt_function(written, self._find_prompt(name))
        except UnknownNameError as error:
            if error.what != "prompt":
                raise PipelineError(str(error)) from None
        known = [*FUNCTIONS, *self._registered, *self._prompt_names()]
        near = nearest_names(name.partition("@")[0], known)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise PipelineError(f"There is no function or prompt named {written}.{hint}")


@cache
def built_in(name: str) -> Function:
    """Raises UnknownNameError."""
    run = FUNCTIONS.load(name)
    group = FUNCTIONS[name].partition(":")[0].rpartition(".")[2]
    return python_function(run, name, "built-in", group.replace("_values", ""))


def built_in_functions() -> list[FunctionInfo]:
    return [built_in(name).info for name in FUNCTIONS]
