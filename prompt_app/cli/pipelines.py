"""``prompt-app pipelines``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt_app.cli.common import (
    AsJson,
    console,
    money,
    notices,
    print_json,
    print_table,
    shortened,
)
from prompt_app.cli.opening import opened_workbench

if TYPE_CHECKING:
    from prompt_app.datamodel.pipeline import PipelineCall, StepTrace

app = typer.Typer(help="Check, save and call pipelines.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Pipeline, pipeline@number, or its id.")]
Text = Annotated[str, typer.Argument(help="The pipeline's text, or a file that holds it.")]
Model = Annotated[
    str | None, typer.Option(help="Model for the prompt steps that name none: provider:name.")
]


@app.command("check")
def check(text: Text, model: Model = None, as_json: AsJson = False) -> None:
    """Check a pipeline and list its arguments; nothing is called or kept."""
    with opened_workbench() as workbench:
        checked = workbench.pipelines.check(_read(text), model)
    if as_json:
        steps = [step.function.info.name for step in checked.steps]
        print_json({"arguments": checked.arguments, "steps": steps})
    else:
        names = ", ".join(checked.arguments) or "none"
        console.print(f"{len(checked.steps)} steps; arguments: {names}", markup=False)


@app.command("save")
def save(
    name: Annotated[str, typer.Argument(help="Pipeline name.")],
    text: Text,
    model: Model = None,
    note: Annotated[str, typer.Option(help="What changed.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check a pipeline and save it as the next version of a name."""
    with opened_workbench() as workbench:
        version = workbench.pipelines.save(name, _read(text), model=model, note=note)
    if as_json:
        print_json(version)
    else:
        console.print(f"{version.reference} (id {version.pipeline_id})", markup=False)


@app.command("list")
def list_pipelines(
    text: Annotated[str, typer.Argument(help="Part of the name or text.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Pipelines to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List pipelines, the newest version of each, and whether they can be called."""
    with opened_workbench() as workbench:
        page = workbench.pipelines.list_pipelines(text, limit=limit)
        problems = [workbench.pipelines.problem(version) for version in page.items]
    if as_json:
        print_json(
            [
                {**version.model_dump(mode="json"), "problem": problem}
                for version, problem in zip(page.items, problems, strict=True)
            ]
        )
        return
    rows = [
        [version.pipeline_id, version.reference, shortened(version.text), version.model or "",
         problem or "valid"]
        for version, problem in zip(page.items, problems, strict=True)
    ]  # fmt: skip
    print_table(["id#", "pipeline", "text", "model", "state"], rows, "No pipelines yet.")


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a version of a pipeline."""
    with opened_workbench() as workbench:
        version = workbench.pipelines.get(name)
    if as_json:
        print_json(version)
        return
    console.print(f"{version.reference} {version.model or ''}", markup=False)
    console.print(version.text, markup=False)


@app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(help="Pipeline name.")], as_json: AsJson = False
) -> None:
    """Delete a pipeline with its versions and traces."""
    with opened_workbench() as workbench:
        workbench.pipelines.delete(name)
    if as_json:
        print_json({"deleted": name})
    else:
        console.print(f"{name} is deleted", markup=False)


@app.command("call")
def call(
    name: Name,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="name=value; name=@FILE reads the value.")
    ] = None,
    json_arguments: Annotated[
        str | None, typer.Option("--arguments", help="All arguments as a JSON object.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Take stored replies where there are any.")
    ] = True,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for the whole call.")] = 300,
    trace: Annotated[bool, typer.Option("--trace", help="Print every step.")] = False,
    as_json: AsJson = False,
) -> None:
    """Call a pipeline and print what it gives."""
    given = _arguments(arguments or [], json_arguments)
    with opened_workbench() as workbench:
        done = asyncio.run(
            workbench.pipelines.call(
                name,
                given,
                cache="use" if cache else "refresh",
                timeout=timeout,
                on_step=_progress if notices.is_terminal else None,
            )
        )
    if as_json:
        print_json(done)
    else:
        if trace:
            _print_trace(done)
        if done.state == "done":
            console.print(done.output_text, markup=False, soft_wrap=True)
    if done.state != "done":
        notices.print(f"prompt-app: {done.error}", markup=False)
        raise typer.Exit(1)


def _read(text: str) -> str:
    """``text`` itself, or the file of that name: a call has brackets, which few files do."""
    from prompt_app.errors import PipelineError

    if "(" in text:
        return text
    try:
        return Path(text).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError):
        raise PipelineError(
            f"{text!r} is neither a pipeline, such as upper(text), nor a text file with one."
        ) from None


def _arguments(pairs: list[str], as_json: str | None) -> dict[str, Any]:
    from prompt_app.errors import PipelineError

    given: dict[str, Any] = {}
    if as_json is not None:
        try:
            given = json.loads(as_json)
        except (ValueError, RecursionError) as error:
            raise PipelineError(f"--arguments is no valid JSON: {error}.") from None
        if not isinstance(given, dict):
            raise PipelineError('--arguments must be a JSON object: {"name": "value"}.')
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise PipelineError(f"Write name=value, not {pair!r}.")
        if value.startswith("@"):
            try:
                value = Path(value[1:]).read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError, ValueError):
                raise PipelineError(f"{name}: {value[1:]!r} is no text file.") from None
        given[name] = value
    return given


def _progress(step: StepTrace) -> None:
    if step.state in {"done", "failed"} and step.seconds is not None:
        notices.print(f"{step.name} {step.state} {step.seconds:.2f} s", style="dim", markup=False)


def _print_trace(done: PipelineCall) -> None:
    rows = [
        [step.name, step.state, step.model, "" if step.seconds is None else f"{step.seconds:.3f}",
         f"{step.usage.input}+{step.usage.output}" if step.model else "", money(step.cost_usd),
         "cached" if step.cached else "",
         shortened(step.error or json.dumps(step.output, ensure_ascii=False), 80)]
        for step in done.steps
    ]  # fmt: skip
    columns = ["step", "state", "model", "seconds#", "tokens#", "cost $", "", "output"]
    print_table(columns, rows, "No step.")
