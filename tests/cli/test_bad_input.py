"""Wrong input: one clear line that says what, where and what to do, exit code 2, nothing run."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from cli.commands import CommandLine, Result

GOOD = b'{"question": "a", "answers": ["a"]}\n'


def written(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return name


MEND = "Mend it, or skip bad rows"
ROWS = {
    "empty file": (b"", "empty", "Give one with at least one row"),
    "blank lines alone": (b" \n\n", "no rows", "Give a file with at least one"),
    "missing reference": (GOOD + b'{"question": "b"}\n', "line 2", "answers", MEND),
    "no reference at all": (b'{"question": "b", "answer": "a"}\n', "did you mean 'answer'?"),
    "invalid JSON": (GOOD + b'{"question": \n', "line 2", "JSON", MEND),
    "UTF-16 byte-order mark": ("\ufeff{}".encode("utf-16-le"), "UTF-16", "save it as UTF-8"),
    "5,000 digits": (
        GOOD + b'{"question": ' + b"9" * 5000 + b', "answers": ["a"]}\n', "line 2", "number", MEND,
    ),
    "NaN": (GOOD + b'{"question": NaN, "answers": ["a"]}\n', "line 2", "NaN", MEND),
    "deep nesting": (
        GOOD + b'{"question": ' + b"[" * 10_000 + b"]" * 10_000 + b"}\n", "line 2", "nested", MEND,
    ),
    "lone surrogate": (
        GOOD + b'{"question": "\\ud800", "answers": ["a"]}\n', "line 2", "surrogate", MEND,
    ),
}  # fmt: skip


def the_only_line(result: Result) -> str:
    """What a refused command says."""
    assert result.code == 2
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("prompt-app: ")
    return line


@pytest.mark.parametrize("case", ROWS)
def test_rows(command_line: CommandLine, case: str) -> None:
    content, *told = ROWS[case]
    name = written(command_line.folder, "rows.jsonl", content)
    line = the_only_line(command_line.run("run", command_line.evaluation(name)))
    assert "rows.jsonl" in line
    for words in told:
        assert words in line
    assert command_line.run("runs", "--json").json() == [], "nothing was submitted"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("row.json", "Did you mean 'rows.jsonl'?"),
        ("else.csv", "Check its name and the folder."),
        ("nowhere/rows.jsonl", "nor a folder nowhere"),
    ],
)
def test_a_file_that_is_not_there(command_line: CommandLine, name: str, told: str) -> None:
    written(command_line.folder, "rows.jsonl", GOOD)
    line = the_only_line(command_line.run("run", command_line.evaluation(name)))
    assert f"There is no file {command_line.folder / name}" in line
    assert told in line


def test_an_evaluation_file_that_is_not_there(command_line: CommandLine) -> None:
    command_line.evaluation("rows.jsonl")
    line = the_only_line(command_line.run("run", "evalution.yml"))
    assert "Did you mean 'evaluation.yaml'?" in line
    assert "is a folder" in the_only_line(command_line.run("quote", "."))


@pytest.mark.parametrize(
    "command", ["prompts save p", "restore", "datasets add", "datasets check", "run", "quote"]
)
def test_every_command_looks_for_the_nearest_file(command_line: CommandLine, command: str) -> None:
    written(command_line.folder, "replies.jsonl", GOOD)
    line = the_only_line(command_line.run(*command.split(), "replis.jsonl"))
    assert f"There is no file {command_line.folder / 'replis.jsonl'}." in line
    assert "Did you mean 'replies.jsonl'?" in line


def test_every_bad_row_is_told_and_can_be_skipped(command_line: CommandLine) -> None:
    content = GOOD + b"{\n" + GOOD.replace(b"a", b"b", 0) + b"[]\n"
    name = written(command_line.folder, "rows.jsonl", content)
    result = command_line.run("run", command_line.evaluation(name))
    assert result.code == 2
    assert "2 bad rows" in result.err
    assert "line 2" in result.err
    assert "line 4" in result.err
    skipping = {"path": name, "on_bad_rows": "skip"}
    result = command_line.run("run", "--json", command_line.evaluation(skipping))
    assert result.code == 0
    assert result.json()["runs"][0]["progress"]["skipped_rows"] == 2


def test_all_of_many_bad_rows_are_named_by_a_check(command_line: CommandLine) -> None:
    written(command_line.folder, "rows.jsonl", GOOD + b"{\n" * 50)
    refused = command_line.run("run", command_line.evaluation("rows.jsonl"))
    assert "rows.jsonl has 50 bad rows" in refused.err
    assert "and 30 more; prompt-app datasets check FILE names them all" in refused.err
    checked = command_line.run("datasets", "check", "rows.jsonl")
    assert checked.code == 2
    *named, last = checked.out.splitlines()
    assert [line.partition(":")[0] for line in named] == [f"line {n}" for n in range(2, 52)]
    assert last == "1 good row, 50 malformed"
    told = command_line.run("datasets", "check", "rows.jsonl", "--json").json()
    assert (told["rows"], len(told["problems"])) == (1, 50)
    written(command_line.folder, "rows.jsonl", GOOD)
    assert command_line.run("datasets", "check", "rows.jsonl").code == 0


def test_one_skipped_row_is_told_as_one(command_line: CommandLine) -> None:
    written(command_line.folder, "rows.jsonl", GOOD + b"{\n")
    skipping = {"path": "rows.jsonl", "on_bad_rows": "skip"}
    result = command_line.run("run", command_line.evaluation(skipping))
    assert "1 malformed row of the dataset was skipped." in result.out
    written(command_line.folder, "rows.jsonl", GOOD + b"{\n" * 2)
    result = command_line.run("run", command_line.evaluation(skipping))
    assert "2 malformed rows of the dataset were skipped." in result.out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", '{{"question": "{cell}", "answers": ["{cell}"]}}'),
        ("rows.csv", "question,answers\n{cell},{cell}\n"),
    ],
)
def test_a_utf8_byte_order_mark_and_a_200_kb_cell_are_read(
    command_line: CommandLine, name: str, text: str
) -> None:
    content = b"\xef\xbb\xbf" + text.format(cell="x" * 200_000).encode()
    written(command_line.folder, name, content)
    result = command_line.run("run", "--json", command_line.evaluation(name))
    assert result.code == 0
    assert result.json()["runs"][0]["summary"][0]["mean"] == 1.0


def test_an_xlsx_bomb(command_line: CommandLine) -> None:
    with zipfile.ZipFile(command_line.folder / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 300_000_000)
    line = the_only_line(command_line.run("run", command_line.evaluation("bomb.xlsx")))
    assert "bomb.xlsx" in line
    assert "CSV" in line


def test_a_field_that_no_row_has(command_line: CommandLine) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    prompts = [{"name": "p", "template": "{qestion}"}]
    result = command_line.run("run", command_line.evaluation(name, prompts=prompts))
    assert result.code == 2
    assert "qestion" in result.err
    assert "Did you mean {question}?" in result.err


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (["offline:extractiv"], "'extractive'"),
        (["ofline:echo"], "'offline'"),
        ([{"provider": "offline", "name": "echo", "base_url": "ftp://x"}], "leave its base_url"),
        ([{"provider": "offline", "name": "echo", "base_url": "http://x"}], "leave its base_url"),
        (
            [{"provider": "openai", "name": "m", "base_url": "ftp://x"}],
            "starts with http:// or https://, not ftp://",
        ),
        (
            [{"provider": "bedrock", "name": "m", "base_url": "ftp://x"}],
            "starts with http:// or https://, not ftp://",
        ),
        (
            [{"provider": "sagemaker", "name": "m", "base_url": "ftp://x"}],
            "starts with http:// or https://, not ftp://",
        ),
        (["openai:gpt-4o-mini"], "OPENAI_API_KEY"),
        (["bedrock:us.amazon.nova-lite-v1:0"], "AWS_BEARER_TOKEN_BEDROCK"),
        (["sagemaker:my-endpoint"], "aws configure"),
        ([{"provider": "openai", "name": "m", "base_url": "http://127.0.0.1:9/v1"}], "127.0.0.1:9"),
        (["bedrok:us.amazon.nova-lite-v1:0"], "'bedrock'"),
        (["bedrock:us.amazon.nova-lit-v1:0"], "'us.amazon.nova-lite-v1:0'"),
    ],
)
def test_models(
    command_line: CommandLine, models: list[object], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    name = written(command_line.folder, "rows.jsonl", GOOD)
    line = the_only_line(command_line.run("run", command_line.evaluation(name, models=models)))
    assert told in line


@pytest.mark.parametrize("model", ["bedrock:us.amazon.nova-lite-v1:0", "sagemaker:my-endpoint"])
def test_no_region(command_line: CommandLine, model: str) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    line = the_only_line(command_line.run("run", command_line.evaluation(name, models=[model])))
    assert f"{model} cannot be called. No AWS region is set: set AWS_REGION" in line


def test_a_metric_that_is_none(command_line: CommandLine) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    line = the_only_line(command_line.run("run", command_line.evaluation(name, metrics=["zzz"])))
    assert "There is no metric named 'zzz'. There are answer_relevancy, bleu" in line


@pytest.mark.parametrize(
    "template", ["", " \n", [{"role": "system", "content": ""}, {"role": "user", "content": " "}]]
)
def test_an_empty_prompt(command_line: CommandLine, template: object) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    prompts = [{"name": "short", "template": template}]
    line = the_only_line(command_line.run("run", command_line.evaluation(name, prompts=prompts)))
    assert "The prompt 'short' is empty: write a message" in line
    written(command_line.folder, "short.txt", b" \n")
    assert "empty" in the_only_line(command_line.run("prompts", "save", "short", "short.txt"))


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("repeats", {"repeats": True}),
        ("parameters.max_tokens", {"parameters": {"max_tokens": True}}),
        ("parameters.temperature", {"parameters": {"temperature": False}}),
        ("limits.max_cost_usd", {"limits": {"max_cost_usd": True}}),
        ("thresholds.0.at_least", {"thresholds": [{"metric": "exact_match", "at_least": True}]}),
    ],
)
def test_true_is_no_number(
    command_line: CommandLine, place: str, changes: dict[str, object]
) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    line = the_only_line(command_line.run("run", command_line.evaluation(name, **changes)))
    assert f"{place}: give a number, not " in line


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"at_least": 70}, "greatest value is 1, less than 'at_least: 70'"),
        ({"at_most": -0.1}, "least value is 0, more than 'at_most: -0.1'"),
        ({"at_least": 0.8, "at_most": 0.2}, "nothing is at least 0.8 and at most 0.2"),
    ],
)
def test_a_threshold_that_cannot_be_met(
    command_line: CommandLine, bounds: dict[str, float], told: str
) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    thresholds = [{"metric": "exact_match", **bounds}]
    line = the_only_line(
        command_line.run("run", command_line.evaluation(name, thresholds=thresholds))
    )
    assert "The threshold of exact_match cannot be met" in line
    assert told in line


@pytest.mark.parametrize("model", ["bedrock:us.amazon.nova-lite-v1:0", "sagemaker:my-endpoint"])
def test_an_address_of_aws_that_does_not_answer(
    command_line: CommandLine, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "zz-nowhere-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    name = written(command_line.folder, "rows.jsonl", GOOD)
    line = the_only_line(command_line.run("run", command_line.evaluation(name, models=[model])))
    assert "No server answers at https://" in line
    assert "zz-nowhere-1.amazonaws.com:443" in line


def test_one_stop_sequence_may_be_written_alone(command_line: CommandLine) -> None:
    written(command_line.folder, "rows.jsonl", b'{"question": "a b", "answers": ["a "]}\n')
    name = command_line.evaluation("rows.jsonl", parameters={"stop": "b"})
    ran = command_line.run("run", "--json", name).json()
    assert ran["evaluation"]["spec"]["parameters"]["stop"] == ["b"]
    assert ran["runs"][0]["summary"][0]["mean"] == 1.0
    line = the_only_line(
        command_line.run("run", command_line.evaluation("rows.jsonl", parameters={"stop": 5}))
    )
    assert "parameters.stop: Input should be a valid list" in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("rows any --sort bogus", "'bogus' is not one of 'position', 'score', 'latency', 'cost'."),
        ("rows any --limit x", "'--limit'"),
        ("rows", "Missing argument"),
        ("rwos", "rwos"),
        ("rows any --srot score", "--srot"),
    ],
)
def test_wrong_arguments_are_told_on_one_line(
    command_line: CommandLine, arguments: str, told: str
) -> None:
    line = the_only_line(command_line.run(*arguments.split()))
    assert told in line
    assert "Value error" not in line
    assert line.endswith(" --help.")
    assert "?." not in line


def test_a_model_that_is_none(command_line: CommandLine) -> None:
    line = the_only_line(command_line.run("models", "zzzz"))
    assert "There is no model named 'zzzz'. prompt-app models lists all of them." in line
    for text in ("extractve", "offline:extractve"):
        assert "Did you mean 'offline:extractive'" in the_only_line(
            command_line.run("models", text)
        )


@pytest.mark.parametrize("key", ["thresholds", "stopping"])
def test_a_metric_that_is_not_measured(command_line: CommandLine, key: str) -> None:
    name = written(command_line.folder, "rows.jsonl", GOOD)
    named = {"metric": "exact_mach"}
    changes = {key: [{**named, "at_least": 0.5}] if key == "thresholds" else named}
    line = the_only_line(command_line.run("run", command_line.evaluation(name, **changes)))
    assert "'exact_mach', which is not among the metrics (exact_match)" in line
    assert "did you mean 'exact_match'?" in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "YAML"),
        ("- a", "mapping"),
        ("dataset: x.jsonl", "prompts"),
        ("dataset: x.jsonl\nmetricks: []", "did you mean 'metrics'"),
        (
            f"a: 1\nrepeats: {'9' * 5000}",
            "evaluation.yaml, line 2, column 10: not valid YAML: a "
            "number of 5,000 characters is too long; put it in quotes",
        ),
        (
            "a: 1\nb: " + "[" * 5000 + "]" * 5000,
            "evaluation.yaml, line 2, column 103: not valid "
            "YAML: lists and mappings are nested more than 100 levels deep; flatten them.",
        ),
        (
            "metrics: [exact_match]\nprompts: []\nmetrics: [squad_f1]",
            "line 3, column 1: not valid YAML: the key 'metrics' stands twice in one mapping",
        ),
        ("a: 2024-13-45", "line 1, column 4: not valid YAML: month must be in 1..12; put it in"),
        ("prompts: {}", "prompts: Input should be a valid list"),
        ("prompts: []", "prompts: List should have at least 1 item"),
    ],
)
def test_evaluation_files(command_line: CommandLine, text: str, told: str) -> None:
    written(command_line.folder, "evaluation.yaml", text.encode())
    result = command_line.run("run", "evaluation.yaml")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "evaluation.yaml" in line
    assert told in line


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "offline:scripted needs the option 'script'"),
        ({"script": "replies.yaml"}, "Cannot read the script"),
        ({"script": "broken.yaml"}, "broken.yaml is not valid YAML"),
    ],
)
@pytest.mark.parametrize("command", ["run", "quote"])
def test_a_script_that_cannot_answer(
    command_line: CommandLine, command: str, options: dict[str, str], told: str
) -> None:
    written(command_line.folder, "rows.jsonl", GOOD)
    written(command_line.folder, "broken.yaml", b"rules: [\n")
    model = {"provider": "offline", "name": "scripted", "options": options}
    file = command_line.evaluation("rows.jsonl", models=[model])
    assert told in the_only_line(command_line.run(command, file))
    assert command_line.run("runs", "--json").json() == [], "nothing was submitted"


def test_a_wrong_setting(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    result = command_line.run("runs")
    assert result.code == 2
    assert "LOG_LEVEL" in result.err


def test_an_unknown_run(command_line: CommandLine) -> None:
    result = command_line.run("show", "nothing")
    assert result.code == 2
    assert "nothing" in result.err


@pytest.mark.parametrize("name", ["a/../b", "", "-x", "a" * 101, "café"])
def test_a_name_that_is_none(command_line: CommandLine, name: str) -> None:
    written(command_line.folder, "rows.jsonl", GOOD)
    result = command_line.run("datasets", "add", "rows.jsonl", "--name", name)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert "cannot be a dataset's name: use letters a to z, digits" in line


def test_what_follows_from_another_mistake_is_not_told(command_line: CommandLine) -> None:
    written(command_line.folder, "rows.jsonl", GOOD)
    result = command_line.run(
        "run", command_line.evaluation("rows.jsonl", prompts=[{"template": "{question}"}])
    )
    assert result.code == 2
    assert "needs a 'name'" in result.err
    assert "at least 1 item" not in result.err
