"""``prompt-app show``."""

from __future__ import annotations

from prompt_app.cli.common import (
    AsJson,
    RunId,
    console,
    money,
    print_json,
)
from prompt_app.cli.following import progress_text
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.run import print_scores, print_unpriced


def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run: its state, what it is made of, and its scores."""
    from prompt_app.workbench.unpriced import judge_cost, model_cost, unpriced_models

    with opened_workbench() as workbench:
        run = workbench.run(run_id)
        run = run.model_copy(update={"summary": workbench.summary(run)})
        errors = workbench.error_counts(run.id)
    if as_json:
        print_json({**run.model_dump(mode="json"), "errors": errors,
                    "unpriced_models": unpriced_models([run])})  # fmt: skip
        return
    spec = run.spec
    prompt = spec.prompt
    lines = [
        ("run", run.id),
        ("state", f"{run.state}{': ' + run.reason if run.reason else ''}"),
        ("progress", progress_text(run)),
        ("dataset", spec.dataset_name + (f", split {spec.split}" if spec.split else "")),
        ("prompt", f"{prompt.name}@{prompt.number}" if prompt.number else prompt.name),
        ("model", spec.model.reference),
        ("parameters", ", ".join(f"{k}={v}" for k, v in spec.parameters.given().items()) or "none"),
        ("repeats", str(spec.repeats)),
        ("cached", str(run.progress.cached)),
        ("spent", f"{money(model_cost(run))} on the model, {money(judge_cost(run))} on judges"),
        ("skipped rows", str(run.progress.skipped_rows)),
    ]  # fmt: skip
    for name, value in lines:
        console.print(f"{name:14}{value}", markup=False)
    for kind, count in (run.progress.retries | errors).items():
        console.print(f"{'error':14}{kind}: {count}", markup=False)
    print_scores([run])
    print_unpriced([run])
