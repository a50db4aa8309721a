"""``prompt-app create-admin``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, console, print_json
from prompt_app.cli.opening import opened_workbench


def create_admin(
    email: Annotated[str, typer.Argument(help="Address that the login's provider has verified.")],
    as_json: AsJson = False,
) -> None:
    """Let whoever logs in with this address be an admin, whatever their groups are."""
    with opened_workbench() as workbench:
        workbench.logins.make_admin(email)
        has_login = workbench.settings.has_login
    if as_json:
        print_json({"admin": email, "login_configured": has_login})
        return
    console.print(f"{email} is an admin from the next page on.", markup=False)
    if not has_login:
        console.print("No login is configured yet: docs/login.md says how.")
