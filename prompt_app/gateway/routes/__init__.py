"""One module for each protocol; ``ADDRESSES`` are all endpoints."""

from __future__ import annotations

from prompt_app.gateway.address import Address
from prompt_app.gateway.routes import chat, models

ADDRESSES: tuple[Address, ...] = (*chat.ADDRESSES, *models.ADDRESSES)
