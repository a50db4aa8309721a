"""``prompt-app migrate``."""

from __future__ import annotations

from prompt_app.cli.common import AsJson, console, print_json


def migrate(as_json: AsJson = False) -> None:
    """Bring the store's tables up to date, and make the database users of the settings.

    Every command does the first by itself. This is for an app whose own user of PostgreSQL may
    not: run it as the owner of the tables, before the app.
    """
    from prompt_app.logs import configure_logging
    from prompt_app.settings import load_settings
    from prompt_app.storage import migrate_store

    settings = load_settings()
    configure_logging(settings)
    migrate_store(settings)
    users = sorted(settings.database_users)
    if as_json:
        print_json({"migrated": True, "database_users": users})
        return
    made = f"; users that may use them: {', '.join(users)}" if users else ""
    console.print(f"The tables are up to date{made}.", markup=False)
