"""What a variable may not be because of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdk_src.configuration import Configuration

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
FARGATE_MEMORY_MIB: dict[int, Sequence[int]] = {
    # by CPU units
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}

# SageMaker takes names of 63 letters, and "-check-out" is put behind the stack's.
_STUDIO_STACK_NAME = 53


def contradictions(c: Configuration) -> list[str]:
    """One sentence for each set of variables that do not go together."""
    problems = []
    if not (c.deploy_prompt_app or c.deploy_sagemaker_domain):
        problems.append(
            "DEPLOY_PROMPT_APP and DEPLOY_SAGEMAKER_DOMAIN are both false; accepted: at least one."
        )
    problems += _together(c)
    problems += _sizes(c)
    zones, subnets = c.vpc_availability_zones or (), c.vpc_private_subnet_ids or ()
    if zones and not c.vpc_id and len(set(zones)) < 2:
        problems.append("VPC_AVAILABILITY_ZONES names one zone; accepted: at least 2.")
    if c.vpc_id and subnets and (len(zones) < 2 or len(zones) != len(subnets)):
        problems.append(
            f"VPC_AVAILABILITY_ZONES names {len(zones)} zones and VPC_PRIVATE_SUBNET_IDS "
            f"{len(subnets)} subnets; accepted: the same number of both, at least 2."
        )
    if c.waf and c.web_acl_arn:
        problems.append("WAF and WAF_WEB_ACL_ARN are both set; accepted: one of them.")
    if c.origin_certificate_arn and not c.domain_name:
        problems.append("ORIGIN_CERTIFICATE_ARN is set; accepted: only together with DOMAIN_NAME.")
    if c.hosted_zone_id and not c.domain_name:
        problems.append("HOSTED_ZONE_ID is set; accepted: only together with DOMAIN_NAME.")
    if c.deploy_sagemaker_domain and len(c.stack_name) > _STUDIO_STACK_NAME:
        problems.append(
            f"STACK_NAME has {len(c.stack_name)} letters; accepted with "
            f"DEPLOY_SAGEMAKER_DOMAIN=true: at most {_STUDIO_STACK_NAME}."
        )
    return problems + _unheard(c) + _logins(c)


def _unheard(c: Configuration) -> list[str]:
    """What is said of something that is not made, or that another setting decides."""
    default = type(c)
    problems = []
    if c.waf_rate_limit != default.waf_rate_limit and not c.waf:
        problems.append("WAF_RATE_LIMIT is set; accepted: only together with WAF.")
    if c.monthly_budget_usd not in (0, default.monthly_budget_usd) and not c.alarm_email:
        problems.append("MONTHLY_BUDGET_USD is set; accepted: only together with ALARM_EMAIL.")
    if c.sagemaker_code_repo and not c.deploy_sagemaker_domain:
        problems.append(
            "SAGEMAKER_CODE_REPO is set; accepted: only together with DEPLOY_SAGEMAKER_DOMAIN."
        )
    if c.nat_gateways != default.nat_gateways and c.vpc_id:
        problems.append("NAT_GATEWAYS is set; accepted: only without VPC_ID.")
    return problems


def _logins(c: Configuration) -> list[str]:
    """What is said of one login and would go unheard by the other."""
    default = type(c)
    of_cognito = {
        "ADMIN_EMAIL": c.admin_email is not None,
        "SELF_SIGN_UP": c.self_sign_up,
        "LOGIN_MFA": c.mfa != default.mfa,
        "LOGIN_THREAT_PROTECTION": c.threat_protection,
    }
    of_another = {
        "OIDC_GROUPS_CLAIM": c.oidc_groups_claim != default.oidc_groups_claim,
        "OIDC_SCOPES": c.oidc_scopes != default.oidc_scopes,
        "OIDC_ROLES": c.oidc_roles != default.oidc_roles,
    }
    unheard, word = (of_another, "together with") if c.uses_cognito else (of_cognito, "without")
    problems = [
        f"{name} is set; accepted: only {word} OIDC_DISCOVERY_URL."
        for name, is_set in unheard.items()
        if is_set
    ]
    if c.admin_invitation != default.admin_invitation and c.admin_email is None:
        problems.append("ADMIN_INVITATION is set; accepted: only together with ADMIN_EMAIL.")
    return problems


def _together(c: Configuration) -> list[str]:
    groups = (
        {"DOMAIN_NAME": c.domain_name, "CERTIFICATE_ARN": c.certificate_arn},
        {
            "VPC_ID": c.vpc_id,
            "VPC_AVAILABILITY_ZONES": c.vpc_availability_zones,
            "VPC_PRIVATE_SUBNET_IDS": c.vpc_private_subnet_ids,
        },
        {
            "OIDC_DISCOVERY_URL": c.oidc_discovery_url,
            "OIDC_CLIENT_ID": c.oidc_client_id,
            "OIDC_CLIENT_SECRET_NAME": c.oidc_client_secret_name,
        },
    )
    problems = []
    for group in groups:
        missing = [name for name, value in group.items() if not value]
        alone = set(group) - set(missing) == {"VPC_AVAILABILITY_ZONES"}  # those of a new VPC
        if missing and len(missing) < len(group) and not alone:
            problems.append(
                f"{' and '.join(missing)} not set; accepted: {', '.join(group)} all together "
                "or none."
            )
    return problems


def _sizes(c: Configuration) -> list[str]:
    problems = []
    for name, cpu, memory in (
        ("WEB", c.web_cpu, c.web_memory_mib),
        ("WORKER", c.worker_cpu, c.worker_memory_mib),
    ):
        accepted = FARGATE_MEMORY_MIB[cpu]
        if memory not in accepted:
            problems.append(
                f"{name}_MEMORY_MIB is {memory}; accepted with {name}_CPU={cpu}: "
                f"{', '.join(map(str, accepted))}."
            )
    for small_name, small, large_name, large in (
        ("WEB_COUNT", c.web_count, "WEB_MAX_COUNT", c.web_max_count),
        ("WORKER_COUNT", c.worker_count, "WORKER_MAX_COUNT", c.worker_max_count),
        ("DATABASE_MIN_ACU", c.database_min_acu, "DATABASE_MAX_ACU", c.database_max_acu),
    ):
        if small > large:
            problems.append(
                f"{small_name} is {small:g}; accepted: at most {large_name}, which is {large:g}."
            )
    return problems
