"""A named SageMaker endpoint. What it is sent is a template that the model's options give or a
preset names; where its answer stands is a path."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, ValidationError
from yarl import URL

from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Reply, ReplyEvent
from prompt_app.errors import ModelNotFoundError, ProviderError
from prompt_app.providers.addresses import parse_base_url, server_name
from prompt_app.providers.aws import (
    JSON_HEADERS,
    AwsAccess,
    Signer,
    aws_error,
    aws_problem,
    checked_region,
    load_access,
)
from prompt_app.providers.faults import message_error, quoted
from prompt_app.providers.http import (
    HttpResponse,
    Transport,
    deadline,
    encode_json,
    request_id_of,
)
from prompt_app.providers.openai_wire import PARAMETER_NAMES
from prompt_app.providers.options import ProviderOptions, options_error, read_options
from prompt_app.providers.sagemaker_wire import PRESETS, WireFormat, read_reply, request_body
from prompt_app.providers.secrets import Once
from prompt_app.providers.streaming import in_one_piece
from prompt_app.settings import Settings

CREDENTIALS_HINT = (
    "Check the AWS profile or role: it needs sagemaker:InvokeEndpoint for this endpoint."
)
HeaderText = Annotated[str, Field(pattern=r"^[\x21-\x7e][\x20-\x7e]*$", max_length=1024)]


class SageMakerOptions(ProviderOptions):
    """What a model of this provider may set in ``options``."""

    preset: Literal["messages", "inputs", "jumpstart-chat"] = "messages"
    """Request and answer as OpenAI's chat format, as text-generation-inference's ``inputs`` and
    ``generated_text``, or as JumpStart's older chat models have them."""
    request: dict[str, Any] | None = None
    """A JSON template instead of the preset's; see WireFormat."""
    response: str | tuple[str, ...] | None = None
    """Path of the text in the answer, e.g. ``0.generated_text``; several are tried in order."""
    extra_field: str | None = None
    finish_reason: str | None = None
    """Path, as are those of the token counts."""
    input_tokens: str | None = None
    output_tokens: str | None = None
    custom_attributes: HeaderText | None = None
    """E.g. ``accept_eula=true``."""
    inference_component: HeaderText | None = None
    target_model: HeaderText | None = None
    target_variant: HeaderText | None = None

    def wire(self) -> WireFormat:
        """The preset with what the options put in its place."""
        given = self.model_dump(include=set(WireFormat.model_fields), exclude_none=True)
        if isinstance(self.response, str):
            given["response"] = (self.response,)
        preset = PRESETS[self.preset]
        if self.request is not None:
            # The preset's other fields describe another request.
            return WireFormat.model_validate(given)
        return preset.model_copy(update=given)

    def headers(self) -> dict[str, str]:
        """Headers that choose what behind the endpoint answers."""
        headers = {
            "X-Amzn-SageMaker-Custom-Attributes": self.custom_attributes,
            "X-Amzn-SageMaker-Inference-Component": self.inference_component,
            "X-Amzn-SageMaker-Target-Model": self.target_model,
            "X-Amzn-SageMaker-Target-Variant": self.target_variant,
        }
        return {name: value for name, value in headers.items() if value is not None}


class SageMakerProvider:
    """One connection: a region's runtime and the wire format of an endpoint."""

    def __init__(self, model: ModelSpec, settings: Settings) -> None:
        """Uses ``base_url``, ``region`` and ``options`` of ``model``. Looks up neither host nor
        credentials yet. Raises EvaluationError or InputError for wrong ones."""
        self._wire = wire_format(model)
        self._headers = {**JSON_HEADERS, **read_options(model, SageMakerOptions).headers()}
        endpoint = model.base_url or settings.sagemaker_endpoint_url
        if endpoint is not None:
            parse_base_url(endpoint)
        region = checked_region(model.region) if model.region is not None else None
        self._access = Once(
            lambda: load_access("sagemaker-runtime", region, endpoint, settings, signed=True)
        )
        self._signer: Signer | None = None
        self._endpoint = ""
        self._host = "SageMaker"
        trusted = model.base_url is None or model.base_url == settings.sagemaker_endpoint_url
        self._transport = Transport(trusted or settings.allow_private_addresses)

    async def generate(self, request: GenerationRequest, timeout: float) -> Reply:
        """See :class:`prompt_app.interfaces.Provider`."""
        body = encode_json(request_body(self._wire, request))
        async with deadline(timeout, self._host):
            signer = self._signer or self._use(await self._access.get())
            url = f"{self._endpoint}/endpoints/{quote(request.model.name, safe='')}/invocations"
            headers = await signer.headers(url, body, self._headers)
            response = await self._transport.post(URL(url, encoded=True), body, headers)
        if response.status != 200:
            raise refusal(response, self._host, request)
        return read_reply(self._wire, response, self._host, request)

    def stream(
        self, request: GenerationRequest, timeout: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """See :class:`prompt_app.interfaces.Provider`. An endpoint answers in one piece."""
        return in_one_piece(self.generate(request, timeout))

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._transport.close()

    def _use(self, access: AwsAccess) -> Signer:
        assert access.credentials is not None
        self._host = server_name(access.endpoint) or "SageMaker"
        self._endpoint = access.endpoint
        self._signer = Signer(access.credentials, "sagemaker", access.region)
        return self._signer


def connect(model: ModelSpec, settings: Settings) -> SageMakerProvider:
    """The entry of the PROVIDERS table."""
    return SageMakerProvider(model, settings)


def body_of(request: GenerationRequest, settings: Settings) -> dict[str, Any]:
    """The entry of the BODIES table."""
    return request_body(wire_format(request.model), request)


def wire_format(model: ModelSpec) -> WireFormat:
    """The endpoint's wire format. Raises EvaluationError for options that make none."""
    options = read_options(model, SageMakerOptions)
    try:
        return options.wire()
    except ValidationError as error:
        raise options_error(model, SageMakerOptions, error) from None


def check_access(model: ModelSpec, settings: Settings) -> None:
    """Raise AuthenticationError where nothing could sign a request. Blocks."""
    endpoint = model.base_url or settings.sagemaker_endpoint_url
    load_access("sagemaker-runtime", model.region, endpoint, settings, signed=True)


def refusal(response: HttpResponse, host: str, request: GenerationRequest) -> ProviderError:
    """The error that a response other than 200 means. Where the container behind the endpoint
    refused (424), its own status and message decide."""
    code, message, body = aws_problem(response)
    request_id = request_id_of(response)
    if response.status == 400 and "not found" in message.lower():
        return ModelNotFoundError(
            f"{host} has no endpoint {request.model.name!r}: {quoted(message)}",
            status=400,
            request_id=request_id,
        )
    status = response.status
    original = body.get("OriginalStatusCode")
    if status == 424 and isinstance(original, int) and 400 <= original < 500:
        status, message = original, str(body.get("OriginalMessage") or message)
    elif not code.startswith("Validation"):
        return aws_error(response, host, CREDENTIALS_HINT)
    return message_error(
        status,
        message,
        headers=response.headers,
        host=host,
        request_id=request_id,
        names=PARAMETER_NAMES,
        parameters=request.parameters,
    )
