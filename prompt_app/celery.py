"""``celery -A prompt_app worker``: where Celery looks for its application."""

from __future__ import annotations

from typing import Any

from celery import signals

from prompt_app.engine.attention import Attention
from prompt_app.engine.distributed.application import make_application
from prompt_app.logs import configure_logging
from prompt_app.settings import load_settings
from prompt_app.storage import open_store
from prompt_app.workbench.pipeline_models import connector
from prompt_app.workbench.work_beside import WorkBeside

_settings = load_settings()
_attention = Attention(_settings.idle_seconds)
app = make_application(_settings, open_store, connector, _attention)


def _log_as_everywhere(**_: Any) -> None:
    configure_logging(_settings)


def _begin(**_: Any) -> None:
    _beside.start()


def _end(**_: Any) -> None:
    _beside.stop()


_beside = WorkBeside(_settings, open_store, _attention)
signals.setup_logging.connect(_log_as_everywhere)
signals.worker_ready.connect(_begin)
signals.worker_shutting_down.connect(_end)
