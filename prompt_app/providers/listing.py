"""Which models the credentials reach, as the providers themselves list them. Each call blocks on
the provider and costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import AuthenticationError, ConnectionFailedError, ProviderError
from prompt_app.providers.faults import quoted
from prompt_app.providers.secrets import openai_key

if TYPE_CHECKING:
    from prompt_app.settings import Settings

TIMEOUT_SECONDS = 20.0


def listed_names(server: ModelSpec, settings: Settings) -> frozenset[str]:
    """Names of the models at the server that ``server`` is called at: of the OpenAI protocol,
    Bedrock's foundation models and inference profiles, or SageMaker's endpoints in service.
    Raises ProviderError."""
    if server.provider == "openai":
        return _openai_names(server, settings)
    if server.provider == "bedrock":
        return _bedrock_names(server, settings)
    return _sagemaker_names(server, settings)


def _openai_names(server: ModelSpec, settings: Settings) -> frozenset[str]:
    import openai

    base_url = server.base_url or settings.openai_base_url
    client = openai.OpenAI(
        # Servers of one's own need none, and the client insists on one.
        api_key=openai_key(base_url, None, settings) or "none",
        base_url=base_url,
        timeout=TIMEOUT_SECONDS,
        max_retries=1,
    )
    try:
        with client:
            return frozenset(each.id for each in client.models.list())
    except openai.APIStatusError as error:
        kind = AuthenticationError if error.status_code in (401, 403) else ProviderError
        raise kind(
            f"{base_url} does not list its models ({error.status_code}): {quoted(error.message)}",
            status=error.status_code,
        ) from None
    except openai.OpenAIError as error:
        raise ConnectionFailedError(f"{base_url} does not answer: {quoted(error)}") from None


def _bedrock_names(server: ModelSpec, settings: Settings) -> frozenset[str]:
    client = _AwsClient("bedrock", server, settings)
    models = client.call("list_foundation_models", byOutputModality="TEXT")
    names = {str(each["modelId"]) for each in models["modelSummaries"]}
    more: dict[str, str] = {}
    while True:
        page = client.call("list_inference_profiles", maxResults=100, **more)
        names |= {str(each["inferenceProfileId"]) for each in page["inferenceProfileSummaries"]}
        if not page.get("nextToken"):
            return frozenset(names)
        more = {"nextToken": page["nextToken"]}


def _sagemaker_names(server: ModelSpec, settings: Settings) -> frozenset[str]:
    client = _AwsClient("sagemaker", server, settings)
    names: set[str] = set()
    more: dict[str, str] = {}
    while True:
        page = client.call("list_endpoints", StatusEquals="InService", MaxResults=100, **more)
        names |= {str(each["EndpointName"]) for each in page["Endpoints"]}
        if not page.get("NextToken"):
            return frozenset(names)
        more = {"NextToken": page["NextToken"]}


class _AwsClient:
    """Calls whose failures are a ProviderError in words."""

    def __init__(self, service: str, server: ModelSpec, settings: Settings) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        quick = Config(
            connect_timeout=10, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 2}
        )
        try:
            session = boto3.Session(region_name=server.region or settings.aws_region)
            self._client: Any = session.client(service, config=quick)  # type: ignore[call-overload]
        except BotoCoreError as error:
            raise AuthenticationError(f"AWS cannot be called: {quoted(error)}") from None

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            kind = AuthenticationError if status in (401, 403) else ProviderError
            raise kind(f"AWS refused {operation}: {quoted(error)}", status=status) from None
        except BotoCoreError as error:
            raise AuthenticationError(f"AWS cannot be called: {quoted(error)}") from None
        return answer
