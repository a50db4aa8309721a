"""Token counts without a tokenizer: an estimate for quotes and rate limits, and a bound for the
spend cap. Every model family has a tokenizer of its own, most of them unpublished."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prompt_app.datamodel.prompt import Message, RichMessage

CHARACTERS_PER_TOKEN = 3.5
"""English prose has 4 to 4.5 with common tokenizers; code and other languages less."""
TOKENS_PER_EXTRA_BYTE = 0.5
"""UTF-8 needs 2 bytes more for a CJK character: with its share as a character, 1.3 tokens."""
TOKENS_PER_MESSAGE = 6
"""Role and separators."""
TOKENS_PER_IMAGE = 1600
"""Of about 1000 x 1000 pixels, where large ones are scaled down."""
CHARACTERS_PER_DOCUMENT_TOKEN = 4.5
"""Of base64, which has 4 for 3 bytes: as much as if all of a document were text."""
MOST_TOKENS_PER_MESSAGE = 32
MOST_TOKENS_PER_CALL = 128


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Input tokens that a call will take, rather too many than too few for ordinary text: one for
    3.5 characters, about 0.8 a character for Cyrillic, Greek and Arabic, 1.3 for Chinese,
    Japanese and Korean, and 6 a message. Dense text such as base64 can take up to twice that."""
    tokens = 0.0
    for message in messages:
        text = message.content
        tokens += TOKENS_PER_MESSAGE + len(text) / CHARACTERS_PER_TOKEN
        if isinstance(message, RichMessage):
            tokens += TOKENS_PER_IMAGE * message.images
            tokens += message.document_characters / CHARACTERS_PER_DOCUMENT_TOKEN
        if not text.isascii():
            tokens += (_bytes(text) - len(text)) * TOKENS_PER_EXTRA_BYTE
    return math.ceil(tokens)


def most_tokens(messages: Sequence[Message]) -> int:
    """No call takes more input tokens than this: a token is at least one byte of UTF-8. Room is
    left for what a chat template puts around the messages."""
    return MOST_TOKENS_PER_CALL + sum(
        MOST_TOKENS_PER_MESSAGE + _bytes(message.content) for message in messages
    )


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
