"""Replies as the store keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prompt_app.datamodel.model import Reply


@dataclass(frozen=True, slots=True)
class StoredReply:
    """An answered call, kept for ever: the cache, and what is never billed again."""

    id: str
    cache_key: str
    reply: Reply
    cost_usd: float
    created_at: datetime | None = None
