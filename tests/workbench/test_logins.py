"""From an ID token's claims to a person with a role."""

from __future__ import annotations

from typing import Any

import pytest

from prompt_app.datamodel.access import Person, Role
from prompt_app.errors import InputError, LoginRequiredError, PermissionDeniedError
from prompt_app.settings import Settings
from prompt_app.workbench import Workbench
from prompt_app.workbench.logins import groups_of, person_of

NOW = 1_000_000.0


def claims(**changes: Any) -> dict[str, Any]:
    return {"sub": "s-1", "name": "Ada", "exp": NOW + 60, "groups": ["editors"], **changes}


def test_a_person_is_who_the_token_says() -> None:
    person = person_of(claims(email="ada@example.com"), Settings(), now=NOW)
    assert (person.id, person.name, person.email) == ("s-1", "Ada", "ada@example.com")
    assert person.role == Role.EDITOR


@pytest.mark.parametrize(
    "wrong", [{}, {"sub": ""}, claims(exp=NOW), claims(exp=None), claims(exp="never")]
)
def test_no_login_or_one_that_has_ended_is_nobody(wrong: dict[str, Any]) -> None:
    with pytest.raises(LoginRequiredError, match=r"Log in"):
        person_of(wrong, Settings(), now=NOW)


@pytest.mark.parametrize("groups", [[], None, "strangers", ["strangers"], {"admins": True}, 7])
def test_without_a_known_group_there_is_no_role(groups: object) -> None:
    with pytest.raises(PermissionDeniedError, match="none of your groups") as caught:
        person_of(claims(groups=groups), Settings(), now=NOW)
    assert not isinstance(caught.value, LoginRequiredError)


def test_the_highest_role_counts_also_over_the_default_one() -> None:
    settings = Settings(oidc_default_role="viewer")
    assert person_of(claims(groups=[]), settings, now=NOW).role == Role.VIEWER
    groups = ["viewers", "admins", "editors"]
    assert person_of(claims(groups=groups), settings, now=NOW).role == Role.ADMIN


def test_groups_may_have_other_names() -> None:
    settings = Settings(oidc_roles={"prompt-people": "editor"}, oidc_groups_claim="teams")
    assert person_of(claims(teams="x, prompt-people"), settings, now=NOW).role == Role.EDITOR
    with pytest.raises(PermissionDeniedError):
        person_of(claims(teams=["admins"]), settings, now=NOW)


def test_a_claim_is_found_by_its_name_or_by_its_path() -> None:
    nested = {"realm_access": {"roles": ["admins"]}, "https://example.com/roles": ["viewers"]}
    assert groups_of(nested, "realm_access.roles") == ("admins",)
    assert groups_of(nested, "https://example.com/roles") == ("viewers",)
    assert groups_of(nested, "realm_access.roles.more") == ()


@pytest.mark.parametrize(
    ("present", "shown"),
    [
        ({"name": None, "preferred_username": "ada"}, "ada"),
        ({"name": "", "email": "a@b.c"}, "a@b.c"),
        ({"name": None}, "s-1"),
    ],
)
def test_who_has_no_name_is_called_by_what_there_is(present: dict[str, Any], shown: str) -> None:
    assert person_of(claims(**present), Settings(), now=NOW).name == shown


def test_an_ended_login_is_nobodys_and_the_next_one_is_good(workbench: Workbench) -> None:
    workbench.logins.end(claims(iat=1))
    with pytest.raises(LoginRequiredError, match="logged out"):
        workbench.logins.person(claims(iat=1), now=NOW)
    assert workbench.logins.person(claims(iat=2), now=NOW).role == Role.EDITOR
    workbench.logins.end({})  # nobody was logged in


def test_an_admin_is_made_by_a_verified_address(workbench: Workbench) -> None:
    workbench.logins.make_admin("Ada@example.com")
    verified = claims(email="ada@example.com", email_verified=True, groups=[])
    assert workbench.logins.person(verified, now=NOW).role == Role.ADMIN
    with pytest.raises(PermissionDeniedError):
        workbench.logins.person({**verified, "email_verified": False}, now=NOW)
    with pytest.raises(InputError):
        workbench.logins.make_admin("ada")
    editor = workbench.acting_as(Person(id="e", name="E", role=Role.EDITOR))
    with pytest.raises(PermissionDeniedError):
        editor.logins.make_admin("ed@example.com")
