"""The only reader of the environment and of ``.env``. The table in ``docs/settings.md`` is made
from these fields; a test keeps it true."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompt_app.errors import SettingsError

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
    blob_url: str | None = Field(
        default=None,
        validation_alias="PROMPT_APP_BLOB_URL",
        description="Where files are kept: a folder, or s3://bucket/prefix. "
        "Without it: the data folder.",
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
    custom_metrics: Path | None = Field(
        default=None,
        validation_alias="PROMPT_APP_CUSTOM_METRICS",
        description="Folder of metrics of your own, Python files that evaluations may then name.",
    )
    max_upload_mb: int = Field(
        default=200,
        ge=1,
        validation_alias="PROMPT_APP_MAX_UPLOAD_MB",
        description="Largest dataset file that the studio takes.",
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


def load_settings() -> Settings:
    """Read the environment and ``.env``.

    Raises SettingsError that names each wrong variable and what it takes; never its value, which
    may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"Wrong settings: {problems}. See docs/settings.md.") from None
