"""What can be configured about a deployment, read from environment variables.

Each field of :class:`Configuration` is one variable. The table in ``docs/deployment.md`` is made
from these fields; a test keeps it true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

from cdk_src.consistency import FARGATE_MEMORY_MIB, contradictions
from cdk_src.spelling import unknown_settings
from cdk_src.variables import (
    Kind,
    choice,
    flag,
    half_steps,
    integer,
    items,
    matching,
    member,
    variable,
)

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)


class ConfigurationError(Exception):
    """One or more variables are wrong; the message names each with what it takes."""


_ARN = r"arn:aws[a-z-]*:"
_SECRET = r"[A-Za-z0-9/_+=.@-]{1,512}"
_EMAIL = matching(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+", "an e-mail address")
_HTTPS = matching(r"https://[^\s/]+(/\S*)?", "an https:// address")
# Without a name and password: they would be readable in the template.
_REPOSITORY = matching(
    r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~%+/-]*)?",
    "an https:// address of letters, digits and `._~%+/-`",
)
_CPU = member(tuple(FARGATE_MEMORY_MIB))
_MEMORY = integer(512, 122880)


@dataclass(frozen=True)
class Configuration:
    """A checked deployment. ``Configuration()`` is the default deployment."""

    stack_name: str = variable(
        "STACK_NAME",
        matching(r"[A-Za-z][A-Za-z0-9-]{0,63}", "letters, digits and hyphens, a letter first"),
        "PromptApp",
        "Name of the CloudFormation stack; another name makes a second, independent deployment.",
    )
    deploy_prompt_app: bool = variable(
        "DEPLOY_PROMPT_APP", flag(), "true", "Whether the app is part of the stack."
    )
    deploy_sagemaker_domain: bool = variable(
        "DEPLOY_SAGEMAKER_DOMAIN",
        flag(),
        "false",
        "Whether a SageMaker Studio domain for a guided workshop is part of the stack.",
    )
    sagemaker_code_repo: str | None = variable(
        "SAGEMAKER_CODE_REPO",
        _REPOSITORY,
        "",
        "Git repository that JupyterLab checks out once; none if not set.",
    )
    sagemaker_code_checkout: str = variable(
        "SAGEMAKER_CODE_CHECKOUT",
        matching(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", "a branch, tag or commit"),
        "main",
        "What of that repository is checked out.",
    )
    cdk_nag: bool = variable(
        "CDK_NAG", flag(), "false", "Whether synthesis also runs the cdk-nag AwsSolutions checks."
    )
    removal: Literal["retain", "destroy"] = variable(
        "REMOVAL_POLICY",
        choice("retain", "destroy"),
        "retain",
        "What `npm run destroy` does with data: keep buckets, users and logs and take a last "
        "database snapshot, or delete all of it.",
    )
    log_retention_days: int = variable(
        "LOG_RETENTION_DAYS",
        member(LOG_RETENTION_DAYS),
        "90",
        "Days that logs and access logs are kept, the database's and the functions' too.",
    )
    log_level: str = variable(
        "LOG_LEVEL",
        Kind(
            "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
            matching("DEBUG|INFO|WARNING|ERROR|CRITICAL", "").parse,
        ),
        "INFO",
        "Least severity that the app logs.",
    )
    vpc_id: str | None = variable(
        "VPC_ID",
        matching(r"vpc-[0-9a-f]{8,17}", "a VPC id"),
        "",
        "An existing VPC to use, with an internet gateway; a new one is made if not set.",
    )
    vpc_availability_zones: tuple[str, ...] | None = variable(
        "VPC_AVAILABILITY_ZONES",
        items(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "availability zones"),
        "",
        "Zones of the VPC, at least two; of a new one the region's first two if not set.",
    )
    vpc_private_subnet_ids: tuple[str, ...] | None = variable(
        "VPC_PRIVATE_SUBNET_IDS",
        items(r"subnet-[0-9a-f]{8,17}", "subnet ids"),
        "",
        "One private subnet of the existing VPC for each zone, in the same order, with a route "
        "to a NAT gateway. Goes with `VPC_ID`.",
    )
    nat_gateways: int = variable(
        "NAT_GATEWAYS",
        integer(1, 2),
        "1",
        "NAT gateways of a new VPC; with 2 the loss of a zone leaves the other online.",
    )
    architecture: Literal["amd64", "arm64"] = variable(
        "CPU_ARCHITECTURE",
        choice("amd64", "arm64"),
        "amd64",
        "Processor of the tasks. `arm64` costs 20% less; the machine that deploys must be able to "
        "build such an image.",
    )
    web_cpu: int = variable("WEB_CPU", _CPU, "1024", "CPU units of a web task (1024 = 1 vCPU).")
    web_memory_mib: int = variable(
        "WEB_MEMORY_MIB", _MEMORY, "2048", "Memory of a web task, as Fargate pairs it with CPU."
    )
    web_count: int = variable("WEB_COUNT", integer(1, 50), "1", "Least number of web tasks.")
    web_max_count: int = variable(
        "WEB_MAX_COUNT", integer(1, 50), "4", "Most web tasks; more start above 60% CPU."
    )
    worker_cpu: int = variable("WORKER_CPU", _CPU, "1024", "CPU units of a worker task.")
    worker_memory_mib: int = variable(
        "WORKER_MEMORY_MIB", _MEMORY, "2048", "Memory of a worker task."
    )
    worker_count: int = variable(
        "WORKER_COUNT",
        integer(0, 50),
        "1",
        "Least number of worker tasks; with 0 the first message in the queue starts one.",
    )
    worker_max_count: int = variable(
        "WORKER_MAX_COUNT",
        integer(1, 50),
        "4",
        "Most worker tasks; more as the queue grows.",
    )
    database_min_acu: float = variable(
        "DATABASE_MIN_ACU",
        half_steps(0, 256),
        "0",
        "Least Aurora capacity (1 ACU is about 2 GiB); with 0 the database pauses when idle.",
    )
    database_max_acu: float = variable(
        "DATABASE_MAX_ACU", half_steps(1, 256), "4", "Most Aurora capacity."
    )
    database_pause_minutes: int = variable(
        "DATABASE_PAUSE_MINUTES",
        integer(5, 1440),
        "10",
        "Minutes without a connection after which the database pauses.",
    )
    database_backup_days: int = variable(
        "DATABASE_BACKUP_DAYS", integer(1, 35), "7", "Days of point-in-time recovery."
    )
    bedrock_models: tuple[str, ...] = variable(
        "BEDROCK_MODELS",
        items(r"[A-Za-z0-9][A-Za-z0-9.:-]*\*?|\*", "model ids, each may end in `*`"),
        "amazon.nova-*,anthropic.claude-*",
        "Bedrock models that the tasks may call, directly and through inference profiles.",
    )
    bedrock_quotas: bool = variable(
        "BEDROCK_QUOTAS",
        flag(),
        "false",
        "Whether runs keep to the account's quotas of Bedrock, read when they are submitted.",
    )
    sagemaker_endpoints: tuple[str, ...] | None = variable(
        "SAGEMAKER_ENDPOINTS",
        items(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}\*?", "endpoint names, each may end in `*`"),
        "",
        "SageMaker endpoints that the tasks may call; none if not set.",
    )
    openai_secret_name: str = variable(
        "OPENAI_SECRET_NAME",
        matching(_SECRET, "a Secrets Manager name"),
        "openai_key",
        "Secret that holds the OpenAI key. It need not exist: the app then says that it is absent.",
    )
    model_secret_names: tuple[str, ...] | None = variable(
        "MODEL_SECRET_NAMES",
        items(_SECRET, "Secrets Manager names"),
        "",
        "Further secrets that the tasks may read: those that endpoints name for their keys.",
    )
    domain_name: str | None = variable(
        "DOMAIN_NAME",
        matching(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}", "a lower-case domain name"),
        "",
        "Custom domain; the distribution's own name if not set. Goes with `CERTIFICATE_ARN`.",
    )
    certificate_arn: str | None = variable(
        "CERTIFICATE_ARN",
        matching(
            _ARN + r"acm:us-east-1:\d{12}:certificate/\S+", "the ARN of a us-east-1 certificate"
        ),
        "",
        "Certificate of the custom domain, in us-east-1 as CloudFront requires.",
    )
    origin_certificate_arn: str | None = variable(
        "ORIGIN_CERTIFICATE_ARN",
        matching(_ARN + r"acm:[a-z0-9-]+:\d{12}:certificate/\S+", "the ARN of a certificate"),
        "",
        "Certificate of the same domain in the stack's region: CloudFront then also speaks TLS to "
        "the load balancer. Goes with `DOMAIN_NAME`.",
    )
    hosted_zone_id: str | None = variable(
        "HOSTED_ZONE_ID",
        matching(r"Z[A-Z0-9]{5,31}", "a Route 53 hosted zone id"),
        "",
        "Zone in which the records of `DOMAIN_NAME` are made; make them yourself if not set.",
    )
    self_sign_up: bool = variable(
        "SELF_SIGN_UP", flag(), "false", "Whether anyone may create an account (without a role)."
    )
    admin_email: str | None = variable(
        "ADMIN_EMAIL", _EMAIL, "", "First user, in the group `admins`; none if not set."
    )
    admin_invitation: Literal["mail", "secret"] = variable(
        "ADMIN_INVITATION",
        choice("mail", "secret"),
        "mail",
        "How the first user gets a password: a temporary one by mail, or a generated one in "
        "Secrets Manager.",
    )
    mfa: Literal["off", "required"] = variable(
        "LOGIN_MFA",
        choice("off", "required"),
        "off",
        "Whether everybody needs a second factor, an authenticator app that is set up at login.",
    )
    threat_protection: bool = variable(
        "LOGIN_THREAT_PROTECTION",
        flag(),
        "false",
        "Cognito's Plus plan: blocks leaked passwords and risky sign-ins, billed per active user.",
    )
    oidc_discovery_url: str | None = variable(
        "OIDC_DISCOVERY_URL",
        _HTTPS,
        "",
        "Discovery document of another OpenID provider, used instead of Cognito.",
    )
    oidc_client_id: str | None = variable(
        "OIDC_CLIENT_ID", matching(r"\S{1,256}", "a client id"), "", "Client id at that provider."
    )
    oidc_client_secret_name: str | None = variable(
        "OIDC_CLIENT_SECRET_NAME",
        matching(_SECRET, "a Secrets Manager name"),
        "",
        "Existing secret whose text is the client secret.",
    )
    oidc_groups_claim: str = variable(
        "OIDC_GROUPS_CLAIM",
        matching(r"[A-Za-z0-9:/._-]{1,128}", "the name of a claim"),
        "groups",
        "Claim of that provider's tokens that lists a user's groups.",
    )
    oidc_scopes: str = variable(
        "OIDC_SCOPES",
        matching(r"openid( [!-~]+)*", "`openid` and other scopes, separated by blanks"),
        "openid email profile",
        "Scopes to ask that provider for.",
    )
    oidc_roles: tuple[str, ...] = variable(
        "OIDC_ROLES",
        items(r"[^=,]{1,128}=(viewer|editor|admin)", "a group, `=` and its role"),
        "admins=admin,editors=editor,viewers=viewer",
        "Role of each of that provider's groups.",
    )
    waf: bool = variable(
        "WAF",
        flag(),
        "false",
        "Whether to make a web ACL for CloudFront. Only in us-east-1, the home of such ACLs.",
    )
    waf_rate_limit: int = variable(
        "WAF_RATE_LIMIT",
        integer(10, 100_000_000),
        "3000",
        "Requests that the web ACL of `WAF` takes from one address in 5 minutes; it blocks more.",
    )
    web_acl_arn: str | None = variable(
        "WAF_WEB_ACL_ARN",
        matching(_ARN + r"wafv2:us-east-1:\d{12}:global/webacl/\S+", "a CloudFront web ACL's ARN"),
        "",
        "An existing web ACL to use; the way to have one outside us-east-1.",
    )
    alarm_email: str | None = variable(
        "ALARM_EMAIL", _EMAIL, "", "Where alarms are sent; they are only shown if not set."
    )
    monthly_budget_usd: int = variable(
        "MONTHLY_BUDGET_USD",
        integer(0, 1_000_000),
        "200",
        "Spend of the whole account in a month of which 80%, 100% and a forecast above it send a "
        "mail to `ALARM_EMAIL`; 0 for no budget.",
    )

    @property
    def uses_cognito(self) -> bool:
        return self.oidc_discovery_url is None

    @property
    def destroys_data(self) -> bool:
        return self.removal == "destroy"


VARIABLES = frozenset(f.metadata["name"] for f in fields(Configuration))


@dataclass(frozen=True)
class Row:
    """One line of the documented table."""

    name: str
    default: str
    accepts: str
    description: str


def configuration_table() -> list[Row]:
    """Every variable, in the order in which it is documented."""
    return [
        Row(
            name=f.metadata["name"],
            default=f.metadata["default"],
            accepts=cast(Kind, f.metadata["kind"]).accepts,
            description=f.metadata["description"],
        )
        for f in fields(Configuration)
    ]


def read_configuration(environment: Mapping[str, str]) -> Configuration:
    """Read and check all variables; an empty one counts as not set.

    Raises ConfigurationError that names every wrong variable with the accepted values.
    """
    values: dict[str, Any] = {}
    problems = unknown_settings(environment, VARIABLES)
    for f in fields(Configuration):
        text = environment.get(f.metadata["name"], "").strip()
        if not text:
            continue
        kind = cast(Kind, f.metadata["kind"])
        try:
            values[f.name] = kind.parse(text)
        except ValueError:
            problems.append(f"{f.metadata['name']} is {text!r}; accepted: {kind.accepts}.")
    configuration = Configuration(**values)
    problems += contradictions(configuration)
    if problems:
        raise ConfigurationError(
            "Wrong configuration:\n"
            + "\n".join(f"- {problem}" for problem in problems)
            + "\nSee the table in docs/deployment.md."
        )
    return configuration
