"""A SageMaker Studio domain for a guided workshop, of plain CloudFormation resources."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.data_bucket import DATASETS, DataBucket
from cdk_src.model_access import ModelAccess
from cdk_src.network import Network

_CHECK_OUT = Path(__file__).parent / "handlers" / "check_out.sh"
_SAGEMAKER = "sagemaker.amazonaws.com"


def check_out_script(repository: str, checkout: str) -> str:
    """What JupyterLab runs at its start; the values are words of it, whatever they hold."""
    words = {"@REPOSITORY@": repository, "@CHECKOUT@": checkout}
    return re.sub(
        "|".join(words),
        lambda found: shlex.quote(words[found[0]]),
        _CHECK_OUT.read_text(encoding="utf-8"),
    )


class SageMakerStudio(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        network: Network,
        data: DataBucket,
        models: ModelAccess,
    ) -> None:
        super().__init__(scope, id)
        self.role = self._make_role(data, models)
        security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=network.vpc, description="JupyterLab of the workshop"
        )
        # JupyterLab talks to its kernels within the group.
        security_group.add_ingress_rule(security_group, ec2.Port.all_tcp(), "JupyterLab")
        lifecycle = self._make_lifecycle(configuration)
        lifecycle_arns = [lifecycle.attr_studio_lifecycle_config_arn] if lifecycle else []
        default_resources = (
            sagemaker.CfnDomain.ResourceSpecProperty(
                instance_type="ml.t3.medium", lifecycle_config_arn=lifecycle_arns[0]
            )
            if lifecycle
            else None
        )
        domain = sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=Fn.join("-", [Stack.of(self).stack_name, "workshop"]),
            auth_mode="IAM",
            app_network_access_type="VpcOnly",
            vpc_id=network.vpc.vpc_id,
            subnet_ids=network.vpc.select_subnets(
                subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS
            ).subnet_ids,
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=self.role.role_arn,
                security_groups=[security_group.security_group_id],
                studio_web_portal="ENABLED",
                default_landing_uri="studio::",
                jupyter_lab_app_settings=sagemaker.CfnDomain.JupyterLabAppSettingsProperty(
                    lifecycle_config_arns=lifecycle_arns or None,
                    default_resource_spec=default_resources,
                ),
            ),
        )
        sagemaker.CfnUserProfile(
            self,
            "User",
            domain_id=domain.attr_domain_id,
            user_profile_name="workshop",
        )
        CfnOutput(
            self,
            "StudioDomain",
            value=domain.attr_domain_id,
            description="SageMaker Studio domain; open it with the user profile 'workshop'",
        )

    def _make_lifecycle(
        self, configuration: Configuration
    ) -> sagemaker.CfnStudioLifecycleConfig | None:
        repository = configuration.sagemaker_code_repo
        if repository is None:
            return None
        script = check_out_script(repository, configuration.sagemaker_code_checkout)
        return sagemaker.CfnStudioLifecycleConfig(
            self,
            "CheckOut",
            studio_lifecycle_config_app_type="JupyterLab",
            studio_lifecycle_config_name=Fn.join("-", [Stack.of(self).stack_name, "check-out"]),
            studio_lifecycle_config_content=Fn.base64(script),
        )

    def _make_role(self, data: DataBucket, models: ModelAccess) -> iam.Role:
        """What the workshop uses: its own JupyterLab, the models, the bucket's datasets."""
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal(_SAGEMAKER))
        iam.Grant.add_to_principal(
            grantee=role,
            actions=[
                "sagemaker:CreateApp",
                "sagemaker:CreateSpace",
                "sagemaker:DeleteApp",
                "sagemaker:DeleteSpace",
                "sagemaker:DescribeApp",
                "sagemaker:DescribeDomain",
                "sagemaker:DescribeSpace",
                "sagemaker:DescribeUserProfile",
                "sagemaker:UpdateSpace",
            ],
            resource_arns=[self._arn(kind) for kind in ("app", "domain", "space", "user-profile")],
        )
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["sagemaker:AddTags"],
            resource_arns=[self._arn("app"), self._arn("space")],
        )
        iam.Grant.add_to_principal(
            grantee=role,
            # None of these can be limited to a resource.
            actions=[
                "sagemaker:ListApps",
                "sagemaker:ListDomains",
                "sagemaker:ListSpaces",
                "sagemaker:ListUserProfiles",
            ],
            resource_arns=["*"],
        )
        data.grant_read(role, DATASETS)
        data.grant_put_large(role, DATASETS)
        data.grant_delete(role, DATASETS)
        models.grant_use(role)
        return role

    def _arn(self, kind: str) -> str:
        return Stack.of(self).format_arn(service="sagemaker", resource=kind, resource_name="*")
