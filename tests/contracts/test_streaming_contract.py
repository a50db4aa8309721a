"""What every provider's ``stream`` does, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from contracts.test_provider_contract import (
    REMOTE,
    connected,
    open_sockets_to,
    request_to,
    until,
)

from prompt_app.datamodel.model import Reply, ReplyDelta, ReplyEvent
from prompt_app.errors import (
    ContextTooLongError,
    DeadlineExceededError,
    MalformedReplyError,
    ProviderError,
    RateLimitedError,
    ServerError,
)
from prompt_app.interfaces import Provider
from prompt_app.providers import PROVIDERS
from prompt_app.providers.limiting import AdaptiveLimiter, Limited
from prompt_app.providers.mock_server import MockServer
from prompt_app.providers.retrying import Retrying, Waits

LONG = "One word follows another until the whole sentence has been said."
STREAMING = ("bedrock", "openai")


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "contract")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "contract")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)


async def events_of(
    provider: Provider, kind: str, timeout: float = 10, **parameters: object
) -> list[ReplyEvent]:
    events = provider.stream(request_to(kind, **parameters), timeout)
    async with aclosing(events):
        return [event async for event in events]


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
async def test_the_pieces_are_the_reply(kind: str, mock_server: MockServer) -> None:
    mock_server.control(reply=LONG)
    async with connected(kind, mock_server.url) as provider:
        *pieces, last = await events_of(provider, kind)
        whole = await provider.generate(request_to(kind), 10)

    assert isinstance(last, Reply)
    assert all(isinstance(piece, ReplyDelta) for piece in pieces)
    assert "".join(piece.text for piece in pieces if isinstance(piece, ReplyDelta)) == last.text
    assert (last.outputs, last.usage, last.model) == (whole.outputs, whole.usage, whole.model)
    if kind in STREAMING:
        assert len(pieces) > 3


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
async def test_several_responses_are_told_apart(kind: str, mock_server: MockServer) -> None:
    async with connected(kind, mock_server.url) as provider:
        *pieces, last = await events_of(provider, kind, num_responses=2)

    assert isinstance(last, Reply)
    assert [output.text for output in last.outputs] == ["OK", "OK"]
    assert {piece.index for piece in pieces if isinstance(piece, ReplyDelta)} == {0, 1}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"p_429": 1, "retry_after": 7}, RateLimitedError),
        ({"p_500": 1}, ServerError),
        ({"p_truncate": 1}, MalformedReplyError),
        ({"p_malformed": 1, "seed": 0}, MalformedReplyError),
        ({"p_malformed": 1, "seed": 1}, MalformedReplyError),
        ({"p_hang": 1}, DeadlineExceededError),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("kind", REMOTE)
async def test_each_fault_has_its_error(
    kind: str,
    options: dict[str, object],
    expected: type[ProviderError],
    mock_server: MockServer,
) -> None:
    mock_server.control(reply=LONG, **options)

    async with connected(kind, mock_server.url) as provider:
        with pytest.raises(ProviderError) as caught:
            await events_of(provider, kind, timeout=0.5 if "p_hang" in options else 10)

    assert type(caught.value) is expected


@pytest.mark.parametrize("kind", STREAMING)
async def test_the_wait_for_each_piece_is_bounded_not_the_whole(
    kind: str, mock_server: MockServer
) -> None:
    mock_server.control(reply=LONG, piece_ms=100)
    async with connected(kind, mock_server.url) as provider:
        await events_of(provider, kind, timeout=0.4)
        mock_server.control(piece_ms=1000)
        with pytest.raises(DeadlineExceededError):
            await events_of(provider, kind, timeout=0.4)


@pytest.mark.parametrize("kind", STREAMING)
async def test_closing_the_stream_ends_the_call(kind: str, mock_server: MockServer) -> None:
    mock_server.control(reply=LONG * 20, piece_ms=50)
    async with connected(kind, mock_server.url) as connection:
        limiter = AdaptiveLimiter(4)
        provider = Retrying(Limited(connection, limiter), 3)
        async with aclosing(provider.stream(request_to(kind), 10)) as events:
            await anext(events)
            assert limiter.in_flight == 1
        assert limiter.in_flight == 0
        await until(lambda: not open_sockets_to(mock_server.url))
    await until(lambda: mock_server.stats().get("abandoned") == 1)


@pytest.mark.parametrize("kind", STREAMING)
async def test_a_failed_beginning_is_tried_again(kind: str, mock_server: MockServer) -> None:
    mock_server.control(p_500=0.5, seed=3)
    async with connected(kind, mock_server.url) as connection:
        retries: list[str] = []
        provider = Retrying(connection, 10, retries.append, Waits(base=0.001))
        for _ in range(8):
            *_, last = await events_of(provider, kind)
            assert isinstance(last, Reply)
    assert retries


async def test_what_has_begun_is_not_tried_again() -> None:
    class Breaking:
        calls = 0

        async def generate(self, *_: object) -> Reply:
            raise NotImplementedError

        async def stream(self, *_: object):  # type: ignore[no-untyped-def]
            self.calls += 1
            yield ReplyDelta("a")
            raise ServerError("broke")

        async def close(self) -> None: ...

    breaking = Breaking()
    with pytest.raises(ServerError):
        await events_of(Retrying(breaking, 5), "offline")
    assert breaking.calls == 1


async def test_an_error_inside_the_stream_is_told() -> None:
    """As gateways report it, with status 200."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        error = b'{"error": {"code": "context_length_exceeded", "message": "too long"}}'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        writer.write(head + b'data: {"choices": [{"index": 0, "delta": {"content": "So"}}]}\n\n')
        writer.write(b"data: " + error + b"\n\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, connected("openai", url) as provider:
        with pytest.raises(ContextTooLongError):
            await events_of(provider, "openai")
