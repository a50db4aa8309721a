"""The transport, against servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from recorder import recording
from yarl import URL

from prompt_app.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    MalformedReplyError,
    PromptAppError,
    RequestRefusedError,
    RunBlockingError,
)
from prompt_app.providers import http
from prompt_app.providers.http import (
    HttpResponse,
    Transport,
    deadline,
    decode_json,
    encode_json,
    token_count,
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(answer: bytes, *, reset: bool = False) -> AsyncIterator[URL]:
    """Writes the same bytes to every request and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if reset:
            await writer.drain()
            writer.transport.abort()
        else:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def post(url: URL, body: bytes = b"{}") -> HttpResponse:
    transport = Transport(allow_private=True)
    try:
        return await transport.post(url, body, {"Content-Type": "application/json"})
    finally:
        await transport.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", ConnectionFailedError),
        (b"HTTP/1.1 200 O", ConnectionFailedError),
        (HEAD + b'Content-Length: 40\r\n\r\n{"choices": [', MalformedReplyError),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", MalformedReplyError),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", MalformedReplyError),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", MalformedReplyError),
        (b"SSH-2.0-OpenSSH_9.2\r\n", MalformedReplyError),
        (b"\x00\x01\x02\x03\r\n\r\n", MalformedReplyError),
        (HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n", MalformedReplyError),
    ],
)
async def test_a_broken_answer_is_a_transient_error(
    answer: bytes, expected: type[PromptAppError]
) -> None:
    async with raw_server(answer) as url:
        with pytest.raises(expected) as caught:
            await post(url)
    assert "127.0.0.1" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_reset_amid_the_body_is_never_a_reply() -> None:
    async with raw_server(HEAD + b'Content-Length: 9000\r\n\r\n{"a": "', reset=True) as url:
        with pytest.raises((ConnectionFailedError, MalformedReplyError)):
            await post(url)


async def test_the_size_of_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 2**20)
    async with recording() as server:
        server.answer(200, b" " * (2**20))
        assert len((await post(URL(server.url))).body) == 2**20
        server.answers.clear()
        server.answer(200, b" " * (2**20 + 1))
        with pytest.raises(MalformedReplyError, match="larger than 1 MB"):
            await post(URL(server.url))


async def test_a_compressed_bomb_is_bounded_by_what_it_unpacks_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 2**20)
    async with recording() as server:
        server.answer(200, gzip.compress(b"0" * 2**26), Content_Encoding="gzip")
        with pytest.raises(MalformedReplyError, match="larger"):
            await post(URL(server.url))


async def test_a_compressed_answer_is_unpacked() -> None:
    async with recording() as server:
        server.answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
        assert (await post(URL(server.url))).body == b'{"a": 1}'


async def test_redirects_are_not_followed() -> None:
    async with recording() as elsewhere, recording() as server:
        elsewhere.answer(200, {})
        server.answer(307, {}, Location=elsewhere.url)
        assert (await post(URL(server.url))).status == 307
        assert elsewhere.requests == []


async def test_cookies_are_not_kept() -> None:
    async with recording() as server:
        server.answer(200, {}, Set_Cookie="session=1; Path=/")
        transport = Transport(allow_private=True)
        # By name: aiohttp's own jar takes none from a bare IP address.
        url = URL(server.url.replace("127.0.0.1", "localhost"))
        for _ in range(2):
            await transport.post(url, b"{}", {})
        await transport.close()
        assert all("Cookie" not in request.headers for request in server.requests)


async def test_the_deadline_covers_an_answer_that_trickles() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    started = time.monotonic()
    async with server:
        with pytest.raises(DeadlineExceededError, match=r"0\.2 s"):
            async with deadline(0.2, "127.0.0.1"):
                await post(url)
    assert time.monotonic() - started < 1


async def test_an_untrusted_certificate_blocks_the_run(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(RunBlockingError, match=r"certificate of localhost"):
            await post(URL(f"https://localhost:{port}/"))


async def test_https_to_a_server_that_speaks_http_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectionFailedError, match="TLS"):
            await post(URL(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))


def self_signed(folder: Path) -> Path:
    """A PEM file with a fresh key and a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return pem


def test_what_json_cannot_hold_is_refused_before_it_is_sent() -> None:
    for value in ("\ud800", 10**30, object()):
        with pytest.raises(RequestRefusedError, match="JSON"):
            encode_json({"value": value})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": "\\ud83d"}', {"a": "?"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'["\\udc00x"]', ["?x"]),
    ],
)
def test_half_a_surrogate_pair_in_an_answer_is_mended(body: bytes, expected: object) -> None:
    assert decode_json(HttpResponse(200, {}, body, 0), "host") == expected


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b"<html>502</html>"]
)
def test_an_answer_that_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        decode_json(HttpResponse(200, {}, body, 0), "host")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), (0, 0), (-3, 0), (None, 0), ("7", 0), (True, 0), (2.0, 2), ([], 0)],
)
def test_token_counts_are_never_negative(value: object, expected: int) -> None:
    assert token_count(value) == expected
