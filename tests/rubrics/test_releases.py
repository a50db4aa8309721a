"""Releases, what they are compared by, and what in a rubric is unclear; on the shipped examples."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from cli.commands import CommandLine, Result

L1, L2 = "L1-moving-things", "L2-reacting"
GAMES = ("--dataset-name", "games", "--experiment-name", "baseline")


@pytest.fixture
def rubric(command_line: CommandLine, examples: Path) -> Any:
    def call(command: str, *more: str) -> Result:
        return command_line.run("rubric", command, "--base", str(examples), *more)

    return call


def test_a_release_holds_what_reproduces_it(rubric: Any, examples: Path) -> None:
    assert rubric("release", "second", *GAMES).code == 0
    folder = examples / "releases/second" / L1
    manifest = json.loads((folder / "release.json").read_text())
    assert set(manifest["hashes"]) == {"prompt", "rubric", "examples", "dataset", "judge"}
    assert manifest["works"] == 10
    assert len(manifest["predictions"]) == 30
    sprites = manifest["accuracy"]["exact"]["concepts"]["Modularity: Sprites"]
    assert sprites["accuracy"] == 1
    assert sprites["interval"][0] == pytest.approx(0.7225, abs=1e-3)
    low, high = sprites["weighted_kappa_interval"]
    assert low < sprites["weighted_kappa"] <= high
    assert sprites["kappa_interval"][0] < sprites["kappa"] <= sprites["kappa_interval"][1]
    names = {each.name for each in folder.iterdir()}
    assert {"params.json", "confidence.json", "confidence-exact.json", "examples"} <= names
    again = rubric("test", *manifest["command"].split()[3:], "--json", "-c")
    assert again.code == 0
    overall = again.json()["lessons"][0]["exact"]["overall"]
    assert overall == {**manifest["accuracy"]["exact"]["overall"], "method": overall["method"]}


def test_a_release_never_changes(rubric: Any, examples: Path) -> None:
    arguments = ("release", "second", *GAMES, "--lesson-names", L2)
    assert rubric(*arguments).code == 0
    assert rubric(*arguments).code == 0  # the same again is no change
    prompt = examples / "experiments/baseline" / L2 / "system_prompt.txt"
    prompt.write_text("Assess.\n")
    result = rubric(*arguments)
    assert result.code == 2
    assert "choose another name" in result.err


def test_the_shipped_release_is_that_of_the_shipped_experiment(rubric: Any, examples: Path) -> None:
    shipped = (examples / "releases/first" / L2 / "release.json").read_text()
    assert rubric("release", "first", *GAMES).code == 0
    assert (examples / "releases/first" / L2 / "release.json").read_text() == shipped


def test_a_changed_clause_is_followed_by_the_labels_it_moved(rubric: Any, examples: Path) -> None:
    folder = examples / "experiments/baseline" / L2
    clauses = (folder / "standard_rubric.csv").read_text()
    (folder / "standard_rubric.csv").write_text(clauses.replace("Two or more,One,", "2 or more,1,"))
    replies = (folder / "replies.yaml").read_text()
    # The same program gets another label.
    before, after = replies.split("contains: triangle(100, 200", 1)
    moved = after.replace('"No Evidence"', '"Limited Evidence"', 6)
    (folder / "replies.yaml").write_text(f"{before}contains: triangle(100, 200{moved}")
    assert rubric("release", "second", *GAMES, "--lesson-names", L2).code == 0
    result = rubric("compare", "first", "second", "--lesson-names", L2, "--json")
    compared = result.json()[L2]
    assert compared["changed"] == ["rubric"]
    assert compared["clauses"] == {"Conditionals": 1}
    assert {m["student"] for m in compared["moved"]} == {"poppy"}
    assert compared["verdict"] == "no_detectable_difference"


def test_other_labels_are_not_compared(rubric: Any, examples: Path) -> None:
    labels = examples / "datasets/games" / L2 / "actual_labels.csv"
    labels.write_text(labels.read_text().replace("rowan,No", "rowan,Limited"))
    assert rubric("release", "second", *GAMES, "--lesson-names", L2).code == 0
    result = rubric("compare", "first", "second", "--lesson-names", L2)
    assert result.code == 2
    assert "different works or labels" in result.err


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("system_prompt.txt", "You assess", "You guess", "prompt"),
        ("standard_rubric.csv", "Look for keys", "Look for doors", "rubric"),
        ("examples/1.js", "brown", "white", "examples"),
        ("params.json", '"temperature": 0.0', '"temperature": 1.0', "judge"),
    ],
)
def test_a_release_whose_files_were_changed_is_not_used(
    rubric: Any, examples: Path, file: str, old: str, new: str, part: str
) -> None:
    path = examples / "releases/first" / L2 / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    work = str(examples / "datasets/games" / L2 / "sage.js")
    for arguments in (
        ("promote", "first", "--lesson-names", L2),
        ("test", "--release", "--experiment-name", "first", "--dataset-name", "games",
         "--lesson-names", L2),
        ("assess", work, "--lesson-name", L2, "--release-name", "first"),
        ("compare", "first", "first", "--lesson-names", L2),
    ):  # fmt: skip
        result = rubric(*arguments)
        assert (result.code, result.out) == (2, "")
        assert (
            f"releases/first/{L2} is not what was measured any more: changed {part}." in result.err
        )


def test_names_with_spaces_are_quoted_in_the_command(rubric: Any, examples: Path) -> None:
    (examples / "datasets/games").rename(examples / "datasets/our games")
    named = ("--dataset-name", "our games", "--experiment-name", "baseline")
    assert rubric("release", "spring term", *named, "--lesson-names", L2).code == 0
    manifest = json.loads((examples / "releases/spring term" / L2 / "release.json").read_text())
    again = rubric("test", *shlex.split(manifest["command"])[3:], "--json", "-c")
    assert again.json()["lessons"][0]["sources"] == {"blank": 1, "cache": 11}


def test_promotion(rubric: Any, examples: Path) -> None:
    assert rubric("promote", "first", "--lesson-names", L2).code == 0
    promoted = json.loads((examples / "releases/promoted.json").read_text())
    assert promoted == {L2: "first"}
    assert rubric("promote", "never").code == 2


def test_nothing_measured_is_no_release(rubric: Any, examples: Path) -> None:
    labels = examples / "datasets/games" / L1 / "actual_labels.csv"
    labels.write_text(labels.read_text().replace(",test", ",tune"))
    result = rubric("release", "second", *GAMES, "--lesson-names", L1)
    assert result.code == 2
    assert "cannot be released" in result.err


def test_ambiguity_names_concepts_clauses_and_rows(rubric: Any) -> None:
    found = rubric("ambiguity", *GAMES, "--json").json()
    movement, names, sprites = found[L1]
    assert [each["name"] for each in found[L1]] == [
        "Position and Movement", "Readable Names", "Modularity: Sprites",
    ]  # fmt: skip
    assert (movement["rated"], movement["people_disagree"], movement["votes_flip"]) == (12, 2, 5)
    assert movement["clauses"][0]["labels"] == ["Extensive Evidence", "Convincing Evidence"]
    assert 0 < movement["alpha"] < 1
    (kale,) = [row for row in names["rows"] if row["student"] == "kale"]
    assert kale["people"] == {"actual": "Limited Evidence", "second": "Convincing Evidence"}
    assert sum(kale["votes"].values()) == 3
    assert sprites["rows"] == []
    assert found[L2][0]["alpha"] is None  # one person alone


def test_ambiguity_says_what_to_mend(rubric: Any) -> None:
    text = rubric("ambiguity", *GAMES, "--lesson-names", L1).out
    assert "people disagree on 2 of 12 works" in text
    assert "Krippendorff's alpha between people is 0." in text
    assert "mend the rubric where it parts 'Extensive Evidence' from 'Convincing" in text


def test_a_work_is_assessed_as_the_promoted_release_does(
    rubric: Any, examples: Path, command_line: CommandLine
) -> None:
    work = examples / "datasets/games" / L2 / "sage.js"
    arguments = ("assess", str(work), "--lesson-name", L2, "--json")
    refused = rubric(*arguments)
    assert refused.code == 2
    assert "No release is promoted for 'L2-reacting'" in refused.err
    assert rubric("promote", "first").code == 0
    result = rubric(*arguments)
    assert result.code == 0
    data = result.json()
    assert data["release"] == "first"
    assert {row["concept"]: row["label"] for row in data["assessment"]} == {
        "User Input": "Extensive Evidence", "Conditionals": "Extensive Evidence",
        "Functions": "Convincing Evidence",
    }  # fmt: skip
    assert {row["pass_fail_confidence"] for row in data["assessment"]} == {"LOW"}


def test_a_work_that_nothing_answers_exits_with_4(rubric: Any, tmp_path: Path) -> None:
    (tmp_path / "unknown.js").write_text("var somethingElse;\n")
    result = rubric(
        "assess", str(tmp_path / "unknown.js"), "--lesson-name", L2, "--release-name", "first"
    )
    assert result.code == 4
    assert "unreadable_assessment" in result.err
