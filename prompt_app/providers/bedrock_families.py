"""Where Bedrock's model families take what Converse has no field of its own for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Family:
    """Where models of a family take the parameters for which Converse has no field."""

    models: re.Pattern[str]
    top_k: Callable[[int], dict[str, Any]] | None = None
    effort: Callable[[str], dict[str, Any]] | None = None
    efforts: frozenset[str] = frozenset()


def _plain_top_k(value: int) -> dict[str, Any]:
    return {"top_k": value}


def _adaptive(effort: str) -> dict[str, Any]:
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


# The first that matches counts. Sources: the "Inference request parameters" pages of the Bedrock
# user guide, Anthropic's migration guide (sampling parameters end with Opus 4.7, adaptive
# thinking begins with 4.6), the Nova 2 user guide ("Extended thinking").
FAMILIES = (
    Family(
        re.compile(r"anthropic\.claude-(?:opus-4-[7-9]|[a-z]+-(?:[5-9]|\d\d)(?:-|$))"),
        effort=_adaptive,
        efforts=frozenset({"low", "medium", "high", "xhigh"}),
    ),
    Family(
        re.compile(r"anthropic\.claude-(?:opus|sonnet)-4-6"),
        top_k=_plain_top_k,
        effort=_adaptive,
        efforts=frozenset({"low", "medium", "high"}),
    ),
    Family(re.compile(r"anthropic\."), top_k=_plain_top_k),
    Family(
        re.compile(r"amazon\.nova-2"),
        top_k=lambda value: {"inferenceConfig": {"topK": value}},
        effort=lambda effort: {
            "reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}
        },
        efforts=frozenset({"low", "medium", "high"}),
    ),
    Family(re.compile(r"amazon\.nova"), top_k=lambda value: {"inferenceConfig": {"topK": value}}),
    Family(re.compile(r"mistral\.(?:mistral-7b|mixtral)"), top_k=_plain_top_k),
    Family(re.compile(r"cohere\."), top_k=lambda value: {"k": value}),
    Family(
        re.compile(r"openai\.gpt-oss|moonshot(?:ai)?\.kimi-k2"),
        effort=lambda effort: {"reasoning_effort": effort},
        efforts=frozenset({"low", "medium", "high"}),
    ),
    Family(
        re.compile(r"openai\."),
        effort=lambda effort: {"reasoning": {"effort": effort}},
        efforts=frozenset({"none", "low", "medium", "high", "xhigh"}),
    ),
)
UNKNOWN_FAMILY = Family(re.compile(""))


def family_of(name: str) -> Family:
    """The family of a model id, inference profile or ARN."""
    return next((family for family in FAMILIES if family.models.search(name)), UNKNOWN_FAMILY)
