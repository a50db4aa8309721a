"""What the tasks may do at Bedrock, SageMaker and with the OpenAI key."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.data_bucket import BATCH, TUNING, DataBucket

_JOBS, _TUNING_JOBS = "model-invocation-job", "model-customization-job"


class ModelAccess(Construct):
    """Statements for the allowed models, and the roles that Bedrock's own jobs run as."""

    def __init__(
        self, scope: Construct, id: str, *, configuration: Configuration, data: DataBucket
    ) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        self.batch_role = self._make_role("BatchRole", "batch inference", _JOBS)
        self.tuning_role = self._make_role("TuningRole", "fine-tuning", _TUNING_JOBS)
        for role, prefix in ((self.batch_role, BATCH), (self.tuning_role, TUNING)):
            data.grant_read(role, prefix)
            data.grant_put(role, prefix)
        # Of an inference profile Bedrock asks that the job's role may call it.
        _allow(self.batch_role, ["bedrock:InvokeModel"], self.model_arns())

    def _make_role(self, id: str, what: str, jobs: str) -> iam.Role:
        return iam.Role(
            self,
            id,
            description=f"Bedrock {what}: its input and output in the data bucket",
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": self._arn(f"{jobs}/*")},
                },
            ),
        )

    def grant_use(self, role: iam.IRole) -> None:
        """Let ``role`` call the allowed models and endpoints, and read the OpenAI key.

        The Converse operations have no action of their own: they are authorized as InvokeModel.
        """
        _allow(
            role,
            ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            self.model_arns(),
        )
        endpoints = self._configuration.sagemaker_endpoints
        if endpoints:
            _allow(
                role,
                ["sagemaker:InvokeEndpoint"],
                [
                    Stack.of(self).format_arn(
                        service="sagemaker", resource="endpoint", resource_name=name.lower()
                    )
                    for name in endpoints
                ],
            )
        # By name: a secret made by the stack would collide with one that exists already. Without
        # the six characters that every secret's ARN ends with, only one that does not exist is
        # named: Secrets Manager can then say so, instead of refusing to tell.
        further = self._configuration.model_secret_names or ()
        secrets = [
            Stack.of(self).format_arn(
                service="secretsmanager",
                resource="secret",
                resource_name=name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for name in (self._configuration.openai_secret_name, *further)
        ]
        arns = [form for secret in secrets for form in (secret, f"{secret}-??????")]
        _allow(role, ["secretsmanager:GetSecretValue"], arns)

    def grant_tuned(self, role: iam.IRole) -> None:
        """Let ``role`` call what fine-tuning has made, once it is deployed."""
        _allow(
            role,
            ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            [self._arn("custom-model-deployment/*"), self._arn("provisioned-model/*")],
        )

    def grant_listing(self, role: iam.IRole) -> None:
        """Let ``role`` see which models the account has and, where runs keep to them, its
        quotas. None of this can be limited to a resource."""
        actions = [
            "bedrock:ListFoundationModels",
            "bedrock:ListInferenceProfiles",
            "sagemaker:ListEndpoints",
        ]
        if self._configuration.bedrock_quotas:
            actions.append("servicequotas:ListServiceQuotas")
        _allow(role, actions, ["*"])

    def grant_batch(self, role: iam.IRole) -> None:
        """Let ``role`` run batch jobs of the allowed models as ``batch_role``."""
        jobs = self._arn(f"{_JOBS}/*")
        _allow(role, ["bedrock:CreateModelInvocationJob"], [*self.model_arns(), jobs])
        _allow(role, ["bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob"], [jobs])
        _allow(role, ["bedrock:ListModelInvocationJobs"], ["*"])  # has no resource
        self._allow_pass(role, self.batch_role)

    def grant_tuning(self, role: iam.IRole) -> None:
        """Let ``role`` fine-tune the allowed models as ``tuning_role``."""
        made = [self._arn("custom-model/*"), self._arn(f"{_TUNING_JOBS}/*")]
        _allow(role, ["bedrock:CreateModelCustomizationJob"], [*self._trainable_arns(), *made])
        _allow(role, ["bedrock:StopModelCustomizationJob"], [made[1]])
        self.grant_watching_tuning(role)
        self._allow_pass(role, self.tuning_role)

    def grant_watching_tuning(self, role: iam.IRole) -> None:
        """Let ``role`` see how fine-tuning jobs stand."""
        _allow(role, ["bedrock:GetModelCustomizationJob"], [self._arn(f"{_TUNING_JOBS}/*")])

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

    def _trainable_arns(self) -> list[str]:
        """A base model's id for training is the model's with a context size behind, such as
        :128k."""
        stack = Stack.of(self)
        return [
            f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{name}"
            for model in self._configuration.bedrock_models
            for name in ((model,) if model.endswith("*") else (model, f"{model}:*"))
        ]

    def _allow_pass(self, role: iam.IRole, passed: iam.Role) -> None:
        iam.Grant.add_to_principal(
            grantee=role,
            actions=["iam:PassRole"],
            resource_arns=[passed.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
        )

    def _arn(self, resource: str) -> str:
        return Stack.of(self).format_arn(service="bedrock", resource=resource)


def _allow(role: iam.IRole, actions: Sequence[str], arns: Sequence[str]) -> None:
    iam.Grant.add_to_principal(grantee=role, actions=list(actions), resource_arns=list(arns))
