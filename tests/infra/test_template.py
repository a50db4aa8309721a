"""Security properties of the synthesized deployment, one test each."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from deployment import ROOT, Deployment, Synthesize
from pydantic import AliasChoices

from prompt_app.settings import Settings

pytestmark = pytest.mark.xdist_group("infra")

TASKS = "AWS::ECS::TaskDefinition"


def text(value: Any) -> str:
    """A template value with its references in angle brackets."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::GetAtt" in value:
        return "<" + ".".join(value["Fn::GetAtt"]) + ">"
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator.join(text(part) for part in parts))
    return json.dumps(value)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(deployment: Deployment, role: str) -> dict[str, set[str]]:
    """Action -> resources that the policies of a role allow."""
    actions: dict[str, set[str]] = {}
    for statement in deployment.statements(role):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            actions.setdefault(action, set()).update(map(text, listed(statement["Resource"])))
    return actions


def container(deployment: Deployment, task: str, name: str = "App") -> dict[str, Any]:
    definition = deployment.only(TASKS, task)
    (found,) = (c for c in definition["ContainerDefinitions"] if c["Name"] == name)
    assert isinstance(found, dict)
    return found


def variables(deployment: Deployment, task: str) -> dict[str, str]:
    return {v["Name"]: text(v["Value"]) for v in container(deployment, task)["Environment"]}


def secrets(deployment: Deployment, task: str, name: str = "App") -> dict[str, str]:
    """Variable -> where its secret comes from."""
    given = container(deployment, task, name)["Secrets"]
    return {s["Name"]: text(s["ValueFrom"]) for s in given}


def called_operations() -> set[str]:
    """Actions of IAM for the operations that the app's modules with an AWS client name."""
    others = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}
    code = [path.read_text("utf-8") for path in (ROOT / "prompt_app").rglob("*.py")
            if "mock" not in path.parts]  # fmt: skip
    code = [text for text in code if "import boto3" in text]
    assert len(code) > 5
    found = set()
    for service in ("bedrock", "s3", "sagemaker", "secretsmanager", "service-quotas"):
        for operation in botocore.session.get_session().get_service_model(service).operation_names:
            name = xform_name(operation)
            pattern = re.compile(rf"""\.{name}\(|["']{name}["']""")
            if any(pattern.search(text) for text in code):
                action = others.get(operation, operation)
                found.add(f"{service.replace('-', '')}:{action}")
    if any("upload_fileobj" in text for text in code):
        found.add("s3:PutObject")
    return found


class TestNothingIsPublic:
    def test_the_load_balancer_is_internal_and_in_private_subnets(
        self, default: Deployment
    ) -> None:
        balancer = default.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
        assert balancer["Scheme"] == "internal"
        assert all("PrivateSubnet" in subnet["Ref"] for subnet in balancer["Subnets"])

    @pytest.mark.parametrize("which", ["default", "full"])
    def test_no_security_group_admits_an_address(
        self, which: str, request: pytest.FixtureRequest
    ) -> None:
        deployment: Deployment = request.getfixturevalue(which)
        for name, group in deployment.resources("AWS::EC2::SecurityGroup").items():
            for rule in group.get("SecurityGroupIngress", []):
                assert "CidrIp" not in rule, name
                assert "CidrIpv6" not in rule, name
        for name, rule in deployment.resources("AWS::EC2::SecurityGroupIngress").items():
            assert "SourceSecurityGroupId" in rule, name
            assert "CidrIp" not in rule, name

    def test_only_cloudfront_reaches_the_load_balancer(self, default: Deployment) -> None:
        rules = [
            rule
            for rule in default.resources("AWS::EC2::SecurityGroupIngress").values()
            if "LoadBalancer" in text(rule["GroupId"])
        ]
        assert len(rules) == 1
        assert text(rules[0]["SourceSecurityGroupId"]) == (
            "<EdgeOriginSecurityGroup928CE321.SecurityGroups.0.GroupId>"
        )
        lookup = default.only("Custom::AWS", "OriginSecurityGroup")
        assert "CloudFront-VPCOrigins-Service-SG" in text(lookup["Create"])

    def test_the_distribution_reaches_it_inside_the_vpc(self, default: Deployment) -> None:
        (origin,) = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]["Origins"]
        assert "VpcOriginConfig" in origin
        assert "CustomOriginConfig" not in origin
        endpoint = default.only("AWS::CloudFront::VpcOrigin")["VpcOriginEndpointConfig"]
        assert "LoadBalancer" in text(endpoint["Arn"])

    def test_tasks_have_no_public_address(self, default: Deployment) -> None:
        services = default.resources("AWS::ECS::Service")
        assert len(services) == 2
        for service in services.values():
            network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
            assert network["AssignPublicIp"] == "DISABLED"
            assert all("PrivateSubnet" in subnet["Ref"] for subnet in network["Subnets"])

    @pytest.mark.parametrize("which", ["default", "full"])
    def test_buckets_block_public_access(self, which: str, request: pytest.FixtureRequest) -> None:
        deployment: Deployment = request.getfixturevalue(which)
        buckets = deployment.resources("AWS::S3::Bucket")
        assert len(buckets) == 2
        for bucket in buckets.values():
            assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
            assert "AccessControl" not in bucket

    def test_the_database_is_isolated_and_for_the_tasks_alone(self, default: Deployment) -> None:
        subnets = default.only("AWS::RDS::DBSubnetGroup")["SubnetIds"]
        assert all("IsolatedSubnet" in text(subnet) for subnet in subnets)
        assert default.only("AWS::RDS::DBInstance")["PubliclyAccessible"] is False
        sources = {
            text(rule["SourceSecurityGroupId"])
            for rule in default.resources("AWS::EC2::SecurityGroupIngress").values()
            if "Database" in text(rule["GroupId"])
        }
        assert len(sources) == 2
        assert all(source.startswith(("<WebTask", "<WorkersTask")) for source in sources)

    def test_tasks_speak_only_https_and_postgresql_outwards(self, default: Deployment) -> None:
        tasks = {n: g for n, g in default.resources("AWS::EC2::SecurityGroup").items()
                 if "Task" in n}  # fmt: skip
        assert len(tasks) == 2
        apart = default.resources("AWS::EC2::SecurityGroupEgress").values()
        for name, group in tasks.items():
            rules = [*group["SecurityGroupEgress"],
                     *(rule for rule in apart if name in text(rule["GroupId"]))]  # fmt: skip
            assert [
                (r["IpProtocol"], r["FromPort"], r["ToPort"],
                 r.get("CidrIp") or text(r["DestinationSecurityGroupId"]))
                for r in rules
            ] == [
                ("tcp", 443, 443, "0.0.0.0/0"),
                ("tcp", 5432, 5432, "<DatabaseSecurityGroup5C91FDCB.GroupId>"),
            ]  # fmt: skip


class TestTlsAndEncryption:
    @pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"])
    def test_plain_connections_are_denied(self, default: Deployment, kind: str) -> None:
        policies = default.resources(kind)
        assert len(policies) == 2
        for policy in policies.values():
            assert any(
                statement["Effect"] == "Deny"
                and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in policy["PolicyDocument"]["Statement"]
            )

    def test_browsers_are_sent_to_https(self, default: Deployment) -> None:
        config = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        behaviors = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
        assert {b["ViewerProtocolPolicy"] for b in behaviors} == {"redirect-to-https"}

    def test_the_database_refuses_plain_connections_and_tasks_check_its_certificate(
        self, default: Deployment
    ) -> None:
        parameters = default.only("AWS::RDS::DBClusterParameterGroup")["Parameters"]
        assert parameters == {"rds.force_ssl": "1"}
        for task in ("Web", "Workers"):
            assert variables(default, task)["PGSSLMODE"] == "verify-full"

    def test_a_custom_domain_has_tls_1_2_and_tls_to_the_load_balancer(
        self, full: Deployment
    ) -> None:
        config = full.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        assert config["Aliases"] == ["prompts.example.com"]
        assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
        assert config["Origins"][0]["DomainName"] == "prompts.example.com"
        listener = full.only("AWS::ElasticLoadBalancingV2::Listener")
        assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
        endpoint = full.only("AWS::CloudFront::VpcOrigin")["VpcOriginEndpointConfig"]
        assert endpoint["OriginProtocolPolicy"] == "https-only"
        records = full.resources("AWS::Route53::RecordSet").values()
        assert {record["Type"] for record in records} == {"A", "AAAA"}

    def test_everything_at_rest_is_encrypted(self, full: Deployment) -> None:
        assert full.only("AWS::RDS::DBCluster")["StorageEncrypted"] is True
        for bucket in full.resources("AWS::S3::Bucket").values():
            assert bucket["BucketEncryption"]
        queues = full.resources("AWS::SQS::Queue")
        assert len(queues) == 2
        assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
        assert full.only("AWS::SNS::Topic")["KmsMasterKeyId"]
        assert full.only("AWS::KMS::Key")["EnableKeyRotation"] is True


class TestEdge:
    def test_security_headers(self, default: Deployment) -> None:
        policy = default.only("AWS::CloudFront::ResponseHeadersPolicy")
        config = policy["ResponseHeadersPolicyConfig"]
        headers = config["SecurityHeadersConfig"]
        assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 365 * 86400
        assert headers["ContentTypeOptions"]["Override"] is True
        assert headers["FrameOptions"]["FrameOption"] == "SAMEORIGIN"
        assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "same-origin"
        assert (
            "frame-ancestors 'self'" in (headers["ContentSecurityPolicy"]["ContentSecurityPolicy"])
        )
        assert config["CustomHeadersConfig"]["Items"][0]["Header"] == "Permissions-Policy"
        distribution = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        used = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
        assert all("SecurityHeaders" in text(b["ResponseHeadersPolicyId"]) for b in used)

    def test_static_files_are_kept_long_and_compressed(self, default: Deployment) -> None:
        distribution = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        (static,) = distribution["CacheBehaviors"]
        assert static["PathPattern"] == "/static/*"
        assert static["Compress"] is True
        cache = default.only("AWS::CloudFront::CachePolicy")["CachePolicyConfig"]
        assert cache["DefaultTTL"] >= 30 * 86400
        key = cache["ParametersInCacheKeyAndForwardedToOrigin"]
        assert key["EnableAcceptEncodingBrotli"] is True
        assert key["EnableAcceptEncodingGzip"] is True
        assert key["CookiesConfig"]["CookieBehavior"] == "none"
        assert key["HeadersConfig"]["HeaderBehavior"] == "none"
        assert key["QueryStringsConfig"]["QueryStringBehavior"] == "none"

    def test_static_files_are_fetched_without_cookies(self, default: Deployment) -> None:
        """Only then CloudFront drops the load balancer's own cookie from what it keeps."""
        distribution = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        (static,) = distribution["CacheBehaviors"]
        assert "OriginRequestPolicyId" not in static

    def test_the_rest_is_never_cached_and_keeps_the_viewers_host(self, default: Deployment) -> None:
        distribution = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        behavior = distribution["DefaultCacheBehavior"]
        # The ids of AWS' own policies CachingDisabled and AllViewer.
        assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert behavior["OriginRequestPolicyId"] == "216adef6-5c7f-47e4-b989-5492eafa07d3"
        errors = distribution["CustomErrorResponses"]
        assert {error["ErrorCachingMinTTL"] for error in errors} == {0}

    def test_access_is_logged_to_a_bucket(self, default: Deployment) -> None:
        distribution = default.only("AWS::CloudFront::Distribution")["DistributionConfig"]
        assert "DataLogs" in text(distribution["Logging"]["Bucket"])
        attributes = {
            a["Key"]: text(a["Value"])
            for a in default.only("AWS::ElasticLoadBalancingV2::LoadBalancer")[
                "LoadBalancerAttributes"
            ]
        }
        assert attributes["access_logs.s3.enabled"] == "true"
        assert "DataLogs" in attributes["access_logs.s3.bucket"]
        assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
        data = next(
            bucket
            for name, bucket in default.resources("AWS::S3::Bucket").items()
            if "LoggingConfiguration" in bucket
        )
        assert "DataLogs" in text(data["LoggingConfiguration"]["DestinationBucketName"])
        expiry = default.only("AWS::S3::Bucket", "Logs")["LifecycleConfiguration"]["Rules"]
        assert expiry[0]["ExpirationInDays"] == 90

    def test_a_web_acl_is_optional(
        self, default: Deployment, full: Deployment, synthesize: Synthesize
    ) -> None:
        def acl(deployment: Deployment) -> Any:
            distribution = deployment.only("AWS::CloudFront::Distribution")
            return distribution["DistributionConfig"].get("WebACLId")

        assert acl(default) is None
        assert "WebAcl" in text(acl(full))
        assert full.only("AWS::WAFv2::WebACL")["Scope"] == "CLOUDFRONT"
        (limit,) = [
            rule["Statement"]["RateBasedStatement"]
            for rule in full.only("AWS::WAFv2::WebACL")["Rules"]
            if rule["Name"] == "RateLimit"
        ]
        assert (limit["Limit"], limit["EvaluationWindowSec"]) == (500, 300)
        (rule,) = [r for name, r in full.template["Rules"].items() if "WafRegion" in name]
        assert "us-east-1" in rule["Assertions"][0]["AssertDescription"]
        arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/mine/1"
        assert acl(synthesize({"WAF_WEB_ACL_ARN": arn})) == arn

    def test_names_in_cloudfront_differ_by_region(self, default: Deployment) -> None:
        """They are the account's: the same stack in a second region would else be refused."""
        named = {
            "CachePolicy": "CachePolicyConfig",
            "ResponseHeadersPolicy": "ResponseHeadersPolicyConfig",
            "VpcOrigin": "VpcOriginEndpointConfig",
        }
        for kind, config in named.items():
            name = text(default.only(f"AWS::CloudFront::{kind}")[config]["Name"])
            assert name.startswith("PromptApp"), kind
            assert name.endswith("-<AWS::Region>"), kind


class TestContainers:
    @pytest.mark.parametrize("task", ["Web", "Workers"])
    def test_runs_as_nobody_in_particular_on_a_read_only_file_system(
        self, default: Deployment, task: str
    ) -> None:
        definition = default.only(TASKS, task)
        for app in definition["ContainerDefinitions"]:
            assert app["User"] == "10001:10001"
            assert app["ReadonlyRootFilesystem"] is True
            assert app.get("Privileged") is None
            writable = {m["ContainerPath"] for m in app["MountPoints"] if not m["ReadOnly"]}
            assert writable == {"/data", "/tmp"}
            assert app["LogConfiguration"]["LogDriver"] == "awslogs"

    def test_the_web_task_is_probed_by_its_health_path(self, default: Deployment) -> None:
        app = container(default, "Web")
        assert app["Command"] == ["prompt-app", "start", "--no-worker", "--no-browser"]
        assert "/_stcore/health" in app["HealthCheck"]["Command"][-1]
        target = default.only("AWS::ElasticLoadBalancingV2::TargetGroup")
        assert target["HealthCheckPath"] == "/_stcore/health"
        assert target["Port"] == 8501
        attributes = {a["Key"]: a["Value"] for a in target["TargetGroupAttributes"]}
        assert attributes["stickiness.enabled"] == "true"
        assert container(default, "Workers")["Command"] == ["prompt-app", "worker"]

    @pytest.mark.parametrize("which", ["default", "full"])
    def test_secrets_come_from_secrets_manager_only(
        self, which: str, request: pytest.FixtureRequest
    ) -> None:
        deployment: Deployment = request.getfixturevalue(which)
        assert set(secrets(deployment, "Web")) == {
            "PGUSER",
            "PGPASSWORD",
            "STREAMLIT_SERVER_COOKIE_SECRET",
            "PROMPT_APP_OIDC_CLIENT_SECRET",
        }
        for task in ("Web", "Workers"):
            plain = variables(deployment, task)
            words = ("PASSWORD", "API_KEY", "CLIENT_SECRET", "COOKIE")
            assert not [name for name in plain if any(word in name for word in words)]
            assert plain["DATABASE_URL"] == "postgresql+psycopg://"

    @pytest.mark.parametrize("task", ["Web", "Workers"])
    def test_variables_are_those_that_the_app_reads(self, default: Deployment, task: str) -> None:
        read = {
            name
            for field in Settings.model_fields.values()
            for name in (
                field.validation_alias.choices
                if isinstance(field.validation_alias, AliasChoices)
                else [field.validation_alias]
            )
        }
        others = {
            name
            for name in set(variables(default, task)) | set(secrets(default, task))
            if not name.startswith("PG")  # libpq's own
        } - read
        assert others == set()

    def test_a_failed_deployment_is_rolled_back(self, default: Deployment) -> None:
        for service in default.resources("AWS::ECS::Service").values():
            breaker = service["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
            assert breaker == {"Enable": True, "Rollback": True}

    def test_sizes_counts_and_processor_are_configured(
        self, full: Deployment, synthesize: Synthesize
    ) -> None:
        platform = full.only(TASKS, "Web")["RuntimePlatform"]
        assert platform["CpuArchitecture"] == "ARM64"
        targets = full.resources("AWS::ApplicationAutoScaling::ScalableTarget")
        assert sorted((t["MinCapacity"], t["MaxCapacity"]) for t in targets.values()) == [
            (0, 4),
            (1, 4),
        ]


class TestDatabase:
    def test_pauses_to_zero_by_default(self, default: Deployment, full: Deployment) -> None:
        scaling = default.only("AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
        assert scaling == {"MinCapacity": 0, "MaxCapacity": 4, "SecondsUntilAutoPause": 600}
        scaling = full.only("AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
        assert scaling == {"MinCapacity": 0.5, "MaxCapacity": 4}

    @pytest.mark.parametrize("task", ["Web", "Workers"])
    def test_tasks_let_go_of_one_that_pauses(
        self, default: Deployment, full: Deployment, task: str
    ) -> None:
        pause = default.only("AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
        idle = float(variables(default, task)["PROMPT_APP_IDLE_SECONDS"])
        assert idle < pause["SecondsUntilAutoPause"]
        assert "PROMPT_APP_IDLE_SECONDS" not in variables(full, task)

    def test_its_password_is_generated_and_nowhere_in_the_template(
        self, default: Deployment
    ) -> None:
        cluster = default.only("AWS::RDS::DBCluster")
        assert text(cluster["MasterUserPassword"]).startswith("{{resolve:secretsmanager:")
        made = default.resources("AWS::SecretsManager::Secret")
        made = {name: secret for name, secret in made.items() if "Database" in name}
        assert len(made) == 3
        for secret in made.values():
            assert secret["GenerateSecretString"]["GenerateStringKey"] == "password"

    def test_each_kind_of_task_has_a_user_of_its_own_and_none_is_the_owner(
        self, default: Deployment
    ) -> None:
        for name in ("PGUSER", "PGPASSWORD"):
            own = [secrets(default, task)[name] for task in ("Web", "Workers")]
            assert "DatabaseWebUser" in own[0]
            assert "DatabaseWorkerUser" in own[1]
            assert "DatabaseClusterSecret" in secrets(default, "Web", "Preparation")[name]
        assert len(default.only(TASKS, "Workers")["ContainerDefinitions"]) == 1

    def test_the_owner_prepares_it_before_the_app_starts(
        self, default: Deployment, tmp_path: Path
    ) -> None:
        preparation = container(default, "Web", "Preparation")
        assert preparation["Essential"] is False
        assert container(default, "Web")["DependsOn"] == [
            {"Condition": "SUCCESS", "ContainerName": "Preparation"}
        ]
        (workers,) = (
            resource
            for name, resource in default.template["Resources"].items()
            if name.startswith("WorkersService") and resource["Type"] == "AWS::ECS::Service"
        )
        assert any(name.startswith("WebService") for name in workers["DependsOn"])
        stub = tmp_path / "prompt-app"
        stub.write_text('#!/bin/sh\necho "$*"; echo "$PROMPT_APP_DATABASE_USERS"\n')
        stub.chmod(0o755)
        done = subprocess.run(
            preparation["Command"],
            env={"PATH": f"{tmp_path}:/bin", "WEB_PASSWORD": "a-1", "WORKER_PASSWORD": "b.2"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        command, users = done.stdout.splitlines()
        assert command == "migrate"
        names = {
            made["GenerateSecretString"]["SecretStringTemplate"]
            for name, made in default.resources("AWS::SecretsManager::Secret").items()
            if "WebUser" in name or "WorkerUser" in name
        }
        assert names == {
            json.dumps({"username": name}, separators=(",", ":")) for name in json.loads(users)
        }
        assert Settings.model_validate({"PROMPT_APP_DATABASE_USERS": json.loads(users)})
        assert json.loads(users) == {"prompt_app_web": "a-1", "prompt_app_worker": "b.2"}


class TestData:
    @staticmethod
    def policies(deployment: Deployment, kind: str) -> set[str]:
        return {
            resource.get("DeletionPolicy", "Delete")
            for resource in deployment.template["Resources"].values()
            if resource["Type"] == kind
        }

    def test_is_retained_unless_asked_otherwise(
        self, default: Deployment, full: Deployment, synthesize: Synthesize
    ) -> None:
        kept = {
            "AWS::S3::Bucket": "Retain",
            "AWS::Cognito::UserPool": "Retain",
            "AWS::Cognito::UserPoolGroup": "Retain",
            "AWS::RDS::DBCluster": "Snapshot",
        }
        for kind, policy in kept.items():
            assert self.policies(default, kind) == {policy}, kind
            assert self.policies(full, kind) == {"Delete"}, kind
        invited = synthesize({"ADMIN_EMAIL": "admin@example.com"})
        for kind in ("AWS::Cognito::UserPoolUser", "AWS::Cognito::UserPoolUserToGroupAttachment"):
            assert self.policies(invited, kind) == {"Retain"}, kind
            assert self.policies(full, kind) == {"Delete"}, kind
        assert default.only("AWS::Cognito::UserPool")["DeletionProtection"] == "ACTIVE"
        assert not default.resources("Custom::S3AutoDeleteObjects")
        assert len(full.resources("Custom::S3AutoDeleteObjects")) == 2

    def test_the_bucket_keeps_versions(self, default: Deployment) -> None:
        (data,) = [
            bucket
            for name, bucket in default.resources("AWS::S3::Bucket").items()
            if "Logs" not in name
        ]
        assert data["VersioningConfiguration"] == {"Status": "Enabled"}

    @pytest.mark.parametrize("which", ["default", "full"])
    def test_logs_expire(self, which: str, request: pytest.FixtureRequest) -> None:
        deployment: Deployment = request.getfixturevalue(which)
        groups = deployment.resources("AWS::Logs::LogGroup")
        assert len(groups) == 4
        assert {group["RetentionInDays"] for group in groups.values()} == {90}
        functions = deployment.resources("AWS::Lambda::Function")
        assert len(functions) == (1 if which == "default" else 3)
        for name, function in functions.items():
            assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups, name

    @pytest.mark.parametrize("which", ["default", "full"])
    def test_what_aurora_exports_expires(self, which: str, request: pytest.FixtureRequest) -> None:
        """Aurora makes the groups of its exports by itself."""
        deployment: Deployment = request.getfixturevalue(which)
        (export,) = deployment.only("AWS::RDS::DBCluster")["EnableCloudwatchLogsExports"]
        group = f"/aws/rds/cluster/<DatabaseCluster5B53A178>/{export}"
        made = json.loads(text(deployment.only("Custom::AWS", "DatabaseLogC")["Update"]))
        assert (made["action"], made["parameters"]) == ("createLogGroup", {"logGroupName": group})
        limited = deployment.only("Custom::AWS", "DatabaseLogRetention")
        call = json.loads(text(limited["Update"]))
        assert limited["Create"] == limited["Update"]
        assert call["action"] == "putRetentionPolicy"
        assert call["parameters"] == {"logGroupName": group, "retentionInDays": 90}


MODELS = {
    "arn:<AWS::Partition>:bedrock:*::foundation-model/amazon.nova-*",
    "arn:<AWS::Partition>:bedrock:*::foundation-model/anthropic.claude-*",
    "arn:<AWS::Partition>:bedrock:*:<AWS::AccountId>:inference-profile/*.amazon.nova-*",
    "arn:<AWS::Partition>:bedrock:*:<AWS::AccountId>:inference-profile/*.anthropic.claude-*",
}
BUCKET = "<Data178AD3D0.Arn>"
QUEUE = "<RunsQueue4439DC38.Arn>"
OPENAI_KEY = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:openai_key"
OWN = "arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:"
CALLABLE = {*MODELS, f"{OWN}custom-model-deployment/*", f"{OWN}provisioned-model/*"}
TUNING_JOBS = {f"{OWN}model-customization-job/*"}
COMMON = {
    "bedrock:InvokeModel": CALLABLE,
    "bedrock:InvokeModelWithResponseStream": CALLABLE,
    "bedrock:GetModelCustomizationJob": TUNING_JOBS,
    # Where there is none of this name, its ARN has no six characters behind it.
    "secretsmanager:GetSecretValue": {OPENAI_KEY, f"{OPENAI_KEY}-??????"},
    "s3:ListBucket": {BUCKET},
    "sqs:GetQueueAttributes": {QUEUE},
    "sqs:SendMessage": {QUEUE},
}
JOB_ROLE = {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}


def objects(*folders: str) -> set[str]:
    return {f"{BUCKET}/{folder}/*" for folder in folders}


class TestLeastPrivilege:
    """The whole of what each role may do, so that anything added shows here."""

    def test_web_task(self, default: Deployment) -> None:
        base = "arn:<AWS::Partition>:bedrock:<AWS::Region>::foundation-model/"
        assert allowed(default, "WebTaskDefinitionTaskRole") == {
            **COMMON,
            "s3:GetObject": objects("files", "datasets"),
            "s3:PutObject": objects("files", "finetuning"),
            "s3:AbortMultipartUpload": objects("files"),
            "bedrock:CreateModelCustomizationJob": {
                f"{base}amazon.nova-*",
                f"{base}anthropic.claude-*",
                f"{OWN}custom-model/*",
                *TUNING_JOBS,
            },
            "bedrock:StopModelCustomizationJob": TUNING_JOBS,
            "bedrock:ListFoundationModels": {"*"},
            "bedrock:ListInferenceProfiles": {"*"},
            "sagemaker:ListEndpoints": {"*"},
            "iam:PassRole": {"<ModelsTuningRole6F2BF930.Arn>"},
        }

    def test_worker_task(self, default: Deployment) -> None:
        jobs = f"{OWN}model-invocation-job/*"
        assert allowed(default, "WorkersTaskDefinitionTaskRole") == {
            **COMMON,
            "s3:GetObject": objects("files", "batch"),
            "s3:PutObject": objects("batch"),
            "sqs:ChangeMessageVisibility": {QUEUE},
            "sqs:DeleteMessage": {QUEUE},
            "sqs:ReceiveMessage": {QUEUE},
            "bedrock:CreateModelInvocationJob": {*MODELS, jobs},
            "bedrock:GetModelInvocationJob": {jobs},
            "bedrock:ListModelInvocationJobs": {"*"},
            "bedrock:StopModelInvocationJob": {jobs},
            "iam:PassRole": {"<ModelsBatchRole4A8D4D90.Arn>"},
        }

    def test_every_call_of_the_app_is_granted_and_every_grant_is_called(
        self, full: Deployment
    ) -> None:
        """The operations that stand in the code, by the names that botocore has for them."""
        granted = set(allowed(full, "WebTaskDefinitionTaskRole"))
        granted |= set(allowed(full, "WorkersTaskDefinitionTaskRole"))
        without_client = {  # over HTTP, by Celery, or a right without an operation of its own
            "bedrock:InvokeModel",
            "bedrock:InvokeModelWithResponseStream",
            "sagemaker:InvokeEndpoint",
            "iam:PassRole",
            "s3:AbortMultipartUpload",
        } | {action for action in granted if action.startswith("sqs:")}
        called = called_operations()
        assert called - granted - {"s3:DeleteObject"} == set()  # of a blob store, used by nobody
        assert granted - called == without_client

    @pytest.mark.parametrize("task", ["Web", "Workers"])
    def test_a_role_is_passed_to_bedrock_only(self, default: Deployment, task: str) -> None:
        (statement,) = [
            s
            for s in default.statements(f"{task}TaskDefinitionTaskRole")
            if "iam:PassRole" in listed(s["Action"])
        ]
        assert statement["Condition"] == {
            "StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}
        }

    def test_quotas_are_read_where_runs_keep_to_them(
        self, default: Deployment, full: Deployment
    ) -> None:
        for deployment, reads in ((default, False), (full, True)):
            told = variables(deployment, "Web")["PROMPT_APP_BEDROCK_QUOTAS"]
            granted = allowed(deployment, "WebTaskDefinitionTaskRole")
            assert (told == "true") == reads
            assert ("servicequotas:ListServiceQuotas" in granted) == reads

    def test_jobs_are_told_the_roles_and_places_that_they_are_granted(
        self, default: Deployment
    ) -> None:
        bucket = f"s3://{BUCKET.replace('.Arn', '')}"
        web, worker = variables(default, "Web"), variables(default, "Workers")
        assert web["PROMPT_APP_TUNING_URL"] == f"{bucket}/finetuning"
        assert web["PROMPT_APP_TUNING_ROLE_ARN"] == "<ModelsTuningRole6F2BF930.Arn>"
        assert worker["PROMPT_APP_BATCH_URL"] == f"{bucket}/batch"
        assert worker["PROMPT_APP_BATCH_ROLE_ARN"] == "<ModelsBatchRole4A8D4D90.Arn>"

    def test_one_exact_model_may_be_trained_by_its_name_with_a_context_size(
        self, full: Deployment
    ) -> None:
        trainable = {
            arn.split("/")[-1]
            for arn in allowed(full, "WebTaskDefinitionTaskRole")[
                "bedrock:CreateModelCustomizationJob"
            ]
            if "foundation-model" in arn
        }
        assert trainable == {
            "amazon.nova-lite-v1:0",
            "amazon.nova-lite-v1:0:*",
            "anthropic.claude-*",
        }

    @pytest.mark.parametrize("task", ["Web", "Workers"])
    def test_execution_role(self, default: Deployment, task: str) -> None:
        actions = allowed(default, f"{task}TaskDefinitionExecutionRole")
        assert set(actions) == {
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
        }
        expected = {f"<Database{'Worker' if task == 'Workers' else 'Web'}User"}
        if task == "Web":
            expected |= {
                "<DatabaseClusterSecretAttachment", "<DatabaseWorkerUser", "<LoginClientSecret",
                "<LoginCookieSecret",
            }  # fmt: skip
        read = actions["secretsmanager:GetSecretValue"]
        assert {re.sub(r"[0-9A-F]{8}>$", "", secret) for secret in read} == expected

    def test_further_secrets_are_those_configured(self, full: Deployment) -> None:
        for task in ("Web", "Workers"):
            read = allowed(full, f"{task}TaskDefinitionTaskRole")["secretsmanager:GetSecretValue"]
            own = OPENAI_KEY.removesuffix("openai_key")
            names = ("openai_key", "together/key")
            assert read == {f"{own}{name}{end}" for name in names for end in ("", "-??????")}

    @pytest.mark.parametrize(
        ("role", "jobs", "folder", "calls"),
        [
            ("BatchRole", "model-invocation-job", "batch", {"bedrock:InvokeModel"}),
            ("TuningRole", "model-customization-job", "finetuning", set()),
        ],
    )
    def test_a_jobs_role_is_for_this_accounts_jobs_and_their_files(
        self, default: Deployment, role: str, jobs: str, folder: str, calls: set[str]
    ) -> None:
        (trust,) = default.only("AWS::IAM::Role", role)["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"}
        }
        assert text(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == f"{OWN}{jobs}/*"
        actions = allowed(default, f"Models{role}")
        assert set(actions) == JOB_ROLE | calls
        assert actions["s3:GetObject"] == actions["s3:PutObject"] == objects(folder)

    def test_the_models_and_endpoints_are_those_configured(self, full: Deployment) -> None:
        actions = allowed(full, "WebTaskDefinitionTaskRole")
        models = {arn.split("/")[-1] for arn in actions["bedrock:InvokeModel"]} - {"*"}
        assert models == {
            "amazon.nova-lite-v1:0",
            "*.amazon.nova-lite-v1:0",
            "anthropic.claude-*",
            "*.anthropic.claude-*",
        }
        sagemaker = {action for action in actions if action.startswith("sagemaker:")}
        assert sagemaker == {"sagemaker:InvokeEndpoint", "sagemaker:ListEndpoints"}
        (endpoint,) = actions["sagemaker:InvokeEndpoint"]
        assert endpoint.endswith(":endpoint/workshop-*")

    @pytest.mark.parametrize("which", ["default", "full"])
    def test_no_role_has_a_wildcard_action(
        self, which: str, request: pytest.FixtureRequest
    ) -> None:
        deployment: Deployment = request.getfixturevalue(which)
        for policy in deployment.resources("AWS::IAM::Policy").values():
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not [a for a in listed(statement["Action"]) if "*" in a]


class TestLogin:
    def test_the_pool(self, default: Deployment, full: Deployment) -> None:
        pool = default.only("AWS::Cognito::UserPool")
        policy = pool["Policies"]["PasswordPolicy"]
        assert policy["MinimumLength"] == 12
        kinds = ("Lowercase", "Uppercase", "Numbers", "Symbols")
        assert all(policy[f"Require{kind}"] for kind in kinds)
        assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
        assert (pool["MfaConfiguration"], pool["UserPoolTier"]) == ("OFF", "ESSENTIALS")
        assert "EnabledMfas" not in pool
        pool = full.only("AWS::Cognito::UserPool")
        assert (pool["MfaConfiguration"], pool["UserPoolTier"]) == ("ON", "PLUS")
        assert pool["UserPoolAddOns"]["AdvancedSecurityMode"] == "ENFORCED"
        assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]

    def test_self_sign_up_is_configured(self, synthesize: Synthesize) -> None:
        pool = synthesize({"SELF_SIGN_UP": "true"}).only("AWS::Cognito::UserPool")
        assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False

    def test_the_client(self, default: Deployment) -> None:
        client = default.only("AWS::Cognito::UserPoolClient")
        assert client["AllowedOAuthFlows"] == ["code"]
        assert client["GenerateSecret"] is True
        assert client["PreventUserExistenceErrors"] == "ENABLED"
        site = "https://<EdgeDistribution0060737B.DomainName>"
        assert [text(url) for url in client["CallbackURLs"]] == [f"{site}/oauth2callback"]
        assert [text(url) for url in client["LogoutURLs"]] == [f"{site}/"]
        domain = default.only("AWS::Cognito::UserPoolDomain")
        assert domain["ManagedLoginVersion"] == 2
        assert default.only("AWS::Cognito::ManagedLoginBranding")["UseCognitoProvidedValues"]
        groups = default.resources("AWS::Cognito::UserPoolGroup").values()
        assert {group["GroupName"] for group in groups} == {"admins", "editors", "viewers"}

    def test_its_secret_goes_straight_to_secrets_manager(self, default: Deployment) -> None:
        secret = default.only("AWS::SecretsManager::Secret", "LoginClientSecret")
        assert text(secret["SecretString"]) == "<LoginUsersApp6C36BE87.ClientSecret>"
        assert "ClientSecret" not in json.dumps(default.template["Outputs"])

    def test_what_the_app_is_told(self, default: Deployment, full: Deployment) -> None:
        told = variables(default, "Web")
        site = "https://<EdgeDistribution0060737B.DomainName>"
        assert told["PROMPT_APP_PUBLIC_URL"] == site
        assert told["PROMPT_APP_OIDC_GROUPS_CLAIM"] == "cognito:groups"
        assert told["PROMPT_APP_OIDC_DISCOVERY_URL"].endswith("/.well-known/openid-configuration")
        assert told["PROMPT_APP_OIDC_LOGOUT_URL"].endswith(".amazoncognito.com/logout")
        assert variables(full, "Web")["PROMPT_APP_PUBLIC_URL"] == "https://prompts.example.com"
        assert not [name for name in variables(default, "Workers") if "OIDC" in name]

    def test_the_first_admin_by_mail(self, synthesize: Synthesize) -> None:
        deployment = synthesize({"ADMIN_EMAIL": "admin@example.com"})
        user = deployment.only("AWS::Cognito::UserPoolUser")
        assert user["DesiredDeliveryMediums"] == ["EMAIL"]
        assert not deployment.resources("Custom::AdminPassword")
        membership = deployment.only("AWS::Cognito::UserPoolUserToGroupAttachment")
        assert "GroupAdmins" in text(membership["GroupName"])

    def test_the_first_admin_by_secret(self, full: Deployment) -> None:
        assert full.only("AWS::Cognito::UserPoolUser")["MessageAction"] == "SUPPRESS"
        setting = full.only("Custom::AdminPassword")
        assert set(setting) == {"ServiceToken", "UserPoolId", "Username", "SecretArn"}
        actions = allowed(full, "LoginFirstAdminSetPasswordServiceRole")
        assert set(actions) == {
            "cognito-idp:AdminSetUserPassword",
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
        }
        assert "{{resolve:" not in json.dumps(full.template["Outputs"])

    def test_another_provider(self, synthesize: Synthesize) -> None:
        deployment = synthesize(
            {
                "OIDC_DISCOVERY_URL": "https://id.example.com/.well-known/openid-configuration",
                "OIDC_CLIENT_ID": "studio",
                "OIDC_CLIENT_SECRET_NAME": "studio_client",
                "OIDC_ROLES": "team=editor, platform=admin",
                "OIDC_SCOPES": "openid email groups",
            }
        )
        assert not [
            resource
            for resource in deployment.template["Resources"].values()
            if resource["Type"].startswith("AWS::Cognito")
        ]
        told = variables(deployment, "Web")
        assert json.loads(told["PROMPT_APP_OIDC_ROLES"]) == {"team": "editor", "platform": "admin"}
        assert told["PROMPT_APP_OIDC_SCOPES"] == "openid email groups"
        assert told["PROMPT_APP_OIDC_CLIENT_ID"] == "studio"
        assert told["PROMPT_APP_OIDC_GROUPS_CLAIM"] == "groups"
        assert "PROMPT_APP_OIDC_LOGOUT_URL" not in told
        read = allowed(deployment, "WebTaskDefinitionExecutionRole")
        assert any("secret:studio_client" in arn for arn in read["secretsmanager:GetSecretValue"])


OVER, UNDER = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
HTTP = "HTTPCode_Target_5XX_Count + HTTPCode_ELB_5XX_Count"
ALARMS = [
    ("ServerErrors", HTTP, "Sum", (OVER, 5), (1, 300), "notBreaching"),
    ("UnhealthyHosts", "UnHealthyHostCount", "Maximum", (OVER, 1), (5, 60), "notBreaching"),
    # Without any host nothing is measured.
    ("NoHealthyHost", "HealthyHostCount", "Maximum", (UNDER, 1), (3, 60), "breaching"),
    ("QueueAge", "ApproximateAgeOfOldestMessage", "Maximum", (OVER, 900), (5, 60), "notBreaching"),
    ("DeadLetters", "ApproximateNumberOfMessagesVisible", "Maximum", (OVER, 1), (1, 60),
     "notBreaching"),
    ("DatabaseCapacity", "ACUUtilization", "Average", (OVER, 90), (3, 300), "notBreaching"),
]  # fmt: skip


class TestOperations:
    def test_a_message_that_fails_becomes_a_dead_letter(self, default: Deployment) -> None:
        redrive = default.only("AWS::SQS::Queue", "RunsQueue")["RedrivePolicy"]
        assert "DeadLetters" in text(redrive["deadLetterTargetArn"])
        assert redrive["maxReceiveCount"] == 5

    def test_workers_follow_the_queue(self, default: Deployment) -> None:
        alarms = {
            name: alarm
            for name, alarm in default.resources("AWS::CloudWatch::Alarm").items()
            if name.startswith("Workers")
        }
        assert len(alarms) == 2
        for alarm in alarms.values():
            metrics = {
                metric["MetricStat"]["Metric"]["MetricName"]
                for metric in alarm["Metrics"]
                if "MetricStat" in metric
            }
            assert metrics == {
                "ApproximateNumberOfMessagesVisible",
                "ApproximateNumberOfMessagesNotVisible",
            }

    def test_alarms_are_mailed_where_an_address_is_given(
        self, default: Deployment, full: Deployment
    ) -> None:
        names = {name for name, *_ in ALARMS}
        for deployment, mailed in ((default, False), (full, True)):
            alarms = {
                name: alarm
                for name, alarm in deployment.resources("AWS::CloudWatch::Alarm").items()
                if name.startswith("Monitoring")
            }
            assert len(alarms) == len(names)
            assert all(any(n in name for name in alarms) for n in names)
            assert all(bool(alarm.get("AlarmActions")) == mailed for alarm in alarms.values())
            assert bool(deployment.resources("AWS::SNS::Subscription")) == mailed
        assert default.only("AWS::CloudWatch::Dashboard")

    @pytest.mark.parametrize(
        ("name", "metric", "statistic", "condition", "periods", "missing"), ALARMS
    )
    def test_what_an_alarm_waits_for(
        self, default: Deployment, name: str, metric: str, statistic: str,
        condition: tuple[str, int], periods: tuple[int, int], missing: str,
    ) -> None:  # fmt: skip
        alarm = default.only("AWS::CloudWatch::Alarm", f"Monitoring{name}")
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == condition
        assert alarm["TreatMissingData"] == missing
        measured = [m["MetricStat"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
        if measured:
            assert {m["Stat"] for m in measured} == {statistic}
            assert {(alarm["EvaluationPeriods"], m["Period"]) for m in measured} == {periods}
            assert " + ".join(m["Metric"]["MetricName"] for m in measured) == metric
            (sum_of,) = [m["Expression"] for m in alarm["Metrics"] if "Expression" in m]
            assert sum_of == "FILL(app, 0) + FILL(balancer, 0)"
        else:
            assert (alarm["MetricName"], alarm["Statistic"]) == (metric, statistic)
            assert (alarm["EvaluationPeriods"], alarm["Period"]) == periods
        of = {d["Name"]: text(d["Value"]) for d in alarm.get("Dimensions", ())}
        if name in ("QueueAge", "DeadLetters"):
            assert ("DeadLetters" in of["QueueName"]) == (name == "DeadLetters")
        if name.endswith(("Hosts", "Host")):
            assert set(of) == {"LoadBalancer", "TargetGroup"}

    def test_spend_is_watched(self, default: Deployment, full: Deployment) -> None:
        assert not default.resources("AWS::Budgets::Budget")
        budget = full.only("AWS::Budgets::Budget")
        assert budget["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
        kinds = [
            (n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
            for n in budget["NotificationsWithSubscribers"]
        ]
        assert kinds == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]


class TestNetwork:
    def test_an_existing_vpc_is_used_as_it_is(self, synthesize: Synthesize) -> None:
        deployment = synthesize(
            {
                "VPC_ID": "vpc-0123456789abcdef0",
                "VPC_AVAILABILITY_ZONES": "eu-west-1a, eu-west-1b",
                "VPC_PRIVATE_SUBNET_IDS": "subnet-0123456789abcdef0, subnet-0123456789abcdef1",
            }
        )
        for kind in ("VPC", "Subnet", "NatGateway", "InternetGateway"):
            assert not deployment.resources(f"AWS::EC2::{kind}")
        for service in deployment.resources("AWS::ECS::Service").values():
            subnets = service["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]
            assert subnets == ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]

    def test_a_new_one_is_as_small_as_configured(
        self, default: Deployment, synthesize: Synthesize
    ) -> None:
        assert len(default.resources("AWS::EC2::NatGateway")) == 1
        assert len(synthesize({"NAT_GATEWAYS": "2"}).resources("AWS::EC2::NatGateway")) == 2

    def test_it_lies_in_the_zones_that_are_named(
        self, default: Deployment, synthesize: Synthesize
    ) -> None:
        """CloudFront's VPC origins are not in every zone."""
        named = synthesize({"VPC_AVAILABILITY_ZONES": "us-east-1a,us-east-1c"})
        first_two = {json.dumps({"Fn::Select": [n, {"Fn::GetAZs": ""}]}) for n in (0, 1)}
        for deployment, zones in ((default, first_two), (named, {"us-east-1a", "us-east-1c"})):
            subnets = deployment.resources("AWS::EC2::Subnet").values()
            assert len(subnets) == 6
            assert {text(subnet["AvailabilityZone"]) for subnet in subnets} == zones


class TestStudio:
    def test_alone(self, synthesize: Synthesize) -> None:
        deployment = synthesize({"DEPLOY_PROMPT_APP": "false", "DEPLOY_SAGEMAKER_DOMAIN": "true"})
        assert deployment.only("AWS::SageMaker::Domain")["AuthMode"] == "IAM"
        assert not deployment.resources("AWS::ECS::Service")
        assert not deployment.resources("AWS::SageMaker::StudioLifecycleConfig")

    def test_is_plain_cloudformation(self, full: Deployment) -> None:
        domain = full.only("AWS::SageMaker::Domain")
        assert domain["AppNetworkAccessType"] == "VpcOnly"
        assert full.only("AWS::SageMaker::UserProfile")["UserProfileName"] == "workshop"
        settings = domain["DefaultUserSettings"]["JupyterLabAppSettings"]
        assert "StudioCheckOut" in text(settings["LifecycleConfigArns"][0])
        script = full.only("AWS::SageMaker::StudioLifecycleConfig")["StudioLifecycleConfigContent"][
            "Fn::Base64"
        ]
        assert "repository=https://example.com/team/prompt-app.git\n" in script
        assert "checkout=workshop\n" in script
        assert "@" not in script.replace("$@", "")

    def test_its_role(self, full: Deployment) -> None:
        own = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:"
        anything = {f"{own}{kind}/*" for kind in ("app", "domain", "space", "user-profile")}
        bedrock = "arn:<AWS::Partition>:bedrock:*:"
        models = {
            f"{bedrock}:foundation-model/amazon.nova-lite-v1:0",
            f"{bedrock}:foundation-model/anthropic.claude-*",
            f"{bedrock}<AWS::AccountId>:inference-profile/*.amazon.nova-lite-v1:0",
            f"{bedrock}<AWS::AccountId>:inference-profile/*.anthropic.claude-*",
        }
        further = OPENAI_KEY.replace("openai_key", "together/key")
        verbs = "CreateApp CreateSpace DeleteApp DeleteSpace DescribeApp DescribeDomain"
        verbs += " DescribeSpace DescribeUserProfile UpdateSpace"
        lists = "ListApps ListDomains ListSpaces ListUserProfiles"
        files = "AbortMultipartUpload DeleteObject GetObject PutObject"
        assert allowed(full, "StudioRole") == {
            **{f"sagemaker:{verb}": anything for verb in verbs.split()},
            "sagemaker:AddTags": {f"{own}app/*", f"{own}space/*"},
            **{f"sagemaker:{verb}": {"*"} for verb in lists.split()},
            **{f"s3:{verb}": objects("datasets") for verb in files.split()},
            "s3:ListBucket": {BUCKET},
            "bedrock:InvokeModel": models,
            "bedrock:InvokeModelWithResponseStream": models,
            "sagemaker:InvokeEndpoint": {f"{own}endpoint/workshop-*"},
            "secretsmanager:GetSecretValue": {
                OPENAI_KEY, f"{OPENAI_KEY}-??????", further, f"{further}-??????",
            },
        }  # fmt: skip
