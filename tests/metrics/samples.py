"""Samples and metrics for the tests of scoring."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from prompt_app.datamodel.model import FinishReason, Output, Reply, TokenUsage
from prompt_app.datamodel.prompt import Message
from prompt_app.datamodel.score import MetricSpec, Score, ScoringInput
from prompt_app.metrics import create_metric, metric_class

JUDGE = "offline:echo"

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "é́",
        "\u0301",
        "👩‍👩‍👧",
        "مرحبا بالعالم",
        "\u202eabc",
        "The",
        "####",
        "{",
        "-",
    ]
)
"""Text with control characters, lone surrogates and combining marks."""


def reply(text: str, finish_reason: FinishReason = "stop") -> Reply:
    return Reply(
        outputs=(Output(text=text, finish_reason=finish_reason),),
        usage=TokenUsage(input=30, output=7, reasoning=2),
        latency_seconds=0.25,
    )


def sample(text: str, *references: str, **fields: Any) -> ScoringInput:
    return ScoringInput(
        text=text,
        references=references,
        fields=fields,
        messages=(
            Message(role="system", content="Be brief."),
            Message(role="user", content="What is the capital of France?"),
        ),
        reply=reply(text),
        cost_usd=0.002,
    )


def make(name: str, **options: Any) -> Any:
    """The metric or judge ``name``, made as an evaluation makes it."""
    judge = JUDGE if metric_class(name).info.needs_judge else None
    return create_metric(
        MetricSpec.model_validate({"name": name, "options": options, "judge": judge})
    )


def score(name: str, text: str, *references: str, **options: Any) -> Score:
    result: Score = make(name, **options).score(sample(text, *references))
    return result


def value(name: str, text: str, *references: str, **options: Any) -> float:
    return score(name, text, *references, **options).value
