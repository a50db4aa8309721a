"""The shipped examples in every part of a store, so that each page has something to show."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

from prompt_app.datamodel.prompt import Message, PromptTemplate
from prompt_app.datamodel.rubric_test import RubricTestOptions
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TEXT = "The Nile, which flows northward through eleven countries, empties into the Mediterranean."
PATIENCE_SECONDS = 60


def fill_store(folder: Path, url: str) -> dict[str, str]:
    """Fills what stands behind the studio at ``url``; page -> the address that shows most."""
    workbench = open_workbench(
        Settings(data_dir=folder / "data", custom_functions=EXAMPLES / "functions")
    )
    try:
        _serve(workbench, url)
        call = _pipeline(workbench)
        test = _rubrics(workbench)
    finally:
        workbench.close()
    return {
        "pipeline": f"pipeline?name=simplify&call={call}",
        "rubric-test": f"rubric-test?id={test}",
    }


def _serve(workbench: Workbench, url: str) -> None:
    """An assistant, an alias, calls of both, and a token."""
    names = workbench.serving_names
    context = "You teach geography to children. Answer in one sentence."
    questions = ("Which river flows through Cairo?", "Why are there tides?")
    names.save_assistant(
        Assistant(
            name="geography-tutor", context=context, questions=questions, models=("offline:echo",)
        )
    )
    target = RouteTarget(model="offline:extractive")
    names.save_alias(ModelRoute(name="answers", targets=(target,)))
    for question in questions:
        for model in ("assistant/geography-tutor", "answers"):
            body = {"model": model, "messages": [{"role": "user", "content": question}]}
            request = urllib.request.Request(
                f"{url}/v1/chat/completions",
                json.dumps(body).encode(),
                {"content-type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
    workbench.access_tokens.create("school-website", models=["assistant/*", "answers"])


def _pipeline(workbench: Workbench) -> str:
    """Gives the id of a call."""
    pipelines = workbench.pipelines
    pipelines.synchronise()
    written = (EXAMPLES / "pipelines" / "simplify_prompt.txt").read_text("utf-8")
    message = Message(role="user", content=written.strip())
    workbench.save_prompt("simplify", PromptTemplate(messages=(message,)))
    text = (EXAMPLES / "pipelines" / "simplify.txt").read_text("utf-8")
    saved = pipelines.save("simplify", text, model="offline:echo")
    running = pipelines.start(text, {"text": TEXT}, model="offline:echo", version=saved)
    assert running.wait(PATIENCE_SECONDS)
    call = running.result()
    assert call is not None
    return call.id


def _rubrics(workbench: Workbench) -> str:
    """Gives the id of a finished test."""
    workbench.rubrics.load_example()
    started = workbench.rubrics.start(RubricTestOptions(dataset="games", experiment="baseline"))
    end = time.monotonic() + PATIENCE_SECONDS
    while (test := workbench.rubrics.test(started.id)).is_active:
        assert time.monotonic() < end, "the test of rubrics does not end"
        time.sleep(0.2)
    assert test.state == "finished", test.reason
    return test.id
