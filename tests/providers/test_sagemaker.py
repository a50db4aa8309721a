"""SageMaker endpoints: presets, templates, paths, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder import recording

from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.prompt import Message
from prompt_app.errors import (
    AuthenticationError,
    ContextTooLongError,
    EvaluationError,
    MalformedReplyError,
    ModelNotFoundError,
    ProviderError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnsupportedParameterError,
)
from prompt_app.providers import connect
from prompt_app.providers.sagemaker import wire_format
from prompt_app.providers.sagemaker_wire import PLACEHOLDERS, WireFormat, request_body
from prompt_app.settings import Settings

CHAT_REPLY = {
    "choices": [{"message": {"content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234567890")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretsecretsecretsecret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def model(**options: Any) -> ModelSpec:
    return ModelSpec(provider="sagemaker", name="my-endpoint", options=options)


def request(spec: ModelSpec, text: str = "2+2?", **parameters: Any) -> GenerationRequest:
    return GenerationRequest(
        model=spec,
        messages=(Message(role="system", content="Brief."), Message(role="user", content=text)),
        parameters=InferenceParameters.model_validate(parameters),
    )


def body_for(spec: ModelSpec, **parameters: Any) -> dict[str, Any]:
    return request_body(wire_format(spec), request(spec, **parameters))


async def call(url: str, spec: ModelSpec, **parameters: Any) -> Reply:
    config = Settings(_env_file=None, aws_region="us-east-1", sagemaker_endpoint_url=url)
    provider = connect(spec, config)
    try:
        return await provider.generate(request(spec, **parameters), 10)
    finally:
        await provider.close()


MESSAGES = [{"role": "system", "content": "Brief."}, {"role": "user", "content": "2+2?"}]


@pytest.mark.parametrize(
    ("preset", "answer", "sent"),
    [
        (
            "messages",
            CHAT_REPLY,
            {"messages": MESSAGES, "temperature": 0.5, "max_tokens": 9, "stop": ["x"]},
        ),
        (
            "inputs",
            [{"generated_text": "4"}],
            {
                "inputs": "Brief.\n\n2+2?",
                "parameters": {"temperature": 0.5, "max_new_tokens": 9, "stop": ["x"]},
            },
        ),
        (
            "inputs",
            {"generated_text": "4"},
            {
                "inputs": "Brief.\n\n2+2?",
                "parameters": {"temperature": 0.5, "max_new_tokens": 9, "stop": ["x"]},
            },
        ),
    ],
)
async def test_presets_send_and_read_their_format(
    preset: str, answer: Any, sent: dict[str, Any]
) -> None:
    async with recording() as server:
        server.answer(200, answer, x_amzn_RequestId="r-3")
        spec = model(preset=preset)
        reply = await call(server.url, spec, temperature=0.5, max_tokens=9, stop=["x"])
    assert server.requests[0].path == "/endpoints/my-endpoint/invocations"
    assert server.requests[0].json == sent
    assert "/us-east-1/sagemaker/aws4_request" in server.requests[0].headers["Authorization"]
    assert (reply.text, reply.request_id) == ("4", "r-3")


async def test_the_jumpstart_preset_asks_for_what_such_models_need() -> None:
    async with recording() as server:
        server.answer(200, [{"generation": {"role": "assistant", "content": "4"}}])
        spec = model(preset="jumpstart-chat", custom_attributes="accept_eula=true")
        reply = await call(server.url, spec, top_p=0.5)
    assert server.requests[0].json == {"inputs": [MESSAGES], "parameters": {"top_p": 0.5}}
    assert server.requests[0].headers["X-Amzn-SageMaker-Custom-Attributes"] == "accept_eula=true"
    assert reply.text == "4"


async def test_a_template_and_paths_of_ones_own() -> None:
    answer = {"out": [{"text": "4", "why": "length"}], "count": {"in": 7, "out": 2}}
    spec = model(
        request={
            "question": "{prompt}",
            "instruction": "{system}",
            "settings": {"heat": "{temperature}", "limit": "{max_tokens}", "mode": "fast"},
            "list": ["{seed}", "fixed"],
        },
        response="out.0.text",
        finish_reason="out.0.why",
        input_tokens="count.in",
        output_tokens="count.out",
        extra_field="settings",
    )
    async with recording() as server:
        server.answer(200, answer)
        reply = await call(server.url, spec, temperature=0.5, extra={"deep": {"a": 1}})
    assert server.requests[0].json == {
        "question": "Brief.\n\n2+2?",
        "instruction": "Brief.",
        "settings": {"heat": 0.5, "mode": "fast", "deep": {"a": 1}},
        "list": ["fixed"],
    }
    assert (reply.text, reply.outputs[0].finish_reason) == ("4", "length")
    assert (reply.usage.input, reply.usage.output) == (7, 2)


@given(st.text())
def test_no_text_can_reach_beyond_its_value(text: str) -> None:
    spec = model(request={"inputs": "{prompt}", "fixed": "{} {a b}", "n": [1, None, True]})
    wire = wire_format(spec)
    user = GenerationRequest(model=spec, messages=(Message(role="user", content=text),))
    assert request_body(wire, user) == {
        "inputs": text,
        "fixed": "{} {a b}",
        "n": [1, None, True],
    }


@pytest.mark.parametrize("name", [name for name in PLACEHOLDERS if name != "messages"])
def test_every_placeholder_has_a_value(name: str) -> None:
    wire = WireFormat(request={"messages": "{messages}", "value": f"{{{name}}}"})
    filled = request_body(
        wire,
        request(
            model(),
            **(
                {name: value}
                if (
                    value := {
                        "temperature": 0.5,
                        "top_p": 0.5,
                        "top_k": 5,
                        "max_tokens": 5,
                        "stop": ["x"],
                        "seed": 5,
                        "reasoning_effort": "low",
                        "num_responses": 2,
                    }.get(name)
                )
                else {}
            ),
        ),
    )
    assert filled["value"]


@pytest.mark.parametrize(
    ("options", "parameters", "refused"),
    [
        ({"preset": "inputs"}, {"reasoning_effort": "low"}, "reasoning_effort"),
        ({"preset": "inputs"}, {"num_responses": 2}, "num_responses"),
        ({"preset": "jumpstart-chat"}, {"seed": 1}, "seed"),
        ({"preset": "messages"}, {"extra": {"messages": []}}, "extra"),
        (
            {"preset": "inputs"},
            {"max_tokens": 1, "extra": {"max_new_tokens": 2}},
            "extra",
        ),
    ],
)
def test_a_parameter_without_a_place_is_refused_never_dropped(
    options: dict[str, Any], parameters: dict[str, Any], refused: str
) -> None:
    with pytest.raises(UnsupportedParameterError) as caught:
        body_for(model(**options), **parameters)
    assert caught.value.parameter == refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "mesages"}, "preset"),
        ({"request": {"a": "{promt}", "b": "{prompt}"}}, "{promt}; did you mean prompt"),
        ({"request": {"a": "fixed"}}, "needs {messages}"),
        ({"request": ["{prompt}"]}, "request"),
        ({"respons": "a.b"}, "respons"),
        ({"custom_attributes": "a\r\nX-Evil: 1"}, "custom_attributes"),
    ],
)
def test_wrong_options_are_told_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        connect(model(**options), Settings(_env_file=None))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answer", [{}, [], {"generated_text": 5}, {"generated_text": None}])
async def test_an_answer_without_a_text_is_malformed(answer: Any) -> None:
    async with recording() as server:
        server.answer(200, answer)
        with pytest.raises(MalformedReplyError, match="generated_text"):
            await call(server.url, model(preset="inputs"))


def model_error(status: int, message: str) -> dict[str, Any]:
    return {
        "Message": f"Received client error ({status}) from primary",
        "OriginalStatusCode": status,
        "OriginalMessage": message,
    }


@pytest.mark.parametrize(
    ("status", "code", "body", "parameters", "expected"),
    [
        (
            400,
            "ValidationError",
            {"Message": "Endpoint my-endpoint of account 1 not found."},
            {},
            ModelNotFoundError,
        ),
        (400, "ValidationError", {"message": "Bad body"}, {}, RequestRefusedError),
        (400, "ThrottlingException", {"message": "Rate exceeded"}, {}, RateLimitedError),
        (429, "ModelNotReadyException", {"message": "x"}, {}, RateLimitedError),
        (403, "AccessDeniedException", {"message": "x"}, {}, AuthenticationError),
        (424, "ModelError", model_error(500, "boom"), {}, ServerError),
        (424, "ModelError", {"Message": "boom"}, {}, ServerError),
        (424, "ModelError", model_error(429, "busy"), {}, RateLimitedError),
        (424, "ModelError", model_error(400, "input tokens exceed it"), {}, ContextTooLongError),
        (424, "ModelError", model_error(422, "what?"), {}, RequestRefusedError),
        (
            424,
            "ModelError",
            model_error(422, "unknown field max_new_tokens"),
            {"max_tokens": 3},
            UnsupportedParameterError,
        ),
        (530, "InternalDependencyException", {"message": "x"}, {}, ServerError),
        (503, "ServiceUnavailable", {"message": "x"}, {}, ServerError),
    ],
)
async def test_every_refusal_has_its_error(
    status: int,
    code: str,
    body: dict[str, Any],
    parameters: dict[str, Any],
    expected: type[ProviderError],
) -> None:
    async with recording() as server:
        server.answer(status, body, x_amzn_ErrorType=code)
        with pytest.raises(ProviderError) as caught:
            await call(server.url, model(preset="inputs"), **parameters)
    assert type(caught.value) is expected
