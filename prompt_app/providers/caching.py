"""The identity of a call: what a stored reply may be reused for."""

from __future__ import annotations

import hashlib

from prompt_app.datamodel.base import canonical_json
from prompt_app.datamodel.model import GenerationRequest

KEY_VERSION = 1
IRRELEVANT_OPTIONS = frozenset({"unlisted", "api_key_secret"})


def cache_key(request: GenerationRequest) -> str:
    """SHA-256 in hex over everything that changes a reply: provider, model name, ``base_url``,
    region, options (but those that only say how to get in), messages and all parameters. Prices
    do not count. Parameters at their default do not count either, so that one added later leaves
    older keys as they were.

    The server that the settings name for a model without ``base_url`` is not part of the request
    and so not of the key: pin it into the model first (:func:`catalogue.pin_server`).
    """
    model = request.model
    options = {
        name: value for name, value in model.options.items() if name not in IRRELEVANT_OPTIONS
    }
    identity = [
        KEY_VERSION,
        model.provider,
        model.name,
        model.base_url,
        model.region,
        options,
        [[message.role, message.content] for message in request.messages],
        request.parameters.given(),
    ]
    # A lone surrogate in a prompt has no UTF-8 form, but still an identity.
    return hashlib.sha256(canonical_json(identity).encode("utf-8", "surrogatepass")).hexdigest()
