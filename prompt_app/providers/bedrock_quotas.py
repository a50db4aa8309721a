"""What an account may ask of a Bedrock model in a minute, as Service Quotas tells it.

Bedrock takes a call's input and its ``max_tokens`` out of the quota when it starts, and gives
back what was not used when it ends. The limiter counts a cap on tokens in the same way.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prompt_app.datamodel.model import ModelSpec
from prompt_app.providers.prices import split_prefix
from prompt_app.settings import Settings

logger = logging.getLogger(__name__)

_QUOTA = re.compile(
    r"(On-demand|Cross-region|Global cross-region) model inference (requests|tokens) per minute "
    r"for (.+)"
)
_BATCH = re.compile(
    r"(Minimum number of records per batch inference job"
    r"|Sum of in-progress and submitted batch inference jobs using a base model) for (.+)"
)


@dataclass(frozen=True, slots=True)
class ModelQuota:
    """None where Service Quotas names none."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    batch_requests: float | None = None
    """That a batch job must have at least."""
    batch_jobs: float | None = None
    """That may be under way at once."""


def read_quota(model: ModelSpec, settings: Settings) -> ModelQuota:
    """The account's quota for ``model`` in its region; nothing where it may not be read. Blocks
    on AWS."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    session: Any = boto3.session.Session()
    quick = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})
    region = model.region or settings.aws_region
    try:
        client = session.client("service-quotas", region_name=region, config=quick)
        pages = client.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock")
        quotas = [(each["QuotaName"], each["Value"]) for page in pages for each in page["Quotas"]]
    except (BotoCoreError, ClientError) as error:
        logger.warning("the quotas of Bedrock cannot be read: %s", error)
        return ModelQuota()
    return quota_among(model.name, quotas)


def quota_among(name: str, quotas: Iterable[tuple[str, float]]) -> ModelQuota:
    """Of the model or inference profile ``name``: the quotas whose words all stand in the name,
    and of those the one with the most words (Claude 3.5 Sonnet V2 before Claude 3.5 Sonnet)."""
    prefix, plain = split_prefix(name)
    wanted = {"": "On-demand", "global.": "Global cross-region"}.get(prefix, "Cross-region")
    words = _words(plain)
    best: dict[str, tuple[int, float]] = {}
    for quota, value in quotas:
        live, batch = _QUOTA.fullmatch(quota), _BATCH.fullmatch(quota)
        if live is not None and live[1] == wanted:
            kind, named = live[2], _words(live[3])
        elif batch is not None:
            kind, named = batch[1].partition(" ")[0], _words(batch[2])
        else:
            continue
        if named <= words and len(named) > best.get(kind, (0, 0.0))[0]:
            best[kind] = (len(named), value)
    found = {kind: value for kind, (_, value) in best.items()}
    return ModelQuota(*(found.get(kind) for kind in ("requests", "tokens", "Minimum", "Sum")))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+|\d+", text.lower()))
