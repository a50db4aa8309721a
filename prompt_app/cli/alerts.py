"""``prompt-app alerts``: at how much spend of the gateway's calls somebody is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from prompt_app.cli.common import AsJson, notices, print_json, print_table
from prompt_app.cli.opening import opened_workbench

app = typer.Typer(help="Alerts at what the gateway's calls cost.", no_args_is_help=True)


@app.command("add")
def add(
    usd: Annotated[float, typer.Argument(help="US dollars.")],
    period: Annotated[Literal["day", "month"], typer.Option("--per", help="In UTC.")] = "day",
    of: Annotated[
        Literal["gateway", "person", "token"],
        typer.Option(help="All calls together, each person's, or each token's."),
    ] = "gateway",
    only: Annotated[str, typer.Option(help="Id of the one person or token that is meant.")] = "",
    as_json: AsJson = False,
) -> None:
    """Set an alert. It is raised once a day or month."""
    with opened_workbench() as workbench:
        alert = workbench.spend_alerts.add(of, period, usd, only)
    if as_json:
        print_json(alert)
        return
    notices.print("The alert is set:")
    typer.echo(alert.id)


@app.command("list")
def list_alerts(as_json: AsJson = False) -> None:
    """The alerts, and those that were raised this day and month."""
    with opened_workbench() as workbench:
        alerts, raised = workbench.spend_alerts.all(), workbench.spend_alerts.raised()
    if as_json:
        print_json({"alerts": alerts, "raised": [asdict(each) for each in raised]})
        return
    rows = [
        (each.id, f"${each.usd:g} a {each.period}", each.scope, each.subject or "all")
        for each in alerts
    ]
    print_table(["id", "at", "of", "which"], rows, "There is no alert.")
    for told in raised:
        notices.print(told.text, markup=False)


@app.command("remove")
def remove(
    alert_id: Annotated[str, typer.Argument(help="As 'alerts list' shows it.")],
    as_json: AsJson = False,
) -> None:
    """Remove an alert. What was raised stays."""
    with opened_workbench() as workbench:
        workbench.spend_alerts.delete(alert_id)
    if as_json:
        print_json({"removed": alert_id})
