"""Who may use the app: a Cognito user pool, or another OpenID provider.

Either gives the web task the same settings: ``environment`` and ``secrets``.
"""

from __future__ import annotations

import json

from aws_cdk import Aws, CfnOutput, Duration, Fn, RemovalPolicy, SecretValue
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.first_admin import FirstAdmin
from cdk_src.removal import removal_policy

GROUPS = {
    "admins": "Everything, including users, tokens and settings",
    "editors": "Make and run evaluations",
    "viewers": "Read",
}
# Streamlit's fixed path of the authorization-code callback.
_CALLBACK = "/oauth2callback"
_MFA = {
    # Not OPTIONAL: Cognito's pages then ask nobody to set one up, and leave that to the app.
    "off": cognito.Mfa.OFF,
    "required": cognito.Mfa.REQUIRED,
}


class Login(Construct):
    """``url`` is where browsers reach the app, without a slash at its end."""

    def __init__(
        self, scope: Construct, id: str, *, configuration: Configuration, url: str
    ) -> None:
        super().__init__(scope, id)
        self.pool: cognito.UserPool | None = None
        self.client_secret: secretsmanager.ISecret
        self.cookie_secret = secretsmanager.Secret(
            self,
            "CookieSecret",
            description="Signs the login cookie; the same for every replica and across restarts",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.environment = {
            "PROMPT_APP_PUBLIC_URL": url,
            "PROMPT_APP_OIDC_REDIRECT_URL": f"{url}{_CALLBACK}",
        }
        if configuration.uses_cognito:
            self._use_cognito(configuration, url)
        else:
            self._use_provider(configuration)
        self.secrets = {
            "STREAMLIT_SERVER_COOKIE_SECRET": ecs.Secret.from_secrets_manager(self.cookie_secret),
            "PROMPT_APP_OIDC_CLIENT_SECRET": ecs.Secret.from_secrets_manager(self.client_secret),
        }

    def _use_provider(self, configuration: Configuration) -> None:
        assert configuration.oidc_discovery_url
        assert configuration.oidc_client_id
        assert configuration.oidc_client_secret_name
        self.client_secret = secretsmanager.Secret.from_secret_name_v2(
            self, "ClientSecret", configuration.oidc_client_secret_name
        )
        self.environment |= {
            "PROMPT_APP_OIDC_DISCOVERY_URL": configuration.oidc_discovery_url,
            "PROMPT_APP_OIDC_CLIENT_ID": configuration.oidc_client_id,
            "PROMPT_APP_OIDC_GROUPS_CLAIM": configuration.oidc_groups_claim,
            "PROMPT_APP_OIDC_SCOPES": configuration.oidc_scopes,
            "PROMPT_APP_OIDC_ROLES": json.dumps(
                dict(role.rsplit("=", 1) for role in configuration.oidc_roles)
            ),
        }

    def _use_cognito(self, configuration: Configuration, url: str) -> None:
        pool = self._make_pool(configuration)
        self.pool = pool
        domain = pool.add_domain(
            "Domain",
            # Such names are unique in the region: the stack's own id makes it so.
            cognito_domain=cognito.CognitoDomainOptions(
                domain_prefix=Fn.join(
                    "-", ["prompt-app", Fn.select(2, Fn.split("/", Aws.STACK_ID))]
                )
            ),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        client = self._make_client(pool, url)
        # Without a style the newer login pages are not served.
        cognito.CfnManagedLoginBranding(
            self,
            "Branding",
            user_pool_id=pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        cfn_client = client.node.default_child
        assert isinstance(cfn_client, cognito.CfnUserPoolClient)
        self.client_secret = secretsmanager.Secret(
            self,
            "ClientSecret",
            description="Client secret of the app at its user pool",
            secret_string_value=SecretValue.resource_attribute(cfn_client.attr_client_secret),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._add_people(pool, configuration)
        issuer = f"https://cognito-idp.{Aws.REGION}.{Aws.URL_SUFFIX}/{pool.user_pool_id}"
        self.environment |= {
            "PROMPT_APP_OIDC_DISCOVERY_URL": f"{issuer}/.well-known/openid-configuration",
            "PROMPT_APP_OIDC_CLIENT_ID": client.user_pool_client_id,
            "PROMPT_APP_OIDC_GROUPS_CLAIM": "cognito:groups",
            # It takes logout_uri where the standard has post_logout_redirect_uri.
            "PROMPT_APP_OIDC_LOGOUT_URL": f"{domain.base_url()}/logout",
        }

    def _make_pool(self, configuration: Configuration) -> cognito.UserPool:
        plus = configuration.threat_protection
        return cognito.UserPool(
            self,
            "Users",
            feature_plan=cognito.FeaturePlan.PLUS if plus else cognito.FeaturePlan.ESSENTIALS,
            standard_threat_protection_mode=(
                cognito.StandardThreatProtectionMode.FULL_FUNCTION if plus else None
            ),
            self_sign_up_enabled=configuration.self_sign_up,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=_MFA[configuration.mfa],
            mfa_second_factor=(
                None if configuration.mfa == "off" else cognito.MfaSecondFactor(sms=False, otp=True)
            ),
            deletion_protection=not configuration.destroys_data,
            removal_policy=removal_policy(configuration),
        )

    def _make_client(self, pool: cognito.UserPool, url: str) -> cognito.UserPoolClient:
        return pool.add_client(
            "App",
            generate_secret=True,
            auth_flows=cognito.AuthFlow(user_srp=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[
                    cognito.OAuthScope.OPENID,
                    cognito.OAuthScope.EMAIL,
                    cognito.OAuthScope.PROFILE,
                ],
                callback_urls=[f"{url}{_CALLBACK}"],
                logout_urls=[f"{url}/"],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            id_token_validity=Duration.hours(8),
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
        )

    def _add_people(self, pool: cognito.UserPool, configuration: Configuration) -> None:
        policy = removal_policy(configuration)
        groups = {
            name: cognito.CfnUserPoolGroup(
                self,
                f"Group{name.capitalize()}",
                user_pool_id=pool.user_pool_id,
                group_name=name,
                description=description,
                precedence=precedence,
            )
            for precedence, (name, description) in enumerate(GROUPS.items())
        }
        for group in groups.values():
            group.apply_removal_policy(policy)
        if configuration.admin_email is None:
            return
        admin = FirstAdmin(
            self,
            "FirstAdmin",
            pool=pool,
            group=groups["admins"],
            email=configuration.admin_email,
            by_mail=configuration.admin_invitation == "mail",
            policy=policy,
        )
        if admin.password is not None:
            CfnOutput(
                self,
                "AdminPasswordSecret",
                value=admin.password.secret_name,
                description="Secrets Manager secret that holds the first user's password",
            )
