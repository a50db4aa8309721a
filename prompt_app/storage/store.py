"""The whole store: all its parts over one database."""

from __future__ import annotations

import copy

from prompt_app.datamodel.project import ProjectItem, Reach
from prompt_app.errors import ConflictError
from prompt_app.storage.access_tokens import Serving
from prompt_app.storage.alerts import Alerts
from prompt_app.storage.archive import Archive
from prompt_app.storage.backups import Backups
from prompt_app.storage.batch_jobs import BatchJobs
from prompt_app.storage.batches import Batches
from prompt_app.storage.curating import Curation
from prompt_app.storage.evaluations import Evaluations
from prompt_app.storage.finetuning import FinetuneJobs
from prompt_app.storage.labels import Labels
from prompt_app.storage.leases import Leases
from prompt_app.storage.logins import Logins
from prompt_app.storage.model_settings import ModelSettings
from prompt_app.storage.pairing import Pairing
from prompt_app.storage.pipelines import Pipelines
from prompt_app.storage.projects import Projects
from prompt_app.storage.prompt_catalogue import PromptCatalogue
from prompt_app.storage.prompts import Prompts
from prompt_app.storage.replies import Replies
from prompt_app.storage.rubric_tests import RubricTests
from prompt_app.storage.runs import Runs
from prompt_app.storage.samples import Samples
from prompt_app.storage.spreading import Spreading
from prompt_app.storage.unfinished import Unfinished
from prompt_app.storage.usage import Usage


class SqlStore(
    Leases,
    Spreading,
    Unfinished,
    BatchJobs,
    Archive,
    Curation,
    Prompts,
    Projects,
    PromptCatalogue,
    ModelSettings,
    Evaluations,
    Runs,
    Batches,
    Samples,
    Replies,
    Pairing,
    Labels,
    Logins,
    Pipelines,
    FinetuneJobs,
    Backups,
    Serving,
    Usage,
    RubricTests,
    Alerts,
):
    """:class:`prompt_app.interfaces.Store` on SQLite or PostgreSQL."""

    def read_only(self) -> SqlStore:
        """The same store for someone who may only read."""
        guarded = copy.copy(self)
        guarded._database = self._database.read_only()
        return guarded

    @property
    def reach(self) -> Reach:
        """What is seen through this store."""
        return self._database.reach

    def reaching(self, reach: Reach) -> SqlStore:
        """The same store for someone who sees no more than ``reach``."""
        limited = copy.copy(self)
        limited._database = self._database.reaching(reach)
        return limited

    def beside(self, *items: ProjectItem) -> SqlStore:
        """The same store for what is made of ``items``: it belongs to their project. Raises
        ConflictError where they belong to several."""
        found = self.item_projects(items)
        if len(found) > 1:
            raise ConflictError(
                f"These belong to different projects ({', '.join(sorted(found.values()))}), and "
                "what is made of them can belong to one alone: move or copy one of them first."
            )
        for project_id in found:
            return self.reaching(self.reach.within(project_id))
        return self

    def close(self) -> None:
        """Release the connections. Safe to call twice."""
        self._database.close()
