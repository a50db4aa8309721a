"""From a refused HTTP call to the error tree: what every protocol has in common."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from prompt_app.datamodel.model import InferenceParameters
from prompt_app.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextTooLongError,
    ModelNotFoundError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnsupportedParameterError,
)

LONGEST_MESSAGE = 300
_SECRET = re.compile(
    r"\b(?:sk|pk|gsk|xai|bedrock-api-key)-[\w*.-]{6,}"
    r"|\bABSK[\w+/=*-]{8,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|\bBearer\s+\S+"
    r"|\bAIza[\w-]{20,}"
    r"|\beyJ[\w-]{10,}\.[\w.-]+",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"maximum context length|context (?:window|length|size|limit)|input is too long"
    r"|too many (?:total )?(?:text )?(?:input )?tokens(?! per)|prompt is too long"
    r"|input length and .max_tokens. exceed|maximum number of (?:input )?tokens"
    r"|expected maxlength|input (?:tokens|length) exceed",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content (?:management |filtering )?(?:policy|filter)|blocked by .{0,40}(?:filter|guardrail)"
    r"|flagged as potentially violating|content_filter",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


def quoted(message: object) -> str:
    """A provider's message, fit to be shown: one line, shortened, keys blotted out."""
    text = _SECRET.sub("[key]", " ".join(str(message or "").split()))
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long the server asks to wait; None if it does not tell.

    Reads ``retry-after-ms``, then ``Retry-After`` (seconds, or a date, which is compared with the
    server's own ``Date``, so that a wrong clock here does no harm), then ``x-ratelimit-reset-*``
    of the limits that are used up.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    if after := headers.get("Retry-After"):
        seconds = _number(after)
        return seconds if seconds is not None else _until(after, headers.get("Date"))
    resets = {
        kind: reset
        for kind in ("requests", "tokens")
        if (reset := _duration(headers.get(f"x-ratelimit-reset-{kind}"))) is not None
    }
    used_up = [
        reset
        for kind, reset in resets.items()
        if headers.get(f"x-ratelimit-remaining-{kind}", "0") == "0"
    ]
    return max(used_up) if used_up else min(resets.values(), default=None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(date: str, server_now: str | None) -> float | None:
    try:
        then = parsedate_to_datetime(date).timestamp()
        now = parsedate_to_datetime(server_now).timestamp() if server_now else time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, then - now)


def _duration(text: str | None) -> float | None:
    """``6m0s``, ``1.5s``, ``20ms`` or bare seconds."""
    if not text:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return _number(text)
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds / 1000


def says_context_too_long(message: str) -> bool:
    """Whether a refusal is about the length of the prompt."""
    return _CONTEXT.search(message) is not None


def says_content_filtered(message: str) -> bool:
    """Whether a refusal is about the content of the prompt."""
    return _FILTERED.search(message) is not None


UNSUPPORTED_PHRASES = (
    "unsupported",
    "not supported",
    "does not support",
    "doesn't support",
    "unrecognized",
    "unknown",
    "not permitted",
    "extra inputs",
    "extraneous",
    "deprecated for this model",
    "cannot both be specified",
)


def says_unsupported(message: str) -> bool:
    """Whether a refusal is about a field that the model or the server does not take."""
    lowered = message.lower()
    return any(phrase in lowered for phrase in UNSUPPORTED_PHRASES)


def named_parameter(
    message: str, names: Mapping[str, str], parameters: InferenceParameters
) -> str | None:
    """The parameter, among those sent, that a refusal's text names; None if it names none.

    ``names``: InferenceParameters' names by the protocol's. Of two parameters that exclude each
    other the later one in ``names`` is told, so that the other is kept.
    """
    words = {word.lower() for word in _WORD.findall(message)}
    if any(name.lower() in words for name in parameters.extra):
        return "extra"
    sent = parameters.given()
    told = [name for wire, name in names.items() if wire.lower() in words and name in sent]
    return told[-1] if told else None


def status_error(
    status: int,
    message: str,
    *,
    headers: Mapping[str, str],
    host: str,
    request_id: str | None,
    credentials_hint: str,
) -> ProviderError:
    """The error for a status that is no success, where the protocol has nothing more exact.

    ``message`` is the provider's own; ``credentials_hint`` says what to set.
    """
    told = quoted(message)
    said = f"{host} answered {status}" + (f": {told}" if told else "")
    if not said.endswith((".", "!", "?", "…")):
        said += "."
    kind: type[ProviderError] = RequestRefusedError
    if status == 429:
        return RateLimitedError(
            said, retry_after=retry_after_seconds(headers), request_id=request_id
        )
    if status == 408 or status >= 500:
        kind = ServerError
    elif status in (401, 403):
        kind, said = AuthenticationError, f"{said} {credentials_hint}"
    elif status == 402:
        kind, said = QuotaExhaustedError, f"{said} Check the account's credit."
    elif 300 <= status < 400:
        kind, said = ModelNotFoundError, f"{said} Redirects are not followed: check base_url."
    elif status in (404, 405, 410):
        kind, said = ModelNotFoundError, f"{said} Check the model's name and base_url."
    elif status == 413 or says_context_too_long(message):
        kind = ContextTooLongError
    elif says_content_filtered(message):
        kind = ContentFilteredError
    return kind(said, status=status, request_id=request_id)


def message_error(
    status: int,
    message: str,
    *,
    headers: Mapping[str, str],
    host: str,
    request_id: str | None,
    names: Mapping[str, str],
    parameters: InferenceParameters,
) -> ProviderError:
    """As :func:`status_error`, for a server of which only status and text are known: a parameter
    that the text says is not taken is told apart."""
    if status in (400, 422) and says_unsupported(message):
        name = named_parameter(message, names, parameters)
        if name is not None:
            return UnsupportedParameterError(
                f"{host} refused the request: {quoted(message)}",
                parameter=name,
                status=status,
                request_id=request_id,
            )
    return status_error(
        status,
        message,
        headers=headers,
        host=host,
        request_id=request_id,
        credentials_hint="Check what the server behind this address needs.",
    )
