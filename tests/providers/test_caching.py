"""The cache key: equal requests share it, whatever changes a reply changes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Price
from prompt_app.datamodel.prompt import Message
from prompt_app.providers.caching import IRRELEVANT_OPTIONS, cache_key

texts = st.text(st.characters(), max_size=20)
# A lone surrogate in the name of a field is refused before the run (check_parameters).
names = st.text(max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(names, json_values, max_size=3)
models = st.builds(
    ModelSpec,
    provider=st.sampled_from(["openai", "bedrock"]),
    name=texts.filter(bool),
    base_url=st.none() | texts,
    region=st.none() | texts,
    options=objects,
)
messages = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=texts),
    max_size=3,
).map(tuple)
parameters = st.builds(
    InferenceParameters,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0.01, 1),
    top_k=st.none() | st.integers(1, 9),
    max_tokens=st.none() | st.integers(1, 9),
    stop=st.lists(texts, max_size=2).map(tuple),
    seed=st.none() | st.integers(-9, 9),
    reasoning_effort=st.sampled_from([None, "none", "low", "high"]),
    num_responses=st.integers(1, 3),
    extra=objects,
)
requests = st.builds(GenerationRequest, model=models, messages=messages, parameters=parameters)


@given(requests)
def test_an_equal_request_has_an_equal_key(request: GenerationRequest) -> None:
    copy = GenerationRequest.model_validate(request.model_dump())
    assert cache_key(copy) == cache_key(request)
    assert len(cache_key(request)) == 64


@given(requests, st.randoms())
def test_the_order_of_names_does_not_count(request: GenerationRequest, random: Any) -> None:
    def shuffled(value: dict[str, Any]) -> dict[str, Any]:
        items = list(value.items())
        random.shuffle(items)
        return dict(items)

    model = request.model.model_copy(update={"options": shuffled(request.model.options)})
    extra = request.parameters.model_copy(update={"extra": shuffled(request.parameters.extra)})
    again = request.model_copy(update={"model": model, "parameters": extra})
    assert cache_key(again) == cache_key(request)


@given(requests, requests)
def test_any_difference_in_any_field_changes_the_key(
    one: GenerationRequest, other: GenerationRequest
) -> None:
    """Each field of the one is put into the other, alone."""
    for owner, field in (
        [("model", name) for name in ("provider", "name", "base_url", "region", "options")]
        + [("parameters", name) for name in InferenceParameters.model_fields]
        + [("", "messages")]
    ):
        if owner:
            before = getattr(one, owner)
            after = before.model_copy(update={field: getattr(getattr(other, owner), field)})
            changed = one.model_copy(update={owner: after})
        else:
            changed = one.model_copy(update={field: getattr(other, field)})
        same = wire_form(changed) == wire_form(one)
        assert (cache_key(changed) == cache_key(one)) is same, (owner, field)


@given(requests, st.floats(0, 9))
def test_a_price_does_not_count(request: GenerationRequest, dollars: float) -> None:
    priced = request.model.model_copy(update={"price": Price(input=dollars, output=1)})
    assert cache_key(request.model_copy(update={"model": priced})) == cache_key(request)


@given(requests, st.sampled_from(sorted(IRRELEVANT_OPTIONS)), texts)
def test_how_to_get_in_does_not_count(request: GenerationRequest, name: str, value: str) -> None:
    assume(name not in request.model.options)
    options = {**request.model.options, name: value}
    model = request.model.model_copy(update={"options": options})
    assert cache_key(request.model_copy(update={"model": model})) == cache_key(request)


def test_text_cannot_move_between_messages() -> None:
    def key(*contents: str) -> str:
        return cache_key(
            GenerationRequest(
                model=ModelSpec(provider="openai", name="m"),
                messages=tuple(Message(role="user", content=text) for text in contents),
            )
        )

    assert len({key("ab", "c"), key("a", "bc"), key("abc"), key("abc", "")}) == 4


def test_a_lone_surrogate_has_a_key_of_its_own() -> None:
    def key(text: str) -> str:
        return cache_key(
            GenerationRequest(
                model=ModelSpec(provider="openai", name="m"),
                messages=(Message(role="user", content=text),),
            )
        )

    assert len({key("\ud800"), key("\ud801"), key("?"), key("\\ud800")}) == 4


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_the_key_is_the_same_in_every_process_and_release(hash_seed: str) -> None:
    program = """
from prompt_app.datamodel.model import GenerationRequest
from prompt_app.providers.caching import cache_key
print(cache_key(GenerationRequest.model_validate({
    "model": {"provider": "openai", "name": "m", "options": {"b": 1, "a": {"d": 2, "c": 3}}},
    "messages": [{"role": "user", "content": "h\\u00e9"}],
    "parameters": {"temperature": 0, "stop": ["x"]},
})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == KNOWN_KEY


# Changing this makes every stored reply useless: raise KEY_VERSION only on purpose.
KNOWN_KEY = "0d5c4689230030d8330bc61339e23f16ae6054330ee7c53aebc6e1d2459a6060"


def wire_form(request: GenerationRequest) -> str:
    """All of a request that matters, as JSON: 1, 1.0 and true differ there, as on the wire."""
    model = request.model.model_dump(exclude={"price"})
    model["options"] = {
        name: value for name, value in model["options"].items() if name not in IRRELEVANT_OPTIONS
    }
    return json.dumps(
        [
            model,
            [message.model_dump() for message in request.messages],
            request.parameters.model_dump(),
        ],
        sort_keys=True,
    )
