"""The folders of datasets and experiments::

datasets/<set>/<lesson>/       works, actual_labels.csv, actual_labels.<rater>.csv
experiments/<name>/<lesson>/   params.json, system_prompt.txt, standard_rubric.csv, examples/
releases/<name>/<lesson>/      the same, and what was measured
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from prompt_app.errors import AssessmentError, RubricError
from prompt_app.rubrics.code_rules import read_code_rules, write_code_rules
from prompt_app.rubrics.folders import Folder, free_path
from prompt_app.rubrics.labels import no_label, read_labels, student_column
from prompt_app.rubrics.model import (
    Concept,
    Experiment,
    LabelFile,
    LessonData,
    Rubric,
    Work,
    WorkedExample,
)
from prompt_app.rubrics.parameters import read_parameters, write_parameters
from prompt_app.rubrics.replies import read_reply
from prompt_app.rubrics.tables import one_form, read_table, refuse_duplicates, write_delimited

LABELS = "actual_labels.csv"
CODE_RULES = "code_rules.yaml"
PARAMETERS, PROMPT, RUBRIC = "params.json", "system_prompt.txt", "standard_rubric.csv"
_RATER = re.compile(r"actual_labels\.([A-Za-z0-9_-]+)\.csv")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")


def checked_name(name: str, what: str) -> str:
    """Raises RubricError for a name that could leave its folder."""
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        article = "an" if what[0] in "aeiou" else "a"
        raise RubricError(
            f"{name!r} cannot be the name of {article} {what}: use letters a to z, digits, '.', "
            "'_' and '-'."
        )
    return name


# --- datasets -------------------------------------------------------------------------------


def read_lesson(
    folder: Folder, dataset: str, lesson: str, rubric: Rubric, *, needs_labels: bool = True
) -> LessonData:
    """The works of a lesson with their labels. Raises RubricError, naming file and place."""
    works = read_works(folder, dataset, lesson)
    path = lesson_path(dataset, lesson)
    text = folder.read(f"{path}/{LABELS}")
    if text is None and not needs_labels:
        empty = LabelFile(concepts=rubric.names, rows=())
        return LessonData(dataset=dataset, lesson=lesson, works=works, actual=empty)
    if text is None:
        raise RubricError(
            f"{path} has no {LABELS}; make one to fill in with 'prompt-app rubric test "
            "--new-labels', or with New labels in the studio."
        )
    actual = _labels_of(works, text, f"{path}/{LABELS}", rubric)
    _refuse_unknown((row.student for row in actual.rows), works, f"{path}/{LABELS}")
    raters = {
        match[1]: _labels_of(works, folder.read(f"{path}/{name}") or "", f"{path}/{name}", rubric)
        for name in folder.names(path)
        if (match := _RATER.fullmatch(name))
    }
    return LessonData(dataset=dataset, lesson=lesson, works=works, actual=actual, raters=raters)


def _labels_of(works: tuple[Work, ...], text: str, path: str, rubric: Rubric) -> LabelFile:
    """A file of labels, whose rows may name a work's file instead of its student."""
    labels = read_labels(text, path, rubric)
    of = _students_of(works)
    rows = [
        row.model_copy(update={"student": of.get(row.student, row.student)}) for row in labels.rows
    ]
    refuse_duplicates((row.student for row in rows), path, "student", str)
    return labels.model_copy(update={"rows": tuple(rows)})


def _students_of(works: tuple[Work, ...]) -> dict[str, str]:
    """By their files, which a row of labels may name instead."""
    return {work.file: work.student for work in works}


def _refuse_unknown(students: Iterable[str], works: tuple[Work, ...], path: str) -> None:
    known = {work.student for work in works}
    for student in students:
        if student not in known:
            raise RubricError(f"{path} labels {student!r}, which has no file there.")


def save_labels(
    folder: Folder, dataset: str, lesson: str, name: str, text: str
) -> tuple[str, str | None]:
    """Write people's labels of works that are there: a further person's where ``name`` is
    ``actual_labels.<person>.csv``, else those that count. Returns the path, and that of the file
    in which other labels are kept that stood there. Raises RubricError for what is no labels file
    of these works."""
    works = read_works(folder, dataset, lesson)
    path = f"{lesson_path(dataset, lesson)}/{name if _RATER.fullmatch(name) else LABELS}"
    header, *rows = read_table(text, name)
    at, of = student_column(header, name), _students_of(works)
    written = [row[at] if at < len(row) else "" for row in rows]
    students = [of.get(each, each) for each in written]
    _refuse_unknown(students, works, name)
    refuse_duplicates(students, name, "student", str)
    if not any(cell for row in rows for title, cell in zip(header, row, strict=False)
               if title not in ("student", "split")):  # fmt: skip
        raise no_label(name)
    before, kept = folder.read(path), None
    if before is not None and before != text:
        kept = free_path(folder, path.removesuffix(".csv").replace(".", "-") + "-before", before)
        folder.write(kept, before)
    folder.write(path, text)
    return path, kept


def lesson_path(dataset: str, lesson: str) -> str:
    return f"datasets/{checked_name(dataset, 'dataset')}/{checked_name(lesson, 'lesson')}"


def read_works(folder: Folder, dataset: str, lesson: str) -> tuple[Work, ...]:
    """Every file of the lesson but its labels and a README; a student is the file's name without
    its end."""
    path = lesson_path(dataset, lesson)
    names = [
        name
        for name in folder.names(path)
        if not name.startswith((".", "actual_labels", "new_labels"))
        and PurePosixPath(name).stem.casefold() != "readme"
    ]
    if not names:
        raise RubricError(f"There are no works to assess in {path} of {folder.place}.")
    works: dict[str, Work] = {}
    for name in names:
        student = PurePosixPath(name).stem
        if student in works:
            raise RubricError(
                f"{path} has two works of {student!r}: {works[student].file}, {name}."
            )
        works[student] = Work(student=student, file=name, text=folder.read(f"{path}/{name}") or "")
    return tuple(works.values())


# --- experiments ----------------------------------------------------------------------------


def read_experiment(
    folder: Folder, name: str, lesson: str, kind: str = "experiments"
) -> Experiment:
    """An experiment's lesson, or a release's. Raises RubricError, naming file and place."""
    path = f"{kind}/{checked_name(name, 'experiment')}/{checked_name(lesson, 'lesson')}"
    parameters, notices = read_parameters(_required(folder, f"{path}/{PARAMETERS}"),
                                          f"{path}/{PARAMETERS}")  # fmt: skip
    rubric = read_rubric(_required(folder, f"{path}/{RUBRIC}"), f"{path}/{RUBRIC}")
    rules_text = folder.read(f"{path}/{CODE_RULES}")
    rules = read_code_rules(rules_text, f"{path}/{CODE_RULES}", rubric) if rules_text else {}
    for concept in parameters.code_feature_extractor:
        if concept not in rules:
            lacks = f"{CODE_RULES} has no rules for it"
            if concept not in rubric.names:
                lacks = "the rubric does not have it"
            raise RubricError(
                f"{path}/{PARAMETERS}: 'code-feature-extractor' names {concept!r}, but {lacks}."
            )
    return Experiment(
        name=name,
        lesson=lesson,
        parameters=parameters,
        system_prompt=_required(folder, f"{path}/{PROMPT}"),
        rubric=rubric,
        examples=_read_examples(folder, f"{path}/examples", rubric),
        code_rules=rules,
        notices=notices,
    )


def read_rubric(text: str, path: str) -> Rubric:
    """``Key Concept``, ``Instructions``, then a column for each label, best first."""
    rows = read_table(text, path)
    header = rows[0]
    if [one_form(title) for title in header[:2]] != ["key concept", "instructions"]:
        raise RubricError(
            f"{path} must begin with the columns 'Key Concept' and 'Instructions', then one for "
            f"each label; it has {', '.join(header)}."
        )
    labels = tuple(header[2:])
    if len(labels) < 2 or not all(labels):
        raise RubricError(f"{path} needs at least two columns of labels, each with a title.")
    refuse_duplicates(labels, path, "label")
    if len(rows) < 2:
        raise RubricError(f"{path} has no key concept.")
    concepts = []
    for row in rows[1:]:
        cells = [*row, *[""] * (len(header) - len(row))]
        if len(cells) > len(header):
            raise RubricError(f"{path}: {row[0]!r} has {len(row)} cells, the header {len(header)}.")
        if not cells[0]:
            raise RubricError(f"{path}: a row has no key concept.")
        concepts.append(Concept(name=cells[0], instructions=cells[1], definitions=tuple(cells[2:])))
    refuse_duplicates((concept.name for concept in concepts), path, "key concept")
    return Rubric(labels=labels, concepts=tuple(concepts))


def write_rubric(rubric: Rubric) -> str:
    """The text of a rubric's file, as the model is shown it too."""
    header = ["Key Concept", "Instructions", *rubric.labels]
    rows = [[c.name, c.instructions, *c.definitions] for c in rubric.concepts]
    return write_delimited([header, *rows], ",")


def _read_examples(folder: Folder, path: str, rubric: Rubric) -> tuple[WorkedExample, ...]:
    names = folder.names(path)
    ends = (".json", ".tsv")
    replies = _by_stem([n for n in names if n.endswith(ends)], path, "replies")
    works = _by_stem([n for n in names if not n.endswith(ends) and n[0] != "."], path, "works")
    for stem in sorted(works.keys() ^ replies.keys()):
        present = works.get(stem) or replies[stem]
        lacks = "reply (.json or .tsv)" if stem in works else "work"
        raise RubricError(f"{path}/{present} has no {lacks} beside it.")
    examples = []
    for stem in sorted(works):
        reply = folder.read(f"{path}/{replies[stem]}") or ""
        try:
            assessment = read_reply(reply, rubric)
        except AssessmentError as error:
            raise RubricError(f"{path}/{replies[stem]} does not fit the rubric: {error}") from None
        examples.append(
            WorkedExample(
                name=works[stem],
                work=folder.read(f"{path}/{works[stem]}") or "",
                reply_file=replies[stem],
                reply=reply,
                assessment=assessment,
            )
        )
    return tuple(examples)


def _by_stem(names: Sequence[str], path: str, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        stem = PurePosixPath(name).stem
        if found.setdefault(stem, name) != name:
            raise RubricError(f"{path} has two {what} of {stem!r}: {found[stem]}, {name}.")
    return found


def experiment_files(experiment: Experiment) -> dict[str, str]:
    """The texts of an experiment's folder by name; :func:`read_experiment` reads them back."""
    files = {
        PARAMETERS: write_parameters(experiment.parameters),
        PROMPT: experiment.system_prompt,
        RUBRIC: write_rubric(experiment.rubric),
    }
    if experiment.code_rules:
        files[CODE_RULES] = write_code_rules(experiment.code_rules)
    for example in experiment.examples:
        files[f"examples/{example.name}"] = example.work
        files[f"examples/{example.reply_file}"] = example.reply
    return files


# --- shared ---------------------------------------------------------------------------------


def _required(folder: Folder, path: str) -> str:
    text = folder.read(path)
    if text is None:
        raise RubricError(f"There is no {path} in {folder.place}.")
    if not text.strip():
        raise RubricError(f"{path} is empty.")
    return text
