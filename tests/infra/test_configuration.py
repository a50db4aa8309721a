"""What configures a deployment, and what refuses a wrong value."""

from __future__ import annotations

import pytest
from deployment import FULL

from cdk_src.configuration import (
    VARIABLES,
    Configuration,
    ConfigurationError,
    configuration_table,
    read_configuration,
)
from cdk_src.spelling import misspelt
from prompt_app.settings import Settings

PROVIDER = {
    "OIDC_DISCOVERY_URL": "https://id.example.com",
    "OIDC_CLIENT_ID": "x",
    "OIDC_CLIENT_SECRET_NAME": "y",
}
WRONG = {
    "STACK_NAME": ["1st", "a_b", "x" * 65, "a b", "a;b"],
    "DEPLOY_PROMPT_APP": ["perhaps"],
    "DEPLOY_SAGEMAKER_DOMAIN": ["2"],
    "SAGEMAKER_CODE_REPO": [
        "git@example.com:a/b",
        "https://x/y'$(touch pwned)'",
        "https://x/y z",
        "https://x/`id`",
        "https://user:pw@example.com/a",
        "https://x/a;b",
        "https://x/a&b",
        "https://x/$HOME",
        'https://x/"a"',
        "ssh://x/y",
        "https://",
        "https://x/a\nb",
    ],
    "SAGEMAKER_CODE_CHECKOUT": ["a b", "-b", "$(id)", "a;b", "a'b", "main\nid"],
    "CDK_NAG": ["on please"],
    "REMOVAL_POLICY": ["keep", "true"],
    "LOG_RETENTION_DAYS": ["31", "0", "-1", "forever"],
    "LOG_LEVEL": ["TRACE", "info!"],
    "VPC_ID": ["my-vpc", "vpc-xyz"],
    "VPC_AVAILABILITY_ZONES": ["eu-west-1", ","],
    "VPC_PRIVATE_SUBNET_IDS": ["10.0.0.0/24", ",", "subnet-1"],
    "NAT_GATEWAYS": ["0", "3", "one"],
    "CPU_ARCHITECTURE": ["sparc"],
    "WEB_CPU": ["1000", "1 vCPU"],
    "WEB_MEMORY_MIB": ["2GB", "511"],
    "WEB_COUNT": ["0", "51", "1.5"],
    "WEB_MAX_COUNT": ["-1"],
    "WORKER_CPU": ["1"],
    "WORKER_MEMORY_MIB": ["1e3"],
    "WORKER_COUNT": ["51", "-1"],
    "WORKER_MAX_COUNT": ["0"],
    "DATABASE_MIN_ACU": ["0.3", "-1", "257", "much"],
    "DATABASE_MAX_ACU": ["512", "0.5"],
    "DATABASE_PAUSE_MINUTES": ["1", "1441"],
    "DATABASE_BACKUP_DAYS": ["0", "36"],
    "BEDROCK_MODELS": ["amazon nova", ",", " , ", "a*b", "a/b"],
    "BEDROCK_QUOTAS": ["some"],
    "SAGEMAKER_ENDPOINTS": ["a_b", ",", "-a", "a b"],
    "OPENAI_SECRET_NAME": ["a b", "a*", "x" * 513],
    "MODEL_SECRET_NAMES": ["a b", ",", "a*"],
    "DOMAIN_NAME": ["https://example.com", "Example.com", "example"],
    "CERTIFICATE_ARN": ["arn:aws:acm:eu-west-1:111122223333:certificate/x", "certificate"],
    "ORIGIN_CERTIFICATE_ARN": ["certificate"],
    "HOSTED_ZONE_ID": ["example.com"],
    "SELF_SIGN_UP": ["open"],
    "ADMIN_EMAIL": ["admin", "a@b", "a b@example.com"],
    "ADMIN_INVITATION": ["sms", "letter"],
    "LOGIN_MFA": ["sometimes", "optional", "true"],
    "LOGIN_THREAT_PROTECTION": ["high"],
    "OIDC_DISCOVERY_URL": ["http://id.example.com", "id.example.com"],
    "OIDC_CLIENT_ID": ["a b"],
    "OIDC_CLIENT_SECRET_NAME": ["a b"],
    "OIDC_GROUPS_CLAIM": ["a b"],
    "OIDC_SCOPES": ["email", "email openid"],
    "OIDC_ROLES": ["team=boss", ",", "team", "=admin"],
    "WAF": ["maybe"],
    "WAF_RATE_LIMIT": ["9", "many", "-100"],
    "WAF_WEB_ACL_ARN": ["arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/a/b"],
    "ALARM_EMAIL": ["a@b", "a@example.com,b@example.com"],
    "MONTHLY_BUDGET_USD": ["12.50", "-1", "1000001"],
}


def test_nothing_set_is_the_default() -> None:
    assert read_configuration({}) == Configuration()


def test_an_empty_variable_is_not_set() -> None:
    assert read_configuration({"WEB_CPU": " ", "DOMAIN_NAME": ""}) == Configuration()


def test_everything_set() -> None:
    configuration = read_configuration(FULL)
    assert configuration.bedrock_models == ("amazon.nova-lite-v1:0", "anthropic.claude-*")
    assert configuration.database_min_acu == 0.5
    assert configuration.destroys_data is True
    assert configuration.waf is True


def test_each_variable_has_a_wrong_value_here() -> None:
    assert set(WRONG) == {row.name for row in configuration_table()}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_refused_by_name_with_what_is_accepted(name: str, value: str) -> None:
    accepts = next(row.accepts for row in configuration_table() if row.name == name)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration({name: value})
    message = str(caught.value)
    assert f"- {name} is {value.strip()!r}; accepted: {accepts}." in message
    assert "docs/deployment.md" in message


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_configuration({"WEB_CPU": "3", "LOG_LEVEL": "LOUD"})
    assert "WEB_CPU is '3'" in str(caught.value)
    assert "LOG_LEVEL is 'LOUD'" in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DEPLOY_PROMPT_APP": "false"}, "DEPLOY_SAGEMAKER_DOMAIN are both false"),
        ({"DOMAIN_NAME": "a.example.com"}, "CERTIFICATE_ARN not set"),
        ({"VPC_ID": "vpc-01234567"}, "VPC_AVAILABILITY_ZONES and VPC_PRIVATE_SUBNET_IDS not set"),
        (
            {
                "VPC_ID": "vpc-01234567",
                "VPC_AVAILABILITY_ZONES": "eu-west-1a,eu-west-1b",
                "VPC_PRIVATE_SUBNET_IDS": "subnet-01234567",
            },
            "names 2 zones and VPC_PRIVATE_SUBNET_IDS 1 subnets",
        ),
        (
            {"VPC_AVAILABILITY_ZONES": "eu-west-1a,eu-west-1a"},
            "VPC_AVAILABILITY_ZONES names one zone; accepted: at least 2.",
        ),
        (
            {"VPC_PRIVATE_SUBNET_IDS": "subnet-01234567"},
            "VPC_ID and VPC_AVAILABILITY_ZONES not set",
        ),
        ({"OIDC_CLIENT_ID": "x"}, "OIDC_DISCOVERY_URL and OIDC_CLIENT_SECRET_NAME not set"),
        (
            {"WEB_CPU": "256", "WEB_MEMORY_MIB": "1536"},
            "WEB_CPU=256: 512, 1024, 2048.",
        ),
        ({"WEB_CPU": "4096"}, "accepted with WEB_CPU=4096: 8192, 9216, "),
        ({"WORKER_MEMORY_MIB": "2500"}, "WORKER_MEMORY_MIB is 2500"),
        ({"WEB_COUNT": "5"}, "WEB_COUNT is 5; accepted: at most WEB_MAX_COUNT, which is 4"),
        ({"WORKER_COUNT": "9"}, "at most WORKER_MAX_COUNT"),
        ({"DATABASE_MIN_ACU": "8"}, "at most DATABASE_MAX_ACU, which is 4"),
        (
            {
                "WAF": "true",
                "WAF_WEB_ACL_ARN": "arn:aws:wafv2:us-east-1:111122223333:global/webacl/a/b",
            },
            "both set",
        ),
        ({"HOSTED_ZONE_ID": "Z0123456789"}, "only together with DOMAIN_NAME"),
        (
            {"ORIGIN_CERTIFICATE_ARN": "arn:aws:acm:eu-west-1:111122223333:certificate/x"},
            "only together with DOMAIN_NAME",
        ),
        (
            {
                "OIDC_DISCOVERY_URL": "https://id.example.com",
                "OIDC_CLIENT_ID": "x",
                "OIDC_CLIENT_SECRET_NAME": "y",
                "ADMIN_EMAIL": "a@example.com",
            },
            "ADMIN_EMAIL is set; accepted: only without OIDC_DISCOVERY_URL",
        ),
        (PROVIDER | {"LOGIN_MFA": "required"}, "LOGIN_MFA is set; accepted: only without OIDC_"),
        (PROVIDER | {"SELF_SIGN_UP": "true"}, "SELF_SIGN_UP is set; accepted: only without OIDC_"),
        (
            PROVIDER | {"LOGIN_THREAT_PROTECTION": "true"},
            "LOGIN_THREAT_PROTECTION is set; accepted: only without OIDC_",
        ),
        ({"OIDC_ROLES": "a=admin"}, "OIDC_ROLES is set; accepted: only together with OIDC_"),
        ({"OIDC_SCOPES": "openid x"}, "OIDC_SCOPES is set; accepted: only together with OIDC_"),
        ({"OIDC_GROUPS_CLAIM": "roles"}, "OIDC_GROUPS_CLAIM is set; accepted: only together with"),
        (
            {"ADMIN_INVITATION": "secret"},
            "ADMIN_INVITATION is set; accepted: only together with ADMIN_EMAIL",
        ),
        ({"WAF_RATE_LIMIT": "10"}, "WAF_RATE_LIMIT is set; accepted: only together with WAF"),
        (
            {"MONTHLY_BUDGET_USD": "50"},
            "MONTHLY_BUDGET_USD is set; accepted: only together with ALARM_EMAIL",
        ),
        (
            {"SAGEMAKER_CODE_REPO": "https://example.com/code.git"},
            "SAGEMAKER_CODE_REPO is set; accepted: only together with DEPLOY_SAGEMAKER_DOMAIN",
        ),
        (
            {
                "NAT_GATEWAYS": "2",
                "VPC_ID": "vpc-01234567",
                "VPC_AVAILABILITY_ZONES": "eu-west-1a,eu-west-1b",
                "VPC_PRIVATE_SUBNET_IDS": "subnet-01234567,subnet-01234568",
            },
            "NAT_GATEWAYS is set; accepted: only without VPC_ID",
        ),
        (
            {"STACK_NAME": "x" * 54, "DEPLOY_SAGEMAKER_DOMAIN": "true"},
            "STACK_NAME has 54 letters; accepted with DEPLOY_SAGEMAKER_DOMAIN=true: at most 53",
        ),
    ],
)
def test_values_that_contradict_each_other(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match="Wrong configuration") as caught:
        read_configuration(environment)
    assert message in str(caught.value)


def test_values_that_belong_together() -> None:
    read_configuration({"STACK_NAME": "x" * 64})
    read_configuration({"MONTHLY_BUDGET_USD": "0"})
    read_configuration({"MONTHLY_BUDGET_USD": "50", "ALARM_EMAIL": "a@example.com"})
    read_configuration({"VPC_AVAILABILITY_ZONES": "us-east-1a,us-east-1c"})
    read_configuration({"STACK_NAME": "x" * 53, "DEPLOY_SAGEMAKER_DOMAIN": "true"})
    read_configuration(PROVIDER | {"OIDC_ROLES": "a=admin", "OIDC_GROUPS_CLAIM": "roles"})
    read_configuration({"WEB_CPU": "256", "WEB_MEMORY_MIB": "512", "WEB_MAX_COUNT": "1"})


def test_an_unknown_name_among_the_other_settings_is_refused_with_the_nearest() -> None:
    settings = "WEB_COUT=2 OIDC_SCOPES=openid email WAF=true XYZ=1"
    with pytest.raises(ConfigurationError) as caught:
        read_configuration({"OTHER_SETTINGS": settings, "WEB_COUT": "2", "WAF": "true"})
    assert str(caught.value).splitlines()[1:-1] == [
        "- OtherSettings sets WEB_COUT, which is no variable; did you mean WEB_COUNT?",
        "- OtherSettings sets XYZ, which is no variable.",
    ]


def test_known_names_among_the_other_settings_are_taken() -> None:
    settings = " ".join(f"{name}=x" for name in sorted(VARIABLES))
    assert read_configuration({"OTHER_SETTINGS": settings}) == Configuration()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("WEB_COUT", "WEB_COUNT"), ("WEB_CUONT", "WEB_COUNT"), ("web_count", "WEB_COUNT"),
     ("REMOVAL_POLCY", "REMOVAL_POLICY"), ("BEDROCK_MODEL", "BEDROCK_MODELS")],
)  # fmt: skip
def test_a_name_like_a_variables_is_told(name: str, meant: str) -> None:
    (warning,) = misspelt({name: "2"}, VARIABLES)
    assert warning == f"{name} is set and read by nothing here; did you mean {meant}?"
    assert misspelt({name: " "}, VARIABLES) == []


def test_names_of_others_are_left_alone() -> None:
    """The app's own settings, and what shells, builds and the cdk command set."""
    others = {str(f.validation_alias) for f in Settings.model_fields.values()} - VARIABLES
    others |= {"AWS_REGION", "CDK_OUTDIR", "HOSTNAME", "OIDC_CLIENT_SECRET", "OTHER_SETTINGS"}
    others |= {"SOURCE_VERSION", "VPC_CIDR", "WEB_CONCURRENCY"} | VARIABLES
    assert misspelt(dict.fromkeys(others, "x"), VARIABLES) == []
