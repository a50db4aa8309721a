"""What every provider that embeds texts does, over real sockets."""

from __future__ import annotations

import math

import pytest
from pydantic import SecretStr

from prompt_app.datamodel.embedding import (
    EmbeddingReply,
    EmbeddingRequest,
    stored_vectors,
    unpack_vector,
)
from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import (
    AuthenticationError,
    DeadlineExceededError,
    EvaluationError,
    ModelNotFoundError,
    PromptAppError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnsupportedParameterError,
)
from prompt_app.providers import connect
from prompt_app.providers.caching import cache_key
from prompt_app.providers.catalogue import check_model
from prompt_app.providers.embedding import embed
from prompt_app.providers.limiting import AdaptiveLimiter, Limited
from prompt_app.providers.mock_server import MockServer
from prompt_app.providers.prices import cost_usd, price_of
from prompt_app.providers.retrying import Retrying, Waits
from prompt_app.settings import Settings

KEY = "sk-contract-0123456789abcdef"
MODELS = {
    "openai": "openai:text-embedding-3-small",
    "titan": "bedrock:amazon.titan-embed-text-v2:0",
    "cohere": "bedrock:cohere.embed-english-v3",
    "cohere 4": "bedrock:us.cohere.embed-v4:0",
    "offline": "offline:hashing",
}
REMOTE = sorted(set(MODELS) - {"offline"})
TEXTS = ("the old mill", "the old mill today", "zebras run")


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.replace("-", ""))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "contractSecretAccessKey0123456789abcdef")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)


def settings_for(url: str) -> Settings:
    return Settings(
        _env_file=None,
        openai_api_key=SecretStr(KEY),
        openai_base_url=f"{url}/v1",
        aws_region="us-east-1",
        bedrock_endpoint_url=url,
        sagemaker_endpoint_url=url,
    )


async def vectors_of(
    reference: str, url: str, texts: tuple[str, ...] = TEXTS, timeout: float = 10, **given: object
) -> EmbeddingReply:
    model = ModelSpec.model_validate(reference)
    connection = connect(model, settings_for(url))
    try:
        asked = {"model": model, "texts": texts, **given}
        return await embed(connection, EmbeddingRequest.model_validate(asked), timeout)
    finally:
        await connection.close()


def cosine(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", MODELS)
async def test_every_text_gets_its_vector_in_order(name: str, mock_server: MockServer) -> None:
    reply = await vectors_of(MODELS[name], mock_server.url)

    first, near, far = reply.vectors
    assert math.isclose(cosine(first, first), 1, rel_tol=1e-5)
    assert cosine(first, near) > 0.8
    assert cosine(first, far) < 0.3
    if name not in {"cohere", "cohere 4"}:  # no header with the tokens in the mock
        assert reply.usage.input == sum(math.ceil(len(text) / 4) for text in TEXTS)
    assert reply.usage.output == 0
    if name in REMOTE:
        assert mock_server.stats()["answered"] == (3 if name == "titan" else 1)


@pytest.mark.parametrize("name", ["openai", "titan", "cohere 4", "offline"])
async def test_vectors_have_the_length_that_was_asked_for(
    name: str, mock_server: MockServer
) -> None:
    reply = await vectors_of(MODELS[name], mock_server.url, dimensions=64)

    assert {len(vector) for vector in reply.vectors} == {64}


@pytest.mark.parametrize("reference", ["bedrock:cohere.embed-english-v3",
                                       "bedrock:amazon.titan-embed-text-v1"])  # fmt: skip
async def test_a_length_that_a_model_cannot_give_is_refused_before_the_call(
    reference: str, mock_server: MockServer
) -> None:
    with pytest.raises(UnsupportedParameterError, match="one length"):
        await vectors_of(reference, mock_server.url, dimensions=64)
    assert mock_server.stats().get("received", 0) == 0


async def test_more_texts_than_one_call_takes_are_asked_in_parts(mock_server: MockServer) -> None:
    texts = tuple(f"text {number}" for number in range(100))

    reply = await vectors_of(MODELS["cohere"], mock_server.url, texts)

    assert len(reply.vectors) == 100
    assert mock_server.stats()["answered"] == 2
    alone = await vectors_of("offline:hashing", "", (texts[99],))
    assert reply.vectors[99] == pytest.approx(alone.vectors[0])


@pytest.mark.parametrize("name", REMOTE)
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"p_500": 1.0}, ServerError),
        ({"api_key": "another"}, AuthenticationError),
        ({"p_429": 1.0}, RateLimitedError),
        ({"p_hang": 1.0}, DeadlineExceededError),
    ],
)
async def test_faults_have_the_kind_that_generating_gives_them(
    name: str, options: dict[str, object], kind: type[PromptAppError], mock_server: MockServer
) -> None:
    mock_server.control(**options)
    with pytest.raises(kind):
        await vectors_of(MODELS[name], mock_server.url, TEXTS[:1], timeout=0.5)


async def test_what_embeds_nothing_says_so(mock_server: MockServer) -> None:
    for reference in ("sagemaker:endpoint", "bedrock:amazon.nova-lite-v1:0", "offline:echo"):
        with pytest.raises(ModelNotFoundError, match=reference):
            await vectors_of(reference, mock_server.url)
        model = ModelSpec.model_validate(reference)
        with pytest.raises(EvaluationError, match="cannot embed"):
            check_model(model, settings_for(mock_server.url), embeds=True)
    with pytest.raises(RequestRefusedError):
        await vectors_of(MODELS["openai"], mock_server.url, ("",))


@pytest.mark.parametrize("name", MODELS)
def test_an_embedding_model_passes_the_check(name: str) -> None:
    model = ModelSpec.model_validate(MODELS[name])
    check_model(model, Settings(_env_file=None), embeds=True)


async def test_the_stack_limits_and_retries_it(mock_server: MockServer) -> None:
    mock_server.control(p_500=0.5, seed=3)
    model = ModelSpec.model_validate(MODELS["openai"])
    connection = connect(model, settings_for(mock_server.url))
    refused: list[str] = []
    limiter = AdaptiveLimiter(4)
    stack = Retrying(Limited(connection, limiter), 20, refused.append, Waits(base=0.001))
    request = EmbeddingRequest(model=model, texts=TEXTS)
    try:
        for _ in range(6):
            assert len((await stack.embed(request, 10)).vectors) == 3
    finally:
        await stack.close()
    assert refused
    assert limiter.in_flight == 0


async def test_a_reply_is_stored_and_read_back() -> None:
    reply = await vectors_of("offline:hashing", "")

    stored = stored_vectors(reply.as_reply())

    assert [tuple(vector) for vector in stored] == [
        pytest.approx(vector, abs=1e-7) for vector in reply.vectors
    ]
    with pytest.raises(ValueError, match="packed"):
        unpack_vector("AAA=")


def test_the_key_of_a_stored_reply_covers_what_changes_it() -> None:
    model = ModelSpec.model_validate("offline:hashing")
    requests = [
        EmbeddingRequest(model=model, texts=("a", "b")),
        EmbeddingRequest(model=model, texts=("ab",)),
        EmbeddingRequest(model=model, texts=("a", "b"), dimensions=8),
        EmbeddingRequest(model=model, texts=("a", "b"), extra={"input_type": "x"}),
    ]
    assert len({cache_key(request) for request in requests}) == len(requests)


def test_listed_embedding_models_have_a_price_for_input_alone() -> None:
    for name in ("openai", "titan"):
        price = price_of(ModelSpec.model_validate(MODELS[name]))
        assert price is not None
        assert price.input > 0
        assert price.output == 0


async def test_an_embedding_costs_its_input(mock_server: MockServer) -> None:
    reply = await vectors_of(MODELS["openai"], mock_server.url)
    price = price_of(ModelSpec.model_validate(MODELS["openai"]))
    assert price is not None
    assert cost_usd(price, reply.usage) == pytest.approx(price.input * reply.usage.input / 1e6)
