"""What each part of the store shares."""

from __future__ import annotations

from prompt_app.storage.database import Database


class StorePart:
    """Methods over one kind of thing; the store is all parts over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
