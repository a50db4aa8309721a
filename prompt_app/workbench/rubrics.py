"""Rubrics for people who share one folder of them: what is in it, its tests, and its releases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.rubric_test import RubricTest, RubricTestOptions
from prompt_app.errors import RubricError, UnknownNameError
from prompt_app.interfaces import Dispatcher, Page, Store
from prompt_app.rubrics.ambiguity import AmbiguousConcept, find_ambiguity
from prompt_app.rubrics.comparing import ReleaseComparison, compare_releases
from prompt_app.rubrics.confidence import ConfidenceRule
from prompt_app.rubrics.files import (
    LABELS,
    checked_name,
    lesson_path,
    read_experiment,
    read_lesson,
    read_works,
    save_labels,
)
from prompt_app.rubrics.folders import Folder, LocalFolder, MemoryFolder, decoded
from prompt_app.rubrics.labels import write_labels
from prompt_app.rubrics.model import Experiment, LabelFile, LessonData, StudentLabels
from prompt_app.rubrics.releases import (
    MANIFEST,
    Release,
    dataset_hash,
    make_release,
    promote,
    promoted,
    read_release,
    read_released,
    write_release,
)
from prompt_app.rubrics.report import write_report
from prompt_app.rubrics.results import LessonResult, View
from prompt_app.rubrics.tables import read_table
from prompt_app.settings import Settings
from prompt_app.workbench.files import EXAMPLE_FILE
from prompt_app.workbench.rubric_folders import copy_folder, open_folder
from prompt_app.workbench.rubric_preparing import prepare_lessons
from prompt_app.workbench.rubric_quoting import RubricQuote, quote_lesson, total_quote

EXAMPLE_RUBRICS = EXAMPLE_FILE.parent / "rubrics"


class Rubrics:
    """Everything in the folder that the settings name, and its tests in the store. Tests are run
    by worker processes."""

    def __init__(
        self, settings: Settings, store: Store, actor: Person, dispatcher: Dispatcher
    ) -> None:
        self._settings = settings
        self._store = store
        self._actor = actor
        self._dispatcher = dispatcher

    @cached_property
    def folder(self) -> Folder:
        return open_folder(self._settings.resolved_rubrics_url, self._settings)

    # what is in the folder

    def lessons(self, kind: str) -> dict[str, list[str]]:
        """Name -> lessons; ``kind``: ``datasets``, ``experiments`` or ``releases``."""
        return {name: self.folder.folders(f"{kind}/{name}") for name in self.folder.folders(kind)}

    def dataset_counts(self, dataset: str, lesson: str) -> tuple[int, int]:
        """Works, and rows of labels."""
        works = read_works(self.folder, dataset, lesson)
        text = self.folder.read(f"{lesson_path(dataset, lesson)}/{LABELS}")
        rows = read_table(text, LABELS)[1:] if text and text.strip() else []
        return len(works), len(rows)

    def work_text(self, dataset: str, lesson: str, file: str) -> str:
        """A work as it is now. Raises UnknownNameError."""
        for work in read_works(self.folder, dataset, lesson):
            if work.file == file:
                return work.text
        raise UnknownNameError(f"work in {dataset}/{lesson}", file)

    def labels_text(self, dataset: str, lesson: str) -> str:
        """``actual_labels.csv`` as it is; empty where there is none."""
        return self.folder.read(f"{lesson_path(dataset, lesson)}/{LABELS}") or ""

    def works(self, dataset: str, lesson: str) -> list[str]:
        """The files of a lesson's works."""
        return [work.file for work in read_works(self.folder, dataset, lesson)]

    def experiment(self, name: str, lesson: str, kind: str = "experiments") -> Experiment:
        """Raises RubricError for files that are not as they should be."""
        if kind == "releases":
            return read_released(self.folder, name, lesson)
        return read_experiment(self.folder, name, lesson, kind)

    def add_dataset(self, name: str, lesson: str, files: Mapping[str, bytes]) -> str:
        """Write works, and their labels where they are among ``files``; returns the path. Raises
        RubricError for a lesson that is there, or for what is no text."""
        return self._add("datasets", name, lesson, files)

    def add_labels(
        self, dataset: str, lesson: str, name: str, content: bytes
    ) -> tuple[str, str | None]:
        """People's labels of a lesson that is there: a further person's where the file's ``name``
        is ``actual_labels.<person>.csv``. Returns the path, and the one under which other labels
        are kept that stood there. Raises RubricError for what is no labels file of its works."""
        self._actor.require(Role.EDITOR, "add rubrics")
        return save_labels(self.folder, dataset, lesson, name, decoded(content, name))

    def add_experiment(self, name: str, lesson: str, files: Mapping[str, bytes]) -> str:
        """Write ``params.json``, ``system_prompt.txt``, ``standard_rubric.csv`` and ``examples/``;
        returns the path. Raises RubricError for a lesson that is there, or files that do not make
        an experiment."""
        return self._add("experiments", name, lesson, files)

    def load_example(self) -> None:
        """Put the shipped rubrics into a folder that has none yet."""
        self._actor.require(Role.EDITOR, "add rubrics")
        if not self.folder.folders("experiments"):
            copy_folder(LocalFolder(Path(EXAMPLE_RUBRICS)), self.folder)

    def _add(self, kind: str, name: str, lesson: str, files: Mapping[str, bytes]) -> str:
        self._actor.require(Role.EDITOR, "add rubrics")
        path = f"{kind}/{checked_name(name, 'folder')}/{checked_name(lesson, 'lesson')}"
        if lesson in self.folder.folders(f"{kind}/{name}"):
            raise RubricError(f"{path} is there already; choose another name.")
        given = MemoryFolder("the files given")
        for file, content in files.items():
            parts = [checked_name(part, "file") for part in file.split("/")]
            given.write(f"{path}/{'/'.join(parts)}", decoded(content, file))
        if kind == "experiments":
            read_experiment(given, name, lesson)
        else:
            read_works(given, name, lesson)
        copy_folder(given, self.folder)
        return path

    # tests

    def quote(self, options: RubricTestOptions) -> RubricQuote:
        """What a test would take; finds the same mistakes as starting it."""
        prepared = prepare_lessons(self._store, self._settings, self.folder, options)
        return total_quote([quote_lesson(each) for each in prepared])

    def start(self, options: RubricTestOptions) -> RubricTest:
        """Check everything and queue the test. Raises RubricError or another InputError."""
        self._actor.require(Role.EDITOR, "test rubrics")
        prepare_lessons(self._store, self._settings, self.folder, options)
        test = self._store.create_rubric_test(options, self._actor.name)
        self._dispatcher.wake()
        return test

    def tests(self, *, offset: int = 0, limit: int = 20, text: str = "") -> Page[RubricTest]:
        """Newest first."""
        return self._store.list_rubric_tests(offset=offset, limit=limit, text=text)

    def test(self, test_id: str) -> RubricTest:
        return self._store.get_rubric_test(test_id)

    def cancel(self, test_id: str) -> RubricTest:
        """What was assessed until then is kept as replies, and is not asked again."""
        self._actor.require(Role.EDITOR, "cancel tests of rubrics")
        return self._store.cancel_rubric_test(test_id)

    def result(self, test_id: str, lesson: str) -> LessonResult:
        """Raises UnknownNameError for a lesson without a result."""
        return LessonResult.from_json(self._store.rubric_test_result(test_id, lesson))

    def report(self, test_id: str, lesson: str, view: View) -> str:
        """The report of one view as an HTML document."""
        return write_report(self.result(test_id, lesson), view)

    def ambiguity(self, test_id: str, lesson: str) -> tuple[AmbiguousConcept, ...]:
        """The least clear key concept first."""
        result = self.result(test_id, lesson)
        return find_ambiguity(result, self._data(result))

    def new_labels(self, test_id: str, lesson: str) -> str:
        """The predicted labels as a labels file, for a person to correct."""
        result = self.result(test_id, lesson)
        rows = tuple(
            StudentLabels(student=s.student, labels={vote.concept: vote.label for vote in s.votes})
            for s in result.students
        )
        return write_labels(LabelFile(concepts=result.experiment.rubric.names, rows=rows))

    # releases

    def release(self, test_id: str, name: str, *, point_estimate: bool = False) -> list[str]:
        """Freeze what a finished test measured, every lesson of it; returns the paths.

        Raises RubricError for a test of a part of the works, or whose works or labels have
        changed since.
        """
        self._actor.require(Role.EDITOR, "release rubrics")
        test = self.test(test_id)
        if test.options.students or test.options.max_students or test.state != "finished":
            raise RubricError("Only a finished test of all works can be released.")
        rule = ConfidenceRule(point_estimate=point_estimate)
        made = []
        for lesson in test.lessons:
            result = self.result(test_id, lesson)
            data = self._data(result)
            if result.dataset_hash != dataset_hash(data):
                raise RubricError(
                    f"The works or labels of {lesson} have changed since this test: test again, "
                    "with stored replies, and release that."
                )
            made.append(make_release(name, result, data, rule))
        return [write_release(self.folder, manifest, files) for manifest, files in made]

    def releases(self) -> list[Release]:
        """Those that were measured, by lesson and name."""
        found = [
            read_release(self.folder, name, lesson)
            for name, lessons in self.lessons("releases").items()
            for lesson in lessons
            if MANIFEST in self.folder.names(f"releases/{name}/{lesson}")
        ]
        return sorted(found, key=lambda each: (each.lesson, each.name))

    def promoted(self) -> dict[str, str]:
        """Lesson -> the release that is used for it."""
        return promoted(self.folder)

    def promote(self, name: str, lesson: str) -> None:
        """Make the release the one that is used for its lesson."""
        self._actor.require(Role.EDITOR, "promote releases")
        promote(self.folder, name, lesson)

    def compare(self, baseline: str, candidate: str, lesson: str) -> ReleaseComparison:
        """Raises RubricError for releases that were measured on different works or labels."""
        old, new = (read_release(self.folder, each, lesson) for each in (baseline, candidate))
        rubrics = (
            self.experiment(baseline, lesson, "releases").rubric,
            self.experiment(candidate, lesson, "releases").rubric,
        )
        return compare_releases(old, new, rubrics)

    def _data(self, result: LessonResult) -> LessonData:
        return read_lesson(
            self.folder,
            result.dataset,
            result.lesson,
            result.experiment.rubric,
            needs_labels=False,
        )
