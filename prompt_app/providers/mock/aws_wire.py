"""Bedrock's Converse and its embedding models, and SageMaker's InvokeEndpoint."""

from __future__ import annotations

from typing import Any

import orjson

from prompt_app.datamodel.embedding import stored_vectors
from prompt_app.datamodel.model import Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.providers.event_stream import event
from prompt_app.providers.mock.openai_wire import (
    answer_embeddings,
    parse_chat,
    render_chat,
)
from prompt_app.providers.mock.openai_wire import parse_embeddings as parse_openai_embeddings
from prompt_app.providers.mock.wire import (
    Answered,
    BadRequestError,
    Call,
    Problem,
    Wire,
    pieces,
    read_content,
    read_messages,
    read_parameters,
)

_CONVERSE_PARAMETERS = {
    "temperature": "temperature",
    "maxTokens": "max_tokens",
    "stopSequences": "stop",
}
_INPUTS_PARAMETERS = {
    "temperature": "temperature",
    "max_new_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "stop": "stop",
    "seed": "seed",
}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "content_filtered"}


def parse_converse(path_model: str, body: Any) -> Call:
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    system = tuple(
        Message(role="system", content=read_content([part])) for part in body.get("system") or ()
    )
    values = {
        **(body.get("inferenceConfig") or {}),
        **(body.get("additionalModelRequestFields") or {}),
    }
    parameters, sent = read_parameters(_CONVERSE_PARAMETERS, values)
    return Call(path_model, system + read_messages(body.get("messages")), parameters, sent, body)


def parse_converse_stream(path_model: str, body: Any) -> Call:
    call = parse_converse(path_model, body)
    return Call(call.model, call.messages, call.parameters, call.sent, body, stream=True)


def _usage(reply: Reply) -> dict[str, int]:
    usage = reply.usage
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total,
    }


def render_converse(call: Call, reply: Reply, request_id: str) -> bytes:
    output = reply.outputs[0]
    return orjson.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": output.text}]}},
            "stopReason": _STOP_REASONS.get(output.finish_reason, "end_turn"),
            "usage": _usage(reply),
            "metrics": {"latencyMs": round(reply.latency_seconds * 1000)},
        }
    )


def stream_converse(call: Call, reply: Reply, request_id: str) -> list[bytes]:
    output = reply.outputs[0]
    stop = _STOP_REASONS.get(output.finish_reason, "end_turn")
    deltas = [
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
        for piece in pieces(output.text)
    ]
    metrics = {"latencyMs": round(reply.latency_seconds * 1000)}
    return [
        event("messageStart", {"role": "assistant"}),
        *deltas,
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": stop}),
        event("metadata", {"usage": _usage(reply), "metrics": metrics}),
    ]


_PROBLEMS: dict[Problem, tuple[int, str, str]] = {
    "rate": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "quota": (
        429,
        "ThrottlingException",
        "Too many tokens per day, please wait before trying again.",
    ),
    "server": (500, "InternalServerException", "The system encountered an unexpected error."),
    "model": (404, "ResourceNotFoundException", "Could not resolve the model {}."),
    "key": (403, "AccessDeniedException", "Authentication failed: the key is not valid."),
    "request": (400, "ValidationException", "Malformed input request: {}."),
    "context_length": (400, "ValidationException", "Input is too long for requested model."),
    "parameter": (
        400,
        "ValidationException",
        "The model returned the following errors: {}: this parameter is not supported.",
    ),
}


def refuse(problem: Problem, what: str) -> Answered:
    status, kind, message = _PROBLEMS[problem]
    body = orjson.dumps({"message": message.replace("{}", what)})
    return Answered(status, body, headers={"x-amzn-errortype": kind})


def parse_invocation(path_model: str, body: Any) -> Call:
    """The messages format, or ``{"inputs": text, "parameters": {...}}``."""
    if isinstance(body, dict) and "inputs" in body:
        values = body.get("parameters") or {}
        parameters, sent = read_parameters(_INPUTS_PARAMETERS, values)
        message = Message(role="user", content=read_content(body["inputs"]))
        return Call(path_model, (message,), parameters, sent, body)
    return parse_chat("", {"model": path_model, **(body if isinstance(body, dict) else {})})


def render_invocation(call: Call, reply: Reply, request_id: str) -> bytes:
    if "inputs" in call.body:
        return orjson.dumps([{"generated_text": output.text} for output in reply.outputs])
    return render_chat(call, reply, request_id)


def parse_embeddings(path_model: str, body: Any) -> Call:
    """Titan's one text or Cohere's list of them; every text is a message of the call."""
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    cohere = "texts" in body
    texts = body["texts"] if cohere else [body.get("inputText")]
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise BadRequestError("expected minLength: 1")
    if cohere and not 1 <= len(texts) <= MOST_COHERE_TEXTS:
        raise BadRequestError(f"texts must have 1 to {MOST_COHERE_TEXTS} items")
    size = body.get("dimensions") or body.get("output_dimension")
    asked = {"model": path_model, "input": texts, "dimensions": size}
    call = parse_openai_embeddings("", asked)
    return Call(path_model, call.messages, call.parameters, tuple(body), {**body, **asked})


def render_embeddings(call: Call, reply: Reply, request_id: str) -> bytes:
    vectors = stored_vectors(reply)
    if "texts" in call.body:
        meta = {"id": request_id, "response_type": "embeddings_floats"}
        return orjson.dumps({**meta, "embeddings": vectors})
    tokens = {"inputTextTokenCount": reply.usage.input}
    return orjson.dumps({"embedding": vectors[0], **tokens})


_AWS_ID = "x-amzn-requestid"
MOST_COHERE_TEXTS = 96
EMBEDDINGS = Wire(
    parse_embeddings,
    render_embeddings,
    refuse,
    request_id_header=_AWS_ID,
    answer=answer_embeddings,
)
CONVERSE = Wire(parse_converse, render_converse, refuse, request_id_header=_AWS_ID)
CONVERSE_STREAM = Wire(
    parse_converse_stream,
    render_converse,
    refuse,
    stream_converse,
    "application/vnd.amazon.eventstream",
    _AWS_ID,
)
INVOCATIONS = Wire(parse_invocation, render_invocation, refuse, request_id_header=_AWS_ID)
