"""Celery, set up for the broker of the settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from celery import Celery

from prompt_app.errors import SettingsError
from prompt_app.settings import Settings

QUEUE = "prompt-app"
ADVANCE_RUN = "prompt_app.advance_run"
WORK_CHUNK = "prompt_app.work_chunk"
LOOK = "prompt_app.look"
"""There is other work than runs in the store."""
UNSEEN_SECONDS = 1800
"""After so long, the broker delivers a message again that nobody acknowledged. A chunk that is
still in work then is left alone."""
CONNECT_SECONDS = 5.0
REPLY_SECONDS = 30.0


def make_celery(settings: Settings) -> Celery:
    """Raises SettingsError where no broker is set, or one of another kind."""
    url, queue, transport = _broker(settings)
    celery = Celery("prompt_app", broker=url)
    if url.startswith("sqs:"):
        celery.conf.broker_transport = "prompt_app.engine.distributed.sqs_transport:Transport"
    celery.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_default_queue=queue,
        task_ignore_result=True,
        # A message is done with when its work is: if the worker dies, another one gets it.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # One process, so that its chunks share connections and limits.
        worker_pool="threads",
        worker_concurrency=settings.worker_runs,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=CONNECT_SECONDS,
        broker_transport_options=transport,
    )
    return celery


def _broker(settings: Settings) -> tuple[str, str, dict[str, Any]]:
    """Celery's address of the broker, the queue's name, and the transport's options."""
    if settings.broker_url is None:
        raise SettingsError(
            "PROMPT_APP_BROKER_URL is not set: without a broker, workers look into the database "
            "and each advances whole runs. Start one with 'prompt-app worker'."
        )
    url = settings.broker_url.get_secret_value()
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss"):
        return url, QUEUE, _redis_options()
    if parts.scheme in ("sqs", "https", "http") and parts.path.strip("/"):
        return _sqs(url, settings)
    # The address may hold a password.
    raise SettingsError(
        "PROMPT_APP_BROKER_URL must be redis://host:6379/0, rediss://..., or the address of an "
        f"SQS queue (https://sqs.eu-west-1.amazonaws.com/account/name); got one for "
        f"{parts.scheme or 'nothing'!r}."
    )


def _redis_options() -> dict[str, Any]:
    return {
        "visibility_timeout": UNSEEN_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": REPLY_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


def _sqs(url: str, settings: Settings) -> tuple[str, str, dict[str, Any]]:
    """The queue is there already; nothing is created, and no queue is listed."""
    parts = urlsplit(url)
    scheme = "http" if parts.scheme == "http" else "https"
    queue = parts.path.rpartition("/")[2]
    aws = (parts.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))
    options: dict[str, Any] = {
        "predefined_queues": {queue: {"url": f"{scheme}://{parts.netloc}{parts.path}"}},
        "visibility_timeout": UNSEEN_SECONDS,
        "wait_time_seconds": 20 if aws else 1,
        "polling_interval": 0.1,
        "is_secure": scheme == "https",
        "client-config": {"connect_timeout": CONNECT_SECONDS, "read_timeout": REPLY_SECONDS},
    }
    if settings.aws_region:
        options["region"] = settings.aws_region
    return ("sqs://" if aws else f"sqs://{parts.netloc}"), queue, options
