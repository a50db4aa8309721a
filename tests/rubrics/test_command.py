"""``prompt-app rubric test`` on the shipped examples: offline, with a real store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import CommandLine, Result

L1, L2 = "L1-moving-things", "L2-reacting"


@pytest.fixture
def run(command_line: CommandLine, examples: Path) -> Any:
    def call(*more: str, base: Path = examples) -> Result:
        return command_line.run(
            "rubric", "test", "--base", str(base), "--dataset-name", "games",
            "--experiment-name", "baseline", *more,
        )  # fmt: skip

    return call


def edit(examples: Path, lesson: str, name: str, old: str, new: str) -> None:
    path = examples / "experiments" / "baseline" / lesson / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_both_lessons_are_tested(run: Any, examples: Path) -> None:
    result = run("--json", "-a", str(examples / "thresholds.json"))
    assert result.code == 0
    assert result.err.startswith("24 works: 23 calls, 0 from stored replies, 1 without a model")
    first, second = result.json()["lessons"]
    assert (first["lesson"], second["lesson"]) == (L1, L2)
    # Two works are for tuning; one has three replies of which one is cut off and two differ not.
    assert first["works"] == 12
    assert first["exact"]["overall"]["scored"] + first["exact"]["overall"]["unscored"] == 30
    assert first["errors"] == {"cut_off_assessment": 1}
    assert first["exact"]["concepts"]["Modularity: Sprites"]["accuracy"] == 1
    assert first["exact"]["overall"]["accuracy"] < first["pass_fail"]["overall"]["accuracy"]
    for measured in (*second["exact"]["concepts"].values(), second["exact"]["overall_kappa"]):
        for kappa in ("kappa", "weighted_kappa"):
            lower, upper = measured[f"{kappa}_interval"]
            assert lower <= measured[kappa] <= upper
    shown = run().out
    assert "weighted kappa" in shown
    lower, upper = second["exact"]["overall_kappa"]["weighted_kappa_interval"]
    assert f"{lower:.2f} to {upper:.2f}" in shown
    assert second["sources"] == {"blank": 1, "model": 11}
    assert second["ties"] == 1


def test_reports_and_results_are_written(run: Any, command_line: CommandLine) -> None:
    assert run("--lesson-names", L1, "-o", "out").code == 0
    folder = command_line.folder / "out" / "baseline" / L1
    assert {each.name for each in folder.iterdir()} == {
        "report-exact-match.html", "report-pass-fail.html", "result.json",
    }  # fmt: skip


def sources(result: Result) -> dict[str, int]:
    assert result.code == 0, result.err
    (lesson,) = result.json()["lessons"]
    return dict(lesson["sources"])


def test_cached_replies_are_used_but_for_what_failed(run: Any) -> None:
    assert sources(run("--json", "--lesson-names", L1)) == {"model": 12}
    # The work with a reply that could not be read is asked for again.
    assert sources(run("--json", "--lesson-names", L1, "-c")) == {"cache": 11, "model": 1}


CHANGES = {
    "prompt": (L2, "system_prompt.txt", "You assess", "You judge"),
    "rubric": (L2, "standard_rubric.csv", "Look for keys", "Search for keys"),
    "example": (L2, "examples/1.json", "lines read", "lines seen"),
    "example's work": (L2, "examples/1.js", "brown", "white"),
    "replies": (L2, "replies.yaml", "hedgehog", "hedgehog "),
    "temperature": (L2, "params.json", '"temperature": 0', '"temperature": 1'),
    "responses": (L2, "params.json", '"num-responses": 3', '"num-responses": 2'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_a_reply_is_asked_anew(run: Any, examples: Path, change: str) -> None:
    run("--json", "--lesson-names", L2)
    edit(examples, *CHANGES[change])
    assert sources(run("--json", "--lesson-names", L2, "-c")) == {"blank": 1, "model": 11}


def test_a_changed_work_alone_is_asked_anew(run: Any, examples: Path) -> None:
    run("--json", "--lesson-names", L2)
    work = examples / "datasets/games" / L2 / "poppy.js"
    work.write_text(work.read_text() + "house();\n")
    again = run("--json", "--lesson-names", L2, "-c")
    assert sources(again) == {"blank": 1, "cache": 10, "model": 1}


def test_a_comment_is_no_change_where_comments_are_removed(run: Any, examples: Path) -> None:
    run("--json", "--lesson-names", L2)
    work = examples / "datasets/games" / L2 / "poppy.js"
    work.write_text(work.read_text().rstrip("\n") + " // that is all\n")
    again = run("--json", "--lesson-names", L2, "-c")
    assert sources(again) == {"blank": 1, "cache": 11}


def test_missed_thresholds_exit_with_3(run: Any, command_line: CommandLine) -> None:
    thresholds = command_line.folder / "t.json"
    thresholds.write_text(json.dumps({L2: {"key_concepts": {"Conditionals": 0.95}}}))
    result = run("--lesson-names", L2, "-a", str(thresholds))
    assert result.code == 3
    assert (
        "Threshold missed: L2-reacting, Conditionals: accuracy 83.3% is below 95.0%" in result.err
    )


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ({"L2-reactin": {"overall": 0.5}}, "Did you mean 'L2-reacting'?"),
        ({L2: {"key_concepts": {"Conditional": 0.5}}}, "Did you mean 'Conditionals'?"),
        ({}, "has no threshold"),
    ],
)
def test_thresholds_that_would_check_nothing_are_refused(
    run: Any, command_line: CommandLine, thresholds: dict[str, Any], told: str
) -> None:
    path = command_line.folder / "t.json"
    path.write_text(json.dumps(thresholds))
    result = run("--lesson-names", L2, "-a", str(path))
    assert (result.code, result.out) == (2, "")
    assert told in result.err


def test_a_lesson_is_tested_once_and_those_left_out_are_named(
    run: Any, command_line: CommandLine
) -> None:
    path = command_line.folder / "t.json"
    path.write_text(json.dumps({L1: {"overall": 0.99}, L2: {"overall": 0.1}}))
    result = run("--json", "--lesson-names", f"{L2},{L2}", "-a", str(path))
    assert result.code == 0
    assert [each["lesson"] for each in result.json()["lessons"]] == [L2]
    assert result.json()["unchecked_thresholds"] == [L1]
    assert f"Thresholds not checked: {L1}" in result.err


def test_an_estimate_spends_nothing(run: Any, command_line: CommandLine) -> None:
    result = run("--estimate")
    assert result.code == 0
    assert "price $0 to $0" in result.out
    assert not (command_line.folder / "output").exists()


def test_a_model_that_answers_nothing_useful(run: Any) -> None:
    result = run("--lesson-names", L2, "-l", "offline:echo", "-n", "1", "--json")
    assert result.code == 4
    assert "11 works have no whole assessment" in result.err
    (lesson,) = result.json()["lessons"]
    assert sum(lesson["errors"].values()) == 11
    assert lesson["exact"]["overall"]["scored"] == 3  # the blank work's


def test_chosen_students(run: Any) -> None:
    chosen = run("--lesson-names", L2, "--student-ids", "sage,maple", "--json").json()
    assert chosen["lessons"][0]["works"] == 2
    first = run("--lesson-names", L2, "-s", "3", "--json").json()
    assert first["lessons"][0]["works"] == 3


def test_new_labels_for_a_person(run: Any, examples: Path) -> None:
    folder = examples / "datasets/games" / L2
    (folder / "actual_labels.csv").unlink()
    result = run("--lesson-names", L2, "--new-labels")
    assert result.code == 0
    lines = (folder / "new_labels.csv").read_text().splitlines()
    assert lines[0] == "student,User Input,Conditionals,Functions"
    assert "willow,,Convincing Evidence,No Evidence" in lines  # tied votes leave it blank
    assert len(lines) == 13
    corrected = (folder / "new_labels.csv").read_bytes() + b"Zo\xeb,,,\n"
    (folder / "new_labels.csv").write_bytes(corrected)
    for _ in range(2):
        assert run("--lesson-names", L2, "--new-labels").code == 0
    assert (folder / "new_labels.csv").read_bytes() == corrected
    assert (folder / "new_labels-2.csv").read_text().splitlines() == lines
    assert not (folder / "new_labels-3.csv").exists()


def test_a_release_keeps_its_confidence(command_line: CommandLine, examples: Path) -> None:
    result = command_line.run(
        "rubric", "test", "--base", str(examples), "--dataset-name", "games",
        "--experiment-name", "first", "--release", "-g",
    )  # fmt: skip
    assert (result.code, result.out) == (2, "")
    assert "a release has its confidence" in result.err
    assert not (examples / "experiments/first").exists()


def test_confidence_files(run: Any, examples: Path) -> None:
    folder = examples / "experiments/baseline" / L2
    assert run("--lesson-names", L2, "-g").code == 0
    careful = json.loads((folder / "confidence.json").read_text())
    assert careful == {"User Input": "LOW", "Conditionals": "LOW", "Functions": "LOW"}
    assert run("--lesson-names", L2, "-g", "--point-estimate").code == 0
    bold = json.loads((folder / "confidence.json").read_text())
    assert bold == {"User Input": "HIGH", "Conditionals": "MEDIUM", "Functions": "HIGH"}
    exact = json.loads((folder / "confidence-exact.json").read_text())
    assert exact["Functions"]["No Evidence"] == "LOW"  # fewer than ten works


def test_given_options_hold_over_the_file(
    run: Any, examples: Path, command_line: CommandLine
) -> None:
    edit(examples, L2, "params.json", '"remove-comments": true', '"remove-comments": false')
    edit(examples, L2, "params.json", '"temperature": 0', '"temperature": 1.5')
    result = run("--lesson-names", L2, "-t", "0", "-n", "1", "-r", "-w", "2", "--json")
    assert result.code == 0, result.err
    told = json.loads((command_line.folder / "output/baseline" / L2 / "result.json").read_text())
    used = told["experiment"]["parameters"]
    assert (used["temperature"], used["num_responses"], used["remove_comments"]) == (0, 1, True)
    votes = [vote["votes"] for student in told["students"] for vote in student["votes"]]
    assert {sum(each.values()) for each in votes} == {1}


def test_deprecated_parameters_are_named(run: Any, examples: Path) -> None:
    given = '"num-responses": 3'
    edit(examples, L2, "params.json", given, f'{given}, "num-passing-grades": 1')
    result = run("--lesson-names", L2)
    assert result.code == 0
    told = "'num-passing-grades' is deprecated; use --passing-labels 1 instead."
    assert told in " ".join(result.err.split())


def test_one_bad_reply_stops_nothing_and_has_a_name(run: Any, examples: Path) -> None:
    """Two of three replies contradict themselves or end too early; the third one counts."""
    replies = examples / "experiments/baseline" / L2 / "replies.yaml"
    rows = [[name, "No Evidence"] for name in ("User Input", "Conditionals", "Functions")]

    def reply(rows: list[list[str]]) -> str:
        return json.dumps([{"Key Concept": name, "Label": label} for name, label in rows])

    bad = reply([*rows, ["Functions", "Limited Evidence"]])
    script = {"rules": [{"replies": [bad, reply(rows)[:-20], reply(rows)]}]}
    replies.write_text(json.dumps(script))
    (lesson,) = run("--lesson-names", L2, "--json").json()["lessons"]
    assert lesson["errors"] == {"contradictory_assessment": 11, "cut_off_assessment": 11}
    assert lesson["exact"]["overall"]["unscored"] == 0


REFUSED = {
    "a label that is not in the rubric": (
        f"datasets/games/{L2}/actual_labels.csv", "rowan,No Evidence", "rowan,Superb",
        f"datasets/games/{L2}/actual_labels.csv: 'rowan' has 'Superb' for 'User Input', which is "
        "none of the rubric's labels: Extensive Evidence, Convincing Evidence, Limited Evidence, "
        "No Evidence.",
    ),
    "a dataset with no labels": (
        f"datasets/games/{L2}/actual_labels.csv", None, "student,User Input,Conditionals,Functions",
        f"datasets/games/{L2}/actual_labels.csv holds no label: there is nothing to agree with.",
    ),
    "a duplicate concept": (
        f"experiments/baseline/{L2}/standard_rubric.csv", "\nConditionals,", "\nuser  input,",
        f"experiments/baseline/{L2}/standard_rubric.csv names the key concept 'user  input' twice.",
    ),
    "an example of other concepts": (
        f"experiments/baseline/{L2}/examples/1.json", "Conditionals", "Loops",
        f"experiments/baseline/{L2}/examples/1.json does not fit the rubric: The rubric has no key "
        "concept 'Loops'.",
    ),
    "a parameter of a wrong type": (
        f"experiments/baseline/{L2}/params.json", '"num-responses": 3', '"num-responses": "many"',
        f"experiments/baseline/{L2}/params.json: 'num-responses' must be a whole number from 1 to "
        "100, not 'many'.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_files_are_refused_in_one_line(run: Any, examples: Path, case: str) -> None:
    name, old, new, told = REFUSED[case]
    text = (examples / name).read_text()
    assert old is None or old in text
    (examples / name).write_text(new if old is None else text.replace(old, new))
    result = run("--lesson-names", L2)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"prompt-app: {told}\n"


def test_results_that_cannot_be_written_are_refused_before_a_call(
    run: Any, examples: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    result = run("--lesson-names", L2, "-o", str(taken))
    assert result.code == 2
    assert result.err == f"prompt-app: --output {taken} cannot be made a folder: File exists.\n"
    assert "0 from stored replies" in run("--lesson-names", L2, "-c", "--estimate").out


def test_a_lesson_without_a_labels_file_is_refused(run: Any, examples: Path) -> None:
    (examples / f"datasets/games/{L2}/actual_labels.csv").unlink()
    result = run("--lesson-names", L2)
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert f"datasets/games/{L2} has no actual_labels.csv" in line


WRONG = {
    "lesson": (["--lesson-names", "L9"], "experiments/baseline/L9/params.json"),
    "leaves its folder": (["--lesson-names", "../x"], "cannot be the name of a lesson"),
    "student": (["--lesson-names", L1, "--student-ids", "nobody"], "'nobody'"),
    "passing": (["--lesson-names", L1, "--passing-labels", "4"], "4 labels cannot pass"),
    "thresholds": (["-a", "none.json"], "none.json"),
    "model": (["-l", "offline:scriptd"], "scripted"),
    "no lesson": (["--lesson-names", ""], "--lesson-names names nothing"),
    "no student": (["--student-ids", " ,"], "--student-ids names nothing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told_in_one_line(run: Any, case: str) -> None:
    arguments, told = WRONG[case]
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert told in line
