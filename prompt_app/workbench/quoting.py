"""What an evaluation will take, told before it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from prompt_app.datamodel.evaluation import Quote
from prompt_app.datamodel.score import Score
from prompt_app.engine.item import PreparedCall, build_request, prepare_calls, reply_key
from prompt_app.engine.plan import plan_work
from prompt_app.engine.scoring import ScoringJob, ScoringPlan
from prompt_app.errors import MetricError
from prompt_app.interfaces import Store
from prompt_app.interfaces.watching import tell
from prompt_app.metrics import create_judges, metric_class
from prompt_app.providers.batching import (
    BATCH_PROVIDERS,
    BATCH_SHARE,
    LEAST_REQUESTS,
    WITHIN_SECONDS,
)
from prompt_app.providers.caching import cache_key
from prompt_app.providers.prices import price_of
from prompt_app.providers.tokens import estimate_tokens
from prompt_app.workbench.powering import power_note
from prompt_app.workbench.resolving import ResolvedEvaluation, ResolvedRun

PAGE = 500
MOST_ROWS_READ = 20_000
"""Beyond so many rows, tokens and stored replies are projected from the rows read."""
SHORT_REPLY_TOKENS = 20
LONG_REPLY_TOKENS = 1000
QUICK_REPLY_SECONDS = 0.5
SLOW_REPLY_SECONDS = 10.0
JUDGE_PROMPT_TOKENS = 600
REFERENCE_TOKENS = 100


@dataclass(slots=True)
class _RunQuote:
    calls: float = 0.0
    cached: float = 0.0
    input_tokens: float = 0.0
    output_low: float = 0.0
    output_high: float = 0.0
    cost_low: float | None = 0.0
    cost_high: float | None = 0.0
    saved_low: float | None = None
    """By a batch job; None where the model takes none."""
    saved_high: float | None = None
    seconds_low: float = 0.0
    seconds_high: float = 0.0
    judged: float = 0.0
    """Judges' replies that are stored."""


@dataclass(slots=True)
class _Stored:
    """What is stored of a run: its replies, and the judges' by metric and model."""

    replies: float = 0.0
    judged: Counter[tuple[str, str]] = field(default_factory=Counter)


def quote_evaluation(store: Store, resolved: ResolvedEvaluation) -> Quote:
    """Counts are exact up to 20,000 rows, over the replies stored now: one that comes while the
    evaluation runs may answer a later row that is equal. Tokens are estimated, prices and times
    are ranges whose assumptions stand in ``notes``."""
    quotes = [_quote_run(store, resolved.dataset.id, run) for run in resolved.runs]
    unpriced = sorted(
        {run.spec.model.reference for run in resolved.runs if price_of(run.spec.model) is None}
    )
    low = [quote.cost_low for quote in quotes if quote.cost_low is not None]
    high = [quote.cost_high for quote in quotes if quote.cost_high is not None]
    saved_low = [quote.saved_low for quote in quotes if quote.saved_low is not None]
    saved_high = [quote.saved_high for quote in quotes if quote.saved_high is not None]
    batchable = len(saved_low) == len(low) == len(quotes)
    waits = resolved.spec.mode == "batch" and any(quote.calls for quote in quotes)
    return Quote(
        samples=sum(run.samples for run in resolved.runs),
        calls=round(sum(quote.calls for quote in quotes)),
        cached=round(sum(quote.cached for quote in quotes)),
        skipped_rows=resolved.dataset.skipped_rows,
        excluded=sum(run.excluded for run in resolved.runs),
        input_tokens=round(sum(quote.input_tokens for quote in quotes)),
        output_tokens_low=round(sum(quote.output_low for quote in quotes)),
        output_tokens_high=round(sum(quote.output_high for quote in quotes)),
        cost_usd_low=sum(low) if len(low) == len(quotes) else None,
        cost_usd_high=sum(high) if len(high) == len(quotes) else None,
        batch_cost_usd_low=sum(low) - sum(saved_low) if batchable else None,
        batch_cost_usd_high=sum(high) - sum(saved_high) if batchable else None,
        seconds_low=max((quote.seconds_low for quote in quotes), default=0.0),
        seconds_high=sum(quote.seconds_high for quote in quotes)
        + (WITHIN_SECONDS if waits else 0.0),
        unpriced_models=tuple(unpriced),
        notes=(*resolved.notes, *_notes(resolved, round(sum(each.judged for each in quotes)))),
    )


def _quote_run(store: Store, version_id: str, run: ResolvedRun) -> _RunQuote:
    spec = run.spec
    scoring = ScoringPlan(spec)
    items = read = 0
    stored = _Stored()
    prompt_tokens: list[int] = []
    position = -1
    while read < MOST_ROWS_READ and (
        page := store.list_examples(
            version_id, split=spec.split, after_position=position, limit=PAGE
        )
    ):
        read += len(page)
        tell("rows read", read, MOST_ROWS_READ)
        position = page[-1].position
        planned = list(plan_work(spec, page, frozenset()))
        items += len(planned)
        requests = [build_request(spec, item.example) for item in planned]
        prompt_tokens.extend(estimate_tokens(request.messages) for request in requests)
        if spec.cache == "use":
            # Equal rows share a key, and a stored reply answers each of them.
            keys = [
                reply_key(spec, "", request)
                for request, item in zip(requests, planned, strict=True)
                if item.key.repeat == 0
            ]
            answered = store.answered_keys(keys)
            stored.replies += sum(key in answered for key in keys)
            if answered and scoring.judges:
                stored.judged += _judged(store, scoring, prepare_calls(spec, "", planned, store))
    if items == 0:
        return _RunQuote()
    share = run.samples / items
    return _priced(run, stored, share, fmean(prompt_tokens))


def _judged(
    store: Store, scoring: ScoringPlan, planned: Sequence[PreparedCall]
) -> Counter[tuple[str, str]]:
    """The judges' replies to stored replies that are stored themselves."""
    keys: list[tuple[str, tuple[str, str]]] = []
    for call in planned:
        if call.stored is None:
            continue
        item = call.item
        job = ScoringJob(
            item.key, item.example, call.request.messages, call.stored.reply, 0.0, scoring.keys
        )
        for sample in scoring.inputs(job):
            for metric, judges in scoring.judges:
                for judge in judges:
                    try:
                        request = judge.request(sample)
                    except MetricError:
                        continue
                    if not isinstance(request, Score):
                        place = (metric.key, request.model.content_id)
                        keys.append((cache_key(request), place))
    answered = store.answered_keys([key for key, _ in keys])
    return Counter(place for key, place in keys if key in answered)


def _priced(run: ResolvedRun, stored: _Stored, share: float, tokens_a_prompt: float) -> _RunQuote:
    spec = run.spec
    cached = stored.replies * share
    responses = spec.parameters.num_responses
    longest = spec.parameters.max_tokens or LONG_REPLY_TOKENS
    calls = run.samples - cached
    quote = _RunQuote(
        calls=calls,
        cached=cached,
        input_tokens=calls * tokens_a_prompt,
        output_low=calls * min(SHORT_REPLY_TOKENS, longest) * responses,
        output_high=calls * longest * responses,
    )
    price = price_of(spec.model)
    if price is None:
        quote.cost_low = quote.cost_high = None
    else:
        fixed = quote.input_tokens * price.input / 1e6 + calls * price.per_request
        quote.cost_low = fixed + quote.output_low * price.output / 1e6
        quote.cost_high = fixed + quote.output_high * price.output / 1e6
        if spec.model.provider in BATCH_PROVIDERS:
            # Too few for a job are called live.
            saved = 1 - BATCH_SHARE if calls >= LEAST_REQUESTS.get(spec.model.provider, 0) else 0.0
            quote.saved_low = quote.cost_low * saved
            quote.saved_high = quote.cost_high * saved
    _add_judges(run, quote, stored.judged, share)
    _add_time(run, quote)
    return quote


def _add_judges(
    run: ResolvedRun, quote: _RunQuote, judged: Counter[tuple[str, str]], share: float
) -> None:
    """Each model of a panel is one call for each response, or two where it is asked in both
    orders; its votes are that call's replies."""
    responses = run.samples * run.spec.parameters.num_responses
    answer = run.spec.parameters.max_tokens or LONG_REPLY_TOKENS
    for metric, judge in ((each, judge) for each in run.spec.metrics for judge in each.panel):
        answered = judged[metric.key, judge.content_id] * share
        calls = responses * len(create_judges(metric)) // len(metric.panel) - answered
        quote.judged += answered
        embeds = metric_class(metric.name).info.judge_kind == "embeddings"
        prompt = REFERENCE_TOKENS if embeds else JUDGE_PROMPT_TOKENS
        tokens_in = calls * (prompt + answer)
        replies = 0 if embeds else calls * metric.judge_parameters.num_responses
        longest = metric.judge_parameters.max_tokens or LONG_REPLY_TOKENS
        quote.calls += calls
        quote.input_tokens += tokens_in
        quote.output_low += replies * SHORT_REPLY_TOKENS
        quote.output_high += replies * longest
        price = price_of(judge)
        if price is None or quote.cost_low is None or quote.cost_high is None:
            quote.cost_low = quote.cost_high = None
            continue
        least_in = calls * prompt * price.input
        quote.cost_low += (least_in + replies * SHORT_REPLY_TOKENS * price.output) / 1e6
        quote.cost_high += (tokens_in * price.input + replies * longest * price.output) / 1e6


def _add_time(run: ResolvedRun, quote: _RunQuote) -> None:
    limits = run.spec.limits
    if run.spec.model.provider == "offline":
        quote.seconds_low = quote.seconds_high = quote.calls * 0.001
        return
    quote.seconds_low = quote.calls * QUICK_REPLY_SECONDS / limits.max_concurrency
    quote.seconds_high = quote.calls * SLOW_REPLY_SECONDS / limits.max_concurrency
    floors = [0.0]
    if limits.requests_per_minute is not None:
        floors.append(quote.calls / limits.requests_per_minute * 60)
    if limits.tokens_per_minute is not None:
        floors.append((quote.input_tokens + quote.output_low) / limits.tokens_per_minute * 60)
    quote.seconds_low = max(quote.seconds_low, *floors)
    quote.seconds_high = max(quote.seconds_high, *floors)


def _notes(resolved: ResolvedEvaluation, judged: int) -> list[str]:
    notes = ["Input tokens are estimated from the rendered prompts, on the high side."]
    if judged:
        notes.append(f"{judged:,} replies of judges are stored and are not asked for again.")
    if any(run.spec.parameters.max_tokens is None for run in resolved.runs):
        notes.append(
            f"Replies are taken as {SHORT_REPLY_TOKENS} to {LONG_REPLY_TOKENS} tokens long; "
            "set max_tokens for a firm upper end."
        )
    if any(run.spec.model.provider != "offline" for run in resolved.runs):
        notes.append(
            f"Times take a reply as {QUICK_REPLY_SECONDS} to {SLOW_REPLY_SECONDS:.0f} s at the "
            "greatest concurrency, or the rate caps where those are slower."
        )
    if resolved.spec.mode == "batch":
        notes.append(
            "Batch jobs are answered within a day, mostly sooner. What one leaves unanswered is "
            "called live, at the live price."
        )
    if resolved.dataset.rows > MOST_ROWS_READ:
        notes.append(f"Projected from the first {MOST_ROWS_READ:,} rows.")
    examples = min(run.samples // run.spec.repeats for run in resolved.runs)
    clustered = resolved.dataset.options.cluster_field is not None
    notes.append(power_note(examples, clustered))
    return notes
