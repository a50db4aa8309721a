"""Batch jobs of the mock server: OpenAI's files and batches, and Bedrock's model invocation jobs,
whose files are in the bucket that the standard AWS chain and ``AWS_ENDPOINT_URL_S3`` lead to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from aiohttp import web

from prompt_app.providers.mock import aws_wire, openai_wire
from prompt_app.providers.mock.wire import BadRequestError, Wire

Answer = Callable[[Wire, str, Any, str], tuple[int, bytes]]
"""Status and body for a wire, the model's name in the path, a decoded request and an id."""


@dataclass
class _Job:
    id: str
    token: str
    created: dict[str, Any]
    requests: list[dict[str, Any]]
    ready_at: float
    cancelled: bool = False
    answered: list[tuple[str, int, Any]] | None = None
    files: dict[str, str] = field(default_factory=dict)


class MockBatchJobs:
    """Jobs are answered when they are first looked at after ``batch_seconds``; a request is
    failed with the chance ``p_500``. A job that was cancelled before has answered nothing."""

    def __init__(self, answer: Answer, seconds: Callable[[], float]) -> None:
        self._answer = answer
        self._seconds = seconds
        self.files: dict[str, bytes] = {}
        """Uploaded, for batches and for fine-tuning."""
        self._jobs: dict[str, _Job] = {}
        self._ids = count(1)

    async def handle(self, request: web.BaseRequest) -> tuple[bytes, int] | None:
        """Body and status; None for a path that is none of theirs."""
        parts = [unquote(part) for part in request.rel_url.raw_path.strip("/").split("/")]
        try:
            if parts == ["model-invocation-jobs"]:
                name = request.rel_url.query.get("nameContains", "")
                body: bytes | None = await asyncio.to_thread(self._list_bedrock, name)
            elif parts[0] == "model-invocation-job":
                body = await self._handle_bedrock(request, parts[1:])
            else:
                body = await self._handle_openai(request, parts[1:])
        except (KeyError, BadRequestError) as error:
            told = {"error": {"message": str(error)}, "message": str(error)}
            return orjson.dumps(told), 400
        return None if body is None else (body, 200)

    async def _handle_openai(self, request: web.BaseRequest, parts: list[str]) -> bytes | None:
        match (request.method, parts):
            case "POST", ["files"]:
                body = await self._add_file(request)
            case "GET", ["files", name, "content"]:
                body = self.files[name]
            case "POST", ["batches"]:
                body = self._add_openai(orjson.loads(await request.read()))
            case "GET", ["batches"]:
                jobs = [self._openai(job) for job in self._jobs.values() if "input" in job.files]
                body = orjson.dumps({"object": "list", "data": jobs, "has_more": False})
            case "GET", ["batches", name]:
                body = orjson.dumps(self._openai(self._jobs[name]))
            case "POST", ["batches", name, "cancel"]:
                self._jobs[name].cancelled = True
                body = orjson.dumps(self._openai(self._jobs[name]))
            case _:
                return None
        return body

    async def _handle_bedrock(self, request: web.BaseRequest, parts: list[str]) -> bytes:
        if not parts:
            created = orjson.loads(await request.read())
            return await asyncio.to_thread(self._add_bedrock, created)
        # The identifier is an ARN, whose slash may come as it is.
        stops = parts[-1] == "stop"
        job = self._jobs[parts[-2 if stops else -1].rpartition("/")[2]]
        job.cancelled = job.cancelled or stops
        return b"{}" if stops else orjson.dumps(await asyncio.to_thread(self._bedrock, job))

    def _add(self, token: str, created: dict[str, Any], content: bytes) -> _Job:
        requests = [orjson.loads(line) for line in content.splitlines()]
        job = _Job(
            f"job{next(self._ids):012d}",
            token,
            created,
            requests,
            time.monotonic() + self._seconds(),
        )
        self._jobs[job.id] = job
        return job

    def _state(self, job: _Job) -> str:
        if job.answered is None and job.cancelled:
            return "cancelled"
        return "running" if time.monotonic() < job.ready_at else "done"

    # OpenAI

    async def _add_file(self, request: web.BaseRequest) -> bytes:
        name = f"file-{next(self._ids)}"
        async for part in await request.multipart():
            if getattr(part, "name", None) == "file":
                self.files[name] = bytes(await part.read())  # type: ignore[union-attr]
        return orjson.dumps(
            {"id": name, "object": "file", "bytes": len(self.files[name]), "created_at": 0,
             "filename": "requests.jsonl", "purpose": "batch", "status": "processed"}
        )  # fmt: skip

    def _add_openai(self, created: dict[str, Any]) -> bytes:
        job = self._add("", created, self.files[created["input_file_id"]])
        job.files["input"] = created["input_file_id"]
        return orjson.dumps(self._openai(job))

    def _openai(self, job: _Job) -> dict[str, Any]:
        state = self._state(job)
        if state == "done" and job.answered is None:
            self._answer_openai(job)
        answered = job.answered or []
        good = sum(status == 200 for _, status, _ in answered)
        told = {"running": "in_progress", "done": "completed", "cancelled": "cancelled"}
        return {
            "id": job.id, "object": "batch", "status": told[state], "created_at": 0,
            "endpoint": job.created["endpoint"], "completion_window": "24h",
            "input_file_id": job.files["input"], "metadata": job.created.get("metadata"),
            "output_file_id": job.files.get("output"), "error_file_id": job.files.get("error"),
            "request_counts": {"total": len(job.requests), "completed": good,
                               "failed": len(answered) - good},
        }  # fmt: skip

    def _answer_openai(self, job: _Job) -> None:
        job.answered = []
        lines: dict[str, list[bytes]] = {"output": [], "error": []}
        for request in job.requests:
            key = request["custom_id"]
            status, body = self._answer(openai_wire.CHAT, "", request["body"], key)
            job.answered.append((key, status, body))
            response = {"status_code": status, "request_id": key, "body": orjson.loads(body)}
            line = orjson.dumps({"custom_id": key, "response": response, "error": None})
            lines["output" if status == 200 else "error"].append(line)
        for kind, found in lines.items():
            if found:
                job.files[kind] = f"{job.id}-{kind}"
                self.files[job.files[kind]] = b"\n".join(found)

    # Bedrock

    def _add_bedrock(self, created: dict[str, Any]) -> bytes:
        token = created.get("clientRequestToken", "")
        known = next((job for job in self._jobs.values() if token and job.token == token), None)
        if known is None:
            place = urlsplit(created["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
            found = _s3().get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
            known = self._add(token, created, found["Body"].read())
            least = 100
            if len(known.requests) < least:
                raise BadRequestError(f"The job has fewer than {least} records.")
        return orjson.dumps({"jobArn": _arn(known)})

    def _list_bedrock(self, name: str) -> bytes:
        jobs = [job for job in self._jobs.values() if name in job.created.get("jobName", "-")]
        return orjson.dumps({"invocationJobSummaries": [self._bedrock(job) for job in jobs]})

    def _bedrock(self, job: _Job) -> dict[str, Any]:
        state = self._state(job)
        if state == "done" and job.answered is None:
            self._answer_bedrock(job)
        answered = job.answered or []
        good = sum(status == 200 for _, status, _ in answered)
        told = {"running": "InProgress", "done": "Completed", "cancelled": "Stopped"}
        return {
            "jobArn": _arn(job), "jobName": job.created["jobName"], "status": told[state],
            "modelId": job.created["modelId"], "roleArn": job.created["roleArn"],
            "inputDataConfig": job.created["inputDataConfig"],
            "outputDataConfig": job.created["outputDataConfig"],
            "submitTime": "2026-01-01T00:00:00Z", "totalRecordCount": len(job.requests),
            "successRecordCount": good, "errorRecordCount": len(answered) - good,
        }  # fmt: skip

    def _answer_bedrock(self, job: _Job) -> None:
        job.answered = []
        lines = []
        for request in job.requests:
            key, model = request["recordId"], job.created["modelId"]
            status, body = self._answer(aws_wire.CONVERSE, model, request["modelInput"], key)
            job.answered.append((key, status, body))
            told: dict[str, Any] = {"recordId": key, "modelInput": request["modelInput"]}
            if status == 200:
                told["modelOutput"] = orjson.loads(body)
            else:
                told["error"] = {"errorCode": status, "errorMessage": "It failed."}
            lines.append(orjson.dumps(told))
        place = urlsplit(job.created["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        key = f"{place.path.lstrip('/')}{job.id}/in.jsonl.out"
        _s3().put_object(Bucket=place.netloc, Key=key, Body=b"\n".join(lines))


def _arn(job: _Job) -> str:
    return f"arn:aws:bedrock:eu-west-1:111122223333:model-invocation-job/{job.id}"


def _s3() -> Any:
    import boto3

    return boto3.session.Session().client("s3", region_name="eu-west-1")
