"""``celery -A prompt_app worker``: where Celery looks for its application."""

from __future__ import annotations

from typing import Any

from celery import signals

from prompt_app.engine.distributed.application import make_application
from prompt_app.logs import configure_logging
from prompt_app.settings import load_settings
from prompt_app.storage import open_store

_settings = load_settings()
app = make_application(_settings, open_store)


def _log_as_everywhere(**_: Any) -> None:
    configure_logging(_settings)


signals.setup_logging.connect(_log_as_everywhere)
