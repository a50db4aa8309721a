"""``prompt-app projects``: named groups of people, and what only they see."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from prompt_app.cli.common import AsJson, notices, print_json, print_table
from prompt_app.cli.opening import opened_workbench
from prompt_app.datamodel.project import ItemKind

app = typer.Typer(help="Projects: their members, and what belongs to them.", no_args_is_help=True)
Project = Annotated[str, typer.Argument(help="The project's name.")]
Member = Annotated[
    str, typer.Argument(help="E-mail address that the login verifies, or id of the login.")
]
KINDS: tuple[ItemKind, ...] = get_args(ItemKind)


@app.command("list")
def list_projects(
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List projects with their members and how many things belong to them."""
    with opened_workbench() as workbench:
        found = [
            (
                project,
                workbench.projects.members(project.id),
                workbench.projects.items(project.id, limit=1).total,
            )
            for project in workbench.projects.all(archived=archived)
        ]
    if as_json:
        print_json(
            [
                {**project.model_dump(mode="json"), "members": members, "things": things}
                for project, members, things in found
            ]
        )
        return
    rows = [
        (
            project.name,
            project.note,
            ", ".join(f"{each.member} ({each.role})" for each in members),
            things,
        )
        for project, members, things in found
    ]
    columns = ("project", "note", "members", "things#")
    print_table(columns, rows, "No projects. Make one: prompt-app projects create NAME")


@app.command("create")
def create(
    name: Project,
    note: Annotated[str, typer.Option(help="What it is about.")] = "",
    owner: Annotated[
        str | None, typer.Option(help="E-mail address or id of someone who owns it, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a project."""
    with opened_workbench() as workbench:
        made = workbench.projects.create(name, note)
        if owner is not None:
            workbench.projects.set_member(made.id, owner, "owner")
    if as_json:
        print_json(made)
    else:
        notices.print(f"The project {made.name} is made.", markup=False)


@app.command("rename")
def rename(
    project: Project,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    as_json: AsJson = False,
) -> None:
    """Give a project another name. What belongs to it stays."""
    with opened_workbench() as workbench:
        workbench.projects.rename(project, name)
    if as_json:
        print_json({"project": name, "before": project})


@app.command("archive")
def archive(
    project: Project,
    undo: Annotated[bool, typer.Option("--undo", help="Put it back.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let what belongs to a project be read only, and take it out of the lists."""
    with opened_workbench() as workbench:
        if undo:
            workbench.projects.restore(project)
        else:
            workbench.projects.archive(project)
    if as_json:
        print_json({"project": project, "archived": not undo})


@app.command("add-member")
def add_member(
    project: Project,
    member: Member,
    role: Annotated[str, typer.Option(help="viewer, editor or owner.")] = "viewer",
    as_json: AsJson = False,
) -> None:
    """Add someone to a project, or change their role in it."""
    with opened_workbench() as workbench:
        added = workbench.projects.set_member(project, member, role)
    if as_json:
        print_json(added)
    else:
        notices.print(f"{added.member} is {added.role} of {project}.", markup=False)


@app.command("remove-member")
def remove_member(project: Project, member: Member, as_json: AsJson = False) -> None:
    """Take someone out of a project. They see nothing of it any more, at once."""
    with opened_workbench() as workbench:
        workbench.projects.remove_member(project, member)
    if as_json:
        print_json({"project": project, "removed": member})


@app.command("items")
def items(project: Project, as_json: AsJson = False) -> None:
    """List what belongs to a project."""
    with opened_workbench() as workbench:
        total = workbench.projects.items(project, limit=1).total
        found = workbench.projects.items(project, limit=total).items
    if as_json:
        print_json([{"kind": each.kind, "name": each.name} for each in found])
        return
    rows = [(each.kind, each.name) for each in found]
    print_table(("kind", "name"), rows, "Nothing belongs to it yet.")


@app.command("move")
def move(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.")],
    name: Annotated[str, typer.Argument(help="Its name; a run's, test's or job's id.")],
    project: Annotated[
        str | None, typer.Argument(help="The project; without one it becomes everyone's.")
    ] = None,
    with_runs: Annotated[
        bool, typer.Option(help="Also move the evaluations over a dataset or prompt.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Let something belong to a project, or to everyone."""
    from prompt_app.errors import InputError

    which = next((each for each in KINDS if kind.replace(" ", "-") == each.replace(" ", "-")), None)
    if which is None:
        raise InputError(f"{kind!r} is nothing that can be moved: there are {', '.join(KINDS)}.")
    with opened_workbench() as workbench:
        moved = workbench.projects.move(which, name, project, with_runs=with_runs)
    if as_json:
        print_json({"evaluations": moved.evaluations, "stayed": moved.stayed})
        return
    along = f", and {moved.evaluations} evaluations with it" if moved.evaluations else ""
    stayed = f"; {moved.stayed} evaluations of other projects stay there" if moved.stayed else ""
    whose = f"the project {project}" if project else "everyone"
    notices.print(f"The {which} {name} belongs to {whose}{along}{stayed}.", markup=False)
