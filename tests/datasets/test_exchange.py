"""Files of other tools: read, written, and read again to the same rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine.runs import temporary_workbench
from real_data import real_file

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.datasets.exchange import EXCHANGES
from prompt_app.datasets.exchange.promptfoo_csv import assertion_of
from prompt_app.errors import InputError
from prompt_app.workbench import Workbench
from prompt_app.workbench.importing import BadRowsError

CHAT = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "2+2?"}]
FILES: dict[str, list[dict[str, Any]]] = {
    "openai-evals": [
        {"input": CHAT, "ideal": "4"},
        {"input": "Capital of France?", "ideal": ["Paris", "paris"], "topic": "geo"},
    ],
    "hosted-evals": [
        {"item": {"question": "2+2?", "answer": "4", "nested": {"a": [1, None]}}},
        {"item": {"question": "3+3?", "answer": "6"}, "sample": {"output_text": "7"}},
    ],
    "bedrock": [
        {"prompt": "2+2?", "referenceResponse": "4", "category": "sums"},
        {"prompt": "Say hello.", "modelResponses": [{"response": "Hi", "modelIdentifier": "m"}]},
    ],
    "fmeval": [
        {"model_input": "2+2?", "target_output": "4<OR>four", "category": "sums"},
        {"model_input": "3+3?", "target_output": "6"},
    ],
    "inspect": [
        {"input": "Which?", "target": "B", "id": 1, "choices": ["a", "b"], "metadata": {"x": 1}},
        {"input": CHAT, "target": ["4", "four"], "id": "two"},
    ],
    "langfuse": [
        {"id": "a", "input": {"q": "2+2?"}, "expectedOutput": "4", "metadata": {"x": [1]}},
        {"id": "b", "input": "plain", "expectedOutput": ["4", "four"]},
    ],
}
PROMPTFOO = """
prompts: ["Answer {{question}}"]
providers: [openai:x]
defaultTest:
  vars: {tone: short}
tests:
  - vars: {question: "2+2?", n: 3}
    assert: [{type: equals, value: "4"}]
    description: a sum
  - vars: {question: "Capital of France?", tone: [long, short]}
    assert:
      - {type: icontains, value: Paris}
      - {type: llm-rubric, value: is polite, weight: 2}
    threshold: 0.5
  - vars: {question: "Either?"}
    assert:
      - type: assert-set
        threshold: 0.5
        assert: [{type: equals, value: "a"}, {type: equals, value: "b"}]
"""


@pytest.fixture
def workbench(tmp_path: Path) -> Any:
    bench = temporary_workbench(tmp_path)
    yield bench
    bench.close()


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def fields(workbench: Workbench, version: DatasetVersion) -> list[dict[str, Any]]:
    return [dict(row.fields) for row in workbench.curation.rows(version)]


def test_every_format_of_the_table_is_there() -> None:
    for name in EXCHANGES:
        assert EXCHANGES.load(name).title


@pytest.mark.parametrize("name", FILES)
def test_json_formats_come_back_as_they_were(
    workbench: Workbench, tmp_path: Path, name: str
) -> None:
    source = write_lines(tmp_path / "in.jsonl", FILES[name])
    version = workbench.curation.import_exchange(source, name)
    out = tmp_path / "out.jsonl"
    report = workbench.curation.export(version, out, name)
    assert (report.rows, report.problem_count, report.left_out) == (2, 0, ())
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == FILES[name]
    again = workbench.curation.import_exchange(out, name, name="again")
    assert fields(workbench, again) == fields(workbench, version)


def test_promptfoo_yaml_comes_back_as_it_was(workbench: Workbench, tmp_path: Path) -> None:
    source = tmp_path / "config.yaml"
    source.write_text(PROMPTFOO)
    version = workbench.curation.import_exchange(source, "promptfoo")
    rows = fields(workbench, version)
    assert [row["tone"] for row in rows] == ["short", "long", "short", "short"]
    assert [row["__expected"] for row in rows] == [["4"], ["Paris"], ["Paris"], ["a", "b"]]
    assert rows[0]["n"] == 3
    assert rows[0]["__description"] == "a sum"
    assert "__assert" not in rows[0]
    assert rows[1]["__assert"][1] == {"type": "llm-rubric", "value": "is polite", "weight": 2}
    out = tmp_path / "out.yaml"
    workbench.curation.export(version, out, "promptfoo")
    tests = yaml.safe_load(out.read_text())["tests"]
    assert tests[0]["assert"] == [{"type": "equals", "value": "4"}]
    assert tests[1]["threshold"] == 0.5
    again = workbench.curation.import_exchange(out, "promptfoo", name="again")
    assert fields(workbench, again) == rows


def test_promptfoo_csv_comes_back_as_it_was(workbench: Workbench, tmp_path: Path) -> None:
    source = tmp_path / "tests.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "__expected1", "__expected2", "__description"])
        writer.writerow(["2+2?", "4", "", "a sum"])
        writer.writerow(["Paris?", "contains-any:Paris, paris", "similar(0.9):Paris", ""])
        writer.writerow(['a, "b"\nc', "equals:contains:x", "", ""])
        writer.writerow(["either", 'javascript:["a", "b"].includes(output)', "", ""])
    version = workbench.curation.import_exchange(source, "promptfoo-csv")
    rows = fields(workbench, version)
    assert [row["__expected"] for row in rows] == [
        ["4"], ["Paris", "paris", "Paris"], ["contains:x"], ["a", "b"]
    ]  # fmt: skip
    assert rows[1]["__assert"][1] == {"type": "similar", "value": "Paris", "threshold": 0.9}
    out = tmp_path / "out.csv"
    report = workbench.curation.export(version, out, "promptfoo-csv")
    assert report.problem_count == 0
    again = workbench.curation.import_exchange(out, "promptfoo-csv", name="again")
    assert fields(workbench, again) == rows


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("note: x", {"type": "equals", "value": "note: x"}),
        ("not-contains:x", {"type": "not-contains", "value": "x"}),
        ("fn: output > 1", {"type": "javascript", "value": "output > 1"}),
        ("grade:is kind", {"type": "llm-rubric", "value": "is kind"}),
        ("similar(0.8):x", {"type": "similar", "value": "x", "threshold": 0.8}),
    ],
)
def test_a_csv_cell_means_an_assertion(text: str, meaning: dict[str, Any]) -> None:
    assert assertion_of(text) == meaning


def test_a_row_that_cannot_be_expressed_is_named(workbench: Workbench, tmp_path: Path) -> None:
    rows = [
        {"question": "One?", "answers": ["a"], "more": 1},
        {"question": "Two?", "answers": ["a", "b"], "more": 2},
        {"question": " ", "answers": ["a"], "more": 3},
    ]
    source = write_lines(tmp_path / "data.jsonl", rows)
    version = workbench.import_dataset(source)
    out = tmp_path / "out.jsonl"
    with pytest.raises(BadRowsError) as raised:
        workbench.curation.export(version, out, "bedrock")
    assert [problem.line for problem in raised.value.problems] == [2, 3]
    assert "2 reference answers" in raised.value.problems[0].reason
    assert not out.exists()
    assert list(tmp_path.glob("*.part")) == []
    report = workbench.curation.export(version, out, "bedrock", skip_rows=True)
    assert (report.rows, report.problem_count) == (1, 2)
    assert report.left_out == ("more",)
    assert report.input_field == "question"
    assert json.loads(out.read_text()) == {"prompt": "One?", "referenceResponse": "a"}


def test_every_dataset_goes_to_every_tool(workbench: Workbench, tmp_path: Path) -> None:
    workbench.load_examples()
    version = workbench.dataset("geography")
    for name in EXCHANGES:
        report = workbench.curation.export(
            version, tmp_path / name, name, input_field="question", skip_rows=True
        )
        assert report.rows + report.problem_count == 40
        assert report.rows > 10, (name, report.problems[:3])


def test_a_format_without_its_input_says_what_to_name(workbench: Workbench, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "data.jsonl", [{"a": "x", "answers": "y"}])
    version = workbench.import_dataset(source)
    with pytest.raises(InputError, match="--input-field"):
        workbench.curation.export(version, tmp_path / "out", "inspect")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("openai-evals", '{"ideal": "x"}', "no 'input'"),
        ("hosted-evals", '{"item": 3}', "'item' is not an object"),
        ("promptfoo", "- file://tests.yaml", "names another file"),
        ("promptfoo", "- {vars: {a: file://x.txt}}", "stands in another file"),
        ("promptfoo", "- {vars: {__expected: x}}", "promptfoo's own columns"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named(
    workbench: Workbench, tmp_path: Path, name: str, text: str, reason: str
) -> None:
    source = tmp_path / "file.txt"
    source.write_text(text)
    with pytest.raises((BadRowsError, InputError), match=reason):
        workbench.curation.import_exchange(source, name, reference_field="x")


def test_aliases_do_not_multiply(workbench: Workbench, tmp_path: Path) -> None:
    lines = ["- &a0 {vars: {x: lol}}"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    source = tmp_path / "bomb.yaml"
    source.write_text("\n".join(lines) + "\n- {vars: {x: *a8}}\n")
    with pytest.raises(BadRowsError, match="more than 1,000,000 values"):
        workbench.curation.import_exchange(source, "promptfoo")


def test_a_spreadsheet_formula_is_not_written_into_csv(
    workbench: Workbench, tmp_path: Path
) -> None:
    rows = [{"q": "=1+1", "answers": "2"}, {"q": "fine", "answers": "-5"}]
    version = workbench.import_dataset(write_lines(tmp_path / "data.jsonl", rows))
    report = workbench.curation.export(
        version, tmp_path / "out.csv", "promptfoo-csv", skip_rows=True
    )
    assert [problem.line for problem in report.problems] == [1]
    assert "-5" in (tmp_path / "out.csv").read_text()


def test_a_real_bedrock_job_is_read(workbench: Workbench, tmp_path: Path) -> None:
    version = workbench.curation.import_exchange(real_file("bedrock-eval-job-20.jsonl"), "bedrock")
    assert version.rows == 20
    report = workbench.curation.export(version, tmp_path / "out.jsonl", "bedrock")
    assert report.rows == 20


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_own_formats_hold_every_row(workbench: Workbench, tmp_path: Path, name: str) -> None:
    workbench.load_examples()
    version = workbench.dataset("geography")
    path = tmp_path / f"out.{name}"
    assert workbench.curation.export(version, path, name).rows == 40
    if name == "jsonl":
        again = workbench.import_dataset(path, name="again", options=version.options)
        assert fields(workbench, again) == fields(workbench, version)
