"""``prompt-app tokens``: access tokens for the gateway."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, notices, print_json, print_table
from prompt_app.cli.opening import opened_workbench

ZERO = "0 takes the limit away."
app = typer.Typer(help="Access tokens for the gateway.", no_args_is_help=True)


@app.command("create")
def create(  # noqa: PLR0917 - a parameter is an option of the command
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, invoke or admin; may be given again.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name that may be called, * for anything; may be given again."),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=1)] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(min=1)] = None,
    usd_per_day: Annotated[float | None, typer.Option(min=0.000001)] = None,
    usd_per_month: Annotated[float | None, typer.Option(min=0.000001)] = None,
    project: Annotated[
        str | None, typer.Option(help="The only project whose things it reaches.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it. It is shown this once."""
    from prompt_app.datamodel.serving import Scope, TokenLimits
    from prompt_app.errors import InputError

    try:
        scopes = [Scope(each) for each in scope] if scope else None
    except ValueError:
        raise InputError("--scope takes read, invoke or admin.") from None
    limits = TokenLimits(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        usd_per_day=usd_per_day,
        usd_per_month=usd_per_month,
    )
    with opened_workbench() as workbench:
        made = workbench.access_tokens.create(
            name, scopes=scopes, limits=limits, models=model or (), days=days, project=project
        )
    if as_json:
        print_json({"token": made.token.model_dump(mode="json"), "secret": made.secret})
        return
    notices.print(f"Token {made.token.id} for {made.token.name}. It is not shown again:")
    typer.echo(made.secret)


@app.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """All tokens, newest first."""
    with opened_workbench() as workbench:
        tokens = workbench.access_tokens.page(everyone=True, limit=None).items
    if as_json:
        print_json(tokens)
        return
    rows = [
        (
            token.id,
            token.name,
            token.owner_name or token.owner,
            ", ".join(token.scopes),
            ", ".join(token.models) or "all",
            f"{token.created_at:%Y-%m-%d}",
            f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "never",
            "revoked" if token.revoked_at else "",
        )
        for token in tokens
    ]
    columns = ("token", "name", "owner", "scopes", "models", "created", "expires", "")
    print_table(columns, rows, "There is no token yet. Make one with 'prompt-app tokens create'.")


@app.command("edit")
def edit(  # noqa: PLR0917 - a parameter is an option of the command
    token: Annotated[str, typer.Argument(help="The token's id, as 'list' shows it.")],
    name: Annotated[str | None, typer.Option(help="What the token is for.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name that may be called, * for anything; may be given again."),
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0, help="Days from now until it expires; 0 for never.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=0, help=ZERO)] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(min=0, help=ZERO)] = None,
    usd_per_day: Annotated[float | None, typer.Option(min=0, help=ZERO)] = None,
    usd_per_month: Annotated[float | None, typer.Option(min=0, help=ZERO)] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given; everything else stays, the secret too."""
    from datetime import UTC, datetime, timedelta

    from prompt_app.datamodel.serving import TokenLimits
    from prompt_app.workbench.access_tokens import TokenChanges

    given: dict[str, float | None] = {
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "usd_per_day": usd_per_day,
        "usd_per_month": usd_per_month,
    }
    with opened_workbench() as workbench:
        old = workbench.store.get_token(token)
        limits = old.limits.model_dump() | {k: v or None for k, v in given.items() if v is not None}
        expires = old.expires_at
        if days is not None:
            expires = datetime.now(UTC) + timedelta(days=days) if days else None
        changes = TokenChanges(
            name or old.name,
            TokenLimits.model_validate(limits),
            old.models if model is None else tuple(model),
            expires,
        )
        changed = workbench.access_tokens.edit(token, changes)
    if as_json:
        print_json(changed)
        return
    notices.print(f"The changes of {changed.id} ({changed.name}) hold from now on.", markup=False)


@app.command("rotate")
def rotate(
    token: Annotated[str, typer.Argument(help="The token's id, as 'list' shows it.")],
    as_json: AsJson = False,
) -> None:
    """Give a token a new secret and print it; the old one is refused from now on."""
    with opened_workbench() as workbench:
        made = workbench.access_tokens.rotate(token)
    if as_json:
        print_json({"token": made.token.model_dump(mode="json"), "secret": made.secret})
        return
    notices.print(f"A new secret for {made.token.name}. It is not shown again:", markup=False)
    typer.echo(made.secret)


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The token's id, as 'list' shows it.")],
    as_json: AsJson = False,
) -> None:
    """Refuse a token from now on."""
    with opened_workbench() as workbench:
        revoked = workbench.access_tokens.revoke(token)
    if as_json:
        print_json(revoked)
        return
    notices.print(f"The token {revoked.id} ({revoked.name}) is refused from now on.", markup=False)
