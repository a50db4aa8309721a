"""Which models there are, and whether one can be used as asked: all that can be told before the
first call."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from prompt_app.datamodel.base import Record, canonical_json
from prompt_app.datamodel.catalogue import ENDPOINT_PROVIDER
from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Price,
)
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    EvaluationError,
    InputError,
    UnknownNameError,
    UnsupportedParameterError,
)
from prompt_app.logs import redact
from prompt_app.providers import (
    PROVIDERS,
    bedrock,
    bedrock_embeddings,
    bedrock_wire,
    connect,
    openai,
    openai_wire,
    sagemaker,
    sagemaker_wire,
)
from prompt_app.providers.addresses import check_base_url
from prompt_app.providers.capabilities import always_refused, refusals
from prompt_app.providers.embedding import cannot_embed
from prompt_app.providers.offline import (
    OFFLINE_EMBEDDER,
    OFFLINE_MODELS,
    SUPPORTED_PARAMETERS,
    check_offline_parameters,
    create_answer,
)
from prompt_app.providers.prices import FREE, listed_model, price_from, split_prefix
from prompt_app.providers.secrets import OPENAI_BASE_URL
from prompt_app.registry import nearest_names
from prompt_app.settings import Settings

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

# Entries of the price table that answer no chat request with text.
_NOT_CHAT = re.compile(
    r"audio|realtime|image|tts|transcribe|translate|whisper|embed|moderation|live|sonic|voxtral"
    r"|computer-use|search|deep-research|codex|instruct(?!.*v\d)|davinci|curie|babbage|^ada$"
    r"|^ft:|^gpt-oss|\.ft-|-pro$|:extended|vision-preview|rosalind|cyber|3\.5-0301"
)
MOST_TYPOS = 2
OWN_NAMES = frozenset({"sagemaker", ENDPOINT_PROVIDER})
"""Whose models people name themselves, so that they may look like a key: sk-learn-..."""
_BEDROCK = re.compile(
    r"(?:bedrock\.)?((?:[a-z-]+\.)?(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta"
    r"|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|stability|twelvelabs|writer|zai)\..+)"
    r"|(arn:aws[a-z-]*:bedrock:.+)"
)


class ModelCard(Record):
    """A model that can be chosen."""

    reference: str
    """``provider:name``."""
    provider: str
    title: str
    kind: Literal["offline", "hosted", "fine-tuned"]
    context: int | None = None
    """Most tokens of prompt and reply together; None when not known."""
    price: Price | None = None
    refuses: tuple[str, ...] | None = None
    """Parameters it never takes; None when nothing is known."""


def list_models(settings: Settings) -> list[ModelCard]:
    """The offline models, then OpenAI's and Bedrock's text models that the price table lists, but
    those it calls deprecated. Bedrock names carry the cross-region prefix of the settings'
    region where the table has a regional price."""
    offline = [
        ModelCard(
            reference=f"offline:{name}",
            provider="offline",
            title=f"Offline {name}",
            kind="offline",
            price=FREE,
            refuses=tuple(sorted(set(sagemaker_wire.PARAMETERS) - SUPPORTED_PARAMETERS)),
        )
        for name in OFFLINE_MODELS
    ]
    return [*offline, *_hosted_cards(_geography(settings.aws_region))]


@lru_cache(maxsize=8)
def _hosted_cards(geography: str) -> tuple[ModelCard, ...]:
    cards = []
    for provider, table in (("openai", "openai"), ("bedrock", "aws")):
        for listed in _chat_models(table):
            name = re.sub(r"^regional\.", f"{geography}.", listed.id)
            model = ModelSpec(provider=provider, name=name)
            refused = set(always_refused(model) or ())
            if provider == "bedrock":
                refused.add("seed")
            cards.append(
                ModelCard(
                    reference=model.reference,
                    provider=provider,
                    title=listed.name or name,
                    kind="hosted",
                    context=listed.context_window,
                    price=price_from(listed),
                    refuses=tuple(sorted(refused)) or None,
                )
            )
    return tuple(cards)


def _chat_models(table: str) -> list[ModelInfo]:
    from genai_prices.data_snapshot import get_snapshot

    provider = next(item for item in get_snapshot().providers if item.id == table)
    return [
        listed
        for listed in provider.models
        if not listed.deprecated and not _NOT_CHAT.search(listed.id) and price_from(listed)
    ]


def _geography(region: str | None) -> str:
    """The cross-region inference prefix for a region."""
    if region is None or region.startswith(("us-", "ca-")):
        return "us-gov" if (region or "").startswith("us-gov-") else "us"
    return "eu" if region.startswith("eu-") else "apac"


def named_model(name: str) -> ModelSpec:
    """``provider:name``, or ``endpoint:NAME`` for a stored endpoint, which the store must be asked
    for; a bare name is OpenAI's, or Bedrock's where it begins with one of its vendors or is an
    ARN of it. Raises InputError for what is no name."""
    provider, separator, rest = name.partition(":")
    if not provider.strip() or (separator and not rest.strip()) or not name.isprintable():
        raise InputError(f"{name!r} is no model's name: write provider:name or a bare name.")
    if provider not in OWN_NAMES and redact(name) != name:
        raise InputError("The model's name looks like a key or token; it is sent to nobody.")
    if separator and (provider in PROVIDERS or provider == ENDPOINT_PROVIDER):
        return ModelSpec(provider=provider, name=rest)
    if match := _BEDROCK.fullmatch(name):
        return ModelSpec(provider="bedrock", name=match[1] or match[2])
    return ModelSpec(provider="openai", name=name)


def check_model(model: ModelSpec, settings: Settings, *, embeds: bool = False) -> None:
    """Whether ``model`` can be called at all, as far as that shows without calling it; with
    ``embeds``, whether it embeds texts.

    Raises UnknownNameError for a provider or an offline model that does not exist, and for an
    OpenAI or Bedrock name that looks like a slip of the pen: one that the catalogue lacks while
    it has one with the same digits and at most two other characters, or an OpenAI name with a
    colon, which its fine-tuned models alone have. Other unknown names pass, since new models
    come out faster than catalogues; they have no price. The option ``unlisted: true`` lets every
    name pass. Raises InputError for wrong options and for a ``base_url`` that must not be
    reached, and EvaluationError for a model that embeds nothing; resolves its host.
    """
    connect(model, settings)
    if embeds and not _embeds(model):
        raise EvaluationError(str(cannot_embed(model)))
    if model.provider == "offline":
        if not embeds:
            create_answer(model.name, model.options)
        return
    configured = _configured_server(model, settings)
    if model.base_url is not None:
        trusted = settings.allow_private_addresses or model.base_url == configured
        check_base_url(model.base_url, trusted)
    elif model.provider in ("bedrock", "openai") and configured is None:
        _check_spelling(model)


def _embeds(model: ModelSpec) -> bool:
    """Whether it may; what an OpenAI name stands for only its server knows."""
    if model.provider == "offline":
        return model.name == OFFLINE_EMBEDDER
    if model.provider == "bedrock":
        return bedrock_embeddings.embeds(model.name)
    return model.provider == "openai"


def pin_server(model: ModelSpec, settings: Settings) -> ModelSpec:
    """``model`` with the server and region that the settings choose written into it, so that a
    reply from one server is never taken for another's by the cache, and a run that is resumed
    under other settings stays where it was."""
    update: dict[str, str] = {}
    server = _configured_server(model, settings)
    if model.base_url is None and server is not None:
        update["base_url"] = server
    needs_region = model.provider in ("bedrock", "sagemaker") and model.region is None
    if needs_region and settings.aws_region is not None:
        update["region"] = settings.aws_region
    return model.model_copy(update=update) if update else model


def _configured_server(model: ModelSpec, settings: Settings) -> str | None:
    """The server that the settings name, unless it is the provider's own."""
    if model.provider == "openai":
        own = settings.openai_base_url.rstrip("/") == OPENAI_BASE_URL
        return None if own else settings.openai_base_url
    if model.provider == "bedrock":
        return settings.bedrock_endpoint_url
    return settings.sagemaker_endpoint_url if model.provider == "sagemaker" else None


def _check_spelling(model: ModelSpec) -> None:
    if model.options.get("unlisted") or listed_model(model) is not None:
        return
    provider, separator, _ = model.name.partition(":")
    if model.provider == "openai" and separator and provider != "ft":
        # OpenAI has no such names; other servers of its protocol do (llama3:8b).
        raise UnknownNameError("provider", provider, nearest_names(provider, PROVIDERS))
    from rapidfuzz.distance import OSA

    prefix, name = split_prefix(model.name.lower())
    table = "openai" if model.provider == "openai" else "aws"
    digits = re.findall(r"\d+", name)
    distances = {}
    for listed in _chat_models(table):
        known = split_prefix(listed.id)[1]
        if re.findall(r"\d+", known) == digits:
            distance = OSA.distance(name, known, score_cutoff=MOST_TYPOS)
            if distance <= MOST_TYPOS:
                distances[prefix + known] = distance
    nearest = sorted(distances, key=lambda known: (distances[known], known))[:2]
    if nearest:
        raise UnknownNameError(
            f"{model.provider} model",
            model.name,
            nearest,
            advice="If the name is right, set the model's option 'unlisted: true'.",
        )


def check_parameters(model: ModelSpec, parameters: InferenceParameters) -> None:
    """Raise EvaluationError, naming the parameter, for one that ``model`` is known not to take:
    its protocol has no place for it, or the model's documentation says so."""
    try:
        canonical_json(parameters.model_dump(exclude_defaults=True)).encode()
    except (ValueError, TypeError):
        raise EvaluationError(
            f"{model.reference}: 'extra' or 'stop' holds what JSON cannot (NaN, a date, half "
            "of a surrogate pair ...)."
        ) from None
    try:
        _build_request(model, parameters)
    except UnsupportedParameterError as error:
        raise EvaluationError(
            f"{model.reference} does not take {error.parameter!r}. {error}"
        ) from None
    for name, reason in refusals(model, parameters):
        raise EvaluationError(
            f"{model.reference} does not take {name!r}: {reason}. Leave it out for this model."
        )


def _build_request(model: ModelSpec, parameters: InferenceParameters) -> None:
    """Build the request that would be sent, for the refusals of its protocol."""
    request = GenerationRequest(
        model=model, messages=(Message(role="user", content="?"),), parameters=parameters
    )
    if model.provider == "openai":
        openai_wire.request_body(request, "max_tokens")
    elif model.provider == "bedrock":
        bedrock_wire.request_body(request)
    elif model.provider == "sagemaker":
        sagemaker_wire.request_body(sagemaker.wire_format(model), request)
    elif model.provider == "offline":
        check_offline_parameters(model.name, parameters)


def check_access(model: ModelSpec, settings: Settings) -> None:
    """Raise AuthenticationError in one clear line where there is no OpenAI key, or no AWS
    credentials, at all. Nothing is sent to the model's provider; the AWS chain and Secrets
    Manager may be asked, so it may block."""
    if model.provider == "openai":
        openai.check_access(model, settings)
    elif model.provider == "bedrock":
        bedrock.check_access(model, settings)
    elif model.provider == "sagemaker":
        sagemaker.check_access(model, settings)
