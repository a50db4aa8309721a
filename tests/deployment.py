"""Deployments, synthesized in this process: no account, credentials or network."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
ROOT = Path(__file__).parents[1]

# Everything that can be switched on at once.
FULL = {
    "ADMIN_EMAIL": "admin@example.com",
    "ADMIN_INVITATION": "secret",
    "ALARM_EMAIL": "alarms@example.com",
    "BEDROCK_QUOTAS": "true",
    "BEDROCK_MODELS": "amazon.nova-lite-v1:0,anthropic.claude-*",
    "CERTIFICATE_ARN": "arn:aws:acm:us-east-1:111122223333:certificate/edge",
    "CPU_ARCHITECTURE": "arm64",
    "DATABASE_MIN_ACU": "0.5",
    "DEPLOY_SAGEMAKER_DOMAIN": "true",
    "DOMAIN_NAME": "prompts.example.com",
    "HOSTED_ZONE_ID": "Z0123456789ABCDEF",
    "LOGIN_MFA": "required",
    "MODEL_SECRET_NAMES": "together/key",
    "LOGIN_THREAT_PROTECTION": "true",
    "ORIGIN_CERTIFICATE_ARN": "arn:aws:acm:eu-central-1:111122223333:certificate/origin",
    "REMOVAL_POLICY": "destroy",
    "SAGEMAKER_CODE_CHECKOUT": "workshop",
    "SAGEMAKER_CODE_REPO": "https://example.com/team/prompt-app.git",
    "SAGEMAKER_ENDPOINTS": "workshop-*",
    "WAF": "true",
    "WAF_RATE_LIMIT": "500",
    "WORKER_COUNT": "0",
}


@dataclass(frozen=True)
class Deployment:
    """A synthesized stack."""

    template: dict[str, Any]
    folder: Path
    findings: list[tuple[str, str, str]]  # severity, rule, construct's path below the stack

    def resources(self, kind: str) -> dict[str, Any]:
        """Logical id -> properties of all resources of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == kind
        }

    def only(self, kind: str, having: str = "") -> dict[str, Any]:
        """Properties of the one resource of a type whose logical id contains ``having``."""
        found = {k: v for k, v in self.resources(kind).items() if having in k}
        assert len(found) == 1, (kind, having, list(found))
        return next(iter(found.values()))

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Statements of the policies of the role whose logical id contains ``role``."""
        return [
            statement
            for policy in self.resources("AWS::IAM::Policy").values()
            if any(role in attached["Ref"] for attached in policy["Roles"])
            for statement in policy["PolicyDocument"]["Statement"]
        ]


Synthesize = Callable[..., Deployment]


def synthesize_once(
    folder: Path,
    environment: Mapping[str, str],
    nag: str,
    change: Callable[[Any], None] | None,
) -> Deployment:
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from cdk_src.acknowledgements import add_nag
    from cdk_src.configuration import read_configuration
    from cdk_src.stack import PromptAppStack

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(context=context, outdir=str(folder))
    configuration = read_configuration(environment)
    stack = PromptAppStack(app, configuration=configuration)
    if nag == "acknowledged":
        add_nag(app, stack, configuration)
    elif nag == "bare":
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    if change is not None:
        change(stack)
    # Findings are read from the report; whether they are also an error is the command's business.
    with contextlib.suppress(RuntimeError) if nag else contextlib.nullcontext():
        app.synth()
    template = json.loads((folder / f"{configuration.stack_name}.template.json").read_text())
    return Deployment(template, folder, _findings(folder, configuration.stack_name))


def _findings(folder: Path, stack_name: str) -> list[tuple[str, str, str]]:
    report = folder / "validation-report.json"
    if not report.exists():
        return []
    return [
        (
            violation["severity"],
            violation["ruleName"],
            construct["constructPath"].removeprefix(f"{stack_name}/"),
        )
        for plugin in json.loads(report.read_text())["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
