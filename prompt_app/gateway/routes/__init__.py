"""One module for each protocol; ``ADDRESSES`` are all endpoints."""

from __future__ import annotations

from prompt_app.gateway.address import Address
from prompt_app.gateway.routes import (
    assessment,
    assistants,
    bedrock,
    chat,
    embeddings,
    models,
    native,
    pipelines,
    responses,
)

ADDRESSES: tuple[Address, ...] = (
    *chat.ADDRESSES,
    *responses.ADDRESSES,
    *embeddings.ADDRESSES,
    *models.ADDRESSES,
    *bedrock.ADDRESSES,
    *pipelines.ADDRESSES,
    *native.ADDRESSES,
    *assessment.ADDRESSES,
    *assistants.ADDRESSES,
)
