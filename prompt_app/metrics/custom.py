"""Metrics of the user's own: Python files in one folder, which whoever runs the app names in a
setting. A name from an evaluation only ever picks a file that stands in that folder."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from prompt_app.datamodel.score import MetricInfo
from prompt_app.errors import EvaluationError, UnknownNameError
from prompt_app.registry import nearest_names
from prompt_app.settings import load_settings

PREFIX = "custom:"
_NAME = re.compile(r"custom:([A-Za-z_][A-Za-z0-9_]*):([A-Za-z_][A-Za-z0-9_]*)")
_lock = RLock()


def custom_metric(name: str) -> type[Any]:
    """The class behind ``custom:FILE:CLASS``: class CLASS of FILE.py in the folder.

    A file is imported once in a process. Raises EvaluationError where no folder is set, for a
    file that cannot be imported and for a class that is no metric; UnknownNameError for a file or
    class that is not there.
    """
    folder = load_settings().custom_metrics
    if folder is None:
        raise EvaluationError(
            f"{name!r} is a metric of your own, and no folder for those is set: name it in "
            "PROMPT_APP_CUSTOM_METRICS."
        )
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise EvaluationError(
            f"{name!r} does not name a metric of your own: write custom:FILE:CLASS, without .py."
        )
    files = _files(folder)
    if parts[1] not in files:
        raise UnknownNameError(
            f"file in {folder} for the metric", f"{parts[1]}.py", nearest_names(parts[1], files)
        )
    module = _load(files[parts[1]])
    classes = _classes(module)
    if parts[2] in classes:
        return classes[parts[2]]
    if hasattr(module, parts[2]):
        raise EvaluationError(
            f"{name!r} is no metric: it needs 'info', a MetricInfo, and a method 'score', or "
            "'request' and 'verdict'. See docs/custom-metrics.md."
        )
    raise UnknownNameError("class for the metric", parts[2], nearest_names(parts[2], classes))


def custom_names() -> list[str]:
    """All that the folder offers; files that cannot be imported are left out."""
    folder = load_settings().custom_metrics
    names = []
    for stem, path in sorted(_files(folder).items()) if folder is not None else []:
        try:
            module = _load(path)
        except EvaluationError:
            continue
        names += [f"{PREFIX}{stem}:{each}" for each in _classes(module)]
    return names


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*.py") if path.stem.isidentifier()}


def _load(path: Path) -> ModuleType:
    key = f"prompt_app_custom_metrics.{path.resolve()}"
    with _lock:
        if key in sys.modules:
            return sys.modules[key]
        spec = spec_from_file_location(key, path)
        if spec is None or spec.loader is None:
            raise EvaluationError(f"{path} is not a Python file.")
        module = module_from_spec(spec)
        sys.modules[key] = module
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:  # which would end the whole process
            del sys.modules[key]
            raise EvaluationError(
                f"{path} cannot be imported: {type(error).__name__}: {error}"
            ) from error
        return module


def _classes(module: ModuleType) -> dict[str, type[Any]]:
    """The metrics that ``module`` defines itself, by class name."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and isinstance(getattr(value, "info", None), MetricInfo)
        and (hasattr(value, "score") or hasattr(value, "verdict"))
    }
