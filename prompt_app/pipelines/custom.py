"""Functions of the user's own: ``custom_*.py`` files in one folder of the machine. Code comes
from files alone, and a function is called only once it is registered, with the very file that
was there then."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock
from types import ModuleType

from prompt_app.datamodel.pipeline import FunctionInfo
from prompt_app.errors import FunctionError
from prompt_app.pipelines.callables import Function, python_function
from prompt_app.pipelines.functions import FUNCTIONS

PATTERN = "custom_*.py"
_lock = RLock()


@dataclass(frozen=True)
class FoundFunctions:
    """What the folder's files define, and one sentence for each thing that is wrong."""

    functions: dict[str, Function] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def find_functions(folder: Path) -> FoundFunctions:
    """Imports every file, and so runs its code: for an admin to ask."""
    found = FoundFunctions()
    for path in sorted(folder.glob(PATTERN)):
        try:
            functions = _functions_in(path)
        except FunctionError as error:
            found.problems.append(str(error))
            continue
        for name, function in functions.items():
            if name in FUNCTIONS:
                found.problems.append(f"{path.name}: {name} is the name of a built-in function.")
            elif name in found.functions:
                other = found.functions[name].info.group
                found.problems.append(f"{path.name}: {name} is already defined in {other}.")
            else:
                found.functions[name] = function
    return found


def load_function(folder: Path, info: FunctionInfo) -> Function:
    """A registered function. Raises FunctionError where its file is gone, has changed since or
    cannot be imported."""
    path = folder / info.group
    # The name came from the folder's own listing; a store that was tampered with leads nowhere.
    if path.name != info.group or not path.match(PATTERN) or not path.is_file():
        raise FunctionError(
            f"The function {info.name} is registered, but its file {info.group} is not in "
            f"{folder}. Put it back, or synchronise the functions."
        )
    if _fingerprint(path) != info.fingerprint:
        raise FunctionError(
            f"The file {info.group} of the function {info.name} has changed since it was "
            "registered: an admin must synchronise the functions."
        )
    functions = _functions_in(path)
    if info.name not in functions:
        raise FunctionError(f"{info.group} defines no function {info.name}.")
    return functions[info.name]


def _functions_in(path: Path) -> Mapping[str, Function]:
    fingerprint = _fingerprint(path)
    module = _load(path, fingerprint)
    return {
        name: python_function(value, name, "custom", path.name, fingerprint)
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


def _fingerprint(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:24]
    except OSError as error:
        raise FunctionError(f"{path.name} cannot be read: {error.strerror}.") from None


def _load(path: Path, fingerprint: str) -> ModuleType:
    """Imported once for each content of the file."""
    key = f"prompt_app_custom_functions.{path.resolve()}.{fingerprint}"
    with _lock:
        if key in sys.modules:
            return sys.modules[key]
        spec = spec_from_file_location(key, path)
        if spec is None or spec.loader is None:
            raise FunctionError(f"{path.name} is no Python file.")
        module = module_from_spec(spec)
        sys.modules[key] = module
        try:
            # Not by the loader: its byte code cache would take a file changed within a second
            # for the one before.
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            del sys.modules[key]
            raise FunctionError(
                f"{path.name} cannot be imported: {type(error).__name__}: {error}"
            ) from error
        return module
