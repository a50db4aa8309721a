"""The mock server's fine-tuning: jobs that go one step further each time they are
looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote

import orjson
from aiohttp import web

OPENAI_STEPS = ("validating_files", "running", "succeeded")
Told: TypeAlias = tuple[bytes, int]
"""Body and status."""
BEDROCK_STEPS = ("InProgress", "InProgress", "Completed")


@dataclass(slots=True)
class MockJobs:
    """Started jobs over ``files``, those that were uploaded; a job whose base model's name holds
    ``fail`` fails."""

    files: Mapping[str, bytes]
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def handle(  # noqa: PLR0911 - a line for each route
        self, request: web.BaseRequest
    ) -> Told | None:
        """The answer, or None for what is no request about fine-tuning."""
        parts = [unquote(part) for part in request.rel_url.raw_path.split("/")[1:]]
        match request.method, parts:
            case "POST", ["v1", "fine_tuning", "jobs"]:
                return self._create(orjson.loads(await request.read()))
            case "GET", ["v1", "fine_tuning", "jobs", job_id]:
                return self._look(job_id)
            case "POST", ["v1", "fine_tuning", "jobs", job_id, "cancel"]:
                return self._cancel(job_id)
            case "POST", ["model-customization-jobs"]:
                return self._create_aws(orjson.loads(await request.read()))
            case "GET", ["model-customization-jobs", job_id]:
                return self._look_aws(job_id)
            case "POST", ["model-customization-jobs", job_id, "stop"]:
                return self._cancel_aws(job_id)
        return None

    def _create(self, body: dict[str, Any]) -> Told:
        if body.get("training_file") not in self.files:
            return _refused(f"There is no file {body.get('training_file')!r}.")
        for number, line in enumerate(self.files[body["training_file"]].splitlines(), start=1):
            messages = orjson.loads(line).get("messages", [])
            if not messages or messages[-1]["role"] != "assistant":
                return _refused(f"Line {number} does not end with an answer.")
        job_id = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[job_id] = {"body": body, "looks": 0, "cancelled": False}
        return _json(self._shown(job_id))

    def _look(self, job_id: str) -> Told:
        if job_id not in self.jobs:
            return _refused(f"There is no job {job_id!r}.", 404)
        self.jobs[job_id]["looks"] += 1
        return _json(self._shown(job_id))

    def _cancel(self, job_id: str) -> Told:
        if job_id not in self.jobs:
            return _refused(f"There is no job {job_id!r}.", 404)
        self.jobs[job_id]["cancelled"] = True
        return _json(self._shown(job_id))

    def _shown(self, job_id: str) -> dict[str, Any]:
        job = self.jobs[job_id]
        body = job["body"]
        status = "cancelled" if job["cancelled"] else _step(OPENAI_STEPS, job["looks"])
        failed = status == "succeeded" and "fail" in body["model"]
        model = f"ft:{body['model']}:mock:{body.get('suffix', '')}:{job_id[6:]}"
        lines = self.files[body["training_file"]].count(b"\n")
        return {
            "id": job_id, "object": "fine_tuning.job", "model": body["model"], "created_at": 0,
            "organization_id": "mock", "result_files": [], "seed": 0, "hyperparameters": {},
            "training_file": body["training_file"], "validation_file": None,
            "status": "failed" if failed else status,
            "fine_tuned_model": model if status == "succeeded" and not failed else None,
            "trained_tokens": lines * 100 if status == "succeeded" and not failed else None,
            "finished_at": None,
            "error": {"code": "bad", "message": "The loss was not finite.", "param": None}
            if failed else None,
        }  # fmt: skip

    def _create_aws(self, body: dict[str, Any]) -> Told:
        arn = f"arn:aws:bedrock:us-east-1:000000000000:model-customization-job/{body['jobName']}"
        self.jobs[arn] = {"body": body, "looks": 0, "cancelled": False}
        return _json({"jobArn": arn}, 201)

    def _look_aws(self, arn: str) -> Told:
        if arn not in self.jobs:
            return _json({"message": "There is no such job."}, 404)
        job = self.jobs[arn]
        job["looks"] += 1
        body = job["body"]
        status = "Stopped" if job["cancelled"] else _step(BEDROCK_STEPS, job["looks"])
        answer = {
            "jobArn": arn, "jobName": body["jobName"], "roleArn": body["roleArn"],
            "outputModelName": body["customModelName"], "status": status,
            "creationTime": "2026-01-01T00:00:00Z", "baseModelArn": body["baseModelIdentifier"],
            "trainingDataConfig": body["trainingDataConfig"],
            "outputDataConfig": body["outputDataConfig"],
        }  # fmt: skip
        if status == "Completed":
            name = body["customModelName"]
            answer["outputModelArn"] = f"arn:aws:bedrock:us-east-1:000000000000:custom-model/{name}"
        return _json(answer)

    def _cancel_aws(self, arn: str) -> Told:
        if arn not in self.jobs:
            return _json({"message": "There is no such job."}, 404)
        self.jobs[arn]["cancelled"] = True
        return _json({})


def _step(steps: tuple[str, ...], looks: int) -> str:
    return steps[min(looks, len(steps) - 1)]


def _json(body: dict[str, Any], status: int = 200) -> Told:
    return orjson.dumps(body), status


def _refused(message: str, status: int = 400) -> Told:
    return _json({"error": {"message": message, "type": "invalid_request_error"}}, status)
