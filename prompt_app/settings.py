"""The only reader of the environment and of ``.env``. The table in ``docs/settings.md`` is made
from these fields; a test keeps it true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompt_app.errors import SettingsError

RoleName = Literal["viewer", "editor", "admin"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Each field reads the environment variable that is its ``validation_alias``."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(
        default=Path(".data"),
        validation_alias="PROMPT_APP_DATA_DIR",
        description="Folder of the embedded database, its backups and stored files.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="SQLAlchemy address of the store, e.g. postgresql+psycopg://user:pw@host/db. "
        "Without it: SQLite in the data folder.",
    )
    database_users: dict[str, SecretStr] = Field(
        default={},
        validation_alias="PROMPT_APP_DATABASE_USERS",
        description="PostgreSQL users that `prompt-app migrate` makes, with their passwords, as "
        "JSON. They may read and write rows and change no table: for an app that is not to run as "
        "the tables' owner.",
    )
    migration_backup: bool = Field(
        default=True,
        validation_alias="PROMPT_APP_MIGRATION_BACKUP",
        description="Whether the store is copied into the backups of the data folder before a new "
        "version of the app migrates it. Turn off where the database keeps backups of its own, "
        "or where a copy of it takes too long.",
    )
    blob_url: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_BLOB_URL",
        description="Where files are kept: a folder, or s3://bucket/prefix. "
        "Without it: the data folder.",
    )
    rubrics_url: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_RUBRICS_URL",
        description="Rubrics of the studio, with datasets/, experiments/ and releases/: a folder, "
        "or s3://bucket/prefix. Without it: 'rubrics' beside the files.",
    )
    log_level: LogLevel = Field(
        default="INFO", validation_alias="LOG_LEVEL", description="Least severity that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        validation_alias="LOG_FORMAT",
        description="One readable line, or one JSON object, for each record.",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias="PROMPT_APP_HOST",
        description="Address that the studio listens on.",
    )
    port: int = Field(
        default=8501,
        ge=1,
        le=65535,
        validation_alias="PROMPT_APP_PORT",
        description="Port that the studio listens on.",
    )
    allow_open: bool = Field(
        default=False,
        validation_alias="PROMPT_APP_ALLOW_OPEN",
        description="Whether the studio may listen beyond this machine without a login. For a "
        "container whose port is published on loopback only.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+/?$",
        validation_alias="PROMPT_APP_PUBLIC_URL",
        description="Address at which browsers reach the studio, e.g. https://prompts.example.com. "
        "A login needs it.",
    )
    oidc_discovery_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        validation_alias="PROMPT_APP_OIDC_DISCOVERY_URL",
        description="Discovery document of the OpenID provider for the login. Without it the "
        "studio is open, and listens on this machine only.",
    )
    oidc_client_id: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_OIDC_CLIENT_ID",
        description="Client id at that provider.",
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None,
        validation_alias="PROMPT_APP_OIDC_CLIENT_SECRET",
        description="Client secret at that provider.",
    )
    oidc_redirect_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+/oauth2callback$",
        validation_alias="PROMPT_APP_OIDC_REDIRECT_URL",
        description="Callback that the client has at the provider; without it the public address "
        "with /oauth2callback.",
    )
    oidc_scopes: str = Field(
        default="openid email profile",
        pattern=r"(^|\s)openid(\s|$)",
        validation_alias="PROMPT_APP_OIDC_SCOPES",
        description="Scopes to ask for, separated by spaces; some providers give groups only "
        "where a scope asks for them.",
    )
    oidc_groups_claim: str = Field(
        default="groups",
        validation_alias="PROMPT_APP_OIDC_GROUPS_CLAIM",
        description="Claim of the ID token that lists a person's groups; with dots it is a path "
        "into nested claims.",
    )
    oidc_roles: dict[str, RoleName] = Field(
        default={"admins": "admin", "editors": "editor", "viewers": "viewer"},
        validation_alias="PROMPT_APP_OIDC_ROLES",
        description="Role of each group, as JSON. Of several the highest counts.",
    )
    oidc_default_role: RoleName | None = Field(
        default=None,
        validation_alias="PROMPT_APP_OIDC_DEFAULT_ROLE",
        description="Role of people without such a group; without it they are refused.",
    )
    oidc_logout_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        validation_alias="PROMPT_APP_OIDC_LOGOUT_URL",
        description="Logout page that takes client_id and logout_uri, as Cognito's does; without "
        "it the end_session_endpoint of the discovery document.",
    )
    cookie_secret: SecretStr | None = Field(
        default=None,
        validation_alias="STREAMLIT_SERVER_COOKIE_SECRET",
        description="Signs the login's cookies: at least 32 random characters, the same for all "
        "replicas and across restarts.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias="OPENAI_API_KEY", description="Key for OpenAI."
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        validation_alias="OPENAI_BASE_URL",
        description="OpenAI, or any server that speaks its protocol.",
    )
    openai_secret_name: str = Field(
        default="openai_key",
        validation_alias="OPENAI_SECRET_NAME",
        description="Secrets Manager secret that holds the key where OPENAI_API_KEY is not set.",
    )
    api_keys: dict[str, SecretStr] = Field(
        default={},
        validation_alias="PROMPT_APP_API_KEYS",
        description="Keys of other servers of OpenAI's protocol, by host name, as JSON, e.g. "
        '{"openrouter.ai": "..."}. A key is sent to its own host only, and only over https.',
    )
    aws_region: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
        description="Region of Bedrock, SageMaker, S3 and Secrets Manager; "
        "else that of the AWS profile.",
    )
    bedrock_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="AWS_BEARER_TOKEN_BEDROCK",
        description="Bedrock API key; without it the standard AWS credential chain signs.",
    )
    bedrock_endpoint_url: str | None = Field(
        default=None,
        validation_alias="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        description="Another server of the Bedrock runtime protocol.",
    )
    bedrock_quotas: bool = Field(
        default=False,
        validation_alias="PROMPT_APP_BEDROCK_QUOTAS",
        description="Whether runs on Bedrock models keep to the account's quotas of requests and "
        "tokens a minute, read from Service Quotas when they are submitted.",
    )
    sagemaker_endpoint_url: str | None = Field(
        default=None,
        validation_alias="AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
        description="Another server of the SageMaker runtime protocol.",
    )
    allow_private_addresses: bool = Field(
        default=True,
        validation_alias="PROMPT_APP_ALLOW_PRIVATE_ADDRESSES",
        description="Whether a model's base_url may point into a private network (a local Ollama, "
        "say). Turn off where others than the machine's owner enter addresses. Link-local "
        "metadata addresses are always refused.",
    )
    lease_seconds: float = Field(
        default=15.0,
        gt=0,
        validation_alias="PROMPT_APP_LEASE_SECONDS",
        description="A worker silent for this long loses its runs to another.",
    )
    worker_runs: int = Field(
        default=4,
        ge=1,
        le=64,
        validation_alias="PROMPT_APP_WORKER_RUNS",
        description="Runs that one worker advances at a time.",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        validation_alias="PROMPT_APP_BROKER_URL",
        description="Broker over which workers share runs: redis://host:6379/0, or the address of "
        "an SQS queue. Without it: each worker takes whole runs from the database.",
    )
    idle_seconds: float | None = Field(
        default=None,
        gt=0,
        validation_alias="PROMPT_APP_IDLE_SECONDS",
        description="Seconds without work or a call after which the app closes its database "
        "connections and looks into the database no more until it is asked something, so that a "
        "serverless database can pause. Workers then need PROMPT_APP_BROKER_URL, which wakes "
        "them. Without it: never.",
    )
    batch_url: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_BATCH_URL",
        description="s3://bucket/prefix for the files of Bedrock's batch jobs.",
    )
    batch_role_arn: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_BATCH_ROLE_ARN",
        description="Role under which Bedrock reads and writes those files.",
    )
    tuning_url: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_TUNING_URL",
        description="s3://bucket/prefix for Bedrock's training files, where a job names none.",
    )
    tuning_role_arn: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_TUNING_ROLE_ARN",
        description="Role under which Bedrock reads them, where a job names none.",
    )
    custom_metrics: Path | None = Field(
        default=None,
        validation_alias="PROMPT_APP_CUSTOM_METRICS",
        description="Folder of metrics of your own, Python files that evaluations may then name.",
    )
    custom_functions: Path = Field(
        default=Path("functions"),
        validation_alias="PROMPT_APP_FUNCTIONS",
        description="Folder of functions of your own for pipelines, Python files named "
        "custom_*.py. An admin registers them.",
    )
    max_upload_mb: int = Field(
        default=2_000,
        ge=1,
        validation_alias="PROMPT_APP_MAX_UPLOAD_MB",
        description="Largest dataset file that the studio takes.",
    )

    @field_validator("alert_webhook")
    @classmethod
    def _check_webhook(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not re.match(r"https?://[^/\s]+\S*$", given.get_secret_value()):
            raise ValueError("an address starts with http:// or https://")
        return given

    @model_validator(mode="after")
    def _check_login(self) -> Settings:
        needed = {
            "PROMPT_APP_OIDC_DISCOVERY_URL": self.oidc_discovery_url,
            "PROMPT_APP_OIDC_CLIENT_ID": self.oidc_client_id,
            "PROMPT_APP_OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }
        missing = [name for name, value in needed.items() if not value]
        if len(missing) == len(needed):
            return self
        others = {
            "PROMPT_APP_PUBLIC_URL": self.public_url,
            "STREAMLIT_SERVER_COOKIE_SECRET": self.cookie_secret,
        }
        missing += [name for name, value in others.items() if not value]
        if missing:
            raise ValueError(f"the login also needs {', '.join(missing)}")
        if self.cookie_secret and len(self.cookie_secret.get_secret_value()) < 32:
            raise ValueError("STREAMLIT_SERVER_COOKIE_SECRET is shorter than 32 characters")
        if _origin(self.redirect_url) != _origin(self.public_url or ""):
            raise ValueError(
                "PROMPT_APP_OIDC_REDIRECT_URL must have the host of PROMPT_APP_PUBLIC_URL"
            )
        return self

    @property
    def has_login(self) -> bool:
        """Whether people log in; without it whoever reaches the studio is an admin."""
        return self.oidc_discovery_url is not None

    @property
    def redirect_url(self) -> str:
        return self.oidc_redirect_url or f"{(self.public_url or '').rstrip('/')}/oauth2callback"

    gateway_model: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_GATEWAY_MODEL",
        description="Model that answers a saved prompt called through the gateway where the call "
        "names none, e.g. openai:gpt-5-mini.",
    )
    gateway_cache_seconds: float | None = Field(
        default=None,
        ge=0,
        validation_alias="PROMPT_APP_GATEWAY_CACHE_SECONDS",
        description="Age up to which the gateway answers from stored replies; 0 turns that off. "
        "Without it: any age. A call can ask for less by Cache-Control.",
    )
    gateway_concurrency: int = Field(
        default=200,
        ge=1,
        le=1000,
        validation_alias="PROMPT_APP_GATEWAY_CONCURRENCY",
        description="Most calls of one gateway to one model at a time.",
    )
    alert_webhook: SecretStr | None = Field(
        default=None,
        validation_alias="PROMPT_APP_ALERT_WEBHOOK",
        description="Address that gets a POST with JSON (text, alert) when the gateway's calls "
        "reach an alert's threshold. What holds for a model's base_url holds for it.",
    )
    gateway_body_days: float = Field(
        default=0,
        ge=0,
        validation_alias="PROMPT_APP_GATEWAY_BODY_DAYS",
        description="Days for which the gateway keeps requests and responses with its usage "
        "records; 0 keeps none.",
    )

    @property
    def resolved_database_url(self) -> str:
        """The store's address; SQLite's file is inside ``data_dir``."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'prompt-app.sqlite3').resolve()}"

    @property
    def resolved_blob_url(self) -> str:
        return self.blob_url or str((self.data_dir / "files").resolve())

    @property
    def resolved_rubrics_url(self) -> str:
        return self.rubrics_url or f"{self.resolved_blob_url.rstrip('/')}/rubrics"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def load_settings() -> Settings:
    """Read the environment and ``.env``.

    Raises SettingsError that names each wrong variable and what it takes; never its value, which
    may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            ": ".join([*map(str, problem["loc"]), problem["msg"].removeprefix("Value error, ")])
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"Wrong settings: {problems}. See docs/settings.md.") from None
