"""The mock server's handling of a request, from its first byte to its counted end."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web
from pydantic import ValidationError

from prompt_app.datamodel.model import Reply
from prompt_app.errors import PromptAppError
from prompt_app.providers.mock import aws_wire, openai_wire
from prompt_app.providers.mock.batch_jobs import MockBatchJobs
from prompt_app.providers.mock.faults import Fault, Faults
from prompt_app.providers.mock.finetuning import MockJobs
from prompt_app.providers.mock.options import MockServerOptions, Stats
from prompt_app.providers.mock.wire import Answered, BadRequestError, Call, Problem, Wire
from prompt_app.providers.offline import OFFLINE_MODELS, create_answer, make_reply
from prompt_app.providers.offline_models import Answer, last_user_text

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_REFUSALS = {
    "key": "refused_401",
    "model": "refused_404",
    "parameter": "refused_400",
    "request": "refused_400",
    "quota": "refused_quota",
    "rate": "refused_429",
}


class _LeftError(Exception):
    """The client is gone."""


class MockApplication:
    """Options, counts and the answering of requests; lives on one event loop."""

    def __init__(self, options: MockServerOptions) -> None:
        self.options = options
        self.stats = Stats()
        self._faults = Faults(options)
        self._answers: dict[str, Answer] = {}
        self._ids = count(1)
        self._batch_jobs = MockBatchJobs(self._answer_in_batch, lambda: self.options.batch_seconds)
        self._tuning = MockJobs(self._batch_jobs.files)

    def change(self, changes: dict[str, Any]) -> MockServerOptions:
        """Raises pydantic.ValidationError, having changed nothing."""
        options = MockServerOptions.model_validate({**self.options.model_dump(), **changes})
        self.options, self._faults = options, Faults(options)
        self._answers.clear()
        return options

    def reset(self) -> None:
        in_flight = self.stats.in_flight
        self.stats = Stats(in_flight=in_flight, peak_in_flight=in_flight)
        self._faults = Faults(self.options)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request; the handler of an :class:`aiohttp.web.Server`."""
        path = request.path
        if path.startswith("/_control"):
            return await self._control(request, path)
        if request.method == "GET" and path == "/v1/models":
            return _json(openai_wire.list_models(self.options.models or sorted(OFFLINE_MODELS)))
        for jobs in (self._tuning, self._batch_jobs):
            if (told := await jobs.handle(request)) is not None:
                return _json(*told)
        wire, model = _route(path, request.rel_url.raw_path)
        if wire is None or request.method != "POST":
            return _json(b'{"error": {"message": "Not found."}}', 404)
        return await self._generate(request, wire, model)

    async def _generate(
        self, request: web.BaseRequest, wire: Wire, path_model: str
    ) -> web.StreamResponse:
        stats = self.stats
        stats.counts["received"] += 1
        body = await request.read()
        try:
            call = wire.parse(path_model, orjson.loads(body))
        except (BadRequestError, orjson.JSONDecodeError) as error:
            return self._refuse(wire, "request", str(error))
        key = self._prompt_key(call)
        if key is not None:
            stats.received_prompts[key] += 1
        refusal = self._admit(request, wire, call)
        if refusal is not None:
            return refusal
        stats.counts["admitted"] += 1
        stats.in_flight += 1
        stats.peak_in_flight = max(stats.peak_in_flight, stats.in_flight)
        try:
            response = await self._answer(request, wire, call)
        except (_LeftError, asyncio.CancelledError, ConnectionError):
            stats.counts["abandoned"] += 1
            raise
        finally:
            stats.in_flight -= 1
        return response

    def _admit(self, request: web.BaseRequest, wire: Wire, call: Call) -> web.Response | None:
        options = self.options
        if options.api_key is not None and not _has_key(request, options.api_key):
            return self._refuse(wire, "key", "")
        if options.models and call.model not in options.models:
            return self._refuse(wire, "model", call.model)
        for name in options.unsupported:
            if name in call.sent:
                return self._refuse(wire, "parameter", name)
        if options.quota_after is not None and self.stats.counts["admitted"] >= options.quota_after:
            return self._refuse(wire, "quota", "")
        wait = self._faults.refuses(self.stats.in_flight, call.model)
        if wait is None:
            return None
        response = self._refuse(wire, "rate", "")
        told = self._faults.retry_after(wait)
        if told is not None:
            response.headers["Retry-After"] = told
        return response

    async def _answer(self, request: web.BaseRequest, wire: Wire, call: Call) -> web.StreamResponse:
        latency = self._faults.latency()
        fault = self._faults.draw()
        if latency:
            await asyncio.sleep(latency)
        if fault is not None:
            self.stats.counts[fault] += 1
        if fault == "failed_500":
            return _response(wire.refuse("server", ""))
        if fault == "reset":
            _reset(request)
            return web.Response()
        if fault == "hung":
            await asyncio.Event().wait()
        request_id = f"mock-{next(self._ids)}"
        reply = self._reply(wire, call)
        response = await self._write(request, wire, call, reply, request_id, fault)
        if fault is None:
            self._count_answer(call, reply)
        return response

    async def _write(
        self,
        request: web.BaseRequest,
        wire: Wire,
        call: Call,
        reply: Reply,
        request_id: str,
        fault: Fault | None,
    ) -> web.StreamResponse:
        """Write the whole reply, or what the fault leaves of it."""
        streamed = call.stream and wire.stream is not None
        if streamed and wire.stream is not None:
            parts, kind = wire.stream(call, reply, request_id), wire.stream_type
        else:
            parts, kind = [wire.render(call, reply, request_id)], "application/json"
        if fault == "malformed":
            parts = [self._faults.malformed(b"".join(parts))]
        headers = {wire.request_id_header: request_id, "Content-Type": kind}
        if request.transport is None or request.transport.is_closing():
            raise _LeftError
        if not streamed and fault != "truncated":
            whole = web.Response(body=parts[0], headers=headers)
            await whole.prepare(request)
            await whole.write_eof()
            return whole
        response = web.StreamResponse(headers=headers)
        if not streamed:
            response.content_length = len(parts[0])
        await response.prepare(request)
        if fault == "truncated":
            await response.write(b"".join(parts)[: sum(map(len, parts)) // 2])
            request.transport.close()
            return response
        for part in parts:
            await response.write(part)
            if self.options.piece_ms:
                await asyncio.sleep(self.options.piece_ms / 1000)
        await response.write_eof()
        return response

    def _answer_in_batch(self, wire: Wire, model: str, body: Any, key: str) -> tuple[int, bytes]:
        call = wire.parse(model, body)
        self.stats.counts["received"] += 1
        if self._faults.draw() is not None:
            self.stats.counts["failed_500"] += 1
            refused = wire.refuse("server", "")
            return refused.status, refused.body
        reply = self._reply(wire, call)
        self._count_answer(call, reply)
        self.stats.counts["answered_in_batch"] += 1
        return 200, wire.render(call, reply, key)

    def _reply(self, wire: Wire, call: Call) -> Reply:
        if wire.answer is not None:
            return wire.answer(call)
        name = call.model if call.model in OFFLINE_MODELS else "extractive"
        answer = self._answers.get(name)
        if answer is None:
            options = {"reply": self.options.reply, "script": self.options.script}
            answer = self._answers[name] = create_answer(name, options)
        return make_reply(answer, call.model, call.messages, call.parameters)

    def _count_answer(self, call: Call, reply: Reply) -> None:
        counts = self.stats.counts
        counts.update(answered=1, input_tokens=reply.usage.input, output_tokens=reply.usage.output)
        self.stats.answered_models[call.model] += 1
        key = self._prompt_key(call)
        if key is not None:
            self.stats.answered_prompts[key] += 1

    def _prompt_key(self, call: Call) -> str | None:
        if self.options.record is None:
            return None
        text = last_user_text(call.messages)
        if self.options.record == "text":
            return text
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def _refuse(self, wire: Wire, problem: Problem, what: str) -> web.Response:
        self.stats.counts[_REFUSALS[problem]] += 1
        return _response(wire.refuse(problem, what))

    async def _control(self, request: web.BaseRequest, path: str) -> web.Response:
        actions: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/_control/stats"): self.stats.as_dict,
            ("POST", "/_control/reset"): self.reset,
            ("GET", "/_control"): lambda: None,
        }
        try:
            if request.method == "POST" and path == "/_control":
                self.change(orjson.loads(await request.read()))
                return _json(self.options.to_json().encode())
            result = actions[request.method, path]()
        except KeyError:
            return _json(b'{"error": "There is no such control."}', 404)
        except (ValidationError, TypeError, orjson.JSONDecodeError, PromptAppError) as error:
            return _json(orjson.dumps({"error": str(error)}), 400)
        return _json(self.options.to_json().encode() if result is None else orjson.dumps(result))


def _route(path: str, raw_path: str) -> tuple[Wire | None, str]:
    """The protocol of a path, and the model where the path names it."""
    if path.endswith("/chat/completions"):
        return openai_wire.CHAT, ""
    if path.endswith("/embeddings"):
        return openai_wire.EMBEDDINGS, ""
    parts = raw_path.split("/")
    if len(parts) == 4 and parts[1] == "model":
        wires = {
            "converse": aws_wire.CONVERSE,
            "converse-stream": aws_wire.CONVERSE_STREAM,
            "invoke": aws_wire.EMBEDDINGS,
        }
        return wires.get(parts[3]), unquote(parts[2])
    if len(parts) == 4 and parts[1] == "endpoints" and parts[3] == "invocations":
        return aws_wire.INVOCATIONS, unquote(parts[2])
    return None, ""


def _has_key(request: web.BaseRequest, key: str) -> bool:
    """As a bearer token, as ``api-key``, or as the access key id of an AWS signature."""
    authorization = request.headers.get("Authorization", "")
    return (
        authorization == f"Bearer {key}"
        or request.headers.get("api-key") == key
        or f"Credential={key}/" in authorization
    )


def _reset(request: web.BaseRequest) -> None:
    """Close with an RST, as a crashed server or a middlebox does."""
    if request.transport is not None:
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        request.transport.abort()


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _response(answered: Answered) -> web.Response:
    return web.Response(
        body=answered.body,
        status=answered.status,
        content_type=answered.content_type,
        headers=answered.headers,
    )
