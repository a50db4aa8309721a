"""Each assertion on the template can fail: with one property spoiled, its test does."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deployment import Deployment, Synthesize
from infra import test_template

pytestmark = pytest.mark.xdist_group("infra")

CLASSES = {name: each for name, each in vars(test_template).items() if name.startswith("Test")}
TESTS = {
    name: (of, test)
    for of in CLASSES.values()
    for name, test in vars(of).items()
    if name.startswith("test_")
}

Spoil = Callable[[dict[str, Any]], None]
ANY = object()
"""Of a list: each element."""


def put(kind: str, *path: Any, to: Any, having: str = "") -> Spoil:
    """Sets what ``path`` leads to below the properties of each resource of this type whose
    logical id contains ``having``."""

    def change(value: Any, steps: tuple[Any, ...]) -> None:
        first, *rest = steps
        for key in range(len(value)) if first is ANY else [first]:
            if rest:
                change(value[key], tuple(rest))
            else:
                value[key] = to

    def spoil(template: dict[str, Any]) -> None:
        for name, resource in template["Resources"].items():
            if resource["Type"] == kind and having in name:
                change(resource["Properties"], path)

    return spoil


def add(kind: str, *path: Any, value: Any, having: str = "") -> Spoil:
    """Appends to the list that ``path`` leads to."""

    def spoil(template: dict[str, Any]) -> None:
        for name, resource in template["Resources"].items():
            if resource["Type"] == kind and having in name:
                at = resource["Properties"]
                for step in path:
                    at = at[step]
                at.append(value)

    return spoil


def kept_as(kind: str, policy: str) -> Spoil:
    """Another deletion policy."""

    def spoil(template: dict[str, Any]) -> None:
        for resource in template["Resources"].values():
            if resource["Type"] == kind:
                resource["DeletionPolicy"] = policy

    return spoil


def granted(role: str, action: str, resource: str = "*") -> Spoil:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return add("AWS::IAM::Policy", "PolicyDocument", "Statement", value=statement, having=role)


def told(task: str, name: str, value: str) -> Spoil:
    """A variable of the task, in place of one of that name."""

    def spoil(template: dict[str, Any]) -> None:
        for logical, resource in template["Resources"].items():
            if resource["Type"] == "AWS::ECS::TaskDefinition" and task in logical:
                for app in resource["Properties"]["ContainerDefinitions"]:
                    app["Environment"] = [
                        *(v for v in app["Environment"] if v["Name"] != name),
                        {"Name": name, "Value": value},
                    ]

    return spoil


def without(kind: str, having: str = "") -> Spoil:
    def spoil(template: dict[str, Any]) -> None:
        for name, resource in list(template["Resources"].items()):
            if resource["Type"] == kind and having in name:
                del template["Resources"][name]

    return spoil


SERVICE, TASK = "AWS::ECS::Service", "AWS::ECS::TaskDefinition"
GROUP, INGRESS = "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"
BUCKET, CLUSTER = "AWS::S3::Bucket", "AWS::RDS::DBCluster"
EDGE, CONFIG = "AWS::CloudFront::Distribution", "DistributionConfig"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
POLICY, ALARM = "AWS::IAM::Policy", "AWS::CloudWatch::Alarm"
POOL, CLIENT = "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"
STATEMENTS = ("PolicyDocument", "Statement")
KEY = ("CachePolicyConfig", "ParametersInCacheKeyAndForwardedToOrigin")
ANYWHERE = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
CONTROLS: list[tuple[str, Spoil]] = [
    ("the_load_balancer_is_internal_and_in_private_subnets",
     put(BALANCER, "Scheme", to="internet-facing")),
    ("no_security_group_admits_an_address", put(GROUP, "SecurityGroupIngress", to=[ANYWHERE])),
    ("no_security_group_admits_an_address", put(INGRESS, "CidrIp", to="0.0.0.0/0")),
    ("only_cloudfront_reaches_the_load_balancer",
     put(INGRESS, "SourceSecurityGroupId", to="sg-1", having="FromCloudFront")),
    ("the_distribution_reaches_it_inside_the_vpc",
     put(EDGE, CONFIG, "Origins", 0, to={"CustomOriginConfig": {}})),
    ("tasks_have_no_public_address",
     put(SERVICE, "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp", to="ENABLED",
         having="Workers")),
    ("buckets_block_public_access",
     put(BUCKET, "PublicAccessBlockConfiguration", "BlockPublicPolicy", to=False, having="Logs")),
    ("the_database_is_isolated_and_for_the_tasks_alone",
     put("AWS::RDS::DBInstance", "PubliclyAccessible", to=True)),
    ("tasks_speak_only_https_and_postgresql_outwards",
     add(GROUP, "SecurityGroupEgress", value=ANYWHERE, having="WorkersTask")),
    ("plain_connections_are_denied",
     put("AWS::S3::BucketPolicy", *STATEMENTS, ANY, "Effect", to="Allow")),
    ("plain_connections_are_denied",
     put("AWS::SQS::QueuePolicy", *STATEMENTS, ANY, "Condition", to={})),
    ("browsers_are_sent_to_https",
     put(EDGE, CONFIG, "CacheBehaviors", 0, "ViewerProtocolPolicy", to="allow-all")),
    ("the_database_refuses_plain_connections_and_tasks_check_its_certificate",
     put("AWS::RDS::DBClusterParameterGroup", "Parameters", "rds.force_ssl", to="0")),
    ("the_database_refuses_plain_connections_and_tasks_check_its_certificate",
     told("Workers", "PGSSLMODE", "require")),
    ("a_custom_domain_has_tls_1_2_and_tls_to_the_load_balancer",
     put(EDGE, CONFIG, "ViewerCertificate", to={"MinimumProtocolVersion": "TLSv1"})),
    ("everything_at_rest_is_encrypted", put(CLUSTER, "StorageEncrypted", to=False)),
    ("everything_at_rest_is_encrypted", put("AWS::SQS::Queue", "SqsManagedSseEnabled", to=False)),
    ("security_headers",
     put("AWS::CloudFront::ResponseHeadersPolicy", "ResponseHeadersPolicyConfig",
         "SecurityHeadersConfig", "FrameOptions", "FrameOption", to="ALLOW")),
    ("static_files_are_kept_long_and_compressed",
     put(EDGE, CONFIG, "CacheBehaviors", 0, "Compress", to=False)),
    ("static_files_are_kept_long_and_compressed",
     put("AWS::CloudFront::CachePolicy", *KEY, "CookiesConfig", "CookieBehavior", to="all")),
    ("static_files_are_fetched_without_cookies",
     put(EDGE, CONFIG, "CacheBehaviors", 0, "OriginRequestPolicyId", to="all")),
    ("the_rest_is_never_cached_and_keeps_the_viewers_host",
     put(EDGE, CONFIG, "DefaultCacheBehavior", "CachePolicyId", to="cached")),
    ("access_is_logged_to_a_bucket",
     put(BALANCER, "LoadBalancerAttributes", ANY, "Value", to="false")),
    ("a_web_acl_is_optional", put(EDGE, CONFIG, "WebACLId", to="always")),
    ("names_in_cloudfront_differ_by_region",
     put("AWS::CloudFront::VpcOrigin", "VpcOriginEndpointConfig", "Name", to="PromptAppOrigin")),
    ("runs_as_nobody_in_particular_on_a_read_only_file_system",
     put(TASK, "ContainerDefinitions", ANY, "ReadonlyRootFilesystem", to=False)),
    ("runs_as_nobody_in_particular_on_a_read_only_file_system",
     put(TASK, "ContainerDefinitions", ANY, "User", to="root")),
    ("the_web_task_is_probed_by_its_health_path",
     put("AWS::ElasticLoadBalancingV2::TargetGroup", "HealthCheckPath", to="/")),
    ("secrets_come_from_secrets_manager_only", told("Web", "OPENAI_API_KEY", "sk-1")),
    ("variables_are_those_that_the_app_reads", told("Task", "PROMPT_APP_UNKNOWN", "1")),
    ("a_failed_deployment_is_rolled_back",
     put(SERVICE, "DeploymentConfiguration", "DeploymentCircuitBreaker", "Rollback", to=False)),
    ("sizes_counts_and_processor_are_configured",
     put(TASK, "RuntimePlatform", "CpuArchitecture", to="X86_64")),
    ("pauses_to_zero_by_default",
     put(CLUSTER, "ServerlessV2ScalingConfiguration", "MinCapacity", to=1)),
    ("tasks_let_go_of_one_that_pauses", told("Task", "PROMPT_APP_IDLE_SECONDS", "601")),
    ("its_password_is_generated_and_nowhere_in_the_template",
     put(CLUSTER, "MasterUserPassword", to="secret")),
    ("each_kind_of_task_has_a_user_of_its_own_and_none_is_the_owner",
     put(TASK, "ContainerDefinitions", 0, "Secrets", ANY, "ValueFrom", to="<Database",
         having="Workers")),
    ("the_owner_prepares_it_before_the_app_starts",
     put(TASK, "ContainerDefinitions", 0, "DependsOn", to=[])),
    ("the_owner_prepares_it_before_the_app_starts",
     put("AWS::SecretsManager::Secret", "GenerateSecretString", "SecretStringTemplate",
         to='{"username":"prompt_app"}', having="DatabaseW")),
    ("is_retained_unless_asked_otherwise", kept_as(BUCKET, "Delete")),
    ("is_retained_unless_asked_otherwise", kept_as(CLUSTER, "Delete")),
    ("is_retained_unless_asked_otherwise", put(POOL, "DeletionProtection", to="INACTIVE")),
    ("the_bucket_keeps_versions", put(BUCKET, "VersioningConfiguration", to={})),
    ("logs_expire", put("AWS::Logs::LogGroup", "RetentionInDays", to=3653)),
    ("logs_expire", put("AWS::Lambda::Function", "LoggingConfig", "LogGroup", to={"Ref": "x"})),
    ("what_aurora_exports_expires",
     put("Custom::AWS", "Create", to="", having="DatabaseLogRetention")),
    ("web_task", granted("WebTask", "s3:GetObject")),
    ("worker_task", granted("WorkersTask", "sqs:PurgeQueue")),
    ("every_call_of_the_app_is_granted_and_every_grant_is_called",
     granted("WebTask", "s3:DeleteBucket")),
    ("a_role_is_passed_to_bedrock_only", put(POLICY, *STATEMENTS, ANY, "Condition", to={})),
    ("quotas_are_read_where_runs_keep_to_them",
     granted("WebTask", "servicequotas:ListServiceQuotas")),
    ("jobs_are_told_the_roles_and_places_that_they_are_granted",
     told("Workers", "PROMPT_APP_BATCH_URL", "s3://elsewhere/batch")),
    ("one_exact_model_may_be_trained_by_its_name_with_a_context_size",
     granted("WebTask", "bedrock:CreateModelCustomizationJob", "x:foundation-model/other")),
    ("execution_role", granted("ExecutionRole", "secretsmanager:GetSecretValue")),
    ("further_secrets_are_those_configured", granted("Task", "secretsmanager:GetSecretValue")),
    ("a_jobs_role_is_for_this_accounts_jobs_and_their_files",
     put("AWS::IAM::Role", "AssumeRolePolicyDocument", "Statement", 0, "Condition",
         to={"StringEquals": {}, "ArnLike": {"aws:SourceArn": "*"}}, having="Models")),
    ("a_jobs_role_is_for_this_accounts_jobs_and_their_files", granted("Models", "s3:GetObject")),
    ("the_models_and_endpoints_are_those_configured",
     granted("WebTask", "bedrock:InvokeModel", "x/other")),
    ("no_role_has_a_wildcard_action", granted("Workers", "sqs:*")),
    ("the_pool", put(POOL, "Policies", "PasswordPolicy", "RequireUppercase", to=False)),
    ("the_pool", put(POOL, "MfaConfiguration", to="OPTIONAL")),
    ("self_sign_up_is_configured",
     put(POOL, "AdminCreateUserConfig", "AllowAdminCreateUserOnly", to=True)),
    ("the_client", put(CLIENT, "AllowedOAuthFlows", to=["code", "implicit"])),
    ("the_client", put(CLIENT, "CallbackURLs", to=["https://elsewhere.example.com"])),
    ("its_secret_goes_straight_to_secrets_manager",
     put("AWS::SecretsManager::Secret", "SecretString", to="x", having="LoginClientSecret")),
    ("what_the_app_is_told", told("Workers", "PROMPT_APP_OIDC_CLIENT_ID", "x")),
    ("the_first_admin_by_mail",
     put("AWS::Cognito::UserPoolUser", "DesiredDeliveryMediums", to=["SMS"])),
    ("the_first_admin_by_secret",
     put("Custom::AdminPassword", "Password", to="secret")),
    ("another_provider", told("Web", "PROMPT_APP_OIDC_SCOPES", "openid")),
    ("a_message_that_fails_becomes_a_dead_letter",
     put("AWS::SQS::Queue", "RedrivePolicy", to={"deadLetterTargetArn": "x"}, having="RunsQueue")),
    ("workers_follow_the_queue", without(ALARM, "QueueLower")),
    ("alarms_are_mailed_where_an_address_is_given", put(ALARM, "AlarmActions", to=[])),
    ("what_an_alarm_waits_for", put(ALARM, "Threshold", to=1000)),
    ("what_an_alarm_waits_for", put(ALARM, "TreatMissingData", to="ignore")),
    ("spend_is_watched", without("AWS::Budgets::Budget")),
    ("an_existing_vpc_is_used_as_it_is",
     put(SERVICE, "NetworkConfiguration", "AwsvpcConfiguration", "Subnets", to=["subnet-1"])),
    ("a_new_one_is_as_small_as_configured", without("AWS::EC2::NatGateway")),
    (
        "it_lies_in_the_zones_that_are_named",
        put("AWS::EC2::Subnet", "AvailabilityZone", to="us-east-1b"),
    ),
    ("alone", put("AWS::SageMaker::Domain", "AuthMode", to="SSO")),
    ("is_plain_cloudformation",
     put("AWS::SageMaker::Domain", "AppNetworkAccessType", to="PublicInternetOnly")),
    ("its_role", granted("Studio", "s3:GetObject")),
]  # fmt: skip


def cases(test: Callable[..., None]) -> list[dict[str, Any]]:
    """The arguments that pytest would call it with, beside fixtures."""
    found: list[dict[str, Any]] = [{}]
    for mark in getattr(test, "pytestmark", []):
        names, values = mark.args[0], mark.args[1]
        names = [names] if isinstance(names, str) else list(names)
        names = [part.strip() for name in names for part in name.split(",")]
        rows = [value if len(names) > 1 else (value,) for value in values]
        found = [{**one, **dict(zip(names, row, strict=True))} for one in found for row in rows]
    return found


def test_every_assertion_has_one() -> None:
    assert {f"test_{name}" for name, _ in CONTROLS} == set(TESTS)


@pytest.mark.parametrize(
    ("name", "spoil"), CONTROLS, ids=[f"{name}-{n}" for n, (name, _) in enumerate(CONTROLS)]
)
def test_a_spoiled_template_fails(
    name: str, spoil: Spoil, default: Deployment, full: Deployment, synthesize: Synthesize,
    tmp_path: Path,
) -> None:  # fmt: skip
    def spoiled(deployment: Deployment) -> Deployment:
        template = copy.deepcopy(deployment.template)
        spoil(template)
        return replace(deployment, template=template)

    class Request:
        def getfixturevalue(self, which: str) -> Deployment:
            return spoiled({"default": default, "full": full}[which])

    fixtures = {
        "tmp_path": tmp_path,
        "default": spoiled(default),
        "full": spoiled(full),
        "synthesize": lambda *args, **more: spoiled(synthesize(*args, **more)),
        "request": Request(),
    }
    of, test = TESTS[f"test_{name}"]
    wanted = set(inspect.signature(test).parameters)
    failed = 0
    for case in cases(test):
        try:
            test(of(), **{k: v for k, v in fixtures.items() if k in wanted}, **case)
        except AssertionError:
            failed += 1
    assert failed > 0
