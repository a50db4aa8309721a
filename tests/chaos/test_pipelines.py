"""Celery workers find what a run needs besides a provider: pipelines and functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos.workers import Workers
from engine.runs import only_run, rows_file
from mock_process import MockProcess
from servers import RedisServer

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.timeout(120)


def test_a_pipeline_is_evaluated_by_celery_workers(
    redis_server: RedisServer, database_url: str, tmp_path: Path, mock_process: MockProcess
) -> None:
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "custom_a.py").write_text("def echoed(text: str) -> str:\n    return text\n")
    environment = {
        "PROMPT_APP_FUNCTIONS": str(functions),
        "OPENAI_BASE_URL": f"{mock_process.url}/v1",
    }
    with Workers(tmp_path, redis_server.url, database_url, **environment) as workers:
        there = workers.workbench
        changes = {"custom_functions": functions, "openai_base_url": f"{mock_process.url}/v1"}
        workbench = Workbench(there.settings.model_copy(update=changes), there.store)
        workbench.pipelines.synchronise()
        workbench.save_prompt("say", PromptTemplate.model_validate("{question}"))
        text = 'echoed(say(question, model="openai:echo", max_tokens=20))'
        workbench.pipelines.save("same", text)
        spec = EvaluationSpec.model_validate(
            {
                "dataset": {"path": str(rows_file(tmp_path, 12))},
                "prompts": ["pipeline:same"],
                "models": ["pipeline:same"],
                "metrics": ["exact_match"],
            }
        )
        workers.start(2)
        done = workers.finished(only_run(workbench, spec))
        assert (done.progress.scored, done.progress.failed) == (12, 0)
        assert done.summary[0].mean == 1.0
        assert mock_process.stats()["answered"] == 12
