"""Labels as files: JSONL or CSV with one answer a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from prompt_app.datamodel.access import Person
from prompt_app.datamodel.labelling import Annotation, LabelQueue
from prompt_app.errors import InputError
from prompt_app.workbench.exporting import FORMULA_STARTS, neutral_cell

COLUMNS = ("example_id", "label", "labeller", "labeller_name", "comment", "rubric_number", "at")
MOST_SHOWN = 20


def write_labels(answers: Sequence[Annotation], path: Path) -> int:
    """One line an answer; a skipped row has a blank label. Raises InputError for a file that
    ends neither in .jsonl nor in .csv."""
    rows = [_row(each) for each in answers]
    ending = _ending(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        if ending == "csv":
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({k: neutral_cell(v) for k, v in row.items()} for row in rows)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return len(rows)


def read_labels(
    path: Path,
    queue: LabelQueue,
    person: Person,
    examples: Collection[str],
    labels: Collection[str],
) -> list[Annotation]:
    """The answers in a file; a blank label is a skipped row, and a line without ``labeller`` is
    ``person``'s. Raises InputError naming every bad line."""
    found: list[Annotation] = []
    problems: list[str] = []
    for line, row in _rows(path):
        example, label = str(row.get("example_id") or ""), str(row.get("label") or "").strip()
        if example not in examples:
            problems.append(f"line {line}: {example!r} is no row of the queue {queue.name}")
        elif label and label not in labels:
            problems.append(f"line {line}: {label!r} is none of {', '.join(labels)}")
        else:
            labeller = str(row.get("labeller") or person.id)
            name = row.get("labeller_name") or (person.name if labeller == person.id else labeller)
            found.append(
                Annotation(
                    example_id=example,
                    labeller=labeller,
                    labeller_name=str(name),
                    label=label or None,
                    comment=str(row.get("comment") or ""),
                    rubric_number=queue.rubric_number,
                    at=_moment(row.get("at"), line, problems),
                )
            )
    if problems:
        more = f"\n... and {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
        raise InputError(
            f"{path} was not read, as {len(problems)} of its lines are wrong:\n"
            + "\n".join(problems[:MOST_SHOWN])
            + more
        )
    return found


def _row(given: Annotation) -> dict[str, Any]:
    row = given.model_dump(mode="json", include=set(COLUMNS))
    return {name: row[name] if row[name] is not None else "" for name in COLUMNS}


def _ending(path: Path) -> str:
    ending = path.suffix.lower().lstrip(".")
    if ending not in ("jsonl", "csv"):
        raise InputError(f"{path} must end in .jsonl or .csv.")
    return ending


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    ending = _ending(path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if ending == "csv":
        reader = csv.DictReader(text.splitlines(keepends=True))
        yield from (
            (reader.line_num, {name: _read_cell(cell) for name, cell in row.items()})
            for row in reader
        )
        return
    for line, each in enumerate(text.split("\n"), start=1):
        if not each.strip():
            continue
        try:
            row = json.loads(each)
        except ValueError as error:
            raise InputError(f"{path}, line {line}: not JSON ({error}).") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {line}: not an object.")
        yield line, row


def _read_cell(cell: Any) -> Any:
    """Without the apostrophe that a spreadsheet's formulas are written with."""
    if isinstance(cell, str) and cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS):
        return cell[1:]
    return cell


def _moment(value: Any, line: int, problems: list[str]) -> datetime | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        problems.append(f"line {line}: {str(value)[:40]!r} is no time")
        return None
    return at if at.tzinfo is not None else at.astimezone()
