"""Who I am, what is connected, what is stored, and a restore from the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.ui.components.kept_file import KeptFile
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
SETTINGS = "app_pages/settings.py"


@pytest.fixture(autouse=True)
def without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def sent(app: AppTest, name: str, content: bytes) -> None:
    """As if the browser had sent it to the form."""
    folder: TemporaryDirectory[str] = TemporaryDirectory()
    path = Path(folder.name) / name
    path.write_bytes(content)
    app.session_state["restore.file"] = KeptFile(name, name, path, folder)
    app.run()


def restore_button(app: AppTest) -> object:
    return next(each for each in app.button if each.label == "Restore")


def test_it_says_who_can_use_it_and_what_is_missing(open_page: OpenPage) -> None:
    app = open_page(SETTINGS)
    assert "No login is configured" in app.info[0].value
    assert [each.label for each in app.get("page_link")] == ["Your access tokens"]
    captions = " ".join(each.value for each in app.caption)
    assert "There is no OpenAI key" in captions
    assert "openai\\_key" in captions
    assert "neither key nor network" in captions


def test_it_tells_what_is_stored(open_page: OpenPage) -> None:
    table = open_page(SETTINGS).dataframe[0].value
    rows = dict(zip(table["Kind"], table["Rows"], strict=True))
    assert rows["Prompts"] == 2
    assert rows["Datasets"] == 81  # a version, 40 rows, 40 contents


def test_a_backup_is_restored_once_that_is_confirmed(
    open_page: OpenPage, workbench: Workbench, tmp_path: Path
) -> None:
    workbench.backups.write(tmp_path / "mine.promptapp")
    workbench.save_prompt("later", workbench.list_prompts()[0].template)
    app = open_page(SETTINGS)
    sent(app, "mine.promptapp", (tmp_path / "mine.promptapp").read_bytes())
    assert restore_button(app).disabled
    app.text_input(key="restore.said").set_value("replace everything").run()
    restore_button(app).click().run()
    assert not app.exception
    assert "mine.promptapp was restored" in app.success[0].value.replace("\\", "")
    told = next(each.value for each in app.dataframe if list(each.value) == ["Kind", "Rows"])
    assert dict(zip(told["Kind"], told["Rows"], strict=True))["Prompts"] == 2
    assert any("backups" in each.value for each in app.caption)
    assert "later" not in {prompt.name for prompt in workbench.list_prompts()}


def test_a_file_that_is_no_backup_is_called_by_its_own_name(open_page: OpenPage) -> None:
    app = open_page(SETTINGS)
    sent(app, "notes.promptapp", b"something else")
    app.text_input(key="restore.said").set_value("replace everything").run()
    restore_button(app).click().run()
    assert "notes" in app.error[0].value
    assert "is no backup of this app" in app.error[0].value
