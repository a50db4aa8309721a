"""Real files of others load and run with sensible scores."""

from __future__ import annotations

from typing import Any

import pytest
from cli.commands import CommandLine
from real_data import real_file

WITH_PASSAGE = "Answer from the passage.\n\nPassage: {doc}\n\nQuestion: {question}\nAnswer:"


def means(result: Any) -> dict[str, float]:
    """Metric -> mean of the only run."""
    (run,) = result.json()["runs"]
    assert run["state"] == "finished"
    return {each["metric"]: each["mean"] for each in run["summary"]}


def test_squad_jsonl_scores_better_with_its_passage(command_line: CommandLine) -> None:
    dataset = str(real_file("squad-qa-20.jsonl"))
    metrics = ["squad_f1", "factual_knowledge"]
    found: dict[str, dict[str, float]] = {}
    for name, text in {"with": WITH_PASSAGE, "without": "Question: {question}\nAnswer:"}.items():
        prompts = [{"name": name, "template": text}]
        file = command_line.evaluation(
            dataset, prompts=prompts, models=["offline:extractive"], metrics=metrics
        )
        found[name] = means(command_line.run("run", "--json", file))
    assert found["with"]["factual_knowledge"] >= 0.4
    assert found["without"]["factual_knowledge"] <= 0.1
    assert found["with"]["squad_f1"] > found["without"]["squad_f1"] + 0.2


@pytest.mark.parametrize("name", ["squad-qa.csv", "squad-qa.xlsx"])
def test_squad_tables_with_alternatives_in_a_cell(command_line: CommandLine, name: str) -> None:
    """The model repeats the references, so that any of the alternatives must be found."""
    options = {"reference_field": "Reference Answer(s)"}
    file = command_line.evaluation(
        {"path": str(real_file(name)), "options": options},
        prompts=[{"name": "p", "template": "{Question} {Reference Answer(s)}"}],
        metrics=["factual_knowledge", "exact_match"],
    )
    assert means(command_line.run("run", "--json", file)) == {
        "factual_knowledge": 1.0,
        "exact_match": 0.0,
    }


def test_gsm8k_numbers(command_line: CommandLine) -> None:
    """The reference's own reasoning as the reply scores 1; the offline model now and then."""
    path = str(real_file("gsm8k-test.jsonl"))
    dataset = {"path": path, "options": {"reference_field": "answer"}}
    file = command_line.evaluation(
        dataset, prompts=[{"name": "p", "template": "{answer}"}], metrics=["numeric_match"]
    )
    assert means(command_line.run("run", "--json", file)) == {"numeric_match": 1.0}
    prompts = [{"name": "q", "template": "{question}\nEnd with '#### ' and the number."}]
    file = command_line.evaluation(
        dataset, prompts=prompts, metrics=["numeric_match"], models=["offline:extractive"]
    )
    assert 0 < means(command_line.run("run", "--json", file))["numeric_match"] < 0.5


def test_a_bedrock_evaluation_job_with_nested_fields(command_line: CommandLine) -> None:
    dataset = {
        "path": str(real_file("bedrock-eval-job-20.jsonl")),
        "options": {"reference_field": "referenceResponse.text"},
    }
    file = command_line.evaluation(
        dataset,
        prompts=[{"name": "p", "template": "{prompt.text}"}],
        models=["offline:extractive"],
        metrics=["factual_knowledge"],
    )
    result = command_line.run("run", "--json", file)
    assert result.code == 0, result.err
    assert means(result)["factual_knowledge"] > 0
