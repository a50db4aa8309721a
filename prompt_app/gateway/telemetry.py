"""What a watcher sees: Prometheus metrics, and traces by OpenTelemetry's GenAI conventions."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from prompt_app.datamodel.serving import UsageRecord

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
MOST_TARGETS = 500
"""Names that are told apart: callers can make up any number."""
OTHER = "other"
_PROVIDERS = {"bedrock": "aws.bedrock", "sagemaker": "aws.sagemaker"}
"""As OpenTelemetry's conventions call those that it does not call as we do."""
_OPERATIONS = {"embeddings": "embeddings"}


@dataclass(slots=True)
class _Children:
    """The metrics under one call's labels, which cost more to find than to count."""

    calls: Counter
    seconds: Histogram
    hits: Counter
    saved: Counter
    input: Counter
    output: Counter
    cost: Counter


class Telemetry:
    """Of one gateway process. Traces are sent only where an exporter is set by OpenTelemetry's
    own variables (``OTEL_EXPORTER_OTLP_ENDPOINT`` or ``..._TRACES_ENDPOINT``)."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        names = ("route", "target", "status")
        self._calls = Counter("gateway_calls", "Calls by outcome", names, registry=registry)
        self._hits = Counter(
            "gateway_cache_hits",
            "Calls that a stored reply answered",
            ["target"],
            registry=registry,
        )
        self._tokens = Counter(
            "gateway_tokens", "Tokens of calls made", ["target", "kind"], registry=registry
        )
        self._cost = Counter(
            "gateway_cost_usd", "US dollars of calls made", ["target"], registry=registry
        )
        self._saved = Counter(
            "gateway_saved_usd", "US dollars that stored replies saved", ["target"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "gateway_call_seconds", "From request to the last byte", ["route"],
            buckets=BUCKETS, registry=registry,
        )  # fmt: skip
        self.streams = Gauge("gateway_open_streams", "Streams under way", registry=registry)
        self._children: dict[tuple[str, str, int], _Children] = {}
        self._targets: set[str] = set()
        self._tracer = _tracer()

    def note(self, record: UsageRecord) -> None:
        """Count a call."""
        if record.target not in self._targets:
            if len(self._targets) >= MOST_TARGETS:
                record = replace(record, target=OTHER)
            else:
                self._targets.add(record.target)
        target = record.target
        key = (record.route, target, record.status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = self._children_of(record)
        children.calls.inc()
        children.seconds.observe(record.latency_ms / 1000)
        if record.cached:
            children.hits.inc()
            children.saved.inc(record.saved_usd)
        elif record.input_tokens or record.output_tokens:
            children.input.inc(record.input_tokens)
            children.output.inc(record.output_tokens)
            children.cost.inc(record.cost_usd)
        if self._tracer is not None:
            _trace(self._tracer, record)

    def note_stranger(self, route: str, status: int) -> None:
        """Count a refused call of somebody unknown, of which no record is kept."""
        self._calls.labels(route, "", str(status)).inc()

    def _children_of(self, record: UsageRecord) -> _Children:
        target = record.target
        return _Children(
            calls=self._calls.labels(record.route, target, str(record.status)),
            seconds=self._seconds.labels(record.route),
            hits=self._hits.labels(target),
            saved=self._saved.labels(target),
            input=self._tokens.labels(target, "input"),
            output=self._tokens.labels(target, "output"),
            cost=self._cost.labels(target),
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def _tracer() -> Tracer | None:
    variables = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not any(os.environ.get(name) for name in variables):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "prompt-gateway")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("prompt_app.gateway")


def _trace(tracer: Tracer, record: UsageRecord) -> None:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    end = int(record.at.timestamp() * 1e9)
    operation = _OPERATIONS.get(record.route, "chat")
    provider, _, model = record.target.partition(":")
    span = tracer.start_span(
        f"{operation} {record.model}",
        kind=SpanKind.CLIENT,
        start_time=end - int(record.latency_ms * 1e6),
        attributes={
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
            "gen_ai.request.model": record.model,
            "gen_ai.response.model": model,
            "gen_ai.usage.input_tokens": record.input_tokens,
            "gen_ai.usage.output_tokens": record.output_tokens,
            "http.response.status_code": record.status,
            "prompt_app.cache_hit": record.cached,
            "prompt_app.cost_usd": record.cost_usd,
        },
    )
    if record.error_kind is not None:
        span.set_attribute("error.type", record.error_kind)
        span.set_status(Status(StatusCode.ERROR))
    span.end(end)
