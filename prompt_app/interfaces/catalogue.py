"""Prompts and models as a store lists them, and what people add to them."""

from __future__ import annotations

from typing import Protocol

from prompt_app.datamodel.catalogue import Endpoint, ParameterPreset
from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.model import InferenceParameters
from prompt_app.datamodel.prompt import PromptVersion
from prompt_app.interfaces.rows import Page


class CatalogueStore(Protocol):
    """The part of the store behind the pages of prompts and models."""

    # prompts
    def search_prompts(
        self, text: str = "", *, offset: int = 0, limit: int = 50
    ) -> Page[PromptVersion]:
        """The newest version of each prompt whose name, labels, note or messages have ``text``
        in them; newest first."""
        ...

    def page_prompt_versions(
        self, name: str, *, offset: int = 0, limit: int = 50
    ) -> Page[PromptVersion]:
        """Newest first."""
        ...

    def prompt_labels(self, name: str) -> dict[str, int]:
        """Label -> the version's number that it points to, by label."""
        ...

    def remove_prompt_label(self, name: str, label: str) -> None: ...

    def list_prompt_runs(
        self, name: str, *, version_id: str | None = None, offset: int = 0, limit: int = 50
    ) -> Page[Run]:
        """Runs that used the prompt, or one version of it; newest first."""
        ...

    def count_prompt_runs(self, name: str) -> dict[str, int]:
        """Version id -> how many runs used it."""
        ...

    # endpoints
    def save_endpoint(
        self, endpoint: Endpoint, *, replace: bool = False, based_on: Endpoint | None = None
    ) -> Endpoint:
        """Raises ConflictError for a name that is taken, unless it is to be replaced; also then
        where another one than ``based_on`` is there."""
        ...

    def list_endpoints(self) -> list[Endpoint]:
        """By name."""
        ...

    def get_endpoint(self, name: str) -> Endpoint: ...

    def delete_endpoint(self, name: str) -> None:
        """Runs keep the model as they hold it."""
        ...

    # presets
    def save_preset(
        self, name: str, parameters: InferenceParameters, author: str = ""
    ) -> ParameterPreset:
        """Equal parameters give the version of ``name`` that is already there."""
        ...

    def list_presets(self) -> list[ParameterPreset]:
        """The newest version of each, by name."""
        ...

    def list_preset_versions(self, name: str) -> list[ParameterPreset]:
        """Newest first."""
        ...

    def get_preset(self, name: str, number: int | None = None) -> ParameterPreset:
        """The newest version when ``number`` is None."""
        ...

    def delete_preset(self, name: str) -> None:
        """All its versions. Runs keep the parameters as they hold them."""
        ...
