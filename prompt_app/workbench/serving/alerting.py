"""Raises alerts at spend, writes them to the log and tells the webhook."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from datetime import UTC, datetime

import orjson
from yarl import URL

from prompt_app.datamodel.alerts import RaisedAlert
from prompt_app.errors import PromptAppError
from prompt_app.interfaces import Store
from prompt_app.providers.http import Transport, deadline
from prompt_app.settings import Settings
from prompt_app.workbench.spend_alerts import raise_due

logger = logging.getLogger(__name__)

WEBHOOK_SECONDS = 10.0


class SpendWatch:
    """Of one gateway; several raise each alert once."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def look(self) -> None:
        """Raises StoreError. A webhook that does not answer is told in the log alone."""
        for raised in await asyncio.to_thread(raise_due, self._store, datetime.now(UTC)):
            logger.warning("%s", raised.text)
            await self._tell(raised)

    async def _tell(self, raised: RaisedAlert) -> None:
        if self._settings.alert_webhook is None:
            return
        url = URL(self._settings.alert_webhook.get_secret_value())
        body = orjson.dumps({"text": raised.text, "alert": asdict(raised)})
        # Like a model's address it may not point into a network that is closed to models.
        transport = Transport(self._settings.allow_private_addresses)
        try:
            async with deadline(WEBHOOK_SECONDS, url.host or ""):
                answer = await transport.post(url, body, {"Content-Type": "application/json"})
            if answer.status >= 400:
                logger.warning("the webhook for alerts answered %d", answer.status)
        except PromptAppError as error:
            logger.warning("the webhook for alerts was not told: %s", error)
        finally:
            await transport.close()
