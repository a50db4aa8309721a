"""``prompt-app prompts``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prompt_app.cli.common import (
    AsJson,
    InProject,
    console,
    print_json,
    print_table,
    shortened,
)
from prompt_app.cli.opening import opened_workbench

app = typer.Typer(help="List, save, compare and label prompts.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Prompt name.")]


@app.command("list")
def list_prompts(as_json: AsJson = False) -> None:
    """List prompts, the newest version of each."""
    with opened_workbench() as workbench:
        versions = workbench.list_prompts()
    if as_json:
        print_json(versions)
        return
    rows = [
        [f"{each.name}@{each.number}", ", ".join(each.labels),
         shortened(each.template.messages[-1].content)]
        for each in versions
    ]  # fmt: skip
    print_table(["prompt", "labels", "text"], rows, "No prompts yet.")


@app.command("save")
def save_prompt(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Text file, or YAML with messages.")],
    note: Annotated[str, typer.Option(help="What changed.")] = "",
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Save a file as the next version of a prompt."""
    import yaml
    from pydantic import ValidationError

    from prompt_app.datamodel.prompt import PromptTemplate
    from prompt_app.datamodel.yaml_reading import describe_yaml_problem, read_yaml
    from prompt_app.datasets.sources import no_such_file
    from prompt_app.errors import TemplateError
    from prompt_app.workbench.files import describe_problems

    try:
        text = file.read_text(encoding="utf-8-sig")
        is_yaml = file.suffix in {".yaml", ".yml"}
        template = PromptTemplate.model_validate(read_yaml(text) if is_yaml else text)
    except FileNotFoundError:
        raise TemplateError(no_such_file(file)) from None
    except OSError as error:
        raise TemplateError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{file} is not valid UTF-8 text.") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"{file}, {describe_yaml_problem(error)}.") from None
    except ValidationError as error:
        raise TemplateError(f"{file}: {describe_problems(error)}") from None
    with opened_workbench(project=project) as workbench:
        version = workbench.save_prompt(name, template, note)
    if as_json:
        print_json(version)
    else:
        console.print(f"{version.name}@{version.number}", markup=False)


@app.command("show")
def show_prompt(
    name: Annotated[str, typer.Argument(help="Prompt, prompt@number or prompt@label.")],
    as_json: AsJson = False,
) -> None:
    """Show a version of a prompt."""
    plain, _, which = name.partition("@")
    with opened_workbench() as workbench:
        version = workbench.prompt(plain, which or None)
    if as_json:
        print_json(version)
        return
    console.print(f"{version.name}@{version.number} {' '.join(version.labels)}", markup=False)
    for message in version.template.messages:
        console.print(f"[{message.role}]\n{message.content}", markup=False)


@app.command("label")
def label_prompt(
    name: Name,
    label: Annotated[str, typer.Argument(help="Label, e.g. production.")],
    number: Annotated[int, typer.Argument(help="Version it points to from now on.")],
    as_json: AsJson = False,
) -> None:
    """Point a label to a version."""
    with opened_workbench() as workbench:
        workbench.label_prompt(name, label, number)
    if as_json:
        print_json({"name": name, "label": label, "number": number})
    else:
        console.print(f"{name}@{label} is version {number}", markup=False)


@app.command("diff")
def diff_prompt(
    name: Name,
    first: Annotated[str, typer.Argument(help="Number or label.")],
    second: Annotated[str, typer.Argument(help="Number or label.")],
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions."""
    with opened_workbench() as workbench:
        diff = workbench.diff_prompts(name, first, second)
    if as_json:
        print_json({"name": name, "first": first, "second": second, "diff": diff})
    else:
        console.print(diff, markup=False)
