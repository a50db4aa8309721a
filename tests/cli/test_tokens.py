from __future__ import annotations

from cli.commands import CommandLine


def test_a_token_is_made_listed_and_revoked(command_line: CommandLine) -> None:
    made = command_line.run(
        "tokens", "create", "ci", "--scope", "read", "--model", "offline:*", "--days", "7",
        "--usd-per-day", "2.5",
    )  # fmt: skip
    secret = made.out.strip()
    assert made.code == 0
    assert secret.startswith("sk-prompt-")
    assert "not shown again" in made.err

    (listed,) = command_line.run("tokens", "list", "--json").json()
    assert (listed["name"], listed["scopes"], listed["models"]) == ("ci", ["read"], ["offline:*"])
    assert listed["limits"]["usd_per_day"] == 2.5
    assert listed["expires_at"] is not None
    assert listed["id"] in secret
    assert secret.rpartition("-")[2] not in str(listed)

    assert command_line.run("tokens", "revoke", listed["id"]).code == 0
    assert "revoked" in command_line.run("tokens", "list").out
    assert command_line.run("tokens", "revoke", "nothing").code == 2
    assert command_line.run("tokens", "create", "x", "--scope", "all").code == 2


def test_the_gateway_does_not_start_open_to_a_network(command_line: CommandLine) -> None:
    refused = command_line.run("gateway", "--host", "0.0.0.0")
    assert refused.code == 2
    assert "tokens create" in refused.err


def test_a_token_is_edited_and_rotated(command_line: CommandLine) -> None:
    made = command_line.run(
        "tokens", "create", "ci", "--usd-per-day", "5", "--usd-per-month", "50", "--days", "9",
        "--json",
    ).json()  # fmt: skip
    token = made["token"]["id"]
    changed = command_line.run(
        "tokens", "edit", token, "--usd-per-day", "0", "--requests-per-minute", "7",
        "--model", "openai:*", "--days", "0", "--json",
    ).json()  # fmt: skip
    assert changed["limits"] == {**made["token"]["limits"], "usd_per_day": None,
                                 "requests_per_minute": 7}  # fmt: skip
    assert (changed["models"], changed["expires_at"]) == (["openai:*"], None)
    assert changed["name"] == "ci", "what is not given stays"
    secret = command_line.run("tokens", "rotate", token, "--json").json()["secret"]
    assert secret.startswith(f"sk-prompt-{token}-")
    assert secret != made["secret"]


def test_an_alert_is_set_listed_and_removed(command_line: CommandLine) -> None:
    made = command_line.run("alerts", "add", "2.5", "--per", "month", "--of", "token").out.strip()
    told = command_line.run("alerts", "list", "--json").json()
    (alert,) = told["alerts"]
    assert (alert["id"], alert["usd"], alert["period"], alert["scope"]) == (
        made, 2.5, "month", "token",
    )  # fmt: skip
    assert told["raised"] == []
    assert "$2.5 a month" in command_line.run("alerts", "list").out
    assert command_line.run("alerts", "remove", made).code == 0
    assert command_line.run("alerts", "list", "--json").json()["alerts"] == []
    assert command_line.run("alerts", "remove", made).code == 2
    assert command_line.run("alerts", "add", "0").code == 2
