"""What a deployment costs a month, by component: ``python -m cdk_src.costs``.

For the configuration in the environment, as ``npm run synth`` reads it. The table in
``docs/deployment.md`` is what it prints for the default one; a test keeps it so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from cdk_src.configuration import VARIABLES, Configuration, ConfigurationError, read_configuration
from cdk_src.spelling import misspelt

PRICES_OF = "June 2026"
PRICES = {
    # US dollars in us-east-1, on demand, without free tiers.
    "NAT gateway, hour": 0.045,
    "NAT gateway, GB": 0.045,
    "public address, hour": 0.005,
    "load balancer, hour": 0.0225,
    "load balancer, capacity unit and hour": 0.008,
    "amd64, vCPU and hour": 0.04048,
    "amd64, GB and hour": 0.004445,
    "arm64, vCPU and hour": 0.03238,
    "arm64, GB and hour": 0.00356,
    "Aurora, ACU and hour": 0.12,
    "Aurora, GB and month": 0.10,
    "Aurora, million requests of storage": 0.20,
    "S3, GB and month": 0.023,
    "image, GB and month": 0.10,
    "CloudFront, GB": 0.085,
    "CloudFront, million requests": 1.0,
    "secret, month": 0.40,
    "log, GB": 0.50,
    "measured value, month": 0.30,
    "alarm, measured value and month": 0.10,
    "dashboard, month": 3.0,
    "web ACL, month": 5.0,
    "rule of a web ACL, month": 1.0,
    "key, month": 1.0,
}

HOURS = 730.0
"""Of a month."""
WORKING_HOURS = 8.0 * 22

# By Container Insights: of the cluster, and of each service with its one task definition.
_CLUSTER_VALUES, _SERVICE_VALUES = 8, 11 + 6


@dataclass(frozen=True)
class Use:
    """How much the deployment is used in a month."""

    name: str
    hours: float  # in which people work
    more_workers: float = 0.0  # mean number of those hours beside the least
    acu: float = 0.0  # in those hours
    storage_requests: float = 0.0  # millions
    database_gb: float = 5.0
    files_gb: float = 1.0
    nat_gb: float = 0.0
    pages_gb: float = 0.0
    log_gb: float = 1.0
    without_workers: bool = False


USES = (
    Use("paused", 0, without_workers=True),
    Use("idle", 0),
    Use(
        "in use",
        WORKING_HOURS,
        more_workers=0.25,
        acu=2.0,
        storage_requests=5.0,
        database_gb=10.0,
        files_gb=20.0,
        nat_gb=30.0,
        pages_gb=10.0,
        log_gb=10.0,
    ),
)


@dataclass(frozen=True)
class Component:
    name: str
    dollars: tuple[float, ...]  # a month, one of each of USES
    counts: str


def components(c: Configuration) -> Iterator[Component]:
    """What the configured stack is made of. JupyterLab, the builds and the calls of models are
    not in it."""

    def each(name: str, counts: str, *dollars: float) -> Component:
        return Component(name, tuple(round(d, 1) for d in dollars), counts)

    def used(name: str, counts: str, price: float, **by: float) -> Component:
        """``price`` plus what the uses' fields cost."""
        return each(
            name, counts, *(price + sum(getattr(u, f) * p for f, p in by.items()) for u in USES)
        )

    p = PRICES
    if c.vpc_id is None:
        hour = p["NAT gateway, hour"] + p["public address, hour"]
        many = "" if c.nat_gateways == 1 else "s"
        yield used(
            f"NAT gateway{many}, {c.nat_gateways}, with address",
            f"{p['NAT gateway, hour']:g} an hour and a GB",
            hour * HOURS * c.nat_gateways,
            nat_gb=p["NAT gateway, GB"],
        )
    if c.deploy_prompt_app:
        yield used(
            "Load balancer",
            f"{p['load balancer, hour']:g} an hour, and capacity",
            p["load balancer, hour"] * HOURS,
            hours=p["load balancer, capacity unit and hour"],
        )
        yield from _tasks(c)
        yield each(
            "Aurora",
            f"{p['Aurora, ACU and hour']:g} an ACU and hour, storage, I/O",
            *(_database(c, use) for use in USES),
        )
    yield used(
        "S3 and the image",
        f"{p['S3, GB and month']:g} a GB",
        p["image, GB and month"],
        files_gb=p["S3, GB and month"],
    )
    if not c.deploy_prompt_app:
        return
    yield used(
        "CloudFront, Cognito, SQS",
        "Cognito bills from 10,000 users on",
        0,
        pages_gb=p["CloudFront, GB"] + 0.02 * p["CloudFront, million requests"],
    )
    secrets = 4 + c.uses_cognito + (c.admin_invitation == "secret")
    yield used(
        f"Secrets, {secrets}", f"{p['secret, month']:.2f} each", p["secret, month"] * secrets
    )
    yield used(
        "Logs, metrics, alarms",
        "Container Insights is most of it",
        _monitoring(),
        log_gb=p["log, GB"],
    )
    if c.waf:
        rules = 3 * p["rule of a web ACL, month"]
        yield used("Web ACL", "with its three rules", p["web ACL, month"] + rules)
    if c.alarm_email:
        yield used("Key of the alarms' mail", "", p["key, month"])


def _tasks(c: Configuration) -> Iterator[Component]:
    def hour(cpu: int, memory_mib: int) -> float:
        vcpu = PRICES[f"{c.architecture}, vCPU and hour"] * cpu / 1024
        return vcpu + PRICES[f"{c.architecture}, GB and hour"] * memory_mib / 1024

    def size(cpu: int, memory_mib: int) -> str:
        return f"{cpu / 1024:g} vCPU and {memory_mib / 1024:g} GB"

    web, worker = hour(c.web_cpu, c.web_memory_mib), hour(c.worker_cpu, c.worker_memory_mib)
    cheaper = "; 20% less with `CPU_ARCHITECTURE=arm64`" if c.architecture == "amd64" else ""
    yield Component(
        f"Web tasks, {c.web_count} of {size(c.web_cpu, c.web_memory_mib)}",
        tuple(round(web * HOURS * c.web_count, 1) for _ in USES),
        f"{web:.3f} an hour each{cheaper}",
    )
    workers = [
        (0 if u.without_workers else c.worker_count) * HOURS + u.more_workers * u.hours
        for u in USES
    ]
    yield Component(
        f"Worker tasks, {c.worker_count} of {size(c.worker_cpu, c.worker_memory_mib)}",
        tuple(round(worker * hours, 1) for hours in workers),
        f"{worker:.3f} an hour each; more as the queue grows",
    )


def _database(c: Configuration, use: Use) -> float:
    working = max(use.acu, c.database_min_acu) * use.hours
    acu_hours = working + c.database_min_acu * (HOURS - use.hours)
    return (
        acu_hours * PRICES["Aurora, ACU and hour"]
        + use.database_gb * PRICES["Aurora, GB and month"]
        + use.storage_requests * PRICES["Aurora, million requests of storage"]
    )


def _monitoring() -> float:
    """Of the alarms three are on two metrics: 5xx, and the workers' two. Two of those on one are
    AWS's own, for the web tasks' CPU."""
    values = _CLUSTER_VALUES + 2 * _SERVICE_VALUES
    alarmed = 3 * 2 + 5 + 2
    return (
        values * PRICES["measured value, month"]
        + alarmed * PRICES["alarm, measured value and month"]
        + PRICES["dashboard, month"]
    )


def costs_table(configuration: Configuration) -> str:
    """A table of markdown, with the sums of what it shows."""
    rows = list(components(configuration))
    lines = [
        f"| component | {' | '.join(use.name for use in USES)} | what counts |",
        f"|---|{'---|' * len(USES)}---|",
    ]
    for row in rows:
        figures = " | ".join(f"{d:.1f}" for d in row.dollars)
        lines.append(f"| {row.name} | {figures} | {row.counts} |")
    sums = (sum(row.dollars[column] for row in rows) for column in range(len(USES)))
    lines.append(f"| **Together** | {' | '.join(f'{s:.1f}' for s in sums)} | |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the costs of what the environment configures; 2 if that is wrong."""
    for warning in misspelt(os.environ, VARIABLES):
        print(f"Warning: {warning}", file=sys.stderr)
    try:
        configuration = read_configuration(os.environ)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"US dollars a month at the list prices of us-east-1 of {PRICES_OF}\n")
    print(costs_table(configuration), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
