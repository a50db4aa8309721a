"""What the account can use: each provider's own list of models, beside the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.catalogue import ENDPOINT_PROVIDER
from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import PromptAppError
from prompt_app.interfaces import Store
from prompt_app.providers.catalogue import check_access, pin_server
from prompt_app.settings import Settings

PROVIDERS = ("openai", "bedrock", "sagemaker")


@dataclass(frozen=True, slots=True)
class Reach:
    """What one source, a provider or ``endpoint:NAME``, lists for our credentials."""

    source: str
    names: frozenset[str] = frozenset()
    problem: str = ""
    """Why it could not be asked; empty where it answered."""


class AccountAccess:
    """Asks the providers, with the app's credentials; nothing is stored."""

    def __init__(self, store: Store, settings: Settings, actor: Person) -> None:
        self._store = store
        self._settings = settings
        self._actor = actor

    def sources(self) -> list[str]:
        """What can be asked."""
        own = [f"{ENDPOINT_PROVIDER}:{each.name}" for each in self._store.list_endpoints()]
        return [*PROVIDERS, *own]

    def check(self, sources: list[str]) -> Iterator[Reach]:
        """Each of ``sources`` in turn; blocks for seconds on one that does not answer. Raises
        PermissionDeniedError."""
        self._actor.require(Role.EDITOR, "ask providers for their models")
        for source in sources:
            yield self._reach(source)

    def _reach(self, source: str) -> Reach:
        from prompt_app.providers.listing import listed_names

        try:
            server = pin_server(self._server(source), self._settings)
            check_access(server, self._settings)
            return Reach(source, listed_names(server, self._settings))
        except PromptAppError as error:
            return Reach(source, problem=str(error))

    def _server(self, source: str) -> ModelSpec:
        kind, _, name = source.partition(":")
        if kind == ENDPOINT_PROVIDER:
            return self._store.get_endpoint(name).model
        return ModelSpec(provider=kind, name="any")


def is_reached(reference: str, reaches: dict[str, Reach]) -> bool | None:
    """Whether the source of the model ``provider:name`` lists it; None where that was not asked
    or not answered. An endpoint is reached where its server answers."""
    provider, _, name = reference.partition(":")
    reach = reaches.get(reference if provider == ENDPOINT_PROVIDER else provider)
    if reach is None or reach.problem:
        return None
    return provider == ENDPOINT_PROVIDER or name in reach.names
