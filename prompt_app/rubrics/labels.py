"""Files of people's labels."""

from __future__ import annotations

from pathlib import PurePosixPath

from prompt_app.errors import RubricError
from prompt_app.registry import nearest_names
from prompt_app.rubrics.model import LabelFile, Rubric, StudentLabels
from prompt_app.rubrics.tables import one_form, read_table, refuse_duplicates, write_delimited


def read_labels(text: str, path: str, rubric: Rubric) -> LabelFile:
    """A labels file: ``student``, a column for each key concept, and perhaps ``split``."""
    rows = read_table(text, path)
    header = rows[0]
    student_column(header, path)
    names = {one_form(name): name for name in rubric.names}
    columns: dict[int, str] = {}
    for index, title in enumerate(header):
        if title in ("student", "split"):
            continue
        if one_form(title) not in names:
            near = nearest_names(title, rubric.names)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise RubricError(f"{path}: the rubric has no key concept {title!r}.{hint}")
        columns[index] = names[one_form(title)]
    refuse_duplicates(columns.values(), path, "key concept")
    missing = [name for name in rubric.names if name not in columns.values()]
    if missing:
        raise RubricError(f"{path} has no column for {', '.join(map(repr, missing))}.")
    found = [_student(row, header, columns, path, rubric) for row in rows[1:]]
    refuse_duplicates((row.student for row in found), path, "student", str)
    if not any(label for row in found for label in row.labels.values()):
        raise no_label(path)
    return LabelFile(concepts=rubric.names, rows=tuple(found))


def student_column(header: list[str], path: str) -> int:
    """Its place. Raises RubricError where there is none."""
    if "student" not in header:
        raise RubricError(f"{path} has no column 'student'; it has {', '.join(header):.200}.")
    return header.index("student")


def no_label(path: str) -> RubricError:
    return RubricError(f"{path} holds no label: there is nothing to agree with.")


def _student(
    row: list[str], header: list[str], columns: dict[int, str], path: str, rubric: Rubric
) -> StudentLabels:
    cells = [*row, *[""] * (len(header) - len(row))]
    student = cells[header.index("student")]
    if any(cells[len(header) :]):
        raise RubricError(f"{path}: {student!r} has {len(row)} cells, the header {len(header)}.")
    known = {one_form(label): label for label in rubric.labels}
    labels: dict[str, str | None] = {}
    for index, concept in columns.items():
        if cells[index] and one_form(cells[index]) not in known:
            raise RubricError(
                f"{path}: {student!r} has {cells[index]!r} for {concept!r}, which is none of the "
                f"rubric's labels: {', '.join(rubric.labels)}."
            )
        labels[concept] = known.get(one_form(cells[index]))
    split = cells[header.index("split")] if "split" in header else ""
    name = PurePosixPath(student)
    return StudentLabels(
        student=name.stem if name.suffix == ".js" else student, labels=labels, split=split
    )


def write_labels(labels: LabelFile) -> str:
    """The text of a labels file."""
    splits = any(row.split for row in labels.rows)
    header = ["student", *labels.concepts, *(["split"] if splits else [])]
    rows = [
        [row.student, *(row.labels.get(c) or "" for c in labels.concepts)]
        + ([row.split] if splits else [])
        for row in labels.rows
    ]
    return write_delimited([header, *rows], ",")
