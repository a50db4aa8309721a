"""The identity of a call: what a stored reply may be reused for."""

from __future__ import annotations

import hashlib
from typing import Any

from prompt_app.datamodel.base import canonical_json
from prompt_app.datamodel.embedding import EmbeddingRequest, ModelRequest
from prompt_app.datamodel.prompt import RichMessage

KEY_VERSION = 1
IRRELEVANT_OPTIONS = frozenset({"unlisted", "api_key_secret", "profiles"})


def cache_key(request: ModelRequest) -> str:
    """SHA-256 in hex over everything that changes a reply: provider, model name, ``base_url``,
    region, options (but those that only say how to get in), messages or texts, and all parameters.
    Prices do not count. Parameters at their default do not count either, so that one added later
    leaves older keys as they were.

    The server that the settings name for a model without ``base_url`` is not part of the request
    and so not of the key: pin it into the model first (:func:`catalogue.pin_server`).
    """
    model = request.model
    options = {
        name: value for name, value in model.options.items() if name not in IRRELEVANT_OPTIONS
    }
    asked: list[Any]
    if isinstance(request, EmbeddingRequest):
        asked = ["embeddings", request.texts, request.dimensions, request.extra]
    else:
        messages = [
            [message.role, message.content, message.turn]
            if isinstance(message, RichMessage)
            else [message.role, message.content]
            for message in request.messages
        ]
        asked = [messages, request.parameters.given()]
    identity = [
        KEY_VERSION,
        model.provider,
        model.name,
        model.base_url,
        model.region,
        options,
        *asked,
    ]
    # A lone surrogate in a prompt has no UTF-8 form, but still an identity.
    return hashlib.sha256(canonical_json(identity).encode("utf-8", "surrogatepass")).hexdigest()
