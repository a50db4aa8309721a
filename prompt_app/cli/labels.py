"""``prompt-app labels``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, console, print_json, print_table
from prompt_app.cli.opening import opened_workbench
from prompt_app.errors import InputError

app = typer.Typer(help="People's labels: queues, export, import.", no_args_is_help=True)

Queue = Annotated[str, typer.Argument(help="Name or id of the queue.")]
QUESTIONS = ("Is this reply right?", "Which reply is better?")
ALL = 1_000_000
FILE = "File with an answer a line: .jsonl or .csv."


@app.command("list")
def list_queues(as_json: AsJson = False) -> None:
    """List label queues with their progress, newest first."""
    with opened_workbench() as workbench:
        queues = workbench.labelling.queues(limit=ALL).items
        standings = [workbench.labelling.standing(queue.id) for queue in queues]
    if as_json:
        print_json(queues)
        return
    rows = [
        [queue.name, ", ".join(queue.run_ids), queue.metric, standing.labelled, standing.rows,
         len(standing.labellers)]
        for queue, standing in zip(queues, standings, strict=True)
    ]  # fmt: skip
    columns = ["queue", "run", "metric", "labelled#", "rows#", "people#"]
    print_table(columns, rows, "No label queues yet. Make one: prompt-app labels create NAME RUN")


@app.command("create")
def create_queue(
    name: Annotated[str, typer.Argument(help="Name of the queue.")],
    run_ids: Annotated[
        list[str],
        typer.Argument(metavar="RUN [RUN]", help="A run; or two, whose replies are compared."),
    ],
    *,
    question: Annotated[str | None, typer.Option(help="What labellers are asked.")] = None,
    rubric: Annotated[
        Path | None, typer.Option(help="Text file that says what each label means.")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Labels of a single reply, worst first, with commas.")
    ] = "fail,pass",
    metric: Annotated[str, typer.Option(help="Judge to hold the labels against.")] = "",
    people: Annotated[int, typer.Option(min=1, max=20, help="People for each row.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Make a queue of a run's replies, to be labelled in the studio or by import."""
    from prompt_app.datamodel.labelling import LabelRubric

    if not 1 <= len(run_ids) <= 2:
        raise InputError("A label queue takes one run, or two to compare.")
    asked = LabelRubric(
        question=question or QUESTIONS[len(run_ids) - 1],
        instructions=_read(rubric) if rubric is not None else "",
        labels=tuple(each.strip() for each in labels.split(",") if each.strip()),
    )
    with opened_workbench() as workbench:
        queue = workbench.labelling.create(
            name, run_ids, asked, metric=metric, people_per_row=people
        )
    if as_json:
        print_json(queue)
    else:
        console.print(f"{queue.name}: open label?queue={queue.name} in the studio.", markup=False)


@app.command("export")
def export_labels(
    queue: Queue,
    file: Annotated[Path, typer.Argument(help=FILE)],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write who said what to a file; an answer that was changed counts as it is now."""
    if file.exists() and not force:
        raise InputError(f"{file} exists; give another name, or --force to replace it.")
    if not file.absolute().parent.is_dir():
        raise InputError(f"There is no folder {file.parent}.")
    with opened_workbench() as workbench:
        count = workbench.labelling.export(queue, file)
    if as_json:
        print_json({"file": str(file), "labels": count})
    else:
        console.print(f"{count} answers written to {file}", markup=False)


@app.command("import")
def import_labels(
    queue: Queue, file: Annotated[Path, typer.Argument(help=FILE)], as_json: AsJson = False
) -> None:
    """Read answers with example_id and label (and labeller, comment) into a queue.

    A wrong line refuses the whole file, naming every one.
    """
    with opened_workbench() as workbench:
        count = workbench.labelling.import_labels(queue, file)
    if as_json:
        print_json({"labels": count})
    else:
        console.print(f"{count} answers read into {queue}", markup=False)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
