"""Keys of providers: from the settings, or from AWS Secrets Manager, fetched once and off the
event loop. A key is only ever sent to the server that it belongs to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from prompt_app.errors import AuthenticationError
from prompt_app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENAI_BASE_URL = "https://api.openai.com/v1"
SECRET_FIELDS = ("OPENAI_API_KEY", "openai_api_key", "openai_key", "api_key", "apiKey", "key")

T = TypeVar("T")


class Once(Generic[T]):
    """The result of a blocking function, computed in a thread by whoever asks first and shared by
    all. A caller that is cancelled leaves the others unharmed; a failure is tried anew at the
    next call."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._task: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The value, or the exception that the function raised."""
        if self._task is None:
            self._task = asyncio.create_task(asyncio.to_thread(self._function))
            self._task.add_done_callback(self._forget_failure)
        return await asyncio.shield(self._task)

    def _forget_failure(self, task: asyncio.Task[T]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._task = None


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what decides whether two addresses are the same server."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def openai_key(base_url: str, secret_name: str | None, settings: Settings) -> str | None:
    """The key for the server at ``base_url``, or None for a server that gets none. May block on
    Secrets Manager.

    In this order: the secret that the model names; the key set for this host in
    PROMPT_APP_API_KEYS; for the configured OpenAI server alone, OPENAI_API_KEY or the secret
    ``openai_secret_name``. Raises AuthenticationError where a key is needed and there is none.
    """
    if secret_name:
        return checked_key(secret_value(secret_name, settings), f"secret {secret_name!r}")
    scheme, host, _ = origin(base_url)
    if scheme == "https" and (own := settings.api_keys.get(host)):
        return checked_key(own.get_secret_value(), f"PROMPT_APP_API_KEYS for {host}")
    if origin(base_url) != origin(settings.openai_base_url):
        return None
    if settings.openai_api_key is not None:
        return checked_key(settings.openai_api_key.get_secret_value(), "OPENAI_API_KEY")
    is_openai = origin(base_url) == origin(OPENAI_BASE_URL)
    if is_openai or "openai_secret_name" in settings.model_fields_set:
        return _openai_secret(settings)
    return None


def _openai_secret(settings: Settings) -> str:
    name = settings.openai_secret_name
    try:
        return checked_key(secret_value(name, settings), f"secret {name!r}")
    except AuthenticationError as error:
        raise AuthenticationError(
            f"There is no OpenAI key: set OPENAI_API_KEY, or store it in Secrets Manager as "
            f"{name!r}. ({error})"
        ) from None


def checked_key(key: str, source: str) -> str:
    """The key without blanks around it. Raises AuthenticationError for one that no HTTP header
    can hold."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise AuthenticationError(
            f"The key from {source} is empty or holds blanks or other wrong characters."
        )
    return key


def secret_value(name: str, settings: Settings) -> str:
    """A key from AWS Secrets Manager: the plain string, or a field of JSON (one of SECRET_FIELDS,
    or the only field). Blocks. Raises AuthenticationError."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    try:
        session = boto3.Session(region_name=settings.aws_region)
        if session.get_credentials() is None:
            raise NoCredentialsError()
        client = session.client("secretsmanager", config=config)
        found = client.get_secret_value(SecretId=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        reason = {
            "ResourceNotFoundException": "there is no such secret in this account and region",
            # Whether there is one is not told to whom may read only what exists.
            "AccessDeniedException": "either there is no such secret in this account and region, "
            "then make it; or it may not be read here, then allow secretsmanager:GetSecretValue "
            "on it",
        }.get(code, code)
        raise AuthenticationError(f"Secrets Manager, {name!r}: {reason}.") from None
    except (BotoCoreError, ValueError) as error:
        reason = _botocore_reason(type(error).__name__)
        raise AuthenticationError(f"Secrets Manager, {name!r}: {reason}.") from None
    return _key_in(found.get("SecretString") or "", name)


def _botocore_reason(kind: str) -> str:
    return {
        "NoCredentialsError": "there are no AWS credentials",
        "PartialCredentialsError": "the AWS credentials are incomplete",
        "NoRegionError": "no AWS region is set (AWS_REGION)",
        "ProfileNotFound": "there is no such AWS profile",
        "EndpointConnectionError": "it cannot be reached",
        "ConnectTimeoutError": "it cannot be reached",
        "ReadTimeoutError": "it does not answer",
    }.get(kind, kind)


def _key_in(text: str, name: str) -> str:
    if not text.lstrip().startswith("{"):
        return text
    try:
        fields: Mapping[str, Any] = json.loads(text)
    except ValueError:
        fields = {}
    values = {field: value for field, value in fields.items() if isinstance(value, str)}
    for field in SECRET_FIELDS:
        if field in values:
            return values[field]
    if len(values) == 1:
        return next(iter(values.values()))
    raise AuthenticationError(
        f"Secrets Manager, {name!r}: store the bare key, or JSON with the field 'api_key'."
    )
