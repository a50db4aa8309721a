"""What Bedrock and SageMaker share: credentials of the standard AWS chain, request signing by
botocore, and the errors of AWS's JSON protocol. botocore is imported at the first call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from prompt_app.errors import (
    AuthenticationError,
    EvaluationError,
    ModelNotFoundError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitedError,
    ServerError,
)
from prompt_app.providers.faults import quoted, retry_after_seconds, status_error
from prompt_app.providers.http import HttpResponse, request_id_of
from prompt_app.providers.secrets import Once
from prompt_app.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session

# A region becomes part of a host name: nothing else may slip in.
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}")
_AWS_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:amazonaws\.com(?:\.cn)?|api\.aws)")
JSON_HEADERS = {"Content-Type": "application/json"}
ACCESS_CODES = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Where requests go and who signs them."""

    region: str
    endpoint: str
    credentials: Credentials | None
    """None where a bearer key takes their place."""


def checked_region(region: str) -> str:
    """Raises EvaluationError for what cannot be a region."""
    if not _REGION.fullmatch(region):
        raise EvaluationError(f"{region!r} is not an AWS region; one looks like us-east-1.")
    return region


def is_aws_host(host: str) -> bool:
    """Whether the host belongs to AWS, so that a key for AWS may be sent to it."""
    return _AWS_HOST.fullmatch(host) is not None


def load_access(
    service: str, region: str | None, endpoint: str | None, settings: Settings, *, signed: bool
) -> AwsAccess:
    """Find region, endpoint (AWS's own when None) and, if requests are ``signed``, credentials.
    Blocks: the chain may ask the machine's metadata service or the identity provider. Raises
    AuthenticationError."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        session = botocore.session.Session()
        region = region or settings.aws_region or session.get_config_variable("region")
        if not region:
            raise AuthenticationError(
                "No AWS region is set: set AWS_REGION, or give the model a 'region'."
            )
        region = checked_region(region)
        credentials = session.get_credentials() if signed else None
        if credentials is not None:
            credentials.get_frozen_credentials()
        if endpoint is None:
            endpoint = _own_endpoint(session, service, region)
    except BotoCoreError as error:
        raise AuthenticationError(f"The AWS credentials cannot be used: {quoted(error)}") from None
    if signed and credentials is None:
        raise AuthenticationError(
            "There are no AWS credentials: run 'aws configure' or 'aws sso login', set "
            "AWS_PROFILE, or give this machine a role. For Bedrock, AWS_BEARER_TOKEN_BEDROCK "
            "will do."
        )
    return AwsAccess(region, endpoint.rstrip("/"), credentials)


def own_endpoint(service: str, region: str | None, settings: Settings) -> str | None:
    """AWS's own address of ``service``; None where no region is set, or no such address follows
    from it. Nothing is asked for it."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        session = botocore.session.Session()
        region = region or settings.aws_region or session.get_config_variable("region")
        return _own_endpoint(session, service, checked_region(region)) if region else None
    except BotoCoreError:
        return None


def _own_endpoint(session: Session, service: str, region: str) -> str:
    from botocore import UNSIGNED
    from botocore.config import Config

    # Unsigned: only for the address, and the chain of credentials is slow where it has none.
    unsigned = Config(signature_version=UNSIGNED)
    client = session.create_client(service, region_name=region, config=unsigned)
    return str(client.meta.endpoint_url)


class Signer:
    """Signs requests with Signature Version 4, renewing credentials before they expire without
    ever blocking the event loop."""

    def __init__(self, credentials: Credentials, service: str, region: str) -> None:
        self._credentials = credentials
        self._service = service
        self._region = region
        self._renewal = Once(credentials.get_frozen_credentials)

    async def headers(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """``headers`` and those of the signature. Raises AuthenticationError."""
        if self._is_stale():
            await self._renew()
        return self._sign(url, body, headers)

    def _is_stale(self) -> bool:
        # Only credentials that can be renewed have this method.
        refresh_needed = getattr(self._credentials, "refresh_needed", None)
        return refresh_needed is not None and bool(refresh_needed())

    async def _renew(self) -> None:
        from botocore.exceptions import BotoCoreError

        renewal = self._renewal
        try:
            await renewal.get()
        except BotoCoreError as error:
            raise AuthenticationError(
                f"The AWS credentials could not be renewed: {quoted(error)}"
            ) from None
        if self._renewal is renewal:
            self._renewal = Once(self._credentials.get_frozen_credentials)

    def _sign(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
        frozen = self._credentials.get_frozen_credentials()
        SigV4Auth(frozen, self._service, self._region).add_auth(request)
        return dict(request.headers.items())


def aws_problem(response: HttpResponse) -> tuple[str, str, dict[str, Any]]:
    """Error code, message and body of a refusal; each may be empty."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        body = {}
    code = response.headers.get("x-amzn-ErrorType") or body.get("__type") or body.get("code") or ""
    code = str(code).partition(":")[0].rpartition("#")[2]
    return code, str(body.get("message") or body.get("Message") or ""), body


def aws_error(response: HttpResponse, host: str, credentials_hint: str) -> ProviderError:
    """The error that a refusal means, as far as the services agree on it."""
    code, message, _ = aws_problem(response)
    status = response.status
    request_id = request_id_of(response)
    told = f"{host} refused the request ({code or status}): {quoted(message)}"
    per_day = "per day" in message.lower() or "daily" in message.lower()
    if code == "ServiceQuotaExceededException" or (status == 429 and per_day):
        return QuotaExhaustedError(told, status=status, request_id=request_id)
    if "Throttl" in code and status == 400:
        return RateLimitedError(
            told,
            retry_after=retry_after_seconds(response.headers),
            status=status,
            request_id=request_id,
        )
    if code in ACCESS_CODES:
        return AuthenticationError(
            f"{told} {credentials_hint}", status=status, request_id=request_id
        )
    if code in ("ResourceNotFoundException", "UnknownOperationException"):
        return ModelNotFoundError(told, status=status, request_id=request_id)
    if status == 424:
        return ServerError(told, status=status, request_id=request_id)
    return status_error(
        status,
        message,
        headers=response.headers,
        host=host,
        request_id=request_id,
        credentials_hint=credentials_hint,
    )
