"""What the gateway was used for: sums, single calls, and calls picked into a dataset."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.base import content_hash
from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion, Example
from prompt_app.datamodel.names import require_name
from prompt_app.datamodel.serving import UsageFilter, UsageGroup, UsageRecord, UsageTotals
from prompt_app.errors import InputError
from prompt_app.interfaces import Page, Store
from prompt_app.interfaces.watching import told_of
from prompt_app.settings import Settings
from prompt_app.workbench.exporting import neutral_cell
from prompt_app.workbench.target_prices import TargetPrices


class Usage:
    """Admins see every call, everybody else their own."""

    def __init__(self, settings: Settings, store: Store, actor: Person) -> None:
        self._store = store
        self._actor = actor
        self._prices = TargetPrices(settings, store)

    def totals(
        self, group: UsageGroup, which: UsageFilter, unpriced_models: Sequence[str]
    ) -> list[UsageTotals]:
        """Days in order; persons, tokens, models and prompts by what they cost. What
        :meth:`unpriced_models` has found of the same calls is given, as it serves each grouping."""
        which = self._own(which)
        unpriced: Counter[str] = Counter()
        for target in unpriced_models:
            for each in self._store.usage_totals(group, replace(which, model=target)):
                unpriced[each.key] += self._prices.unpriced_calls(target, each)
        return [
            replace(each, unpriced=unpriced[each.key])
            for each in self._store.usage_totals(group, which)
        ]

    def unpriced_models(self, which: UsageFilter) -> list[str]:
        """References of the models whose calls have a cost that nobody knows."""
        models = self._store.usage_totals("model", self._own(which))
        return [each.key for each in models if self._prices.unpriced_calls(each.key, each)]

    def cost(self, record: UsageRecord) -> float | None:
        """US dollars of one call; None where nobody knows them."""
        return self._prices.cost(record)

    def calls(self, which: UsageFilter, *, offset: int = 0, limit: int = 50) -> Page[UsageRecord]:
        """Newest first, without their bodies."""
        return self._store.list_usage(self._own(which), offset=offset, limit=limit)

    def call(self, usage_id: str) -> UsageRecord:
        """One call, with its body where that is kept. Raises PermissionDeniedError."""
        record = self._store.get_usage(usage_id)
        if record.person != self._actor.id:
            self._actor.require(Role.ADMIN, "look into the calls of others")
        return record

    def calls_file(self, which: UsageFilter) -> bytes:
        """Every call of ``which``, oldest first, as CSV without bodies; a cost that nobody
        knows is left empty, and text that a spreadsheet would run is made harmless."""
        names = [each.name for each in fields(UsageRecord) if each.name != "body"]
        written = io.StringIO(newline="")
        table = csv.writer(written)
        table.writerow(names)
        for record in told_of(self._store.iterate_usage(self._own(which)), "calls"):
            values = {name: getattr(record, name) for name in names}
            values["cost_usd"] = self.cost(record)
            table.writerow([neutral_cell(_cell(value)) for value in values.values()])
        return written.getvalue().encode()

    def pick(self, usage_ids: Sequence[str], dataset: str) -> DatasetVersion:
        """Save calls whose bodies were kept as a dataset: ``messages`` as they were asked, and
        ``response``. Raises InputError where a call's body was not kept, and for a name that no
        dataset can have."""
        self._actor.require(Role.EDITOR, "make datasets")
        dataset = require_name(dataset, "a dataset")
        examples = []
        for position, usage_id in enumerate(usage_ids):
            record = self.call(usage_id)
            if record.body is None:
                raise InputError(
                    f"The body of the call {usage_id} was not kept. Bodies are kept where "
                    "PROMPT_APP_GATEWAY_BODY_DAYS is above 0."
                )
            values = _fields(record)
            examples.append(Example(id=content_hash(values), position=position, fields=values))
        if not examples:
            raise InputError("Choose at least one call.")
        options = DatasetOptions(reference_field="response")
        unique = {example.id: example for example in examples}
        ordered = [
            example.model_copy(update={"position": at})
            for at, example in enumerate(unique.values())
        ]
        return self._store.save_dataset_version(
            dataset, options, ordered, source="gateway", note="picked from calls"
        )

    def _own(self, which: UsageFilter) -> UsageFilter:
        if self._actor.may(Role.ADMIN):
            return which
        return replace(which, person=self._actor.id)


def _cell(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _fields(record: UsageRecord) -> dict[str, object]:
    body = json.loads(record.body or "{}")
    request = body.get("request")
    asked = request if isinstance(request, dict) else {}
    messages = asked.get("messages") or []
    texts = [each.get("content") for each in messages if isinstance(each, dict)]
    question = texts[-1] if texts and isinstance(texts[-1], str) else ""
    return {
        "question": question or str(asked.get("input") or asked.get("prompt") or ""),
        "request": asked,
        "response": body.get("response") or "",
        "model": record.target,
    }
