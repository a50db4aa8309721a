"""Where everything is kept: one store on SQLite or PostgreSQL, and files in a folder or on S3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prompt_app.errors import SettingsError
from prompt_app.interfaces import BlobStore, Store
from prompt_app.settings import Settings
from prompt_app.storage.identity import this_worker

if TYPE_CHECKING:
    from prompt_app.storage.database import Database

__all__ = ["migrate_store", "open_blob_store", "open_store", "this_worker"]


def open_store(settings: Settings) -> Store:
    """The store of ``settings``, its tables brought up to date first.

    Raises SettingsError for an address that is none, StoreUnavailableError where nothing answers
    there, SchemaError for a store that a newer version of the app wrote.
    """
    from prompt_app.storage.store import SqlStore

    return SqlStore(_migrated(settings), settings.lease_seconds)


def migrate_store(settings: Settings) -> None:
    """Bring the tables up to date, and make the database users of ``settings``.

    Raises as ``open_store``, and StoreError where the users cannot be made.
    """
    from prompt_app.storage.users import make_users

    database = _migrated(settings)
    try:
        users = settings.database_users.items()
        make_users(database, {name: secret.get_secret_value() for name, secret in users})
    finally:
        database.close()


def _migrated(settings: Settings) -> Database:
    from prompt_app.storage.database import Database
    from prompt_app.storage.migrate import migrate

    database = Database(settings.resolved_database_url, settings.idle_seconds)
    try:
        migrate(database, settings.data_dir / "backups" if settings.migration_backup else None)
    except BaseException:
        database.close()
        raise
    return database


def open_blob_store(settings: Settings) -> BlobStore:
    """The folder or bucket of ``settings``."""
    from prompt_app.storage.blobs import FolderBlobStore, S3BlobStore

    url = settings.resolved_blob_url
    scheme, separator, rest = url.partition("://")
    if not separator:
        return FolderBlobStore(Path(url))
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise SettingsError(
            f"PROMPT_APP_BLOB_URL must be a folder or s3://bucket/prefix; got {url!r}."
        )
    return S3BlobStore(bucket, prefix, region=settings.aws_region)
