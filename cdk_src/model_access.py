"""What the tasks may do at Bedrock, SageMaker and with the OpenAI key."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.data_bucket import BATCH, DataBucket


class ModelAccess(Construct):
    """Statements for the allowed models, and the role that Bedrock's batch jobs run as."""

    def __init__(
        self, scope: Construct, id: str, *, configuration: Configuration, data: DataBucket
    ) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        # By name: a secret made by the stack would collide with one that exists already.
        self.openai_key = secretsmanager.Secret.from_secret_name_v2(
            self, "OpenAiKey", configuration.openai_secret_name
        )
        self.batch_role = self._make_batch_role(data)

    def _make_batch_role(self, data: DataBucket) -> iam.Role:
        stack = Stack.of(self)
        role = iam.Role(
            self,
            "BatchRole",
            description="Bedrock batch inference: its input and output in the data bucket",
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": self._arn("model-invocation-job/*")},
                },
            ),
        )
        data.grant_read(role, BATCH)
        data.grant_write(role, BATCH)
        self._grant_invoke(role)
        return role

    def grant_use(self, role: iam.IRole) -> None:
        """Let ``role`` call the allowed models and endpoints and list what exists.

        The Converse operations have no action of their own: they are authorized as InvokeModel.
        """
        self._grant_invoke(role)
        iam.Grant.add_to_principal(
            grantee=role,
            # None of these can be limited to a resource.
            actions=[
                "bedrock:ListFoundationModels",
                "bedrock:ListInferenceProfiles",
                "servicequotas:GetServiceQuota",
                "servicequotas:ListServiceQuotas",
            ],
            resource_arns=["*"],
        )
        endpoints = self._configuration.sagemaker_endpoints
        if endpoints:
            iam.Grant.add_to_principal(
                grantee=role,
                actions=["sagemaker:InvokeEndpoint", "sagemaker:DescribeEndpoint"],
                resource_arns=[
                    Stack.of(self).format_arn(
                        service="sagemaker", resource="endpoint", resource_name=name.lower()
                    )
                    for name in endpoints
                ],
            )
        self.openai_key.grant_read(role)

    def grant_batch(self, role: iam.IRole) -> None:
        """Let ``role`` run batch jobs of the allowed models as ``batch_role``."""
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["bedrock:CreateModelInvocationJob"],
            resource_arns=[*self.model_arns(), self._arn("model-invocation-job/*")],
        )
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob"],
            resource_arns=[self._arn("model-invocation-job/*")],
        )
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["iam:PassRole"],
            resource_arns=[self.batch_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
        )

    def model_arns(self) -> list[str]:
        """The allowed models and their inference profiles, which may route to any region."""
        partition, account = Stack.of(self).partition, Stack.of(self).account
        arns = []
        for model in self._configuration.bedrock_models:
            arns.append(f"arn:{partition}:bedrock:*::foundation-model/{model}")
            # A profile's id is the model's with a region in front, such as eu.
            profile = model if model == "*" else f"*.{model}"
            arns.append(f"arn:{partition}:bedrock:*:{account}:inference-profile/{profile}")
        return arns

    def _grant_invoke(self, role: iam.IRole) -> None:
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            resource_arns=self.model_arns(),
        )

    def _arn(self, resource: str) -> str:
        return Stack.of(self).format_arn(service="bedrock", resource=resource)
