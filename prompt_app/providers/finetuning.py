"""Fine-tuning jobs at OpenAI (and servers of its protocol) and at Bedrock. All methods block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from prompt_app.datamodel.finetuning import (
    FinetuneRequest,
    FinetuningProvider,
    JobState,
    JobStatus,
    TrainingExample,
)
from prompt_app.errors import (
    AuthenticationError,
    ConnectionFailedError,
    EvaluationError,
    ModelNotFoundError,
    ProviderError,
    QuotaExhaustedError,
    RequestRefusedError,
    ServerError,
)
from prompt_app.providers.faults import quoted
from prompt_app.providers.secrets import openai_key

if TYPE_CHECKING:
    from openai import OpenAI

    from prompt_app.settings import Settings

TIMEOUT_SECONDS = 60.0
OPENAI_STATES: dict[str, JobState] = {
    "validating_files": "queued",
    "queued": "queued",
    "running": "running",
    "paused": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
BEDROCK_STATES: dict[str, JobState] = {
    "InProgress": "running",
    "Stopping": "running",
    "Completed": "succeeded",
    "Failed": "failed",
    "Stopped": "cancelled",
}


class Finetuner(Protocol):
    """One provider's jobs. Every method raises a ProviderError."""

    def encode(self, example: TrainingExample) -> str:
        """One line of the training file."""
        ...

    def start(self, request: FinetuneRequest, lines: bytes, job_id: str) -> str:
        """Upload the file and start; the provider's id of the job. ``job_id`` is ours."""
        ...

    def status(self, remote_id: str) -> JobStatus: ...

    def cancel(self, remote_id: str) -> None: ...


def connect_finetuner(provider: FinetuningProvider, settings: Settings) -> Finetuner:
    return OpenAIFinetuner(settings) if provider == "openai" else BedrockFinetuner(settings)


class OpenAIFinetuner:
    """By the official client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def encode(self, example: TrainingExample) -> str:
        messages = [{"role": each.role, "content": each.content} for each in example.messages]
        return json.dumps({"messages": messages}, ensure_ascii=False)

    def start(self, request: FinetuneRequest, lines: bytes, job_id: str) -> str:
        extra: dict[str, Any] = {}
        if request.epochs is not None:
            hyperparameters = {"n_epochs": request.epochs}
            extra["method"] = {
                "type": "supervised",
                "supervised": {"hyperparameters": hyperparameters},
            }
        with _openai_errors(), self._client() as client:
            file = client.files.create(file=(f"{job_id}.jsonl", lines), purpose="fine-tune")
            job = client.fine_tuning.jobs.create(
                training_file=file.id, model=request.base_model, suffix=request.name, **extra
            )
        return job.id

    def status(self, remote_id: str) -> JobStatus:
        with _openai_errors(), self._client() as client:
            job = client.fine_tuning.jobs.retrieve(remote_id)
        return JobStatus(
            state=OPENAI_STATES.get(job.status, "running"),
            model=job.fine_tuned_model,
            message=(job.error.message or "") if job.error else "",
            trained_tokens=job.trained_tokens,
        )

    def cancel(self, remote_id: str) -> None:
        with _openai_errors(), self._client() as client:
            client.fine_tuning.jobs.cancel(remote_id)

    def _client(self) -> OpenAI:
        from openai import OpenAI

        base_url = self._settings.openai_base_url
        return OpenAI(
            # Servers of one's own need none, and the client insists on one.
            api_key=openai_key(base_url, None, self._settings) or "none",
            base_url=base_url,
            timeout=TIMEOUT_SECONDS,
            max_retries=2,
        )


class BedrockFinetuner:
    """Model customization jobs; the training file goes into the request's bucket."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def encode(self, example: TrainingExample) -> str:
        system = [{"text": each.content} for each in example.messages if each.role == "system"]
        turns = [
            {"role": each.role, "content": [{"text": each.content}]}
            for each in example.messages
            if each.role != "system"
        ]
        body: dict[str, Any] = {"schemaVersion": "bedrock-conversation-2024"}
        return json.dumps(
            body | ({"system": system} if system else {}) | {"messages": turns}, ensure_ascii=False
        )

    def start(self, request: FinetuneRequest, lines: bytes, job_id: str) -> str:
        role = request.role_arn or self._settings.tuning_role_arn
        place = request.bucket or self._settings.tuning_url
        if role is None or place is None:
            raise EvaluationError(
                "A job at Bedrock needs a role (its ARN) and a bucket (s3://bucket/prefix) that "
                "the role may read and write: give them, or set PROMPT_APP_TUNING_ROLE_ARN and "
                "PROMPT_APP_TUNING_URL."
            )
        bucket, _, prefix = place.removeprefix("s3://").rstrip("/").partition("/")
        key = f"{prefix}/{job_id}.jsonl".lstrip("/")
        extra: dict[str, Any] = {}
        if request.epochs is not None:
            extra["hyperParameters"] = {"epochCount": str(request.epochs)}
        with _aws_errors():
            self._client("s3").put_object(Bucket=bucket, Key=key, Body=lines)
            job = self._client("bedrock").create_model_customization_job(
                jobName=job_id,
                customModelName=f"{request.name}-{job_id}",
                roleArn=role,
                baseModelIdentifier=request.base_model,
                customizationType="FINE_TUNING",
                clientRequestToken=job_id,
                trainingDataConfig={"s3Uri": f"s3://{bucket}/{key}"},
                outputDataConfig={"s3Uri": f"s3://{bucket}/{key}.output/"},
                **extra,
            )
        return str(job["jobArn"])

    def status(self, remote_id: str) -> JobStatus:
        with _aws_errors():
            job = self._client("bedrock").get_model_customization_job(jobIdentifier=remote_id)
        state = BEDROCK_STATES.get(job["status"], "running")
        return JobStatus(
            state=state,
            model=job.get("outputModelArn") if state == "succeeded" else None,
            message=job.get("failureMessage", ""),
        )

    def cancel(self, remote_id: str) -> None:
        with _aws_errors():
            self._client("bedrock").stop_model_customization_job(jobIdentifier=remote_id)

    def _client(self, service: str) -> Any:
        """Other servers stand in AWS_ENDPOINT_URL_BEDROCK and AWS_ENDPOINT_URL_S3, as for every
        AWS client."""
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 3})
        session = boto3.Session(region_name=self._settings.aws_region)
        client: Any = session.client(service, config=config)  # type: ignore[call-overload]
        return client


@contextmanager
def _openai_errors() -> Iterator[None]:
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise _by_status(error.status_code, str(error.message)) from None
    except openai.OpenAIError as error:
        raise ConnectionFailedError(
            f"The fine-tuning service does not answer: {quoted(error)}"
        ) from None


@contextmanager
def _aws_errors() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        raise _by_status(status, str(error)) from None
    except BotoCoreError as error:
        raise AuthenticationError(f"AWS cannot be called: {quoted(error)}") from None


def _by_status(status: int, message: str) -> ProviderError:
    kinds: dict[int, type[ProviderError]] = {
        401: AuthenticationError,
        403: AuthenticationError,
        404: ModelNotFoundError,
        429: QuotaExhaustedError,
    }
    kind = kinds.get(status, ServerError if status >= 500 else RequestRefusedError)
    return kind(f"The fine-tuning service answered {status}: {quoted(message)}", status=status)
