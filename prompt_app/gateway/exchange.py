"""One request and its response: who calls, the body, what is recorded of it.

Plain ASGI: what a framework does for each request would cost more than all of the gateway's own
work on it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from prompt_app.datamodel.serving import Scope as TokenScope
from prompt_app.datamodel.serving import UsageRecord
from prompt_app.engine.item import new_reply_id
from prompt_app.errors import PromptAppError
from prompt_app.gateway.answers import Answer, Headers, StreamedAnswer
from prompt_app.gateway.bodies import first_problem
from prompt_app.gateway.core import Gateway
from prompt_app.gateway.errors import BadRequestError, BodyTooLargeError, ErrorShape, internal_error
from prompt_app.logs import redact
from prompt_app.workbench.serving import Asked, CacheUse, Caller
from prompt_app.workbench.serving.admission import without_tokens

logger = logging.getLogger(__name__)

MOST_BODY_BYTES = 20 * 2**20
CLIENT_LEFT = 499
Body = TypeVar("Body", bound=BaseModel)


class Exchange:
    """What a handler gets."""

    __slots__ = ("asked", "caller", "error", "gateway", "id", "is_call", "receive",
                 "request_body", "response_text", "route", "scope", "started",
                 "streamed")  # fmt: skip

    def __init__(self, gateway: Gateway, route: str, scope: Scope, receive: Receive) -> None:
        self.gateway = gateway
        self.route = route
        self.scope = scope
        self.receive = receive
        self.caller: Caller | None = None
        self.asked: Asked | None = None
        self.streamed = False
        self.is_call = False
        """Whether the address is one that calls."""
        self.error: PromptAppError | None = None
        self.id = new_reply_id()
        self.started = time.perf_counter()
        self.request_body = b""
        self.response_text: str | None = None

    def header(self, name: bytes) -> str:
        """The header's value; ``name`` in lower case. Empty where it is absent."""
        for key, value in self.scope["headers"]:
            if key == name:
                return str(value, "latin-1")
        return ""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Those in the path."""
        return self.scope.get("path_params") or {}

    async def body(self) -> bytes:
        """Raises BodyTooLargeError, and ConnectionResetError where the client left."""
        message = await self.receive()
        parts = [message.get("body", b"")]
        size = len(parts[0])
        while message.get("more_body"):
            message = await self.receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MOST_BODY_BYTES:
                raise BodyTooLargeError(f"A body may have {MOST_BODY_BYTES >> 20} MB at most.")
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        self.request_body = b"".join(parts)
        return self.request_body

    async def left(self) -> None:
        """Until the client has left; the body has been read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def read(self, kind: type[Body]) -> Body:
        """The JSON body. Raises BadRequestError that names the first field that is wrong."""
        body = await self.body()
        try:
            return kind.model_validate_json(body or b"{}")
        except ValidationError as error:
            place, said = first_problem(error, body)
            raise BadRequestError(f"{place}: {said}" if place else said, place) from None

    def serving_headers(self) -> Headers:
        """Whether a stored reply answers, its age, and what answers."""
        assert self.asked is not None
        spent = self.asked.spent
        headers = [
            (b"x-request-id", self.id.encode()),
            (b"x-cache-hit", b"true" if spent.cached else b"false"),
            (b"x-model", quote(spent.target, safe=":/@").encode()),
        ]
        if spent.age is not None:
            headers.append((b"age", str(int(spent.age)).encode()))
        return headers

    def cache_use(self) -> CacheUse:
        """As the request's ``Cache-Control`` says: ``no-cache`` calls anew, ``no-store`` also
        stores nothing, ``max-age`` takes no older reply."""
        header = self.header(b"cache-control")
        return _cache_use(header) if header else ANY_AGE

    def record(self, status: int) -> None:
        """Hand what is known of the call to the books."""
        caller, asked = self.caller, self.asked
        if caller is None:
            if self.error is not None:
                self.gateway.telemetry.note_stranger(self.route, status)
            return
        if asked is None:
            if self.error is None or not self.is_call:
                return
            asked = Asked(model="")  # refused before it was known what for
        spent = asked.spent
        body = None
        if self.gateway.keeps_bodies:
            body = _kept_body(self.request_body, self.response_text)
        record = UsageRecord(
            id=self.id,
            at=datetime.now(UTC),
            token=caller.token_id,
            person=caller.person,
            route=self.route,
            # Only what was answered is known to be a name.
            model=(asked.model if self.error is None else redact(asked.model))[:200],
            target=spent.target,
            prompt=spent.prompt,
            prompt_version=spent.prompt_version,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost_usd=spent.cost_usd,
            saved_usd=spent.saved_usd,
            latency_ms=(time.perf_counter() - self.started) * 1000,
            cached=spent.cached,
            streamed=self.streamed,
            status=status,
            error_kind=self.error.kind if self.error is not None else None,
            body=body,
        )
        self.gateway.note(record)


ANY_AGE = CacheUse()
Handler = Callable[[Exchange], Awaitable[Answer | StreamedAnswer]]


class Endpoint:
    """An ASGI app for one address. ``scope`` is what a token needs; None needs no token."""

    def __init__(
        self,
        route: str,
        handler: Handler,
        shape: ErrorShape,
        scope: TokenScope | None,
        *,
        session: bool = False,
    ) -> None:
        self.route = route
        self.needs = scope
        self._session = session
        self._handler = handler
        self._shape = shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope["app"].state.gateway, self.route, scope, receive)
        exchange.is_call = self.needs is TokenScope.INVOKE
        try:
            if self.needs is not None:
                exchange.caller = await exchange.gateway.identify(
                    exchange.header, session=self._session
                )
                exchange.gateway.admit(exchange.caller, self.needs)
            answer = await self._handler(exchange)
        except PromptAppError as error:
            exchange.error = error
            answer = self._shape(error)
        except ConnectionResetError:
            exchange.record(CLIENT_LEFT)
            return
        except Exception:
            logger.exception("%s failed", self.route)
            exchange.error = internal_error()
            answer = self._shape(exchange.error)
        if isinstance(answer, Answer):
            await _send_whole(answer, send)
            exchange.record(answer.status)
        else:
            exchange.record(await _send_pieces(answer, exchange, send))


async def _send_whole(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.kind),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_pieces(answer: StreamedAnswer, exchange: Exchange, send: Send) -> int:
    """Until the end, or until the client leaves, which ends the call upstream."""
    headers = [
        (b"content-type", answer.kind),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    exchange.gateway.telemetry.streams.inc()

    async def write() -> None:
        try:
            async for piece in answer.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except PromptAppError as error:
            exchange.error = error
            piece = answer.on_error(error)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await answer.pieces.aclose()

    writing = asyncio.create_task(write())
    leaving = asyncio.create_task(exchange.left())
    try:
        await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not writing.done():
            writing.cancel()
            await asyncio.wait({writing})
            return CLIENT_LEFT
        writing.result()
        await send({"type": "http.response.body", "body": b""})
        return 200 if exchange.error is None else 502
    finally:
        exchange.gateway.telemetry.streams.dec()
        leaving.cancel()
        writing.cancel()


def _cache_use(header: str) -> CacheUse:
    directives = {part.strip().lower() for part in header.split(",")}
    if "no-store" in directives:
        return CacheUse(read=False, write=False)
    if "no-cache" in directives:
        return CacheUse(read=False)
    for directive in directives:
        name, _, value = directive.partition("=")
        if name == "max-age" and value.isdecimal() and len(value) < 10:
            return CacheUse(max_age=float(value))
    return ANY_AGE


def _kept_body(request: bytes, response: str | None) -> str:
    try:
        asked: Any = orjson.loads(request)
    except orjson.JSONDecodeError:
        asked = request.decode("utf-8", "replace")
    return without_tokens(orjson.dumps({"request": asked, "response": response}).decode())
