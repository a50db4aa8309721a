"""AWS's binary event stream, as a server writes it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

import orjson


def event(kind: str, payload: Mapping[str, Any], *, exception: bool = False) -> bytes:
    """A message of the ``vnd.amazon.eventstream`` encoding: total and header length with their
    checksum, headers (name, type 7 = string, value), payload, checksum of all."""
    headers = b"".join(
        struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value
        for name, value in (
            (b":message-type", b"exception" if exception else b"event"),
            (b":exception-type" if exception else b":event-type", kind.encode()),
            (b":content-type", b"application/json"),
        )
    )
    content = orjson.dumps(payload)
    prelude = struct.pack("!II", 16 + len(headers) + len(content), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + content
    return message + struct.pack("!I", crc32(message))
