"""From headers and texts of refusals to what the engine needs to know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from prompt_app.datamodel.model import InferenceParameters
from prompt_app.providers.faults import (
    LONGEST_MESSAGE,
    named_parameter,
    quoted,
    retry_after_seconds,
    says_content_filtered,
    says_context_too_long,
    says_unsupported,
)

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "NaN"}, None),
        ({"Retry-After": "1e999"}, None),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5),
        ({"retry-after-ms": "x", "Retry-After": "2"}, 2.0),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "7"}, 7.0),
        ({"x-ratelimit-reset-requests": "later"}, None),
        ({"Retry-After": "3", "x-ratelimit-reset-requests": "9s"}, 3.0),
        (
            {
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-requests": "9s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2s",
            },
            2.0,
        ),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "9s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2s",
            },
            9.0,
        ),
        (
            {
                "x-ratelimit-remaining-requests": "5",
                "x-ratelimit-reset-requests": "9s",
                "x-ratelimit-remaining-tokens": "5",
                "x-ratelimit-reset-tokens": "2s",
            },
            2.0,
        ),
    ],
)
def test_the_wait_that_a_server_asks_for(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_seconds(CIMultiDict(headers)) == expected


def test_a_date_is_compared_with_the_servers_clock_not_with_ours() -> None:
    headers = {
        "Retry-After": format_datetime(NOW + timedelta(seconds=12), usegmt=True),
        "Date": format_datetime(NOW, usegmt=True),
    }
    assert retry_after_seconds(headers) == 12.0


def test_a_date_alone_is_compared_with_our_clock() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    wait = retry_after_seconds({"Retry-After": format_datetime(soon, usegmt=True)})
    assert wait is not None
    assert 25 < wait <= 30


def test_a_date_that_has_passed_asks_for_no_wait() -> None:
    assert retry_after_seconds({"Retry-After": format_datetime(NOW, usegmt=True)}) == 0.0


@given(st.dictionaries(st.sampled_from(["Retry-After", "Date", "retry-after-ms"]), st.text()))
def test_no_header_breaks_the_reading(headers: dict[str, str]) -> None:
    wait = retry_after_seconds(headers)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefghijklmnop",
        "sk-abcd****************wxyz",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ABSKQmVkcm9ja0FQSUtleQ==",
        "bedrock-api-key-YWJjZGVm",
        "gsk_not-but-gsk-abcdefgh12",
        "Bearer abc.def",
        "AIzaSyA1234567890abcdefghijk",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
    ],
)
def test_keys_are_blotted_out_of_messages(key: str) -> None:
    message = quoted(f"Incorrect key provided: {key}. Find yours at example.com.")
    assert key not in message
    assert "[key]" in message
    assert "Find yours" in message


def test_messages_are_one_short_line() -> None:
    message = quoted("first\nsecond\t third " + "x" * 5000)
    assert message.startswith("first second third x")
    assert len(message) == LONGEST_MESSAGE


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "9000 tokens.",
        "Input is too long for requested model.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "Your input exceeds the context window of this model.",
        "Too many input tokens. Max input tokens: 300000, request input token count: 300010",
        "Malformed input request: expected maxLength: 51200, actual: 60000",
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_its_text(message: str) -> None:
    assert says_context_too_long(message)


@pytest.mark.parametrize(
    "message",
    ["Too many tokens per day, please wait", "Too many requests", "max_tokens is too large"],
)
def test_other_refusals_are_not_taken_for_a_long_prompt(message: str) -> None:
    assert not says_context_too_long(message)


@pytest.mark.parametrize(
    "message",
    [
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy.",
        "Output blocked by content filtering policy",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    ],
)
def test_a_filtered_prompt_is_known_by_its_text(message: str) -> None:
    assert says_content_filtered(message)


NAMES = {"temperature": "temperature", "top_p": "top_p", "topP": "top_p", "n": "num_responses"}


@pytest.mark.parametrize(
    ("message", "given_parameters", "expected"),
    [
        ("`temperature` is deprecated for this model.", {"temperature": 1}, "temperature"),
        ("Unknown field 'topP'", {"top_p": 0.5}, "top_p"),
        (
            "`temperature` and `top_p` cannot both be specified for this model.",
            {"temperature": 1, "top_p": 0.5},
            "top_p",
        ),
        ("Unsupported parameter: 'temperature'", {"top_p": 0.5}, None),
        ("Extra inputs are not permitted: guided_json", {"extra": {"guided_json": {}}}, "extra"),
        ("A sentence with n in it is not supported", {"temperature": 1}, None),
    ],
)
def test_the_refused_parameter_is_one_that_was_sent(
    message: str, given_parameters: dict[str, object], expected: str | None
) -> None:
    parameters = InferenceParameters.model_validate(given_parameters)
    assert says_unsupported(message)
    assert named_parameter(message, NAMES, parameters) == expected
