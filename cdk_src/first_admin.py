"""The first user, in the group ``admins``."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

_HANDLER = Path(__file__).parent / "handlers" / "admin_password.py"


class FirstAdmin(Construct):
    """Invited by mail, or with a generated password that stays in Secrets Manager."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        pool: cognito.UserPool,
        group: cognito.CfnUserPoolGroup,
        email: str,
        by_mail: bool,
        policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        user = cognito.CfnUserPoolUser(
            self,
            "User",
            user_pool_id=pool.user_pool_id,
            username=email,
            desired_delivery_mediums=["EMAIL"] if by_mail else None,
            message_action=None if by_mail else "SUPPRESS",
            user_attributes=[
                {"name": "email", "value": email},
                {"name": "email_verified", "value": "true"},
            ],
        )
        membership = cognito.CfnUserPoolUserToGroupAttachment(
            self,
            "Membership",
            user_pool_id=pool.user_pool_id,
            username=email,
            group_name=group.ref,
        )
        membership.node.add_dependency(user)
        for kept in (user, membership):
            kept.apply_removal_policy(policy)
        self.password: secretsmanager.Secret | None = None
        if not by_mail:
            self.password = self._generate_password(pool, user)

    def _generate_password(
        self, pool: cognito.UserPool, user: cognito.CfnUserPoolUser
    ) -> secretsmanager.Secret:
        password = secretsmanager.Secret(
            self,
            "Password",
            description="Password of the first user of the prompt studio",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=24, require_each_included_type=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        function = lambda_.Function(
            self,
            "SetPassword",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(_HANDLER.read_text(encoding="utf-8")),
            timeout=Duration.minutes(1),
        )
        password.grant_read(function)
        pool.grant(function, "cognito-idp:AdminSetUserPassword")
        setting = CustomResource(
            self,
            "PasswordSetting",
            service_token=function.function_arn,
            resource_type="Custom::AdminPassword",
            properties={
                "UserPoolId": pool.user_pool_id,
                "Username": user.username,
                "SecretArn": password.secret_arn,
            },
        )
        setting.node.add_dependency(user)
        return password
