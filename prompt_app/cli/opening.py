"""Opens the workbench for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_app.workbench import Workbench


@contextmanager
def opened_workbench(*, quiet: bool = True, project: str | None = None) -> Iterator[Workbench]:
    """The workbench of the environment's settings, closed afterwards. ``quiet`` keeps the log
    to warnings, so that it does not run into tables. What is made belongs to ``project``, and of
    other projects nothing is seen."""
    from prompt_app.logs import configure_logging
    from prompt_app.settings import load_settings
    from prompt_app.workbench import open_workbench

    settings = load_settings()
    if quiet and settings.log_level == "INFO":
        configure_logging(settings.model_copy(update={"log_level": "WARNING"}))
    else:
        configure_logging(settings)
    workbench = open_workbench(settings)
    try:
        yield within(workbench, project)
    finally:
        workbench.close()


def within(workbench: Workbench, project: str | None) -> Workbench:
    """The same workbench, in ``project``. It is no worker: workers see everything."""
    return workbench if project is None else workbench.acting_as(workbench.actor, project)
