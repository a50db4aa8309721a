"""Backups in the hands of people."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompt_app.datamodel.access import Person, Role
from prompt_app.errors import ConflictError, InputError, PermissionDeniedError
from prompt_app.workbench import Workbench


def test_an_admin_replaces_a_store_and_the_old_one_is_kept(
    workbench: Workbench, tmp_path: Path
) -> None:
    workbench.load_examples()
    file = tmp_path / "mine.promptapp"
    workbench.backups.write(file)
    with pytest.raises(InputError, match="--force"):
        workbench.backups.write(file)
    workbench.backups.write(file, force=True)
    workbench.save_prompt("later", workbench.list_prompts()[0].template)
    with pytest.raises(ConflictError):
        workbench.backups.restore(file)
    workbench.backups.restore(file, replace=True)
    assert "later" not in {prompt.name for prompt in workbench.list_prompts()}
    (kept,) = (workbench.settings.data_dir / "backups").glob("before-restore-*")
    workbench.backups.restore(kept, replace=True)
    assert "later" in {prompt.name for prompt in workbench.list_prompts()}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_nobody_else_takes_everything_away(
    workbench: Workbench, tmp_path: Path, role: Role
) -> None:
    file = tmp_path / "mine.promptapp"
    workbench.backups.write(file)
    other = workbench.acting_as(Person(id="x", name="X", role=role))
    with pytest.raises(PermissionDeniedError, match="Only admins may make a backup"):
        other.backups.write(tmp_path / "theirs")
    with pytest.raises(PermissionDeniedError, match="Only admins may restore"):
        other.backups.restore(file, replace=True)
    assert {each.table for each in other.backups.usage()} >= {"runs", "samples"}
