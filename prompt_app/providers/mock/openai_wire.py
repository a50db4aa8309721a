"""OpenAI's chat completions and embeddings."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import orjson

from prompt_app.datamodel.embedding import stored_vectors
from prompt_app.datamodel.model import InferenceParameters, Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.providers.mock.wire import (
    Answered,
    BadRequestError,
    Call,
    Problem,
    Wire,
    pieces,
    read_messages,
    read_parameters,
)
from prompt_app.providers.offline import embed_offline
from prompt_app.providers.offline_models.hashing import DIMENSIONS

# The protocol's names, and which of the offline models' parameters they set.
PARAMETERS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "stop": "stop",
    "seed": "seed",
    "n": "num_responses",
}
_NOT_PARAMETERS = frozenset({"model", "messages", "stream", "stream_options"})
_FINISH = {"stop": "stop", "length": "length", "content_filter": "content_filter"}


def parse_chat(path_model: str, body: Any) -> Call:
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise BadRequestError("you must provide a model parameter")
    values = {name: value for name, value in body.items() if name not in _NOT_PARAMETERS}
    parameters, sent = read_parameters(PARAMETERS, values)
    if isinstance(body.get("response_format"), dict):
        extra = {"response_format": body["response_format"]}
        parameters = parameters.model_copy(update={"extra": extra})
    messages = read_messages(body.get("messages"))
    return Call(body["model"], messages, parameters, sent, body, stream=bool(body.get("stream")))


def _usage(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.usage.input,
        "completion_tokens": reply.usage.output,
        "total_tokens": reply.usage.total,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def render_chat(call: Call, reply: Reply, request_id: str) -> bytes:
    return orjson.dumps(
        {
            "id": f"chatcmpl-{request_id}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": call.model,
            "choices": [
                {
                    "index": index,
                    "message": {"role": "assistant", "content": output.text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": _FINISH.get(output.finish_reason, "stop"),
                }
                for index, output in enumerate(reply.outputs)
            ],
            "usage": _usage(reply),
        }
    )


def stream_chat(call: Call, reply: Reply, request_id: str) -> list[bytes]:
    """Server-sent events; the usage comes last where ``stream_options`` asks for it."""
    head = {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": call.model,
    }

    def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
        return b"data: " + orjson.dumps({**head, "choices": choices, **more}) + b"\n\n"

    events = []
    for index, output in enumerate(reply.outputs):
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in pieces(output.text)]
        events += [event([{"index": index, "delta": d, "finish_reason": None}]) for d in deltas]
        finish = _FINISH.get(output.finish_reason, "stop")
        events.append(event([{"index": index, "delta": {}, "finish_reason": finish}]))
    options = call.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        events.append(event([], usage=_usage(reply)))
    return [*events, b"data: [DONE]\n\n"]


_PROBLEMS: dict[Problem, tuple[int, str, str, str]] = {
    "rate": (429, "requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    "quota": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "server": (500, "server_error", "", "The server had an error while processing your request."),
    "model": (404, "invalid_request_error", "model_not_found", "The model `{}` does not exist."),
    "key": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "request": (400, "invalid_request_error", "", "{}"),
    "context_length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is {} tokens.",
    ),
    "parameter": (
        400,
        "invalid_request_error",
        "unsupported_parameter",
        "Unsupported parameter: '{}' is not supported with this model.",
    ),
}


def refuse(problem: Problem, what: str) -> Answered:
    status, kind, code, message = _PROBLEMS[problem]
    error = {
        "message": message.replace("{}", what),
        "type": kind,
        "param": what if problem == "parameter" else None,
        "code": code or None,
    }
    return Answered(status, orjson.dumps({"error": error}))


CHAT = Wire(parse_chat, render_chat, refuse, stream_chat, "text/event-stream")


def list_models(names: Iterable[str]) -> bytes:
    data = [{"id": n, "object": "model", "created": 0, "owned_by": "mock"} for n in names]
    return orjson.dumps({"object": "list", "data": data})


def parse_embeddings(path_model: str, body: Any) -> Call:
    """Every text is a message of the call."""
    texts = body.get("input") if isinstance(body, dict) else None
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or not texts:
        raise BadRequestError("'input' must be a text or a list of texts")
    if not all(texts):
        raise BadRequestError("'input' cannot be an empty string")
    size = body.get("dimensions") or DIMENSIONS
    if not isinstance(size, int) or not 1 <= size <= 4096:
        raise BadRequestError("'dimensions' must be a number from 1 to 4096")
    messages = tuple(Message.model_construct(role="user", content=text) for text in texts)
    sent = tuple(name for name in body if name not in ("model", "input"))
    return Call(body.get("model", ""), messages, InferenceParameters(), sent, body)


def answer_embeddings(call: Call) -> Reply:
    """A packed vector for each message, in the form in which embeddings are stored."""
    texts = [message.content for message in call.messages]
    return embed_offline(call.model, texts, call.body.get("dimensions")).as_reply()


def render_embeddings(call: Call, reply: Reply, request_id: str) -> bytes:
    packed = call.body.get("encoding_format") == "base64"
    vectors: list[Any] = [output.text for output in reply.outputs]
    if not packed:
        vectors = stored_vectors(reply)
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input}
    return orjson.dumps({"object": "list", "data": data, "model": call.model, "usage": usage})


EMBEDDINGS = Wire(parse_embeddings, render_embeddings, refuse, answer=answer_embeddings)
