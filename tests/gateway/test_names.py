"""What the names stand for that callers use: vendors' ids, pipelines, aliases."""

from __future__ import annotations

from typing import Any

import pytest
from gateway.running import RunningGateway
from gateway.test_native import call

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget, TokenLimits
from prompt_app.errors import InputError, PermissionDeniedError, UnknownNameError
from prompt_app.providers.catalogue import named_model
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench.access_tokens import TokenChanges


@pytest.mark.parametrize(
    "name",
    [
        "amazon.nova-pro-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "openai.gpt-oss-120b-1:0",
        "qwen.qwen3-32b-v1:0",
        "writer.palmyra-x5-v1:0",
        "us.twelvelabs.pegasus-1-2-v1:0",
        "google.gemma-3-27b-it",
        "minimax.minimax-m2",
        "moonshot.kimi-k2-thinking",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
        "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/p",
    ],
)
def test_ids_of_bedrock_go_to_bedrock(name: str) -> None:
    model = named_model(name)
    assert (model.provider, model.name) == ("bedrock", name)


@pytest.mark.parametrize("name", ["gpt-4.1-mini", "gpt-5", "o3", "ft:gpt-4o:org::id", "llama3:8b"])
def test_other_bare_names_go_to_openai(name: str) -> None:
    assert (named_model(name).provider, named_model(name).name) == ("openai", name)


def test_an_endpoint_may_be_named_as_keys_are() -> None:
    for provider in ("sagemaker", "endpoint"):
        assert named_model(f"{provider}:sk-learn-classifier-v2").name == "sk-learn-classifier-v2"
    with pytest.raises(InputError, match="looks like a key"):
        named_model("sk-learn-classifier-v2")


async def test_an_arn_is_called_by_converse(
    gateway: RunningGateway, mock_server: MockServer
) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model%2Famazon.nova-pro-v1%3A0"
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    status, answer = await call(gateway, "POST", f"/model/{arn}/converse", json=body)
    assert status == 200, answer
    (record,) = gateway.usage(1)
    assert record.target.startswith("bedrock:arn:aws:bedrock")


async def test_pipelines_are_listed_as_models(gateway: RunningGateway) -> None:
    gateway.workbench.pipelines.save("shout", "upper(word)")
    _, listed = await call(gateway, "GET", "/v1/models")
    assert "pipeline/shout" in {each["id"] for each in listed["data"]}
    assert (await call(gateway, "GET", "/v1/models/pipeline/shout"))[1]["id"] == "pipeline/shout"
    several = {"model": "pipeline/shout", "messages": [{"role": "user", "content": "a"}], "n": 3}
    status, told = await call(gateway, "POST", "/v1/chat/completions", json=several)
    assert (status, "leave out n" in told["error"]["message"]) == (400, True)


async def test_a_bare_name_that_is_allowed_is_listed(gateway: RunningGateway) -> None:
    narrow = gateway.workbench.access_tokens.create("narrow", models=["gpt-5-mini"]).secret
    _, listed = await call(gateway, "GET", "/v1/models", narrow)
    assert [each["id"] for each in listed["data"]] == ["openai:gpt-5-mini"]


async def test_an_alias_embeds(gateway: RunningGateway) -> None:
    names = gateway.workbench.serving_names
    hashing, absent = RouteTarget(model="offline:hashing"), RouteTarget(model="offline:echo")
    names.save_alias(ModelRoute(name="vectors", targets=(hashing,)))
    body = {"model": "vectors", "input": "one", "dimensions": 16}
    status, answer = await call(gateway, "POST", "/v1/embeddings", json=body)
    assert (status, len(answer["data"][0]["embedding"])) == (200, 16)
    names.save_alias(ModelRoute(name="words", targets=(absent,)))
    for wrong in ("words", "prompt/x", "assistant/x"):
        status, _ = await call(gateway, "POST", "/v1/embeddings", json={**body, "model": wrong})
        assert status == 400, wrong


def test_an_alias_leads_to_what_can_be_called(gateway: RunningGateway) -> None:
    names = gateway.workbench.serving_names
    names.save_alias(ModelRoute(name="one", targets=(RouteTarget(model="offline:echo"),)))
    for wrong in ("one", "two", "pipeline/shout"):
        for place in ("targets", "fallbacks"):
            good = RouteTarget(model="offline:echo")
            parts: dict[str, Any] = {"targets": (good,), place: (RouteTarget(model=wrong),)}
            with pytest.raises(InputError, match=wrong):
                names.save_alias(ModelRoute(name="two", **parts))


ABSENT = ("offline:ecko", "offline:", "prompt/zzz", "prompt/say@production", "prompt/say@7",
          "pipeline/zzz", "assistant/zzz", "endpoint:gone")  # fmt: skip


def test_what_is_known_not_to_exist_is_not_saved(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    names, good = workbench.serving_names, RouteTarget(model="offline:echo")
    for absent in ABSENT:
        bad = RouteTarget(model=absent)
        for parts in (
            {"targets": (good, bad)},
            {"targets": (good,), "fallbacks": (bad,)},
            {"targets": (RouteTarget(model="prompt/say", prompt_model=absent),)},
        ):
            with pytest.raises(InputError):
                names.save_alias(ModelRoute(name="best", **parts))
        models = ("offline:echo", absent)
        with pytest.raises(InputError):
            names.save_assistant(Assistant(name="tutor", context="Teach.", models=models))
    assert (names.aliases(), names.assistants()) == ([], [])


def test_what_may_exist_is_saved(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.save_prompt("say", PromptTemplate.model_validate("Say {word}"))
    workbench.pipelines.save("shout", "upper(word)")
    models = ("offline:hashing", "openai:gpt-9", "bedrock:new.model-v1:0", "gpt-9", "prompt/say",
              "prompt/say@1", "meta-llama/Llama-9", "sagemaker:mine")  # fmt: skip
    names = workbench.serving_names
    names.save_assistant(
        Assistant(name="tutor", context="Teach.", models=(*models, "pipeline/shout"))
    )
    targets = tuple(RouteTarget(model=each) for each in (*models, "assistant/tutor"))
    names.save_alias(ModelRoute(name="best", targets=targets))
    assert [each.name for each in names.aliases()] == ["best"]
    with pytest.raises(UnknownNameError, match=r"Did you mean 'say'"):
        names.save_alias(ModelRoute(name="best", targets=(RouteTarget(model="prompt/sai"),)))


async def test_no_words_of_a_pipelines_call_are_kept(gateway: RunningGateway) -> None:
    pipelines = gateway.workbench.pipelines
    pipelines.save("shout", "upper(word)")
    body = {"name": "shout", "args": {"word": "very private"}}
    _, answer = await call(gateway, "POST", "/api/pipeline/call/", json=body)
    assert answer["response"] == "VERY PRIVATE"
    (kept,) = pipelines.calls("shout").items
    assert "private" not in kept.model_dump_json().lower()
    assert (kept.state, kept.steps[0].name, kept.steps[0].state) == ("done", "upper", "done")


async def test_a_list_of_models_survives_what_was_deleted(gateway: RunningGateway) -> None:
    workbench = gateway.workbench
    workbench.serving_names.save_alias(
        ModelRoute(name="best", targets=(RouteTarget(model="offline:echo"),))
    )
    models = ("offline:echo", "endpoint:gone", "pipeline/shout", "best")
    workbench.store.save_assistant(
        Assistant(name="tutor", context="You teach.", questions=("Why?",), models=models)
    )
    status, body = await call(gateway, "GET", "/get_supported_models")
    assert status == 200
    assert body["message"]["Mock"] == ["offline:echo"]
    assert body["message"]["Other"] == ["pipeline/shout", "best"]
    # What is not asked for may be anything.
    asked = {
        "model": {"model_name": "offline:echo"},
        "inference": {
            "sample_question": {"status": False, "selected_question": ""},
            "custom_question": {"status": True, "your_question": "And now?"},
        },
    }
    status, answer = await call(gateway, "POST", "/send_inference", json=asked)
    assert (status, answer["response"]["response"]) == (200, "And now?")
    odd = {"name": "absent", "args": {}, "openaikey_id": "mine"}
    assert (await call(gateway, "POST", "/api/pipeline/call/", json=odd))[0] == 404


def test_what_an_admin_set_for_others_stays(gateway: RunningGateway) -> None:
    eve = Person(id="eve", name="Eve", role=Role.EDITOR)
    made = gateway.workbench.access_tokens.create(
        "hers", owner=eve, limits=TokenLimits(usd_per_day=1), models=["offline:*"], days=1
    ).token
    own = gateway.workbench.acting_as(eve).access_tokens
    with pytest.raises(PermissionDeniedError, match="admin"):
        own.edit(made.id, TokenChanges("hers", TokenLimits(), (), None))
    own.rotate(made.id)
    assert own.revoke(made.id).revoked_at is not None
