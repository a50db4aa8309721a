"""kombu's transport of SQS, mended: a worker goes on listening after SQS refused or failed.

kombu 5.7 takes the empty list that it makes of a failure for a reply, and asks no more; an error
that SQS gives a name ends the worker.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import SQS
from vine import promise  # type: ignore[import-untyped]

logger = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


class Channel(SQS.Channel):
    """Of the queues that are set; nothing but the answer to a poll is different."""

    def _get_async(self, queue: str, count: int = 1, callback: Any = None) -> Any:
        """One poll, then ``callback`` with the number of messages; or another poll later."""
        kombu: Any = self  # which has few types
        address = kombu._new_queue(queue)
        name = kombu.canonical_queue_name(queue)

        def take(reply: Any) -> None:
            if not isinstance(reply, dict):
                raise ConnectionError("no reply")
            callback(kombu._on_messages_ready(address, queue, reply))

        def fail(error: Exception) -> None:
            logger.warning("SQS gave no messages, asking again: %s", error)
            kombu.hub.call_later(RETRY_SECONDS, kombu._schedule_queue, queue)

        return kombu._get_from_sqs(
            queue_name=name,
            queue_url=address,
            count=count,
            connection=kombu.asynsqs(queue=name),
            callback=promise(take, on_error=fail),
        )


class Transport(SQS.Transport):
    """Named in Celery's settings."""

    Channel = Channel
