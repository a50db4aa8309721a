"""Where a login leads back to, and where a logout goes."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from starlette.datastructures import MutableHeaders

from prompt_app.settings import Settings
from prompt_app.ui.auth_routes import auth_routes, logout_address, return_path
from prompt_app.ui.headers import _secure_cookies, trusted_hosts

HOME = "https://prompts.example.com"


def with_login(**changes: object) -> Settings:
    return Settings.model_validate(
        {
            "public_url": HOME,
            "oidc_discovery_url": "https://id.example.com/.well-known/openid-configuration",
            "oidc_client_id": "studio",
            "oidc_client_secret": SecretStr("x"),
            "cookie_secret": SecretStr("c" * 32),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("page", "path"),
    [
        (f"{HOME}/run?id=a&m=x%20y", "/run?id=a&m=x+y"),
        (f"{HOME}/?login=failed", "/"),
        (HOME, "/"),
        ("", "/"),
        ("https://evil.example.com/run?id=a", "/"),
        (f"{HOME}.evil.example.com/run", "/"),
        ("http://prompts.example.com/run", "/"),
        (f"{HOME}//evil.example.com/run", "/"),
        (f"{HOME}/auth/logout", "/"),
        (f"{HOME}/oauth2callback?code=1", "/"),
    ],
)
def test_a_login_leads_back_to_pages_of_the_studio_alone(page: str, path: str) -> None:
    assert return_path(page, HOME) == path


def test_cognitos_logout_gets_what_it_takes() -> None:
    address = logout_address(with_login(oidc_logout_url="https://login.example.com/logout"))
    assert address.startswith("https://login.example.com/logout?")
    query = parse_qs(urlsplit(address).query)
    assert query == {"client_id": ["studio"], "logout_uri": [f"{HOME}/"]}


def test_without_a_login_there_are_no_routes_for_it() -> None:
    assert auth_routes(Settings()) == []
    paths = {route.path for route in auth_routes(with_login())}
    assert paths == {"/auth/login", "/auth/logout", "/oauth2callback"}


def test_cookies_are_for_https_alone() -> None:
    headers = MutableHeaders()
    headers.append("set-cookie", "a=1; Path=/")
    headers.append("set-cookie", "b=2; Secure; Path=/")
    _secure_cookies(headers)
    assert headers.getlist("set-cookie") == ["a=1; Path=/; Secure", "b=2; Secure; Path=/"]


def test_an_open_studio_answers_to_names_of_this_machine_alone() -> None:
    assert "*" not in trusted_hosts(Settings())
    assert trusted_hosts(with_login()) == ["*"]
    assert trusted_hosts(Settings(allow_open=True)) == ["*"]
