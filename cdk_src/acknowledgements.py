"""cdk-nag, and every exception from it with its reason.

An exception names one finding at one construct. A test holds that each is needed: one that cdk-nag
would no longer report fails it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Acknowledgment, App, CfnElement, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from cdk_src.configuration import Configuration

_ANY = "IAM5[Resource::*]"
_BASIC_LOGGING = (
    "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]"
)
_WEB = "Web/Task/Definition"
_WORKER = "Workers/Task/Definition"
_STUDIO = "Studio/Role/DefaultPolicy"


@dataclass(frozen=True)
class Exemption:
    """``path`` is below the stack; ``finding`` is without the pack's prefix."""

    path: str
    finding: str
    reason: str


def add_nag(app: App, stack: Stack, configuration: Configuration) -> None:
    """Check the app at synthesis, which then fails with each finding that is not exempt."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for exemption in exemptions(stack, configuration):
        Validations.of(_find(stack, exemption.path)).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions::AwsSolutions-{exemption.finding}", reason=exemption.reason
            )
        )


def exemptions(stack: Stack, configuration: Configuration) -> Iterator[Exemption]:
    """The exceptions of this deployment."""
    yield from _jobs(configuration, stack)
    if configuration.deploy_prompt_app:
        yield from _tasks(stack, configuration)
        yield from _database(stack)
        yield from _edge(configuration)
        yield from _login(configuration)
    if configuration.deploy_sagemaker_domain:
        yield from _models(configuration, _STUDIO)
        yield Exemption(_STUDIO, _ANY, "Listing domains, spaces and apps takes no resource.")
        yield _objects(stack, _STUDIO, "datasets")
        for kind in ("app", "domain", "space", "user-profile"):
            yield Exemption(
                _STUDIO,
                "IAM5[Resource::arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:"
                f"{kind}/*]",
                "The ids of JupyterLab spaces and apps are made while the workshop runs.",
            )


def _jobs(configuration: Configuration, stack: Stack) -> Iterator[Exemption]:
    batch, tuning = "Models/BatchRole/DefaultPolicy", "Models/TuningRole/DefaultPolicy"
    yield from _allowed_models(configuration, batch)
    yield _objects(stack, batch, "batch")
    yield _objects(stack, tuning, "finetuning")


def _allowed_models(configuration: Configuration, path: str) -> Iterator[Exemption]:
    allowed = "The operator names the models by BEDROCK_MODELS; profiles route across regions."
    for model in configuration.bedrock_models:
        profile = model if model == "*" else f"*.{model}"
        arn = "arn:<AWS::Partition>:bedrock:*"
        yield Exemption(path, f"IAM5[Resource::{arn}::foundation-model/{model}]", allowed)
        yield Exemption(
            path, f"IAM5[Resource::{arn}:<AWS::AccountId>:inference-profile/{profile}]", allowed
        )


def _models(configuration: Configuration, path: str) -> Iterator[Exemption]:
    yield from _allowed_models(configuration, path)
    for name in configuration.sagemaker_endpoints or ():
        if name.endswith("*"):
            yield Exemption(
                path,
                "IAM5[Resource::arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:"
                f"endpoint/{name.lower()}]",
                "The operator names the endpoints by SAGEMAKER_ENDPOINTS.",
            )


def _objects(stack: Stack, path: str, folder: str) -> Exemption:
    bucket = _find(stack, "Data/Data/Resource")
    assert isinstance(bucket, CfnElement)
    return Exemption(
        path,
        f"IAM5[Resource::<{stack.get_logical_id(bucket)}.Arn>/{folder}/*]",
        f"Objects come and go; the role sees only those below {folder}/.",
    )


def _tasks(stack: Stack, configuration: Configuration) -> Iterator[Exemption]:
    for definition in (_WEB, _WORKER):
        policy = f"{definition}/TaskRole/DefaultPolicy"
        yield from _models(configuration, policy)
        yield _objects(stack, policy, "files")
        for kind in ("custom-model-deployment", "provisioned-model", "model-customization-job"):
            yield _named_by_bedrock(policy, kind)
        yield Exemption(
            f"{definition}/ExecutionRole/DefaultPolicy",
            _ANY,
            "ecr:GetAuthorizationToken takes no resource.",
        )
        yield Exemption(
            definition,
            "ECS2",
            "The variables name addresses and settings; every secret comes from Secrets Manager.",
        )
    worker_policy, web_policy = (f"{each}/TaskRole/DefaultPolicy" for each in (_WORKER, _WEB))
    yield _objects(stack, worker_policy, "batch")
    yield _named_by_bedrock(worker_policy, "model-invocation-job")
    yield Exemption(worker_policy, _ANY, "Listing batch jobs takes no resource.")
    for folder in ("datasets", "finetuning"):
        yield _objects(stack, web_policy, folder)
    yield _named_by_bedrock(web_policy, "custom-model")
    for model in configuration.bedrock_models:
        yield Exemption(
            web_policy,
            "IAM5[Resource::arn:<AWS::Partition>:bedrock:<AWS::Region>::foundation-model/"
            f"{model if model.endswith('*') else f'{model}:*'}]",
            "The operator names the models; one for training has its context size behind.",
        )
    yield Exemption(web_policy, _ANY, "Listing models, endpoints and quotas takes no resource.")


def _named_by_bedrock(path: str, kind: str) -> Exemption:
    return Exemption(
        path,
        f"IAM5[Resource::arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:{kind}/*]",
        "Bedrock names them when they are made.",
    )


def _database(stack: Stack) -> Iterator[Exemption]:
    yield Exemption(
        "Database/Cluster",
        "RDS10",
        "`npm run destroy` has to work; unless REMOVAL_POLICY=destroy a last snapshot is taken.",
    )
    cluster = _find(stack, "Database/Cluster/Resource")
    assert isinstance(cluster, CfnElement)
    for call in ("Log", "LogRetention"):
        yield Exemption(
            f"Database/{call}/CustomResourcePolicy",
            "IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
            f"/aws/rds/cluster/<{stack.get_logical_id(cluster)}>/postgresql:*]",
            "One log group: this is the form that its ARN has in such rights.",
        )
    for secret in ("Cluster/Secret", "WebUser", "WorkerUser"):
        yield Exemption(
            f"Database/{secret}",
            "SMG4",
            "A rotation would wake the paused database and cut off running tasks; "
            "docs/deployment.md says how to change the passwords.",
        )


def _edge(configuration: Configuration) -> Iterator[Exemption]:
    distribution = "Edge/Distribution"
    yield Exemption(distribution, "CFR1", "The studio has no reason to shut out countries.")
    if not (configuration.waf or configuration.web_acl_arn):
        yield Exemption(
            distribution, "CFR2", "The web ACL is optional: WAF or WAF_WEB_ACL_ARN adds one."
        )
    if configuration.domain_name is None:
        yield Exemption(
            distribution,
            "CFR4",
            "CloudFront's own certificate allows no choice of protocol; a custom domain has "
            "TLS 1.2 or newer.",
        )
    yield Exemption(
        "Edge/OriginSecurityGroup/CustomResourcePolicy",
        _ANY,
        "ec2:DescribeSecurityGroups takes no resource.",
    )
    # The function of every AwsCustomResource; the library fixes its id.
    yield Exemption(
        "AWS679f53fac002430cb0da5b7982bd2287/ServiceRole",
        _BASIC_LOGGING,
        "The policy only lets the function write its log.",
    )


def _login(configuration: Configuration) -> Iterator[Exemption]:
    yield Exemption(
        "Login/CookieSecret", "SMG4", "A rotation would log everyone out; delete it to do so."
    )
    if not configuration.uses_cognito:
        return
    yield Exemption(
        "Login/ClientSecret", "SMG4", "Cognito makes the client's secret and cannot rotate it."
    )
    if configuration.mfa != "required":
        yield Exemption(
            "Login/Users",
            "COG2",
            "The operator decides by LOGIN_MFA; Cognito asks for one only where it is required.",
        )
    if not configuration.threat_protection:
        yield Exemption(
            "Login/Users", "COG8", "The Plus plan is paid for each user: LOGIN_THREAT_PROTECTION."
        )
    if configuration.admin_email and configuration.admin_invitation == "secret":
        yield Exemption(
            "Login/FirstAdmin/Password", "SMG4", "A first password, changed by its owner."
        )
        yield Exemption(
            "Login/FirstAdmin/SetPassword/ServiceRole",
            _BASIC_LOGGING,
            "The policy only lets the function write its log.",
        )


def _find(stack: Stack, path: str) -> IConstruct:
    found: IConstruct = stack
    for part in path.split("/"):
        found = found.node.find_child(part)
    return found
