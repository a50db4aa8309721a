"""``prompt-app datasets``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, InProject, console, counted, print_json, print_table
from prompt_app.cli.dataset_options import (
    ClusterField,
    Format,
    IdField,
    ReferenceField,
    Seed,
    Sheet,
    SplitField,
    Splits,
    dataset_options,
)
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.plain import WRONG_INPUT

app = typer.Typer(help="List, add and look into datasets.", no_args_is_help=True)


@app.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List datasets, the newest version of each."""
    with opened_workbench() as workbench:
        versions = workbench.list_datasets()
    if as_json:
        print_json(versions)
        return
    rows = [
        [f"{each.name}@{each.number}", each.rows, each.options.reference_field,
         ", ".join(each.columns), each.source]
        for each in versions
    ]  # fmt: skip
    columns = ["dataset", "rows#", "reference", "columns", "source"]
    print_table(columns, rows, "No datasets yet. Add one: prompt-app datasets add FILE")


@app.command("add")
def add_dataset(  # noqa: PLR0917 - a parameter is an option of the command
    file: Annotated[str, typer.Argument(help="File or s3:// address.")],
    name: Annotated[str | None, typer.Option(help="Name; the file's own when absent.")] = None,
    reference_field: ReferenceField = "answers",
    id_field: IdField = None,
    cluster_field: ClusterField = None,
    split_field: SplitField = None,
    split: Splits = None,
    seed: Seed = 0,
    file_format: Format = None,
    sheet: Sheet = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave malformed rows out.")
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Read a file into a dataset; a changed file becomes its next version.

    Another tool's test cases: prompt-app datasets import.
    """
    options = dataset_options(
        reference_field=reference_field,
        id_field=id_field,
        cluster_field=cluster_field,
        split_field=split_field,
        split=split,
        seed=seed,
        format=file_format,
        sheet=sheet,
    )
    with opened_workbench(project=project) as workbench:
        version = workbench.import_dataset(
            file, name=name, options=options, skip_bad_rows=skip_bad_rows
        )
    if as_json:
        print_json(version)
    else:
        skipped = f", {version.skipped_rows} skipped" if version.skipped_rows else ""
        console.print(
            f"{version.name}@{version.number}: {counted(version.rows, 'row')}{skipped}",
            markup=False,
        )


@app.command("check")
def check_dataset(  # noqa: PLR0917 - a parameter is an option of the command
    file: Annotated[str, typer.Argument(help="File or s3:// address.")],
    reference_field: ReferenceField = "answers",
    id_field: IdField = None,
    cluster_field: ClusterField = None,
    split_field: SplitField = None,
    file_format: Format = None,
    sheet: Sheet = None,
    as_json: AsJson = False,
) -> None:
    """Read a file without keeping it, and name every malformed row.

    Exits with 2 where a row is malformed.
    """
    from prompt_app.datamodel.dataset import RowProblem

    options = dataset_options(
        reference_field=reference_field,
        id_field=id_field,
        cluster_field=cluster_field,
        split_field=split_field,
        format=file_format,
        sheet=sheet,
    )
    good = bad = 0
    problems: list[RowProblem] = []
    with opened_workbench() as workbench:
        for row in workbench.read_rows(file, options):
            if not isinstance(row, RowProblem):
                good += 1
                continue
            bad += 1
            if as_json:
                problems.append(row)
            else:
                console.print(f"line {row.line}: {row.reason}", markup=False, soft_wrap=True)
    if as_json:
        print_json({"rows": good, "problems": problems})
    else:
        console.print(f"{counted(good, 'good row')}, {bad:,} malformed")
    if bad:
        sys.exit(WRONG_INPUT)


@app.command("import")
def import_dataset(
    file: Annotated[str, typer.Argument(help="File or s3:// address.")],
    exchange: Annotated[
        str, typer.Option("--format", help="promptfoo, promptfoo-csv, openai-evals, hosted-evals, "
                          "bedrock, fmeval, inspect or langfuse.")
    ],
    name: Annotated[str | None, typer.Option(help="Name; the file's own when absent.")] = None,
    reference_field: Annotated[
        str | None, typer.Option(help="Field of the reference answers; the format's when absent.")
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="Field of a unique id.")] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave rows out that cannot be taken.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Read another tool's file into a dataset."""
    with opened_workbench() as workbench:
        version = workbench.curation.import_exchange(
            file,
            exchange,
            name=name,
            reference_field=reference_field,
            id_field=id_field,
            skip_bad_rows=skip_bad_rows,
        )
    if as_json:
        print_json(version)
    else:
        skipped = f", {version.skipped_rows} skipped" if version.skipped_rows else ""
        told = f"{version.name}@{version.number}: {counted(version.rows, 'row')}{skipped}"
        console.print(f"{told}, references in {version.options.reference_field}", markup=False)


@app.command("export")
def export_dataset(
    name: Annotated[str, typer.Argument(help="Dataset, or dataset@number.")],
    file: Annotated[Path, typer.Argument(help="File to write.")],
    export_format: Annotated[
        str, typer.Option("--format", help="jsonl, csv or parquet; or promptfoo, promptfoo-csv, "
                          "openai-evals, hosted-evals, bedrock, fmeval, inspect or langfuse.")
    ] = "jsonl",
    input_field: Annotated[
        str | None, typer.Option(help="Field that holds what the model is asked.")
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave rows out that the format cannot express.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write a dataset as a file, also one of another tool."""
    plain, _, number = name.partition("@")
    with opened_workbench() as workbench:
        version = workbench.dataset(plain, int(number) if number.isdecimal() else None)
        report = workbench.curation.export(
            version, file, export_format, input_field=input_field, skip_rows=skip_bad_rows
        )
    if as_json:
        print_json(
            {
                "rows": report.rows,
                "problems": report.problems,
                "problem_count": report.problem_count,
                "left_out": report.left_out,
                "input_field": report.input_field,
            }
        )
        return
    console.print(f"{counted(report.rows, 'row')} written to {file}", markup=False)
    if report.input_field:
        console.print(f"What the model is asked: {report.input_field}", markup=False)
    if report.left_out:
        console.print(f"Fields without a place there: {', '.join(report.left_out)}", markup=False)
    for problem in report.problems[:20]:
        console.print(f"Row {problem.line} left out: {problem.reason}", markup=False)
    if report.problem_count > 20:
        console.print(f"and {counted(report.problem_count - 20, 'row')} more", markup=False)


@app.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="Dataset, or dataset@number.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows to print.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show a dataset's versions and first rows."""
    from prompt_app.datamodel.base import canonical_json

    plain, _, number = name.partition("@")
    with opened_workbench() as workbench:
        versions = workbench.dataset_versions(plain)
        version = workbench.dataset(plain, int(number) if number.isdecimal() else None)
        examples = workbench.examples(version, limit=limit)
    if as_json:
        print_json({"versions": versions, "examples": examples})
        return
    for each in versions:
        console.print(
            f"{each.name}@{each.number}: {counted(each.rows, 'row')}, {each.source}", markup=False
        )
    for example in examples:
        console.print(f"{example.id}  {canonical_json(example.fields)}", markup=False)
