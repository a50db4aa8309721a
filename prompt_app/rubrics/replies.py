"""A model's reply as one label of the rubric for each of its key concepts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prompt_app.datamodel.model import Output
from prompt_app.errors import (
    AssessmentError,
    ContradictoryAssessmentError,
    CutOffAssessmentError,
    EmptyAssessmentError,
    MissingConceptError,
    UnexpectedConceptError,
    UnknownLabelError,
    UnreadableAssessmentError,
)
from prompt_app.rubrics.model import Assessment, ConceptAssessment, ResponseType, Rubric
from prompt_app.rubrics.tables import (
    delimited_rows,
    is_markdown_rule,
    markdown_cells,
    one_form,
    write_delimited,
)

MAX_CHARACTERS = 200_000
MAX_BROKEN_VALUES = 1_000
COLUMNS = ("Key Concept", "Observations", "Evidence", "Label", "Reason")
_FIELDS = {
    "key concept": "concept", "key_concept": "concept", "concept": "concept",
    "observations": "observations", "evidence": "evidence", "label": "label", "grade": "label",
    "reason": "reason",
}  # fmt: skip
_FIELD = re.compile(r'"(?:key[ _])?concept"\s*:', re.IGNORECASE)
Cells = dict[str, str]


def read_output(output: Output, rubric: Rubric) -> Assessment:
    """The assessment in a provider's output. Raises an AssessmentError."""
    if output.finish_reason == "length":
        raise CutOffAssessmentError(
            "The reply was cut off at its token limit: ask for shorter observations."
        )
    if output.finish_reason == "content_filter":
        raise EmptyAssessmentError("The provider filtered the reply.")
    return read_reply(output.text, rubric)


def read_reply(text: str, rubric: Rubric) -> Assessment:
    """The assessment in ``text``: JSON, a Markdown table, TSV or CSV, with other text around it.

    ``Grade`` is taken for ``Label``, and case and spacing of names do not matter. Raises the
    AssessmentError that says what is wrong with it.
    """
    if not text.strip():
        raise EmptyAssessmentError("The reply is empty.")
    if len(text) > MAX_CHARACTERS:
        raise UnreadableAssessmentError(f"The reply has {len(text):,} characters.")
    rows, cut_off, broken = _json_rows(text, rubric)
    if cut_off or broken or not rows:
        rows = _table_rows(text, rubric)
    if cut_off and not rows:
        raise CutOffAssessmentError("The reply ends inside its JSON.")
    if broken and not rows:
        raise UnreadableAssessmentError(f"The reply's JSON is broken: {broken}.")
    if not rows:
        raise UnreadableAssessmentError(
            f"The reply holds no table or JSON with 'Key Concept' and 'Label': {text.strip()!r:.80}"
        )
    return _checked(rows, rubric)


def _checked(rows: Sequence[Cells], rubric: Rubric) -> Assessment:
    names = {one_form(name): name for name in rubric.names}
    labels = {one_form(label): label for label in rubric.labels}
    found: dict[str, ConceptAssessment] = {}
    for row in rows:
        concept = names.get(one_form(row["concept"]))
        if concept is None:
            raise UnexpectedConceptError(f"The rubric has no key concept {row['concept']!r:.80}.")
        label = labels.get(one_form(row.get("label", "")))
        if label is None:
            raise UnknownLabelError(
                f"{concept!r} got {row.get('label', '')!r:.60}, which is none of the rubric's "
                f"labels: {', '.join(rubric.labels)}."
            )
        texts = {name: row.get(name, "") for name in ("observations", "evidence", "reason")}
        given = ConceptAssessment(concept=concept, label=label, **texts)
        if found.setdefault(concept, given).label != label:
            raise ContradictoryAssessmentError(
                f"{concept!r} got two labels: {found[concept].label!r} and {label!r}."
            )
    missing = [name for name in rubric.names if name not in found]
    if missing:
        raise MissingConceptError(f"The reply has no {', '.join(map(repr, missing))}.")
    return tuple(found[name] for name in rubric.names)


# --- JSON -----------------------------------------------------------------------------------


def _json_rows(text: str, rubric: Rubric) -> tuple[list[Cells], bool, str]:
    """The rows of the outermost JSON values in ``text``; whether the text ends inside of one; what
    is wrong with one that names key concepts, so that what is left of it is not the whole."""
    # Not strict: models put tabs and line breaks of code into strings as they are.
    decoder = json.JSONDecoder(object_pairs_hook=_distinct, strict=False)
    rows: list[Cells] = []
    position = tried = 0
    cut_off = False
    broken = ""
    while tried < MAX_BROKEN_VALUES:
        start = min((at for c in "[{" if (at := text.find(c, position)) >= 0), default=-1)
        if start < 0:
            break
        try:
            value, position = decoder.raw_decode(text, start)
            rows += _rows_of(value, rubric)
        except json.JSONDecodeError as error:
            at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
            cut_off = cut_off or (at_end and "concept" in text[start:].casefold())
            if not at_end and _FIELD.search(text, start, error.pos):
                broken = broken or f"{error.msg} in line {error.lineno}, column {error.colno}"
            position = start + 1
            tried += 1
        except (RecursionError, ValueError):
            raise UnreadableAssessmentError("The reply's JSON cannot be read.") from None
    return rows, cut_off, broken


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, each in pairs:
        if value.setdefault(name, each) != each:
            raise ContradictoryAssessmentError(f"The reply gives {name!r:.60} twice.")
    return value


def _rows_of(value: Any, rubric: Rubric) -> Iterator[Cells]:
    """Rows in a list of objects, an object around one, or an object keyed by key concept."""
    if isinstance(value, list):
        for each in value:
            yield from _rows_of(each, rubric)
    elif isinstance(value, Mapping):
        fields = {
            _FIELDS[one_form(k)]: _cell(v) for k, v in value.items() if one_form(k) in _FIELDS
        }
        if {"concept", "label"} <= fields.keys():
            yield fields
            return
        if "concept" in fields:
            raise UnreadableAssessmentError(f"{fields['concept']!r:.80} has no label.")
        names = {one_form(name) for name in rubric.names}
        for key, inner in value.items():
            if one_form(key) in names:
                yield from _rows_of(
                    {"Key Concept": key, **inner}
                    if isinstance(inner, Mapping)
                    else {"Key Concept": key, "Label": inner},
                    rubric,
                )
            elif isinstance(inner, list | Mapping):
                yield from _rows_of(inner, rubric)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- tables ---------------------------------------------------------------------------------


def _table_rows(text: str, rubric: Rubric) -> list[Cells]:
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        cells = markdown_cells(line)
        if cells is not None and _is_header(cells):
            return _named(_markdown_rows(lines[number:]), rubric)
        for delimiter in ("\t", ","):
            if delimiter in line and _is_header(delimited_rows(line, delimiter)[0]):
                rows = delimited_rows("".join(lines[number:]), delimiter)
                return _named(rows, rubric, prose=delimiter == ",")
    return []


def _is_header(cells: Sequence[str]) -> bool:
    return {"concept", "label"} <= {_FIELDS.get(one_form(cell)) for cell in cells}


def _markdown_rows(lines: Sequence[str]) -> list[list[str]]:
    rows = []
    barred = lines[0].lstrip().startswith("|")
    for line in lines:
        cells = markdown_cells(line)
        if cells is None or (barred and not line.lstrip().startswith("|")):
            break
        if not is_markdown_rule(cells):
            rows.append(cells)
    return rows


def _named(rows: Sequence[list[str]], rubric: Rubric, *, prose: bool = False) -> list[Cells]:
    """The rows below the header ``rows[0]``, up to text that is no row of the table. ``prose``:
    a sentence behind the table may have as many cells, as its commas part them too."""
    header = [_FIELDS.get(one_form(cell), "") for cell in rows[0]]
    while header and not header[-1]:
        header.pop()
    names = {one_form(name) for name in rubric.names}
    labels = {one_form(label) for label in rubric.labels}
    named: list[Cells] = []
    for cells in rows[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        filled = [*cells]
        while len(filled) > len(header) and not filled[-1].strip():
            filled.pop()
        if len(filled) != len(header):
            place = header.index("concept")
            if len(filled) > place and one_form(filled[place]) in names:
                raise _wrong_width(filled[place], len(filled), len(header))
            break
        row = {name: cell.strip() for name, cell in zip(header, filled, strict=True) if name}
        if prose and names <= {one_form(each["concept"]) for each in named}:
            known = one_form(row["concept"]) in names or one_form(row["label"]) in labels
            if not known:
                break
        named.append(row)
    if not named:
        raise CutOffAssessmentError("The reply ends after the header of its table.")
    return named


def _wrong_width(concept: str, cells: int, wanted: int) -> AssessmentError:
    if cells < wanted:
        return CutOffAssessmentError(f"The row of {concept!r:.80} is cut off.")
    return UnreadableAssessmentError(
        f"The row of {concept!r:.80} has {cells} cells, the header {wanted}: a cell with a tab or "
        "comma must be in quotes."
    )


# --- writing --------------------------------------------------------------------------------


def write_reply(assessment: Assessment, response_type: ResponseType) -> str:
    """The reply that :func:`read_reply` reads back to ``assessment``, without columns that it
    leaves empty throughout."""
    rows = [(a.concept, a.observations, a.evidence, a.label, a.reason) for a in assessment]
    table = zip(*[COLUMNS, *rows], strict=True)
    header, *rows = zip(*(column for column in table if any(column[1:])), strict=True)
    if response_type == "tsv":
        return write_delimited([header, *rows], "\t")
    named = [dict(zip(header, row, strict=True)) for row in rows]
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"
