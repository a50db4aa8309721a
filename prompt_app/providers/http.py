"""The HTTP transport that all remote providers share: aiohttp, because the client decides the
CPU a call costs (``benchmarks/http_clients.py``).

One session for each connection, made on the running loop at the first call. It sets no deadline
of its own: :func:`deadline` wraps a whole call, credentials and connecting included.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from prompt_app.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    MalformedReplyError,
    RequestRefusedError,
    RunBlockingError,
)
from prompt_app.providers.addresses import ForbiddenAddressError, guarded_socket

MAX_BODY_BYTES = 32 * 2**20
KEEP_ALIVE_SECONDS = 30.0
DNS_CACHE_SECONDS = 60
USER_AGENT = "prompt-app"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response that arrived whole."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes
    seconds: float
    """From sending the request to the last byte of the body."""


@asynccontextmanager
async def deadline(seconds: float, host: str) -> AsyncIterator[None]:
    """Everything inside ends within ``seconds``, else DeadlineExceededError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DeadlineExceededError(
            f"No complete answer from {host} within {seconds:g} s."
        ) from None


class Transport:
    """A pool of connections for one provider connection.

    ``allow_private`` opens private networks; link-local addresses stay closed. Concurrency is the
    caller's to limit: the pool has no limit of its own.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: URL, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Send ``body`` once and read the response to its end, whatever its status. Redirects
        are not followed.

        Raises ConnectionFailedError, MalformedReplyError (cut off, not HTTP, or above
        MAX_BODY_BYTES) and RunBlockingError (untrusted certificate, forbidden address).
        """
        session = self._session or self._open()
        started = time.monotonic()
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await _read(response)
                return HttpResponse(
                    response.status, response.headers, content, time.monotonic() - started
                )
        except (aiohttp.ClientError, OSError) as error:
            raise _transport_error(error, url.host or "") from None

    async def stream(
        self, url: URL, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> AsyncGenerator[HttpResponse | bytes, None]:
        """Send ``body`` once; gives the response without its body, then the body in pieces as
        they arrive, each within ``timeout`` seconds. A response other than 200 comes whole
        instead. Closing the generator closes the connection. Raises as :meth:`post`, and
        DeadlineExceededError."""
        session = self._session or self._open()
        host = url.host or ""
        started = time.monotonic()
        try:
            async with deadline(timeout, host):
                response = await session.post(
                    url, data=body, headers=headers, allow_redirects=False
                )
            async with response:
                content = b""
                if response.status != 200:
                    async with deadline(timeout, host):
                        content = await _read(response)
                seconds = time.monotonic() - started
                yield HttpResponse(response.status, response.headers, content, seconds)
                if response.status != 200:
                    return
                size = 0
                while True:
                    async with deadline(timeout, host):
                        chunk = await response.content.readany()
                    if not chunk:
                        return
                    size += len(chunk)
                    _check_size(size, response)
                    yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _transport_error(error, host) from None

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=guarded_socket(self._allow_private),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            headers={"User-Agent": USER_AGENT},
        )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        _check_size(size, response)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_size(size: int, response: aiohttp.ClientResponse) -> None:
    if size > MAX_BODY_BYTES:
        raise MalformedReplyError(
            f"The answer of {response.url.host} is larger than {MAX_BODY_BYTES >> 20} MB.",
            status=response.status,
        )


def _transport_error(
    error: aiohttp.ClientError | OSError, host: str
) -> ConnectionFailedError | MalformedReplyError | RunBlockingError:
    cause = getattr(error, "os_error", None)
    if isinstance(cause, ForbiddenAddressError):
        return RunBlockingError(
            f"{host} points into a network that must not be reached from here. Give another "
            "base_url, or set PROMPT_APP_ALLOW_PRIVATE_ADDRESSES=true for a private one."
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return RunBlockingError(
            f"The certificate of {host} is not trusted. Check the address, and this machine's "
            "certificate authorities."
        )
    if isinstance(error, aiohttp.ClientPayloadError):
        return MalformedReplyError(f"The answer of {host} was cut off.")
    if isinstance(error, aiohttp.ClientResponseError):
        return MalformedReplyError(f"The answer of {host} is not valid HTTP.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        reason = "the name cannot be resolved"
    elif isinstance(error, aiohttp.ClientSSLError):
        reason = "the TLS handshake failed"
    elif isinstance(error, aiohttp.ClientConnectorError):
        number = cause.errno if isinstance(cause, OSError) else None
        reason = os.strerror(number).lower() if number else "no connection"
    else:
        reason = "the connection broke"
    return ConnectionFailedError(
        f"Could not reach {host}: {reason}. Check the address and whether the server runs."
    )


def request_id_of(response: HttpResponse) -> str | None:
    """The server's own id of the request, where it tells one."""
    headers = response.headers
    return (
        headers.get("x-request-id")
        or headers.get("x-amzn-RequestId")
        or headers.get("apim-request-id")
    )


def encode_json(value: Mapping[str, Any]) -> bytes:
    """The request body. Raises RequestRefusedError for what JSON or UTF-8 cannot hold, such as a
    lone surrogate or a number of more than 64 bits."""
    try:
        return orjson.dumps(value)
    except (TypeError, RecursionError) as error:
        raise RequestRefusedError(
            f"The request cannot be sent as JSON: {error}. Check the prompt and its parameters."
        ) from None


def decode_json(response: HttpResponse, host: str) -> Any:
    """The response body as JSON. A lone surrogate, which a reply cut at its token limit may hold,
    becomes a question mark. Raises MalformedReplyError."""
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError:
        pass
    try:
        lenient = json.loads(response.body, parse_constant=_refuse_constant)
        text = json.dumps(lenient, ensure_ascii=False).encode("utf-8", "replace")
        return orjson.loads(text)
    except (ValueError, RecursionError):
        raise MalformedReplyError(
            f"The answer of {host} is not complete JSON.", status=response.status
        ) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


MOST_TOKENS = 10**8
"""Of one call: more than any model takes, and few enough for a database's integers."""


def token_count(value: Any) -> int:
    """A provider's token count; 0 for null, negative or absent ones and what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return 0
    return int(min(value, MOST_TOKENS))
