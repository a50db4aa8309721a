"""Bedrock's batch inference: requests and replies as files of a bucket, which Bedrock reads and
writes under a role of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson

from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Reply
from prompt_app.errors import ConnectionFailedError, EvaluationError, ProviderError
from prompt_app.interfaces.batch_jobs import BatchStatus
from prompt_app.providers.bedrock_wire import read_reply, refusal, request_body
from prompt_app.providers.http import HttpResponse
from prompt_app.settings import Settings

Result = TypeVar("Result")

ENDED = ("Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired")
HOST = "Bedrock"


class BedrockBatches:
    """:class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""

    def __init__(self, model: ModelSpec, settings: Settings) -> None:
        if settings.batch_url is None or settings.batch_role_arn is None:
            raise EvaluationError("PROMPT_APP_BATCH_URL and PROMPT_APP_BATCH_ROLE_ARN are not set.")
        place = urlsplit(settings.batch_url)
        self._bucket, self._prefix = place.netloc, place.path.strip("/")
        self._role = settings.batch_role_arn
        self._model = model
        self._region = model.region or settings.aws_region

    async def upload(self, token: str, requests: Sequence[tuple[str, GenerationRequest]]) -> str:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        lines = [
            orjson.dumps({"recordId": key, "modelInput": request_body(request)})
            for key, request in requests
        ]
        place = f"{self._prefix}/{token}".lstrip("/")
        body = b"\n".join(lines)
        await self._do(
            lambda: self._s3.put_object(Bucket=self._bucket, Key=f"{place}/in.jsonl", Body=body)
        )
        return f"s3://{self._bucket}/{place}"

    async def submit(self, token: str, place: str) -> str:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`. Bedrock itself gives the
        job that has the same client token."""
        source = {"s3InputFormat": "JSONL", "s3Uri": f"{place}/in.jsonl"}
        target = {"s3Uri": f"{place}/out/"}
        made = await self._do(
            lambda: self._bedrock.create_model_invocation_job(
                jobName=_name(token),
                clientRequestToken=token,
                roleArn=self._role,
                modelId=self._model.name,
                modelInvocationType="Converse",
                inputDataConfig={"s3InputDataConfig": source},
                outputDataConfig={"s3OutputDataConfig": target},
            )
        )
        return str(made["jobArn"])

    async def find(self, token: str) -> str | None:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        listed = await self._do(
            lambda: self._bedrock.list_model_invocation_jobs(nameContains=_name(token))
        )
        found = listed.get("invocationJobSummaries", ())
        return str(found[0]["jobArn"]) if found else None

    async def status(self, provider_id: str) -> BatchStatus:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        job = await self._job(provider_id)
        early = job["status"] if job["status"] in ENDED[1:] else ""
        return BatchStatus(
            job["status"] in ENDED,
            int(job.get("successRecordCount", 0)),
            f"{early} {job.get('message', '')}".strip(),
        )

    async def results(
        self, provider_id: str, requests: Sequence[tuple[str, GenerationRequest]]
    ) -> AsyncIterator[tuple[str, Reply | ProviderError]]:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        job = await self._job(provider_id)
        place = urlsplit(job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        prefix = f"{place.path.lstrip('/')}{provider_id.rpartition('/')[2]}/"
        listed = await self._do(
            lambda: self._s3.list_objects_v2(Bucket=place.netloc, Prefix=prefix)
        )
        by_key = dict(requests)
        for item in listed.get("Contents", ()):
            if not item["Key"].endswith(".jsonl.out"):
                continue
            read = self._reader(place.netloc, item["Key"])
            for line in (await self._do(read)).splitlines():
                found = orjson.loads(line)
                request = by_key.get(found.get("recordId"))
                if request is not None:
                    yield found["recordId"], _outcome(found, request)

    async def cancel(self, provider_id: str) -> None:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        job = await self._job(provider_id)
        if job["status"] not in (*ENDED, "Stopping"):
            await self._do(
                lambda: self._bedrock.stop_model_invocation_job(jobIdentifier=provider_id)
            )

    async def close(self) -> None:
        """Nothing stays open."""

    async def _job(self, provider_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._do(
            lambda: self._bedrock.get_model_invocation_job(jobIdentifier=provider_id)
        )
        return found

    def _reader(self, bucket: str, key: str) -> Callable[[], bytes]:
        return lambda: bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    @cached_property
    def _s3(self) -> Any:
        return self._client("s3")

    @cached_property
    def _bedrock(self) -> Any:
        return self._client("bedrock")

    def _client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        session: Any = boto3.session.Session()
        retries = Config(retries={"mode": "standard", "max_attempts": 5})
        return session.client(service, region_name=self._region, config=retries)

    async def _do(self, call: Callable[[], Result]) -> Result:
        """In a thread; AWS's errors as those of this package."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await asyncio.to_thread(call)
        except ClientError as error:
            told = error.response
            status = told["ResponseMetadata"]["HTTPStatusCode"]
            code, message = told["Error"].get("Code", ""), told["Error"].get("Message", "")
            body = orjson.dumps({"__type": code, "message": message})
            nothing = GenerationRequest(model=self._model, messages=())
            raise refusal(HttpResponse(status, {}, body, 0.0), HOST, nothing) from None
        except BotoCoreError as error:
            raise ConnectionFailedError(f"AWS could not be reached: {error}") from None


def _name(token: str) -> str:
    return f"prompt-app-{token}"


def _outcome(line: dict[str, Any], request: GenerationRequest) -> Reply | ProviderError:
    error = line.get("error")
    try:
        if error is None:
            body = orjson.dumps(line.get("modelOutput"))
            return read_reply(HttpResponse(200, {}, body, 0.0), HOST, request.model.name)
        told = {"__type": "ValidationException", "message": error.get("errorMessage", "")}
        status = int(error.get("errorCode", 400))
        return refusal(HttpResponse(status, {}, orjson.dumps(told), 0.0), HOST, request)
    except ProviderError as failed:
        return failed


def connect(model: ModelSpec, settings: Settings) -> BedrockBatches:
    """The entry of the BATCH_PROVIDERS table."""
    return BedrockBatches(model, settings)
