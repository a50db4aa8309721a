"""A login is configured as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompt_app.errors import SettingsError
from prompt_app.settings import load_settings

WHOLE = {
    "PROMPT_APP_PUBLIC_URL": "https://prompts.example.com",
    "PROMPT_APP_OIDC_DISCOVERY_URL": "https://id.example.com/.well-known/openid-configuration",
    "PROMPT_APP_OIDC_CLIENT_ID": "studio",
    "PROMPT_APP_OIDC_CLIENT_SECRET": "client-secret-text",
    "STREAMLIT_SERVER_COOKIE_SECRET": "cookie-secret-of-32-characters-or-more",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_whole_login(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.has_login
    assert settings.redirect_url == "https://prompts.example.com/oauth2callback"


@pytest.mark.parametrize("name", WHOLE)
def test_a_missing_part_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=f"the login also needs {name}"):
        load_settings()


def test_a_public_address_alone_is_no_login(environment: pytest.MonkeyPatch) -> None:
    for name in WHOLE:
        if "OIDC" in name:
            environment.delenv(name)
    assert not load_settings().has_login


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STREAMLIT_SERVER_COOKIE_SECRET", "short", "shorter than 32"),
        ("PROMPT_APP_OIDC_REDIRECT_URL", "https://other.example.com/oauth2callback", "the host"),
        ("PROMPT_APP_OIDC_REDIRECT_URL", "https://prompts.example.com/back", "REDIRECT_URL"),
        ("PROMPT_APP_PUBLIC_URL", "https://prompts.example.com/path", "PUBLIC_URL"),
        ("PROMPT_APP_OIDC_ROLES", '{"admins": "boss"}', "OIDC_ROLES"),
        ("PROMPT_APP_OIDC_SCOPES", "email", "OIDC_SCOPES"),
    ],
)
def test_a_wrong_part_is_named_and_no_secret_shown(
    environment: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings()
    assert WHOLE["PROMPT_APP_OIDC_CLIENT_SECRET"] not in str(caught.value)
    assert WHOLE["STREAMLIT_SERVER_COOKIE_SECRET"] not in str(caught.value)
