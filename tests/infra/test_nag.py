"""cdk-nag and cfn-lint, each with a control that shows that it would report something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deployment import FULL, ROOT, Synthesize

from cdk_src.acknowledgements import exemptions
from cdk_src.configuration import read_configuration

pytestmark = pytest.mark.xdist_group("infra")

BY_SECRET = {"ADMIN_EMAIL": "admin@example.com", "ADMIN_INVITATION": "secret"}
PROVIDER = {
    "OIDC_DISCOVERY_URL": "https://id.example.com",
    "OIDC_CLIENT_ID": "studio",
    "OIDC_CLIENT_SECRET_NAME": "studio_client",
}
EXISTING_VPC = {
    "VPC_ID": "vpc-0123456789abcdef0",
    "VPC_AVAILABILITY_ZONES": "eu-west-1a,eu-west-1b",
    "VPC_PRIVATE_SUBNET_IDS": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
}
WEB_ACL = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/mine/1"
STUDIO = {"DEPLOY_PROMPT_APP": "false", "DEPLOY_SAGEMAKER_DOMAIN": "true"}
DEPLOYMENTS = pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="default"),
        pytest.param(FULL, id="full"),
        pytest.param(BY_SECRET | {"BEDROCK_MODELS": "*"}, id="admin by secret, all models"),
        pytest.param(PROVIDER, id="another login"),
        pytest.param(EXISTING_VPC, id="an existing VPC"),
        pytest.param({"WAF": "true"}, id="a web ACL"),
        pytest.param({"WAF_WEB_ACL_ARN": WEB_ACL}, id="an existing web ACL"),
        pytest.param(STUDIO, id="SageMaker Studio alone"),
        pytest.param(STUDIO | EXISTING_VPC, id="SageMaker Studio in an existing VPC"),
    ],
)


@DEPLOYMENTS
def test_no_finding_is_left(environment: dict[str, str], synthesize: Synthesize) -> None:
    assert synthesize(environment, nag="acknowledged").findings == []


@DEPLOYMENTS
def test_each_exemption_is_needed(environment: dict[str, str], synthesize: Synthesize) -> None:
    found = {
        (path.removesuffix("/Resource"), rule.removeprefix("AwsSolutions-"))
        for _, rule, path in synthesize(environment, nag="bare").findings
    }
    stated: list[tuple[str, str]] = []

    def state(stack: Any) -> None:
        for exemption in exemptions(stack, read_configuration(environment)):
            stated.append((exemption.path, exemption.finding))
            assert len(exemption.reason) > 20

    synthesize(environment, change=state)
    assert len(stated) == len(set(stated))
    assert set(stated) == found


def test_an_opened_bucket_is_reported(synthesize: Synthesize) -> None:
    def open_bucket(stack: Any) -> None:
        from aws_cdk import aws_s3 as s3

        bucket = stack.node.find_child("Data").node.find_child("Data").node.default_child
        bucket.public_access_block_configuration = (
            s3.CfnBucket.PublicAccessBlockConfigurationProperty(block_public_policy=False)
        )

    findings = synthesize({}, nag="acknowledged", change=open_bucket).findings
    assert ("error", "AwsSolutions-S2", "Data/Data/Resource") in findings


def test_a_wildcard_is_reported(synthesize: Synthesize) -> None:
    def widen(stack: Any) -> None:
        from aws_cdk import aws_iam as iam

        role = stack.node.find_child("Models").node.find_child("BatchRole")
        role.add_to_policy(iam.PolicyStatement(actions=["s3:*"], resources=["*"]))

    rules = {rule for _, rule, _ in synthesize({}, nag="acknowledged", change=widen).findings}
    assert "AwsSolutions-IAM5[Action::s3:*]" in rules


class TestCfnLint:
    """Through the library that the command is made of; the command exits 4 on a warning."""

    def lint(self, template: Path, *ignored: str) -> list[str]:
        from cfnlint.api import ManualArgs, lint_file

        config = ManualArgs(ignore_checks=list(ignored))
        return [f"{match.rule.id} {match.message}" for match in lint_file(template, config=config)]

    @pytest.mark.parametrize("environment", [{}, FULL], ids=["default", "full"])
    def test_the_synthesized_template(
        self, environment: dict[str, str], synthesize: Synthesize
    ) -> None:
        template = synthesize(environment).folder / "PromptApp.template.json"
        # The CDK writes dependencies that a reference also implies.
        assert self.lint(template, "W3005") == []

    def test_a_wrong_synthesized_template_is_reported(
        self, synthesize: Synthesize, tmp_path: Path
    ) -> None:
        template = json.loads(json.dumps(synthesize({}).template))
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::ECS::Service":
                resource["Properties"]["DesiredNumber"] = 1
        path = tmp_path / "wrong.template.json"
        path.write_text(json.dumps(template))
        assert any("DesiredNumber" in message for message in self.lint(path))

    def test_the_bootstrap_template(self) -> None:
        assert self.lint(ROOT / "cfn_bootstrap.yaml") == []

    def test_a_wrong_bootstrap_template_is_reported(self, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.yaml"
        text = (ROOT / "cfn_bootstrap.yaml").read_text()
        wrong.write_text(text.replace("!GetAtt BuildRole.Arn", "!GetAtt BuildRoll.Arn"))
        assert any("BuildRoll" in message for message in self.lint(wrong))
