"""What a person can do beyond running evaluations: one class for each capability, made when it is
asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_app.datamodel.access import Person
    from prompt_app.interfaces import Dispatcher, Store
    from prompt_app.settings import Settings
    from prompt_app.workbench.access_tokens import AccessTokens
    from prompt_app.workbench.account_access import AccountAccess
    from prompt_app.workbench.archiving import Archiving
    from prompt_app.workbench.auditing import Audit
    from prompt_app.workbench.backups import Backups
    from prompt_app.workbench.contrasting import RunContrasts
    from prompt_app.workbench.curating import Curation
    from prompt_app.workbench.finetuning import Finetuning
    from prompt_app.workbench.labelling import Labelling
    from prompt_app.workbench.logins import Logins
    from prompt_app.workbench.models import Models
    from prompt_app.workbench.pipelines import Pipelines
    from prompt_app.workbench.playground import Playground
    from prompt_app.workbench.projects import Projects
    from prompt_app.workbench.prompt_library import PromptLibrary
    from prompt_app.workbench.reporting import Reports
    from prompt_app.workbench.rubrics import Rubrics
    from prompt_app.workbench.serving_names import ServingNames
    from prompt_app.workbench.spend_alerts import SpendAlerts
    from prompt_app.workbench.usage import Usage


class Capabilities:
    """Over one store, in the hands of ``actor``."""

    def __init__(
        self, settings: Settings, store: Store, actor: Person, dispatcher: Dispatcher
    ) -> None:
        self.settings = settings
        self.store = store
        self.actor = actor
        self.dispatcher = dispatcher

    @property
    def projects(self) -> Projects:
        """Named groups of people, and what only they see."""
        from prompt_app.workbench.projects import Projects

        return Projects(self.store, self.actor)

    @property
    def logins(self) -> Logins:
        """Who a login is about, and its end."""
        from prompt_app.workbench.logins import Logins

        return Logins(self.settings, self.store, self.actor)

    @property
    def backups(self) -> Backups:
        """The whole store as one file, and back."""
        from prompt_app.workbench.backups import Backups

        return Backups(self.settings, self.store, self.actor)

    @property
    def archive(self) -> Archiving:
        """The rows of old runs in files."""
        from prompt_app.workbench.archiving import Archiving

        return Archiving(self.settings, self.store, self.actor)

    @property
    def readable(self) -> Store:
        """The store, with the rows of archived runs in their places."""
        from prompt_app.workbench.archived_rows import with_archives

        return with_archives(self.store, self.archive)

    @property
    def rubrics(self) -> Rubrics:
        from prompt_app.workbench.rubrics import Rubrics

        return Rubrics(self.settings, self.store, self.actor, self.dispatcher)

    @property
    def pipelines(self) -> Pipelines:
        """Functions, and pipelines of them."""
        from prompt_app.workbench.pipelines import Pipelines

        return Pipelines(self.settings, self.store, self.actor)

    @property
    def finetuning(self) -> Finetuning:
        """Training files, jobs, and the models that come out."""
        from prompt_app.workbench.finetuning import Finetuning

        return Finetuning(self.settings, self.readable, self.actor, self.dispatcher)

    @property
    def curation(self) -> Curation:
        """Looking through, comparing and changing datasets."""
        from prompt_app.workbench.curating import Curation

        return Curation(self.readable, self.settings)

    @property
    def prompt_library(self) -> PromptLibrary:
        from prompt_app.workbench.prompt_library import PromptLibrary

        return PromptLibrary(self.store, self.actor)

    @property
    def models(self) -> Models:
        """The catalogue, endpoints and presets of one's own, test calls."""
        from prompt_app.workbench.models import Models

        return Models(self.store, self.settings, self.actor)

    @property
    def account_access(self) -> AccountAccess:
        """Which models the providers list for the app's credentials."""
        from prompt_app.workbench.account_access import AccountAccess

        return AccountAccess(self.store, self.settings, self.actor)

    @property
    def playground(self) -> Playground:
        """One input against several prompts and models at once."""
        from prompt_app.workbench.playground import Playground

        return Playground(self.store, self.settings, self.actor)

    @property
    def contrasts(self) -> RunContrasts:
        """Leaderboards, breakdowns and single examples of several runs."""
        from prompt_app.workbench.contrasting import RunContrasts

        return RunContrasts(self.readable)

    @property
    def reports(self) -> Reports:
        """Self-contained HTML files."""
        from prompt_app.workbench.reporting import Reports

        return Reports(self.readable)

    @property
    def labelling(self) -> Labelling:
        """Queues in which people label replies."""
        from prompt_app.workbench.labelling import Labelling

        return Labelling(self.readable, self.actor)

    @property
    def access_tokens(self) -> AccessTokens:
        """Tokens for the gateway."""
        from prompt_app.workbench.access_tokens import AccessTokens

        return AccessTokens(self.store, self.actor)

    @property
    def usage(self) -> Usage:
        """Calls of the gateway."""
        from prompt_app.workbench.usage import Usage

        return Usage(self.settings, self.store, self.actor)

    @property
    def spend_alerts(self) -> SpendAlerts:
        """Alerts at what the gateway's calls cost."""
        from prompt_app.workbench.spend_alerts import SpendAlerts

        return SpendAlerts(self.store, self.actor)

    @property
    def serving_names(self) -> ServingNames:
        """Aliases and assistants."""
        from prompt_app.workbench.serving_names import ServingNames

        return ServingNames(self.store, self.actor)

    @property
    def audit(self) -> Audit:
        """Who changed what."""
        from prompt_app.workbench.auditing import Audit

        return Audit(self.store, self.actor)
