"""Which parameters a model is known not to take, so that a run is refused before it starts.

Only what holds for sure stands here; anything else is learned from the provider's own refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from prompt_app.datamodel.model import InferenceParameters, ModelSpec

SAMPLING = ("temperature", "top_p")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Models of ``provider`` whose name ``models`` finds do not take ``parameters`` when
    ``condition`` holds."""

    provider: str
    models: re.Pattern[str]
    parameters: tuple[str, ...]
    reason: str
    condition: Callable[[InferenceParameters], bool] | None = None
    """Always, when None."""
    except_one: bool = False
    """The value 1, which is the default, is taken."""

    def applies(self, model: ModelSpec, given: InferenceParameters) -> bool:
        return (
            model.provider == self.provider
            and self.models.search(model.name) is not None
            and (self.condition is None or self.condition(given))
        )


def _reasons(given: InferenceParameters) -> bool:
    return given.reasoning_effort not in (None, "none")


def _samples_twice(given: InferenceParameters) -> bool:
    return given.temperature is not None and given.top_p is not None


def _thinks_hard(given: InferenceParameters) -> bool:
    return given.reasoning_effort == "high"


REFUSALS = (
    # platform.openai.com/docs/guides/reasoning and the API reference of chat completions.
    Refusal(
        "openai",
        re.compile(r"^(?:o[134]|gpt-5(?:-mini|-nano)?)(?:-mini|-preview)?(?:-\d{4}-\d\d-\d\d)?$"),
        SAMPLING,
        "reasoning models take only the default of 1",
        except_one=True,
    ),
    Refusal(
        "openai",
        re.compile(r"^(?:o3|o4-mini|gpt-5(?:-mini|-nano)?)(?:-\d{4}-\d\d-\d\d)?$"),
        ("stop",),
        "this reasoning model takes no stop sequences",
    ),
    Refusal(
        "openai",
        re.compile(r"^gpt-5\.[1-4](?:-\d{4}-\d\d-\d\d)?$"),
        SAMPLING,
        "this model takes it only with the reasoning effort 'none', its default",
        condition=_reasons,
        except_one=True,
    ),
    Refusal(
        "openai",
        re.compile(r"^(?:gpt-3\.5|gpt-4(?!\.5)|chatgpt-4o)"),
        ("reasoning_effort",),
        "this model does not reason",
    ),
    # docs.aws.amazon.com/bedrock: request parameters of Anthropic Claude; Anthropic's migration
    # guide, "sampling parameters removed" from Opus 4.7 on.
    Refusal(
        "bedrock",
        re.compile(r"anthropic\.claude-(?:opus-4-[7-9]|[a-z]+-(?:[5-9]|\d\d)(?:-|$))"),
        SAMPLING,
        "Claude takes no sampling parameters from Opus 4.7 on",
    ),
    Refusal(
        "bedrock",
        re.compile(r"anthropic\.claude-(?:opus-4-[156]|sonnet-4-[56]|haiku-4-5)"),
        ("top_p",),
        "this model takes either temperature or top_p, not both",
        condition=_samples_twice,
    ),
    Refusal(
        "bedrock",
        re.compile(r"anthropic\.claude-(?:opus|sonnet)-4-6"),
        ("temperature", "top_k"),
        "Claude does not take it together with reasoning",
        condition=_reasons,
        except_one=True,
    ),
    # docs.aws.amazon.com/nova, "Extended thinking in Amazon Nova 2".
    Refusal(
        "bedrock",
        re.compile(r"amazon\.nova-2"),
        (*SAMPLING, "max_tokens"),
        "Nova 2 does not take it together with high reasoning effort",
        condition=_thinks_hard,
    ),
)


def _is_vendors_own(model: ModelSpec) -> bool:
    """Whether a name means what it means at its vendor; another server may call anything so."""
    if model.provider != "openai" or model.base_url is None:
        return True
    host = urlsplit(model.base_url).hostname or ""
    return host.endswith((".openai.com", ".openai.azure.com"))


def refusals(model: ModelSpec, given: InferenceParameters) -> Iterator[tuple[str, str]]:
    """(parameter, reason) for each parameter in ``given`` that ``model`` is known to refuse."""
    if not _is_vendors_own(model):
        return
    values = given.given()
    for rule in REFUSALS:
        if rule.applies(model, given):
            for name in rule.parameters:
                if name in values and not (rule.except_one and values[name] == 1):
                    yield name, rule.reason


def always_refused(model: ModelSpec) -> tuple[str, ...] | None:
    """The parameters that ``model`` refuses whatever else is given; None if nothing is known."""
    known = [
        rule
        for rule in REFUSALS
        if rule.condition is None and rule.applies(model, InferenceParameters())
    ]
    return tuple(sorted({name for rule in known for name in rule.parameters})) or None
