"""People's labels of works that are there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompt_app.errors import RubricError
from prompt_app.rubrics.files import read_works, save_labels
from prompt_app.rubrics.folders import LocalFolder

LESSON = "datasets/games/L1"
FIRST, SECOND, THIRD = (f"student,Shapes\nann,{label}\n" for label in ("Good", "Poor", "Fair"))


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    made = LocalFolder(tmp_path)
    for name in ("ann.js", "bob.js"):
        made.write(f"{LESSON}/{name}", "var a;")
    return made


def save(folder: LocalFolder, text: str, name: str = "corrected.csv") -> tuple[str, str | None]:
    return save_labels(folder, "games", "L1", name, text)


def test_labels_that_are_replaced_are_kept(folder: LocalFolder) -> None:
    path = f"{LESSON}/actual_labels.csv"
    assert save(folder, FIRST) == (path, None)
    assert save(folder, FIRST) == (path, None), "the same again"
    assert save(folder, SECOND) == (path, f"{LESSON}/actual_labels-before.csv")
    assert save(folder, THIRD) == (path, f"{LESSON}/actual_labels-before-2.csv")
    kept = [folder.read(f"{LESSON}/actual_labels{end}.csv") for end in ("-before", "-before-2", "")]
    assert kept == [FIRST, SECOND, THIRD]
    assert [work.file for work in read_works(folder, "games", "L1")] == ["ann.js", "bob.js"]


def test_a_further_persons_labels_are_a_file_of_their_own(folder: LocalFolder) -> None:
    save(folder, FIRST)
    path = f"{LESSON}/actual_labels.sue.csv"
    assert save(folder, SECOND, "actual_labels.sue.csv") == (path, None)
    assert (
        save(folder, THIRD, "actual_labels.sue.csv")[1] == f"{LESSON}/actual_labels-sue-before.csv"
    )
    assert folder.read(f"{LESSON}/actual_labels.csv") == FIRST


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,Shapes\nann,Good\n", "no column 'student'"),
        ("student,Shapes\nzoe,Good\n", "'zoe', which has no file there"),
        ("student,Shapes\nann,Good\nann,Poor\n", "'ann' twice"),
        ("student,Shapes\nann,Good\nann.js,Poor\n", "'ann' twice"),
        ("student,Shapes,split\nann,,tune\n", "holds no label"),
    ],
)
def test_what_is_no_labels_file_of_the_works_changes_nothing(
    folder: LocalFolder, text: str, message: str
) -> None:
    save(folder, FIRST)
    with pytest.raises(RubricError, match=message):
        save(folder, text)
    assert folder.read(f"{LESSON}/actual_labels.csv") == FIRST


def test_labels_need_works(folder: LocalFolder) -> None:
    with pytest.raises(RubricError, match="no works"):
        save_labels(folder, "games", "L2", "labels.csv", FIRST)
