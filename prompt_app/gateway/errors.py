"""Errors as HTTP: one status for each, in the shape that the clients of a protocol expect."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import orjson

from prompt_app.errors import (
    ConflictError,
    ContextTooLongError,
    DeadlineExceededError,
    InputError,
    LimitReachedError,
    LoginRequiredError,
    ModelNotFoundError,
    PermissionDeniedError,
    PromptAppError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRefusedError,
    StoreUnavailableError,
    UnknownNameError,
    UnsupportedParameterError,
)
from prompt_app.gateway.answers import Answer
from prompt_app.logs import redact

ErrorShape = Callable[[PromptAppError], Answer]


class BadRequestError(InputError):
    """The request is not as the protocol says; ``place`` is the field that is wrong."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


class BodyTooLargeError(InputError):
    """The request's body is larger than the gateway takes."""


class WrongMethodError(InputError):
    """The address takes other methods."""


class InternalError(PromptAppError):
    """Something in this app went wrong; the log says what."""


def internal_error() -> InternalError:
    return InternalError("Something went wrong here. The log of the gateway says what.")


# The first class that fits decides.
STATUSES: tuple[tuple[type[PromptAppError], int], ...] = (
    (LoginRequiredError, 401),
    (PermissionDeniedError, 403),
    (LimitReachedError, 429),
    (BodyTooLargeError, 413),
    (WrongMethodError, 405),
    (UnknownNameError, 404),
    (ConflictError, 409),
    (InputError, 400),
    (RateLimitedError, 429),
    (QuotaExhaustedError, 429),
    (DeadlineExceededError, 504),
    (ModelNotFoundError, 404),
    (RequestRefusedError, 400),
    (ProviderError, 502),
    (StoreUnavailableError, 503),
)
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Body too large",
    429: "Too many requests",
    500: "Internal error",
    502: "The model's provider failed",
    503: "Unavailable",
    504: "The model's provider gave no answer in time",
}


def status_of(error: PromptAppError) -> int:
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def error_text(error: PromptAppError) -> str:
    """An error may quote what the client sent, and that may be a secret."""
    return redact(str(error))


def problem(error: PromptAppError) -> Answer:
    """RFC 9457."""
    status = status_of(error)
    body: dict[str, Any] = {
        "type": f"urn:prompt-app:{error.kind}",
        "title": TITLES[status],
        "status": status,
        "detail": error_text(error),
    }
    if isinstance(error, BadRequestError) and error.place:
        body["field"] = redact(error.place)
    return _answer(error, status, body, b"application/problem+json")


def openai_problem(error: PromptAppError) -> Answer:
    """As OpenAI's clients expect it."""
    return _answer(error, status_of(error), {"error": openai_error(error)})


def openai_error(error: PromptAppError) -> dict[str, Any]:
    status = status_of(error)
    kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        status, "invalid_request_error" if status < 500 else "api_error"
    )
    code: str | None = error.kind
    parameter = None
    if isinstance(error, UnsupportedParameterError):
        parameter, code = error.parameter, "unsupported_parameter"
    elif isinstance(error, BadRequestError):
        parameter, code = redact(error.place) or None, None
    elif isinstance(error, ContextTooLongError):
        code = "context_length_exceeded"
    elif isinstance(error, UnknownNameError | ModelNotFoundError):
        code = "model_not_found"
    elif isinstance(error, LoginRequiredError):
        code = "invalid_api_key"
    elif isinstance(error, QuotaExhaustedError):
        kind = code = "insufficient_quota"
    return {"message": error_text(error), "type": kind, "param": parameter, "code": code}


BEDROCK_CODES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    405: "ValidationException",
    409: "ConflictException",
    413: "ValidationException",
    429: "ThrottlingException",
    500: "InternalServerException",
    502: "ModelErrorException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}


def bedrock_problem(error: PromptAppError) -> Answer:
    """As boto3 expects it: the kind in a header."""
    status = status_of(error)
    code = BEDROCK_CODES[status]
    # botocore knows these by the statuses of the service's model.
    shown = {401: 403, 413: 400, 502: 424, 504: 408}.get(status, status)
    answer = _answer(error, shown, {"message": error_text(error)})
    answer.headers.append((b"x-amzn-errortype", code.encode()))
    return answer


def _answer(
    error: PromptAppError, status: int, body: dict[str, Any], kind: bytes = b"application/json"
) -> Answer:
    headers = []
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, LimitReachedError | RateLimitedError) and error.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
    return Answer(orjson.dumps(body), status, kind, headers)
