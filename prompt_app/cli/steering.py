"""``prompt-app pause``, ``cancel`` and ``resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from prompt_app.cli.common import AsJson, RunId, console, print_json
from prompt_app.cli.opening import opened_workbench

if TYPE_CHECKING:
    from prompt_app.datamodel.evaluation import Run


def pause(run_id: RunId, as_json: AsJson = False) -> None:
    """Pause a run: calls in flight finish, no new ones are made."""
    with opened_workbench() as workbench:
        _report(workbench.pause(run_id), as_json)


def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """Cancel a run. What was answered is kept, and it can be resumed."""
    with opened_workbench() as workbench:
        _report(workbench.cancel(run_id), as_json)


def resume(
    run_id: RunId,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed samples again.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Work on it here until it ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queue a paused, cancelled or failed run again. A worker goes on where it stood.

    With --wait, exits with 4 when the run did not finish.
    """
    from prompt_app.cli.following import end_unfinished, follow_evaluation
    from prompt_app.datamodel.evaluation import ACTIVE_STATES

    with opened_workbench() as workbench:
        run = workbench.run(run_id)
        if not (wait and run.state in ACTIVE_STATES):
            run = workbench.resume(run.id, retry_failed=retry_failed)
        if wait:
            follow_evaluation(workbench, run.evaluation_id, show=not as_json)
            run = workbench.run(run.id)
    _report(run, as_json)
    if wait:
        end_unfinished([run])


def _report(run: Run, as_json: bool) -> None:
    if as_json:
        print_json(run)
    else:
        asked = f", {run.requested} asked for" if run.requested else ""
        console.print(f"{run.id} is {run.state}{asked}", markup=False)
