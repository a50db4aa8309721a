"""A simulation of 10 million samples on 50 workers, from costs that were measured.

The model goes second by second: as many calls are started as the resource allows that is used up
first (the provider's quota, the concurrency, the workers' processors, the database's), fewer while
the workers join, and they are stored when their latency is over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """What ``benchmarks/scale.py throughput`` printed for PostgreSQL."""

    worker_ms: float
    """Processor time of the workers for a sample."""
    database_ms: float
    """Processor time of the database for a sample."""
    beat_ms: float = 1.5
    """Processor time of the database for one heartbeat with its folding."""
    beats_per_second: float = 4.0
    """Of one chunk: the heartbeat, the look at how many share the limits."""


def read_measured(file: Path) -> Measured:
    """The costs of the most workers that the printed table has on PostgreSQL: sharing is dearest
    there."""
    rows = re.findall(
        r"^postgresql +(\d+) over Redis +\d+ +([\d.]+) +([\d.]+)\b", file.read_text(), re.M
    )
    if not rows:
        raise SystemExit(f"{file} holds no line of PostgreSQL with workers over Redis.")
    _, worker_ms, database_ms = max(rows, key=lambda row: int(row[0]))
    return Measured(float(worker_ms), float(database_ms))


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    samples: int = 10_000_000
    workers: int = 50
    chunks_each: int = 2
    latency_seconds: float = 1.0
    input_tokens: int = 500
    output_tokens: int = 150
    input_usd: float = 0.25
    """For a million tokens."""
    output_usd: float = 2.0
    requests_per_minute: float = 30_000
    tokens_per_minute: float = 30_000_000
    max_concurrency: int = 1000
    worker_cores: float = 1.0
    database_cores: float = 4.0
    bytes_a_sample: int = 2000
    """In a store of ten million: 330 of the sample, 420 of its score, 1250 of its reply."""


@dataclass(frozen=True)
class Outcome:
    hours: float
    per_second: float
    usd: float
    bottleneck: str
    load: dict[str, float]
    """Part of each resource that is used at that rate."""
    gigabytes: float


def simulate(measured: Measured, setting: Setting) -> Outcome:
    """Second by second until all samples are stored."""
    tokens = setting.input_tokens + setting.output_tokens
    chunks = setting.workers * setting.chunks_each
    beats = chunks * measured.beats_per_second * measured.beat_ms / 1000
    most = {
        "requests a minute": setting.requests_per_minute / 60,
        "tokens a minute": setting.tokens_per_minute / 60 / tokens,
        "concurrency": setting.max_concurrency / setting.latency_seconds,
        "the workers' processors": setting.workers * setting.worker_cores * 1000
        / measured.worker_ms,
        "the database's processors": max(0.0, setting.database_cores - beats) * 1000
        / measured.database_ms,
    }  # fmt: skip
    bottleneck = min(most, key=lambda name: most[name])
    done = seconds = 0.0
    in_flight: list[float] = []
    while done < setting.samples:
        seconds += 1
        # Workers join one after another, a chunk claimed every tenth of a second.
        ready = min(1.0, seconds * 10 / chunks)
        started = most[bottleneck] * ready
        in_flight.append(started)
        if len(in_flight) > setting.latency_seconds:
            done += in_flight.pop(0)
    rate = setting.samples / seconds
    usd = (
        setting.samples
        * (setting.input_tokens * setting.input_usd + setting.output_tokens * setting.output_usd)
        / 1e6
    )
    load = {name: rate / limit for name, limit in most.items()}
    return Outcome(
        seconds / 3600, rate, usd, bottleneck, load, setting.samples * setting.bytes_a_sample / 1e9
    )


def report(measured: Measured) -> None:
    print(f"a sample: {measured.worker_ms} ms of a worker, {measured.database_ms} ms of PostgreSQL")
    for label, setting in (
        ("the given quota", Setting()),
        ("ten times the quota", Setting(
            requests_per_minute=300_000, tokens_per_minute=300_000_000, max_concurrency=10_000
        )),
        ("no quota", Setting(
            requests_per_minute=1e9, tokens_per_minute=1e12, max_concurrency=1_000_000
        )),
    ):  # fmt: skip
        got = simulate(measured, setting)
        print(f"{label}: {setting.samples:,} samples, {setting.workers} workers")
        print(
            f"  {got.hours:.1f} h at {got.per_second:,.0f} samples/s, ${got.usd:,.0f} live, "
            f"${got.usd / 2:,.0f} by batch jobs, {got.gigabytes:.0f} GB stored"
        )
        print(f"  first bottleneck: {got.bottleneck}")
        for name, part in sorted(got.load.items(), key=lambda item: -item[1]):
            print(f"    {name:28}{part:7.1%}")
