"""Endpoints and presets: what people add to the catalogue of models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from prompt_app.datamodel.catalogue import Endpoint, ParameterPreset
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.errors import ConflictError, UnknownNameError
from prompt_app.registry import nearest_names
from prompt_app.storage.database import LARGEST_NUMBER
from prompt_app.storage.encoding import dump_record, load_record
from prompt_app.storage.model_tables import model_endpoints, parameter_presets
from prompt_app.storage.part import StorePart
from prompt_app.storage.project_tables import forget_item


class ModelSettings(StorePart):
    """The part of the store that keeps endpoints and presets."""

    def save_endpoint(
        self, endpoint: Endpoint, *, replace: bool = False, based_on: Endpoint | None = None
    ) -> Endpoint:
        """See :meth:`CatalogueStore.save_endpoint`."""
        saved = endpoint.model_copy(update={"changed_at": datetime.now(UTC)})
        here = model_endpoints.c.name == endpoint.name

        def save(connection: Connection) -> Endpoint:
            present = connection.execute(select(model_endpoints).where(here).with_for_update())
            row = present.first()
            if replace:
                if based_on is not None and (row is None or _endpoint_of(row) != based_on):
                    raise ConflictError(
                        f"The endpoint {endpoint.name!r} was changed or removed by somebody else "
                        "since you began. Nothing was saved: look at it first."
                    )
                connection.execute(delete(model_endpoints).where(here))
            elif row is not None:
                raise ConflictError(
                    f"There is an endpoint {endpoint.name!r} already: choose another name, or "
                    "change that one."
                )
            connection.execute(
                insert(model_endpoints),
                {
                    "name": saved.name,
                    "model": dump_record(saved.model),
                    "note": saved.note,
                    "author": saved.author,
                    "changed_at": saved.changed_at,
                },
            )
            return saved

        return self._database.write_retrying(save)

    def list_endpoints(self) -> list[Endpoint]:
        """By name."""
        with self._database.read() as connection:
            rows = connection.execute(select(model_endpoints).order_by(model_endpoints.c.name))
            return [_endpoint_of(row) for row in rows]

    def get_endpoint(self, name: str) -> Endpoint:
        with self._database.read() as connection:
            here = model_endpoints.c.name == name
            row = connection.execute(select(model_endpoints).where(here)).first()
            if row is not None:
                return _endpoint_of(row)
            known = connection.scalars(select(model_endpoints.c.name))
            raise UnknownNameError("endpoint", name, nearest_names(name, known))

    def delete_endpoint(self, name: str) -> None:
        """Runs keep the model as they hold it."""
        with self._database.write() as connection:
            gone = delete(model_endpoints).where(model_endpoints.c.name == name)
            if connection.execute(gone).rowcount == 0:
                raise UnknownNameError("endpoint", name)
            forget_item(connection, "endpoint", name)

    def save_preset(
        self, name: str, parameters: InferenceParameters, author: str = ""
    ) -> ParameterPreset:
        """Equal parameters give the version of ``name`` that is already there."""
        here = parameter_presets.c.name == name

        def save(connection: Connection) -> ParameterPreset:
            same = here & (parameter_presets.c.id == parameters.content_id)
            present = connection.execute(select(parameter_presets).where(same)).first()
            if present is not None:
                return _preset_of(present)
            newest = connection.scalar(select(func.max(parameter_presets.c.number)).where(here))
            preset = ParameterPreset(
                id=parameters.content_id,
                name=name,
                number=int(newest or 0) + 1,
                parameters=parameters,
                author=author,
                created_at=datetime.now(UTC),
            )
            row = {**preset.model_dump(), "parameters": dump_record(parameters)}
            connection.execute(insert(parameter_presets), row)
            return preset

        return self._database.write_retrying(save)

    def list_presets(self) -> list[ParameterPreset]:
        """The newest version of each, by name."""
        newest = (
            select(parameter_presets.c.name, func.max(parameter_presets.c.number).label("number"))
            .group_by(parameter_presets.c.name)
            .subquery()
        )
        query = select(parameter_presets).join(
            newest,
            (newest.c.name == parameter_presets.c.name)
            & (newest.c.number == parameter_presets.c.number),
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(parameter_presets.c.name))
            return [_preset_of(row) for row in rows]

    def list_preset_versions(self, name: str) -> list[ParameterPreset]:
        """Newest first."""
        query = select(parameter_presets).where(parameter_presets.c.name == name)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(parameter_presets.c.number.desc())).all()
            if not rows:
                raise _unknown_preset(connection, name)
            return [_preset_of(row) for row in rows]

    def get_preset(self, name: str, number: int | None = None) -> ParameterPreset:
        """The newest version when ``number`` is None."""
        query = select(parameter_presets).where(parameter_presets.c.name == name)
        if number is not None:
            # A greater one is an error to PostgreSQL, not merely absent.
            number = number if 0 < number <= LARGEST_NUMBER else 0
            query = query.where(parameter_presets.c.number == number)
        with self._database.read() as connection:
            newest_first = query.order_by(parameter_presets.c.number.desc()).limit(1)
            row = connection.execute(newest_first).first()
            if row is None:
                raise _unknown_preset(connection, name)
            return _preset_of(row)

    def delete_preset(self, name: str) -> None:
        """All its versions. Runs keep the parameters as they hold them."""
        with self._database.write() as connection:
            gone = delete(parameter_presets).where(parameter_presets.c.name == name)
            if connection.execute(gone).rowcount == 0:
                raise UnknownNameError("preset", name)
            forget_item(connection, "preset", name)


def _endpoint_of(row: Row[Any]) -> Endpoint:
    return Endpoint(
        name=row.name,
        model=load_record(ModelSpec, row.model),
        note=row.note,
        author=row.author,
        changed_at=row.changed_at,
    )


def _preset_of(row: Row[Any]) -> ParameterPreset:
    return ParameterPreset(
        id=row.id,
        name=row.name,
        number=row.number,
        parameters=load_record(InferenceParameters, row.parameters),
        author=row.author,
        created_at=row.created_at,
    )


def _unknown_preset(connection: Connection, name: str) -> UnknownNameError:
    known = connection.scalars(select(parameter_presets.c.name).distinct())
    return UnknownNameError("preset", name, nearest_names(name, known))
