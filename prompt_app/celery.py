"""``celery -A prompt_app worker``: where Celery looks for its application."""

from __future__ import annotations

from typing import Any

from celery import signals

from prompt_app.engine.distributed.application import make_application
from prompt_app.logs import configure_logging
from prompt_app.settings import load_settings
from prompt_app.storage import open_store
from prompt_app.workbench.rubric_thread import RubricThread

_settings = load_settings()
app = make_application(_settings, open_store)


def _log_as_everywhere(**_: Any) -> None:
    configure_logging(_settings)


def _begin(**_: Any) -> None:
    _rubrics.start()


def _end(**_: Any) -> None:
    _rubrics.stop()


_rubrics = RubricThread(_settings, open_store)
signals.setup_logging.connect(_log_as_everywhere)
signals.worker_ready.connect(_begin)
signals.worker_shutting_down.connect(_end)
