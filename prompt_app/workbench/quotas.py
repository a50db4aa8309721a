"""Keeps runs on Bedrock models within the account's quotas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import EvaluationError
from prompt_app.providers.batching import MOST_REQUESTS
from prompt_app.providers.bedrock_quotas import ModelQuota, read_quota
from prompt_app.providers.profiles import model_at, profiles_of
from prompt_app.settings import Settings
from prompt_app.workbench.resolving import ResolvedEvaluation, ResolvedRun


def within_quotas(resolved: ResolvedEvaluation, settings: Settings) -> ResolvedEvaluation:
    """The runs with no higher caps than their models' quotas, where the settings want that, and
    a note for each model that is limited so."""
    if not settings.bedrock_quotas:
        return resolved
    quotas: dict[str, ModelQuota] = {}
    for run in resolved.runs:
        model = run.spec.model
        if model.provider != "bedrock":
            continue
        for each in [model, *_called(model)]:
            if each.reference not in quotas:
                quotas[each.reference] = read_quota(each, settings)
    if resolved.spec.mode == "batch":
        for run in resolved.runs:
            _check_jobs(run, quotas.get(run.spec.model.reference, ModelQuota()))
    runs = tuple(_kept(run, quotas) for run in resolved.runs)
    called = {each.reference for run in resolved.runs for each in _called(run.spec.model)}
    notes = [_note(reference, quotas[reference]) for reference in quotas if reference in called]
    return replace(resolved, runs=runs, notes=(*resolved.notes, *notes))


def _check_jobs(run: ResolvedRun, quota: ModelQuota) -> None:
    """Raises EvaluationError for jobs that the account's quotas do not allow."""
    reference, jobs = run.spec.model.reference, ceil(run.samples / MOST_REQUESTS)
    if quota.batch_requests is not None and run.samples < quota.batch_requests:
        raise EvaluationError(
            f"Model {reference}: a batch job of this account takes at least "
            f"{quota.batch_requests:,.0f} requests, and the run has {run.samples:,}. "
            "Use 'mode: live'."
        )
    if quota.batch_jobs is not None and jobs > quota.batch_jobs:
        raise EvaluationError(
            f"Model {reference}: the run needs {jobs:,} batch jobs at once, and this account may "
            f"have {quota.batch_jobs:,.0f}. Split the dataset, ask AWS for more, or use "
            "'mode: live'."
        )


def _called(model: ModelSpec) -> list[ModelSpec]:
    return [model_at(profile, model) for profile in profiles_of(model)] or [model]


def _kept(run: ResolvedRun, quotas: Mapping[str, ModelQuota]) -> ResolvedRun:
    model = run.spec.model
    profiles = profiles_of(model)
    if not profiles:
        return _limited(run, quotas.get(model.reference, ModelQuota()))
    filled = []
    for profile in profiles:
        quota = quotas[model_at(profile, model).reference]
        caps = {
            "requests_per_minute": _lower(profile.requests_per_minute, quota.requests_per_minute),
            "tokens_per_minute": _lower(profile.tokens_per_minute, quota.tokens_per_minute),
        }
        known = profile.model_copy(update=caps)
        filled.append(known.model_dump(mode="json", exclude_defaults=True))
    options = {**model.options, "profiles": filled}
    spread = model.model_copy(update={"options": options})
    return replace(run, spec=run.spec.model_copy(update={"model": spread}))


def _limited(run: ResolvedRun, quota: ModelQuota) -> ResolvedRun:
    limits = run.spec.limits
    caps = {
        "requests_per_minute": _lower(limits.requests_per_minute, quota.requests_per_minute),
        "tokens_per_minute": _lower(limits.tokens_per_minute, quota.tokens_per_minute),
    }
    spec = run.spec.model_copy(update={"limits": limits.model_copy(update=caps)})
    return replace(run, spec=spec)


def _lower(cap: float | None, quota: float | None) -> float | None:
    given = [each for each in (cap, quota) if each]
    return min(given, default=None)


def _note(reference: str, quota: ModelQuota) -> str:
    parts = [
        f"{value:,.0f} {what} a minute"
        for value, what in (
            (quota.requests_per_minute, "requests"),
            (quota.tokens_per_minute, "tokens"),
        )
        if value is not None
    ]
    if not parts:
        return f"Service Quotas tells no quota for {reference}."
    return f"The account's quota for {reference} is {' and '.join(parts)}; the run keeps to it."
