"""Who the visitor is: by Streamlit's login, or whoever sits here where none is configured."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from prompt_app.datamodel.access import LOCAL_PERSON, Person
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench

KNOWN_SECONDS = 1.0
"""So long a script does not ask the store again who runs it."""
_KNOWN = "login.known"


def login_secrets(settings: Settings) -> dict[str, Any] | None:
    """What Streamlit reads from ``secrets.toml``, made from the settings."""
    if not settings.has_login:
        return None
    assert settings.oidc_client_secret
    assert settings.cookie_secret
    return {
        "auth": {
            "redirect_uri": settings.redirect_url,
            "cookie_secret": settings.cookie_secret.get_secret_value(),
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret.get_secret_value(),
            "server_metadata_url": settings.oidc_discovery_url,
            "client_kwargs": {"scope": settings.oidc_scopes},
        }
    }


def visitor(bench: Workbench) -> Person:
    """Whose script runs now. Raises LoginRequiredError and PermissionDeniedError."""
    if not bench.settings.has_login:
        return LOCAL_PERSON
    known: tuple[Person, float, float] | None = st.session_state.get(_KNOWN)
    if known is not None and time.monotonic() < known[1] and time.time() < known[2]:
        return known[0]
    claims = st.user.to_dict()
    person = bench.logins.person(claims, now=time.time())
    st.session_state[_KNOWN] = person, time.monotonic() + KNOWN_SECONDS, float(str(claims["exp"]))
    return person


def person_of_cookies(cookies: Mapping[str, str], bench: Workbench) -> Person:
    """Who sent a plain request, for routes beside the studio. Raises LoginRequiredError and
    PermissionDeniedError."""
    if not bench.settings.has_login:
        return LOCAL_PERSON
    return bench.logins.person(claims_of(cookies), now=time.time())


def claims_of(cookies: Mapping[str, str]) -> dict[str, Any]:
    """What the login's cookie says, or nothing where its signature is not ours."""

    def verified(name: str) -> bytes | None:
        value = cookies.get(name)
        if value is None:
            return None
        return decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

    cookie = get_cookie_with_chunks(verified, USER_COOKIE_NAME)
    claims = json.loads(cookie) if cookie else {}
    return claims if isinstance(claims, dict) else {}
