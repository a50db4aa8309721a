"""Puts the commands together and turns errors into one line and an exit code."""

from __future__ import annotations

import sys

import typer

from prompt_app.cli import (
    calibrate,
    compare,
    datasets,
    export,
    metrics,
    mock_server,
    models,
    power,
    prompts,
    quote,
    regrade,
    rescore,
    rows,
    rubric,
    run,
    runs,
    show,
    start,
    steering,
    worker,
)
from prompt_app.errors import InputError, PromptAppError

FAILED, WRONG_INPUT, THRESHOLD_MISSED, UNFINISHED, INTERRUPTED = 1, 2, 3, 4, 130

app = typer.Typer(
    name="prompt-app",
    help="Evaluate prompts and models: scores with intervals, and every row behind them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("quote")(quote.quote)
app.command("runs")(runs.runs)
app.command("show")(show.show)
app.command("compare")(compare.compare)
app.command("power")(power.power)
app.command("calibrate")(calibrate.calibrate)
app.command("regrade")(regrade.regrade)
app.command("rows")(rows.rows)
app.command("export")(export.export)
app.command("pause")(steering.pause)
app.command("cancel")(steering.cancel)
app.command("resume")(steering.resume)
app.command("rescore")(rescore.rescore)
app.add_typer(datasets.app, name="datasets")
app.add_typer(prompts.app, name="prompts")
app.add_typer(rubric.app, name="rubric")
app.command("models")(models.models)
app.command("metrics")(metrics.metrics)
app.command("worker")(worker.worker)
app.command("mock-server")(mock_server.mock_server)
app.command("start")(start.start)


def main() -> None:
    """Run the command line and exit."""
    try:
        app(standalone_mode=True)
    except PromptAppError as error:
        print(f"prompt-app: {error}", file=sys.stderr)
        sys.exit(WRONG_INPUT if is_input(error) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def is_input(error: PromptAppError) -> bool:
    """Whether the user can mend it in what was given: missing credentials count."""
    return isinstance(error, InputError) or error.kind == "authentication"
