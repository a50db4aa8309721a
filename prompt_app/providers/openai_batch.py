"""Batch jobs of OpenAI's protocol: a file of requests in, files of replies and errors out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import orjson

from prompt_app.datamodel.model import GenerationRequest, ModelSpec, Reply
from prompt_app.errors import ConnectionFailedError, ProviderError
from prompt_app.interfaces.batch_jobs import BatchStatus
from prompt_app.providers.addresses import server_name
from prompt_app.providers.http import HttpResponse
from prompt_app.providers.openai import body_of
from prompt_app.providers.openai_wire import read_reply, refusal
from prompt_app.providers.secrets import openai_key
from prompt_app.settings import Settings

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
TOKEN = "prompt_app_job"
ENDED = ("completed", "expired", "cancelled", "failed")
LOOK_BACK = 1000
"""Jobs of the account that are looked through for one that may have been submitted."""


class OpenAIBatches:
    """:class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""

    def __init__(self, model: ModelSpec, settings: Settings) -> None:
        self._model = model
        self._settings = settings
        self._base_url = model.base_url or settings.openai_base_url
        self._host = server_name(self._base_url)
        self._made: AsyncOpenAI | None = None

    async def upload(self, token: str, requests: Sequence[tuple[str, GenerationRequest]]) -> str:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        client = await self._client()
        lines = [
            orjson.dumps(
                {
                    "custom_id": key,
                    "method": "POST",
                    "url": ENDPOINT,
                    "body": body_of(request, self._settings),
                }
            )
            for key, request in requests
        ]
        file = await self._told(
            client.files.create(file=("requests.jsonl", b"\n".join(lines)), purpose="batch")
        )
        return file.id

    async def submit(self, token: str, place: str) -> str:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        client = await self._client()
        # Asked once: a second request would make a second job.
        job = await self._told(
            client.with_options(max_retries=0).batches.create(
                input_file_id=place,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={TOKEN: token},
            )
        )
        return await self.find(token) or job.id

    async def find(self, token: str) -> str | None:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`. Whoever sees several takes
        the first that was made, so that all agree, and cancels the others."""
        client = await self._client()
        jobs = await self._told(self._jobs_of(client, token))
        for job in jobs[1:]:
            logger.warning("batch job %s is one too many: it is cancelled", job.id)
            await self.cancel(job.id)
        return jobs[0].id if jobs else None

    async def status(self, provider_id: str) -> BatchStatus:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        client = await self._client()
        job = await self._told(client.batches.retrieve(provider_id))
        problems = job.errors.data or [] if job.errors is not None else []
        message = "; ".join(problem.message or "" for problem in problems)
        counts = job.request_counts
        early = job.status if job.status in ENDED[1:] else ""
        return BatchStatus(
            job.status in ENDED,
            counts.completed if counts is not None else 0,
            f"{early} {message}".strip(),
        )

    async def results(
        self, provider_id: str, requests: Sequence[tuple[str, GenerationRequest]]
    ) -> AsyncIterator[tuple[str, Reply | ProviderError]]:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        client = await self._client()
        job = await self._told(client.batches.retrieve(provider_id))
        by_key = dict(requests)
        for file_id in (job.output_file_id, job.error_file_id):
            if file_id is None:
                continue
            content = await self._told(client.files.content(file_id))
            for line in content.content.splitlines():
                found = orjson.loads(line)
                request = by_key.get(found.get("custom_id"))
                if request is not None:
                    yield found["custom_id"], self._outcome(found, request)

    async def cancel(self, provider_id: str) -> None:
        """See :class:`prompt_app.interfaces.batch_jobs.BatchProvider`."""
        client = await self._client()
        job = await self._told(client.batches.retrieve(provider_id))
        if job.status not in (*ENDED, "cancelling"):
            await self._told(client.batches.cancel(provider_id))

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()

    def _outcome(self, line: dict[str, Any], request: GenerationRequest) -> Reply | ProviderError:
        answer = line.get("response") or {}
        body = orjson.dumps(answer.get("body") or {"error": line.get("error") or {}})
        response = HttpResponse(int(answer.get("status_code") or 500), {}, body, 0.0)
        try:
            if response.status == 200:
                return read_reply(response, self._host, request)
            return refusal(response, self._host, request)
        except ProviderError as error:
            return error

    async def _jobs_of(self, client: AsyncOpenAI, token: str) -> list[Batch]:
        """From the first that was made."""
        found: list[Batch] = []
        seen = 0
        async for job in client.batches.list(limit=100):
            if (job.metadata or {}).get(TOKEN) == token:
                found.append(job)
            seen += 1
            if seen >= LOOK_BACK:
                break
        return sorted(found, key=lambda job: (job.created_at, job.id))

    async def _client(self) -> AsyncOpenAI:
        if self._made is None:
            from openai import AsyncOpenAI

            secret = self._model.options.get("api_key_secret")
            key = await asyncio.to_thread(openai_key, self._base_url, secret, self._settings)
            self._made = AsyncOpenAI(
                api_key=key or "none", base_url=self._base_url, max_retries=4, timeout=120
            )
        return self._made

    async def _told(self, call: Awaitable[Result]) -> Result:
        """What the client gives; its errors as those of this package."""
        from openai import APIConnectionError, APIStatusError

        try:
            return await call
        except APIStatusError as error:
            response = HttpResponse(
                error.status_code, error.response.headers, error.response.content, 0.0
            )
            nothing = GenerationRequest(model=self._model, messages=())
            raise refusal(response, self._host, nothing) from None
        except APIConnectionError as error:
            raise ConnectionFailedError(f"{self._host} could not be reached: {error}") from None


def connect(model: ModelSpec, settings: Settings) -> OpenAIBatches:
    """The entry of the BATCH_PROVIDERS table."""
    return OpenAIBatches(model, settings)
